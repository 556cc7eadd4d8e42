/* examples/events/read-timeout.c — waiting for bytes, but not for ever.
 *
 *   ./evrt example read-timeout
 *
 *   | got 5 bytes: hello
 *   | got 5 bytes: world
 *   | nothing for 200 ms: giving up
 *
 * A timeout beside EV_READ: the callback is told which of the two it was. With EV_PERSIST each arrival starts the
 * time anew, so this is a limit for silence, not for the whole.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>

static int peer;

static void
on_readable(evutil_socket_t fd, short what, void *self)
{
	char bytes[64];

	if (what & EV_TIMEOUT) {
		puts("nothing for 200 ms: giving up");
		event_del(self);
		return;
	}
	ssize_t n = read(fd, bytes, sizeof(bytes));
	if (n <= 0) {
		event_del(self);
		return;
	}
	printf("got %zd bytes: %.*s\n", n, (int)n, bytes);
	if (memcmp(bytes, "hello", 5) == 0 && write(peer, "world", 5) != 5)
		event_del(self);
}

int
main(void)
{
	struct timeval patience = { 0, 200000 };
	evutil_socket_t fds[2];
	struct event_base *base = event_base_new();

	if (!base || evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return 1;
	evutil_make_socket_nonblocking(fds[0]);
	peer = fds[1];
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, on_readable, event_self_cbarg());
	if (!ev || event_add(ev, &patience) < 0 || write(peer, "hello", 5) != 5)
		return 1;
	event_base_dispatch(base);
	event_free(ev);
	event_base_free(base);
	evutil_closesocket(fds[0]);
	evutil_closesocket(fds[1]);
	return 0;
}
