/* api/bufferevent/tls/mbedtls.c — mbedTLS as a provider: bufferevent_mbedtls_*.
 *
 * Here:     the callbacks through which a context uses the transport; what its results mean.
 * Not here: what is done next (engine.c).
 * Threads:  as in tls_internal.h. mbedTLS keeps nothing per thread.
 *
 * A context does not tell whether it is a client's or a server's: its configuration does.
 */
#include "api/bufferevent/tls/tls_internal.h"

#include <errno.h>
#include <mbedtls/ssl.h>
#include <mbedtls/net_sockets.h>

/* --- the transport ------------------------------------------------------------------------------ */

static int
transport_result(ssize_t n, int wants, int failed)
{
	return n >= 0 ? (int)n : n == -EAGAIN ? wants : failed;
}

/* An end of the transport is 0, which mbedTLS makes MBEDTLS_ERR_SSL_CONN_EOF of. */
static int
transport_receive(void *tls, unsigned char *data, size_t size)
{
	return transport_result(evrt__tls_receive(tls, data, size), MBEDTLS_ERR_SSL_WANT_READ,
	    MBEDTLS_ERR_NET_RECV_FAILED);
}

static int
transport_send(void *tls, const unsigned char *data, size_t size)
{
	return transport_result(evrt__tls_send(tls, data, size), MBEDTLS_ERR_SSL_WANT_WRITE,
	    MBEDTLS_ERR_NET_SEND_FAILED);
}

/* --- results ------------------------------------------------------------------------------------ */

/* Of a call that has returned `r`: 0 where that is a good end. */
static int
mbed_result(struct evrt_tls *t, int r)
{
	switch (r) {
	case 0:
		return 0;
	case MBEDTLS_ERR_SSL_WANT_READ:
		return EVRT_TLS_WANT_READ;
	case MBEDTLS_ERR_SSL_WANT_WRITE:
		return EVRT_TLS_WANT_WRITE;
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return EVRT_TLS_CLOSED;
	default:
		evrt__tls_put_error(t, (unsigned long)-(long)r);
		return EVRT_TLS_FAILED;
	}
}

/* --- the provider ------------------------------------------------------------------------------- */

static int
mbed_attach(struct evrt_tls *t)
{
	mbedtls_ssl_set_bio(t->ssl, t, transport_send, transport_receive, NULL);
	return 0;
}

static void
mbed_detach(struct evrt_tls *t)
{
	mbedtls_ssl_set_bio(t->ssl, NULL, NULL, NULL, NULL);
}

static int
mbed_handshake(struct evrt_tls *t)
{
	return mbed_result(t, mbedtls_ssl_handshake(t->ssl));
}

static ssize_t
mbed_read(struct evrt_tls *t, void *data, size_t size)
{
	int n = mbedtls_ssl_read(t->ssl, data, size);

	if (n > 0)
		return n;
	/* 0 is an end without close_notify. */
	return mbed_result(t, n < 0 ? n : MBEDTLS_ERR_SSL_CONN_EOF);
}

static ssize_t
mbed_write(struct evrt_tls *t, const void *data, size_t size)
{
	int n = mbedtls_ssl_write(t->ssl, data, size);
	return n > 0 ? n : mbed_result(t, n);
}

static size_t
mbed_pending(struct evrt_tls *t)
{
	return mbedtls_ssl_get_bytes_avail(t->ssl);
}

static int
mbed_shutdown(struct evrt_tls *t)
{
	return mbed_result(t, mbedtls_ssl_close_notify(t->ssl));
}

/* Begins it: what this wants, the engine's handshake will want again. A server only asks its peer. */
static int
mbed_renegotiate(struct evrt_tls *t)
{
	int r = mbedtls_ssl_renegotiate(t->ssl);
	return r == 0 || r == MBEDTLS_ERR_SSL_WANT_READ || r == MBEDTLS_ERR_SSL_WANT_WRITE ? 0 : -1;
}

static evutil_socket_t
mbed_fd(void *ssl)
{
	(void)ssl;
	return -1;
}

static void
mbed_free(void *ssl)
{
	bufferevent_mbedtls_dyncontext_free(ssl);
}

static const struct evrt_tls_provider mbed = {
	.name = "mbedTLS",
	.attach = mbed_attach,
	.detach = mbed_detach,
	.handshake = mbed_handshake,
	.read = mbed_read,
	.write = mbed_write,
	.pending = mbed_pending,
	.shutdown = mbed_shutdown,
	.renegotiate = mbed_renegotiate,
	.fd = mbed_fd,
	.free = mbed_free,
};

/* --- the public functions ------------------------------------------------------------------------- */

mbedtls_dyncontext *
bufferevent_mbedtls_dyncontext_new(struct mbedtls_ssl_config *conf)
{
	mbedtls_dyncontext *ssl = conf ? evrt__tls_alloc(sizeof(*ssl)) : NULL;

	if (!ssl)
		return NULL;
	mbedtls_ssl_init(ssl);
	if (mbedtls_ssl_setup(ssl, conf) == 0)
		return ssl;
	bufferevent_mbedtls_dyncontext_free(ssl);
	return NULL;
}

void
bufferevent_mbedtls_dyncontext_free(mbedtls_dyncontext *ssl)
{
	if (!ssl)
		return;
	mbedtls_ssl_free(ssl);
	evrt__tls_free(ssl);
}

struct bufferevent *
bufferevent_mbedtls_filter_new(struct event_base *base, struct bufferevent *underlying, mbedtls_dyncontext *ssl,
    enum bufferevent_ssl_state state, int options)
{
	return evrt__tls_filter_new(&mbed, base, underlying, ssl, state, options);
}

struct bufferevent *
bufferevent_mbedtls_socket_new(struct event_base *base, evutil_socket_t fd, mbedtls_dyncontext *ssl,
    enum bufferevent_ssl_state state, int options)
{
	return evrt__tls_socket_new(&mbed, base, fd, ssl, state, options);
}

int
bufferevent_mbedtls_get_allow_dirty_shutdown(struct bufferevent *bev)
{
	return evrt__tls_allows_dirty(bev, &mbed);
}

void
bufferevent_mbedtls_set_allow_dirty_shutdown(struct bufferevent *bev, int allow_dirty_shutdown)
{
	evrt__tls_allow_dirty(bev, &mbed, allow_dirty_shutdown);
}

struct mbedtls_ssl_context *
bufferevent_mbedtls_get_ssl(struct bufferevent *bev)
{
	struct evrt_tls *t = evrt__tls_of(bev, &mbed);

	return t ? t->ssl : NULL;
}

int
bufferevent_mbedtls_renegotiate(struct bufferevent *bev)
{
	return evrt__tls_renegotiate(bev, &mbed);
}

unsigned long
bufferevent_get_mbedtls_error(struct bufferevent *bev)
{
	return evrt__tls_take_error(bev, &mbed);
}
