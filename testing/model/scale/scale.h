/* testing/model/scale/scale.h — a pool under load on a simulated machine: what it gives, and what it waits for.
 *
 * Here:     loads, one run of a load, its figures; the figures that were measured, to compare with.
 * Not here: the machine and its kernel (machine.h, kernel.h). The pool is the engine's own: runtime/pool, runtime/loop
 *           and the queues of threading, compiled over simulated atomics, mutexes, time and system calls (shim.h).
 * Threads:  one; one run at a time.
 */
#ifndef EVRT_TESTING_MODEL_SCALE_SCALE_H_
#define EVRT_TESTING_MODEL_SCALE_SCALE_H_

#include <stdbool.h>
#include <stdint.h>
#include "testing/model/scale/costs.h"

struct skew_plan;

/* Per worker, so that more workers have as much to do each. */
struct scale_load {
	const char *name, *about;
	unsigned connections;
	double requests_per_s;
	double short_ns;       /* service; the mean, where it is exponential */
	double long_ns;        /* 0: exponential */
	double long_fraction;
};

extern const struct scale_load scale_loads[]; /* a name of NULL at the end */
const struct scale_load *scale_load_named(const char *name);

struct scale_setup {
	const struct scale_load *load;
	unsigned workers;        /* more than a pool can have: several pools, among which connections are dealt */
	unsigned cores;          /* for all of them; 0: one each */
	bool sleeps;             /* services sleep, as in the benchmark skew, or else compute */
	const struct scale_costs *costs;
	bool no_steal;           /* struct evrt_pool_config.steal = 0 */
	unsigned workers_per_set; /* 0: the default */
	unsigned requests;       /* … that count; a quarter more go before */
	uint64_t seed;
	/* As in the benchmark skew: these requests and no others; one thread is the client of all connections. */
	const struct skew_plan *plan;
};

struct scale_use {
	const char *name;
	double share;            /* of the time that it was in use: the busiest of its kind */
	double wait_us;          /* per request, that workers waited for it, all of its kind */
};
#define SCALE_USES_MAX 16

struct scale_result {
	double p50_ms, p99_ms, p999_ms, mean_ms; /* of short requests, where there are two kinds */
	double cpu_us;           /* processor time per request that is not service */
	double eventfd;          /* writes per request, as the kernel counts … */
	double eventfd_told;     /* … and the pool */
	double steals, rescues;  /* per request */
	double worker_share;     /* of their time, that workers are at work */
	double served;           /* answers to requests per second: less than what came means that it cannot follow */
	struct scale_use uses[SCALE_USES_MAX];
	unsigned uses_count;
	bool lost;               /* all slept, and requests were not answered */
};

void scale_run(const struct scale_setup *, struct scale_result *out);
/* What is in use most, but workers themselves. */
const struct scale_use *scale_busiest(const struct scale_result *);

/* A row of ./evrt bench skew with 8 workers: see loads.c. */
struct scale_measured {
	const char *load;
	double p50_ms, p99_ms, p99_low_ms, p99_high_ms, cpu_us, eventfd; /* medians; p99 of the runs: from … to */
};
extern const struct scale_measured scale_measured[]; /* a load of NULL at the end */
/* That benchmark, here: 8 workers on one processor, whose services sleep, and the same requests. */
void scale_run_skew(const char *load, uint64_t seed, struct scale_result *out);

/* theory.c: M/M/n. The mean, and a quantile, of the time from arrival to answer, in units of the mean service. */
double scale_theory_mean(unsigned workers, double load);
double scale_theory_quantile(unsigned workers, double load, double fraction);

#endif
