/* testing/contract/libevent/loop_query_test.c — asking a base what it holds.
 *
 * Here:     counts, foreach, dump. Not here: waking events (loop_wake_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "testing/contract/libevent/event_steps.h"

#define ACTIVE EVENT_BASE_COUNT_ACTIVE
#define VIRTUAL EVENT_BASE_COUNT_VIRTUAL
#define ADDED EVENT_BASE_COUNT_ADDED

static const struct timeval hour = { 3600, 0 };

static void
each_reason_to_be_there_is_counted(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *io = lettered(fds[0], EV_READ | EV_PERSIST, "i"), *user = user_event("u");
	event_add(io, NULL);
	event_add(io, &hour);
	event_active(io, EV_READ, 1);
	event_active(user, EV_READ, 1);
	CHECK_INT_EQ(event_base_get_num_events(base, ACTIVE), 2);
	CHECK_INT_EQ(event_base_get_num_events(base, ADDED), 4);
	CHECK_INT_EQ(event_base_get_num_events(base, VIRTUAL), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, ACTIVE | VIRTUAL | ADDED), 6);
	CHECK_INT_EQ(event_base_get_num_events(base, 0), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(event_base_get_num_events(base, ACTIVE), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, ADDED), 2);
	FREE_EVENTS(io, user);
	CHECK_INT_EQ(event_base_get_num_events(base, ACTIVE | VIRTUAL | ADDED), 0);
	event_base_free(base);
	close_pair(fds);
}

static void
the_most_there_were_is_remembered_until_cleared(void)
{
	base = event_base_new();
	struct event *ev[] = { user_event("a"), user_event("b"), user_event("c"), NULL };
	for (int i = 0; ev[i]; i++)
		event_active(ev[i], EV_READ, 1);
	event_del(ev[0]);
	event_add(ev[0], &hour);
	CHECK_INT_EQ(event_base_get_max_events(base, ACTIVE, 0), 3);
	CHECK_INT_EQ(event_base_get_max_events(base, ADDED, 0), 3);
	CHECK_INT_EQ(event_base_get_max_events(base, VIRTUAL, 0), 0);
	CHECK_INT_EQ(event_base_get_max_events(base, ACTIVE | ADDED, 1), 6);
	/* Cleared, it is nothing until something is added to what there is. */
	CHECK_INT_EQ(event_base_get_max_events(base, ADDED, 0), 0);
	CHECK_INT_EQ(event_base_get_max_events(base, ACTIVE, 0), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(event_base_get_max_events(base, ADDED, 0), 0);
	event_active(ev[1], EV_READ, 1);
	CHECK_INT_EQ(event_base_get_max_events(base, ADDED, 1), 2);
	CHECK_INT_EQ(event_base_get_max_events(base, ACTIVE, 1), 1);
	free_events(ev);
	event_base_free(base);
}

static int visits, stop_at;

/* Those of the program; a base has events of its own, which differ. */
static int
visit(const struct event_base *b, const struct event *ev, void *arg)
{
	CHECK_PTR_EQ(b, base);
	CHECK_PTR_EQ(event_get_base(ev), base);
	if (event_get_callback(ev) != note_letter)
		return 0;
	if (arg)
		((char *)arg)[visits] = *(const char *)event_get_callback_arg(ev);
	return ++visits == stop_at ? 42 : 0;
}

static void
every_kind_of_event_is_visited_once(void)
{
	char seen[16] = { 0 };
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev[] = { lettered(fds[0], EV_READ, "r"), lettered(fds[0], EV_WRITE, "w"), user_event("t"),
		user_event("c"), lettered(SIGUSR1, EV_SIGNAL, "s"), user_event("a"), user_event("-"),
		lettered(-1, EV_READ, "m"), NULL };
	event_add(ev[0], &hour);
	event_active(ev[0], EV_READ, 1);
	event_add(ev[1], NULL);
	event_add(ev[2], &hour);
	event_add(ev[3], event_base_init_common_timeout(base, &hour));
	event_add(ev[4], &hour);
	event_active(ev[5], EV_READ, 1);
	CHECK_INT_EQ(event_base_foreach_event(base, visit, seen), 0);
	CHECK_INT_EQ(visits, 6);
	for (const char *c = "rwtcsa"; *c; c++)
		CHECK(strchr(seen, *c) != NULL);
	free_events(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
a_visitor_may_stop(void)
{
	base = event_base_new();
	CHECK_INT_EQ(event_base_foreach_event(base, visit, NULL), 0);
	struct event *ev[] = { user_event("a"), user_event("b"), user_event("c"), NULL };
	for (int i = 0; ev[i]; i++)
		event_add(ev[i], &hour);
	stop_at = 2;
	CHECK_INT_EQ(event_base_foreach_event(base, visit, NULL), 42);
	CHECK_INT_EQ(visits, 2);
	CHECK_INT_EQ(event_base_foreach_event(NULL, visit, NULL), -1);
	CHECK_INT_EQ(event_base_foreach_event(base, NULL, NULL), -1);
	free_events(ev);
	event_base_free(base);
}

/* What the base writes of itself, without its own events. */
static char *
dump(void)
{
	char *all = NULL, *text, *line, *rest;
	size_t len;
	FILE *out = open_memstream(&all, &len);

	event_base_dump_events(base, out);
	fclose(out);
	text = calloc(1, len + 2);
	for (line = strtok_r(all, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strstr(line, "Internal"))
			strcat(strcat(text, line), "\n");
	free(all);
	return text;
}

static void
an_empty_base_writes_its_headings(void)
{
	base = event_base_new();
	char *text = dump();
	CHECK_STR_EQ(text, "Inserted events:\nActive events:\n");
	free(text);
	event_base_free(base);
}

static void
a_line_says_what_an_event_waits_for(void)
{
	static const struct { short events; const char *rest; } lines[] = {
		{ EV_READ, " Read" }, { EV_WRITE | EV_PERSIST, " Write Persist" }, { EV_READ | EV_WRITE, " Read Write" },
		{ EV_READ | EV_ET | EV_PERSIST, " Read Persist ET" }, { EV_READ | EV_CLOSED, " Read EOF" },
	};
	int fds[2];
	base = event_base_new();
	pair(fds);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char expected[128];
		struct event *ev = lettered(fds[0], lines[i].events, "x");
		CHECK_INT_EQ(event_add(ev, NULL), 0);
		char *text = dump();
		snprintf(expected, sizeof(expected), "Inserted events:\n  %p [fd  %d]%s\nActive events:\n", (void *)ev,
		    fds[0], lines[i].rest);
		CHECK_STR_EQ(text, expected);
		free(text);
		FREE_EVENTS(ev);
	}
	event_base_free(base);
	close_pair(fds);
}

static void
a_line_says_when_a_timeout_is_due(void)
{
	long sec, usec;
	void *address;
	int fd;
	base = event_base_new();
	struct event *ev = lettered(-1, EV_PERSIST, "x");
	int64_t before = clock_us(CLOCK_REALTIME);
	event_add(ev, &hour);
	char *text = dump();
	CHECK_INT_EQ(sscanf(text, "Inserted events:\n  %p [fd  %d] Persist Timeout=%ld.%6ld\nActive", &address, &fd, &sec,
	    &usec), 4);
	CHECK_PTR_EQ(address, (void *)ev);
	CHECK_INT_EQ(fd, -1);
	int64_t at = (int64_t)sec * 1000000 + usec;
	CHECK(at >= before + INT64_C(3599000000) && at <= before + INT64_C(3660000000));
	free(text);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_line_says_why_an_event_is_active(void)
{
	static const struct { int what; const char *rest; } lines[] = {
		{ EV_READ, " Read" }, { EV_WRITE | EV_TIMEOUT, " Write Timeout" }, { EV_CLOSED, " EOF" }, { 0, "" },
	};
	base = event_base_new();
	event_base_priority_init(base, 4);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char expected[128];
		struct event *ev = user_event("x");
		event_priority_set(ev, (int)i);
		event_active(ev, lines[i].what, 1);
		char *text = dump();
		snprintf(expected, sizeof(expected), "Inserted events:\nActive events:\n  %p [fd  -1, priority=%u]%s active\n",
		    (void *)ev, i, lines[i].rest);
		CHECK_STR_EQ(text, expected);
		free(text);
		FREE_EVENTS(ev);
	}
	event_base_free(base);
}

static void
signals_are_written_as_such(void)
{
	char expected[256];
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "x");
	evsignal_add(ev, NULL);
	event_active(ev, EV_SIGNAL, 1);
	char *text = dump();
	snprintf(expected, sizeof(expected), "Inserted events:\n  %p [sig %d] Signal Persist\nActive events:\n"
	    "  %p [sig %d, priority=0] Signal active\n", (void *)ev, SIGUSR1, (void *)ev, SIGUSR1);
	CHECK_STR_EQ(text, expected);
	free(text);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(each_reason_to_be_there_is_counted),
	CASE(the_most_there_were_is_remembered_until_cleared),
	CASE(every_kind_of_event_is_visited_once),
	CASE(a_visitor_may_stop),
	CASE(an_empty_base_writes_its_headings),
	CASE(a_line_says_what_an_event_waits_for),
	CASE(a_line_says_when_a_timeout_is_due),
	CASE(a_line_says_why_an_event_is_active),
	CASE(signals_are_written_as_such),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
