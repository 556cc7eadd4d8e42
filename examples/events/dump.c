/* examples/events/dump.c — what is a loop waiting for? Listing the events of a base.
 *
 *   ./evrt example dump
 *
 *   | Inserted events:
 *   | ...[fd ...] Read Persist
 *   | ...[fd  -1]...Timeout=...
 *   | Active events:
 *   | ...[fd  -1, priority=0] Timeout active
 *   | 3 events of this program are known to the base, 1 is active
 *
 * event_base_dump_events is for people who look for the event that never comes. For programs there are
 * event_base_foreach_event and event_base_get_num_events.
 */
#include <stdio.h>
#include <event2/event.h>

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static int
count(const struct event_base *base, const struct event *ev, void *arg)
{
	(void)base;
	/* The library's own events are among them. */
	if (event_get_callback(ev) == on_event)
		++*(int *)arg;
	return 0; /* anything else ends the walk */
}

int
main(void)
{
	struct timeval hour = { 3600, 0 };
	int known = 0;
	evutil_socket_t fds[2];
	struct event_base *base = event_base_new();

	if (!base || evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    evutil_make_socket_nonblocking(fds[0]) < 0)
		return 1;
	struct event *events[] = {
		event_new(base, fds[0], EV_READ | EV_PERSIST, on_event, NULL),
		evtimer_new(base, on_event, NULL),
		evtimer_new(base, on_event, NULL),
	};
	event_add(events[0], NULL);
	event_add(events[1], &hour);
	event_active(events[2], EV_TIMEOUT, 1);
	event_base_dump_events(base, stdout);
	event_base_foreach_event(base, count, &known);
	printf("%d events of this program are known to the base, %d is active\n", known,
	    event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE));
	for (int i = 0; i < 3; i++)
		event_free(events[i]);
	event_base_free(base);
	evutil_closesocket(fds[0]);
	evutil_closesocket(fds[1]);
	return 0;
}
