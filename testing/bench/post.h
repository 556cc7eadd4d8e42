/* testing/bench/post.h — the benchmark of posts (post_run.c) and the libraries that it runs on.
 *
 * A library is one source: post_LIBRARY.c. Nothing is closed: the process ends.
 */
#ifndef EVRT_TESTING_BENCH_POST_H_
#define EVRT_TESTING_BENCH_POST_H_

#include <stdbool.h>

#define POST_BATCH 10000
#define POST_POSTERS_MAX 2

/* ---- By the library. */

/* Starts the threads that run what is posted. `how`: which of the library's ways to post. */
void post_open(const char *how);
/* Has post_ran() called by another thread, once. `i` is in use by one post at a time: below POST_BATCH for the
 * first poster, below 2 * POST_BATCH for the second. From the posters' threads. */
void post_one(unsigned i);
/* How often threads were woken with a system call, and how often they went to sleep. False: not known. */
bool post_counters(double *wakes, double *sleeps);

/* ---- By the benchmark. */

void post_ran(void);

#endif
