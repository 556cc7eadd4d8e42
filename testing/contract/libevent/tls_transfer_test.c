/* testing/contract/libevent/tls_transfer_test.c — much data through TLS, kept flowing by write callbacks, each byte
 * compared.
 *
 * EVRT_TEST_TRANSFER_MB in the environment says how much: 32 unless it is set; 1024 takes some ten seconds, and may
 * need a greater EVRT_TEST_TIMEOUT_S.
 */
#include "testing/contract/libevent/tls_rig.h"

#include <stdlib.h>

#define PIECE_BYTES 100000
#define HELD_BYTES 65536 /* output below this: write more */

static size_t transfer_bytes;

static void
send_more(struct bufferevent *bev, void *arg)
{
	struct side *side = arg;

	(void)bev;
	side->writable++;
	if (side->sent < transfer_bytes)
		side_send(side, transfer_bytes - side->sent < PIECE_BYTES ? transfer_bytes - side->sent : PIECE_BYTES);
}

/* Keeps the read and event callbacks that the side has. */
static void
keep_sending(struct side *side)
{
	bufferevent_data_cb readcb;
	bufferevent_event_cb eventcb;

	bufferevent_getcb(side->bev, &readcb, NULL, &eventcb, NULL);
	bufferevent_setcb(side->bev, readcb, send_more, eventcb, side);
	bufferevent_setwatermark(side->bev, EV_WRITE, HELD_BYTES, 0);
	side_send(side, PIECE_BYTES);
}

static void
transfer(bool up, bool down)
{
	struct side client = { 0 }, server = { 0 };
	const char *megabytes = getenv("EVRT_TEST_TRANSFER_MB");

	transfer_bytes = (size_t)(megabytes ? atoi(megabytes) : 32) << 20;
	rig_pair_done(&client, &server);
	if (up)
		keep_sending(&client);
	if (down)
		keep_sending(&server);
	while (server.received < (up ? transfer_bytes : 0) || client.received < (down ? transfer_bytes : 0)) {
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
		CHECK_INT_EQ(client.failed + server.failed + client.ended + server.ended, 0);
	}
	CHECK_INT_EQ(server.received, client.sent);
	CHECK_INT_EQ(client.received, server.sent);
	side_close(&client);
	side_close(&server);
	rig_close();
}

static void
from_the_client(void)
{
	transfer(true, false);
}

static void
from_the_server(void)
{
	transfer(false, true);
}

static void
from_both_at_once(void)
{
	transfer(true, true);
}

static const struct evrt_test_case cases[] = {
	{ "from_the_client", from_the_client },
	{ "from_the_server", from_the_server },
	{ "from_both_at_once", from_both_at_once },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
