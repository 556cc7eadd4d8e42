/* testing/unit/api/buffer/io_test.c — evbuffers and descriptors: sizes, limits, errors, files.
 *
 * Here:     what one read offers and learns, what stays allocated, writes in parts, sendfile and what is done
 *           where it is refused. System calls fail through base/sys.h's table.
 * Not here: contents (random_ops_test.c).
 */
#include "testing/harness/test.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <event2/buffer.h>
#include "api/buffer/buffer_internal.h"
#include "base/sys.h"

static char data[300000];

static void
fill_data(void)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 251);
}

static void
open_pair(int sv[2])
{
	int size = 1 << 20;
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[0]) | evutil_make_socket_nonblocking(sv[1]), 0);
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fill_data();
}

static void
close_pair(int sv[2])
{
	close(sv[0]);
	close(sv[1]);
}

static int
open_file(size_t len)
{
	int fd = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT_EQ(write(fd, data, len), len);
	return fd;
}

static void
idle_buffer_holds_no_memory(void)
{
	int sv[2];
	struct evbuffer *buf = evbuffer_new();
	open_pair(sv);
	errno = 0;
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], -1), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	CHECK(!buf->first && !buf->spare);
	CHECK_INT_EQ(write(sv[0], "abc", 3), 3);
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], -1), 3);
	CHECK_INT_EQ(evbuffer_drain(buf, 3), 0);
	CHECK(!buf->first && !buf->spare);
	shutdown(sv[0], SHUT_WR);
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], -1), 0);
	CHECK(!buf->first && !buf->spare);
	evbuffer_free(buf);
	close_pair(sv);
}

static void
small_contents_take_small_blocks(void)
{
	struct evbuffer *buf = evbuffer_new();
	fill_data();
	CHECK_INT_EQ(evbuffer_add(buf, data, 100), 0);
	CHECK(buf->last->cap <= 256);
	for (int i = 0; i < 3000; i++)
		CHECK_INT_EQ(evbuffer_add(buf, data, 100), 0);
	int chains = evbuffer_peek(buf, -1, NULL, NULL, 0);
	CHECK(chains <= 20); /* they have grown: 300 kB in blocks of up to 64 KiB */
	CHECK(buf->last->cap <= EVRT_CHAIN_ROOM_BULK);
	evbuffer_free(buf);
}

static void
streams_are_read_in_bulk_and_in_place(void)
{
	int sv[2];
	size_t offered = 0;
	struct evbuffer *buf = evbuffer_new();
	open_pair(sv);
	CHECK_INT_EQ(write(sv[0], data, 200000), 200000);
	size_t total = 0;
	for (int i = 0; total < 200000; i++) {
		ssize_t n = evrt__buffer_read(buf, sv[1], -1, &offered);
		CHECK_INT_EQ(offered, EVRT_BUFFER_READ_MAX_DEFAULT);
		CHECK(n > 0 && (size_t)n <= offered);
		total += (size_t)n;
		CHECK(i < 4);
	}
	CHECK_INT_EQ(buf->first->cap, EVRT_CHAIN_ROOM_BULK);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), data, 200000);
	evbuffer_free(buf);
	close_pair(sv);
}

/* Whatever a read was offered: unread bytes keep no more than a few times their size. */
static void
little_that_is_read_is_held_in_little(void)
{
	static const struct {
		size_t bytes, held_max;
	} cases[] = { { 1, 256 }, { 100, 256 }, { 1000, 1280 }, { 16000, 16384 }, { 20000, EVRT_CHAIN_ROOM_BULK } };
	int sv[2];
	open_pair(sv);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct evbuffer *buf = evbuffer_new();
		CHECK_INT_EQ(write(sv[0], data, cases[i].bytes), cases[i].bytes);
		CHECK_INT_EQ(evbuffer_read(buf, sv[1], -1), cases[i].bytes);
		CHECK(buf->first == buf->last && !buf->spare);
		CHECK(buf->first->cap <= cases[i].held_max);
		CHECK_MEM_EQ(evbuffer_pullup(buf, -1), data, cases[i].bytes);
		evbuffer_free(buf);
	}
	close_pair(sv);
}

/* In pieces, into what room there is: contents that grow read by read are made of few chains. */
static void
contents_that_grow_by_reads_are_made_of_few_chains(void)
{
	int sv[2];
	struct evbuffer *buf = evbuffer_new();
	open_pair(sv);
	for (size_t at = 0; at < 200000; at += 1000) {
		CHECK_INT_EQ(write(sv[0], data + at, 1000), 1000);
		CHECK_INT_EQ(evbuffer_read(buf, sv[1], -1), 1000);
	}
	CHECK(evbuffer_peek(buf, -1, NULL, NULL, 0) <= 16);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), data, 200000);
	evbuffer_free(buf);
	close_pair(sv);
}

/* Not the first read, which may be the only one; a second after a full one. */
static void
larger_reads_are_for_those_who_ask(void)
{
	int sv[2];
	size_t offered;
	struct evbuffer *buf = evbuffer_new();
	open_pair(sv);
	CHECK_INT_EQ(evbuffer_set_max_read(buf, 150000), 0);
	CHECK_INT_EQ(write(sv[0], data, 250000), 250000);
	CHECK_INT_EQ(evrt__buffer_read(buf, sv[1], -1, &offered), EVRT_CHAIN_ROOM_BULK);
	CHECK_INT_EQ(offered, EVRT_CHAIN_ROOM_BULK);
	CHECK_INT_EQ(evrt__buffer_read(buf, sv[1], -1, &offered), 150000);
	CHECK_INT_EQ(evrt__buffer_read(buf, sv[1], -1, &offered), 250000 - 150000 - EVRT_CHAIN_ROOM_BULK);
	CHECK_INT_EQ(offered, 150000);
	CHECK_INT_EQ(evrt__buffer_read(buf, sv[1], -1, &offered), -EAGAIN);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), data, 250000);
	evbuffer_free(buf);
	close_pair(sv);
}

static void
reads_obey_limits(void)
{
	int sv[2];
	struct evbuffer *buf = evbuffer_new();
	open_pair(sv);
	CHECK_INT_EQ(write(sv[0], data, 50000), 50000);
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], 0), 0);
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], 7), 7);
	CHECK_INT_EQ(evbuffer_set_max_read(buf, 0), -1);
	CHECK_INT_EQ(evbuffer_set_max_read(buf, (size_t)INT_MAX + 1), -1);
	CHECK_INT_EQ(evbuffer_get_max_read(buf), EVRT_BUFFER_READ_MAX_DEFAULT);
	CHECK_INT_EQ(evbuffer_set_max_read(buf, 5), 0);
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], -1), 5);
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], 1000), 5);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), data, 17);
	evbuffer_free(buf);
	close_pair(sv);
}

static void
writes_go_out_in_order(void)
{
	int sv[2];
	struct evbuffer *out = evbuffer_new();
	struct evbuffer *in = evbuffer_new();
	open_pair(sv);
	for (int i = 0; i < 3000; i++) /* more pieces than one writev takes */
		CHECK_INT_EQ(evbuffer_add_reference(out, data + i * 100, 100, NULL, NULL), 0);
	CHECK_INT_EQ(evbuffer_write_atmost(out, sv[0], 150), 150);
	while (evbuffer_get_length(in) < sizeof(data)) {
		if (evbuffer_get_length(out))
			CHECK(evbuffer_write(out, sv[0]) > 0 || errno == EAGAIN);
		CHECK(evbuffer_read(in, sv[1], -1) > 0 || errno == EAGAIN);
	}
	CHECK_MEM_EQ(evbuffer_pullup(in, -1), data, sizeof(data));
	CHECK_INT_EQ(evbuffer_write(out, sv[0]), -1);
	evbuffer_free(out);
	evbuffer_free(in);
	close_pair(sv);
}

static ssize_t
fail_readv(int fd, const struct iovec *vec, int n)
{
	(void)fd;
	(void)vec;
	(void)n;
	errno = ECONNRESET;
	return -1;
}

static ssize_t
fail_write(int fd, const void *from, size_t n)
{
	(void)fd;
	(void)from;
	(void)n;
	errno = EPIPE;
	return -1;
}

static void
errors_keep_contents_and_errno(void)
{
	struct evbuffer *buf = evbuffer_new();
	evbuffer_add(buf, "abc", 3);
	evrt__sys.readv = fail_readv; /* the rest of the block, and a fresh one */
	evrt__sys.write = fail_write;
	errno = 0;
	CHECK_INT_EQ(evbuffer_read(buf, 0, -1), -1);
	CHECK_INT_EQ(errno, ECONNRESET);
	CHECK_INT_EQ(evbuffer_write(buf, 0), -1);
	CHECK_INT_EQ(errno, EPIPE);
	CHECK_INT_EQ(evbuffer_get_length(buf), 3);
	evbuffer_free(buf);
}

static int sendfiles;
static int sendfile_error;

static ssize_t
count_sendfile(int out, int in, off_t *at, size_t n)
{
	sendfiles++;
	if (sendfile_error) {
		errno = sendfile_error;
		return -1;
	}
	/* The real one, as seen by a reader: short, to make two turns. */
	n = n < 1000 ? n : 1000;
	ssize_t got = pread(in, data + 100000, n, *at);
	return got <= 0 ? got : send(out, data + 100000, (size_t)got, MSG_NOSIGNAL);
}

static void
send_a_file(int error, int expect_sendfiles)
{
	int sv[2];
	char got[4000];
	struct evbuffer *buf = evbuffer_new();
	open_pair(sv);
	int fd = open_file(1500);
	sendfiles = 0;
	sendfile_error = error;
	evrt__sys.sendfile = count_sendfile;
	evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD);
	CHECK_INT_EQ(evbuffer_add(buf, "head", 4), 0);
	CHECK_INT_EQ(evbuffer_add_file(buf, fd, 0, -1), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "tail", 4), 0);
	CHECK_INT_EQ(evbuffer_write_atmost(buf, sv[0], 2), 2);
	while (evbuffer_get_length(buf))
		CHECK(evbuffer_write(buf, sv[0]) > 0);
	CHECK_INT_EQ(sendfiles, expect_sendfiles);
	CHECK_INT_EQ(read(sv[1], got, sizeof(got)), 1508);
	CHECK_MEM_EQ(got, "head", 4);
	CHECK_MEM_EQ(got + 4, data, 1500);
	CHECK_MEM_EQ(got + 1504, "tail", 4);
	evbuffer_free(buf);
	close_pair(sv);
}

static void files_go_by_sendfile(void) { send_a_file(0, 2); }
static void files_are_written_where_sendfile_is_refused(void) { send_a_file(EINVAL, 1); }

static void
shrunk_file_is_an_error(void)
{
	int sv[2];
	struct evbuffer *buf = evbuffer_new();
	open_pair(sv);
	int fd = open_file(1500);
	evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD);
	CHECK_INT_EQ(evbuffer_add_file(buf, dup(fd), 0, -1), 0);
	CHECK_INT_EQ(ftruncate(fd, 0), 0);
	CHECK_INT_EQ(evbuffer_write(buf, sv[0]), -1);
	CHECK_INT_EQ(errno, EIO);
	close(fd);
	evbuffer_free(buf);
	close_pair(sv);
}

static void *
fail_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	(void)at;
	(void)len;
	(void)prot;
	(void)flags;
	(void)fd;
	(void)off;
	errno = ENODEV;
	return MAP_FAILED;
}

static int pread_turn;

static ssize_t
slow_pread(int fd, void *out, size_t n, off_t at)
{
	if (pread_turn++ % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	return pread(fd, out, n < 100 ? n : 100, at);
}

static void
files_that_cannot_be_mapped_are_read(void)
{
	struct evbuffer *buf = evbuffer_new();
	fill_data();
	int fd = open_file(1500);
	evrt__sys.mmap = fail_mmap;
	evrt__sys.pread = slow_pread;
	CHECK_INT_EQ(evbuffer_add_file(buf, fd, 10, 1400), 0);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), data + 10, 1400);
	evbuffer_free(buf);
}

static void
ranges_outside_of_the_file_are_refused(void)
{
	int fds[2];
	struct evbuffer *buf = evbuffer_new();
	int fd = open_file(10);
	CHECK_INT_EQ(pipe(fds), 0);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, 0, 11, 0), NULL);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, 11, -1, 0), NULL);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fd, 1, EV_INT64_MAX, 0), NULL);
	CHECK_PTR_EQ(evbuffer_file_segment_new(fds[0], 0, -1, 0), NULL); /* a pipe has no size */
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, 2, 6, 0);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, -1, -1), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 7, -1), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 2, 5), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 2, -2), -1);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 6, -1), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	/* The failures have taken no reference away. */
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 0, -1), 0);
	evbuffer_file_segment_free(seg);
	CHECK_INT_EQ(evbuffer_get_length(buf), 6);
	CHECK_INT_EQ(evbuffer_add_file(buf, dup(fd), 0, 11), -1); /* closes what it was given, too */
	evbuffer_free(buf);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

static const struct evrt_test_case cases[] = {
	{ "idle_buffer_holds_no_memory", idle_buffer_holds_no_memory },
	{ "small_contents_take_small_blocks", small_contents_take_small_blocks },
	{ "streams_are_read_in_bulk_and_in_place", streams_are_read_in_bulk_and_in_place },
	{ "little_that_is_read_is_held_in_little", little_that_is_read_is_held_in_little },
	{ "contents_that_grow_by_reads_are_made_of_few_chains", contents_that_grow_by_reads_are_made_of_few_chains },
	{ "larger_reads_are_for_those_who_ask", larger_reads_are_for_those_who_ask },
	{ "reads_obey_limits", reads_obey_limits },
	{ "writes_go_out_in_order", writes_go_out_in_order },
	{ "errors_keep_contents_and_errno", errors_keep_contents_and_errno },
	{ "files_go_by_sendfile", files_go_by_sendfile },
	{ "files_are_written_where_sendfile_is_refused", files_are_written_where_sendfile_is_refused },
	{ "shrunk_file_is_an_error", shrunk_file_is_an_error },
	{ "files_that_cannot_be_mapped_are_read", files_that_cannot_be_mapped_are_read },
	{ "ranges_outside_of_the_file_are_refused", ranges_outside_of_the_file_are_refused },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
