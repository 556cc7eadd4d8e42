/* testing/bench/bench.h — what the benchmarks have in common: contestants in turn, rounds, and the table.
 *
 * Here:     running every contestant as a child process, several rounds, and comparing what they print; the
 *           clocks and the pinning that both sides need.
 * Not here: what is measured. A contestant is a program: one source per benchmark, linked with an adapter per
 *           library, so that each library runs alone in its process, and all are compiled alike.
 * Threads:  one.
 *
 * A benchmark has passes (sizes, backends); a contestant is run once per pass and round, with its own arguments
 * and then the pass's words. Contestants take turns within a round, so that a drift of the machine's speed hits
 * all alike, and ratios are taken within a round. A child prints lines "VALUE METRIC", where METRIC is the rest
 * of the line; lines of the same METRIC stand in one table. What a library cannot do, its child does not print.
 * A METRIC that ends in (ns), (us) or (B) is a cost, for which there are ratios; others are only shown.
 */
#ifndef EVRT_TESTING_BENCH_BENCH_H_
#define EVRT_TESTING_BENCH_BENCH_H_

#include <stdbool.h>
#include <stdio.h>

#define BENCH_ROUNDS_MAX 101
#define BENCH_CONTESTANTS_MAX 16
#define BENCH_METRICS_MAX 64
#define BENCH_METRIC_BYTES 96
#define BENCH_ARGS_MAX 8
#define BENCH_NONE (-1)

struct bench_contestant {
	const char *name;
	const char *binary; /* lies beside the benchmark's own */
	const char *args;   /* words; NULL: none */
};

struct bench_metric {
	char name[BENCH_METRIC_BYTES];
	double value[BENCH_CONTESTANTS_MAX][BENCH_ROUNDS_MAX]; /* 0: not measured */
};

struct bench {
	const char *name;
	const char *about;         /* one line: what is run */
	const struct bench_contestant *contestants;
	int contestant_count;
	int oracle;                /* index of the contestant that ratios refer to */
	int floor;                 /* index of what needs no library; BENCH_NONE: there is none */
	int rounds, rounds_quick;
	const char *const *passes; /* words for the children, one string per pass, ended by NULL */
	const char *const *passes_quick;
	void (*after)(const struct bench *); /* prints more, behind the tables; may be NULL */
};

/* The whole of a benchmark's main: reads --quick and --rounds N, runs, prints. The exit status: 0, or 1 when
 * something failed; a bad ratio is not a failure. */
int bench_main(const struct bench *, int argc, char **argv);

/* ---- For a benchmark that runs its contestants itself. */

/* Reads --quick and --rounds N. Ends the program, with status 2, where they are wrong. Returns the rounds. */
int bench_options(const struct bench *, int argc, char **argv, bool *quick);
/* What is run, and on what. */
void bench_print_head(const struct bench *, int rounds);
/* value > 0 */
void bench_record(struct bench_metric *metrics, int *count, const char *metric, int contestant, int round,
    double value);
/* A table per metric: min, median, max; of the floor's; how many times cheaper than the oracle. Warns of what
 * spread by more than a fifth. */
void bench_report(const struct bench *, const struct bench_metric *metrics, int count, int rounds);
/* Fills `path` with that of the program `name` beside this one; with `name` itself where it is a path already. */
void bench_path(char path[4352], const char *name);
/* argv[0] is `path`; the words of `a` and then of `b` (may be NULL) follow. `words` holds them: as long as argv. */
void bench_words(char *argv[BENCH_ARGS_MAX + 2], char words[512], const char *path, const char *a, const char *b);

/* ---- For both sides. */

/* Prints "PROGRAM: WHAT: errno's text" and exits with status 1. */
_Noreturn void bench_die(const char *what);
/* The calling thread stays on CPU `cpu`, counted modulo those there are. */
void bench_pin(int cpu);
/* … or on any CPU. */
void bench_unpin(void);
/* CPU time of the calling thread, of the process, and the time of day that never runs backwards. */
double bench_thread_cpu_ns(void);
double bench_process_cpu_ns(void);
double bench_wall_ns(void);
/* Sorts `values` and returns the one at `fraction` (0.5: the median). */
double bench_quantile(double *values, int count, double fraction);
/* The same numbers in every run and for every contestant. */
unsigned bench_random(unsigned long long *state, unsigned below);
/* 0 .. count-1 in random order, another one for each `seed`. */
void bench_shuffle(unsigned *order, unsigned count, unsigned seed);

#endif
