/* examples/serve/text.c — building text; see text.h. */
#include "examples/serve/text.h"

#include <string.h>

#include <event2/buffer.h>

static const char text_digits[] = "0123456789abcdef";

void
serve_text_add_bytes(struct serve_text *t, const char *s, size_t len)
{
	size_t room = sizeof(t->bytes) - t->len;

	if (len > room) {
		len = room;
		t->cut = true;
	}
	memcpy(t->bytes + t->len, s, len);
	t->len += len;
}

void
serve_text_add(struct serve_text *t, const char *s)
{
	serve_text_add_bytes(t, s, strlen(s));
}

static void
text_add_base(struct serve_text *t, uint64_t n, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = text_digits[n % base];
		n /= base;
	} while (n > 0);
	serve_text_add_bytes(t, digits + at, sizeof(digits) - at);
}

void
serve_text_add_number(struct serve_text *t, uint64_t n)
{
	text_add_base(t, n, 10);
}

void
serve_text_add_hex(struct serve_text *t, uint64_t n)
{
	text_add_base(t, n, 16);
}

static const char *
text_html(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

int
serve_html_escape(struct evbuffer *out, const char *s)
{
	const char *plain = s;

	for (; *s; s++) {
		const char *escape = text_html(*s);
		if (!escape)
			continue;
		if (evbuffer_add(out, plain, (size_t)(s - plain)) != 0 || evbuffer_add(out, escape, strlen(escape)) != 0)
			return -1;
		plain = s + 1;
	}
	return evbuffer_add(out, plain, (size_t)(s - plain));
}

static bool
text_url_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c);
}

int
serve_url_escape(struct evbuffer *out, const char *s)
{
	const char *plain = s;

	for (; *s; s++) {
		if (text_url_plain(*s))
			continue;
		char escape[3] = {'%', text_digits[(unsigned char)*s >> 4], text_digits[*s & 15]};
		if (evbuffer_add(out, plain, (size_t)(s - plain)) != 0 || evbuffer_add(out, escape, 3) != 0)
			return -1;
		plain = s + 1;
	}
	return evbuffer_add(out, plain, (size_t)(s - plain));
}
