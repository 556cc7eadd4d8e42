/* testing/bench/bench_serve.h — what the servers on libevent's API have in common, evrt's builds and the oracle's.
 *
 * Here:     listening on the loopback address, and running until standard input ends (bench_server.h starts them).
 * Not here: what a server does with a connection; the base (echo_base.h).
 * Threads:  those of the base.
 */
#ifndef EVRT_TESTING_BENCH_BENCH_SERVE_H_
#define EVRT_TESTING_BENCH_BENCH_SERVE_H_

#include <event2/listener.h>

/* Prints the port, and serves. The exit status of the program: 1, after a message, when it cannot listen. */
int bench_serve(struct event_base *base, evconnlistener_cb on_accept, void *arg);
/* Runs the base until standard input ends; for each byte there it prints what `answer` (may be NULL) returns:
 * bench_server_ask. The exit status of the program. */
int bench_serve_until_eof(struct event_base *base, double (*answer)(void *arg), void *arg);

#endif
