/* examples/echo/echo.c — what is sent comes back. libevent's API, one thread.
 *
 *   ./evrt example echo          then: nc 127.0.0.1 7777
 *
 * examples/echo-multicore is the same program on all cores.
 */
#include <netinet/in.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)what, (void)arg;
	bufferevent_free(bev);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len, void *arg)
{
	(void)listener, (void)peer, (void)peer_len;
	struct bufferevent *bev = bufferevent_socket_new(arg, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		evutil_closesocket(fd);
		return;
	}
	bufferevent_setcb(bev, on_read, NULL, on_end, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int
main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7777),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct event_base *base = event_base_new();
	struct evconnlistener *listener = base ? evconnlistener_new_bind(base, on_accept, base,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&address, sizeof(address)) : NULL;

	return listener ? event_base_dispatch(base) : 1;
}
