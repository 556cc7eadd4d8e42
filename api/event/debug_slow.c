/* api/event/debug_slow.c — callbacks that keep their loop waiting: evrt/debug.h.
 *
 * Threads:  the runner of a strand, outside its lock while it reports; the setter: any.
 */
#include <evrt/debug.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/event/config.h"
#include "api/event/debug_report.h"
#include "api/event/event_internal.h"
#include "api/util/timeval.h"
#include "threading/lock.h"

/* Relaxed: it publishes nothing but itself. NEVER: no callback is measured. */
static evrt_atomic(evrt_ns) slow_limit = EVRT_NS_NEVER;
static evrt_atomic(bool) slow_was_set; /* by the program: the environment has no say */

static void
slow_set(evrt_ns limit)
{
	evrt_store_relaxed(&slow_limit, limit);
	if (limit == EVRT_NS_NEVER)
		evrt_and_relaxed(&evrt__debug_watch, ~EVRT_DEBUG_SLOW);
	else
		evrt_or_relaxed(&evrt__debug_watch, EVRT_DEBUG_SLOW);
}

int
evrt_event_debug_set_slow_callback(const struct timeval *limit)
{
	if (limit && (limit->tv_sec < 0 || limit->tv_usec < 0)) {
		errno = EINVAL;
		return -1;
	}
	evrt_store_relaxed(&slow_was_set, true);
	slow_set(limit ? evrt__ns_from_timeval(limit) : EVRT_NS_NEVER);
	return 0;
}

void
evrt__debug_slow_from_environment(void)
{
	const char *text = evrt__getenv("EVRT_SLOW_CALLBACK_MS");
	char *end;

	if (!text || evrt_load_relaxed(&slow_was_set))
		return;
	long ms = strtol(text, &end, 10);
	if (end != text && !*end && ms >= 0 && ms <= EVRT_NS_NEVER / EVRT_NS_PER_MS - 1)
		slow_set(ms * EVRT_NS_PER_MS);
}

void
evrt__debug_slow_shutdown(void)
{
	evrt_store_relaxed(&slow_was_set, false);
	slow_set(EVRT_NS_NEVER);
}

/* What to say of the event if its callback, which may free it, is slow. Strand locked. */
static struct evrt_debug_entry
slow_entry(const struct event_core *ev, event_callback_fn fn)
{
	struct evrt_debug_entry copy = { .ev = ev, .fn = fn, .fd = ev->fd, .events = ev->events };

	evrt__debug_map_lock();
	struct evrt_debug_entry *e = evrt__debug_map_find(ev);
	if (e)
		copy = *e;
	evrt__debug_map_unlock();
	return copy;
}

static void
slow_tell(const struct evrt_debug_entry *e, evrt_ns took, evrt_ns limit)
{
	char problem[128];

	snprintf(problem, sizeof(problem), "a callback took %.3f ms (limit %.3f ms)", (double)took / EVRT_NS_PER_MS,
	    (double)limit / EVRT_NS_PER_MS);
	evrt__debug_warn(e, problem, "nothing else of its base, or of its strand, ran meanwhile: do long work in "
	    "another thread, or in pieces");
}

void
evrt__debug_call(void *lock, const struct event_core *ev, event_callback_fn fn, evutil_socket_t fd, short what,
    void *arg)
{
	evrt_ns limit = evrt_load_relaxed(&slow_limit);
	struct evrt_debug_entry entry;
	evrt_ns began = 0;

	evrt__debug_note(ev, EVRT_DEBUG_CALLED, what, NULL);
	if (limit != EVRT_NS_NEVER) {
		entry = slow_entry(ev, fn);
		began = evrt__clock_now(evrt__clock_real());
	}
	evrt__unlock(lock);
	fn(fd, what, arg);
	if (limit != EVRT_NS_NEVER) {
		evrt_ns took = evrt__clock_now(evrt__clock_real()) - began;
		if (took >= limit)
			slow_tell(&entry, took, limit);
	}
	evrt__lock(lock);
}
