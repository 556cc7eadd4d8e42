/* testing/contract/libevent/setup_locks.h — a program's own locks, conditions and thread ids, which keep accounts.
 *
 * Here:     static helpers: a set of callbacks over pthreads that counts, and checks how it is called.
 * Threads:  any.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_SETUP_LOCKS_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_SETUP_LOCKS_H_

#include <event2/event.h>
#include <event2/thread.h>

#include <pthread.h>
#include <stdlib.h>

#include "testing/contract/libevent/setup_fixture.h"
#include "testing/harness/wait.h"

/* A lock, and what has been asked of it. The record is the holder's. */
struct own_lock {
	pthread_mutex_t mutex;
	unsigned type;
	int depth;
};

/* Of all locks. Guarded by `counts_lock`. */
static pthread_mutex_t counts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	long locks, plain_locks, odd_locks, conditions; /* alive; odd_locks: ever made of a type that has no name */
	long taken, released, tries, odd_modes;
	long waits, timed_waits, signals, ids;
} counts;

static inline void
add(long *count, long n)
{
	pthread_mutex_lock(&counts_lock);
	*count += n;
	pthread_mutex_unlock(&counts_lock);
}

static inline void *
own_alloc(unsigned type)
{
	struct own_lock *l = calloc(1, sizeof(*l));
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&l->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	l->type = type;
	add(&counts.locks, 1);
	add(type == 0 ? &counts.plain_locks : &counts.locks, type == 0);
	add(&counts.odd_locks, type != 0 && type != EVTHREAD_LOCKTYPE_RECURSIVE);
	return l;
}

static inline void
own_free(void *lock, unsigned type)
{
	struct own_lock *l = lock;
	CHECK(l != NULL);
	CHECK_INT_EQ(l->type, type);
	CHECK_INT_EQ(l->depth, 0);
	CHECK_INT_EQ(pthread_mutex_destroy(&l->mutex), 0);
	add(&counts.locks, -1);
	free(l);
}

static inline int
own_lock(unsigned mode, void *lock)
{
	struct own_lock *l = lock;

	add(&counts.odd_modes, mode != 0 && mode != EVTHREAD_TRY);
	add(&counts.tries, mode == EVTHREAD_TRY);
	int r = mode & EVTHREAD_TRY ? pthread_mutex_trylock(&l->mutex) : pthread_mutex_lock(&l->mutex);
	if (r == 0) {
		l->depth++;
		add(&counts.taken, 1);
	}
	CHECK(r == 0 || (mode & EVTHREAD_TRY));
	return r;
}

static inline int
own_unlock(unsigned mode, void *lock)
{
	struct own_lock *l = lock;

	add(&counts.odd_modes, mode != 0);
	CHECK(l->depth-- > 0);
	add(&counts.released, 1);
	int r = pthread_mutex_unlock(&l->mutex);
	CHECK_INT_EQ(r, 0);
	return r;
}

static inline void *
own_cond_alloc(unsigned type)
{
	pthread_cond_t *c = malloc(sizeof(*c));
	CHECK_INT_EQ(type, 0);
	pthread_cond_init(c, NULL);
	add(&counts.conditions, 1);
	return c;
}

static inline void
own_cond_free(void *cond)
{
	CHECK(cond != NULL);
	CHECK_INT_EQ(pthread_cond_destroy(cond), 0);
	add(&counts.conditions, -1);
	free(cond);
}

static inline int
own_signal(void *cond, int broadcast)
{
	add(&counts.signals, 1);
	return broadcast ? pthread_cond_broadcast(cond) : pthread_cond_signal(cond);
}

static struct evrt_test_gate waits;

static inline int
own_wait(void *cond, void *lock, const struct timeval *timeout)
{
	struct own_lock *l = lock;

	add(&counts.waits, 1);
	add(&counts.timed_waits, timeout != NULL);
	CHECK(l->depth == 1);
	l->depth = 0;
	evrt_test_gate_open(&waits);
	int r = pthread_cond_wait(cond, &l->mutex);
	l->depth = 1;
	return r;
}

static inline unsigned long
own_id(void)
{
	add(&counts.ids, 1);
	return (unsigned long)pthread_self();
}

static const struct evthread_lock_callbacks own_locks = {
	EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, own_alloc, own_free, own_lock, own_unlock,
};
static const struct evthread_condition_callbacks own_conditions = {
	EVTHREAD_CONDITION_API_VERSION, own_cond_alloc, own_cond_free, own_signal, own_wait,
};

static inline void
use_own(void)
{
	event_set_log_callback(remember_log);
	CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), 0);
	CHECK_INT_EQ(evthread_set_condition_callbacks(&own_conditions), 0);
	evthread_set_id_callback(own_id);
}

/* All that was made is gone, and was used by the rules. */
static inline void
check_counts(void)
{
	libevent_global_shutdown();
	CHECK_INT_EQ(counts.locks, 0);
	CHECK_INT_EQ(counts.conditions, 0);
	CHECK_INT_EQ(counts.odd_locks, 0);
	CHECK_INT_EQ(counts.odd_modes, 0);
	CHECK_INT_EQ(counts.taken, counts.released);
}

static inline void nothing(evutil_socket_t fd, short what, void *arg) { (void)fd, (void)what, (void)arg; }

/* A base at work: its lock is taken. */
static inline void
use_a_base(void)
{
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_free(ev);
	event_base_free(base);
}

#endif
