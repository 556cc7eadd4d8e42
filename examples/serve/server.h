/* examples/serve/server.h — what all connections share.
 *
 * Here:     the constant configuration, the registry of connections, the counters, the stop.
 * Not here: a connection's own state (conn.c), what it is answered (respond.c).
 * Threads:  connections call in from every worker, in parallel. `options`, `tree`, `pool` and `base` do not
 *           change while any runs; the registry is guarded by `lock`; counters are atomics.
 */
#ifndef EVRT_EXAMPLES_SERVE_SERVER_H_
#define EVRT_EXAMPLES_SERVE_SERVER_H_

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <evrt/pool.h>

#include "examples/serve/options.h"
#include "examples/serve/tree.h"

struct evbuffer;
struct event_base;
struct evconnlistener;
struct serve_conn;

LIST_HEAD(serve_conns, serve_conn);

/* One worker's counts, on cache lines of its own: what every request writes must not be shared by all cores. */
struct serve_counts {
	_Alignas(128) atomic_ullong accepted;
	atomic_ullong refused;
	atomic_ullong requests;
	atomic_ullong failures;          /* answers of 400 and above */
	atomic_ullong bytes_promised;    /* content lengths of the answers begun */
};

struct serve_server {
	struct serve_options options;
	struct serve_tree tree;
	struct evrt_pool *pool;
	struct event_base *base;         /* the pooled one */
	struct evconnlistener *listener; /* NULL once stopping; touched by main and the first stop alone */
	struct serve_counts counts[EVRT_WORKERS_MAX + 1];
	pthread_mutex_t lock;
	struct serve_conns conns;        /* guarded by lock */
	unsigned conn_count;             /* guarded by lock */
	int64_t stopped_ms;              /* when the first stop came, monotonic; guarded by lock */
	atomic_bool stopping;            /* written under lock, read anywhere */
};

/* The counts of the worker that the caller runs on. */
struct serve_counts *serve_server_counts(struct serve_server *);
/* Enters a connection into the registry. False: too many, or stopping. */
bool serve_server_enter(struct serve_server *, struct serve_conn *);
/* Takes it out again. True: it was the last one after a stop, and the loop is to end. */
bool serve_server_leave(struct serve_server *, struct serve_conn *);
/* No new connections; those at work finish their answers, the others close. A call a second later or more
 * ends at once. Any thread, also two at a time. */
void serve_server_stop(struct serve_server *);

/* Statistics as JSON. 0 or -1. */
int serve_stats_write(struct serve_server *, struct evbuffer *out);

#endif
