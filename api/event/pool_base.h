/* api/event/pool_base.h — pooled and pinned bases, as the rest of the event room sees them.
 *
 * Here:     what base.c and dispatch.c hand on when a base is not a plain one.
 * Threads:  as the public functions that call them.
 */
#ifndef EVRT_API_EVENT_POOL_BASE_H_
#define EVRT_API_EVENT_POOL_BASE_H_

#include <stdbool.h>

#include "api/event/event_internal.h"

struct evrt_backend_ops;

/* NULL with errno. */
struct event_base *evrt__pooled_base_new(unsigned workers, const struct evrt_backend_ops *backend, int flags);
/* A pooled base takes its pool with it; a pinned one refuses. */
void evrt__pool_base_free(struct event_base *, bool finalize);
int evrt__pooled_base_loop(struct event_base *, int flags);
/* loopexit has fired, or loopbreak was called (maybe by a signal's handler). 0, or -1 with errno. */
int evrt__pooled_base_end(struct event_base *, bool at_once);
/* event_reinit: of the whole pool. 0 or -errno. */
int evrt__pool_base_reinit(struct event_base *);
/* Where the base's signals arrive, referenced. */
struct evrt_strand *evrt__base_strand_for_signals(struct event_base *);

/* base.c: what a dying base does with what is left; no lock held, nothing runs. */
void evrt__strand_drop_tasks(struct evrt_strand *, bool finalize);
void evrt__fdmap_drop_watches(struct evrt_fdmap *, bool finalize);
void evrt__base_drop_signals(struct event_base *, bool finalize);

#endif
