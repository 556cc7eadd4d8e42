/* testing/contract/libevent/base_free_test.c — freeing a base with whatever is left in it.
 *
 * Here:     event_base_free and event_base_free_nofinalize.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event_compat.h>
#include <event2/event_struct.h>

#include <signal.h>

#include "testing/contract/libevent/event_fixture.h"

static const struct timeval hour = { 3600, 0 };

/* An event outlives its base: it is as after event_new, and another base takes it. */
static void
check_left_over(struct event *ev)
{
	struct event_base *next = event_base_new();
	CHECK_INT_EQ(event_base_set(next, ev), 0);
	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_WRITE | EV_SIGNAL | EV_TIMEOUT, NULL), 0);
	CHECK_INT_EQ(event_base_loop(next, EVLOOP_NONBLOCK), 1);
	CHECK_STR_EQ(trace, "");
	event_free(ev);
	event_base_free(next);
}

static void
an_fds_event_is_deleted(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, note_letter, "x");
	event_add(ev, NULL);
	CHECK_INT_EQ(write(fds[1], "x", 1), 1);
	event_base_free(base);
	check_left_over(ev);
	close_pair(fds);
}

static void
a_timer_is_deleted(void)
{
	struct timeval now = { 0, 0 };
	base = event_base_new();
	struct event *due = event_new(base, -1, 0, note_letter, "d");
	struct event *later = event_new(base, -1, EV_PERSIST, note_letter, "l");
	event_add(due, &now);
	event_add(later, &hour);
	event_base_free(base);
	check_left_over(due);
	check_left_over(later);
}

static void handled(int number) { (void)number, note('h'); }

static void
a_signals_event_is_deleted_and_the_handler_comes_back(void)
{
	signal(SIGUSR1, handled);
	base = event_base_new();
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, note_letter, "s");
	event_add(ev, NULL);
	event_base_free(base);
	raise(SIGUSR1);
	CHECK_STR_EQ(trace, "h");
	trace[0] = '\0';
	check_left_over(ev);
}

static void
an_active_event_is_deleted(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, note_letter, "a");
	event_active(ev, EV_READ, 1);
	event_base_free(base);
	check_left_over(ev);
}

static void
a_common_timeouts_event_is_deleted(void)
{
	base = event_base_new();
	const struct timeval *common = event_base_init_common_timeout(base, &hour);
	struct event *ev = event_new(base, -1, 0, note_letter, "c");
	event_add(ev, common);
	event_base_free(base);
	check_left_over(ev);
}

static void
an_event_with_all_at_once_is_deleted(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_WRITE | EV_PERSIST, note_letter, "x");
	event_add(ev, &hour);
	event_active(ev, EV_READ, 1);
	event_base_free(base);
	check_left_over(ev);
	close_pair(fds);
}

static void
what_was_once_is_never(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "t", &hour), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note_letter, "n", NULL), 0);
	CHECK_INT_EQ(event_base_once(base, fds[0], EV_READ, note_letter, "r", NULL), 0);
	CHECK_INT_EQ(event_base_once(base, fds[1], EV_WRITE, note_letter, "w", &hour), 0);
	CHECK_INT_EQ(event_base_loopexit(base, &hour), 0);
	CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
	event_base_free(base);
	CHECK_STR_EQ(trace, "");
	close_pair(fds);
}

static void
finalized(struct event *ev, void *arg)
{
	(void)ev;
	note(*(const char *)arg);
}

static void
finalizers_run(void)
{
	struct event ev;
	base = event_base_new();
	event_free_finalize(0, event_new(base, -1, 0, note_letter, "a"), finalized);
	event_assign(&ev, base, -1, 0, note_letter, "b");
	event_finalize(0, &ev, finalized);
	event_base_free(base);
	CHECK_INT_EQ(strlen(trace), 2);
	event_debug_unassign(&ev);
}

static void
finalizers_do_not_run_if_told_so(void)
{
	struct event ev;
	base = event_base_new();
	event_assign(&ev, base, -1, 0, note_letter, "b");
	event_finalize(0, &ev, finalized);
	event_base_free_nofinalize(base);
	CHECK_STR_EQ(trace, "");
	event_debug_unassign(&ev);
}

static void
without_finalizers_it_is_like_any_free(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, note_letter, "x");
	event_add(ev, &hour);
	event_base_free_nofinalize(base);
	check_left_over(ev);
	close_pair(fds);
}

static void
free_the_others_event(struct event *ev, void *arg)
{
	(void)ev;
	note('f');
	event_free(arg);
}

static void
a_finalizer_may_free_another_event(void)
{
	base = event_base_new();
	struct event *other = event_new(base, -1, 0, note_letter, "o");
	event_add(other, &hour);
	event_free_finalize(0, event_new(base, -1, 0, note_letter, other), free_the_others_event);
	event_base_free(base);
	CHECK_STR_EQ(trace, "f");
}

static int warnings;
static void count_warning(int severity, const char *text) { (void)text, warnings += severity == EVENT_LOG_WARN; }

static void
null_frees_the_current_base(void)
{
	event_set_log_callback(count_warning);
	event_base_free(NULL);
	CHECK_INT_EQ(warnings, 1);
	base = event_init();
	CHECK(base != NULL);
	event_base_free(NULL);
	CHECK_INT_EQ(warnings, 1);
	event_base_free(NULL);
	CHECK_INT_EQ(warnings, 2);
}

static void
freeing_the_current_base_forgets_it(void)
{
	event_set_log_callback(count_warning);
	event_base_free(event_init());
	event_base_free(NULL);
	CHECK_INT_EQ(warnings, 1);
	struct event_base *current = event_init();
	event_base_free(event_base_new());
	event_base_free(NULL);
	CHECK_INT_EQ(warnings, 1);
	(void)current;
}

static void
descriptors_are_the_programs(void)
{
	int fds[2];
	char c;
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, note_letter, "x");
	event_add(ev, NULL);
	event_base_free(base);
	check_left_over(ev);
	CHECK_INT_EQ(write(fds[1], "k", 1), 1);
	CHECK_INT_EQ(read(fds[0], &c, 1), 1);
	close_pair(fds);
}

static void
an_event_may_move_to_another_base(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, note_letter, "m");
	struct event_base *next = event_base_new();
	CHECK_INT_EQ(event_base_set(next, ev), 0);
	event_base_free(base);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(next), 1);
	CHECK_STR_EQ(trace, "m");
	event_free(ev);
	event_base_free(next);
}

static void
after_a_break_the_rest_is_deleted(void)
{
	struct event *ev[3];
	base = event_base_new();
	for (int i = 0; i < 3; i++) {
		ev[i] = event_new(base, -1, 0, note_letter, "x");
		event_active(ev[i], EV_READ, 1);
	}
	event_base_loopexit(base, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	trace[0] = '\0';
	event_active(ev[0], EV_READ, 1);
	event_base_free(base);
	for (int i = 0; i < 3; i++)
		check_left_over(ev[i]);
}

static void
many_events_of_many_priorities(void)
{
	struct event *ev[500];
	struct timeval tv = { 1, 0 };
	base = event_base_new();
	event_base_priority_init(base, 5);
	for (int i = 0; i < 500; i++) {
		ev[i] = event_new(base, -1, EV_PERSIST, note_letter, "x");
		event_priority_set(ev[i], i % 5);
		tv.tv_sec = 1 + i * 37 % 5000;
		event_add(ev[i], &tv);
		if (i % 3 == 0)
			event_active(ev[i], EV_READ, 1);
	}
	event_base_free(base);
	for (int i = 0; i < 500; i++)
		check_left_over(ev[i]);
}

static const struct evrt_test_case cases[] = {
	CASE(an_fds_event_is_deleted),
	CASE(a_timer_is_deleted),
	CASE(a_signals_event_is_deleted_and_the_handler_comes_back),
	CASE(an_active_event_is_deleted),
	CASE(a_common_timeouts_event_is_deleted),
	CASE(an_event_with_all_at_once_is_deleted),
	CASE(what_was_once_is_never),
	CASE(finalizers_run),
	CASE(finalizers_do_not_run_if_told_so),
	CASE(without_finalizers_it_is_like_any_free),
	CASE(a_finalizer_may_free_another_event),
	CASE(null_frees_the_current_base),
	CASE(freeing_the_current_base_forgets_it),
	CASE(descriptors_are_the_programs),
	CASE(an_event_may_move_to_another_base),
	CASE(after_a_break_the_rest_is_deleted),
	CASE(many_events_of_many_priorities),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
