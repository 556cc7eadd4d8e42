/* testing/contract/libevent/tls_better_test.c — what libevent 2.1.12 with OpenSSL 3 gets wrong, and evrt does not.
 *
 * Not run against the oracle: there each case fails over some of what tls_rig.h names. docs/COMPAT.md has a line for
 * each.
 */
#include "testing/contract/libevent/tls_rig.h"

#define MEGABYTE ((size_t)1 << 20)

static void
reading_goes_on_below_the_high_watermark(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	struct evbuffer *input = bufferevent_get_input(side.bev);
	side_leave_input(&side);
	bufferevent_setwatermark(side.bev, EV_READ, 0, 1000);
	for (int i = 0; i < 100; i++) {
		peer_sends(&peer, 2 * MEGABYTE);
		rig_turns(1);
	}
	CHECK(evbuffer_get_length(input) >= 1000);
	/* A record at most beyond it, and what was under way is not all. */
	CHECK(evbuffer_get_length(input) <= 1000 + 16384);
	CHECK(peer.sent < 2 * MEGABYTE);
	side_take_input(&side);
	UNTIL(peer_sends(&peer, 2 * MEGABYTE) && side.received == peer.sent);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

/* What one read of the socket brings is more than fits: the rest is inside the SSL object, and no event tells of
 * it. */
static void
what_the_ssl_object_holds_is_not_forgotten(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	struct evbuffer *input = bufferevent_get_input(side.bev);
	side_leave_input(&side);
	bufferevent_setwatermark(side.bev, EV_READ, 0, 100);
	UNTIL(peer_sends(&peer, 16000));
	UNTIL(evbuffer_get_length(input) >= 100);
	rig_turns(5);
	/* Nor does the loop ask for it again and again. */
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	unsigned char byte;
	for (size_t at = 0; at < 16000; at++) {
		UNTIL(evbuffer_get_length(input) > 0);
		CHECK_INT_EQ(evbuffer_remove(input, &byte, 1), 1);
		CHECK_INT_EQ(byte, rig_byte(at));
	}
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
close_notify_and_the_end_of_the_connection(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	UNTIL(peer_sends(&peer, 1000));
	SSL_shutdown(peer.ssl);
	peer_close(&peer);
	UNTIL(side.ended);
	rig_turns(5);
	CHECK_INT_EQ(side.received, 1000);
	CHECK_INT_EQ(side.ended, 1);
	CHECK_INT_EQ(side.failed, 0);
	side_close(&side);
	rig_close();
}

static void
an_end_without_close_notify_may_be_allowed(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	bufferevent_openssl_set_allow_dirty_shutdown(side.bev, 7);
	CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(side.bev), 1);
	UNTIL(peer_sends(&peer, 1000));
	shutdown(peer.fd, SHUT_WR);
	UNTIL(side.ended);
	CHECK_INT_EQ(side.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	CHECK_INT_EQ(side.received, 1000);
	rig_turns(5);
	CHECK_INT_EQ(side.ended, 1);
	CHECK_INT_EQ(side.failed, 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
an_end_in_the_handshake_is_told_once(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one(&side, &peer);
	peer_close(&peer);
	UNTIL(side.failed || side.ended);
	rig_turns(3);
	CHECK_INT_EQ(side.failed, 1);
	CHECK_INT_EQ(side.ended, 0);
	side_close(&side);
	rig_close();
}

/* Without enabling anything again. */
static void
a_handshake_goes_on_after_its_timeout(void)
{
	struct side side = { 0 };
	struct peer peer;
	struct timeval tv = { 0, 20000 };
	rig_one(&side, &peer);
	bufferevent_set_timeouts(side.bev, &tv, NULL);
	UNTIL(side.timed_out);
	UNTIL(peer_shakes_hands(&peer) && side.connected);
	side_send(&side, 10);
	UNTIL(peer_receives(&peer, 10));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
a_handshake_anew(void)
{
	struct side client = { 0 }, server = { 0 };
	int fds[2];
	rig_open();
	SSL_CTX_set_options(server_context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	rig_socketpair(fds);
	side_open(&server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	side_open(&client, fds[0], SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
	UNTIL(client.connected && server.connected);
	SSL *ssl = bufferevent_openssl_get_ssl(client.bev);
	if (rig.version == TLS1_2_VERSION) {
		CHECK_INT_EQ(bufferevent_ssl_renegotiate(client.bev), 0);
		UNTIL(SSL_num_renegotiations(ssl) > 0 && !SSL_in_init(ssl));
	}
	side_send(&client, 50000);
	side_send(&server, 50000);
	UNTIL(client.received == 50000 && server.received == 50000);
	CHECK_INT_EQ(client.failed + server.failed, 0);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
free_when_drained(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct side *side = arg;

	(void)output;
	if (info->n_deleted == 0)
		return;
	side->writable++;
	if (side->bev)
		bufferevent_free(side->bev);
	side->bev = NULL;
}

/* The TLS object may be gone with it. */
static void
nothing_is_written_when_a_callback_of_output_has_freed_it(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	bufferevent_setcb(side.bev, NULL, NULL, NULL, NULL);
	evbuffer_add_cb(bufferevent_get_output(side.bev), free_when_drained, &side);
	side.writable = 0;
	side_send(&side, 100000);
	rig_turns(5);
	CHECK_INT_EQ(side.writable, 1);
	peer_close(&peer);
	rig_close();
}

/* Nobody takes it, and nobody is asked to. */
static void
full_input_below_one_that_does_not_read_lets_the_loop_rest(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	struct bufferevent *below = bufferevent_get_underlying(side.bev);
	bufferevent_disable(side.bev, EV_READ);
	if (below)
		bufferevent_setwatermark(below, EV_READ, 0, 100);
	UNTIL(peer_sends(&peer, 1000));
	rig_turns(20); /* each of which ends when nothing is left to be called */
	bufferevent_enable(side.bev, EV_READ);
	UNTIL(side.received == 1000);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static const struct evrt_test_case cases[] = {
	{ "reading_goes_on_below_the_high_watermark", reading_goes_on_below_the_high_watermark },
	{ "what_the_ssl_object_holds_is_not_forgotten", what_the_ssl_object_holds_is_not_forgotten },
	{ "close_notify_and_the_end_of_the_connection", close_notify_and_the_end_of_the_connection },
	{ "an_end_without_close_notify_may_be_allowed", an_end_without_close_notify_may_be_allowed },
	{ "an_end_in_the_handshake_is_told_once", an_end_in_the_handshake_is_told_once },
	{ "a_handshake_goes_on_after_its_timeout", a_handshake_goes_on_after_its_timeout },
	{ "a_handshake_anew", a_handshake_anew },
	{ "nothing_is_written_when_a_callback_of_output_has_freed_it",
		nothing_is_written_when_a_callback_of_output_has_freed_it },
	{ "full_input_below_one_that_does_not_read_lets_the_loop_rest",
		full_input_below_one_that_does_not_read_lets_the_loop_rest },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
