/* api/buffer/edit.c — bytes in at either end, bytes out at the front, one evbuffer at a time.
 *
 * Here:     add, prepend, expand, printf; drain, remove, copyout, pullup.
 * Not here: moves between evbuffers (move.c), room given to the program (iovec.c).
 * Threads:  as in event2/buffer.h.
 *
 * Each call first gets all the memory it needs and only then edits: a failure changes nothing.
 */
#include "api/buffer/buffer_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

int
evbuffer_add(struct evbuffer *buf, const void *data, size_t datlen)
{
	int result = -1;
	evrt__buffer_lock(buf);
	if (buf->frozen_end || !evrt__buffer_fits(buf, datlen))
		goto out;
	if (datlen && datlen <= evrt__chain_room(buf->last)) {
		memcpy(evrt__chain_data(buf->last) + buf->last->len, data, datlen);
		buf->last->len += datlen;
		evrt__buffer_added(buf, datlen);
	} else if (datlen) {
		if (evrt__buffer_make_room(buf, datlen, false) != 0)
			goto out;
		evrt__buffer_append(buf, data, datlen);
	}
	result = 0;
out:
	evrt__buffer_finish(buf);
	return result;
}

/* The first bytes go to a chain of their own, the others right before the present contents. */
static int
edit_prepend(struct evbuffer *buf, const unsigned char *data, size_t size)
{
	size_t front_room = evrt__chain_front_room(buf->first);
	size_t in_first = front_room < size ? front_room : size;
	size_t in_new = size - in_first;
	struct evrt_chain *c = NULL;
	if (in_new) {
		c = evrt__chain_new_growing(in_new, buf->total_len);
		if (!c)
			return -1;
	}
	if (in_first) {
		buf->first->start -= in_first;
		buf->first->len += in_first;
		memcpy(evrt__chain_data(buf->first), data + in_new, in_first);
	}
	if (c) {
		/* At the far end, if more can only come in front; at the near end, if this is all there is. */
		c->start = buf->first ? c->cap - in_new : 0;
		c->len = in_new;
		memcpy(evrt__chain_data(c), data, in_new);
		c->next = buf->first;
		buf->first = c;
		if (!buf->last)
			buf->last = c;
	}
	evrt__buffer_added(buf, size);
	return 0;
}

int
evbuffer_prepend(struct evbuffer *buf, const void *data, size_t size)
{
	int result = -1;
	evrt__buffer_lock(buf);
	if (size == 0)
		result = 0;
	else if (!buf->frozen_front && evrt__buffer_fits(buf, size))
		result = edit_prepend(buf, data, size);
	evrt__buffer_finish(buf);
	return result;
}

int
evbuffer_expand(struct evbuffer *buf, size_t datlen)
{
	int result = -1;
	evrt__buffer_lock(buf);
	if (evrt__buffer_fits(buf, datlen) && evrt__buffer_make_room(buf, datlen, true) == 0)
		result = 0;
	EVRT_DCHECK(evrt__buffer_validate(buf));
	evrt__buffer_unlock(buf);
	return result;
}

/* Where `room` contiguous bytes made by evrt__buffer_make_room are, and how many there really are. */
static char *
edit_room(struct evbuffer *buf, size_t least, size_t *out_room)
{
	size_t room = evrt__chain_room(buf->last);
	if (room && room >= least) {
		*out_room = room;
		return (char *)evrt__chain_data(buf->last) + buf->last->len;
	}
	*out_room = buf->spare->cap;
	return (char *)buf->spare->mem;
}

static int __attribute__((format(printf, 2, 0)))
edit_add_vprintf(struct evbuffer *buf, const char *fmt, va_list ap)
{
	size_t least = 64; /* a first try for short lines; its result is the exact size for the second */
	for (int attempt = 0; attempt < 2; attempt++) {
		size_t room;
		va_list copy;
		if (evrt__buffer_make_room(buf, least, true) != 0)
			return -1;
		char *at = edit_room(buf, least, &room);
		va_copy(copy, ap);
		int n = vsnprintf(at, room, fmt, copy);
		va_end(copy);
		if (n < 0 || n == INT_MAX || !evrt__buffer_fits(buf, (size_t)n))
			return -1;
		if ((size_t)n < room) {
			bool in_spare = buf->spare && at == (char *)buf->spare->mem;
			evrt__buffer_commit(buf, in_spare ? 0 : (size_t)n, in_spare ? (size_t)n : 0);
			return n;
		}
		least = (size_t)n + 1;
	}
	return -1; /* the arguments changed between the two tries */
}

int
evbuffer_add_vprintf(struct evbuffer *buf, const char *fmt, va_list ap)
{
	evrt__buffer_lock(buf);
	int result = buf->frozen_end ? -1 : edit_add_vprintf(buf, fmt, ap);
	evrt__buffer_finish(buf);
	return result;
}

int
evbuffer_add_printf(struct evbuffer *buf, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int result = evbuffer_add_vprintf(buf, fmt, ap);
	va_end(ap);
	return result;
}

int
evbuffer_drain(struct evbuffer *buf, size_t len)
{
	int result = -1;
	evrt__buffer_lock(buf);
	if (buf->total_len == 0) {
		result = 0;
	} else if (!buf->frozen_front) {
		evrt__buffer_take(buf, len < buf->total_len ? len : buf->total_len);
		result = 0;
	}
	evrt__buffer_finish(buf);
	return result;
}

/* Copies up to n bytes of the front; 0 for nothing, -1 when the front is frozen or cannot be loaded. */
static ssize_t
edit_copy_front(struct evbuffer *buf, void *out, size_t n)
{
	if (n > buf->total_len)
		n = buf->total_len;
	if (n == 0)
		return 0;
	if (buf->frozen_front || evrt__buffer_load(buf, n) != 0)
		return -1;
	evrt__chain_copy(buf->first, 0, out, n);
	return (ssize_t)n;
}

int
evbuffer_remove(struct evbuffer *buf, void *data, size_t datlen)
{
	evrt__buffer_lock(buf);
	ssize_t n = edit_copy_front(buf, data, datlen < INT_MAX ? datlen : INT_MAX);
	if (n > 0)
		evrt__buffer_take(buf, (size_t)n);
	evrt__buffer_finish(buf);
	return (int)n;
}

ev_ssize_t
evbuffer_copyout(struct evbuffer *buf, void *data_out, size_t datlen)
{
	evrt__buffer_lock(buf);
	ssize_t n = edit_copy_front(buf, data_out, datlen);
	evrt__buffer_unlock(buf);
	return n;
}

static ssize_t
edit_copy_from(struct evbuffer *buf, const struct evbuffer_ptr *pos, void *out, size_t n)
{
	struct evrt_buffer_cursor at;
	if (evrt__buffer_cursor(buf, pos, &at) != 0)
		return -1;
	if (n > buf->total_len - at.pos)
		n = buf->total_len - at.pos;
	if (n == 0)
		return 0;
	if (buf->frozen_front || evrt__buffer_load(buf, at.pos + n) != 0)
		return -1;
	evrt__chain_copy(at.chain, at.in_chain, out, n);
	return (ssize_t)n;
}

ev_ssize_t
evbuffer_copyout_from(struct evbuffer *buf, const struct evbuffer_ptr *pos, void *data_out, size_t datlen)
{
	evrt__buffer_lock(buf);
	ssize_t n = edit_copy_from(buf, pos, data_out, datlen);
	evrt__buffer_unlock(buf);
	return n;
}

/* Makes the first `size` bytes, more than the first chain holds, one chain's. */
static int
edit_gather(struct evbuffer *buf, size_t size)
{
	struct evrt_chain *target = buf->first;
	struct evrt_chain *source = target->next;
	size_t need = size - target->len;
	struct evrt_chain *gone = NULL;
	if (evrt__chain_room(target) < need) {
		target = evrt__chain_new(size);
		if (!target)
			return -1;
		source = gone = buf->first;
		need = size;
	} else {
		gone = source;
	}
	evrt__chain_copy(source, 0, evrt__chain_data(target) + target->len, need);
	target->len += need;

	struct evrt_chain *last_gone = NULL;
	while (need && need >= source->len) {
		need -= source->len;
		last_gone = source;
		source = source->next;
	}
	if (need) {
		source->start += need;
		source->len -= need;
	}
	target->next = source;
	buf->first = target;
	if (!source)
		buf->last = target;
	if (last_gone) {
		last_gone->next = NULL;
		evrt__chain_drop_list(gone);
	}
	return 0;
}

unsigned char *
evbuffer_pullup(struct evbuffer *buf, ev_ssize_t size)
{
	unsigned char *result = NULL;
	evrt__buffer_lock(buf);
	size_t n = size < 0 ? buf->total_len : (size_t)size;
	if (n == 0 || n > buf->total_len || evrt__buffer_load(buf, n) != 0)
		goto out;
	if (buf->first->len >= n || edit_gather(buf, n) == 0)
		result = evrt__chain_data(buf->first);
	EVRT_DCHECK(evrt__buffer_validate(buf));
out:
	evrt__buffer_unlock(buf);
	return result;
}
