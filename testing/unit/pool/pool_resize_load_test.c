/* testing/unit/pool/pool_resize_load_test.c — workers that come and go under connections, posts, stops and starts. */
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "runtime/pool/pool.h"
#include "testing/unit/pool/pool_resize_fixture.h"

#define PAIRS 60
static int ends[PAIRS][2];

static void
echo(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	(void)arg;
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	CHECK_INT_EQ(write(fd, &byte, 1), 1);
}

static void
ask(int i)
{
	char byte = 'a';

	CHECK_INT_EQ(write(ends[i][1], &byte, 1), 1);
	CHECK_INT_EQ(read(ends[i][1], &byte, 1), 1); /* blocks; the case's time limit ends it */
}

/* Connections that workers are at home with who are to go are served, by them or by others of their set; what is new is
 * placed on the rest. */
static void
connections_are_served_all_the_time(void)
{
	struct event *ev[PAIRS];

	pool = growing_pool(MAX);
	struct event_base *base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - MAX;
	for (int i = 0; i < PAIRS; i++) {
		CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
		ev[i] = event_new(base, ends[i][0], EV_READ | EV_PERSIST, echo, NULL);
		CHECK_INT_EQ(event_add(ev[i], NULL), 0);
	}
	for (int round = 0; round < 60; round++) {
		CHECK_INT_EQ(evrt_pool_resize(pool, 1 + (unsigned)(round * 5) % MAX), 0);
		for (int i = 0; i < PAIRS; i++)
			ask((i * 7 + round) % PAIRS);
		/* Some begin anew, wherever that is. */
		for (int i = round % 3; i < PAIRS; i += 3) {
			event_free(ev[i]);
			ev[i] = event_new(base, ends[i][0], EV_READ | EV_PERSIST, echo, NULL);
			CHECK_INT_EQ(event_add(ev[i], NULL), 0);
		}
	}
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	for (int i = 0; i < PAIRS; i++) {
		ask(i);
		event_free(ev[i]);
	}
	wait_for_threads(others + 1);
	check_workers(1);
	done();
	for (int i = 0; i < PAIRS; i++) {
		close(ends[i][0]);
		close(ends[i][1]);
	}
}

static void
connections_of_sets_of_one(void)
{
	per_set = 1;
	connections_are_served_all_the_time();
}

static void
connections_of_sets_of_two(void)
{
	per_set = 2;
	connections_are_served_all_the_time();
}

static void
connections_by_poll(void)
{
	CHECK_INT_EQ(setenv("EVENT_NOEPOLL", "1", 1), 0);
	connections_are_served_all_the_time();
}

static void
watch(struct event *ev[])
{
	for (int i = 0; i < PAIRS; i++) {
		CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
		ev[i] = event_new(evrt_pool_as_base(pool), ends[i][0], EV_READ | EV_PERSIST, echo, NULL);
		CHECK_INT_EQ(event_add(ev[i], NULL), 0);
	}
}

static void
unwatch(struct event *ev[])
{
	for (int i = 0; i < PAIRS; i++) {
		ask(i);
		event_free(ev[i]);
		close(ends[i][0]);
		close(ends[i][1]);
	}
}

/* Whoever is to go leaves its connections to those who stay in its set. */
static void
a_shared_set_needs_one_worker(void)
{
	struct event *ev[PAIRS];

	pool = growing_pool(MAX);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - MAX;
	watch(ev);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	wait_for_threads(others + 1);
	check_workers(1);
	unwatch(ev);
	done();
}

/* Sets of two: of one whose workers are all to go, one stays with the connections, and goes after the last of them, or
 * when another one is there again. */
static void
the_last_of_a_set_stays_with_its_connections(void)
{
	struct event *ev[PAIRS];

	per_set = 2;
	pool = growing_pool(MAX);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - MAX;
	watch(ev);
	unsigned used = 0;
	for (unsigned i = 0; i < pool->groups_count; i++)
		used += evrt_load_relaxed(&pool->groups[i].homed) > pool->groups[i].count;
	CHECK_INT_EQ(used, MAX / 2);
	CHECK_INT_EQ(evrt_pool_resize(pool, 1), 0);
	wait_for_threads(others + MAX / 2);
	/* Each of the others' sets gets one that is to stay, and needs the one who had stayed no more. */
	CHECK_INT_EQ(evrt_pool_resize(pool, MAX - 1), 0);
	check_workers(MAX - 1);
	wait_for_threads(others + MAX - 1);
	CHECK_INT_EQ(evrt_pool_resize(pool, 2), 0);
	wait_for_threads(others + 2 + MAX / 2 - 1);
	for (int i = 0; i < 50; i++)
		CHECK_PTR_EQ(evrt__pool_place(pool), &pool->groups[0]);
	unwatch(ev);
	wait_for_threads(others + 2);
	/* Nothing new comes to them. */
	watch(ev);
	for (unsigned i = 1; i < pool->groups_count; i++)
		CHECK_INT_EQ(evrt_load_relaxed(&pool->groups[i].homed), pool->groups[i].count);
	unwatch(ev);
	done();
}

static evrt_atomic(bool) enough;

static void *
resize_all_the_time(void *arg)
{
	unsigned n = 1;

	(void)arg;
	while (!evrt_load_acquire(&enough)) {
		CHECK(evrt_pool_resize(pool, n) == 0 || errno == ECANCELED);
		n = n % MAX + 1;
	}
	return NULL;
}

static void
post_on(void *arg)
{
	size_t left = (size_t)arg;

	if (left)
		CHECK_INT_EQ(evrt_pool_post(pool, post_on, (void *)(left - 1)), 0);
	/* Refused, or it runs. */
	if (evrt_pool_post_worker(pool, (unsigned)left % MAX, count_one, NULL) < 0)
		count_one(NULL);
	count_one(NULL);
}

static void
no_post_is_lost(void)
{
	pthread_t resizer;

	pool = growing_pool(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(pthread_create(&resizer, NULL, resize_all_the_time, NULL), 0);
	for (int i = 0; i < 40; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, post_on, (void *)(size_t)99), 0);
	evrt_test_count_wait(&ran, 40 * 100 * 2);
	evrt_store_release(&enough, true);
	pthread_join(resizer, NULL);
	done();
}

static void
no_post_is_lost_in_sets_of_one(void)
{
	per_set = 1;
	no_post_is_lost();
}

static void
no_post_is_lost_in_sets_of_two(void)
{
	per_set = 2;
	no_post_is_lost();
}

static void
no_post_is_lost_by_poll(void)
{
	CHECK_INT_EQ(setenv("EVENT_NOEPOLL", "1", 1), 0);
	no_post_is_lost();
}

static void *
ask_all_the_time(void *arg)
{
	(void)arg;
	for (int round = 0; round < 100; round++)
		for (int i = 0; i < PAIRS; i++)
			ask(i);
	return NULL;
}

static void
post_and_wait(int rounds)
{
	/* One at a time: all may be asleep, and deep, when it comes. */
	for (int i = 0; i < rounds; i++) {
		long before = evrt_test_count_get(&ran);
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
		evrt_test_count_wait(&ran, before + 1);
	}
}

static void
connections_and_posts_under_changes(void)
{
	pthread_t resizer, asker;
	struct event *ev[PAIRS];

	pool = growing_pool(MAX);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - MAX;
	watch(ev);
	CHECK_INT_EQ(pthread_create(&resizer, NULL, resize_all_the_time, NULL), 0);
	CHECK_INT_EQ(pthread_create(&asker, NULL, ask_all_the_time, NULL), 0);
	post_and_wait(4000);
	pthread_join(asker, NULL);
	evrt_store_release(&enough, true);
	pthread_join(resizer, NULL);
	unwatch(ev);
	CHECK_INT_EQ(evrt_pool_resize(pool, 3), 0);
	check_workers(3);
	wait_for_threads(others + 3);
	done();
}

static void
load_on_sets_of_one(void)
{
	per_set = 1;
	connections_and_posts_under_changes();
}

static void
load_on_sets_of_two(void)
{
	per_set = 2;
	connections_and_posts_under_changes();
}

static void
load_by_poll(void)
{
	CHECK_INT_EQ(setenv("EVENT_NOEPOLL", "1", 1), 0);
	connections_and_posts_under_changes();
}

static void
stops_and_starts_while_it_changes(void)
{
	pthread_t resizer;

	pool = growing_pool(2);
	CHECK_INT_EQ(pthread_create(&resizer, NULL, resize_all_the_time, NULL), 0);
	for (int i = 1; i <= 200; i++) {
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
		CHECK_INT_EQ(evrt_test_count_get(&ran), i);
	}
	evrt_store_release(&enough, true);
	pthread_join(resizer, NULL);
	int others = threads();
	CHECK_INT_EQ(evrt_pool_resize(pool, 3), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	check_workers(3);
	wait_for_threads(others + 3);
	done();
}

/* The last thing that a dispatch waits for is done while workers come and go. */
static void
dispatch_ends_when_idle_all_the_same(void)
{
	static const struct timeval soon = { 0, 300 };
	pthread_t resizer;

	pool = growing_pool(2);
	struct event_base *base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(pthread_create(&resizer, NULL, resize_all_the_time, NULL), 0);
	for (int i = 1; i <= 300; i++) {
		CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, timer_ran, NULL, &soon), 0);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		CHECK_INT_EQ(evrt_test_count_get(&ran), i);
	}
	evrt_store_release(&enough, true);
	pthread_join(resizer, NULL);
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(connections_are_served_all_the_time),
	CASE(connections_of_sets_of_one),
	CASE(connections_of_sets_of_two),
	CASE(connections_by_poll),
	CASE(a_shared_set_needs_one_worker),
	CASE(the_last_of_a_set_stays_with_its_connections),
	CASE(no_post_is_lost),
	CASE(no_post_is_lost_in_sets_of_one),
	CASE(no_post_is_lost_in_sets_of_two),
	CASE(no_post_is_lost_by_poll),
	CASE(connections_and_posts_under_changes),
	CASE(load_on_sets_of_one),
	CASE(load_on_sets_of_two),
	CASE(load_by_poll),
	CASE(stops_and_starts_while_it_changes),
	CASE(dispatch_ends_when_idle_all_the_same),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
