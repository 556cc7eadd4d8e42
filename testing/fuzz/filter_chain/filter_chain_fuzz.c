/* testing/fuzz/filter_chain/filter_chain_fuzz.c — arbitrary bytes as two stacks of filters over a pair, and what is
 * done with them.
 *
 * Here:     one entry point, for a fuzzer and for replay_test.c alike. A broken invariant aborts: what arrives on a
 *           side is what was written on the other, from the first byte on, and once all is enabled and flushed,
 *           all of it; a context is freed once; no filter function is called after that.
 * Threads:  one.
 *
 * The first byte says how many filters each side has (the same, so that each undoes its opposite), one byte for
 * each says how it behaves; then pairs of bytes, an operation and its argument.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "testing/fuzz/replay.h"

#define LEVELS_MAX 5
#define BYTES_MAX 2000u /* written by each side; every step of a buffer checks all of it */
#define IDLE_ROUNDS_MAX 100 /* more than a chain of lazy filters needs for the next byte */
#define MUST(condition) ((condition) ? (void)0 : abort())

struct level {
	size_t step;     /* bytes a call takes at most */
	size_t hoard;    /* output that is less than this waits for a flush */
	uint8_t key;
	bool lazy;       /* every other call says NEED_MORE */
	bool lies;       /* says OK when it has done nothing */
	bool odd[2];     /* the calls of each direction, for `lazy` */
	bool freed;
};

struct side {
	struct bufferevent *top; /* NULL: freed */
	struct level level[LEVELS_MAX];
	size_t written, read;    /* bytes, from the first on */
	size_t drain;            /* what the read callback takes */
	bool ends;               /* the next callback frees the side */
	bool quiet;              /* the write callback writes nothing */
};

static struct event_base *base;
static struct side sides[2];
static int levels;

static uint8_t
byte_at(size_t i)
{
	return (uint8_t)((i * 2654435761u) >> 13);
}

/* --- filter functions --------------------------------------------------------------------- */

static enum bufferevent_filter_result
level_run(struct level *l, int direction, struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit)
{
	uint8_t bytes[64];
	size_t n = l->step;

	MUST(!l->freed);
	l->odd[direction] = !l->odd[direction];
	if (l->lazy && l->odd[direction])
		return l->lies ? BEV_OK : BEV_NEED_MORE;
	if (limit >= 0 && n > (size_t)limit)
		n = (size_t)limit;
	int got = evbuffer_remove(src, bytes, n);
	if (got <= 0)
		return l->lies ? BEV_OK : BEV_NEED_MORE;
	for (int i = 0; i < got; i++)
		bytes[i] ^= l->key;
	MUST(evbuffer_add(dst, bytes, (size_t)got) == 0);
	return BEV_OK;
}

static enum bufferevent_filter_result
level_in(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	MUST(limit != 0);
	(void)mode;
	return level_run(arg, 0, src, dst, limit);
}

static enum bufferevent_filter_result
level_out(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	struct level *l = arg;

	MUST(limit != 0);
	if (mode == BEV_NORMAL && evbuffer_get_length(src) < l->hoard)
		return BEV_NEED_MORE;
	return level_run(l, 1, src, dst, limit);
}

static void
level_freed(void *arg)
{
	struct level *l = arg;

	MUST(!l->freed);
	l->freed = true;
}

/* --- sides -------------------------------------------------------------------------------- */

static void
side_take(struct side *s, size_t most)
{
	uint8_t bytes[512];
	struct side *other = &sides[s == &sides[0]];

	while (most > 0) {
		size_t n = bufferevent_read(s->top, bytes, most < sizeof(bytes) ? most : sizeof(bytes));
		for (size_t i = 0; i < n; i++)
			MUST(bytes[i] == byte_at(s->read + i));
		s->read += n;
		MUST(s->read <= other->written);
		if (n == 0)
			return;
		most -= n;
	}
}

static void
side_free(struct side *s)
{
	bufferevent_free(s->top);
	s->top = NULL;
}

static bool
side_ends(struct side *s)
{
	if (!s->ends)
		return false;
	side_free(s);
	return true;
}

static void
side_readable(struct bufferevent *bev, void *arg)
{
	struct side *s = arg;

	MUST(bev == s->top);
	if (!side_ends(s))
		side_take(s, s->drain);
}

static void
side_write(struct side *s, size_t n)
{
	uint8_t bytes[256];

	for (size_t i = 0; i < n && i < sizeof(bytes); i++)
		bytes[i] = byte_at(s->written + i);
	if (s->written + n > BYTES_MAX)
		return;
	s->written += n; /* before: it may arrive inside of the call */
	MUST(bufferevent_write(s->top, bytes, n) == 0);
}

static void
side_writable(struct bufferevent *bev, void *arg)
{
	struct side *s = arg;

	MUST(bev == s->top);
	if (!side_ends(s) && !s->quiet && s->written % 3 == 0 && s->written < BYTES_MAX / 2)
		side_write(s, 1);
}

static void
side_event(struct bufferevent *bev, short what, void *arg)
{
	struct side *s = arg;

	(void)what;
	MUST(bev == s->top);
	(void)side_ends(s);
}

static void
side_open(struct side *s, struct bufferevent *end, const unsigned char *behaviour)
{
	memset(s, 0, sizeof(*s));
	s->top = end;
	s->drain = 64;
	for (int i = 0; i < levels; i++) {
		unsigned char c = behaviour[i];
		s->level[i] = (struct level){ .step = (c & 7) * 9u + 1, .hoard = c & 8 ? c >> 4 : 0, .key = c,
			.lazy = (c & 0x30) == 0x30, .lies = (c & 0x41) == 0x41 };
		s->top = bufferevent_filter_new(s->top, level_in, level_out,
		    BEV_OPT_CLOSE_ON_FREE | (c & 0x80 ? BEV_OPT_DEFER_CALLBACKS : 0), level_freed, &s->level[i]);
		MUST(s->top != NULL);
	}
	bufferevent_setcb(s->top, side_readable, side_writable, side_event, s);
}

/* The bufferevent `n` levels below the top, or the lowest. */
static struct bufferevent *
side_level(struct side *s, unsigned n)
{
	struct bufferevent *bev = s->top, *next;

	while (n-- > 0 && (next = bufferevent_get_underlying(bev)) != NULL)
		bev = next;
	return bev;
}

/* --- operations --------------------------------------------------------------------------- */

static void op_write(struct side *s, unsigned arg) { side_write(s, arg); }
static void op_take(struct side *s, unsigned arg) { side_take(s, arg); }
static void op_drain(struct side *s, unsigned arg) { s->drain = arg + 1; }
static void op_free(struct side *s, unsigned arg) { arg % 16 == 5 ? side_free(s) : (void)0; }
static void op_end(struct side *s, unsigned arg) { s->ends |= arg % 16 == 5; }

static void
op_enable(struct side *s, unsigned arg)
{
	MUST(bufferevent_enable(side_level(s, arg >> 2), (short)((arg & 3) << 1)) == 0);
}

static void
op_disable(struct side *s, unsigned arg)
{
	MUST(bufferevent_disable(side_level(s, arg >> 2), (short)((arg & 3) << 1)) == 0);
}

static void
op_watermark(struct side *s, unsigned arg)
{
	bufferevent_setwatermark(side_level(s, arg >> 5), arg & 1 ? EV_READ : EV_WRITE, (arg >> 1) & 1,
	    ((arg >> 2) & 7) * 5u);
}

static void
op_flush(struct side *s, unsigned arg)
{
	(void)bufferevent_flush(side_level(s, arg >> 4), (short)((arg & 3) << 1),
	    (enum bufferevent_flush_mode)((arg >> 2) % 3));
}

static void
op_trigger(struct side *s, unsigned arg)
{
	bufferevent_trigger(side_level(s, arg >> 4), (short)((arg & 3) << 1),
	    arg & 4 ? BEV_TRIG_DEFER_CALLBACKS : arg & 8 ? BEV_TRIG_IGNORE_WATERMARKS : 0);
}

static void
op_turn(struct side *s, unsigned arg)
{
	(void)s, (void)arg;
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void (*const operations[])(struct side *, unsigned) = {
	op_write, op_take, op_enable, op_disable, op_watermark, op_flush, op_trigger, op_turn, op_drain, op_free, op_end,
	op_write, op_turn,
};

/* --- the end ------------------------------------------------------------------------------ */

static void
side_let_go(struct side *s)
{
	struct bufferevent *bev = s->top;

	s->ends = false;
	s->quiet = true;
	s->drain = BYTES_MAX;
	for (; bev; bev = bufferevent_get_underlying(bev)) {
		bufferevent_setwatermark(bev, EV_READ | EV_WRITE, 0, 0);
		MUST(bufferevent_enable(bev, EV_READ | EV_WRITE) == 0);
	}
}

static void
all_must_arrive(void)
{
	if (!sides[0].top || !sides[1].top)
		return;
	side_let_go(&sides[0]);
	side_let_go(&sides[1]);
	for (int idle = 0; idle < IDLE_ROUNDS_MAX; idle++) {
		size_t before = sides[0].read + sides[1].read;
		for (int j = 0; j < 2; j++) {
			(void)bufferevent_flush(sides[j].top, EV_READ | EV_WRITE, BEV_FLUSH);
			side_take(&sides[j], BYTES_MAX);
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (sides[0].read == sides[1].written && sides[1].read == sides[0].written)
			return;
		if (sides[0].read + sides[1].read > before)
			idle = 0;
	}
	abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct bufferevent *ends[2];

	if (size < 1 + LEVELS_MAX)
		return 0;
	base = event_base_new();
	MUST(base != NULL);
	levels = data[0] % (LEVELS_MAX + 1);
	MUST(bufferevent_pair_new(base, 0, ends) == 0);
	side_open(&sides[0], ends[0], data + 1);
	side_open(&sides[1], ends[1], data + 1);
	for (size_t i = 1 + LEVELS_MAX; i + 1 < size; i += 2) {
		struct side *s = &sides[data[i] >> 7];
		if (s->top)
			operations[(data[i] & 0x7f) % (sizeof(operations) / sizeof(operations[0]))](s, data[i + 1]);
	}
	all_must_arrive();
	for (int i = 0; i < 2; i++)
		if (sides[i].top)
			side_free(&sides[i]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	for (int i = 0; i < 2 * levels; i++)
		MUST(sides[i % 2].level[i / 2].freed);
	event_base_free(base);
	return 0;
}
