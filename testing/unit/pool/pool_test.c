/* testing/unit/pool/pool_test.c — what runs on a pool: strands, posts, events, timers, signals. */
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/unit/pool/pool_fixture.h"

static void
posts_before_and_after_the_start_run(void)
{
	pool = pool_of(2);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < 99; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 100);
	CHECK_INT_EQ(evrt_pool_post(NULL, count_one, NULL), -1);
	CHECK_INT_EQ(evrt_pool_post(pool, NULL, NULL), -1);
	done();
}

static void
check_worker(void *arg)
{
	CHECK_INT_EQ(evrt_worker_current(), (long)arg);
	count_one(NULL);
}

static void
a_post_to_a_worker_runs_on_its_thread(void)
{
	pool = pool_of(4);
	evrt_pool_start(pool);
	for (long i = 0; i < 400; i++)
		CHECK_INT_EQ(evrt_pool_post_worker(pool, (unsigned)(i % 4), check_worker, (void *)(i % 4)), 0);
	evrt_test_count_wait(&ran, 400);
	CHECK_INT_EQ(evrt_worker_current(), -1);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 4, check_worker, NULL), -1);
	done();
}

struct sequence {
	struct evrt_strand *strand;
	long next;
};

static void
expect_next(void *arg)
{
	static struct sequence *last; /* unguarded on purpose: the strand is the guard, and TSan watches */
	struct sequence *item = arg;

	if (last)
		CHECK_INT_EQ(item->next, last->next + 1);
	last = item;
	CHECK_PTR_EQ(evrt_strand_current(), item->strand);
	count_one(NULL);
}

static void
a_strand_keeps_the_order_of_one_sender(void)
{
	static struct sequence items[1000];
	pool = pool_of(4);
	evrt_pool_start(pool);
	struct evrt_strand *s = evrt_strand_new(pool);
	for (int i = 0; i < 1000; i++) {
		items[i] = (struct sequence){ s, i };
		CHECK_INT_EQ(evrt_strand_post(s, expect_next, &items[i]), 0);
	}
	evrt_test_count_wait(&ran, 1000);
	evrt_strand_free(s);
	done();
}

static struct evrt_strand *seen_strand[2];

static void
look_at_strand(evutil_socket_t fd, short what, void *arg)
{
	struct timeval soon = { 0, 1000 };
	(void)fd;
	(void)what;
	seen_strand[arg != NULL] = evrt_strand_current();
	/* What a callback makes joins its strand. */
	if (!arg)
		event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, look_at_strand, seen_strand, &soon);
	count_one(NULL);
}

static void
what_a_callback_makes_joins_its_strand(void)
{
	pool = pool_of(4);
	evrt_pool_start(pool);
	event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, look_at_strand, NULL, NULL);
	evrt_test_count_wait(&ran, 2);
	CHECK(seen_strand[0] != NULL);
	CHECK_PTR_EQ(seen_strand[0], seen_strand[1]);
	done();
}

static void
events_outside_callbacks_are_strands_of_their_own(void)
{
	pool = pool_of(2);
	struct event_base *base = evrt_pool_as_base(pool);
	struct timeval soon = { 0, 1000 };
	struct event *a = event_new(base, -1, EV_PERSIST, look_at_strand, seen_strand);
	struct event *b = event_new(base, -1, 0, timer_ran, NULL);
	struct evrt_strand *s = evrt_strand_new(pool);
	event_add(a, &soon);
	CHECK_INT_EQ(evrt_event_set_strand(a, s), -1);
	CHECK_INT_EQ(errno, EBUSY);
	CHECK_INT_EQ(evrt_event_set_strand(b, s), 0);
	event_add(b, &soon);
	evrt_pool_start(pool);
	evrt_test_count_wait(&ran, 2);
	event_del(a);
	CHECK(seen_strand[1] != NULL && seen_strand[1] != s);
	event_free(a);
	event_free(b);
	evrt_strand_free(s);
	done();
}

static void
echo_byte(evutil_socket_t fd, short what, void *arg)
{
	char c;
	(void)what;
	(void)arg;
	if (read(fd, &c, 1) == 1)
		CHECK_INT_EQ(write(fd, &c, 1), 1);
	count_one(NULL);
}

static void
level_triggered_events_see_all_their_data(void)
{
	enum { PAIRS = 16, BYTES = 50 };
	int fds[PAIRS][2];
	struct event *ev[PAIRS];
	pool = pool_of(3);
	for (int i = 0; i < PAIRS; i++) {
		CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds[i]), 0);
		ev[i] = event_new(evrt_pool_as_base(pool), fds[i][1], EV_READ | EV_PERSIST, echo_byte, NULL);
		/* Blocking from now on, on purpose: a callback for nothing would hang in read(). */
		CHECK_INT_EQ(fcntl(fds[i][1], F_SETFL, 0), 0);
		CHECK_INT_EQ(event_add(ev[i], NULL), 0);
	}
	evrt_pool_start(pool);
	for (int n = 0; n < BYTES; n++)
		for (int i = 0; i < PAIRS; i++)
			CHECK_INT_EQ(write(fds[i][0], "x", 1), 1);
	evrt_test_count_wait(&ran, PAIRS * BYTES);
	for (int i = 0; i < PAIRS; i++)
		event_free(ev[i]);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&ran), PAIRS * BYTES);
	for (int i = 0; i < PAIRS; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	done();
}

static void
a_pinned_base_stays_on_its_worker(void)
{
	pool = pool_of(3);
	struct event_base *base = evrt_pool_get_base(pool, 2);
	CHECK(evrt_pool_get_base(pool, 3) == NULL);
	CHECK_PTR_EQ(evrt_base_get_pool(base), pool);
	evrt_pool_start(pool);
	for (int i = 0; i < 50; i++)
		evrt_pool_post_worker(pool, 2, check_worker, (void *)2L);
	struct timeval soon = { 0, 500 };
	struct event *ev = event_new(base, -1, EV_PERSIST, timer_ran, NULL);
	event_add(ev, &soon);
	evrt_test_count_wait(&ran, 60);
	event_free(ev);
	CHECK_INT_EQ(event_base_loop(base, 0), -1);
	done();
}

static void
signal_came(evutil_socket_t signum, short what, void *arg)
{
	(void)arg;
	CHECK_INT_EQ(signum, SIGUSR1);
	CHECK_INT_EQ(what, EV_SIGNAL);
	count_one(NULL);
}

static void
signals_reach_a_pooled_base(void)
{
	pool = pool_of(2);
	struct event *a = event_new(evrt_pool_as_base(pool), SIGUSR1, EV_SIGNAL | EV_PERSIST, signal_came, NULL);
	struct event *b = event_new(evrt_pool_get_base(pool, 1), SIGUSR1, EV_SIGNAL | EV_PERSIST, signal_came,
	    NULL);
	CHECK_INT_EQ(event_add(a, NULL), 0);
	CHECK_INT_EQ(event_add(b, NULL), 0);
	evrt_pool_start(pool);
	kill(getpid(), SIGUSR1);
	evrt_test_count_wait(&ran, 2);
	event_free(a);
	event_free(b);
	done();
}

static evrt_atomic(int) timer_cancelled, timer_runs_late;

static void
must_not_run_when_cancelled(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (evrt_load_seq_cst(&timer_cancelled))
		evrt_add_seq_cst(&timer_runs_late, 1);
}

static void
a_timer_cancelled_from_afar_does_not_run(void)
{
	struct timeval soon = { 0, 200 };
	pool = pool_of(2);
	evrt_pool_start(pool);
	struct event *ev = event_new(evrt_pool_as_base(pool), -1, 0, must_not_run_when_cancelled, NULL);
	for (int i = 0; i < 2000; i++) {
		evrt_store_seq_cst(&timer_cancelled, 0);
		CHECK_INT_EQ(event_add(ev, &soon), 0);
		if (i % 3 == 0)
			event_add(ev, &(struct timeval){ 0, 100 + i % 200 });
		CHECK_INT_EQ(event_del(ev), 0);
		evrt_store_seq_cst(&timer_cancelled, 1);
	}
	event_free(ev);
	CHECK_INT_EQ(evrt_load_seq_cst(&timer_runs_late), 0);
	done();
}

static void
statistics_tell_what_happened(void)
{
	struct evrt_worker_stats s;
	uint64_t callbacks = 0;
	pool = pool_of(2);
	evrt_pool_start(pool);
	for (int i = 0; i < 100; i++)
		evrt_pool_post(pool, count_one, NULL);
	evrt_test_count_wait(&ran, 100);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_INT_EQ(evrt_pool_stats(pool, i, &s), 0);
		callbacks += s.callbacks;
		CHECK(s.loops > 0);
		CHECK(s.runs <= 100 && s.steals_hit <= s.steals_tried);
	}
	CHECK_INT_EQ(callbacks, 100);
	CHECK_INT_EQ(evrt_pool_stats(pool, 2, &s), -1);
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(posts_before_and_after_the_start_run),
	CASE(a_post_to_a_worker_runs_on_its_thread),
	CASE(a_strand_keeps_the_order_of_one_sender),
	CASE(what_a_callback_makes_joins_its_strand),
	CASE(events_outside_callbacks_are_strands_of_their_own),
	CASE(level_triggered_events_see_all_their_data),
	CASE(a_pinned_base_stays_on_its_worker),
	CASE(signals_reach_a_pooled_base),
	CASE(a_timer_cancelled_from_afar_does_not_run),
	CASE(statistics_tell_what_happened),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
