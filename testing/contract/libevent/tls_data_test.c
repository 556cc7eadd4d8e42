/* testing/contract/libevent/tls_data_test.c — bytes through TLS bufferevents: all of them, in order, and held back
 * where they are to be.
 *
 * See tls_handshake_test.c. What is sent is a pattern that the receiver compares, in every case.
 */
#include "testing/contract/libevent/tls_rig.h"

#include <stdlib.h>

#define MEGABYTE ((size_t)1 << 20)

static void
nothing_to_write(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	CHECK_INT_EQ(bufferevent_write(side.bev, "", 0), 0);
	side_send(&side, 1);
	UNTIL(peer_receives(&peer, 1));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
every_size_around_a_record(void)
{
	static const size_t sizes[] = { 1, 2, 255, 4095, 4096, 4097, 16383, 16384, 16385, 32768, 65537 };
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		side_send(&side, sizes[i]);
		UNTIL(peer_receives(&peer, side.sent));
		UNTIL(peer_sends(&peer, side.sent) && side.received == side.sent);
	}
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
megabytes_out(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	side_send(&side, 5 * MEGABYTE);
	UNTIL(peer_receives(&peer, side.sent));
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(side.bev)), 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
megabytes_in(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	UNTIL(peer_sends(&peer, 5 * MEGABYTE));
	UNTIL(side.received == peer.sent);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
both_directions_at_once(void)
{
	struct side client = { 0 }, server = { 0 };
	rig_pair(&client, &server);
	side_send(&client, 4 * MEGABYTE);
	side_send(&server, 3 * MEGABYTE);
	UNTIL(client.received == server.sent && server.received == client.sent);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
an_echo(void)
{
	struct side client = { 0 }, server = { .echoes = true };
	rig_pair(&client, &server);
	for (int i = 1; i <= 100; i++) {
		side_send(&client, (size_t)i * 37);
		UNTIL(client.received == client.sent);
	}
	side_send(&client, MEGABYTE);
	UNTIL(client.received == client.sent);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
many_small_pieces(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	for (int i = 0; i < 5000; i++)
		side_send(&side, 1 + (size_t)i % 13);
	UNTIL(peer_receives(&peer, side.sent));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static int references_gone;

static void
reference_gone(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	references_gone++;
}

static void
pieces_by_reference(void)
{
	struct side side = { 0 };
	struct peer peer;
	unsigned char *bytes = malloc(100000);
	rig_one_done(&side, &peer);
	for (size_t i = 0; i < 100000; i++)
		bytes[i] = rig_byte(i);
	struct evbuffer *buf = evbuffer_new();
	for (size_t at = 0; at < 100000; at += 12500)
		evbuffer_add_reference(buf, bytes + at, 12500, reference_gone, NULL);
	CHECK_INT_EQ(bufferevent_write_buffer(side.bev, buf), 0);
	evbuffer_free(buf);
	UNTIL(peer_receives(&peer, 100000));
	UNTIL(references_gone == 8);
	free(bytes);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

/* ---- watermarks */

static void
the_read_callback_waits_for_the_low_watermark(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	bufferevent_setwatermark(side.bev, EV_READ, 100, 0);
	UNTIL(peer_sends(&peer, 99));
	UNTIL(evbuffer_get_length(bufferevent_get_input(side.bev)) == 99);
	rig_turns(3);
	CHECK_INT_EQ(side.readable, 0);
	UNTIL(peer_sends(&peer, 100));
	UNTIL(side.received == 100);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
the_write_callback_comes_at_the_low_watermark(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	bufferevent_setwatermark(side.bev, EV_WRITE, 1000, 0);
	side.writable = 0;
	side_send(&side, 4 * MEGABYTE);
	rig_turns(20); /* nobody reads: the way is full */
	CHECK(evbuffer_get_length(bufferevent_get_output(side.bev)) > 1000);
	/* libevent's filter calls it whenever the bufferevent below takes something. */
	CHECK(rig.filter || side.writable == 0);
	UNTIL(peer_receives(&peer, side.sent));
	UNTIL(side.writable > 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

/* ---- enabling and disabling */

static void
reading_that_is_disabled_in_the_middle(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	for (size_t part = 1; part <= 5; part++) {
		size_t up_to = part * 200000;
		UNTIL(side.received > 0 || peer_sends(&peer, up_to));
		bufferevent_disable(side.bev, EV_READ);
		rig_turns(3);
		size_t had = side.received;
		peer_sends(&peer, up_to);
		rig_turns(3);
		CHECK_INT_EQ(side.received, had);
		CHECK_INT_EQ(bufferevent_get_enabled(side.bev), EV_WRITE);
		bufferevent_enable(side.bev, EV_READ);
		UNTIL(peer_sends(&peer, up_to) && side.received == up_to);
	}
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
writing_that_is_disabled_in_the_middle(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	side_send(&side, MEGABYTE);
	UNTIL(peer_receives(&peer, 100000));
	bufferevent_disable(side.bev, EV_WRITE);
	/* What is on the way comes. */
	for (int i = 0; i < 50; i++) {
		peer_receives(&peer, side.sent);
		rig_turns(1);
	}
	size_t had = peer.received;
	CHECK(had < side.sent);
	rig_turns(3);
	CHECK(!peer_receives(&peer, side.sent));
	CHECK_INT_EQ(peer.received, had);
	bufferevent_enable(side.bev, EV_WRITE);
	UNTIL(peer_receives(&peer, side.sent));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
reading_goes_on_while_writing_is_disabled(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	bufferevent_disable(side.bev, EV_WRITE);
	side_send(&side, 1000);
	UNTIL(peer_sends(&peer, 100000) && side.received == 100000);
	CHECK(!peer_receives(&peer, 1));
	bufferevent_enable(side.bev, EV_WRITE);
	UNTIL(peer_receives(&peer, 1000));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

/* ---- timeouts */

static void
a_read_timeout(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	struct timeval tv = { 0, 30000 };
	long long from = rig_now_ms();
	bufferevent_set_timeouts(side.bev, &tv, NULL);
	UNTIL(side.timed_out);
	CHECK_INT_EQ(side.last, BEV_EVENT_TIMEOUT | BEV_EVENT_READING);
	CHECK(rig_now_ms() - from >= 28);
	/* The connection is as good as before. */
	bufferevent_set_timeouts(side.bev, NULL, NULL);
	bufferevent_enable(side.bev, EV_READ);
	side_send(&side, 10);
	UNTIL(peer_receives(&peer, 10));
	UNTIL(peer_sends(&peer, 10) && side.received == 10);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
a_write_timeout(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	struct timeval tv = { 0, 30000 };
	bufferevent_set_timeouts(side.bev, NULL, &tv);
	side_send(&side, 4 * MEGABYTE); /* nobody reads */
	UNTIL(side.timed_out);
	CHECK_INT_EQ(side.last, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING);
	bufferevent_set_timeouts(side.bev, NULL, NULL);
	bufferevent_enable(side.bev, EV_WRITE);
	UNTIL(peer_receives(&peer, side.sent));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
no_timeout_while_bytes_come(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	struct timeval tv = { 2, 0 };
	bufferevent_set_timeouts(side.bev, &tv, &tv);
	side.echoes = true;
	for (size_t n = 1; n <= 50; n++) {
		UNTIL(peer_sends(&peer, n * 100));
		UNTIL(peer_receives(&peer, n * 100));
	}
	CHECK_INT_EQ(side.timed_out, 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

/* ---- handshakes and keys in the middle */

/* Lets OpenSSL do what it has to before there is data again. */
static bool
peer_has_renewed(struct peer *peer)
{
	peer_receives(peer, peer->received + 1);
	return !SSL_in_init(peer->ssl) && !SSL_renegotiate_pending(peer->ssl) &&
	    SSL_get_key_update_type(peer->ssl) == SSL_KEY_UPDATE_NONE;
}

static void
the_peer_renews_keys(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	for (size_t n = 1; n <= 3; n++) {
		/* In 1.2 a server asks for a handshake; what a client asks for is refused without an option. */
		if (rig.version == TLS1_3_VERSION)
			CHECK_INT_EQ(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		else if (!rig.server)
			CHECK_INT_EQ(SSL_renegotiate(peer.ssl), 1);
		UNTIL(peer_shakes_hands(&peer));
		UNTIL(peer_has_renewed(&peer));
		side_send(&side, 30000);
		UNTIL(peer_sends(&peer, n * 50000) && peer_receives(&peer, n * 30000) && side.received == n * 50000);
	}
	CHECK_INT_EQ(side.failed, 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
no_handshake_anew_for_what_is_not_tls(void)
{
	rig_open();
	struct bufferevent *plain = bufferevent_socket_new(base, -1, 0);
	CHECK_INT_EQ(bufferevent_ssl_renegotiate(plain), -1);
	CHECK_PTR_EQ(bufferevent_openssl_get_ssl(plain), NULL);
	CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(plain), -1);
	bufferevent_openssl_set_allow_dirty_shutdown(plain, 1);
	CHECK_INT_EQ(bufferevent_get_openssl_error(plain), 0);
	bufferevent_free(plain);
	rig_close();
}

/* ---- records that are not as they ought to be */

static void
a_record_in_single_bytes(void)
{
	struct side side = { 0 };
	struct peer peer;
	unsigned char wire[4096];
	rig_one_done(&side, &peer);
	/* What the peer would send is caught, and sent a byte at a time. */
	BIO *caught = BIO_new(BIO_s_mem());
	SSL_set0_wbio(peer.ssl, caught);
	CHECK(peer_sends(&peer, 500));
	int n = BIO_read(caught, wire, sizeof(wire));
	CHECK(n > 500);
	for (int i = 0; i < n; i++) {
		CHECK_INT_EQ(side.received, 0);
		CHECK_INT_EQ(write(peer.fd, &wire[i], 1), 1);
		rig_turns(1);
	}
	UNTIL(side.received == 500);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
a_record_that_was_changed_on_its_way(void)
{
	struct side side = { 0 };
	struct peer peer;
	unsigned char wire[4096];
	rig_one_done(&side, &peer);
	UNTIL(peer_sends(&peer, 100) && side.received == 100);
	BIO *caught = BIO_new(BIO_s_mem());
	SSL_set0_wbio(peer.ssl, caught);
	CHECK(peer_sends(&peer, 600));
	int n = BIO_read(caught, wire, sizeof(wire));
	wire[n - 1] ^= 1;
	CHECK_INT_EQ(write(peer.fd, wire, (size_t)n), n);
	UNTIL(side.failed);
	CHECK_INT_EQ(ERR_GET_REASON(side.error), SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
	rig_turns(5);
	CHECK_INT_EQ(side.failed, 1);
	CHECK_INT_EQ(side.received, 100);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
plain_text_behind_the_handshake(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	CHECK_INT_EQ(write(peer.fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	UNTIL(side.failed);
	rig_turns(5);
	CHECK_INT_EQ(side.failed, 1);
	CHECK_INT_EQ(side.received, 0);
	CHECK(side.errors > 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static const struct evrt_test_case cases[] = {
	{ "nothing_to_write", nothing_to_write },
	{ "every_size_around_a_record", every_size_around_a_record },
	{ "megabytes_out", megabytes_out },
	{ "megabytes_in", megabytes_in },
	{ "both_directions_at_once", both_directions_at_once },
	{ "an_echo", an_echo },
	{ "many_small_pieces", many_small_pieces },
	{ "pieces_by_reference", pieces_by_reference },
	{ "the_read_callback_waits_for_the_low_watermark", the_read_callback_waits_for_the_low_watermark },
	{ "the_write_callback_comes_at_the_low_watermark", the_write_callback_comes_at_the_low_watermark },
	{ "reading_that_is_disabled_in_the_middle", reading_that_is_disabled_in_the_middle },
	{ "writing_that_is_disabled_in_the_middle", writing_that_is_disabled_in_the_middle },
	{ "reading_goes_on_while_writing_is_disabled", reading_goes_on_while_writing_is_disabled },
	{ "a_read_timeout", a_read_timeout },
	{ "a_write_timeout", a_write_timeout },
	{ "no_timeout_while_bytes_come", no_timeout_while_bytes_come },
	{ "the_peer_renews_keys", the_peer_renews_keys },
	{ "no_handshake_anew_for_what_is_not_tls", no_handshake_anew_for_what_is_not_tls },
	{ "a_record_in_single_bytes", a_record_in_single_bytes },
	{ "a_record_that_was_changed_on_its_way", a_record_that_was_changed_on_its_way },
	{ "plain_text_behind_the_handshake", plain_text_behind_the_handshake },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
