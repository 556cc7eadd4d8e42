/* testing/unit/api/event/config_test.c — versions, and what of a base's configuration the contract does not tell. */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <evrt/version.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "testing/harness/test.h"

#define LONG_S 10
/* Far more than it takes on a busy machine, and some ticks. */
#define SEEN_MS 900
#define NOT_SEEN_MS 50

static void nothing(evutil_socket_t fd, short what, void *arg) { (void)fd, (void)what, (void)arg; }

/* Is one of the long timers that are armed in so many milliseconds due later than its time after it was armed? By
 * the coarse clock most are: it is read as if its tick were over. */
static bool
long_timers_are_late(int flags, int patience_ms)
{
	struct event_config *cfg = event_config_new();
	struct timeval tv = { LONG_S, 0 }, patience = { 0, patience_ms * 1000 }, now, until;
	bool late = false;

	CHECK_INT_EQ(event_config_set_flag(cfg, flags), 0);
	struct event_base *base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_gettime_monotonic(base, &now);
	evutil_timeradd(&now, &patience, &until);
	while (!late && evutil_timercmp(&now, &until, <)) {
		CHECK_INT_EQ(event_add(ev, &tv), 0);
		event_gettime_monotonic(base, &now);
		struct timeval end = { now.tv_sec + LONG_S, now.tv_usec };
		late = evutil_timercmp(&ev->ev_timeout, &end, >);
		CHECK_INT_EQ(event_del(ev), 0);
	}
	event_free(ev);
	event_base_free(base);
	return late;
}

static void
long_timers_are_precise_where_a_flag_asks(void)
{
	CHECK(long_timers_are_late(0, SEEN_MS));
	CHECK(!long_timers_are_late(EVENT_BASE_FLAG_PRECISE_TIMER, NOT_SEEN_MS));
}

static void
the_environment_sets_that_flag(void)
{
	setenv("EVENT_PRECISE_TIMER", "1", 1);
	CHECK(!long_timers_are_late(0, NOT_SEEN_MS));
	CHECK(long_timers_are_late(EVENT_BASE_FLAG_IGNORE_ENV, SEEN_MS));
}

static void *
count_methods(void *arg)
{
	const char **methods = event_get_supported_methods();

	(void)arg;
	for (int n = 0;; n++)
		if (!methods[n])
			return (void *)(intptr_t)n;
}

/* For ThreadSanitizer. */
static void
any_thread_may_list_the_methods(void)
{
	pthread_t thread[2];
	void *n;

	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(pthread_create(&thread[i], NULL, count_methods, NULL), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(pthread_join(thread[i], &n), 0);
		CHECK_INT_EQ((intptr_t)n, 3);
	}
}

static void
the_version_is_told_in_all_ways(void)
{
	unsigned major, minor, patch;

	CHECK_STR_EQ(evrt_version_get(), EVRT_VERSION);
	CHECK_INT_EQ(evrt_version_get_number(), EVRT_VERSION_NUMBER);
	CHECK_INT_EQ(sscanf(EVRT_VERSION, "%u.%u.%u", &major, &minor, &patch), 3);
	CHECK_INT_EQ(EVRT_VERSION_NUMBER, major << 24 | minor << 16 | patch << 8);
}

static const struct evrt_test_case cases[] = {
	{ "long_timers_are_precise_where_a_flag_asks", long_timers_are_precise_where_a_flag_asks },
	{ "the_environment_sets_that_flag", the_environment_sets_that_flag },
	{ "any_thread_may_list_the_methods", any_thread_may_list_the_methods },
	{ "the_version_is_told_in_all_ways", the_version_is_told_in_all_ways },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
