/* api/event/once.c — event_base_once: a callback without an event of the user's.
 *
 * Threads:  any.
 */
#include "api/event/once.h"

#include <event2/event.h>

#include "api/event/debug.h"
#include "base/mem.h"
#include "runtime/pool/watchdog.h"
#include "threading/lock.h"

struct once {
	struct event_core ev;
	event_callback_fn fn;
	void *arg;
};

static void
once_free(struct once *once)
{
	evrt__debug_note(&once->ev, EVRT_DEBUG_RELEASED, 0, NULL);
	evrt__free(once);
}

static void
once_run(evutil_socket_t fd, short result, void *arg)
{
	struct once *once = arg;
	event_callback_fn fn = once->fn;
	void *fn_arg = once->arg;

	once_free(once);
	evrt__watch_name((evrt_watch_fn)fn);
	fn(fd, result, fn_arg);
}

bool
evrt__event_is_once(const struct event_core *ev)
{
	return (event_callback_fn)(void (*)(void))ev->task.fn == once_run;
}

void
evrt__event_once_free(struct event_core *ev)
{
	once_free(EVRT_CONTAINER_OF(ev, struct once, ev));
}

event_callback_fn
evrt__event_once_callback(const struct event_core *ev)
{
	return EVRT_CONTAINER_OF(ev, const struct once, ev)->fn;
}

int
event_base_once(struct event_base *base, evutil_socket_t fd, short events, event_callback_fn callback, void *arg,
    const struct timeval *tv)
{
	int r;

	if (!base || !callback || (events & (EV_SIGNAL | EV_PERSIST)))
		return -1;
	events &= EV_READ | EV_WRITE | EV_CLOSED | EV_TIMEOUT;
	if (!events)
		return -1;
	struct once *once = evrt__calloc(1, sizeof(*once));
	if (!once)
		return -1;
	once->fn = callback;
	once->arg = arg;
	struct event *ev = evrt__event_public(&once->ev);
	bool timer = events == EV_TIMEOUT;
	if (event_assign(ev, base, timer ? -1 : fd, timer ? 0 : events & ~EV_TIMEOUT, once_run, once) < 0) {
		evrt__free(once);
		return -1;
	}
	/* A timer that is due at once keeps the order of calls: it goes straight to the queue. */
	if (timer && (!tv || (tv->tv_sec == 0 && tv->tv_usec == 0))) {
		struct evrt_strand *s = evrt__event_lock_or_make(&once->ev);
		r = s ? 0 : -1;
		if (s) {
			evrt__event_active_nolock(s, &once->ev, EV_TIMEOUT, 1);
			evrt__event_unlock(s);
		}
	} else {
		r = event_add(ev, tv);
	}
	if (r < 0)
		once_free(once);
	return r;
}
