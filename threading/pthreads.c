/* threading/pthreads.c — evthread_use_pthreads: locks, conditions and ids of POSIX threads. */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "base/mem.h"
#include "threading/lock.h"

static void *
mutex_alloc(unsigned locktype)
{
	pthread_mutex_t *m = evrt__malloc(sizeof(*m));
	pthread_mutexattr_t attr;

	if (!m)
		return NULL;
	pthread_mutexattr_init(&attr);
	if (locktype & EVRT_LOCKTYPE_RECURSIVE)
		pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	int err = pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
	if (err) {
		evrt__free(m);
		return NULL;
	}
	return m;
}

static void
mutex_free(void *lock, unsigned locktype)
{
	(void)locktype;
	pthread_mutex_destroy(lock);
	evrt__free(lock);
}

static int
mutex_lock(unsigned mode, void *lock)
{
	return mode & EVRT_LOCK_TRY ? pthread_mutex_trylock(lock) : pthread_mutex_lock(lock);
}

static int
mutex_unlock(unsigned mode, void *lock)
{
	(void)mode;
	return pthread_mutex_unlock(lock);
}

static void *
cond_alloc(unsigned condtype)
{
	pthread_cond_t *c = evrt__malloc(sizeof(*c));

	(void)condtype;
	if (c && pthread_cond_init(c, NULL)) {
		evrt__free(c);
		return NULL;
	}
	return c;
}

static void
cond_free(void *cond)
{
	pthread_cond_destroy(cond);
	evrt__free(cond);
}

static int
cond_signal(void *cond, int broadcast)
{
	int err = broadcast ? pthread_cond_broadcast(cond) : pthread_cond_signal(cond);

	return err ? -1 : 0;
}

static int
cond_wait(void *cond, void *lock, const struct timeval *timeout)
{
	struct timespec until;

	if (!timeout)
		return pthread_cond_wait(cond, lock) ? -1 : 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout->tv_sec;
	until.tv_nsec += (long)timeout->tv_usec * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	int err = pthread_cond_timedwait(cond, lock, &until);
	return err == ETIMEDOUT ? 1 : err ? -1 : 0;
}

static unsigned long
thread_id(void)
{
	return (unsigned long)pthread_self();
}

int
evrt__threads_use_pthreads(void)
{
	static const struct evrt_lock_fns locks = { EVRT_LOCK_API_VERSION, EVRT_LOCKTYPE_RECURSIVE,
		mutex_alloc, mutex_free, mutex_lock, mutex_unlock };
	static const struct evrt_cond_fns conds = { EVRT_COND_API_VERSION, cond_alloc, cond_free, cond_signal,
		cond_wait };

	if (evrt__threads_set_lock_fns(&locks) < 0 || evrt__threads_set_cond_fns(&conds) < 0)
		return -1;
	evrt__threads_set_id_fn(thread_id);
	return 0;
}
