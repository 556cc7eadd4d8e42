/* runtime/pool/worker.c — a worker's turns: run, drain, poll, expire, park; see pool.h.
 *
 * Threads:  each worker's own, except evrt__worker_enqueue (any).
 *
 * Parking, and why no wake-up is lost. A worker that found nothing publishes when it will wake by itself,
 * announces its sleep on its park word, sets its bit in pool.parked, and then looks at everything once more:
 * its inbox, the overflow queue, the halt word, the others' rings. A sender first publishes (inbox push, ring
 * push) and then does a read-modify-write of the park word, or of pool.parked. Both words are read-modify-
 * written by both sides, so either the sender sees the sleeper, or the sleeper's second look sees what was
 * published.
 */
#include <stddef.h>

#include "base/assert.h"
#include "base/shake.h"
#include "runtime/loop/slot.h"
#include "runtime/pool/pool.h"

static _Thread_local struct evrt_worker *worker_self;

struct evrt_worker *
evrt__worker_self(void)
{
	return worker_self;
}

void
evrt__worker_enqueue(struct evrt_pool_strand *ps)
{
	struct evrt_worker *w = worker_self;
	struct evrt_worker *home = ps->worker;

	if (!w || w->pool != home->pool || (ps->pinned && home != w)) {
		evrt__inbox_push(&home->inbox, &ps->travel);
		evrt__reactor_wake(&home->reactor);
	} else if (ps->pinned) {
		w->own_ready = true;
	} else if (!EVRT_SHAKE_CHOOSE(worker_overflow, 16) && evrt__ring_push(&w->ring, ps)) {
		evrt__worker_share(w);
	} else {
		evrt_count_own(&w->counters.overflows, 1);
		evrt__inject_push(w->pool, ps);
	}
}

unsigned
evrt__worker_take_inbox(struct evrt_worker *w)
{
	unsigned count = 0;
	struct evrt_node *next;

	for (struct evrt_node *n = evrt__inbox_take(&w->inbox); n; n = next) {
		next = n->next;
		n->arrive(n);
		count++;
	}
	evrt_count_own(&w->counters.posts, count);
	return count;
}

static unsigned
worker_halt(const struct evrt_worker *w)
{
	return evrt_load_relaxed(&w->pool->halt);
}

/* Runs one strand and keeps the figures. The clock is read once per run: its end is the next one's start. */
static void
worker_run_strand(struct evrt_worker *w, struct evrt_pool_strand *ps)
{
	evrt_ns began = w->turn_began;

	evrt__pool_strand_run(w, ps);
	w->turn_began = evrt__reactor_now(&w->reactor);
	uint64_t took = (uint64_t)(w->turn_began - began);
	evrt_count_own(&w->counters.busy_ns, took);
	if (took > evrt_load_relaxed(&w->counters.longest_run_ns))
		evrt_store_relaxed(&w->counters.longest_run_ns, took);
}

/* Runs what is ready here, up to a turn's budget. */
static void
worker_run_ready(struct evrt_worker *w)
{
	struct evrt_pool_strand *ps;

	w->turn_began = evrt__reactor_now(&w->reactor);
	if (w->own_ready) {
		w->own_ready = false;
		worker_run_strand(w, w->own);
	}
	for (unsigned n = 0; n < w->pool->set.turn_budget_strands; n++) {
		if (worker_halt(w) == EVRT_HALT_NOW || EVRT_SHAKE_CHOOSE(worker_end_turn, 8))
			return;
		if (!(ps = evrt__ring_pop(&w->ring)))
			return;
		worker_run_strand(w, ps);
	}
}

static bool
worker_has_ready(struct evrt_worker *w)
{
	return w->own_ready || evrt__ring_length(&w->ring) > 0 || !evrt__inbox_empty(&w->inbox) ||
	    evrt_load_relaxed(&w->pool->inject_length) > 0;
}

/* The second look of one who has announced its sleep. True: there is something after all. */
static bool
worker_looks_again(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;

	/* seq_cst loads where the other side's store was seq_cst or followed by a read-modify-write. */
	if (!evrt__inbox_empty(&w->inbox) || evrt_load_seq_cst(&p->inject_length) ||
	    evrt_load_seq_cst(&p->halt) != EVRT_HALT_NO)
		return true;
	for (unsigned i = 0; p->set.steal && i < p->set.workers; i++)
		if (evrt__ring_length(&p->workers[i].ring) >= p->set.wake_queue_strands)
			return true;
	if (evrt_load_relaxed(&p->ends_when_idle) && evrt__pool_is_idle(p)) {
		evrt__pool_halt(p, EVRT_HALT_NOW);
		return true;
	}
	return false;
}

/* Takes reports: at once if there is something to run, else asleep until there is. */
static void
worker_poll(struct evrt_worker *w, bool may_sleep)
{
	struct evrt_pool *p = w->pool;
	struct evrt_reactor *r = &w->reactor;
	uint64_t bit = UINT64_C(1) << w->index;
	evrt_ns deadline = may_sleep ? evrt__timers_next(&r->timers) : 0;
	bool parked = deadline != 0;

	if (parked) {
		evrt_store_release(&r->wake_at, deadline);
		evrt__park_announce(&r->park);
		/* PAIRS worker.rests: release, after all that was done since the last one. */
		evrt_store_release(&w->rests, evrt_load_relaxed(&w->rests) + 1);
		EVRT_SHAKE(worker_parked);
		evrt_or_seq_cst(&p->parked, bit);
		EVRT_SHAKE(worker_look);
		if (worker_looks_again(w))
			deadline = 0;
		else
			evrt_count_own(&w->counters.parks, 1);
	}
	/* After the announcement: a change of the set that this look misses sees us asleep, and wakes us.
	 * Out of memory: what is ready is run, and the next turn tries again. */
	int n = evrt__reactor_prepare(r) < 0 ? 0 : evrt__reactor_wait(r, deadline);
	if (parked) {
		evrt__park_leave(&r->park);
		EVRT_SHAKE(worker_unpark);
		evrt_and_seq_cst(&p->parked, ~bit);
		/* If we are the one that was awakened to search, we are about to. */
		if (evrt_load_relaxed(&p->waking))
			evrt_store_relaxed(&p->waking, 0u);
	}
	EVRT_SHAKE(worker_report);
	for (int i = 0; i < n; i++)
		evrt_count_own(&w->counters.events, evrt__fdmap_report(&p->fdmap, r, &r->ready[i]) > 0);
	r->ready_count = 0;
}

static void
worker_expire_timers(struct evrt_worker *w)
{
	struct evrt_timers *q = &w->reactor.timers;
	struct evrt_timer *t;
	evrt_ns armed_at;

	if (q->count == 0)
		return;
	evrt_ns now = evrt__reactor_now(&w->reactor);
	while ((t = evrt__timers_pop_due(q, now, &armed_at)))
		evrt__slot_timer_due(t);
}

/* One turn. False: the worker is to end. */
static bool
worker_turn(struct evrt_worker *w)
{
	struct evrt_pool_strand *stolen;

	evrt_count_own(&w->counters.loops, 1);
	worker_run_ready(w);
	evrt__worker_take_inbox(w);
	evrt__inject_take(w);
	if (worker_halt(w) == EVRT_HALT_NOW)
		return false;
	bool ready = worker_has_ready(w);
	if (worker_halt(w) == EVRT_HALT_WHEN_DRAINED)
		return ready;
	if ((!ready || EVRT_SHAKE_CHOOSE(worker_steal, 8)) && (stolen = evrt__worker_steal(w)) != NULL) {
		w->turn_began = evrt__reactor_now(&w->reactor);
		worker_run_strand(w, stolen);
		ready = true;
	}
	worker_poll(w, !ready);
	worker_expire_timers(w);
	return true;
}

void
evrt__worker_run(struct evrt_worker *w)
{
	struct evrt_worker *outer = worker_self;

	worker_self = w;
	EVRT_SHAKE_THREAD(w->index);
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
	worker_self = outer;
}
