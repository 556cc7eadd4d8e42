/* testing/bench/echo_server.c — an echo server on libevent's API: built against evrt, and against the oracle.
 *
 * One thread, one base, evconnlistener and bufferevents: what a libevent program does. Prints its port, and
 * ends when its standard input does.
 *
 * Usage: echo_server [pool WORKERS]   (WORKERS only where it is built against evrt)
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "testing/bench/bench_serve.h"
#include "testing/bench/echo_base.h"

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct event_base *base = evconnlistener_get_base(listener);
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	int on = 1;

	(void)addr;
	(void)len;
	(void)arg;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int
main(int argc, char **argv)
{
	struct event_base *base = bench_base_new(argc, argv);

	if (!base)
		return 1;
	return bench_serve(base, on_accept, NULL);
}
