/* testing/bench/pipes.h — readable descriptors as one library reports them, for pipes_run.c.
 *
 * Here:     what pipes_event.c (linked twice), pipes_ev.c, pipes_uv.c and pipes_epoll.c implement, and what they
 *           call. What fails ends the program.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_BENCH_PIPES_H_
#define EVRT_TESTING_BENCH_PIPES_H_

#include <stdbool.h>

/* A loop on the poller `method` (epoll, poll, select) that can watch fds[0] … fds[count - 1], which stay where they
 * are. False: the library has no such poller. */
bool pipes_open(const char *method, bool changelist, const int *fds, unsigned count);
void pipes_close(void);
/* Watches all descriptors, level-triggered, for reading; those that are watched already, anew. */
void pipes_watch(void);
/* One turn of the loop, without waiting. */
void pipes_turn(void);

/* pipes_run.c: fds[i] is readable. */
void pipes_ready(unsigned i);

#endif
