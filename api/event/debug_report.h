/* api/event/debug_report.h — the words of a report.
 *
 * Here:     an entry as text: the event, its callback's name, its last steps; sending it.
 * Threads:  any; the map's lock must not be held (the program's log callback is called).
 */
#ifndef EVRT_API_EVENT_DEBUG_REPORT_H_
#define EVRT_API_EVENT_DEBUG_REPORT_H_

#include <stddef.h>
#include "api/event/debug_map.h"

/* A warning: "event debug: ", `problem`, a copy of the event's entry, `advice`. */
void evrt__debug_warn(const struct evrt_debug_entry *, const char *problem, const char *advice);
/* The same, fatal. Only `ev` of the entry is told where it has no steps. */
_Noreturn void evrt__debug_fail(const struct evrt_debug_entry *, const char *problem, const char *advice);

#endif
