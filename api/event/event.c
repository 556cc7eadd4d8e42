/* api/event/event.c — making, naming and asking events; see event2/event.h for the contract.
 *
 * Here:     assign, new, free, getters, pending, priority.
 * Not here: add, delete, activate (add.c), running (execute.c), finalising (finalize.c).
 */
#include <event2/event.h>

#include <errno.h>
#include <string.h>

#include "api/event/debug.h"
#include "api/event/event_internal.h"
#include "api/event/globals.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"

#define IO_EVENTS (EV_READ | EV_WRITE | EV_CLOSED)

int
event_assign(struct event *public_ev, struct event_base *base, evutil_socket_t fd, short events,
    event_callback_fn callback, void *arg)
{
	struct event_core *ev = evrt__event(public_ev);

	if (!base)
		base = evrt__global_base;
	if (arg == &evrt__event_self_arg)
		arg = ev;
	evrt__debug_assign_check(ev, fd, events);
	if ((events & EV_SIGNAL) && (events & IO_EVENTS)) {
		evrt__warnx("event_assign: EV_SIGNAL cannot be combined with EV_READ, EV_WRITE or EV_CLOSED");
		return -1;
	}
	memset(ev, 0, sizeof(*ev));
	ev->task.flags = EVLIST_INIT;
	ev->task.fn = (evrt_task_fn)(void (*)(void))callback;
	ev->task.arg = arg;
	ev->task.closure = events & EV_SIGNAL ? EV_CLOSURE_EVENT_SIGNAL
	    : events & EV_PERSIST ? EV_CLOSURE_EVENT_PERSIST : EV_CLOSURE_EVENT;
	ev->fd = fd;
	ev->events = events;
	ev->base = base;
	if (base) {
		ev->task.pri = (uint8_t)(evrt_load_relaxed(&base->priorities) / 2);
		evrt__event_join(ev, evrt__base_strand_current(base));
	}
	evrt__debug_too_late();
	evrt__debug_note(ev, EVRT_DEBUG_ASSIGNED, 0, NULL);
	return 0;
}

int
event_base_set(struct event_base *base, struct event *public_ev)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_setup(ev, "event_base_set");
	/* Only an event that was assigned, and nothing since, may change its base. */
	if ((ev->task.flags & ~(EVRT_EV_HOLDS | EVRT_EV_NEW | EVRT_EV_LINGERS | EVRT_EV_COMES_BACK)) != EVLIST_INIT)
		return -1;
	evrt__event_release_strand(ev);
	ev->base = base;
	ev->task.pri = (uint8_t)(evrt_load_relaxed(&base->priorities) / 2);
	evrt__event_join(ev, evrt__base_strand_current(base));
	evrt__debug_note(ev, EVRT_DEBUG_MOVED, 0, NULL);
	return 0;
}

void
evrt__event_release_strand(struct event_core *ev)
{
	if (!(ev->task.flags & EVRT_EV_HOLDS))
		return;
	ev->task.flags &= (int16_t)~EVRT_EV_HOLDS;
	struct evrt_pool_strand *ps = evrt__pool_strand_find(ev->base->pool, evrt_load_relaxed(&ev->strand));
	EVRT_ASSERT(ps); /* we hold it */
	evrt__strand_unref(&ps->strand); /* find's */
	evrt__strand_unref(&ps->strand); /* the event's */
}

struct event *
event_new(struct event_base *base, evutil_socket_t fd, short events, event_callback_fn callback, void *arg)
{
	struct event_core *ev = evrt__malloc(sizeof(*ev));

	if (!ev)
		return NULL;
	if (event_assign(evrt__event_public(ev), base, fd, events, callback, arg) < 0) {
		evrt__free(ev);
		return NULL;
	}
	ev->task.flags |= EVRT_EV_NEW;
	if (ev->base)
		evrt__event_join(ev, evrt__base_strand_current(ev->base));
	return evrt__event_public(ev);
}

void
event_free(struct event *public_ev)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_usable(ev, "event_free");
	event_del(public_ev);
	evrt__debug_note(ev, EVRT_DEBUG_FREED, 0, NULL);
	evrt__event_release_strand(ev);
	evrt__free(ev);
}

void
event_debug_unassign(struct event *public_ev)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_idle(ev, "event_debug_unassign");
	evrt__debug_note(ev, EVRT_DEBUG_UNASSIGNED, 0, NULL);
	ev->task.flags &= (int16_t)~EVLIST_INIT;
}

int
event_priority_set(struct event *public_ev, int priority)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_setup(ev, __func__);
	if (!ev->base || (ev->task.flags & EVLIST_ACTIVE))
		return -1;
	if (priority < 0 || priority >= evrt_load_relaxed(&ev->base->priorities))
		return -1;
	ev->task.pri = (uint8_t)priority;
	return 0;
}

struct timeval
evrt__event_wall_deadline(const struct event_core *ev, const struct evrt_strand *s)
{
	struct timeval wall;

	evutil_gettimeofday(&wall, NULL);
	evrt_ns at = evrt__ns_add(evrt__ns_from_timeval(&wall), ev->deadline_ns - evrt__reactor_now(s->home));
	return (struct timeval){ (time_t)(at / EVRT_NS_PER_SEC),
		(suseconds_t)(at % EVRT_NS_PER_SEC / EVRT_NS_PER_US) };
}

int
event_pending(const struct event *public_ev, short what, struct timeval *tv)
{
	const struct event_core *ev = evrt__event_const(public_ev);
	int flags = 0;

	evrt__debug_assert_usable(ev, "event_pending");
	if (!ev->base) {
		evrt__warnx("event_pending: event has no event_base set.");
		return 0;
	}
	struct evrt_strand *s = evrt__event_lock(ev);
	if (!s)
		return 0;
	if (ev->task.flags & EVLIST_INSERTED)
		flags |= ev->events & (IO_EVENTS | EV_SIGNAL);
	if (ev->task.flags & EVLIST_ACTIVE)
		flags |= ev->result;
	if (ev->task.flags & EVLIST_TIMEOUT)
		flags |= EV_TIMEOUT;
	what &= EV_TIMEOUT | IO_EVENTS | EV_SIGNAL;
	if (tv && (flags & what & EV_TIMEOUT))
		*tv = evrt__event_wall_deadline(ev, s);
	evrt__event_unlock(s);
	return flags & what;
}

int
event_initialized(const struct event *ev)
{
	return (evrt__event_const(ev)->task.flags & EVLIST_INIT) != 0;
}

void
event_get_assignment(const struct event *public_ev, struct event_base **base_out, evutil_socket_t *fd_out,
    short *events_out, event_callback_fn *callback_out, void **arg_out)
{
	const struct event_core *ev = evrt__event_const(public_ev);

	evrt__debug_assert_setup(ev, __func__);
	if (base_out)
		*base_out = ev->base;
	if (fd_out)
		*fd_out = ev->fd;
	if (events_out)
		*events_out = ev->events;
	if (callback_out)
		*callback_out = event_get_callback(public_ev);
	if (arg_out)
		*arg_out = ev->task.arg;
}

size_t
event_get_struct_event_size(void)
{
	return sizeof(struct event);
}

evutil_socket_t
event_get_fd(const struct event *ev)
{
	evrt__debug_assert_setup(evrt__event_const(ev), __func__);
	return evrt__event_const(ev)->fd;
}

struct event_base *
event_get_base(const struct event *ev)
{
	evrt__debug_assert_setup(evrt__event_const(ev), __func__);
	return evrt__event_const(ev)->base;
}

short
event_get_events(const struct event *ev)
{
	evrt__debug_assert_setup(evrt__event_const(ev), __func__);
	return evrt__event_const(ev)->events;
}

event_callback_fn
event_get_callback(const struct event *ev)
{
	evrt__debug_assert_setup(evrt__event_const(ev), __func__);
	return (event_callback_fn)(void (*)(void))evrt__event_const(ev)->task.fn;
}

void *
event_get_callback_arg(const struct event *ev)
{
	evrt__debug_assert_setup(evrt__event_const(ev), __func__);
	return evrt__event_const(ev)->task.arg;
}

int
event_get_priority(const struct event *ev)
{
	evrt__debug_assert_setup(evrt__event_const(ev), __func__);
	return evrt__event_const(ev)->task.pri;
}

void *
event_self_cbarg(void)
{
	return &evrt__event_self_arg;
}
