/* api/http/range.c — the Range field, for single byte ranges. RFC 9110 section 14. See parse.h. */
#include "api/http/parse.h"

#include <string.h>
#include <strings.h>

/* Digits at *at; a number too large for 64 bits saturates, as it lies behind every end anyway. */
static bool
range_number(const char *s, size_t len, size_t *at, uint64_t *out)
{
	size_t first = *at;
	uint64_t n = 0;

	for (; *at < len && s[*at] >= '0' && s[*at] <= '9'; (*at)++) {
		uint64_t digit = (uint64_t)(s[*at] - '0');
		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	*out = n;
	return *at > first;
}

static enum evrt_http_range_result
range_suffix(uint64_t wanted, uint64_t size, uint64_t *first, uint64_t *last)
{
	if (wanted == 0)
		return EVRT_HTTP_RANGE_UNSATISFIABLE;
	/* The last bytes of nothing are satisfiable by RFC 9110, but no Content-Range can say so. */
	if (size == 0)
		return EVRT_HTTP_RANGE_NONE;
	*first = wanted < size ? size - wanted : 0;
	*last = size - 1;
	return EVRT_HTTP_RANGE_ONE;
}

enum evrt_http_range_result
evrt__http_range_parse(const char *value, size_t len, uint64_t size, uint64_t *first, uint64_t *last)
{
	size_t at = 6;
	uint64_t from, to = UINT64_MAX;

	if (len < 7 || strncasecmp(value, "bytes=", 6) != 0)
		return EVRT_HTTP_RANGE_NONE;
	bool has_from = range_number(value, len, &at, &from);
	if (at == len || value[at++] != '-')
		return EVRT_HTTP_RANGE_NONE;
	bool has_to = range_number(value, len, &at, &to);
	/* A comma, and so a further range, ends up here as well. */
	if (at != len || (!has_from && !has_to))
		return EVRT_HTTP_RANGE_NONE;
	if (!has_from)
		return range_suffix(to, size, first, last);
	if (!has_to)
		to = UINT64_MAX;
	if (from > to)
		return EVRT_HTTP_RANGE_NONE;
	if (from >= size)
		return EVRT_HTTP_RANGE_UNSATISFIABLE;
	*first = from;
	*last = to < size ? to : size - 1;
	return EVRT_HTTP_RANGE_ONE;
}
