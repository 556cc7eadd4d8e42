/* api/event/dispatch.c — running a base, and ending that.
 *
 * Here:     event_base_loop, loopexit, loopbreak, loopcontinue, and what they did.
 * Not here: the turns themselves (runtime/loop, runtime/pool).
 * Threads:  loop: one per base. The others: any.
 */
#include <event2/event.h>

#include "api/event/debug.h"
#include "api/event/event_internal.h"
#include "api/event/pool_base.h"
#include "base/log.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"

static int
plain_base_loop(struct event_base *base, int flags)
{
	bool noted = evrt__debug_loop_begins(base);
	int result = evrt__public_result(evrt__loop_run(&base->loop, (unsigned)flags));

	evrt__debug_loop_ends(base, noted);
	return result;
}

int
event_base_loop(struct event_base *base, int flags)
{
	switch (base->kind) {
	case EVRT_BASE_PINNED:
		evrt__warnx("event_base_loop: a pinned base is run by its pool's worker; start the pool "
		    "(evrt_pool_start) instead");
		return -1;
	case EVRT_BASE_POOLED:
		return evrt__pooled_base_loop(base, flags);
	default:
		return plain_base_loop(base, flags);
	}
}

int
event_base_dispatch(struct event_base *base)
{
	return event_base_loop(base, 0);
}

static void
loopexit_due(evutil_socket_t fd, short what, void *arg)
{
	struct event_base *base = arg;

	(void)fd;
	(void)what;
	if (base->kind != EVRT_BASE_PLAIN) {
		(void)evrt__pooled_base_end(base, false);
		return;
	}
	evrt__lock(base->strand->lock); /* event_base_got_exit may ask from any thread */
	base->loop.exit = true;
	evrt__unlock(base->strand->lock);
}

int
event_base_loopexit(struct event_base *base, const struct timeval *tv)
{
	return event_base_once(base, -1, EV_TIMEOUT, loopexit_due, base, tv);
}

int
event_base_loopbreak(struct event_base *base)
{
	if (!base)
		return -1;
	if (base->kind != EVRT_BASE_PLAIN)
		return evrt__pooled_base_end(base, true);
	evrt__lock(base->strand->lock);
	base->loop.stop = true;
	evrt__loop_nudge(&base->loop);
	evrt__unlock(base->strand->lock);
	return 0;
}

int
event_base_loopcontinue(struct event_base *base)
{
	if (!base || base->kind != EVRT_BASE_PLAIN)
		return base ? 0 : -1; /* a pool looks for new events after each strand's budget anyway */
	evrt__lock(base->strand->lock);
	base->loop.again = true;
	evrt__loop_nudge(&base->loop);
	evrt__unlock(base->strand->lock);
	return 0;
}

int
event_base_got_exit(struct event_base *base)
{
	if (base->kind != EVRT_BASE_PLAIN)
		return evrt_load_acquire(&base->pool->got_exit);
	evrt__lock(base->strand->lock);
	int r = base->loop.exit;
	evrt__unlock(base->strand->lock);
	return r;
}

int
event_base_got_break(struct event_base *base)
{
	if (base->kind != EVRT_BASE_PLAIN)
		return evrt_load_acquire(&base->pool->got_break);
	evrt__lock(base->strand->lock);
	int r = base->loop.stop;
	evrt__unlock(base->strand->lock);
	return r;
}
