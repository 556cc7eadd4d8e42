/* api/buffer/file.c — segments of files as contents.
 *
 * Here:     struct evbuffer_file_segment, its memory, and the calls that append it.
 * Not here: sendfile (io.c), the decision to load a part that is to be read (evrt__buffer_load).
 * Threads:  any: a segment may be in several evbuffers. Its fields are constant but for these:
 * PAIRS     segment.refs: drop (sub acq_rel) <-> drop, as for chains.
 *           segment.memory: publish (CAS acq_rel) -> load (acquire): the bytes and their place before
 *           the pointer. Who loses the race to load drops his copy and uses the winner's.
 */
#include "api/buffer/buffer_internal.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/sys.h"

struct segment_memory {
	unsigned char *bytes; /* the segment's first */
	void *map;            /* what to unmap; NULL: `bytes` are from the heap */
	size_t map_len;
};

struct evbuffer_file_segment {
	evrt_atomic(uint32_t) refs;
	evrt_atomic(struct segment_memory *) memory; /* NULL until the bytes are wanted */
	int fd;
	unsigned flags;
	int64_t offset;
	size_t length;
	evbuffer_file_segment_cleanup_cb cleanup; /* set before the segment is shared */
	void *cleanup_arg;
};

/* The length of the range. 0 and *out_length, or -errno. */
static int
segment_measure(int fd, ev_off_t offset, ev_off_t length, size_t *out_length)
{
	struct stat st;
	*out_length = 0;
	if (offset < 0 || length < -1)
		return -EINVAL;
	if (evrt__sys.fstat(fd, &st) != 0)
		return -errno;
	bool has_size = S_ISREG(st.st_mode);
	if (!has_size && length == -1)
		return -EINVAL;
	if (has_size && (offset > st.st_size || (length != -1 && length > st.st_size - offset)))
		return -EINVAL; /* a map beyond the end of a file would kill the reader by SIGBUS */
	if (length == -1)
		length = st.st_size - offset;
	if (offset > EV_INT64_MAX - length || (uint64_t)length > EVRT_BUFFER_LEN_MAX)
		return -EFBIG;
	*out_length = (size_t)length;
	return 0;
}

struct evbuffer_file_segment *
evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length, unsigned flags)
{
	size_t len;
	int err = segment_measure(fd, offset, length, &len);
	if (err) {
		errno = -err;
		return NULL;
	}
	struct evbuffer_file_segment *seg = evrt__calloc(1, sizeof(*seg));
	if (!seg)
		return NULL;
	evrt_store_relaxed(&seg->refs, 1u); /* not yet seen by another thread */
	seg->fd = fd;
	seg->flags = flags;
	seg->offset = offset;
	seg->length = len;
	return seg;
}

static void
segment_memory_free(struct segment_memory *m)
{
	if (!m)
		return;
	if (m->map)
		evrt__sys.munmap(m->map, m->map_len);
	else
		evrt__free(m->bytes);
	evrt__free(m);
}

static int
segment_map(const struct evbuffer_file_segment *seg, struct segment_memory *m)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t before = (size_t)seg->offset % page;
	void *map = evrt__sys.mmap(NULL, before + seg->length, PROT_READ, MAP_PRIVATE, seg->fd,
	    seg->offset - (off_t)before);
	if (map == MAP_FAILED)
		return -errno;
	m->map = map;
	m->map_len = before + seg->length;
	m->bytes = (unsigned char *)map + before;
	return 0;
}

static int
segment_read(const struct evbuffer_file_segment *seg, struct segment_memory *m)
{
	size_t done = 0;
	m->bytes = evrt__malloc(seg->length);
	if (!m->bytes)
		return -ENOMEM;
	while (done < seg->length) {
		ssize_t n = evrt__sys.pread(seg->fd, m->bytes + done, seg->length - done, seg->offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* the file has shrunk */
		done += (size_t)n;
	}
	return 0;
}

int
evrt__segment_load(struct evbuffer_file_segment *seg, unsigned char **out_mem)
{
	/* acquire, see PAIRS: the bytes that the pointer leads to. */
	struct segment_memory *m = evrt_load_acquire(&seg->memory);
	if (!m) {
		m = evrt__calloc(1, sizeof(*m));
		if (!m)
			return -ENOMEM;
		int err = (seg->flags & EVBUF_FS_DISABLE_MMAP) ? -ENODEV : segment_map(seg, m);
		if (err)
			err = segment_read(seg, m);
		if (err) {
			segment_memory_free(m);
			return err;
		}
		struct segment_memory *winner = NULL;
		if (!evrt_cas_acq_rel(&seg->memory, &winner, m)) {
			segment_memory_free(m);
			m = winner;
		}
	}
	*out_mem = m->bytes;
	return 0;
}

void
evrt__segment_ref(struct evbuffer_file_segment *seg)
{
	evrt_add_relaxed(&seg->refs, 1u); /* relaxed: the caller holds one */
}

void
evrt__segment_drop(struct evbuffer_file_segment *seg)
{
	if (evrt_sub_acq_rel(&seg->refs, 1u) != 1)
		return;
	if (seg->cleanup)
		seg->cleanup(seg, (int)seg->flags, seg->cleanup_arg);
	segment_memory_free(evrt_load_relaxed(&seg->memory)); /* relaxed: after the last drop, alone */
	if (seg->flags & EVBUF_FS_CLOSE_ON_FREE)
		evrt__sys.close(seg->fd);
	evrt__free(seg);
}

int
evrt__segment_fd(const struct evbuffer_file_segment *seg)
{
	return seg->fd;
}

off_t
evrt__segment_offset(const struct evbuffer_file_segment *seg)
{
	return seg->offset;
}

void
evbuffer_file_segment_free(struct evbuffer_file_segment *seg)
{
	if (seg)
		evrt__segment_drop(seg);
}

void
evbuffer_file_segment_add_cleanup_cb(
    struct evbuffer_file_segment *seg, evbuffer_file_segment_cleanup_cb cb, void *arg)
{
	seg->cleanup = cb;
	seg->cleanup_arg = arg;
}

static int
file_append(struct evbuffer *buf, struct evbuffer_file_segment *seg, size_t start, size_t len)
{
	unsigned char *mem = NULL;
	if (buf->frozen_end || !evrt__buffer_fits(buf, len))
		return -1;
	if (len == 0)
		return 0;
	bool stays_file = buf->drains_to_fd && !(seg->flags & EVBUF_FS_DISABLE_SENDFILE);
	if (!stays_file && evrt__segment_load(seg, &mem) != 0)
		return -1;
	struct evrt_chain *c = evrt__chain_new_file(seg, start, len);
	if (!c)
		return -1;
	c->mem = mem;
	buf->may_have_files = buf->may_have_files || stays_file;
	evrt__buffer_link(buf, c);
	evrt__buffer_added(buf, len);
	return 0;
}

int
evbuffer_add_file_segment(
    struct evbuffer *buf, struct evbuffer_file_segment *seg, ev_off_t offset, ev_off_t length)
{
	if (offset < 0 || (uint64_t)offset > seg->length || length < -1)
		return -1;
	size_t rest = seg->length - (size_t)offset;
	if (length != -1 && (uint64_t)length > rest)
		return -1;
	evrt__buffer_lock(buf);
	int result = file_append(buf, seg, (size_t)offset, length == -1 ? rest : (size_t)length);
	evrt__buffer_finish(buf);
	return result;
}

int
evbuffer_add_file(struct evbuffer *buf, int fd, ev_off_t offset, ev_off_t length)
{
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, offset, length, EVBUF_FS_CLOSE_ON_FREE);
	if (!seg) {
		int err = errno;
		if (fd >= 0)
			evrt__sys.close(fd);
		errno = err;
		return -1;
	}
	int result = evbuffer_add_file_segment(buf, seg, 0, -1);
	int err = errno; /* why it failed; closing may have an error of its own */
	evbuffer_file_segment_free(seg);
	errno = err;
	return result;
}
