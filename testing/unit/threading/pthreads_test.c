/* testing/unit/threading/pthreads_test.c — the pthread callbacks, with real threads. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include "base/clock.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "threading/lock.h"

#define ROUNDS 20000

static void *lock;
static long counter; /* guarded by lock, not atomic on purpose */

static void *
count_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 2)
			evrt__lock(lock);
		else
			while (!evrt__trylock(lock))
				continue;
		counter++;
		evrt__unlock(lock);
	}
	return NULL;
}

static void
locks_exclude(void)
{
	static const unsigned types[] = {EVRT_LOCKTYPE_PLAIN, EVRT_LOCKTYPE_RECURSIVE};
	pthread_t threads[3];

	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	for (int k = 0; k < 2; k++) {
		lock = evrt__lock_new(types[k], EVRT_RANK_base);
		counter = 0;
		for (int i = 0; i < 3; i++)
			CHECK_INT_EQ(pthread_create(&threads[i], NULL, count_up, NULL), 0);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		CHECK_INT_EQ(counter, 3 * ROUNDS);
		evrt__lock_free(lock, types[k]);
	}
}

static void *
try_once(void *arg)
{
	bool taken = evrt__trylock(lock);

	(void)arg;
	if (taken)
		evrt__unlock(lock);
	return (void *)(uintptr_t)taken;
}

static bool
another_thread_gets_it(void)
{
	pthread_t t;
	void *taken;

	CHECK_INT_EQ(pthread_create(&t, NULL, try_once, NULL), 0);
	CHECK_INT_EQ(pthread_join(t, &taken), 0);
	return taken != NULL;
}

static void
recursive_ones_count(void)
{
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	lock = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_bufferevent);
	evrt__lock(lock);
	evrt__lock(lock);
	CHECK(evrt__trylock(lock));
	evrt__unlock(lock);
	evrt__unlock(lock);
	CHECK(!another_thread_gets_it());
	evrt__unlock(lock);
	CHECK(another_thread_gets_it());
	evrt__lock_free(lock, EVRT_LOCKTYPE_RECURSIVE);
}

static void *
return_id(void *arg)
{
	*(unsigned long *)arg = evrt__thread_id();
	return NULL;
}

static void
ids_differ(void)
{
	unsigned long other = 0;
	pthread_t t;

	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	CHECK_INT_EQ(pthread_create(&t, NULL, return_id, &other), 0);
	pthread_join(t, NULL);
	CHECK(other != 0 && other != evrt__thread_id());
	CHECK(evrt__thread_id() == (unsigned long)pthread_self());
}

static void *
stay_until_told(void *arg)
{
	struct { void *cond; int waiting, go; } *s = arg;

	evrt__lock(lock);
	s->waiting++;
	while (!s->go)
		CHECK_INT_EQ(evrt__cond_wait(s->cond, lock, NULL), 0);
	s->waiting--;
	evrt__unlock(lock);
	return NULL;
}

static void
broadcast_wakes_all(void)
{
	struct { void *cond; int waiting, go; } s = {0};
	pthread_t threads[3];

	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	lock = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	s.cond = evrt__cond_new();
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, stay_until_told, &s), 0);
	for (int all = 0; !all;) {
		evrt__lock(lock);
		all = s.waiting == 3;
		if (all) {
			s.go = 1;
			evrt__cond_broadcast(s.cond);
		}
		evrt__unlock(lock);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT_EQ(s.waiting, 0);
	evrt__cond_free(s.cond);
	evrt__lock_free(lock, EVRT_LOCKTYPE_PLAIN);
}

static void
timed_waits_end(void)
{
	static const struct timeval brief = {.tv_usec = 3000}, past = {.tv_sec = -5}, odd = {.tv_usec = -1};

	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	lock = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	void *cond = evrt__cond_new();
	evrt__lock(lock);
	evrt_ns start = evrt__clock_now(evrt__clock_real());
	while (evrt__cond_wait(cond, lock, &brief) == 0) /* may wake for no reason */
		start = evrt__clock_now(evrt__clock_real());
	CHECK(evrt__clock_now(evrt__clock_real()) - start >= 3 * EVRT_NS_PER_MS);
	CHECK_INT_EQ(evrt__cond_wait(cond, lock, &past), 1);
	CHECK_INT_EQ(evrt__cond_wait(cond, lock, &odd), 1);
	evrt__unlock(lock);
	evrt__cond_free(cond);
	evrt__lock_free(lock, EVRT_LOCKTYPE_PLAIN);
}

struct endless {
	void *cond;
	int ready;
};

static void *
end_wait(void *arg)
{
	struct endless *e = arg;

	evrt__lock(lock);
	e->ready = 1;
	evrt__cond_signal(e->cond);
	evrt__unlock(lock);
	return NULL;
}

static void
a_timeout_beyond_the_clock_waits(void)
{
	static const struct timeval for_ever = {.tv_sec = INT64_MAX, .tv_usec = 999999};
	struct endless e = {0};
	pthread_t t;

	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	lock = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	e.cond = evrt__cond_new();
	evrt__lock(lock);
	CHECK_INT_EQ(pthread_create(&t, NULL, end_wait, &e), 0);
	while (!e.ready)
		CHECK_INT_EQ(evrt__cond_wait(e.cond, lock, &for_ever), 0);
	evrt__unlock(lock);
	pthread_join(t, NULL);
	evrt__cond_free(e.cond);
	evrt__lock_free(lock, EVRT_LOCKTYPE_PLAIN);
}

static void
memory_may_be_out(void)
{
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	evrt_test_fail_alloc(1);
	CHECK(!evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_base));
	evrt_test_fail_alloc(1);
	CHECK(!evrt__cond_new());
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
	evrt__cond_free(evrt__cond_new());
	evrt__lock_free(evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_base), EVRT_LOCKTYPE_RECURSIVE);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static int protocol_asked = -1; /* by the lock that was made last; -1: none */
static int protocol_error;

/* In place of the C library's, which has no call that tells what a mutex is like. */
int
pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol)
{
	(void)attr;
	protocol_asked = protocol;
	return protocol_error;
}

static void
priority_is_inherited_where_asked_for(void)
{
	static const int want[] = { -1, PTHREAD_PRIO_INHERIT, -1 };

	for (int i = 0; i < 3; i++) { /* without, with, without again */
		protocol_asked = -1;
		CHECK_INT_EQ(evrt__threads_use_pthreads_with(i == 1), 0);
		void *made = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_base);
		CHECK(made != NULL);
		CHECK_INT_EQ(protocol_asked, want[i]);
		evrt__lock_free(made, EVRT_LOCKTYPE_RECURSIVE);
	}
	CHECK_INT_EQ(evrt__threads_use_pthreads_with(true), 0);
	protocol_error = ENOTSUP;
	evrt_test_fail_alloc(0);
	CHECK(!evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base));
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static const struct evrt_test_case cases[] = {
	{"locks_exclude", locks_exclude},
	{"recursive_ones_count", recursive_ones_count},
	{"ids_differ", ids_differ},
	{"broadcast_wakes_all", broadcast_wakes_all},
	{"timed_waits_end", timed_waits_end},
	{"a_timeout_beyond_the_clock_waits", a_timeout_beyond_the_clock_waits},
	{"memory_may_be_out", memory_may_be_out},
	{"priority_is_inherited_where_asked_for", priority_is_inherited_where_asked_for},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
