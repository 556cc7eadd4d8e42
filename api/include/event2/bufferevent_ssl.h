/* event2/bufferevent_ssl.h — bufferevents that speak TLS, over OpenSSL or over mbedTLS.
 *
 *      SSL *ssl = SSL_new(context);
 *      SSL_set_tlsext_host_name(ssl, "example.org");
 *      SSL_set1_host(ssl, "example.org");
 *      bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
 *      bufferevent_setcb(bev, readcb, NULL, eventcb, NULL);
 *      bufferevent_enable(bev, EV_READ);
 *      bufferevent_socket_connect_hostname(bev, dns, AF_UNSPEC, "example.org", 443);
 *
 * Everything in event2/bufferevent.h holds; the bytes of input and output are the plain ones. What is special:
 *
 * Handshake. It begins by itself, whatever is enabled, as soon as there is a connection below. Its end is
 *      BEV_EVENT_CONNECTED; until then nothing is read, and what is written waits. Whom to trust is decided by the
 *      program's SSL object (SSL_set_verify, SSL_set1_host, mbedtls_ssl_conf_authmode): a peer that it refuses ends
 *      the handshake with BEV_EVENT_ERROR. A handshake that waits longer than the read timeout is told by
 *      BEV_EVENT_TIMEOUT alone, without a direction, and goes on.
 * End. BEV_EVENT_EOF|BEV_EVENT_READING is the peer's close_notify: all was received, and writing goes on. A
 *      connection that ends without one may have been cut by anybody: that is BEV_EVENT_ERROR, unless dirty
 *      shutdown is allowed. After either, that direction rests, although bufferevent_get_enabled still names it.
 *      A timeout over a socket switches nothing off, and is told again while nothing comes; that of a filter does.
 * Closing. bufferevent_free sends nothing. To tell the peer that there is no more, call
 *      bufferevent_flush(bev, EV_WRITE, BEV_FINISHED): close_notify is sent behind what output holds; what is
 *      written afterwards stays there.
 * BEV_OPT_CLOSE_ON_FREE frees the TLS object too, after which the descriptor is closed, or the bufferevent below
 *      freed. Without it the object is the program's again when the bufferevent is gone, ready for use with the
 *      descriptor; it must not be freed before. When a constructor fails, BEV_OPT_CLOSE_ON_FREE has freed
 *      the TLS object (not the descriptor or bufferevent below), so that it is never the program's to free.
 * Filters. The bufferevent below belongs to this one: its callbacks and read watermarks are replaced, its output
 *      is kept below its high write watermark, or some 100 kB where it has none. Both share one lock and one
 *      strand. bufferevent_setfd fails for a filter; bufferevent_getfd tells the descriptor below.
 *
 * The library takes errors of its own calls out of OpenSSL's per-thread queue and keeps them with the bufferevent:
 * bufferevent_get_openssl_error. Errors that a program leaves in the queue of the loop's thread are cleared.
 *
 * Threads: with BEV_OPT_THREADSAFE, any; without, one at a time, counting the loop. The TLS object may be used in
 * callbacks of the bufferevent, elsewhere with bufferevent_lock. Callbacks of the TLS library (verification, ALPN,
 * server name) are called in the loop with the bufferevent's lock held, and must not free it.
 *
 * Programs link libevent_openssl with -lssl -lcrypto, or libevent_mbedtls with -lmbedtls -lmbedx509 -lmbedcrypto.
 * Background: chapter Ref6a of the libevent book.
 */
#ifndef EVENT2_BUFFEREVENT_SSL_H_INCLUDED_
#define EVENT2_BUFFEREVENT_SSL_H_INCLUDED_

#include <event2/visibility.h>
#include <event2/event-config.h>
#include <event2/bufferevent.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

/* OpenSSL's SSL. */
struct ssl_st;

/* How far a TLS object is when a bufferevent takes it over. */
enum bufferevent_ssl_state {
	/* The handshake is done; no BEV_EVENT_CONNECTED follows. */
	BUFFEREVENT_SSL_OPEN = 0,
	/* A client that is yet to begin, or in the middle. */
	BUFFEREVENT_SSL_CONNECTING = 1,
	/* A server, likewise. */
	BUFFEREVENT_SSL_ACCEPTING = 2
};

/* --- flags, for both libraries ---------------------------------------------------------------- */

/* An end without close_notify is BEV_EVENT_EOF instead of BEV_EVENT_ERROR. Only for protocols that mark the end
 * of their messages: others cannot tell the end from an attack. */
#define BUFFEREVENT_SSL_DIRTY_SHUTDOWN 1
/* Small pieces of output are copied together into one TLS record, of 16 kB at most. Without it each chain of the
 * evbuffer begins a record of its own, which costs bytes and system calls, but no copy. */
#define BUFFEREVENT_SSL_BATCH_WRITE 2

/* The flags of a TLS bufferevent, as an OR; EV_UINT64_MAX for one of another kind. */
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_get_flags(struct bufferevent *);
/* Adds `flags`; clear takes them away. Both return the flags as they were before, or EV_UINT64_MAX and change nothing
 * for a bufferevent of another kind or an unknown flag. */
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_set_flags(struct bufferevent *, ev_uint64_t flags);
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_clear_flags(struct bufferevent *, ev_uint64_t flags);

#ifdef EVENT__HAVE_OPENSSL

/* --- OpenSSL: libevent_openssl ------------------------------------------------------------------ */

/* TLS over another bufferevent of the same base. `options` as for bufferevent_socket_new; with
 * BEV_OPT_CLOSE_ON_FREE, `ssl` and `underlying` are freed with it. NULL on failure, errno set; see above for what
 * becomes of `ssl`. A filter begins to read what the bufferevent below has received already. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_openssl_filter_new(struct event_base *, struct bufferevent *underlying,
    struct ssl_st *ssl, enum bufferevent_ssl_state, int options);

/* TLS over a non-blocking socket. `fd` -1: the one that `ssl` has (SSL_set_fd), or none until
 * bufferevent_setfd or bufferevent_socket_connect. With BEV_OPT_CLOSE_ON_FREE, `ssl` is freed and the descriptor
 * closed with it. NULL on failure, errno set; see above for what becomes of `ssl`.
 * A BIO that the program has set for the same descriptor is used; in other cases the library sets one of its own. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_openssl_socket_new(struct event_base *, evutil_socket_t fd, struct ssl_st *ssl,
    enum bufferevent_ssl_state, int options);

/* BUFFEREVENT_SSL_DIRTY_SHUTDOWN by itself: 1, 0; -1 for a bufferevent of another kind. Setting: nothing happens
 * for one of another kind. */
EVENT2_EXPORT_SYMBOL
int bufferevent_openssl_get_allow_dirty_shutdown(struct bufferevent *);
EVENT2_EXPORT_SYMBOL
void bufferevent_openssl_set_allow_dirty_shutdown(struct bufferevent *, int allow_dirty_shutdown);

/* The SSL object, without a reference for the caller; NULL for a bufferevent of another kind. */
EVENT2_EXPORT_SYMBOL
struct ssl_st *bufferevent_openssl_get_ssl(struct bufferevent *);

/* Begins a new handshake on an open connection (TLS 1.2 and before), in the loop. BEV_EVENT_CONNECTED tells a client
 * of its end, and a server that the client has been asked for it. A peer may refuse, which ends the connection.
 * 0; -1 where the protocol has none, the first handshake is not done or the connection has ended, a record is half
 * written (try again from the next write callback), or the bufferevent is of another kind. */
EVENT2_EXPORT_SYMBOL
int bufferevent_ssl_renegotiate(struct bufferevent *);

/* Takes the error that was stored last, as from ERR_get_error; 0: none is left, or the bufferevent is of another kind.
 * For each failure OpenSSL's queue is kept, and below it the SSL_ERROR_ code. Three are stored at most: read them in
 * the event callback until 0 comes. */
EVENT2_EXPORT_SYMBOL
unsigned long bufferevent_get_openssl_error(struct bufferevent *);

#endif

#ifdef EVENT__HAVE_MBEDTLS

/* --- mbedTLS: libevent_mbedtls -------------------------------------------------------------------- */

struct mbedtls_ssl_context;
struct mbedtls_ssl_config;
/* A context in memory of its own, which BEV_OPT_CLOSE_ON_FREE can free. */
typedef struct mbedtls_ssl_context mbedtls_dyncontext;

/* A context set up for `conf`, which has to live as long; NULL on failure. */
EVENT2_EXPORT_SYMBOL
mbedtls_dyncontext *bufferevent_mbedtls_dyncontext_new(struct mbedtls_ssl_config *conf);
/* NULL is accepted. */
EVENT2_EXPORT_SYMBOL
void bufferevent_mbedtls_dyncontext_free(mbedtls_dyncontext *);

/* As bufferevent_openssl_filter_new and _socket_new. The context's BIO callbacks are replaced, and are none when the
 * bufferevent is gone. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_mbedtls_filter_new(struct event_base *, struct bufferevent *underlying,
    mbedtls_dyncontext *ssl, enum bufferevent_ssl_state, int options);
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_mbedtls_socket_new(struct event_base *, evutil_socket_t fd,
    mbedtls_dyncontext *ssl, enum bufferevent_ssl_state, int options);

/* As those of bufferevent_openssl_. */
EVENT2_EXPORT_SYMBOL
int bufferevent_mbedtls_get_allow_dirty_shutdown(struct bufferevent *);
EVENT2_EXPORT_SYMBOL
void bufferevent_mbedtls_set_allow_dirty_shutdown(struct bufferevent *, int allow_dirty_shutdown);
EVENT2_EXPORT_SYMBOL
struct mbedtls_ssl_context *bufferevent_mbedtls_get_ssl(struct bufferevent *);
EVENT2_EXPORT_SYMBOL
int bufferevent_mbedtls_renegotiate(struct bufferevent *);

/* As bufferevent_get_openssl_error, with mbedTLS's codes without their sign (MBEDTLS_ERR_SSL_CONN_EOF is -0x7280:
 * 0x7280). */
EVENT2_EXPORT_SYMBOL
unsigned long bufferevent_get_mbedtls_error(struct bufferevent *);

#endif

#ifdef __cplusplus
}
#endif

#endif
