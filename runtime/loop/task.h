/* runtime/loop/task.h — the unit that a strand runs: one callback, queued at most once.
 *
 * Here:     the 40 bytes that libevent calls struct event_callback, in native words. The api's
 *           struct event begins with them (api/event checks the layout), so that activating an event
 *           allocates nothing and an event's memory holds all of its own state.
 * Not here: what a task means; a strand's owner interprets `closure` (struct evrt_strand_ops.execute).
 * Threads:  every field is guarded by the lock of the strand that the task is active in.
 */
#ifndef EVRT_RUNTIME_LOOP_TASK_H_
#define EVRT_RUNTIME_LOOP_TASK_H_

#include <stdint.h>
#include "base/list.h"

enum evrt_task_flag { /* libevent's EVLIST_* numbers, where the engine looks at them */
	EVRT_TASK_ACTIVE = 0x08,   /* linked in a strand's active queue */
	EVRT_TASK_INTERNAL = 0x10, /* does not count as the user's: the loop may end while it is active */
};

/* The one closure that the engine runs by itself: fn(task, arg). */
#define EVRT_CLOSURE_SELF 3

struct evrt_task;
typedef void (*evrt_task_fn)(struct evrt_task *, void *arg);

struct evrt_task {
	struct evrt_link link;
	int16_t flags;
	uint8_t pri;     /* 0 is the most urgent */
	uint8_t closure;
	evrt_task_fn fn; /* for EVRT_CLOSURE_SELF; another type of function for the owner's closures */
	void *arg;
};

static inline void
evrt__task_init(struct evrt_task *t, evrt_task_fn fn, void *arg, uint8_t pri)
{
	t->link.next = t->link.prev = NULL;
	t->flags = 0;
	t->pri = pri;
	t->closure = EVRT_CLOSURE_SELF;
	t->fn = fn;
	t->arg = arg;
}

#endif
