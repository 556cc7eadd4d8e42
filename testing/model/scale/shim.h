/* testing/model/scale/shim.h — what the engine's sources are built over here, with `-include`, beside the atomics of
 * testing/model/shim.
 *
 * Here:     mutexes, the clock and thread-local variables, which are those of the simulated machine.
 * Not here: system calls, pollers and threads, which the engine reaches by tables and functions (kernel.c, machine.c).
 */
#ifndef EVRT_TESTING_MODEL_SCALE_SHIM_H_
#define EVRT_TESTING_MODEL_SCALE_SHIM_H_

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "base/clock.h"

void sim_mutex_init(pthread_mutex_t *, const char *name);
void sim_mutex_lock(pthread_mutex_t *);
bool sim_mutex_trylock(pthread_mutex_t *);
void sim_mutex_unlock(pthread_mutex_t *);
void sim_mutex_fini(pthread_mutex_t *);
int sim_yield(void);
evrt_ns sim_clock_now(void);

#define pthread_mutex_init(m, attributes) sim_mutex_init((m), #m)
#define pthread_mutex_lock(m) sim_mutex_lock(m)
#define pthread_mutex_trylock(m) (sim_mutex_trylock(m) ? 0 : EBUSY)
#define pthread_mutex_unlock(m) sim_mutex_unlock(m)
#define pthread_mutex_destroy(m) sim_mutex_fini(m)
#define sched_yield() sim_yield()
#define evrt__clock_now(clock) ((void)(clock), sim_clock_now())
#define evrt__clock_now_or_soon(clock) ((void)(clock), sim_clock_now())
/* In a section of their own, whose contents change with the simulated thread. */
#define _Thread_local __attribute__((section("sim_tls")))

#endif
