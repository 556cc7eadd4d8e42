/* testing/unit/api/event/states_test.c — what an event on a plain base is after two things happened to it.
 *
 * Here:     timeouts that meet reports, deletions or each other; what stays pending, what is counted.
 * Not here: what every program sees (testing/contract/libevent).
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define CASE(fn) { #fn, fn }

static struct event_base *base;
static struct event *watched;
static int calls, last_what;
static const struct timeval at_once = { 0, 0 }, short_time = { 0, 5000 }, long_time = { 1000, 0 };

static void
note(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)arg;
	calls++;
	last_what = what;
}

static void
spin_past_short_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t end = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec + 2 * short_time.tv_usec * 1000;
	do
		clock_gettime(CLOCK_MONOTONIC, &t);
	while ((int64_t)t.tv_sec * 1000000000 + t.tv_nsec < end);
}

static int
added(void)
{
	return event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
}

static void
end_base(void)
{
	CHECK_INT_EQ(added(), 0);
	event_base_free(base);
}

static void
a_timer_that_does_not_repeat_leaves_nothing_behind(void)
{
	evrt_test_fail_alloc(0);
	base = event_base_new();
	/* An event may vanish when it is neither pending nor active: nothing of it may be left then. */
	struct event ev;
	event_assign(&ev, base, -1, EV_PERSIST, note, NULL);
	CHECK_INT_EQ(event_add(&ev, &at_once), 0); /* makes the queue of timers, which stays */
	event_del(&ev);
	int64_t live = evrt_test_allocs_live();
	CHECK_INT_EQ(event_add(&ev, &at_once), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(event_pending(&ev, EV_TIMEOUT, NULL), 0);
	CHECK_INT_EQ(evrt_test_allocs_live(), live);
	end_base();
}

static void
a_time_beyond_all_times_is_a_time(void)
{
	struct timeval at, never = { LONG_MAX, 999999 };

	evrt_test_fail_alloc(0);
	base = event_base_new();
	struct event ev;
	event_assign(&ev, base, -1, 0, note, NULL);
	CHECK_INT_EQ(event_add(&ev, &never), 0);
	CHECK_INT_EQ(event_pending(&ev, EV_TIMEOUT, &at), EV_TIMEOUT);
	CHECK(at.tv_sec > 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(calls, 0);
	CHECK_INT_EQ(added(), 1);
	event_base_free(base); /* deletes it */
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
look_at_watched(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(int *)arg = event_pending(watched, EV_READ | EV_TIMEOUT | EV_SIGNAL, NULL);
}

static void
a_timeout_ends_the_wait_for_the_fd(void)
{
	int ends[2], pending = -1;
	struct timeval later = { 0, 6000 };

	base = event_base_new();
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	watched = event_new(base, ends[0], EV_READ, note, NULL);
	struct event *looker = event_new(base, -1, 0, look_at_watched, &pending);
	event_add(looker, &short_time);
	event_add(watched, &later);
	spin_past_short_time();
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(pending, EV_TIMEOUT); /* active by it, and no more pending */
	CHECK_INT_EQ(last_what, EV_TIMEOUT);
	CHECK_INT_EQ(event_pending(watched, EV_READ, NULL), 0);
	event_free(looker);
	event_free(watched);
	/* With a timeout that does not repeat, even a persistent one. */
	watched = event_new(base, ends[0], EV_READ | EV_PERSIST, note, NULL);
	event_add(watched, &at_once);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 2);
	event_free(watched);
	watched = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, note, NULL);
	event_add(watched, &short_time);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 3);
	CHECK_INT_EQ(last_what, EV_TIMEOUT);
	event_free(watched);
	end_base();
	close(ends[0]);
	close(ends[1]);
}

static void
prolong(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	CHECK_INT_EQ(event_pending(watched, EV_TIMEOUT, NULL), EV_TIMEOUT);
	CHECK_INT_EQ(event_add(watched, &long_time), 0);
	*(int *)arg = event_pending(watched, EV_READ | EV_TIMEOUT, NULL);
}

static void
adding_again_takes_an_expired_timeout_back(void)
{
	int ends[2], pending = 0;
	struct timeval later = { 0, 6000 };

	base = event_base_new();
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	watched = event_new(base, ends[0], EV_READ, note, NULL);
	struct event *first = event_new(base, -1, 0, prolong, &pending);
	event_add(first, &short_time);
	event_add(watched, &later);
	spin_past_short_time();
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(pending, EV_READ | EV_TIMEOUT);
	CHECK_INT_EQ(calls, 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(last_what, EV_READ);
	event_free(first);
	event_free(watched);
	end_base();
	close(ends[0]);
	close(ends[1]);
}

static struct bufferevent *bev;

static void
bev_read(struct bufferevent *b, void *arg)
{
	char buf[8];

	(void)arg;
	calls++;
	CHECK_INT_EQ(bufferevent_read(b, buf, sizeof(buf)), 1);
	bufferevent_disable(b, EV_READ | EV_WRITE);
	event_base_loopexit(base, NULL);
}

static void
bev_prolong(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	bufferevent_set_timeouts(bev, &long_time, NULL);
}

static void
a_prolonged_bufferevent_still_reads(void)
{
	int ends[2];
	struct timeval earlier = { 0, 1000 };

	base = event_base_new();
	event_base_priority_init(base, 2);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	bev = bufferevent_socket_new(base, ends[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, bev_read, NULL, NULL, NULL);
	bufferevent_priority_set(bev, 1);
	bufferevent_set_timeouts(bev, &short_time, NULL);
	bufferevent_enable(bev, EV_READ);
	struct event *first = event_new(base, -1, 0, bev_prolong, NULL);
	event_priority_set(first, 0);
	event_add(first, &earlier);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	spin_past_short_time();
	struct timeval much_later = { 10, 0 };
	event_base_loopexit(base, &much_later);
	CHECK_INT_EQ(event_base_loop(base, 0), 0);
	CHECK_INT_EQ(calls, 1);
	event_free(first);
	bufferevent_free(bev);
	event_base_free(base);
	close(ends[1]);
}

static void
an_interval_brings_a_deleted_event_back(void)
{
	int ends[2];

	base = event_base_new();
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	watched = event_new(base, ends[0], EV_READ | EV_PERSIST, note, NULL);
	event_add(watched, &long_time);
	event_del(watched);
	event_active(watched, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(event_pending(watched, EV_READ | EV_TIMEOUT, NULL), EV_READ | EV_TIMEOUT);
	event_free(watched);
	end_base();
	close(ends[0]);
	close(ends[1]);
}

static void
active_events_are_counted_as_added_too(void)
{
	base = event_base_new();
	watched = event_new(base, -1, 0, note, NULL);
	event_add(watched, &long_time);
	CHECK_INT_EQ(added(), 1);
	event_active(watched, EV_READ, 1);
	CHECK_INT_EQ(added(), 2);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
	CHECK_INT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 1), 2);
	event_base_dispatch(base);
	CHECK_INT_EQ(added(), 0);
	CHECK_INT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 0), 0); /* no rise since */
	event_free(watched);
	end_base();
}

static void
a_common_timeout_of_a_common_timeout_is_itself(void)
{
	struct timeval tv = { 1, 500000 };

	base = event_base_new();
	const struct timeval *common = event_base_init_common_timeout(base, &tv);
	CHECK_PTR_EQ(event_base_init_common_timeout(base, common), common);
	CHECK_INT_EQ(common->tv_sec, 1);
	end_base();
}

static struct event *timers[2];
static int order[2];

static void
note_order(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	order[calls++] = (int)((struct event **)arg - timers);
}

static void
arm_both(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_add(timers[0], &short_time);
	event_add(timers[1], &short_time);
}

/* The first was armed before, for an earlier time: it is pushed back, and yet armed first. */
static void
equal_deadlines_keep_the_order_of_arming(void)
{
	struct timeval first = { 0, 2000 };

	base = event_base_new();
	timers[0] = event_new(base, -1, 0, note_order, &timers[0]);
	timers[1] = event_new(base, -1, 0, note_order, &timers[1]);
	struct event *ev = event_new(base, -1, 0, arm_both, NULL);
	event_add(timers[0], &first);
	event_active(ev, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(order[0], 0);
	CHECK_INT_EQ(order[1], 1);
	event_free(ev);
	event_free(timers[0]);
	event_free(timers[1]);
	end_base();
}

static void
no_event_runs_while_the_loop_does_not(void)
{
	base = event_base_new();
	CHECK_PTR_EQ(event_base_get_running_event(base), NULL);
	watched = event_new(base, -1, 0, note, NULL);
	event_active(watched, EV_READ, 1);
	event_base_dispatch(base);
	CHECK_PTR_EQ(event_base_get_running_event(base), NULL);
	event_free(watched);
	end_base();
}

static void *
delete_watched(void *arg)
{
	evrt_test_gate_wait(arg);
	event_del(watched);
	return NULL;
}

static void
open_gate(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	evrt_test_gate_open(arg);
}

/* libevent would sleep on until its time. */
static void
a_loop_ends_when_another_thread_deletes_its_last_timer(void)
{
	static struct evrt_test_gate running;
	pthread_t thread;

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	watched = event_new(base, -1, 0, note, NULL);
	event_add(watched, &long_time);
	event_base_once(base, -1, EV_TIMEOUT, open_gate, &running, NULL);
	CHECK_INT_EQ(pthread_create(&thread, NULL, delete_watched, &running), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 0);
	pthread_join(thread, NULL);
	event_free(watched);
	end_base();
}

static int ran[3], ran_count;

static void
note_number(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ran[ran_count++] = *(int *)arg;
}

static void
add_in_a_second(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval second = { 1, 0 };

	(void)fd;
	(void)what;
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_number, arg, &second), 0);
}

/* The one in a callback counts from the turn's time, the others from the coarse clock's. */
static void
equal_far_timeouts_run_in_the_order_of_adding(void)
{
	int number[3] = { 0, 1, 2 };

	base = event_base_new();
	add_in_a_second(-1, 0, &number[0]);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, add_in_a_second, &number[1], NULL), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	add_in_a_second(-1, 0, &number[2]);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(ran_count, 3);
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(ran[i], i);
	event_base_free(base);
}

static int active_seen, added_seen;

static void
count_at_first(evutil_socket_t fd, short what, void *arg)
{
	note(fd, what, arg);
	if (calls > 1)
		return;
	active_seen = event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE);
	added_seen = event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
}

/* A portion is what fits a cache. */
static void
a_crowd_of_timers_is_active_in_portions(void)
{
	base = event_base_new();
	for (int i = 0; i < 200; i++)
		CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, count_at_first, NULL, &short_time), 0);
	spin_past_short_time();
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 200);
	CHECK_INT_EQ(active_seen, 63);
	CHECK_INT_EQ(added_seen, 199);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(a_timer_that_does_not_repeat_leaves_nothing_behind),
	CASE(a_time_beyond_all_times_is_a_time),
	CASE(a_timeout_ends_the_wait_for_the_fd),
	CASE(adding_again_takes_an_expired_timeout_back),
	CASE(a_prolonged_bufferevent_still_reads),
	CASE(an_interval_brings_a_deleted_event_back),
	CASE(active_events_are_counted_as_added_too),
	CASE(a_common_timeout_of_a_common_timeout_is_itself),
	CASE(equal_deadlines_keep_the_order_of_arming),
	CASE(no_event_runs_while_the_loop_does_not),
	CASE(a_loop_ends_when_another_thread_deletes_its_last_timer),
	CASE(equal_far_timeouts_run_in_the_order_of_adding),
	CASE(a_crowd_of_timers_is_active_in_portions),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
