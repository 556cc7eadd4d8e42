/* testing/contract/libevent/loop_exit_test.c — ending a loop, and asking how it ended.
 *
 * Here:     loopexit, loopbreak and loopcontinue before, during and after a loop; got_exit and got_break.
 * Not here: from other threads (event_threads_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_compat.h>

#include <signal.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval hour = { 3600, 0 };

static void
check_ending(int exit, int brk)
{
	CHECK_INT_EQ(!!event_base_got_exit(base), exit);
	CHECK_INT_EQ(!!event_base_got_break(base), brk);
}

static void
an_exit_before_the_loop_allows_one_round(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	event_add(ev, NULL);
	send_text(fds[1], "abc");
	check_ending(0, 0);
	CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
	check_ending(0, 0);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "a");
	check_ending(1, 0);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_exit_of_an_empty_loop_is_an_exit(void)
{
	base = event_base_new();
	event_base_loopexit(base, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	check_ending(1, 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_ending(0, 0);
	event_base_free(base);
}

static void
a_break_before_the_loop_is_forgotten(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loopbreak(base), 0);
	check_ending(0, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "x");
	check_ending(0, 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
endings_are_remembered_until_the_next_start(void)
{
	struct timeval soon = ms(2);
	base = event_base_new();
	struct event *ev = user_event("x");
	event_add(ev, &hour);
	event_base_loopexit(base, &soon);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	check_ending(1, 0);
	event_base_loopbreak(base);
	check_ending(1, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	check_ending(0, 0);
	event_del(ev);
	event_base_loopexit(base, NULL);
	event_base_dispatch(base);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY), 0);
	check_ending(0, 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
note_ending(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	note(event_base_got_exit(base) ? 'e' : '-');
	note(event_base_got_break(base) ? 'b' : '-');
}

static void
exit_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	CHECK_INT_EQ(event_base_loopexit(base, arg), 0);
	note('E');
}

static void
break_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	CHECK_INT_EQ(event_base_loopbreak(base), 0);
	CHECK(event_base_got_break(base));
	note('B');
}

static void
an_exit_takes_its_turn_among_the_active(void)
{
	base = event_base_new();
	struct event *a = event_new(base, -1, 0, exit_now, NULL), *b = event_new(base, -1, 0, note_ending, NULL);
	event_active(a, EV_READ, 1);
	event_active(b, EV_READ, 1);
	event_base_once(base, -1, EV_TIMEOUT, note_ending, NULL, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "E----");
	check_ending(1, 0);
	/* What is active behind the exit runs, too, and knows. */
	trace[0] = '\0';
	event_base_loopexit(base, NULL);
	event_active(b, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "e-");
	FREE_EVENTS(a, b);
	event_base_free(base);
}

static void
a_break_overtakes_an_exit(void)
{
	base = event_base_new();
	struct event *a = event_new(base, -1, 0, exit_now, NULL), *b = event_new(base, -1, 0, break_now, NULL);
	struct event *c = event_new(base, -1, 0, note_ending, NULL);
	event_active(a, EV_READ, 1);
	event_active(b, EV_READ, 1);
	event_active(c, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "EB");
	check_ending(0, 1);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 2);
	/* The exit was not lost: it ends the next loop. */
	event_add(a, &hour);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "EB--");
	check_ending(1, 0);
	FREE_EVENTS(a, b, c);
	event_base_free(base);
}

static void
an_exit_waits_behind_more_important_events(void)
{
	base = event_base_new();
	event_base_priority_init(base, 3);
	struct event *high = user_event("h"), *low = user_event("l");
	event_priority_set(high, 0);
	event_priority_set(low, 2);
	event_base_loopexit(base, NULL);
	event_active(low, EV_READ, 1);
	event_active(high, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "h");
	check_ending(1, 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "hl");
	FREE_EVENTS(high, low);
	event_base_free(base);
}

static void
a_break_leaves_less_important_queues_too(void)
{
	base = event_base_new();
	event_base_priority_init(base, 2);
	struct event *high = event_new(base, -1, 0, break_now, NULL), *low = user_event("l");
	event_priority_set(high, 0);
	event_active(low, EV_READ, 1);
	event_active(high, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "B");
	CHECK_INT_EQ(event_pending(low, EV_READ, NULL), EV_READ);
	FREE_EVENTS(high, low);
	event_base_free(base);
}

static void
exits_are_timers_of_their_own(void)
{
	struct timeval soon = ms(5), later = ms(30);
	base = event_base_new();
	struct event *ev = user_event("x");
	event_add(ev, &hour);
	event_base_loopexit(base, &later);
	event_base_loopexit(base, &soon);
	CHECK_INT_EQ(added(), 3);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(added() <= 2);
	if (added() == 2)
		CHECK_INT_EQ(event_base_dispatch(base), 0);
	check_ending(1, 0);
	CHECK_INT_EQ(added(), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	check_ending(0, 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
an_exit_that_was_due_before_the_loop_ends_it(void)
{
	struct timeval soon = ms(1);
	base = event_base_new();
	struct event *ev = user_event("x");
	event_add(ev, &hour);
	event_base_loopexit(base, &soon);
	pass_ms(10);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	check_ending(1, 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
an_exit_from_a_callback_may_come_later(void)
{
	struct timeval soon = ms(5);
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, exit_now, &soon), *never = user_event("n");
	event_active(ev, EV_READ, 1);
	event_add(never, &hour);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "E");
	check_ending(1, 0);
	FREE_EVENTS(ev, never);
	event_base_free(base);
}

static void
signals_end_loops(void)
{
	base = event_base_new();
	struct event *exits = evsignal_new(base, SIGUSR1, exit_now, NULL);
	struct event *breaks = evsignal_new(base, SIGUSR2, break_now, NULL);
	evsignal_add(exits, NULL);
	evsignal_add(breaks, NULL);
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	check_ending(1, 0);
	raise(SIGUSR2);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	check_ending(0, 1);
	CHECK_STR_EQ(trace, "EB");
	FREE_EVENTS(exits, breaks);
	event_base_free(base);
}

static void
a_break_comes_before_an_empty_end(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, break_now, NULL);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0); /* though nothing is left */
	check_ending(0, 1);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
nothing_can_be_ended_that_is_not_there(void)
{
	CHECK_INT_EQ(event_base_loopbreak(NULL), -1);
	CHECK_INT_EQ(event_base_loopcontinue(NULL), -1);
	CHECK_INT_EQ(event_base_loopexit(NULL, NULL), -1);
}

static void
the_current_base_is_ended_without_naming_it(void)
{
	base = event_init();
	CHECK(base != NULL);
	CHECK_INT_EQ(event_loopexit(NULL), 0);
	CHECK_INT_EQ(event_dispatch(), 0);
	check_ending(1, 0);
	CHECK_INT_EQ(event_loopbreak(), 0);
	check_ending(1, 1);
	CHECK_INT_EQ(event_loop(EVLOOP_NONBLOCK), 1);
	check_ending(0, 0);
	event_base_free(base);
}

static int again[2];

static void
continue_after_making_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('c');
	send_text(again[1], "x");
	if (arg)
		CHECK_INT_EQ(event_base_loopcontinue(arg), 0);
}

static void
continue_looks_before_the_rest_runs(void)
{
	pair(again);
	for (int i = 0; i < 2; i++) {
		char c;
		trace[0] = '\0';
		base = event_base_new();
		event_base_priority_init(base, 2);
		struct event *high = lettered(again[0], EV_READ, "H"), *rest = user_event("r");
		struct event *ev = event_new(base, -1, 0, continue_after_making_ready, i ? base : NULL);
		event_priority_set(high, 0);
		event_add(high, NULL);
		event_active(ev, EV_READ, 1);
		event_active(rest, EV_READ, 1);
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
		CHECK_STR_EQ(trace, i ? "cHr" : "crH");
		CHECK_INT_EQ(read(again[0], &c, 1), 1);
		FREE_EVENTS(high, rest, ev);
		event_base_free(base);
	}
	close_pair(again);
}

static const struct evrt_test_case cases[] = {
	CASE(an_exit_before_the_loop_allows_one_round),
	CASE(an_exit_of_an_empty_loop_is_an_exit),
	CASE(a_break_before_the_loop_is_forgotten),
	CASE(endings_are_remembered_until_the_next_start),
	CASE(an_exit_takes_its_turn_among_the_active),
	CASE(a_break_overtakes_an_exit),
	CASE(an_exit_waits_behind_more_important_events),
	CASE(a_break_leaves_less_important_queues_too),
	CASE(exits_are_timers_of_their_own),
	CASE(an_exit_that_was_due_before_the_loop_ends_it),
	CASE(an_exit_from_a_callback_may_come_later),
	CASE(signals_end_loops),
	CASE(a_break_comes_before_an_empty_end),
	CASE(nothing_can_be_ended_that_is_not_there),
	CASE(the_current_base_is_ended_without_naming_it),
	CASE(continue_looks_before_the_rest_runs),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
