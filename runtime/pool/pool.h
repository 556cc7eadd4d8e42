/* runtime/pool/pool.h — workers that run strands, in groups that share a poller, and steal from each other.
 *
 * Here:     struct evrt_pool, its groups, workers and strands, as the files of this room and api/pool see them.
 * Not here: events and bases (api/), pollers and timers (runtime/loop), the public contract (evrt/pool.h).
 * Threads:  said per field and function.
 *
 * Life of a ready connection
 *   1. Its fd is registered in the set of its group (its home). The kernel reports it to one of the workers
 *      that wait there: the one that lay down last, which is the warmest.
 *   2. worker.c hands the report to the fd map, which ORs the bits into the slot and pushes it to its strand
 *      (evrt__slot_deliver). The strand is notified: whoever sets OWNED enqueues it (strand_word.h).
 *   3. On a worker it goes to that worker's ring; from a foreign thread to its group's inbox.
 *   4. The worker pops it from its ring, or an idle one steals it (idle.c). The fd stays where it is.
 *   5. strands.c runs it: arrivals become tasks, tasks become callbacks, until nothing is left or the budget
 *      is; then OWNED is given back, or the strand goes to the tail of the ring.
 *
 * So a ready connection waits for a busy worker only while it lies in that worker's ring, and what lies there is
 * stolen, or, where it is not worth a wake, seen by a guard within a millisecond (idle.c).
 *
 * Where the poller cannot be shared (poll, select) each worker is a group of its own, and idle ones serve the
 * pollers and timers of those that are stuck (evrt__group_rescue).
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
#include "runtime/pool/group_word.h"
#include "runtime/pool/limits.h"
#include "runtime/pool/stats.h"
#include "runtime/pool/watchdog.h"
#include "threading/fork.h"
#include "threading/inbox.h"
#include "threading/ring.h"

#define EVRT_POOL_WORKERS_MAX 64u /* bits of evrt_pool.parked */
#define EVRT_STRAND_SEGMENTS 20u  /* 64, 128, … strands: 67 million */

/* The lowest n bits. */
static inline uint64_t
evrt__pool_bits(unsigned n)
{
	return n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

struct evrt_group;
struct evrt_pool;
struct evrt_worker;

/* A strand of a pool. Its memory lives as long as the pool: a handle (index and generation) in a user's
 * event may name a strand that is long gone. */
struct evrt_pool_strand {
	struct evrt_strand strand;      /* first: the ops get this */
	evrt_atomic(uint64_t) word;     /* strand_word.h; the generation in its upper half */
	evrt_atomic(uint32_t) refs;     /* 0: on the free list. Being queued or running holds one */
	uint32_t index;                 /* const */
	struct evrt_group *group;       /* whose reactor is home (pinned: whose worker's); const while referenced */
	struct evrt_worker *pinned;     /* runs there only; NULL: anywhere. const while referenced */
	bool counted;                   /* is an accepted connection (limits.h); const while referenced */
	struct evrt_node travel;        /* in the inbox of `pinned`, or else of `group` */
	struct evrt_pool_strand *next;  /* free list (pool lock), or overflow queue (inject lock) */
	evrt_atomic(evrt_ns) ready_since; /* 0: it is not queued. Relaxed: for statistics */
};

enum evrt_place {
	EVRT_PLACE_AWAKE,
	EVRT_PLACE_SET,    /* in the wait of its group's set */
	EVRT_PLACE_BELLED, /* there, and wanted elsewhere: evrt__worker_use_own */
};

struct evrt_worker {
	struct evrt_pool *pool;         /* const */
	struct evrt_group *group;       /* const */
	unsigned index;                 /* const */
	struct evrt_pool_strand *own;   /* the pinned base's strand; const */
	pthread_t thread;               /* pool lock; valid while has_thread */
	bool has_thread;
	bool left;                      /* by evrt__worker_leave: not among `running` any more. Pool lock */

	/* Owner only. */
	bool own_ready;                 /* `own` is queued */
	bool reporting;                 /* what is enqueued now is shared when all of it is there */
	bool nested;                    /* the group's set is in our own */
	bool called;                    /* it got up for a call, and has not looked at everything yet */
	unsigned useless_wakes;         /* in a row; see idle.c */
	struct evrt_rand rand;
	evrt_ns turn_began;             /* the last time that it read the clock: after a wait, and after each run */
	/* Of the pinned base; and where this worker sleeps when it waits for nothing but calls. */
	_Alignas(EVRT_CACHE_LINE) struct evrt_reactor reactor;

	_Alignas(EVRT_CACHE_LINE) struct evrt_ring ring;     /* struct evrt_pool_strand * */
	_Alignas(EVRT_CACHE_LINE) struct evrt_inbox inbox;   /* any thread pushes what only this worker may run */
	evrt_atomic(evrt_ns) inbox_since;                    /* its first strand; 0: none. Relaxed: for statistics */
	evrt_atomic(unsigned) place;                         /* enum evrt_place */
	evrt_atomic(bool) own_used;                          /* its pinned base is in use: it must hear its own set */
	evrt_atomic(uint64_t) connections;                   /* accepted here since the start */
	_Alignas(EVRT_CACHE_LINE) struct evrt_worker_counters counters;
	_Alignas(EVRT_CACHE_LINE) struct evrt_watch watch;
	evrt_atomic(evrt_ns) run_ns;                         /* what a run takes, smoothed. Owner writes, relaxed */
	evrt_atomic(evrt_ns) busy_since;                     /* what it does now began then. Owner writes, relaxed */
	/* This worker's part of "what keeps dispatch from returning": it may be negative, the sum is not. */
	evrt_atomic(int64_t) pending;
	/* Times that it was about to set its bit in evrt_pool.parked; see evrt__pool_is_idle. Owner writes. */
	evrt_atomic(uint64_t) rests;
};

/* Workers that wait in one set. */
struct evrt_group {
	struct evrt_pool *pool;         /* const, as all up to `word` */
	unsigned first, count;          /* its workers, present or not */
	struct evrt_reactor *reactor;   /* &set; or, of a group of one, the worker's own */
	struct evrt_reactor set;        /* unused in a group of one */
	int call_fd, bell_fd;           /* in `set`: see group.c */
	evrt_atomic(uint64_t) calls;    /* writes to call_fd */
	_Alignas(EVRT_CACHE_LINE) struct evrt_group_word word;
	evrt_atomic(unsigned) belled;   /* workers that have to leave the set */
	evrt_atomic(uint32_t) homed;    /* strands whose home this is */
	evrt_atomic(evrt_ns) inbox_since; /* its first strand; 0: none. Relaxed: for statistics */
	_Alignas(EVRT_CACHE_LINE) struct evrt_inbox inbox; /* strands that foreign threads made ready */
	struct evrt_inbox late;         /* slots that found no memory for their timer; each arrival locks its timers */
	/* Group of one, of several: held from a look into the poller until its reports are handed out, by the worker or a
	 * rescuer. */
	pthread_mutex_t poll_lock;
};

enum evrt_pool_halt {
	EVRT_HALT_NO,
	EVRT_HALT_WHEN_DRAINED, /* run what is ready, then end */
	EVRT_HALT_NOW,          /* end after the callback that runs */
};

struct evrt_pool_settings {
	unsigned workers; /* the most there may be */
	unsigned size;    /* of them at first */
	unsigned priorities, wake_queue_strands, strand_budget_callbacks, turn_budget_strands, workers_per_set;
	evrt_ns strand_budget_ns, turn_budget_ns; /* NEVER: none */
	bool steal, pin_workers, worker_arenas;
	evrt_ns watchdog_limit_ns; /* 0: no watchdog */
	const struct evrt_backend_ops *backend;
	struct evrt_clock *clock;
	void (*execute)(struct evrt_strand *, struct evrt_task *); /* struct evrt_strand.execute */
	struct evrt_pool_limits limits;
};

struct evrt_pool {
	struct evrt_pool_settings set;  /* const */
	struct evrt_worker *workers;    /* [set.workers]; const */
	struct evrt_group *groups;      /* [groups_count]; const */
	unsigned groups_count;
	unsigned forks;                 /* evrt__fork_count() of the process that it can run in; const while it does */
	struct evrt_fdmap fdmap;
	void *api;                      /* the bases; const after evrt_pool_new */
	struct evrt_watchdog watchdog;
	evrt_atomic(uint64_t) present;  /* bit i: worker i serves what is at home with it; written under lock. resize.c */
	evrt_atomic(unsigned) size;     /* workers below this are to stay, the others to go; written under lock */

	_Alignas(EVRT_CACHE_LINE) evrt_atomic(uint64_t) parked; /* bit i: worker i sleeps, or is about to */
	evrt_atomic(unsigned) guard;    /* 1 + the worker that looks after the others now and then; 0: none. idle.c */
	evrt_atomic(unsigned) halt;     /* enum evrt_pool_halt */
	/* What has been asked since the last start (loopexit, loopbreak). PAIRS pool.got_exit, pool.got_break. */
	evrt_atomic(bool) got_exit, got_break;
	evrt_atomic(bool) ends_when_idle; /* dispatch: end when nothing is pending */
	evrt_atomic(int64_t) pending;   /* the part of threads that are no workers */
	evrt_atomic(uint32_t) senders;  /* such threads inside evrt__pool_enter */
	evrt_atomic(uint64_t) posts_refused; /* relaxed: for statistics */
	_Alignas(EVRT_CACHE_LINE) struct evrt_pool_limits_state limits;

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

/* Around what a foreign thread does to a pool that may end, and be freed, by it: evrt__pool_free waits for it.
 * PAIRS pool.senders: counted before it can be seen what was done. Async-signal-safe. */
static inline void
evrt__pool_enter(struct evrt_pool *p)
{
	evrt_add_seq_cst(&p->senders, 1u);
}

static inline void
evrt__pool_leave(struct evrt_pool *p)
{
	evrt_sub_seq_cst(&p->senders, 1u);
}

/* The worker that this thread is, or NULL. */
struct evrt_worker *evrt__worker_self(void);

/* pool.c. NULL and *out_err = -errno. */
struct evrt_pool *evrt__pool_new(const struct evrt_pool_settings *, int *out_err);
/* Until no other thread is inside evrt__pool_enter any more. */
void evrt__pool_wait_alone(struct evrt_pool *);
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
/* Joins the threads of workers that have left; pool locked, released meanwhile. */
void evrt__pool_join_left(struct evrt_pool *);
/* A thread for a worker that has none, which waits for the lock; pool locked. 0 or -errno. */
int evrt__worker_start(struct evrt_worker *);

/* resize.c. 0 or -errno; see evrt_pool_resize. */
int evrt__pool_resize(struct evrt_pool *, unsigned workers);
/* PAIRS pool.present: whoever puts something on a worker, or into a group, counts it first, then looks; see
 * resize.c. */
static inline bool
evrt__worker_is_present(const struct evrt_worker *w)
{
	return evrt_load_seq_cst(&w->pool->present) >> w->index & 1u;
}
/* Its workers that are there: their bits. */
static inline uint64_t
evrt__group_present(const struct evrt_group *g)
{
	return evrt_load_seq_cst(&g->pool->present) & evrt__pool_bits(g->count) << g->first;
}
/* It was asked to go, and nothing is left that it would have to serve. Any thread. */
bool evrt__worker_may_leave(struct evrt_worker *);
/* It goes, if it may: what it has queued is for the others. Owner. True: it is to end. */
bool evrt__worker_leave(struct evrt_worker *);
/* Holds a worker back, so that what is posted to it will run. False: it is not there. Given back by dropping a
 * reference of its own strand. */
bool evrt__worker_hold(struct evrt_worker *);
/* What keeps it, or them, became less (counted, seq_cst): it may be able to go. Any thread. */
void evrt__worker_lost_one(struct evrt_worker *);
void evrt__group_lost_one(struct evrt_group *);

/* strands.c. A strand at home in `group`, or on one worker of it; NULL: out of memory. The caller's reference. */
struct evrt_pool_strand *evrt__pool_strand_new(struct evrt_group *group, struct evrt_worker *pinned);
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

/* group.c. Groups for all workers, whose reactors are there. 0 or -errno. */
int evrt__groups_init(struct evrt_pool *);
void evrt__groups_fini(struct evrt_pool *);
/* In the child of a fork, after the workers' reactors. 0; or -errno, and it may be tried again. */
int evrt__groups_reopen(struct evrt_pool *);
/* Before a run: nobody sleeps. */
void evrt__groups_reset(struct evrt_pool *);
static inline bool evrt__group_is_shared(const struct evrt_group *g) { return g->reactor == &g->set; }
/* Something was published for whoever comes: calls one sleeper, of this group or else of another one, if there is one
 * and nobody comes already; see group_word.h. Any thread; async-signal-safe. */
void evrt__group_call(struct evrt_group *, bool urgent);
/* All sleepers get up, and nobody sleeps until the next reset. Async-signal-safe. */
void evrt__groups_call_all(struct evrt_pool *);
/* That worker gets up, wherever it sleeps. What for was stored with seq_cst before. Any thread. */
void evrt__worker_summon(struct evrt_worker *);
/* One for whom the bell was rung has left the set. */
void evrt__group_leave_belled(struct evrt_group *);
/* Takes the reports of the group's own descriptors out. `slept`: this worker may take a call. The number left. */
int evrt__group_strip_own(struct evrt_group *, struct evrt_ready *, int n, bool slept);
/* Strands that foreign threads made ready, to this worker's ring. */
void evrt__group_take_inbox(struct evrt_group *, struct evrt_worker *to);
/* Slots that found no memory for their timer try again. */
void evrt__group_arm_late(struct evrt_group *);
/* Serves the timers of a reactor that are due. */
void evrt__reactor_serve_timers(struct evrt_reactor *, struct evrt_group *, struct evrt_worker *by);
/* Looks into the pollers, timers and inboxes of groups whose workers are all stuck. True: something came. */
bool evrt__group_rescue(struct evrt_worker *);

/* worker.c */
void evrt__worker_run(struct evrt_worker *);
/* By the last worker of a drain, alone: runs what was sent to workers that had left before. */
void evrt__worker_sweep(struct evrt_worker *last);
/* Puts a strand (whose OWNED the caller has set, or holds) where it will be run. Any thread. */
void evrt__worker_enqueue(struct evrt_pool_strand *);
/* Lets what lies in the inbox of `w` arrive. Owner, or when no worker runs. The number of messages. */
unsigned evrt__worker_take_inbox(struct evrt_worker *w);
/* When no worker runs any more: lets what lies in the inboxes of `w` and its group arrive as if `w` did it. */
void evrt__worker_drop_inbox(struct evrt_worker *w);
/* From now on this worker hears its own set whenever it sleeps: somebody uses its pinned base. Any thread. */
void evrt__worker_use_own(struct evrt_worker *w);
/* Hands reports to those they concern. */
void evrt__worker_report(struct evrt_worker *, struct evrt_reactor *, const struct evrt_ready *, int n);

/* sleep.c. Sleeps until there is something to do, or a first sign of it; takes reports. */
void evrt__worker_sleep(struct evrt_worker *);
/* Takes reports that are there. */
void evrt__worker_look(struct evrt_worker *);

/* idle.c */
struct evrt_pool_strand *evrt__worker_steal(struct evrt_worker *thief);
/* `hidden` strands wait in the ring of a worker that does something else: calls somebody, if that pays, or if nobody
 * would hear of what comes meanwhile. Owner. */
void evrt__worker_share(struct evrt_worker *, uint32_t hidden);
/* The same with all in its ring but the first, which it runs next. */
void evrt__worker_share_rest(struct evrt_worker *);
/* Strands in a ring that are worth a wake. */
uint32_t evrt__worker_worth(const struct evrt_worker *);
/* What its strands do takes longer than a wake. */
bool evrt__worker_is_slow(const struct evrt_worker *);
/* Its own, or those of anybody who is up: a report waits for such a one no longer than it has to. */
bool evrt__worker_sees_slow(const struct evrt_worker *);
/* There is something in another worker's ring. */
bool evrt__worker_others_hide(const struct evrt_worker *);
/* Any worker but this one is up. */
bool evrt__worker_others_awake(const struct evrt_worker *);
/* This worker, about to sleep, looks after the others from now on. False: another one does, or none is up. */
bool evrt__worker_take_guard(struct evrt_worker *);
/* It does no more; what others hide from now on, they call for. */
void evrt__worker_leave_guard(struct evrt_worker *);
/* Somebody has been inside one callback for long. */
bool evrt__worker_sees_stuck(const struct evrt_worker *, evrt_ns now);
void evrt__inject_push(struct evrt_pool *, struct evrt_pool_strand *);
/* Moves this worker's part of the overflow queue to its ring. */
void evrt__inject_take(struct evrt_worker *);
/* The group that a new strand should be at home in: the less loaded of two. Any thread. */
struct evrt_group *evrt__pool_place(struct evrt_pool *);

/* post.c. 0 or -ENOMEM, -ECANCELED, -ECHILD (forked). The strand is referenced until the call has run. */
int evrt__pool_post(struct evrt_pool_strand *, void (*fn)(void *), void *arg);
/* A task that will not run any more was a post: frees it. False: it was none. */
bool evrt__pool_post_drop(struct evrt_task *);

#endif
