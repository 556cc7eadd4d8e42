/* api/event/query.c — what a base can be asked.
 *
 * Not here: walking over its events (walk.c).
 * Threads:  any.
 */
#include <event2/event.h>

#include <errno.h>

#include "api/event/event_internal.h"
#include "api/event/globals.h"
#include "api/util/timeval.h"
#include "base/mem.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"

static const struct evrt_backend_ops *
backend_of(const struct event_base *base)
{
	return base->kind == EVRT_BASE_PLAIN ? base->loop.reactor.backend : base->pool->set.backend;
}

const char *
event_base_get_method(const struct event_base *base)
{
	return backend_of(base)->name;
}

const char *
event_base_get_signal_method(const struct event_base *base)
{
	struct event_base *b = (struct event_base *)(uintptr_t)base; /* const to the caller, but for the lock */

	pthread_mutex_lock(&b->setup_lock);
	const char *name = evrt__sigport_method_name(&b->signals);
	pthread_mutex_unlock(&b->setup_lock);
	return name;
}

int
event_base_get_features(const struct event_base *base)
{
	return (int)(backend_of(base)->features & (EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_FDS |
	    EV_FEATURE_EARLY_CLOSE));
}

int
event_base_get_npriorities(struct event_base *base)
{
	return evrt_load_relaxed(&base->priorities);
}

/* A pool's figures are sums of what its workers know, while they go on. */
static int
pooled_count(struct event_base *base, unsigned type)
{
	struct evrt_pool *p = base->pool;
	int64_t sum = 0;

	if (!(type & EVENT_BASE_COUNT_ADDED))
		return 0;
	for (unsigned i = 0; i < p->set.workers; i++)
		sum += evrt_load_relaxed(&p->workers[i].pending);
	sum += evrt_load_relaxed(&p->pending);
	return sum > 0 ? (int)sum : 0;
}

int
event_base_get_num_events(struct event_base *base, unsigned type)
{
	int r = 0;

	if (base->kind != EVRT_BASE_PLAIN)
		return pooled_count(base, type);
	evrt__lock(base->strand->lock);
	if (type & EVENT_BASE_COUNT_ACTIVE)
		r += (int)base->strand->active_user_count;
	if (type & EVENT_BASE_COUNT_VIRTUAL)
		r += base->loop.virtual_count;
	if (type & EVENT_BASE_COUNT_ADDED) /* to libevent, what is active is added once more */
		r += base->strand->added + (int)base->strand->active_user_count;
	evrt__unlock(base->strand->lock);
	return r;
}

int
event_base_get_max_events(struct event_base *base, unsigned type, int clear)
{
	int r = 0;

	if (base->kind != EVRT_BASE_PLAIN)
		return pooled_count(base, type);
	evrt__lock(base->strand->lock);
	if (type & EVENT_BASE_COUNT_ACTIVE) {
		r += (int)base->strand->active_user_max;
		if (clear)
			base->strand->active_user_max = 0;
	}
	if (type & EVENT_BASE_COUNT_VIRTUAL) {
		r += base->loop.virtual_count_max;
		if (clear)
			base->loop.virtual_count_max = 0;
	}
	if (type & EVENT_BASE_COUNT_ADDED) {
		r += base->strand->added_or_active_max;
		if (clear)
			base->strand->added_or_active_max = 0;
	}
	evrt__unlock(base->strand->lock);
	return r;
}

struct event *
event_base_get_running_event(struct event_base *base)
{
	struct evrt_strand *s = base->strand ? base->strand : evrt__base_strand_current(base);
	struct event *ev = NULL;

	if (!s)
		return NULL;
	evrt__lock(s->lock);
	if (s->running && s->running->closure != EVRT_CLOSURE_SELF && s->runner == evrt__thread_id())
		ev = evrt__event_public(evrt__event_of_task(s->running));
	evrt__unlock(s->lock);
	return ev;
}

int
event_base_gettimeofday_cached(struct event_base *base, struct timeval *tv)
{
	int r = 0;

	if (!base)
		base = evrt__global_base;
	if (!base || base->kind != EVRT_BASE_PLAIN)
		return evutil_gettimeofday(tv, NULL);
	evrt__lock(base->strand->lock);
	evrt_ns turn = base->loop.now;
	if (!turn || base->wall_turn != turn)
		r = evutil_gettimeofday(tv, NULL);
	if (turn && r == 0) {
		if (base->wall_turn != turn) { /* once per turn: within it the time must stand still */
			base->wall_ns = evrt__ns_from_timeval(tv) - (evrt__reactor_now(&base->loop.reactor) - turn);
			base->wall_turn = turn;
		}
		*tv = evrt__timeval_from_ns(base->wall_ns);
	}
	evrt__unlock(base->strand->lock);
	return r;
}

int
event_gettime_monotonic(struct event_base *base, struct timeval *tp)
{
	if (!base || !tp)
		return -1;
	*tp = evrt__timeval_from_ns(evrt__clock_now(base->kind == EVRT_BASE_PLAIN ? base->loop.reactor.clock
	    : base->pool->set.clock));
	return 0;
}

int
event_base_update_cache_time(struct event_base *base)
{
	if (!base && (base = evrt__global_base) == NULL)
		return -1;
	if (base->kind != EVRT_BASE_PLAIN)
		return 0; /* a pool reads the clock each time */
	evrt__lock(base->strand->lock);
	if (base->loop.running && base->loop.cache_time)
		base->loop.now = evrt__reactor_now(&base->loop.reactor);
	evrt__unlock(base->strand->lock);
	return 0;
}

const struct timeval *
event_base_init_common_timeout(struct event_base *base, const struct timeval *duration)
{
	const struct timeval *found = NULL;
	evrt_ns ns = evrt__duration_of(duration); /* what was marked before is the same duration */
	struct timeval marked = { .tv_sec = (time_t)(ns / EVRT_NS_PER_SEC) };

	pthread_mutex_lock(&base->setup_lock);
	if (!base->common_timeouts)
		base->common_timeouts = evrt__calloc(EVRT_COMMON_TIMEOUTS_MAX, sizeof(*base->common_timeouts));
	for (int i = 0; base->common_timeouts && !found && i <= base->common_timeouts_count; i++) {
		if (i == EVRT_COMMON_TIMEOUTS_MAX)
			break;
		/* All timers are cheap; the mark keeps libevent's words, which programs may print. */
		marked.tv_usec = (suseconds_t)((unsigned long)(ns % EVRT_NS_PER_SEC / EVRT_NS_PER_US) |
		    EVRT_COMMON_MAGIC | ((unsigned)i << 20));
		struct timeval *tv = &base->common_timeouts[i];
		if (i == base->common_timeouts_count) {
			*tv = marked;
			base->common_timeouts_count++;
			found = tv;
		} else if (tv->tv_sec == marked.tv_sec && tv->tv_usec == marked.tv_usec) {
			found = tv;
		}
	}
	pthread_mutex_unlock(&base->setup_lock);
	return found;
}
