/* examples/serve/conn.c — one connection; see conn.h for its states. */
#include "examples/serve/conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "examples/serve/respond.h"
#include "examples/serve/server.h"

/* Answers to pipelined requests are queued until so much waits to be sent. */
#define CONN_OUTPUT_BYTES_MAX (64 * 1024)
/* No more than this is read ahead; larger than a head, so that a head always fits. */
#define CONN_INPUT_BYTES_MAX (2 * SERVE_HEAD_BYTES_MAX)
/* Bodies are of no use to us; a longer one costs its sender the connection. */
#define CONN_BODY_BYTES_MAX (64 * 1024)
#define CONN_LINGER_BYTES_MAX (1024 * 1024)
#define CONN_LINGER_MS 2000

static const struct evrt_http_limits conn_limits = {
	.line_bytes_max = SERVE_LINE_BYTES_MAX,
	.head_bytes_max = SERVE_HEAD_BYTES_MAX,
	.fields_max = SERVE_FIELDS_MAX,
};

static int64_t
conn_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Within `ms` from now something must have happened. */
static void
conn_set_deadline(struct serve_conn *c, int64_t ms)
{
	c->deadline_ms = conn_now_ms() + ms;
	if (c->armed_ms && c->armed_ms <= c->deadline_ms)
		return;
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	c->armed_ms = event_add(c->alarm, &wait) == 0 ? c->deadline_ms : 0;
}

static void
conn_close(struct serve_conn *c)
{
	struct serve_server *server = c->server;

	/* Out of the registry before the alarm dies, as a stop may nudge whatever is in it. */
	bool last = serve_server_leave(server, c);
	serve_conn_free(c);
	if (last)
		event_base_loopexit(server->base, NULL);
}

static size_t
conn_unsent(const struct serve_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void
conn_finish(struct serve_conn *c, bool linger)
{
	c->state = SERVE_CONN_FLUSH;
	c->linger = linger;
	c->deadline_ms = 0;
}

static void
conn_next_head(struct serve_conn *c)
{
	c->state = SERVE_CONN_HEAD;
	c->begun = false;
	evrt__http_head_init(&c->head, false, &conn_limits, c->fields);
}

/* Answers the request whose head has been read, at the front of the input. */
static void
conn_answer(struct serve_conn *c, const char *bytes)
{
	const struct evrt_http_head *h = &c->head;
	bool too_long = h->framing == EVRT_HTTP_BODY_LENGTH && h->content_length > CONN_BODY_BYTES_MAX;
	bool has_body = h->framing == EVRT_HTTP_BODY_CHUNKED || h->content_length > 0;
	struct serve_exchange exchange = {
		.server = c->server,
		.head = h,
		.bytes = bytes,
		.peer = c->peer,
		.out = bufferevent_get_output(c->bev),
		/* Who waits for a 100 gets the final answer instead, and need not send the body at all. */
		.close = !h->keep_alive || too_long || (has_body && h->expect_continue) ||
		    atomic_load(&c->server->stopping),
	};

	bool whole = serve_respond(&exchange);
	evbuffer_drain(bufferevent_get_input(c->bev), h->consumed);
	if (!whole) {
		conn_finish(c, false);
	} else if (exchange.close) {
		conn_finish(c, has_body || evbuffer_get_length(bufferevent_get_input(c->bev)) > 0);
	} else if (has_body) {
		evrt__http_body_init(&c->body, h->framing, h->content_length);
		c->body_bytes = 0;
		c->state = SERVE_CONN_BODY;
	} else {
		conn_next_head(c);
	}
}

/* The connection is answered `status`, and that was the last of it. `bytes` may be NULL. */
static void
conn_refuse(struct serve_conn *c, const char *bytes, int status)
{
	struct serve_exchange exchange = {
		.server = c->server,
		.head = &c->head,
		.bytes = bytes,
		.peer = c->peer,
		.out = bufferevent_get_output(c->bev),
		.close = true,
	};

	conn_finish(c, serve_respond_failure(&exchange, status));
}

/* Parses at the front of the input: first what lies there in one piece, and only if that is too little does
 * it copy pieces together. False when it needs more bytes. */
static bool
conn_read_head(struct serve_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t all = evbuffer_get_length(in), piece = evbuffer_get_contiguous_space(in);
	int result = EVRT_HTTP_MORE;
	const char *bytes = NULL;

	if (all > SERVE_HEAD_BYTES_MAX)
		all = SERVE_HEAD_BYTES_MAX;
	for (size_t len = piece < all ? piece : all; len > 0; len = all) {
		bytes = (const char *)evbuffer_pullup(in, (ev_ssize_t)len);
		if (!bytes) {
			conn_finish(c, false);
			return true;
		}
		result = evrt__http_head_parse(&c->head, bytes, len);
		if (result != EVRT_HTTP_MORE || len == all)
			break;
	}
	if (result == EVRT_HTTP_MORE)
		return false;
	if (result == EVRT_HTTP_OK)
		conn_answer(c, bytes);
	else
		conn_refuse(c, bytes, result);
	return true;
}

/* Skips a body. False when it needs more bytes. */
static bool
conn_read_body(struct serve_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	for (;;) {
		struct evrt_http_span data;
		size_t used, len = evbuffer_get_length(in);
		const char *bytes = len ? (const char *)evbuffer_pullup(in, (ev_ssize_t)len) : "";
		int result = bytes ? evrt__http_body_next(&c->body, bytes, len, &data, &used) : 503;
		if (result < 400)
			evbuffer_drain(in, used);
		/* The answer is out already; of a body that goes wrong nothing can be said any more. */
		if (result >= 400 || (c->body_bytes += used) > CONN_BODY_BYTES_MAX) {
			conn_finish(c, true);
			return true;
		}
		if (result == EVRT_HTTP_OK) {
			conn_next_head(c);
			return true;
		}
		if (used == 0)
			return false;
	}
}

/* FLUSH and LINGER. True: the connection is closed, and gone. */
static bool
conn_wind_down(struct serve_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->state == SERVE_CONN_FLUSH) {
		if (conn_unsent(c) > 0)
			return false;
		if (!c->linger || c->eof) {
			conn_close(c);
			return true;
		}
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
		c->state = SERVE_CONN_LINGER;
		conn_set_deadline(c, CONN_LINGER_MS);
	}
	c->linger_bytes += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (!c->eof && c->linger_bytes <= CONN_LINGER_BYTES_MAX)
		return false;
	conn_close(c);
	return true;
}

/* Nothing more can be done now: sets the deadline for what has to come, or closes. */
static void
conn_wait(struct serve_conn *c)
{
	bool begun = c->state == SERVE_CONN_BODY || evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;

	/* While an answer goes out its own timeout watches it. */
	if (conn_unsent(c) > 0) {
		c->deadline_ms = 0;
		c->begun = false;
		return;
	}
	if (c->eof || atomic_load(&c->server->stopping)) {
		conn_finish(c, !c->eof && begun);
		conn_wind_down(c);
		return;
	}
	/* What trickles in does not push back the deadline of a head once begun. */
	if (begun && c->begun)
		return;
	c->begun = begun;
	conn_set_deadline(c, (begun ? c->server->options.head_s : c->server->options.idle_s) * INT64_C(1000));
}

/* Does all that can be done. The connection may be gone afterwards. */
static void
conn_run(struct serve_conn *c)
{
	bool more = true;

	while (more && c->state <= SERVE_CONN_BODY && conn_unsent(c) < CONN_OUTPUT_BYTES_MAX)
		more = c->state == SERVE_CONN_HEAD ? conn_read_head(c) : conn_read_body(c);
	if (c->state > SERVE_CONN_BODY)
		conn_wind_down(c);
	else
		conn_wait(c);
}

static void
conn_on_data(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_run(arg);
}

static void
conn_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct serve_conn *c = arg;

	(void)bev;
	/* The end of what the peer sends is not the end of what it wants to read. */
	if ((what & BEV_EVENT_EOF) && (what & BEV_EVENT_READING)) {
		c->eof = true;
		conn_run(c);
	} else {
		conn_close(c);
	}
}

static void
conn_on_deadline(struct serve_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->state != SERVE_CONN_HEAD || evbuffer_get_length(in) == 0) {
		conn_close(c);
		return;
	}
	conn_refuse(c, (const char *)evbuffer_pullup(in, -1), 408);
	conn_run(c);
}

static void
conn_on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct serve_conn *c = arg;
	int64_t now = conn_now_ms(), deadline = c->deadline_ms;

	(void)fd;
	(void)what;
	c->armed_ms = 0;
	if (deadline && deadline <= now) {
		conn_on_deadline(c);
		return;
	}
	if (deadline) {
		struct timeval wait = {.tv_sec = (deadline - now) / 1000, .tv_usec = (deadline - now) % 1000 * 1000};
		c->armed_ms = event_add(c->alarm, &wait) == 0 ? deadline : 0;
	}
	if (atomic_load(&c->server->stopping))
		conn_run(c);
}

void
serve_conn_nudge(struct serve_conn *c)
{
	event_active(c->alarm, EV_TIMEOUT, 0);
}

void
serve_conn_free(struct serve_conn *c)
{
	if (c->alarm)
		event_free(c->alarm);
	if (c->bev)
		bufferevent_free(c->bev);
	free(c);
}

static void
conn_name_peer(struct serve_conn *c, const struct sockaddr *peer)
{
	const void *address = peer->sa_family == AF_INET6 ?
	    (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr :
	    (const void *)&((const struct sockaddr_in *)peer)->sin_addr;

	if (!evutil_inet_ntop(peer->sa_family, address, c->peer, sizeof(c->peer)))
		memcpy(c->peer, "-", 2);
}

/* All that a connection needs, or NULL; the fd is then closed. */
static struct serve_conn *
conn_make(struct serve_server *server, evutil_socket_t fd)
{
	struct serve_conn *c = calloc(1, sizeof(*c));

	if (!c || !(c->bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE))) {
		evutil_closesocket(fd);
		free(c);
		return NULL;
	}
	c->server = server;
	c->alarm = event_new(server->base, -1, 0, conn_on_alarm, c);
	if (!c->alarm) {
		serve_conn_free(c);
		return NULL;
	}
	return c;
}

void
serve_conn_new(struct serve_server *server, evutil_socket_t fd, const struct sockaddr *peer, int peer_len)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
	    "Connection: close\r\n\r\n";
	struct timeval stall = {.tv_sec = server->options.stall_s};
	struct serve_conn *c = conn_make(server, fd);
	int on = 1;

	(void)peer_len;
	if (!c)
		return;
	conn_name_peer(c, peer);
	if (!serve_server_enter(server, c)) {
		/* One try, with nobody to wait for it: this many bytes fit into a fresh socket. */
		if (!atomic_load(&server->stopping))
			(void)!send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		serve_conn_free(c);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn_next_head(c);
	bufferevent_setcb(c->bev, conn_on_data, conn_on_data, conn_on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, CONN_INPUT_BYTES_MAX);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) != 0)
		conn_close(c);
	else
		conn_wait(c);
}
