/* api/buffer/search.c — positions, searches, lines.
 *
 * Here:     evbuffer_ptr, search, search_eol, readln.
 * Not here: showing contents without a copy (iovec.c), the older calls readline and find (api/compat).
 * Threads:  as in event2/buffer.h.
 *
 * A position just behind the last byte has no chain. Positions that an edit made invalid cannot be told
 * from good ones: that is the program's to see to.
 */
#include "api/buffer/buffer_internal.h"

#include <string.h>
#include "base/mem.h"

/* With fewer bytes for each false start on average, memmem is faster than memchr. */
#define SEARCH_BYTES_PER_MISS 64

static const struct evbuffer_ptr search_not_found = { .pos = -1, .internal_ = { NULL, 0 } };

/* Moves forward by n bytes, which exist. */
static void
cursor_advance(struct evrt_buffer_cursor *at, size_t n)
{
	at->pos += n;
	while (at->chain && n >= at->chain->len - at->in_chain) {
		n -= at->chain->len - at->in_chain;
		at->chain = at->chain->next;
		at->in_chain = 0;
	}
	at->in_chain += n;
}

/* The byte there, which exists and is in memory. */
static unsigned char
cursor_byte(const struct evrt_buffer_cursor *at)
{
	return evrt__chain_data(at->chain)[at->in_chain];
}

int
evrt__buffer_cursor(
    const struct evbuffer *buf, const struct evbuffer_ptr *ptr, struct evrt_buffer_cursor *out)
{
	*out = (struct evrt_buffer_cursor){ buf->first, 0, 0 };
	if (!ptr)
		return 0;
	if (ptr->pos < 0 || (size_t)ptr->pos > buf->total_len)
		return -1;
	if (!ptr->internal_.chain) {
		cursor_advance(out, (size_t)ptr->pos);
		return 0;
	}
	out->chain = ptr->internal_.chain;
	out->in_chain = ptr->internal_.pos_in_chain;
	out->pos = (size_t)ptr->pos;
	return 0;
}

static struct evbuffer_ptr
cursor_to_ptr(const struct evrt_buffer_cursor *at)
{
	struct evbuffer_ptr ptr = { .pos = (ev_ssize_t)at->pos };
	ptr.internal_.chain = at->chain;
	ptr.internal_.pos_in_chain = at->in_chain;
	return ptr;
}

int
evbuffer_ptr_set(struct evbuffer *buf, struct evbuffer_ptr *ptr, size_t position, enum evbuffer_ptr_how how)
{
	int result = -1;
	struct evrt_buffer_cursor at;
	evrt__buffer_lock(buf);
	if (evrt__buffer_cursor(buf, how == EVBUFFER_PTR_ADD ? ptr : NULL, &at) != 0)
		goto out;
	if (position > EV_SIZE_MAX - at.pos)
		goto out; /* as libevent: the pointer is kept */
	if (position > buf->total_len - at.pos) {
		*ptr = search_not_found;
		goto out;
	}
	cursor_advance(&at, position);
	*ptr = cursor_to_ptr(&at);
	result = 0;
out:
	evrt__buffer_unlock(buf);
	return result;
}

/* Moves to the first byte `b` before the position `end`; false, somewhere, when there is none. */
static bool
cursor_find_byte(struct evrt_buffer_cursor *at, int b, size_t end)
{
	while (at->chain && at->pos < end) {
		const unsigned char *from = evrt__chain_data(at->chain) + at->in_chain;
		size_t n = at->chain->len - at->in_chain;
		if (n > end - at->pos)
			n = end - at->pos;
		const unsigned char *hit = memchr(from, b, n);
		if (hit) {
			at->in_chain += (size_t)(hit - from);
			at->pos += (size_t)(hit - from);
			return true;
		}
		cursor_advance(at, n);
	}
	return false;
}

/* Are the `len` bytes, which exist, equal to `what`? */
static bool
cursor_matches(struct evrt_buffer_cursor at, const char *what, size_t len)
{
	while (len) {
		size_t n = at.chain->len - at.in_chain;
		if (n > len)
			n = len;
		if (memcmp(evrt__chain_data(at.chain) + at.in_chain, what, n) != 0)
			return false;
		what += n;
		len -= n;
		cursor_advance(&at, n);
	}
	return true;
}

/* memmem for whoever hopes that the first byte is rare, in which case memchr is many times faster. */
static const unsigned char *
search_block(const unsigned char *block, size_t n, const char *what, size_t len)
{
	const unsigned char *at = block;
	const unsigned char *last = block + n - len; /* where it can begin */
	for (size_t misses = 0; misses * SEARCH_BYTES_PER_MISS <= (size_t)(at - block) + SEARCH_BYTES_PER_MISS; misses++) {
		at = memchr(at, what[0], (size_t)(last - at) + 1);
		if (!at || memcmp(at, what, len) == 0)
			return at;
		if (at++ == last)
			return NULL;
	}
	return memmem(at, n - (size_t)(at - block), what, len);
}

static bool
cursor_find(struct evrt_buffer_cursor *at, const char *what, size_t len, size_t end)
{
	if (end < at->pos || len > end - at->pos)
		return false;
	if (len == 0)
		return true;
	size_t last_start = end - len; /* the last place where it can begin */
	while (at->pos <= last_start) {
		const unsigned char *block = evrt__chain_data(at->chain) + at->in_chain;
		size_t n = at->chain->len - at->in_chain;
		if (n > end - at->pos)
			n = end - at->pos;
		if (n >= len) {
			const unsigned char *hit = search_block(block, n, what, len);
			cursor_advance(at, hit ? (size_t)(hit - block) : n - len + 1);
			if (hit)
				return true;
			continue;
		}
		/* Begins in this chain and ends in a later one, if at all. */
		if (cursor_find_byte(at, (unsigned char)what[0], at->pos + n)) {
			if (at->pos > last_start)
				return false;
			if (cursor_matches(*at, what, len))
				return true;
			cursor_advance(at, 1);
		}
	}
	return false;
}

struct evbuffer_ptr
evbuffer_search_range(struct evbuffer *buf, const char *what, size_t len, const struct evbuffer_ptr *start,
    const struct evbuffer_ptr *end)
{
	struct evbuffer_ptr result = search_not_found;
	struct evrt_buffer_cursor at;
	evrt__buffer_lock(buf);
	size_t end_pos = buf->total_len;
	if (end && end->pos >= 0 && (size_t)end->pos < end_pos)
		end_pos = (size_t)end->pos;
	if (evrt__buffer_load(buf, end_pos) == 0 && evrt__buffer_cursor(buf, start, &at) == 0 &&
	    cursor_find(&at, what, len, end_pos))
		result = cursor_to_ptr(&at);
	evrt__buffer_unlock(buf);
	return result;
}

struct evbuffer_ptr
evbuffer_search(struct evbuffer *buf, const char *what, size_t len, const struct evbuffer_ptr *start)
{
	return evbuffer_search_range(buf, what, len, start, NULL);
}

/* One function per style: moves `at` to the end of the line, and returns the length of that end or 0. */

static size_t
eol_any(struct evrt_buffer_cursor *at, size_t total)
{
	struct evrt_buffer_cursor cr = *at;
	bool has_lf = cursor_find_byte(at, '\n', total);
	/* No further than the LF: each byte is looked at no more than twice. */
	if (cursor_find_byte(&cr, '\r', has_lf ? at->pos : total))
		*at = cr;
	else if (!has_lf)
		return 0;
	struct evrt_buffer_cursor end = *at;
	while (end.chain && (cursor_byte(&end) == '\r' || cursor_byte(&end) == '\n'))
		cursor_advance(&end, 1);
	return end.pos - at->pos;
}

static size_t
eol_crlf(struct evrt_buffer_cursor *at, size_t total)
{
	struct evrt_buffer_cursor before = *at;
	size_t start = at->pos;
	if (!cursor_find_byte(at, '\n', total))
		return 0;
	if (at->pos == start)
		return 1; /* a CR before the start belongs to what the caller has dealt with */
	cursor_advance(&before, at->pos - 1 - start);
	if (cursor_byte(&before) != '\r')
		return 1;
	*at = before;
	return 2;
}

static size_t
eol_crlf_strict(struct evrt_buffer_cursor *at, size_t total)
{
	return cursor_find(at, "\r\n", 2, total) ? 2 : 0;
}

static size_t
eol_lf(struct evrt_buffer_cursor *at, size_t total)
{
	return cursor_find_byte(at, '\n', total) ? 1 : 0;
}

static size_t
eol_nul(struct evrt_buffer_cursor *at, size_t total)
{
	return cursor_find_byte(at, '\0', total) ? 1 : 0;
}

static size_t (*const eol_style[])(struct evrt_buffer_cursor *, size_t) = {
	[EVBUFFER_EOL_ANY] = eol_any,
	[EVBUFFER_EOL_CRLF] = eol_crlf,
	[EVBUFFER_EOL_CRLF_STRICT] = eol_crlf_strict,
	[EVBUFFER_EOL_LF] = eol_lf,
	[EVBUFFER_EOL_NUL] = eol_nul,
};

/* The length of the end of the line that begins at `at`, which moves to it; 0: none. */
static size_t
search_eol(struct evbuffer *buf, struct evrt_buffer_cursor *at, unsigned style)
{
	if (style >= sizeof(eol_style) / sizeof(eol_style[0]))
		return 0;
	if (evrt__buffer_load(buf, buf->total_len) != 0)
		return 0;
	return eol_style[style](at, buf->total_len);
}

struct evbuffer_ptr
evbuffer_search_eol(struct evbuffer *buf, struct evbuffer_ptr *start, size_t *eol_len_out,
    enum evbuffer_eol_style style)
{
	struct evrt_buffer_cursor at;
	size_t eol_len = 0;
	evrt__buffer_lock(buf);
	if (evrt__buffer_cursor(buf, start, &at) == 0)
		eol_len = search_eol(buf, &at, (unsigned)style);
	struct evbuffer_ptr result = eol_len ? cursor_to_ptr(&at) : search_not_found;
	evrt__buffer_unlock(buf);
	if (eol_len_out)
		*eol_len_out = eol_len;
	return result;
}

char *
evbuffer_readln(struct evbuffer *buf, size_t *n_read_out, enum evbuffer_eol_style style)
{
	char *line = NULL;
	size_t n = 0;
	evrt__buffer_lock(buf);
	if (buf->frozen_front)
		goto out;
	struct evrt_buffer_cursor at = { buf->first, 0, 0 };
	size_t eol_len = search_eol(buf, &at, (unsigned)style);
	if (eol_len == 0)
		goto out;
	line = evrt__malloc(at.pos + 1);
	if (!line)
		goto out;
	n = at.pos;
	evrt__chain_copy(buf->first, 0, line, n);
	line[n] = '\0';
	evrt__buffer_take(buf, n + eol_len);
out:
	evrt__buffer_finish(buf);
	if (n_read_out)
		*n_read_out = n;
	return line;
}
