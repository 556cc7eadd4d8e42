/* api/buffer/io.c — one system call between an evbuffer and a descriptor.
 *
 * Here:     read (readv into reserved room), write (writev, sendfile).
 * Not here: when to call them, and what an error means: the caller's.
 * Threads:  as in event2/buffer.h; the lock is held during the system call, which does not block on a
 *           non-blocking descriptor.
 *
 * How much to offer to a read, and where it comes to lie. Asking the kernel (FIONREAD) costs a system call per
 * read; offering little costs another one whenever more was there, and offering much costs memory wherever little
 * comes. So a read is offered the rest of the last chain and a bulk chain, which mostly comes from the cache and
 * goes back at once: what would waste most of it is copied to a chain that fits, more than that makes the chain
 * itself a part of the contents. No room stays behind for the next read: an idle connection holds no memory.
 * Where the limit allows more than a bulk chain, and a read has filled all it was offered, the next is offered the
 * limit.
 */
#include "api/buffer/buffer_internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include "base/sys.h"

/* What may be read at most: the caller's limit, and the evbuffer's. */
static size_t
io_limit(const struct evbuffer *buf, ssize_t howmuch)
{
	size_t limit = howmuch >= 0 && (size_t)howmuch < buf->max_read ? (size_t)howmuch : buf->max_read;
	size_t swift = evrt__chain_room(buf->last) + EVRT_CHAIN_ROOM_BULK;
	return limit <= swift || buf->read_filled ? limit : swift;
}

/* Into the first `in_last` bytes behind the contents, and then `in_bulk` bytes of `bulk`. Result: 0 or -errno. */
static ssize_t
io_readv(const struct evbuffer *buf, int fd, size_t in_last, const struct evrt_chain *bulk, size_t in_bulk)
{
	struct iovec vec[2];
	int n_vec = 0;
	if (in_last)
		vec[n_vec++] = (struct iovec){ evrt__chain_data(buf->last) + buf->last->len, in_last };
	if (in_bulk)
		vec[n_vec++] = (struct iovec){ bulk->mem, in_bulk };
	ssize_t n = n_vec == 1 ? evrt__sys.read(fd, vec[0].iov_base, vec[0].iov_len)
	                       : evrt__sys.readv(fd, vec, n_vec);
	return n < 0 ? -errno : n;
}

/* The first n bytes of `bulk` become contents, and it is used up. */
static void
io_keep(struct evbuffer *buf, struct evrt_chain *bulk, size_t n)
{
	struct evrt_chain *c = NULL;
	/* Contents of some size get a chain in which there is room for more: that one is as good as another. */
	if (n < bulk->cap / 4 && buf->total_len < bulk->cap / 4)
		c = evrt__chain_new_growing(n, buf->total_len);
	if (c) {
		memcpy(c->mem, bulk->mem, n);
		evrt__chain_drop(bulk);
	} else {
		c = bulk; /* also when memory is out: the bytes have left the kernel and must not be lost */
	}
	c->len = n;
	evrt__buffer_link(buf, c);
	evrt__buffer_added(buf, n);
}

static ssize_t
io_read(struct evbuffer *buf, int fd, ssize_t howmuch, size_t *out_offered)
{
	size_t want = io_limit(buf, howmuch);
	size_t room = evrt__chain_room(buf->last);
	size_t in_last = room < want ? room : want;
	size_t in_bulk = want - in_last;
	struct evrt_chain *bulk = NULL;
	*out_offered = want;
	if (buf->frozen_end)
		return -EPERM;
	if (want == 0)
		return 0;
	if (!evrt__buffer_fits(buf, want))
		return -ENOBUFS;
	if (in_bulk) {
		size_t least = in_bulk > EVRT_CHAIN_ROOM_BULK ? in_bulk : EVRT_CHAIN_ROOM_BULK;
		bulk = evrt__chain_new_growing(least, buf->total_len);
		if (!bulk)
			return -ENOMEM;
	}
	ssize_t n = io_readv(buf, fd, in_last, bulk, in_bulk);
	if (n > 0) {
		size_t to_last = (size_t)n < in_last ? (size_t)n : in_last;
		buf->read_filled = (size_t)n == want;
		if (to_last)
			evrt__buffer_commit(buf, to_last, 0);
		if ((size_t)n > to_last) {
			io_keep(buf, bulk, (size_t)n - to_last);
			return n;
		}
	}
	evrt__chain_drop(bulk);
	return n;
}

ssize_t
evrt__buffer_read(struct evbuffer *buf, int fd, ssize_t howmuch, size_t *out_offered)
{
	evrt__buffer_lock(buf);
	ssize_t n = io_read(buf, fd, howmuch, out_offered);
	evrt__buffer_finish(buf);
	return n;
}

int
evbuffer_read(struct evbuffer *buf, evutil_socket_t fd, int howmuch)
{
	size_t offered;
	ssize_t n = evrt__buffer_read(buf, fd, howmuch, &offered);
	if (n < 0) {
		errno = (int)-n; /* after unlocking, which may have changed it */
		return -1;
	}
	return (int)n;
}

/* The contents that are in memory, up to `limit` bytes, as pieces. */
static int
io_contents(const struct evbuffer *buf, size_t limit, struct iovec *vec)
{
	int n = 0;
	for (struct evrt_chain *c = buf->first; c && c->mem && limit && n < EVRT_BUFFER_WRITE_VECS; c = c->next) {
		vec[n].iov_base = evrt__chain_data(c);
		vec[n].iov_len = c->len < limit ? c->len : limit;
		limit -= vec[n++].iov_len;
	}
	return n;
}

static ssize_t
io_send_memory(struct evbuffer *buf, int fd, size_t limit)
{
	struct iovec vec[EVRT_BUFFER_WRITE_VECS];
	int n_vec = io_contents(buf, limit, vec);
	ssize_t n = n_vec == 1 ? evrt__sys.write(fd, vec[0].iov_base, vec[0].iov_len)
	                       : evrt__sys.writev(fd, vec, n_vec);
	return n < 0 ? -errno : n;
}

/* For a descriptor that sendfile refuses, the file is loaded and written like other memory. */
static ssize_t
io_send_file(struct evbuffer *buf, int fd, size_t limit)
{
	const struct evbuffer_file_segment *seg = ((struct evrt_chain_file *)buf->first)->segment;
	off_t at = evrt__segment_offset(seg) + (off_t)buf->first->start;
	size_t len = buf->first->len < limit ? buf->first->len : limit;
	ssize_t n = evrt__sys.sendfile(fd, evrt__segment_fd(seg), &at, len);
	if (n > 0)
		return n;
	if (n == 0)
		return -EIO; /* the file has shrunk; 0 would say that the peer is gone */
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	int err = evrt__buffer_load(buf, len);
	return err ? err : io_send_memory(buf, fd, limit);
}

ssize_t
evrt__buffer_write(struct evbuffer *buf, int fd, ssize_t howmuch)
{
	ssize_t n = 0;
	evrt__buffer_lock(buf);
	size_t limit = buf->total_len < INT_MAX ? buf->total_len : INT_MAX;
	if (howmuch >= 0 && (size_t)howmuch < limit)
		limit = (size_t)howmuch;
	if (buf->frozen_front)
		n = -EPERM;
	else if (limit)
		n = buf->first->mem ? io_send_memory(buf, fd, limit) : io_send_file(buf, fd, limit);
	if (n > 0)
		evrt__buffer_take(buf, (size_t)n);
	evrt__buffer_finish(buf);
	return n;
}

int
evbuffer_write_atmost(struct evbuffer *buf, evutil_socket_t fd, ev_ssize_t howmuch)
{
	ssize_t n = evrt__buffer_write(buf, fd, howmuch);
	if (n < 0) {
		errno = (int)-n; /* after unlocking, which may have changed it */
		return -1;
	}
	return n ? (int)n : -1;
}

int
evbuffer_write(struct evbuffer *buf, evutil_socket_t fd)
{
	return evbuffer_write_atmost(buf, fd, -1);
}
