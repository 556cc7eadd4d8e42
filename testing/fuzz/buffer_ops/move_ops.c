/* testing/fuzz/buffer_ops/move_ops.c — bytes from one evbuffer to another, and to and from sockets. See world.h. */
#include "testing/fuzz/buffer_ops/world.h"

#include <errno.h>
#include "testing/harness/test.h"

static void
op_add_buffer(struct ops_model *m)
{
	struct ops_model *from = ops_roll_model();
	bool nothing = from == m || from->bytes.len == 0;

	if (!ops_refused(evbuffer_add_buffer(m->buf, from->buf) != 0, !nothing && (m->frozen[0] || from->frozen[1])))
		ops_move(m, m->bytes.len, from, from->bytes.len);
}

static void
op_prepend_buffer(struct ops_model *m)
{
	struct ops_model *from = ops_roll_model();
	bool nothing = from == m || from->bytes.len == 0;
	bool frozen = m->frozen[1] || from->frozen[1];

	if (!ops_refused(evbuffer_prepend_buffer(m->buf, from->buf) != 0, !nothing && frozen))
		ops_move(m, 0, from, from->bytes.len);
}

static void
op_remove_buffer(struct ops_model *m)
{
	struct ops_model *from = ops_roll_model();
	size_t n = ops_roll_len();
	size_t expect = from == m ? 0 : n < from->bytes.len ? n : from->bytes.len;
	int got = evbuffer_remove_buffer(from->buf, m->buf, n);

	CHECK(got == -1 || (size_t)got == expect);
	if (!ops_refused(got < 0, from != m && n && (m->frozen[0] || from->frozen[1])))
		ops_move(m, m->bytes.len, from, expect);
}

static void
op_buffer_reference(struct ops_model *m)
{
	struct ops_model *from = ops_roll_model();
	int got = evbuffer_add_buffer_reference(m->buf, from->buf);

	if (got == 0 || !from->unshareable)
		ops_refused(got != 0, from->bytes.len && (from == m || m->frozen[0]));
	if (got != 0)
		return;
	ops_insert(&m->bytes, m->bytes.len, ops_at(&from->bytes, 0), from->bytes.len);
	m->unshareable = true;
}

static void
op_write(struct ops_model *m)
{
	struct ops_bytes *wire = &ops_world.wire;
	ev_ssize_t howmuch = ops_roll(2) ? -1 : (ev_ssize_t)ops_roll_len();

	errno = 0;
	int n = evbuffer_write_atmost(m->buf, ops_world.sockets[0], howmuch);
	CHECK(n == -1 || (n > 0 && (howmuch < 0 || n <= howmuch) && (size_t)n <= m->bytes.len));
	if (n < 0 && errno == EAGAIN && wire->len)
		return;
	if (ops_refused(n < 0, m->frozen[1] || m->bytes.len == 0 || howmuch == 0))
		return;
	ops_insert(wire, wire->len, ops_at(&m->bytes, 0), (size_t)n);
	ops_cut(&m->bytes, (size_t)n);
}

static void
op_read(struct ops_model *m)
{
	struct ops_bytes *wire = &ops_world.wire;
	int howmuch = ops_roll(2) ? -1 : (int)ops_roll_len();

	if (ops_roll(8) == 0)
		CHECK_INT_EQ(evbuffer_set_max_read(m->buf, 1 + ops_roll_len()), 0);
	errno = 0;
	int n = evbuffer_read(m->buf, ops_world.sockets[1], howmuch);
	CHECK(n >= -1 && (n <= howmuch || howmuch < 0) && (n < 0 || (size_t)n <= wire->len));
	if (n < 0 && errno == EAGAIN && wire->len == 0)
		return;
	if (ops_refused(n < 0, m->frozen[0]))
		return;
	CHECK_INT_EQ(n == 0, howmuch == 0);
	ops_insert(&m->bytes, m->bytes.len, ops_at(wire, 0), (size_t)n);
	ops_cut(wire, (size_t)n);
}

const struct ops_op ops_move_table[] = {
	{ op_add_buffer, 4 }, { op_prepend_buffer, 4 }, { op_remove_buffer, 8 }, { op_buffer_reference, 5 },
	{ op_write, 8 }, { op_read, 8 }, { NULL, 0 },
};
