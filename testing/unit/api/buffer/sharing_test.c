/* testing/unit/api/buffer/sharing_test.c — memory that several evbuffers refer to, and threads that share.
 *
 * Here:     what an evbuffer may do to blocks it shares, the one cleanup, segments, locks in both orders.
 * Not here: what the program sees without sharing (random_ops_test.c).
 */
#include "testing/harness/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <event2/buffer.h>
#include "api/buffer/buffer_internal.h"
#include "base/atomic.h"
#include "threading/lock.h"

static evrt_atomic(int) cleanups;

static void
cleanup(const void *data, size_t len, void *extra)
{
	(void)data;
	(void)len;
	(void)extra;
	evrt_add_acq_rel(&cleanups, 1);
}

static void
shared_bytes_are_not_overwritten(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	char out[8] = "";
	evbuffer_add(a, "abcdef", 6);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), 0);
	evbuffer_drain(a, 3);
	CHECK_INT_EQ(evbuffer_prepend(a, "XYZ", 3), 0); /* there is room before "def", but b looks at it */
	CHECK_INT_EQ(evbuffer_add(a, "ghi", 3), 0);     /* the room behind is a's own */
	CHECK_INT_EQ(evbuffer_copyout(b, out, 8), 6);
	CHECK_MEM_EQ(out, "abcdef", 6);
	CHECK_MEM_EQ(evbuffer_pullup(a, -1), "XYZdefghi", 9);
	CHECK_INT_EQ(evbuffer_copyout(b, out, 8), 6);
	CHECK_MEM_EQ(out, "abcdef", 6);
	evbuffer_free(a);
	CHECK_INT_EQ(evbuffer_remove(b, out, 8), 6); /* survives the evbuffer that it came from */
	CHECK_MEM_EQ(out, "abcdef", 6);
	evbuffer_free(b);
}

static void
room_is_taken_again_when_alone(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	evbuffer_add(a, "abcdef", 6);
	evbuffer_add_buffer_reference(b, a);
	evbuffer_drain(a, 3);
	evbuffer_free(b);
	CHECK_INT_EQ(evbuffer_prepend(a, "XYZ", 3), 0);
	CHECK_INT_EQ(evbuffer_get_contiguous_space(a), 6);
	evbuffer_free(a);
}

static void
reference_is_cleaned_once_by_the_last(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	struct evbuffer *c = evbuffer_new();
	evbuffer_add_reference(a, "abc", 3, cleanup, NULL);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(c, a), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(c, b), -1);
	evbuffer_free(a);
	evbuffer_drain(b, 3);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 0);
	evbuffer_drain(c, 2);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 0);
	evbuffer_drain(c, 1);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 1);
	evbuffer_free(b);
	evbuffer_free(c);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 1);
}

static void
empty_reference_leaves_nothing(void)
{
	struct evbuffer *a = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_reference(a, "", 0, cleanup, NULL), 0);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 1);
	CHECK_PTR_EQ(a->first, NULL);
	evbuffer_freeze(a, 0);
	CHECK_INT_EQ(evbuffer_add_reference(a, "", 0, cleanup, NULL), -1);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 1);
	CHECK_INT_EQ(evbuffer_add_reference_with_offset(a, "", EV_SIZE_MAX, 1, cleanup, NULL), -1);
	evbuffer_free(a);
}

static size_t
room_reserved(const struct evbuffer *buf)
{
	size_t sum = 0;
	for (const struct evrt_chain *c = buf->first; c; c = c->next)
		sum += c->kind == EVRT_CHAIN_HEAP ? c->cap : 0;
	return sum;
}

/* As a server that sends chunks does, to a peer that does not read. */
static void
small_pieces_between_others_stay_small(void)
{
	static const char body[1000];
	struct evbuffer *buf = evbuffer_new(), *other = evbuffer_new();
	for (int i = 0; i < 3000; i++) {
		CHECK_INT_EQ(evbuffer_add(buf, "3e8\r\n", 5), 0);
		CHECK_INT_EQ(evbuffer_add_reference(buf, body, sizeof(body), NULL, NULL), 0);
	}
	CHECK(room_reserved(buf) <= 3000 * 256);
	evbuffer_drain(buf, evbuffer_get_length(buf));
	for (int i = 0; i < 3000; i++) {
		CHECK_INT_EQ(evbuffer_add(buf, body, 300), 0);
		CHECK_INT_EQ(evbuffer_add(other, body, sizeof(body)), 0);
		CHECK_INT_EQ(evbuffer_add_buffer(buf, other), 0);
	}
	CHECK(room_reserved(buf) <= 4 * evbuffer_get_length(buf));
	evbuffer_free(buf);
	evbuffer_free(other);
}

static void
lengths_that_overflow_are_refused(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	char x[] = "x";
	struct evbuffer_iovec vec[2] = { { x, EVRT_BUFFER_LEN_MAX }, { x, EVRT_BUFFER_LEN_MAX } };
	struct evbuffer_iovec wrap[2] = { { x, EV_SIZE_MAX }, { x, 2 } };
	/* Never read, so the length need not be true. */
	CHECK_INT_EQ(evbuffer_add_reference(a, "x", EVRT_BUFFER_LEN_MAX - 1, cleanup, NULL), 0);
	CHECK_INT_EQ(evbuffer_add(a, "12", 2), -1);
	CHECK_INT_EQ(evbuffer_prepend(a, "12", 2), -1);
	CHECK_INT_EQ(evbuffer_expand(a, 2), -1);
	CHECK_INT_EQ(evbuffer_add_printf(a, "12"), -1);
	CHECK_INT_EQ(evbuffer_add_iovec(a, vec, 2), 0);
	CHECK_INT_EQ(evbuffer_add_iovec(b, wrap, 2), 0);
	CHECK_INT_EQ(evbuffer_add_reference(a, "12", 2, cleanup, NULL), -1);
	CHECK_INT_EQ(evbuffer_reserve_space(a, 2, vec, 1), -1);
	CHECK_INT_EQ(evbuffer_add(b, "12", 2), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(a, b), -1);
	CHECK_INT_EQ(evbuffer_prepend_buffer(a, b), -1);
	CHECK_INT_EQ(evbuffer_remove_buffer(b, a, 2), -1);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(a, b), -1);
	CHECK_INT_EQ(evbuffer_remove_buffer(b, a, 1), 1);
	CHECK_INT_EQ(evbuffer_get_length(a), EVRT_BUFFER_LEN_MAX);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 0);
	evbuffer_free(a);
	evbuffer_free(b);
}

#define THREAD_TURNS 2000

static struct evbuffer_file_segment *segment;

/* Each thread has an evbuffer of its own, made of memory that all share. */
static void *
drop_shared(void *arg)
{
	struct evbuffer *mine = arg;
	struct evbuffer *copy = evbuffer_new();
	char out[64];
	for (int i = 0; i < THREAD_TURNS; i++) {
		CHECK_INT_EQ(evbuffer_add_file_segment(copy, segment, 0, -1), 0);
		CHECK_INT_EQ(evbuffer_remove(copy, out, sizeof(out)), 10);
		CHECK_MEM_EQ(out, "0123456789", 10);
	}
	CHECK_INT_EQ(evbuffer_remove(mine, out, sizeof(out)), 9);
	CHECK_MEM_EQ(out, "abcdefghi", 9);
	evbuffer_free(mine);
	evbuffer_free(copy);
	return NULL;
}

static void
threads_may_share_memory(void)
{
	pthread_t thread[3];
	int fd = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10);
	segment = evbuffer_file_segment_new(fd, 0, -1, EVBUF_FS_CLOSE_ON_FREE);
	struct evbuffer *origin = evbuffer_new();
	evbuffer_add_reference(origin, "abcdef", 6, cleanup, NULL);
	evbuffer_add(origin, "ghi", 3);
	for (int i = 0; i < 3; i++) {
		struct evbuffer *b = evbuffer_new();
		CHECK_INT_EQ(evbuffer_add_buffer_reference(b, origin), 0);
		CHECK_INT_EQ(pthread_create(&thread[i], NULL, drop_shared, b), 0);
	}
	evbuffer_add(origin, "jkl", 3); /* behind what the others see */
	evbuffer_free(origin);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	CHECK_INT_EQ(evrt_load_acquire(&cleanups), 1);
	evbuffer_file_segment_free(segment);
}

static struct evbuffer *pair[2];

static void *
shuttle(void *arg)
{
	int from = arg != NULL;
	for (int i = 0; i < THREAD_TURNS; i++) {
		CHECK(evbuffer_remove_buffer(pair[from], pair[!from], 7) >= 0);
		CHECK_INT_EQ(evbuffer_add_buffer(pair[!from], pair[from]), 0);
		evbuffer_lock(pair[from]);
		size_t n = evbuffer_get_length(pair[from]);
		CHECK(n <= 1000 && evbuffer_peek(pair[from], -1, NULL, NULL, 0) <= 1000);
		evbuffer_unlock(pair[from]);
	}
	return NULL;
}

static void
two_locks_in_both_orders(void)
{
	static char bytes[1000];
	pthread_t thread[2];
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	for (int i = 0; i < 2; i++) {
		pair[i] = evbuffer_new();
		CHECK_INT_EQ(evbuffer_enable_locking(pair[i], NULL), 0);
		CHECK_INT_EQ(evbuffer_enable_locking(pair[i], NULL), -1);
	}
	evbuffer_add(pair[0], bytes, sizeof(bytes));
	CHECK_INT_EQ(pthread_create(&thread[0], NULL, shuttle, NULL), 0);
	CHECK_INT_EQ(pthread_create(&thread[1], NULL, shuttle, pair[0]), 0);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	CHECK_INT_EQ(evbuffer_get_length(pair[0]) + evbuffer_get_length(pair[1]), sizeof(bytes));
	evbuffer_free(pair[0]);
	evbuffer_free(pair[1]);
}

static void
one_lock_for_two(void)
{
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	void *lock = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_bufferevent);
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	CHECK_INT_EQ(evbuffer_enable_locking(a, lock), 0);
	CHECK_INT_EQ(evbuffer_enable_locking(b, lock), 0);
	evrt__lock(lock);
	evbuffer_add(a, "abc", 3);
	CHECK_INT_EQ(evbuffer_add_buffer(b, a), 0);
	evrt__unlock(lock);
	CHECK_INT_EQ(evbuffer_remove_buffer(b, a, 1), 1);
	evbuffer_free(a);
	evbuffer_free(b);
	/* Free of holders: otherwise this hangs or, checked, aborts. */
	evrt__lock(lock);
	evrt__unlock(lock);
	evrt__lock_free(lock, EVRT_LOCKTYPE_RECURSIVE);
}

static const struct evrt_test_case cases[] = {
	{ "shared_bytes_are_not_overwritten", shared_bytes_are_not_overwritten },
	{ "room_is_taken_again_when_alone", room_is_taken_again_when_alone },
	{ "reference_is_cleaned_once_by_the_last", reference_is_cleaned_once_by_the_last },
	{ "empty_reference_leaves_nothing", empty_reference_leaves_nothing },
	{ "small_pieces_between_others_stay_small", small_pieces_between_others_stay_small },
	{ "lengths_that_overflow_are_refused", lengths_that_overflow_are_refused },
	{ "threads_may_share_memory", threads_may_share_memory },
	{ "two_locks_in_both_orders", two_locks_in_both_orders },
	{ "one_lock_for_two", one_lock_for_two },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
