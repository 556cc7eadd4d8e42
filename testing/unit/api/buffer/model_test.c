/* testing/unit/api/buffer/model_test.c — random edits of three evbuffers against arrays of bytes.
 *
 * Here:     every call that changes or shows contents, with random arguments; after each one the evbuffers
 *           touched are validated, compared with their models, and the sums told to callbacks checked.
 * Not here: descriptors (io_test.c), threads (lock_test.c), failing memory (fault_test.c).
 */
#include "testing/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <event2/buffer.h>
#include "api/buffer/buffer_internal.h"

#define BUFFERS 3
#define MODEL_MAX (1u << 20)
#define LENGTH_SOFT_MAX 100000u /* beyond this, the next operation empties */
#define STEPS 200000

struct model {
	struct evbuffer *buf;
	unsigned char *bytes;
	size_t len;
	size_t told; /* the length according to the callbacks */
};

static struct model models[BUFFERS];
static unsigned char text[MODEL_MAX];
static uint64_t rng;
static int cleanups_due;
static int segment_fd;

static uint64_t
roll(uint64_t n)
{
	/* splitmix64 */
	uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % n;
}

/* Mostly small, sometimes around block sizes, rarely large. */
static size_t
roll_len(void)
{
	static const unsigned range[] = { 4, 40, 300, 300, 3000, 20000 };
	return roll(range[roll(6)]);
}

static struct model *
roll_model(void)
{
	return &models[roll(BUFFERS)];
}

static void
told(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct model *m = arg;
	CHECK_INT_EQ(info->orig_size, m->told);
	m->told = info->orig_size + info->n_added - info->n_deleted;
	CHECK_INT_EQ(m->told, evbuffer_get_length(buf));
}

static void
model_insert(struct model *m, size_t at, const void *bytes, size_t n)
{
	CHECK(m->len + n <= MODEL_MAX);
	memmove(m->bytes + at + n, m->bytes + at, m->len - at);
	memcpy(m->bytes + at, bytes, n);
	m->len += n;
}

static void
model_cut(struct model *m, size_t n)
{
	m->len -= n;
	memmove(m->bytes, m->bytes + n, m->len);
}

static void
op_add(struct model *m)
{
	size_t n = roll_len();
	unsigned char *from = text + roll(1000);
	CHECK_INT_EQ(evbuffer_add(m->buf, from, n), 0);
	model_insert(m, m->len, from, n);
}

static void
op_prepend(struct model *m)
{
	size_t n = roll_len();
	unsigned char *from = text + roll(1000);
	CHECK_INT_EQ(evbuffer_prepend(m->buf, from, n), 0);
	model_insert(m, 0, from, n);
}

static void
op_printf(struct model *m)
{
	char out[600];
	int n = snprintf(out, sizeof(out), "%*d\r\n", (int)roll(500), 7);
	CHECK_INT_EQ(evbuffer_add_printf(m->buf, "%*d\r\n", n - 2, 7), n);
	model_insert(m, m->len, out, (size_t)n);
}

static void
op_iovec(struct model *m)
{
	struct evbuffer_iovec vec[3];
	size_t total = 0;
	for (int i = 0; i < 3; i++) {
		vec[i].iov_base = text + roll(1000);
		vec[i].iov_len = roll_len();
		total += vec[i].iov_len;
		model_insert(m, m->len, vec[i].iov_base, vec[i].iov_len);
	}
	CHECK_INT_EQ(evbuffer_add_iovec(m->buf, vec, 3), total);
}

static void
cleanup(const void *data, size_t len, void *extra)
{
	CHECK(data == extra && len <= MODEL_MAX);
	cleanups_due--;
	free(extra);
}

static void
op_reference(struct model *m)
{
	size_t n = roll_len();
	size_t offset = roll(3) ? 0 : roll_len();
	unsigned char *copy = malloc(n + offset + 1);
	CHECK(copy);
	memcpy(copy, text, n + offset);
	cleanups_due++;
	CHECK_INT_EQ(evbuffer_add_reference_with_offset(m->buf, copy, offset, n, cleanup, copy), 0);
	model_insert(m, m->len, text + offset, n);
}

static void
op_buffer_reference(struct model *m)
{
	struct model *from = roll_model();
	if (from->len > 20000 || evbuffer_add_buffer_reference(m->buf, from->buf) != 0)
		return;
	CHECK(from != m);
	model_insert(m, m->len, from->bytes, from->len);
}

static void
op_file(struct model *m)
{
	size_t n = roll_len();
	size_t offset = roll(10000);
	unsigned flags = roll(2) ? EVBUF_FS_DISABLE_MMAP : 0;
	struct evbuffer_file_segment *seg =
	    evbuffer_file_segment_new(segment_fd, (ev_off_t)offset, (ev_off_t)n, flags);
	CHECK(seg);
	if (roll(2))
		evbuffer_set_flags(m->buf, EVBUFFER_FLAG_DRAINS_TO_FD);
	CHECK_INT_EQ(evbuffer_add_file_segment(m->buf, seg, 0, -1), 0);
	evbuffer_clear_flags(m->buf, EVBUFFER_FLAG_DRAINS_TO_FD);
	evbuffer_file_segment_free(seg);
	model_insert(m, m->len, text + offset, n);
}

static void
op_reserve(struct model *m)
{
	struct evbuffer_iovec vec[2];
	size_t n = roll_len();
	int n_vec = evbuffer_reserve_space(m->buf, (ev_ssize_t)n, vec, 1 + (int)roll(2));
	CHECK(n_vec == 1 || n_vec == 2);
	CHECK(vec[0].iov_len + (n_vec == 2 ? vec[1].iov_len : 0) >= n);
	for (int i = 0; i < n_vec; i++) {
		unsigned char *from = text + roll(1000);
		vec[i].iov_len = roll(vec[i].iov_len + 1);
		memcpy(vec[i].iov_base, from, vec[i].iov_len);
		model_insert(m, m->len, from, vec[i].iov_len);
	}
	CHECK_INT_EQ(evbuffer_commit_space(m->buf, vec, n_vec), 0);
}

static void
op_expand(struct model *m)
{
	CHECK_INT_EQ(evbuffer_expand(m->buf, roll_len()), 0);
}

static void
op_drain(struct model *m)
{
	size_t n = roll_len() * 2;
	CHECK_INT_EQ(evbuffer_drain(m->buf, n), 0);
	model_cut(m, n < m->len ? n : m->len);
}

static void
op_remove(struct model *m)
{
	static unsigned char out[20000];
	size_t n = roll_len();
	size_t expect = n < m->len ? n : m->len;
	CHECK_INT_EQ(evbuffer_copyout(m->buf, out, n), expect);
	CHECK_MEM_EQ(out, m->bytes, expect);
	memset(out, 0, expect);
	CHECK_INT_EQ(evbuffer_remove(m->buf, out, n), expect);
	CHECK_MEM_EQ(out, m->bytes, expect);
	model_cut(m, expect);
}

static void
op_copyout_from(struct model *m)
{
	static unsigned char out[20000];
	struct evbuffer_ptr at;
	size_t pos = roll(m->len + 1);
	size_t n = roll_len();
	size_t expect = n < m->len - pos ? n : m->len - pos;
	CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, pos / 2, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, pos - pos / 2, EVBUFFER_PTR_ADD), 0);
	CHECK_INT_EQ(at.pos, pos);
	CHECK_INT_EQ(evbuffer_copyout_from(m->buf, &at, out, n), expect);
	CHECK_MEM_EQ(out, m->bytes + pos, expect);
}

static void
op_pullup(struct model *m)
{
	size_t n = roll(4) ? roll_len() : m->len;
	unsigned char *p = evbuffer_pullup(m->buf, (ev_ssize_t)n);
	CHECK_INT_EQ(p != NULL, n > 0 && n <= m->len);
	if (p)
		CHECK_MEM_EQ(p, m->bytes, n);
}

static void
op_peek(struct model *m)
{
	struct evbuffer_iovec vec[4];
	struct evbuffer_ptr at;
	size_t pos = roll(m->len + 1);
	evbuffer_ptr_set(m->buf, &at, pos, EVBUFFER_PTR_SET);
	ev_ssize_t n = (ev_ssize_t)roll_len();
	int need = evbuffer_peek(m->buf, n, &at, NULL, 0);
	CHECK_INT_EQ(evbuffer_peek(m->buf, n, &at, vec, 4), need);
	for (int i = 0; i < need && i < 4; i++) {
		CHECK_MEM_EQ(vec[i].iov_base, m->bytes + pos, vec[i].iov_len);
		pos += vec[i].iov_len;
	}
}

static void
op_search(struct model *m)
{
	struct evbuffer_ptr start;
	size_t pos = roll(m->len + 1);
	size_t end = pos + roll(m->len - pos + 1);
	size_t n = 1 + roll(3);
	const char *what = (const char *)text + roll(1000);
	struct evbuffer_ptr end_ptr;
	evbuffer_ptr_set(m->buf, &start, pos, EVBUFFER_PTR_SET);
	evbuffer_ptr_set(m->buf, &end_ptr, end, EVBUFFER_PTR_SET);
	unsigned char *hit = memmem(m->bytes + pos, end - pos, what, n);
	ev_ssize_t expect = hit ? hit - m->bytes : -1;
	CHECK_INT_EQ(evbuffer_search_range(m->buf, what, n, &start, &end_ptr).pos, expect);
}

static void
op_readln(struct model *m)
{
	size_t n;
	char *line = evbuffer_readln(m->buf, &n, EVBUFFER_EOL_LF);
	unsigned char *hit = memchr(m->bytes, '\n', m->len);
	CHECK_INT_EQ(line != NULL, hit != NULL);
	if (!line)
		return;
	CHECK_INT_EQ(n, hit - m->bytes);
	CHECK_MEM_EQ(line, m->bytes, n);
	CHECK_INT_EQ(line[n], 0);
	model_cut(m, n + 1);
	free(line);
}

static void
op_add_buffer(struct model *m)
{
	struct model *from = roll_model();
	CHECK_INT_EQ(evbuffer_add_buffer(m->buf, from->buf), 0);
	if (from == m)
		return;
	model_insert(m, m->len, from->bytes, from->len);
	model_cut(from, from->len);
}

static void
op_prepend_buffer(struct model *m)
{
	struct model *from = roll_model();
	CHECK_INT_EQ(evbuffer_prepend_buffer(m->buf, from->buf), 0);
	if (from == m)
		return;
	model_insert(m, 0, from->bytes, from->len);
	model_cut(from, from->len);
}

static void
op_remove_buffer(struct model *m)
{
	struct model *from = roll_model();
	size_t n = roll_len();
	size_t expect = from == m ? 0 : n < from->len ? n : from->len;
	CHECK_INT_EQ(evbuffer_remove_buffer(from->buf, m->buf, n), expect);
	model_insert(m, m->len, from->bytes, expect);
	if (expect)
		model_cut(from, expect);
}

static void (*const ops[])(struct model *) = { op_add, op_add, op_add, op_prepend, op_printf, op_iovec,
	op_reference, op_buffer_reference, op_file, op_reserve, op_reserve, op_expand, op_drain, op_drain,
	op_remove, op_remove, op_copyout_from, op_pullup, op_peek, op_search, op_readln, op_add_buffer,
	op_prepend_buffer, op_remove_buffer, op_remove_buffer };

static void
check_model(struct model *m, bool contents)
{
	struct evbuffer_iovec vec[8];
	CHECK(evrt__buffer_validate(m->buf));
	CHECK_INT_EQ(evbuffer_get_length(m->buf), m->len);
	CHECK_INT_EQ(m->told, m->len);
	if (!contents)
		return;
	struct evbuffer_ptr at;
	size_t pos = 0;
	while (pos < m->len) {
		CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, pos, EVBUFFER_PTR_SET), 0);
		int n = evbuffer_peek(m->buf, -1, &at, vec, 8);
		CHECK(n > 0);
		for (int i = 0; i < n; i++) {
			CHECK_MEM_EQ(vec[i].iov_base, m->bytes + pos, vec[i].iov_len);
			pos += vec[i].iov_len;
		}
	}
	CHECK_INT_EQ(pos, m->len);
}

static void
model_agrees(void)
{
	rng = evrt_test_seed();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "abcabd\r\n"[roll(8)];
	segment_fd = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(segment_fd >= 0);
	CHECK_INT_EQ(write(segment_fd, text, 40000), 40000);
	for (int i = 0; i < BUFFERS; i++) {
		models[i].buf = evbuffer_new();
		models[i].bytes = malloc(MODEL_MAX);
		CHECK(models[i].buf && models[i].bytes && evbuffer_add_cb(models[i].buf, told, &models[i]));
	}
	for (int step = 0; step < STEPS; step++) {
		struct model *m = roll_model();
		if (m->len > LENGTH_SOFT_MAX) {
			CHECK_INT_EQ(evbuffer_drain(m->buf, m->len), 0);
			m->len = 0;
		} else {
			ops[roll(sizeof(ops) / sizeof(ops[0]))](m);
		}
		for (int i = 0; i < BUFFERS; i++)
			check_model(&models[i], step % 16 == 0);
	}
	for (int i = 0; i < BUFFERS; i++) {
		evbuffer_free(models[i].buf);
		free(models[i].bytes);
	}
	CHECK_INT_EQ(cleanups_due, 0);
	close(segment_fd);
}

static const struct evrt_test_case cases[] = { { "model_agrees", model_agrees }, { NULL, NULL } };

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
