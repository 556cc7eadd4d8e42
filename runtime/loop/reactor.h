/* runtime/loop/reactor.h — one thread's ears and clock: poller, wake descriptor, timers.
 *
 * Here:     waiting, being awakened, the time of the current turn.
 * Not here: what to do with reports (fdmap.h), when to wait (loop.c, runtime/pool/worker.c).
 * Threads:  a loop's: its owner. A pool's: said per function; evrt__reactor_wake always any (async-signal-safe).
 *
 * A pool's reactor (`shared`) is changed by any thread: its set by the poller's own lock or set_lock, its timers
 * under timers_lock (rank timers). Several workers may wait in one at once (EVRT_BF_SHARED): then nobody of them
 * watches the clock, but a timerfd in the set does (evrt__reactor_make_timed), and there is no wake descriptor,
 * which would reach just anybody (runtime/pool/group.c has its own).
 */
#ifndef EVRT_RUNTIME_LOOP_REACTOR_H_
#define EVRT_RUNTIME_LOOP_REACTOR_H_

#include <pthread.h>
#include <stdbool.h>
#include "backends/backend.h"
#include "base/atomic.h"
#include "base/clock.h"
#include "runtime/loop/timers.h"
#include "threading/park.h"

#define EVRT_READY_MAX 128

/* Generation of a reactor's own descriptors in its set; the fd map begins at 1. */
#define EVRT_REACTOR_GENERATION 0u

struct evrt_reactor {
	const struct evrt_backend_ops *backend;
	void *poller;
	struct evrt_clock *clock;
	struct evrt_park park;
	/* When the sleeper wakes by itself; written by the owner before it announces its sleep, so that a
	 * sender (after its own read-modify-write of the park word) can tell whether to wake it earlier. */
	evrt_atomic(evrt_ns) wake_at;
	int wake_fd;                      /* eventfd, or -1 while nobody else may call */
	evrt_atomic(uint64_t) wake_writes;
	struct evrt_timers timers;        /* a loop: under its lock; shared: timers_lock */
	bool shared;                      /* a pool's; const */
	pthread_mutex_t timers_lock;      /* shared only; rank timers */
	/* The first deadline of `timers`, for those who only want to know whether to look. Shared only; written
	 * under timers_lock, read by all, relaxed: whoever changes it tells those who sleep. */
	evrt_atomic(evrt_ns) first;
	int timer_fd;                     /* rings at `first`; -1: who waits minds the time himself */
	unsigned forks;                   /* a child of a fork has the parent's timerfd, and must not set it */
	/* A pool's poller whose set must not change while it waits: rank poller. Unused elsewhere. */
	bool set_locked;
	pthread_mutex_t set_lock;
	int ready_count;
	struct evrt_ready ready[EVRT_READY_MAX];
};

/* `shared`: its interest set is changed by several threads with no lock in common (a pool's). 0 or -errno. */
int evrt__reactor_init(struct evrt_reactor *, const struct evrt_backend_ops *, struct evrt_clock *, bool shared);
void evrt__reactor_fini(struct evrt_reactor *);
/* Makes evrt__reactor_wake work. 0 (also when it already does) or -errno. */
int evrt__reactor_make_notifiable(struct evrt_reactor *);
/* From now on waits need no deadline: a timerfd is reported at the time of the first timer. 0 or -errno. */
int evrt__reactor_make_timed(struct evrt_reactor *);
/* No-ops where it is not shared. */
void evrt__reactor_lock_timers(struct evrt_reactor *);
void evrt__reactor_unlock_timers(struct evrt_reactor *);
/* Timers locked, after a change: publishes the first deadline, and sets the timerfd to it. True: it is earlier than
 * it was, and whoever sleeps until the old one has to be told. */
bool evrt__reactor_note_first(struct evrt_reactor *);
/* A new poller and a new wake descriptor; after a fork, the parent's set is not touched. The fd map must be registered
 * again afterwards. 0; or -errno, and nothing changed. Under the owner's lock, not during a wait. */
int evrt__reactor_reopen(struct evrt_reactor *);

/* Changes the poller's interest in `fd`; see struct evrt_backend_ops.set. Any thread in a shared reactor,
 * else under the owner's lock. A poller that looks at its set only before it sleeps is awakened. */
int evrt__reactor_set(struct evrt_reactor *, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask);
/* Under the owner's lock, before each wait. 0 or -errno. */
int evrt__reactor_prepare(struct evrt_reactor *);
/* Waits until `deadline` (0: only looks) or a report or a wake; fills ready[]; wake reports are taken out.
 * Sleepers announce themselves (park) before, and look at their sources once more. Count or -errno. */
int evrt__reactor_wait(struct evrt_reactor *, evrt_ns deadline);
/* The same into ready[0..cap), for several who wait at once; reports of the timerfd are taken out too, `*timed` says
 * whether there was one. Count or -errno. */
int evrt__reactor_wait_into(struct evrt_reactor *, evrt_ns deadline, struct evrt_ready *ready, int cap, bool *timed);
/* Called by every reactor's owner before it waits, with no lock held; NULL: nothing. A debug mode's, set before
 * threads exist: relaxed. */
typedef void (*evrt_reactor_look_fn)(void);
extern evrt_atomic(evrt_reactor_look_fn) evrt__reactor_before_wait;
/* Work was published for the owner: wakes it if it sleeps, with at most one write per sleep. */
void evrt__reactor_wake(struct evrt_reactor *);

/* Makes an eventfd readable, and unreadable again: nothing happens where it is so already. The former is
 * async-signal-safe. */
void evrt__eventfd_raise(int fd);
void evrt__eventfd_lower(int fd);

static inline evrt_ns evrt__reactor_now(const struct evrt_reactor *r) { return evrt__clock_now(r->clock); }

#endif
