/* runtime/loop/reactor.h — one thread's ears and clock: poller, wake descriptor, timers.
 *
 * Here:     waiting, being awakened, the time of the current turn.
 * Not here: what to do with reports (fdmap.h), when to wait (loop.c, runtime/pool/worker.c).
 * Threads:  owner only, except evrt__reactor_wake (any; async-signal-safe).
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
	struct evrt_timers timers;        /* owner (a loop: under its lock) */
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
/* A new poller, and a new wake descriptor where there was one; a parent's set is not touched. The fd map must be
 * registered again afterwards. 0; or -errno, and the old ones stay in use. */
int evrt__reactor_reopen(struct evrt_reactor *);

/* Changes the poller's interest in `fd`; see struct evrt_backend_ops.set. Any thread in a shared reactor,
 * else under the owner's lock. A poller that looks at its set only before it sleeps is awakened. */
int evrt__reactor_set(struct evrt_reactor *, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask);
/* Under the owner's lock, before each wait. 0 or -errno. */
int evrt__reactor_prepare(struct evrt_reactor *);
/* Waits until `deadline` (0: only looks) or a report or a wake; fills ready[]; wake reports are taken out.
 * Sleepers announce themselves (park) before, and look at their sources once more. Count or -errno. */
int evrt__reactor_wait(struct evrt_reactor *, evrt_ns deadline);
/* Called by every reactor's owner before it waits, with no lock held; NULL: nothing. A debug mode's, set before
 * threads exist: relaxed. */
typedef void (*evrt_reactor_look_fn)(void);
extern evrt_atomic(evrt_reactor_look_fn) evrt__reactor_before_wait;
/* Work was published for the owner: wakes it if it sleeps, with at most one write per sleep. */
void evrt__reactor_wake(struct evrt_reactor *);

static inline evrt_ns evrt__reactor_now(const struct evrt_reactor *r) { return evrt__clock_now(r->clock); }

#endif
