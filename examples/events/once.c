/* examples/events/once.c — a callback without an event: "soon", "later", "when this can be read".
 *
 *   ./evrt example once
 *
 *   | soon
 *   | soon, but asked for later
 *   | can be read: x
 *   | later
 *
 * event_base_once makes the event, and frees it when its callback has run. What it cannot do: be deleted again, or
 * wait for a signal, or repeat.
 */
#include <stdio.h>
#include <unistd.h>
#include <event2/event.h>

static void
on_time(evutil_socket_t fd, short what, void *text)
{
	(void)fd, (void)what;
	puts(text);
}

static void
on_readable(evutil_socket_t fd, short what, void *text)
{
	char c;

	if ((what & EV_READ) && read(fd, &c, 1) == 1)
		printf("%s: %c\n", (const char *)text, c);
}

int
main(void)
{
	struct timeval tenth = { 0, 100000 };
	evutil_socket_t fds[2];
	struct event_base *base = event_base_new();

	if (!base || evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    evutil_make_socket_nonblocking(fds[0]) < 0 ||
	    write(fds[1], "x", 1) != 1)
		return 1;
	if (event_base_once(base, -1, EV_TIMEOUT, on_time, "later", &tenth) < 0 ||
	    event_base_once(base, fds[0], EV_READ, on_readable, "can be read", NULL) < 0 ||
	    event_base_once(base, -1, EV_TIMEOUT, on_time, "soon", NULL) < 0 ||
	    event_base_once(base, -1, EV_TIMEOUT, on_time, "soon, but asked for later", NULL) < 0)
		return 1;
	event_base_dispatch(base);
	event_base_free(base);
	evutil_closesocket(fds[0]);
	evutil_closesocket(fds[1]);
	return 0;
}
