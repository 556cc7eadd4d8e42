/* examples/serve/text.h — building text: fixed buffers that never overflow, and escapes for HTML and URLs. */
#ifndef EVRT_EXAMPLES_SERVE_TEXT_H_
#define EVRT_EXAMPLES_SERVE_TEXT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;

/* Characters of a fixed size; what does not fit is cut, and `cut` says so. Not NUL-terminated. */
struct serve_text {
	size_t len;
	bool cut;
	char bytes[2048];
};

void serve_text_add(struct serve_text *, const char *s);
void serve_text_add_bytes(struct serve_text *, const char *s, size_t len);
void serve_text_add_number(struct serve_text *, uint64_t n);
void serve_text_add_hex(struct serve_text *, uint64_t n);

/* 0 or -1, as evbuffer_add. */
int serve_html_escape(struct evbuffer *out, const char *s);
/* As a path: everything but unreserved characters and slashes becomes %XX. */
int serve_url_escape(struct evbuffer *out, const char *s);

#endif
