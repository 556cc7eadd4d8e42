/* api/bufferevent/tls/openssl.c — OpenSSL as a provider: bufferevent_openssl_*.
 *
 * Here:     the BIO through which an SSL object uses the transport; what its errors mean.
 * Not here: what is done next (engine.c).
 * Threads:  as in tls_internal.h.
 *
 * OpenSSL's queue of errors belongs to the thread, a connection to a strand that moves between threads, and
 * SSL_get_error looks at the whole queue. So it is cleared before each call, and emptied behind each that fails.
 *
 * A BIO that the program has set for the same descriptor stays, for it may be a chain that counts or records: what it
 * says is believed, and nothing else is known about it. But what SSL_set_fd sets is not missed.
 */
#include "api/bufferevent/tls/tls_internal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

/* --- the BIO ------------------------------------------------------------------------------------ */

static pthread_once_t bio_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *bio_method; /* NULL: out of memory. Const after bio_once */

static int
bio_read(BIO *bio, char *data, int size)
{
	struct evrt_tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!t || size <= 0)
		return -1;
	ssize_t n = evrt__tls_receive(t, data, (size_t)size);
	if (n == -EAGAIN)
		BIO_set_retry_read(bio);
	return n < 0 ? -1 : (int)n;
}

static int
bio_write(BIO *bio, const char *data, int size)
{
	struct evrt_tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!t || size <= 0)
		return -1;
	ssize_t n = evrt__tls_send(t, data, (size_t)size);
	if (n == -EAGAIN)
		BIO_set_retry_write(bio);
	return n < 0 ? -1 : (int)n;
}

/* SSL_get_fd asks for the descriptor, and an end of the transport is told apart from an error by BIO_CTRL_EOF. */
static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	struct evrt_tls *t = BIO_get_data(bio);

	(void)number;
	switch (command) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DUP:
		return 1;
	case BIO_CTRL_EOF:
		return t && t->io_ended;
	case BIO_C_GET_FD: {
		int fd = t && !t->below ? t->p.fd : -1;
		if (pointer)
			*(int *)pointer = fd;
		return fd;
	}
	default:
		return 0;
	}
}

static int
bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void
bio_make_method(void)
{
	int type = BIO_get_new_index();
	BIO_METHOD *method = type < 0 ? NULL
	    : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "bufferevent");

	if (!method)
		return;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	BIO_meth_set_create(method, bio_create);
	bio_method = method;
}

/* --- results ------------------------------------------------------------------------------------ */

/* The program's own BIO: the transport says nothing to us. */
static bool
openssl_is_foreign(const struct evrt_tls *t)
{
	return t->io == NULL;
}

/* All that happened, the code of SSL_get_error first: libevent's order. */
static int
openssl_failed(struct evrt_tls *t, int code, int saved_errno)
{
	unsigned long error;

	evrt__tls_put_error(t, (unsigned long)code);
	while ((error = ERR_get_error()) != 0) {
		evrt__tls_put_error(t, error);
		if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			t->io_ended = true;
	}
	if (openssl_is_foreign(t) && code == SSL_ERROR_SYSCALL) {
		t->io_error = saved_errno;
		t->io_ended = saved_errno == 0;
	}
	return EVRT_TLS_FAILED;
}

/* Of a call that has returned `r`, not above 0. */
static int
openssl_result(struct evrt_tls *t, int r)
{
	int saved_errno = errno;
	int code = SSL_get_error(t->ssl, r);

	switch (code) {
	case SSL_ERROR_WANT_READ:
		t->drained |= openssl_is_foreign(t) ? EVRT_READ : 0;
		return EVRT_TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		t->drained |= openssl_is_foreign(t) ? EVRT_WRITE : 0;
		return EVRT_TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return EVRT_TLS_CLOSED;
	default:
		return openssl_failed(t, code, saved_errno);
	}
}

/* Of one that may have read more than it needed. */
static int
openssl_result_of_step(struct evrt_tls *t, int r)
{
	t->received |= r > 0 && openssl_is_foreign(t);
	return r > 0 ? 0 : openssl_result(t, r);
}

static void
openssl_clear(void)
{
	ERR_clear_error();
	errno = 0;
}

/* --- the provider ------------------------------------------------------------------------------- */

static evutil_socket_t
openssl_fd(void *ssl)
{
	/* Of a BIO of any kind; and without leaving an error behind where there is none. */
	BIO *bio = SSL_get_rbio(ssl);
	int fd = -1;

	return bio && BIO_get_fd(bio, &fd) >= 0 ? fd : -1;
}

static void
openssl_set_role(struct evrt_tls *t)
{
	if (t->state == BUFFEREVENT_SSL_CONNECTING)
		SSL_set_connect_state(t->ssl);
	else if (t->state == BUFFEREVENT_SSL_ACCEPTING)
		SSL_set_accept_state(t->ssl);
}

static int
openssl_attach_bio(struct evrt_tls *t)
{
	pthread_once(&bio_once, bio_make_method);
	BIO *bio = bio_method ? BIO_new(bio_method) : NULL;
	if (!bio) {
		openssl_clear();
		return -ENOMEM;
	}
	BIO_set_data(bio, t);
	SSL_set_bio(t->ssl, bio, bio);
	t->io = bio;
	/* One system call for a record, not one for its head and one for its body. */
	SSL_set_read_ahead(t->ssl, 1);
	return 0;
}

/* As SSL_set_fd sets it? */
static bool
openssl_bio_is_plain(BIO *bio)
{
	return bio && BIO_method_type(bio) == BIO_TYPE_SOCKET && BIO_get_close(bio) == BIO_NOCLOSE;
}

/* Has the program set a BIO that reaches the same descriptor in a way of its own? */
static bool
openssl_keeps_bio(const struct evrt_tls *t)
{
	if (t->below || t->io)
		return false;
	evutil_socket_t has = openssl_fd(t->ssl);
	return has >= 0 && has == t->p.fd &&
	    !(openssl_bio_is_plain(SSL_get_rbio(t->ssl)) && openssl_bio_is_plain(SSL_get_wbio(t->ssl)));
}

static int
openssl_attach(struct evrt_tls *t)
{

	/* PARTIAL and MOVING: a write goes on with what output holds then. RETRY: "wants to read" is to mean that the
	 * transport has refused, not that something else than data has come. */
	SSL_set_mode(t->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
	if (!t->attached && SSL_in_before(t->ssl))
		openssl_set_role(t);
	/* Ours asks for the descriptor each time. */
	return t->io || openssl_keeps_bio(t) ? 0 : openssl_attach_bio(t);
}

static void
openssl_detach(struct evrt_tls *t)
{
	BIO *plain = NULL;

	if (!t->io)
		return;
	SSL_set_read_ahead(t->ssl, 0);
	if (!t->below && t->p.fd >= 0)
		plain = BIO_new_socket(t->p.fd, BIO_NOCLOSE);
	/* Without memory, or with nothing below that it could use itself, the SSL object has none. */
	SSL_set_bio(t->ssl, plain, plain);
	t->io = NULL;
}

static int
openssl_handshake(struct evrt_tls *t)
{
	openssl_clear();
	return openssl_result_of_step(t, SSL_do_handshake(t->ssl));
}

static int
openssl_size(size_t size)
{
	return size < INT_MAX ? (int)size : INT_MAX;
}

static ssize_t
openssl_read(struct evrt_tls *t, void *data, size_t size)
{
	openssl_clear();
	int n = SSL_read(t->ssl, data, openssl_size(size));
	return n > 0 ? n : openssl_result(t, n);
}

static ssize_t
openssl_write(struct evrt_tls *t, const void *data, size_t size)
{
	openssl_clear();
	int n = SSL_write(t->ssl, data, openssl_size(size));
	int result = openssl_result_of_step(t, n);
	return n > 0 ? n : result;
}

static size_t
openssl_pending(struct evrt_tls *t)
{
	return (size_t)SSL_pending(t->ssl);
}

/* 0 says that close_notify was sent, and the peer's has not come: that is all that was wanted. */
static int
openssl_shutdown(struct evrt_tls *t)
{
	openssl_clear();
	int r = SSL_shutdown(t->ssl);
	return r >= 0 ? 0 : openssl_result(t, r);
}

static int
openssl_renegotiate(struct evrt_tls *t)
{
	openssl_clear();
	int r = SSL_version(t->ssl) < TLS1_3_VERSION && SSL_renegotiate(t->ssl) == 1 ? 0 : -1;
	ERR_clear_error();
	return r;
}

static void
openssl_free(void *ssl)
{
	SSL_free(ssl);
}

static const struct evrt_tls_provider openssl = {
	.name = "OpenSSL",
	.attach = openssl_attach,
	.detach = openssl_detach,
	.handshake = openssl_handshake,
	.read = openssl_read,
	.write = openssl_write,
	.pending = openssl_pending,
	.shutdown = openssl_shutdown,
	.renegotiate = openssl_renegotiate,
	.fd = openssl_fd,
	.free = openssl_free,
};

/* --- the public functions ------------------------------------------------------------------------- */

struct bufferevent *
bufferevent_openssl_filter_new(struct event_base *base, struct bufferevent *underlying, struct ssl_st *ssl,
    enum bufferevent_ssl_state state, int options)
{
	return evrt__tls_filter_new(&openssl, base, underlying, ssl, state, options);
}

struct bufferevent *
bufferevent_openssl_socket_new(struct event_base *base, evutil_socket_t fd, struct ssl_st *ssl,
    enum bufferevent_ssl_state state, int options)
{
	return evrt__tls_socket_new(&openssl, base, fd, ssl, state, options);
}

int
bufferevent_openssl_get_allow_dirty_shutdown(struct bufferevent *bev)
{
	return evrt__tls_allows_dirty(bev, &openssl);
}

void
bufferevent_openssl_set_allow_dirty_shutdown(struct bufferevent *bev, int allow_dirty_shutdown)
{
	evrt__tls_allow_dirty(bev, &openssl, allow_dirty_shutdown);
}

struct ssl_st *
bufferevent_openssl_get_ssl(struct bufferevent *bev)
{
	struct evrt_tls *t = evrt__tls_of(bev, &openssl);

	return t ? t->ssl : NULL;
}

int
bufferevent_ssl_renegotiate(struct bufferevent *bev)
{
	return evrt__tls_renegotiate(bev, &openssl);
}

unsigned long
bufferevent_get_openssl_error(struct bufferevent *bev)
{
	return evrt__tls_take_error(bev, &openssl);
}
