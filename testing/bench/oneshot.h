/* testing/bench/oneshot.h — a one-shot wait for a descriptor as one library has it, for oneshot_run.c.
 *
 * Here:     what oneshot_event.c (linked twice), oneshot_ev.c, oneshot_uv.c and oneshot_epoll.c implement, and what
 *           they call. What fails ends the program.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_BENCH_ONESHOT_H_
#define EVRT_TESTING_BENCH_ONESHOT_H_

#include <stdbool.h>

/* Waits once for each of two descriptors to be readable, and runs the loop: each callback calls oneshot_ready, and
 * then waits again, or ends the loop where that returned false. May be called again. */
void oneshot_run(const int fds[2], bool changelist);

/* oneshot_run.c: fds[i] is readable; passes the token on. */
bool oneshot_ready(unsigned i);

#endif
