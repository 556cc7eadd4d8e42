/* testing/unit/api/event/debug_log_test.c — detailed debug messages: in a build that has them, and in one that
 * has not (this file is built both ways).
 */
#include <event2/event.h>

#include <stdlib.h>

#include "base/log.h"
#include "testing/unit/api/event/debug_rig.h"

static void
end_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void
use_an_event(void)
{
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, end_loop, base);
	const struct timeval at_once = { 0, 0 };

	event_add(ev, &at_once);
	event_base_dispatch(base);
	event_free(ev);
	event_base_free(base);
}

static void
messages_are_there_if_built_in(void)
{
	heard_begin();
	event_enable_debug_logging(EVENT_DBG_ALL);
	use_an_event();
	if (EVRT_DEBUG_LOG)
		SAYS(heard, "0 event_add: event 0x", ", fd -1, ", ", with a timeout\n", ": waits, timeout ", ": returned 0\n",
		    "0 event_active: event 0x", ", result 0x1\n", "0 callback: event 0x", ", result 0x1\n",
		    "0 event_del: event 0x");
	else
		CHECK_STR_EQ(heard, "");
}

static void
nobody_speaks_unasked(void)
{
	heard_begin();
	use_an_event();
	event_enable_debug_logging(EVENT_DBG_ALL);
	event_enable_debug_logging(EVENT_DBG_NONE);
	use_an_event();
	CHECK_STR_EQ(heard, "");
}

/* What the caller of the test says of its build: messages are not there, or not missing, by mistake. */
static void
the_build_is_the_one_that_was_asked_for(void)
{
	const char *want = getenv("EVRT_TEST_DEBUG_LOG");

	if (want)
		CHECK_INT_EQ(EVRT_DEBUG_LOG, atoi(want));
}

static void
by_default_they_go_to_stderr(void)
{
	char text[64];
	int ends[2];

	CHECK_INT_EQ(pipe(ends), 0);
	int before = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	event_enable_debug_logging(EVENT_DBG_ALL);
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_active(ev, EV_READ, 1);
	event_enable_debug_logging(EVENT_DBG_NONE);
	event_free(ev);
	event_base_free(base);
	dup2(before, STDERR_FILENO);
	close(before);
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	CHECK(n >= 0);
	text[n] = '\0';
	close(ends[0]);
	if (EVRT_DEBUG_LOG)
		SAYS(text, "[debug] event_active: ");
	else
		CHECK_STR_EQ(text, "");
}

static const struct evrt_test_case cases[] = {
	CASE(messages_are_there_if_built_in),
	CASE(nobody_speaks_unasked),
	CASE(the_build_is_the_one_that_was_asked_for),
	CASE(by_default_they_go_to_stderr),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
