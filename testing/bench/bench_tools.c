/* testing/bench/bench_tools.c — clocks, pinning, random numbers; see bench.h. */
#include "testing/bench/bench.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
bench_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

void
bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void
bench_unpin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
		CPU_SET((int)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static double
clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

double
bench_thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

double
bench_process_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

double
bench_wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_quantile(double *values, int count, double fraction)
{
	qsort(values, (size_t)count, sizeof(*values), by_value);
	return values[(int)((double)(count - 1) * fraction + 0.5)];
}

unsigned
bench_random(unsigned long long *state, unsigned below)
{
	/* A linear congruence: its upper half is random enough to scatter accesses. */
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(((*state >> 32) * below) >> 32);
}

void
bench_shuffle(unsigned *order, unsigned count, unsigned seed)
{
	unsigned long long state = seed;

	for (unsigned i = 0; i < count; i++) {
		unsigned j = bench_random(&state, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
}
