/* examples/tls-echo/echo.c — what is sent comes back, over TLS 1.2 or 1.3, on every core.
 *
 *   ./evrt example tls-echo          then: openssl s_client -quiet -connect 127.0.0.1:7443
 *
 * Usage: tls-echo [PORT [CHAIN.pem KEY.pem]]   without files: a certificate that is made at the start
 *
 * What it shows beside examples/echo-multicore:
 *   - the context (server_context.c) is shared by all connections, the SSL object belongs to one;
 *   - whoever does not finish the handshake, or says nothing for a minute, is cut off;
 *   - whoever does not read what comes back is not read from either: HELD_BYTES is all a client can make us hold;
 *   - the end: close_notify from the client is EOF. What is still to be sent is sent, then our own close_notify.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <evrt/pool.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "examples/tls-echo/server_context.h"

#define HELD_BYTES (256 * 1024)
#define IDLE_S 60

struct server {
	struct event_base *base;
	SSL_CTX *ctx;
};

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
	if (evbuffer_get_length(bufferevent_get_output(bev)) > HELD_BYTES)
		bufferevent_disable(bev, EV_READ);
}

/* All was sent. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_enable(bev, EV_READ);
}

static void
say_goodbye(struct bufferevent *bev, void *arg)
{
	(void)arg;
	SSL_shutdown(bufferevent_openssl_get_ssl(bev));
	bufferevent_free(bev);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	if (what & BEV_EVENT_CONNECTED)
		return;
	if (!(what & BEV_EVENT_EOF))
		bufferevent_free(bev);
	else if (evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		say_goodbye(bev, arg);
	else
		bufferevent_setcb(bev, NULL, say_goodbye, on_event, arg);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len, void *arg)
{
	(void)listener, (void)peer, (void)peer_len;
	const struct server *server = arg;
	const struct timeval idle = {.tv_sec = IDLE_S};
	SSL *ssl = SSL_new(server->ctx);
	/* With CLOSE_ON_FREE the SSL object is never ours again, not even when this fails. */
	struct bufferevent *bev = ssl ? bufferevent_openssl_socket_new(server->base, fd, ssl,
	    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE) : NULL;
	if (!bev) {
		evutil_closesocket(fd);
		return;
	}
	bufferevent_setcb(bev, on_read, on_written, on_event, NULL);
	bufferevent_set_timeouts(bev, &idle, &idle);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int
main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 7443;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	struct server server = {.base = evrt_base_new(0),
		.ctx = argc > 3 ? server_context_new(argv[2], argv[3]) : server_context_new(NULL, NULL)};
	struct evconnlistener *listener = server.base && server.ctx ? evconnlistener_new_bind(server.base, on_accept,
	    &server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&address, sizeof(address)) : NULL;

	if (!listener) {
		perror("tls-echo");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* SSL_shutdown writes to clients that are gone */
	getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len);
	printf("tls-echo listens on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return event_base_dispatch(server.base);
}
