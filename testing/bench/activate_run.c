/* testing/bench/activate_run.c — activates across threads, with the library that is linked in; see activate.c.
 *
 * Usage: activate_LIBRARY latency SAMPLES | flood THREADS SOURCES ACTIVATIONS   Prints lines for bench.h.
 */
#include "testing/bench/activate.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "testing/bench/bench.h"

#define THREADS_MAX 8
#define WARM_UP 100
/* What a loop needs to go to sleep, and more. */
#define ASLEEP_AFTER_NS 50e3

/* Written by one thread and read by another in between: plain C11 atomics, which are sequentially consistent. */
static _Atomic unsigned calls;
static _Atomic unsigned threads_done;

/* ---- Latency: the sender waits until the loop sleeps, activates, and waits for the callback. */

static unsigned samples;
static double *latency_us;
static _Atomic double called_at_ns;

static bool
latency_called(void)
{
	called_at_ns = bench_wall_ns();
	return ++calls < samples;
}

static void *
latency_send(void *arg)
{
	bench_pin(1);
	for (unsigned i = 0; i < samples; i++) {
		double until = bench_wall_ns() + ASLEEP_AFTER_NS;
		while (bench_wall_ns() < until)
			;
		double sent_at = bench_wall_ns();
		activate_send(0);
		while (calls == i)
			;
		latency_us[i] = (called_at_ns - sent_at) / 1e3;
	}
	return arg;
}

static void
measure_latency(void)
{
	pthread_t sender;

	latency_us = calloc(samples, sizeof(*latency_us));
	if (!latency_us || pthread_create(&sender, NULL, latency_send, NULL) != 0)
		bench_die("no sender");
	activate_run();
	pthread_join(sender, NULL);
	int kept = (int)samples - WARM_UP;
	double p99 = bench_quantile(latency_us + WARM_UP, kept, 0.99);
	printf("%f latency asleep, median (us)\n", bench_quantile(latency_us + WARM_UP, kept, 0.5));
	printf("%f latency asleep, 99 of 100 (us)\n", p99);
}

/* ---- Flood: the senders never wait. */

static unsigned threads, sources, activations;

static bool
flood_called(void)
{
	calls++;
	return threads_done < threads;
}

static void *
flood_send(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;
	unsigned source = 0;

	bench_pin((int)self + 1);
	for (unsigned i = 1; i < activations / threads; i++) {
		activate_send(self * sources + source);
		source = source + 1 < sources ? source + 1 : 0;
	}
	/* The callback of the last one sees that all are done. */
	threads_done++;
	activate_send(self * sources + source);
	return arg;
}

static void
measure_flood(void)
{
	pthread_t sender[THREADS_MAX];
	double wall = bench_wall_ns(), cpu = bench_process_cpu_ns();

	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&sender[i], NULL, flood_send, (void *)(uintptr_t)i) != 0)
			bench_die("no sender");
	activate_run();
	for (unsigned i = 0; i < threads; i++)
		pthread_join(sender[i], NULL);
	cpu = bench_process_cpu_ns() - cpu;
	wall = bench_wall_ns() - wall;
	printf("%f flood, %u thread(s), %u source(s) each: CPU time per activation (ns)\n", cpu / activations, threads,
	    sources);
	printf("%f flood, %u thread(s), %u source(s) each: time per activation (ns)\n", wall / activations, threads,
	    sources);
	printf("%f flood, %u thread(s), %u source(s) each: callbacks per 1000 activations\n",
	    1000.0 * calls / activations, threads, sources);
}

/* ---- */

static bool (*on_called)(void);

bool
activate_called(void)
{
	return on_called();
}

static void
usage(const char *program)
{
	fprintf(stderr, "usage: %s latency SAMPLES | flood THREADS SOURCES ACTIVATIONS\n", program);
	exit(2);
}

int
main(int argc, char **argv)
{
	bool floods = argc == 5 && strcmp(argv[1], "flood") == 0;

	if (!floods && (argc != 3 || strcmp(argv[1], "latency") != 0))
		usage(argv[0]);
	samples = (unsigned)atoi(argv[2]);
	threads = floods ? (unsigned)atoi(argv[2]) : 1;
	sources = floods ? (unsigned)atoi(argv[3]) : 1;
	activations = floods ? (unsigned)atoi(argv[4]) : 1;
	if (threads < 1 || threads > THREADS_MAX || sources < 1 || activations < threads ||
	    (!floods && samples <= WARM_UP))
		usage(argv[0]);
	on_called = floods ? flood_called : latency_called;
	bench_pin(0);
	activate_open(threads * sources);
	if (floods)
		measure_flood();
	else
		measure_latency();
	activate_close();
	return 0;
}
