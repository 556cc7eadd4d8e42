/* api/event/debug.c — event debug mode; see debug.h.
 *
 * Here:     switching it on, noting steps, and what is certainly wrong with an event's use.
 * Not here: fds (debug_fd.c), threads (debug_thread.c), slow callbacks (debug_slow.c).
 */
#include "api/event/debug.h"

#include <event2/event.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "api/event/debug_default.h"
#include "api/event/debug_fd.h"
#include "api/event/debug_report.h"
#include "api/event/debug_thread.h"
#include "api/event/event_internal.h"
#include "api/event/once.h"
#include "base/log.h"
#include "base/sys.h"
#include "runtime/loop/reactor.h"

#define DEBUG_AT_START (EVRT_EVENT_DEBUG_DEFAULT ? EVRT_DEBUG_EVENTS : 0u)

evrt_atomic(unsigned) evrt__debug_watch = DEBUG_AT_START;
static evrt_atomic(bool) debug_late;

void
event_enable_debug_mode(void)
{
	if (evrt__debug_on(EVRT_DEBUG_EVENTS) && !EVRT_EVENT_DEBUG_DEFAULT)
		evrt__errx(1, "event_enable_debug_mode was called twice!");
	if (evrt_load_relaxed(&debug_late) && !EVRT_EVENT_DEBUG_DEFAULT)
		evrt__errx(1, "event_enable_debug_mode must be called *before* creating any events or event_bases");
	evrt_or_relaxed(&evrt__debug_watch, EVRT_DEBUG_EVENTS);
}

void
evrt__debug_too_late(void)
{
	/* A look before the store: every thread comes by here, and the line should stay shared. */
	if (evrt_load_relaxed(&debug_late))
		return;
	evrt_store_relaxed(&debug_late, true);
	evrt__debug_slow_from_environment();
	if (evrt__debug_on(EVRT_DEBUG_EVENTS))
		evrt_store_relaxed(&evrt__reactor_before_wait, evrt__debug_fd_look_around);
}

void
evrt__debug_shutdown(void)
{
	evrt_store_relaxed(&evrt__reactor_before_wait, NULL);
	evrt__debug_map_lock();
	evrt__debug_map_clear();
	evrt__debug_map_unlock();
	evrt__debug_slow_shutdown();
	evrt_store_relaxed(&debug_late, false);
	evrt_store_relaxed(&evrt__debug_watch, DEBUG_AT_START);
}

/* Map locked: the entry becomes what the event is now. */
static void
entry_copy_event(struct evrt_debug_entry *e, const struct event_core *ev)
{
	bool waits = (ev->task.flags & EVLIST_INSERTED) && !(ev->events & EV_SIGNAL) && ev->fd >= 0;

	if (!waits || e->fd != ev->fd)
		evrt__debug_fd_unwait(e);
	e->base = ev->base;
	/* The callback that the user knows. */
	e->fn = evrt__event_is_once(ev) ? evrt__event_once_callback(ev)
	    : (event_callback_fn)(void (*)(void))ev->task.fn;
	e->fd = ev->fd;
	e->events = ev->events;
	e->soft = (ev->task.flags & EVRT_EV_SOFT) != 0;
	e->busy = evrt__event_is_added(ev) || (ev->task.flags & EVLIST_ACTIVE);
	if (waits && !e->waits)
		evrt__debug_fd_wait(e);
}

static void
entry_add_step(struct evrt_debug_entry *e, enum evrt_debug_step step, short what, const struct timeval *tv)
{
	e->steps[e->steps_count++ % EVRT_DEBUG_STEPS_MAX] = (struct evrt_debug_step_taken){
		.at = evrt__clock_now(evrt__clock_real()),
		.timeout_ns = tv ? evrt__duration_of(tv) : -1,
		.thread = evrt__sys.gettid(),
		.what = what,
		.step = step,
	};
}

/* Notes a step. False where the event may not take it: `out` tells of it. */
static bool
map_note(const struct event_core *ev, enum evrt_debug_step step, short what, const struct timeval *tv,
    struct evrt_debug_entry *out)
{
	bool ends = step >= EVRT_DEBUG_FREED;
	bool fine = true;

	evrt__debug_map_lock();
	struct evrt_debug_entry *e =
	    step == EVRT_DEBUG_ASSIGNED ? evrt__debug_map_renew(ev) : evrt__debug_map_find(ev);
	if (e && !e->gone) {
		if (!ends && step != EVRT_DEBUG_FINALIZING) /* whose callback is another one already */
			entry_copy_event(e, ev);
		if (step == EVRT_DEBUG_MOVED)
			e->base_gone = false; /* another base, maybe at the same address */
		entry_add_step(e, step, what, tv);
		if (ends)
			evrt__debug_map_retire(e);
	} else if (!ends && (e || !evrt__debug_map_has_lost())) {
		fine = false;
		*out = e ? *e : (struct evrt_debug_entry){ .ev = ev };
	}
	evrt__debug_map_unlock();
	return fine;
}

/* The event of a wrong use was never set up, or is gone. */
static _Noreturn void
fail_not_set_up(const struct evrt_debug_entry *e, const char *call)
{
	char problem[128];

	if (!e->gone) {
		snprintf(problem, sizeof(problem), "%s of an event that was never set up", call);
		evrt__debug_fail(e, problem, "call event_assign or event_new before anything else");
	}
	bool freed = e->steps[(e->steps_count - 1) % EVRT_DEBUG_STEPS_MAX].step != EVRT_DEBUG_UNASSIGNED;
	snprintf(problem, sizeof(problem), "%s of an event that was %s", call, freed ? "freed" : "torn down");
	evrt__debug_fail(e, problem, freed ? "drop every pointer to an event when it is freed, and make another one"
	    : "call event_assign again before anything else");
}

void
evrt__debug_note_on(const struct event_core *ev, enum evrt_debug_step step, short what, const struct timeval *tv)
{
	struct evrt_debug_entry wrong;

	if (step >= EVRT_DEBUG_ADDED && step <= EVRT_DEBUG_DELETED && !(ev->events & EV_SIGNAL) && ev->fd >= 0)
		evrt__debug_fd_check(ev->fd);
	if (!map_note(ev, step, what, tv, &wrong))
		fail_not_set_up(&wrong, "use");
}

void
evrt__debug_check_on(const struct event_core *ev, const char *call, bool may_lack_base)
{
	struct evrt_debug_entry copy;
	char problem[128];

	evrt__debug_map_lock();
	struct evrt_debug_entry *e = evrt__debug_map_find(ev);
	bool lost = !e && evrt__debug_map_has_lost();
	copy = e ? *e : (struct evrt_debug_entry){ .ev = ev };
	evrt__debug_map_unlock();
	if (lost)
		return;
	if (!e && may_lack_base && !ev->base)
		return;
	if (!e || copy.gone)
		fail_not_set_up(&copy, call);
	if (copy.base_gone && may_lack_base) {
		snprintf(problem, sizeof(problem), "%s of an event whose base was freed", call);
		evrt__debug_fail(&copy, problem, "delete or free the events of a base before event_base_free");
	}
	if (may_lack_base)
		evrt__debug_thread_check(&copy, call);
}

void
evrt__debug_check_idle_on(const struct event_core *ev, const char *call)
{
	struct evrt_debug_entry copy = { .busy = false };
	char problem[128];

	evrt__debug_map_lock();
	struct evrt_debug_entry *e = evrt__debug_map_find(ev);
	if (e)
		copy = *e;
	evrt__debug_map_unlock();
	if (!copy.busy || copy.base_gone)
		return;
	snprintf(problem, sizeof(problem), "%s of an event that is still added or active", call);
	evrt__debug_fail(&copy, problem, "call event_del first");
}

void
evrt__debug_assign_check_on(const struct event_core *ev, evutil_socket_t fd, short events)
{
	evrt__debug_check_idle_on(ev, "event_assign");
	if (fd < 0 || (events & EV_SIGNAL))
		return;
	int flags = evrt__sys.fcntl(fd, F_GETFL, 0);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		evrt__errx(EVRT_ERR_ABORT, "event debug: event_assign of event %p: fd %d blocks; call "
		    "evutil_make_socket_nonblocking first", (const void *)ev, (int)fd);
}

void
evrt__debug_base_freed_on(const struct event_base *base)
{
	evrt__debug_map_lock();
	evrt__debug_map_base_freed(base);
	evrt__debug_map_unlock();
}
