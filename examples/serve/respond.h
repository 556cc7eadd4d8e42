/* examples/serve/respond.h — from a request to its answer. */
#ifndef EVRT_EXAMPLES_SERVE_RESPOND_H_
#define EVRT_EXAMPLES_SERVE_RESPOND_H_

#include <stdbool.h>

struct evbuffer;
struct evrt_http_head;
struct serve_server;

/* One request, and where its answer goes. */
struct serve_exchange {
	struct serve_server *server;
	const struct evrt_http_head *head;
	const char *bytes;               /* what the head's spans point into; may be NULL for a failure */
	const char *peer;
	struct evbuffer *out;
	bool close;                      /* the answer says that it is the last one */
};

/* Appends the whole answer to `out`. False: it is broken off, for want of memory, and the connection must be
 * closed after what is there. */
bool serve_respond(struct serve_exchange *);
/* The same for a request that could not be read: `status` and a page that names it. */
bool serve_respond_failure(struct serve_exchange *, int status);

#endif
