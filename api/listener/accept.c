/* api/listener/accept.c — taking connections out of the queue and handing them to the program.
 *
 * Here:     the accept turn; the delivery to strands of a pool; what is done when descriptors run out.
 * Not here: the listener's life (listener.c).
 * Threads:  the turn runs in the listener's strand, deliveries in those of the connections.
 *
 * Life of a connection on a pooled base: accepted in a turn; put into a struct accepted, which holds
 * a reference on the listener; queued in a new strand on the worker that shall serve it; there the program's
 * callback gets it, so that all it makes for the connection belongs to that strand.
 */
#include "api/listener/listener_internal.h"

#include <errno.h>
#include <sys/eventfd.h>
#include "api/util/socket_error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/pool/watchdog.h"

struct accepted {
	struct evrt_task task;
	struct evconnlistener *lev; /* referenced */
	struct evrt_strand *strand; /* not referenced: to be compared with the one that runs */
	int fd;
	socklen_t len;
	struct sockaddr_storage addr;
};

int
evrt__listener_reserve(void)
{
	/* Any descriptor will do; this one needs no file system. */
	return evrt__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* Calls the program, unlocked; locked on entry and return. Takes the descriptor. */
static void
accept_call(struct evconnlistener *lev, int fd, struct sockaddr_storage *addr, socklen_t len)
{
	evconnlistener_cb cb = lev->cb;
	void *arg = lev->arg;

	evrt__listener_unlock(lev);
	evrt__watch_name((evrt_watch_fn)cb);
	if (cb)
		cb(lev, fd, (struct sockaddr *)addr, (int)len, arg);
	else
		evrt__sys.close(fd);
	evrt__listener_lock(lev);
}

/* The same for the error callback, which learns `err` from EVUTIL_SOCKET_ERROR(). */
static void
accept_call_error(struct evconnlistener *lev, int err)
{
	evconnlistener_errorcb cb = lev->error_cb;
	void *arg = lev->arg;

	errno = err;
	if (!cb) {
		evrt__warn("listener on descriptor %d: accept", lev->fd);
		return;
	}
	evrt__listener_unlock(lev);
	errno = err;
	cb(lev, arg);
	evrt__listener_lock(lev);
}

/* evrt_task.fn: in the strand of the connection; or elsewhere, because the base is being freed. */
static void
accept_deliver(struct evrt_task *task, void *arg)
{
	struct accepted *a = arg;
	struct evconnlistener *lev = a->lev;

	(void)task;
	evrt__listener_lock(lev);
	if (evrt__strand_current() == a->strand)
		accept_call(lev, a->fd, &a->addr, a->len);
	else
		evrt__sys.close(a->fd);
	evrt__listener_unref_and_unlock(lev);
	evrt__free(a);
}

/* To a strand of its own. 0 or -ENOMEM. */
static int
accept_send(struct evconnlistener *lev, int fd, const struct sockaddr_storage *addr, socklen_t len)
{
	struct accepted *a = evrt__malloc(sizeof(*a));
	struct evrt_strand *strand = a ? evrt__base_strand_for_connection(lev->base) : NULL;

	if (!strand) {
		evrt__free(a);
		return -ENOMEM;
	}
	evrt__limits_follow(evrt__pool_strand_of(strand));
	evrt__task_init(&a->task, accept_deliver, a, lev->last.pri);
	a->task.flags |= EVLIST_FINALIZING; /* event_base_free lets it close the descriptor */
	a->lev = lev;
	a->strand = strand;
	a->fd = fd;
	a->len = len;
	a->addr = *addr;
	lev->refs++;
	evrt__strand_submit(strand, &a->task);
	evrt__strand_unref(strand);
	return 0;
}

/* Out of descriptors: gives up the reserve to take one connection out of the queue, and closes it, so that
 * its client learns of it and the queue does not keep us awake. False: could not. */
static bool
accept_shed(struct evconnlistener *lev, int err)
{
	if ((err != EMFILE && err != ENFILE) || lev->reserve_fd < 0)
		return false;
	evrt__sys.close(lev->reserve_fd);
	int fd = evrt__sys.accept4(lev->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		evrt__sys.close(fd);
	lev->reserve_fd = evrt__listener_reserve();
	return fd >= 0;
}

static void
accept_failed(struct evconnlistener *lev, int err)
{
	if (evrt__err_accept_exhausted(err) && !accept_shed(lev, err)) {
		evrt__listener_pause(lev);
		if (lev->reserve_fd < 0)
			lev->reserve_fd = evrt__listener_reserve();
	}
	accept_call_error(lev, err);
}

/* To the program, here or in a strand of its own. */
static void
accept_hand_on(struct evconnlistener *lev, int fd, struct sockaddr_storage *addr, socklen_t len)
{
	bool pooled = lev->base->kind == EVRT_BASE_POOLED;

	if (pooled && accept_send(lev, fd, addr, len) == 0)
		return;
	/* What cannot be dealt out, for want of memory, is served here rather than lost. */
	if (pooled)
		evrt__limits_give_connection(lev->base->pool);
	accept_call(lev, fd, addr, len);
}

/* 0: go on; 1: the queue is empty, or something is wrong with it, or the pool has no room. */
static int
accept_one(struct evconnlistener *lev)
{
	struct evrt_pool *pool = lev->base->kind == EVRT_BASE_POOLED ? lev->base->pool : NULL;

	if (pool && !evrt__limits_take_connection(pool)) {
		evrt__listener_wait(lev);
		return 1;
	}
	/* Zeroed: a peer on AF_UNIX without a name leaves all but the family as it was. */
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	int flags = (lev->flags & LEV_OPT_LEAVE_SOCKETS_BLOCKING ? 0 : SOCK_NONBLOCK) |
	    (lev->flags & LEV_OPT_CLOSE_ON_EXEC ? SOCK_CLOEXEC : 0);
	int fd = evrt__sys.accept4(lev->fd, (struct sockaddr *)&addr, &len, flags);
	int err = fd < 0 ? errno : 0;

	if (err && pool)
		evrt__limits_give_connection(pool);
	if (err == EAGAIN)
		return 1;
	if (err && evrt__err_accept_retriable(err))
		return 0; /* that connection is gone; the next may be well */
	if (err) {
		accept_failed(lev, err);
		return 1;
	}
	accept_hand_on(lev, fd, &addr, len);
	return 0;
}

void
evrt__listener_readable(evutil_socket_t fd, short what, void *arg)
{
	struct evconnlistener *lev = arg;

	(void)fd;
	(void)what;
	if (!evrt__listener_enter(lev))
		return;
	if (lev->base->kind == EVRT_BASE_POOLED)
		evrt__limits_look(lev->base->pool);
	for (int i = 0; i < EVRT_LISTENER_TURN_CONNECTIONS && lev->enabled; i++)
		if (accept_one(lev))
			break;
	evrt__listener_unref_and_unlock(lev);
}
