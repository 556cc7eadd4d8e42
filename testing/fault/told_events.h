/* testing/fault/told_events.h — bufferevents that tell of a fault by their event callback, in the loop.
 *
 * Threads:  any.
 */
#ifndef EVRT_TESTING_FAULT_TOLD_EVENTS_H_
#define EVRT_TESTING_FAULT_TOLD_EVENTS_H_

#include <event2/bufferevent.h>

/* bufferevent_setcb and bufferevent_getcb. An ERROR that is the fault's ends the case as by a failed check; the case's
 * own callback sees all others. So it does where a case gives callbacks, but none for events; where it gives none at
 * all, it wants to hear of nothing. */
void evrt_test_fault_setcb(struct bufferevent *, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
    bufferevent_event_cb eventcb, void *arg);
void evrt_test_fault_getcb(struct bufferevent *, bufferevent_data_cb *readcb, bufferevent_data_cb *writecb,
    bufferevent_event_cb *eventcb, void **arg);

#endif
