/* testing/fuzz/buffer_ops/file_ops.c — the program's memory and parts of files as contents. See world.h. */
#include "testing/fuzz/buffer_ops/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "testing/harness/test.h"

static void
reference_cleanup(const void *data, size_t len, void *extra)
{
	CHECK(data == extra);
	CHECK(len <= 2 * OPS_LEN_MAX);
	ops_world.references_due--;
	free(extra);
}

static void
op_reference(struct ops_model *m)
{
	size_t n = ops_roll_len();
	size_t offset = ops_roll(3) ? 0 : ops_roll_len();
	/* Of its exact size, for address sanitizers. */
	unsigned char *copy = malloc(n + offset + !(n + offset));

	CHECK(copy != NULL);
	memcpy(copy, ops_text, n + offset);
	ops_world.references_due++;
	if (ops_refused(evbuffer_add_reference_with_offset(m->buf, copy, offset, n, reference_cleanup, copy) != 0,
		m->frozen[0]))
		reference_cleanup(copy, n + offset, copy);
	else
		ops_insert(&m->bytes, m->bytes.len, ops_text + offset, n);
}

static void
op_drains_to_fd(struct ops_model *m)
{
	if (ops_roll(2))
		CHECK_INT_EQ(evbuffer_set_flags(m->buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
	else
		CHECK_INT_EQ(evbuffer_clear_flags(m->buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
}

static void
op_add_file(struct ops_model *m)
{
	size_t offset = (size_t)ops_roll(OPS_FILE_BYTES + 1);
	size_t n = ops_roll_len();
	int fd = dup(ops_world.file);

	if (n > OPS_FILE_BYTES - offset || ops_roll(8) == 0)
		n = OPS_FILE_BYTES - offset;
	ev_off_t length = n == OPS_FILE_BYTES - offset && ops_roll(2) ? -1 : (ev_off_t)n;
	if (ops_refused(evbuffer_add_file(m->buf, fd, (ev_off_t)offset, length) != 0, m->frozen[0]))
		return;
	ops_insert(&m->bytes, m->bytes.len, ops_text + offset, n);
	m->unshareable = true;
}

static void
segment_cleanup(struct evbuffer_file_segment const *seg, int flags, void *arg)
{
	CHECK(seg && arg == &ops_world);
	(void)flags;
	ops_world.segments_due--;
}

/* One that lives on, for many uses; its predecessor goes when its last use ends. */
static void
op_segment_new(struct ops_model *m)
{
	struct ops_world *w = &ops_world;
	size_t i = ops_roll(OPS_SEGMENTS);
	size_t offset = (size_t)ops_roll(OPS_FILE_BYTES);
	size_t n = ops_roll_len();
	unsigned flags = (unsigned)ops_roll(8) << 1;

	(void)m;
	if (n > OPS_FILE_BYTES - offset)
		n = OPS_FILE_BYTES - offset;
	evbuffer_file_segment_free(w->segments[i]);
	int fd = flags & EVBUF_FS_DISABLE_LOCKING ? dup(w->file) : w->file;
	if (fd != w->file)
		flags |= EVBUF_FS_CLOSE_ON_FREE;
	w->segments[i] = evbuffer_file_segment_new(fd, (ev_off_t)offset, (ev_off_t)n, flags);
	w->segment_at[i] = offset;
	w->segment_len[i] = n;
	if (ops_refused(!w->segments[i], false)) {
		if (fd != w->file)
			close(fd);
		return;
	}
	w->segments_due++;
	evbuffer_file_segment_add_cleanup_cb(w->segments[i], segment_cleanup, w);
}

static void
op_segment_use(struct ops_model *m)
{
	struct ops_world *w = &ops_world;
	size_t i = ops_roll(OPS_SEGMENTS);

	if (!w->segments[i])
		return;
	size_t at = (size_t)ops_roll(w->segment_len[i] + 1);
	size_t n = (size_t)ops_roll(w->segment_len[i] - at + 1);
	if (ops_refused(evbuffer_add_file_segment(m->buf, w->segments[i], (ev_off_t)at, (ev_off_t)n) != 0,
		m->frozen[0]))
		return;
	ops_insert(&m->bytes, m->bytes.len, ops_text + w->segment_at[i] + at, n);
	m->unshareable = true;
}

const struct ops_op ops_file[] = {
	{ op_reference, 8 }, { op_drains_to_fd, 4 }, { op_add_file, 3 }, { op_segment_new, 3 }, { op_segment_use, 5 },
	{ NULL, 0 },
};
