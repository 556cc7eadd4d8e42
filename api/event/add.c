/* api/event/add.c — adding, deleting and activating events.
 *
 * Here:     the transitions of an event between initialised, pending and active.
 * Not here: running it (execute.c), finding its strand (lookup.c).
 * Threads:  the public functions: any. `_nolock`: with the lock of the event's strand.
 *
 *                 event_add                report, timeout, event_active
 *   initialised ------------> pending  -------------------------------------> active (and pending, if persistent
 *        ^                     |  ^                                             |     or activated by hand)
 *        |                     |  '---- EV_PERSIST: after its callback ---------|
 *        '---- event_del ------'------- event_del, or not EV_PERSIST -----------'
 */
#include <event2/event.h>

#include <errno.h>

#include "api/event/debug.h"
#include "api/event/event_internal.h"
#include "api/event/stream.h"
#include "api/util/timeval.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/shake.h"
#include "threading/lock.h"

#define IO_EVENTS (EV_READ | EV_WRITE | EV_CLOSED)

/* The poller's words for what an event asks. */
static unsigned
interest_of(short events)
{
	return (events & EV_READ ? EVRT_READ : 0u) | (events & EV_WRITE ? EVRT_WRITE : 0u) |
	    (events & EV_CLOSED ? EVRT_CLOSED : 0u) | (events & EV_ET ? EVRT_EDGE : 0u);
}

static void event_uninsert(struct evrt_strand *, struct event_core *);

/* Its deadline has passed, and it is out of the queue of timers. What to tell its callback. */
static int
event_timed_out(struct evrt_strand *s, struct event_core *ev)
{
	/* A timeout ends the wait for the fd or signal, too. Where its callback is to begin it anew (an
	 * interval), it goes on: that spares two calls of the kernel. */
	bool goes_on = (ev->events & EV_PERSIST) && ev->interval_ns && !(ev->events & EV_SIGNAL);

	ev->task.flags &= (int16_t)~EVLIST_TIMEOUT;
	evrt__strand_count(s, -1);
	if ((ev->task.flags & EVLIST_INSERTED) && !goes_on)
		event_uninsert(s, ev);
	return EV_TIMEOUT;
}

void
evrt__event_timer_due(struct evrt_loop *l, struct evrt_timer *t, evrt_ns armed_for)
{
	struct event_core *ev = evrt__event_of_timer(t);

	if (evrt__loop_put_back(l, t, armed_for, ev->deadline_ns))
		return;
	evrt__event_active_nolock(&l->strand, ev, event_timed_out(&l->strand, ev), 1);
}

/* A report for the event's slot; strand locked. */
static void
event_slot_ready(struct evrt_slot *slot, unsigned bits)
{
	struct event_core *ev = slot->owner;
	struct evrt_strand *s = slot->strand;
	int result = (bits & EVRT_READ ? EV_READ : 0) | (bits & EVRT_WRITE ? EV_WRITE : 0) |
	    (bits & EVRT_CLOSED ? EV_CLOSED : 0);

	if (result)
		result |= ev->events & EV_ET; /* as libevent tells it */
	if (bits & EVRT_SLOT_TIMER)
		result |= event_timed_out(s, ev);
	if (bits & EVRT_SLOT_SIGNAL) {
		/* relaxed: the report that we are here for published what was counted (slot.bits). */
		unsigned count = evrt_swap_relaxed(&slot->signals, 0u);
		evrt__event_active_nolock(s, ev, EV_SIGNAL, (short)(count < INT16_MAX ? count : INT16_MAX));
	}
	if (result)
		evrt__event_active_nolock(s, ev, result, 1);
}

struct event_core *
evrt__slot_event(struct evrt_slot *slot)
{
	return slot->ready == event_slot_ready ? slot->owner : NULL;
}

static int
event_need_slot(struct evrt_strand *s, struct event_core *ev)
{
	if (!ev->slot)
		ev->slot = evrt__slot_new(s, event_slot_ready, ev);
	return ev->slot ? 0 : -ENOMEM;
}

void
evrt__event_drop_slot_nolock(struct event_core *ev)
{
	if (!ev->slot || evrt__event_is_added(ev))
		return;
	struct evrt_slot *slot = ev->slot;
	ev->slot = NULL;
	evrt__slot_disown(slot);
}

/* Is it added again in its own callback, and nothing was done to it since (event_assign, event_del)? Then its
 * slot is there. */
static void
event_take_back_slot(struct evrt_strand *s, struct event_core *ev)
{
	struct evrt_slot *slot = s->lingering;

	ev->task.flags &= (int16_t)~EVRT_EV_LINGERS;
	if (slot && slot->owner == ev && !ev->slot) {
		s->lingering = NULL;
		ev->slot = slot;
	}
}

/* Starts waiting for the fd or the signal. 0 or -errno. */
static int
event_insert(struct evrt_strand *s, struct event_core *ev)
{
	int err = 0;

	if (ev->events & EV_SIGNAL) {
		err = event_need_slot(s, ev);
		if (err == 0)
			err = evrt__signal_watch(&ev->base->signals, ev->slot, ev->fd);
	} else if (ev->slot && ev->slot->lingers) {
		err = evrt__slot_come_back(ev->slot);
	} else if (ev->fd >= 0 && !(ev->task.flags & EVRT_EV_SOFT)) {
		err = event_need_slot(s, ev);
		if (err == 0)
			err = evrt__slot_watch(ev->slot, ev->fd, interest_of(ev->events));
	}
	if (err < 0)
		return err;
	ev->task.flags |= EVLIST_INSERTED;
	if (!(ev->task.flags & EVLIST_INTERNAL))
		evrt__strand_count(s, 1);
	return 0;
}

static void
event_not_inserted(struct evrt_strand *s, struct event_core *ev)
{
	ev->task.flags &= (int16_t)~EVLIST_INSERTED;
	if (!(ev->task.flags & EVLIST_INTERNAL))
		evrt__strand_count(s, -1);
}

static void
event_uninsert(struct evrt_strand *s, struct event_core *ev)
{
	if (ev->events & EV_SIGNAL)
		evrt__signal_unwatch(&ev->base->signals, ev->slot);
	else if (ev->slot)
		evrt__slot_unwatch(ev->slot);
	event_not_inserted(s, ev);
}

static inline void
event_clear_timer(struct evrt_strand *s, struct event_core *ev)
{
	if (!(ev->task.flags & EVLIST_TIMEOUT))
		return;
	ev->task.flags &= (int16_t)~EVLIST_TIMEOUT;
	if (ev->base->kind == EVRT_BASE_PLAIN)
		evrt__timers_remove(&ev->base->loop.reactor.timers, &ev->timer);
	else
		evrt__slot_set_deadline(ev->slot, 0);
	evrt__strand_count(s, -1);
}

/* So that arming it does not fail. */
static int
event_reserve_timer(struct evrt_strand *s, struct event_core *ev)
{
	if (ev->base->kind == EVRT_BASE_PLAIN)
		return evrt__timers_reserve(&ev->base->loop.reactor.timers);
	return event_need_slot(s, ev);
}

int
evrt__event_set_timer_nolock(struct evrt_strand *s, struct event_core *ev, evrt_ns deadline)
{
	int err;

	/* 0 means "none" in a slot, and a clock starts above; NEVER is "not in the queue". */
	deadline = deadline <= 0 ? 1 : deadline < EVRT_NS_NEVER ? deadline : EVRT_NS_NEVER - 1;
	if (ev->base->kind == EVRT_BASE_PLAIN) {
		err = evrt__loop_arm(&ev->base->loop, &ev->timer, &ev->deadline_ns, deadline);
		if (err < 0)
			return err;
	} else {
		err = event_need_slot(s, ev);
		if (err < 0)
			return err;
		ev->deadline_ns = deadline;
		evrt__slot_set_deadline(ev->slot, deadline);
	}
	ev->timeout.tv_sec = (time_t)(deadline / EVRT_NS_PER_SEC);
	ev->timeout.tv_usec = (suseconds_t)(deadline % EVRT_NS_PER_SEC / EVRT_NS_PER_US);
	if (!(ev->task.flags & EVLIST_TIMEOUT)) {
		ev->task.flags |= EVLIST_TIMEOUT;
		evrt__strand_count(s, 1);
	}
	return 0;
}

/* Calls of a signal's callback that are still to come are called off. */
static void
event_stop_calls(struct evrt_strand *s, struct event_core *ev)
{
	if (s->running == &ev->task)
		s->calls_left = 0;
}

/* Expired, but not run yet? */
static bool
event_has_timed_out(const struct event_core *ev)
{
	return (ev->task.flags & EVLIST_ACTIVE) && (ev->result & EV_TIMEOUT);
}

/* A timeout that has expired but not run yet is taken back: it is the new one that counts. What the fd has
 * reported beside it is reported again: where that was an edge, by asking for it. */
static void
event_take_back(struct evrt_strand *s, struct event_core *ev)
{
	event_stop_calls(s, ev);
	evrt__strand_remove(s, &ev->task);
	evrt__event_lower(ev);
	if (!(ev->result & IO_EVENTS) || !(ev->task.flags & EVLIST_INSERTED))
		return;
	if (ev->task.flags & EVRT_EV_SOFT)
		evrt__stream_resume_nolock(ev->stream);
	else if (ev->slot && evrt__slot_wants_rearm(ev->slot))
		evrt__slot_rearm(ev->slot, interest_of(ev->result & IO_EVENTS));
}

static int
event_arm(struct evrt_strand *s, struct event_core *ev, const struct timeval *tv)
{
	evrt_ns duration = evrt__duration_of(tv);

	if (ev->events & EV_PERSIST)
		ev->interval_ns = duration;
	if (event_has_timed_out(ev))
		event_take_back(s, ev);
	return evrt__event_set_timer_nolock(s, ev, evrt__ns_add(evrt__base_now(ev->base, s, duration), duration));
}

int
evrt__event_add_nolock(struct evrt_strand *s, struct event_core *ev, const struct timeval *tv)
{
	bool inserts = (ev->events & (IO_EVENTS | EV_SIGNAL)) &&
	    !(ev->task.flags & (EVLIST_INSERTED | EVLIST_ACTIVE_LATER)) &&
	    (!(ev->task.flags & EVLIST_ACTIVE) || (tv && event_has_timed_out(ev)));
	int err = 0;

	EVRT_DEBUG("event_add: event %p, fd %d, events 0x%x%s", (void *)ev, ev->fd, (unsigned)ev->events,
	    tv ? ", with a timeout" : "");
	if (evrt__debug_may_add(ev) < 0 || (ev->task.flags & EVLIST_FINALIZING))
		return -EINVAL;
	if (inserts && s->running == &ev->task)
		ev->task.flags |= EVRT_EV_COMES_BACK;
	if (inserts && (ev->task.flags & EVRT_EV_LINGERS))
		event_take_back_slot(s, ev);
	/* What can fail for want of memory comes first, so that a failed add changes nothing. */
	if (tv)
		err = event_reserve_timer(s, ev);
	if (err == 0 && inserts)
		err = event_insert(s, ev);
	if (err < 0) {
		evrt__event_drop_slot_nolock(ev);
		return err;
	}
	if (tv)
		err = event_arm(s, ev, tv);
	if (inserts && (ev->task.flags & EVRT_EV_SOFT))
		evrt__stream_resume_nolock(ev->stream);
	evrt__debug_note(ev, EVRT_DEBUG_ADDED, 0, tv);
	return err;
}

int
event_add(struct event *public_ev, const struct timeval *tv)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_usable(ev, "event_add");
	if (!ev->base) {
		evrt__warnx("event_add: event has no event_base set.");
		return -1;
	}
	int err = ev->events & EV_SIGNAL ? evrt__base_open_signals(ev->base) : 0;
	if (err < 0)
		return evrt__public_result(err);
	EVRT_SHAKE(event_add);
	struct evrt_strand *s = evrt__event_lock_or_make(ev);
	if (!s)
		return evrt__public_result(-ENOMEM);
	err = evrt__event_add_nolock(s, ev, tv);
	evrt__event_unlock(s);
	return evrt__public_result(err);
}

/* Out of the queue of active ones, and out of what it waits for besides a time. */
static void
event_remove_rest(struct evrt_strand *s, struct event_core *ev)
{
	ev->task.flags &= (int16_t)~EVRT_EV_LINGERS;
	if (ev->task.flags & EVLIST_ACTIVE) {
		evrt__strand_remove(s, &ev->task);
		evrt__event_lower(ev);
	}
	if (ev->task.flags & EVLIST_INSERTED)
		event_uninsert(s, ev);
}

/* Short for a mere timer: where many are deleted, the processor can only fetch the next ones ahead of time if this
 * one's instructions are few. */
static inline void
event_remove(struct evrt_strand *s, struct event_core *ev)
{
	EVRT_DEBUG("event_del: event %p, fd %d", (void *)ev, ev->fd);
	event_stop_calls(s, ev);
	event_clear_timer(s, ev);
	if (ev->task.flags & (EVRT_EV_LINGERS | EVLIST_ACTIVE | EVLIST_INSERTED))
		event_remove_rest(s, ev);
	if (ev->slot)
		evrt__event_drop_slot_nolock(ev);
	evrt__debug_note(ev, EVRT_DEBUG_DELETED, 0, NULL);
}

void
evrt__event_del_nolock(struct evrt_strand *s, struct event_core *ev, bool finalizing)
{
	if (finalizing || !(ev->task.flags & EVLIST_FINALIZING))
		event_remove(s, ev);
}

void
evrt__event_retire_nolock(struct evrt_strand *s, struct event_core *ev)
{
	struct evrt_slot *slot = ev->slot;

	/* Not of one that may close its fd for good: while another process has a duplicate, the kernel would report it
	 * for ever. */
	if (!(ev->task.flags & EVLIST_INSERTED) || !(ev->task.flags & EVRT_EV_COMES_BACK) || !slot || slot->fd < 0) {
		evrt__event_del_nolock(s, ev, false);
		return;
	}
	event_clear_timer(s, ev);
	evrt__slot_linger(slot);
	s->lingering = slot;
	ev->slot = NULL; /* after its callback the event may be gone, or used otherwise */
	ev->task.flags |= EVRT_EV_LINGERS;
	event_not_inserted(s, ev);
	evrt__debug_note(ev, EVRT_DEBUG_DELETED, 0, NULL);
}

void
evrt__event_retire_end(struct evrt_strand *s)
{
	struct evrt_slot *slot = s->lingering;

	s->lingering = NULL;
	if (slot)
		evrt__slot_disown(slot);
}

enum del_wait { DEL_NO_WAIT, DEL_WAIT, DEL_WAIT_UNLESS_FINALIZE };

static inline int
event_del_with(struct event *public_ev, enum del_wait wait)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_usable(ev, "event_del");
	if (!ev->base) {
		evrt__warnx("event_del: event has no event_base set.");
		return -1;
	}
	EVRT_SHAKE(event_del);
	struct evrt_strand *s = evrt__event_lock(ev);
	if (!s) { /* no strand: not pending, not active, not running */
		evrt__debug_note(ev, EVRT_DEBUG_DELETED, 0, NULL);
		return 0;
	}
	if (!(ev->task.flags & EVLIST_FINALIZING))
		event_remove(s, ev);
	if (wait == DEL_WAIT || (wait == DEL_WAIT_UNLESS_FINALIZE && !(ev->events & EV_FINALIZE)))
		evrt__strand_wait_ended(s, &ev->task);
	evrt__event_unlock(s);
	return 0;
}

int
event_del(struct event *ev)
{
	return event_del_with(ev, DEL_WAIT_UNLESS_FINALIZE);
}

int
event_del_block(struct event *ev)
{
	return event_del_with(ev, DEL_WAIT);
}

int
event_del_noblock(struct event *ev)
{
	return event_del_with(ev, DEL_NO_WAIT);
}

int
event_remove_timer(struct event *public_ev)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_usable(ev, "event_remove_timer");
	if (!ev->base) {
		evrt__warnx("event_remove_timer: event has no event_base set.");
		return -1;
	}
	struct evrt_strand *s = evrt__event_lock(ev);
	if (!s)
		return 0;
	if (ev->task.flags & EVLIST_TIMEOUT) {
		event_clear_timer(s, ev);
		ev->interval_ns = 0;
		evrt__event_drop_slot_nolock(ev);
		evrt__debug_note(ev, EVRT_DEBUG_TIMER_REMOVED, 0, NULL);
	}
	evrt__event_unlock(s);
	return 0;
}

/* A signal event's calls are counted: each activation has to take the lock. */
static void
event_raise(struct evrt_strand *s, struct event_core *ev)
{
	EVRT_SHAKE(event_raise);
	if (s->lock && !(ev->events & EV_SIGNAL))
		(void)evrt_swap_acq_rel(&ev->raised, EVRT_EV_RAISED | (uint16_t)ev->result);
}

void
evrt__event_active_nolock(struct evrt_strand *s, struct event_core *ev, int result, short ncalls)
{
	if (ev->task.flags & EVLIST_FINALIZING)
		return;
	EVRT_DEBUG("event_active: event %p, fd %d, result 0x%x", (void *)ev, ev->fd, (unsigned)result);
	if (ev->task.flags & EVLIST_ACTIVE) {
		ev->result |= (int16_t)result;
		event_raise(s, ev);
		return;
	}
	ev->result = (int16_t)result;
	if (ev->events & EV_SIGNAL) {
		/* Its callback may be in the middle of its calls in another thread: let it end first. */
		evrt__strand_wait_ended(s, &ev->task);
		ev->calls = ncalls;
		if (ev->task.flags & EVLIST_ACTIVE)
			return;
	}
	evrt__strand_push(s, &ev->task);
	event_raise(s, ev);
	evrt__debug_note(ev, EVRT_DEBUG_ACTIVATED, (short)result, NULL);
}

void
event_active(struct event *public_ev, int result, short ncalls)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_usable(ev, "event_active");
	if (!ev->base) {
		evrt__warnx("event_active: event has no event_base set.");
		return;
	}
	if (evrt__event_is_raised(ev, result))
		return;
	EVRT_SHAKE(event_active);
	struct evrt_strand *s = evrt__event_lock_or_make(ev);
	if (!s) {
		evrt__warnx("event_active: out of memory");
		return;
	}
	evrt__event_active_nolock(s, ev, result, ncalls);
	evrt__event_unlock(s);
}
