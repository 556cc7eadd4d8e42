/* testing/unit/pool/pools_test.c — several pools in one process. */
#include <event2/event.h>
#include <evrt/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "testing/unit/pool/pool_fixture.h"

static struct evrt_pool *other;
static struct evrt_test_gate gate;

static void
two_pools(unsigned workers)
{
	pool = pool_of(workers);
	other = pool_of(workers);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_start(other), 0);
}

static void
two_done(void)
{
	/* Both, before either is freed: each may be in a call on the other still. */
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_pool_stop(other, NULL), 0);
	evrt_pool_free(other);
	done();
}

#define RALLY 2000

static void
to_and_fro(void *at)
{
	static int left = RALLY;

	CHECK(at == pool || at == other);
	CHECK_PTR_EQ(evrt_base_get_pool(evrt_pool_as_base(at)), at);
	CHECK(evrt_worker_current() >= 0 && evrt_strand_current() != NULL);
	struct evrt_pool *next = at == pool ? other : pool;
	if (--left > 0)
		CHECK_INT_EQ(evrt_pool_post(next, to_and_fro, next), 0);
	count_one(NULL);
}

static void
pools_post_to_each_other(void)
{
	two_pools(2);
	CHECK_INT_EQ(evrt_pool_post(pool, to_and_fro, pool), 0);
	evrt_test_count_wait(&ran, RALLY);
	two_done();
}

static void
post_to_other_worker(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_worker_current(), 0);
	CHECK_INT_EQ(evrt_pool_post_worker(other, 1, count_one, NULL), 0);
}

/* A worker of the same number in another pool is somebody else. */
static void
workers_are_told_apart(void)
{
	two_pools(2);
	for (int i = 1; i <= 100; i++) {
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, post_to_other_worker, NULL), 0);
		evrt_test_count_wait(&ran, i);
	}
	two_done();
}

static void
stop_other(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(other, NULL), 0); /* waits: this thread is none of its own */
	CHECK_INT_EQ(evrt_pool_start(other), 0);
	CHECK_INT_EQ(evrt_pool_stop(other, NULL), 0);
	count_one(NULL);
}

static void
a_callback_stops_another_pool(void)
{
	two_pools(2);
	for (int i = 0; i < 50; i++)
		CHECK_INT_EQ(evrt_pool_post(other, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, stop_other, NULL), 0);
	evrt_test_count_wait(&ran, 51); /* a graceful stop lets the fifty run */
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 52);
	CHECK_INT_EQ(evrt_pool_start(other), 0);
	two_done();
}

static void
free_other(void *arg)
{
	(void)arg;
	evrt_pool_free(other);
	count_one(NULL);
}

static void
a_callback_frees_another_pool(void)
{
	two_pools(2);
	CHECK_INT_EQ(evrt_pool_post(pool, free_other, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 2);
	done();
}

static void
stays(void *arg)
{
	(void)arg;
	count_one(NULL);
	evrt_test_gate_wait(&gate);
}

static void
stop_other_at_once(void *arg)
{
	static const struct timeval soon = { 0, 1000 };

	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(other, &soon), 1);
	evrt_test_gate_open(&gate);
	CHECK_INT_EQ(evrt_pool_stop(other, NULL), 0);
	count_one(NULL);
}

static void
a_callback_stops_another_pool_with_a_deadline(void)
{
	two_pools(1);
	CHECK_INT_EQ(evrt_pool_post(other, stays, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_post(pool, stop_other_at_once, NULL), 0);
	evrt_test_count_wait(&ran, 2);
	two_done();
}

static void
strands_stay_in_their_pool(void)
{
	two_pools(1);
	struct evrt_strand *mine = evrt_strand_new(pool), *theirs = evrt_strand_new(other);
	struct event *ev = evtimer_new(evrt_pool_as_base(pool), timer_ran, NULL);

	CHECK_INT_EQ(evrt_event_set_strand(ev, theirs), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_event_set_strand(ev, mine), 0);
	CHECK_INT_EQ(evrt_event_set_strand(ev, theirs), -1);
	event_active(ev, EV_TIMEOUT, 0);
	evrt_test_count_wait(&ran, 1);
	event_free(ev);
	evrt_strand_free(mine);
	evrt_strand_free(theirs);
	two_done();
}

static int ends[2];
static struct evrt_strand *outer, *inner;

static void
byte_came(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	(void)arg;
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	inner = evrt_strand_current();
	count_one(NULL);
}

static void
watch_on_other(void *arg)
{
	(void)arg;
	outer = evrt_strand_current();
	CHECK_INT_EQ(event_base_once(evrt_pool_as_base(other), ends[0], EV_READ, byte_came, NULL, NULL), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
}

/* What a callback makes joins its strand only where that is of the same pool. */
static void
what_is_made_on_another_pool_runs_there(void)
{
	struct evrt_worker_stats stats;

	two_pools(1);
	/* To the table of the other pool this is what the poster's strand is to its own. */
	struct evrt_strand *twin = evrt_strand_new(other);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, watch_on_other, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK(inner && inner != outer && inner != twin);
	evrt_strand_free(twin);
	CHECK_INT_EQ(evrt_pool_stop(other, NULL), 0);
	CHECK_INT_EQ(evrt_pool_stats(other, 0, &stats), 0);
	CHECK_INT_EQ(stats.callbacks, 1);
	two_done();
	close(ends[0]);
	close(ends[1]);
}

static void
dispatch_other(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_post(other, count_one, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(evrt_pool_as_base(other)), 1);
	CHECK_INT_EQ(evrt_worker_current(), 0); /* of the outer pool again */
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 1);
	count_one(NULL);
}

static void
a_callback_dispatches_another_pool(void)
{
	pool = pool_of(1);
	other = pool_of(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, dispatch_other, NULL), 0);
	evrt_test_count_wait(&ran, 2);
	two_done();
}

static const struct evrt_test_case cases[] = {
	CASE(pools_post_to_each_other),
	CASE(workers_are_told_apart),
	CASE(a_callback_stops_another_pool),
	CASE(a_callback_frees_another_pool),
	CASE(a_callback_stops_another_pool_with_a_deadline),
	CASE(strands_stay_in_their_pool),
	CASE(what_is_made_on_another_pool_runs_there),
	CASE(a_callback_dispatches_another_pool),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
