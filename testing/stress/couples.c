/* testing/stress/couples.c — see couples.h. */
#include "testing/stress/couples.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>

#include <stddef.h>
#include <sys/socket.h>

#include "testing/tls/certs.h"

static SSL_CTX *couples_server_context, *couples_client_context;

static bool
couple_free(struct bufferevent *end[2])
{
	for (int i = 0; i < 2; i++)
		if (end[i])
			bufferevent_free(end[i]);
	return false;
}

static bool
couple_open(evutil_socket_t fds[2])
{
	if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return false;
	for (int i = 0; i < 2; i++)
		evutil_make_socket_nonblocking(fds[i]);
	return true;
}

/* An end that could not be made leaves its descriptor; the rest goes with the other end. */
static bool
couple_made(const evutil_socket_t fds[2], struct bufferevent *end[2])
{
	for (int i = 0; i < 2; i++)
		if (!end[i])
			evutil_closesocket(fds[i]);
	return (end[0] && end[1]) || couple_free(end);
}

static bool
make_sockets(struct event_base *base, int options, struct bufferevent *end[2])
{
	evutil_socket_t fds[2];

	if (!couple_open(fds))
		return false;
	for (int i = 0; i < 2; i++)
		end[i] = bufferevent_socket_new(base, fds[i], options | BEV_OPT_CLOSE_ON_FREE);
	return couple_made(fds, end);
}

static bool
make_pair(struct event_base *base, int options, struct bufferevent *end[2])
{
	return bufferevent_pair_new(base, options, end) == 0;
}

/* Turns every bit around: two such filters, one at each end, cancel out. */
static enum bufferevent_filter_result
invert(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *ctx)
{
	unsigned char block[512];
	enum bufferevent_filter_result result = BEV_NEED_MORE;

	(void)mode;
	(void)ctx;
	for (size_t done = 0; limit < 0 || done < (size_t)limit;) {
		size_t want = limit < 0 || (size_t)limit - done > sizeof(block) ? sizeof(block) : (size_t)limit - done;
		ev_ssize_t n = evbuffer_copyout(src, block, want);
		if (n <= 0)
			break;
		for (ev_ssize_t i = 0; i < n; i++)
			block[i] = (unsigned char)~block[i];
		if (evbuffer_add(dst, block, (size_t)n) < 0)
			return BEV_ERROR;
		evbuffer_drain(src, (size_t)n);
		done += (size_t)n;
		result = BEV_OK;
	}
	return result;
}

static bool
put_filters(struct bufferevent *end[2], int options)
{
	for (int i = 0; i < 2; i++) {
		struct bufferevent *top =
		    bufferevent_filter_new(end[i], invert, invert, options | BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
		if (!top)
			return couple_free(end);
		end[i] = top;
	}
	return true;
}

static bool
make_filtered_sockets(struct event_base *base, int options, struct bufferevent *end[2])
{
	return make_sockets(base, options, end) && put_filters(end, options);
}

static bool
make_filtered_pair(struct event_base *base, int options, struct bufferevent *end[2])
{
	return make_pair(base, options, end) && put_filters(end, options);
}

static bool
make_stacked(struct event_base *base, int options, struct bufferevent *end[2])
{
	return make_filtered_sockets(base, options, end) && put_filters(end, options);
}

/* The certificates, and who is which side. Contexts are shared, as servers do it, and live as long as the program. */
static SSL *
couple_ssl(int side)
{
	return SSL_new(side == 0 ? couples_server_context : couples_client_context);
}

static enum bufferevent_ssl_state
couple_state(int side)
{
	return side == 0 ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
}

static bool
make_tls(struct event_base *base, int options, struct bufferevent *end[2])
{
	evutil_socket_t fds[2];

	if (!couple_open(fds))
		return false;
	for (int i = 0; i < 2; i++)
		end[i] = bufferevent_openssl_socket_new(base, fds[i], couple_ssl(i), couple_state(i),
		    options | BEV_OPT_CLOSE_ON_FREE);
	return couple_made(fds, end);
}

static bool
put_tls(struct event_base *base, struct bufferevent *end[2], int options)
{
	for (int i = 0; i < 2; i++) {
		struct bufferevent *top = bufferevent_openssl_filter_new(base, end[i], couple_ssl(i), couple_state(i),
		    options | BEV_OPT_CLOSE_ON_FREE);
		if (!top)
			return couple_free(end);
		end[i] = top;
	}
	return true;
}

static bool
make_tls_over_sockets(struct event_base *base, int options, struct bufferevent *end[2])
{
	return make_sockets(base, options, end) && put_tls(base, end, options);
}

static bool
make_tls_over_pair(struct event_base *base, int options, struct bufferevent *end[2])
{
	return make_pair(base, options, end) && put_tls(base, end, options);
}

static bool
make_filtered_tls(struct event_base *base, int options, struct bufferevent *end[2])
{
	return make_tls(base, options, end) && put_filters(end, options);
}

void
couples_begin(void)
{
	couples_server_context = evrt_test_tls_server(0);
	couples_client_context = evrt_test_tls_client(0);
}

void
couples_end(void)
{
	SSL_CTX_free(couples_server_context);
	SSL_CTX_free(couples_client_context);
	evrt_test_certs_free();
}

const struct couple_kind couple_kinds[] = {
	{ "sockets", make_sockets },
	{ "pair", make_pair },
	{ "filtered sockets", make_filtered_sockets },
	{ "filtered pair", make_filtered_pair },
	{ "two filters on sockets", make_stacked },
	{ "TLS", make_tls },
	{ "TLS over sockets", make_tls_over_sockets },
	{ "TLS over a pair", make_tls_over_pair },
	{ "filters over TLS", make_filtered_tls },
};
const unsigned couple_kind_count = sizeof(couple_kinds) / sizeof(couple_kinds[0]);
