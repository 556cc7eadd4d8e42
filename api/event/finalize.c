/* api/event/finalize.c — deleting an event without waiting, and being told when it is safe to free.
 *
 * Here:     event_finalize, event_free_finalize; what a dying base does with what is left.
 * Threads:  the public functions: any. evrt__event_drop and orphan: the thread that frees the base.
 */
#include <event2/event.h>

#include "api/event/blocking.h"
#include "api/event/debug.h"
#include "api/event/event_internal.h"
#include "api/event/once.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"

void
evrt__event_free_memory(struct event_core *ev)
{
	evrt__debug_note(ev, EVRT_DEBUG_FREED_FINALIZED, 0, NULL);
	evrt__event_release_strand(ev);
	evrt__free(ev);
}

static int
finalize_with(struct event *public_ev, event_finalize_callback_fn fn, uint8_t closure)
{
	struct event_core *ev = evrt__event(public_ev);

	evrt__debug_assert_usable(ev, "event_finalize");
	if (!ev->base) {
		evrt__warnx("event_finalize: event has no event_base set.");
		return -1;
	}
	struct evrt_strand *s = evrt__event_lock_or_make(ev);
	if (!s)
		return -1;
	evrt__event_del_nolock(s, ev, true);
	ev->task.closure = closure;
	ev->task.fn = (evrt_task_fn)(void (*)(void))fn;
	ev->result = EV_FINALIZE;
	ev->task.flags |= EVLIST_FINALIZING;
	evrt__debug_note(ev, EVRT_DEBUG_FINALIZING, 0, NULL);
	evrt__strand_push(s, &ev->task);
	evrt__event_unlock(s);
	return 0;
}

static void
finalize_nothing(struct event *ev, void *arg)
{
	(void)ev;
	(void)arg;
}

int
event_finalize(unsigned flags, struct event *ev, event_finalize_callback_fn fn)
{
	(void)flags;
	return finalize_with(ev, fn, EV_CLOSURE_EVENT_FINALIZE);
}

int
event_free_finalize(unsigned flags, struct event *ev, event_finalize_callback_fn fn)
{
	(void)flags;
	return finalize_with(ev, fn ? fn : finalize_nothing, EV_CLOSURE_EVENT_FINALIZE_FREE);
}

static void
drop_event(struct event_core *ev, bool finalize)
{
	event_finalize_callback_fn fn = (event_finalize_callback_fn)(void (*)(void))ev->task.fn;

	switch (ev->task.closure) {
	case EV_CLOSURE_EVENT_FINALIZE:
		if (finalize)
			fn(evrt__event_public(ev), ev->task.arg);
		break;
	case EV_CLOSURE_EVENT_FINALIZE_FREE:
		if (finalize)
			fn(evrt__event_public(ev), ev->task.arg);
		evrt__event_free_memory(ev);
		break;
	default:
		if (evrt__event_is_once(ev))
			evrt__event_once_free(ev);
	}
}

void
evrt__event_drop(struct evrt_strand *s, struct evrt_task *t, bool finalize)
{
	evrt__lock(s->lock);
	if (t->closure == EVRT_CLOSURE_SELF)
		evrt__strand_remove(s, t);
	else
		evrt__event_del_nolock(s, evrt__event_of_task(t), true);
	evrt__unlock(s->lock);
	if (t->closure != EVRT_CLOSURE_SELF)
		drop_event(evrt__event_of_task(t), finalize);
	else if (!evrt__pool_post_drop(t) && !evrt__blocking_drop(t, finalize) && finalize &&
	    (t->flags & EVLIST_FINALIZING))
		t->fn(t, t->arg); /* the last step of an object that was freed while its base lived */
}

void
evrt__event_abandon(struct evrt_strand *s, struct event_core *ev, bool finalize)
{
	evrt__strand_ref(s);
	evrt__lock(s->lock);
	evrt__event_del_nolock(s, ev, true);
	evrt__unlock(s->lock);
	drop_event(ev, finalize);
	evrt__strand_unref(s);
}

void
evrt__event_orphan(struct evrt_slot *slot, bool finalize)
{
	/* The base is being freed: nobody else is there to change the owner. */
	struct event_core *ev = evrt__slot_event(slot);

	if (ev)
		evrt__event_abandon(slot->strand, ev, finalize);
}
