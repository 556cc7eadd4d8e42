/* api/event/watch.h — the watchers of a plain base.
 *
 * Here:     what struct event_base holds of them, and their end with the base.
 * Not here: the public contract (event2/watch.h), when they are called (runtime/loop/loop.h).
 * Threads:  as their base.
 */
#ifndef EVRT_API_EVENT_WATCH_H_
#define EVRT_API_EVENT_WATCH_H_

#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

enum evrt_watch_kind { EVRT_WATCH_PREPARE, EVRT_WATCH_CHECK, EVRT_WATCH_KINDS };

/* Guarded by the base's lock. While there is none of either kind, the loop does not know of watchers. */
struct evrt_watchers {
	struct evrt_link list[EVRT_WATCH_KINDS]; /* struct evwatch, oldest first */
	struct evrt_link *next;  /* of the one that runs: where the walk goes on. Moves when that one goes */
	uint64_t made;           /* watchers so far: each has its number */
	uint64_t turn_made;      /* `made` when this turn began: newer ones wait for the next */
	evrt_ns timeout_ns;      /* for prepare watchers of this turn; -1: none. Loop's thread only */
};

void evrt__watchers_init(struct evrt_watchers *);
/* The base is being freed; nothing runs. */
void evrt__watchers_free(struct evrt_watchers *);

#endif
