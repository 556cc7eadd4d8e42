/* testing/contract/libevent/loop_flags_test.c — event_base_loop: its flags, and what it returns.
 *
 * Here:     ONCE, NONBLOCK, NO_EXIT_ON_EMPTY and their combinations; loops within loops.
 * Not here: ending a loop (loop_exit_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval hour = { 3600, 0 };

static void
without_waiting_what_is_not_ready_is_left(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *io = lettered(fds[0], EV_READ, "r"), *timer = user_event("t");
	event_add(io, NULL);
	event_add(timer, &hour);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(added(), 2);
	FREE_EVENTS(io, timer);
	event_base_free(base);
	close_pair(fds);
}

static void
the_last_event_ends_an_unwaiting_loop_as_empty_and_a_single_one_as_done(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, 0), 1);
	CHECK_STR_EQ(trace, "xxxx");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
once_and_unwaiting_returns_with_nothing_done(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	event_add(ev, &hour);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY), 0);
	CHECK_STR_EQ(trace, "");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
an_empty_loop_that_must_stay_is_not_empty(void)
{
	base = event_base_new();
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY), 0);
	struct event *ev = user_event("x");
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY), 0);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY), 0);
	CHECK_STR_EQ(trace, "xx");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_loop_that_must_stay_ends_when_told_to(void)
{
	struct timeval soon = ms(10);
	base = event_base_new();
	struct event *ev = user_event("x");
	event_active(ev, EV_READ, 1);
	event_base_loopexit(base, &soon);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
	CHECK(event_base_got_exit(base));
	CHECK_STR_EQ(trace, "x");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
once_waits_for_one_event(void)
{
	struct timeval soon = ms(5), later = ms(200);
	base = event_base_new();
	struct event *a = user_event("a"), *b = user_event("b");
	event_add(a, &soon);
	event_add(b, &hour);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "a");
	event_add(a, &later);
	event_add(b, &soon);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY), 0);
	CHECK_INT_EQ(trace[1], 'b');
	FREE_EVENTS(a, b);
	event_base_free(base);
}

static int left;

static void
activate_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('a');
	if (--left > 0)
		event_active(arg, EV_READ, 1);
}

static void
once_goes_on_as_long_as_something_is_active(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, activate_again, event_self_cbarg());
	for (int flag = EVLOOP_ONCE; flag <= (EVLOOP_ONCE | EVLOOP_NONBLOCK); flag++) {
		trace[0] = '\0';
		left = 4;
		event_active(ev, EV_READ, 1);
		CHECK_INT_EQ(event_base_loop(base, flag), flag & EVLOOP_ONCE ? 0 : 1);
		CHECK_STR_EQ(trace, "aaaa");
	}
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
once_looks_once_and_an_unwaiting_loop_until_nothing_is_ready(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	event_add(ev, NULL);
	send_text(fds[1], "abcdef");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "a");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "ab");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "abcdef");
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
run_the_loop_within(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('r');
	CHECK_INT_EQ(event_base_loop(arg, EVLOOP_NONBLOCK), -1);
	CHECK_INT_EQ(event_base_dispatch(arg), -1);
}

static void
a_loop_does_not_run_within_itself(void)
{
	event_set_log_callback(say_nothing);
	base = event_base_new();
	struct event *outer = event_new(base, -1, 0, run_the_loop_within, base), *rest = user_event("x");
	event_active(outer, EV_READ, 1);
	event_active(rest, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "rx");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	FREE_EVENTS(outer, rest);
	event_base_free(base);
}

static void
run_another_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('(');
	CHECK_INT_EQ(event_base_dispatch(arg), 1);
	note(')');
}

static void
another_bases_loop_runs_within(void)
{
	base = event_base_new();
	struct event_base *inner = event_base_new();
	struct event *outer = event_new(base, -1, 0, run_another_loop, inner), *rest = user_event("x");
	struct event *ev = event_new(inner, -1, 0, note_letter, "i");
	event_active(outer, EV_READ, 1);
	event_active(rest, EV_READ, 1);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "(i)x");
	FREE_EVENTS(outer, rest, ev);
	event_base_free(base);
	event_base_free(inner);
}

static void
delete_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('d');
	event_del(arg);
}

static void
a_loop_ends_when_its_last_event_is_deleted(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *io = lettered(fds[0], EV_READ | EV_PERSIST, "x");
	struct event *by = event_new(base, -1, 0, delete_other, io);
	struct timeval soon = ms(5);
	event_add(io, &hour);
	event_add(by, &soon);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "d");
	FREE_EVENTS(io, by);
	event_base_free(base);
	close_pair(fds);
}

static void
a_loop_can_be_run_again_and_again(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		event_add(ev, &(struct timeval){ 0, 0 });
		CHECK_INT_EQ(event_base_dispatch(base), 1);
	}
	CHECK_STR_EQ(trace, "xxx");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(without_waiting_what_is_not_ready_is_left),
	CASE(the_last_event_ends_an_unwaiting_loop_as_empty_and_a_single_one_as_done),
	CASE(once_and_unwaiting_returns_with_nothing_done),
	CASE(an_empty_loop_that_must_stay_is_not_empty),
	CASE(a_loop_that_must_stay_ends_when_told_to),
	CASE(once_waits_for_one_event),
	CASE(once_goes_on_as_long_as_something_is_active),
	CASE(once_looks_once_and_an_unwaiting_loop_until_nothing_is_ready),
	CASE(a_loop_does_not_run_within_itself),
	CASE(another_bases_loop_runs_within),
	CASE(a_loop_ends_when_its_last_event_is_deleted),
	CASE(a_loop_can_be_run_again_and_again),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
