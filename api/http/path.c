/* api/http/path.c — from the path of a request target to a path without tricks; see parse.h. */
#include "api/http/parse.h"

#include <string.h>

static int
path_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character at *at, decoded; *at moves behind it. -1: nothing that a path may hold. */
static int
path_next(const char *in, size_t len, size_t *at)
{
	int c = (unsigned char)in[*at];

	if (c == '%') {
		if (len - *at < 3)
			return -1;
		int high = path_hex(in[*at + 1]), low = path_hex(in[*at + 2]);
		if (high < 0 || low < 0)
			return -1;
		c = high << 4 | low;
		*at += 2;
		/* An escaped slash names no file; taken for a separator it would be a way round other checks. */
		if (c == '/')
			return -1;
	}
	(*at)++;
	return c < ' ' || c == 0x7f || c == '\\' ? -1 : c;
}

/* `out` ends with a segment that begins at `segment`, behind a slash. Removes it if it is "." or "..", with
 * the one before; the slash before it stays. -1: there was none before. */
static int
path_close_segment(const char *out, size_t segment, size_t *len)
{
	size_t n = *len - segment;

	if (n == 1 && out[segment] == '.')
		*len = segment;
	if (n != 2 || out[segment] != '.' || out[segment + 1] != '.')
		return 0;
	if (segment < 2)
		return -1;
	size_t previous = segment - 1;
	while (out[previous - 1] != '/')
		previous--;
	*len = previous;
	return 0;
}

int
evrt__http_path_decode(const char *in, size_t len, char *out, size_t out_max, size_t *out_len)
{
	size_t at = 0, n = 1, segment = 1;

	if (out_max < 2)
		return 414;
	if (len > 0 && in[0] != '/')
		return 400;
	out[0] = '/';
	while (at < len) {
		int c = path_next(in, len, &at);
		if (c < 0)
			return 400;
		if (c != '/') {
			if (n + 1 >= out_max)
				return 414;
			out[n++] = (char)c;
			continue;
		}
		if (path_close_segment(out, segment, &n) != 0)
			return 400;
		if (out[n - 1] != '/') {
			if (n + 1 >= out_max)
				return 414;
			out[n++] = '/';
		}
		segment = n;
	}
	if (path_close_segment(out, segment, &n) != 0)
		return 400;
	out[n] = '\0';
	*out_len = n;
	return EVRT_HTTP_OK;
}
