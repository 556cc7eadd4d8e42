/* api/event/globals.h — what is one per process.
 *
 * Here:     the base of event_init() and its kin (api/compat), which this room takes where a caller gives
 *           NULL; the address that stands for "the event itself".
 * Threads:  evrt__global_base is the single-threaded API's, as in libevent.
 */
#ifndef EVRT_API_EVENT_GLOBALS_H_
#define EVRT_API_EVENT_GLOBALS_H_

struct event_base;

extern struct event_base *evrt__global_base;
/* event_self_cbarg() returns its address. */
extern char evrt__event_self_arg;

#endif
