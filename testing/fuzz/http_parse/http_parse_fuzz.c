/* testing/fuzz/http_parse/http_parse_fuzz.c — arbitrary bytes into every function of api/http/parse.h.
 *
 * Here:     one entry point, for a fuzzer and for replay_test.c alike. A broken invariant aborts: nothing is
 *           read beyond its end (the bytes lie in blocks of their exact size, for address sanitizers), spans
 *           lie within what was consumed, and the place where the input is cut changes no result.
 * Threads:  one.
 *
 * The input's first byte says which function: see `targets`. The second says where to cut.
 */
#include <stdlib.h>
#include <string.h>

#include "api/http/parse.h"
#include "testing/fuzz/replay.h"

#define FIELDS_MAX 16
#define MUST(condition) ((condition) ? (void)0 : abort())

static char *
copy_exactly(const char *bytes, size_t len)
{
	char *copy = malloc(len ? len : 1);

	MUST(copy != NULL);
	memcpy(copy, bytes, len);
	return copy;
}

static void
span_must_lie_within(struct evrt_http_span s, uint32_t end)
{
	MUST(s.at <= end && s.len <= end - s.at);
}

static void
head_must_be_sound(const struct evrt_http_head *h, size_t len)
{
	MUST(h->consumed <= len && h->field_count <= FIELDS_MAX);
	span_must_lie_within(h->method_name, h->consumed);
	span_must_lie_within(h->target, h->consumed);
	span_must_lie_within(h->authority, h->consumed);
	span_must_lie_within(h->path, h->consumed);
	span_must_lie_within(h->query, h->consumed);
	span_must_lie_within(h->reason, h->consumed);
	for (unsigned i = 0; i < h->field_count; i++) {
		span_must_lie_within((struct evrt_http_span){h->fields[i].name_at, h->fields[i].name_len}, h->consumed);
		span_must_lie_within(h->fields[i].value, h->consumed);
	}
}

static void
fuzz_head(bool response, const char *bytes, size_t len, size_t cut)
{
	static const struct evrt_http_limits limits = {.line_bytes_max = 200, .head_bytes_max = 1000,
		.fields_max = FIELDS_MAX};
	struct evrt_http_field whole_fields[FIELDS_MAX], cut_fields[FIELDS_MAX];
	struct evrt_http_head whole, parts;

	evrt__http_head_init(&whole, response, &limits, whole_fields);
	int result = evrt__http_head_parse(&whole, bytes, len);
	evrt__http_head_init(&parts, response, &limits, cut_fields);
	char *prefix = copy_exactly(bytes, cut);
	int prefix_result = evrt__http_head_parse(&parts, prefix, cut);
	MUST(prefix_result != EVRT_HTTP_OK || parts.consumed <= cut);
	free(prefix);
	int cut_result = evrt__http_head_parse(&parts, bytes, len);
	MUST(prefix_result == EVRT_HTTP_MORE || prefix_result == cut_result);
	MUST(cut_result == result && parts.consumed == whole.consumed && parts.field_count == whole.field_count);
	if (result != EVRT_HTTP_OK)
		return;
	head_must_be_sound(&whole, len);
	MUST(memcmp(whole_fields, cut_fields, whole.field_count * sizeof(whole_fields[0])) == 0);
	MUST(parts.framing == whole.framing && parts.content_length == whole.content_length);
}

static void
fuzz_request(const char *bytes, size_t len, size_t cut)
{
	fuzz_head(false, bytes, len, cut);
}

static void
fuzz_response(const char *bytes, size_t len, size_t cut)
{
	fuzz_head(true, bytes, len, cut);
}

struct content {
	size_t len;
	uint64_t sum;                    /* depends on every byte and on their order */
};

static int
body_read(struct evrt_http_body *body, const char *bytes, size_t len, size_t *at, struct content *content)
{
	for (;;) {
		struct evrt_http_span data;
		size_t used, left = len - *at;
		char *rest = copy_exactly(bytes + *at, left);
		int result = evrt__http_body_next(body, rest, left, &data, &used);
		MUST(used <= left);
		span_must_lie_within(data, (uint32_t)used);
		for (uint32_t i = 0; i < data.len; i++)
			content->sum = content->sum * 1099511628211u + (unsigned char)rest[data.at + i] + 1;
		content->len += data.len;
		free(rest);
		*at += used;
		if (result != EVRT_HTTP_MORE || used == 0)
			return result;
	}
}

static void
fuzz_chunked(const char *bytes, size_t len, size_t cut)
{
	struct evrt_http_body whole, parts;
	struct content whole_content = {0, 0}, cut_content = {0, 0};
	size_t whole_at = 0, cut_at = 0;

	evrt__http_body_init(&whole, EVRT_HTTP_BODY_CHUNKED, 0);
	int result = body_read(&whole, bytes, len, &whole_at, &whole_content);
	evrt__http_body_init(&parts, EVRT_HTTP_BODY_CHUNKED, 0);
	int cut_result = body_read(&parts, bytes, cut, &cut_at, &cut_content);
	if (cut_result == EVRT_HTTP_MORE)
		cut_result = body_read(&parts, bytes, len, &cut_at, &cut_content);
	MUST(cut_result == result);
	if (result >= 400)
		return;
	MUST(cut_at == whole_at);
	MUST(cut_content.len == whole_content.len && cut_content.sum == whole_content.sum);
}

static void
fuzz_path(const char *bytes, size_t len, size_t cut)
{
	char *out = malloc(cut + 2);
	size_t n;

	MUST(out != NULL);
	if (evrt__http_path_decode(bytes, len, out, cut + 2, &n) == EVRT_HTTP_OK) {
		MUST(n < cut + 2 && strlen(out) == n && out[0] == '/' && n <= (len ? len : 1));
		MUST(!strstr(out, "//") && !strstr(out, "/./") && !strstr(out, "/../") && !strchr(out, '\\'));
		MUST(n < 3 || strcmp(out + n - 3, "/..") != 0);
		MUST(n < 2 || strcmp(out + n - 2, "/.") != 0);
	}
	free(out);
}

static void
fuzz_range(const char *bytes, size_t len, size_t cut)
{
	uint64_t first = 0, last = 0;

	if (evrt__http_range_parse(bytes, len, cut, &first, &last) == EVRT_HTTP_RANGE_ONE)
		MUST(first <= last && last < cut);
}

static void
fuzz_date(const char *bytes, size_t len, size_t cut)
{
	int64_t when, again;
	char text[EVRT_HTTP_DATE_BYTES];

	if (evrt__http_date_parse(bytes, len, (int64_t)cut << 26, &when) != 0)
		return;
	/* A leap second at the very end of year 9999 alone is later than what can be written. */
	evrt__http_date_format(when, text);
	MUST(evrt__http_date_parse(text, strlen(text), 0, &again) == 0 && (again == when || again == when - 1));
}

static void (*const targets[])(const char *, size_t, size_t) = {
	fuzz_request, fuzz_response, fuzz_chunked, fuzz_path, fuzz_range, fuzz_date,
};

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t len = size - 2, cut = len ? data[1] * len / 255 : 0;
	char *bytes = copy_exactly((const char *)data + 2, len);
	/* Letters, so that seeds can be written by hand: 'r' modulo 6 is 0, and so on through 'w'. */
	targets[data[0] % 6](bytes, len, cut);
	free(bytes);
	return 0;
}
