/* testing/contract/libevent/tls_pair_test.c — TLS over a pair of bufferevents, and TLS over TLS.
 *
 * See tls_handshake_test.c. All is in memory: there is no descriptor.
 */
#include "testing/contract/libevent/tls_rig.h"

static struct bufferevent *below[2];

static void
over(struct side *side, struct bufferevent *lower, SSL *ssl, enum bufferevent_ssl_state state)
{
	*side = (struct side){ 0 };
	side->bev = bufferevent_openssl_filter_new(base, lower, ssl, state, rig.options | BEV_OPT_CLOSE_ON_FREE);
	CHECK(side->bev != NULL);
	side_watch(side);
	CHECK_INT_EQ(bufferevent_enable(side->bev, EV_READ | EV_WRITE), 0);
}

static void
open_over_pair(struct side *client, struct side *server)
{
	rig_open();
	CHECK_INT_EQ(bufferevent_pair_new(base, rig.options & BEV_OPT_THREADSAFE, below), 0);
	over(server, below[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	over(client, below[0], SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
}

static void
a_handshake_over_a_pair(void)
{
	struct side client, server;
	open_over_pair(&client, &server);
	UNTIL(client.connected && server.connected);
	CHECK_PTR_EQ(bufferevent_get_underlying(client.bev), below[0]);
	CHECK_INT_EQ(bufferevent_getfd(client.bev), -1);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
data_over_a_pair(void)
{
	struct side client, server;
	open_over_pair(&client, &server);
	side_send(&client, 1 << 20);
	side_send(&server, 1 << 20);
	UNTIL(client.received == 1 << 20 && server.received == 1 << 20);
	CHECK_INT_EQ(client.failed + server.failed, 0);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
close_notify_over_a_pair(void)
{
	struct side client, server;
	open_over_pair(&client, &server);
	side_send(&client, 1000);
	UNTIL(client.connected && server.received == 1000);
	SSL_shutdown(bufferevent_openssl_get_ssl(client.bev));
	UNTIL(server.ended);
	CHECK_INT_EQ(server.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	CHECK_INT_EQ(server.failed, 0);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
tls_over_tls(void)
{
	struct side client, server, outer_client = { 0 }, outer_server = { 0 };
	rig_pair(&outer_client, &outer_server);
	over(&server, outer_server.bev, SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	over(&client, outer_client.bev, SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
	side_send(&client, 100000);
	side_send(&server, 100000);
	UNTIL(client.received == 100000 && server.received == 100000);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static const struct evrt_test_case cases[] = {
	{ "a_handshake_over_a_pair", a_handshake_over_a_pair },
	{ "data_over_a_pair", data_over_a_pair },
	{ "close_notify_over_a_pair", close_notify_over_a_pair },
	{ "tls_over_tls", tls_over_tls },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
