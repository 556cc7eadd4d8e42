/* runtime/pool/pool.h — workers that run strands, and steal them from each other.
 *
 * Here:     struct evrt_pool, its workers and strands, as the files of this room and api/pool see them.
 * Not here: events and bases (api/), pollers and timers (runtime/loop), the public contract (evrt/pool.h).
 * Threads:  said per field and function.
 *
 * Life of a ready connection
 *   1. The kernel reports its fd to the worker that waits on the epoll set it is registered with (its home).
 *   2. worker.c hands the report to the fd map, which ORs the bits into the slot and pushes it to its strand
 *      (evrt__slot_deliver). The strand is notified: whoever sets OWNED enqueues it (strand_word.h).
 *   3. On a worker it goes to that worker's ring; from a foreign thread to the home worker's inbox.
 *   4. The worker pops it from its ring, or an idle one steals it (idle.c). The fd stays where it is.
 *   5. strands.c runs it: arrivals become tasks, tasks become callbacks, until nothing is left or the budget
 *      is; then OWNED is given back, or the strand goes to the tail of the ring.
 */
#ifndef EVRT_RUNTIME_POOL_POOL_H_
#define EVRT_RUNTIME_POOL_POOL_H_

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/assert.h"
#include "base/rand.h"
#include "runtime/loop/fdmap.h"
#include "runtime/loop/reactor.h"
#include "runtime/loop/strand.h"
#include "threading/fork.h"
#include "threading/inbox.h"
#include "threading/ring.h"

#define EVRT_POOL_WORKERS_MAX 64u /* bits of evrt_pool.parked */
#define EVRT_STRAND_SEGMENTS 20u  /* 64, 128, … strands: 67 million */

struct evrt_pool;

/* A strand of a pool. Its memory lives as long as the pool: a handle (index and generation) in a user's
 * event may name a strand that is long gone. */
struct evrt_pool_strand {
	struct evrt_strand strand;      /* first: the ops get this */
	evrt_atomic(uint64_t) word;     /* strand_word.h; the generation in its upper half */
	evrt_atomic(uint32_t) refs;     /* 0: on the free list. Being queued or running holds one */
	uint32_t index;                 /* const */
	struct evrt_worker *worker;     /* whose reactor is home; const while referenced */
	bool pinned;                    /* runs on `worker` only; const while referenced */
	struct evrt_node travel;        /* in the inbox of `worker` */
	struct evrt_pool_strand *next;  /* free list (pool lock), or overflow queue (inject lock) */
};

struct evrt_worker_counters { /* written by the worker, read by anybody, relaxed */
	evrt_atomic(uint64_t) loops, events, runs, callbacks, steals_tried, steals_hit, stolen, parks, posts,
	    overflows, longest_run_ns, busy_ns;
};

struct evrt_worker {
	struct evrt_pool *pool;         /* const */
	unsigned index;                 /* const */
	struct evrt_pool_strand *own;   /* the pinned base's strand; const */
	pthread_t thread;               /* pool lock; valid while has_thread */
	bool has_thread;

	/* Owner only. */
	bool own_ready;                 /* `own` is queued */
	struct evrt_rand rand;
	evrt_ns turn_began;
	_Alignas(EVRT_CACHE_LINE) struct evrt_reactor reactor;

	_Alignas(EVRT_CACHE_LINE) struct evrt_ring ring;     /* struct evrt_pool_strand * */
	_Alignas(EVRT_CACHE_LINE) struct evrt_inbox inbox;   /* any thread pushes */
	evrt_atomic(uint32_t) homed;                         /* strands whose home this is */
	evrt_atomic(uint32_t) unhurried;                     /* messages that did not wake it, so far */
	evrt_atomic(uint64_t) connections;                   /* dealt to this worker since the start */
	_Alignas(EVRT_CACHE_LINE) struct evrt_worker_counters counters;
	/* This worker's part of "what keeps dispatch from returning": it may be negative, the sum is not. */
	evrt_atomic(int64_t) pending;
	/* Times that it was about to set its bit in evrt_pool.parked; see evrt__pool_is_idle. Owner writes. */
	evrt_atomic(uint64_t) rests;
};

enum evrt_pool_halt {
	EVRT_HALT_NO,
	EVRT_HALT_WHEN_DRAINED, /* run what is ready, then end */
	EVRT_HALT_NOW,          /* end after the callback that runs */
};

struct evrt_pool_settings {
	unsigned workers, priorities, wake_queue_strands, strand_budget_callbacks, turn_budget_strands;
	bool steal, pin_workers, worker_arenas;
	const struct evrt_backend_ops *backend;
	struct evrt_clock *clock;
	void (*execute)(struct evrt_strand *, struct evrt_task *); /* struct evrt_strand.execute */
};

struct evrt_pool {
	struct evrt_pool_settings set;  /* const */
	struct evrt_worker *workers;    /* [set.workers]; const */
	unsigned forks;                 /* evrt__fork_count() of the process that it can run in; const while it does */
	struct evrt_fdmap fdmap;
	void *api;                      /* the bases; const after evrt_pool_new */

	_Alignas(EVRT_CACHE_LINE) evrt_atomic(uint64_t) parked; /* bit i: worker i sleeps, or is about to */
	evrt_atomic(unsigned) waking;   /* 1: a worker was awakened to search, and has not begun yet */
	evrt_atomic(unsigned) halt;     /* enum evrt_pool_halt */
	evrt_atomic(bool) got_exit, got_break; /* what has been asked since the last start (loopexit, loopbreak) */
	evrt_atomic(bool) ends_when_idle; /* dispatch: end when nothing is pending */
	evrt_atomic(int64_t) pending;   /* the part of threads that are no workers */

	pthread_mutex_t inject_lock;    /* rank inject */
	struct evrt_pool_strand *inject_head, *inject_tail;
	evrt_atomic(uint32_t) inject_length;

	pthread_mutex_t lock;           /* rank pool: all below */
	pthread_cond_t ended;           /* running became 0, or joining false */
	uint64_t run;                   /* starts so far */
	unsigned running;               /* workers inside evrt__worker_run */
	bool joining;                   /* somebody waits for the threads of the run that has ended */
	evrt_atomic(bool) started;      /* between a start and the end of all workers; written under lock */
	struct evrt_pool_strand *free_strands;
	uint32_t strands_made;
	evrt_atomic(struct evrt_pool_strand *) segment[EVRT_STRAND_SEGMENTS]; /* written under lock, read by all */
};

/* The worker that this thread is, or NULL. */
struct evrt_worker *evrt__worker_self(void);

/* pool.c. NULL and *out_err = -errno. */
struct evrt_pool *evrt__pool_new(const struct evrt_pool_settings *, int *out_err);
/* No worker runs, no event is left. */
void evrt__pool_free(struct evrt_pool *);
/* In the child of a fork: it has the pool's memory, but neither threads nor pollers of its own. */
static inline bool
evrt__pool_is_forked(const struct evrt_pool *p)
{
	return p->forks != evrt__fork_count();
}
/* … and of one that ran then. A thread may have been in the middle of anything: nothing can be changed or freed. */
static inline bool
evrt__pool_is_torn(const struct evrt_pool *p)
{
	return evrt__pool_is_forked(p) && evrt_load_seq_cst(&p->started);
}
/* In the child of a fork: the pool gets pollers of its own. 0; -ECHILD where it is torn; or
 * another -errno: to be tried again, or freed. */
int evrt__pool_reopen(struct evrt_pool *);
/* Afterwards: all watches are registered, and the pool can run here. 0; or the first -errno, and it can not. */
int evrt__pool_register_again(struct evrt_pool *);
/* Threads for workers first..n-1. 0, -EALREADY, -EAGAIN, -ECHILD (forked). */
int evrt__pool_start(struct evrt_pool *, unsigned first, bool ends_when_idle);
/* Runs worker 0 in the calling thread after evrt__pool_start(pool, 1, …), and joins the others. */
void evrt__pool_run_here(struct evrt_pool *);
/* From anywhere, also a signal's handler: whichever run is on. */
void evrt__pool_halt(struct evrt_pool *, enum evrt_pool_halt);
/* The number of the run that is on, or was the last. */
uint64_t evrt__pool_current_run(struct evrt_pool *);
/* Halts that run, and no later one. */
void evrt__pool_halt_run(struct evrt_pool *, uint64_t run, enum evrt_pool_halt);
/* Waits until `deadline` (a time of CLOCK_MONOTONIC) for all workers of a run to end. True: they have, and are
 * joined. Others may have started another run meanwhile. */
bool evrt__pool_wait_ended(struct evrt_pool *, uint64_t run, evrt_ns deadline);
bool evrt__pool_is_idle(struct evrt_pool *);

/* strands.c. A strand at home on `worker`; NULL: out of memory. The caller's reference. */
struct evrt_pool_strand *evrt__pool_strand_new(struct evrt_pool *, struct evrt_worker *worker, bool pinned);
uint64_t evrt__pool_strand_handle(const struct evrt_pool_strand *);
/* With a reference, or NULL when that strand has died. Any thread. */
struct evrt_pool_strand *evrt__pool_strand_find(struct evrt_pool *, uint64_t handle);
/* Runs it on this worker, which got it from a queue. */
void evrt__pool_strand_run(struct evrt_worker *, struct evrt_pool_strand *);
struct evrt_pool_strand *evrt__pool_strand_at(struct evrt_pool *, uint32_t index);
static inline struct evrt_pool_strand *
evrt__pool_strand_of(struct evrt_strand *s)
{
	return EVRT_CONTAINER_OF(s, struct evrt_pool_strand, strand);
}
extern const struct evrt_strand_ops evrt__pool_strand_ops;

/* worker.c */
void evrt__worker_run(struct evrt_worker *);
/* By the last worker of a drain, alone: runs what was sent to workers that had left before. */
void evrt__worker_sweep(struct evrt_worker *last);
/* Puts a strand (whose OWNED the caller has set, or holds) where it will be run. Any thread. */
void evrt__worker_enqueue(struct evrt_pool_strand *);
/* Lets what lies in the inbox of `w` arrive. Owner, or when no worker runs. The number of messages. */
unsigned evrt__worker_take_inbox(struct evrt_worker *w);
/* When no worker runs any more: lets what lies in the inbox of `w` arrive as if `w` did it. */
void evrt__worker_drop_inbox(struct evrt_worker *w);

/* idle.c */
struct evrt_pool_strand *evrt__worker_steal(struct evrt_worker *thief);
/* There is more in the ring than its owner will run next: wake somebody, if that pays. Owner. */
void evrt__worker_share(struct evrt_worker *);
void evrt__inject_push(struct evrt_pool *, struct evrt_pool_strand *);
/* Moves this worker's part of the overflow queue to its ring. */
void evrt__inject_take(struct evrt_worker *);
/* The worker that a new strand should be at home on: the less loaded of two. Any thread. */
struct evrt_worker *evrt__pool_place(struct evrt_pool *);

/* post.c. 0 or -ENOMEM, -ECANCELED, -ECHILD (forked). The strand is referenced until the call has run. */
int evrt__pool_post(struct evrt_pool_strand *, void (*fn)(void *), void *arg);
/* A task that will not run any more was a post: frees it. False: it was none. */
bool evrt__pool_post_drop(struct evrt_task *);

#endif
