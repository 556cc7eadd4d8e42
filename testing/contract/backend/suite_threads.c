/* testing/contract/backend/suite_threads.c — set while another thread waits.
 *
 * Here:     that a concurrent poller's wait sees it; that the others' wait does not, and nothing races.
 * Not here: waking a waiter (runtime/loop/reactor).
 */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include "base/atomic.h"
#include "testing/harness/wait.h"

#define R EVRT_READ
#define E EVRT_EDGE

struct waiter {
	void *state;
	pthread_t thread;
	int rounds; /* how many reports it takes; const */
	struct evrt_test_count reports;
	evrt_atomic(uint32_t) last; /* generation of the latest; atomic, for the next may come any time */
};

static void *
waiter_run(void *arg)
{
	struct waiter *t = arg;
	struct evrt_ready out[1];

	for (int left = t->rounds; left > 0;) {
		int n = suite_poller->wait(t->state, -1, out, 1);
		CHECK(n >= 0 || n == -EINTR);
		if (n <= 0)
			continue;
		evrt_store_relaxed(&t->last, out[0].generation); /* the count orders it */
		evrt_test_count_add(&t->reports, 1);
		left--;
	}
	return NULL;
}

/* The `count`th report comes, and is of this registration. */
static void
waiter_expect(struct waiter *t, int count, uint32_t generation)
{
	evrt_test_count_wait(&t->reports, count);
	CHECK_INT_EQ(evrt_test_count_get(&t->reports), count);
	CHECK_INT_EQ(evrt_load_relaxed(&t->last), generation);
}

static void
set_takes_effect_on_a_running_wait(void)
{
	enum { ROUNDS = 300 };
	struct waiter t = {.state = suite_begin(), .rounds = 3 * ROUNDS};
	struct wire w;
	int count = 0;

	suite_wires->open(&w);
	CHECK_INT_EQ(pthread_create(&t.thread, NULL, waiter_run, &t), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		/* Ready before it is added; made ready after; armed anew: each must end the wait. */
		suite_wires->feed(&w);
		suite_set(t.state, &w, 3 * i, 0, R | E);
		waiter_expect(&t, ++count, 3 * i);
		suite_wires->feed(&w);
		waiter_expect(&t, ++count, 3 * i);
		suite_set(t.state, &w, 3 * i + 1, R | E, R | E);
		waiter_expect(&t, ++count, 3 * i + 1);
		suite_set(t.state, &w, 3 * i + 1, R | E, 0);
		suite_wires->drain(&w);
	}
	CHECK_INT_EQ(pthread_join(t.thread, NULL), 0);
	suite_wires->close(&w);
	suite_end(t.state);
}

#define STOP 1000000u

static void *
sharer_run(void *arg)
{
	struct waiter *t = arg;
	struct evrt_ready out[1];

	for (;;) {
		int n = suite_poller->wait(t->state, -1, out, 1);
		CHECK(n >= 0 || n == -EINTR);
		if (n == 1 && out[0].generation == STOP)
			return NULL;
		if (n == 1)
			evrt_test_count_add(&t->reports, 1);
	}
}

/* An edge is reported to one of those who wait, and to nobody else; a level to all of them, one after the other. */
static void
several_wait_at_once(void)
{
	enum { ROUNDS = 300, SHARERS = 4 };
	struct waiter t = {.state = suite_begin()};
	pthread_t threads[SHARERS];
	struct wire w, stop;

	suite_wires->open(&w);
	suite_wires->open(&stop);
	suite_set(t.state, &w, 1, 0, R | E);
	for (int i = 0; i < SHARERS; i++)
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, sharer_run, &t), 0);
	for (int i = 1; i <= ROUNDS; i++) {
		suite_wires->feed(&w);
		evrt_test_count_wait(&t.reports, i);
		suite_wires->drain(&w);
	}
	suite_set(t.state, &stop, STOP, 0, R);
	suite_wires->feed(&stop);
	for (int i = 0; i < SHARERS; i++)
		CHECK_INT_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&t.reports), ROUNDS);
	suite_wires->close(&w);
	suite_wires->close(&stop);
	suite_end(t.state);
}

static void
another_poller_watches_the_whole_set(void)
{
	void *s = suite_begin(), *outer;
	struct wire w;
	struct evrt_ready out[1];

	CHECK_INT_EQ(suite_poller->open(&outer), 0);
	CHECK_INT_EQ(suite_poller->set(outer, suite_poller->descriptor(s), 9, 0, R), 0);
	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, R | E);
	CHECK_INT_EQ(suite_poller->wait(outer, 0, out, 1), 0);
	suite_wires->feed(&w);
	for (int i = 0; i < 2; i++) { /* until somebody takes it out of the set */
		CHECK_INT_EQ(suite_poller->wait(outer, -1, out, 1), 1);
		CHECK_INT_EQ(out[0].generation, 9);
	}
	suite_expect_one(s, &w, 1, R);
	CHECK_INT_EQ(suite_poller->wait(outer, 0, out, 1), 0);
	suite_wires->close(&w);
	suite_poller->close(outer);
	suite_end(s);
}

static void
wait_reads_the_copy_that_prepare_took(void)
{
	void *s = suite_begin();
	struct evrt_ready out[4];
	struct wire a, b;

	suite_wires->open(&a);
	suite_wires->open(&b);
	suite_wires->feed(&a);
	suite_wires->feed(&b);
	suite_set(s, &a, 1, 0, R);
	CHECK_INT_EQ(suite_poller->prepare(s), 0);
	suite_set(s, &a, 1, R, 0);
	suite_set(s, &b, 2, 0, R);
	CHECK_INT_EQ(suite_poller->wait(s, 0, out, 4), 1);
	CHECK_INT_EQ(out[0].fd, a.fd);
	CHECK_INT_EQ(out[0].generation, 1);
	suite_expect_one(s, &b, 2, R);
	suite_wires->close(&a);
	suite_wires->close(&b);
	suite_end(s);
}

/* ---- for ThreadSanitizer: the rules of backend.h are enough ---- */

struct looper {
	void *state;
	pthread_mutex_t owner;
	/* Relaxed throughout: nothing is published by them, and the join orders the rest. */
	evrt_atomic(int) stop;
	evrt_atomic(int) waits;
};

static void *
looper_run(void *arg)
{
	struct looper *l = arg;
	struct evrt_ready out[4];

	while (!evrt_load_relaxed(&l->stop)) {
		int err = 0;
		pthread_mutex_lock(&l->owner);
		if (suite_poller->prepare != NULL)
			err = suite_poller->prepare(l->state);
		pthread_mutex_unlock(&l->owner);
		int n = suite_poller->wait(l->state, 0, out, 4);
		CHECK(err == 0 && (n >= 0 || n == -EINTR));
		evrt_count_own(&l->waits, 1);
	}
	return NULL;
}

static void
set_and_wait_do_not_race(void)
{
	enum { N = 64, SETS = 20000, WAITS = 100 };
	struct looper l = {.state = suite_begin(), .owner = PTHREAD_MUTEX_INITIALIZER};
	struct wire w[N];
	pthread_t thread;
	bool in[N] = {false};

	for (int i = 0; i < N; i++) {
		suite_wires->open_light(&w[i]);
		suite_wires->feed(&w[i]);
	}
	CHECK_INT_EQ(pthread_create(&thread, NULL, looper_run, &l), 0);
	for (int i = 0; i < SETS || evrt_load_relaxed(&l.waits) < WAITS; i++) {
		int k = i * 7 % N;
		pthread_mutex_lock(&l.owner);
		suite_set(l.state, &w[k], (uint32_t)k, in[k] ? R : 0, in[k] ? 0 : R);
		pthread_mutex_unlock(&l.owner);
		in[k] = !in[k];
	}
	evrt_store_relaxed(&l.stop, 1);
	CHECK_INT_EQ(pthread_join(thread, NULL), 0);
	for (int i = 0; i < N; i++) {
		if (in[i])
			suite_set(l.state, &w[i], 0, R, 0);
	}
	suite_expect_none(l.state);
	for (int i = 0; i < N; i++)
		suite_wires->close(&w[i]);
	suite_end(l.state);
}

const struct suite_case suite_thread_cases[] = {
	{"set_takes_effect_on_a_running_wait", set_takes_effect_on_a_running_wait,
	    EVRT_BF_CONCURRENT | EVRT_BF_ET, 0},
	{"several_wait_at_once", several_wait_at_once, EVRT_BF_SHARED, 0},
	{"another_poller_watches_the_whole_set", another_poller_watches_the_whole_set, EVRT_BF_SHARED, 0},
	{"wait_reads_the_copy_that_prepare_took", wait_reads_the_copy_that_prepare_took,
	    0, EVRT_BF_CONCURRENT | EVRT_BF_DEFERRED},
	{"set_and_wait_do_not_race", set_and_wait_do_not_race, 0, 0},
	{NULL, NULL, 0, 0},
};
