/* runtime/pool/limits.h — how much a pool takes on: posts, connections, waiting.
 *
 * Here:     the bounds, what counts against them, who waits for room, and who is told.
 * Not here: what a listener does while it waits (api/listener), the public contract (evrt/pool.h).
 * Threads:  said per function. A pool without limits has no strand here, and each call ends at a plain load.
 *
 * A limit *presses* from the moment somebody met it until there is clearly room again (well below the bound, so that
 * accepting does not stop and start with every connection). Whoever meets it sets its bit in `pressing`; only the
 * review, a task in a strand of the limits' own, clears it, tells the program of both, and calls those who wait.
 * So begin and end are told in turn, one at a time, in no lock and in nobody's callback.
 *
 * PAIRS     limits.pressing: whoever meets a limit sets the bit and then asks for a review, which looks at the count;
 *           whoever gives back lowers the count and then looks at the bit (all seq_cst): either the review
 *           sees the room, or the giver sees the bit and asks for another one. limits.count is one of
 *           limits.posts and limits.connections.
 *           limits.waiters: one who waits is in the list before it looks at the bits; the review clears
 *           bits before it looks into the list.
 *           limits.review_queued: swap (acq_rel) on both sides: what is done before asking is seen by the review.
 */
#ifndef EVRT_RUNTIME_POOL_LIMITS_H_
#define EVRT_RUNTIME_POOL_LIMITS_H_

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"
#include "base/clock.h"
#include "base/list.h"
#include "runtime/loop/task.h"
#include "threading/inbox.h"

struct evrt_pool;
struct evrt_pool_strand;
struct evrt_slot;

enum evrt_limit { /* the numbers of evrt/pool.h */
	EVRT_LIMIT_POSTS = 1,
	EVRT_LIMIT_CONNECTIONS = 2,
	EVRT_LIMIT_LATENCY = 4,
};
#define EVRT_LIMITS_OF_ACCEPTING (EVRT_LIMIT_CONNECTIONS | EVRT_LIMIT_LATENCY)

struct evrt_pool_limits { /* 0: none */
	uint32_t posts_max, connections_max;
	evrt_ns latency_max_ns;
};

/* Somebody who waits until accepting is allowed again. */
struct evrt_limits_waiter {
	struct evrt_link link;                      /* limits lock; next == NULL: does not wait */
	void (*resume)(struct evrt_limits_waiter *); /* in the limits' strand, no lock held; it waits no more */
};

typedef void (*evrt_limits_told_fn)(struct evrt_pool *, unsigned limit, int begins, void *arg);

struct evrt_pool_limits_state {
	struct evrt_pool_limits set;                /* const */
	struct evrt_pool_strand *strand;            /* NULL: no limit is set. Referenced until close; const */
	struct evrt_slot *probe;                    /* NULL: latency has no limit. const */

	evrt_atomic(uint32_t) posts;                /* of foreign threads, waiting */
	evrt_atomic(uint32_t) connections;          /* accepted ones alive, and those about to be accepted */
	evrt_atomic(unsigned) pressing;             /* bits of enum evrt_limit; cleared by the review */
	evrt_atomic(unsigned) review_queued;
	evrt_atomic(evrt_ns) probe_due;             /* 0: none is under way. Written under the strand's lock */
	evrt_atomic(evrt_ns) latency_ns;            /* what the last probe met */
	evrt_atomic(uint64_t) posts_refused, pauses; /* since the pool was made */
	struct evrt_node review_node;               /* in the strand's inbox while review_queued… */
	struct evrt_task review;                    /* … and then in its queue */
	unsigned told;                              /* that these press; the review's */

	pthread_mutex_t lock;                       /* rank limits: all below */
	struct evrt_link waiters;
	evrt_limits_told_fn told_fn;
	void *told_arg;
};

/* With p->set.limits. 0 or -ENOMEM, and nothing to close. */
int evrt__limits_init(struct evrt_pool *p);
/* Before the pool's strands are emptied; no worker runs. */
void evrt__limits_close(struct evrt_pool *p);

/* A foreign thread is about to post. False: there are too many. Any thread. */
bool evrt__limits_take_post(struct evrt_pool *p);
void evrt__limits_give_post(struct evrt_pool *p);

/* A listener's turn begins: sends a probe after what is ready, or notices that one is late. Any thread. */
void evrt__limits_look(struct evrt_pool *p);
/* Before a connection is accepted. False: not now; wait. Any thread. */
bool evrt__limits_take_connection(struct evrt_pool *p);
/* It was not to be had; or it is gone. Any thread, locks up to rank pool may be held. */
void evrt__limits_give_connection(struct evrt_pool *p);
/* The connection that was taken is alive as long as this strand, which nobody else knows yet. */
void evrt__limits_follow(struct evrt_pool_strand *);
/* resume will be called, and keeps dispatch from returning till then. False: it waits already. Any thread. */
bool evrt__limits_wait(struct evrt_pool *p, struct evrt_limits_waiter *);
/* True: it waited, and will not be called. False: it did not wait, or is about to be called. Any thread. */
bool evrt__limits_unwait(struct evrt_pool *p, struct evrt_limits_waiter *);

/* Who is told of each beginning and end; NULL: nobody. Any thread. */
void evrt__limits_set_told(struct evrt_pool *p, evrt_limits_told_fn, void *arg);

#endif
