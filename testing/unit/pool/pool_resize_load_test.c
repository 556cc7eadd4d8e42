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
#include "base/rand.h"
#include "runtime/pool/pool.h"
#include "testing/unit/pool/pool_resize_fixture.h"

#define PAIRS 64
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
	static char asked[PAIRS]; /* what it was asked last */
	char answer;

	asked[i]++;
	CHECK_INT_EQ(write(ends[i][1], &asked[i], 1), 1);
	CHECK_INT_EQ(read(ends[i][1], &answer, 1), 1); /* blocks; the case's time limit ends it */
	CHECK_INT_EQ(answer, asked[i]);
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
	struct evrt_rand rand;

	(void)arg;
	evrt__rand_init(&rand, evrt_test_seed());
	while (!evrt_load_acquire(&enough))
		CHECK(evrt_pool_resize(pool, 1 + evrt__rand_below(&rand, MAX)) == 0 || errno == ECANCELED);
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

#define THINGS 3000 /* to happen once each */
static evrt_atomic(int) happened[THINGS];

static void
happen(void *times)
{
	evrt_add_relaxed((evrt_atomic(int) *)times, 1);
	count_one(NULL);
}

static void
happen_in_time(evutil_socket_t fd, short what, void *times)
{
	(void)fd;
	(void)what;
	happen(times);
}

static void
happen_later(void *times)
{
	CHECK_INT_EQ(evrt_pool_post(pool, happen, times), 0);
}

static void
begin(unsigned thing, struct evrt_rand *rand)
{
	struct timeval soon = { 0, (long)evrt__rand_below(rand, 2000) };

	switch (thing % 4) {
	case 0:
		CHECK_INT_EQ(evrt_pool_post(pool, happen, &happened[thing]), 0);
		break;
	case 1:
		CHECK_INT_EQ(evrt_pool_post(pool, happen_later, &happened[thing]), 0);
		break;
	case 2:
		if (evrt_pool_post_worker(pool, evrt__rand_below(rand, MAX), happen, &happened[thing]) == 0)
			break;
		CHECK_INT_EQ(errno, EINVAL); /* there is no such worker now */
		happen(&happened[thing]);
		break;
	default:
		CHECK_INT_EQ(event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, happen_in_time, &happened[thing], &soon),
		    0);
	}
}

/* A few at a time, and often one: all may be asleep, and deep, when it comes. */
static void
all_things_happen(void)
{
	struct evrt_rand rand;
	long before = evrt_test_count_get(&ran);
	unsigned begun = 0;

	evrt__rand_init(&rand, evrt_test_seed() + 1);
	while (begun < THINGS) {
		for (uint32_t n = 1 + evrt__rand_below(&rand, 4) * evrt__rand_below(&rand, 8); n-- && begun < THINGS; begun++)
			begin(begun, &rand);
		evrt_test_count_wait(&ran, before + begun);
	}
}

static void *
ask_all_the_time(void *first)
{
	for (int round = 0; round < 30; round++)
		for (int i = (int)(size_t)first; i < PAIRS; i += 2)
			ask(i);
	return NULL;
}

static void
all_under_changes(void)
{
	pthread_t resizer, asker[2];
	struct event *ev[PAIRS];
	char byte;

	pool = growing_pool(MAX);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int others = threads() - MAX;
	watch(ev);
	CHECK_INT_EQ(pthread_create(&resizer, NULL, resize_all_the_time, NULL), 0);
	for (size_t i = 0; i < 2; i++)
		CHECK_INT_EQ(pthread_create(&asker[i], NULL, ask_all_the_time, (void *)i), 0);
	all_things_happen();
	for (int i = 0; i < 2; i++)
		pthread_join(asker[i], NULL);
	evrt_store_release(&enough, true);
	pthread_join(resizer, NULL);
	for (int i = 0; i < PAIRS; i++)
		CHECK_INT_EQ(recv(ends[i][1], &byte, 1, MSG_DONTWAIT), -1); /* no answer came twice */
	unwatch(ev);
	for (int i = 0; i < THINGS; i++)
		CHECK_INT_EQ(evrt_load_relaxed(&happened[i]), 1);
	unsigned size = 1 + (unsigned)(evrt_test_seed() % MAX);
	CHECK_INT_EQ(evrt_pool_resize(pool, size), 0);
	check_workers(size);
	wait_for_threads(others + (int)size);
	done();
}

static void
load_on_sets_of_one(void)
{
	per_set = 1;
	all_under_changes();
}

static void
load_on_sets_of_two(void)
{
	per_set = 2;
	all_under_changes();
}

static void
load_by_poll(void)
{
	CHECK_INT_EQ(setenv("EVENT_NOEPOLL", "1", 1), 0);
	all_under_changes();
}

static void
load_by_select(void)
{
	CHECK_INT_EQ(setenv("EVENT_NOPOLL", "1", 1), 0);
	load_by_poll();
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
	CASE(all_under_changes),
	CASE(load_on_sets_of_one),
	CASE(load_on_sets_of_two),
	CASE(load_by_poll),
	CASE(load_by_select),
	CASE(stops_and_starts_while_it_changes),
	CASE(dispatch_ends_when_idle_all_the_same),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
