/* testing/contract/libevent/buffer_file_test.c — files and descriptors as sources and ends of evbuffers.
 *
 * Here:     add_file, segments, write and read. Public headers only.
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <fcntl.h>

static int
ten_bytes(void)
{
	int fd = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT_EQ(write(fd, "0123456789", 10), 10);
	return fd;
}

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
added_file_is_read_and_closed(void)
{
	struct evbuffer *buf = evbuffer_new();
	char out[20];
	int fd = ten_bytes();
	CHECK_INT_EQ(evbuffer_add_file(buf, dup(fd), 0, -1), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 10);
	CHECK_INT_EQ(evbuffer_drain(buf, 10), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "<", 1), 0);
	CHECK_INT_EQ(evbuffer_add_file(buf, fd, 3, 4), 0);
	CHECK_INT_EQ(evbuffer_add(buf, ">", 1), 0);
	CHECK(is_open(fd));
	CHECK_INT_EQ(evbuffer_remove(buf, out, sizeof(out)), 6);
	CHECK_MEM_EQ(out, "<3456>", 6);
	CHECK(!is_open(fd));
	evbuffer_free(buf);
}

static void
bad_ranges_are_refused(void)
{
	int fd = ten_bytes();
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, -1, 4, 0), NULL);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, 0, -2, 0), NULL);
	close(fd);
}

static int segment_cleanups;

static void
segment_cleanup(struct evbuffer_file_segment const *seg, int flags, void *arg)
{
	CHECK(seg);
	CHECK_INT_EQ(flags, EVBUF_FS_DISABLE_SENDFILE | EVBUF_FS_CLOSE_ON_FREE);
	CHECK_PTR_EQ(arg, &segment_cleanups);
	segment_cleanups++;
}

static void
segment_is_used_many_times(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	char out[20];
	int fd = ten_bytes();
	struct evbuffer_file_segment *seg =
	    evbuffer_file_segment_new(fd, 2, 6, EVBUF_FS_DISABLE_SENDFILE | EVBUF_FS_CLOSE_ON_FREE);
	CHECK(seg);
	evbuffer_file_segment_add_cleanup_cb(seg, segment_cleanup, &segment_cleanups);
	CHECK_INT_EQ(evbuffer_add_file_segment(a, seg, 0, -1), 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(a, seg, 2, -1), 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(b, seg, 1, 3), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), -1);
	evbuffer_file_segment_free(seg);
	CHECK_INT_EQ(evbuffer_remove(a, out, sizeof(out)), 10);
	CHECK_MEM_EQ(out, "2345674567", 10);
	CHECK_INT_EQ(segment_cleanups, 0);
	CHECK_INT_EQ(evbuffer_remove(b, out, sizeof(out)), 3);
	CHECK_MEM_EQ(out, "345", 3);
	CHECK_INT_EQ(segment_cleanups, 1);
	CHECK(!is_open(fd));
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
file_is_sent_to_a_socket(void)
{
	evutil_socket_t sv[2];
	struct evbuffer *out = evbuffer_new();
	struct evbuffer *in = evbuffer_new();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(evbuffer_set_flags(out, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
	CHECK_INT_EQ(evbuffer_add(out, "head", 4), 0);
	CHECK_INT_EQ(evbuffer_add_file(out, ten_bytes(), 0, -1), 0);
	CHECK_INT_EQ(evbuffer_add(out, "tail", 4), 0);
	while (evbuffer_get_length(out))
		CHECK(rig_write(out, sv[0], -1) > 0);
	while (evbuffer_get_length(in) < 18)
		CHECK(rig_read(in, sv[1], -1) > 0);
	CHECK_MEM_EQ(evbuffer_pullup(in, -1), "head0123456789tail", 18);
	evbuffer_free(out);
	evbuffer_free(in);
	evutil_closesocket(sv[0]);
	evutil_closesocket(sv[1]);
}

static void
results_of_read_and_write(void)
{
	evutil_socket_t sv[2];
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[1]), 0);
	CHECK_INT_EQ(rig_write(buf, sv[0], -1), -1); /* nothing to write */
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), -1);
	CHECK(EVUTIL_SOCKET_ERROR() == EAGAIN);
	evbuffer_add(buf, "0123456789", 10);
	CHECK_INT_EQ(rig_write(buf, sv[0], 0), -1);
	CHECK_INT_EQ(rig_write(buf, sv[0], 4), 4);
	CHECK_INT_EQ(evbuffer_get_length(buf), 6);
	CHECK_INT_EQ(rig_read(buf, sv[1], 2), 2);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), "45678901", 8);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), 2);
	evutil_closesocket(sv[0]);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), 0);
	evbuffer_free(buf);
	evutil_closesocket(sv[1]);
}

static const struct evrt_test_case cases[] = {
	{ "added_file_is_read_and_closed", added_file_is_read_and_closed },
	{ "bad_ranges_are_refused", bad_ranges_are_refused },
	{ "segment_is_used_many_times", segment_is_used_many_times },
	{ "file_is_sent_to_a_socket", file_is_sent_to_a_socket },
	{ "results_of_read_and_write", results_of_read_and_write },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
