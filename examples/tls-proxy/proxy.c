/* examples/tls-proxy/proxy.c — speaks TLS with clients and plain TCP with the server behind it, on every core.
 *
 *   ./evrt example tls-proxy 7443 127.0.0.1:8080          then: curl -k https://127.0.0.1:7443/
 *
 * Usage: tls-proxy PORT TARGET-ADDRESS:PORT [CHAIN.pem KEY.pem]   without files: a certificate made at the start
 *
 * Each connection is two sides, one bufferevent each, made in the listener's callback: so both are in one strand, and
 * their callbacks never overlap. What one side reads the other writes.
 * Flow control: a side that holds more than HELD_BYTES of output stops the reading of the other, until its low
 * watermark says that half of it is gone. So a slow reader slows the writer down, and costs no memory.
 * Ends: close_notify and TCP's end are passed on when all before them was; the connection is over when both sides
 * have ended, at once when one breaks.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "examples/tls-echo/server_context.h"

#define HELD_BYTES (256 * 1024)
#define CONNECT_S 10 /* for the client's handshake, and until the target answers */

struct proxy {
	struct event_base *base;
	SSL_CTX *ctx;
	struct sockaddr_storage target;
	int target_len;
};

struct side {
	struct bufferevent *bev;
	struct side *other;
	struct connection *connection;
	bool has_ended; /* nothing more comes from here */
};

struct connection {
	struct side client, target;
};

static void
connection_free(struct connection *connection)
{
	bufferevent_free(connection->client.bev);
	if (connection->target.bev)
		bufferevent_free(connection->target.bev);
	free(connection);
}

/* All that the other side sent is on its way: this one has nothing more to say. */
static void
side_finish(struct side *side)
{
	SSL *ssl = bufferevent_openssl_get_ssl(side->bev);

	if (side->has_ended)
		connection_free(side->connection);
	else if (ssl)
		SSL_shutdown(ssl);
	else
		shutdown(bufferevent_getfd(side->bev), SHUT_WR);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct side *side = arg;

	bufferevent_write_buffer(side->other->bev, bufferevent_get_input(bev));
	if (evbuffer_get_length(bufferevent_get_output(side->other->bev)) > HELD_BYTES)
		bufferevent_disable(bev, EV_READ);
}

/* There is room again, or a connection. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct side *side = arg;

	if (!side->other->has_ended)
		bufferevent_enable(side->other->bev, EV_READ);
	else if (evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		side_finish(side);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct side *side = arg;

	if (what & BEV_EVENT_CONNECTED) {
		bufferevent_set_timeouts(bev, NULL, NULL);
		on_written(bev, arg);
		return;
	}
	if (!(what & BEV_EVENT_EOF)) {
		connection_free(side->connection);
		return;
	}
	side->has_ended = true;
	bufferevent_disable(bev, EV_READ);
	if (evbuffer_get_length(bufferevent_get_output(side->other->bev)) == 0)
		side_finish(side->other);
}

static void
side_start(struct side *side)
{
	const struct timeval wait = {.tv_sec = CONNECT_S};

	bufferevent_set_timeouts(side->bev, &wait, &wait);
	bufferevent_setcb(side->bev, on_read, on_written, on_event, side);
	bufferevent_setwatermark(side->bev, EV_WRITE, HELD_BYTES / 2, 0);
	bufferevent_enable(side->bev, EV_READ | EV_WRITE);
}

static struct connection *
connection_new(const struct proxy *proxy, evutil_socket_t fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	SSL *ssl = SSL_new(proxy->ctx);

	if (c && ssl) {
		c->client.other = &c->target;
		c->target.other = &c->client;
		c->client.connection = c->target.connection = c;
		c->client.bev = bufferevent_openssl_socket_new(proxy->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
		    BEV_OPT_CLOSE_ON_FREE);
		if (c->client.bev)
			return c;
	} else {
		SSL_free(ssl);
	}
	free(c);
	evutil_closesocket(fd);
	return NULL;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len, void *arg)
{
	(void)listener, (void)peer, (void)peer_len;
	struct proxy *proxy = arg;
	struct connection *c = connection_new(proxy, fd);

	if (!c)
		return;
	c->target.bev = bufferevent_socket_new(proxy->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!c->target.bev) {
		connection_free(c);
		return;
	}
	side_start(&c->client);
	side_start(&c->target);
	/* What the client says meanwhile waits in the target's output. Failure now is told to nobody but us. */
	if (bufferevent_socket_connect(c->target.bev, (struct sockaddr *)&proxy->target, proxy->target_len) < 0)
		connection_free(c);
}

int
main(int argc, char **argv)
{
	struct proxy proxy = {.target_len = sizeof(proxy.target)};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	if (argc < 3 || evutil_parse_sockaddr_port(argv[2], (struct sockaddr *)&proxy.target, &proxy.target_len) < 0) {
		fprintf(stderr, "usage: tls-proxy PORT TARGET-ADDRESS:PORT [CHAIN.pem KEY.pem]\n");
		return 2;
	}
	address.sin_port = htons((unsigned short)atoi(argv[1]));
	proxy.base = evrt_base_new(0);
	proxy.ctx = argc > 4 ? server_context_new(argv[3], argv[4]) : server_context_new(NULL, NULL);
	struct evconnlistener *listener = proxy.base && proxy.ctx ? evconnlistener_new_bind(proxy.base, on_accept, &proxy,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&address, sizeof(address)) : NULL;
	if (!listener) {
		perror("tls-proxy");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* SSL_shutdown writes to clients that are gone */
	getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len);
	printf("tls-proxy listens on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return event_base_dispatch(proxy.base);
}
