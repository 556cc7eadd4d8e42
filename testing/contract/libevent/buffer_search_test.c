/* testing/contract/libevent/buffer_search_test.c — positions, searches and lines, against a table.
 *
 * Here:     every start in one text with all kinds of line ends, for every style, the text being in one
 *           piece or in many; ranges; the limits of positions. Public headers only.
 */
#include "testing/harness/test.h"

#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>

#define TEXT "abc\r\n\r\ndef\n"
#define TEXT_LEN 11

/* With the same answers, whether the bytes lie together or apart. */
static struct evbuffer *
text_in_pieces(size_t piece)
{
	static const char text[] = TEXT;
	struct evbuffer *buf = evbuffer_new();
	for (size_t i = 0; i < TEXT_LEN; i += piece) {
		size_t n = TEXT_LEN - i < piece ? TEXT_LEN - i : piece;
		CHECK_INT_EQ(evbuffer_add_reference(buf, text + i, n, NULL, NULL), 0);
	}
	return buf;
}

struct eol { int pos, len; };

/* By style, for starts 0..11. */
static const struct eol eols[4][TEXT_LEN + 1] = {
	[EVBUFFER_EOL_ANY] = { { 3, 4 }, { 3, 4 }, { 3, 4 }, { 3, 4 }, { 4, 3 }, { 5, 2 }, { 6, 1 }, { 10, 1 },
	    { 10, 1 }, { 10, 1 }, { 10, 1 }, { -1, 0 } },
	[EVBUFFER_EOL_CRLF] = { { 3, 2 }, { 3, 2 }, { 3, 2 }, { 3, 2 }, { 4, 1 }, { 5, 2 }, { 6, 1 }, { 10, 1 },
	    { 10, 1 }, { 10, 1 }, { 10, 1 }, { -1, 0 } },
	[EVBUFFER_EOL_CRLF_STRICT] = { { 3, 2 }, { 3, 2 }, { 3, 2 }, { 3, 2 }, { 5, 2 }, { 5, 2 }, { -1, 0 },
	    { -1, 0 }, { -1, 0 }, { -1, 0 }, { -1, 0 }, { -1, 0 } },
	[EVBUFFER_EOL_LF] = { { 4, 1 }, { 4, 1 }, { 4, 1 }, { 4, 1 }, { 4, 1 }, { 6, 1 }, { 6, 1 }, { 10, 1 },
	    { 10, 1 }, { 10, 1 }, { 10, 1 }, { -1, 0 } },
};

static void
line_ends_are_found(void)
{
	for (size_t piece = 1; piece <= TEXT_LEN; piece++) {
		struct evbuffer *buf = text_in_pieces(piece);
		for (unsigned style = 0; style < 4; style++) {
			for (size_t start = 0; start <= TEXT_LEN; start++) {
				struct evbuffer_ptr at;
				size_t len = 99;
				CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, start, EVBUFFER_PTR_SET), 0);
				at = evbuffer_search_eol(buf, &at, &len, (enum evbuffer_eol_style)style);
				CHECK_INT_EQ(at.pos, eols[style][start].pos);
				CHECK_INT_EQ(len, eols[style][start].len);
			}
		}
		evbuffer_free(buf);
	}
}

static void
ranges_end_before_their_end(void)
{
	for (size_t piece = 1; piece <= TEXT_LEN; piece++) {
		struct evbuffer *buf = text_in_pieces(piece);
		struct evbuffer_ptr from, end;
		CHECK_INT_EQ(evbuffer_ptr_set(buf, &from, 4, EVBUFFER_PTR_SET), 0);
		for (size_t i = 0; i <= TEXT_LEN; i++) {
			CHECK_INT_EQ(evbuffer_ptr_set(buf, &end, i, EVBUFFER_PTR_SET), 0);
			CHECK_INT_EQ(evbuffer_search_range(buf, "\r\n", 2, NULL, &end).pos, i >= 5 ? 3 : -1);
			CHECK_INT_EQ(evbuffer_search_range(buf, "\r\n", 2, &from, &end).pos, i >= 7 ? 5 : -1);
		}
		CHECK_INT_EQ(evbuffer_search(buf, "\n\r\nd", 4, NULL).pos, 4);
		CHECK_INT_EQ(evbuffer_search(buf, "\r\n\r\r", 4, NULL).pos, -1);
		CHECK_INT_EQ(evbuffer_search(buf, "zz", 2, NULL).pos, -1);
		CHECK_INT_EQ(evbuffer_search(buf, "", 0, NULL).pos, 0);
		CHECK_INT_EQ(evbuffer_search(buf, TEXT "x", 12, NULL).pos, -1);
		evbuffer_free(buf);
	}
}

static void
positions_stay_inside(void)
{
	struct evbuffer *buf = text_in_pieces(4);
	struct evbuffer_ptr at, hit;
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, TEXT_LEN, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(at.pos, TEXT_LEN);
	hit = evbuffer_search(buf, "a", 1, &at);
	CHECK_INT_EQ(hit.pos, -1);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, TEXT_LEN + 1, EVBUFFER_PTR_SET), -1);
	CHECK_INT_EQ(at.pos, -1);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 4, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, EV_SIZE_MAX, EVBUFFER_PTR_ADD), -1);
	CHECK_INT_EQ(at.pos, 4);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 8, EVBUFFER_PTR_ADD), -1);
	CHECK_INT_EQ(at.pos, -1);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 4, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 7, EVBUFFER_PTR_ADD), 0);
	CHECK_INT_EQ(at.pos, 11);
	evbuffer_free(buf);
}

static void
check_line(struct evbuffer *buf, enum evbuffer_eol_style style, const char *line, size_t len, size_t rest)
{
	size_t n = 99;
	char *got = evbuffer_readln(buf, &n, style);
	CHECK(got);
	CHECK_INT_EQ(n, len);
	CHECK_MEM_EQ(got, line, len + 1); /* with its NUL */
	CHECK_INT_EQ(evbuffer_get_length(buf), rest);
	free(got);
}

static void
lines_are_taken(void)
{
	struct evbuffer *buf = text_in_pieces(1);
	size_t n = 99;
	check_line(buf, EVBUFFER_EOL_CRLF, "abc", 3, 6);
	check_line(buf, EVBUFFER_EOL_CRLF_STRICT, "", 0, 4);
	CHECK_PTR_EQ(evbuffer_readln(buf, &n, EVBUFFER_EOL_CRLF_STRICT), NULL);
	CHECK_INT_EQ(n, 0);
	check_line(buf, EVBUFFER_EOL_LF, "def", 3, 0);
	evbuffer_add(buf, "\r\n\r\na\0b\0c\r", 10);
	check_line(buf, EVBUFFER_EOL_ANY, "", 0, 6);
	check_line(buf, EVBUFFER_EOL_NUL, "a", 1, 4);
	CHECK_PTR_EQ(evbuffer_readln(buf, NULL, EVBUFFER_EOL_CRLF), NULL);
	check_line(buf, EVBUFFER_EOL_ANY, "b\0c", 3, 0);
	CHECK_PTR_EQ(evbuffer_readline(buf), NULL);
	evbuffer_add(buf, "line\r\n", 6);
	char *line = evbuffer_readline(buf);
	CHECK_STR_EQ(line, "line");
	free(line);
	evbuffer_free(buf);
}

static void
find_gives_an_address(void)
{
	struct evbuffer *buf = text_in_pieces(1);
	CHECK_PTR_EQ(evbuffer_find(buf, (const unsigned char *)"x", 1), NULL);
	unsigned char *at = evbuffer_find(buf, (const unsigned char *)"c\r\n", 3);
	CHECK_MEM_EQ(at, "c\r\n", 3);
	CHECK_PTR_EQ(at, evbuffer_pullup(buf, 5) + 2);
	evbuffer_free(buf);
}

static const struct evrt_test_case cases[] = {
	{ "line_ends_are_found", line_ends_are_found },
	{ "ranges_end_before_their_end", ranges_end_before_their_end },
	{ "positions_stay_inside", positions_stay_inside },
	{ "lines_are_taken", lines_are_taken },
	{ "find_gives_an_address", find_gives_an_address },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
