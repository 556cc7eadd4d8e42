/* api/buffer/io.c — one system call between an evbuffer and a descriptor.
 *
 * Here:     read (readv into reserved room), write (writev, sendfile).
 * Not here: when to call them, and what an error means: the caller's.
 * Threads:  as in event2/buffer.h; the lock is held during the system call, which does not block on a
 *           non-blocking descriptor.
 *
 * How much to offer to a read. Asking the kernel (FIONREAD) costs a system call per read. Offering much
 * to every read costs memory wherever little comes. So each evbuffer keeps an estimate: a read that
 * fills its offer multiplies it by four, two reads in a row that use less than a quarter halve it.
 * The offer is the rest of the last chain, and a fresh chain (the spare) for what the estimate exceeds
 * it by. The spare is committed only when bytes came into it; unused it stays for the next read, but
 * never in an empty evbuffer: an idle connection holds no memory.
 */
#include "api/buffer/buffer_internal.h"

#include <errno.h>
#include <limits.h>
#include "base/sys.h"

/* What the next read should be offered at most: the caller's limit, the evbuffer's, and the estimate. */
static size_t
io_wanted(const struct evbuffer *buf, ssize_t howmuch)
{
	size_t limit = buf->max_read;
	if (howmuch >= 0 && (size_t)howmuch < limit)
		limit = (size_t)howmuch;
	size_t estimate = buf->read_estimate - sizeof(struct evrt_chain);
	size_t room = evrt__chain_room(buf->last);
	/* Room that is there costs nothing to offer, even beyond the estimate. */
	size_t want = estimate > room ? estimate : room;
	return want < limit ? want : limit;
}

static void
io_learn(struct evbuffer *buf, size_t got, size_t offered)
{
	size_t estimate = buf->read_estimate;
	if (got == offered) {
		size_t most = buf->max_read > EVRT_BUFFER_READ_LEAST ? buf->max_read : EVRT_BUFFER_READ_LEAST;
		buf->small_reads = 0;
		if (offered < estimate - sizeof(struct evrt_chain))
			return; /* the caller's limit was filled, which tells nothing */
		buf->read_estimate = (uint32_t)(estimate < most / 4 ? estimate * 4 : most);
	} else if (got >= estimate / 4) {
		buf->small_reads = 0;
	} else if (++buf->small_reads >= 2) {
		buf->small_reads = 0;
		if (estimate / 2 >= EVRT_BUFFER_READ_LEAST)
			buf->read_estimate = (uint32_t)(estimate / 2);
	}
}

/* The room that evrt__buffer_make_room(want) has made, cut to `want` bytes. Returns the number of pieces. */
static int
io_room(const struct evbuffer *buf, size_t want, struct iovec vec[2])
{
	size_t room = evrt__chain_room(buf->last);
	size_t in_last = room < want ? room : want;
	int n = 0;
	if (in_last) {
		vec[n].iov_base = evrt__chain_data(buf->last) + buf->last->len;
		vec[n++].iov_len = in_last;
	}
	if (in_last < want) {
		vec[n].iov_base = buf->spare->mem;
		vec[n++].iov_len = want - in_last;
	}
	return n;
}

static ssize_t
io_read(struct evbuffer *buf, int fd, ssize_t howmuch, size_t *out_offered)
{
	struct iovec vec[2];
	size_t want = io_wanted(buf, howmuch);
	*out_offered = want;
	if (buf->frozen_end)
		return -EPERM;
	if (want == 0)
		return 0;
	if (!evrt__buffer_fits(buf, want))
		return -ENOBUFS;
	if (evrt__buffer_make_room(buf, want, false) != 0)
		return -ENOMEM;
	int n_vec = io_room(buf, want, vec);
	ssize_t n = n_vec == 1 ? evrt__sys.read(fd, vec[0].iov_base, vec[0].iov_len)
	                       : evrt__sys.readv(fd, vec, n_vec);
	if (n <= 0) {
		ssize_t result = n < 0 ? -errno : 0;
		if (!buf->first)
			evrt__buffer_drop_spare(buf);
		return result;
	}
	size_t room = evrt__chain_room(buf->last);
	size_t in_last = (size_t)n < room ? (size_t)n : room;
	evrt__buffer_commit(buf, in_last, (size_t)n - in_last);
	io_learn(buf, (size_t)n, want);
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
