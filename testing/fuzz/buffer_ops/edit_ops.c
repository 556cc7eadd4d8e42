/* testing/fuzz/buffer_ops/edit_ops.c — bytes in and out of one evbuffer, by copies. See world.h. */
#include "testing/fuzz/buffer_ops/world.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "testing/harness/test.h"

static void
op_add(struct ops_model *m)
{
	size_t n = ops_roll_len();
	unsigned char *from = ops_text + ops_roll(1000);

	if (!ops_refused(evbuffer_add(m->buf, from, n) != 0, m->frozen[0]))
		ops_insert(&m->bytes, m->bytes.len, from, n);
}

static void
op_prepend(struct ops_model *m)
{
	size_t n = ops_roll_len();
	unsigned char *from = ops_text + ops_roll(1000);

	if (!ops_refused(evbuffer_prepend(m->buf, from, n) != 0, n && m->frozen[1]))
		ops_insert(&m->bytes, 0, from, n);
}

static void
op_printf(struct ops_model *m)
{
	char out[700];
	int width = (int)ops_roll(600);
	int n = snprintf(out, sizeof(out), "%*d\r\n", width, 7);

	if (!ops_refused(evbuffer_add_printf(m->buf, "%*d\r\n", width, 7) != n, m->frozen[0]))
		ops_insert(&m->bytes, m->bytes.len, out, (size_t)n);
}

static void
op_iovec(struct ops_model *m)
{
	struct evbuffer_iovec vec[3];
	size_t total = 0;
	int n = (int)ops_roll(4);

	for (int i = 0; i < n; i++) {
		vec[i].iov_base = ops_text + ops_roll(1000);
		vec[i].iov_len = ops_roll_len();
		total += vec[i].iov_len;
	}
	size_t got = evbuffer_add_iovec(m->buf, vec, n);
	CHECK(got == total || got == 0);
	if (ops_refused(got != total, m->frozen[0] && total))
		return;
	for (int i = 0; i < n && total; i++)
		ops_insert(&m->bytes, m->bytes.len, vec[i].iov_base, vec[i].iov_len);
}

static void
op_reserve(struct ops_model *m)
{
	struct evbuffer_iovec vec[2], again[2];
	size_t n = ops_roll_len();
	int most = 1 + (int)ops_roll(2);
	int n_vec = evbuffer_reserve_space(m->buf, (ev_ssize_t)n, vec, most);

	if (ops_refused(n_vec < 0, m->frozen[0]))
		return;
	CHECK(n_vec == 1 || (n_vec == 2 && most == 2));
	CHECK(vec[0].iov_len + (n_vec == 2 ? vec[1].iov_len : 0) >= n);
	CHECK_INT_EQ(evbuffer_reserve_space(m->buf, (ev_ssize_t)n, again, most), n_vec);
	CHECK_PTR_EQ(again[0].iov_base, vec[0].iov_base);
	size_t total = 0;
	int used = (int)ops_roll((uint64_t)n_vec + 1);
	for (int i = 0; i < used; i++) {
		size_t most_here = vec[i].iov_len < OPS_LEN_MAX ? vec[i].iov_len : OPS_LEN_MAX;
		vec[i].iov_len = ops_roll(most_here + 1);
		memcpy(vec[i].iov_base, ops_text + total, vec[i].iov_len);
		total += vec[i].iov_len;
	}
	/* As one piece, what has been written there lies together; else with a hole. */
	CHECK_INT_EQ(evbuffer_commit_space(m->buf, vec, used), 0);
	ops_insert(&m->bytes, m->bytes.len, ops_text, total);
}

static void
op_commit_foreign(struct ops_model *m)
{
	static char elsewhere[10];
	struct evbuffer_iovec vec[1] = { { elsewhere, 1 + ops_roll(9) } };

	CHECK_INT_EQ(evbuffer_commit_space(m->buf, vec, 1), -1);
}

static void
op_expand(struct ops_model *m)
{
	ops_refused(evbuffer_expand(m->buf, ops_roll_len()) != 0, false);
}

static void
op_drain(struct ops_model *m)
{
	size_t n = ops_roll(8) ? ops_roll_len() * 2 : EV_SIZE_MAX;

	if (ops_refused(evbuffer_drain(m->buf, n) != 0, m->frozen[1] && m->bytes.len))
		return;
	ops_cut(&m->bytes, n < m->bytes.len ? n : m->bytes.len);
}

static void
op_remove(struct ops_model *m)
{
	static unsigned char out[OPS_LEN_MAX];
	size_t n = ops_roll_len();
	size_t expect = n < m->bytes.len ? n : m->bytes.len;
	int got = evbuffer_remove(m->buf, out, n);

	CHECK(got == -1 || (size_t)got == expect);
	if (ops_refused(got < 0, m->frozen[1] && expect))
		return;
	CHECK_MEM_EQ(out, ops_at(&m->bytes, 0), expect);
	ops_cut(&m->bytes, expect);
}

/* The end of the first line: its place, and its length in *len, which is 0 when there is none. */
static size_t
line_end(const struct ops_bytes *b, unsigned style, size_t *len)
{
	for (size_t i = 0; i < b->len; i++) {
		const unsigned char *at = ops_at(b, i);
		bool lf = *at == '\n', cr = *at == '\r';
		bool cr_lf = cr && i + 1 < b->len && at[1] == '\n';
		*len = 0;
		if (style == EVBUFFER_EOL_ANY)
			for (*len = 0; i + *len < b->len && (at[*len] == '\n' || at[*len] == '\r'); ++*len)
				;
		else if (style == EVBUFFER_EOL_CRLF)
			*len = cr_lf ? 2 : lf;
		else if (style == EVBUFFER_EOL_CRLF_STRICT)
			*len = cr_lf ? 2 : 0;
		else
			*len = *at == (style == EVBUFFER_EOL_LF ? '\n' : '\0');
		if (*len)
			return i;
	}
	*len = 0;
	return 0;
}

static void
op_readln(struct ops_model *m)
{
	size_t n = 99, eol;
	unsigned style = (unsigned)ops_roll(5);
	size_t expect = line_end(&m->bytes, style, &eol);
	char *line = evbuffer_readln(m->buf, &n, (enum evbuffer_eol_style)style);

	if (!line)
		CHECK_INT_EQ(n, 0);
	if (ops_refused(!line, m->frozen[1] || !eol))
		return;
	CHECK_INT_EQ(n, expect);
	CHECK_MEM_EQ(line, ops_at(&m->bytes, 0), n);
	CHECK_INT_EQ(line[n], 0);
	ops_cut(&m->bytes, n + eol);
	evrt__free(line);
}

static void
op_freeze(struct ops_model *m)
{
	int front = (int)ops_roll(2);

	CHECK_INT_EQ(evbuffer_freeze(m->buf, front), 0);
	m->frozen[front] = true;
}

static void
op_unfreeze(struct ops_model *m)
{
	int front = (int)ops_roll(2);

	CHECK_INT_EQ(evbuffer_unfreeze(m->buf, front), 0);
	m->frozen[front] = false;
}

static void
nested_drain_done(struct ops_model *m)
{
	ops_cut(&m->bytes, m->nested_n < m->bytes.len ? m->nested_n : m->bytes.len);
}

static void
nested_drain(struct ops_model *m)
{
	if (evbuffer_drain(m->buf, m->nested_n) == 0)
		m->nested_done = nested_drain_done;
}

static void
nested_add_done(struct ops_model *m)
{
	ops_insert(&m->bytes, m->bytes.len, ops_text, m->nested_n);
}

static void
nested_add(struct ops_model *m)
{
	if (evbuffer_add(m->buf, ops_text, m->nested_n) == 0)
		m->nested_done = nested_add_done;
}

/* What the next callback will do. Not where that may come between two edits. */
static void
op_nest(struct ops_model *m)
{
	static void (*const edits[])(struct ops_model *) = { nested_drain, nested_add };

	m->nested_n = ops_roll_len();
	m->nested = edits[ops_roll(2)];
}

const struct ops_op ops_edit[] = {
	{ op_add, 12 }, { op_prepend, 6 }, { op_printf, 4 }, { op_iovec, 4 }, { op_reserve, 8 },
	{ op_commit_foreign, 1 }, { op_expand, 3 }, { op_drain, 8 }, { op_remove, 6 }, { op_readln, 6 },
	{ op_freeze, 1 }, { op_unfreeze, 4 }, { op_nest, 2 }, { NULL, 0 },
};
