/* backends/backend.h — what a poller is.
 *
 * Here:     the table that every poller fills, and the list of them.
 * Not here: which fd belongs to whom (runtime/loop/fdmap), waking (runtime/loop/reactor), signals, timers.
 * Threads:  set, prepare: under the owner's lock (or, where EVRT_BF_CONCURRENT, from any thread, also
 *           while wait runs). wait: one thread at a time (EVRT_BF_SHARED: any number), without that lock.
 *
 * A poller *reports* into an array. It never calls back, locks, or allocates in wait().
 */
#ifndef EVRT_BACKENDS_BACKEND_H_
#define EVRT_BACKENDS_BACKEND_H_

#include <stddef.h>
#include <stdint.h>
#include "base/clock.h"

/* Interest and reports. Only READ, WRITE and CLOSED may be asked for, with EDGE as a mode of the fd. */
#define EVRT_READ 0x01u
#define EVRT_WRITE 0x02u
#define EVRT_CLOSED 0x04u /* the peer will send no more (RDHUP) */
#define EVRT_EDGE 0x08u
#define EVRT_HUP 0x10u    /* reports only: error or hang-up; a short read does not mean "drained" */
#define EVRT_IO_MASK (EVRT_READ | EVRT_WRITE | EVRT_CLOSED)

enum evrt_backend_feature { /* the low three are libevent's EV_FEATURE_* numbers */
	EVRT_BF_ET = 0x01,
	EVRT_BF_O1 = 0x02,
	EVRT_BF_FDS = 0x04,          /* any kind of descriptor, regular files too */
	EVRT_BF_EARLY_CLOSE = 0x08,
	EVRT_BF_CONCURRENT = 0x100,  /* set() may run while wait() does, and takes effect on it */
	EVRT_BF_DEFERRED = 0x200,    /* set() asks no kernel: what that refuses is a warning of prepare() */
	/* Any number of threads may be in wait() at once. Something with EVRT_EDGE is reported to one of them, the last
	 * that began to wait; and the whole set can be watched from another one (descriptor). */
	EVRT_BF_SHARED = 0x400,
};

struct evrt_ready {
	int fd;
	uint32_t generation; /* of the registration, as given to set(); tells stale reports */
	unsigned mask;       /* EVRT_READ|WRITE|CLOSED|HUP; an error reports READ|WRITE|HUP, as libevent does */
};

struct evrt_backend_ops {
	const char *name;  /* "epoll", "epoll (with changelist)", "poll", "select": programs compare these */
	unsigned features; /* enum evrt_backend_feature */
	/* A new poller. *out_state is freed by close. 0 or -errno (-ENOMEM, -EMFILE, …). */
	int (*open)(void **out_state);
	void (*close)(void *state);
	/* Changes the registration of `fd` from `old_mask` to `new_mask` (EVRT_IO_MASK | EVRT_EDGE);
	 * old 0 adds, new 0 removes, equal masks re-arm (an edge is reported again if still true).
	 * Removing an fd that was closed already succeeds; changing one falls back to adding it, and adding
	 * one that the kernel still has to changing it. 0 or -errno (-EBADF, -EPERM: cannot be polled, -ENOMEM). */
	int (*set)(void *state, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask);
	/* Called under the owner's lock before each wait: take a private copy of what wait needs, apply what
	 * set() only noted. NULL where wait needs none. 0 or -errno; on failure the wait is not called. */
	int (*prepare)(void *state);
	/* Waits until something is ready or `timeout_ns` has passed (0: do not block; < 0: for ever), and
	 * fills out[0..cap). The count, 0 on timeout; -errno (-EINTR: a signal). More than cap ready: the rest
	 * comes with the next call, and no fd starves. Sub-millisecond timeouts are kept where the kernel can,
	 * and never rounded down. */
	int (*wait)(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap);
	/* An fd that is readable while the set has something to report. NULL without EVRT_BF_SHARED. */
	int (*descriptor)(void *state);
};

extern const struct evrt_backend_ops evrt__backend_epoll;
extern const struct evrt_backend_ops evrt__backend_epoll_changelist;
extern const struct evrt_backend_ops evrt__backend_poll;
extern const struct evrt_backend_ops evrt__backend_select;

/* In order of preference, NULL at the end. Without the changelist, which is epoll to those who choose. */
extern const struct evrt_backend_ops *const evrt__backends[];

#endif
