/* testing/bench/timers.h — the timers of one library, as timers_run.c uses them.
 *
 * Here:     what timers_event.c (linked twice), timers_ev.c and timers_uv.c implement. Functions take whole
 *           batches, so that the call between the two costs nothing that counts.
 * Threads:  one.
 *
 * A batch is `count` timers in the order `order`; the timeout of timer i is after[i]. What fails ends the program.
 */
#ifndef EVRT_TESTING_BENCH_TIMERS_H_
#define EVRT_TESTING_BENCH_TIMERS_H_

#include <sys/time.h>

/* A fresh loop and `count` timers, none armed. */
void timers_open(unsigned count);
void timers_close(void);
/* Runs `fn` in a callback of the loop: there it has the time at hand, as where real programs set timers. */
void timers_inside(void (*fn)(void));
/* Arms timers, or moves the deadlines of those that are armed. */
void timers_set(const unsigned *order, const struct timeval *after, unsigned count);
void timers_delete(const unsigned *order, unsigned count);
/* Runs the loop, without waiting, until `count` have expired. */
void timers_fire(unsigned count);
/* The timeout `tv` in the form for many timers with the same one; NULL: the library has no such form. */
const struct timeval *timers_common(const struct timeval *tv);

#endif
