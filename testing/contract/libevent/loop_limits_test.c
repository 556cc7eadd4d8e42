/* testing/contract/libevent/loop_limits_test.c — how long a loop may go on before it looks for new events.
 *
 * Here:     event_config_set_max_dispatch_interval: by callbacks, by time, from a priority on.
 *
 * Each case lets a callback make a more important descriptor ready and sees when that is told: H.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include "testing/contract/libevent/event_steps.h"

static int fds[2];

/* A base with three priorities and these limits. */
static void
begin(const struct timeval *interval, int callbacks, int min_priority)
{
	struct event_config *cfg = event_config_new();

	CHECK_INT_EQ(event_config_set_max_dispatch_interval(cfg, interval, callbacks, min_priority), 0);
	base = event_base_new_with_config(cfg);
	CHECK(base != NULL);
	event_config_free(cfg);
	CHECK_INT_EQ(event_base_priority_init(base, 3), 0);
	pair(fds);
}

static void
make_ready(evutil_socket_t fd, short what, void *arg)
{
	note_letter(fd, what, arg);
	send_text(fds[1], "x");
}

static void
make_ready_and_linger(evutil_socket_t fd, short what, void *arg)
{
	make_ready(fd, what, arg);
	pass_ms(20);
}

/* Runs a (which is `first`), b, c and d at `priority`, and frees everything. */
static void
run_four(event_callback_fn first, int priority)
{
	struct event *ev[] = { event_new(base, -1, 0, first, "a"), user_event("b"), user_event("c"), user_event("d"),
		NULL };
	struct event *high = lettered(fds[0], EV_READ, "H");

	event_priority_set(high, 0);
	event_add(high, NULL);
	for (int i = 0; ev[i]; i++) {
		CHECK_INT_EQ(event_priority_set(ev[i], priority), 0);
		event_active(ev[i], EV_READ, 1);
	}
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	free_events(ev);
	FREE_EVENTS(high);
	event_base_free(base);
	close_pair(fds);
}

static void
a_batch_runs_to_its_end_by_default(void)
{
	base = event_base_new();
	event_base_priority_init(base, 3);
	pair(fds);
	run_four(make_ready_and_linger, 2);
	CHECK_STR_EQ(trace, "abcdH");
}

static void
no_limits_are_no_limits(void)
{
	begin(NULL, -1, 0);
	run_four(make_ready_and_linger, 2);
	CHECK_STR_EQ(trace, "abcdH");
}

static void
callbacks_are_counted(void)
{
	begin(NULL, 1, 0);
	run_four(make_ready, 2);
	CHECK_STR_EQ(trace, "aHbcd");
	trace[0] = '\0';
	begin(NULL, 3, 0);
	run_four(make_ready, 2);
	CHECK_STR_EQ(trace, "abcHd");
	trace[0] = '\0';
	begin(NULL, 100, 0);
	run_four(make_ready, 2);
	CHECK_STR_EQ(trace, "abcdH");
}

static void
important_events_are_not_limited(void)
{
	begin(NULL, 1, 2);
	run_four(make_ready, 1);
	CHECK_STR_EQ(trace, "abcdH");
	trace[0] = '\0';
	begin(NULL, 1, 2);
	run_four(make_ready, 2);
	CHECK_STR_EQ(trace, "aHbcd");
	trace[0] = '\0';
	begin(NULL, 1, 1);
	run_four(make_ready, 1);
	CHECK_STR_EQ(trace, "aHbcd");
}

static void
a_negative_priority_means_all(void)
{
	begin(NULL, 2, -5);
	run_four(make_ready, 1);
	CHECK_STR_EQ(trace, "abHcd");
}

static void
time_is_measured_between_callbacks(void)
{
	struct timeval interval = ms(5);
	begin(&interval, -1, 0);
	run_four(make_ready_and_linger, 2);
	CHECK_STR_EQ(trace, "aHbcd");
	trace[0] = '\0';
	begin(&interval, -1, 2);
	run_four(make_ready_and_linger, 1);
	CHECK_STR_EQ(trace, "abcdH");
}

static void
a_long_interval_does_not_divide_a_batch(void)
{
	struct timeval interval = { 3600, 0 };
	begin(&interval, -1, 0);
	run_four(make_ready_and_linger, 2);
	CHECK_STR_EQ(trace, "abcdH");
}

static void
whichever_limit_comes_first_counts(void)
{
	struct timeval hour = { 3600, 0 }, tick = ms(5);
	begin(&hour, 2, 0);
	run_four(make_ready_and_linger, 2);
	CHECK_STR_EQ(trace, "abHcd");
	trace[0] = '\0';
	begin(&tick, 2, 0);
	run_four(make_ready_and_linger, 2);
	CHECK_STR_EQ(trace, "aHbcd");
}

static void
activate_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (strlen(trace) < 200)
		event_active(arg, EV_READ, 1);
	note('.');
}

static void
a_greedy_event_lets_others_come_in(void)
{
	begin(NULL, 16, 0);
	struct event *greedy = event_new(base, -1, 0, activate_again, event_self_cbarg());
	struct event *high = lettered(fds[0], EV_READ, "H");
	event_priority_set(greedy, 2);
	event_priority_set(high, 0);
	event_add(high, NULL);
	event_active(greedy, EV_READ, 1);
	struct event *ready = event_new(base, -1, 0, make_ready, "r");
	event_priority_set(ready, 2);
	event_active(ready, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(strlen(trace), 201);
	CHECK_INT_EQ(strchr(trace, 'r') - trace, 1);
	CHECK_INT_EQ(strchr(trace, 'H') - trace, 16);
	FREE_EVENTS(greedy, high, ready);
	event_base_free(base);
	close_pair(fds);
}

static void
once_goes_on_past_the_limit(void)
{
	begin(NULL, 1, 0);
	struct event *ev[] = { user_event("a"), user_event("b"), user_event("c"), NULL };
	for (int i = 0; ev[i]; i++)
		event_active(ev[i], EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "abc");
	free_events(ev);
	event_base_free(base);
	close_pair(fds);
}

static int64_t seen[2];

static void
see_time_and_linger(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv;

	note_letter(fd, what, arg);
	event_base_gettimeofday_cached(base, &tv);
	seen[strlen(trace) - 1] = us_of(tv);
	pass_ms(20);
}

static void
an_interval_refreshes_the_cached_time(void)
{
	struct timeval hour = { 3600, 0 };
	begin(&hour, -1, 0);
	struct event *ev[] = { event_new(base, -1, 0, see_time_and_linger, "a"),
		event_new(base, -1, 0, see_time_and_linger, "b"), NULL };
	event_active(ev[0], EV_READ, 1);
	event_active(ev[1], EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "ab");
	CHECK(seen[1] - seen[0] >= 10000);
	free_events(ev);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(a_batch_runs_to_its_end_by_default),
	CASE(no_limits_are_no_limits),
	CASE(callbacks_are_counted),
	CASE(important_events_are_not_limited),
	CASE(a_negative_priority_means_all),
	CASE(time_is_measured_between_callbacks),
	CASE(a_long_interval_does_not_divide_a_batch),
	CASE(whichever_limit_comes_first_counts),
	CASE(a_greedy_event_lets_others_come_in),
	CASE(once_goes_on_past_the_limit),
	CASE(an_interval_refreshes_the_cached_time),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
