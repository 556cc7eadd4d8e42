/* testing/contract/libevent/util_time_test.c — timevals, clocks and dates.
 *
 * Here:     the evutil_timer macros, evutil_gettimeofday, monotonic timers, evutil_date_rfc1123.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event.h>
#include <event2/util.h>

#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct timeval ascending[] = {
	{ -2, 0 }, { -1, 0 }, { -1, 999999 }, { 0, 0 }, { 0, 1 }, { 0, 999999 }, { 1, 0 }, { 1, 1 }, { 2, 0 },
	{ 2, 999999 }, { 1000000000, 5 }, { 2147483648, 0 }, { 4294967296, 1 },
};

static void
all_six_relations_hold(void)
{
	for (int i = 0; i < (int)COUNT(ascending); i++)
		for (int j = 0; j < (int)COUNT(ascending); j++) {
			const struct timeval *a = &ascending[i], *b = &ascending[j];
			CHECK_INT_EQ(!!evutil_timercmp(a, b, <), i < j);
			CHECK_INT_EQ(!!evutil_timercmp(a, b, <=), i <= j);
			CHECK_INT_EQ(!!evutil_timercmp(a, b, ==), i == j);
			CHECK_INT_EQ(!!evutil_timercmp(a, b, !=), i != j);
			CHECK_INT_EQ(!!evutil_timercmp(a, b, >=), i >= j);
			CHECK_INT_EQ(!!evutil_timercmp(a, b, >), i > j);
		}
}

static const struct {
	struct timeval a, b, sum;
} sums[] = {
	{ { 0, 0 }, { 0, 0 }, { 0, 0 } }, { { 1, 2 }, { 3, 4 }, { 4, 6 } }, { { 0, 999999 }, { 0, 1 }, { 1, 0 } },
	{ { 0, 999999 }, { 0, 999999 }, { 1, 999998 } }, { { 5, 500000 }, { 6, 500000 }, { 12, 0 } },
	{ { 2147483647, 0 }, { 1, 0 }, { 2147483648, 0 } }, { { -1, 500000 }, { 1, 600000 }, { 1, 100000 } },
};

static void
sums_carry_and_differences_borrow(void)
{
	for (size_t i = 0; i < COUNT(sums); i++) {
		struct timeval r;
		evutil_timeradd(&sums[i].a, &sums[i].b, &r);
		CHECK(evutil_timercmp(&r, &sums[i].sum, ==));
		evutil_timersub(&sums[i].sum, &sums[i].b, &r);
		CHECK(evutil_timercmp(&r, &sums[i].a, ==));
		evutil_timersub(&sums[i].sum, &sums[i].a, &r);
		CHECK(evutil_timercmp(&r, &sums[i].b, ==));
	}
}

static void
results_may_replace_operands(void)
{
	struct timeval a = { 1, 700000 }, b = { 2, 600000 };
	evutil_timeradd(&a, &b, &a);
	CHECK(a.tv_sec == 4 && a.tv_usec == 300000);
	evutil_timersub(&a, &b, &b);
	CHECK(b.tv_sec == 1 && b.tv_usec == 700000);
	evutil_timersub(&b, &a, &a);
	CHECK(a.tv_sec == -3 && a.tv_usec == 400000);
}

static void
clear_and_isset(void)
{
	struct timeval t = { 7, 8 };
	CHECK(evutil_timerisset(&t));
	evutil_timerclear(&t);
	CHECK(t.tv_sec == 0 && t.tv_usec == 0);
	CHECK(!evutil_timerisset(&t));
	t.tv_usec = 1;
	CHECK(evutil_timerisset(&t));
	t = (struct timeval){ -1, 0 };
	CHECK(evutil_timerisset(&t));
}

static void
the_time_of_day_is_the_systems(void)
{
	struct timeval before, now, after;
	gettimeofday(&before, NULL);
	CHECK_INT_EQ(evutil_gettimeofday(&now, NULL), 0);
	gettimeofday(&after, NULL);
	CHECK(evutil_timercmp(&before, &now, <=) && evutil_timercmp(&now, &after, <=));
}

static const int kinds[] = { 0, EV_MONOT_PRECISE, EV_MONOT_FALLBACK, EV_MONOT_PRECISE | EV_MONOT_FALLBACK };

static void
monotonic_time_never_goes_back(void)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
		struct timeval last = { 0, 0 }, now;
		CHECK_INT_EQ(evutil_configure_monotonic_time(timer, kinds[i]), 0);
		for (int n = 0; n < 2000; n++) {
			CHECK_INT_EQ(evutil_gettime_monotonic(timer, &now), 0);
			CHECK(now.tv_usec >= 0 && now.tv_usec < 1000000);
			CHECK(evutil_timercmp(&now, &last, >=));
			last = now;
		}
		evutil_monotonic_timer_free(timer);
	}
}

static void
monotonic_time_goes_forward(void)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
		struct timeval start, now;
		CHECK_INT_EQ(evutil_configure_monotonic_time(timer, kinds[i]), 0);
		CHECK_INT_EQ(evutil_gettime_monotonic(timer, &start), 0);
		do
			CHECK_INT_EQ(evutil_gettime_monotonic(timer, &now), 0);
		while (evutil_timercmp(&now, &start, ==));
		evutil_monotonic_timer_free(timer);
	}
}

static void
precise_time_is_the_monotonic_clocks(void)
{
	struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
	struct timespec before, after;
	struct timeval now;
	CHECK_INT_EQ(evutil_configure_monotonic_time(timer, EV_MONOT_PRECISE), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	CHECK_INT_EQ(evutil_gettime_monotonic(timer, &now), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK(before.tv_sec * 1000000 + before.tv_nsec / 1000 <= now.tv_sec * 1000000 + now.tv_usec);
	CHECK(after.tv_sec * 1000000 + after.tv_nsec / 1000 >= now.tv_sec * 1000000 + now.tv_usec);
	evutil_monotonic_timer_free(timer);
}

static void
a_base_tells_monotonic_time_too(void)
{
	struct event_base *base = event_base_new();
	struct timeval a, b;
	CHECK_INT_EQ(event_gettime_monotonic(base, &a), 0);
	CHECK_INT_EQ(event_gettime_monotonic(base, &b), 0);
	CHECK(evutil_timercmp(&b, &a, >=));
	CHECK_INT_EQ(event_gettime_monotonic(NULL, &a), -1);
	CHECK_INT_EQ(event_gettime_monotonic(base, NULL), -1);
	event_base_free(base);
}

static void
no_timer_may_be_freed(void)
{
	evutil_monotonic_timer_free(NULL);
}

static const struct {
	time_t at;
	const char *text;
} dates[] = {
	{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" }, { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
	{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" }, { 1709251199, "Thu, 29 Feb 2024 23:59:59 GMT" },
	{ 2147483648, "Tue, 19 Jan 2038 03:14:08 GMT" }, { -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
};

static void
dates_are_those_of_http(void)
{
	char text[64];
	for (size_t i = 0; i < COUNT(dates); i++) {
		struct tm tm;
		gmtime_r(&dates[i].at, &tm);
		CHECK_INT_EQ(evutil_date_rfc1123(text, sizeof(text), &tm), 29);
		CHECK_STR_EQ(text, dates[i].text);
	}
}

static void
now_is_the_date_by_default(void)
{
	char now[64], text[64];
	time_t before, after;
	/* Again, where a second has ended in between. */
	do {
		before = time(NULL);
		CHECK_INT_EQ(evutil_date_rfc1123(now, sizeof(now), NULL), 29);
		after = time(NULL);
	} while (before != after);
	struct tm tm;
	gmtime_r(&before, &tm);
	evutil_date_rfc1123(text, sizeof(text), &tm);
	CHECK_STR_EQ(now, text);
}

static const struct evrt_test_case cases[] = {
	{ "all_six_relations_hold", all_six_relations_hold },
	{ "sums_carry_and_differences_borrow", sums_carry_and_differences_borrow },
	{ "results_may_replace_operands", results_may_replace_operands },
	{ "clear_and_isset", clear_and_isset },
	{ "the_time_of_day_is_the_systems", the_time_of_day_is_the_systems },
	{ "monotonic_time_never_goes_back", monotonic_time_never_goes_back },
	{ "monotonic_time_goes_forward", monotonic_time_goes_forward },
	{ "precise_time_is_the_monotonic_clocks", precise_time_is_the_monotonic_clocks },
	{ "a_base_tells_monotonic_time_too", a_base_tells_monotonic_time_too },
	{ "no_timer_may_be_freed", no_timer_may_be_freed },
	{ "dates_are_those_of_http", dates_are_those_of_http },
	{ "now_is_the_date_by_default", now_is_the_date_by_default },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
