/* testing/contract/libevent/tls_rig.c — see tls_rig.h. */
#include "testing/contract/libevent/tls_rig.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct tls_rig rig = { .version = TLS1_3_VERSION };
struct event_base *base;
SSL_CTX *server_context, *client_context;

static const struct {
	const char *word;
	struct tls_rig adds;
} words[] = {
	{ "filter", { .filter = true } },
	{ "server", { .server = true } },
	{ "tls12", { .version = TLS1_2_VERSION } },
	{ "deferred", { .options = BEV_OPT_DEFER_CALLBACKS } },
	{ "threadsafe", { .options = BEV_OPT_THREADSAFE } },
	{ "unlocked", { .options = BEV_OPT_UNLOCK_CALLBACKS } },
};

static void
rig_read_words(void)
{
	const char *all = getenv("TLS_RIG");

	for (size_t i = 0; all && i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strstr(all, words[i].word))
			continue;
		rig.filter |= words[i].adds.filter;
		rig.server |= words[i].adds.server;
		rig.options |= words[i].adds.options;
		if (words[i].adds.version)
			rig.version = words[i].adds.version;
	}
}

long long
rig_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void
rig_turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

unsigned char
rig_byte(size_t at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 7 + (at >> 16));
}

void
rig_open(void)
{
	signal(SIGPIPE, SIG_IGN);
	rig_read_words();
	base = event_base_new();
	server_context = evrt_test_tls_server(rig.version);
	client_context = evrt_test_tls_client(rig.version);
}

void
rig_close(void)
{
	rig_turns(3); /* what was freed in turns that are still to come */
	event_base_free(base);
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	evrt_test_certs_free();
}

static void
do_not_block(int fds[2])
{
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[i]), 0);
}

void
rig_socketpair(int fds[2])
{
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	do_not_block(fds);
}

void
rig_tcp_pair(int fds[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT_EQ(bind(listener, (struct sockaddr *)&sin, len), 0);
	CHECK_INT_EQ(listen(listener, 1), 0);
	CHECK_INT_EQ(getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT_EQ(connect(fds[0], (struct sockaddr *)&sin, len), 0);
	fds[1] = accept(listener, NULL, NULL);
	CHECK(fds[1] >= 0);
	close(listener);
	do_not_block(fds);
}

/* ---- bufferevents */

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct side *side = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	unsigned char bytes[4096];
	int n;

	side->readable++;
	if (side->is_reading)
		return;
	if (side->echoes) {
		side->received += evbuffer_get_length(input);
		bufferevent_write_buffer(bev, input);
		return;
	}
	side->is_reading = true;
	while ((n = evbuffer_remove(input, bytes, sizeof(bytes))) > 0)
		for (int i = 0; i < n; i++)
			CHECK_INT_EQ(bytes[i], rig_byte(side->received++));
	side->is_reading = false;
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	(void)bev;
	((struct side *)arg)->writable++;
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct side *side = arg;

	side->last = what;
	side->connected += (what & BEV_EVENT_CONNECTED) != 0;
	side->ended += (what & BEV_EVENT_EOF) != 0;
	side->timed_out += (what & BEV_EVENT_TIMEOUT) != 0;
	if (!(what & BEV_EVENT_ERROR))
		return;
	side->failed++;
	for (unsigned long error; (error = bufferevent_get_openssl_error(bev)) != 0; side->errors++)
		if (side->error == 0)
			side->error = error;
}

struct bufferevent *
rig_bev(int fd, SSL *ssl, enum bufferevent_ssl_state state, int options)
{
	options |= rig.options;
	if (!rig.filter)
		return bufferevent_openssl_socket_new(base, fd, ssl, state, options);
	struct bufferevent *below = bufferevent_socket_new(base, fd,
	    options & (BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE));
	CHECK(below != NULL);
	bufferevent_setwatermark(below, EV_WRITE, 0, 65536);
	return bufferevent_openssl_filter_new(base, below, ssl, state, options);
}

void
side_watch(struct side *side)
{
	bufferevent_setcb(side->bev, on_read, on_write, on_event, side);
}

void
side_leave_input(struct side *side)
{
	bufferevent_setcb(side->bev, NULL, on_write, on_event, side);
}

void
side_take_input(struct side *side)
{
	side_watch(side);
	bufferevent_trigger(side->bev, EV_READ, 0);
}

void
side_open(struct side *side, int fd, SSL *ssl, enum bufferevent_ssl_state state)
{
	CHECK(ssl != NULL);
	side->bev = rig_bev(fd, ssl, state, BEV_OPT_CLOSE_ON_FREE);
	CHECK(side->bev != NULL);
	side_watch(side);
	CHECK_INT_EQ(bufferevent_enable(side->bev, EV_READ | EV_WRITE), 0);
}

void
side_send(struct side *side, size_t n)
{
	unsigned char bytes[8192];

	while (n > 0) {
		size_t len = n < sizeof(bytes) ? n : sizeof(bytes);
		for (size_t i = 0; i < len; i++)
			bytes[i] = rig_byte(side->sent++);
		CHECK_INT_EQ(bufferevent_write(side->bev, bytes, len), 0);
		n -= len;
	}
}

void
side_close(struct side *side)
{
	if (side->bev)
		bufferevent_free(side->bev);
	side->bev = NULL;
}

void
rig_pair(struct side *client, struct side *server)
{
	int fds[2];

	rig_open();
	rig_socketpair(fds);
	side_open(server, fds[1], SSL_new(server_context), BUFFEREVENT_SSL_ACCEPTING);
	side_open(client, fds[0], SSL_new(client_context), BUFFEREVENT_SSL_CONNECTING);
}

void
rig_pair_done(struct side *client, struct side *server)
{
	rig_pair(client, server);
	UNTIL(client->connected && server->connected);
}

/* ---- OpenSSL alone */

void
rig_one_over(struct side *side, struct peer *peer, const int fds[2])
{
	*peer = (struct peer){ .fd = fds[1] };
	peer->ssl = SSL_new(rig.server ? client_context : server_context);
	CHECK(peer->ssl != NULL);
	SSL_set_mode(peer->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	CHECK_INT_EQ(SSL_set_fd(peer->ssl, peer->fd), 1);
	if (rig.server)
		SSL_set_connect_state(peer->ssl);
	else
		SSL_set_accept_state(peer->ssl);
	side_open(side, fds[0], SSL_new(rig.server ? server_context : client_context),
	    rig.server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING);
}

void
rig_one(struct side *side, struct peer *peer)
{
	int fds[2];

	rig_open();
	rig_socketpair(fds);
	rig_one_over(side, peer, fds);
}

void
rig_one_done(struct side *side, struct peer *peer)
{
	rig_one(side, peer);
	UNTIL(peer_shakes_hands(peer) && side->connected);
}

static void
must_only_wait(const struct peer *peer, int result)
{
	int error = SSL_get_error(peer->ssl, result);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return;
	evrt_test_fail(__FILE__, __LINE__, "the peer: SSL error %d, %s, errno %d", error,
	    ERR_reason_error_string(ERR_peek_error()), errno);
}

bool
peer_shakes_hands(struct peer *peer)
{
	ERR_clear_error();
	int result = SSL_do_handshake(peer->ssl);

	if (result == 1)
		return true;
	must_only_wait(peer, result);
	return false;
}

bool
peer_sends(struct peer *peer, size_t up_to)
{
	unsigned char bytes[16384];

	while (peer->sent < up_to) {
		size_t n = up_to - peer->sent < sizeof(bytes) ? up_to - peer->sent : sizeof(bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = rig_byte(peer->sent + i);
		ERR_clear_error();
		int result = SSL_write(peer->ssl, bytes, (int)n);
		if (result <= 0) {
			must_only_wait(peer, result);
			return false;
		}
		peer->sent += (size_t)result;
	}
	return true;
}

/* What SSL_read said when there was nothing more to compare. */
static int
peer_compares(struct peer *peer, size_t up_to)
{
	unsigned char bytes[4096];
	int result = 1;

	while (peer->received < up_to) {
		size_t n = up_to - peer->received < sizeof(bytes) ? up_to - peer->received : sizeof(bytes);
		ERR_clear_error();
		result = SSL_read(peer->ssl, bytes, (int)n);
		if (result <= 0)
			break;
		for (int i = 0; i < result; i++)
			CHECK_INT_EQ(bytes[i], rig_byte(peer->received++));
	}
	return result;
}

bool
peer_receives(struct peer *peer, size_t up_to)
{
	int result = peer_compares(peer, up_to);

	if (result <= 0)
		must_only_wait(peer, result);
	return peer->received == up_to;
}

bool
peer_sees_the_end(struct peer *peer)
{
	int result = peer_compares(peer, SIZE_MAX);

	if (SSL_get_error(peer->ssl, result) == SSL_ERROR_ZERO_RETURN)
		return true;
	must_only_wait(peer, result);
	return false;
}

void
peer_close(struct peer *peer)
{
	SSL_free(peer->ssl);
	if (peer->fd >= 0)
		close(peer->fd);
	*peer = (struct peer){ NULL, -1, 0, 0 };
}
