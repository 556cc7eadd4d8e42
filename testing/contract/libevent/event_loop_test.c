/* testing/contract/libevent/event_loop_test.c — what a program may expect of the loop.
 *
 * Here:     time, order, priorities, endings, methods.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing/contract/libevent/event_fixture.h"

static void
an_empty_loop_returns_1(void)
{
	base = event_base_new();
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 1);
	event_base_free(base);
}

static void
timers_run_in_order_of_time(void)
{
	const char *letters = "abcde";
	const long at[] = { 60, 20, 40, 0, 30 };
	struct event *ev[5];
	base = event_base_new();
	for (int i = 0; i < 5; i++) {
		struct timeval tv = ms(at[i]);
		ev[i] = event_new(base, -1, 0, note_letter, (void *)&letters[i]);
		CHECK_INT_EQ(event_add(ev[i], &tv), 0);
	}
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "dbeca");
	for (int i = 0; i < 5; i++)
		event_free(ev[i]);
	event_base_free(base);
}

static void
event_pending_tells_the_time_on_the_wall(void)
{
	struct timeval tv = ms(5000), now, at, diff;
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, note_letter, "t");
	event_add(ev, &tv);
	evutil_gettimeofday(&now, NULL);
	CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, &at), EV_TIMEOUT);
	evutil_timersub(&at, &now, &diff);
	CHECK(diff.tv_sec == 4 || diff.tv_sec == 5);
	event_free(ev);
	event_base_free(base);
}

static void
count_and_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	note(what & EV_TIMEOUT ? 't' : '?');
	if (strlen(trace) == 4)
		event_del(arg);
}

static void
a_persistent_timer_repeats(void)
{
	struct timeval tv = ms(2);
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, count_and_stop, event_self_cbarg());
	event_add(ev, &tv);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "tttt");
	event_free(ev);
	event_base_free(base);
}

static void
common_timeouts_are_timeouts(void)
{
	struct timeval tv = ms(5);
	base = event_base_new();
	const struct timeval *common = event_base_init_common_timeout(base, &tv);
	CHECK(common != NULL);
	CHECK_PTR_EQ(event_base_init_common_timeout(base, &tv), common);
	struct event *a = event_new(base, -1, 0, note_letter, "a");
	struct event *b = event_new(base, -1, 0, note_letter, "b");
	event_add(a, common);
	event_add(b, common);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "ab");
	event_free(a);
	event_free(b);
	event_base_free(base);
}

static void
urgent_events_run_first(void)
{
	struct event *ev[3];
	const char *letters = "abc";
	base = event_base_new();
	CHECK_INT_EQ(event_base_priority_init(base, 3), 0);
	CHECK_INT_EQ(event_base_get_npriorities(base), 3);
	for (int i = 0; i < 3; i++) {
		ev[i] = event_new(base, -1, 0, note_letter, (void *)&letters[i]);
		CHECK_INT_EQ(event_get_priority(ev[i]), 1);
		CHECK_INT_EQ(event_priority_set(ev[i], 2 - i), 0);
		event_active(ev[i], EV_TIMEOUT, 1);
	}
	CHECK_INT_EQ(event_priority_set(ev[0], 3), -1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "cba");
	for (int i = 0; i < 3; i++)
		event_free(ev[i]);
	event_base_free(base);
}

static void
activate_the_urgent_one(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('l');
	event_active(arg, EV_TIMEOUT, 1);
}

static void
a_more_urgent_event_interrupts_its_queue(void)
{
	base = event_base_new();
	event_base_priority_init(base, 2);
	struct event *urgent = event_new(base, -1, 0, note_letter, "u");
	struct event *first = event_new(base, -1, 0, activate_the_urgent_one, urgent);
	struct event *second = event_new(base, -1, 0, note_letter, "s");
	event_priority_set(urgent, 0);
	event_priority_set(first, 1);
	event_priority_set(second, 1);
	event_active(first, EV_TIMEOUT, 1);
	event_active(second, EV_TIMEOUT, 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "lus");
	event_free(urgent);
	event_free(first);
	event_free(second);
	event_base_free(base);
}

static void
priorities_have_bounds(void)
{
	base = event_base_new();
	CHECK_INT_EQ(event_base_priority_init(base, 0), -1);
	CHECK_INT_EQ(event_base_priority_init(base, EVENT_MAX_PRIORITIES), -1);
	CHECK_INT_EQ(event_base_priority_init(base, EVENT_MAX_PRIORITIES - 1), 0);
	struct event *ev = event_new(base, -1, 0, note_letter, "x");
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_priority_init(base, 3), -1);
	CHECK_INT_EQ(event_priority_set(ev, 0), -1);
	event_free(ev);
	event_base_free(base);
}

static void
break_out(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('b');
	event_base_loopbreak(arg);
}

static void
loopbreak_ends_after_this_callback(void)
{
	base = event_base_new();
	struct event *first = event_new(base, -1, 0, break_out, base);
	struct event *second = event_new(base, -1, 0, note_letter, "s");
	event_active(first, EV_TIMEOUT, 1);
	event_active(second, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "b");
	CHECK(event_base_got_break(base));
	CHECK(!event_base_got_exit(base));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "bs");
	CHECK(!event_base_got_break(base));
	event_free(first);
	event_free(second);
	event_base_free(base);
}

static void
exit_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('e');
	event_base_loopexit(arg, NULL);
}

static void
loopexit_lets_active_events_run(void)
{
	base = event_base_new();
	struct event *first = event_new(base, -1, 0, exit_loop, base);
	struct event *second = event_new(base, -1, 0, note_letter, "s");
	event_active(first, EV_TIMEOUT, 1);
	event_active(second, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "es");
	CHECK(event_base_got_exit(base));
	event_free(first);
	event_free(second);
	event_base_free(base);
}

static void
loopexit_with_a_time_ends_a_waiting_loop(void)
{
	struct timeval tv = ms(10), never = ms(60000);
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, note_letter, "n");
	event_add(ev, &never);
	event_base_loopexit(base, &tv);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_exit(base));
	CHECK_STR_EQ(trace, "");
	event_free(ev);
	event_base_free(base);
}

static void
once_callbacks_keep_the_order_of_calls(void)
{
	struct timeval zero = ms(0);
	base = event_base_new();
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "a", NULL), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "b", &zero), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "c", NULL), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_SIGNAL, note_letter, "x", NULL), -1);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT | EV_PERSIST, note_letter, "x", NULL), -1);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "abc");
	event_base_free(base);
}

/* The suite as a whole is run once per method; these cases choose for themselves. */
static void
any_method(void)
{
	unsetenv("EVENT_NOEPOLL");
	unsetenv("EVENT_NOPOLL");
}

static void
configs_choose_the_method(void)
{
	struct event_config *cfg = event_config_new();
	any_method();
	event_config_avoid_method(cfg, "epoll");
	base = event_base_new_with_config(cfg);
	CHECK_STR_EQ(event_base_get_method(base), "poll");
	event_base_free(base);
	event_config_avoid_method(cfg, "poll");
	event_config_avoid_method(cfg, "select");
	CHECK(event_base_new_with_config(cfg) == NULL);
	event_config_free(cfg);
	cfg = event_config_new();
	event_config_require_features(cfg, EV_FEATURE_FDS);
	base = event_base_new_with_config(cfg);
	CHECK(event_base_get_features(base) & EV_FEATURE_FDS);
	event_base_free(base);
	event_config_free(cfg);
}

static void
the_environment_chooses_the_method(void)
{
	struct event_config *cfg = event_config_new();
	any_method();
	setenv("EVENT_NOEPOLL", "1", 1);
	base = event_base_new();
	CHECK_STR_EQ(event_base_get_method(base), "poll");
	event_base_free(base);
	event_config_set_flag(cfg, EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(cfg);
	CHECK_STR_EQ(event_base_get_method(base), "epoll");
	event_base_free(base);
	event_config_free(cfg);
	unsetenv("EVENT_NOEPOLL");
}

static void
loopcontinue_looks_again(void)
{
	base = event_base_new();
	CHECK_INT_EQ(event_base_loopcontinue(base), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(an_empty_loop_returns_1),
	CASE(timers_run_in_order_of_time),
	CASE(event_pending_tells_the_time_on_the_wall),
	CASE(a_persistent_timer_repeats),
	CASE(common_timeouts_are_timeouts),
	CASE(urgent_events_run_first),
	CASE(a_more_urgent_event_interrupts_its_queue),
	CASE(priorities_have_bounds),
	CASE(loopbreak_ends_after_this_callback),
	CASE(loopexit_lets_active_events_run),
	CASE(loopexit_with_a_time_ends_a_waiting_loop),
	CASE(once_callbacks_keep_the_order_of_calls),
	CASE(configs_choose_the_method),
	CASE(the_environment_chooses_the_method),
	CASE(loopcontinue_looks_again),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
