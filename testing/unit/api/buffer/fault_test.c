/* testing/unit/api/buffer/fault_test.c — memory that runs out in the middle of any call.
 *
 * Here:     each call that allocates, with its k-th allocation failing, for every k: it reports failure,
 *           leaves both evbuffers as they were, and nothing leaks.
 * Not here: failing system calls (io_test.c).
 */
#include "testing/harness/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include "api/buffer/buffer_internal.h"
#include "base/mem.h"
#include "testing/harness/fault.h"

static char big[10000];
static int cleanups;
static int file_fd;

static void
cleanup(const void *data, size_t len, void *extra)
{
	(void)data;
	(void)len;
	(void)extra;
	cleanups++;
}

static void
ignore(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)info;
	(void)arg;
}

static void
ignore_obsolete(struct evbuffer *buf, size_t old_len, size_t new_len, void *arg)
{
	(void)buf;
	(void)old_len;
	(void)new_len;
	(void)arg;
}

/* Each returns a negative number when it failed. */
static int
try_add(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_add(a, big, 10000);
}

static int
try_prepend(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_prepend(a, big, 999);
}

static int
try_expand(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_expand(a, 70000);
}

static int
try_copy(struct evbuffer *a, struct evbuffer *b)
{
	return evbuffer_remove_buffer(a, b, 50) - 50;
}

static int
try_copy_more(struct evbuffer *a, struct evbuffer *b)
{
	return evbuffer_remove_buffer(a, b, 310) - 310;
}

static int
try_pullup(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_pullup(a, -1) ? 0 : -1;
}

static int
try_share(struct evbuffer *a, struct evbuffer *b)
{
	return evbuffer_add_buffer_reference(b, a);
}

static int
try_printf(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_add_printf(a, "%500d", 1) - 500;
}

static int
try_iovec(struct evbuffer *a, struct evbuffer *b)
{
	struct evbuffer_iovec vec[2] = { { big, 300 }, { big, 7000 } };
	(void)b;
	return evbuffer_add_iovec(a, vec, 2) == 7300 ? 0 : -1;
}

static int
try_reserve(struct evbuffer *a, struct evbuffer *b)
{
	struct evbuffer_iovec vec[2];
	(void)b;
	return evbuffer_reserve_space(a, 5000, vec, 2);
}

static int
try_reference(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_add_reference(a, big, 10, cleanup, NULL);
}

static int
try_file(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_add_file(a, dup(file_fd), 0, -1);
}

static int
try_file_copied(struct evbuffer *a, struct evbuffer *b)
{
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(file_fd, 1, 5, EVBUF_FS_DISABLE_MMAP);
	(void)b;
	if (!seg)
		return -1;
	int result = evbuffer_add_file_segment(a, seg, 0, -1);
	evbuffer_file_segment_free(seg);
	return result;
}

static int
try_file_read_late(struct evbuffer *a, struct evbuffer *b)
{
	int result = -1;
	(void)a;
	(void)b;
	struct evbuffer *f = evbuffer_new();
	if (!f)
		return -1;
	evbuffer_set_flags(f, EVBUFFER_FLAG_DRAINS_TO_FD);
	char out[10];
	if (evbuffer_add_file(f, dup(file_fd), 0, -1) == 0) {
		result = evbuffer_copyout(f, out, 10) == 10 ? 0 : -1;
		CHECK_INT_EQ(evbuffer_get_length(f), 10);
	}
	evbuffer_free(f);
	return result;
}

static int
try_readln(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	char *line = evbuffer_readln(a, NULL, EVBUFFER_EOL_LF);
	if (!line)
		return -1;
	evrt__free(line);
	return 0;
}

static int
try_find(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_find(a, (const unsigned char *)"y\n", 2) ? 0 : -1;
}

static int
try_read(struct evbuffer *a, struct evbuffer *b)
{
	int sv[2];
	(void)b;
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(write(sv[0], big, 5000), 5000);
	int n = evbuffer_read(a, sv[1], -1);
	CHECK(n > 0 || errno == ENOMEM);
	close(sv[0]);
	close(sv[1]);
	return n;
}

static int
try_add_cb(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_add_cb(a, ignore, NULL) ? 0 : -1;
}

static int
try_setcb(struct evbuffer *a, struct evbuffer *b)
{
	(void)b;
	return evbuffer_setcb(a, ignore_obsolete, NULL);
}

static const struct fault_op {
	const char *name;
	int (*run)(struct evbuffer *a, struct evbuffer *b);
	int allocs_min; /* how many failures there are to try, at least */
} fault_ops[] = {
	{ "add", try_add, 1 }, { "prepend", try_prepend, 1 }, { "expand", try_expand, 1 },
	{ "printf", try_printf, 1 }, { "iovec", try_iovec, 1 }, { "reserve", try_reserve, 1 },
	{ "remove_buffer in a chain", try_copy, 1 }, { "remove_buffer over chains", try_copy_more, 1 },
	{ "pullup", try_pullup, 1 }, { "add_buffer_reference", try_share, 3 },
	{ "add_reference", try_reference, 1 }, { "add_file", try_file, 3 },
	{ "add_file_segment copied", try_file_copied, 3 }, { "file read late", try_file_read_late, 4 },
	{ "readln", try_readln, 1 }, { "find", try_find, 1 }, { "read", try_read, 2 },
	{ "add_cb", try_add_cb, 1 }, { "setcb", try_setcb, 1 },
};

static void
fill(struct evbuffer *a, struct evbuffer *b)
{
	memset(big, 'x', sizeof(big));
	CHECK_INT_EQ(evbuffer_add(a, big, 180), 0);
	CHECK_INT_EQ(evbuffer_add_reference(a, "ref", 3, cleanup, NULL), 0);
	CHECK_INT_EQ(evbuffer_add(a, big, 190), 0);
	CHECK_INT_EQ(evbuffer_add(a, "y\n", 2), 0);
	CHECK_INT_EQ(evbuffer_add(b, big, 200), 0);
}

static size_t
snapshot(struct evbuffer *buf, char *out, size_t room)
{
	ev_ssize_t n = evbuffer_copyout(buf, out, room);
	CHECK(n >= 0 && evrt__buffer_validate(buf));
	return (size_t)n;
}

/* Returns whether the k-th allocation failed. */
static bool
fault_once(const struct fault_op *op, uint64_t k)
{
	static char before[2][1000], after[2][20000];
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	evrt__chain_cache_release(); /* or there would be less to allocate */
	fill(a, b);
	size_t len_a = snapshot(a, before[0], sizeof(before[0]));
	size_t len_b = snapshot(b, before[1], sizeof(before[1]));
	cleanups = 0;
	evrt_test_fail_alloc(k);
	int result = op->run(a, b);
	bool failed = evrt_test_alloc_has_failed();
	evrt_test_fail_alloc(0);
	/* What a read brings must not be lost for want of a chain that fits it better. */
	bool copes = op->run == try_read && k > 1;
	if (failed && !copes) {
		if (result >= 0)
			evrt_test_fail(__FILE__, __LINE__, "%s: succeeded without allocation %d", op->name, (int)k);
		CHECK_INT_EQ(cleanups, 0);
		CHECK_INT_EQ(snapshot(a, after[0], sizeof(after[0])), len_a);
		CHECK_INT_EQ(snapshot(b, after[1], sizeof(after[1])), len_b);
		CHECK_MEM_EQ(after[0], before[0], len_a);
		CHECK_MEM_EQ(after[1], before[1], len_b);
	} else {
		CHECK(result >= 0);
	}
	evbuffer_free(a);
	evbuffer_free(b);
	evrt__chain_cache_release();
	if (evrt_test_allocs_live() != 0)
		evrt_test_fail(__FILE__, __LINE__, "%s: leaks after failed allocation %d", op->name, (int)k);
	return failed;
}

static void
every_allocation_may_fail(void)
{
	evrt_test_fail_alloc(0); /* counts from here on */
	file_fd = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(file_fd >= 0 && write(file_fd, "0123456789", 10) == 10);
	for (size_t i = 0; i < sizeof(fault_ops) / sizeof(fault_ops[0]); i++) {
		int k = 1;
		while (fault_once(&fault_ops[i], (uint64_t)k))
			k++;
		if (k - 1 < fault_ops[i].allocs_min)
			evrt_test_fail(__FILE__, __LINE__, "%s: only %d allocations", fault_ops[i].name, k - 1);
	}
	close(file_fd);
}

static void
new_may_fail(void)
{
	evrt_test_fail_alloc(1);
	CHECK_PTR_EQ(evbuffer_new(), NULL);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static const struct evrt_test_case cases[] = {
	{ "every_allocation_may_fail", every_allocation_may_fail },
	{ "new_may_fail", new_may_fail },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
