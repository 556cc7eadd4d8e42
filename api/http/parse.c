/* api/http/parse.c — the head of a request or a response, line by line; see parse.h.
 *
 * A line is looked at when it is complete, and its length is judged before its contents: so the verdict does
 * not depend on how the bytes were cut on their way here.
 */
#include "api/http/parse.h"

#include <string.h>
#include <strings.h>

enum { STAGE_BLANK, STAGE_START, STAGE_FIELDS, STAGE_DONE, STAGE_FAILED };

enum { TCHAR = 1, FIELD_CHAR = 2, TARGET_CHAR = 4 };

/* Which bytes may stand in a token, in a field value, in a request target. Targets may hold what RFC 3986
 * would want escaped (browsers send | and ^ in queries) but no blank, control, non-ASCII byte or '#'. */
#define T (TCHAR | FIELD_CHAR | TARGET_CHAR)
#define V (FIELD_CHAR | TARGET_CHAR)
#define F FIELD_CHAR
static const unsigned char head_class[256] = {
	['\t'] = F, [' '] = F,
	['!'] = T, ['"'] = V, ['#'] = FIELD_CHAR | TCHAR, ['$' ... '\''] = T, ['('] = V, [')'] = V, ['*'] = T,
	['+'] = T, [','] = V, ['-'] = T, ['.'] = T, ['/'] = V, ['0' ... '9'] = T, [':' ... '@'] = V,
	['A' ... 'Z'] = T, ['['] = V, ['\\'] = V, [']'] = V, ['^' ... 'z'] = T, ['{'] = V, ['|'] = T, ['}'] = V,
	['~'] = T, [0x80 ... 0xff] = F,
};
#undef T
#undef V
#undef F

static const struct {
	char name[8];
	unsigned char len, method;
} head_methods[] = {
	{"GET", 3, EVRT_HTTP_GET}, {"HEAD", 4, EVRT_HTTP_HEAD}, {"POST", 4, EVRT_HTTP_POST},
	{"PUT", 3, EVRT_HTTP_PUT}, {"DELETE", 6, EVRT_HTTP_DELETE}, {"OPTIONS", 7, EVRT_HTTP_OPTIONS},
	{"TRACE", 5, EVRT_HTTP_TRACE}, {"CONNECT", 7, EVRT_HTTP_CONNECT}, {"PATCH", 5, EVRT_HTTP_PATCH},
};

static const struct {
	const char *name;
	unsigned char len, id;
} head_names[] = {
	{"connection", 10, EVRT_HTTP_CONNECTION},
	{"content-length", 14, EVRT_HTTP_CONTENT_LENGTH},
	{"expect", 6, EVRT_HTTP_EXPECT},
	{"host", 4, EVRT_HTTP_HOST},
	{"if-match", 8, EVRT_HTTP_IF_MATCH},
	{"if-modified-since", 17, EVRT_HTTP_IF_MODIFIED_SINCE},
	{"if-none-match", 13, EVRT_HTTP_IF_NONE_MATCH},
	{"if-range", 8, EVRT_HTTP_IF_RANGE},
	{"if-unmodified-since", 19, EVRT_HTTP_IF_UNMODIFIED_SINCE},
	{"range", 5, EVRT_HTTP_RANGE},
	{"transfer-encoding", 17, EVRT_HTTP_TRANSFER_ENCODING},
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static size_t
head_span_of(unsigned char_class, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && (head_class[(unsigned char)s[i]] & char_class))
		i++;
	return i;
}

bool
evrt__http_token_valid(const char *s, size_t len)
{
	return len > 0 && head_span_of(TCHAR, s, len) == len;
}

static enum evrt_http_name
head_name(const char *s, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(head_names); i++) {
		if (head_names[i].len == len && strncasecmp(head_names[i].name, s, len) == 0)
			return (enum evrt_http_name)head_names[i].id;
	}
	return EVRT_HTTP_OTHER;
}

static enum evrt_http_method
head_method(const char *s, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(head_methods); i++) {
		if (head_methods[i].len == len && memcmp(head_methods[i].name, s, len) == 0)
			return (enum evrt_http_method)head_methods[i].method;
	}
	return EVRT_HTTP_UNKNOWN;
}

static bool
head_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.x" exactly. OK, 505 for another major version, 400. */
static int
head_version(struct evrt_http_head *h, const char *s, size_t len)
{
	if (len != 8 || memcmp(s, "HTTP/", 5) != 0 || !head_is_digit(s[5]) || s[6] != '.' || !head_is_digit(s[7]))
		return 400;
	if (s[5] != '1')
		return 505;
	h->minor = (uint8_t)(s[7] - '0');
	return EVRT_HTTP_OK;
}

static void
head_split_path(struct evrt_http_head *h, const char *bytes, uint32_t at, uint32_t end)
{
	const char *mark = memchr(bytes + at, '?', end - at);
	uint32_t path_end = mark ? (uint32_t)(mark - bytes) : end;

	h->path = (struct evrt_http_span){at, path_end - at};
	h->query = (struct evrt_http_span){path_end, end - path_end};
}

/* The absolute form: a scheme, "://", host[:port], then a path, a query, or nothing. */
static int
head_target_absolute(struct evrt_http_head *h, const char *bytes)
{
	const char *s = bytes + h->target.at, *end = s + h->target.len;
	const char *colon = memchr(s, ':', h->target.len);

	if (!colon || end - colon < 3 || memcmp(colon, "://", 3) != 0)
		return 400;
	for (const char *c = s; c < colon; c++) {
		bool alpha = (*c | 0x20) >= 'a' && (*c | 0x20) <= 'z';
		if (!alpha && (c == s || !(head_is_digit(*c) || *c == '+' || *c == '-' || *c == '.')))
			return 400;
	}
	if (colon == s)
		return 400;
	const char *host = colon + 3, *host_end = host;
	while (host_end < end && *host_end != '/' && *host_end != '?')
		host_end++;
	if (!evrt__http_host_valid(host, (size_t)(host_end - host), false))
		return 400;
	h->form = EVRT_HTTP_ABSOLUTE;
	h->authority = (struct evrt_http_span){(uint32_t)(host - bytes), (uint32_t)(host_end - host)};
	head_split_path(h, bytes, (uint32_t)(host_end - bytes), (uint32_t)(end - bytes));
	return EVRT_HTTP_OK;
}

static int
head_target(struct evrt_http_head *h, const char *bytes)
{
	const char *s = bytes + h->target.at;

	if (h->method == EVRT_HTTP_CONNECT) {
		h->form = EVRT_HTTP_AUTHORITY;
		h->authority = h->target;
		return evrt__http_host_valid(s, h->target.len, true) ? EVRT_HTTP_OK : 400;
	}
	if (s[0] == '/') {
		h->form = EVRT_HTTP_ORIGIN;
		head_split_path(h, bytes, h->target.at, h->target.at + h->target.len);
		return EVRT_HTTP_OK;
	}
	if (h->target.len == 1 && s[0] == '*') {
		h->form = EVRT_HTTP_ASTERISK;
		return h->method == EVRT_HTTP_OPTIONS ? EVRT_HTTP_OK : 400;
	}
	return head_target_absolute(h, bytes);
}

/* method SP target SP version, one blank each. */
static int
head_request_line(struct evrt_http_head *h, const char *bytes, uint32_t at, uint32_t end)
{
	uint32_t method_len = (uint32_t)head_span_of(TCHAR, bytes + at, end - at);
	uint32_t target_at = at + method_len + 1;

	if (method_len == 0 || target_at >= end || bytes[target_at - 1] != ' ')
		return 400;
	uint32_t target_len = (uint32_t)head_span_of(TARGET_CHAR, bytes + target_at, end - target_at);
	uint32_t version_at = target_at + target_len + 1;
	if (target_len == 0 || version_at >= end || bytes[version_at - 1] != ' ')
		return 400;
	h->method_name = (struct evrt_http_span){at, method_len};
	h->target = (struct evrt_http_span){target_at, target_len};
	h->method = head_method(bytes + at, method_len);
	int result = head_version(h, bytes + version_at, end - version_at);
	return result == EVRT_HTTP_OK ? head_target(h, bytes) : result;
}

/* version SP 3DIGIT SP reason. With no reason its blank may be missing: servers do that, and nobody could
 * take it for anything else. */
static int
head_status_line(struct evrt_http_head *h, const char *bytes, uint32_t at, uint32_t end)
{
	const char *s = bytes + at;

	if (end - at < 12 || s[8] != ' ' || (end - at > 12 && s[12] != ' '))
		return 400;
	int result = head_version(h, s, 8);
	if (result != EVRT_HTTP_OK)
		return result;
	if (s[9] < '1' || s[9] > '5' || !head_is_digit(s[10]) || !head_is_digit(s[11]))
		return 400;
	h->status = (uint16_t)((s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0'));
	uint32_t reason_at = end - at > 12 ? at + 13 : end;
	h->reason = (struct evrt_http_span){reason_at, end - reason_at};
	return head_span_of(FIELD_CHAR, bytes + reason_at, h->reason.len) == h->reason.len ? EVRT_HTTP_OK : 400;
}

int
evrt__http_field_line(const char *line, size_t len, struct evrt_http_field *out)
{
	/* A folded line begins with a blank, which no token holds; so does a name followed by one. */
	size_t name_len = head_span_of(TCHAR, line, len);
	size_t at = name_len + 1, end = len;

	if (name_len == 0 || name_len == len || line[name_len] != ':' || len > EVRT_HTTP_HEAD_BYTES_LIMIT)
		return 400;
	if (head_span_of(FIELD_CHAR, line + at, len - at) != len - at)
		return 400;
	while (at < end && (line[at] == ' ' || line[at] == '\t'))
		at++;
	while (end > at && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		end--;
	out->name_at = 0;
	out->name_len = (uint16_t)name_len;
	out->name = (uint16_t)head_name(line, name_len);
	out->value = (struct evrt_http_span){(uint32_t)at, (uint32_t)(end - at)};
	return EVRT_HTTP_OK;
}

static int
head_field(struct evrt_http_head *h, const char *bytes, uint32_t at, uint32_t end)
{
	struct evrt_http_field field;
	int result = evrt__http_field_line(bytes + at, end - at, &field);

	if (result != EVRT_HTTP_OK)
		return result;
	if (h->field_count == h->limits.fields_max)
		return 431;
	field.name_at += at;
	field.value.at += at;
	h->fields[h->field_count++] = field;
	return EVRT_HTTP_OK;
}

/* One line, [at, end) without its CRLF. MORE: it was not the last. */
static int
head_line(struct evrt_http_head *h, const char *bytes, uint32_t at, uint32_t end)
{
	int result;

	if (h->stage == STAGE_FIELDS) {
		if (at < end) {
			result = head_field(h, bytes, at, end);
			return result == EVRT_HTTP_OK ? EVRT_HTTP_MORE : result;
		}
		h->consumed = end + 2;
		h->stage = STAGE_DONE;
		return evrt__http_head_end(h, bytes);
	}
	if (at == end && h->stage == STAGE_BLANK && !h->response) {
		/* RFC 9112, 2.2: one empty line before a request is forgiven. */
		h->stage = STAGE_START;
		return EVRT_HTTP_MORE;
	}
	result = h->response ? head_status_line(h, bytes, at, end) : head_request_line(h, bytes, at, end);
	h->start_known = result == EVRT_HTTP_OK;
	h->stage = STAGE_FIELDS;
	return h->start_known ? EVRT_HTTP_MORE : result;
}

/* How long the current line may still grow, counted from the start of the head; and what too much means. */
static uint32_t
head_end_max(const struct evrt_http_head *h, int *failure)
{
	uint32_t line_end_max = h->line_at + h->limits.line_bytes_max;

	*failure = 431;
	if (h->stage == STAGE_FIELDS || line_end_max > h->limits.head_bytes_max)
		return h->limits.head_bytes_max;
	*failure = 414;
	return line_end_max;
}

static int
head_lines(struct evrt_http_head *h, const char *bytes, uint32_t len)
{
	int result = EVRT_HTTP_MORE;

	while (result == EVRT_HTTP_MORE) {
		int too_long;
		uint32_t end_max = head_end_max(h, &too_long);
		/* A first byte that begins no request (a TLS hello, say) need not wait for the end of its line. */
		if (h->line_at < len && h->stage < STAGE_FIELDS && bytes[h->line_at] != '\r' &&
		    !(head_class[(unsigned char)bytes[h->line_at]] & TCHAR))
			return 400;
		uint32_t stop = len < end_max ? len : end_max;
		const char *lf = stop > h->scanned ? memchr(bytes + h->scanned, '\n', stop - h->scanned) : NULL;
		if (!lf) {
			h->scanned = stop;
			/* At the limit without a line end: one more byte is already too many. */
			return len >= end_max ? too_long : EVRT_HTTP_MORE;
		}
		uint32_t at = h->line_at, end = (uint32_t)(lf - bytes);
		if (end == at || bytes[end - 1] != '\r')
			return 400;
		h->line_at = h->scanned = end + 1;
		result = head_line(h, bytes, at, end - 1);
	}
	return result;
}

void
evrt__http_head_init(struct evrt_http_head *h, bool response, const struct evrt_http_limits *limits,
    struct evrt_http_field *fields)
{
	memset(h, 0, sizeof(*h));
	h->limits = *limits;
	if (h->limits.head_bytes_max > EVRT_HTTP_HEAD_BYTES_LIMIT)
		h->limits.head_bytes_max = EVRT_HTTP_HEAD_BYTES_LIMIT;
	if (h->limits.line_bytes_max > h->limits.head_bytes_max)
		h->limits.line_bytes_max = h->limits.head_bytes_max;
	h->fields = fields;
	h->response = response;
}

int
evrt__http_head_parse(struct evrt_http_head *h, const char *bytes, size_t len)
{
	if (h->stage == STAGE_DONE)
		return EVRT_HTTP_OK;
	if (h->stage == STAGE_FAILED)
		return h->failure;
	/* More than the limit is not looked at anyway, and the offsets stay within 32 bits. */
	uint32_t given = len > EVRT_HTTP_HEAD_BYTES_LIMIT ? EVRT_HTTP_HEAD_BYTES_LIMIT : (uint32_t)len;
	int result = head_lines(h, bytes, given);
	if (result >= 400) {
		h->stage = STAGE_FAILED;
		h->failure = (uint16_t)result;
	}
	return result;
}

const struct evrt_http_field *
evrt__http_head_find(const struct evrt_http_head *h, enum evrt_http_name name, unsigned from)
{
	for (unsigned i = from; i < h->field_count; i++) {
		if (h->fields[i].name == name)
			return &h->fields[i];
	}
	return NULL;
}
