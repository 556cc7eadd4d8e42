/* runtime/pool/stats.c — how long what is ready has waited; see stats.h.
 *
 * Threads:  any. A strand's memory lives as long as its pool, so one that is found in a queue may be read even if it
 *           is gone from there by then: it says 0, or of its next wait.
 */
#include "runtime/pool/stats.h"

#include "runtime/pool/pool.h"
#include "threading/lock.h"

static evrt_ns
age_of(const evrt_atomic(evrt_ns) *since, evrt_ns now)
{
	evrt_ns t = evrt_load_relaxed(since);

	return t && now > t ? now - t : 0;
}

evrt_ns
evrt__stats_oldest(struct evrt_worker *w, evrt_ns now)
{
	const struct evrt_pool_strand *first = evrt__ring_peek(&w->ring);
	evrt_ns oldest = age_of(&w->own->ready_since, now);
	evrt_ns age = first ? age_of(&first->ready_since, now) : 0;

	if (age > oldest)
		oldest = age;
	/* Messages that are no strands lie there too, for as long as the worker sleeps: the time alone tells. */
	age = evrt__inbox_empty(&w->inbox) ? 0 : age_of(&w->inbox_since, now);
	if (age > oldest)
		oldest = age;
	const struct evrt_group *g = w->group;
	age = w->index != g->first || evrt__inbox_empty(&g->inbox) ? 0 : age_of(&g->inbox_since, now);
	return age > oldest ? age : oldest;
}

evrt_ns
evrt__stats_oldest_injected(struct evrt_pool *p, evrt_ns now)
{
	evrt_ns age = 0;

	/* In a fork's child the lock may be held by a thread that is not there. */
	if (!evrt_load_relaxed(&p->inject_length) || evrt__pool_is_forked(p))
		return 0;
	pthread_mutex_lock(&p->inject_lock);
	if (p->inject_head)
		age = age_of(&p->inject_head->ready_since, now);
	pthread_mutex_unlock(&p->inject_lock);
	return age;
}
