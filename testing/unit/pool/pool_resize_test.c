/* testing/unit/pool/pool_resize_test.c — workers that come and go while a pool serves. */
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "base/rand.h"
#include "base/sys.h"
#include "runtime/pool/pool.h"
#include "testing/unit/pool/pool_resize_fixture.h"

static void
sizes_are_checked(void)
{
	struct evrt_pool_config c;

	pool = growing_pool(2);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 2);
	CHECK_INT_EQ(evrt_pool_resize(pool, 0), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_pool_resize(pool, MAX + 1), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_pool_resize(NULL, 1), -1);
	CHECK_INT_EQ(errno, EINVAL);
	done();
	evrt_pool_config_init(&c);
	c.workers = 3;
	c.workers_max = 2;
	CHECK(evrt_pool_new(&c) == NULL);
	CHECK_INT_EQ(errno, EINVAL);
	c.workers_max = EVRT_WORKERS_MAX + 1;
	CHECK(evrt_pool_new(&c) == NULL);
	CHECK_INT_EQ(errno, EINVAL);
	c.workers = 0;
	c.workers_max = 2;
	CHECK_INT_EQ(setenv("EVRT_WORKERS", "5", 1), 0);
	pool = evrt_pool_new(&c);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 2);
	evrt_pool_free(pool);
	/* Without workers_max it can only shrink, and come back. */
	pool = pool_of(0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 6), -1);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 5), 0);
	done();
}

static void
threads_come_and_go(void)
{
	static const unsigned sizes[] = { 1, 4, 6, 2, 3, 1, 6, 1, 2 };

	pool = growing_pool(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - 2;
	check_workers(2);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK_INT_EQ(evrt_pool_resize(pool, sizes[i]), 0);
		check_workers(sizes[i]);
		wait_for_threads(others + (int)sizes[i]);
	}
	/* Sizes that it has no time for. */
	for (int i = 0; i < 500; i++)
		CHECK_INT_EQ(evrt_pool_resize(pool, 1 + (unsigned)i * 5 % MAX), 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 3), 0);
	check_workers(3);
	wait_for_threads(others + 3);
	done();
}

/* They are told while they run their first turns, lie down, or sleep. */
static void
all_learn_that_they_are_to_go(void)
{
	struct evrt_rand rand;

	evrt__rand_init(&rand, evrt_test_seed());
	pool = growing_pool(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - 1;
	for (int i = 0; i < 300; i++) {
		CHECK_INT_EQ(evrt_pool_resize(pool, MAX), 0);
		for (uint32_t n = evrt__rand_below(&rand, 20); n; n--)
			sched_yield();
		CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
		wait_for_threads(others + 1);
	}
	done();
}

static void
all_of_one_set_each_learn_that_they_are_to_go(void)
{
	per_set = 1;
	all_learn_that_they_are_to_go();
}

static void
a_stopped_pool_changes_its_size(void)
{
	pool = growing_pool(2);
	CHECK_INT_EQ(evrt_pool_resize(pool, 5), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - 5;
	check_workers(5);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(threads(), others + 1);
	check_workers(1);
	CHECK_INT_EQ(evrt_pool_resize(pool, 4), 0);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	check_workers(4);
	done();
}

static void
resize_inside(void *arg)
{
	CHECK_INT_EQ(evrt_pool_resize(pool, (unsigned)(size_t)arg), 0);
	count_one(NULL);
}

static void
a_callback_changes_the_size(void)
{
	pool = growing_pool(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - 1;
	CHECK_INT_EQ(evrt_pool_post(pool, resize_inside, (void *)(size_t)MAX), 0);
	evrt_test_count_wait(&ran, 1);
	check_workers(MAX);
	/* On one that is to go: it finishes what it does. */
	struct evrt_strand *s = evrt_strand_new(pool);
	CHECK_INT_EQ(evrt_strand_post(s, resize_inside, (void *)(size_t)1), 0);
	evrt_test_count_wait(&ran, 2 + MAX);
	evrt_strand_free(s);
	check_workers(1);
	wait_for_threads(others + 1);
	done();
}

static void
a_pinned_base_in_use_keeps_its_worker(void)
{
	static const struct timeval long_time = { 600, 0 };

	pool = growing_pool(3);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - 3;
	struct event *ev = event_new(evrt_pool_get_base(pool, 1), -1, EV_PERSIST, timer_ran, NULL);
	CHECK_INT_EQ(event_add(ev, &long_time), 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	check_workers(1);
	wait_for_threads(others + 2); /* the third has nothing to stay for */
	event_active(ev, EV_TIMEOUT, 0);
	evrt_test_count_wait(&ran, 1 + 1);
	CHECK_INT_EQ(threads(), others + 2);
	CHECK_INT_EQ(event_del(ev), 0);
	wait_for_threads(others + 1);
	/* It waits until there is such a worker again. */
	event_active(ev, EV_TIMEOUT, 0);
	CHECK_INT_EQ(evrt_pool_post(pool, note_worker, NULL), 0);
	while (!evrt_load_seq_cst(&ran_on[0]))
		sched_yield();
	evrt_store_seq_cst(&ran_on[0], 0);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 1 + 1 + 1);
	CHECK_INT_EQ(evrt_pool_resize(pool, 3), 0);
	evrt_test_count_wait(&ran, 1 + 1 + 2);
	event_free(ev);
	check_workers(3);
	done();
}

/* An fd that is kept for an event that comes back keeps nobody. */
static void
a_pinned_base_that_was_used_lets_its_worker_go(void)
{
	int ends[2];

	pool = growing_pool(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - 2;
	CHECK_INT_EQ(pipe(ends), 0);
	struct event *ev = event_new(evrt_pool_get_base(pool, 1), ends[0], EV_READ, take_byte, NULL);
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(event_add(ev, NULL), 0);
		CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
		CHECK_INT_EQ(threads(), others + 2);
		CHECK_INT_EQ(write(ends[1], "x", 1), 1);
		evrt_test_count_wait(&ran, i + 1);
		wait_for_threads(others + 1);
		CHECK_INT_EQ(evrt_pool_resize(pool, 2), 0);
	}
	event_free(ev);
	done();
	close(ends[0]);
	close(ends[1]);
}

/* Sets of one: nobody else hears of them. */
static void
timers_keep_the_last_of_a_set(void)
{
	static const struct timeval soon = { 0, 30000 };

	per_set = 1;
	pool = growing_pool(MAX);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - MAX;
	for (int i = 0; i < 20 * MAX; i++)
		CHECK_INT_EQ(event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, timer_ran, NULL, &soon), 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	evrt_test_count_wait(&ran, 20 * MAX);
	wait_for_threads(others + 1);
	done();
}

static struct evrt_test_count seen;

static void
hide_one_while_a_guard_may_go(void *arg)
{
	static long hidden;

	(void)arg;
	CHECK_INT_EQ(evrt_pool_resize(pool, 2), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0); /* behind this, here */
	evrt_test_count_wait(&ran, ++hidden);
	CHECK_INT_EQ(evrt_pool_resize(pool, 3), 0);
	evrt_test_count_add(&seen, 1);
}

/* Of the three one is busy, and one of the others its guard: now and then the one that goes. */
static void
a_guard_that_goes_leaves_nothing_hidden(void)
{
	per_set = 1;
	pool = growing_pool(3);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 1; i <= 300; i++) {
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, hide_one_while_a_guard_may_go, NULL), 0);
		evrt_test_count_wait(&seen, i);
	}
	done();
}

#define BURST 200 /* more than a turn's budget */

static void
burst(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	for (int i = 0; i < BURST; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
}

/* It goes with its queue full, and nobody steals. */
static void
what_is_queued_goes_to_the_others(void)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = 2;
	c.steal = 0;
	pool = evrt_pool_new(&c);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - 2;
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 1, burst, NULL), 0);
	evrt_test_count_wait(&ran, BURST);
	wait_for_threads(others + 1);
	done();
}

/* As it is for one who had chosen it just before. */
static void
a_worker_that_has_gone_gets_nothing(void)
{
	per_set = 1;
	pool = growing_pool(3);
	struct evrt_worker *w = &pool->workers[2];
	CHECK(evrt__worker_hold(w));
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	CHECK(evrt__worker_hold(w)); /* it is there as long as it is held */
	evrt__strand_unref(&w->own->strand);
	evrt__strand_unref(&w->own->strand);
	CHECK_INT_EQ(evrt_pool_resize(pool, 3), 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	CHECK(!evrt__worker_hold(w));
	struct evrt_pool_strand *ps = evrt__pool_strand_new(w->group, NULL);
	CHECK_PTR_EQ(ps->group, &pool->groups[0]);
	evrt__strand_unref(&ps->strand);
	CHECK(!evrt__worker_is_present(w) && evrt__worker_may_leave(w));
	/* Nor is it awake, or stuck: then one who sleeps would have to look after it for ever. */
	evrt_store_relaxed(&w->run_ns, EVRT_NS_PER_SEC);
	CHECK(!evrt__worker_sees_slow(&pool->workers[0]));
	CHECK(!evrt__worker_others_awake(&pool->workers[0]));
	CHECK(!evrt__worker_sees_stuck(&pool->workers[0], EVRT_NS_NEVER / 2));
	CHECK(!evrt__group_rescue(&pool->workers[0]));
	CHECK_INT_EQ(evrt_load_relaxed(&pool->workers[0].counters.rescues), 0);
	done();
}

static void
shrink_and_end(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
}

/* Nobody but the workers themselves is there to notice. */
static void
dispatch_ends_after_the_last_has_gone(void)
{
	pool = growing_pool(MAX);
	for (int i = 0; i < 200; i++) {
		CHECK_INT_EQ(evrt_pool_resize(pool, MAX), 0);
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, shrink_and_end, NULL), 0);
		CHECK_INT_EQ(event_base_dispatch(evrt_pool_as_base(pool)), 1);
		CHECK_INT_EQ(evrt_pool_get_size(pool), 1);
	}
	done();
}

static void
dispatch_ends_where_nobody_steals(void)
{
	per_set = 1;
	no_steal = true;
	dispatch_ends_after_the_last_has_gone();
}

/* What was told to one that is gone waits there; where nothing came of it, nobody waits for that. */
static void
dispatch_does_not_wait_for_one_that_is_gone(void)
{
	pool = growing_pool(2);
	struct event *ev = event_new(evrt_pool_get_base(pool, 1), -1, 0, timer_ran, NULL);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	event_active(ev, EV_TIMEOUT, 0);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK(!evrt__inbox_empty(&pool->workers[1].inbox));
	CHECK_INT_EQ(event_base_dispatch(evrt_pool_as_base(pool)), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 0);
	event_active(ev, EV_TIMEOUT, 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 2), 0);
	CHECK_INT_EQ(event_base_dispatch(evrt_pool_as_base(pool)), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 1);
	event_free(ev);
	done();
}

static _Thread_local int wakes; /* of who posts; from 1 on */
static struct evrt_test_count stages; /* how far the poster came, in all rounds */
static evrt_atomic(bool) freed;

/* Or has gone. */
static void
wait_until_the_second_sleeps(void)
{
	while (!(evrt_load_seq_cst(&pool->parked) & 2) && (evrt_load_seq_cst(&pool->present) & 2))
		sched_yield();
}

/* The post wakes it, and its poster, who has held it back, once more: it may go now. */
static ssize_t
write_and_stay(int fd, const void *data, size_t size)
{
	ssize_t n = write(fd, data, size);

	if (wakes == 1) {
		evrt_test_count_wait(&ran, evrt_test_count_get(&stages) + 1);
		wait_until_the_second_sleeps();
	}
	if (wakes == 2) {
		evrt_test_count_add(&stages, 1);
		for (int i = 0; i < 3000 && !evrt_load_acquire(&freed); i++)
			sched_yield();
		CHECK(!evrt_load_acquire(&freed));
	}
	wakes += wakes > 0;
	return n;
}

static void *
post_to_the_second(void *arg)
{
	wakes = 1;
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 1, resize_inside, (void *)(size_t)1), 0);
	*(bool *)arg = wakes == 3;
	if (wakes < 3)
		evrt_test_count_add(&stages, 1);
	return NULL;
}

/* Again when the second worker was up for something else, and had to be awakened less often. */
static void
freeing_waits_for_who_posts_to_a_worker(void)
{
	pthread_t poster;
	bool met = false;

	per_set = 1;
	evrt__sys.write = write_and_stay;
	for (int round = 1; !met; round++) {
		evrt_store_release(&freed, false);
		pool = growing_pool(2);
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		wait_until_the_second_sleeps();
		CHECK_INT_EQ(pthread_create(&poster, NULL, post_to_the_second, &met), 0);
		evrt_test_count_wait(&stages, round);
		evrt_test_count_wait(&ran, round);
		evrt_pool_free(pool);
		evrt_store_release(&freed, true);
		pthread_join(poster, NULL);
	}
	libevent_global_shutdown();
}

static void
resize_while_it_stops(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 1);
	CHECK_INT_EQ(evrt_pool_resize(pool, MAX), -1);
	CHECK_INT_EQ(errno, ECANCELED);
	count_one(NULL);
}

static void
a_stopping_pool_keeps_its_size(void)
{
	pool = growing_pool(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, resize_while_it_stops, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 2);
	CHECK_INT_EQ(evrt_pool_resize(pool, MAX), 0);
	done();
}

static void
growing_without_threads(void)
{
	pthread_attr_t usual, huge;

	pool = growing_pool(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(pthread_getattr_default_np(&usual), 0);
	CHECK_INT_EQ(pthread_attr_init(&huge), 0);
	CHECK_INT_EQ(pthread_attr_setstacksize(&huge, (size_t)1 << 60), 0);
	CHECK_INT_EQ(pthread_setattr_default_np(&huge), 0);
	CHECK_INT_EQ(evrt_pool_resize(pool, 4), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	check_workers(2);
	CHECK_INT_EQ(pthread_setattr_default_np(&usual), 0);
	pthread_attr_destroy(&huge);
	pthread_attr_destroy(&usual);
	CHECK_INT_EQ(evrt_pool_resize(pool, 4), 0);
	check_workers(4);
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(sizes_are_checked),
	CASE(threads_come_and_go),
	CASE(all_learn_that_they_are_to_go),
	CASE(all_of_one_set_each_learn_that_they_are_to_go),
	CASE(a_stopped_pool_changes_its_size),
	CASE(a_callback_changes_the_size),
	CASE(a_pinned_base_in_use_keeps_its_worker),
	CASE(a_pinned_base_that_was_used_lets_its_worker_go),
	CASE(timers_keep_the_last_of_a_set),
	CASE(a_guard_that_goes_leaves_nothing_hidden),
	CASE(what_is_queued_goes_to_the_others),
	CASE(a_worker_that_has_gone_gets_nothing),
	CASE(dispatch_ends_after_the_last_has_gone),
	CASE(dispatch_ends_where_nobody_steals),
	CASE(dispatch_does_not_wait_for_one_that_is_gone),
	CASE(freeing_waits_for_who_posts_to_a_worker),
	CASE(a_stopping_pool_keeps_its_size),
	CASE(growing_without_threads),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
