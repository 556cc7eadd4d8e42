/* testing/contract/libevent/tls_kinds.h — TLS for the cases of bufferevent_cases.h: 1.2 and 1.3 over sockets, and as a
 * filter over sockets and over pairs.
 *
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_TLS_KINDS_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_TLS_KINDS_H_

#include <event2/bufferevent_ssl.h>

#include "testing/contract/libevent/bufferevent_cases.h"
#include "testing/tls/certs.h"

static SSL *
new_ssl(int side, int version)
{
	SSL_CTX *context = side == 0 ? evrt_test_tls_server(version) : evrt_test_tls_client(version);
	SSL *ssl = SSL_new(context);

	CHECK(ssl != NULL);
	SSL_CTX_free(context); /* the SSL has it */
	return ssl;
}

static enum bufferevent_ssl_state
state_of(int side)
{
	return side == 0 ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
}

static void
over_sockets(int options, int version)
{
	evutil_socket_t fds[2];

	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[i]), 0);
		end[i] = bufferevent_openssl_socket_new(base, fds[i], new_ssl(i, version), state_of(i),
		    options | BEV_OPT_CLOSE_ON_FREE);
	}
	evrt_test_certs_free();
}

static void
as_filters(int options)
{
	for (int i = 0; i < 2; i++)
		end[i] = bufferevent_openssl_filter_new(base, end[i], new_ssl(i, 0), state_of(i),
		    options | BEV_OPT_CLOSE_ON_FREE);
	evrt_test_certs_free();
}

static void tls12(int options) { over_sockets(options, TLS1_2_VERSION); }
static void tls13(int options) { over_sockets(options, TLS1_3_VERSION); }

static void
filter_over_sockets(int options)
{
	evutil_socket_t fds[2];

	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[i]), 0);
		end[i] = bufferevent_socket_new(base, fds[i], options | BEV_OPT_CLOSE_ON_FREE);
	}
	as_filters(options);
}

static void
filter_over_pairs(int options)
{
	CHECK_INT_EQ(bufferevent_pair_new(base, options, end), 0);
	as_filters(options);
}

KIND_OF(tls12)
KIND_OF(tls13)
KIND_OF(filter_over_sockets)
KIND_OF(filter_over_pairs)

#endif
