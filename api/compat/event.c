/* api/compat/event.c — the calls without a base: those of event2/event_compat.h.
 *
 * Here:     event_init, which names the base of the process, and its kin, which use it.
 * Not here: what newer calls do with a NULL base (api/event): they look at evrt__global_base, too.
 * Threads:  one, as in libevent.
 */
#include <event2/event_compat.h>

#include <event2/event.h>

#include "api/event/globals.h"
#include "base/assert.h"
#include "base/log.h"

struct event_base *
event_init(void)
{
	struct event_base *base = event_base_new();

	if (!base)
		evrt__errx(1, "event_init: Unable to construct event_base");
	evrt__global_base = base;
	return base;
}

int
event_dispatch(void)
{
	return event_loop(0);
}

int
event_loop(int flags)
{
	return event_base_loop(evrt__global_base, flags);
}

int
event_loopexit(const struct timeval *tv)
{
	return event_base_loopexit(evrt__global_base, tv);
}

int
event_loopbreak(void)
{
	return event_base_loopbreak(evrt__global_base);
}

int
event_once(evutil_socket_t fd, short events, void (*callback)(evutil_socket_t, short, void *), void *arg,
    const struct timeval *tv)
{
	return event_base_once(evrt__global_base, fd, events, callback, arg, tv);
}

const char *
event_get_method(void)
{
	return event_base_get_method(evrt__global_base);
}

int
event_priority_init(int npriorities)
{
	return event_base_priority_init(evrt__global_base, npriorities);
}

void
event_set(struct event *ev, evutil_socket_t fd, short events, void (*callback)(evutil_socket_t, short, void *),
    void *arg)
{
	int r = event_assign(ev, evrt__global_base, fd, events, callback, arg);

	EVRT_ASSERT(r == 0);
}
