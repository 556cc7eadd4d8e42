/* api/event/pool_limits.c — what evrt/pool.h says of limits and pressure.
 *
 * Here:     checks, errno, the public struct.
 * Not here: the limits (runtime/pool/limits.c).
 * Threads:  any.
 */
#include <evrt/pool.h>

#include <errno.h>

#include "api/event/pool_internal.h"

_Static_assert(EVRT_PRESSURE_POSTS == EVRT_LIMIT_POSTS && EVRT_PRESSURE_CONNECTIONS == EVRT_LIMIT_CONNECTIONS &&
    EVRT_PRESSURE_LATENCY == EVRT_LIMIT_LATENCY, "the public numbers are the engine's");

int
evrt_pool_set_pressure_cb(struct evrt_pool *pool, evrt_pool_pressure_cb cb, void *arg)
{
	if (!pool)
		return evrt__public_result(-EINVAL);
	evrt__limits_set_told(pool, cb, arg);
	return 0;
}

int
evrt_pool_get_pressure(const struct evrt_pool *pool, struct evrt_pool_pressure *out)
{
	if (!pool || !out)
		return evrt__public_result(-EINVAL);
	const struct evrt_pool_limits_state *l = &pool->limits;
	*out = (struct evrt_pool_pressure){
		.limits = evrt_load_relaxed(&l->pressing),
		.posts = evrt_load_relaxed(&l->posts),
		.connections = evrt_load_relaxed(&l->connections),
		.latency_ns = (uint64_t)evrt_load_relaxed(&l->latency_ns),
		.posts_refused = evrt_load_relaxed(&l->posts_refused),
		.accept_pauses = evrt_load_relaxed(&l->pauses),
	};
	return 0;
}
