/* examples/serve/conn.h — one connection: requests in, answers out, deadlines.
 *
 * States    HEAD    reading a request's head; answers before it may still be going out
 *           BODY    skipping a body that its (queued) answer did not want
 *           FLUSH   no more requests; the answers go out
 *           LINGER  our side is shut; what the peer still sends is dropped until it closes too, because a
 *                   close over unread bytes would reset the connection and destroy the answer on its way
 *           HEAD -> BODY -> HEAD …, any -> FLUSH -> LINGER -> closed; FLUSH -> closed when nothing is unread
 * Threads:  everything of a connection runs in its strand: no lock. serve_conn_nudge: any.
 */
#ifndef EVRT_EXAMPLES_SERVE_CONN_H_
#define EVRT_EXAMPLES_SERVE_CONN_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/util.h>

#include "api/http/parse.h"

struct bufferevent;
struct event;
struct serve_server;
struct sockaddr;

#define SERVE_FIELDS_MAX 64
#define SERVE_LINE_BYTES_MAX 8192
#define SERVE_HEAD_BYTES_MAX 16384

enum serve_conn_state { SERVE_CONN_HEAD, SERVE_CONN_BODY, SERVE_CONN_FLUSH, SERVE_CONN_LINGER };

struct serve_conn {
	LIST_ENTRY(serve_conn) link;     /* guarded by the server's lock */
	struct serve_server *server;
	struct bufferevent *bev;
	struct event *alarm;             /* the deadline's timer, and the nudge */
	enum serve_conn_state state;
	bool eof;                        /* the peer has shut its side */
	bool linger;                     /* FLUSH is to end in LINGER */
	bool begun;                      /* the deadline is that of a head (or unwanted body) that has begun */
	int64_t deadline_ms;             /* monotonic; 0 none */
	int64_t armed_ms;                /* when the alarm rings, 0 never; a deadline pushed back is only stored */
	uint64_t linger_bytes;           /* dropped so far */
	uint64_t body_bytes;             /* skipped so far */
	char peer[64];
	struct evrt_http_body body;
	struct evrt_http_head head;
	struct evrt_http_field fields[SERVE_FIELDS_MAX];
};

/* Takes the accepted `fd` over, whatever happens. */
void serve_conn_new(struct serve_server *, evutil_socket_t fd, const struct sockaddr *peer, int peer_len);
/* Asks the connection to look at the server's stop. */
void serve_conn_nudge(struct serve_conn *);
/* After the loop has ended. */
void serve_conn_free(struct serve_conn *);

#endif
