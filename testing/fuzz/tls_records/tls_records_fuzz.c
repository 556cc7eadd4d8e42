/* testing/fuzz/tls_records/tls_records_fuzz.c — a hostile peer in front of a TLS bufferevent.
 *
 * The input is a program for that peer. Its first byte says what it meets: client or server, socket or filter, 1.2
 * or 1.3, and whether an honest handshake comes first. Then steps of an opcode, and what they need: the peer is an
 * honest OpenSSL whose records lie on the wire until steps deliver, bend, drop, repeat or replace them. Others act on
 * the bufferevent: write, disable, free.
 * Invariants, beside memory: what comes out of the bufferevent is what the peer wrote, in order and from its
 * beginning, whatever is done to the wire; nothing comes out behind an error of reading; the loop ends its turns.
 * Random numbers are the same for every input, so that an input does the same each time.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD, the shortest way to numbers that repeat themselves */
#include "testing/fuzz/replay.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/tls/certs.h"

#define STEPS_MAX 200
#define WIRE_BYTES_MAX (1 << 20)

enum { IS_SERVER = 1, IS_FILTER = 2, IS_12 = 4, SHAKES_HANDS = 8, IS_DEFERRED = 16, IS_DIRTY = 32, HAS_WATERMARK = 64 };

struct scene {
	struct event_base *base;
	struct bufferevent *bev;
	SSL *peer;             /* reads from and writes to memory */
	struct evbuffer *wire; /* what the peer has written and nobody has delivered */
	int fd;                /* the other end of the bufferevent's connection; -1: closed */
	size_t sent, received; /* by the peer; by the bufferevent's program */
	bool is_broken;        /* the bufferevent said that reading has failed */
	bool is_reading;       /* the read callback runs */
	const unsigned char *in, *end;
};

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* ---- numbers that repeat themselves */

static uint64_t random_state;

static int
random_bytes(unsigned char *out, int n)
{
	for (int i = 0; i < n; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		out[i] = (unsigned char)(random_state >> 56);
	}
	return 1;
}

static int
random_status(void)
{
	return 1;
}

static const RAND_METHOD repeating = { .bytes = random_bytes, .pseudorand = random_bytes, .status = random_status };

/* [is 1.2] */
static SSL_CTX *servers[2], *clients[2];

static void
set_up(void)
{
	static const int versions[2] = { TLS1_3_VERSION, TLS1_2_VERSION };

	if (servers[0])
		return;
	signal(SIGPIPE, SIG_IGN);
	require(RAND_set_rand_method(&repeating));
	for (int i = 0; i < 2; i++) {
		servers[i] = evrt_test_tls_server(versions[i]);
		clients[i] = evrt_test_tls_client(versions[i]);
		SSL_CTX_set_session_cache_mode(servers[i], SSL_SESS_CACHE_OFF);
	}
	evrt_test_certs_free();
}

/* ---- the bufferevent's program */

static unsigned char
pattern(size_t at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 7);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct scene *scene = arg;
	unsigned char bytes[1024];
	size_t n;

	/* Taking something from full input may bring more, and the callback again. */
	if (scene->is_reading)
		return;
	scene->is_reading = true;
	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0) {
		require(!scene->is_broken);
		for (size_t i = 0; i < n; i++)
			require(bytes[i] == pattern(scene->received++));
	}
	scene->is_reading = false;
	require(scene->received <= scene->sent);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct scene *scene = arg;

	if (!(what & BEV_EVENT_ERROR))
		return;
	for (int errors = 0; bufferevent_get_openssl_error(bev) != 0; errors++)
		require(errors < 16);
	/* What came before can be read when writing has failed. */
	if (!(what & BEV_EVENT_WRITING))
		scene->is_broken = true;
}

static void
bufferevent_make(struct scene *scene, unsigned char kind, int fd)
{
	int is_12 = (kind & IS_12) != 0;
	int options = BEV_OPT_CLOSE_ON_FREE | (kind & IS_DEFERRED ? BEV_OPT_DEFER_CALLBACKS : 0);
	SSL *ssl = SSL_new(kind & IS_SERVER ? servers[is_12] : clients[is_12]);
	enum bufferevent_ssl_state state = kind & IS_SERVER ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;

	if (kind & IS_FILTER)
		scene->bev = bufferevent_openssl_filter_new(scene->base,
		    bufferevent_socket_new(scene->base, fd, BEV_OPT_CLOSE_ON_FREE), ssl, state, options);
	else
		scene->bev = bufferevent_openssl_socket_new(scene->base, fd, ssl, state, options);
	require(scene->bev != NULL);
	bufferevent_openssl_set_allow_dirty_shutdown(scene->bev, (kind & IS_DIRTY) != 0);
	if (kind & HAS_WATERMARK)
		bufferevent_setwatermark(scene->bev, EV_READ, 0, 100);
	bufferevent_setcb(scene->bev, on_read, NULL, on_event, scene);
	bufferevent_enable(scene->bev, EV_READ | EV_WRITE);
}

static void
scene_open(struct scene *scene, unsigned char kind)
{
	int fds[2], is_12 = (kind & IS_12) != 0;

	scene->base = event_base_new();
	scene->wire = evbuffer_new();
	require(scene->base && scene->wire && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
	scene->fd = fds[1];
	scene->peer = SSL_new(kind & IS_SERVER ? clients[is_12] : servers[is_12]);
	SSL_set_bio(scene->peer, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (kind & IS_SERVER)
		SSL_set_connect_state(scene->peer);
	else
		SSL_set_accept_state(scene->peer);
	bufferevent_make(scene, kind, fds[0]);
}

/* ---- the wire */

/* The loop turns; the peer hears what the bufferevent says, and what it says itself lies on the wire. */
static void
turn(struct scene *scene)
{
	unsigned char bytes[4096];
	ssize_t n;
	int written;

	event_base_loop(scene->base, EVLOOP_NONBLOCK);
	while (scene->fd >= 0 && (n = read(scene->fd, bytes, sizeof(bytes))) > 0)
		BIO_write(SSL_get_rbio(scene->peer), bytes, (int)n);
	while (SSL_read(scene->peer, bytes, sizeof(bytes)) > 0)
		;
	ERR_clear_error();
	while ((written = BIO_read(SSL_get_wbio(scene->peer), bytes, sizeof(bytes))) > 0)
		if (evbuffer_get_length(scene->wire) < WIRE_BYTES_MAX)
			evbuffer_add(scene->wire, bytes, (size_t)written);
}

static void
deliver(struct scene *scene, size_t n)
{
	if (scene->fd >= 0 && n > 0)
		evbuffer_write_atmost(scene->wire, scene->fd, (ev_ssize_t)n);
}

static unsigned
next(struct scene *scene)
{
	return scene->in < scene->end ? *scene->in++ : 0;
}

/* ---- steps */

static void
step_deliver_all(struct scene *scene)
{
	deliver(scene, WIRE_BYTES_MAX);
}

static void
step_deliver_some(struct scene *scene)
{
	deliver(scene, next(scene));
}

static void
step_bend(struct scene *scene)
{
	size_t at = next(scene), len = evbuffer_get_length(scene->wire);
	unsigned change = next(scene);

	if (len > 0)
		evbuffer_pullup(scene->wire, -1)[at % len] ^= (unsigned char)change;
}

static void
step_drop(struct scene *scene)
{
	evbuffer_drain(scene->wire, next(scene));
}

/* What comes next comes twice. */
static void
step_repeat(struct scene *scene)
{
	unsigned char bytes[256];
	size_t n = next(scene);
	ev_ssize_t copied = evbuffer_copyout(scene->wire, bytes, n);

	if (copied > 0)
		evbuffer_prepend(scene->wire, bytes, (size_t)copied);
}

/* Bytes of the input itself. */
static void
step_insert(struct scene *scene)
{
	size_t n = next(scene), left = (size_t)(scene->end - scene->in);

	n = n < left ? n : left;
	evbuffer_prepend(scene->wire, scene->in, n);
	scene->in += n;
}

static void
step_peer_writes(struct scene *scene)
{
	unsigned char bytes[4096];
	size_t n = next(scene) * 16 + 1;

	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern(scene->sent + i);
	int written = SSL_is_init_finished(scene->peer) ? SSL_write(scene->peer, bytes, (int)n) : 0;
	if (written > 0)
		scene->sent += (size_t)written;
	ERR_clear_error();
}

static void
step_peer_acts(struct scene *scene)
{
	unsigned act = next(scene);

	if (act % 4 == 0)
		SSL_shutdown(scene->peer);
	else if (act % 4 == 1)
		SSL_key_update(scene->peer, SSL_KEY_UPDATE_REQUESTED);
	else if (act % 4 == 2)
		SSL_renegotiate(scene->peer);
	else if (scene->fd >= 0 && act & 4)
		shutdown(scene->fd, SHUT_WR);
	SSL_do_handshake(scene->peer);
	ERR_clear_error();
}

static void
step_peer_leaves(struct scene *scene)
{
	if (scene->fd >= 0)
		close(scene->fd);
	scene->fd = -1;
}

static void
step_write(struct scene *scene)
{
	static const unsigned char zeros[4096];

	if (scene->bev)
		bufferevent_write(scene->bev, zeros, next(scene) * 16 + 1);
}

static void
step_enable(struct scene *scene)
{
	short events = (short)(next(scene) & (EV_READ | EV_WRITE));

	if (!scene->bev)
		return;
	bufferevent_disable(scene->bev, EV_READ | EV_WRITE);
	bufferevent_enable(scene->bev, events);
}

static void
step_finish(struct scene *scene)
{
	unsigned how = next(scene);

	if (!scene->bev)
		return;
	if (how % 4 == 0)
		bufferevent_flush(scene->bev, EV_WRITE, BEV_FINISHED);
	else if (how % 4 == 1)
		bufferevent_ssl_renegotiate(scene->bev);
	else if (how % 4 == 2)
		bufferevent_trigger(scene->bev, EV_READ | EV_WRITE, 0);
	else {
		bufferevent_free(scene->bev);
		scene->bev = NULL;
	}
}

static void (*const steps[])(struct scene *) = {
	step_deliver_all, step_deliver_some, step_bend, step_drop, step_repeat, step_insert, step_peer_writes,
	step_peer_acts, step_peer_leaves, step_write, step_enable, step_finish,
};

static void
scene_close(struct scene *scene)
{
	turn(scene);
	if (scene->bev)
		bufferevent_free(scene->bev);
	event_base_loop(scene->base, EVLOOP_NONBLOCK);
	event_base_free(scene->base);
	evbuffer_free(scene->wire);
	SSL_free(scene->peer);
	if (scene->fd >= 0)
		close(scene->fd);
	ERR_clear_error();
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct scene scene = { .in = data, .end = data + size };

	set_up();
	random_state = 1;
	unsigned char kind = (unsigned char)next(&scene);
	scene_open(&scene, kind);
	for (int i = 0; i < 6; i++) {
		turn(&scene);
		if (kind & SHAKES_HANDS)
			step_deliver_all(&scene);
	}
	for (int i = 0; i < STEPS_MAX && scene.in < scene.end; i++) {
		steps[next(&scene) % (sizeof(steps) / sizeof(steps[0]))](&scene);
		turn(&scene);
	}
	scene_close(&scene);
	return 0;
}
