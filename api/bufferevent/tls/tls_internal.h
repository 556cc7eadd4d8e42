/* api/bufferevent/tls/tls_internal.h — a TLS bufferevent: one engine between two providers and two transports.
 *
 * Here:     the state of one; the table by which a TLS library is used; what a provider calls.
 * Not here: the public contract (event2/bufferevent_ssl.h). No TLS library is named outside of its provider's file.
 * Threads:  as in api/bufferevent/bufferevent_internal.h. Calls of the TLS library are made locked.
 *
 *      program <-> input, output <-> engine.c <-> provider <-> transport.c <-> socket, or bufferevent below
 *
 * ev_read and ev_write say what the engine waits for, as in a socket bufferevent: a direction of the *transport*,
 * which need not be the program's one. Their callbacks make turns (engine.c). Over a socket they are served
 * by the stream (api/event/stream.h). Over another bufferevent they are never inserted; its callbacks set `ready`, and
 * transport.c activates them. In both cases a direction stays ready until the transport had nothing more to give, or
 * no more room, so that bytes which the TLS library still holds are asked for again when the program wants them.
 *
 * Where a turn is made: in the strand. What the program does elsewhere only changes what is waited for.
 */
#ifndef EVRT_API_BUFFEREVENT_TLS_TLS_INTERNAL_H_
#define EVRT_API_BUFFEREVENT_TLS_TLS_INTERNAL_H_

#include <event2/bufferevent_ssl.h>
#include "api/bufferevent/bufferevent_internal.h"

/* What a provider's call says when it is not a number of bytes. */
enum evrt_tls_result {
	EVRT_TLS_WANT_READ = -1,  /* to be called again when the transport can be read */
	EVRT_TLS_WANT_WRITE = -2, /* ... has room */
	EVRT_TLS_CLOSED = -3,     /* the peer's close_notify was read */
	EVRT_TLS_FAILED = -4,     /* for ever; evrt__tls_put_error was told why, and io_error or io_ended are set if
	                           * the transport was the reason */
};

/* How a connection has ended. */
struct evrt_tls_end {
	ssize_t result; /* EVRT_TLS_CLOSED or _FAILED; 0: it has not */
	bool cut;       /* because there is no transport any more */
	int err;        /* errno of the transport; 0 */
};

struct evrt_tls;

/* A TLS library. All calls but free are made locked. */
struct evrt_tls_provider {
	const char *name;
	/* Prepares `ssl` for what the engine needs, and makes it use evrt__tls_receive and evrt__tls_send. Is called
	 * again when the descriptor was replaced. 0 or -errno. */
	int (*attach)(struct evrt_tls *);
	/* Leaves `ssl` fit for use by the program alone. Not called where `free` is. */
	void (*detach)(struct evrt_tls *);
	/* 0 when done. */
	int (*handshake)(struct evrt_tls *);
	/* Bytes, above 0. A write that wanted something is made again with the same bytes, perhaps elsewhere. */
	ssize_t (*read)(struct evrt_tls *, void *, size_t);
	ssize_t (*write)(struct evrt_tls *, const void *, size_t);
	/* Plain bytes that `read` has without the transport. */
	size_t (*pending)(struct evrt_tls *);
	/* Sends close_notify. 0 when done. */
	int (*shutdown)(struct evrt_tls *);
	/* The next handshake call makes a new one. 0, or -1 where there is none. */
	int (*renegotiate)(struct evrt_tls *);
	/* The descriptor it has; -1. */
	evutil_socket_t (*fd)(void *ssl);
	void (*free)(void *ssl);
};

/* libevent keeps as many. */
#define EVRT_TLS_ERRORS_MAX 3

struct evrt_tls {
	struct bufferevent_private p; /* first */
	const struct evrt_tls_provider *provider; /* const */
	void *ssl;                    /* const */
	struct bufferevent *below;    /* referenced; NULL: a socket. Const */
	void *io;                     /* the provider's, for its transport functions */
	enum bufferevent_ssl_state state;
	ev_uint64_t flags;            /* BUFFEREVENT_SSL_ */
	bool stopped;                 /* nothing is waited for any more */
	bool attached;                /* the provider has to let go of `ssl` */
	bool in_call;                 /* of the provider: what the transport says counts */

	/* What each part waits for in the transport: EV_READ, EV_WRITE or, to begin with, both. */
	short handshake_wants, read_wants, write_wants;
	short ended;                  /* directions that have come to an end, which was told */
	size_t write_again;           /* bytes of the write that is to be repeated; 0: none */
	size_t record;                /* bytes that the next read should have room for */
	struct evrt_tls_end read_end; /* was found behind bytes, and is to be told in the next turn */
	bool finishing, finished;     /* close_notify is to be sent behind output; has been */

	/* The transport in the provider's call that is under way or was the last. */
	unsigned drained;             /* EVRT_READ, EVRT_WRITE: it has refused */
	bool received;                /* bytes have come */
	bool io_ended;                /* it has said that there are no more */
	int io_error;                 /* errno; 0 */

	/* Over another bufferevent. */
	unsigned ready;               /* EVRT_READ, EVRT_WRITE */
	bool below_ended;             /* it has told of its end, or of an error: below_error, else 0 */
	int below_error;

	unsigned long errors[EVRT_TLS_ERRORS_MAX];
	unsigned n_errors;
};

static inline struct evrt_tls *
evrt__tls(struct bufferevent *bev)
{
	return (struct evrt_tls *)(void *)bev;
}

/* --- kind.c ----------------------------------------------------------------------------------- *
 * The public functions of a provider are these, for those bufferevents that are its own. What is marked BORDER crosses
 * from libevent_core to a provider's library. */
#define BORDER EVENT2_CORE_EXPORT_SYMBOL

BORDER struct bufferevent *evrt__tls_filter_new(const struct evrt_tls_provider *, struct event_base *,
    struct bufferevent *below, void *ssl, enum bufferevent_ssl_state, int options);
BORDER struct bufferevent *evrt__tls_socket_new(const struct evrt_tls_provider *, struct event_base *,
    evutil_socket_t fd, void *ssl, enum bufferevent_ssl_state, int options);
/* NULL for a bufferevent of another kind or provider. */
BORDER struct evrt_tls *evrt__tls_of(struct bufferevent *, const struct evrt_tls_provider *);
BORDER int evrt__tls_allows_dirty(struct bufferevent *, const struct evrt_tls_provider *);
BORDER void evrt__tls_allow_dirty(struct bufferevent *, const struct evrt_tls_provider *, int allow);
BORDER int evrt__tls_renegotiate(struct bufferevent *, const struct evrt_tls_provider *);
/* Takes the error that was put last; 0: none. */
BORDER unsigned long evrt__tls_take_error(struct bufferevent *, const struct evrt_tls_provider *);
/* Zeroed memory of the library, and the end of it: base/mem.h does not cross. NULL: out of it; NULL is accepted. */
BORDER void *evrt__tls_alloc(size_t size);
BORDER void evrt__tls_free(void *);

/* --- engine.c --------------------------------------------------------------------------------- */

/* Waits for what is wanted now, and for nothing else. 0 or -errno. Locked. */
int evrt__tls_watch(struct evrt_tls *);
/* The callbacks of ev_read and ev_write. */
void evrt__tls_readable(evutil_socket_t, short what, void *tls);
void evrt__tls_writable(evutil_socket_t, short what, void *tls);
/* The transport has ended while nobody reads. Locked, with a reference. */
void evrt__tls_cut_off(struct evrt_tls *);
/* Forgets how far a connection had come: there is another one. Locked. */
void evrt__tls_begin(struct evrt_tls *);
/* Is the direction served? Locked. */
bool evrt__tls_serves(const struct evrt_tls *, short event);
/* Kept for the program; those beyond EVRT_TLS_ERRORS_MAX are dropped. Locked. */
BORDER void evrt__tls_put_error(struct evrt_tls *, unsigned long error);
/* Lets go of the TLS object, when all has stopped and it is the program's again. Locked. */
void evrt__tls_let_go(struct evrt_tls *);

/* --- transport.c ------------------------------------------------------------------------------ */

/* For the provider. Bytes; 0: there are no more; -EAGAIN, -errno. Also outside of calls of the engine, when the program
 * uses the TLS object itself. */
BORDER ssize_t evrt__tls_receive(struct evrt_tls *, void *, size_t);
BORDER ssize_t evrt__tls_send(struct evrt_tls *, const void *, size_t);
/* After a call that wanted something although the transport had not refused: it will be made again. Activates what is
 * added and ready. Locked. */
void evrt__tls_resume(struct evrt_tls *);
/* The direction may be tried. Locked. */
void evrt__tls_ready(struct evrt_tls *, unsigned bits);
/* The direction has refused. In the strand, locked. */
void evrt__tls_drained(struct evrt_tls *, unsigned bits);
/* Takes over the callbacks of the bufferevent below, not locked; and gives them back, locked. */
void evrt__tls_below_begin(struct evrt_tls *);
void evrt__tls_below_end(struct evrt_tls *);

#endif
