/* testing/contract/libevent/base_changelist_test.c — asking for the other way of using epoll.
 *
 * Here:     EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST and the variable of the same name.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event.h>

#include <stdlib.h>

#include "testing/contract/libevent/setup_fixture.h"

static void
check_method(int flags, const char *avoid, const char *method)
{
	struct event_config *cfg = event_config_new();
	CHECK_INT_EQ(event_config_set_flag(cfg, flags), 0);
	if (avoid)
		CHECK_INT_EQ(event_config_avoid_method(cfg, avoid), 0);
	struct event_base *base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	CHECK_STR_EQ(event_base_get_method(base), method);
	event_base_free(base);
}

static void
the_flag_asks_for_it(void)
{
	check_method(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, NULL, "epoll (with changelist)");
}

static void
the_environment_asks_for_it(void)
{
	setenv("EVENT_EPOLL_USE_CHANGELIST", "1", 1);
	check_method(0, NULL, "epoll (with changelist)");
	struct event_base *base = event_base_new();
	CHECK_STR_EQ(event_base_get_method(base), "epoll (with changelist)");
	event_base_free(base);
}

static void
the_environment_may_be_ignored(void)
{
	setenv("EVENT_EPOLL_USE_CHANGELIST", "1", 1);
	check_method(EVENT_BASE_FLAG_IGNORE_ENV, NULL, "epoll");
	check_method(EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, NULL, "epoll (with changelist)");
}

static void
it_is_epoll_to_avoid_and_to_forbid(void)
{
	check_method(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, "epoll", "poll");
	check_method(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, "epoll (with changelist)", "epoll (with changelist)");
	setenv("EVENT_NOEPOLL", "1", 1);
	check_method(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, NULL, "poll");
}

static void
it_has_epolls_features(void)
{
	setenv("EVENT_EPOLL_USE_CHANGELIST", "1", 1);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_base_get_features(base), EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
	event_base_free(base);
}

static void
it_is_not_listed(void)
{
	for (const char **m = event_get_supported_methods(); *m; m++)
		CHECK(strchr(*m, ' ') == NULL);
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(the_flag_asks_for_it),
	SETUP_CASE(the_environment_asks_for_it),
	SETUP_CASE(the_environment_may_be_ignored),
	SETUP_CASE(it_is_epoll_to_avoid_and_to_forbid),
	SETUP_CASE(it_has_epolls_features),
	SETUP_CASE(it_is_not_listed),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
