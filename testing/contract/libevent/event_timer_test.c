/* testing/contract/libevent/event_timer_test.c — timeouts and intervals.
 *
 * Here:     when they are due, in which order they run, what an interval does late and early.
 * Not here: common timeouts (event_common_timeout_test.c), the clocks (loop_time_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include <stdlib.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval hour = { 3600, 0 }, at_once = { 0, 0 };
/* Four times that are all past after 30 ms. */
static const struct timeval first = { 0, 1000 }, second = { 0, 8000 }, third = { 0, 14000 }, fourth = { 0, 20000 };
static const long past_all = 30;

static int64_t
due_us(const struct event *ev)
{
	struct timeval at = { 0, 0 };

	CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, &at), EV_TIMEOUT);
	CHECK(at.tv_usec >= 0 && at.tv_usec < 1000000);
	return us_of(at);
}

static int64_t
wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

static void
equal_times_are_all_due_together(void)
{
	base = event_base_new();
	struct event *ev[] = { user_event("x"), user_event("x"), user_event("x"), user_event("x"), NULL };
	struct timeval soon = ms(5);
	for (int i = 0; ev[i]; i++)
		event_add(ev[i], &soon);
	pass_ms(15);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "xxxx");
	free_events(ev);
	event_base_free(base);
}

static int order_errors;
static int64_t last_due;

static void
check_order(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	order_errors += *(int64_t *)arg < last_due;
	last_due = *(int64_t *)arg;
	note('.');
}

static void
many_timers_run_in_order_of_time(void)
{
	enum { MANY = 200 };
	const long linger = MANY + 5;
	struct event *ev[MANY + 1] = { NULL };
	struct arming table[MANY + 1] = { { NULL, NULL } };
	struct timeval tv[MANY];
	int64_t delay[MANY];
	base = event_base_new();
	for (int i = 0; i < MANY; i++) {
		delay[i] = i * 77 % MANY; /* each once, in an order that jumps about */
		tv[i] = ms(delay[i]);
		ev[i] = event_new(base, -1, 0, check_order, &delay[i]);
		table[i] = (struct arming){ ev[i], &tv[i] };
	}
	arm_together(table, &linger);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(strlen(trace), MANY);
	CHECK_INT_EQ(order_errors, 0);
	free_events(ev);
	event_base_free(base);
}

/* Many, all due at once, of which the first of every forty ends the turn. */
static void
check_order_and_turn(evutil_socket_t fd, short what, void *arg)
{
	static int calls;

	check_order(fd, what, arg);
	if (calls++ % 40 == 0)
		event_base_loopcontinue(base);
}

static void
turns_that_end_early_leave_the_order_of_time(void)
{
	enum { MANY = 300 };
	struct event *ev[MANY + 1] = { NULL };
	int64_t delay[MANY];
	base = event_base_new();
	for (int i = 0; i < MANY; i++) {
		delay[i] = i;
		struct timeval tv = { 0, 100 + i };
		ev[i] = event_new(base, -1, 0, check_order_and_turn, &delay[i]);
		event_add(ev[i], &tv);
	}
	pass_ms(20);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(order_errors, 0);
	CHECK_INT_EQ(last_due, MANY - 1);
	free_events(ev);
	event_base_free(base);
}

/* The first of a NULL-terminated array ends the turn, and nothing else is due any more. */
static void
delete_others_and_continue(evutil_socket_t fd, short what, void *arg)
{
	struct event **ev = arg;

	note_letter(fd, what, "x");
	for (int i = 1; ev[i]; i++)
		event_del(ev[i]);
	event_base_loopcontinue(base);
}

static void
once_ends_when_all_that_was_due_has_been_deleted(void)
{
	enum { MANY = 200 };
	struct event *ev[MANY + 1] = { NULL };
	base = event_base_new();
	struct event *far = user_event("f");
	event_add(far, &(struct timeval){ 3, 0 });
	for (int i = 0; i < MANY; i++) {
		struct timeval tv = { 0, 100 + i };
		ev[i] = event_new(base, -1, 0, delete_others_and_continue, ev);
		event_add(ev[i], &tv);
	}
	pass_ms(20);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "x");
	free_events(ev);
	event_free(far);
	event_base_free(base);
}

static void
a_timer_does_not_run_early(void)
{
	struct timeval tv = ms(30);
	base = event_base_new();
	struct event *ev = user_event("t");
	int64_t before = clock_us(CLOCK_MONOTONIC_COARSE);
	event_add(ev, &tv);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK(clock_us(CLOCK_MONOTONIC) - before >= 29000);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
no_time_and_less_is_at_once(void)
{
	base = event_base_new();
	struct event *zero = user_event("z"), *minus = user_event("m");
	CHECK_INT_EQ(event_add(zero, &at_once), 0);
	CHECK_INT_EQ(added(), 1);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "z");
	CHECK_INT_EQ(event_add(minus, &(struct timeval){ -10, 0 }), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "zm");
	FREE_EVENTS(zero, minus);
	event_base_free(base);
}

static void
an_age_is_a_timeout_too(void)
{
	struct timeval age = { INT64_C(1) << 40, 0 }, soon = ms(2);
	base = event_base_new();
	struct event *ev = user_event("a"), *short_one = user_event("s");
	CHECK_INT_EQ(event_add(ev, &age), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	event_add(short_one, &soon);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "s");
	CHECK_INT_EQ(pending(ev), EV_TIMEOUT);
	FREE_EVENTS(ev, short_one);
	event_base_free(base);
}

static void
a_second_of_microseconds_is_carried(void)
{
	base = event_base_new();
	struct event *ev = user_event("t");
	int64_t before = wall_us();
	CHECK_INT_EQ(event_add(ev, &(struct timeval){ 1000, 1000000 }), 0);
	int64_t at = due_us(ev);
	CHECK(at >= before + 1000600000 && at <= before + 1060000000);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
event_pending_leaves_tv_alone_without_a_timeout(void)
{
	struct timeval at = { 7, 7 };
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = lettered(fds[0], EV_READ, "x");
	event_add(ev, NULL);
	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, &at), EV_READ);
	CHECK_INT_EQ(us_of(at), 7000007);
	event_add(ev, &hour);
	CHECK_INT_EQ(event_pending(ev, EV_READ, &at), EV_READ); /* nor when it is not asked about */
	CHECK_INT_EQ(us_of(at), 7000007);
	CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, NULL), EV_TIMEOUT);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_interval_does_not_drift(void)
{
	struct timeval interval = ms(200);
	base = event_base_new();
	struct event *ev = lettered(-1, EV_PERSIST, "t");
	event_add(ev, &interval);
	for (int i = 0; i < 2; i++) {
		int64_t due = due_us(ev);
		while (wall_us() < due + 100000)
			sched_yield();
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
		int64_t step = due_us(ev) - due;
		/* One interval after it was due, not after it ran; unless this process was held up for long. */
		CHECK((step > 150000 && step < 250000) || step > 350000);
	}
	CHECK_STR_EQ(trace, "tt");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
ticks_that_were_missed_are_not_made_up_for(void)
{
	struct timeval interval = ms(200);
	base = event_base_new();
	struct event *ev = lettered(-1, EV_PERSIST, "t");
	event_add(ev, &interval);
	pass_ms(590);
	int64_t before = wall_us();
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "t");
	CHECK(due_us(ev) >= before + 100000); /* a whole interval from now */
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_report_begins_the_interval_anew(void)
{
	struct timeval interval = ms(100000);
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	event_add(ev, &interval);
	int64_t due = due_us(ev);
	pass_ms(30);
	send_text(fds[1], "r");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "r");
	CHECK(due_us(ev) >= due + 20000);
	CHECK_INT_EQ(pending(ev), EV_READ | EV_TIMEOUT);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
activating_by_hand_begins_the_interval_anew(void)
{
	struct timeval interval = ms(100000);
	base = event_base_new();
	struct event *ev = lettered(-1, EV_PERSIST, "x");
	event_add(ev, &interval);
	int64_t due = due_us(ev);
	pass_ms(30);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "x");
	CHECK(due_us(ev) >= due + 20000);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_postponed_timer_runs_where_its_new_time_belongs(void)
{
	base = event_base_new();
	struct event *a = user_event("a"), *b = user_event("b"), *c = user_event("c");
	const struct arming table[] = { { a, &first }, { b, &second }, { c, &fourth }, { a, &third }, { NULL, NULL } };
	arm_together(table, &past_all);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "bac");
	FREE_EVENTS(a, b, c);
	event_base_free(base);
}

static void
an_interval_of_nothing_does_not_repeat(void)
{
	base = event_base_new();
	struct event *ev = lettered(-1, EV_PERSIST, "t");
	event_add(ev, &at_once);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "t");
	CHECK_INT_EQ(pending(ev), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
add_again_at_once(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	CHECK_INT_EQ(what, EV_TIMEOUT);
	CHECK_INT_EQ(event_pending(arg, EV_TIMEOUT, NULL), 0);
	note('t');
	if (strlen(trace) < 5)
		event_add(arg, &at_once);
}

static void
a_timer_may_add_itself_again(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, add_again_at_once, event_self_cbarg());
	event_add(ev, &at_once);
	/* Not waiting means to go on while something is due. */
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "ttttt");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
change_interval(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('c');
	CHECK_INT_EQ(event_pending(arg, EV_TIMEOUT, NULL), EV_TIMEOUT);
	event_add(arg, &hour);
}

static void
an_interval_may_be_changed_in_its_callback(void)
{
	struct timeval tick = ms(1);
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, change_interval, event_self_cbarg());
	event_add(ev, &tick);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	pass_ms(10);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "c");
	CHECK(due_us(ev) > wall_us() + 3500 * INT64_C(1000000));
	FREE_EVENTS(ev);
	event_base_free(base);
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
a_timer_that_is_due_can_be_deleted_by_another(void)
{
	base = event_base_new();
	struct event *victim = user_event("v"), *repeats = lettered(-1, EV_PERSIST, "p");
	struct event *killer = event_new(base, -1, 0, delete_other, victim);
	struct event *other = event_new(base, -1, 0, delete_other, repeats);
	const struct arming table[] = { { victim, &second }, { repeats, &second }, { other, &first }, { killer, &first },
		{ NULL, NULL } };
	arm_together(table, &past_all);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "dd");
	FREE_EVENTS(victim, repeats, killer, other);
	event_base_free(base);
}

static void
postpone_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('p');
	event_add(arg, &hour);
}

static void
a_timer_that_is_due_can_be_postponed_by_another(void)
{
	base = event_base_new();
	struct event *late = user_event("l"), *by = event_new(base, -1, 0, postpone_other, late);
	const struct arming table[] = { { late, &second }, { by, &first }, { NULL, NULL } };
	arm_together(table, &past_all);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "p");
	CHECK_INT_EQ(pending(late), EV_TIMEOUT);
	FREE_EVENTS(late, by);
	event_base_free(base);
}

static void
reports_run_before_the_timeouts_of_their_turn(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *timer = user_event("t"), *io = lettered(fds[0], EV_READ, "r"), *user = user_event("u");
	event_add(timer, &at_once);
	event_add(io, NULL);
	send_text(fds[1], "x");
	event_active(user, EV_READ, 1);
	pass_ms(5);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "urt");
	FREE_EVENTS(timer, io, user);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(equal_times_are_all_due_together),
	CASE(many_timers_run_in_order_of_time),
	CASE(turns_that_end_early_leave_the_order_of_time),
	CASE(once_ends_when_all_that_was_due_has_been_deleted),
	CASE(a_timer_does_not_run_early),
	CASE(no_time_and_less_is_at_once),
	CASE(an_age_is_a_timeout_too),
	CASE(a_second_of_microseconds_is_carried),
	CASE(event_pending_leaves_tv_alone_without_a_timeout),
	CASE(an_interval_does_not_drift),
	CASE(ticks_that_were_missed_are_not_made_up_for),
	CASE(a_report_begins_the_interval_anew),
	CASE(activating_by_hand_begins_the_interval_anew),
	CASE(a_postponed_timer_runs_where_its_new_time_belongs),
	CASE(an_interval_of_nothing_does_not_repeat),
	CASE(a_timer_may_add_itself_again),
	CASE(an_interval_may_be_changed_in_its_callback),
	CASE(a_timer_that_is_due_can_be_deleted_by_another),
	CASE(a_timer_that_is_due_can_be_postponed_by_another),
	CASE(reports_run_before_the_timeouts_of_their_turn),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
