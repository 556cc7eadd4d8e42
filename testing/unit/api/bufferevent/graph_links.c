/* testing/unit/api/bufferevent/graph_links.c — see graph_rig.h: links of random kinds.
 *
 * Here:     what is at the bottom, the filters and their functions, freeing of an end.
 * Threads:  one.
 */
#include "testing/unit/api/bufferevent/graph_rig.h"

#include <event2/bufferevent_ssl.h>
#include <event2/util.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/tls/certs.h"

/* --- functions of filters ------------------------------------------------------------------------- */

struct context {
	struct evbuffer *held;
	struct route *route;
};

/* Nobody calls a function again just because it has failed: not before more bytes come. */
static enum bufferevent_filter_result
result_of(int r, void *arg)
{
	struct context *c = arg;

	if (r >= 0)
		return BEV_OK;
	CHECK(graph.faults);
	c->route->broken = true;
	return BEV_ERROR;
}

static size_t
at_most(struct evbuffer *src, ev_ssize_t limit, size_t most)
{
	size_t n = evbuffer_get_length(src);

	if (limit >= 0 && (size_t)limit < n)
		n = (size_t)limit;
	return n < most ? n : most;
}

static enum bufferevent_filter_result
move(struct evbuffer *src, struct evbuffer *dst, size_t n, void *arg)
{
	return n == 0 ? BEV_NEED_MORE : result_of(evbuffer_remove_buffer(src, dst, n), arg);
}

/* Copies what a function has made, and drains what it has used. */
static enum bufferevent_filter_result
replace(struct evbuffer *src, size_t used, struct evbuffer *dst, const void *made, size_t size, void *arg)
{
	if (used == 0)
		return BEV_NEED_MORE;
	enum bufferevent_filter_result result = result_of(evbuffer_add(dst, made, size), arg);
	if (result == BEV_OK)
		evbuffer_drain(src, used);
	return result;
}

static enum bufferevent_filter_result
pass(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	(void)mode;
	return move(src, dst, at_most(src, limit, 1 + below(5000)), arg);
}

static enum bufferevent_filter_result
invert(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	unsigned char block[512];
	size_t n = at_most(src, limit, sizeof(block));

	(void)mode;
	evbuffer_copyout(src, block, n);
	for (size_t i = 0; i < n; i++)
		block[i] = (unsigned char)~block[i];
	return replace(src, n, dst, block, n, arg);
}

#define ESCAPE 0x7d

/* One byte in eight becomes two. Beyond the limit by one where that is 1. */
static enum bufferevent_filter_result
escape(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	unsigned char in[256], out[512];
	size_t n = at_most(src, limit, sizeof(in)), made = 0, used = 0;

	(void)mode;
	evbuffer_copyout(src, in, n);
	for (; used < n; used++) {
		bool special = (in[used] & 0xe0) == 0x60;
		if (limit >= 0 && made > 0 && made + 1 + special > (size_t)limit)
			break;
		if (special)
			out[made++] = ESCAPE;
		out[made++] = special ? in[used] ^ 0xff : in[used];
	}
	return replace(src, used, dst, out, made, arg);
}

static enum bufferevent_filter_result
unescape(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	unsigned char in[512], out[512];
	size_t n = at_most(src, -1, sizeof(in)), made = 0, used = 0;

	(void)mode;
	evbuffer_copyout(src, in, n);
	while (used < n && (limit < 0 || made < (size_t)limit)) {
		bool special = in[used] == ESCAPE;
		if (special && used + 1 == n)
			break;
		out[made++] = special ? in[used + 1] ^ 0xff : in[used];
		used += 1 + special;
	}
	return replace(src, used, dst, out, made, arg);
}

/* Keeps everything where it is until a flush. */
static enum bufferevent_filter_result
wait_there(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	if (mode == BEV_NORMAL && !graph.settling)
		return BEV_NEED_MORE;
	return pass(src, dst, limit, mode, arg);
}

/* Takes everything in, and gives it away at a flush. */
static enum bufferevent_filter_result
hold(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	struct context *c = arg;

	(void)limit; /* nobody would ask for the rest */
	if (result_of(evbuffer_add_buffer(c->held, src), arg) != BEV_OK)
		return BEV_ERROR;
	if (mode == BEV_NORMAL && !graph.settling)
		return BEV_NEED_MORE;
	return move(c->held, dst, evbuffer_get_length(c->held), arg);
}

static void
context_free(void *arg)
{
	struct context *c = arg;

	evbuffer_free(c->held);
	free(c);
	graph.contexts--;
}

static const struct filter_kind {
	const char *name;
	bufferevent_filter_cb in, out;
} filter_kinds[] = {
	{ "none", NULL, NULL },
	{ "pass", pass, pass },
	{ "invert", invert, invert },
	{ "escape", unescape, escape },
	{ "wait", NULL, wait_there },
	{ "hold", pass, hold },
};

/* --- ends ----------------------------------------------------------------------------------------- */

static int
random_options(void)
{
	int options = one_in(2) ? BEV_OPT_THREADSAFE : 0;

	if (one_in(3))
		options |= BEV_OPT_DEFER_CALLBACKS | (one_in(2) ? BEV_OPT_UNLOCK_CALLBACKS : 0);
	return options;
}

void
station_free(struct station *s)
{
	bool frees = true;

	if (s->freed)
		return;
	s->freed = true;
	for (int i = s->layers - 1; i >= 0; i--) {
		if (frees)
			bufferevent_free(s->layer[i]);
		frees = !s->frees_below[i];
	}
	if (s->own_fd >= 0)
		evutil_closesocket(s->own_fd);
}

static void
station_push(struct station *s, struct bufferevent *bev, bool frees_below)
{
	s->frees_below[s->layers] = frees_below;
	s->layer[s->layers++] = bev;
}

static void
tcp_pair(evutil_socket_t fds[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&sin, sizeof(sin)) == 0 && listen(listener, 1) == 0);
	CHECK_INT_EQ(getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	CHECK((fds[0] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	CHECK_INT_EQ(connect(fds[0], (struct sockaddr *)&sin, sizeof(sin)), 0);
	CHECK((fds[1] = accept(listener, NULL, NULL)) >= 0);
	close(listener);
}

static void
descriptors(evutil_socket_t fds[2])
{
	if (one_in(3))
		tcp_pair(fds);
	else
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		int size = 4096 << below(5);
		CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[i]), 0);
		if (one_in(2))
			CHECK_INT_EQ(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	}
}

static bool
bottom_sockets(struct station *ends[2])
{
	evutil_socket_t fds[2];
	bool ok = true;

	descriptors(fds);
	for (int i = 0; i < 2; i++) {
		bool closes = one_in(2);
		int options = random_options() | (closes ? BEV_OPT_CLOSE_ON_FREE : 0);
		struct bufferevent *bev = bufferevent_socket_new(graph.base, fds[i], options);
		ends[i]->has_fd = true;
		ends[i]->own_fd = closes && bev ? -1 : fds[i];
		if (bev)
			station_push(ends[i], bev, closes);
		ok = ok && bev;
	}
	return ok;
}

static bool
bottom_pair(struct station *ends[2])
{
	struct bufferevent *pair[2];

	if (bufferevent_pair_new(graph.base, random_options(), pair) < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		station_push(ends[i], pair[i], false);
		CHECK_PTR_EQ(bufferevent_pair_get_partner(pair[i]), pair[1 - i]);
	}
	return true;
}

static SSL *
ssl_new(int i)
{
	static SSL_CTX *contexts[2];

	if (!contexts[0]) {
		contexts[0] = evrt_test_tls_server(0);
		contexts[1] = evrt_test_tls_client(0);
		evrt_test_certs_free();
	}
	SSL *ssl = SSL_new(contexts[i]);
	CHECK(ssl != NULL);
	return ssl;
}

static enum bufferevent_ssl_state
ssl_state(int i)
{
	return i == 0 ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
}

static bool
bottom_tls(struct station *ends[2])
{
	evutil_socket_t fds[2];
	bool ok = true;

	descriptors(fds);
	for (int i = 0; i < 2; i++) {
		struct bufferevent *bev = bufferevent_openssl_socket_new(graph.base, fds[i], ssl_new(i), ssl_state(i),
		    random_options() | BEV_OPT_CLOSE_ON_FREE);
		ends[i]->has_tls = true;
		ends[i]->own_fd = bev ? -1 : fds[i];
		if (bev)
			station_push(ends[i], bev, true);
		ok = ok && bev;
	}
	return ok;
}

static const struct {
	const char *name;
	bool (*make)(struct station *ends[2]);
} bottoms[] = {
	{ "sockets", bottom_sockets },
	{ "sockets", bottom_sockets },
	{ "pair", bottom_pair },
	{ "pair", bottom_pair },
	{ "tls", bottom_tls },
};

static struct bufferevent *
filter_new(struct route *r, struct bufferevent *underlying, const struct filter_kind *kind, int options)
{
	struct context *c = kind->in || kind->out ? malloc(sizeof(*c)) : NULL;
	struct bufferevent *bev = NULL;

	if (c)
		*c = (struct context){ evbuffer_new(), r };
	if (!c || c->held)
		bev = bufferevent_filter_new(underlying, kind->in, kind->out, options, c ? context_free : NULL, c);
	if (bev)
		graph.contexts += c != NULL;
	else if (c && c->held)
		evbuffer_free(c->held);
	if (!bev)
		free(c);
	return bev;
}

static bool
put_filter(struct station *s, const struct filter_kind *kind)
{
	/* A descriptor that is ours to close is so only when its bufferevent is freed by ourselves. */
	bool frees = one_in(2) && !(s->layers == 1 && s->own_fd >= 0);
	int options = random_options() | (frees ? BEV_OPT_CLOSE_ON_FREE : 0);
	struct bufferevent *bev = filter_new(s->route, top(s), kind, options);

	if (!bev)
		return false;
	CHECK_PTR_EQ(bufferevent_get_underlying(bev), top(s));
	station_push(s, bev, frees);
	return true;
}

static bool
put_tls(struct station *s, int side)
{
	struct bufferevent *bev = bufferevent_openssl_filter_new(graph.base, top(s), ssl_new(side), ssl_state(side),
	    random_options() | BEV_OPT_CLOSE_ON_FREE);

	if (!bev)
		return false;
	s->has_tls = true;
	station_push(s, bev, true);
	return true;
}

static bool
put_layer(struct station *ends[2], char *kind, size_t kind_size)
{
	/* TLS always frees what is below: see put_filter. */
	bool tls = one_in(8) && ends[0]->own_fd < 0 && ends[1]->own_fd < 0;
	const struct filter_kind *filter = &filter_kinds[below(sizeof(filter_kinds) / sizeof(filter_kinds[0]))];
	bool ok = true;

	for (int i = 0; i < 2; i++)
		ok = ok && (tls ? put_tls(ends[i], i) : put_filter(ends[i], filter));
	size_t len = strlen(kind);
	evutil_snprintf(kind + len, kind_size - len, "+%s", tls ? "tls" : filter->name);
	return ok;
}

bool
link_make(struct station *left, struct station *right, char *kind, size_t kind_size)
{
	struct station *ends[2] = { left, right };
	unsigned bottom = below(sizeof(bottoms) / sizeof(bottoms[0]));
	int filters = one_in(2) ? (int)below(LAYERS_MAX) : 0;

	for (int i = 0; i < 2; i++)
		*ends[i] = (struct station){ .route = ends[i]->route, .own_fd = -1, .enabled = EV_WRITE };
	size_t len = strlen(kind);
	evutil_snprintf(kind + len, kind_size - len, " %s", bottoms[bottom].name);
	bool ok = bottoms[bottom].make(ends);
	while (ok && filters-- > 0)
		ok = put_layer(ends, kind, kind_size);
	if (!ok)
		for (int i = 0; i < 2; i++)
			station_free(ends[i]);
	return ok;
}
