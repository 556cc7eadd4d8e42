/* api/event/pool_internal.h — a pool and its bases, together.
 *
 * Here:     what pool_api.c and pool_base.c share.
 */
#ifndef EVRT_API_EVENT_POOL_INTERNAL_H_
#define EVRT_API_EVENT_POOL_INTERNAL_H_

#include "api/event/event_internal.h"
#include "runtime/pool/pool.h"

struct evrt_pool_config;

struct evrt__pool_bases { /* evrt_pool.api */
	struct event_base base[EVRT_POOL_WORKERS_MAX + 1]; /* [workers]: the pooled one; before it the pinned */
};

/* NULL with errno. */
struct evrt_pool *evrt__pool_new_with_bases(const struct evrt_pool_config *, const struct evrt_backend_ops *,
    int flags);
void evrt__pool_free_with_bases(struct evrt_pool *, bool finalize);

#endif
