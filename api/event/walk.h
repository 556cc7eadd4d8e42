/* api/event/walk.h — visiting the events of a plain base. */
#ifndef EVRT_API_EVENT_WALK_H_
#define EVRT_API_EVENT_WALK_H_

#include "api/event/event_internal.h"

typedef int (*evrt_walk_fn)(struct event_core *, void *);

/* Each event once, the base locked. fn may activate; it must not add or delete. Stops at the first fn that
 * does not return 0, and returns that. */
int evrt__base_walk(struct event_base *base, evrt_walk_fn fn, void *arg);

#endif
