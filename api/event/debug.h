/* api/event/debug.h — event debug mode: is every event used as its state allows?
 *
 * Here:     the hooks of the event room. Each costs a load and a branch while nobody watches; the work is
 *           done out of line.
 * Not here: the map of events (debug_map.h), the words of reports (debug_report.h), fds (debug_fd.h), slow
 *           callbacks (debug_slow.c), lock debugging (threading/lock_debug.c).
 * Threads:  any; the map has a lock of its own.
 *
 * What is certain to break memory ends in the fatal callback. What a program may live with, as it does with
 * libevent, is a warning. Each report names the event and its last steps.
 */
#ifndef EVRT_API_EVENT_DEBUG_H_
#define EVRT_API_EVENT_DEBUG_H_

#include <stdbool.h>
#include <event2/event.h>
#include "base/assert.h"
#include "base/atomic.h"

struct event_core;

/* Who watches: bits of evrt__debug_watch. */
#define EVRT_DEBUG_EVENTS 1u /* debug mode */
#define EVRT_DEBUG_SLOW 2u   /* callbacks are measured */
/* Relaxed: set before other threads exist, or by one that does not care when the others see it. */
extern evrt_atomic(unsigned) evrt__debug_watch;

/* What happens to an event. From EVRT_DEBUG_FREED on it is gone: to be set up before any other use. */
enum evrt_debug_step {
	EVRT_DEBUG_ASSIGNED,
	EVRT_DEBUG_MOVED,
	EVRT_DEBUG_ADDED,
	EVRT_DEBUG_ACTIVATED,
	EVRT_DEBUG_CALLED,
	EVRT_DEBUG_TIMER_REMOVED,
	EVRT_DEBUG_DELETED,
	EVRT_DEBUG_FINALIZING,
	EVRT_DEBUG_FREED,
	EVRT_DEBUG_FREED_FINALIZED,
	EVRT_DEBUG_UNASSIGNED,
	EVRT_DEBUG_RELEASED, /* one of our own */
};

static inline bool
evrt__debug_on(unsigned who)
{
	return EVRT_UNLIKELY((evrt_load_relaxed(&evrt__debug_watch) & who) != 0);
}

/* An event or base is made: debug mode can no longer be switched on. */
void evrt__debug_too_late(void);
void evrt__debug_shutdown(void);

void evrt__debug_assign_check_on(const struct event_core *, evutil_socket_t fd, short events);
void evrt__debug_note_on(const struct event_core *, enum evrt_debug_step, short what, const struct timeval *);
void evrt__debug_check_on(const struct event_core *, const char *call, bool may_lack_base);
void evrt__debug_check_idle_on(const struct event_core *, const char *call);
int evrt__debug_may_add_on(const struct event_core *);
bool evrt__debug_loop_begins_on(struct event_base *);
void evrt__debug_loop_ends_on(struct event_base *);
void evrt__debug_base_freed_on(const struct event_base *);

/* Before an event is set up: it must be neither added nor active; its fd, if any, should not block. */
static inline void
evrt__debug_assign_check(const struct event_core *ev, evutil_socket_t fd, short events)
{
	if (evrt__debug_on(EVRT_DEBUG_EVENTS))
		evrt__debug_assign_check_on(ev, fd, events);
}

/* After a step, with the strand's lock where there is one. `what`: EV_*, of ACTIVATED and CALLED. `tv`: of
 * ADDED, or NULL. */
static inline void
evrt__debug_note(const struct event_core *ev, enum evrt_debug_step step, short what, const struct timeval *tv)
{
	if (evrt__debug_on(EVRT_DEBUG_EVENTS))
		evrt__debug_note_on(ev, step, what, tv);
}

/* `call` is about to look at the event. */
static inline void
evrt__debug_assert_setup(const struct event_core *ev, const char *call)
{
	if (evrt__debug_on(EVRT_DEBUG_EVENTS))
		evrt__debug_check_on(ev, call, false);
}

/* `call` is about to use the event, from this thread. One that was never set up and has no base is left to the
 * caller, which refuses it. */
static inline void
evrt__debug_assert_usable(const struct event_core *ev, const char *call)
{
	if (evrt__debug_on(EVRT_DEBUG_EVENTS))
		evrt__debug_check_on(ev, call, true);
}

static inline void
evrt__debug_assert_idle(const struct event_core *ev, const char *call)
{
	if (evrt__debug_on(EVRT_DEBUG_EVENTS))
		evrt__debug_check_idle_on(ev, call);
}

/* Strand locked. 0, or -EINVAL after a warning. */
static inline int
evrt__debug_may_add(const struct event_core *ev)
{
	return evrt__debug_on(EVRT_DEBUG_EVENTS) ? evrt__debug_may_add_on(ev) : 0;
}

/* Around the loop of a base: which thread runs it? `begins` tells whether to say `ends`. */
static inline bool
evrt__debug_loop_begins(struct event_base *base)
{
	return evrt__debug_on(EVRT_DEBUG_EVENTS) && evrt__debug_loop_begins_on(base);
}

static inline void
evrt__debug_loop_ends(struct event_base *base, bool begun)
{
	if (begun)
		evrt__debug_loop_ends_on(base);
}

static inline void
evrt__debug_base_freed(const struct event_base *base)
{
	if (evrt__debug_on(EVRT_DEBUG_EVENTS))
		evrt__debug_base_freed_on(base);
}

/* Calls fn(fd, what, arg) for `ev`, which may be gone afterwards; lock held on entry and on return, released
 * around the call. Where somebody watches: evrt__debug_on(EVRT_DEBUG_EVENTS | EVRT_DEBUG_SLOW). */
void evrt__debug_call(void *lock, const struct event_core *ev, event_callback_fn fn, evutil_socket_t fd,
    short what, void *arg);
/* EVRT_SLOW_CALLBACK_MS, unless the program has spoken; and the end. */
void evrt__debug_slow_from_environment(void);
void evrt__debug_slow_shutdown(void);

#endif
