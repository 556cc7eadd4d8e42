/* testing/contract/libevent/setup_version_test.c — which version this is, and what it says it can do.
 *
 * Here:     the version's functions and macros, event-config.h's, sizes that programs compare.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <stdio.h>

#include "testing/contract/libevent/setup_fixture.h"

static void
the_string_is_the_headers(void)
{
	CHECK_STR_EQ(event_get_version(), LIBEVENT_VERSION);
	CHECK_STR_EQ(event_get_version(), EVENT__VERSION);
	CHECK_STR_EQ(event_get_version(), "2.1.12-stable");
}

static void
the_number_is_the_headers(void)
{
	CHECK_INT_EQ(event_get_version_number(), LIBEVENT_VERSION_NUMBER);
	CHECK_INT_EQ(event_get_version_number(), EVENT__NUMERIC_VERSION);
	CHECK_INT_EQ(event_get_version_number(), 0x02010c00);
}

static void
string_and_number_agree(void)
{
	unsigned major, minor, patch, number = event_get_version_number();
	CHECK_INT_EQ(sscanf(event_get_version(), "%u.%u.%u", &major, &minor, &patch), 3);
	CHECK_INT_EQ(major, number >> 24);
	CHECK_INT_EQ(minor, number >> 16 & 0xff);
	CHECK_INT_EQ(patch, number >> 8 & 0xff);
}

/* What programs ask the preprocessor. */
#if LIBEVENT_VERSION_NUMBER >= 0x02010000 && LIBEVENT_VERSION_NUMBER < 0x02020000
#define IS_2_1 1
#else
#define IS_2_1 0
#endif
#if defined(EVTHREAD_USE_PTHREADS_IMPLEMENTED) && defined(EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED)
#define HAS_BOTH 1
#else
#define HAS_BOTH 0
#endif

static void
the_preprocessor_knows(void)
{
	CHECK(IS_2_1);
	CHECK(HAS_BOTH);
}

static void
an_event_is_as_large_as_it_says(void)
{
	CHECK_INT_EQ(event_get_struct_event_size(), sizeof(struct event));
}

static void
severities_and_their_old_names(void)
{
	CHECK_INT_EQ(EVENT_LOG_DEBUG, 0);
	CHECK_INT_EQ(EVENT_LOG_MSG, 1);
	CHECK_INT_EQ(EVENT_LOG_WARN, 2);
	CHECK_INT_EQ(EVENT_LOG_ERR, 3);
	CHECK_INT_EQ(_EVENT_LOG_DEBUG, EVENT_LOG_DEBUG);
	CHECK_INT_EQ(_EVENT_LOG_MSG, EVENT_LOG_MSG);
	CHECK_INT_EQ(_EVENT_LOG_WARN, EVENT_LOG_WARN);
	CHECK_INT_EQ(_EVENT_LOG_ERR, EVENT_LOG_ERR);
	CHECK_INT_EQ(EVENT_DBG_NONE, 0);
	CHECK_INT_EQ(EVENT_DBG_ALL, 0xffffffffu);
	CHECK_INT_EQ(EVENT_MAX_PRIORITIES, 256);
}

static void
the_numbers_of_threads(void)
{
	CHECK_INT_EQ(EVTHREAD_WRITE, 4);
	CHECK_INT_EQ(EVTHREAD_READ, 8);
	CHECK_INT_EQ(EVTHREAD_TRY, 16);
	CHECK_INT_EQ(EVTHREAD_LOCKTYPE_RECURSIVE, 1);
	CHECK_INT_EQ(EVTHREAD_LOCKTYPE_READWRITE, 2);
	CHECK_INT_EQ(EVTHREAD_LOCK_API_VERSION, 1);
	CHECK_INT_EQ(EVTHREAD_CONDITION_API_VERSION, 1);
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(the_string_is_the_headers),
	SETUP_CASE(the_number_is_the_headers),
	SETUP_CASE(string_and_number_agree),
	SETUP_CASE(the_preprocessor_knows),
	SETUP_CASE(an_event_is_as_large_as_it_says),
	SETUP_CASE(severities_and_their_old_names),
	SETUP_CASE(the_numbers_of_threads),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
