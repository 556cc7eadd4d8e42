/* runtime/pool/watchdog.h — names the callback that does not return.
 *
 * Here:     what a worker publishes about the callback it is in, and the thread that looks at it.
 * Not here: the user's hook (api/event/stats_api.c), rescuing what waits behind such a callback (idle.c).
 * Threads:  each worker publishes its own; one thread per run of a pool looks. Only where
 *           evrt_pool_settings.watchdog_limit_ns is not 0: else nothing is published, and there is no thread.
 *
 * The thread sleeps until the callback that has run longest among those it saw may be over the limit, or, when it saw
 * none, for one limit: what begins after a look cannot be over the limit before that. When nothing has begun between
 * two looks it sleeps until a worker calls it.
 *
 * PAIRS watch.sequence / watchdog.asleep: a worker counts itself in (store seq_cst), then loads asleep; the thread
 *       stores asleep (seq_cst), then loads all sequences: either it sees the callback, or the worker sees it asleep.
 *       As a sequence lock: odd inside a callback. watch.began, watch.callback and watch.strand are stored with
 *       release after the count that made it even, and loaded with acquire before the second look at the count: one of
 *       the next callback changes it.
 */
#ifndef EVRT_RUNTIME_POOL_WATCHDOG_H_
#define EVRT_RUNTIME_POOL_WATCHDOG_H_

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"
#include "base/clock.h"
#include "runtime/loop/strand.h"

struct evrt_pool;
struct evrt_worker;

typedef void (*evrt_watch_fn)(void); /* any function; not to be called */

/* A callback that runs, or ran, over the limit. */
struct evrt_watch_run {
	evrt_watch_fn callback;
	const struct evrt_strand *strand; /* to be compared: it may have died by now */
	evrt_ns began, took;
	bool ended;                       /* `took` is final */
};

enum evrt_watch_state {
	EVRT_WATCH_NONE,
	EVRT_WATCH_TOLD,  /* of the run with told_sequence, which goes on */
	EVRT_WATCH_ENDED, /* `told` is to be told: it has ended */
};

/* Of each worker. */
struct evrt_watch {
	evrt_ns limit_ns;               /* const; 0: nobody watches */
	evrt_atomic(uint64_t) sequence; /* odd: inside a callback. These four: written by the worker */
	evrt_atomic(evrt_ns) began;
	evrt_atomic(evrt_watch_fn) callback;
	evrt_atomic(const struct evrt_strand *) strand;
	evrt_atomic(uint64_t) slow;     /* callbacks over the limit so far; written under watchdog.lock */
	/* Guarded by watchdog.lock. */
	enum evrt_watch_state state;
	uint64_t told_sequence;
	struct evrt_watch_run told;
	/* The thread only. */
	uint64_t last_seen;
};

struct evrt_watchdog;
typedef void (*evrt_watchdog_tell_fn)(const struct evrt_watchdog *, unsigned worker, const struct evrt_watch_run *,
    evrt_ns limit);

/* Of each pool. */
struct evrt_watchdog {
	/* Const while the pool runs: they change under pool.lock, when it does not. */
	evrt_watchdog_tell_fn tell;
	evrt_watch_fn hook;            /* these two: for `tell`, which knows its type */
	void *hook_arg;
	pthread_t thread;              /* pool.lock; valid while has_thread */
	bool has_thread;
	pthread_mutex_t lock;          /* rank watchdog */
	pthread_cond_t called;         /* with `lock`: a worker calls, something has ended, or it is to end */
	evrt_atomic(bool) asleep;      /* nothing ran for a while: whoever begins a callback calls. Thread writes */
	bool calls;                    /* under lock, as is… */
	bool ends;                     /* … this: the thread is to leave */
};

void evrt__watchdog_init(struct evrt_pool *);
/* No thread runs. `forked`: in the child, where a condition that the parent waits on must not be destroyed. */
void evrt__watchdog_fini(struct evrt_pool *, bool forked);
/* Pool locked. 0 (also when nobody is to watch) or -errno. */
int evrt__watchdog_start(struct evrt_pool *);
/* Ends and joins the thread, if there is one. The pool is locked; released meanwhile. */
void evrt__watchdog_stop(struct evrt_pool *);
/* NULL: the default, which logs a warning. 0; -EBUSY while the pool runs, -ECHILD. */
int evrt__watchdog_set(struct evrt_pool *, evrt_watchdog_tell_fn, evrt_watch_fn hook, void *hook_arg);

/* Around each callback of a worker that is watched. */
void evrt__watch_begin(struct evrt_worker *, const struct evrt_strand *, evrt_watch_fn callback);
void evrt__watch_end(struct evrt_worker *);

/* Some pool of this process has a limit. Relaxed, and never unset. */
extern evrt_atomic(bool) evrt__watchdog_used;
__attribute__((cold)) void evrt__watch_name_current(evrt_watch_fn callback);
/* The callback that runs is a layer's, and calls this one of the program: that is the name to tell. Any thread. */
static inline void
evrt__watch_name(evrt_watch_fn callback)
{
	if (evrt_load_relaxed(&evrt__watchdog_used))
		evrt__watch_name_current(callback);
}

#endif
