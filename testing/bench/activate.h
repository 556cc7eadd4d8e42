/* testing/bench/activate.h — waking a loop from other threads as one library does it, for activate_run.c.
 *
 * Here:     what activate_event.c (linked twice), activate_ev.c and activate_uv.c implement, and what they call.
 *           What fails ends the program.
 * Threads:  activate_send: any. All else: the one that runs the loop.
 */
#ifndef EVRT_TESTING_BENCH_ACTIVATE_H_
#define EVRT_TESTING_BENCH_ACTIVATE_H_

#include <stdbool.h>

/* A loop with `sources` things that other threads may activate. */
void activate_open(unsigned sources);
/* Has the callback of a source called soon; once, if it was activated already and has not been called yet. */
void activate_send(unsigned source);
/* Runs the loop until a call of activate_called returns false. */
void activate_run(void);
void activate_close(void);

/* activate_run.c: the callback of a source. */
bool activate_called(void);

#endif
