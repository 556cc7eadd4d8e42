/* testing/contract/libevent/event_method_test.c — epoll with a changelist: when it is chosen, and what it does
 * differently from epoll.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/util.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/contract/libevent/event_fixture.h"

#define CHANGELIST "epoll (with changelist)"

/* The method of a base with these flags and features, which avoids `avoid` (NULL: none). "none": no base. */
static const char *
method_of(int flags, const char *avoid, int features)
{
	struct event_config *cfg = event_config_new();
	const char *method = "none";

	CHECK(cfg != NULL);
	CHECK_INT_EQ(event_config_set_flag(cfg, flags), 0);
	CHECK_INT_EQ(event_config_require_features(cfg, features), 0);
	if (avoid)
		CHECK_INT_EQ(event_config_avoid_method(cfg, avoid), 0);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (base) {
		method = event_base_get_method(base);
		event_base_free(base);
	}
	return method;
}

static void
the_flag_chooses_it_where_epoll_is_chosen(void)
{
	int flag = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;

	CHECK_STR_EQ(method_of(0, NULL, 0), "epoll");
	CHECK_STR_EQ(method_of(flag, NULL, 0), CHANGELIST);
	CHECK_STR_EQ(method_of(flag | EVENT_BASE_FLAG_IGNORE_ENV, NULL, 0), CHANGELIST);
	CHECK_STR_EQ(method_of(flag, "epoll", 0), "poll");
	CHECK_STR_EQ(method_of(flag, CHANGELIST, 0), CHANGELIST);
	CHECK_STR_EQ(method_of(flag, NULL, EV_FEATURE_FDS), "poll");
	CHECK_STR_EQ(method_of(flag, NULL, EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE), CHANGELIST);
	setenv("EVENT_NOEPOLL", "1", 1);
	CHECK_STR_EQ(method_of(flag, NULL, 0), "poll");
	CHECK_STR_EQ(method_of(flag, NULL, EV_FEATURE_ET), "none");
	CHECK_STR_EQ(method_of(flag | EVENT_BASE_FLAG_IGNORE_ENV, NULL, 0), CHANGELIST);
}

static void
the_environment_chooses_it(void)
{
	setenv("EVENT_EPOLL_USE_CHANGELIST", "", 1);
	CHECK_STR_EQ(method_of(0, NULL, 0), CHANGELIST);
	CHECK_STR_EQ(method_of(EVENT_BASE_FLAG_IGNORE_ENV, NULL, 0), "epoll");
	CHECK_STR_EQ(method_of(0, "epoll", 0), "poll");
	base = event_base_new();
	CHECK(base != NULL);
	CHECK_STR_EQ(event_base_get_method(base), CHANGELIST);
	event_base_free(base);
}

static void
it_is_not_a_method_of_its_own(void)
{
	const char **methods = event_get_supported_methods();

	CHECK_STR_EQ(methods[0], "epoll");
	CHECK_STR_EQ(methods[1], "poll");
	CHECK_STR_EQ(methods[2], "select");
	CHECK_STR_EQ(methods[3], NULL);
}

static void
new_changelist_base(void)
{
	struct event_config *cfg = event_config_new();

	CHECK(cfg != NULL);
	CHECK_INT_EQ(event_config_set_flag(cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), 0);
	base = event_base_new_with_config(cfg);
	CHECK(base != NULL);
	event_config_free(cfg);
	CHECK_INT_EQ(event_base_get_features(base), EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
}

static int warnings;

static void
count_warning(int severity, const char *text)
{
	(void)text;
	warnings += severity == EVENT_LOG_WARN;
}

/* What epoll refuses is pending, and never heard of. The others go on. */
static void
expect_a_warning_later(int fd, struct event *other)
{
	struct event *ev = event_new(base, fd, EV_READ | EV_PERSIST, note_letter, "!");

	CHECK(ev != NULL);
	trace[0] = '\0';
	warnings = 0;
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(warnings, 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "oo");
	CHECK_INT_EQ(warnings, 1);
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), EV_READ);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(event_pending(other, EV_WRITE, NULL), EV_WRITE);
	event_free(ev);
}

static void
refusals_are_warnings_and_the_loop_goes_on(void)
{
	int fds[2];

	event_set_log_callback(count_warning);
	new_changelist_base();
	pair(fds);
	struct event *other = event_new(base, fds[0], EV_WRITE | EV_PERSIST, note_letter, "o");
	CHECK(other != NULL);
	CHECK_INT_EQ(event_add(other, NULL), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	int file = open("/proc/self/exe", O_RDONLY | O_NONBLOCK);
	CHECK(file >= 0);
	expect_a_warning_later(file, other);
	close(file);
	expect_a_warning_later(file, other);
	event_free(other);
	event_base_free(base);
	close_pair(fds);
}

static void
deleted_closed_and_added_again_is_another_file(void)
{
	int fds[2], again[2];

	new_changelist_base();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	CHECK(ev != NULL);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(write(fds[1], "a", 1), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(event_del(ev), 0);
	close_pair(fds);
	pair(again);
	CHECK_INT_EQ(again[0], fds[0]);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(write(again[1], "b", 1), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "ab");
	event_free(ev);
	event_base_free(base);
	close_pair(again);
}

static const struct evrt_test_case cases[] = {
	CASE(the_flag_chooses_it_where_epoll_is_chosen),
	CASE(the_environment_chooses_it),
	CASE(it_is_not_a_method_of_its_own),
	CASE(refusals_are_warnings_and_the_loop_goes_on),
	CASE(deleted_closed_and_added_again_is_another_file),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
