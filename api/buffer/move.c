/* api/buffer/move.c — bytes from one evbuffer to another, by relinking chains.
 *
 * Here:     add_buffer, prepend_buffer, remove_buffer.
 * Not here: sharing (reference.c).
 * Threads:  as in event2/buffer.h; both locks are held.
 */
#include "api/buffer/buffer_internal.h"

#include <limits.h>

/* A run of linked chains, taken out of its evbuffer. */
struct move_run {
	struct evrt_chain *first;
	struct evrt_chain *last;
	size_t len;
};

/* Takes the whole chains that lie within the first n bytes. Counts the bytes as deleted. */
static struct move_run
move_detach(struct evbuffer *buf, size_t n)
{
	struct move_run run = { buf->first, NULL, 0 };
	struct evrt_chain *c = buf->first;
	while (c && c->len <= n - run.len) {
		run.len += c->len;
		run.last = c;
		c = c->next;
	}
	if (!run.last) {
		run.first = NULL;
		return run;
	}
	run.last->next = NULL;
	buf->first = c;
	evrt__buffer_deleted(buf, run.len);
	if (!c) {
		buf->last = NULL;
		evrt__buffer_drop_spare(buf);
	}
	return run;
}

/* May these bytes move at all? */
static bool
move_is_allowed(const struct evbuffer *dst, bool dst_frozen, const struct evbuffer *src, size_t n)
{
	return !dst_frozen && !src->frozen_front && evrt__buffer_fits(dst, n);
}

static void
move_append(struct evbuffer *dst, struct evbuffer *src, struct move_run run)
{
	if (!run.first)
		return;
	dst->may_have_files = dst->may_have_files || src->may_have_files;
	evrt__buffer_link_list(dst, run.first, run.last);
	evrt__buffer_added(dst, run.len);
}

int
evbuffer_add_buffer(struct evbuffer *outbuf, struct evbuffer *inbuf)
{
	int result = -1;
	evrt__buffer_lock2(inbuf, outbuf);
	if (inbuf == outbuf || inbuf->total_len == 0) {
		result = 0;
	} else if (move_is_allowed(outbuf, outbuf->frozen_end, inbuf, inbuf->total_len)) {
		move_append(outbuf, inbuf, move_detach(inbuf, inbuf->total_len));
		inbuf->may_have_files = false;
		result = 0;
	}
	evrt__buffer_finish2(inbuf, outbuf);
	return result;
}

int
evbuffer_prepend_buffer(struct evbuffer *dst, struct evbuffer *src)
{
	int result = -1;
	evrt__buffer_lock2(src, dst);
	if (src == dst || src->total_len == 0) {
		result = 0;
	} else if (move_is_allowed(dst, dst->frozen_front, src, src->total_len)) {
		struct move_run run = move_detach(src, src->total_len);
		dst->may_have_files = dst->may_have_files || src->may_have_files;
		src->may_have_files = false;
		run.last->next = dst->first;
		dst->first = run.first;
		if (!dst->last)
			dst->last = run.last;
		evrt__buffer_added(dst, run.len);
		result = 0;
	}
	evrt__buffer_finish2(src, dst);
	return result;
}

/* A new chain with the first n bytes of c, which holds more: a copy, or a part of the same segment. */
static struct evrt_chain *
move_split(const struct evrt_chain *c, size_t n)
{
	if (!c->mem)
		return evrt__chain_new_file(((const struct evrt_chain_file *)c)->segment, c->start, n);
	struct evrt_chain *part = evrt__chain_new(n);
	if (!part)
		return NULL;
	evrt__chain_copy(c, 0, part->mem, n);
	part->len = n;
	return part;
}

/* Moves n bytes, of which `part` lie in a chain that stays: those are copied. */
static int
move_front(struct evbuffer *src, struct evbuffer *dst, size_t n)
{
	size_t whole = 0;
	struct evrt_chain *c = src->first;
	while (c && c->len <= n - whole) {
		whole += c->len;
		c = c->next;
	}
	size_t part = n - whole;
	struct evrt_chain *split = NULL;
	/* Into the room that dst has, if that is where the part comes to lie and the room suffices. */
	bool in_room = whole == 0 && c && c->mem && evrt__chain_room(dst->last) >= part;
	if (part && !in_room) {
		split = move_split(c, part);
		if (!split)
			return -1;
	}
	move_append(dst, src, move_detach(src, whole));
	if (in_room) {
		evrt__buffer_append(dst, evrt__chain_data(c), part);
	} else if (split) {
		dst->may_have_files = dst->may_have_files || !split->mem;
		evrt__buffer_link(dst, split);
		evrt__buffer_added(dst, part);
	}
	if (part)
		evrt__buffer_take(src, part);
	return 0;
}

int
evbuffer_remove_buffer(struct evbuffer *src, struct evbuffer *dst, size_t datlen)
{
	int result = -1;
	evrt__buffer_lock2(src, dst);
	bool whole = datlen >= src->total_len;
	size_t n = datlen < src->total_len ? datlen : src->total_len;
	if (n > INT_MAX)
		n = INT_MAX; /* what the result can tell; the caller comes again for the rest */
	if (src == dst || datlen == 0)
		result = 0;
	else if (move_is_allowed(dst, dst->frozen_end, src, n) && move_front(src, dst, n) == 0)
		result = (int)n;
	/* The order of libevent, which is that of evbuffer_add_buffer when all goes. */
	evrt__buffer_finish2(whole ? src : dst, whole ? dst : src);
	return result;
}
