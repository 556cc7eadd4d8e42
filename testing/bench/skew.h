/* testing/bench/skew.h — what the parts of the benchmark skew agree on; see skew.c.
 *
 * Here:     loads, plans (what is sent when), what one run gives, and the parts' entries.
 * Threads:  one, but for those that skew_ideal.c starts and joins.
 */
#ifndef EVRT_TESTING_BENCH_SKEW_H_
#define EVRT_TESTING_BENCH_SKEW_H_

#include <stdbool.h>

#include "testing/bench/bench.h"

#define SKEW_ROUNDS_MAX 31
#define SKEW_CONTESTANTS_MAX 12

struct skew_load {
	const char *name;
	const char *about;
	unsigned connections;
	double requests_per_s; /* at 8 workers; others get their share */
	double short_ns;       /* service; the mean, where it is exponential */
	double long_ns;        /* 0: exponential */
	double long_fraction;
};

struct skew_request {
	double at_ns; /* since the start */
	double service_ns;
	unsigned connection;
};

struct skew_plan {
	const struct skew_load *load;
	unsigned workers, count;
	struct skew_request *requests;
};

enum skew_value {
	SKEW_P50_MS,
	SKEW_P99_MS,
	SKEW_P999_MS,
	SKEW_CPU_US,      /* of the server, per request */
	SKEW_SWITCHES,    /* voluntary, of the server, per request */
	SKEW_WAKES,       /* eventfd writes per request; only evrt knows */
	SKEW_LATE_US,     /* p99 of how much later than planned the client sent */
	SKEW_OTHERS,      /* percent of the server's CPU that went to other processes */
	SKEW_STOLEN,      /* … and that the machine's host kept to itself */
	SKEW_VALUES,
};

/* One run of one contestant; BENCH_NONE: not known. */
struct skew_run {
	double value[SKEW_VALUES];
};

struct skew_table {
	const struct skew_load *load;
	const char *const *names;
	int contestants, floor, ideal, rounds; /* floor and ideal: index, or BENCH_NONE */
	const struct skew_run (*runs)[SKEW_ROUNDS_MAX]; /* by contestant and round */
};

/* skew_plan.c: Poisson arrivals, the same for the same seed. */
void skew_plan_make(struct skew_plan *, const struct skew_load *, unsigned workers, double seconds, unsigned seed);
void skew_plan_free(struct skew_plan *);
/* Fills in the latencies' values. `latency_ns` is per request; only short requests count, where there are two kinds. */
void skew_plan_latencies(const struct skew_plan *, const double *latency_ns, struct skew_run *);

/* skew_client.c: one run against a server in a process of its own. Ends the program when answers are missing. */
void skew_client_run(const struct bench_contestant *, bool is_evrt, const struct skew_plan *warm,
    const struct skew_plan *, struct skew_run *);

/* skew_ideal.c: M/G/N with serial connections, simulated. */
void skew_ideal_run(const struct skew_plan *, struct skew_run *);

/* skew_go.c: compiles the server and returns its path, good until the program ends; NULL: `go build` does not work. */
const char *skew_go_build(void);

/* skew_table.c */
void skew_table_print(const struct skew_table *);

#endif
