/* examples/events/embedded-event.c — events inside the program's own structs: one allocation for both.
 *
 *   ./evrt example embedded-event
 *
 *   | alice got: hi
 *   | alice is done
 *   | bob got: ho
 *   | bob is done
 *
 * event_assign sets up memory that the caller owns; the struct's size is then part of the program, which
 * event2/event_struct.h is for. The rules: never assign an event that is pending or active, and event_del before
 * the memory goes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>

struct client {
	const char *name;
	evutil_socket_t fd;
	struct event readable;
};

static void
client_free(struct client *c)
{
	event_del(&c->readable);
	evutil_closesocket(c->fd);
	free(c);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	char bytes[64];

	(void)what;
	ssize_t n = read(fd, bytes, sizeof(bytes));
	if (n > 0) {
		printf("%s got: %.*s\n", c->name, (int)n, bytes);
		return;
	}
	printf("%s is done\n", c->name);
	client_free(c); /* nothing touches an event after its callback has begun */
}

static struct client *
client_new(struct event_base *base, const char *name, evutil_socket_t fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->name = name;
	c->fd = fd;
	if (event_assign(&c->readable, base, fd, EV_READ | EV_PERSIST, on_readable, c) < 0 ||
	    event_add(&c->readable, NULL) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

/* Says one thing to a client, and hangs up. */
static int
talk(struct event_base *base, const char *name, const char *text)
{
	evutil_socket_t fds[2];

	if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    evutil_make_socket_nonblocking(fds[0]) < 0 ||
	    !client_new(base, name, fds[0]))
		return -1;
	ssize_t n = write(fds[1], text, 2);
	evutil_closesocket(fds[1]);
	event_base_dispatch(base);
	return n == 2 ? 0 : -1;
}

int
main(void)
{
	struct event_base *base = event_base_new();

	if (!base || talk(base, "alice", "hi") < 0 || talk(base, "bob", "ho") < 0)
		return 1;
	event_base_free(base);
	return 0;
}
