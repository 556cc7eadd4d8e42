/* api/event/pool_base.c — the bases that a pool offers.
 *
 * Here:     pooled and pinned event_bases: making, freeing, dispatching.
 * Not here: evrt_pool_* (pool_api.c), the scheduler (runtime/pool).
 * Threads:  see evrt/pool.h.
 */
#include "api/event/pool_base.h"

#include <evrt/pool.h>

#include <errno.h>

#include "api/event/blocking.h"
#include "api/event/guest.h"
#include "api/event/pool_internal.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "threading/lock.h"

struct evrt_strand *
evrt__base_strand_for_signals(struct event_base *base)
{
	if (base->kind == EVRT_BASE_POOLED) {
		/* A strand of its own: it reads the pipe, and hands each signal to the strand that asked. */
		struct evrt_pool_strand *ps = evrt__pool_strand_new(&base->pool->groups[0], NULL);
		return ps ? &ps->strand : NULL;
	}
	evrt__strand_ref(base->strand);
	return base->strand;
}

struct event_base *
evrt__pooled_base_new(unsigned workers, const struct evrt_backend_ops *backend, int flags)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = workers;
	struct evrt_pool *pool = evrt__pool_new_with_bases(&config, backend, flags);
	if (!pool)
		return NULL;
	return evrt_pool_as_base(pool);
}

struct event_base *
evrt_base_new(unsigned workers)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = workers;
	struct evrt_pool *pool = evrt_pool_new(&config);
	return pool ? evrt_pool_as_base(pool) : NULL;
}

struct evrt_pool *
evrt_base_get_pool(struct event_base *base)
{
	return base ? base->pool : NULL;
}

/* What lies in an inbox of a strand arrives as tasks, and is dropped with the others. */
static void
drop_strand(struct evrt_strand *s, bool finalize)
{
	evrt__lock(s->lock);
	evrt__strand_take_inbox(s);
	evrt__unlock(s->lock);
	evrt__strand_drop_tasks(s, finalize);
}

/* The strands that are queued somewhere give up the reference that the queue holds. */
static void
pool_empty_queues(struct evrt_pool *p)
{
	for (unsigned i = 0; i < p->set.workers; i++) {
		struct evrt_worker *w = &p->workers[i];
		struct evrt_pool_strand *ps;
		while ((ps = evrt__ring_pop(&w->ring)))
			evrt__strand_unref(&ps->strand);
		if (w->own_ready)
			evrt__strand_unref(&w->own->strand);
		w->own_ready = false;
	}
	while (p->inject_head) {
		struct evrt_pool_strand *ps = p->inject_head;
		p->inject_head = ps->next;
		evrt__strand_unref(&ps->strand);
	}
}

/* Messages to workers: a strand that travels is queued, a slot's message sets its timer, for the last time. */
static void
pool_empty_inboxes(struct evrt_pool *p)
{
	for (unsigned i = 0; i < p->set.workers; i++)
		evrt__worker_drop_inbox(&p->workers[i]);
}

static void
pool_drop_timers(struct evrt_reactor *r, bool finalize)
{
	struct evrt_timer *t;
	evrt_ns armed_for;

	while ((t = evrt__timers_pop_due(&r->timers, EVRT_NS_NEVER, &armed_for))) {
		struct evrt_slot *slot = evrt__slot_timer_drop(t);
		evrt__event_orphan(slot, finalize);
		evrt__slot_unref(slot); /* the queue's */
	}
}

static void
pool_drop_all(struct evrt_pool *p, bool finalize)
{
	struct evrt__pool_bases *bases = p->api;

	for (unsigned i = 0; i <= p->set.workers; i++)
		evrt__base_guests_leave(&bases->base[i]);
	for (uint32_t i = 0; i < p->strands_made; i++)
		drop_strand(&evrt__pool_strand_at(p, i)->strand, finalize);
	for (unsigned i = 0; i <= p->set.workers; i++)
		evrt__base_drop_signals(&bases->base[i], finalize);
	evrt__fdmap_drop_watches(&p->fdmap, finalize);
	pool_empty_inboxes(p);
	for (unsigned i = 0; i < p->set.workers; i++)
		pool_drop_timers(&p->workers[i].reactor, finalize);
	for (unsigned i = 0; i < p->groups_count; i++)
		if (evrt__group_is_shared(&p->groups[i]))
			pool_drop_timers(&p->groups[i].set, finalize);
	for (uint32_t i = 0; i < p->strands_made; i++)
		drop_strand(&evrt__pool_strand_at(p, i)->strand, finalize);
	for (unsigned i = 0; i <= p->set.workers; i++)
		evrt__base_fini_common(&bases->base[i]);
	pool_empty_inboxes(p);
	pool_empty_queues(p);
}

void
evrt__pool_free_with_bases(struct evrt_pool *p, bool finalize)
{
	struct evrt_worker *self = evrt__worker_self();

	if (evrt__pool_is_torn(p))
		return;
	if (self && self->pool == p) {
		evrt__warnx("evrt_pool_free: called from a callback of this pool; stop it there, free it elsewhere");
		return;
	}
	uint64_t run = evrt__pool_current_run(p);
	evrt__pool_halt_run(p, run, EVRT_HALT_NOW);
	evrt__pool_wait_ended(p, run, EVRT_NS_NEVER);
	evrt__pool_wait_alone(p);
	evrt__base_blocking_shut(evrt_pool_as_base(p));
	evrt__limits_close(p);
	pool_drop_all(p, finalize);
	evrt__free(p->api);
	p->api = NULL;
	evrt__pool_free(p);
}

void
evrt__pool_base_free(struct event_base *base, bool finalize)
{
	if (base->kind == EVRT_BASE_PINNED) {
		evrt__warnx("event_base_free: a pinned base is freed with its pool (evrt_pool_free)");
		return;
	}
	evrt__pool_free_with_bases(base->pool, finalize);
}

int
evrt__pooled_base_loop(struct event_base *base, int flags)
{
	if (flags & (EVLOOP_ONCE | EVLOOP_NONBLOCK)) {
		evrt__warnx("event_base_loop: a pooled base has no single turn; EVLOOP_ONCE and EVLOOP_NONBLOCK "
		    "work on plain bases");
		return -1;
	}
	int err = evrt__pool_start(base->pool, 1, !(flags & EVLOOP_NO_EXIT_ON_EMPTY));
	if (err < 0) {
		evrt__warnx("event_base_loop: %s", err == -EALREADY ? "this pool runs already" :
		    err == -ECHILD ? "in the child of a fork a pool runs after event_reinit only" :
		    "the pool's threads could not be started");
		return evrt__public_result(err);
	}
	evrt__pool_run_here(base->pool);
	if (evrt__pool_is_forked(base->pool))
		return evrt__public_result(-ECHILD); /* in a callback; the parent's loop goes on */
	/* PAIRS pool.got_exit, pool.got_break. */
	return evrt_load_acquire(&base->pool->got_exit) || evrt_load_acquire(&base->pool->got_break) ? 0 : 1;
}

int
evrt__pooled_base_end(struct event_base *base, bool at_once)
{
	int saved = errno; /* of whatever a signal's handler has interrupted */

	if (evrt__pool_is_forked(base->pool))
		return evrt__public_result(-ECHILD);
	/* A pinned base ends with its pool: it has no loop of its own that could end. */
	/* PAIRS pool.got_exit, pool.got_break: what came before the request is seen by who asks whether there was one. */
	evrt_store_release(at_once ? &base->pool->got_break : &base->pool->got_exit, true);
	evrt__pool_halt(base->pool, at_once ? EVRT_HALT_NOW : EVRT_HALT_WHEN_DRAINED);
	errno = saved;
	return 0;
}

int
evrt__pool_base_reinit(struct event_base *base)
{
	struct evrt_pool *p = base->pool;
	struct evrt__pool_bases *bases = p->api;

	if (!evrt__pool_is_forked(p))
		return 0; /* another of its bases was first */
	int err = evrt__pool_reopen(p);
	for (unsigned i = 0; err == 0 && i <= p->set.workers; i++)
		if (bases->base[i].signal_strand)
			err = evrt__sigport_reopen(&bases->base[i].signals);
	if (err == 0)
		err = evrt__pool_register_again(p);
	if (err == 0)
		evrt__base_blocking_reinit(&bases->base[p->set.workers]);
	return err;
}
