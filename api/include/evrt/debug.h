/* evrt/debug.h — finding the callbacks that keep a loop waiting.
 *
 * The other reports of misused events come with event_enable_debug_mode() (event2/event.h): events that are used
 * before they are set up or after they were freed or their base was; assigned, or torn down, while they are added;
 * added while they are finalised; edge- and level-triggered events on one fd; fds that are closed while an event
 * waits on them; a base without locks that is used from a second thread while its loop runs. Each names the
 * event, what happened to it last, when and on which thread, and what to do.
 *
 * In the environment: EVRT_SLOW_CALLBACK_MS=N is as good as a call of evrt_event_debug_set_slow_callback with N
 * milliseconds before the first base is made.
 */
#ifndef EVRT_DEBUG_H_INCLUDED_
#define EVRT_DEBUG_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct timeval;

/**
 * Has every callback of an event measured, and those reported that run longer than `limit`: by a warning
 * (event_set_log_callback) once the callback has returned, with the time that it took.
 *
 * Works with and without debug mode; what happened to the event before is told only in debug mode. Costs two
 * readings of the clock per callback while it is on. Deferred callbacks of bufferevents and posts to a pool are
 * not measured. Any thread, at any time; callbacks that run already are not measured. libevent_global_shutdown
 * switches it off.
 *
 * @param limit NULL: no callback is measured, whatever the environment says. 0: each one is reported.
 * @return 0; -1 with errno EINVAL: negative
 */
EVENT2_EXPORT_SYMBOL
int evrt_event_debug_set_slow_callback(const struct timeval *limit);

#ifdef __cplusplus
}
#endif
#endif
