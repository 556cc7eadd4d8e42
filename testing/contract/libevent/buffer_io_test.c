/* testing/contract/libevent/buffer_io_test.c — evbuffers and descriptors: results, limits, errors.
 *
 * Here:     read and write with every kind of `howmuch`, blocks on both sides, the end of a stream, errno.
 *           Public headers only.
 * Not here: files as sources (buffer_segment_test.c), what callbacks are told (buffer_told_test.c).
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <signal.h>

static evutil_socket_t sv[2];

static void
read_takes_what_is_there(void)
{
	struct evbuffer *buf = rig_holding("<");
	rig_open_pair(sv);
	CHECK_INT_EQ(write(sv[0], "abcdef", 6), 6);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), 6);
	rig_check(buf, "<abcdef");
	rig_close_pair(sv);
	evbuffer_free(buf);
}

static void
read_takes_no_more_than_asked(void)
{
	struct evbuffer *buf = evbuffer_new();
	rig_open_pair(sv);
	CHECK_INT_EQ(write(sv[0], "abcdef", 6), 6);
	CHECK_INT_EQ(rig_read(buf, sv[1], 1), 1);
	CHECK_INT_EQ(rig_read(buf, sv[1], 3), 3);
	CHECK_INT_EQ(rig_read(buf, sv[1], 100), 2);
	rig_check(buf, "abcdef");
	rig_close_pair(sv);
	evbuffer_free(buf);
}

static void
read_of_nothing_is_nothing(void)
{
	struct evbuffer *buf = rig_holding("x");
	rig_open_pair(sv);
	CHECK_INT_EQ(write(sv[0], "abc", 3), 3);
	CHECK_INT_EQ(rig_read(buf, sv[1], 0), 0);
	rig_check(buf, "x");
	rig_close_pair(sv);
	evbuffer_free(buf);
}

static void
read_again_and_again_takes_all(void)
{
	struct evbuffer *buf = evbuffer_new();
	size_t sent = 0;
	rig_open_pair(sv);
	while (sent < 60000 || evbuffer_get_length(buf) < 60000) {
		if (sent < 60000) {
			ssize_t n = write(sv[0], rig_pattern() + sent, 60000 - sent);
			CHECK(n > 0 || errno == EAGAIN);
			sent += n > 0 ? (size_t)n : 0;
		}
		int n = rig_read(buf, sv[1], -1);
		CHECK(n > 0 || errno == EAGAIN);
	}
	rig_check_bytes(buf, rig_pattern(), 60000);
	rig_close_pair(sv);
	evbuffer_free(buf);
}

static void
read_of_an_empty_socket_would_block(void)
{
	struct evbuffer *buf = rig_holding("abc");
	rig_open_pair(sv);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	rig_check(buf, "abc");
	rig_close_pair(sv);
	evbuffer_free(buf);
}

static void
read_at_the_end_is_zero(void)
{
	struct evbuffer *buf = rig_holding("abc");
	rig_open_pair(sv);
	CHECK_INT_EQ(write(sv[0], "d", 1), 1);
	close(sv[0]);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), 1);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), 0);
	CHECK_INT_EQ(rig_read(buf, sv[1], 10), 0);
	rig_check(buf, "abcd");
	close(sv[1]);
	evbuffer_free(buf);
}

static void
read_of_a_bad_descriptor_fails(void)
{
	struct evbuffer *buf = rig_holding("abc");
	CHECK_INT_EQ(rig_read(buf, -1, 10), -1);
	CHECK_INT_EQ(errno, EBADF);
	CHECK_INT_EQ(rig_read(buf, -1, -1), -1);
	rig_check(buf, "abc");
	evbuffer_free(buf);
}

static void
read_from_a_pipe_and_a_file(void)
{
	struct evbuffer *buf = evbuffer_new();
	int fds[2], fd = rig_file("0123456789", 10);
	CHECK_INT_EQ(pipe(fds), 0);
	CHECK_INT_EQ(write(fds[1], "abc", 3), 3);
	CHECK_INT_EQ(rig_read(buf, fds[0], -1), 3);
	CHECK_INT_EQ(lseek(fd, 4, SEEK_SET), 4);
	CHECK_INT_EQ(rig_read(buf, fd, 3), 3);
	rig_check(buf, "abc456");
	rig_close_pair(fds);
	close(fd);
	evbuffer_free(buf);
}

static void
write_gives_all_pieces(void)
{
	struct evbuffer *buf = rig_three_pieces();
	char got[20] = "";
	int n;
	rig_open_pair(sv);
	do
		n = evbuffer_write(buf, sv[0]);
	while (n < 0 && errno == EINTR);
	CHECK_INT_EQ(n, 9);
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	CHECK_INT_EQ(read(sv[1], got, sizeof(got)), 9);
	CHECK_STR_EQ(got, "abcdefghi");
	rig_close_pair(sv);
	evbuffer_free(buf);
}

static void
write_gives_no_more_than_asked(void)
{
	for (int most = 1; most <= 10; most++) {
		struct evbuffer *buf = rig_three_pieces();
		char got[20] = "";
		int expect = most < 9 ? most : 9;
		rig_open_pair(sv);
		CHECK_INT_EQ(rig_write(buf, sv[0], most), expect);
		CHECK_INT_EQ(read(sv[1], got, sizeof(got)), expect);
		CHECK_MEM_EQ(got, "abcdefghi", (size_t)expect);
		rig_check(buf, "abcdefghi" + expect);
		rig_close_pair(sv);
		evbuffer_free(buf);
	}
}

static void
write_of_nothing_fails(void)
{
	struct evbuffer *buf = evbuffer_new();
	rig_open_pair(sv);
	CHECK_INT_EQ(rig_write(buf, sv[0], -1), -1);
	CHECK_INT_EQ(rig_write(buf, sv[0], 10), -1);
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	CHECK_INT_EQ(rig_write(buf, sv[0], 0), -1);
	rig_check(buf, "abc");
	rig_close_pair(sv);
	evbuffer_free(buf);
}

/* What a full socket does not take stays, in its order. */
static void
write_to_a_full_socket_would_block(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct evbuffer *in = evbuffer_new();
	size_t total = 0, sent = 0;
	int n;
	rig_open_pair(sv);
	do {
		if (evbuffer_get_length(buf) < 50000) {
			CHECK_INT_EQ(evbuffer_add(buf, rig_pattern(), 100000), 0);
			total += 100000;
		}
		n = rig_write(buf, sv[0], -1);
		sent += n > 0 ? (size_t)n : 0;
		CHECK_INT_EQ(evbuffer_get_length(buf), total - sent);
	} while (n > 0);
	CHECK_INT_EQ(n, -1);
	CHECK_INT_EQ(errno, EAGAIN);
	CHECK(sent > 0);
	while (evbuffer_get_length(in) < sent)
		CHECK(rig_read(in, sv[1], -1) > 0);
	CHECK_INT_EQ(evbuffer_add_buffer(in, buf), 0);
	for (size_t at = 0; at < total; at += 100000)
		CHECK_MEM_EQ(evbuffer_pullup(in, -1) + at, rig_pattern(), 100000);
	rig_close_pair(sv);
	evbuffer_free(buf);
	evbuffer_free(in);
}

static void
write_to_a_closed_peer_fails(void)
{
	struct evbuffer *buf = rig_three_pieces();
	signal(SIGPIPE, SIG_IGN);
	rig_open_pair(sv);
	close(sv[1]);
	CHECK_INT_EQ(rig_write(buf, sv[0], -1), -1);
	CHECK_INT_EQ(errno, EPIPE);
	rig_check(buf, "abcdefghi");
	close(sv[0]);
	evbuffer_free(buf);
}

static void
write_to_a_bad_descriptor_fails(void)
{
	struct evbuffer *buf = rig_holding("abc");
	CHECK_INT_EQ(rig_write(buf, -1, -1), -1);
	CHECK_INT_EQ(errno, EBADF);
	rig_check(buf, "abc");
	evbuffer_free(buf);
}

static void
write_of_many_pieces_goes_on(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct evbuffer *in = evbuffer_new();
	rig_open_pair(sv);
	for (int i = 0; i < 500; i++)
		rig_add_piece(buf, rig_pattern() + i * 3, 3);
	while (evbuffer_get_length(buf))
		CHECK(rig_write(buf, sv[0], -1) > 0);
	while (evbuffer_get_length(in) < 1500)
		CHECK(rig_read(in, sv[1], -1) > 0);
	rig_check_bytes(in, rig_pattern(), 1500);
	rig_close_pair(sv);
	evbuffer_free(buf);
	evbuffer_free(in);
}

static const struct evrt_test_case cases[] = {
	{ "read_takes_what_is_there", read_takes_what_is_there },
	{ "read_takes_no_more_than_asked", read_takes_no_more_than_asked },
	{ "read_of_nothing_is_nothing", read_of_nothing_is_nothing },
	{ "read_again_and_again_takes_all", read_again_and_again_takes_all },
	{ "read_of_an_empty_socket_would_block", read_of_an_empty_socket_would_block },
	{ "read_at_the_end_is_zero", read_at_the_end_is_zero },
	{ "read_of_a_bad_descriptor_fails", read_of_a_bad_descriptor_fails },
	{ "read_from_a_pipe_and_a_file", read_from_a_pipe_and_a_file },
	{ "write_gives_all_pieces", write_gives_all_pieces },
	{ "write_gives_no_more_than_asked", write_gives_no_more_than_asked },
	{ "write_of_nothing_fails", write_of_nothing_fails },
	{ "write_to_a_full_socket_would_block", write_to_a_full_socket_would_block },
	{ "write_to_a_closed_peer_fails", write_to_a_closed_peer_fails },
	{ "write_to_a_bad_descriptor_fails", write_to_a_bad_descriptor_fails },
	{ "write_of_many_pieces_goes_on", write_of_many_pieces_goes_on },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
