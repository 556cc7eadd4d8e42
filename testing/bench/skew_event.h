/* testing/bench/skew_event.h — what the servers on libevent's API have in common, evrt's and the oracle's. */
#ifndef EVRT_TESTING_BENCH_SKEW_EVENT_H_
#define EVRT_TESTING_BENCH_SKEW_EVENT_H_

#include <event2/event.h>

/* Serves the connection `fd` on `base` until the client closes it. */
void skew_event_serve(struct event_base *base, evutil_socket_t fd);

#endif
