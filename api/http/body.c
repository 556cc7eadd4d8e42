/* api/http/body.c — a message body: by length, by chunks, until the end. RFC 9112 sections 6 and 7. */
#include "api/http/parse.h"

#include <string.h>

enum { STAGE_DATA, STAGE_CHUNK_LINE, STAGE_CHUNK_END, STAGE_TRAILERS, STAGE_DONE, STAGE_FAILED };

/* So that the spans' 32 bits hold every offset. */
#define BODY_STEP_BYTES_MAX ((size_t)1 << 30)

void
evrt__http_body_init(struct evrt_http_body *b, enum evrt_http_framing framing, uint64_t content_length)
{
	memset(b, 0, sizeof(*b));
	b->framing = framing;
	switch (framing) {
	case EVRT_HTTP_BODY_NONE:
		b->stage = STAGE_DONE;
		break;
	case EVRT_HTTP_BODY_LENGTH:
		b->left = content_length;
		b->stage = content_length > 0 ? STAGE_DATA : STAGE_DONE;
		break;
	case EVRT_HTTP_BODY_CHUNKED:
		b->stage = STAGE_CHUNK_LINE;
		break;
	case EVRT_HTTP_BODY_UNTIL_CLOSE:
		b->left = UINT64_MAX;
		b->stage = STAGE_DATA;
		break;
	}
}

static int
body_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The LF of a line of at most `max` bytes, its CRLF included. OK with *end at the LF, MORE, or `too_long`. */
static int
body_line_end(const char *bytes, size_t len, size_t max, int too_long, size_t *end)
{
	size_t stop = len < max ? len : max;
	const char *lf = memchr(bytes, '\n', stop);

	if (!lf)
		return len >= max ? too_long : EVRT_HTTP_MORE;
	*end = (size_t)(lf - bytes);
	return *end > 0 && bytes[*end - 1] == '\r' ? EVRT_HTTP_OK : 400;
}

int
evrt__http_chunk_line(const char *bytes, size_t len, uint64_t *size, size_t *consumed)
{
	size_t lf, i = 0;
	uint64_t n = 0;
	int digit, result = body_line_end(bytes, len, EVRT_HTTP_CHUNK_LINE_BYTES_MAX, 400, &lf);

	if (result != EVRT_HTTP_OK)
		return result;
	for (; (digit = body_hex(bytes[i])) >= 0; i++) {
		if (n > (uint64_t)INT64_MAX >> 4)
			return 400;
		n = n << 4 | (uint64_t)digit;
	}
	if (i == 0 || (bytes[i] != '\r' && bytes[i] != ';'))
		return 400;
	/* Extensions are skipped; the bytes that could hide a line end from somebody else are not. */
	for (; i + 1 < lf; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return 400;
	}
	*size = n;
	*consumed = lf + 1;
	return EVRT_HTTP_OK;
}

static int
body_chunk_line(struct evrt_http_body *b, const char *bytes, size_t len, size_t *used)
{
	int result = evrt__http_chunk_line(bytes, len, &b->left, used);

	if (result == EVRT_HTTP_OK)
		b->stage = b->left > 0 ? STAGE_DATA : STAGE_TRAILERS;
	return result;
}

static int
body_chunk_end(struct evrt_http_body *b, const char *bytes, size_t len, size_t *used)
{
	if (bytes[0] != '\r' || (len > 1 && bytes[1] != '\n'))
		return 400;
	if (len < 2)
		return EVRT_HTTP_MORE;
	*used = 2;
	b->stage = STAGE_CHUNK_LINE;
	return EVRT_HTTP_OK;
}

static int
body_trailer(struct evrt_http_body *b, const char *bytes, size_t len, size_t *used)
{
	struct evrt_http_field ignored;
	size_t lf;
	int result = body_line_end(bytes, len, EVRT_HTTP_TRAILER_BYTES_MAX - b->trailer_bytes, 431, &lf);

	if (result != EVRT_HTTP_OK)
		return result;
	*used = lf + 1;
	b->trailer_bytes += (uint32_t)(lf + 1);
	if (lf == 1) {
		b->stage = STAGE_DONE;
		return EVRT_HTTP_OK;
	}
	if (b->trailer_count++ == EVRT_HTTP_TRAILERS_MAX)
		return 431;
	return evrt__http_field_line(bytes, lf - 1, &ignored);
}

static int
body_data(struct evrt_http_body *b, size_t at, size_t len, struct evrt_http_span *data, size_t *used)
{
	size_t n = len < b->left ? len : (size_t)b->left;

	*data = (struct evrt_http_span){(uint32_t)at, (uint32_t)n};
	*used = n;
	if (b->framing == EVRT_HTTP_BODY_UNTIL_CLOSE)
		return EVRT_HTTP_OK;
	b->left -= n;
	if (b->left == 0)
		b->stage = b->framing == EVRT_HTTP_BODY_CHUNKED ? STAGE_CHUNK_END : STAGE_DONE;
	return EVRT_HTTP_OK;
}

int
evrt__http_body_next(struct evrt_http_body *b, const char *bytes, size_t len, struct evrt_http_span *data,
    size_t *consumed)
{
	size_t at = 0;
	int result = EVRT_HTTP_OK;

	*data = (struct evrt_http_span){0, 0};
	if (len > BODY_STEP_BYTES_MAX)
		len = BODY_STEP_BYTES_MAX;
	while (at < len && b->stage < STAGE_DONE && data->len == 0 && result == EVRT_HTTP_OK) {
		size_t used = 0;
		switch (b->stage) {
		case STAGE_DATA:
			result = body_data(b, at, len - at, data, &used);
			break;
		case STAGE_CHUNK_LINE:
			result = body_chunk_line(b, bytes + at, len - at, &used);
			break;
		case STAGE_CHUNK_END:
			result = body_chunk_end(b, bytes + at, len - at, &used);
			break;
		default:
			result = body_trailer(b, bytes + at, len - at, &used);
			break;
		}
		at += used;
	}
	*consumed = at;
	if (result >= 400) {
		b->stage = STAGE_FAILED;
		b->failure = (uint16_t)result;
	}
	if (b->stage == STAGE_FAILED)
		return b->failure;
	return b->stage == STAGE_DONE ? EVRT_HTTP_OK : EVRT_HTTP_MORE;
}
