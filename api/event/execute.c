/* api/event/execute.c — running an event that is active.
 *
 * Here:     what each closure does before and after the user's callback.
 * Not here: queues and turns (runtime/).
 * Threads:  the strand's runner, with the strand's lock held except inside callbacks.
 *
 * After a callback returns nothing of the event is touched: it may have been freed. What is still needed
 * then (a re-arm) goes through the slot, of which a reference was taken before.
 */
#include "api/event/event_internal.h"

#include "api/event/debug.h"
#include "base/assert.h"
#include "base/log.h"
#include "threading/lock.h"

#define IO_EVENTS (EV_READ | EV_WRITE | EV_CLOSED)

struct call { /* what the callback gets, read while the event was still safe to read */
	event_callback_fn fn;
	evutil_socket_t fd;
	short result;
	void *arg;
};

static struct call
call_of(const struct event_core *ev)
{
	return (struct call){ (event_callback_fn)(void (*)(void))ev->task.fn, ev->fd, ev->result, ev->task.arg };
}

/* `ev` as long as the lock is held. */
static void
call_unlocked(struct evrt_strand *s, const struct event_core *ev, const struct call *c)
{
	EVRT_DEBUG("callback: event %p, fd %d, result 0x%x", (const void *)ev, c->fd, (unsigned)c->result);
	if (evrt__debug_on(EVRT_DEBUG_EVENTS | EVRT_DEBUG_SLOW)) {
		evrt__debug_call(s->lock, ev, c->fn, c->fd, c->result, c->arg);
		return;
	}
	evrt__unlock(s->lock);
	c->fn(c->fd, c->result, c->arg);
	evrt__lock(s->lock);
}

static void
run_once(struct evrt_strand *s, struct event_core *ev)
{
	struct call c = call_of(ev);

	evrt__event_retire_nolock(s, ev);
	call_unlocked(s, ev, &c);
	evrt__event_retire_end(s);
}

/* The next deadline of a persistent event with an interval. By timeout: from the last deadline, so that it
 * does not drift; by a report: from now. Ticks that were missed are not made up for. */
static void
rearm_interval(struct evrt_strand *s, struct event_core *ev)
{
	evrt_ns now = evrt__base_now(ev->base, s, 0);
	evrt_ns from = ev->result & EV_TIMEOUT ? ev->deadline_ns : now;
	evrt_ns next = evrt__ns_add(from, ev->interval_ns);

	if (next < now)
		next = evrt__ns_add(now, ev->interval_ns);
	/* Deleted, and activated by hand since: the interval brings all of it back, as in libevent. */
	if ((ev->events & IO_EVENTS) && !(ev->task.flags & EVLIST_INSERTED))
		(void)evrt__event_add_nolock(s, ev, NULL);
	/* The slot is there already, or this fails for want of memory and the interval ends: as in libevent. */
	(void)evrt__event_set_timer_nolock(s, ev, next);
}

static void
run_persistent(struct evrt_strand *s, struct event_core *ev)
{
	struct call c = call_of(ev);
	unsigned bits = (c.result & EV_READ ? EVRT_READ : 0u) | (c.result & EV_WRITE ? EVRT_WRITE : 0u) |
	    (c.result & EV_CLOSED ? EVRT_CLOSED : 0u);
	struct evrt_slot *slot = NULL;

	if (ev->interval_ns)
		rearm_interval(s, ev);
	else
		evrt__event_drop_slot_nolock(ev); /* a timeout that does not repeat may have been all */
	if (bits && ev->slot && evrt__slot_wants_rearm(ev->slot)) {
		slot = ev->slot;
		evrt__slot_ref(slot);
	}
	call_unlocked(s, ev, &c);
	if (!slot)
		return;
	if (slot->owner)
		evrt__slot_rearm(slot, bits);
	evrt__slot_unref(slot);
}

static void
run_signal(struct evrt_strand *s, struct event_core *ev)
{
	struct call c = call_of(ev);

	if (!(ev->events & EV_PERSIST))
		evrt__event_del_nolock(s, ev, false);
	else
		evrt__event_drop_slot_nolock(ev); /* a timeout has ended the wait */
	/* Counted in the strand: event_del inside a callback sets it to 0, and the event may be gone. */
	s->calls_left = ev->calls > 0 ? (unsigned)ev->calls : 0;
	while (s->calls_left && !evrt__strand_stopping(s)) {
		s->calls_left--;
		call_unlocked(s, ev, &c);
	}
	s->calls_left = 0;
}

static void
run_finalize(struct evrt_strand *s, struct event_core *ev)
{
	event_finalize_callback_fn fn = (event_finalize_callback_fn)(void (*)(void))ev->task.fn;
	void *arg = ev->task.arg;
	bool frees = ev->task.closure == EV_CLOSURE_EVENT_FINALIZE_FREE;

	EVRT_ASSERT(ev->task.flags & EVLIST_FINALIZING);
	evrt__unlock(s->lock);
	fn(evrt__event_public(ev), arg);
	if (frees)
		evrt__event_free_memory(ev);
	evrt__lock(s->lock);
}

void
evrt__event_execute(struct evrt_strand *s, struct evrt_task *t)
{
	struct event_core *ev = evrt__event_of_task(t);

	evrt__event_lower(ev);
	switch (t->closure) {
	case EV_CLOSURE_EVENT_SIGNAL:
		run_signal(s, ev);
		break;
	case EV_CLOSURE_EVENT_PERSIST:
		run_persistent(s, ev);
		break;
	case EV_CLOSURE_EVENT_FINALIZE:
	case EV_CLOSURE_EVENT_FINALIZE_FREE:
		run_finalize(s, ev);
		break;
	default:
		run_once(s, ev);
	}
}
