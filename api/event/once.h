/* api/event/once.h — the events that event_base_once makes for itself.
 *
 * Here:     telling and freeing them when their base goes before they ran.
 */
#ifndef EVRT_API_EVENT_ONCE_H_
#define EVRT_API_EVENT_ONCE_H_

#include "api/event/event_internal.h"

bool evrt__event_is_once(const struct event_core *);
/* The program's callback of such an event. */
event_callback_fn evrt__event_once_callback(const struct event_core *);
/* Deleted and not running. */
void evrt__event_once_free(struct event_core *);

#endif
