/* evrt/pool.h — libevent's API on every core.
 *
 * A pool is a set of worker threads. It offers two kinds of event_base:
 *
 *   evrt_pool_as_base(pool)      the *pooled* base. Every libevent call accepts it; what is added to it
 *                                spreads over all workers. Its contract is the strand's (below).
 *   evrt_pool_get_base(pool, i)  the *pinned* base of worker i. libevent's rules hold to the letter: its
 *                                callbacks never overlap and all run on that worker's thread.
 *
 * The one-line change. A libevent program becomes multi-core by making its base with
 *
 *     struct event_base *base = evrt_base_new(0);           // instead of event_base_new()
 *
 * and dispatching it as before. Nothing else changes, provided that its callbacks share state only
 * within one connection; what several connections share must now be guarded (a mutex, an atomic, or
 * one strand for all that touch it).
 *
 * Strands. A strand is the smallest serial unit, and the unit of stealing. Callbacks of one strand never
 * overlap, and each sees what the ones before it wrote; callbacks of different strands run in parallel.
 *   (a) What a callback creates on a pooled base (events, timers, bufferevents, connections) joins the
 *       strand that callback runs in.
 *   (b) An accepted connection begins a new strand, and the listener's callback for it already runs there;
 *       so all that belongs to a connection shares its strand, and accept callbacks of different
 *       connections may overlap.
 *   (c) Created outside any callback, each object is a strand of its own.
 *   (d) evrt_strand_new, evrt_event_set_strand and their like join and part explicitly.
 *
 * Fairness. Ready strands take turns, oldest first. A strand that has more to run after strand_budget_callbacks, or
 * strand_budget_us, goes to the end of the queue; a worker that has run for turn_budget_us looks for new events. Both
 * are looked at between callbacks: one that takes long delays what is queued behind it on its worker until another
 * worker takes that. A listener accepts 16 connections at a time.
 *
 * Priorities order the events within one strand: of those that are active, the most urgent runs first. They say
 * nothing between strands. On a pinned base they are libevent's, among all of its events.
 *
 * Limits. A pool takes all it is given, unless posts_max, connections_max or accept_latency_limit_ms are set. What
 * connections hold in memory is bounded by connections_max times what one may hold: a high watermark for reading
 * (bufferevent_setwatermark), and a program that stops producing while bufferevent_get_output is long. To count the
 * bytes, replace the allocator (event_set_mem_functions).
 *
 * Fork. The child has the pool's memory, but none of its threads. In a child
 *   - of a pool that did not run (never started, or stopped by a call that has returned), event_reinit on any of
 *     its bases gives it pollers of its own, and it can be started; all that was added or posted is still there.
 *     No other thread may have been inside a call on the pool. Until then events may be added and deleted, which
 *     leaves the parent's alone; what needs a worker says so, with ECHILD: starting, stopping, dispatching,
 *     loopbreak, posting, evrt_strand_new and evrt_event_set_strand. evrt_pool_free frees the child's copy.
 *   - of a pool that ran, a thread may have been in the middle of anything. event_reinit is one more of those that
 *     say ECHILD; evrt_pool_free returns and leaves all as it is, for exec or exit to give back; of events
 *     nothing may be done. Questions (sizes, bases, statistics) are answered.
 *   - forked by a callback, the loop ends when that callback comes back: event_base_dispatch returns -1 with
 *     ECHILD, and a thread that evrt_pool_start made ends, and with it the child. Better to exec or to _exit there.
 *
 * Several pools may be in one process; to each other their workers are like any other thread.
 *
 * Unless said otherwise every function may be called from any thread; those that return int return 0, or
 * -1 with errno set. None may be called in a signal's handler, but event_base_loopbreak on a pooled or pinned
 * base may, and leaves errno alone: the workers end after the callbacks that they are in, as evrt_pool_stop with a
 * deadline that has passed does it. (Workers block all signals. For the rest there are signal events.)
 */
#ifndef EVRT_POOL_H_INCLUDED_
#define EVRT_POOL_H_INCLUDED_

#include <errno.h> /* EVRT_AGAIN */
#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>
#include <event2/visibility.h>
#include <evrt/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event;
struct event_base;
struct evrt_pool;
struct evrt_strand;

/** For event_config_set_flag: with event_config_set_num_cpus_hint(cfg, n), n > 1, the base is a pooled
 * base with n workers (EVRT_WORKERS in the environment overrides n). A high bit, clear of libevent's. */
#define EVRT_BASE_FLAG_POOLED 0x10000000

/** More workers than this are refused with EINVAL. */
#define EVRT_WORKERS_MAX 64

/** What a pool is made of. Fill it with evrt_pool_config_init, then change what you wish; fields may be
 * added at the end, `size` tells which are there. */
struct evrt_pool_config {
	/** sizeof(struct evrt_pool_config), set by evrt_pool_config_init. */
	size_t size;
	/** Threads. 0: EVRT_WORKERS in the environment, else the CPUs that this process may use. */
	unsigned workers;
	/** Priorities of the pinned bases, and of events within a strand. Default 1. */
	unsigned priorities;
	/** Whether idle workers take ready strands from busy ones. Default 1. */
	int steal;
	/** A worker wakes an idle one when so many short strands wait in its queue, or more, by how long such strands take;
	 * for one that takes longer than a wake it always does. Default 2; 1 wakes eagerly. */
	unsigned wake_queue_strands;
	/** Callbacks that a strand runs before another strand gets its turn. Default 16. */
	unsigned strand_budget_callbacks;
	/** Strands that a worker runs before it looks for new events. Default 61. */
	unsigned turn_budget_strands;
	/** Workers that wait for events together, in one set of the poller (where it can be shared: epoll). Whichever of
	 * them is free takes the next event. 1: each waits for its own connections, and idle ones help by stealing.
	 * Default 16. */
	unsigned workers_per_set;
	/** A callback that runs longer than this is named by the watchdog (evrt/stats.h). Default 0: no watchdog. */
	unsigned watchdog_limit_ms;
	/** Microseconds after which a strand that has more to run lets others run first; looked at between callbacks.
	 * Default 100; 0: only callbacks are counted. */
	unsigned strand_budget_us;
	/** Microseconds after which a worker looks for new events although more strands are ready. Default 200;
	 * 0: only strands are counted. */
	unsigned turn_budget_us;
	/** Posts of threads that are no workers of the pool, accepted and not run yet: more are refused with EVRT_AGAIN.
	 * Default 0: no limit. */
	unsigned posts_max;
	/** Connections accepted by the listeners of the pooled base that are alive: at so many, these listeners stop
	 * accepting, and begin again when an eighth is gone. A connection is alive as long as anything is in the strand it
	 * began. Default 0: no limit. */
	unsigned connections_max;
	/** When what is ready waits longer than so many milliseconds for a worker, the listeners of the pooled base stop
	 * accepting until it waits no longer than half of that. Default 0: no limit. */
	unsigned accept_latency_limit_ms;
	/** 1: worker i is kept on the i-th CPU (and round again) of the affinity mask of the thread that starts the
	 * pool. Default 0. Not done to the caller of event_base_dispatch, which is worker 0. Where the kernel
	 * refuses, a warning says so, and the worker runs unpinned. */
	int pin_workers;
	/** 1: where the program's malloc is jemalloc's, each worker allocates from an arena of its own; with
	 * pin_workers its memory then lies next to its CPU on machines with several memory nodes. Else it has
	 * no effect. Worker i of every pool uses the same arena: there are never more than EVRT_WORKERS_MAX.
	 * Default 0. Not done to the caller of event_base_dispatch. */
	int worker_arenas;
	/** How many workers evrt_pool_resize may ask for, at least `workers`. Default 0: as many as `workers`. Where
	 * that is 0, this limits it. Memory and a poller for each are there from the beginning. */
	unsigned workers_max;
};

/** Sets every field to its default. */
EVENT2_EXPORT_SYMBOL
void evrt_pool_config_init(struct evrt_pool_config *config);

/**
 * Makes a pool. No thread runs yet; events may be added already.
 *
 * Turns evthread on (pthreads) when nobody has.
 *
 * @param config NULL for all defaults
 * @return the pool, to be freed with evrt_pool_free; NULL with errno EINVAL (a field is out of range),
 *   ENOMEM, EMFILE
 */
EVENT2_EXPORT_SYMBOL
struct evrt_pool *evrt_pool_new(const struct evrt_pool_config *config);

/**
 * Starts all workers as threads of their own and returns at once. They run until evrt_pool_stop, whether
 * or not anything is pending. (The other way to run a pool is event_base_dispatch on its pooled base.)
 *
 * While a stop is under way it runs still (EALREADY). What a stop has cut off, and what was posted meanwhile
 * to a pool that did not run, runs now.
 *
 * @return 0; -1 with errno EALREADY (runs already), EAGAIN (a thread could not be started; none runs), ECHILD
 *   (see "Fork" above)
 */
EVENT2_EXPORT_SYMBOL
int evrt_pool_start(struct evrt_pool *pool);

/**
 * Stops the workers gracefully: what is ready now, and what becomes ready by it, still runs; posts from
 * outside are refused (ECANCELED); then the threads end. Events stay added, and run again after another
 * start. Blocking work that runs (evrt/blocking.h) is awaited before all that, while the pool goes on. From inside a
 * callback of the pool, or such work, it only asks, and returns 1: the stop happens afterwards. A dispatch of the
 * pooled base returns 0, as after event_base_loopexit. Several threads may stop at once: each waits for the end, and
 * the strictest decides how it comes. A pool that does not run is left as it is.
 *
 * Two pools whose callbacks stop each other at the same time wait for each other: there give a deadline.
 *
 * @param deadline how long to wait for it; NULL: as long as the callbacks take. When it has passed, each
 *   worker ends after the callback that it is in, and what is still queued stays so.
 * @return 0 all workers have ended; 1 not yet (evrt_pool_free waits for them); -1 with errno EINVAL, ECHILD
 */
EVENT2_EXPORT_SYMBOL
int evrt_pool_stop(struct evrt_pool *pool, const struct timeval *deadline);

/**
 * Stops if it runs (as evrt_pool_stop with a deadline of 0), waits for the threads, and frees the pool and
 * its bases. Events still added are deleted, not freed, as event_base_free does. Not from inside a callback
 * of the pool (refused with a warning). NULL is ignored. evrt_strand pointers must have been freed before. In
 * the child of a fork: see "Fork" above.
 */
EVENT2_EXPORT_SYMBOL
void evrt_pool_free(struct evrt_pool *pool);

/**
 * Changes the number of workers, also while they serve, and in their callbacks. Threads for new ones are started at
 * once, and take their part. Of the others those with the highest numbers are to go. Such a one goes, and returns its
 * thread, when its pinned base has no events, and nothing is left that was posted to it; until then it serves these.
 * (Once that base watched a signal, it has an event for good.) What it shared with the others of its set
 * (workers_per_set) they go on to serve; but one of each set stays as long as connections or strands are left there.
 * New ones come to sets with workers that are to stay. Nothing is lost or moved. A pool that does not run has the new
 * number when it starts.
 *
 * @param workers 1 to evrt_pool_config.workers_max
 * @return 0; -1 with errno EINVAL, ECANCELED (the pool is stopping), EAGAIN (a thread could not be started;
 *   evrt_pool_get_size tells how many there are), ECHILD
 */
EVENT2_EXPORT_SYMBOL
int evrt_pool_resize(struct evrt_pool *pool, unsigned workers);

/** The number of workers, without those that are to go (evrt_pool_resize). */
EVENT2_EXPORT_SYMBOL
unsigned evrt_pool_get_size(const struct evrt_pool *pool);

/** The pooled base; belongs to the pool. event_base_free on it frees the whole pool. */
EVENT2_EXPORT_SYMBOL
struct event_base *evrt_pool_as_base(struct evrt_pool *pool);

/** The pinned base of one worker; belongs to the pool, which alone runs it. NULL when out of range. It stays valid
 * when the worker goes (evrt_pool_resize); what is added to it then waits until there is such a worker again. */
EVENT2_EXPORT_SYMBOL
struct event_base *evrt_pool_get_base(struct evrt_pool *pool, unsigned worker);

/** The pool of a pooled or pinned base; NULL for any other. */
EVENT2_EXPORT_SYMBOL
struct evrt_pool *evrt_base_get_pool(struct event_base *base);

/**
 * A pooled base of its own: evrt_pool_new and evrt_pool_as_base in one. Free it with event_base_free.
 *
 * @param workers 0: as in struct evrt_pool_config. 1 makes a pooled base with one worker.
 * @return NULL with errno as evrt_pool_new
 */
EVENT2_EXPORT_SYMBOL
struct event_base *evrt_base_new(unsigned workers);

/** The index of the worker that the caller runs on, or -1 outside the workers of any pool. */
EVENT2_EXPORT_SYMBOL
int evrt_worker_current(void);

/** errno of a call that would exceed a limit now, and may be made again later. */
#define EVRT_AGAIN EAGAIN

/** @name Posting: run fn(arg) soon, once, on a worker.
 * -1 with errno ENOMEM, EVRT_AGAIN (posts_max of them wait already), ECANCELED (the pool is stopping), EINVAL,
 * ECHILD (see "Fork" above). Calls
 * from the pool's own callbacks are taken in both of these cases, nor do they count for posts_max: they carry on what
 * was accepted before, and a worker that waited for room would wait for itself.
 * Every accepted post runs, unless the pool is freed before. @{ */
/** On any worker, in a strand of its own. */
EVENT2_EXPORT_SYMBOL
int evrt_pool_post(struct evrt_pool *pool, void (*fn)(void *), void *arg);
/** On one worker's thread, as a callback of its pinned base. */
EVENT2_EXPORT_SYMBOL
int evrt_pool_post_worker(struct evrt_pool *pool, unsigned worker, void (*fn)(void *), void *arg);
/** In a strand, behind what was posted to it before. `fn` may let go of the reference that the caller has: what is
 * posted keeps the strand, and so does this call. */
EVENT2_EXPORT_SYMBOL
int evrt_strand_post(struct evrt_strand *strand, void (*fn)(void *), void *arg);
/** @} */

/** A new strand, idle. The caller's reference; NULL with errno ENOMEM, EINVAL, ECHILD. */
EVENT2_EXPORT_SYMBOL
struct evrt_strand *evrt_strand_new(struct evrt_pool *pool);
/** Gives up a reference. What the strand still has to run, runs; what was put into it stays in it (see
 * evrt_event_set_strand). NULL is ignored. */
EVENT2_EXPORT_SYMBOL
void evrt_strand_free(struct evrt_strand *strand);
/** One more reference; returns its argument. */
EVENT2_EXPORT_SYMBOL
struct evrt_strand *evrt_strand_ref(struct evrt_strand *strand);
/** The pool's strand whose callback is running in this thread; no reference is taken. NULL elsewhere. */
EVENT2_EXPORT_SYMBOL
struct evrt_strand *evrt_strand_current(void);

/**
 * Puts an event of the pooled base into a strand; NULL: into one of its own.
 * The event must be neither pending nor active, nor its callback be running in another thread.
 * An event made by event_new keeps a reference on the strand until it is freed or moved. One that was only
 * assigned cannot: once nothing else holds the strand it is a strand of its own again.
 * @return 0; -1 with errno EINVAL (not of this pool), EBUSY, ECHILD
 */
EVENT2_EXPORT_SYMBOL
int evrt_event_set_strand(struct event *ev, struct evrt_strand *strand);

/** @name Limits: which one somebody met; see struct evrt_pool_config. @{ */
#define EVRT_PRESSURE_POSTS 1       /**< posts_max: a post was refused */
#define EVRT_PRESSURE_CONNECTIONS 2 /**< connections_max: a listener has stopped */
#define EVRT_PRESSURE_LATENCY 4     /**< accept_latency_limit_ms: listeners stop */
/** @} */

/** How a pool stands to its limits. Counters only grow. */
struct evrt_pool_pressure {
	unsigned limits;        /**< EVRT_PRESSURE_* that press now */
	unsigned posts;         /**< waiting now; counted only where posts_max is set */
	unsigned connections;   /**< alive now, and at most one per listener more; only where connections_max is set */
	uint64_t latency_ns;    /**< what was ready last waited so long; only where accept_latency_limit_ms is set, and
	                         * measured while listeners accept or the limit presses */
	uint64_t posts_refused; /**< posts that got EVRT_AGAIN */
	uint64_t accept_pauses; /**< times that a listener stopped for a limit */
};

/** Read without stopping anybody. @return 0; -1 with errno EINVAL */
EVENT2_EXPORT_SYMBOL
int evrt_pool_get_pressure(const struct evrt_pool *pool, struct evrt_pool_pressure *out);

/** A limit begins to press (begins 1), or does so no more (0); `limit` is one of EVRT_PRESSURE_*. Called on a worker,
 * in a strand of its own: one call at a time, begin and end of each limit in turn. Posts press until half of posts_max
 * wait. Listeners begin to accept again after the call has returned. */
typedef void (*evrt_pool_pressure_cb)(struct evrt_pool *pool, unsigned limit, int begins, void *arg);

/**
 * Sets who is told of pressure; NULL: nobody. A call that runs already is not waited for. What presses while the pool
 * does not run is told after the next start.
 *
 * @return 0; -1 with errno EINVAL
 */
EVENT2_EXPORT_SYMBOL
int evrt_pool_set_pressure_cb(struct evrt_pool *pool, evrt_pool_pressure_cb cb, void *arg);

#ifdef __cplusplus
}
#endif
#endif
