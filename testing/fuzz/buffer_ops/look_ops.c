/* testing/fuzz/buffer_ops/look_ops.c — calls that show the contents and leave them. See world.h. */
#include "testing/fuzz/buffer_ops/world.h"

#include <string.h>
#include "testing/harness/test.h"

static size_t
roll_pos(const struct ops_model *m)
{
	return (size_t)ops_roll(m->bytes.len + 1);
}

/* In two steps, for both ways. */
static struct evbuffer_ptr
ptr_to(struct ops_model *m, size_t pos)
{
	struct evbuffer_ptr at;
	size_t first = (size_t)ops_roll(pos + 1);

	CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, first, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, pos - first, EVBUFFER_PTR_ADD), 0);
	CHECK_INT_EQ(at.pos, pos);
	return at;
}

static void
op_copyout(struct ops_model *m)
{
	static unsigned char out[OPS_LEN_MAX];
	size_t pos = ops_roll(2) ? roll_pos(m) : 0;
	struct evbuffer_ptr at = ptr_to(m, pos);
	size_t n = ops_roll_len();
	size_t expect = n < m->bytes.len - pos ? n : m->bytes.len - pos;
	ev_ssize_t got = evbuffer_copyout_from(m->buf, pos ? &at : NULL, out, n);

	CHECK(got == -1 || (size_t)got == expect);
	if (!ops_refused(got < 0, m->frozen[1] && expect))
		CHECK_MEM_EQ(out, ops_at(&m->bytes, pos), expect);
}

static void
op_pullup(struct ops_model *m)
{
	size_t n = ops_roll(4) ? ops_roll_len() : m->bytes.len;
	unsigned char *p = evbuffer_pullup(m->buf, (ev_ssize_t)n);

	if (ops_refused(!p, n == 0 || n > m->bytes.len))
		return;
	CHECK_MEM_EQ(p, ops_at(&m->bytes, 0), n);
	CHECK(evbuffer_get_contiguous_space(m->buf) >= n);
	CHECK_PTR_EQ(evbuffer_pullup(m->buf, (ev_ssize_t)n), p);
}

static void
op_peek(struct ops_model *m)
{
	struct evbuffer_iovec vec[4];
	size_t pos = roll_pos(m);
	struct evbuffer_ptr at = ptr_to(m, pos);
	size_t n = ops_roll_len();
	size_t there = m->bytes.len - pos;
	int need = evbuffer_peek(m->buf, (ev_ssize_t)n, &at, NULL, 0);
	int got = evbuffer_peek(m->buf, (ev_ssize_t)n, &at, vec, 4);

	CHECK_INT_EQ(need > 0, n > 0 && there > 0);
	CHECK(got == need || ops_refused(got == 0, false));
	size_t shown = 0;
	for (int i = 0; i < got && i < 4; i++) {
		CHECK(shown < n && vec[i].iov_len > 0 && vec[i].iov_len <= there - shown);
		CHECK_MEM_EQ(vec[i].iov_base, ops_at(&m->bytes, pos + shown), vec[i].iov_len);
		shown += vec[i].iov_len;
	}
	CHECK(got == 0 || got > 4 || shown >= n || shown == there);
}

static void
op_search(struct ops_model *m)
{
	size_t pos = roll_pos(m);
	size_t end = pos + (size_t)ops_roll(m->bytes.len - pos + 1);
	size_t n = 1 + (size_t)ops_roll(4);
	const char *what = (const char *)ops_text + ops_roll(1000);
	struct evbuffer_ptr from = ptr_to(m, pos), to = ptr_to(m, end);
	unsigned char *hit = memmem(ops_at(&m->bytes, pos), end - pos, what, n);
	struct evbuffer_ptr got = evbuffer_search_range(m->buf, what, n, &from, &to);

	CHECK(got.pos == -1 || (hit && got.pos == hit - ops_at(&m->bytes, 0)));
	ops_refused(got.pos < 0, !hit);
	hit = memmem(ops_at(&m->bytes, 0), m->bytes.len, what, n);
	got = evbuffer_search(m->buf, what, n, NULL);
	CHECK(got.pos == -1 || (hit && got.pos == hit - ops_at(&m->bytes, 0)));
	ops_refused(got.pos < 0, !hit);
}

/* All lines from a place on, one after the other. */
static void
op_lines(struct ops_model *m)
{
	size_t pos = roll_pos(m), eol;
	struct evbuffer_ptr at = ptr_to(m, pos);

	for (int i = 0; i < 10; i++) {
		const unsigned char *hit = memchr(ops_at(&m->bytes, pos), '\n', m->bytes.len - pos);
		at = evbuffer_search_eol(m->buf, &at, &eol, EVBUFFER_EOL_LF);
		CHECK(at.pos == -1 || (hit && at.pos == hit - ops_at(&m->bytes, 0) && eol == 1));
		if (ops_refused(at.pos < 0, !hit))
			return;
		CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, 1, EVBUFFER_PTR_ADD), 0);
		pos = (size_t)at.pos;
	}
}

static void
op_ptr_beyond(struct ops_model *m)
{
	struct evbuffer_ptr at = ptr_to(m, roll_pos(m));
	size_t beyond = m->bytes.len - (size_t)at.pos + 1 + ops_roll_len();

	CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, beyond, EVBUFFER_PTR_ADD), -1);
	CHECK_INT_EQ(at.pos, -1);
}

const struct ops_op ops_look[] = {
	{ op_copyout, 4 }, { op_pullup, 4 }, { op_peek, 4 }, { op_search, 4 }, { op_lines, 2 },
	{ op_ptr_beyond, 1 }, { NULL, 0 },
};
