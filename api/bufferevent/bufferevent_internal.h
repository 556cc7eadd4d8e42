/* api/bufferevent/bufferevent_internal.h — a bufferevent from inside.
 *
 * Here:     the state behind every kind of bufferevent, the table by which a kind says how it differs, and
 *           the calls that kinds, filters and protocols above are made of.
 * Not here: the public contract (event2/bufferevent.h); what a kind does (socket.c, …): no name of a kind
 *           occurs in core.c, callbacks.c and watermark.c.
 * Threads:  as in event2/bufferevent.h. "Locked" means: the bufferevent's data lock is held, where it has one.
 * Locks:    call (rank bufferevent_call), then data (rank bufferevent; that of both its evbuffers), then the
 *           strand's (rank base). Call and data are recursive.
 *
 * Every field is guarded by the data lock unless it says otherwise. Without locks (no BEV_OPT_THREADSAFE, or a
 * program without threads) whoever calls is the strand, or the program sees to it that nobody else does.
 *
 * Why two locks. libevent has one, and holds it while the program's callbacks run: two that write to each other's
 * bufferevents then wait for each other for ever. Here a callback runs with the call lock alone, and what
 * moves bytes, enables or asks takes the data lock alone. Only bufferevent_lock, _setcb and _free wait for a
 * callback that runs in another thread, as their callers count on; and these not inside a pool's strand, where
 * the wait might be for each other. Whoever holds the data lock only tries for the call lock, and if it is
 * not to be had the callback is deferred.
 *
 * Life: references are held by the program (one, given up by bufferevent_free), by a queued run of deferred
 * callbacks, by every callback while it runs, and by deferred callbacks of the evbuffers. When the last
 * one goes, no event of the bufferevent is pending and none will be; the `last` task is then queued in the
 * strand, behind whatever of this bufferevent still runs there, and frees everything.
 */
#ifndef EVRT_API_BUFFEREVENT_BUFFEREVENT_INTERNAL_H_
#define EVRT_API_BUFFEREVENT_BUFFEREVENT_INTERNAL_H_

#include <stdbool.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include "api/buffer/buffer_internal.h"
#include "api/event/event_internal.h"
#include "api/event/stream.h"

/* A single system call reads as much as the evbuffer has learned to expect, at most: */
#define EVRT_BEV_READ_MAX_DEFAULT EVRT_BUFFER_READ_MAX_DEFAULT
/* A write is one system call, too. More would let one connection keep the others waiting; less would cut
 * what a socket's send buffer takes at once. */
#define EVRT_BEV_WRITE_MAX_DEFAULT ((size_t)256 * 1024)

/* Why a direction is not served although it is enabled; bits of read_suspended and write_suspended. */
enum evrt_bev_suspend {
	EVRT_BEV_SUSPEND_WATERMARK = 1, /* input is at the read high watermark */
	EVRT_BEV_SUSPEND_LOOKUP = 2,    /* a host name is being resolved */
	EVRT_BEV_SUSPEND_ABOVE = 16,    /* the filter above does not read */
};

/* How a kind of bufferevent differs. All are called locked; NULL where not allowed says so. */
struct bufferevent_ops {
	const char *name;
	/* Begin and end to serve the directions in `events`, EV_READ|EV_WRITE. enable: 0, or -1 with errno.
	 * disable does not wait for a callback that is running. */
	int (*enable)(struct bufferevent *, short events);
	void (*disable)(struct bufferevent *, short events);
	/* Output has grown from outside; writing is enabled and not suspended. */
	void (*output_grew)(struct bufferevent *);
	/* timeout_read or timeout_write was changed. 0 or -1. */
	int (*adjust_timeouts)(struct bufferevent *);
	/* Nothing may come from below any more: the program's reference is going. May be called twice. */
	void (*stop)(struct bufferevent *);
	/* The last step, in the strand, stopped, not locked: let go of what is below. */
	void (*destroy)(struct bufferevent *);
	/* NULL: -1. */
	int (*flush)(struct bufferevent *, short iotype, enum bufferevent_flush_mode mode);
	/* NULL: a kind without a descriptor. */
	evutil_socket_t (*get_fd)(const struct bufferevent *);
	int (*set_fd)(struct bufferevent *, evutil_socket_t fd);
	/* NULL: there is none. */
	struct bufferevent *(*get_underlying)(const struct bufferevent *);
	/* NULL: fixed for life. 0 or -1; changing nothing then. */
	int (*set_base)(struct bufferevent *, struct event_base *base);
	int (*set_priority)(struct bufferevent *, int priority);
};

struct evrt_bev_lookup;
struct evutil_addrinfo;

/* See the head of this file. Both are const. */
struct evrt_bev_locks {
	void *data;
	void *call;
	evrt_atomic(uint32_t) refs; /* bufferevents that have it */
};

/* A connect by host name that is under way; connect.c. */
struct evrt_bev_connect {
	bool connecting;                   /* ev_write waits for the end of a connect */
	int failed_with;                   /* errno of a connect that failed at once, told by the next turn; 0 */
	int dns_error;                     /* of the last look-up */
	struct evutil_addrinfo *addresses; /* of the name; NULL: none */
	struct evutil_addrinfo *next;      /* the one to try when this fails */
	struct evrt_bev_lookup *lookup;    /* of the name, under way; NULL: none, or it was called off */
};

struct bufferevent_private {
	struct bufferevent bev;         /* the public part, first */
	struct evrt_strand *strand;     /* referenced; where callbacks run. Const but for set_base */
	struct evrt_bev_locks *locks;   /* shared by all of a chain of filters, or a pair; NULL: none */
	int options;                    /* enum bufferevent_options; const */
	unsigned refs;
	bool freed;                     /* bufferevent_free was called */
	bool above_pulls;               /* a filter takes input whenever it can, without being called again for it */
	bool call_refused;              /* the call lock was not to be had: what comes is deferred, too, in order */
	uint8_t in_buffer_cb;           /* callbacks of its evbuffers that are under way, with the data lock held */
	uint8_t read_suspended;         /* enum evrt_bev_suspend */
	uint8_t write_suspended;
	struct evbuffer_cb_entry *watermark_cb; /* on input while a read high watermark is set */
	size_t single_read_max, single_write_max;

	/* Deferred callbacks: what is to be told when `deferred` runs. */
	struct evrt_task deferred;      /* the link and flags: strand's lock */
	bool deferred_queued;           /* it holds a reference */
	bool read_pending, write_pending;
	short events_pending;
	int errno_pending;              /* what errno is in the callback of events_pending */

	struct evrt_task last;          /* queued once, by whoever gives up the last reference */
	struct evrt__buffer_owner owner; /* of both evbuffers; const */

	/* Sockets: socket.c, connect.c. */
	struct evrt_stream stream;
	evutil_socket_t fd;
	bool stream_open;               /* the stream watches fd; else that is done by the first enable */
	bool read_added, write_added;   /* ev_read, ev_write are added */
	struct evrt_bev_connect connect;
};

static inline struct bufferevent_private *
evrt__bev(struct bufferevent *bev)
{
	return (struct bufferevent_private *)(void *)bev;
}
static inline const struct bufferevent_private *
evrt__bev_const(const struct bufferevent *bev)
{
	return (const struct bufferevent_private *)(const void *)bev;
}

/* --- core.c --------------------------------------------------------------------------------- */

/* Fills zeroed memory: evbuffers, lock, strand, one reference; writing enabled. `with`: whose lock and strand it
 * shares, and to whom locks are given if it has none and `options` ask for them (nobody else uses it meanwhile);
 * NULL: a strand of the base's choice. 0; -EINVAL, -ENOMEM, and nothing is held then. */
int evrt__bev_init(struct bufferevent_private *, struct event_base *base, const struct bufferevent_ops *ops,
    int options, struct bufferevent_private *with);
/* Gives back what init took, for a kind whose own part of making failed: nobody else knows the object. */
void evrt__bev_fini(struct bufferevent_private *);
void evrt__bev_lock(const struct bufferevent_private *);
void evrt__bev_unlock(const struct bufferevent_private *);
void evrt__bev_lock_and_ref(struct bufferevent_private *);
/* The same for a callback of an event, which holds no reference before: false, and not locked, when the last
 * reference went while it waited for the lock. Until it returns, `last` does not run: it is the same strand. */
bool evrt__bev_enter(struct bufferevent_private *);
/* 1 when that was the last reference, 0 otherwise. */
int evrt__bev_unref_and_unlock(struct bufferevent_private *);
/* Locked. A direction is served while it is enabled and no reason to suspend it is set. */
void evrt__bev_suspend(struct bufferevent_private *, short events, enum evrt_bev_suspend why);
void evrt__bev_resume(struct bufferevent_private *, short events, enum evrt_bev_suspend why);
/* bufferevent_enable and _disable, locked. */
int evrt__bev_enable_nolock(struct bufferevent_private *, short events);
void evrt__bev_disable_nolock(struct bufferevent_private *, short events);

/* --- callbacks.c ------------------------------------------------------------------------------ */

/* Calls, or defers, one callback; `options`: BEV_TRIG_DEFER_CALLBACKS defers it whatever the bufferevent's
 * own options say. Locked, with a reference held by the caller; while a callback runs the data lock is released. */
void evrt__bev_call_read(struct bufferevent_private *, int options);
void evrt__bev_call_write(struct bufferevent_private *, int options);
/* `err` is what EVUTIL_SOCKET_ERROR() says in the callback. */
void evrt__bev_call_event(struct bufferevent_private *, short what, int err, int options);
/* The same where the watermarks allow it, or with BEV_TRIG_IGNORE_WATERMARKS in any case. */
void evrt__bev_trigger_nolock(struct bufferevent_private *, short iotype, int options);
/* evrt_task.fn of `deferred`. */
void evrt__bev_run_deferred(struct evrt_task *, void *arg);

/* --- watermark.c -------------------------------------------------------------------------------- */

/* Bytes that may still be read before input is at its high watermark; EV_SSIZE_MAX where there is none. */
size_t evrt__bev_input_room(const struct bufferevent_private *);
/* After a read callback: calls again, deferred, while input stays full. Locked. */
void evrt__bev_check_input(struct bufferevent_private *);

/* --- timeouts.c: kinds without a descriptor ------------------------------------------------------- */

/* ev_read and ev_write of a bufferevent that was just made become timers, in its strand. 0 or -errno. */
int evrt__bev_timers_init(struct bufferevent_private *);
/* Begins or ends the timers of `events`, as these are enabled, suspended and waited for now. `anew`: one that
 * runs begins again, for bytes have passed. 0 or -errno. Locked. */
int evrt__bev_timers_set(struct bufferevent_private *, short events, bool anew);
/* bufferevent_ops.adjust_timeouts. */
int evrt__bev_timers_adjust(struct bufferevent *);
/* For `stop`, and for the end of `destroy`. */
void evrt__bev_timers_stop(struct bufferevent_private *);
void evrt__bev_timers_fini(struct bufferevent_private *);

/* --- connect.c ---------------------------------------------------------------------------------- */

/* A connect was under way and its socket is writable, or it has failed at once. Returns true when the
 * socket is connected and the program was told so. Locked, with a reference, in the strand. */
bool evrt__bev_connect_finish(struct bufferevent_private *);
/* Forgets addresses and look-up. Locked. */
void evrt__bev_connect_cancel(struct bufferevent_private *);

/* --- socket.c ------------------------------------------------------------------------------------- */

extern const struct bufferevent_ops evrt__bev_socket_ops;
/* Serves `fd` instead of what was served before, which stays open; both directions are deleted. Locked. */
void evrt__bev_socket_attach(struct bufferevent_private *, evutil_socket_t fd);
/* Watches the descriptor, if that is not done yet. `ready`: see evrt__stream_open. 0 or -errno. Locked. */
int evrt__bev_socket_open(struct bufferevent_private *, unsigned ready);
/* Adds or deletes ev_read or ev_write; never waits. 0 or -errno. Locked. */
int evrt__bev_socket_add(struct bufferevent_private *, short event);
void evrt__bev_socket_del(struct bufferevent_private *, short events);

#endif
