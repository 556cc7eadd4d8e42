/* testing/contract/libevent/util_text_test.c — numbers and text: parsing, printing, comparing; the integer types.
 *
 * Here:     evutil_strtoll, _snprintf, _vsnprintf, _ascii_str(n)casecmp, _offsetof; ev_ types and their limits.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/util.h>

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	const char *text;
	int base;
	ev_int64_t value;
	const char *rest;
} numbers[] = {
	{ "0", 10, 0, "" }, { "42", 10, 42, "" }, { "-42", 10, -42, "" }, { "+42", 10, 42, "" }, { "  42", 10, 42, "" },
	{ "42 ", 10, 42, " " }, { "42abc", 10, 42, "abc" }, { "abc", 10, 0, "abc" }, { "", 10, 0, "" },
	{ "-", 10, 0, "-" }, { "9223372036854775807", 10, EV_INT64_MAX, "" },
	{ "-9223372036854775808", 10, EV_INT64_MIN, "" }, { "9223372036854775808", 10, EV_INT64_MAX, "" },
	{ "-9223372036854775809", 10, EV_INT64_MIN, "" }, { "4294967296", 10, 4294967296, "" },
	{ "ff", 16, 255, "" }, { "0xFF", 16, 255, "" }, { "7fffffffffffffff", 16, EV_INT64_MAX, "" },
	{ "777", 8, 511, "" }, { "778", 8, 63, "8" }, { "101", 2, 5, "" }, { "zz", 36, 1295, "" },
	{ "0x10", 0, 16, "" }, { "010", 0, 8, "" }, { "10", 0, 10, "" }, { "1e3", 10, 1, "e3" },
};

static void
numbers_are_parsed(void)
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		char *end;
		ev_int64_t n = evutil_strtoll(numbers[i].text, &end, numbers[i].base);
		if (n != numbers[i].value || strcmp(end, numbers[i].rest) != 0)
			evrt_test_fail(__FILE__, __LINE__, "\"%s\": %lld, then \"%s\"", numbers[i].text, (long long)n, end);
		CHECK_INT_EQ(evutil_strtoll(numbers[i].text, NULL, numbers[i].base), n);
	}
}

static void
what_is_too_large_says_so(void)
{
	errno = 0;
	evutil_strtoll("9223372036854775807", NULL, 10);
	CHECK_INT_EQ(errno, 0);
	evutil_strtoll("9223372036854775808", NULL, 10);
	CHECK_INT_EQ(errno, ERANGE);
}

static void
printing_is_cut_and_ended(void)
{
	char buf[8];
	for (size_t room = 1; room <= sizeof(buf); room++) {
		memset(buf, '#', sizeof(buf));
		CHECK_INT_EQ(evutil_snprintf(buf, room, "%s", "0123456789"), 10);
		CHECK_INT_EQ(strlen(buf), room - 1);
		CHECK_MEM_EQ(buf, "0123456789", room - 1);
		for (size_t i = room; i < sizeof(buf); i++)
			CHECK_INT_EQ(buf[i], '#');
	}
}

static void
what_fits_exactly_is_not_cut(void)
{
	char buf[4];
	CHECK_INT_EQ(evutil_snprintf(buf, sizeof(buf), "%s", "abc"), 3);
	CHECK_STR_EQ(buf, "abc");
	CHECK_INT_EQ(evutil_snprintf(buf, sizeof(buf), "%s", ""), 0);
	CHECK_STR_EQ(buf, "");
	CHECK_INT_EQ(evutil_snprintf(buf, sizeof(buf), "%d%%", 7), 2);
	CHECK_STR_EQ(buf, "7%");
}

static void
without_room_nothing_is_touched(void)
{
	char c = '#';
	CHECK_INT_EQ(evutil_snprintf(&c, 0, "abc"), 0);
	CHECK_INT_EQ(c, '#');
	CHECK_INT_EQ(evutil_snprintf(NULL, 0, "abc"), 0);
}

static int __attribute__((format(printf, 3, 4)))
print_by_list(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = evutil_vsnprintf(buf, len, fmt, ap);
	va_end(ap);
	return n;
}

static void
printing_takes_all_kinds(void)
{
	char buf[128];
	CHECK_INT_EQ(print_by_list(buf, sizeof(buf), "%d %u %lx %lld %zu %c %s %5.2f", -1, 2u, 255l, 1ll << 40, (size_t)9,
	                 'c', "text", 1.5), 36);
	CHECK_STR_EQ(buf, "-1 2 ff 1099511627776 9 c text  1.50");
}

static const struct {
	const char *a, *b;
	size_t n;
	int sign;
} pairs[] = {
	{ "", "", 9, 0 }, { "a", "", 9, 1 }, { "", "a", 9, -1 }, { "a", "a", 9, 0 }, { "a", "A", 9, 0 },
	{ "a", "B", 9, -1 }, { "B", "a", 9, 1 }, { "abc", "ABD", 9, -1 }, { "abc", "ABD", 2, 0 }, { "abc", "ab", 9, 1 },
	{ "abc", "ab", 2, 0 },
	{ "x", "y", 0, 0 }, { "Keep-Alive", "keep-alive", 10, 0 }, { "[", "{", 9, -1 }, { "@", "`", 9, -1 },
	{ "Z", "[", 9, 1 }, { "\xc4", "\xe4", 9, 2 }, { "\xff", "a", 9, 2 },
};

static int sign(int n) { return (n > 0) - (n < 0); }

static void
check_pairs(void)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		int r = evutil_ascii_strncasecmp(pairs[i].a, pairs[i].b, pairs[i].n);
		int back = evutil_ascii_strncasecmp(pairs[i].b, pairs[i].a, pairs[i].n);
		/* 2: unequal, in whatever order plain chars have. */
		if (pairs[i].sign == 2 ? r == 0 : sign(r) != pairs[i].sign)
			evrt_test_fail(__FILE__, __LINE__, "\"%s\", \"%s\", %zu: %d", pairs[i].a, pairs[i].b, pairs[i].n, r);
		CHECK_INT_EQ(sign(r), -sign(back));
		if (pairs[i].n == 9)
			CHECK_INT_EQ(sign(evutil_ascii_strcasecmp(pairs[i].a, pairs[i].b)), sign(r));
	}
}

static void
letters_compare_without_case(void)
{
	check_pairs();
}

static void
the_locale_does_not_matter(void)
{
	/* Where the system has one of them, letters beyond ASCII have cases, or an i has a dot. */
	if (!setlocale(LC_ALL, "tr_TR.ISO-8859-9"))
		setlocale(LC_ALL, "C.UTF-8");
	check_pairs();
	CHECK_INT_EQ(evutil_ascii_strcasecmp("TITLE", "title"), 0);
}

static void
every_letter_has_one_other_case(void)
{
	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++) {
			char x[2] = { (char)a, 0 }, y[2] = { (char)b, 0 };
			int lower_a = a >= 'A' && a <= 'Z' ? a + 32 : a, lower_b = b >= 'A' && b <= 'Z' ? b + 32 : b;
			CHECK_INT_EQ(evutil_ascii_strcasecmp(x, y) == 0, lower_a == lower_b);
		}
}

static void
integers_have_their_widths(void)
{
	CHECK(sizeof(ev_uint64_t) == 8 && sizeof(ev_int64_t) == 8);
	CHECK(sizeof(ev_uint32_t) == 4 && sizeof(ev_int32_t) == 4);
	CHECK(sizeof(ev_uint16_t) == 2 && sizeof(ev_int16_t) == 2);
	CHECK(sizeof(ev_uint8_t) == 1 && sizeof(ev_int8_t) == 1);
	CHECK((ev_uint64_t)-1 > 0 && (ev_uint32_t)-1 > 0 && (ev_uint16_t)-1 > 0 && (ev_uint8_t)-1 > 0);
	CHECK((ev_int64_t)-1 < 0 && (ev_int32_t)-1 < 0 && (ev_int16_t)-1 < 0 && (ev_int8_t)-1 < 0);
}

static void
integers_have_their_limits(void)
{
	CHECK(EV_UINT64_MAX == UINT64_MAX && EV_INT64_MAX == INT64_MAX && EV_INT64_MIN == INT64_MIN);
	CHECK(EV_UINT32_MAX == UINT32_MAX && EV_INT32_MAX == INT32_MAX && EV_INT32_MIN == INT32_MIN);
	CHECK(EV_UINT16_MAX == UINT16_MAX && EV_INT16_MAX == INT16_MAX && EV_INT16_MIN == INT16_MIN);
	CHECK(EV_UINT8_MAX == UINT8_MAX && EV_INT8_MAX == INT8_MAX && EV_INT8_MIN == INT8_MIN);
	CHECK(EV_SIZE_MAX == SIZE_MAX && EV_SSIZE_MAX == SSIZE_MAX && EV_SSIZE_MIN == -SSIZE_MAX - 1);
}

static void
other_types_are_the_systems(void)
{
	CHECK_INT_EQ(sizeof(ev_ssize_t), sizeof(ssize_t));
	CHECK_INT_EQ(sizeof(ev_off_t), sizeof(off_t));
	CHECK_INT_EQ(sizeof(ev_socklen_t), sizeof(socklen_t));
	CHECK(sizeof(ev_intptr_t) == sizeof(void *) && sizeof(ev_uintptr_t) == sizeof(void *));
	CHECK((ev_intptr_t)-1 < 0 && (ev_uintptr_t)-1 > 0);
	CHECK_INT_EQ(sizeof(evutil_socket_t), sizeof(int));
	CHECK_INT_EQ(EVENT__SIZEOF_VOID_P, sizeof(void *));
	CHECK_INT_EQ(EVENT__SIZEOF_SIZE_T, sizeof(size_t));
}

struct fields {
	char first;
	ev_int64_t second;
	char third[3];
	int fourth;
};

static void
fields_have_offsets(void)
{
	CHECK_INT_EQ(evutil_offsetof(struct fields, first), 0);
	CHECK_INT_EQ(evutil_offsetof(struct fields, second), offsetof(struct fields, second));
	CHECK_INT_EQ(evutil_offsetof(struct fields, third), offsetof(struct fields, third));
	CHECK_INT_EQ(evutil_offsetof(struct fields, fourth), offsetof(struct fields, fourth));
}

static const struct evrt_test_case cases[] = {
	{ "numbers_are_parsed", numbers_are_parsed },
	{ "what_is_too_large_says_so", what_is_too_large_says_so },
	{ "printing_is_cut_and_ended", printing_is_cut_and_ended },
	{ "what_fits_exactly_is_not_cut", what_fits_exactly_is_not_cut },
	{ "without_room_nothing_is_touched", without_room_nothing_is_touched },
	{ "printing_takes_all_kinds", printing_takes_all_kinds },
	{ "letters_compare_without_case", letters_compare_without_case },
	{ "the_locale_does_not_matter", the_locale_does_not_matter },
	{ "every_letter_has_one_other_case", every_letter_has_one_other_case },
	{ "integers_have_their_widths", integers_have_their_widths },
	{ "integers_have_their_limits", integers_have_their_limits },
	{ "other_types_are_the_systems", other_types_are_the_systems },
	{ "fields_have_offsets", fields_have_offsets },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
