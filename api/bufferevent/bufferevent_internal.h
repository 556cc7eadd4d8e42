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
 * callback that runs in another thread, as their callers count on; and _setcb and _free not inside a pool's strand,
 * where the wait might be for each other. Whoever holds the data lock only tries for the call lock, and if it is
 * not to be had the callback is deferred. Some functions of the program do run with the data lock held
 * (evrt__bev_in_program): in these nobody waits for the call lock, and all callbacks are deferred.
 *
 * Life: references are held by the program (one, given up by bufferevent_free), by a queued run of deferred
 * callbacks, by every callback while it runs, and by deferred callbacks of the evbuffers. When the last
 * one goes, no event of the bufferevent is pending and none will be; its task is then queued in the strand,
 * behind whatever of this bufferevent still runs there, and frees everything.
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
	EVRT_BEV_SUSPEND_BW = 4,        /* its own bucket is empty */
	EVRT_BEV_SUSPEND_BW_GROUP = 8,  /* its group's is */
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
	/* With a reference. NULL: -1. */
	int (*flush)(struct bufferevent *, short iotype, enum bufferevent_flush_mode mode);
	/* NULL: a kind without a descriptor. */
	evutil_socket_t (*get_fd)(const struct bufferevent *);
	int (*set_fd)(struct bufferevent *, evutil_socket_t fd);
	/* NULL: there is none. */
	struct bufferevent *(*get_underlying)(const struct bufferevent *);
	/* Where its bytes go without the kernel, and which therefore has the same locks. NULL or returns NULL: there
	 * is none. */
	struct bufferevent *(*get_partner)(const struct bufferevent *);
	/* NULL: fixed for life. 0 or -1; changing nothing then. */
	int (*set_base)(struct bufferevent *, struct event_base *base);
	int (*set_priority)(struct bufferevent *, int priority);
	/* A connect on the descriptor has come to a good end: says so to the program, at once or after a handshake.
	 * NULL: a kind that does not connect. */
	void (*connected)(struct bufferevent *);
};

struct evrt_bev_name;
struct evrt_bev_rate;

/* See the head of this file. Both are const. */
struct evrt_bev_locks {
	void *data;
	void *call;
	evrt_atomic(uint32_t) refs; /* bufferevents that have it */
};

/* How far a connect has come; connect.c. */
enum evrt_bev_connecting {
	EVRT_BEV_CONNECT_IDLE = 0,
	EVRT_BEV_CONNECT_WAITS,  /* ev_write waits for the end of one on `fd` */
	EVRT_BEV_CONNECT_RACES,  /* several are under way (happy_eyeballs.h), and the stream watches none; ev_write is
	                          * added for its timeout. `fd` is one of theirs */
	EVRT_BEV_CONNECT_FAILED, /* it has: the next turn tells so */
};

/* An idle connection costs what stands here: what only some need, or only for a time, is behind a pointer. */
struct bufferevent_private {
	struct bufferevent bev;         /* the public part, first */
	struct evrt_strand *strand;     /* referenced; where callbacks run. Const but for set_base */
	struct evrt_bev_locks *locks;   /* shared by all of a chain of filters, or a pair; NULL: none */
	struct evrt__buffer_owner owner; /* of both evbuffers; const */
	struct evrt_bev_rate *rate;     /* ratelim.c; NULL: no rate limit was ever set. Made once, lives as long */
	size_t single_read_max, single_write_max;
	unsigned refs;
	uint8_t options;                /* enum bufferevent_options; const */
	uint8_t read_suspended;         /* enum evrt_bev_suspend */
	uint8_t write_suspended;
	uint8_t in_program;             /* see evrt__bev_in_program */
	bool freed;                     /* bufferevent_free was called, or the last reference is gone */
	bool above_pulls;               /* a filter takes input whenever it can, without being called again for it */
	bool call_refused;              /* the call lock was not to be had: what comes is deferred, too, in order */

	/* Deferred callbacks: what is to be told when `deferred` runs. */
	bool deferred_queued;           /* it holds a reference */
	bool read_pending, write_pending;
	/* Sockets: socket.c, connect.c. */
	bool stream_open;               /* the stream watches fd; else that is done by the first enable */
	bool read_added, write_added;   /* ev_read, ev_write are added */
	uint8_t connecting;             /* enum evrt_bev_connecting */
	bool fd_made;                   /* fd was made by the connect that is under way */

	short events_pending;           /* deferred, as above */
	int errno_pending;              /* what errno is in the callback of events_pending */
	/* Of deferred callbacks; and, when the last reference is gone and nothing is deferred any more, the last step:
	 * queued once more, by whoever gives up that reference. The link and flags: strand's lock */
	struct evrt_task deferred;

	/* Sockets, as above. */
	struct evrt_bev_name *name;     /* a connect by name, from the look-up on; NULL: none */
	struct evrt_stream stream;
	evutil_socket_t fd;
	int failed_with;                /* CONNECT_FAILED: errno, 0 where dns_error says why */
	int dns_error;                  /* of the last look-up */
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
 * reference went while it waited for the lock. Until it returns, the last step does not run: it is the same strand. */
bool evrt__bev_enter(struct bufferevent_private *);
/* 1 when that was the last reference, 0 otherwise. */
int evrt__bev_unref_and_unlock(struct bufferevent_private *);
/* Does a function of the program run further up the stack, with the data lock held: a callback of an evbuffer,
 * or what in_program counts, a filter's function or a callback of a TLS library? Locked; so the stack is the
 * caller's. */
static inline bool
evrt__bev_in_program(const struct bufferevent_private *p)
{
	return p->in_program || p->bev.input->callback_depth || p->bev.output->callback_depth;
}
/* Locked. A direction is served while it is enabled and no reason to suspend it is set. Where it cannot be served
 * again, try_resume returns -1 with errno, and resume has the program told. */
void evrt__bev_suspend(struct bufferevent_private *, short events, enum evrt_bev_suspend why);
void evrt__bev_resume(struct bufferevent_private *, short events, enum evrt_bev_suspend why);
int evrt__bev_try_resume(struct bufferevent_private *, short events, enum evrt_bev_suspend why);
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
/* What nobody waits for the result of has failed with `err`, and `events` are not served as they should be: ERROR says
 * so, deferred. They stay enabled; the next enable or write tries again. Locked. */
void evrt__bev_call_failed(struct bufferevent_private *, short events, int err);
/* evrt_task.fn of `deferred`. */
void evrt__bev_run_deferred(struct evrt_task *, void *arg);

/* --- descriptor.c ------------------------------------------------------------------------------- */

/* For the enabling of what is over `below`. What is at the bottom of all, and should be served, but is not because
 * memory was out when a suspension ended or its output grew, is so now: the program enables only the top. 0 or -1.
 * Locked. */
int evrt__bev_enable_bottom(struct bufferevent *below, short events);

/* --- watermark.c -------------------------------------------------------------------------------- */

/* Reading stops or goes on, as the length of input wants it. Locked. */
void evrt__bev_watermark_apply(struct bufferevent_private *);
/* Bytes that may still be read before input is at its high watermark; EV_SSIZE_MAX where there is none. */
size_t evrt__bev_input_room(const struct bufferevent_private *);
/* After a read callback: calls again, deferred, while input stays full. Locked. */
void evrt__bev_check_input(struct bufferevent_private *);

/* --- limits.c ----------------------------------------------------------------------------------- */

/* How many bytes may be moved now, by one system call or one step of a protocol: the least of max_single, the
 * bucket and the share of the group's. 0: none; the direction has been suspended, and is resumed when there are
 * some, so the caller returns. Ask only when there is something to move; afterwards say what was moved.
 * Watermarks do not count here (evrt__bev_input_room). Locked. */
size_t evrt__bev_read_budget(struct bufferevent_private *);
size_t evrt__bev_write_budget(struct bufferevent_private *);
/* That many bytes went through the descriptor; more than the budget is allowed (a record cannot be cut), and
 * is paid for later. Before the callbacks that tell of them. Locked. */
void evrt__bev_moved_read(struct bufferevent_private *, size_t n);
void evrt__bev_moved_write(struct bufferevent_private *, size_t n);

/* --- ratelim.c ---------------------------------------------------------------------------------- */

/* Leaves the group, and lets nothing come any more. May be called twice. Locked. */
void evrt__bev_rate_stop(struct bufferevent_private *);
/* The last step, in the strand, stopped. */
void evrt__bev_rate_destroy(struct bufferevent_private *);
/* A direction waits for its bucket or its group's. Locked. */
bool evrt__bev_rate_holds(const struct bufferevent_private *);
/* The strand has changed, while nothing was held. 0 or -1. Locked. */
int evrt__bev_rate_rebase(struct bufferevent_private *);

/* --- timeouts.c: kinds without a descriptor ------------------------------------------------------- */

/* ev_read and ev_write of a bufferevent that was just made become timers, in its strand. 0 or -errno. */
int evrt__bev_timers_init(struct bufferevent_private *);
/* Begins or ends the timers of `events`, as these are enabled, suspended and waited for now. `anew`: one that
 * runs begins again, for bytes have passed. 0 or -errno. Locked. */
int evrt__bev_timers_set(struct bufferevent_private *, short events, bool anew);
/* The same where nobody waits for the result: has the program told. */
void evrt__bev_timers_update(struct bufferevent_private *, short events, bool anew);
/* bufferevent_ops.adjust_timeouts. */
int evrt__bev_timers_adjust(struct bufferevent *);
/* For `stop`, and for the end of `destroy`. */
void evrt__bev_timers_stop(struct bufferevent_private *);
void evrt__bev_timers_fini(struct bufferevent_private *);

/* --- descriptor.c: what is below another bufferevent ------------------------------------------------ */

/* `above` serves it no more: its callbacks, of which `eventcb` is one, are taken off, and where the program keeps it
 * it may read again. Locked. */
void evrt__bev_give_back(struct bufferevent *below, bufferevent_event_cb eventcb,
    const struct bufferevent_private *above);
/* The last step of `above`: its reference goes, and with BEV_OPT_CLOSE_ON_FREE the program's. Not locked. */
void evrt__bev_release_below(struct bufferevent *below, const struct bufferevent_private *above);

/* --- connect.c ---------------------------------------------------------------------------------- */

/* What ev_write's report means while p->connecting is not IDLE: true when the socket is connected, `connected` has
 * been called, and writing may begin. Locked, with a reference, in the strand. For other kinds with a socket and
 * a stream, too: they name `connected` in their operations, call this from the callback of their ev_write, read
 * nothing while connecting, and leave ev_write added when they are disabled. */
bool evrt__bev_connect_finish(struct bufferevent_private *);
/* Forgets addresses and look-up, and the sockets of a race except for p->fd. Locked. */
void evrt__bev_connect_cancel(struct bufferevent_private *);

/* The rest is between connect.c and connect_name.c; locked. */

/* Begins to connect p->fd, or a new socket. 0: the end will be told. -errno: nothing was begun. */
int evrt__bev_connect_begin(struct bufferevent_private *, const struct sockaddr *sa, socklen_t len);
/* Waits for the end of a connect on `fd`; `result` is what connect(2) said: 0 or retriable -errno. 0 or -errno. */
int evrt__bev_connect_wait(struct bufferevent_private *, evutil_socket_t fd, int result);
/* The next turn tells that it has failed. */
void evrt__bev_connect_fail(struct bufferevent_private *, int err);
/* Calls off a connect by name. */
void evrt__bev_name_cancel(struct bufferevent_private *);

/* --- socket.c ------------------------------------------------------------------------------------- */

extern const struct bufferevent_ops evrt__bev_socket_ops;
/* Serves `fd` instead of what was served before, which stays open; both directions are deleted. Locked. */
void evrt__bev_socket_attach(struct bufferevent_private *, evutil_socket_t fd);
/* Watches the descriptor, if that is not done yet. `ready`: see evrt__stream_open. 0 or -errno. Locked. */
int evrt__bev_socket_open(struct bufferevent_private *, unsigned ready);
/* Adds or deletes ev_read or ev_write; never waits. 0 or -errno. Locked. */
int evrt__bev_socket_add(struct bufferevent_private *, short event);
/* Has ev_write report in the next turn, whatever the descriptor says. */
void evrt__bev_socket_activate_write(struct bufferevent_private *);
void evrt__bev_socket_del(struct bufferevent_private *, short events);

#endif
