/* api/event/lookup.c — from an event or a base to the strand that serves it.
 *
 * Here:     evrt__event_lock and how events join strands.
 * Not here: what is done with the strand once it is locked.
 * Threads:  any.
 *
 * On a plain or pinned base there is one strand. On a pooled base an event carries a handle: index and
 * generation of a strand, written when it is made (rule (a) of evrt/pool.h) or first added (rule (c)), and
 * looked up without a lock. A handle of a strand that has died is as good as none.
 */
#include "api/event/event_internal.h"

#include "base/assert.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"

struct evrt_strand *
evrt__event_lock_pooled(const struct event_core *ev)
{
	/* PAIRS event.strand: acquire, against the CAS in evrt__event_lock_or_make_pooled. */
	uint64_t handle = evrt_load_acquire((evrt_atomic(uint64_t) *)&ev->strand);
	struct evrt_pool_strand *ps = evrt__pool_strand_find(ev->base->pool, handle);

	if (!ps)
		return NULL;
	evrt__lock(ps->strand.lock);
	return &ps->strand;
}

void
evrt__event_join(struct event_core *ev, struct evrt_strand *s)
{
	if (ev->base->kind != EVRT_BASE_POOLED)
		return;
	/* What event_free will free may keep its strand alive until then, so that two events of one strand stay
	 * in one even if nothing was pending there for a while. */
	if (s && (ev->task.flags & EVRT_EV_NEW)) {
		evrt__strand_ref(s);
		ev->task.flags |= EVRT_EV_HOLDS;
	}
	evrt_store_release(&ev->strand, s ? evrt__pool_strand_handle(evrt__pool_strand_of(s)) : 0);
}

struct evrt_strand *
evrt__base_strand_current(struct event_base *base)
{
	struct evrt_strand *s = evrt__strand_current();

	/* A pinned base's strand is of the pool too, but what its callbacks make on the pooled base is not to be
	 * pinned with it. */
	if (base->kind != EVRT_BASE_POOLED || !s || s->ops != &evrt__pool_strand_ops ||
	    s->owner != base->pool || evrt__pool_strand_of(s)->pinned)
		return NULL;
	return s;
}

struct evrt_strand *
evrt__base_strand_for_new(struct event_base *base)
{
	struct evrt_strand *s = base->strand;

	if (base->kind == EVRT_BASE_POOLED && !(s = evrt__base_strand_current(base))) {
		struct evrt_pool_strand *ps =
		    evrt__pool_strand_new(evrt__pool_place(base->pool), NULL);
		return ps ? &ps->strand : NULL;
	}
	evrt__strand_ref(s);
	return s;
}

struct evrt_strand *
evrt__base_strand_for_connection(struct event_base *base)
{
	if (base->kind != EVRT_BASE_POOLED)
		return evrt__base_strand_for_new(base);
	struct evrt_pool *p = base->pool;
	struct evrt_worker *self = evrt__worker_self();
	struct evrt_pool_strand *ps = evrt__pool_strand_new(evrt__pool_place(p), NULL);
	if (!ps)
		return NULL;
	/* Within a group a connection is nobody's: whoever accepts it counts it. */
	bool accepts = self && self->pool == p && self->group == ps->group;
	evrt_add_relaxed(&(accepts ? self : &p->workers[ps->group->first])->connections, (uint64_t)1);
	return &ps->strand;
}

struct evrt_strand *
evrt__event_lock_or_make_pooled(struct event_core *ev)
{
	struct evrt_strand *s;

	while (!(s = evrt__event_lock_pooled(ev))) {
		struct evrt_pool *p = ev->base->pool;
		uint64_t seen = evrt_load_acquire(&ev->strand);
		struct evrt_pool_strand *old = evrt__pool_strand_find(p, seen);
		if (old) { /* another thread was first */
			evrt__strand_unref(&old->strand);
			continue;
		}
		struct evrt_pool_strand *ps = evrt__pool_strand_new(evrt__pool_place(p), NULL);
		if (!ps)
			return NULL;
		/* PAIRS event.strand: one of several threads that add the same event gives it its strand. */
		bool won = evrt_cas_acq_rel(&ev->strand, &seen, evrt__pool_strand_handle(ps));
		if (won) {
			evrt__lock(ps->strand.lock);
			return &ps->strand;
		}
		evrt__strand_unref(&ps->strand);
	}
	return s;
}

void
evrt__strand_submit(struct evrt_strand *s, struct evrt_task *t)
{
	evrt__lock(s->lock);
	if (!(t->flags & EVRT_TASK_ACTIVE))
		evrt__strand_push(s, t);
	evrt__unlock(s->lock);
}

evrt_ns
evrt__base_read_clock(struct event_base *base, const struct evrt_strand *s, evrt_ns duration)
{
	bool far = duration >= EVRT_FAR_NS && !(base->flags & EVENT_BASE_FLAG_PRECISE_TIMER);
	bool plain = base->kind == EVRT_BASE_PLAIN;
	evrt_ns now = plain && base->loop.now ? base->loop.now
	    : far ? evrt__clock_now_or_soon(s->home->clock) : evrt__reactor_now(s->home);

	/* The turn's time and the coarse clock's go on side by side, either may be ahead by a few ms. */
	if (plain && far)
		now = base->far_now = now > base->far_now ? now : base->far_now;
	return now;
}
