/* testing/contract/libevent/bufferevent_filter_zlib_test.c — a real filter: zlib, end to end.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_kinds.h"

#include <stdlib.h>
#include <zlib.h>

#define PIECE ((size_t)4096)

struct codec {
	z_stream deflater, inflater;
};

/* No more than `limit` bytes are made. OK also when all that was taken stays within zlib: then output has room. */
static enum bufferevent_filter_result
codec_run(z_stream *z, int (*step)(z_stream *, int), int flush, struct evbuffer *src, struct evbuffer *dst,
    ev_ssize_t limit)
{
	struct evbuffer_iovec from, to;
	size_t made = 0, most = limit < 0 ? SIZE_MAX : (size_t)limit, waited = evbuffer_get_length(src);
	int result = Z_OK;

	do {
		size_t waits = evbuffer_get_length(src), room = most - made < PIECE ? most - made : PIECE;
		int pieces = evbuffer_peek(src, -1, NULL, &from, 1);
		z->next_in = pieces > 0 ? from.iov_base : NULL;
		z->avail_in = pieces > 0 ? (uInt)from.iov_len : 0;
		CHECK_INT_EQ(evbuffer_reserve_space(dst, (ev_ssize_t)room, &to, 1), 1);
		z->next_out = to.iov_base;
		z->avail_out = (uInt)room;
		size_t given = z->avail_in;
		result = step(z, given == waits ? flush : Z_NO_FLUSH);
		evbuffer_drain(src, given - z->avail_in);
		to.iov_len = room - z->avail_out;
		CHECK_INT_EQ(evbuffer_commit_space(dst, &to, 1), 0);
		made += to.iov_len;
		if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END)
			return BEV_ERROR;
	} while (made < most && result != Z_STREAM_END && (evbuffer_get_length(src) > 0 || z->avail_out == 0));
	return made > 0 || evbuffer_get_length(src) < waited ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result
codec_out(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *codec)
{
	static const int flush_of[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH };

	return codec_run(&((struct codec *)codec)->deflater, deflate, flush_of[mode], src, dst, limit);
}

static enum bufferevent_filter_result
codec_in(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *codec)
{
	(void)mode;
	return codec_run(&((struct codec *)codec)->inflater, inflate, Z_SYNC_FLUSH, src, dst, limit);
}

static void
codec_free(void *arg)
{
	struct codec *codec = arg;

	deflateEnd(&codec->deflater);
	inflateEnd(&codec->inflater);
	free(codec);
}

static struct bufferevent *
codec_over(struct bufferevent *bev)
{
	struct codec *codec = calloc(1, sizeof(*codec));

	CHECK_INT_EQ(deflateInit(&codec->deflater, 1), Z_OK);
	CHECK_INT_EQ(inflateInit(&codec->inflater), Z_OK);
	bev = bufferevent_filter_new(bev, codec_in, codec_out, BEV_OPT_CLOSE_ON_FREE, codec_free, codec);
	CHECK(bev != NULL);
	bufferevent_enable(bev, EV_READ);
	return bev;
}

/* Blocks of text and blocks of noise by turns. */
static unsigned char
byte_at(size_t i)
{
	static const unsigned char text[32] = "It was a dark and stormy night; ";

	return i >> 16 & 1 ? (unsigned char)((i * 2654435761u ^ i >> 7) >> 11) : text[i % sizeof(text)];
}

static size_t total, written, taken, ends;

static void
write_more(struct bufferevent *bev, void *arg)
{
	unsigned char block[50000];

	(void)arg;
	if (written == total)
		return;
	size_t n = total - written < sizeof(block) ? total - written : sizeof(block);
	for (size_t i = 0; i < n; i++)
		block[i] = byte_at(written + i);
	written += n;
	CHECK_INT_EQ(bufferevent_write(bev, block, n), 0);
	if (written == total)
		bufferevent_flush(bev, EV_WRITE, BEV_FINISHED);
}

static void
take_all(struct bufferevent *bev, void *arg)
{
	unsigned char block[10000];

	(void)arg;
	for (size_t n; (n = bufferevent_read(bev, block, sizeof(block))) > 0; taken += n)
		for (size_t i = 0; i < n; i++)
			CHECK_INT_EQ(block[i], byte_at(taken + i));
	if (taken == total)
		event_base_loopbreak(base);
}

static void
note_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev, (void)arg;
	ends += (what & BEV_EVENT_EOF) != 0;
}

static void
transfer(size_t high)
{
	/* With faults it is done a hundred times. */
	total = (size_t)(getenv("EVRT_TEST_FAULTS") ? 1 : 10) << 20;
	bufferevent_setcb(a, NULL, write_more, NULL, NULL);
	bufferevent_setcb(b, take_all, NULL, note_end, NULL);
	bufferevent_setwatermark(b, EV_READ, 0, high);
	write_more(a, NULL);
	for (int i = 0; i < 100000 && taken < total; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(taken, total);
	close_all();
}

static void
open_socket_pair(void)
{
	evutil_socket_t fds[2];

	base = event_base_new();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[i]), 0);
	a = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
	b = bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE);
}

static void
megabytes_over_a_pair(void)
{
	open_pair(0);
	a = codec_over(a);
	b = codec_over(b);
	transfer(0);
	CHECK_INT_EQ(ends, 1);
}

static void
megabytes_over_a_socket(void)
{
	open_socket_pair();
	a = codec_over(a);
	b = codec_over(b);
	transfer(0);
}

static void
megabytes_through_two_compressors(void)
{
	open_socket_pair();
	a = codec_over(codec_over(a));
	b = codec_over(codec_over(b));
	transfer(0);
}

/* Each mode's bytes at the far end of a pair, which has no filter. */
static size_t
bytes_of(enum bufferevent_flush_mode mode, unsigned char *bytes, size_t size)
{
	open_pair(0);
	a = codec_over(a);
	bufferevent_enable(b, EV_READ);
	put(a, "hello hello hello");
	bufferevent_flush(a, EV_WRITE, mode);
	size_t n = bufferevent_read(b, bytes, size);
	close_all();
	return n;
}

static void
normal_keeps_the_text_back(void)
{
	unsigned char bytes[100];

	CHECK_INT_EQ(bytes_of(BEV_NORMAL, bytes, sizeof(bytes)), 2); /* zlib's header */
}

static void
flush_ends_in_an_empty_block(void)
{
	unsigned char bytes[100];
	size_t n = bytes_of(BEV_FLUSH, bytes, sizeof(bytes));

	CHECK(n > 6);
	CHECK_MEM_EQ(bytes + n - 4, "\0\0\xff\xff", 4);
}

static void
finish_ends_in_the_sum(void)
{
	unsigned char bytes[100], plain[100];
	size_t n = bytes_of(BEV_FINISHED, bytes, sizeof(bytes));
	uLongf len = sizeof(plain);

	CHECK_INT_EQ(uncompress(plain, &len, bytes, n), Z_OK);
	CHECK_INT_EQ(len, 17);
	CHECK_MEM_EQ(plain, "hello hello hello", 17);
}

static void
a_flush_in_the_middle_arrives_at_once(void)
{
	open_pair(0);
	a = codec_over(a);
	b = codec_over(b);
	put(a, "one");
	turn();
	CHECK_INT_EQ(in(b), 0);
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 1);
	turn();
	CHECK_GETS(b, "one");
	put(a, "two");
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 1);
	turn();
	CHECK_GETS(b, "two");
	close_all();
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(megabytes_over_a_pair),
	CASE(megabytes_over_a_socket),
	CASE(megabytes_through_two_compressors),
	CASE(normal_keeps_the_text_back),
	CASE(flush_ends_in_an_empty_block),
	CASE(finish_ends_in_the_sum),
	CASE(a_flush_in_the_middle_arrives_at_once),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
