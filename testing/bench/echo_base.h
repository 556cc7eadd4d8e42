/* testing/bench/echo_base.h — the one line in which the two builds of echo_server.c may differ.
 *
 * Here:     bench_base_new: event_base_new(), or evrt's pool. One of echo_base_evrt.c, echo_base_plain.c.
 */
#ifndef EVRT_TESTING_BENCH_ECHO_BASE_H_
#define EVRT_TESTING_BENCH_ECHO_BASE_H_

struct event_base;

/* NULL, after a message, when the arguments are unusable. */
struct event_base *bench_base_new(int argc, char **argv);

#endif
