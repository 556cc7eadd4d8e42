/* runtime/pool/worker.c — a worker's turns: run, take, steal, poll or sleep, expire; see pool.h.
 *
 * Threads:  each worker's own, except evrt__worker_enqueue (any).
 */
#include <stddef.h>

#include "base/assert.h"
#include "base/shake.h"
#include "base/trace.h"
#include "runtime/loop/slot.h"
#include "runtime/pool/pool.h"

static _Thread_local struct evrt_worker *worker_self;

struct evrt_worker *
evrt__worker_self(void)
{
	return worker_self;
}

/* The first in an inbox reads the clock, for all. Before the push: a stamp that came after the message was taken would
 * stay, and make what comes hours later look old. */
static void
foreign_is_ready(struct evrt_pool_strand *ps, evrt_atomic(evrt_ns) *inbox_since)
{
	evrt_ns since = evrt_load_relaxed(inbox_since);

	if (!since) {
		since = evrt__reactor_now(ps->strand.home);
		evrt_store_relaxed(inbox_since, since);
	}
	evrt__stats_ready(&ps->ready_since, since);
}

/* To the workers that may run it. */
static void
worker_send(struct evrt_pool_strand *ps)
{
	struct evrt_worker *pinned = ps->pinned;
	struct evrt_group *g = ps->group;

	EVRT_TRACE(strand_to_inbox, &ps->strand);
	if (pinned) {
		evrt__inbox_push(&pinned->inbox, &ps->travel);
		evrt__worker_use_own(pinned);
		evrt__reactor_wake(&pinned->reactor);
	} else {
		evrt__inbox_push(&g->inbox, &ps->travel);
		evrt__group_call(g, false);
	}
}

static bool
worker_keep(struct evrt_worker *w, struct evrt_pool_strand *ps)
{
	EVRT_TRACE(strand_to_ring, &ps->strand);
	return !EVRT_SHAKE_CHOOSE(worker_overflow, 16) && evrt__ring_push(&w->ring, ps);
}

void
evrt__worker_enqueue(struct evrt_pool_strand *ps)
{
	struct evrt_worker *w = worker_self;
	struct evrt_worker *pinned = ps->pinned;
	struct evrt_group *g = ps->group;
	bool ours = w && w->pool == g->pool;

	if (ours)
		evrt__stats_ready(&ps->ready_since, w->turn_began);
	if (!ours) {
		foreign_is_ready(ps, pinned ? &pinned->inbox_since : &g->inbox_since);
		/* What is sent may be all that somebody waits for before it frees the pool, while we have not come to the wake
		 * yet. */
		evrt__pool_enter(g->pool);
		worker_send(ps);
		evrt__pool_leave(g->pool);
	} else if (pinned && pinned != w) {
		worker_send(ps);
	} else if (pinned) {
		w->own_ready = true;
	} else if (worker_keep(w, ps)) {
		if (!w->reporting)
			evrt__worker_share(w, evrt__ring_length(&w->ring));
	} else {
		evrt_count_own(&w->counters.overflows, 1);
		evrt__inject_push(w->pool, ps);
	}
}

unsigned
evrt__worker_take_inbox(struct evrt_worker *w)
{
	if (evrt__inbox_empty(&w->inbox))
		return 0; /* each turn comes by here: the line that senders write stays theirs */
	evrt_store_relaxed(&w->inbox_since, (evrt_ns)0);
	unsigned count = evrt__inbox_deliver(&w->inbox);
	evrt__stats_inbox(&w->counters, count);
	return count;
}

static unsigned
worker_halt(const struct evrt_worker *w)
{
	/* A callback that forked comes back in the child, too: there the parent's work is not ours. */
	return evrt__pool_is_forked(w->pool) ? EVRT_HALT_NOW : evrt_load_relaxed(&w->pool->halt);
}

/* Runs one strand and keeps the figures. The clock is read once per run: its end is the next one's start. */
static void
worker_run_strand(struct evrt_worker *w, struct evrt_pool_strand *ps)
{
	evrt_ns began = w->turn_began;

	evrt__pool_strand_run(w, ps);
	w->turn_began = evrt__reactor_now(&w->reactor);
	evrt_store_relaxed(&w->busy_since, w->turn_began);
	evrt_ns took = w->turn_began - began;
	evrt__stats_run(&w->counters, took);
	/* One that took much longer than usual says little of the next: it counts as four. */
	evrt_ns usual = evrt_load_relaxed(&w->run_ns);
	evrt_ns most = 4 * usual + EVRT_NS_PER_US;
	evrt_store_relaxed(&w->run_ns, usual + ((took < most ? took : most) - usual) / 8);
}

/* Runs what is ready here, up to a turn's budget. */
static void
worker_run_ready(struct evrt_worker *w)
{
	struct evrt_pool_strand *ps;

	evrt_ns until = evrt__ns_add(w->turn_began, w->pool->set.turn_budget_ns);
	if (w->own_ready) {
		w->own_ready = false;
		worker_run_strand(w, w->own);
	}
	for (unsigned n = 0; n < w->pool->set.turn_budget_strands && w->turn_began < until; n++) {
		if (worker_halt(w) == EVRT_HALT_NOW || EVRT_SHAKE_CHOOSE(worker_end_turn, 8) ||
		    !(ps = evrt__ring_pop(&w->ring)))
			return;
		EVRT_TRACE(strand_from_ring, &ps->strand);
		worker_run_strand(w, ps);
	}
}

static bool
worker_has_ready(struct evrt_worker *w)
{
	return w->own_ready || evrt__ring_length(&w->ring) > 0 || !evrt__inbox_empty(&w->inbox) ||
	    evrt_load_relaxed(&w->pool->inject_length) > 0;
}

void
evrt__worker_report(struct evrt_worker *w, struct evrt_reactor *r, const struct evrt_ready *ready, int n)
{
	EVRT_SHAKE(worker_report);
	w->reporting = true;
	for (int i = 0; i < n; i++)
		evrt_count_own(&w->counters.events, evrt__fdmap_report(&w->pool->fdmap, r, &ready[i]) > 0);
	w->reporting = false;
}

static void
worker_expire_timers(struct evrt_worker *w)
{
	struct evrt_group *g = w->group;

	evrt__reactor_serve_timers(g->reactor, g, w);
	if (evrt__group_is_shared(g))
		evrt__reactor_serve_timers(&w->reactor, g, w);
}

/* Before it runs what it has got now. One is run next; its pinned base's comes first. */
static void
worker_shares(struct evrt_worker *w)
{
	if (w->called)
		evrt__group_take_inbox(w->group, w);
	uint32_t queued = evrt__ring_length(&w->ring);
	bool busy = queued || w->own_ready;
	evrt__worker_share(w, queued && !w->own_ready ? queued - 1 : queued);
	/* It was to look at everything, others' rings too, and has something else to do: another one shall. */
	if (w->called && busy && evrt__worker_others_hide(w))
		evrt__group_call(w->group, true);
	w->called = false;
}

/* One turn. False: the worker is to end. */
static bool
worker_turn(struct evrt_worker *w)
{
	struct evrt_pool_strand *stolen;

	evrt_count_own(&w->counters.loops, 1);
	worker_run_ready(w);
	if (worker_halt(w) == EVRT_HALT_NOW)
		return false; /* in the child of a fork, too, where nothing more may be touched */
	evrt__worker_take_inbox(w);
	evrt__group_take_inbox(w->group, w);
	evrt__inject_take(w);
	if (worker_halt(w) == EVRT_HALT_NOW)
		return false;
	bool ready = worker_has_ready(w);
	if (worker_halt(w) == EVRT_HALT_WHEN_DRAINED)
		return ready;
	if (evrt__worker_leave(w))
		return false;
	if ((!ready || EVRT_SHAKE_CHOOSE(worker_steal, 8)) && (stolen = evrt__worker_steal(w)) != NULL) {
		worker_run_strand(w, stolen);
		ready = true;
	}
	if (ready || evrt__group_rescue(w))
		evrt__worker_look(w);
	else
		evrt__worker_sleep(w);
	worker_expire_timers(w);
	worker_shares(w);
	return true;
}

void
evrt__worker_run(struct evrt_worker *w)
{
	struct evrt_worker *outer = worker_self;

	worker_self = w;
	EVRT_SHAKE_THREAD(w->index);
	w->turn_began = evrt__reactor_now(&w->reactor);
	evrt_store_relaxed(&w->busy_since, w->turn_began);
	while (worker_turn(w))
		continue;
	worker_self = outer;
}

void
evrt__worker_sweep(struct evrt_worker *last)
{
	struct evrt_pool *p = last->pool;
	struct evrt_worker *outer = worker_self;
	bool ready;

	worker_self = last;
	do {
		/* Strands that may run anywhere come to our ring; those pinned to another go back to its inbox. */
		for (unsigned i = 0; i < p->set.workers; i++)
			evrt__worker_take_inbox(&p->workers[i]);
		for (unsigned i = 0; i < p->groups_count; i++)
			evrt__group_take_inbox(&p->groups[i], last);
		ready = worker_has_ready(last);
		while (worker_turn(last))
			continue;
	} while (ready && worker_halt(last) != EVRT_HALT_NOW);
	worker_self = outer;
}

void
evrt__worker_drop_inbox(struct evrt_worker *w)
{
	struct evrt_worker *outer = worker_self;

	/* As that worker itself: what travels to it goes to its queues, which are emptied next. */
	worker_self = w;
	evrt__worker_take_inbox(w);
	evrt__group_take_inbox(w->group, w);
	evrt__group_arm_late(w->group);
	worker_self = outer;
}
