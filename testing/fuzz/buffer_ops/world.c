/* testing/fuzz/buffer_ops/world.c — see world.h: the beginning, the steps and the end of a run. */
#include "testing/fuzz/buffer_ops/world.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <event2/util.h>
#include "api/buffer/buffer_internal.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

#define MODEL_ROOM (1u << 20)
#define LENGTH_SOFT_MAX 60000u /* beyond this, the next operation empties */
#define COMPARE_ALWAYS 2000u   /* longer contents are compared now and then */
#define COMPARE_EVERY 32u

struct ops_world ops_world;
unsigned char ops_text[OPS_TEXT_BYTES];

static uint64_t
roll_seed(struct ops_dice *d)
{
	/* splitmix64 */
	uint64_t z = (d->seed += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
ops_roll(uint64_t n)
{
	struct ops_dice *d = &ops_world.dice;
	uint64_t value = 0;

	if (!d->input)
		return roll_seed(d) % n;
	for (uint64_t most = n - 1; most && d->left; most >>= 8) {
		value = value << 8 | *d->input++;
		d->left--;
	}
	return value % n;
}

size_t
ops_roll_len(void)
{
	static const unsigned range[] = { 4, 40, 300, 300, 300, 3000, 3000, OPS_LEN_MAX };

	return (size_t)ops_roll(range[ops_roll(8)]);
}

struct ops_model *
ops_roll_model(void)
{
	return &ops_world.models[ops_roll(OPS_BUFFERS)];
}

bool
ops_refused_at(const char *file, int line, bool failed, bool must_fail)
{
	if (must_fail && !failed)
		evrt_test_fail(file, line, "succeeded, and should not");
	if (failed && !must_fail && !evrt_test_alloc_has_failed())
		evrt_test_fail(file, line, "failed, and should not");
	return failed;
}

void
ops_insert(struct ops_bytes *b, size_t at, const void *bytes, size_t n)
{
	CHECK(b->len + n <= MODEL_ROOM);
	if (at == 0 && b->head >= n) {
		b->head -= n;
	} else {
		if (b->head + b->len + n > MODEL_ROOM) {
			memmove(b->mem, ops_at(b, 0), b->len);
			b->head = 0;
		}
		memmove(ops_at(b, at + n), ops_at(b, at), b->len - at);
	}
	memcpy(ops_at(b, at), bytes, n);
	b->len += n;
}

void
ops_cut(struct ops_bytes *b, size_t n)
{
	CHECK(n <= b->len);
	b->len -= n;
	b->head = b->len ? b->head + n : MODEL_ROOM / 2;
}

void
ops_move(struct ops_model *to, size_t at, struct ops_model *from, size_t n)
{
	if (to == from)
		return;
	ops_insert(&to->bytes, at, ops_at(&from->bytes, 0), n);
	ops_cut(&from->bytes, n);
	to->unshareable = to->unshareable || from->unshareable;
}

static void
told(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct ops_model *m = arg;
	void (*nested)(struct ops_model *) = m->nested;

	CHECK_INT_EQ(info->orig_size, m->told);
	CHECK(info->n_added || info->n_deleted);
	m->told = info->orig_size + info->n_added - info->n_deleted;
	CHECK_INT_EQ(m->told, evbuffer_get_length(buf));
	m->nested = NULL;
	if (nested)
		nested(m);
}

static void
schedule(struct evrt__buffer_defer *defer, struct evbuffer *buf)
{
	struct ops_model *m = EVRT_CONTAINER_OF(defer, struct ops_model, defer);

	CHECK(buf == m->buf && !m->pending);
	m->pending = true;
}

static void
model_begin(struct ops_model *m)
{
	evrt_test_fail_alloc(0);
	m->buf = evbuffer_new();
	CHECK(m->buf && evbuffer_add_cb(m->buf, told, m));
	m->defer = (struct evrt__buffer_defer){ .schedule = schedule };
	if (m->defers)
		evrt__buffer_set_defer(m->buf, &m->defer);
	ops_cut(&m->bytes, m->bytes.len);
	m->told = 0;
	m->frozen[0] = m->frozen[1] = m->unshareable = false;
}

static void
model_run_deferred(struct ops_model *m)
{
	if (!m->pending)
		return;
	m->pending = false;
	evrt__buffer_run_deferred(m->buf, &m->defer);
}

static void
model_end(struct ops_model *m)
{
	m->nested = NULL;
	evbuffer_free(m->buf);
	model_run_deferred(m); /* the evbuffer is kept for it */
}

static void
op_renew(struct ops_model *m)
{
	model_end(m);
	model_begin(m);
}

/* The edit that a callback has made is done to the model after the edit that it was told of. */
static void
model_settle(struct ops_model *m)
{
	void (*done)(struct ops_model *) = m->nested_done;

	m->nested_done = NULL;
	if (done)
		done(m);
	m->unshareable = m->unshareable && m->bytes.len;
}

static void
op_run_deferred(struct ops_model *m)
{
	model_run_deferred(m);
}

static void
compare(const struct ops_model *m)
{
	struct evbuffer_iovec vec[16];
	struct evbuffer_ptr at;
	size_t pos = 0;

	while (pos < m->bytes.len) {
		CHECK_INT_EQ(evbuffer_ptr_set(m->buf, &at, pos, EVBUFFER_PTR_SET), 0);
		int n = evbuffer_peek(m->buf, -1, &at, vec, 16);
		CHECK(n > 0);
		for (int i = 0; i < n; i++) {
			CHECK(pos + vec[i].iov_len <= m->bytes.len);
			CHECK_MEM_EQ(vec[i].iov_base, ops_at(&m->bytes, pos), vec[i].iov_len);
			pos += vec[i].iov_len;
		}
	}
}

static void
check_model(struct ops_model *m)
{
	CHECK(evrt__buffer_validate(m->buf));
	CHECK_INT_EQ(evbuffer_get_length(m->buf), m->bytes.len);
	CHECK(m->pending || m->told == m->bytes.len);
	/* Looking brings files into memory: with many small contents it must not happen always. */
	if (ops_world.steps % COMPARE_EVERY == 0 || (m->bytes.len < COMPARE_ALWAYS && !m->unshareable))
		compare(m);
}

static const struct ops_op own_ops[] = { { op_renew, 1 }, { op_run_deferred, 6 }, { NULL, 0 } };
static const struct ops_op *const tables[] = { ops_edit, ops_look, ops_move_table, ops_file, own_ops };

/* The operation with the n-th weight of all; NULL when there are not so many. */
static void (*pick(uint64_t n))(struct ops_model *)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct ops_op *op = tables[t]; op->run; op++) {
			if (n < op->weight)
				return op->run;
			n -= op->weight;
		}
	return NULL;
}

static uint64_t
weights(void)
{
	uint64_t sum = 0;

	while (pick(sum))
		sum++;
	return sum;
}

static void
step(uint64_t sum)
{
	struct ops_model *m = ops_roll_model();
	void (*run)(struct ops_model *) = pick(ops_roll(sum));

	ops_world.steps++;
	if (m->bytes.len > LENGTH_SOFT_MAX)
		run = op_renew;
	if (ops_world.faults && ops_roll(4) == 0)
		evrt_test_fail_alloc(1 + ops_roll(3));
	run(m);
	evrt_test_fail_alloc(0);
	for (int i = 0; i < OPS_BUFFERS; i++) {
		model_settle(&ops_world.models[i]);
		check_model(&ops_world.models[i]);
	}
}

static void
bytes_begin(struct ops_bytes *b, unsigned char *room)
{
	b->mem = room;
	b->len = 0;
	b->head = MODEL_ROOM / 2;
}

/* The same in every run. */
static void
text_begin(void)
{
	if (ops_text[0])
		return;
	ops_world.dice = (struct ops_dice){ .seed = 1 };
	for (size_t i = 0; i < sizeof(ops_text); i++)
		ops_text[i] = (unsigned char)"abcabd\r\n\n\0"[ops_roll(10)];
}

static void
world_begin(struct ops_dice dice, bool faults)
{
	static unsigned char rooms[OPS_BUFFERS + 1][MODEL_ROOM];
	struct ops_world *w = &ops_world;

	text_begin();
	memset(w, 0, sizeof(*w));
	w->dice = dice;
	w->faults = faults;
	w->file = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(w->file >= 0 && write(w->file, ops_text, OPS_FILE_BYTES) == OPS_FILE_BYTES);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, w->sockets), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(evutil_make_socket_nonblocking(w->sockets[i]), 0);
	bytes_begin(&w->wire, rooms[OPS_BUFFERS]);
	for (int i = 0; i < OPS_BUFFERS; i++) {
		w->models[i].defers = i == OPS_BUFFERS - 1;
		bytes_begin(&w->models[i].bytes, rooms[i]);
		model_begin(&w->models[i]);
	}
}

static void
world_end(void)
{
	struct ops_world *w = &ops_world;

	for (int i = 0; i < OPS_BUFFERS; i++)
		model_end(&w->models[i]);
	for (int i = 0; i < OPS_SEGMENTS; i++)
		evbuffer_file_segment_free(w->segments[i]);
	CHECK_INT_EQ(w->references_due, 0);
	CHECK_INT_EQ(w->segments_due, 0);
	close(w->file);
	close(w->sockets[0]);
	close(w->sockets[1]);
}

void
ops_run(struct ops_dice dice, size_t steps, bool faults)
{
	uint64_t sum = weights();

	evrt_test_fail_alloc(0);
	evrt__chain_cache_release();
	int64_t live = evrt_test_allocs_live();
	world_begin(dice, faults);
	while (ops_world.steps < steps && (!ops_world.dice.input || ops_world.dice.left))
		step(sum);
	world_end();
	evrt__chain_cache_release();
	CHECK_INT_EQ(evrt_test_allocs_live(), live);
}
