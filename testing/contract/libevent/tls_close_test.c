/* testing/contract/libevent/tls_close_test.c — how TLS bufferevents end: told, cut off, broken, freed.
 *
 * See tls_handshake_test.c. SSL objects are counted, so that none is left behind and none is freed twice.
 */
#include "testing/contract/libevent/tls_rig.h"

#include <fcntl.h>

static int ssls; /* SSL objects with a mark that are alive */

static void
ssl_gone(void *parent, void *mark, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (mark)
		ssls--;
}

/* Counts the object of a bufferevent. */
static void
count_ssl(SSL *ssl)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, ssl_gone);
	CHECK_INT_EQ(SSL_set_ex_data(ssl, index, &ssls), 1);
	ssls++;
}

static SSL *
ssl_of(const struct side *side)
{
	return bufferevent_openssl_get_ssl(side->bev);
}

/* ---- the peer ends */

static void
close_notify_is_the_end_of_reading(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	UNTIL(peer_sends(&peer, 50000));
	SSL_shutdown(peer.ssl);
	UNTIL(side.ended);
	CHECK_INT_EQ(side.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	CHECK_INT_EQ(side.received, 50000);
	rig_turns(5);
	CHECK_INT_EQ(side.ended, 1);
	CHECK_INT_EQ(side.failed, 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
an_end_without_close_notify_is_an_error(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(side.bev), 0);
	UNTIL(peer_sends(&peer, 1000));
	shutdown(peer.fd, SHUT_WR);
	UNTIL(side.failed);
	CHECK_INT_EQ(side.ended, 0);
	CHECK_INT_EQ(side.received, 1000);
	rig_turns(5);
	CHECK_INT_EQ(side.failed, 1);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
allowing_can_be_taken_back(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	bufferevent_openssl_set_allow_dirty_shutdown(side.bev, 1);
	bufferevent_openssl_set_allow_dirty_shutdown(side.bev, 0);
	CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(side.bev), 0);
	shutdown(peer.fd, SHUT_WR);
	UNTIL(side.failed);
	CHECK_INT_EQ(side.ended, 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
a_connection_that_is_reset(void)
{
	struct side side = { 0 };
	struct peer peer;
	struct linger at_once = { 1, 0 };
	int fds[2];
	rig_open();
	rig_tcp_pair(fds);
	rig_one_over(&side, &peer, fds);
	UNTIL(peer_shakes_hands(&peer) && side.connected);
	CHECK_INT_EQ(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	peer_close(&peer);
	UNTIL(side.failed);
	CHECK(side.last & BEV_EVENT_READING);
	rig_turns(5);
	CHECK_INT_EQ(side.failed, 1);
	CHECK_INT_EQ(side.ended, 0);
	side_close(&side);
	rig_close();
}

/* Writing to a peer that is gone. */
static void
a_peer_that_is_gone_while_we_write(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	bufferevent_disable(side.bev, EV_READ);
	side_send(&side, 1 << 20);
	rig_turns(5);
	peer_close(&peer);
	UNTIL(side.failed);
	CHECK_INT_EQ(side.ended, 0);
	side_close(&side);
	rig_close();
}

static void
an_alert_of_the_peer(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	/* What the peer does not understand it answers with an alert. */
	CHECK_INT_EQ(write(bufferevent_getfd(side.bev), "hello, hello", 12), 12);
	unsigned char byte;
	while (SSL_read(peer.ssl, &byte, 1) > 0 || ERR_peek_error() == 0)
		rig_turns(1);
	ERR_clear_error();
	UNTIL(side.failed);
	CHECK_INT_EQ(ERR_GET_LIB(side.error), ERR_LIB_SSL);
	CHECK(ERR_GET_REASON(side.error) > SSL_AD_REASON_OFFSET);
	CHECK_INT_EQ(side.ended, 0);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
close_notify_comes_behind_what_is_held_back(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	side_leave_input(&side);
	bufferevent_setwatermark(side.bev, EV_READ, 0, 10);
	UNTIL(peer_sends(&peer, 3000));
	SSL_shutdown(peer.ssl);
	UNTIL(evbuffer_get_length(bufferevent_get_input(side.bev)) >= 10);
	bufferevent_setwatermark(side.bev, EV_READ, 0, 0);
	side_take_input(&side);
	UNTIL(side.ended);
	CHECK_INT_EQ(side.received, 3000);
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

static void
writing_goes_on_behind_the_peer_s_close_notify(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	SSL_shutdown(peer.ssl);
	UNTIL(side.ended);
	bufferevent_enable(side.bev, EV_WRITE);
	side_send(&side, 200000);
	UNTIL(peer_receives(&peer, 200000));
	side_close(&side);
	peer_close(&peer);
	rig_close();
}

/* ---- we end */

static void
freeing_sends_no_close_notify(void)
{
	struct side side = { 0 };
	struct peer peer;
	unsigned char byte;
	rig_one_done(&side, &peer);
	side_close(&side);
	rig_turns(3);
	ERR_clear_error();
	int result = SSL_read(peer.ssl, &byte, 1);
	CHECK_INT_EQ(result > 0, 0);
	CHECK(SSL_get_error(peer.ssl, result) != SSL_ERROR_ZERO_RETURN);
	ERR_clear_error();
	peer_close(&peer);
	rig_close();
}

/* The manual's way to close: the program itself calls SSL_shutdown, and frees. */
static void
shutdown_by_the_program_before_freeing(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	side_send(&side, 1000);
	UNTIL(peer_receives(&peer, 1000));
	SSL_set_shutdown(ssl_of(&side), SSL_RECEIVED_SHUTDOWN);
	SSL_shutdown(ssl_of(&side));
	rig_turns(3);
	side_close(&side);
	UNTIL(peer_sees_the_end(&peer));
	peer_close(&peer);
	rig_close();
}

static void
close_on_free_closes_everything(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	int fd = bufferevent_getfd(side.bev);
	count_ssl(ssl_of(&side));
	CHECK_INT_EQ(ssls, 1);
	side_close(&side);
	rig_turns(3);
	CHECK_INT_EQ(ssls, 0);
	CHECK_INT_EQ(fcntl(fd, F_GETFD), -1);
	peer_close(&peer);
	rig_close();
}

static void
without_close_on_free_all_is_the_program_s(void)
{
	struct side side = { 0 };
	struct peer peer;
	int fds[2];
	rig_open();
	rig_socketpair(fds);
	rig.filter = false;
	SSL *ssl = SSL_new(client_context), *there = SSL_new(server_context);
	side.bev = rig_bev(fds[0], ssl, BUFFEREVENT_SSL_CONNECTING, 0);
	side_watch(&side);
	bufferevent_enable(side.bev, EV_READ | EV_WRITE);
	SSL_set_fd(there, fds[1]);
	SSL_set_accept_state(there);
	peer = (struct peer){ there, fds[1], 0, 0 };
	UNTIL(peer_shakes_hands(&peer) && side.connected);
	count_ssl(ssl);
	side_close(&side);
	rig_turns(3);
	CHECK_INT_EQ(ssls, 1);
	CHECK(fcntl(fds[0], F_GETFD) >= 0);
	/* The object still speaks. */
	CHECK_INT_EQ(SSL_write(ssl, (unsigned char[]){ rig_byte(0) }, 1), 1);
	UNTIL(peer_receives(&peer, 1));
	SSL_free(ssl);
	CHECK_INT_EQ(ssls, 0);
	close(fds[0]);
	peer_close(&peer);
	rig_close();
}

static void
the_program_keeps_a_reference(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	SSL *ssl = ssl_of(&side);
	count_ssl(ssl);
	SSL_up_ref(ssl);
	side_close(&side);
	rig_turns(3);
	CHECK_INT_EQ(ssls, 1);
	CHECK_INT_EQ(SSL_version(ssl), rig.version);
	SSL_free(ssl);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static void
free_with_much_still_to_write(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	count_ssl(ssl_of(&side));
	side_send(&side, 4 << 20);
	rig_turns(2);
	side_close(&side);
	rig_turns(3);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static void
free_after_any_number_of_turns_of_the_handshake(void)
{
	for (int n = 0; n < 12; n++) {
		struct side client = { 0 }, server = { 0 };
		rig_pair(&client, &server);
		count_ssl(ssl_of(&client));
		count_ssl(ssl_of(&server));
		rig_turns(n);
		side_close(&client);
		rig_turns(n % 3);
		side_close(&server);
		rig_turns(3);
		CHECK_INT_EQ(ssls, 0);
		rig_close();
	}
}

/* ---- freed in callbacks */

static int freed;

static void
free_in_data_callback(struct bufferevent *bev, void *arg)
{
	(void)arg;
	freed++;
	bufferevent_free(bev);
}

static void
free_in_event_callback(struct bufferevent *bev, short what, void *wanted)
{
	if (what & *(short *)wanted) {
		freed++;
		bufferevent_free(bev);
	}
}

static void
freed_in_the_read_callback(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	count_ssl(ssl_of(&side));
	bufferevent_setcb(side.bev, free_in_data_callback, NULL, NULL, NULL);
	UNTIL(peer_sends(&peer, 50000));
	UNTIL(freed);
	rig_turns(3);
	CHECK_INT_EQ(freed, 1);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static void
freed_in_the_write_callback(void)
{
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	count_ssl(ssl_of(&side));
	bufferevent_setcb(side.bev, NULL, free_in_data_callback, NULL, NULL);
	side_send(&side, 1000);
	UNTIL(freed);
	rig_turns(3);
	CHECK_INT_EQ(freed, 1);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static void
freed_when_connected(void)
{
	static short wanted = BEV_EVENT_CONNECTED;
	struct side side = { 0 };
	struct peer peer;
	rig_one(&side, &peer);
	count_ssl(ssl_of(&side));
	side_send(&side, 1000);
	bufferevent_setcb(side.bev, NULL, NULL, free_in_event_callback, &wanted);
	/* The last message of the handshake may be lost with it. */
	UNTIL(freed || (peer_shakes_hands(&peer) && freed));
	rig_turns(3);
	CHECK_INT_EQ(freed, 1);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static void
freed_at_the_end(void)
{
	static short wanted = BEV_EVENT_EOF;
	struct side side = { 0 };
	struct peer peer;
	rig_one_done(&side, &peer);
	count_ssl(ssl_of(&side));
	bufferevent_setcb(side.bev, NULL, NULL, free_in_event_callback, &wanted);
	UNTIL(peer_sends(&peer, 5000));
	SSL_shutdown(peer.ssl);
	UNTIL(freed);
	rig_turns(3);
	CHECK_INT_EQ(freed, 1);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static void
freed_at_an_error_of_the_handshake(void)
{
	static short wanted = BEV_EVENT_ERROR;
	struct side side = { 0 };
	struct peer peer;
	rig_one(&side, &peer);
	count_ssl(ssl_of(&side));
	bufferevent_setcb(side.bev, NULL, NULL, free_in_event_callback, &wanted);
	CHECK_INT_EQ(write(peer.fd, "not at all\r\n", 12), 12);
	UNTIL(freed);
	rig_turns(3);
	CHECK_INT_EQ(freed, 1);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static void
freed_at_a_timeout(void)
{
	static short wanted = BEV_EVENT_TIMEOUT;
	struct side side = { 0 };
	struct peer peer;
	struct timeval tv = { 0, 20000 };
	rig_one_done(&side, &peer);
	count_ssl(ssl_of(&side));
	bufferevent_setcb(side.bev, NULL, NULL, free_in_event_callback, &wanted);
	bufferevent_set_timeouts(side.bev, &tv, NULL);
	UNTIL(freed);
	rig_turns(3);
	CHECK_INT_EQ(ssls, 0);
	peer_close(&peer);
	rig_close();
}

static struct side both[2];

static void
free_both(struct bufferevent *bev, void *arg)
{
	(void)bev;
	(void)arg;
	freed++;
	side_close(&both[0]);
	side_close(&both[1]);
}

static void
both_ends_freed_in_one_callback(void)
{
	rig_pair_done(&both[0], &both[1]);
	count_ssl(ssl_of(&both[0]));
	count_ssl(ssl_of(&both[1]));
	bufferevent_setcb(both[1].bev, free_both, NULL, NULL, NULL);
	side_send(&both[0], 100000);
	side_send(&both[1], 100000);
	UNTIL(freed);
	rig_turns(3);
	CHECK_INT_EQ(freed, 1);
	CHECK_INT_EQ(ssls, 0);
	rig_close();
}

static const struct evrt_test_case cases[] = {
	{ "close_notify_is_the_end_of_reading", close_notify_is_the_end_of_reading },
	{ "an_end_without_close_notify_is_an_error", an_end_without_close_notify_is_an_error },
	{ "allowing_can_be_taken_back", allowing_can_be_taken_back },
	{ "a_connection_that_is_reset", a_connection_that_is_reset },
	{ "a_peer_that_is_gone_while_we_write", a_peer_that_is_gone_while_we_write },
	{ "an_alert_of_the_peer", an_alert_of_the_peer },
	{ "close_notify_comes_behind_what_is_held_back", close_notify_comes_behind_what_is_held_back },
	{ "writing_goes_on_behind_the_peer_s_close_notify", writing_goes_on_behind_the_peer_s_close_notify },
	{ "freeing_sends_no_close_notify", freeing_sends_no_close_notify },
	{ "shutdown_by_the_program_before_freeing", shutdown_by_the_program_before_freeing },
	{ "close_on_free_closes_everything", close_on_free_closes_everything },
	{ "without_close_on_free_all_is_the_program_s", without_close_on_free_all_is_the_program_s },
	{ "the_program_keeps_a_reference", the_program_keeps_a_reference },
	{ "free_with_much_still_to_write", free_with_much_still_to_write },
	{ "free_after_any_number_of_turns_of_the_handshake", free_after_any_number_of_turns_of_the_handshake },
	{ "freed_in_the_read_callback", freed_in_the_read_callback },
	{ "freed_in_the_write_callback", freed_in_the_write_callback },
	{ "freed_when_connected", freed_when_connected },
	{ "freed_at_the_end", freed_at_the_end },
	{ "freed_at_an_error_of_the_handshake", freed_at_an_error_of_the_handshake },
	{ "freed_at_a_timeout", freed_at_a_timeout },
	{ "both_ends_freed_in_one_callback", both_ends_freed_in_one_callback },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
