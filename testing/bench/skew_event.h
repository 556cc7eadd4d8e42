/* testing/bench/skew_event.h — what the servers on libevent's API have in common, evrt's and the oracle's. */
#ifndef EVRT_TESTING_BENCH_SKEW_EVENT_H_
#define EVRT_TESTING_BENCH_SKEW_EVENT_H_

#include <stdbool.h>

#include <event2/event.h>
#include <event2/listener.h>

/* Calls on_accept for each connection to the server. Ends the program when it cannot listen. */
void skew_event_listen(struct event_base *base, evconnlistener_cb on_accept, void *arg);
/* Serves the connection `fd` on `base` until the client closes it: all messages that are there per callback of an
 * edge-triggered event, or one per callback of a level-triggered one. */
void skew_event_serve(struct event_base *base, evutil_socket_t fd, bool edges);

#endif
