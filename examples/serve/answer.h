/* examples/serve/answer.h — writing an answer: status line, fields, access line, pages for failures. */
#ifndef EVRT_EXAMPLES_SERVE_ANSWER_H_
#define EVRT_EXAMPLES_SERVE_ANSWER_H_

#include <stdbool.h>
#include <stdint.h>

struct evbuffer;
struct serve_exchange;
struct serve_version;

struct serve_answer {
	int status;
	uint64_t length;                 /* of the body, as GET would get it */
	int64_t now;
	const char *type;                /* NULL: no Content-Type */
	const struct serve_version *version;     /* NULL: none */
	bool ranges;                     /* Accept-Ranges, and with 206 and 416 a Content-Range */
	uint64_t first, last, size;      /* of the 206; size of the 416 too */
	const char *location;            /* a plain path to redirect to, with the request's query; or NULL */
	bool dynamic;                    /* not to be stored */
};

/* Writes the head, counts it, and logs it. 0 or -1. */
int serve_answer_head(struct serve_exchange *, const struct serve_answer *);
/* Head and body; `body` is emptied into the output unless the request was a HEAD. 0 or -1. */
int serve_answer_buffer(struct serve_exchange *, struct serve_answer *, struct evbuffer *body);
/* A page that names the status. `extra` may hold size, ranges, location. 0 or -1. */
int serve_answer_status(struct serve_exchange *, struct serve_answer *extra, int status);
/* Whether the answer must have no body. */
bool serve_answer_is_bare(const struct serve_exchange *, int status);

#endif
