/* testing/model/scale/machine.h — a simulated machine: processors, threads, locks and cache lines in virtual time.
 *
 * Here:     threads (coroutines) that compute, block and are awakened; what they queue for. All happens in the order
 *           of virtual time, down to single accesses of atomics: before each step that others can see a thread lets
 *           those go first who are behind it.
 * Not here: system calls (kernel.h), the service (server.c).
 * Threads:  one of the host. "Self" is the simulated thread that runs, or none: the world outside, at events.
 */
#ifndef EVRT_TESTING_MODEL_SCALE_MACHINE_H_
#define EVRT_TESTING_MODEL_SCALE_MACHINE_H_

#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/rand.h"
#include "testing/model/scale/costs.h"

struct sim_thread;

/* One user at a time, first come first served, and who waits spins. */
struct sim_resource {
	const char *name;
	evrt_ns free_at;
	evrt_ns busy_ns, waited_ns;
	uint64_t uses;
	struct sim_resource *next; /* of all */
};

/* `cores` for all threads together: as many as there are threads, and each has its own. */
void sim_machine_begin(const struct scale_costs *, unsigned cores, uint64_t seed);
void sim_machine_end(void);
const struct scale_costs *sim_costs(void);

/* The machine's own doings (scale_costs.stall) begin, after all threads were made; and end. */
void sim_host_begin(void);
void sim_host_end(void);

/* Time of self, or else of the world. */
evrt_ns sim_now(void);
/* fn(arg, tag) in the world at `at`. */
typedef void (*sim_event_fn)(void *arg, uint64_t tag);
void sim_at(evrt_ns at, sim_event_fn fn, void *arg, uint64_t tag);
/* Lets time go on until nothing happens any more (false), or sim_stop was called. */
bool sim_run(void);
void sim_stop(void);

struct sim_thread *sim_thread_new(void *(*fn)(void *), void *arg);
bool sim_threads_ended(void);
/* Processor time of all threads so far. */
evrt_ns sim_cpu_ns(void);

/* Self computes. Does nothing in the world. */
void sim_compute(evrt_ns);
/* Those who are behind self go first. After it, and until self computes or blocks again, no time goes by. */
void sim_sync(void);
/* Self gives its processor away until sim_wake, or `deadline` (EVRT_NS_NEVER). False: it was the deadline. */
bool sim_block(evrt_ns deadline);
struct sim_thread *sim_self(void);
bool sim_has_idle_core(void);
/* Does nothing to a thread that is not blocked. By self (which pays for it), or the world. */
void sim_wake(struct sim_thread *);
/* As sim_block, for as long as a service sleeps. */
void sim_sleep(evrt_ns);

double sim_uniform(void); /* 0 < x < 1 */
evrt_ns sim_draw(const struct scale_times *);

void sim_resource_init(struct sim_resource *, const char *name);
/* Self waits for it and holds it so long. In the world (interrupts of other processors) only the holding counts. */
void sim_use(struct sim_resource *, evrt_ns hold_ns);
struct sim_resource *sim_resources(void);

/* lines.c */
void sim_lines_begin(void);
void sim_lines_end(void);
void sim_lines_count_anew(void);
/* Of the lines in [from, from + bytes), or of all (NULL): how long the busiest of them was on its way to writers, and
 * how long threads waited for any of them. */
struct sim_lines_use {
	evrt_ns busiest_ns, waited_ns;
};
struct sim_lines_use sim_lines_use(const void *from, size_t bytes);

/* machine.c, for lines.c: the number of self, from 0; -1: the world. */
int sim_self_index(void);

#endif
