/* runtime/pool/stats.h — what a pool counts about itself.
 *
 * Here:     the counters of a worker, and one line for each thing that is counted.
 * Not here: reading them all (api/event/stats_api.c), what they mean to a user (evrt/stats.h), how to read them
 *           (docs/ARCHITECTURE.md, "Statistics").
 * Threads:  a worker writes its own counters, anybody reads. Relaxed throughout: they publish nothing, and a reader
 *           may see them out of step. Nobody is stopped, and no locked instruction is run.
 *
 * The clock is read for none of this: times are differences of those that the worker has read anyway.
 */
#ifndef EVRT_RUNTIME_POOL_STATS_H_
#define EVRT_RUNTIME_POOL_STATS_H_

#include <stdint.h>
#include "base/atomic.h"
#include "base/clock.h"

/* Bucket k counts times from 2^k ns to below 2^(k+1); the first also 0, the last all that are longer (2 s). */
#define EVRT_TIME_BUCKETS 32u

struct evrt_pool;
struct evrt_worker;

struct evrt_worker_counters {
	evrt_atomic(uint64_t) loops, polls, events, runs, callbacks, steals_tried, steals_hit, stolen, rescues, parks,
	    useless_wakes, posts, longest_inbox, overflows, budget_yields, timers, longest_run_ns, longest_wait_ns,
	    longest_lag_ns, busy_ns;
	uint64_t runs_at_park; /* owner only */
	evrt_atomic(uint64_t) run_ns[EVRT_TIME_BUCKETS];  /* of one strand's turn */
	evrt_atomic(uint64_t) wait_ns[EVRT_TIME_BUCKETS]; /* from ready to running */
	evrt_atomic(uint64_t) lag_ns[EVRT_TIME_BUCKETS];  /* from a timer's deadline to its callback */
};

static inline void
evrt__stats_longest(evrt_atomic(uint64_t) *longest, uint64_t n)
{
	if (n > evrt_load_relaxed(longest))
		evrt_store_relaxed(longest, n);
}

static inline void
evrt__stats_add_time(evrt_atomic(uint64_t) *buckets, evrt_atomic(uint64_t) *longest, evrt_ns took)
{
	uint64_t ns = took > 0 ? (uint64_t)took : 0;
	unsigned k = 63u - (unsigned)__builtin_clzll(ns | 1);

	evrt_count_own(&buckets[k < EVRT_TIME_BUCKETS ? k : EVRT_TIME_BUCKETS - 1], 1u);
	evrt__stats_longest(longest, ns);
}

/* A strand has had its turn. */
static inline void
evrt__stats_run(struct evrt_worker_counters *c, evrt_ns took)
{
	evrt__stats_add_time(c->run_ns, &c->longest_run_ns, took);
	evrt_count_own(&c->busy_ns, (uint64_t)took);
}

/* A strand goes into a queue. The first time counts: it may pass through several before it runs. */
static inline void
evrt__stats_ready(evrt_atomic(evrt_ns) *ready_since, evrt_ns now)
{
	if (!evrt_load_relaxed(ready_since))
		evrt_store_relaxed(ready_since, now);
}

/* Its turn begins. */
static inline void
evrt__stats_begin(struct evrt_worker_counters *c, evrt_atomic(evrt_ns) *ready_since, evrt_ns now)
{
	evrt_count_own(&c->runs, 1u);
	evrt__stats_add_time(c->wait_ns, &c->longest_wait_ns, now - evrt_load_relaxed(ready_since));
	evrt_store_relaxed(ready_since, (evrt_ns)0);
}

/* It has used up its budget, and goes to the end of the queue. */
static inline void
evrt__stats_yield(struct evrt_worker_counters *c)
{
	evrt_count_own(&c->budget_yields, 1u);
}

/* The worker lies down. Its last sleep was for nothing if no strand has run here since. */
static inline void
evrt__stats_park(struct evrt_worker_counters *c)
{
	uint64_t runs = evrt_load_relaxed(&c->runs);
	uint64_t parks = evrt_load_relaxed(&c->parks);

	if (parks && runs == c->runs_at_park)
		evrt_count_own(&c->useless_wakes, 1u);
	c->runs_at_park = runs;
	evrt_store_relaxed(&c->parks, parks + 1);
}

/* So many messages were in its inbox. */
static inline void
evrt__stats_inbox(struct evrt_worker_counters *c, unsigned count)
{
	evrt_count_own(&c->posts, count);
	evrt__stats_longest(&c->longest_inbox, count);
}

/* It has looked into the poller, timers or inbox of another one that is stuck, and found something. */
static inline void
evrt__stats_rescue(struct evrt_worker_counters *c)
{
	evrt_count_own(&c->rescues, 1u);
}

/* A timer's callback is about to run, so long after its deadline. */
static inline void
evrt__stats_timer(struct evrt_worker_counters *c, evrt_ns lag)
{
	evrt_count_own(&c->timers, 1u);
	evrt__stats_add_time(c->lag_ns, &c->longest_lag_ns, lag);
}

/* How long the strand that has waited longest in this worker's queues (the first of a group: or the group's) has
 * waited; 0: none waits. A look at the heads
 * of queues: what lies elsewhere, or moves meanwhile, is not seen. Any thread. */
evrt_ns evrt__stats_oldest(struct evrt_worker *, evrt_ns now);
/* The same for the overflow queue, whose lock it takes unless that is empty. */
evrt_ns evrt__stats_oldest_injected(struct evrt_pool *, evrt_ns now);

#endif
