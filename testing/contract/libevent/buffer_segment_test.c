/* testing/contract/libevent/buffer_segment_test.c — parts of files as contents, sent, mapped and read.
 *
 * Here:     each way that a segment's bytes can take, forced by its flags; ranges; who closes the descriptor, and
 *           when the cleanup function comes. Public headers only.
 * Not here: add_file alone, and refused ranges (buffer_file_test.c).
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#define FILE_BYTES 20000

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static struct evbuffer_file_segment *
segment(int fd, ev_off_t offset, ev_off_t length, unsigned flags)
{
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, offset, length, flags);
	CHECK(seg != NULL);
	return seg;
}

/* All of `out` through a socket. */
static void
check_sends(struct evbuffer *out, const char *bytes, size_t n)
{
	evutil_socket_t sv[2];
	struct evbuffer *in = evbuffer_new();
	rig_open_pair(sv);
	while (evbuffer_get_length(out) || evbuffer_get_length(in) < n) {
		if (evbuffer_get_length(out)) {
			int sent = rig_write(out, sv[0], -1);
			CHECK(sent > 0 || errno == EAGAIN);
		}
		int got = rig_read(in, sv[1], -1);
		CHECK(got > 0 || errno == EAGAIN);
	}
	rig_check_bytes(in, bytes, n);
	evbuffer_free(in);
	rig_close_pair(sv);
}

/* Sent, read and pulled up, at offsets on and off the borders of pages. */
static void
check_way(unsigned flags, bool drains_to_fd)
{
	static const struct { int offset, length; } ranges[] = {
		{ 0, FILE_BYTES }, { 0, 1 }, { 1, 10 }, { 4095, 2 }, { 4096, 4096 }, { 4097, 9000 }, { FILE_BYTES - 1, 1 },
	};
	int fd = rig_file(rig_pattern(), FILE_BYTES);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		size_t n = (size_t)ranges[i].length;
		const char *bytes = rig_pattern() + ranges[i].offset;
		struct evbuffer_file_segment *seg = segment(fd, ranges[i].offset, ranges[i].length, flags);
		struct evbuffer *buf = evbuffer_new();
		if (drains_to_fd)
			CHECK_INT_EQ(evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
		CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, -1), 0);
		CHECK_INT_EQ(evbuffer_get_length(buf), n);
		check_sends(buf, bytes, n);
		CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, (ev_off_t)n), 0);
		evbuffer_file_segment_free(seg);
		if (!drains_to_fd)
			CHECK_MEM_EQ(evbuffer_pullup(buf, -1), bytes, n);
		evbuffer_free(buf);
	}
	CHECK(is_open(fd));
	close(fd);
}

static void
sent_by_sendfile(void)
{
	check_way(EVBUF_FS_DISABLE_MMAP, true);
}

static void
sendfile_or_map(void)
{
	check_way(0, true);
}

static void
mapped(void)
{
	check_way(EVBUF_FS_DISABLE_SENDFILE, false);
}

static void
mapped_though_it_may_be_sent(void)
{
	check_way(EVBUF_FS_DISABLE_SENDFILE, true);
}

static void
read_into_memory(void)
{
	check_way(EVBUF_FS_DISABLE_SENDFILE | EVBUF_FS_DISABLE_MMAP, false);
}

static void
without_locks(void)
{
	check_way(EVBUF_FS_DISABLE_LOCKING, false);
}

static void
parts_count_from_the_segment(void)
{
	int fd = rig_file("0123456789", 10);
	struct evbuffer_file_segment *seg = segment(fd, 2, 6, 0);
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, 2), 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 5, -1), 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 1, 3), 0);
	rig_check(buf, "237345");
	evbuffer_file_segment_free(seg);
	evbuffer_free(buf);
	close(fd);
}

static void
all_of_a_segment_is_a_part(void)
{
	int fd = rig_file("0123456789", 10);
	struct evbuffer_file_segment *seg = segment(fd, 2, 6, 0);
	struct evbuffer *buf = rig_holding("abc");
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, 6), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 9);
	evbuffer_free(buf);
	evbuffer_file_segment_free(seg);
	close(fd);
	CHECK_PTR_EQ(evbuffer_file_segment_new(-1, 0, -1, 0), NULL);
}

static void
length_minus_one_is_to_the_end(void)
{
	int fd = rig_file("0123456789", 10);
	struct evbuffer *buf = evbuffer_new();
	struct evbuffer_file_segment *seg = segment(fd, 0, -1, 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, -1), 0);
	rig_check(buf, "0123456789");
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 8, -1), 0);
	rig_check(buf, "012345678989");
	evbuffer_file_segment_free(seg);
	evbuffer_free(buf);
	close(fd);
}

static int cleanups;

static void
count_cleanup(struct evbuffer_file_segment const *seg, int flags, void *arg)
{
	CHECK(seg != NULL);
	CHECK(flags & EVBUF_FS_CLOSE_ON_FREE);
	CHECK_PTR_EQ(arg, &cleanups);
	cleanups++;
}

static void
closed_with_the_last_use(void)
{
	int fd = rig_file("0123456789", 10);
	struct evbuffer_file_segment *seg = segment(fd, 0, -1, EVBUF_FS_CLOSE_ON_FREE);
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	evbuffer_file_segment_add_cleanup_cb(seg, count_cleanup, &cleanups);
	CHECK_INT_EQ(evbuffer_add_file_segment(a, seg, 0, -1), 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(b, seg, 0, 5), 0);
	evbuffer_file_segment_free(seg);
	CHECK_INT_EQ(evbuffer_drain(a, 10), 0);
	CHECK_INT_EQ(evbuffer_drain(b, 4), 0);
	CHECK_INT_EQ(cleanups, 0);
	CHECK(is_open(fd));
	CHECK_INT_EQ(evbuffer_drain(b, 1), 0);
	CHECK_INT_EQ(cleanups, 1);
	CHECK(!is_open(fd));
	evbuffer_free(a);
	evbuffer_free(b);
	CHECK_INT_EQ(cleanups, 1);
}

static void
closed_when_sent(void)
{
	int fd = rig_file("0123456789", 10);
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
	CHECK_INT_EQ(evbuffer_add_file(buf, fd, 0, -1), 0);
	CHECK(is_open(fd));
	check_sends(buf, "0123456789", 10);
	CHECK(!is_open(fd));
	evbuffer_free(buf);
}

static void
unused_segment_is_closed(void)
{
	int fd = rig_file("0123456789", 10);
	struct evbuffer_file_segment *seg = segment(fd, 0, -1, EVBUF_FS_CLOSE_ON_FREE);
	evbuffer_file_segment_add_cleanup_cb(seg, count_cleanup, &cleanups);
	evbuffer_file_segment_free(seg);
	CHECK_INT_EQ(cleanups, 1);
	CHECK(!is_open(fd));
}

static void
moved_files_stay_whole(void)
{
	struct evbuffer *a = rig_holding("<");
	struct evbuffer *b = rig_holding("=");
	CHECK_INT_EQ(evbuffer_add_file(a, rig_file("0123456789", 10), 0, -1), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(b, a), 0);
	CHECK_INT_EQ(evbuffer_prepend_buffer(a, b), 0);
	rig_check(a, "=<0123456789");
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 2), 2);
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 100), 10);
	rig_check(b, "=<0123456789");
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
a_part_of_a_file_is_removed(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_file(a, rig_file("0123456789", 10), 0, -1), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 4), 4);
	rig_check(b, "0123");
	rig_check(a, "456789");
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
files_are_searched(void)
{
	struct evbuffer *a = rig_holding("ab");
	CHECK_INT_EQ(evbuffer_add_file(a, rig_file("c\r\nrest", 7), 0, -1), 0);
	CHECK_INT_EQ(evbuffer_search(a, "bc\r", 3, NULL).pos, 1);
	char *line = evbuffer_readln(a, NULL, EVBUFFER_EOL_CRLF);
	CHECK_STR_EQ(line, "abc");
	free(line);
	rig_check(a, "rest");
	CHECK_INT_EQ(evbuffer_prepend(a, "the ", 4), 0);
	rig_check(a, "the rest");
	evbuffer_free(a);
}

static void
what_is_written_in_parts(void)
{
	evutil_socket_t sv[2];
	struct evbuffer *out = rig_holding("ab");
	char got[10] = "";
	rig_open_pair(sv);
	CHECK_INT_EQ(evbuffer_set_flags(out, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
	CHECK_INT_EQ(evbuffer_add_file(out, rig_file("0123456789", 10), 1, 5), 0);
	size_t left = 7;
	while (left) {
		int n = rig_write(out, sv[0], 3);
		CHECK(n > 0 && (size_t)n <= left);
		left -= (size_t)n;
		CHECK_INT_EQ(evbuffer_get_length(out), left);
	}
	CHECK_INT_EQ(read(sv[1], got, 10), 7);
	CHECK_MEM_EQ(got, "ab12345", 7);
	evbuffer_free(out);
	rig_close_pair(sv);
}

static const struct evrt_test_case cases[] = {
	{ "sent_by_sendfile", sent_by_sendfile },
	{ "sendfile_or_map", sendfile_or_map },
	{ "mapped", mapped },
	{ "mapped_though_it_may_be_sent", mapped_though_it_may_be_sent },
	{ "read_into_memory", read_into_memory },
	{ "without_locks", without_locks },
	{ "parts_count_from_the_segment", parts_count_from_the_segment },
	{ "all_of_a_segment_is_a_part", all_of_a_segment_is_a_part },
	{ "length_minus_one_is_to_the_end", length_minus_one_is_to_the_end },
	{ "closed_with_the_last_use", closed_with_the_last_use },
	{ "closed_when_sent", closed_when_sent },
	{ "unused_segment_is_closed", unused_segment_is_closed },
	{ "moved_files_stay_whole", moved_files_stay_whole },
	{ "a_part_of_a_file_is_removed", a_part_of_a_file_is_removed },
	{ "files_are_searched", files_are_searched },
	{ "what_is_written_in_parts", what_is_written_in_parts },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
