/* threading/pthreads.c — locks, conditions and ids of POSIX threads, as evthread callbacks.
 *
 * Here:     evrt__threads_use_pthreads, with and without flags, and what it installs.
 * Not here: starting threads (thread.c).
 * Threads:  any.
 *
 * A timed wait counts on the monotonic clock: its timeout is relative, and setting the time of day must not
 * stretch it.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/shake.h"
#include "threading/lock.h"

/* PTHREAD_PRIO_*, of the locks that are made from now on. Set while the program has one thread. */
static int pthreads_protocol = PTHREAD_PRIO_NONE;

static int
pthreads_mutex_init(pthread_mutex_t *m, int type)
{
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);

	if (err)
		return err;
	err = pthread_mutexattr_settype(&attr, type);
	if (!err && pthreads_protocol != PTHREAD_PRIO_NONE)
		err = pthread_mutexattr_setprotocol(&attr, pthreads_protocol);
	if (!err)
		err = pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
	return err;
}

static void *
pthreads_lock_alloc(unsigned locktype)
{
	/* Where checks are on, a mutex reports its misuse instead of hanging. */
	int plain = EVRT_DCHECKS ? PTHREAD_MUTEX_ERRORCHECK : PTHREAD_MUTEX_NORMAL;
	pthread_mutex_t *m = evrt__malloc(sizeof(*m));

	if (!m)
		return NULL;
	if (pthreads_mutex_init(m, locktype & EVRT_LOCKTYPE_RECURSIVE ? PTHREAD_MUTEX_RECURSIVE : plain)) {
		evrt__free(m);
		return NULL;
	}
	return m;
}

static void
pthreads_lock_free(void *lock, unsigned locktype)
{
	(void)locktype;
	int err = pthread_mutex_destroy(lock);
	EVRT_DCHECK(err == 0);
	(void)err;
	evrt__free(lock);
}

static int
pthreads_lock(unsigned mode, void *lock)
{
	if (mode & EVRT_LOCK_TRY)
		return pthread_mutex_trylock(lock);
	EVRT_SHAKE(lock);
	int err = pthread_mutex_lock(lock);
	EVRT_DCHECK(err == 0);
	return err;
}

static int
pthreads_unlock(unsigned mode, void *lock)
{
	(void)mode;
	int err = pthread_mutex_unlock(lock);
	EVRT_DCHECK(err == 0);
	EVRT_SHAKE(unlock);
	return err;
}

static int
pthreads_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return err;
	err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
	return err;
}

static void *
pthreads_cond_alloc(unsigned condtype)
{
	pthread_cond_t *c = evrt__malloc(sizeof(*c));

	(void)condtype; /* there are no kinds of conditions */
	if (c && pthreads_cond_init(c)) {
		evrt__free(c);
		return NULL;
	}
	return c;
}

static void
pthreads_cond_free(void *cond)
{
	pthread_cond_destroy(cond);
	evrt__free(cond);
}

static int
pthreads_cond_signal(void *cond, int broadcast)
{
	int err = broadcast ? pthread_cond_broadcast(cond) : pthread_cond_signal(cond);

	return err ? -1 : 0;
}

/* The deadline `timeout` from now; a negative one is now, one too long for the clock is its end. */
static struct timespec
pthreads_deadline(const struct timeval *timeout)
{
	evrt_ns span = 0;

	if (timeout->tv_sec >= EVRT_NS_NEVER / EVRT_NS_PER_SEC)
		span = EVRT_NS_NEVER;
	else if (timeout->tv_sec >= 0 && timeout->tv_usec >= 0)
		span = evrt__ns_add(timeout->tv_sec * EVRT_NS_PER_SEC, timeout->tv_usec * EVRT_NS_PER_US);
	evrt_ns at = evrt__ns_add(evrt__clock_now(evrt__clock_real()), span);
	return (struct timespec){.tv_sec = at / EVRT_NS_PER_SEC, .tv_nsec = at % EVRT_NS_PER_SEC};
}

static int
pthreads_cond_wait(void *cond, void *lock, const struct timeval *timeout)
{
	if (EVRT_SHAKE_CHOOSE(wait_for_nothing, 8)) {
		pthreads_unlock(0, lock);
		pthreads_lock(0, lock);
		return 0;
	}
	if (!timeout)
		return pthread_cond_wait(cond, lock) ? -1 : 0;
	struct timespec deadline = pthreads_deadline(timeout);
	int err = pthread_cond_timedwait(cond, lock, &deadline);
	if (err == ETIMEDOUT)
		return 1;
	return err ? -1 : 0;
}

static unsigned long
pthreads_id(void)
{
	return (unsigned long)pthread_self();
}

int
evrt__threads_use_pthreads_with(bool prio_inherit)
{
	static const struct evrt_lock_fns locks = {
		.lock_api_version = EVRT_LOCK_API_VERSION,
		.supported_locktypes = EVRT_LOCKTYPE_RECURSIVE,
		.alloc = pthreads_lock_alloc,
		.free = pthreads_lock_free,
		.lock = pthreads_lock,
		.unlock = pthreads_unlock,
	};
	static const struct evrt_cond_fns conds = {
		.condition_api_version = EVRT_COND_API_VERSION,
		.alloc = pthreads_cond_alloc,
		.free = pthreads_cond_free,
		.signal = pthreads_cond_signal,
		.wait = pthreads_cond_wait,
	};

	/* With locks of another make in use nothing is changed. */
	if (evrt__threads_on() && evrt__threads_set_lock_fns(&locks) < 0)
		return -1;
	/* Conditions and id first: once locks can be made, all three are there. */
	if (evrt__threads_set_cond_fns(&conds) < 0)
		return -1;
	evrt__threads_set_id_fn(pthreads_id);
	if (evrt__threads_set_lock_fns(&locks) < 0)
		return -1;
	pthreads_protocol = prio_inherit ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE;
	return 0;
}

int
evrt__threads_use_pthreads(void)
{
	return evrt__threads_use_pthreads_with(false);
}
