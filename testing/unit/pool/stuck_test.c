/* testing/unit/pool/stuck_test.c — no worker is idle while anything is ready: what is ready behind a worker that does
 * not come back is done by the others.
 *
 * Each case blocks workers inside callbacks until the others have done all the rest; if that is left behind a
 * blocked one, the case waits in vain. On a set for all, sets of two, a set each, and pollers that cannot be shared.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/unit/pool/pool_fixture.h"

#define WORKERS 4
#define PINGS 48

static struct evrt_test_gate gate;
static struct evrt_test_count blocked;
static int wires[PINGS][2];
static struct event *events[PINGS];

struct setting {
	const char *forbid[2];
	unsigned workers_per_set;
};

static void
start(const struct setting *s)
{
	struct evrt_pool_config c;

	for (int i = 0; i < 2; i++)
		if (s->forbid[i])
			setenv(s->forbid[i], "1", 1);
	evrt_pool_config_init(&c);
	c.workers = WORKERS;
	c.workers_per_set = s->workers_per_set;
	pool = evrt_pool_new(&c);
	CHECK(pool != NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static void
finish(void)
{
	evrt_test_gate_open(&gate);
	done();
}

static void
block(void *arg)
{
	(void)arg;
	evrt_test_count_add(&blocked, 1);
	evrt_test_gate_wait(&gate);
}

static void
block_workers(int n)
{
	for (int i = 0; i < n; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, block, NULL), 0);
	evrt_test_count_wait(&blocked, n);
}

static void
open_wires(event_callback_fn cb)
{
	for (int i = 0; i < PINGS; i++) {
		CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, wires[i]), 0);
		events[i] = event_new(evrt_pool_as_base(pool), wires[i][0], EV_READ | EV_PERSIST, cb, NULL);
		CHECK_INT_EQ(event_add(events[i], NULL), 0);
	}
}

static void
close_wires(void)
{
	for (int i = 0; i < PINGS; i++) {
		event_free(events[i]);
		close(wires[i][0]);
		close(wires[i][1]);
	}
}

static void
ping_all(void)
{
	for (int i = 0; i < PINGS; i++)
		CHECK_INT_EQ(write(wires[i][1], "x", 1), 1);
}

/* Work so short that workers park deep, and hide strands for each other. */
static void
run_short_work(void)
{
	for (int round = 0; round < 100; round++) {
		long before = evrt_test_count_get(&ran);
		ping_all();
		evrt_test_count_wait(&ran, before + PINGS);
	}
}

static void
connections(const struct setting *s)
{
	start(s);
	open_wires(take_byte);
	block_workers(WORKERS - 1);
	for (int i = 1; i <= 10; i++) {
		ping_all();
		evrt_test_count_wait(&ran, i * PINGS);
	}
	close_wires();
	finish();
}

static void
connections_after_short_work(const struct setting *s)
{
	start(s);
	open_wires(take_byte);
	run_short_work();
	block_workers(WORKERS - 1);
	long before = evrt_test_count_get(&ran);
	ping_all();
	evrt_test_count_wait(&ran, before + PINGS);
	close_wires();
	finish();
}

static void
timers(const struct setting *s)
{
	struct event *timer[PINGS];

	start(s);
	for (int i = 0; i < PINGS; i++) {
		timer[i] = evtimer_new(evrt_pool_as_base(pool), timer_ran, NULL);
		CHECK_INT_EQ(event_add(timer[i], &(struct timeval){ 0, 20000 + i * 100 }), 0);
	}
	block_workers(WORKERS - 1);
	evrt_test_count_wait(&ran, PINGS);
	for (int i = 0; i < PINGS; i++) /* and some that are armed meanwhile */
		CHECK_INT_EQ(event_add(timer[i], &(struct timeval){ 0, 1000 }), 0);
	evrt_test_count_wait(&ran, 2 * PINGS);
	for (int i = 0; i < PINGS; i++)
		event_free(timer[i]);
	finish();
}

static void
posts(const struct setting *s)
{
	start(s);
	block_workers(WORKERS - 1);
	for (int i = 0; i < PINGS; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, PINGS);
	finish();
}

static void
post_then_block(void *arg)
{
	for (intptr_t i = 0; i < (intptr_t)arg; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	block(NULL);
}

/* What a callback made ready before it got stuck. */
static void
what_a_callback_made_ready(const struct setting *s)
{
	start(s);
	open_wires(take_byte);
	for (intptr_t n = 1; n < WORKERS; n++) {
		run_short_work();
		long before = evrt_test_count_get(&ran);
		CHECK_INT_EQ(evrt_pool_post(pool, post_then_block, (void *)n), 0);
		evrt_test_count_wait(&ran, before + n);
	}
	close_wires();
	finish();
}

static evrt_atomic(int) first_comer;

static void
block_first(evutil_socket_t fd, short what, void *arg)
{
	bool first = evrt_add_seq_cst(&first_comer, 1) == 0; /* before it is counted, or it might be the next round's */

	take_byte(fd, what, arg);
	if (first)
		block(NULL);
}

/* The first of many reports that a worker took at once. */
static void
the_rest_of_a_batch(const struct setting *s)
{
	start(s);
	open_wires(block_first);
	evrt_store_seq_cst(&first_comer, 1);
	run_short_work();
	for (int i = 1; i < WORKERS; i++) {
		evrt_store_seq_cst(&first_comer, 0);
		long before = evrt_test_count_get(&ran);
		/* All that are taken at once are ready before any is. */
		ping_all();
		evrt_test_count_wait(&ran, before + PINGS - (i - 1)); /* those that are blocked already are */
	}
	evrt_test_gate_open(&gate); /* an event whose callback runs is not freed */
	close_wires();
	finish();
}

/* A worker whose pinned base does not come back, and one whose base was used once. */
static void
pinned_bases(const struct setting *s)
{
	start(s);
	open_wires(take_byte);
	for (unsigned i = 0; i < WORKERS; i++)
		CHECK_INT_EQ(evrt_pool_post_worker(pool, i, count_one, NULL), 0);
	evrt_test_count_wait(&ran, WORKERS);
	for (unsigned i = 0; i < WORKERS - 1; i++)
		CHECK_INT_EQ(evrt_pool_post_worker(pool, i, block, NULL), 0);
	evrt_test_count_wait(&blocked, WORKERS - 1);
	ping_all();
	evrt_test_count_wait(&ran, WORKERS + PINGS);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, WORKERS - 1, count_one, NULL), 0);
	evrt_test_count_wait(&ran, WORKERS + PINGS + 1);
	close_wires();
	finish();
}

static const struct setting
    one_set = { { NULL, NULL }, 16 },
    sets_of_two = { { NULL, NULL }, 2 },
    a_set_each = { { NULL, NULL }, 1 },
    on_poll = { { "EVENT_NOEPOLL", NULL }, 16 },
    on_select = { { "EVENT_NOEPOLL", "EVENT_NOPOLL" }, 16 };

#define CASES(X) \
	X(connections) X(connections_after_short_work) X(timers) X(posts) X(what_a_callback_made_ready) \
	X(the_rest_of_a_batch) X(pinned_bases)

#define DEFINE(name) \
	static void name##_one_set(void) { name(&one_set); } \
	static void name##_sets_of_two(void) { name(&sets_of_two); } \
	static void name##_a_set_each(void) { name(&a_set_each); } \
	static void name##_on_poll(void) { name(&on_poll); } \
	static void name##_on_select(void) { name(&on_select); }
CASES(DEFINE)

#define ENTRIES(name) \
	CASE(name##_one_set), CASE(name##_sets_of_two), CASE(name##_a_set_each), CASE(name##_on_poll), \
	    CASE(name##_on_select),

static const struct evrt_test_case cases[] = { CASES(ENTRIES) { NULL, NULL } };

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
