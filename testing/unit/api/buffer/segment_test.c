/* testing/unit/api/buffer/segment_test.c — segments of files where libevent 2.1 does otherwise (docs/COMPAT.md).
 *
 * Here:     the end of a segment without a length, ranges and descriptors that are refused, the descriptor during
 *           the cleanup function, the limit of a write. Public headers only.
 * Not here: what both do (testing/contract/libevent/buffer_segment_test.c).
 */
#include "testing/harness/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/util.h>

static int
ten_bytes(void)
{
	int fd = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10);
	return fd;
}

static void
without_a_length_it_ends_with_the_file(void)
{
	int fd = ten_bytes();
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_file(buf, fd, 7, -1), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 3);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), "789", 3);
	evbuffer_free(buf);
}

static void
ranges_outside_are_refused(void)
{
	int fd = ten_bytes();
	struct evbuffer *buf = evbuffer_new();
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, 11, -1, 0), NULL);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, 5, 6, 0), NULL);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, EV_INT64_MAX, 1, 0), NULL);
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, 2, 6, 0);
	CHECK(seg != NULL);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, 7), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 3, 4), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 7, -1), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, -1, 1), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, -2), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 6, -1), 0); /* nothing, at its end */
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	evbuffer_file_segment_free(seg);
	evbuffer_free(buf);
	close(fd);
}

/* A pipe has no length and cannot be read at an offset: neither way gives contents. */
static void
a_pipe_is_refused(void)
{
	struct evbuffer *buf = evbuffer_new();
	int fds[2];
	CHECK_INT_EQ(pipe(fds), 0);
	CHECK_INT_EQ(write(fds[1], "abc", 3), 3);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fds[0], 0, -1, 0), NULL);
	CHECK_INT_EQ(evbuffer_add_file(buf, fds[0], 0, 3), -1); /* and is closed */
	CHECK_INT_EQ(fcntl(fds[0], F_GETFD), -1);
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	close(fds[1]);
	evbuffer_free(buf);
}

/* Where nothing is mapped: a map's reader would get SIGBUS. */
static void
a_file_that_has_shrunk_is_an_error(void)
{
	int fd = ten_bytes();
	struct evbuffer *buf = evbuffer_new();
	evutil_socket_t sv[2];
	char out[10];
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, 0, 10, EVBUF_FS_DISABLE_MMAP);
	CHECK(seg != NULL);
	CHECK_INT_EQ(evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, -1), 0);
	evbuffer_file_segment_free(seg);
	CHECK_INT_EQ(ftruncate(fd, 0), 0);
	CHECK_INT_EQ(evbuffer_copyout(buf, out, 10), -1);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(evbuffer_write(buf, sv[0]), -1);
	CHECK_INT_EQ(errno, EIO);
	CHECK_INT_EQ(evbuffer_get_length(buf), 10);
	CHECK_INT_EQ(evbuffer_drain(buf, 10), 0);
	evbuffer_free(buf);
	close(sv[0]);
	close(sv[1]);
	close(fd);
}

static int open_at_cleanup;

static void
look_at_fd(struct evbuffer_file_segment const *seg, int flags, void *arg)
{
	CHECK(seg && flags == EVBUF_FS_CLOSE_ON_FREE);
	open_at_cleanup += fcntl(*(int *)arg, F_GETFD) >= 0;
}

static void
the_descriptor_is_open_during_the_cleanup(void)
{
	int fd = ten_bytes();
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, 0, -1, EVBUF_FS_CLOSE_ON_FREE);
	CHECK(seg != NULL);
	evbuffer_file_segment_add_cleanup_cb(seg, look_at_fd, &fd);
	evbuffer_file_segment_free(seg);
	CHECK_INT_EQ(open_at_cleanup, 1);
	CHECK_INT_EQ(fcntl(fd, F_GETFD), -1);
}

static void
a_write_of_a_file_keeps_its_limit(void)
{
	struct evbuffer *buf = evbuffer_new();
	evutil_socket_t sv[2];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
	CHECK_INT_EQ(evbuffer_add_file(buf, ten_bytes(), 0, -1), 0);
	CHECK_INT_EQ(evbuffer_write_atmost(buf, sv[0], 3), 3);
	CHECK_INT_EQ(evbuffer_write_atmost(buf, sv[0], 6), 6);
	CHECK_INT_EQ(evbuffer_write_atmost(buf, sv[0], 6), 1);
	evbuffer_free(buf);
	close(sv[0]);
	close(sv[1]);
}

/* The reason of the failure, not that of closing what is given up. */
static void
a_failure_tells_its_reason(void)
{
	struct evbuffer *buf = evbuffer_new();
	errno = 0;
	CHECK_INT_EQ(evbuffer_add_file(buf, -1, 0, -1), -1);
	CHECK_INT_EQ(errno, EBADF);
	CHECK_INT_EQ(evbuffer_add_file(buf, ten_bytes(), 0, 11), -1);
	CHECK_INT_EQ(errno, EINVAL);
	evbuffer_free(buf);
}

static const struct evrt_test_case cases[] = {
	{ "without_a_length_it_ends_with_the_file", without_a_length_it_ends_with_the_file },
	{ "ranges_outside_are_refused", ranges_outside_are_refused },
	{ "a_pipe_is_refused", a_pipe_is_refused },
	{ "a_file_that_has_shrunk_is_an_error", a_file_that_has_shrunk_is_an_error },
	{ "the_descriptor_is_open_during_the_cleanup", the_descriptor_is_open_during_the_cleanup },
	{ "a_write_of_a_file_keeps_its_limit", a_write_of_a_file_keeps_its_limit },
	{ "a_failure_tells_its_reason", a_failure_tells_its_reason },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
