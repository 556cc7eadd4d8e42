/* testing/contract/libevent/event_common_timeout_test.c — timeouts that many events share.
 *
 * Here:     event_base_init_common_timeout: its marks and limits, and events added with what it returns.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval *
common(long n)
{
	struct timeval tv = ms(n);
	const struct timeval *found = event_base_init_common_timeout(base, &tv);

	CHECK(found != NULL);
	return found;
}

static void
a_duration_is_marked_once(void)
{
	base = event_base_new();
	const struct timeval *a = common(1500), *b = common(2500);
	CHECK(a != b);
	CHECK_PTR_EQ(common(1500), a);
	CHECK_PTR_EQ(common(2500), b);
	CHECK_INT_EQ(a->tv_sec, 1);
	CHECK_INT_EQ(a->tv_usec & 0xfffff, 500000);
	CHECK_INT_EQ((unsigned long)a->tv_usec >> 28, 5);
	CHECK_INT_EQ((a->tv_usec >> 20) & 0xff, 0);
	CHECK_INT_EQ((b->tv_usec >> 20) & 0xff, 1);
	event_base_free(base);
}

static void
equal_durations_are_one_however_written(void)
{
	base = event_base_new();
	const struct timeval *a = common(3500);
	CHECK_PTR_EQ(event_base_init_common_timeout(base, &(struct timeval){ 2, 1500000 }), a);
	/* What was marked before is what it marks. */
	CHECK_PTR_EQ(event_base_init_common_timeout(base, a), a);
	event_base_free(base);
}

static void
there_are_256_of_them(void)
{
	event_set_log_callback(say_nothing);
	base = event_base_new();
	for (long i = 1; i <= 256; i++)
		CHECK_INT_EQ((common(i)->tv_usec >> 20) & 0xff, i - 1);
	struct timeval one_more = ms(1000);
	CHECK(event_base_init_common_timeout(base, &one_more) == NULL);
	CHECK_INT_EQ((common(7)->tv_usec >> 20) & 0xff, 6);
	event_base_free(base);
}

static void
a_base_has_its_own(void)
{
	base = event_base_new();
	struct event_base *other = event_base_new();
	struct timeval tv = ms(1000);
	common(500);
	const struct timeval *mine = common(1000), *theirs = event_base_init_common_timeout(other, &tv);
	CHECK_INT_EQ((mine->tv_usec >> 20) & 0xff, 1);
	CHECK_INT_EQ((theirs->tv_usec >> 20) & 0xff, 0);
	event_base_free(base);
	event_base_free(other);
}

static void
events_of_one_duration_run_in_the_order_of_arming(void)
{
	base = event_base_new();
	const struct timeval *tv = common(5);
	struct event *ev[] = { user_event("a"), user_event("b"), user_event("c"), user_event("d"), NULL };
	for (int i = 0; ev[i]; i++)
		event_add(ev[i], tv);
	event_add(ev[1], tv); /* armed anew: now the last */
	CHECK_INT_EQ(added(), 4);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "acdb");
	free_events(ev);
	event_base_free(base);
}

static void
a_copy_is_as_good(void)
{
	base = event_base_new();
	struct timeval copy = *common(5);
	struct event *a = user_event("a"), *b = user_event("b");
	event_add(a, &copy);
	copy.tv_sec = 100000;
	event_add(b, common(5));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "ab");
	FREE_EVENTS(a, b);
	event_base_free(base);
}

static void
they_mix_with_others(void)
{
	base = event_base_new();
	struct event *ev[] = { user_event("a"), user_event("b"), user_event("c"), user_event("d"), NULL };
	struct timeval early = ms(10), late = ms(30);
	const long linger = 50;
	const struct arming table[] = { { ev[0], common(40) }, { ev[1], &late }, { ev[2], common(20) }, { ev[3], &early },
		{ NULL, NULL } };
	arm_together(table, &linger);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(strlen(trace), 4);
	/* Those of one kind keep their order; between the kinds a loop that comes late may look twice. */
	CHECK(strchr(trace, 'd') < strchr(trace, 'b'));
	CHECK(strchr(trace, 'c') < strchr(trace, 'a'));
	free_events(ev);
	event_base_free(base);
}

static void
event_pending_tells_a_plain_time(void)
{
	struct timeval at;
	base = event_base_new();
	struct event *ev = user_event("x");
	int64_t before = clock_us(CLOCK_REALTIME);
	event_add(ev, common(1000500));
	CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, &at), EV_TIMEOUT);
	CHECK(at.tv_usec >= 0 && at.tv_usec < 1000000);
	CHECK(us_of(at) >= before + 999500000 && us_of(at) <= before + 1060000000);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
an_event_changes_from_one_to_another(void)
{
	struct timeval plain = ms(3600000);
	base = event_base_new();
	struct event *ev = user_event("x"), *end = user_event("e");
	event_add(ev, common(1000));
	event_add(ev, &plain);
	event_add(ev, common(2000));
	event_add(ev, common(1));
	event_add(end, common(2000));
	CHECK_INT_EQ(added(), 2);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "x");
	event_del(end);
	CHECK_INT_EQ(added(), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	FREE_EVENTS(ev, end);
	event_base_free(base);
}

static void
stop_after_three(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	CHECK_INT_EQ(what, EV_TIMEOUT);
	note('t');
	if (strlen(trace) == 3)
		event_del(arg);
}

static void
they_serve_as_intervals(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, stop_after_three, event_self_cbarg());
	event_add(ev, common(3));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "ttt");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
deleting_from_the_middle_leaves_the_others(void)
{
	base = event_base_new();
	struct event *ev[] = { user_event("a"), user_event("b"), user_event("c"), user_event("d"), NULL };
	for (int i = 0; ev[i]; i++)
		event_add(ev[i], common(5));
	event_del(ev[2]);
	event_del(ev[0]);
	CHECK_INT_EQ(pending(ev[0]), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "bd");
	free_events(ev);
	event_base_free(base);
}

static void
a_report_ends_a_common_timeout_as_any_other(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, read_one, NULL);
	event_add(ev, common(3600000));
	CHECK_INT_EQ(pending(ev), EV_READ | EV_TIMEOUT);
	send_text(fds[1], "r");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_add(ev, common(2));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "rt");
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(a_duration_is_marked_once),
	CASE(equal_durations_are_one_however_written),
	CASE(there_are_256_of_them),
	CASE(a_base_has_its_own),
	CASE(events_of_one_duration_run_in_the_order_of_arming),
	CASE(a_copy_is_as_good),
	CASE(they_mix_with_others),
	CASE(event_pending_tells_a_plain_time),
	CASE(an_event_changes_from_one_to_another),
	CASE(they_serve_as_intervals),
	CASE(deleting_from_the_middle_leaves_the_others),
	CASE(a_report_ends_a_common_timeout_as_any_other),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
