/* examples/filter-zlib/filter-zlib.c — a connection that compresses what passes through it.
 *
 *   ./evrt example filter-zlib
 *
 *   | sent 1000000 bytes of text as ... bytes
 *   | received 1000000 bytes, all as they were
 *   | the sender has finished
 *
 * Two filters, one at each end of a pair: what is written to one is deflated on its way out, what arrives at the
 * other is inflated on its way in. The same functions work over sockets, or over another filter.
 * The mode says how urgent it is: with BEV_NORMAL zlib may keep bytes back until a block is full, BEV_FLUSH makes
 * it write all that it has, BEV_FINISHED ends the stream.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <zlib.h>

#define TOTAL 1000000
#define PIECE 4096 /* room that zlib is given at a time */

struct codec {
	z_stream deflater, inflater;
};

static const char text[] = "The quick brown fox jumps over the lazy dog. ";
static size_t received, wrong;

/* Runs `step` over all of src. A filter says BEV_OK when it has done something, be it that zlib has swallowed it all
 * for now, and BEV_NEED_MORE when it has not. */
static enum bufferevent_filter_result
run_codec(z_stream *z, int (*step)(z_stream *, int), int flush, struct evbuffer *src, struct evbuffer *dst)
{
	struct evbuffer_iovec in, out;
	size_t waited = evbuffer_get_length(src), made = 0;

	do {
		size_t waits = evbuffer_get_length(src);
		int pieces = evbuffer_peek(src, -1, NULL, &in, 1);
		z->next_in = pieces > 0 ? in.iov_base : NULL;
		z->avail_in = pieces > 0 ? (uInt)in.iov_len : 0;
		if (evbuffer_reserve_space(dst, PIECE, &out, 1) < 1)
			return BEV_ERROR;
		z->next_out = out.iov_base;
		z->avail_out = PIECE;
		/* Only the last piece of src is flushed. */
		size_t given = z->avail_in;
		int result = step(z, given == waits ? flush : Z_NO_FLUSH);
		evbuffer_drain(src, given - z->avail_in);
		out.iov_len = PIECE - z->avail_out;
		evbuffer_commit_space(dst, &out, 1);
		made += out.iov_len;
		if (result == Z_STREAM_END)
			break;
		if (result != Z_OK && result != Z_BUF_ERROR) /* that: there was nothing to do */
			return BEV_ERROR;
	} while (evbuffer_get_length(src) > 0 || z->avail_out == 0);
	return made > 0 || evbuffer_get_length(src) < waited ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result
compress_output(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode,
    void *codec)
{
	static const int flush_of[] = { [BEV_NORMAL] = Z_NO_FLUSH, [BEV_FLUSH] = Z_SYNC_FLUSH,
		[BEV_FINISHED] = Z_FINISH };

	(void)limit; /* -1: what is below has no write high watermark */
	return run_codec(&((struct codec *)codec)->deflater, deflate, flush_of[mode], src, dst);
}

static enum bufferevent_filter_result
expand_input(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode,
    void *codec)
{
	(void)limit, (void)mode;
	return run_codec(&((struct codec *)codec)->inflater, inflate, Z_SYNC_FLUSH, src, dst);
}

/* Called when the filter is gone. */
static void
free_codec(void *arg)
{
	struct codec *codec = arg;

	deflateEnd(&codec->deflater);
	inflateEnd(&codec->inflater);
	free(codec);
}

static struct bufferevent *
compressing(struct bufferevent *below)
{
	struct codec *codec = calloc(1, sizeof(*codec));

	if (!codec || deflateInit(&codec->deflater, Z_DEFAULT_COMPRESSION) != Z_OK ||
	    inflateInit(&codec->inflater) != Z_OK)
		exit(1);
	return bufferevent_filter_new(below, expand_input, compress_output, BEV_OPT_CLOSE_ON_FREE, free_codec, codec);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	char bytes[4096];
	size_t n;

	(void)arg;
	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0)
		for (size_t i = 0; i < n; i++)
			wrong += bytes[i] != text[received++ % (sizeof(text) - 1)];
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	printf("received %zu bytes, %s\n", received, wrong ? "not as they were" : "all as they were");
	if (what & BEV_EVENT_EOF)
		puts("the sender has finished");
	event_base_loopbreak(bufferevent_get_base(bev));
}

static void
count_bytes(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *sum)
{
	(void)buf;
	*(size_t *)sum += info->n_added;
}

int
main(void)
{
	struct event_base *base = event_base_new();
	struct bufferevent *ends[2];
	size_t compressed = 0;

	if (!base || bufferevent_pair_new(base, 0, ends) < 0)
		return 1;
	evbuffer_add_cb(bufferevent_get_output(ends[0]), count_bytes, &compressed);
	struct bufferevent *sender = compressing(ends[0]), *receiver = compressing(ends[1]);
	if (!sender || !receiver)
		return 1;
	bufferevent_setcb(receiver, on_readable, NULL, on_event, NULL);
	bufferevent_enable(receiver, EV_READ);
	for (size_t sent = 0; sent < TOTAL; sent++)
		bufferevent_write(sender, &text[sent % (sizeof(text) - 1)], 1);
	bufferevent_flush(sender, EV_WRITE, BEV_FINISHED); /* also tells the other end of the pair */
	printf("sent %d bytes of text as %zu bytes\n", TOTAL, compressed);
	event_base_dispatch(base);
	bufferevent_free(sender);
	bufferevent_free(receiver);
	event_base_free(base);
	return 0;
}
