/* testing/unit/pool/pool_edges_test.c — what happens where two rules of a pool meet. */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/harness/fault.h"
#include "testing/unit/pool/pool_fixture.h"

static const struct timeval long_time = { 1000, 0 };

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
spin_ms(int64_t ms)
{
	for (int64_t end = now_ms() + ms; now_ms() <= end;)
		continue;
}

static void
delete_event(void *ev)
{
	CHECK_INT_EQ(event_del(ev), 0);
}

static void *
dispatch(void *base)
{
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	return NULL;
}

static void
a_callback_of_another_pool_deletes_the_last_event(void)
{
	struct event_base *base = evrt_base_new(2);
	struct event *ev = evtimer_new(base, timer_ran, NULL);
	pthread_t thread;

	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	event_add(ev, &long_time);
	CHECK_INT_EQ(pthread_create(&thread, NULL, dispatch, base), 0);
	struct evrt_worker_stats a = { 0 }, b = { 0 };
	while (!a.parks || !b.parks) { /* both workers sleep, or are about to */
		sched_yield();
		evrt_pool_stats(evrt_base_get_pool(base), 0, &a);
		evrt_pool_stats(evrt_base_get_pool(base), 1, &b);
	}
	CHECK_INT_EQ(evrt_pool_post(pool, delete_event, ev), 0);
	pthread_join(thread, NULL);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0); /* the deleter has left the base, too */
	event_free(ev);
	event_base_free(base);
	done();
}

static struct evrt_strand *seen[2];

static void
note_strand(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(struct evrt_strand **)arg = evrt_strand_current();
	count_one(NULL);
}

static void
an_event_keeps_the_strand_that_it_was_given(void)
{
	static const struct timeval soon = { 0, 1000 };
	struct event *ev[2];

	pool = pool_of(2);
	struct evrt_strand *s = evrt_strand_new(pool);
	for (int i = 0; i < 2; i++) {
		ev[i] = evtimer_new(evrt_pool_as_base(pool), note_strand, &seen[i]);
		CHECK_INT_EQ(evrt_event_set_strand(ev[i], s), 0);
	}
	evrt_strand_free(s);
	CHECK_INT_EQ(event_add(ev[0], &soon), 0);
	CHECK_INT_EQ(event_add(ev[1], &soon), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 2);
	CHECK(seen[0] != NULL);
	CHECK_PTR_EQ(seen[0], seen[1]);
	/* And gives it back when it is put into one of its own. */
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_event_set_strand(ev[1], NULL), 0);
	event_add(ev[0], &soon);
	event_add(ev[1], &soon);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 4);
	CHECK(seen[0] != seen[1]);
	event_free(ev[0]);
	event_free(ev[1]);
	done();
}

static struct evrt_test_gate inside, leave;

static void
wait_inside(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	evrt_test_gate_open(&inside);
	evrt_test_gate_wait(&leave);
	count_one(NULL);
}

static void
an_event_that_runs_elsewhere_keeps_its_strand(void)
{
	pool = pool_of(2);
	struct event *ev = event_new(evrt_pool_as_base(pool), -1, 0, wait_inside, NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	event_active(ev, EV_TIMEOUT, 1);
	evrt_test_gate_wait(&inside);
	CHECK_INT_EQ(evrt_event_set_strand(ev, NULL), -1);
	CHECK_INT_EQ(errno, EBUSY);
	evrt_test_gate_open(&leave);
	event_del(ev);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 1);
	CHECK_INT_EQ(evrt_event_set_strand(ev, NULL), 0);
	event_free(ev);
	done();
}

static struct event *urgent, *reader;
static int ends[2];

static void
read_ran(evutil_socket_t fd, short what, void *arg)
{
	(void)arg;
	char c;

	CHECK_INT_EQ(what, EV_READ);
	CHECK_INT_EQ(read(fd, &c, 1), 1);
	count_one(NULL);
}

static void
prolong(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	CHECK_INT_EQ(event_pending(reader, EV_READ | EV_TIMEOUT, NULL), EV_READ | EV_TIMEOUT);
	CHECK_INT_EQ(event_add(reader, &long_time), 0);
}

/* One worker, and it is here: report and timeouts come together when we return. */
static void
let_all_come_together(void *arg)
{
	static const struct timeval first = { 0, 1000 }, second = { 0, 5000 };

	(void)arg;
	event_add(urgent, &first);
	event_add(reader, &second);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	spin_ms(20);
}

static void
a_prolonged_timeout_loses_no_report(void)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = 1;
	c.priorities = 2;
	pool = evrt_pool_new(&c);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	struct event_base *base = evrt_pool_as_base(pool);
	struct evrt_strand *s = evrt_strand_new(pool);
	urgent = evtimer_new(base, prolong, NULL);
	reader = event_new(base, ends[0], EV_READ | EV_PERSIST, read_ran, NULL);
	event_priority_set(urgent, 0);
	event_priority_set(reader, 1);
	evrt_event_set_strand(urgent, s);
	evrt_event_set_strand(reader, s);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_strand_post(s, let_all_come_together, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	event_free(urgent);
	event_free(reader);
	evrt_strand_free(s);
	done();
	close(ends[0]);
	close(ends[1]);
}

static evrt_atomic(int) reports;

static void
count_report(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	evrt_add_seq_cst(&reports, 1);
}

/* Without edges the poller looks at its set before it sleeps only: no change may fall between. The event is
 * added again after ever different moments, while the worker is on its way to sleep. */
static void
no_poller_sleeps_over_a_new_event(void)
{
	setenv("EVENT_NOEPOLL", "1", 1);
	pool = pool_of(1);
	struct event_base *base = evrt_pool_as_base(pool);
	CHECK_STR_EQ(event_base_get_method(base), "poll");
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	struct event *ev = event_new(base, ends[0], EV_READ, count_report, NULL);
	for (int i = 1; i <= 20000; i++) {
		CHECK_INT_EQ(event_add(ev, NULL), 0);
		for (int64_t end = now_ms() + 10000; evrt_load_seq_cst(&reports) < i;)
			CHECK(now_ms() < end);
		for (volatile int moment = 0; moment < i * 7 % 1000; moment++)
			continue;
	}
	event_free(ev);
	done();
	close(ends[0]);
	close(ends[1]);
}

static void
breaking_an_idle_pool_changes_nothing(void)
{
	pool = pool_of(1);
	struct event_base *base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(event_base_loopbreak(base), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 1);
	CHECK_INT_EQ(event_base_loopbreak(base), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 2);
	done();
}

static void
a_child_that_frees_leaves_the_parent_its_events(void)
{
	int status;

	pool = pool_of(1);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	struct event *ev = event_new(evrt_pool_as_base(pool), ends[0], EV_READ, timer_ran, NULL);
	event_add(ev, NULL);
	pid_t child = fork();
	if (child == 0) {
		evrt_pool_free(pool);
		_exit(0);
	}
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 1);
	event_free(ev);
	done();
	close(ends[0]);
	close(ends[1]);
}

static void
cancelled_timers_do_not_heap_up(void)
{
	static const struct timeval longer = { 2000, 0 };
	struct evrt_worker_stats stats = { 0 };

	evrt_test_fail_alloc(0);
	pool = pool_of(1);
	struct event_base *base = evrt_pool_as_base(pool);
	struct event *first = evtimer_new(base, timer_ran, NULL);
	struct event *ev = evtimer_new(base, timer_ran, NULL);
	event_add(first, &long_time);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	while (!stats.parks) {
		sched_yield();
		evrt_pool_stats(pool, 0, &stats);
	}
	int64_t before = evrt_test_allocs_live();
	for (int i = 0; i < 5000; i++) {
		event_add(ev, &longer);
		event_del(ev);
	}
	for (int64_t end = now_ms() + 20000; evrt_test_allocs_live() > before + 512;) {
		CHECK(now_ms() < end);
		sched_yield();
	}
	event_free(ev);
	event_free(first);
	done();
}

static evrt_atomic(bool) memory_is_short;

/* What is left is enough for an event, but not for a queue of timers. */
static void *
malloc_or_not(size_t size)
{
	return size > 700 && evrt_load_acquire(&memory_is_short) ? NULL : malloc(size);
}

static void
add_short_timer(void *ev)
{
	static const struct timeval short_time = { 0, 1000 };

	evrt_store_release(&memory_is_short, true);
	CHECK_INT_EQ(event_add(ev, &short_time), 0);
	count_one(NULL);
}

static void
a_timer_waits_for_memory(void)
{
	event_set_mem_functions(malloc_or_not, realloc, free);
	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	struct event *ev = evtimer_new(evrt_pool_as_base(pool), timer_ran, NULL);
	CHECK_INT_EQ(evrt_pool_post(pool, add_short_timer, ev), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 2); /* the worker goes on meanwhile */
	evrt_store_release(&memory_is_short, false);
	evrt_test_count_wait(&ran, 3);
	event_free(ev);
	done();
}

static int ends[2];
static struct event second_watch;

/* Comes back once. Then the fd is handed to the other worker. */
static void
hand_over(evutil_socket_t fd, short what, void *ev)
{
	static int calls;

	take_byte(fd, what, NULL); /* first: the other worker would be told of the same byte */
	if (++calls == 1) {
		CHECK_INT_EQ(event_add(ev, NULL), 0);
	} else {
		struct event_base *second = evrt_pool_get_base(pool, 1);
		CHECK_INT_EQ(event_assign(&second_watch, second, fd, EV_READ | EV_PERSIST, take_byte, NULL), 0);
		CHECK_INT_EQ(event_add(&second_watch, NULL), 0);
	}
}

static void
send_bytes(int count, int ran_before)
{
	for (int i = 1; i <= count; i++) {
		CHECK_INT_EQ(write(ends[1], "x", 1), 1);
		evrt_test_count_wait(&ran, ran_before + i);
	}
}

static void
an_fd_that_is_handed_over_leaves_its_poller(void)
{
	struct evrt_worker_stats before, after;

	pool = pool_of(2);
	/* Both are used from the start: no worker has to be called out of the common set in the middle. */
	CHECK(evrt_pool_get_base(pool, 1) != NULL);
	CHECK(evrt_pool_get_base(pool, 0) != NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	struct event *ev = event_new(evrt_pool_get_base(pool, 0), ends[0], EV_READ, hand_over, event_self_cbarg());
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	send_bytes(2, 0);
	CHECK_INT_EQ(evrt_pool_stats(pool, 0, &before), 0);
	send_bytes(200, 2);
	CHECK_INT_EQ(evrt_pool_stats(pool, 0, &after), 0);
	CHECK(after.loops - before.loops < 20);
	event_free(ev);
	event_del(&second_watch);
	event_debug_unassign(&second_watch);
	evutil_closesocket(ends[0]);
	evutil_closesocket(ends[1]);
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(a_callback_of_another_pool_deletes_the_last_event),
	CASE(an_event_keeps_the_strand_that_it_was_given),
	CASE(an_event_that_runs_elsewhere_keeps_its_strand),
	CASE(a_prolonged_timeout_loses_no_report),
	CASE(no_poller_sleeps_over_a_new_event),
	CASE(breaking_an_idle_pool_changes_nothing),
	CASE(a_child_that_frees_leaves_the_parent_its_events),
	CASE(cancelled_timers_do_not_heap_up),
	CASE(a_timer_waits_for_memory),
	CASE(an_fd_that_is_handed_over_leaves_its_poller),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
