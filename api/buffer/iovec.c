/* api/buffer/iovec.c — contents and room as arrays of pieces of memory.
 *
 * Here:     reserve and commit, peek, add_iovec.
 * Not here: system calls with such arrays (io.c).
 * Threads:  as in event2/buffer.h. Between reserve and commit the program holds the lock, or is alone.
 */
#include "api/buffer/buffer_internal.h"

/* Room as pieces: the rest of the last chain, unless it alone would not do and only one piece is wanted,
 * and then the spare. */
static int
iovec_of_room(const struct evbuffer *buf, size_t size, struct evbuffer_iovec *vec, int n_vec)
{
	size_t room = evrt__chain_room(buf->last);
	int n = 0;
	if (room && (room >= size || n_vec > 1)) {
		vec[n].iov_base = evrt__chain_data(buf->last) + buf->last->len;
		vec[n].iov_len = room;
		n++;
	}
	if (n == 0 || room < size) {
		vec[n].iov_base = buf->spare->mem;
		vec[n].iov_len = buf->spare->cap;
		n++;
	}
	return n;
}

int
evbuffer_reserve_space(struct evbuffer *buf, ev_ssize_t size, struct evbuffer_iovec *vec, int n_vec)
{
	int result = -1;
	evrt__buffer_lock(buf);
	if (size < 0 || n_vec < 1 || buf->frozen_end || !evrt__buffer_fits(buf, (size_t)size))
		goto out;
	size_t want = size ? (size_t)size : 1; /* there is always a piece to show */
	if (evrt__buffer_make_room(buf, want, n_vec == 1) == 0)
		result = iovec_of_room(buf, want, vec, n_vec);
	EVRT_DCHECK(evrt__buffer_validate(buf));
out:
	evrt__buffer_unlock(buf);
	return result;
}

/* Finds out which of the two rooms each piece is. False when one is neither, or they are out of order. */
static bool
iovec_resolve(const struct evbuffer *buf, const struct evbuffer_iovec *vec, int n_vec, size_t *in_last,
    size_t *in_spare)
{
	size_t room = evrt__chain_room(buf->last);
	const unsigned char *rest = room ? evrt__chain_data(buf->last) + buf->last->len : NULL;
	int i = 0;
	*in_last = *in_spare = 0;
	if (n_vec > 0 && rest && vec[0].iov_base == rest) {
		if (vec[0].iov_len > room)
			return false;
		*in_last = vec[0].iov_len;
		i = 1;
	}
	if (i < n_vec && buf->spare && vec[i].iov_base == buf->spare->mem) {
		if (vec[i].iov_len > buf->spare->cap)
			return false;
		*in_spare = vec[i].iov_len;
		i++;
	}
	return i == n_vec;
}

int
evbuffer_commit_space(struct evbuffer *buf, struct evbuffer_iovec *vec, int n_vecs)
{
	int result = -1;
	size_t in_last, in_spare;
	evrt__buffer_lock(buf);
	if (buf->frozen_end)
		goto out;
	if (n_vecs > 0 && !iovec_resolve(buf, vec, n_vecs, &in_last, &in_spare))
		goto out;
	if (n_vecs > 0 && !evrt__buffer_fits(buf, in_last + in_spare))
		goto out;
	if (n_vecs > 0)
		evrt__buffer_commit(buf, in_last, in_spare);
	result = 0;
out:
	evrt__buffer_finish(buf);
	return result;
}

static int
iovec_peek(struct evbuffer *buf, ev_ssize_t len, const struct evbuffer_ptr *start, struct evbuffer_iovec *vec,
    int n_vec)
{
	struct evrt_buffer_cursor at = { buf->first, 0, 0 };
	size_t seen = 0;
	int n = 0;
	if (start && evrt__buffer_cursor(buf, start, &at) != 0)
		return 0;
	size_t wanted = len < 0 ? EV_SIZE_MAX : (size_t)len;
	size_t upto = wanted < buf->total_len - at.pos ? at.pos + wanted : buf->total_len;
	if (n_vec > 0 && evrt__buffer_load(buf, upto) != 0)
		return 0;
	while (at.chain && seen < wanted) {
		size_t part = at.chain->len - at.in_chain;
		if (n < n_vec) {
			vec[n].iov_base = evrt__chain_data(at.chain) + at.in_chain;
			vec[n].iov_len = part;
		} else if (len < 0 && n_vec > 0) {
			break;
		}
		seen += part;
		n++;
		at.chain = at.chain->next;
		at.in_chain = 0;
	}
	return n;
}

int
evbuffer_peek(struct evbuffer *buf, ev_ssize_t len, struct evbuffer_ptr *start_at,
    struct evbuffer_iovec *vec_out, int n_vec)
{
	evrt__buffer_lock(buf);
	int n = iovec_peek(buf, len, start_at, vec_out, n_vec);
	EVRT_DCHECK(evrt__buffer_validate(buf)); /* it may have loaded a file */
	evrt__buffer_unlock(buf);
	return n;
}

/* The sum of the lengths, or EV_SIZE_MAX where it is more than an evbuffer can hold. */
static size_t
iovec_length(const struct evbuffer_iovec *vec, int n_vec)
{
	size_t total = 0;
	for (int i = 0; i < n_vec; i++) {
		if (vec[i].iov_len > EVRT_BUFFER_LEN_MAX - total)
			return EV_SIZE_MAX;
		total += vec[i].iov_len;
	}
	return total;
}

size_t
evbuffer_add_iovec(struct evbuffer *buf, struct evbuffer_iovec *vec, int n_vec)
{
	size_t total = iovec_length(vec, n_vec);
	evrt__buffer_lock(buf);
	if (buf->frozen_end || !evrt__buffer_fits(buf, total) || evrt__buffer_make_room(buf, total, false) != 0)
		total = 0;
	for (int i = 0; total && i < n_vec; i++)
		evrt__buffer_append(buf, vec[i].iov_base, vec[i].iov_len);
	evrt__buffer_finish(buf);
	return total;
}
