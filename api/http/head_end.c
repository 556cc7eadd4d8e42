/* api/http/head_end.c — what a finished head means: how long the body is, whether the connection lives on,
 * whom it is for. RFC 9112 sections 3.2, 6 and 9; RFC 9110 section 10.1.1. See parse.h. */
#include "api/http/parse.h"

#include <string.h>
#include <strings.h>

/* The next element of a comma list in [*at, end), blanks trimmed. False at the end. */
static bool
end_list_next(const char *bytes, uint32_t *at, uint32_t end, struct evrt_http_span *element)
{
	if (*at > end)
		return false;
	const char *comma = memchr(bytes + *at, ',', end - *at);
	uint32_t first = *at, stop = comma ? (uint32_t)(comma - bytes) : end;

	*at = stop + 1;
	while (first < stop && (bytes[first] == ' ' || bytes[first] == '\t'))
		first++;
	while (stop > first && (bytes[stop - 1] == ' ' || bytes[stop - 1] == '\t'))
		stop--;
	*element = (struct evrt_http_span){first, stop - first};
	return true;
}

static bool
end_is(const char *bytes, struct evrt_http_span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(bytes + s.at, word, s.len) == 0;
}

/* Digits only, at least one, no more than an off_t holds. */
static bool
end_length(const char *s, uint32_t len, uint64_t *out)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || n > (INT64_MAX - (uint64_t)(s[i] - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	*out = n;
	return len > 0;
}

/* All Content-Length values, of all lines and lists, must agree. */
static int
end_content_length(struct evrt_http_head *h, const char *bytes, const struct evrt_http_field *field)
{
	uint32_t at = field->value.at, end = at + field->value.len;
	struct evrt_http_span element;

	while (end_list_next(bytes, &at, end, &element)) {
		uint64_t length;
		if (!end_length(bytes + element.at, element.len, &length))
			return 400;
		if (h->framing == EVRT_HTTP_BODY_LENGTH && length != h->content_length)
			return 400;
		h->framing = EVRT_HTTP_BODY_LENGTH;
		h->content_length = length;
	}
	return EVRT_HTTP_OK;
}

/* Chunked, once and last. Another coding before it is well-formed but nothing we can decode. */
static int
end_transfer_encoding(struct evrt_http_head *h, const char *bytes, const struct evrt_http_field *field,
    bool *other)
{
	uint32_t at = field->value.at, end = at + field->value.len;
	struct evrt_http_span element;

	while (end_list_next(bytes, &at, end, &element)) {
		if (h->framing == EVRT_HTTP_BODY_CHUNKED || !evrt__http_token_valid(bytes + element.at, element.len))
			return 400;
		if (end_is(bytes, element, "chunked"))
			h->framing = EVRT_HTTP_BODY_CHUNKED;
		else
			*other = true;
	}
	return EVRT_HTTP_OK;
}

/* RFC 9112, 6.3. Whoever sends both a length and a coding, or a coding in HTTP/1.0, may be smuggling. */
static int
end_framing(struct evrt_http_head *h, const char *bytes)
{
	bool coded = false, sized = false, other = false;
	int result = EVRT_HTTP_OK;

	for (unsigned i = 0; i < h->field_count && result == EVRT_HTTP_OK; i++) {
		const struct evrt_http_field *field = &h->fields[i];
		if (field->name == EVRT_HTTP_CONTENT_LENGTH) {
			sized = true;
			result = coded ? 400 : end_content_length(h, bytes, field);
		} else if (field->name == EVRT_HTTP_TRANSFER_ENCODING) {
			coded = true;
			result = sized || h->minor == 0 ? 400 : end_transfer_encoding(h, bytes, field, &other);
		}
	}
	if (result != EVRT_HTTP_OK)
		return result;
	if (coded && h->framing != EVRT_HTTP_BODY_CHUNKED)
		return 400;
	if (other)
		return 501;
	if (!h->response)
		return EVRT_HTTP_OK;
	if (h->status < 200 || h->status == 204 || h->status == 304) {
		h->framing = EVRT_HTTP_BODY_NONE;
		h->content_length = 0;
	} else if (!coded && !sized) {
		h->framing = EVRT_HTTP_BODY_UNTIL_CLOSE;
	}
	return EVRT_HTTP_OK;
}

static void
end_connection(struct evrt_http_head *h, const char *bytes)
{
	bool close = false, keep = false;
	const struct evrt_http_field *field = evrt__http_head_find(h, EVRT_HTTP_CONNECTION, 0);

	for (; field; field = evrt__http_head_find(h, EVRT_HTTP_CONNECTION, (unsigned)(field - h->fields) + 1)) {
		uint32_t at = field->value.at, end = at + field->value.len;
		struct evrt_http_span element;
		while (end_list_next(bytes, &at, end, &element)) {
			close = close || end_is(bytes, element, "close");
			keep = keep || end_is(bytes, element, "keep-alive");
		}
	}
	h->keep_alive = !close && (h->minor > 0 || keep) && h->framing != EVRT_HTTP_BODY_UNTIL_CLOSE;
}

static int
end_expect(struct evrt_http_head *h, const char *bytes)
{
	const struct evrt_http_field *field = evrt__http_head_find(h, EVRT_HTTP_EXPECT, 0);

	/* HTTP/1.0 knows no Expect: to be ignored there. */
	if (!field || h->minor == 0)
		return EVRT_HTTP_OK;
	h->expect_continue = end_is(bytes, field->value, "100-continue");
	return h->expect_continue ? EVRT_HTTP_OK : 417;
}

/* Exactly one in HTTP/1.1, at most one in HTTP/1.0; it may be empty, not misspelt. */
static int
end_host(struct evrt_http_head *h, const char *bytes)
{
	const struct evrt_http_field *field = evrt__http_head_find(h, EVRT_HTTP_HOST, 0);

	if (!field)
		return h->minor == 0 ? EVRT_HTTP_OK : 400;
	if (evrt__http_head_find(h, EVRT_HTTP_HOST, (unsigned)(field - h->fields) + 1))
		return 400;
	if (field->value.len == 0)
		return EVRT_HTTP_OK;
	return evrt__http_host_valid(bytes + field->value.at, field->value.len, false) ? EVRT_HTTP_OK : 400;
}

int
evrt__http_head_end(struct evrt_http_head *h, const char *bytes)
{
	int result = end_framing(h, bytes);

	if (result != EVRT_HTTP_OK)
		return result;
	end_connection(h, bytes);
	if (h->response)
		return EVRT_HTTP_OK;
	result = end_host(h, bytes);
	return result == EVRT_HTTP_OK ? end_expect(h, bytes) : result;
}

static bool
host_is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The length of a reg-name or IPv4 address at `s`: unreserved, sub-delims, %XX. */
static size_t
host_name_span(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		char c = s[i];
		if (c == '%' && len - i >= 3 && host_is_hex(s[i + 1]) && host_is_hex(s[i + 2]))
			i += 3;
		else if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    (c && strchr("-._~!$&'()*+,;=", c)))
			i++;
		else
			break;
	}
	return i;
}

/* The length of "[IPv6]" at `s`, 0 if it is none. Looks at the alphabet, not at the address. */
static size_t
host_literal_span(const char *s, size_t len)
{
	size_t i = 1;

	while (i < len && (host_is_hex(s[i]) || s[i] == ':' || s[i] == '.'))
		i++;
	return i >= 3 && i < len && s[i] == ']' ? i + 1 : 0;
}

bool
evrt__http_host_valid(const char *s, size_t len, bool port_required)
{
	if (len == 0)
		return false;
	size_t i = s[0] == '[' ? host_literal_span(s, len) : host_name_span(s, len);
	if (i == 0)
		return false;
	if (i == len)
		return !port_required;
	if (s[i] != ':' || len - i > 6 || (port_required && len - i < 2))
		return false;
	for (i++; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	return true;
}
