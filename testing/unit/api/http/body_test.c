/* testing/unit/api/http/body_test.c — bodies by length, by chunks and until the end, cut at every byte. */
#include "api/http/parse.h"

#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

struct got {
	int result;
	size_t consumed;
	size_t len;
	char data[8192];
};

/* Feeds what is new of the first `len` bytes of `text`; the body sees what it has not yet consumed. */
static void
feed(struct evrt_http_body *body, const char *text, size_t len, struct got *got)
{
	for (;;) {
		struct evrt_http_span data;
		size_t used, left = len - got->consumed;
		char *exact = malloc(left ? left : 1);
		CHECK(exact != NULL);
		memcpy(exact, text + got->consumed, left);
		got->result = evrt__http_body_next(body, exact, left, &data, &used);
		CHECK(used <= left);
		CHECK((size_t)data.at + data.len <= used);
		CHECK(got->len + data.len <= sizeof(got->data));
		memcpy(got->data + got->len, exact + data.at, data.len);
		got->len += data.len;
		got->consumed += used;
		free(exact);
		if (got->result != EVRT_HTTP_MORE || used == 0)
			return;
	}
}

static void
read_cut(enum evrt_http_framing framing, uint64_t length, const char *text, size_t len, size_t at,
    struct got *got)
{
	struct evrt_http_body body;

	memset(got, 0, sizeof(*got));
	evrt__http_body_init(&body, framing, length);
	feed(&body, text, at, got);
	if (got->result == EVRT_HTTP_MORE)
		feed(&body, text, len, got);
}

static void
body_is(enum evrt_http_framing framing, uint64_t length, const char *text, size_t len, int result,
    const char *content, size_t consumed)
{
	static struct got got;

	for (size_t at = 0; at <= len; at++) {
		read_cut(framing, length, text, len, at, &got);
		CHECK_INT_EQ(got.result, result);
		if (result >= 400)
			continue;
		CHECK_INT_EQ(got.consumed, consumed);
		CHECK_INT_EQ(got.len, strlen(content));
		CHECK_MEM_EQ(got.data, content, got.len);
	}
}

static void
chunked_is(const char *text, int result, const char *content, size_t consumed)
{
	body_is(EVRT_HTTP_BODY_CHUNKED, 0, text, strlen(text), result, content, consumed);
}

static void
length_counts_down(void)
{
	body_is(EVRT_HTTP_BODY_LENGTH, 3, "abcdef", 6, EVRT_HTTP_OK, "abc", 3);
	body_is(EVRT_HTTP_BODY_LENGTH, 7, "abcdef", 6, EVRT_HTTP_MORE, "abcdef", 6);
	body_is(EVRT_HTTP_BODY_LENGTH, 0, "abcdef", 6, EVRT_HTTP_OK, "", 0);
	body_is(EVRT_HTTP_BODY_NONE, 0, "abcdef", 6, EVRT_HTTP_OK, "", 0);
	body_is(EVRT_HTTP_BODY_UNTIL_CLOSE, 0, "abcdef", 6, EVRT_HTTP_MORE, "abcdef", 6);
}

static void
chunks_are_joined(void)
{
	chunked_is("3\r\nabc\r\n0\r\n\r\nnext", EVRT_HTTP_OK, "abc", 13);
	chunked_is("1;x=\"y\"\r\na\r\n0A\r\n0123456789\r\n000\r\n\r\n", EVRT_HTTP_OK, "a0123456789", 35);
	chunked_is("0\r\n\r\n", EVRT_HTTP_OK, "", 5);
	chunked_is("0\r\nA: b\r\nC: d\r\n\r\n!", EVRT_HTTP_OK, "", 17);
	chunked_is("3\r\nabc\r\n", EVRT_HTTP_MORE, "abc", 8);
	chunked_is("fffff\r\nabc", EVRT_HTTP_MORE, "abc", 10);
}

static const char *const bad_chunked[] = {
	"\r\n", "x\r\n", "0x1\r\na\r\n", "+1\r\na\r\n", "-1\r\na\r\n", " 1\r\na\r\n", "1 \r\na\r\n", "1 ;x\r\na\r\n",
	"1\na\r\n", "1\r\nab\r\n", "1\r\na\n", "1\r\na\rx", "8000000000000000\r\n", "10000000000000000\r\n",
	"7ffffffffffffffff\r\n", "1;\x01\r\na\r\n", "1;a\rb\r\na\r\n", "1,1\r\na\r\n", "0\r\n folded\r\n\r\n",
	"0\r\nNo colon\r\n\r\n", "0\r\nA : b\r\n\r\n", "0\r\nA: b\n\r\n", "0\r\n\n", "G\r\n",
};

static void
malformed_chunks_are_refused(void)
{
	for (size_t i = 0; i < sizeof(bad_chunked) / sizeof(bad_chunked[0]); i++)
		chunked_is(bad_chunked[i], 400, "", 0);
}

static void
chunk_sizes_have_63_bits(void)
{
	uint64_t size;
	size_t used;

	CHECK_INT_EQ(evrt__http_chunk_line("7fffffffffffffff\r\n", 18, &size, &used), EVRT_HTTP_OK);
	CHECK(size == (uint64_t)INT64_MAX);
	CHECK_INT_EQ(used, 18);
	CHECK_INT_EQ(evrt__http_chunk_line("8000000000000000\r\n", 18, &size, &used), 400);
}

static void
chunk_lines_and_trailers_are_limited(void)
{
	static char text[EVRT_HTTP_TRAILER_BYTES_MAX + 64];
	size_t n = 0;

	memset(text, '0', sizeof(text));
	memcpy(text + EVRT_HTTP_CHUNK_LINE_BYTES_MAX - 2, "\r\n\r\n", 4);
	body_is(EVRT_HTTP_BODY_CHUNKED, 0, text, EVRT_HTTP_CHUNK_LINE_BYTES_MAX + 2, EVRT_HTTP_OK, "",
	    EVRT_HTTP_CHUNK_LINE_BYTES_MAX + 2);
	memcpy(text + EVRT_HTTP_CHUNK_LINE_BYTES_MAX - 2, "0\r\n\r\n", 5);
	body_is(EVRT_HTTP_BODY_CHUNKED, 0, text, EVRT_HTTP_CHUNK_LINE_BYTES_MAX + 3, 400, "", 0);
	memcpy(text, "0\r\n", n = 3);
	for (int i = 0; i < EVRT_HTTP_TRAILERS_MAX; i++, n += 4)
		memcpy(text + n, "a:\r\n", 4);
	memcpy(text + n, "\r\n", 2);
	body_is(EVRT_HTTP_BODY_CHUNKED, 0, text, n + 2, EVRT_HTTP_OK, "", n + 2);
	memcpy(text + n, "b:\r\n\r\n", 6);
	body_is(EVRT_HTTP_BODY_CHUNKED, 0, text, n + 6, 431, "", 0);
	/* each short enough, together too long */
	memset(text, 'a', sizeof(text));
	memcpy(text, "0\r\n", n = 3);
	for (; n + 250 <= sizeof(text); n += 250) {
		text[n + 1] = ':';
		memcpy(text + n + 248, "\r\n", 2);
	}
	body_is(EVRT_HTTP_BODY_CHUNKED, 0, text, sizeof(text), 431, "", 0);
	memset(text, 'a', sizeof(text));
	memcpy(text, "0\r\na:", 5);
	body_is(EVRT_HTTP_BODY_CHUNKED, 0, text, sizeof(text), 431, "", 0);
}

static const struct evrt_test_case cases[] = {
	{"length_counts_down", length_counts_down},
	{"chunks_are_joined", chunks_are_joined},
	{"malformed_chunks_are_refused", malformed_chunks_are_refused},
	{"chunk_sizes_have_63_bits", chunk_sizes_have_63_bits},
	{"chunk_lines_and_trailers_are_limited", chunk_lines_and_trailers_are_limited},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
