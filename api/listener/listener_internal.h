/* api/listener/listener_internal.h — an evconnlistener from inside, for the files of this room.
 *
 * Here:     the object and its references.
 * Not here: the public contract (event2/listener.h).
 * Threads:  any. Every field is guarded by `lock` unless it says otherwise. On a pooled base there is always a
 *           lock, because callbacks run in the strands of the connections.
 * Locks:    `lock` (rank listener), then the strand's (rank base). Both are released around callbacks.
 *
 * Life: references are held by the program (one, given up by evconnlistener_free), by an accept turn, by the wait
 * for room in the pool, and by every accepted connection that was not handed to the program yet. When the last one
 * goes, no event of the listener is pending; the `last` task is queued in the strand, behind a turn that may be
 * there, and frees the memory. The descriptor is closed earlier: by evconnlistener_free.
 */
#ifndef EVRT_API_LISTENER_LISTENER_INTERNAL_H_
#define EVRT_API_LISTENER_LISTENER_INTERNAL_H_

#include <stdbool.h>
#include <event2/listener.h>
#include "api/event/event_internal.h"
#include "runtime/pool/pool.h"

/* Connections accepted in one turn; what is left is reported again. On a pool each becomes a strand that is queued at
 * once, before whatever becomes ready meanwhile: more delay those already open by so many accept callbacks (with 64
 * that each take 0.1 ms, 6 ms). Fewer poll more often under a rush: 8, 16 and 64 cost the same. */
#define EVRT_LISTENER_TURN_CONNECTIONS 16
/* When accept fails for want of memory or descriptors, and the queue cannot be drained: wait so long. */
#define EVRT_LISTENER_RETRY_US 100000
#define EVRT_LISTENER_BACKLOG_DEFAULT 128

struct evconnlistener {
	struct event_base *base;    /* const */
	struct evrt_strand *strand; /* of the two events; referenced, const */
	void *lock;                 /* const; NULL: none */
	struct event readable;      /* EV_READ|EV_PERSIST; added while enabled, with a callback, not waiting */
	struct event retry;         /* a timer; added while waiting for descriptors */
	struct evrt_limits_waiter waiter; /* in the pool's list while its limits forbid to accept */
	struct evrt_task last;      /* queued once */
	void (*gone)(void *);       /* called by it; NULL: nobody waits for that (free.h) */
	void *gone_arg;
	evconnlistener_cb cb;       /* NULL before the first evconnlistener_set_cb: not armed */
	evconnlistener_errorcb error_cb;
	void *arg;                  /* of both */
	unsigned flags;             /* LEV_OPT_*; const */
	unsigned refs;
	int fd;                     /* -1: closed by evconnlistener_free */
	int reserve_fd;             /* given up for a moment when descriptors run out; -1: could not be had */
	bool enabled;               /* false for good after evconnlistener_free */
};

void evrt__listener_lock(struct evconnlistener *);
void evrt__listener_unlock(struct evconnlistener *);
/* Locks and takes a reference, for a callback of an event. False, and not locked, when the last one went while
 * it waited for the lock; until it returns, `last` does not run: it is the same strand. */
bool evrt__listener_enter(struct evconnlistener *);
void evrt__listener_unref_and_unlock(struct evconnlistener *);
/* Stops accepting until the retry timer fires. Locked. */
void evrt__listener_pause(struct evconnlistener *);
/* Stops accepting until the pool has room again. Locked. */
void evrt__listener_wait(struct evconnlistener *);

/* accept.c: event callback of `readable`. */
void evrt__listener_readable(evutil_socket_t fd, short what, void *arg);
/* A descriptor that is there to be given up; -1 when there is none. */
int evrt__listener_reserve(void);

#endif
