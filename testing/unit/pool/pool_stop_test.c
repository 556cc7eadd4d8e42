/* testing/unit/pool/pool_stop_test.c — who may stop a pool, when, and what is left then. */
#include <event2/event.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/sys.h"
#include "testing/unit/pool/pool_fixture.h"

static struct evrt_test_gate gate, second_gate;
static struct event_base *signalled; /* what the signal's handler breaks */

static void
stay_until_opened(void *arg)
{
	(void)arg;
	count_one(NULL);
	evrt_test_gate_wait(&gate);
	count_one(NULL);
}

static void
stop_inside(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 1);
	count_one(NULL);
}

static void
dispatch_tells_that_it_was_stopped(struct event_base *base)
{
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_exit(base) && !event_base_got_break(base));
}

/* A base that would not end by itself. */
static struct event_base *
busy_base(unsigned workers, struct event **never)
{
	static const struct timeval long_time = { 600, 0 };
	struct event_base *base = evrt_base_new(workers);

	pool = evrt_base_get_pool(base);
	*never = evtimer_new(base, timer_ran, NULL);
	CHECK_INT_EQ(event_add(*never, &long_time), 0);
	return base;
}

static void
free_base(struct event_base *base, struct event *never)
{
	event_free(never);
	event_base_free(base);
	libevent_global_shutdown();
}

static void
a_stop_in_a_callback_ends_dispatch(void)
{
	struct event *never;
	struct event_base *base = busy_base(3, &never);

	for (int i = 1; i <= 20; i++) {
		CHECK_INT_EQ(evrt_pool_post(pool, stop_inside, NULL), 0);
		dispatch_tells_that_it_was_stopped(base);
		CHECK_INT_EQ(evrt_test_count_get(&ran), i);
	}
	free_base(base, never);
}

static void *
stop_from_afar(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	return NULL;
}

static pthread_t stopper;

static void
start_stopper(void *arg)
{
	CHECK_INT_EQ(pthread_create(&stopper, NULL, stop_from_afar, arg), 0);
}

static void
a_stop_from_another_thread_ends_dispatch(void)
{
	struct event *never;
	struct event_base *base = busy_base(2, &never);

	CHECK_INT_EQ(evrt_pool_post(pool, start_stopper, NULL), 0);
	dispatch_tells_that_it_was_stopped(base);
	pthread_join(stopper, NULL);
	free_base(base, never);
}

static void
break_in_handler(int signum)
{
	(void)signum;
	event_base_loopbreak(signalled);
}

static void
raise_signal(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(kill(getpid(), SIGUSR1), 0);
}

static void
a_signal_handler_breaks_dispatch(void)
{
	struct event *never;

	signalled = busy_base(3, &never);
	CHECK(signal(SIGUSR1, break_in_handler) != SIG_ERR);
	for (int i = 0; i < 20; i++) {
		CHECK_INT_EQ(evrt_pool_post(pool, raise_signal, NULL), 0);
		CHECK_INT_EQ(event_base_dispatch(signalled), 0);
		CHECK(event_base_got_break(signalled));
	}
	free_base(signalled, never);
}

static ssize_t
write_that_leaves_errno(int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	errno = EDOM;
	return n;
}

static void
wait_until_asleep(unsigned workers)
{
	struct evrt_worker_stats stats;

	for (unsigned i = 0; i < workers; i++)
		do {
			sched_yield();
			CHECK_INT_EQ(evrt_pool_stats(pool, i, &stats), 0);
		} while (!stats.parks);
}

static void
a_signal_handler_breaks_a_started_pool(void)
{
	pool = pool_of(2);
	signalled = evrt_pool_as_base(pool);
	CHECK(signal(SIGUSR1, break_in_handler) != SIG_ERR);
	evrt__sys.write = write_that_leaves_errno;
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	wait_until_asleep(2);
	errno = EILSEQ;
	CHECK_INT_EQ(raise(SIGUSR1), 0);
	CHECK_INT_EQ(errno, EILSEQ); /* what the handler interrupted goes on with its own */
	while (evrt_pool_start(pool) < 0) { /* the threads go by themselves */
		CHECK_INT_EQ(errno, EALREADY);
		sched_yield();
	}
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	done();
}

static void
exit_at_signal(evutil_socket_t signum, short what, void *base)
{
	CHECK_INT_EQ(signum, SIGUSR1);
	CHECK_INT_EQ(what, EV_SIGNAL);
	CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
	count_one(NULL);
}

static void
a_signal_event_exits_dispatch(void)
{
	struct event_base *base = evrt_base_new(2);
	struct event *ev = evsignal_new(base, SIGUSR1, exit_at_signal, base);

	pool = evrt_base_get_pool(base);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	for (int i = 1; i <= 5; i++) {
		CHECK_INT_EQ(evrt_pool_post(pool, raise_signal, NULL), 0);
		dispatch_tells_that_it_was_stopped(base);
		CHECK_INT_EQ(evrt_test_count_get(&ran), i);
	}
	free_base(base, ev);
}

static void *
stop_patiently(void *arg)
{
	evrt_test_gate_open(arg);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	return NULL;
}

static void
a_patient_and_an_impatient_stop(void)
{
	static const struct timeval soon = { 0, 1000 };
	pthread_t patient;

	pool = pool_of(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, stay_until_opened, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(pthread_create(&patient, NULL, stop_patiently, &second_gate), 0);
	evrt_test_gate_wait(&second_gate);
	CHECK_INT_EQ(evrt_pool_stop(pool, &soon), 1);
	CHECK_INT_EQ(evrt_pool_start(pool), -1);
	CHECK_INT_EQ(errno, EALREADY);
	evrt_test_gate_open(&gate);
	pthread_join(patient, NULL);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	done();
}

static void
what_a_deadline_cuts_off_runs_after_the_next_start(void)
{
	static const struct timeval at_once = { 0, 0 };

	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, stay_until_opened, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	for (int i = 0; i < 5; i++) {
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, count_one, NULL), 0);
	}
	CHECK_INT_EQ(evrt_pool_stop(pool, &at_once), 1);
	evrt_test_gate_open(&gate);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 12);
	done();
}

static void *
open_gate(void *arg)
{
	evrt_test_gate_open(arg);
	return NULL;
}

static void
free_waits_for_what_a_stop_has_left(void)
{
	static const struct timeval at_once = { 0, 0 };
	pthread_t opener;

	pool = pool_of(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, stay_until_opened, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, &at_once), 1);
	CHECK_INT_EQ(pthread_create(&opener, NULL, open_gate, &gate), 0);
	evrt_pool_free(pool);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 2);
	pthread_join(opener, NULL);
	libevent_global_shutdown();
}

static void
free_in_a_callback(void *arg)
{
	(void)arg;
	evrt_pool_free(pool); /* refused, with a warning */
	count_one(NULL);
}

static void
free_is_refused_in_a_callback(void)
{
	pool = pool_of(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, free_in_a_callback, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 2);
	done();
}

static void
a_stop_before_the_start_changes_nothing(void)
{
	pool = pool_of(2);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK(!event_base_got_exit(evrt_pool_as_base(pool)));
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 1);
	done();
}

static evrt_atomic(bool) enough;

static void *
break_all_the_time(void *base)
{
	while (!evrt_load_acquire(&enough)) {
		CHECK_INT_EQ(event_base_loopbreak(base), 0);
		sched_yield();
	}
	return NULL;
}

/* Whenever the break comes: each start is followed by an end, and none is lost or left over. */
static void
breaks_while_it_starts(void)
{
	pthread_t breaker;

	pool = pool_of(3);
	CHECK_INT_EQ(pthread_create(&breaker, NULL, break_all_the_time, evrt_pool_as_base(pool)), 0);
	for (int i = 0; i < 300; i++) {
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	}
	evrt_store_release(&enough, true);
	pthread_join(breaker, NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	done();
}

static void
a_start_without_threads_leaves_it_stopped(void)
{
	pthread_attr_t usual, huge;
	struct event_base *base = evrt_base_new(2);

	pool = evrt_base_get_pool(base);
	CHECK_INT_EQ(pthread_getattr_default_np(&usual), 0);
	/* No address space has room for such a stack. */
	CHECK_INT_EQ(pthread_attr_init(&huge), 0);
	CHECK_INT_EQ(pthread_attr_setstacksize(&huge, (size_t)1 << 60), 0);
	CHECK_INT_EQ(pthread_setattr_default_np(&huge), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	CHECK_INT_EQ(event_base_dispatch(base), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	CHECK(!event_base_got_exit(base) && !event_base_got_break(base));
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(pthread_setattr_default_np(&usual), 0);
	pthread_attr_destroy(&huge);
	pthread_attr_destroy(&usual);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 1);
	event_base_free(base);
	libevent_global_shutdown();
}

/* Whoever is called out of the common set for its own must not take the call to all others with it. */
static void
a_stop_right_after_a_worker_was_called_by_name(void)
{
	struct evrt_pool_totals t = { 0 };

	for (int round = 0; round < 100; round++) {
		pool = pool_of(8);
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		do
			CHECK_INT_EQ(evrt_pool_stats_total(pool, &t), 0);
		while (t.parked_workers < 8);
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 7, count_one, NULL), 0);
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
		evrt_pool_free(pool);
	}
	CHECK_INT_EQ(evrt_test_count_get(&ran), 100);
	libevent_global_shutdown();
}

static const struct evrt_test_case cases[] = {
	CASE(a_stop_in_a_callback_ends_dispatch),
	CASE(a_stop_from_another_thread_ends_dispatch),
	CASE(a_signal_handler_breaks_dispatch),
	CASE(a_signal_handler_breaks_a_started_pool),
	CASE(a_signal_event_exits_dispatch),
	CASE(a_patient_and_an_impatient_stop),
	CASE(what_a_deadline_cuts_off_runs_after_the_next_start),
	CASE(free_waits_for_what_a_stop_has_left),
	CASE(free_is_refused_in_a_callback),
	CASE(a_stop_before_the_start_changes_nothing),
	CASE(breaks_while_it_starts),
	CASE(a_start_without_threads_leaves_it_stopped),
	CASE(a_stop_right_after_a_worker_was_called_by_name),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
