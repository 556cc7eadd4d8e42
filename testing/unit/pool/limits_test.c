/* testing/unit/pool/limits_test.c — what a pool refuses, and whom it tells.
 *
 * Here:     posts; the telling. Connections and latency: testing/unit/api/listener/limits_test.c.
 */
#include <event2/event.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/atomic.h"
#include "testing/harness/fault.h"
#include "testing/unit/pool/pool_fixture.h"

static struct evrt_test_gate inside, leave;
static struct evrt_test_count begun, ended;

static struct evrt_pool *
limited_pool(unsigned workers, unsigned posts_max)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = workers;
	c.posts_max = posts_max;
	struct evrt_pool *p = evrt_pool_new(&c);
	CHECK(p != NULL);
	return p;
}

static struct evrt_pool_pressure
pressure(void)
{
	struct evrt_pool_pressure now;

	CHECK_INT_EQ(evrt_pool_get_pressure(pool, &now), 0);
	return now;
}

static void
told(struct evrt_pool *p, unsigned limit, int begins, void *arg)
{
	CHECK_PTR_EQ(p, pool);
	CHECK_PTR_EQ(arg, &begun);
	CHECK_INT_EQ(limit, EVRT_PRESSURE_POSTS);
	CHECK(evrt_strand_current() != NULL);
	/* In turn: no beginning is told before the end of the last one. */
	CHECK_INT_EQ(evrt_test_count_get(&begun) - evrt_test_count_get(&ended), begins ? 0 : 1);
	evrt_test_count_add(begins ? &begun : &ended, 1);
}

static void
stay_inside(void *arg)
{
	(void)arg;
	evrt_test_gate_open(&inside);
	evrt_test_gate_wait(&leave);
}

static void
posts_beyond_the_limit_are_refused(void)
{
	pool = limited_pool(1, 4);
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &begun), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, stay_inside, NULL), 0);
	evrt_test_gate_wait(&inside); /* it does not wait any more: four may */
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, count_one, NULL), 0);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, count_one, NULL), -1);
		CHECK_INT_EQ(errno, EVRT_AGAIN);
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), -1);
		CHECK_INT_EQ(errno, EVRT_AGAIN);
	}
	CHECK_INT_EQ(pressure().posts, 4);
	CHECK_INT_EQ(pressure().posts_refused, 6);
	CHECK_INT_EQ(pressure().limits, EVRT_PRESSURE_POSTS);
	evrt_test_gate_open(&leave);
	evrt_test_count_wait(&ended, 1);
	evrt_test_count_wait(&ran, 4);
	CHECK_INT_EQ(evrt_test_count_get(&begun), 1);
	CHECK_INT_EQ(pressure().limits, 0);
	CHECK_INT_EQ(pressure().posts, 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 5);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 5);
	done();
}

static void
post_many(void *arg)
{
	for (int i = 0; i < 100; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	count_one(arg);
}

static void
callbacks_may_post_more(void)
{
	pool = limited_pool(2, 1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, post_many, NULL), 0);
	evrt_test_count_wait(&ran, 101);
	CHECK_INT_EQ(pressure().posts_refused, 0);
	done();
}

static void
what_waits_when_the_pool_is_freed_is_dropped(void)
{
	pool = limited_pool(2, 3);
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &begun), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), -1);
	CHECK_INT_EQ(errno, EVRT_AGAIN);
	evrt_pool_free(pool);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 0);
	CHECK_INT_EQ(evrt_test_count_get(&begun), 0);
	libevent_global_shutdown();
}

#define SENDERS 3
#define POSTS 20000
#define POSTS_MAX 100

static evrt_atomic(unsigned) most;

static void
note_most(void *arg)
{
	unsigned now = pressure().posts;

	(void)arg;
	if (now > evrt_load_relaxed(&most))
		evrt_store_relaxed(&most, now);
	evrt_test_count_add(&ran, 1);
}

static void *
send_all(void *arg)
{
	for (int i = 0; i < POSTS;) {
		if (evrt_pool_post(pool, note_most, NULL) == 0) {
			i++;
			continue;
		}
		CHECK_INT_EQ(errno, EVRT_AGAIN);
		sched_yield();
	}
	return arg;
}

static void
a_flood_is_held_at_the_limit(void)
{
	pthread_t sender[SENDERS];

	pool = limited_pool(2, POSTS_MAX);
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &begun), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, stay_inside, NULL), 0);
	for (int i = 0; i < SENDERS; i++)
		CHECK_INT_EQ(pthread_create(&sender[i], NULL, send_all, NULL), 0);
	evrt_test_gate_open(&leave);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(sender[i], NULL);
	evrt_test_count_wait(&ran, SENDERS * POSTS);
	CHECK_INT_EQ(pressure().posts, 0);
	CHECK(evrt_load_relaxed(&most) <= POSTS_MAX);
	/* Each beginning has its end. */
	evrt_test_count_wait(&ended, evrt_test_count_get(&begun));
	done();
}

static void
a_pool_without_limits_refuses_and_counts_nothing(void)
{
	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &begun), 0);
	for (int i = 0; i < 1000; i++)
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, count_one, NULL), 0);
	CHECK_INT_EQ(pressure().posts, 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 1000);
	CHECK_INT_EQ(pressure().limits, 0);
	done();
}

static void
wrong_arguments(void)
{
	struct evrt_pool_pressure now;

	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_get_pressure(NULL, &now), -1);
	CHECK_INT_EQ(errno, EINVAL);
	errno = 0;
	CHECK_INT_EQ(evrt_pool_get_pressure(pool, NULL), -1);
	CHECK_INT_EQ(errno, EINVAL);
	errno = 0;
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(NULL, told, NULL), -1);
	CHECK_INT_EQ(errno, EINVAL);
	done();
}

static void
a_limited_pool_is_made_without_memory_or_not_at_all(void)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = 2;
	c.posts_max = c.connections_max = c.accept_latency_limit_ms = 10;
	for (uint64_t k = 1; !pool; k++) {
		evrt_test_fail_alloc(k);
		pool = evrt_pool_new(&c);
		CHECK(pool || errno == ENOMEM);
		CHECK(pool || evrt_test_allocs_live() == 0);
	}
	int64_t before = evrt_test_allocs_live();
	evrt_test_fail_alloc(0);
	CHECK(before > 0);
	done();
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static const struct evrt_test_case cases[] = {
	CASE(posts_beyond_the_limit_are_refused),
	CASE(callbacks_may_post_more),
	CASE(what_waits_when_the_pool_is_freed_is_dropped),
	CASE(a_flood_is_held_at_the_limit),
	CASE(a_pool_without_limits_refuses_and_counts_nothing),
	CASE(wrong_arguments),
	CASE(a_limited_pool_is_made_without_memory_or_not_at_all),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
