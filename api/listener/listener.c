/* api/listener/listener.c — making, switching and freeing listeners.
 *
 * Here:     the object's life and its plain calls.
 * Not here: accepting (accept.c), sockets and their options (bind.c).
 * Threads:  any.
 */
#include "api/listener/listener_internal.h"

#include <errno.h>
#include "api/listener/free.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/sys.h"
#include "threading/lock.h"

void
evrt__listener_lock(struct evconnlistener *lev)
{
	evrt__lock(lev->lock);
}

void
evrt__listener_unlock(struct evconnlistener *lev)
{
	evrt__unlock(lev->lock);
}

bool
evrt__listener_enter(struct evconnlistener *lev)
{
	evrt__listener_lock(lev);
	if (lev->refs == 0) {
		evrt__listener_unlock(lev);
		return false;
	}
	lev->refs++;
	return true;
}

/* Neither event is pending afterwards; a turn that runs elsewhere is not waited for. Locked. */
static void
listener_disarm(struct evconnlistener *lev)
{
	evrt__lock(lev->strand->lock);
	evrt__event_del_nolock(lev->strand, evrt__event(&lev->readable), false);
	evrt__event_del_nolock(lev->strand, evrt__event(&lev->retry), false);
	evrt__unlock(lev->strand->lock);
}

/* 0 or -1. Locked. */
static int
listener_arm(struct evconnlistener *lev)
{
	return lev->enabled && lev->cb ? event_add(&lev->readable, NULL) : 0;
}

static void
listener_close(int *fd)
{
	if (*fd >= 0)
		evrt__sys.close(*fd);
	*fd = -1;
}

/* No event pending, nothing queued, nobody else knows it. */
static void
listener_destroy(struct evconnlistener *lev)
{
	event_debug_unassign(&lev->readable);
	event_debug_unassign(&lev->retry);
	listener_close(&lev->reserve_fd);
	evrt__lock_free(lev->lock, EVRT_LOCKTYPE_RECURSIVE);
	evrt__strand_unref(lev->strand);
	evrt__free(lev);
}

/* evrt_task.fn of `last`. */
static void
listener_run_last(struct evrt_task *task, void *arg)
{
	struct evconnlistener *lev = arg;
	void (*gone)(void *) = lev->gone;
	void *gone_arg = lev->gone_arg;

	(void)task;
	listener_destroy(lev);
	if (gone)
		gone(gone_arg);
}

void
evrt__listener_unref_and_unlock(struct evconnlistener *lev)
{
	EVRT_ASSERT(lev->refs > 0);
	if (--lev->refs > 0) {
		evrt__listener_unlock(lev);
		return;
	}
	struct evrt_strand *strand = lev->strand;
	evrt__strand_ref(strand);
	evrt__listener_unlock(lev);
	evrt__strand_submit(strand, &lev->last);
	evrt__strand_unref(strand);
}

static void
listener_retry(evutil_socket_t fd, short what, void *arg)
{
	struct evconnlistener *lev = arg;

	(void)fd;
	(void)what;
	if (!evrt__listener_enter(lev))
		return;
	if (listener_arm(lev) < 0)
		evrt__listener_pause(lev);
	evrt__listener_unref_and_unlock(lev);
}

void
evrt__listener_pause(struct evconnlistener *lev)
{
	const struct timeval later = { 0, EVRT_LISTENER_RETRY_US };

	listener_disarm(lev);
	if (!lev->enabled)
		return;
	evrt__lock(lev->strand->lock);
	/* Without the timer the next turn is when it is tried again: a listener that stops for good would be worse. */
	if (evrt__event_add_nolock(lev->strand, evrt__event(&lev->retry), &later) < 0)
		evrt__event_active_nolock(lev->strand, evrt__event(&lev->retry), EV_TIMEOUT, 1);
	evrt__unlock(lev->strand->lock);
}

/* evrt_limits_waiter.resume */
static void
listener_resume(struct evrt_limits_waiter *waiter)
{
	struct evconnlistener *lev = EVRT_CONTAINER_OF(waiter, struct evconnlistener, waiter);

	evrt__listener_lock(lev);
	if (listener_arm(lev) < 0)
		evrt__listener_pause(lev);
	evrt__listener_unref_and_unlock(lev); /* the wait's */
}

void
evrt__listener_wait(struct evconnlistener *lev)
{
	listener_disarm(lev);
	if (evrt__limits_wait(lev->base->pool, &lev->waiter))
		lev->refs++;
}

static int
listener_assign(struct evconnlistener *lev)
{
	if (event_assign(&lev->readable, lev->base, lev->fd, EV_READ | EV_PERSIST, evrt__listener_readable, lev) < 0)
		return -1;
	if (event_assign(&lev->retry, lev->base, -1, 0, listener_retry, lev) < 0)
		return -1;
	evrt__event_join(evrt__event(&lev->readable), lev->strand);
	evrt__event_join(evrt__event(&lev->retry), lev->strand);
	return 0;
}

static struct evconnlistener *
listener_new(struct event_base *base, unsigned flags, evutil_socket_t fd)
{
	bool locks = evrt__threads_on() && ((flags & LEV_OPT_THREADSAFE) || base->kind == EVRT_BASE_POOLED);
	struct evconnlistener *lev = evrt__calloc(1, sizeof(*lev));

	if (!lev)
		return NULL;
	lev->base = base;
	lev->flags = flags;
	lev->refs = 1;
	lev->fd = fd;
	lev->waiter.resume = listener_resume;
	lev->lock = locks ? evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_listener) : NULL;
	lev->strand = evrt__base_strand_for_new(base);
	if ((locks && !lev->lock) || !lev->strand || listener_assign(lev) < 0) {
		evrt__lock_free(lev->lock, EVRT_LOCKTYPE_RECURSIVE);
		if (lev->strand)
			evrt__strand_unref(lev->strand);
		evrt__free(lev);
		return NULL;
	}
	evrt__task_init(&lev->last, listener_run_last, lev, (uint8_t)(event_base_get_npriorities(base) / 2));
	lev->last.flags |= EVLIST_FINALIZING; /* event_base_free runs it, too */
	lev->reserve_fd = evrt__listener_reserve();
	return lev;
}

struct evconnlistener *
evconnlistener_new(struct event_base *base, evconnlistener_cb cb, void *ptr, unsigned flags, int backlog,
    evutil_socket_t fd)
{
	if (backlog != 0 && evrt__sys.listen(fd, backlog > 0 ? backlog : EVRT_LISTENER_BACKLOG_DEFAULT) < 0)
		return NULL;
	struct evconnlistener *lev = listener_new(base, flags, fd);
	if (!lev)
		return NULL;
	lev->cb = cb;
	lev->arg = ptr;
	if (!(flags & LEV_OPT_DISABLED) && evconnlistener_enable(lev) < 0) {
		listener_destroy(lev);
		return NULL;
	}
	return lev;
}

void
evrt__listener_free_then(struct evconnlistener *lev, void (*gone)(void *), void *arg)
{
	evrt__listener_lock(lev);
	lev->gone = gone;
	lev->gone_arg = arg;
	/* What is accepted and on its way finds no callback, and is closed. */
	lev->enabled = false;
	lev->cb = NULL;
	lev->error_cb = NULL;
	listener_disarm(lev);
	if (lev->base->kind == EVRT_BASE_POOLED && evrt__limits_unwait(lev->base->pool, &lev->waiter))
		lev->refs--;
	/* A turn looks at `enabled` after every callback: nobody uses the descriptor any more. */
	if (lev->flags & LEV_OPT_CLOSE_ON_FREE)
		listener_close(&lev->fd);
	evrt__listener_unref_and_unlock(lev);
}

void
evconnlistener_free(struct evconnlistener *lev)
{
	evrt__listener_free_then(lev, NULL, NULL);
}

int
evconnlistener_enable(struct evconnlistener *lev)
{
	evrt__listener_lock(lev);
	lev->enabled = true;
	int r = listener_arm(lev);
	evrt__listener_unlock(lev);
	return r;
}

int
evconnlistener_disable(struct evconnlistener *lev)
{
	evrt__listener_lock(lev);
	lev->enabled = false;
	listener_disarm(lev);
	evrt__listener_unlock(lev);
	return 0;
}

struct event_base *
evconnlistener_get_base(struct evconnlistener *lev)
{
	return lev->base;
}

evutil_socket_t
evconnlistener_get_fd(struct evconnlistener *lev)
{
	evrt__listener_lock(lev);
	evutil_socket_t fd = lev->fd;
	evrt__listener_unlock(lev);
	return fd;
}

void
evconnlistener_set_cb(struct evconnlistener *lev, evconnlistener_cb cb, void *arg)
{
	evrt__listener_lock(lev);
	bool first = !lev->cb;
	lev->cb = cb;
	lev->arg = arg;
	/* Once armed it stays so: with cb NULL, connections are accepted and closed. */
	if (first && listener_arm(lev) < 0)
		evrt__listener_pause(lev);
	evrt__listener_unlock(lev);
}

void
evconnlistener_set_error_cb(struct evconnlistener *lev, evconnlistener_errorcb errorcb)
{
	evrt__listener_lock(lev);
	lev->error_cb = errorcb;
	evrt__listener_unlock(lev);
}
