/* testing/unit/api/http/values_test.c — paths, ranges and dates. */
#include "api/http/parse.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "testing/harness/test.h"

static const struct {
	int result;
	const char *in, *out;
} paths[] = {
	{EVRT_HTTP_OK, "", "/"},
	{EVRT_HTTP_OK, "/", "/"},
	{EVRT_HTTP_OK, "/a/b", "/a/b"},
	{EVRT_HTTP_OK, "/a/b/", "/a/b/"},
	{EVRT_HTTP_OK, "//a///b//", "/a/b/"},
	{EVRT_HTTP_OK, "/./a/./b/.", "/a/b/"},
	{EVRT_HTTP_OK, "/a/../b", "/b"},
	{EVRT_HTTP_OK, "/a/b/..", "/a/"},
	{EVRT_HTTP_OK, "/a/%2e%2E/b", "/b"},
	{EVRT_HTTP_OK, "/a//../b", "/b"},
	{EVRT_HTTP_OK, "/...", "/..."},
	{EVRT_HTTP_OK, "/..a/.b", "/..a/.b"},
	{EVRT_HTTP_OK, "/a%20b%C3%A9+", "/a b\xc3\xa9+"},
	{EVRT_HTTP_OK, "/%252e%252e", "/%2e%2e"},
	{400, "/..", NULL},
	{400, "/../a", NULL},
	{400, "/a/../../b", NULL},
	{400, "/%2e%2e/etc", NULL},
	{400, "/.%2e/etc", NULL},
	{400, "//../etc", NULL},
	{400, "/a%2fb", NULL},
	{400, "/..%2f..", NULL},
	{400, "/a%00b", NULL},
	{400, "/a\\b", NULL},
	{400, "/..%5c..", NULL},
	{400, "/%0a", NULL},
	{400, "/%7f", NULL},
	{400, "/%", NULL},
	{400, "/%4", NULL},
	{400, "/%g0", NULL},
	{400, "/%-1", NULL},
	{400, "a", NULL},
	{414, "/0123456789012345678901234567890", NULL},
};

static void
paths_are_made_plain(void)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char out[32];
		size_t n = 0, len = strlen(paths[i].in);
		char *in = malloc(len ? len : 1);
		CHECK(in != NULL);
		memcpy(in, paths[i].in, len);
		int result = evrt__http_path_decode(in, len, out, sizeof(out), &n);
		free(in);
		if (result != paths[i].result)
			evrt_test_fail(__FILE__, __LINE__, "%d for %s", result, paths[i].in);
		if (result != EVRT_HTTP_OK)
			continue;
		CHECK_STR_EQ(out, paths[i].out);
		CHECK_INT_EQ(n, strlen(out));
	}
}

static void
a_path_may_fill_its_buffer(void)
{
	char out[4];
	size_t n;

	CHECK_INT_EQ(evrt__http_path_decode("/ab", 3, out, 4, &n), EVRT_HTTP_OK);
	CHECK_STR_EQ(out, "/ab");
	CHECK_INT_EQ(evrt__http_path_decode("/abc", 4, out, 4, &n), 414);
	CHECK_INT_EQ(evrt__http_path_decode("/ab/", 4, out, 4, &n), 414);
	CHECK_INT_EQ(evrt__http_path_decode("/", 1, out, 1, &n), 414);
}

static const struct {
	const char *value;
	uint64_t size;
	enum evrt_http_range_result result;
	uint64_t first, last;
} ranges[] = {
	{"bytes=0-0", 10, EVRT_HTTP_RANGE_ONE, 0, 0},
	{"bytes=2-5", 10, EVRT_HTTP_RANGE_ONE, 2, 5},
	{"BYTES=2-", 10, EVRT_HTTP_RANGE_ONE, 2, 9},
	{"bytes=2-99", 10, EVRT_HTTP_RANGE_ONE, 2, 9},
	{"bytes=-3", 10, EVRT_HTTP_RANGE_ONE, 7, 9},
	{"bytes=-99", 10, EVRT_HTTP_RANGE_ONE, 0, 9},
	{"bytes=9-9", 10, EVRT_HTTP_RANGE_ONE, 9, 9},
	{"bytes=0-99999999999999999999999", 10, EVRT_HTTP_RANGE_ONE, 0, 9},
	{"bytes=10-", 10, EVRT_HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=99999999999999999999999-", 10, EVRT_HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-0", 10, EVRT_HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=0-", 0, EVRT_HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-1", 0, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=5-2", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=0-1,3-4", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=-", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=1", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes= 0-1", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=0-1 ", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=+0-1", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"bytes=--1", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"lines=0-1", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
	{"", 10, EVRT_HTTP_RANGE_NONE, 0, 0},
};

static void
ranges_are_single(void)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t first = 0, last = 0;
		enum evrt_http_range_result result = evrt__http_range_parse(ranges[i].value, strlen(ranges[i].value),
		    ranges[i].size, &first, &last);
		if (result != ranges[i].result)
			evrt_test_fail(__FILE__, __LINE__, "%d for %s", result, ranges[i].value);
		CHECK_INT_EQ(first, ranges[i].first);
		CHECK_INT_EQ(last, ranges[i].last);
	}
}

/* 2026-01-02 */
#define NOW 1767312000

static int64_t
date(const char *text)
{
	int64_t when = -1;

	return evrt__http_date_parse(text, strlen(text), NOW, &when) == 0 ? when : -1;
}

static void
dates_are_read_in_three_formats(void)
{
	CHECK_INT_EQ(date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	CHECK_INT_EQ(date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	CHECK_INT_EQ(date("Sun Nov  6 08:49:37 1994"), 784111777);
	CHECK_INT_EQ(date("Sun Nov 16 08:49:37 1994"), 784111777 + 10 * 86400);
	CHECK_INT_EQ(date("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
	CHECK_INT_EQ(date("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
	/* 76 is 50 years ahead and so still 2076; 77 is not */
	CHECK_INT_EQ(date("Wednesday, 01-Jan-76 00:00:00 GMT"), 3345062400);
	CHECK_INT_EQ(date("Saturday, 01-Jan-77 00:00:00 GMT"), 220924800);
}

static const char *const bad_dates[] = {
	"", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ",
	"Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
	"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 00:00:00 GMT",
	"Wed, 29 Feb 1900 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
	"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:3x GMT",
	"Someday, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov x6 08:49:37 1994",
};

static void
other_dates_are_refused(void)
{
	for (size_t i = 0; i < sizeof(bad_dates) / sizeof(bad_dates[0]); i++) {
		if (date(bad_dates[i]) != -1)
			evrt_test_fail(__FILE__, __LINE__, "accepted %s", bad_dates[i]);
	}
}

static void
dates_agree_with_the_c_library(void)
{
	/* steps of about four months and a bit, over 9999 years */
	for (int64_t when = -62135596800; when <= 253402300799; when += 10000019) {
		char ours[EVRT_HTTP_DATE_BYTES], theirs[64];
		time_t t = (time_t)when;
		struct tm tm;
		CHECK(gmtime_r(&t, &tm) != NULL);
		CHECK(strftime(theirs, sizeof(theirs), "%a, %d %b ", &tm) > 0);
		evrt__http_date_format(when, ours);
		CHECK_MEM_EQ(ours, theirs, 12);
		CHECK_INT_EQ(atoi(ours + 12), tm.tm_year + 1900);
		CHECK_INT_EQ(atoi(ours + 17), tm.tm_hour);
		CHECK_INT_EQ(date(ours), when);
	}
}

static void
dates_out_of_range_are_clamped(void)
{
	char out[EVRT_HTTP_DATE_BYTES];

	evrt__http_date_format(INT64_MAX, out);
	CHECK_STR_EQ(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	evrt__http_date_format(INT64_MIN, out);
	CHECK_STR_EQ(out, "Mon, 01 Jan 0001 00:00:00 GMT");
	evrt__http_date_format(-1, out);
	CHECK_STR_EQ(out, "Wed, 31 Dec 1969 23:59:59 GMT");
}

static const struct evrt_test_case cases[] = {
	{"paths_are_made_plain", paths_are_made_plain},
	{"a_path_may_fill_its_buffer", a_path_may_fill_its_buffer},
	{"ranges_are_single", ranges_are_single},
	{"dates_are_read_in_three_formats", dates_are_read_in_three_formats},
	{"other_dates_are_refused", other_dates_are_refused},
	{"dates_agree_with_the_c_library", dates_agree_with_the_c_library},
	{"dates_out_of_range_are_clamped", dates_out_of_range_are_clamped},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
