/* api/event/debug_thread.h — is a base without locks used by one thread at a time?
 *
 * Threads:  any; the map's lock not held.
 */
#ifndef EVRT_API_EVENT_DEBUG_THREAD_H_
#define EVRT_API_EVENT_DEBUG_THREAD_H_

#include "api/event/debug_map.h"

/* Warns, once per base, when this thread uses an event of a base that has no locks and whose loop another thread
 * runs. While no loop runs, threads may hand a base over as they like: that they do so in order is theirs. */
void evrt__debug_thread_check(const struct evrt_debug_entry *, const char *call);

#endif
