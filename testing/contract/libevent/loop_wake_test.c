/* testing/contract/libevent/loop_wake_test.c — callbacks without an event of one's own, and events named by what
 * they wait for.
 *
 * Here:     event_base_once, event_base_active_by_fd and _by_signal, event_base_get_running_event.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include <signal.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval hour = { 3600, 0 };

static void
see_what(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	*(int *)arg = what;
	note('x');
}

static void
a_descriptor_wakes_the_events_that_wait_for_it(void)
{
	int fds[2], seen = 0;
	base = event_base_new();
	pair(fds);
	struct event *r = lettered(fds[0], EV_READ, "r"), *w = lettered(fds[0], EV_WRITE, "w");
	struct event *other = lettered(fds[1], EV_READ, "o"), *idle = lettered(fds[0], EV_READ, "i");
	struct event *both = event_new(base, fds[0], EV_READ | EV_WRITE, see_what, &seen);
	event_add(r, NULL);
	event_add(w, NULL);
	event_add(other, NULL);
	event_add(both, NULL);
	event_base_active_by_fd(base, fds[0], EV_READ);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 2);
	CHECK_INT_EQ(event_pending(r, EV_READ, NULL), EV_READ);
	event_del(w);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(strlen(trace), 2);
	CHECK(strchr(trace, 'r') && strchr(trace, 'x'));
	CHECK(seen & EV_READ);
	FREE_EVENTS(r, w, other, idle, both);
	event_base_free(base);
	close_pair(fds);
}

static void
a_descriptor_wakes_timeouts_when_asked_to(void)
{
	int fds[2], seen = 0;
	base = event_base_new();
	pair(fds);
	struct event *timed = event_new(base, fds[0], EV_READ, see_what, &seen);
	struct event *timer = event_new(base, fds[0], EV_TIMEOUT, see_what, &seen);
	event_add(timed, &hour);
	event_base_active_by_fd(base, fds[0], EV_TIMEOUT);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "x");
	CHECK_INT_EQ(seen, EV_TIMEOUT);
	event_add(timer, &hour);
	event_base_active_by_fd(base, fds[0], EV_TIMEOUT);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "xx");
	FREE_EVENTS(timed, timer);
	event_base_free(base);
	close_pair(fds);
}

static void
a_descriptor_that_nobody_waits_for_wakes_nobody(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = lettered(fds[0], EV_READ, "r");
	event_base_active_by_fd(base, fds[0], EV_READ | EV_WRITE | EV_TIMEOUT);
	event_add(ev, NULL);
	event_base_active_by_fd(base, fds[0], EV_WRITE);
	event_base_active_by_fd(base, fds[1], EV_READ);
	event_base_active_by_fd(base, 500, EV_READ);
	event_base_active_by_fd(base, fds[0], 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
a_signal_wakes_its_events_without_being_raised(void)
{
	base = event_base_new();
	struct event *a = evsignal_new(base, SIGUSR1, note_letter, "a");
	struct event *b = event_new(base, SIGUSR1, EV_SIGNAL, note_letter, "b");
	struct event *other = evsignal_new(base, SIGUSR2, note_letter, "o");
	event_base_active_by_signal(base, SIGUSR1);
	evsignal_add(a, NULL);
	evsignal_add(b, NULL);
	evsignal_add(other, NULL);
	event_base_active_by_signal(base, SIGUSR1);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 2);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "ba");
	CHECK_INT_EQ(pending(a), EV_SIGNAL);
	CHECK_INT_EQ(pending(b), 0);
	FREE_EVENTS(a, b, other);
	event_base_free(base);
}

static void
expect_running(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	CHECK_PTR_EQ(event_base_get_running_event(base), arg);
	note('r');
}

static void
the_running_event_is_known_while_it_runs(void)
{
	base = event_base_new();
	struct event *a = event_new(base, -1, 0, expect_running, event_self_cbarg());
	struct event *b = event_new(base, -1, EV_PERSIST, expect_running, event_self_cbarg());
	struct event *s = evsignal_new(base, SIGUSR1, expect_running, event_self_cbarg());
	event_active(a, EV_READ, 1);
	event_active(b, EV_READ, 1);
	event_active(s, EV_SIGNAL, 2);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "rrrr");
	FREE_EVENTS(a, b, s);
	event_base_free(base);
}

static void
run_inner(evutil_socket_t fd, short what, void *arg)
{
	struct event *outer = event_base_get_running_event(base);

	(void)fd;
	(void)what;
	CHECK(outer != NULL);
	CHECK_INT_EQ(event_base_dispatch(arg), 1);
	CHECK_PTR_EQ(event_base_get_running_event(base), outer);
	note('o');
}

static void
each_base_knows_its_own_running_event(void)
{
	base = event_base_new();
	struct event_base *inner = event_base_new();
	struct event *ev = event_new(base, -1, 0, run_inner, inner);
	event_base_once(inner, -1, EV_TIMEOUT, note_letter, "i", NULL);
	event_active(ev, EV_READ, 1);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "io");
	FREE_EVENTS(ev);
	event_base_free(base);
	event_base_free(inner);
}

static void
once_waits_for_a_descriptor(void)
{
	int fds[2], seen = 0;
	base = event_base_new();
	pair(fds);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_READ, see_what, &seen, NULL), 0);
	CHECK_INT_EQ(added(), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "x");
	CHECK_INT_EQ(seen, EV_READ);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_READ | EV_WRITE, see_what, &seen, &hour), 0);
	CHECK_INT_EQ(added(), 2);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(seen, EV_READ | EV_WRITE);
	event_base_free(base);
	close_pair(fds);
}

static void
once_waits_no_longer_than_told(void)
{
	struct timeval soon = ms(5);
	int fds[2], seen = 0;
	base = event_base_new();
	pair(fds);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_READ | EV_TIMEOUT, see_what, &seen, &soon), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(seen, EV_TIMEOUT);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, see_what, &seen, &soon), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "xx");
	event_base_free(base);
	close_pair(fds);
}

static void
once_without_a_time_is_active_at_once(void)
{
	int seen = 0;
	base = event_base_new();
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, see_what, &seen, NULL), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_INT_EQ(seen, EV_TIMEOUT);
	event_base_free(base);
}

static void
once_must_wait_for_something_and_not_again(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	CHECK_INT_EQ(event_base_once(base, fds[0], 0, note_letter, "n", &hour), -1);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_READ | EV_PERSIST, note_letter, "n", NULL), -1);
	CHECK_INT_EQ(event_base_once(base, SIGUSR1, EV_SIGNAL | EV_READ, note_letter, "n", NULL), -1);
	CHECK_INT_EQ(event_base_once(NULL, fds[0], EV_READ, note_letter, "n", NULL), -1);
	CHECK_INT_EQ(added(), 0);
	event_base_free(base);
	close_pair(fds);
}

static void
once_hears_of_the_peers_end(void)
{
	int fds[2], seen = 0;
	base = event_base_new();
	if (!(event_base_get_features(base) & EV_FEATURE_EARLY_CLOSE)) {
		event_base_free(base);
		return;
	}
	pair(fds);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_CLOSED, see_what, &seen, NULL), 0);
	shutdown(fds[1], SHUT_WR);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(seen, EV_CLOSED);
	event_base_free(base);
	close_pair(fds);
}

static void
what_waits_once_goes_with_its_base(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_READ, note_letter, "n", NULL), 0);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_READ, note_letter, "n", &hour), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "n", &hour), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "n", NULL), 0);
	event_base_free(base);
	CHECK_STR_EQ(trace, "");
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(a_descriptor_wakes_the_events_that_wait_for_it),
	CASE(a_descriptor_wakes_timeouts_when_asked_to),
	CASE(a_descriptor_that_nobody_waits_for_wakes_nobody),
	CASE(a_signal_wakes_its_events_without_being_raised),
	CASE(the_running_event_is_known_while_it_runs),
	CASE(each_base_knows_its_own_running_event),
	CASE(once_waits_for_a_descriptor),
	CASE(once_waits_no_longer_than_told),
	CASE(once_without_a_time_is_active_at_once),
	CASE(once_must_wait_for_something_and_not_again),
	CASE(once_hears_of_the_peers_end),
	CASE(what_waits_once_goes_with_its_base),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
