/* testing/contract/libevent/base_config_test.c — choosing a base: configurations and the environment.
 *
 * Here:     event_config and what of it shows in the base: method, features, flags.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include <stdlib.h>

#include "testing/contract/libevent/setup_fixture.h"

/* Best first: the order in which they are tried. */
static const struct method {
	const char *name, *forbidden_by;
	int features;
} methods[] = {
	{ "epoll", "EVENT_NOEPOLL", EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE },
	{ "poll", "EVENT_NOPOLL", EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE },
	{ "select", "EVENT_NOSELECT", EV_FEATURE_FDS },
};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

/* The method of a base that is made by a configuration, which is freed; NULL: none can be made. */
static const char *
method_with(struct event_config *cfg)
{
	static char name[64];
	struct event_base *base = event_base_new_with_config(cfg);

	event_config_free(cfg);
	if (!base)
		return NULL;
	snprintf(name, sizeof(name), "%s", event_base_get_method(base));
	event_base_free(base);
	return name;
}

static struct event_config *
config(void)
{
	struct event_config *cfg = event_config_new();

	CHECK(cfg != NULL);
	event_set_log_callback(remember_log);
	return cfg;
}

static void
the_best_is_the_default(void)
{
	struct event_base *base = event_base_new();
	CHECK_STR_EQ(event_base_get_method(base), "epoll");
	event_base_free(base);
	CHECK_STR_EQ(method_with(config()), "epoll");
	base = event_base_new_with_config(NULL);
	CHECK_STR_EQ(event_base_get_method(base), "epoll");
	event_base_free(base);
}

static void
supported_methods_are_listed_in_order(void)
{
	const char **list = event_get_supported_methods();
	for (size_t i = 0; i < METHODS; i++)
		CHECK_STR_EQ(list[i], methods[i].name);
	CHECK_PTR_EQ(list[METHODS], NULL);
	/* What the environment forbids is supported all the same. */
	setenv("EVENT_NOPOLL", "1", 1);
	CHECK_STR_EQ(event_get_supported_methods()[1], "poll");
}

static void
each_method_has_its_features(void)
{
	for (size_t i = 0; i < METHODS; i++) {
		struct event_base *base = event_base_new();
		CHECK_STR_EQ(event_base_get_method(base), methods[i].name);
		CHECK_INT_EQ(event_base_get_features(base), methods[i].features);
		event_base_free(base);
		setenv(methods[i].forbidden_by, "1", 1);
	}
}

static void
what_is_avoided_is_not_taken(void)
{
	struct event_config *cfg = config();
	CHECK_INT_EQ(event_config_avoid_method(cfg, "epoll"), 0);
	CHECK_STR_EQ(method_with(cfg), "poll");
	cfg = config();
	CHECK_INT_EQ(event_config_avoid_method(cfg, "poll"), 0);
	CHECK_INT_EQ(event_config_avoid_method(cfg, "epoll"), 0);
	CHECK_INT_EQ(event_config_avoid_method(cfg, "epoll"), 0);
	CHECK_STR_EQ(method_with(cfg), "select");
	cfg = config();
	CHECK_INT_EQ(event_config_avoid_method(cfg, "no such method"), 0);
	CHECK_INT_EQ(event_config_avoid_method(cfg, "EPOLL"), 0);
	CHECK_INT_EQ(event_config_avoid_method(cfg, "epol"), 0);
	CHECK_INT_EQ(event_config_avoid_method(cfg, ""), 0);
	CHECK_STR_EQ(method_with(cfg), "epoll");
}

static void
avoiding_all_leaves_none(void)
{
	struct event_config *cfg = config();
	for (size_t i = 0; i < METHODS; i++)
		CHECK_INT_EQ(event_config_avoid_method(cfg, methods[i].name), 0);
	CHECK_STR_EQ(method_with(cfg), NULL);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 1);
}

static void
an_avoided_name_is_copied(void)
{
	char name[] = "epoll";
	struct event_config *cfg = config();
	CHECK_INT_EQ(event_config_avoid_method(cfg, name), 0);
	name[0] = 'x';
	CHECK_STR_EQ(method_with(cfg), "poll");
}

static const struct {
	int features;
	const char *method;
} requirements[] = {
	{ 0, "epoll" },
	{ EV_FEATURE_ET, "epoll" },
	{ EV_FEATURE_O1, "epoll" },
	{ EV_FEATURE_EARLY_CLOSE, "epoll" },
	{ EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE, "epoll" },
	{ EV_FEATURE_FDS, "poll" },
	{ EV_FEATURE_FDS | EV_FEATURE_ET, NULL },
	{ EV_FEATURE_FDS | EV_FEATURE_O1, NULL },
	{ EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE, "poll" },
	{ 0x40000000, NULL },
};

static void
required_features_choose_the_method(void)
{
	for (size_t i = 0; i < sizeof(requirements) / sizeof(requirements[0]); i++) {
		struct event_config *cfg = config();
		CHECK_INT_EQ(event_config_require_features(cfg, requirements[i].features), 0);
		CHECK_STR_EQ(method_with(cfg), requirements[i].method);
	}
}

static void
the_last_requirement_counts(void)
{
	struct event_config *cfg = config();
	event_config_require_features(cfg, EV_FEATURE_ET);
	event_config_require_features(cfg, EV_FEATURE_FDS);
	CHECK_STR_EQ(method_with(cfg), "poll");
	cfg = config();
	event_config_require_features(cfg, EV_FEATURE_ET);
	event_config_avoid_method(cfg, "epoll");
	CHECK_STR_EQ(method_with(cfg), NULL);
}

static void
nothing_can_be_asked_of_no_config(void)
{
	CHECK_INT_EQ(event_config_set_flag(NULL, EVENT_BASE_FLAG_NOLOCK), -1);
	CHECK_INT_EQ(event_config_require_features(NULL, EV_FEATURE_ET), -1);
	CHECK_INT_EQ(event_config_set_num_cpus_hint(NULL, 4), -1);
}

static const int flags[] = {
	EVENT_BASE_FLAG_NOLOCK, EVENT_BASE_FLAG_IGNORE_ENV, EVENT_BASE_FLAG_STARTUP_IOCP, EVENT_BASE_FLAG_NO_CACHE_TIME,
	EVENT_BASE_FLAG_PRECISE_TIMER,
	EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME,
};

static void nothing(evutil_socket_t fd, short what, void *arg) { (void)fd, (void)what, (void)arg; }

static void
every_flag_makes_a_base_that_works(void)
{
	struct timeval tv = { 0, 1000 };
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct event_config *cfg = config();
		CHECK_INT_EQ(event_config_set_flag(cfg, flags[i]), 0);
		struct event_base *base = event_base_new_with_config(cfg);
		event_config_free(cfg);
		CHECK_STR_EQ(event_base_get_method(base), "epoll");
		struct event *ev = event_new(base, -1, 0, nothing, NULL);
		event_add(ev, &tv);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		event_free(ev);
		event_base_free(base);
	}
}

static void
a_config_makes_many_bases(void)
{
	struct event_config *cfg = config();
	event_config_avoid_method(cfg, "epoll");
	struct event_base *a = event_base_new_with_config(cfg), *b = event_base_new_with_config(cfg);
	event_config_free(cfg);
	CHECK(a != b);
	CHECK_STR_EQ(event_base_get_method(a), "poll");
	CHECK_STR_EQ(event_base_get_method(b), "poll");
	event_base_free(a);
	event_base_free(b);
}

static void
hints_are_hints(void)
{
	static const int hints[] = { 0, 1, 4, 1000, -1 };
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		struct event_config *cfg = config();
		CHECK_INT_EQ(event_config_set_num_cpus_hint(cfg, hints[i]), 0);
		CHECK_STR_EQ(method_with(cfg), "epoll");
	}
}

/* ---- The environment. */

static void
the_environment_forbids_methods(void)
{
	setenv("EVENT_NOEPOLL", "1", 1);
	CHECK_STR_EQ(method_with(config()), "poll");
	setenv("EVENT_NOPOLL", "", 1); /* being there is enough */
	CHECK_STR_EQ(method_with(config()), "select");
	setenv("EVENT_NOSELECT", "0", 1);
	CHECK_STR_EQ(method_with(config()), NULL);
	event_set_log_callback(ignore_log);
	CHECK_PTR_EQ(event_base_new(), NULL);
	unsetenv("EVENT_NOPOLL");
	CHECK_STR_EQ(method_with(config()), "poll");
}

static void
the_environment_may_be_ignored(void)
{
	setenv("EVENT_NOEPOLL", "1", 1);
	setenv("EVENT_NOPOLL", "1", 1);
	struct event_config *cfg = config();
	event_config_set_flag(cfg, EVENT_BASE_FLAG_IGNORE_ENV);
	CHECK_STR_EQ(method_with(cfg), "epoll");
	cfg = config();
	event_config_set_flag(cfg, EVENT_BASE_FLAG_IGNORE_ENV);
	event_config_avoid_method(cfg, "epoll");
	CHECK_STR_EQ(method_with(cfg), "poll");
}

static void
environment_and_config_add_up(void)
{
	setenv("EVENT_NOEPOLL", "1", 1);
	struct event_config *cfg = config();
	event_config_require_features(cfg, EV_FEATURE_ET);
	CHECK_STR_EQ(method_with(cfg), NULL);
	cfg = config();
	event_config_avoid_method(cfg, "poll");
	CHECK_STR_EQ(method_with(cfg), "select");
}

static void
showing_the_method_is_not_ignored(void)
{
	setenv("EVENT_SHOW_METHOD", "1", 1);
	struct event_config *cfg = config();
	event_config_set_flag(cfg, EVENT_BASE_FLAG_IGNORE_ENV);
	method_with(cfg);
	CHECK_INT_EQ(logged.count[EVENT_LOG_MSG], 1);
	CHECK_STR_EQ(logged.last, "libevent using: epoll");
}

static void
other_variables_do_no_harm(void)
{
	struct timeval tv = { 0, 1000 };
	setenv("EVENT_PRECISE_TIMER", "1", 1);
	setenv("EVENT_NOKQUEUE", "1", 1);
	setenv("EVENT_NOEVPORT", "1", 1);
	struct event_base *base = event_base_new();
	CHECK_STR_EQ(event_base_get_method(base), "epoll");
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_add(ev, &tv);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_free(ev);
	event_base_free(base);
}

/* ---- What a base is asked afterwards. */

static void
priorities_have_bounds(void)
{
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_base_get_npriorities(base), 1);
	CHECK_INT_EQ(event_base_priority_init(base, 0), -1);
	CHECK_INT_EQ(event_base_priority_init(base, -1), -1);
	CHECK_INT_EQ(event_base_priority_init(base, EVENT_MAX_PRIORITIES), -1);
	CHECK_INT_EQ(event_base_get_npriorities(base), 1);
	CHECK_INT_EQ(event_base_priority_init(base, EVENT_MAX_PRIORITIES - 1), 0);
	CHECK_INT_EQ(event_base_get_npriorities(base), EVENT_MAX_PRIORITIES - 1);
	CHECK_INT_EQ(event_base_priority_init(base, 4), 0);
	CHECK_INT_EQ(event_base_get_npriorities(base), 4);
	event_base_free(base);
}

static void
priorities_come_before_activity(void)
{
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_priority_init(base, 3), -1);
	CHECK_INT_EQ(event_base_get_npriorities(base), 1);
	event_del(ev);
	CHECK_INT_EQ(event_base_priority_init(base, 3), 0);
	event_free(ev);
	event_base_free(base);
}

static void
an_events_priority_is_the_middle_one(void)
{
	static const int counts[] = { 1, 2, 3, 4, 8, 255 };
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct event_base *base = event_base_new();
		CHECK_INT_EQ(event_base_priority_init(base, counts[i]), 0);
		struct event *ev = event_new(base, -1, 0, nothing, NULL);
		CHECK_INT_EQ(event_get_priority(ev), counts[i] / 2);
		event_free(ev);
		event_base_free(base);
	}
}

static void
a_new_base_has_nothing(void)
{
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_VIRTUAL), 0);
	CHECK_INT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 0), 0);
	CHECK(!event_base_got_exit(base) && !event_base_got_break(base));
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(the_best_is_the_default),
	SETUP_CASE(supported_methods_are_listed_in_order),
	SETUP_CASE(each_method_has_its_features),
	SETUP_CASE(what_is_avoided_is_not_taken),
	SETUP_CASE(avoiding_all_leaves_none),
	SETUP_CASE(an_avoided_name_is_copied),
	SETUP_CASE(required_features_choose_the_method),
	SETUP_CASE(the_last_requirement_counts),
	SETUP_CASE(nothing_can_be_asked_of_no_config),
	SETUP_CASE(every_flag_makes_a_base_that_works),
	SETUP_CASE(a_config_makes_many_bases),
	SETUP_CASE(hints_are_hints),
	SETUP_CASE(the_environment_forbids_methods),
	SETUP_CASE(the_environment_may_be_ignored),
	SETUP_CASE(environment_and_config_add_up),
	SETUP_CASE(showing_the_method_is_not_ignored),
	SETUP_CASE(other_variables_do_no_harm),
	SETUP_CASE(priorities_have_bounds),
	SETUP_CASE(priorities_come_before_activity),
	SETUP_CASE(an_events_priority_is_the_middle_one),
	SETUP_CASE(a_new_base_has_nothing),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
