/* testing/unit/api/bufferevent/tls_mbedtls_test.c — TLS bufferevents over mbedTLS, with OpenSSL as their peer.
 *
 * Here:     both roles, over a socket and over a pair; ends and errors; new handshakes; who frees what.
 * Not here: the engine that both share (tls_openssl_test.c).
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/unit/api/bufferevent/tls_rig.h"

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_x509_crt certificate;
static mbedtls_pk_context key;
static mbedtls_ssl_config configs[2]; /* client's, server's */

/* The server's certificate and key, as OpenSSL has them. */
static void
take_identity(void)
{
	unsigned char *der = NULL;

	int len = i2d_X509(SSL_CTX_get0_certificate(contexts[1]), &der);
	CHECK(len > 0 && mbedtls_x509_crt_parse_der(&certificate, der, (size_t)len) == 0);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_PrivateKey(SSL_CTX_get0_privatekey(contexts[1]), &der);
	CHECK(len > 0 && mbedtls_pk_parse_key(&key, der, (size_t)len, NULL, 0) == 0);
	OPENSSL_free(der);
}

static void
open_both(void)
{
	open_base(TLS1_2_VERSION);
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	mbedtls_x509_crt_init(&certificate);
	mbedtls_pk_init(&key);
	CHECK_INT_EQ(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0), 0);
	take_identity();
	for (int i = 0; i < 2; i++) {
		mbedtls_ssl_config_init(&configs[i]);
		CHECK_INT_EQ(mbedtls_ssl_config_defaults(&configs[i], i ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
		    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT), 0);
		mbedtls_ssl_conf_rng(&configs[i], mbedtls_ctr_drbg_random, &drbg);
		mbedtls_ssl_conf_authmode(&configs[i], MBEDTLS_SSL_VERIFY_NONE);
		mbedtls_ssl_conf_renegotiation(&configs[i], MBEDTLS_SSL_RENEGOTIATION_ENABLED);
	}
	CHECK_INT_EQ(mbedtls_ssl_conf_own_cert(&configs[1], &certificate, &key), 0);
}

static void
close_both(void)
{
	mbedtls_ssl_config_free(&configs[0]);
	mbedtls_ssl_config_free(&configs[1]);
	mbedtls_pk_free(&key);
	mbedtls_x509_crt_free(&certificate);
	mbedtls_ctr_drbg_free(&drbg);
	mbedtls_entropy_free(&entropy);
	close_base();
}

/* Two ends; bit i of `mbed`: end i is mbedTLS's. */
static void
join(struct end ends[2], unsigned mbed, enum transport transport)
{
	struct bufferevent *below[2] = { NULL, NULL };
	int options = BEV_OPT_CLOSE_ON_FREE;

	memset(ends, 0, 2 * sizeof(*ends));
	if (transport == FILTER_OVER_PAIR)
		CHECK_INT_EQ(bufferevent_pair_new(base, options, below), 0);
	else
		make_fds();
	for (int i = 0; i < 2; i++) {
		if (mbed & (1u << i)) {
			mbedtls_dyncontext *ssl = bufferevent_mbedtls_dyncontext_new(&configs[i]);
			ends[i].bev = below[i] ? bufferevent_mbedtls_filter_new(base, below[i], ssl, role_of(i), options)
			    : bufferevent_mbedtls_socket_new(base, fds[i], ssl, role_of(i), options);
			CHECK_PTR_EQ(bufferevent_mbedtls_get_ssl(ends[i].bev), ssl);
			CHECK_PTR_EQ(bufferevent_openssl_get_ssl(ends[i].bev), NULL);
		} else {
			ends[i].ssl = SSL_new(contexts[i]);
			ends[i].bev = below[i] ? bufferevent_openssl_filter_new(base, below[i], ends[i].ssl, role_of(i), options)
			    : bufferevent_openssl_socket_new(base, fds[i], ends[i].ssl, role_of(i), options);
			CHECK_PTR_EQ(bufferevent_mbedtls_get_ssl(ends[i].bev), NULL);
		}
		watch(&ends[i]);
	}
	UNTIL(ends[0].connected && ends[1].connected);
}

static void
talk(unsigned mbed, enum transport transport)
{
	struct end ends[2];

	open_both();
	join(ends, mbed, transport);
	for (int i = 0; i < 2; i++) {
		ends[i].to_send = (size_t)10 << 20;
		feed(&ends[i]);
	}
	UNTIL(ends[0].received == ends[1].to_send && ends[1].received == ends[0].to_send);
	bufferevent_flush(ends[0].bev, EV_WRITE, BEV_FINISHED);
	UNTIL(ends[1].ended);
	CHECK_INT_EQ(ends[0].failed + ends[1].failed, 0);
	free_ends(ends);
	close_both();
}

static void client_to_openssl(void) { talk(1, SOCKET); }
static void server_to_openssl(void) { talk(2, SOCKET); }
static void both(void) { talk(3, SOCKET); }
static void client_over_a_pair(void) { talk(1, FILTER_OVER_PAIR); }
static void server_over_a_pair(void) { talk(2, FILTER_OVER_PAIR); }

static void
an_end_without_close_notify(void)
{
	struct end ends[2];

	open_both();
	for (int allowed = 0; allowed < 2; allowed++) {
		join(ends, 1, SOCKET);
		CHECK_INT_EQ(bufferevent_mbedtls_get_allow_dirty_shutdown(ends[0].bev), 0);
		CHECK_INT_EQ(bufferevent_mbedtls_get_allow_dirty_shutdown(ends[1].bev), -1);
		bufferevent_mbedtls_set_allow_dirty_shutdown(ends[0].bev, allowed);
		CHECK_INT_EQ(bufferevent_mbedtls_get_allow_dirty_shutdown(ends[0].bev), allowed);
		shutdown(fds[1], SHUT_WR);
		UNTIL(ends[0].ended + ends[0].failed == 1);
		CHECK_INT_EQ(ends[0].ended, allowed);
		CHECK_INT_EQ(bufferevent_get_mbedtls_error(ends[0].bev), -MBEDTLS_ERR_SSL_CONN_EOF);
		CHECK_INT_EQ(bufferevent_get_mbedtls_error(ends[0].bev), 0);
		CHECK_INT_EQ(bufferevent_get_openssl_error(ends[0].bev), 0);
		free_ends(ends);
	}
	close_both();
}

static void
a_peer_that_talks_plain_text(void)
{
	struct end server = { 0 };

	open_both();
	make_fds();
	server.bev = bufferevent_mbedtls_socket_new(base, fds[1], bufferevent_mbedtls_dyncontext_new(&configs[1]),
	    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	watch(&server);
	CHECK_INT_EQ(write(fds[0], "GET / HTTP/1.0\r\n\r\n", 18), 18);
	UNTIL(server.failed);
	CHECK(bufferevent_get_mbedtls_error(server.bev) != 0);
	CHECK_INT_EQ(server.connected, 0);
	bufferevent_free(server.bev);
	turns(3);
	close(fds[0]);
	close_both();
}

static void
a_client_begins_a_new_handshake(void)
{
	struct end ends[2];

	open_both();
	SSL_CTX_set_options(contexts[1], SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	join(ends, 1, SOCKET);
	CHECK_INT_EQ(bufferevent_ssl_renegotiate(ends[0].bev), -1);
	CHECK_INT_EQ(bufferevent_mbedtls_renegotiate(ends[1].bev), -1);
	CHECK_INT_EQ(bufferevent_mbedtls_renegotiate(ends[0].bev), 0);
	UNTIL(ends[0].connected == 2);
	CHECK_INT_EQ(SSL_CTX_sess_accept_renegotiate(contexts[1]), 1);
	for (int i = 0; i < 2; i++) {
		ends[i].to_send = 100000;
		feed(&ends[i]);
	}
	UNTIL(ends[0].received == 100000 && ends[1].received == 100000);
	free_ends(ends);
	close_both();
}

/* One that the peer asks for is made inside of reading. */
static void
a_server_asks_for_a_new_handshake(void)
{
	struct end ends[2];

	open_both();
	join(ends, 1, SOCKET);
	CHECK_INT_EQ(bufferevent_ssl_renegotiate(ends[1].bev), 0);
	for (int i = 0; i < 2; i++) {
		ends[i].to_send = 100000;
		feed(&ends[i]);
	}
	UNTIL(ends[0].received == 100000 && ends[1].received == 100000);
	CHECK_INT_EQ(SSL_num_renegotiations(ends[1].ssl), 1);
	free_ends(ends);
	close_both();
}

static void
the_context_is_the_programs_at_once(void)
{
	struct end ends[2];

	open_both();
	make_fds();
	memset(ends, 0, sizeof(ends));
	mbedtls_ssl_context *contexts_of[2];
	for (int i = 0; i < 2; i++) {
		contexts_of[i] = bufferevent_mbedtls_dyncontext_new(&configs[i]);
		ends[i].bev = bufferevent_mbedtls_socket_new(base, fds[i], contexts_of[i], role_of(i), 0);
		watch(&ends[i]);
	}
	UNTIL(ends[0].connected && ends[1].connected);
	for (int i = 0; i < 2; i++) {
		bufferevent_free(ends[i].bev);
		bufferevent_mbedtls_dyncontext_free(contexts_of[i]);
		CHECK_INT_EQ(close(fds[i]), 0);
	}
	turns(3);
	bufferevent_mbedtls_dyncontext_free(NULL);
	CHECK(bufferevent_mbedtls_dyncontext_new(NULL) == NULL);
	close_both();
}

static const struct evrt_test_case cases[] = {
	{ "client_to_openssl", client_to_openssl },
	{ "server_to_openssl", server_to_openssl },
	{ "both", both },
	{ "client_over_a_pair", client_over_a_pair },
	{ "server_over_a_pair", server_over_a_pair },
	{ "an_end_without_close_notify", an_end_without_close_notify },
	{ "a_peer_that_talks_plain_text", a_peer_that_talks_plain_text },
	{ "a_client_begins_a_new_handshake", a_client_begins_a_new_handshake },
	{ "a_server_asks_for_a_new_handshake", a_server_asks_for_a_new_handshake },
	{ "the_context_is_the_programs_at_once", the_context_is_the_programs_at_once },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
