/* testing/contract/libevent/buffer_split_test.c — one small text, in every way to split it into pieces.
 *
 * Here:     searches, positions, lines, copies and cuts, whose answers must not depend on where pieces end; each is
 *           compared with what the plain string says. Public headers only.
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <stdlib.h>

/* Repetitions, for searches that have to step back, and line ends of all kinds. */
#define TEXT "aab\r\r\naa\n"
#define LEN 9
#define SPLITS (1 << (LEN - 1))

static const char text[] = TEXT;

/* Bit i of `split`: a piece ends behind byte i. */
static struct evbuffer *
split_text(int split)
{
	struct evbuffer *buf = evbuffer_new();
	int start = 0;

	CHECK(buf != NULL);
	for (int i = 0; i < LEN; i++) {
		if (i < LEN - 1 && !(split >> i & 1))
			continue;
		rig_add_piece(buf, text + start, (size_t)(i + 1 - start));
		start = i + 1;
	}
	return buf;
}

static void
for_each_split(void (*check)(struct evbuffer *buf))
{
	for (int split = 0; split < SPLITS; split++) {
		struct evbuffer *buf = split_text(split);
		check(buf);
		evbuffer_free(buf);
	}
}

static struct evbuffer_ptr
at_pos(struct evbuffer *buf, int pos)
{
	struct evbuffer_ptr at;
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, (size_t)pos, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(at.pos, pos);
	return at;
}

static int
truth(int start, int end, const char *what, int len)
{
	const char *hit = memmem(text + start, (size_t)(end - start), what, (size_t)len);
	return hit ? (int)(hit - text) : -1;
}

static void
check_substrings(struct evbuffer *buf)
{
	for (int i = 0; i < LEN; i++)
		for (int n = 1; n <= LEN - i; n++)
			CHECK_INT_EQ(evbuffer_search(buf, text + i, (size_t)n, NULL).pos, truth(0, LEN, text + i, n));
}

static void
every_substring_is_found(void)
{
	for_each_split(check_substrings);
}

static const char *const needles[] = { "a", "aa", "ab", "aab", "\r", "\r\n", "\r\r\n", "\n", "\naa", "aa\n", "aaa",
	"b\r\n", "aa\na", TEXT "a" };

static void
check_starts(struct evbuffer *buf)
{
	for (int start = 0; start <= LEN; start++) {
		struct evbuffer_ptr from = at_pos(buf, start);
		for (size_t i = 0; i < sizeof(needles) / sizeof(needles[0]); i++) {
			int n = (int)strlen(needles[i]);
			CHECK_INT_EQ(evbuffer_search(buf, needles[i], (size_t)n, &from).pos,
			    truth(start, LEN, needles[i], n));
		}
	}
}

static void
searches_begin_where_they_are_told(void)
{
	for_each_split(check_starts);
}

static void
check_ranges(struct evbuffer *buf)
{
	for (int start = 0; start < LEN; start++)
		for (int end = start + 1; end <= LEN; end++) {
			struct evbuffer_ptr from = at_pos(buf, start), to = at_pos(buf, end);
			for (size_t i = 0; i < 11; i++) {
				int n = (int)strlen(needles[i]);
				CHECK_INT_EQ(evbuffer_search_range(buf, needles[i], (size_t)n, &from, &to).pos,
				    truth(start, end, needles[i], n));
			}
		}
}

static void
ranges_end_where_they_are_told(void)
{
	for_each_split(check_ranges);
}

/* What was found is a position like any other. */
static void
check_occurrences(struct evbuffer *buf)
{
	struct evbuffer_ptr at = at_pos(buf, 0);
	int expect = -1, found = 0;
	for (;;) {
		expect = truth(expect + 1, LEN, "a", 1);
		at = evbuffer_search(buf, "a", 1, &at);
		CHECK_INT_EQ(at.pos, expect);
		if (expect < 0)
			break;
		found++;
		CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 1, EVBUFFER_PTR_ADD), 0);
	}
	CHECK_INT_EQ(found, 4);
}

static void
occurrences_are_counted(void)
{
	for_each_split(check_occurrences);
}

static void
check_positions(struct evbuffer *buf)
{
	for (int i = 0; i <= LEN; i++)
		for (int j = 0; i + j <= LEN; j++) {
			struct evbuffer_ptr at = at_pos(buf, i);
			char c = 0;
			CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, (size_t)j, EVBUFFER_PTR_ADD), 0);
			CHECK_INT_EQ(at.pos, i + j);
			CHECK_INT_EQ(evbuffer_copyout_from(buf, &at, &c, 1), i + j < LEN);
			CHECK_INT_EQ(c, i + j < LEN ? text[i + j] : 0);
			CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, (size_t)(LEN - i - j + 1), EVBUFFER_PTR_ADD), -1);
			CHECK_INT_EQ(at.pos, -1);
		}
}

static void
positions_move_over_borders(void)
{
	for_each_split(check_positions);
}

static void
check_copies(struct evbuffer *buf)
{
	char out[LEN];
	for (int i = 0; i <= LEN; i++)
		for (int n = 0; n <= LEN; n++) {
			struct evbuffer_ptr at = at_pos(buf, i);
			int expect = n < LEN - i ? n : LEN - i;
			CHECK_INT_EQ(evbuffer_copyout_from(buf, &at, out, (size_t)n), expect);
			CHECK_MEM_EQ(out, text + i, (size_t)expect);
		}
}

static void
copies_cross_borders(void)
{
	for_each_split(check_copies);
}

/* The end of the first line from `start` on, worked out the plain way; its length in *len. */
static int
line_end(int start, int style, int *len)
{
	for (int i = start; i < LEN; i++) {
		int cr_lf = text[i] == '\r' && text[i + 1] == '\n';
		*len = 0;
		if (style == EVBUFFER_EOL_ANY)
			while (i + *len < LEN && strchr("\r\n", text[i + *len]))
				++*len;
		else if (style == EVBUFFER_EOL_CRLF)
			*len = cr_lf ? 2 : text[i] == '\n';
		else if (style == EVBUFFER_EOL_CRLF_STRICT)
			*len = cr_lf ? 2 : 0;
		else if (style == EVBUFFER_EOL_LF)
			*len = text[i] == '\n';
		if (*len)
			return i;
	}
	*len = 0;
	return -1;
}

static int style_now;

static void
check_line_ends(struct evbuffer *buf)
{
	for (int start = 0; start <= LEN; start++) {
		struct evbuffer_ptr from = at_pos(buf, start);
		size_t got_len = 99;
		int len;
		int expect = line_end(start, style_now, &len);
		struct evbuffer_ptr got = evbuffer_search_eol(buf, &from, &got_len, (enum evbuffer_eol_style)style_now);
		CHECK_INT_EQ(got.pos, expect);
		CHECK_INT_EQ(got_len, len);
	}
}

static void
check_lines(struct evbuffer *buf)
{
	int start = 0, len;
	for (;;) {
		size_t n = 99;
		int end = line_end(start, style_now, &len);
		char *line = evbuffer_readln(buf, &n, (enum evbuffer_eol_style)style_now);
		CHECK_INT_EQ(line != NULL, end >= 0);
		CHECK_INT_EQ(n, end >= 0 ? end - start : 0);
		if (!line)
			break;
		CHECK_MEM_EQ(line, text + start, n);
		CHECK_INT_EQ(line[n], 0);
		free(line);
		start = end + len;
	}
	CHECK_INT_EQ(evbuffer_get_length(buf), LEN - start);
}

#define STYLES(X) X(any, EVBUFFER_EOL_ANY) X(crlf, EVBUFFER_EOL_CRLF) X(crlf_strict, EVBUFFER_EOL_CRLF_STRICT) \
	X(lf, EVBUFFER_EOL_LF) X(nul, EVBUFFER_EOL_NUL)
#define STYLE_CASES(name, style) \
	static void \
	line_ends_##name(void) \
	{ \
		style_now = style; \
		for_each_split(check_line_ends); \
	} \
	static void \
	lines_##name(void) \
	{ \
		style_now = style; \
		for_each_split(check_lines); \
	}
STYLES(STYLE_CASES)

static void
pullup_of_every_size(void)
{
	for (int split = 0; split < SPLITS; split++)
		for (int n = 1; n <= LEN; n++) {
			struct evbuffer *buf = split_text(split);
			CHECK_MEM_EQ(evbuffer_pullup(buf, n), text, (size_t)n);
			CHECK(evbuffer_get_contiguous_space(buf) >= (size_t)n);
			rig_check(buf, text);
			evbuffer_free(buf);
		}
}

static void
drain_of_every_size(void)
{
	for (int split = 0; split < SPLITS; split++)
		for (int n = 0; n <= LEN; n++) {
			struct evbuffer *buf = split_text(split);
			CHECK_INT_EQ(evbuffer_drain(buf, (size_t)n), 0);
			rig_check(buf, text + n);
			CHECK_INT_EQ(evbuffer_add(buf, "x", 1), 0);
			CHECK_INT_EQ(evbuffer_search(buf, "x", 1, NULL).pos, LEN - n);
			evbuffer_free(buf);
		}
}

static void
moves_of_every_size(void)
{
	for (int split = 0; split < SPLITS; split++)
		for (int n = 0; n <= LEN; n++) {
			struct evbuffer *buf = split_text(split);
			struct evbuffer *to = rig_holding("<");
			CHECK_INT_EQ(evbuffer_remove_buffer(buf, to, (size_t)n), n);
			rig_check(buf, text + n);
			CHECK_INT_EQ(evbuffer_get_length(to), n + 1);
			CHECK_INT_EQ(evbuffer_prepend_buffer(buf, to), 0);
			rig_check(buf, "<" TEXT);
			evbuffer_free(buf);
			evbuffer_free(to);
		}
}

static void
check_find(struct evbuffer *buf)
{
	unsigned char *at = evbuffer_find(buf, (const unsigned char *)"\r\n", 2);
	CHECK_MEM_EQ(at, "\r\n", 2);
	CHECK_PTR_EQ(at, evbuffer_pullup(buf, 6) + 4);
	CHECK_PTR_EQ(evbuffer_find(buf, (const unsigned char *)"aaa", 3), NULL);
}

static void
find_makes_contiguous(void)
{
	for_each_split(check_find);
}

static void
check_peek(struct evbuffer *buf)
{
	struct evbuffer_iovec vec[LEN];
	for (int i = 0; i < LEN; i++) {
		struct evbuffer_ptr at = at_pos(buf, i);
		int n = evbuffer_peek(buf, -1, &at, vec, LEN);
		int pos = i;
		for (int k = 0; k < n; k++) {
			CHECK_MEM_EQ(vec[k].iov_base, text + pos, vec[k].iov_len);
			pos += (int)vec[k].iov_len;
		}
		CHECK_INT_EQ(pos, LEN);
		CHECK_INT_EQ(evbuffer_peek(buf, LEN - i, &at, NULL, 0), n);
	}
}

static void
peek_from_every_position(void)
{
	for_each_split(check_peek);
}

#define STYLE_ROWS(name, style) { "line_ends_" #name, line_ends_##name }, { "lines_" #name, lines_##name },
static const struct evrt_test_case cases[] = {
	{ "every_substring_is_found", every_substring_is_found },
	{ "searches_begin_where_they_are_told", searches_begin_where_they_are_told },
	{ "ranges_end_where_they_are_told", ranges_end_where_they_are_told },
	{ "occurrences_are_counted", occurrences_are_counted },
	{ "positions_move_over_borders", positions_move_over_borders },
	{ "copies_cross_borders", copies_cross_borders },
	STYLES(STYLE_ROWS)
	{ "pullup_of_every_size", pullup_of_every_size },
	{ "drain_of_every_size", drain_of_every_size },
	{ "moves_of_every_size", moves_of_every_size },
	{ "find_makes_contiguous", find_makes_contiguous },
	{ "peek_from_every_position", peek_from_every_position },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
