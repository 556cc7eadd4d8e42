/* testing/contract/libevent/tls_handshake_test.c — TLS bufferevents until they are connected, or are not.
 *
 * Built against evrt and against Debian's libevent from this one source, and run over what tls_rig.h says: a case
 * that fails in either build is wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/tls_rig.h"

#include <netinet/in.h>

static void
both_sides_say_connected_once(void)
{
	struct side client = { 0 }, server = { 0 };
	rig_pair_done(&client, &server);
	rig_turns(5);
	CHECK_INT_EQ(client.connected, 1);
	CHECK_INT_EQ(server.connected, 1);
	CHECK_INT_EQ(client.last, BEV_EVENT_CONNECTED);
	CHECK_INT_EQ(server.last, BEV_EVENT_CONNECTED);
	CHECK_INT_EQ(client.readable + server.readable, 0);
	CHECK_INT_EQ(SSL_version(bufferevent_openssl_get_ssl(client.bev)), rig.version);
	CHECK_INT_EQ(SSL_is_init_finished(bufferevent_openssl_get_ssl(server.bev)), 1);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
many_at_once(void)
{
	struct side client[20] = { { 0 } }, server[20] = { { 0 } };
	int fds[2];
	rig_open();
	for (int i = 0; i < 20; i++) {
		rig_socketpair(fds);
		side_open(&client[i], fds[0], SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
		side_open(&server[i], fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
		side_send(&client[i], 1000);
		side_send(&server[i], 2000);
	}
	for (int i = 0; i < 20; i++)
		UNTIL(client[i].received == 2000 && server[i].received == 1000);
	for (int i = 0; i < 20; i++) {
		CHECK_INT_EQ(client[i].connected + server[i].connected, 2);
		side_close(&client[i]);
		side_close(&server[i]);
	}
	rig_close();
}

static void
a_peer_that_is_openssl_alone(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	CHECK_INT_EQ(side.connected, 1);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
what_is_written_before_the_handshake_comes_after_it(void)
{
	struct side client = { 0 }, server = { 0 };
	rig_pair(&client, &server);
	side_send(&client, 50000);
	side_send(&server, 3);
	UNTIL(client.received == 3 && server.received == 50000);
	CHECK_INT_EQ(client.connected + server.connected, 2);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
the_handshake_needs_nothing_enabled(void)
{
	struct side client = { 0 }, server = { 0 };
	int fds[2];
	rig_open();
	rig_socketpair(fds);
	client.bev = rig_bev(fds[0], SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	server.bev = rig_bev(fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	side_watch(&client);
	side_watch(&server);
	UNTIL(client.connected && server.connected);
	side_send(&client, 10);
	rig_turns(5);
	CHECK_INT_EQ(server.received, 0);
	bufferevent_enable(server.bev, EV_READ);
	UNTIL(server.received == 10);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
a_descriptor_that_is_set_later(void)
{
	struct side client = { 0 }, server = { 0 };
	int fds[2];
	rig_open();
	rig_socketpair(fds);
	rig.filter = false;
	side_open(&client, -1, SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
	side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	rig_turns(3);
	CHECK_INT_EQ(client.connected, 0);
	CHECK_INT_EQ(bufferevent_setfd(client.bev, fds[0]), 0);
	CHECK_INT_EQ(bufferevent_getfd(client.bev), fds[0]);
	side_send(&client, 10);
	UNTIL(server.received == 10);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
the_descriptor_that_the_ssl_object_has(void)
{
	struct side client = { 0 }, server = { 0 };
	int fds[2];
	rig_open();
	rig_socketpair(fds);
	SSL *ssl = SSL_new(client_context);
	SSL_set_fd(ssl, fds[0]);
	client.bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
	    rig.options | BEV_OPT_CLOSE_ON_FREE);
	CHECK(client.bev != NULL);
	CHECK_INT_EQ(bufferevent_getfd(client.bev), fds[0]);
	side_watch(&client);
	bufferevent_enable(client.bev, EV_READ | EV_WRITE);
	side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	side_send(&client, 10);
	side_send(&server, 20000);
	UNTIL(server.received == 10 && client.received == 20000);
	side_close(&client);
	side_close(&server);
	rig_turns(3);
	CHECK_INT_EQ(close(fds[0]), -1);
	rig_close();
}

static void
a_bio_of_the_program_s_own(void)
{
	struct side client = { 0 }, server = { 0 };
	int fds[2];
	rig_open();
	rig_socketpair(fds);
	SSL *ssl = SSL_new(client_context);
	BIO *bio = BIO_new_socket(fds[0], BIO_NOCLOSE);
	SSL_set_bio(ssl, bio, bio);
	client.bev = bufferevent_openssl_socket_new(base, fds[0], ssl, BUFFEREVENT_SSL_CONNECTING,
	    rig.options | BEV_OPT_CLOSE_ON_FREE);
	CHECK(client.bev != NULL);
	side_watch(&client);
	bufferevent_enable(client.bev, EV_READ | EV_WRITE);
	side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	side_send(&client, 10);
	UNTIL(server.received == 10);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
a_bio_and_a_descriptor_that_do_not_agree(void)
{
	int fds[2];
	rig_open();
	rig_socketpair(fds);
	SSL *ssl = SSL_new(client_context);
	SSL_up_ref(ssl);
	SSL_set_fd(ssl, fds[0]);
	CHECK_PTR_EQ(bufferevent_openssl_socket_new(base, fds[1], ssl, BUFFEREVENT_SSL_CONNECTING, 0), NULL);
	SSL_free(ssl);
	SSL_free(ssl);
	CHECK_INT_EQ(close(fds[0]), 0);
	CHECK_INT_EQ(close(fds[1]), 0);
	rig_close();
}

static void
a_handshake_that_was_done_before(void)
{
	struct side client = { 0 }, server = { 0 };
	int fds[2];
	rig_open();
	rig_socketpair(fds);
	SSL *there = SSL_new(client_context), *here = SSL_new(server_context);
	SSL_set_fd(there, fds[0]);
	SSL_set_fd(here, fds[1]);
	SSL_set_connect_state(there);
	SSL_set_accept_state(here);
	while (SSL_do_handshake(there) + SSL_do_handshake(here) != 2)
		ERR_clear_error();
	side_open(&client, fds[0], there, BUFFEREVENT_SSL_OPEN);
	side_open(&server, fds[1], here, BUFFEREVENT_SSL_OPEN);
	side_send(&client, 30000);
	side_send(&server, 20000);
	UNTIL(server.received == 30000 && client.received == 20000);
	CHECK_INT_EQ(client.connected + server.connected, 0);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
accept_for_server(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	(void)listener;
	(void)from;
	(void)len;
	side_open(arg, fd, SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
}

static struct evconnlistener *
listen_for(struct side *server, struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	*sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct evconnlistener *listener = evconnlistener_new_bind(base, accept_for_server, server,
	    LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)sin, len);
	CHECK(listener != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)sin, &len), 0);
	return listener;
}

static void
connect_by_address(void)
{
	struct side client = { 0 }, server = { 0 };
	struct sockaddr_in sin;
	rig_open();
	struct evconnlistener *listener = listen_for(&server, &sin);
	bool filter = rig.filter;
	rig.filter = false; /* what connects is a socket */
	side_open(&client, -1, SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
	rig.filter = filter;
	side_send(&client, 1000);
	CHECK_INT_EQ(bufferevent_socket_connect(client.bev, (struct sockaddr *)&sin, sizeof(sin)), 0);
	UNTIL(server.received == 1000 && client.connected);
	rig_turns(3);
	CHECK_INT_EQ(client.connected, 1);
	CHECK_INT_EQ(server.connected, 1);
	side_close(&client);
	side_close(&server);
	evconnlistener_free(listener);
	rig_close();
}

static void
connect_by_name(void)
{
	struct side client = { 0 }, server = { 0 };
	struct sockaddr_in sin;
	rig_open();
	struct evconnlistener *listener = listen_for(&server, &sin);
	SSL *ssl = SSL_new(client_context);
	CHECK_INT_EQ(SSL_set1_host(ssl, "localhost"), 1);
	bool filter = rig.filter;
	rig.filter = false;
	side_open(&client, -1, ssl, BUFFEREVENT_SSL_CONNECTING);
	rig.filter = filter;
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(client.bev, NULL, AF_INET, "localhost", ntohs(sin.sin_port)), 0);
	UNTIL(client.connected && server.bev && server.connected);
	CHECK_INT_EQ(client.connected, 1);
	side_close(&client);
	side_close(&server);
	evconnlistener_free(listener);
	rig_close();
}

static void
connect_where_nobody_listens(void)
{
	struct side client = { 0 }, server = { 0 };
	struct sockaddr_in sin;
	rig_open();
	evconnlistener_free(listen_for(&server, &sin));
	rig.filter = false;
	side_open(&client, -1, SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
	bufferevent_socket_connect(client.bev, (struct sockaddr *)&sin, sizeof(sin));
	UNTIL(client.failed);
	rig_turns(3);
	CHECK_INT_EQ(client.connected, 0);
	CHECK_INT_EQ(client.failed, 1);
	side_close(&client);
	rig_close();
}

static void
a_filter_over_what_is_still_connecting(void)
{
	struct side client = { 0 }, server = { 0 };
	struct sockaddr_in sin;
	rig_open();
	struct evconnlistener *listener = listen_for(&server, &sin);
	struct bufferevent *below = bufferevent_socket_new(base, -1, rig.options | BEV_OPT_CLOSE_ON_FREE);
	CHECK_INT_EQ(bufferevent_socket_connect(below, (struct sockaddr *)&sin, sizeof(sin)), 0);
	client.bev = bufferevent_openssl_filter_new(base, below, SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING,
	    rig.options | BEV_OPT_CLOSE_ON_FREE);
	CHECK(client.bev != NULL);
	side_watch(&client);
	bufferevent_enable(client.bev, EV_READ | EV_WRITE);
	side_send(&client, 1000);
	UNTIL(server.received == 1000 && client.connected);
	side_close(&client);
	side_close(&server);
	evconnlistener_free(listener);
	rig_close();
}

/* ---- handshakes that come to nothing */

static void
a_peer_that_talks_plain_text(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one(&side, &peer);
	CHECK_INT_EQ(write(peer.fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	UNTIL(side.failed);
	CHECK_INT_EQ(side.connected, 0);
	CHECK(side.errors > 0);
	CHECK_INT_EQ(ERR_GET_LIB(side.error), ERR_LIB_SSL);
	rig_turns(3);
	CHECK_INT_EQ(side.failed, 1);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
a_peer_that_closes_during_the_handshake(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one(&side, &peer);
	peer_close(&peer);
	/* libevent's filter says both. */
	UNTIL(side.failed || side.ended);
	rig_turns(3);
	CHECK_INT_EQ(side.connected, 0);
	side_close(&side);
	rig_close();
}

static void
a_peer_that_resets_during_the_handshake(void)
{
	struct side side = { 0 };
	struct peer peer;
	struct linger at_once = { 1, 0 };
	int fds[2];
	rig_open();
	rig_tcp_pair(fds);
	rig_one_over(&side, &peer, fds);
	rig_turns(2);
	CHECK_INT_EQ(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	peer_close(&peer);
	UNTIL(side.failed);
	rig_turns(3);
	CHECK_INT_EQ(side.failed, 1);
	CHECK_INT_EQ(side.ended, 0);
	CHECK_INT_EQ(side.connected, 0);
	side_close(&side);
	rig_close();
}

/* What a peer sends until the handshake is done, caught on its way. */
static size_t
first_flight(unsigned char *bytes, size_t room)
{
	SSL *ssl = SSL_new(client_context);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	ERR_clear_error();
	int n = BIO_read(out, bytes, (int)room);
	CHECK(n > 0);
	SSL_free(ssl);
	return (size_t)n;
}

static void
a_hello_that_is_cut_anywhere(void)
{
	unsigned char hello[2048];
	rig_open();
	size_t n = first_flight(hello, sizeof(hello));
	for (size_t cut = 0; cut < n; cut += 7) {
		struct side server = { 0 };
		int fds[2];
		rig_socketpair(fds);
		side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
		CHECK_INT_EQ(write(fds[0], hello, cut), cut);
		rig_turns(1);
		close(fds[0]);
		UNTIL(server.failed || server.ended);
		CHECK_INT_EQ(server.connected, 0);
		side_close(&server);
	}
	rig_close();
}

static void
a_hello_that_is_bent_anywhere(void)
{
	unsigned char hello[2048];
	rig_open();
	size_t n = first_flight(hello, sizeof(hello));
	for (size_t at = 0; at < n; at += 5) {
		struct side server = { 0 };
		int fds[2];
		rig_socketpair(fds);
		side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
		hello[at] ^= 0x55;
		CHECK_INT_EQ(write(fds[0], hello, n), n);
		hello[at] ^= 0x55;
		rig_turns(2);
		close(fds[0]);
		UNTIL(server.failed || server.ended);
		CHECK_INT_EQ(server.connected, 0);
		side_close(&server);
	}
	rig_close();
}

static void
no_version_in_common(void)
{
	struct side client = { 0 }, server = { 0 };
	rig_open();
	int fds[2];
	rig_socketpair(fds);
	SSL *ssl = SSL_new(client_context);
	int other = rig.version == TLS1_2_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION;
	SSL_set_max_proto_version(ssl, 0);
	SSL_set_min_proto_version(ssl, other);
	SSL_set_max_proto_version(ssl, other);
	side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	side_open(&client, fds[0], ssl, BUFFEREVENT_SSL_CONNECTING);
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(client.connected + server.connected, 0);
	CHECK(client.errors > 0 && server.errors > 0);
	CHECK_INT_EQ(ERR_GET_REASON(server.error), SSL_R_UNSUPPORTED_PROTOCOL);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
no_cipher_in_common(void)
{
	struct side client = { 0 }, server = { 0 };
	rig_open();
	CHECK_INT_EQ(SSL_CTX_set_cipher_list(client_context, "ECDHE-ECDSA-AES128-GCM-SHA256"), 1);
	CHECK_INT_EQ(SSL_CTX_set_cipher_list(server_context, "ECDHE-ECDSA-AES256-GCM-SHA384"), 1);
	CHECK_INT_EQ(SSL_CTX_set_ciphersuites(client_context, "TLS_AES_128_GCM_SHA256"), 1);
	CHECK_INT_EQ(SSL_CTX_set_ciphersuites(server_context, "TLS_AES_256_GCM_SHA384"), 1);
	int fds[2];
	rig_socketpair(fds);
	side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	side_open(&client, fds[0], SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(ERR_GET_REASON(server.error), SSL_R_NO_SHARED_CIPHER);
	CHECK_INT_EQ(client.connected + server.connected, 0);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
a_peer_that_says_nothing_times_out(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one(&side, &peer);
	struct timeval tv = { 0, 30000 };
	bufferevent_set_timeouts(side.bev, &tv, &tv);
	UNTIL(side.timed_out);
	CHECK_INT_EQ(side.connected, 0);
	CHECK_INT_EQ(side.failed + side.ended, 0);
	CHECK(side.last & BEV_EVENT_TIMEOUT);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
a_handshake_can_be_done_after_its_timeout(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one(&side, &peer);
	struct timeval tv = { 0, 20000 };
	bufferevent_set_timeouts(side.bev, &tv, NULL);
	UNTIL(side.timed_out);
	bufferevent_enable(side.bev, EV_READ | EV_WRITE);
	UNTIL(peer_shakes_hands(&peer) && side.connected);
	side_send(&side, 10);
	UNTIL(peer_receives(&peer, 10));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
a_handshake_in_single_bytes(void)
{
	struct side side = { 0 };
	struct peer peer;
	int fds[2], relay[2];
	unsigned char byte;
	ssize_t n;
	rig_open();
	rig_socketpair(fds);
	rig_socketpair(relay);
	rig_one_over(&side, &peer, (int[2]){ fds[0], relay[1] });
	/* fds[1] and relay[0] are the ends of a relay that passes a byte at a time towards the bufferevent. */
	for (bool is_done = false; !(is_done && side.connected);) {
		unsigned char many[4096];
		if ((n = read(fds[1], many, sizeof(many))) > 0)
			CHECK_INT_EQ(write(relay[0], many, (size_t)n), n);
		if ((n = read(relay[0], &byte, 1)) > 0)
			CHECK_INT_EQ(write(fds[1], &byte, 1), 1);
		rig_turns(1);
		is_done = is_done || peer_shakes_hands(&peer);
	}
	CHECK_INT_EQ(side.connected, 1);
	close(fds[1]);
	close(relay[0]);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static const struct evrt_test_case cases[] = {
	{ "both_sides_say_connected_once", both_sides_say_connected_once },
	{ "many_at_once", many_at_once },
	{ "a_peer_that_is_openssl_alone", a_peer_that_is_openssl_alone },
	{ "what_is_written_before_the_handshake_comes_after_it", what_is_written_before_the_handshake_comes_after_it },
	{ "the_handshake_needs_nothing_enabled", the_handshake_needs_nothing_enabled },
	{ "a_descriptor_that_is_set_later", a_descriptor_that_is_set_later },
	{ "the_descriptor_that_the_ssl_object_has", the_descriptor_that_the_ssl_object_has },
	{ "a_bio_of_the_program_s_own", a_bio_of_the_program_s_own },
	{ "a_bio_and_a_descriptor_that_do_not_agree", a_bio_and_a_descriptor_that_do_not_agree },
	{ "a_handshake_that_was_done_before", a_handshake_that_was_done_before },
	{ "connect_by_address", connect_by_address },
	{ "connect_by_name", connect_by_name },
	{ "connect_where_nobody_listens", connect_where_nobody_listens },
	{ "a_filter_over_what_is_still_connecting", a_filter_over_what_is_still_connecting },
	{ "a_peer_that_talks_plain_text", a_peer_that_talks_plain_text },
	{ "a_peer_that_closes_during_the_handshake", a_peer_that_closes_during_the_handshake },
	{ "a_peer_that_resets_during_the_handshake", a_peer_that_resets_during_the_handshake },
	{ "a_hello_that_is_cut_anywhere", a_hello_that_is_cut_anywhere },
	{ "a_hello_that_is_bent_anywhere", a_hello_that_is_bent_anywhere },
	{ "no_version_in_common", no_version_in_common },
	{ "no_cipher_in_common", no_cipher_in_common },
	{ "a_peer_that_says_nothing_times_out", a_peer_that_says_nothing_times_out },
	{ "a_handshake_can_be_done_after_its_timeout", a_handshake_can_be_done_after_its_timeout },
	{ "a_handshake_in_single_bytes", a_handshake_in_single_bytes },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
