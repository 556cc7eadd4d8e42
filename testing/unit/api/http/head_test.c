/* testing/unit/api/http/head_test.c — heads of requests and responses, whole and cut at every byte. */
#include "api/http/parse.h"

#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

#define FIELDS_MAX 8

static const struct evrt_http_limits limits = {.line_bytes_max = 64, .head_bytes_max = 256,
	.fields_max = FIELDS_MAX};

struct parsed {
	struct evrt_http_head head;
	struct evrt_http_field fields[FIELDS_MAX];
	int result;
};

/* Parses in one piece, then once more for each place to cut at, and checks that this changes nothing. The
 * bytes are given in heap blocks of their exact size, so that reading beyond them is seen. */
static struct parsed
parse(bool response, const char *text, size_t len)
{
	struct parsed whole, cut;
	char *copy = malloc(len + 1);

	CHECK(copy != NULL);
	memcpy(copy, text, len);
	evrt__http_head_init(&whole.head, response, &limits, whole.fields);
	whole.result = evrt__http_head_parse(&whole.head, copy, len);
	for (size_t at = 0; at < len; at++) {
		char *piece = malloc(at ? at : 1);
		CHECK(piece != NULL);
		memcpy(piece, text, at);
		evrt__http_head_init(&cut.head, response, &limits, cut.fields);
		cut.result = evrt__http_head_parse(&cut.head, piece, at);
		if (cut.result == EVRT_HTTP_MORE)
			cut.result = evrt__http_head_parse(&cut.head, copy, len);
		CHECK_INT_EQ(cut.result, whole.result);
		CHECK_INT_EQ(cut.head.consumed, whole.head.consumed);
		CHECK_INT_EQ(cut.head.field_count, whole.head.field_count);
		free(piece);
	}
	free(copy);
	return whole;
}

static struct parsed
request(const char *text)
{
	return parse(false, text, strlen(text));
}

static struct parsed
response(const char *text)
{
	return parse(true, text, strlen(text));
}

static void
span_is(const char *text, struct evrt_http_span s, const char *wanted)
{
	CHECK_INT_EQ(s.len, strlen(wanted));
	CHECK_MEM_EQ(text + s.at, wanted, s.len);
}

static void
a_request_is_taken_apart(void)
{
	const char *text = "GET /a/b?c=d HTTP/1.1\r\nHost: x:80\r\nRANGE:bytes=0-1 \t\r\nX-Empty:\r\n\r\nrest";
	struct parsed p = request(text);

	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	CHECK_INT_EQ(p.head.consumed, strlen(text) - 4);
	CHECK_INT_EQ(p.head.method, EVRT_HTTP_GET);
	CHECK_INT_EQ(p.head.form, EVRT_HTTP_ORIGIN);
	CHECK_INT_EQ(p.head.minor, 1);
	CHECK(p.head.keep_alive);
	CHECK(!p.head.expect_continue);
	CHECK_INT_EQ(p.head.framing, EVRT_HTTP_BODY_NONE);
	span_is(text, p.head.method_name, "GET");
	span_is(text, p.head.target, "/a/b?c=d");
	span_is(text, p.head.path, "/a/b");
	span_is(text, p.head.query, "?c=d");
	CHECK_INT_EQ(p.head.field_count, 3);
	CHECK_INT_EQ(p.fields[0].name, EVRT_HTTP_HOST);
	span_is(text, p.fields[0].value, "x:80");
	CHECK_INT_EQ(p.fields[1].name, EVRT_HTTP_RANGE);
	span_is(text, p.fields[1].value, "bytes=0-1");
	CHECK_INT_EQ(p.fields[2].name, EVRT_HTTP_OTHER);
	span_is(text, (struct evrt_http_span){p.fields[2].name_at, p.fields[2].name_len}, "X-Empty");
	CHECK_INT_EQ(p.fields[2].value.len, 0);
	p.head.fields = p.fields;
	CHECK_PTR_EQ(evrt__http_head_find(&p.head, EVRT_HTTP_RANGE, 0), &p.fields[1]);
	CHECK_PTR_EQ(evrt__http_head_find(&p.head, EVRT_HTTP_RANGE, 2), NULL);
}

static void
targets_have_four_forms(void)
{
	const char *absolute = "GET http://h.example:8080?q HTTP/1.1\r\nHost: h\r\n\r\n";
	struct parsed p = request(absolute);

	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	CHECK_INT_EQ(p.head.form, EVRT_HTTP_ABSOLUTE);
	span_is(absolute, p.head.authority, "h.example:8080");
	span_is(absolute, p.head.path, "");
	span_is(absolute, p.head.query, "?q");
	p = request("GET https://[::1]/x HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	p = request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	CHECK_INT_EQ(p.head.form, EVRT_HTTP_ASTERISK);
	p = request("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	CHECK_INT_EQ(p.head.form, EVRT_HTTP_AUTHORITY);
	p = request("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	CHECK_INT_EQ(p.head.method, EVRT_HTTP_UNKNOWN);
}

struct verdict {
	int result;
	const char *text;
};

static const struct verdict request_verdicts[] = {
	/* the first line */
	{EVRT_HTTP_MORE, ""},
	{EVRT_HTTP_MORE, "GET / HTTP/1.1\r"},
	{EVRT_HTTP_MORE, "GET / HTTP/1.1\r\nHost: h\r\n\r"},
	{EVRT_HTTP_OK, "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "\x16\x03\x01"},
	{400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
	{400, "GET / HTTP/1.1\nHost: h\n\n"},
	{400, "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET / \r\n"},
	{400, "GET /\r\n"},
	{400, "GET\r\n"},
	{400, "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET /#frag HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET a HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET http:/// HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET 1http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET ://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET / http/1.1\r\nHost: h\r\n\r\n"},
	{400, "GET / HTTP/1.10\r\nHost: h\r\n\r\n"},
	{400, "GET / HTTP/11\r\nHost: h\r\n\r\n"},
	{505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
	{505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{414, "GET /0123456789012345678901234567890123456789012345678901234567 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{414, "GET /012345678901234567890123456789012345678901234567890123456789"},
	/* fields */
	{400, "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: h\r\n\tfolded\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n X: first\r\nHost: h\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost : h\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n: h\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: h\r\nX: \x7f\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: h\r\nX(y): a\r\n\r\n"},
	{EVRT_HTTP_OK, "GET / HTTP/1.1\r\nHost: h\r\nX: \xc3\xa9\t!\r\n\r\n"},
	{EVRT_HTTP_OK, "GET / HTTP/1.1\r\nHost: h\r\n1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n\r\n"},
	{431, "GET / HTTP/1.1\r\nHost: h\r\n1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n\r\n"},
	/* Host */
	{400, "GET / HTTP/1.1\r\n\r\n"},
	{EVRT_HTTP_OK, "GET / HTTP/1.0\r\n\r\n"},
	{EVRT_HTTP_OK, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
	{EVRT_HTTP_OK, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
	{EVRT_HTTP_OK, "GET / HTTP/1.1\r\nHost: a%20b:\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:8o\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n"},
	/* Expect */
	{EVRT_HTTP_OK, "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"},
	{417, "PUT / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n"},
	{EVRT_HTTP_OK, "PUT / HTTP/1.0\r\nHost: h\r\nExpect: tea\r\n\r\n"},
};

static void
requests_get_their_verdict(void)
{
	for (size_t i = 0; i < sizeof(request_verdicts) / sizeof(request_verdicts[0]); i++) {
		const struct verdict *v = &request_verdicts[i];
		struct parsed p = request(v->text);
		if (p.result != v->result)
			evrt_test_fail(__FILE__, __LINE__, "%d instead of %d: %s", p.result, v->result, v->text);
	}
}

#define POST(fields) "POST / HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

static const struct {
	int result;
	enum evrt_http_framing framing;
	uint64_t length;
	const char *text;
} framing_verdicts[] = {
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_NONE, 0, POST("")},
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_LENGTH, 0, POST("Content-Length: 0\r\n")},
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_LENGTH, 42, POST("content-length: 042\r\n")},
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_LENGTH, 5, POST("Content-Length: 5\r\nContent-Length: 5\r\n")},
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_LENGTH, 5, POST("Content-Length: 5, 5\r\n")},
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_LENGTH, INT64_MAX, POST("Content-Length: 9223372036854775807\r\n")},
	{400, 0, 0, POST("Content-Length: 9223372036854775808\r\n")},
	{400, 0, 0, POST("Content-Length: 99999999999999999999999\r\n")},
	{400, 0, 0, POST("Content-Length: 5\r\nContent-Length: 6\r\n")},
	{400, 0, 0, POST("Content-Length: 5, 6\r\n")},
	{400, 0, 0, POST("Content-Length: 5,\r\n")},
	{400, 0, 0, POST("Content-Length:\r\n")},
	{400, 0, 0, POST("Content-Length: +5\r\n")},
	{400, 0, 0, POST("Content-Length: -5\r\n")},
	{400, 0, 0, POST("Content-Length: 5 5\r\n")},
	{400, 0, 0, POST("Content-Length: 0x5\r\n")},
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_CHUNKED, 0, POST("Transfer-Encoding: chunked\r\n")},
	{EVRT_HTTP_OK, EVRT_HTTP_BODY_CHUNKED, 0, POST("Transfer-Encoding: CHUNKED\r\n")},
	{400, 0, 0, POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
	{400, 0, 0, POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
	{400, 0, 0, POST("Transfer-Encoding: chunked, chunked\r\n")},
	{400, 0, 0, POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
	{400, 0, 0, POST("Transfer-Encoding: chunked, identity\r\n")},
	{400, 0, 0, POST("Transfer-Encoding: chunked;a=b\r\n")},
	{400, 0, 0, POST("Transfer-Encoding: gzip\r\n")},
	{400, 0, 0, POST("Transfer-Encoding: xchunked\r\n")},
	{400, 0, 0, POST("Transfer-Encoding:\r\n")},
	{501, 0, 0, POST("Transfer-Encoding: gzip, chunked\r\n")},
	{501, 0, 0, POST("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")},
	{400, 0, 0, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
};

static void
framing_is_decided_once(void)
{
	for (size_t i = 0; i < sizeof(framing_verdicts) / sizeof(framing_verdicts[0]); i++) {
		struct parsed p = request(framing_verdicts[i].text);
		if (p.result != framing_verdicts[i].result)
			evrt_test_fail(__FILE__, __LINE__, "%d: %s", p.result, framing_verdicts[i].text);
		if (p.result != EVRT_HTTP_OK)
			continue;
		CHECK_INT_EQ(p.head.framing, framing_verdicts[i].framing);
		CHECK_INT_EQ(p.head.content_length, framing_verdicts[i].length);
	}
}

static void
connection_decides_keep_alive(void)
{
	CHECK(!request("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").head.keep_alive);
	CHECK(!request("GET / HTTP/1.1\r\nHost: h\r\nConnection: x,\tClose\r\n\r\n").head.keep_alive);
	CHECK(!request("GET / HTTP/1.1\r\nHost: h\r\nConnection: a\r\nConnection: close\r\n\r\n").head.keep_alive);
	CHECK(request("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n").head.keep_alive);
	CHECK(!request("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
	CHECK(request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
	CHECK(!request("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").head.keep_alive);
	CHECK(request("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n").head.expect_continue);
}

static void
nul_is_refused_everywhere(void)
{
	static const char good[] = "GET /abc HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
	char bad[sizeof(good)];

	for (size_t at = 0; at < sizeof(good) - 1; at++) {
		memcpy(bad, good, sizeof(good));
		bad[at] = '\0';
		int result = parse(false, bad, sizeof(good) - 1).result;
		/* Where a line end is destroyed the head may merely be unfinished. */
		CHECK(result >= 400 || (result == EVRT_HTTP_MORE && at >= sizeof(good) - 3));
	}
}

static void
a_head_may_be_just_as_long_as_allowed(void)
{
	char text[512] = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
	size_t n = strlen(text), pad = 256 - n - 4;

	memset(text + n, 'x', pad);
	memcpy(text + n + pad, "\r\n\r\n", 4);
	CHECK_INT_EQ(parse(false, text, 256).result, EVRT_HTTP_OK);
	memcpy(text + n + pad, "x\r\n\r\n", 5);
	CHECK_INT_EQ(parse(false, text, 257).result, 431);
	/* and is given up on before its end is seen */
	memset(text + n, 'x', sizeof(text) - n);
	CHECK_INT_EQ(parse(false, text, 255).result, EVRT_HTTP_MORE);
	CHECK_INT_EQ(parse(false, text, 256).result, 431);
}

static void
a_failure_is_final(void)
{
	struct parsed p = request("GET /\r\n");
	const char *good = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

	CHECK_INT_EQ(evrt__http_head_parse(&p.head, good, strlen(good)), 400);
}

static void
a_response_is_taken_apart(void)
{
	const char *text = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc";
	struct parsed p = response(text);

	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	CHECK_INT_EQ(p.head.status, 404);
	span_is(text, p.head.reason, "Not Found");
	CHECK_INT_EQ(p.head.framing, EVRT_HTTP_BODY_LENGTH);
	CHECK_INT_EQ(p.head.content_length, 3);
	CHECK(p.head.keep_alive);
	p = response("HTTP/1.1 200\r\n\r\n");
	CHECK_INT_EQ(p.result, EVRT_HTTP_OK);
	CHECK_INT_EQ(p.head.framing, EVRT_HTTP_BODY_UNTIL_CLOSE);
	CHECK(!p.head.keep_alive);
	p = response("HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n");
	CHECK_INT_EQ(p.head.framing, EVRT_HTTP_BODY_NONE);
	CHECK_INT_EQ(p.head.content_length, 0);
	CHECK_INT_EQ(response("HTTP/1.1 2x0 OK\r\n\r\n").result, 400);
	CHECK_INT_EQ(response("HTTP/1.1 600 OK\r\n\r\n").result, 400);
	CHECK_INT_EQ(response("HTTP/1.1 2000 OK\r\n\r\n").result, 400);
	CHECK_INT_EQ(response("HTTP/1.1 200 O\x01K\r\n\r\n").result, 400);
	CHECK_INT_EQ(response("HTTP/2.0 200 OK\r\n\r\n").result, 505);
	CHECK_INT_EQ(response("\r\nHTTP/1.1 200 OK\r\n\r\n").result, 400);
}

static const struct evrt_test_case cases[] = {
	{"a_request_is_taken_apart", a_request_is_taken_apart},
	{"targets_have_four_forms", targets_have_four_forms},
	{"requests_get_their_verdict", requests_get_their_verdict},
	{"framing_is_decided_once", framing_is_decided_once},
	{"connection_decides_keep_alive", connection_decides_keep_alive},
	{"nul_is_refused_everywhere", nul_is_refused_everywhere},
	{"a_head_may_be_just_as_long_as_allowed", a_head_may_be_just_as_long_as_allowed},
	{"a_failure_is_final", a_failure_is_final},
	{"a_response_is_taken_apart", a_response_is_taken_apart},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
