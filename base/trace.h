/* base/trace.h — the steps that a byte and a task take through the house, told as they happen.
 *
 * Here:     the table of points, and EVRT_TRACE, which tells of one. It is nothing at all but where the build defines
 *           EVRT_TRACE_BUILD=1 (--config=trace).
 * Not here: what listens (a test sets evrt__trace_to), the walks through the points (docs/LIFE.md).
 * Threads:  any, with any lock held: who listens must not call the library.
 *
 * Each point is named with what it is about: a strand, or, where its name begins with worker_, a worker or its group.
 * A point stands before what another thread could go on from, and after what it goes on from itself. So where one step
 * follows from the other, their order is seen right, also across threads.
 */
#ifndef EVRT_BASE_TRACE_H_
#define EVRT_BASE_TRACE_H_

#include <stdbool.h>

#ifndef EVRT_TRACE_BUILD
#define EVRT_TRACE_BUILD 0
#endif

#define EVRT_TRACE_POINTS(X) \
	/* What comes in. */ \
	X(reported) X(post_called) X(timer_armed) X(timer_expired) \
	/* Who runs. */ \
	X(strand_to_ring) X(strand_to_inbox) X(strand_from_ring) X(strand_stolen) X(strand_let_go) \
	X(worker_called) X(worker_sleeps) X(worker_wakes) \
	/* In the strand. */ \
	X(slot_arrives) X(task_queued) X(task_begins) X(task_ends) X(rearmed) \
	/* In a bufferevent. */ \
	X(bytes_read) X(bytes_written) X(program_called) X(program_returned)

#define EVRT_TRACE_ENUM(point) EVRT_TRACE_AT_##point,
enum evrt_trace_point {
	EVRT_TRACE_POINTS(EVRT_TRACE_ENUM)
	EVRT_TRACE_COUNT
};

/* `about` lives as long as this takes; afterwards its address may be another one's. */
#define EVRT_TRACE(point, about) \
	((void)(EVRT_TRACE_BUILD && (evrt__trace(EVRT_TRACE_AT_##point, (about)), true)))

typedef void (*evrt_trace_fn)(enum evrt_trace_point, const void *about);

/* Defined in trace builds. `fn` is told from now on, by the thread that is at the point; NULL: nobody. */
void evrt__trace_to(evrt_trace_fn fn);
/* Behind the macro. */
void evrt__trace(enum evrt_trace_point, const void *about);

#endif
