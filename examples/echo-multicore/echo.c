/* examples/echo-multicore/echo.c — examples/echo on every core: two lines differ.
 *
 *   ./evrt example echo-multicore          then: nc 127.0.0.1 7777
 *
 * evrt_base_new(0) instead of event_base_new(), and the header that declares it. Each accepted connection is
 * a strand: on_accept already runs in it, and what on_accept creates joins it. So
 *   - the callbacks of one connection never overlap, exactly as before; but
 *   - callbacks of different connections, on_accept included, may now run in parallel.
 * This program shares nothing between connections and needs no more. One that does (a list of all clients, a
 * counter) must guard it: with a mutex, an atomic, or one strand for all that touch it.
 */
#include <netinet/in.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <evrt/pool.h>

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
	struct event_base *base = evrt_base_new(0);
	struct evconnlistener *listener = base ? evconnlistener_new_bind(base, on_accept, base,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&address, sizeof(address)) : NULL;

	return listener ? event_base_dispatch(base) : 1;
}
