/* testing/contract/libevent/event_priority_test.c — which of the active events runs first.
 *
 * Here:     the priorities of a base and of events, order among and within them, when the unimportant must wait.
 * Not here: bounds of a dispatch (loop_limits_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include "testing/contract/libevent/event_steps.h"

static struct event *
of_priority(int priority, const char *letter)
{
	struct event *ev = user_event(letter);

	CHECK_INT_EQ(event_priority_set(ev, priority), 0);
	return ev;
}

static void
an_event_begins_in_the_middle(void)
{
	static const int middle[] = { 0, 0, 1, 1, 2, 2, 3 };
	for (int n = 1; n < 7; n++) {
		base = event_base_new();
		if (n > 1)
			CHECK_INT_EQ(event_base_priority_init(base, n), 0);
		CHECK_INT_EQ(event_base_get_npriorities(base), n);
		struct event *ev = user_event("x");
		CHECK_INT_EQ(event_get_priority(ev), middle[n]);
		FREE_EVENTS(ev);
		event_base_free(base);
	}
}

static void
an_event_keeps_its_priority_when_the_base_gets_more(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	CHECK_INT_EQ(event_base_priority_init(base, 9), 0);
	CHECK_INT_EQ(event_get_priority(ev), 0);
	CHECK_INT_EQ(event_priority_set(ev, 8), 0);
	CHECK_INT_EQ(event_base_priority_init(base, 9), 0);
	CHECK_INT_EQ(event_get_priority(ev), 8);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
negative_numbers_are_no_priorities(void)
{
	base = event_base_new();
	CHECK_INT_EQ(event_base_priority_init(base, -1), -1);
	CHECK_INT_EQ(event_base_get_npriorities(base), 1);
	struct event *ev = user_event("x");
	CHECK_INT_EQ(event_priority_set(ev, -1), -1);
	CHECK_INT_EQ(event_priority_set(ev, 1), -1);
	CHECK_INT_EQ(event_priority_set(ev, 0), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_pending_event_may_change_its_priority(void)
{
	int fds[2];
	base = event_base_new();
	event_base_priority_init(base, 2);
	pair(fds);
	struct event *io = lettered(fds[0], EV_READ, "i"), *user = of_priority(1, "u");
	event_add(io, NULL);
	CHECK_INT_EQ(event_priority_set(io, 0), 0);
	CHECK_INT_EQ(event_get_priority(io), 0);
	event_active(user, EV_READ, 1);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "iu");
	FREE_EVENTS(io, user);
	event_base_free(base);
	close_pair(fds);
}

static void
equals_run_in_the_order_of_activation(void)
{
	base = event_base_new();
	struct event *ev[] = { user_event("a"), user_event("b"), user_event("c"), NULL };
	event_active(ev[2], EV_READ, 1);
	event_active(ev[0], EV_READ, 1);
	event_active(ev[1], EV_READ, 1);
	event_active(ev[2], EV_WRITE, 1); /* active already: no new place */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "cab");
	free_events(ev);
	event_base_free(base);
}

static void
deleting_gives_up_the_place(void)
{
	base = event_base_new();
	struct event *a = user_event("a"), *b = user_event("b");
	event_active(a, EV_READ, 1);
	event_active(b, EV_READ, 1);
	event_del(a);
	event_active(a, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "ba");
	FREE_EVENTS(a, b);
	event_base_free(base);
}

static void
the_unimportant_wait_as_long_as_important_ones_are_ready(void)
{
	int fds[2];
	base = event_base_new();
	event_base_priority_init(base, 2);
	pair(fds);
	struct event *high = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	struct event *low = of_priority(1, "L");
	event_priority_set(high, 0);
	event_add(high, NULL);
	send_text(fds[1], "abc");
	event_active(low, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "abcL");
	FREE_EVENTS(high, low);
	event_base_free(base);
	close_pair(fds);
}

static struct event *next_one;

static void
activate_next(evutil_socket_t fd, short what, void *arg)
{
	note_letter(fd, what, arg);
	event_active(next_one, EV_READ, 1);
}

static void
what_a_callback_activates_runs_where_it_belongs(void)
{
	/* A callback of priority 1 activates one of priority i; another of 1 was active already. */
	static const char *const expected[] = { "anb", "abn", "abn" };
	base = event_base_new();
	event_base_priority_init(base, 3);
	for (int i = 0; i < 3; i++) {
		trace[0] = '\0';
		struct event *a = event_new(base, -1, 0, activate_next, "a"), *b = of_priority(1, "b");
		next_one = of_priority(i, "n");
		event_priority_set(a, 1);
		event_active(a, EV_READ, 1);
		event_active(b, EV_READ, 1);
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
		CHECK_STR_EQ(trace, expected[i]);
		FREE_EVENTS(a, b, next_one);
	}
	event_base_free(base);
}

static void
once_lets_every_priority_run(void)
{
	base = event_base_new();
	event_base_priority_init(base, 4);
	struct event *ev[] = { of_priority(3, "d"), of_priority(1, "b"), of_priority(0, "a"), of_priority(2, "c"), NULL };
	for (int i = 0; ev[i]; i++)
		event_active(ev[i], EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "abcd");
	free_events(ev);
	event_base_free(base);
}

static void
change_own_priority(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('c');
	CHECK_INT_EQ(event_priority_set(arg, 0), 0);
	CHECK_INT_EQ(event_base_priority_init(base, 2), 0); /* as it is */
}

static void
a_running_event_is_not_active_and_may_change_its_priority(void)
{
	base = event_base_new();
	event_base_priority_init(base, 2);
	struct event *ev = event_new(base, -1, EV_PERSIST, change_own_priority, event_self_cbarg());
	event_active(ev, EV_READ, 1);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "c");
	CHECK_INT_EQ(event_get_priority(ev), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
what_was_asked_for_once_is_of_middle_priority(void)
{
	base = event_base_new();
	event_base_priority_init(base, 3);
	struct event *high = of_priority(0, "h"), *low = of_priority(2, "l");
	event_active(low, EV_READ, 1);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "o", NULL), 0);
	event_active(high, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "hol");
	FREE_EVENTS(high, low);
	event_base_free(base);
}

static void
due_timers_obey_priorities(void)
{
	struct timeval early = ms(1), late = ms(5);
	base = event_base_new();
	event_base_priority_init(base, 2);
	struct event *low = of_priority(1, "l"), *high = of_priority(0, "h");
	event_add(low, &early);
	event_add(high, &late);
	pass_ms(15);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "hl");
	FREE_EVENTS(low, high);
	event_base_free(base);
}

static void
finalized(struct event *ev, void *arg)
{
	(void)ev;
	note(*(const char *)arg);
}

static void
finalizers_run_at_the_priority_of_their_event(void)
{
	base = event_base_new();
	event_base_priority_init(base, 3);
	struct event *low = of_priority(2, "l"), *middle = of_priority(1, "m"), *high = of_priority(0, "h");
	CHECK_INT_EQ(event_free_finalize(0, low, finalized), 0);
	event_active(middle, EV_READ, 1);
	CHECK_INT_EQ(event_free_finalize(0, high, finalized), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "hml");
	FREE_EVENTS(middle);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(an_event_begins_in_the_middle),
	CASE(an_event_keeps_its_priority_when_the_base_gets_more),
	CASE(negative_numbers_are_no_priorities),
	CASE(a_pending_event_may_change_its_priority),
	CASE(equals_run_in_the_order_of_activation),
	CASE(deleting_gives_up_the_place),
	CASE(the_unimportant_wait_as_long_as_important_ones_are_ready),
	CASE(what_a_callback_activates_runs_where_it_belongs),
	CASE(once_lets_every_priority_run),
	CASE(a_running_event_is_not_active_and_may_change_its_priority),
	CASE(what_was_asked_for_once_is_of_middle_priority),
	CASE(due_timers_obey_priorities),
	CASE(finalizers_run_at_the_priority_of_their_event),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
