/* testing/unit/api/bufferevent/graph_routes.c — see graph_rig.h: routes and the programs at their stations.
 *
 * Here:     sending, checking what arrives, relaying in many ways; the callbacks; what must always be true.
 * Threads:  one.
 */
#include "testing/unit/api/bufferevent/graph_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bufferevent/bufferevent_internal.h"
#include "testing/harness/test.h"

#define OUTPUT_FULL 65536 /* nothing more is written then, unless the graph settles */

struct graph graph;

static unsigned char
byte_at(const struct route *r, int way, uint32_t position)
{
	return (unsigned char)(position * 131 + (position >> 8) * 29 + r->salt + way * 77);
}

/* The station's number in its route. */
static int
number_of(const struct station *s)
{
	return (int)(s - s->route->station);
}

static bool
is_terminal(const struct station *s)
{
	return number_of(s) == 0 || number_of(s) == 2 * s->route->links - 1;
}

/* The stream that begins at a terminal; the one that ends there is the other. */
static int
way_from(const struct station *s)
{
	return number_of(s) == 0 ? 0 : 1;
}

static bool
output_full(struct station *s)
{
	return !graph.settling && evbuffer_get_length(bufferevent_get_output(top(s))) > OUTPUT_FULL;
}

/* A call that may only fail for want of memory, and then leaves everything as it was. */
static bool
worked(int result)
{
	CHECK(result >= 0 || graph.faults);
	return result >= 0;
}

/* --- terminals ------------------------------------------------------------------------------------ */

static void
send_some(struct station *s)
{
	struct route *r = s->route;
	struct stream *stream = &r->stream[way_from(s)];
	unsigned char block[4096];
	uint32_t n = graph.settling ? sizeof(block) : 1 + below(sizeof(block));

	if (n > stream->quota)
		n = stream->quota;
	if (n == 0 || output_full(s))
		return;
	for (uint32_t i = 0; i < n; i++)
		block[i] = byte_at(r, way_from(s), stream->sent + i);
	/* Before the call, in which the write callback may send more. */
	stream->sent += n;
	stream->quota -= n;
	if (!worked(bufferevent_write(top(s), block, n))) {
		stream->sent -= n;
		stream->quota += n;
	}
}

static void
check_bytes(struct station *s, const unsigned char *bytes, size_t n)
{
	struct route *r = s->route;
	int way = 1 - way_from(s);

	for (size_t i = 0; i < n; i++)
		if (bytes[i] != byte_at(r, way, r->stream[way].got + (uint32_t)i)) {
			route_print(r);
			evrt_test_fail(__FILE__, __LINE__, "byte %u of stream %d is %u, not %u, at station %d",
			    r->stream[way].got + (uint32_t)i, way, bytes[i],
			    byte_at(r, way, r->stream[way].got + (uint32_t)i), number_of(s));
		}
	r->stream[way].got += (uint32_t)n;
	graph.moved += n;
	CHECK(r->stream[way].got <= r->stream[way].sent);
}

static void
take_by_remove(struct station *s, size_t n)
{
	unsigned char block[3000];
	int got = evbuffer_remove(bufferevent_get_input(top(s)), block, n < sizeof(block) ? n : sizeof(block));

	CHECK(got >= 0);
	check_bytes(s, block, (size_t)got);
}

static void
take_by_read(struct station *s, size_t n)
{
	unsigned char block[3000];

	check_bytes(s, block, bufferevent_read(top(s), block, n < sizeof(block) ? n : sizeof(block)));
}

static void
take_by_buffer(struct station *s, size_t n)
{
	struct evbuffer *taken = evbuffer_new();

	unsigned char block[3000];
	int got;

	(void)n; /* all */
	if (taken && worked(bufferevent_read_buffer(top(s), taken)))
		while ((got = evbuffer_remove(taken, block, sizeof(block))) > 0)
			check_bytes(s, block, (size_t)got);
	if (taken)
		evbuffer_free(taken);
}

static void
take_by_peek(struct station *s, size_t n)
{
	struct evbuffer *input = bufferevent_get_input(top(s));
	struct evbuffer_iovec pieces[4];
	int count = evbuffer_peek(input, (ev_ssize_t)n, NULL, pieces, 4);
	size_t seen = 0;

	for (int i = 0; i < count && i < 4; i++) {
		check_bytes(s, pieces[i].iov_base, pieces[i].iov_len);
		seen += pieces[i].iov_len;
	}
	CHECK_INT_EQ(evbuffer_drain(input, seen), 0);
}

static void
take_by_pullup(struct station *s, size_t n)
{
	struct evbuffer *input = bufferevent_get_input(top(s));
	unsigned char *bytes = evbuffer_pullup(input, (ev_ssize_t)n);

	CHECK(bytes || n == 0 || graph.faults);
	if (!bytes)
		return;
	check_bytes(s, bytes, n);
	CHECK_INT_EQ(evbuffer_drain(input, n), 0);
}

static void
receive(struct station *s)
{
	static void (*const ways[])(struct station *, size_t n) = {
		take_by_remove, take_by_read, take_by_buffer, take_by_peek, take_by_pullup,
	};
	struct evbuffer *input = bufferevent_get_input(top(s));

	for (int again = graph.settling ? 1 : (int)below(4); again >= 0; again -= !graph.settling) {
		size_t n = evbuffer_get_length(input);
		if (n == 0)
			break;
		ways[below(sizeof(ways) / sizeof(ways[0]))](s, one_in(2) ? n : 1 + below((uint32_t)n));
	}
}

/* --- relays --------------------------------------------------------------------------------------- */

static void
relay_read_buffer(struct station *from, struct station *to, size_t n)
{
	(void)n;
	worked(bufferevent_read_buffer(top(from), bufferevent_get_output(top(to))));
}

static void
relay_write_buffer(struct station *from, struct station *to, size_t n)
{
	(void)n;
	worked(bufferevent_write_buffer(top(to), bufferevent_get_input(top(from))));
}

static void
relay_remove_buffer(struct station *from, struct station *to, size_t n)
{
	worked(evbuffer_remove_buffer(bufferevent_get_input(top(from)), bufferevent_get_output(top(to)), n));
}

static void
relay_copy(struct station *from, struct station *to, size_t n)
{
	unsigned char block[5000];
	ev_ssize_t got = evbuffer_copyout(bufferevent_get_input(top(from)), block, n < sizeof(block) ? n : sizeof(block));

	CHECK(got > 0);
	if (!worked(bufferevent_write(top(to), block, (size_t)got)) || from->freed)
		return;
	CHECK_INT_EQ(evbuffer_drain(bufferevent_get_input(top(from)), (size_t)got), 0);
}

/* The same memory in both for a moment. */
static void
relay_reference(struct station *from, struct station *to, size_t n)
{
	struct evbuffer *input = bufferevent_get_input(top(from));
	size_t all = evbuffer_get_length(input);

	/* Pieces that are references themselves cannot be told of twice. */
	if (evbuffer_add_buffer_reference(bufferevent_get_output(top(to)), input) < 0) {
		relay_copy(from, to, n);
		return;
	}
	if (!from->freed)
		CHECK_INT_EQ(evbuffer_drain(input, all), 0);
}

static void
relay(struct station *from, struct station *to)
{
	static void (*const ways[])(struct station *from, struct station *to, size_t n) = {
		relay_read_buffer, relay_write_buffer, relay_remove_buffer, relay_copy, relay_reference,
	};
	if (from->freed || to->freed)
		return;
	struct evbuffer *input = bufferevent_get_input(top(from));
	/* A write that leads to our own write callback leaves it to this one. */
	if (from->relaying)
		return;
	from->relaying = true;
	for (int again = graph.settling ? 1 : 2; again > 0 && !from->freed && !to->freed && !output_full(to);
	    again -= !graph.settling) {
		size_t n = evbuffer_get_length(input);
		if (n == 0)
			break;
		ways[below(sizeof(ways) / sizeof(ways[0]))](from, to, one_in(2) ? n : 1 + below((uint32_t)n));
	}
	from->relaying = false;
}

/* --- callbacks ------------------------------------------------------------------------------------ */

static struct station *
neighbour(struct station *s)
{
	return number_of(s) % 2 ? s + 1 : s - 1;
}

static void
after_input(struct station *s)
{
	if (is_terminal(s))
		receive(s);
	else
		relay(s, neighbour(s));
}

static void
after_output(struct station *s)
{
	if (is_terminal(s))
		send_some(s);
	else
		relay(neighbour(s), s);
}

void
station_poke(struct station *s)
{
	struct bufferevent *bev = top(s);

	bufferevent_incref(bev);
	after_input(s);
	if (!s->freed)
		after_output(s);
	bufferevent_decref(bev);
}

/* With a reference. */
static void
callback_ends(struct station *s)
{
	if (graph.act && !graph.settling && one_in(20) && !s->freed)
		graph.act(s);
	if (--graph.callbacks_left == 0)
		event_base_loopbreak(graph.base);
}

static void
called(struct bufferevent *bev, struct station *s)
{
	if (s->freed)
		route_print(s->route);
	CHECK(!s->freed);
	CHECK_PTR_EQ(bev, top(s));
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct station *s = arg;

	called(bev, s);
	if (!s->lazy || graph.settling)
		after_input(s);
	callback_ends(s);
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	struct station *s = arg;

	called(bev, s);
	if (!s->lazy || graph.settling)
		after_output(s);
	callback_ends(s);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct station *s = arg;
	struct route *r = s->route;

	called(bev, s);
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		if (!r->broken && !graph.faults)
			route_print(r);
		CHECK(r->broken || graph.faults);
		r->broken = true;
	} else {
		CHECK_INT_EQ(what, BEV_EVENT_CONNECTED);
	}
	callback_ends(s);
}

void
station_set_callbacks(struct station *s)
{
	bufferevent_setcb(top(s), on_read, on_write, on_event, s);
}

/* --- routes --------------------------------------------------------------------------------------- */

static void
station_open(struct station *s)
{
	station_set_callbacks(s);
	worked(bufferevent_enable(top(s), EV_READ | EV_WRITE));
	s->enabled = EV_READ | EV_WRITE;
}

void
route_extend(struct route *r)
{
	struct station *left = &r->station[2 * r->links], *right = left + 1;

	if (r->links == LINKS_MAX || r->broken)
		return;
	left->route = right->route = r;
	if (!link_make(left, right, r->kinds, sizeof(r->kinds))) {
		CHECK(graph.faults);
		return;
	}
	r->links++;
	station_open(left);
	station_open(right);
}

struct route *
route_new(void)
{
	struct route *r = calloc(1, sizeof(*r));

	CHECK(r != NULL);
	r->salt = (uint8_t)below(256);
	for (uint32_t i = 1 + below(LINKS_MAX); i > 0; i--)
		route_extend(r);
	if (r->links == 0) {
		free(r);
		return NULL;
	}
	return r;
}

void
route_free(struct route *r)
{
	r->freed = r->broken = true;
	for (int i = 0; i < 2 * r->links; i++)
		station_free(&r->station[i]);
}

bool
route_whole(const struct route *r)
{
	for (int i = 0; i < 2; i++)
		if (r->stream[i].got != r->stream[i].sent || r->stream[i].quota > 0)
			return false;
	return true;
}

void
route_print(struct route *r)
{
	fprintf(stderr, "route%s%s%s: right %u of %u, left %u of %u\n", r->kinds, r->broken ? " broken" : "",
	    r->freed ? " freed" : "", r->stream[0].got, r->stream[0].sent, r->stream[1].got, r->stream[1].sent);
	for (int i = 0; i < 2 * r->links; i++) {
		struct station *s = &r->station[i];
		fprintf(stderr, "  %d:%s", i, s->freed ? " freed" : "");
		for (int k = s->layers - 1; k >= 0 && !s->freed; k--) {
			struct bufferevent_private *p = evrt__bev(s->layer[k]);
			fprintf(stderr, " [in %zu out %zu enabled %x suspended %x %x options %x]",
			    evbuffer_get_length(p->bev.input), evbuffer_get_length(p->bev.output), p->bev.enabled,
			    p->read_suspended, p->write_suspended, p->options);
		}
		fprintf(stderr, "\n");
	}
}

static void
station_check(struct station *s)
{
	size_t low, high, len = evbuffer_get_length(bufferevent_get_input(top(s)));

	for (int i = 0; i < s->layers; i++) {
		CHECK(evrt__buffer_validate(bufferevent_get_input(s->layer[i])));
		CHECK(evrt__buffer_validate(bufferevent_get_output(s->layer[i])));
	}
	if (s->route->broken)
		return;
	/* The callback that tells of an error may be deferred. */
	if (!graph.faults)
		CHECK_INT_EQ(bufferevent_get_enabled(top(s)), s->enabled);
	CHECK_INT_EQ(bufferevent_getwatermark(top(s), EV_READ, &low, &high), 0);
	CHECK_INT_EQ(low, s->low);
	CHECK_INT_EQ(high, s->high);
	if (s->high == 0 || len <= s->high)
		s->excused = false;
	else if (!s->excused)
		route_print(s->route);
	CHECK(s->high == 0 || len <= s->high || s->excused);
}

void
route_check(struct route *r)
{
	for (int i = 0; i < 2 * r->links; i++)
		if (!r->station[i].freed)
			station_check(&r->station[i]);
}
