/* testing/contract/libevent/loop_time_test.c — the clocks of a base.
 *
 * Here:     the time that is cached while callbacks run, and what refreshes it.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_compat.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval at_once = { 0, 0 };
static int64_t seen[8];
static int seen_count;

static int64_t
cached_us(void)
{
	struct timeval tv;

	CHECK_INT_EQ(event_base_gettimeofday_cached(base, &tv), 0);
	return us_of(tv);
}

static void
see_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	CHECK(seen_count < 8);
	seen[seen_count++] = cached_us();
}

static void
see_time_and_linger(evutil_socket_t fd, short what, void *arg)
{
	see_time(fd, what, NULL);
	pass_ms(30);
	if (arg)
		CHECK_INT_EQ(event_base_update_cache_time(arg), 0);
	see_time(fd, what, NULL);
}

/* Runs see_time_and_linger(`arg`), see_time in the same turn. */
static void
run_two(void *arg)
{
	struct event *first = event_new(base, -1, 0, see_time_and_linger, arg);
	struct event *second = event_new(base, -1, 0, see_time, NULL);
	event_active(first, EV_READ, 1);
	event_active(second, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(seen_count, 3);
	FREE_EVENTS(first, second);
}

static void
outside_the_loop_it_is_the_time(void)
{
	base = event_base_new();
	int64_t before = clock_us(CLOCK_REALTIME), a = cached_us();
	pass_ms(10);
	int64_t b = cached_us(), after = clock_us(CLOCK_REALTIME);
	CHECK(before <= a && b <= after);
	CHECK(b - a >= 9000);
	event_base_free(base);
}

static void
it_stands_still_while_callbacks_run(void)
{
	base = event_base_new();
	run_two(NULL);
	CHECK_INT_EQ(seen[1], seen[0]);
	CHECK_INT_EQ(seen[2], seen[0]);
	CHECK(cached_us() > seen[0]);
	event_base_free(base);
}

static void
it_can_be_told_to_move_on(void)
{
	base = event_base_new();
	run_two(base);
	CHECK(seen[1] - seen[0] >= 20000);
	CHECK_INT_EQ(seen[2], seen[1]);
	event_base_free(base);
}

static void
it_moves_on_with_each_turn(void)
{
	struct timeval soon = ms(20);
	base = event_base_new();
	struct event *ev[] = { event_new(base, -1, 0, see_time, NULL), event_new(base, -1, 0, see_time, NULL), NULL };
	event_add(ev[0], &at_once);
	event_add(ev[1], &soon);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(seen_count, 2);
	CHECK(seen[1] - seen[0] >= 10000);
	free_events(ev);
	event_base_free(base);
}

static void
telling_it_outside_the_loop_changes_nothing(void)
{
	base = event_base_new();
	CHECK_INT_EQ(event_base_update_cache_time(base), 0);
	int64_t a = cached_us();
	pass_ms(5);
	CHECK(cached_us() - a >= 4000);
	event_base_free(base);
}

static void
a_base_may_do_without_a_cache(void)
{
	struct event_config *cfg = event_config_new();
	CHECK_INT_EQ(event_config_set_flag(cfg, EVENT_BASE_FLAG_NO_CACHE_TIME), 0);
	base = event_base_new_with_config(cfg);
	run_two(NULL);
	CHECK(seen[1] - seen[0] >= 29000);
	CHECK(seen[2] >= seen[1]);
	event_config_free(cfg);
	event_base_free(base);
}

static struct event *second_timer;

static void
linger_and_add(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = ms(20), at;

	(void)fd;
	(void)what;
	pass_ms(40);
	if (arg)
		event_base_update_cache_time(arg);
	event_add(second_timer, &tv);
	CHECK_INT_EQ(event_pending(second_timer, EV_TIMEOUT, &at), EV_TIMEOUT);
	seen[seen_count++] = us_of(at) - clock_us(CLOCK_REALTIME);
	note('a');
}

static void
timeouts_count_from_the_cached_time(void)
{
	for (int i = 0; i < 2; i++) {
		base = event_base_new();
		second_timer = user_event("s");
		struct event *first = event_new(base, -1, 0, linger_and_add, i ? base : NULL);
		event_active(first, EV_READ, 1);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		FREE_EVENTS(first, second_timer);
		event_base_free(base);
	}
	CHECK_STR_EQ(trace, "asas");
	CHECK(seen[0] <= -15000); /* due while the callback went on */
	CHECK(seen[1] > seen[0]);
}

static void
see_monotonic(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv;

	(void)fd;
	(void)what;
	(void)arg;
	CHECK_INT_EQ(event_gettime_monotonic(base, &tv), 0);
	seen[seen_count++] = us_of(tv);
}

static void
the_monotonic_clock_is_not_cached(void)
{
	base = event_base_new();
	struct event *a = event_new(base, -1, 0, see_monotonic, NULL), *c = event_new(base, -1, 0, see_monotonic, NULL);
	struct event *b = event_new(base, -1, 0, see_time_and_linger, NULL);
	see_monotonic(-1, 0, NULL);
	pass_ms(10);
	event_active(a, EV_READ, 1);
	event_active(b, EV_READ, 1);
	event_active(c, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(seen_count, 5);
	CHECK(seen[1] - seen[0] >= 9000);
	CHECK(seen[4] - seen[1] >= 20000);
	FREE_EVENTS(a, b, c);
	event_base_free(base);
}

static void
the_monotonic_clock_needs_a_base_and_a_place(void)
{
	struct timeval tv;
	base = event_base_new();
	CHECK_INT_EQ(event_gettime_monotonic(NULL, &tv), -1);
	CHECK_INT_EQ(event_gettime_monotonic(base, NULL), -1);
	event_base_free(base);
}

static void
without_a_base_it_is_the_current_ones_or_the_systems(void)
{
	struct timeval tv;
	int64_t before = clock_us(CLOCK_REALTIME);
	CHECK_INT_EQ(event_base_gettimeofday_cached(NULL, &tv), 0);
	CHECK(us_of(tv) >= before);
	CHECK_INT_EQ(event_base_update_cache_time(NULL), -1);
	base = event_init();
	CHECK_INT_EQ(event_base_update_cache_time(NULL), 0);
	CHECK_INT_EQ(event_base_gettimeofday_cached(NULL, &tv), 0);
	CHECK(us_of(tv) >= before);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(outside_the_loop_it_is_the_time),
	CASE(it_stands_still_while_callbacks_run),
	CASE(it_can_be_told_to_move_on),
	CASE(it_moves_on_with_each_turn),
	CASE(telling_it_outside_the_loop_changes_nothing),
	CASE(a_base_may_do_without_a_cache),
	CASE(timeouts_count_from_the_cached_time),
	CASE(the_monotonic_clock_is_not_cached),
	CASE(the_monotonic_clock_needs_a_base_and_a_place),
	CASE(without_a_base_it_is_the_current_ones_or_the_systems),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
