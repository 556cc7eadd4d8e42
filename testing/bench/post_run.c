/* testing/bench/post_run.c — posts to the library that is linked in; see post.c.
 *
 * Usage: post_LIBRARY HOW latency POSTS | HOW flood BATCHES POSTERS   Prints lines for bench.h.
 * Threads:  the main thread measures latencies; in a flood it starts the posters. Callbacks run in the library's.
 */
#include "testing/bench/post.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/atomic.h"
#include "testing/bench/bench.h"

#define SECOND 1e9
/* Long enough for the target to be asleep again. */
#define PAUSE_NS 300000
#define TARGETS_MAX 8

/* Callbacks run so far; each thread that runs some has a line of its own, so that counting costs next to nothing. */
static struct {
	_Alignas(64) evrt_atomic(unsigned long) count;
} ran[TARGETS_MAX];
static evrt_atomic(unsigned) targets;
static _Thread_local unsigned target_plus_1;

static bool is_latency;
static double ran_at_ns; /* written by a callback before it counts, read when the count was seen */

void
post_ran(void)
{
	if (is_latency)
		ran_at_ns = bench_wall_ns();
	if (target_plus_1 == 0)
		target_plus_1 = evrt_add_relaxed(&targets, 1) % TARGETS_MAX + 1;
	evrt_add_acq_rel(&ran[target_plus_1 - 1].count, 1);
}

static unsigned long
ran_count(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < TARGETS_MAX; i++)
		sum += evrt_load_acquire(&ran[i].count);
	return sum;
}

/* Until all of `posts` have run; asleep meanwhile. */
static void
wait_for(unsigned long posts)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	double patience_ns = bench_wall_ns() + 20 * SECOND;

	do {
		nanosleep(&pause, NULL);
		if (bench_wall_ns() > patience_ns) {
			fprintf(stderr, "%lu of %lu posts have run, and no more do\n", ran_count(), posts);
			exit(1);
		}
	} while (ran_count() != posts);
}

static void
latency(int posts)
{
	double *ns = calloc((size_t)posts, sizeof(*ns));

	is_latency = true;
	for (int i = 0; ns && i < posts; i++) {
		double t_ns = bench_wall_ns();
		post_one(0);
		wait_for((unsigned long)i + 1);
		ns[i] = ran_at_ns - t_ns;
	}
	printf("%f latency to a sleeping thread, median (ns)\n", bench_quantile(ns, posts, 0.5));
	printf("%f latency to a sleeping thread, 99th percentile (ns)\n", bench_quantile(ns, posts, 0.99));
	free(ns);
}

struct poster {
	pthread_t thread;
	unsigned first;
	double cpu_ns, wall_ns; /* of the last batch */
};

static void *
poster_main(void *arg)
{
	struct poster *p = arg;
	double cpu_ns = bench_thread_cpu_ns(), wall_ns = bench_wall_ns();

	for (unsigned i = 0; i < POST_BATCH; i++)
		post_one(p->first + i);
	p->cpu_ns = bench_thread_cpu_ns() - cpu_ns;
	p->wall_ns = bench_wall_ns() - wall_ns;
	return NULL;
}

static void
print_flood(double value, const char *what, unsigned posters)
{
	printf("%f flood by %u: %s\n", value, posters, what);
}

static void
flood(int batches, unsigned posters)
{
	struct poster p[POST_POSTERS_MAX];
	double cpu_ns = 0, wall_ns = 0, wakes_before = 0, sleeps_before = 0, wakes, sleeps;
	double posts = (double)batches * posters * POST_BATCH;

	post_counters(&wakes_before, &sleeps_before);
	double process_ns = bench_process_cpu_ns();
	for (int b = 1; b <= batches; b++) {
		for (unsigned i = 0; i < posters; i++) {
			p[i].first = i * POST_BATCH;
			if (pthread_create(&p[i].thread, NULL, poster_main, &p[i]))
				bench_die("a thread that posts");
		}
		for (unsigned i = 0; i < posters; i++) {
			pthread_join(p[i].thread, NULL);
			cpu_ns += p[i].cpu_ns;
			wall_ns += p[i].wall_ns;
		}
		wait_for((unsigned long)b * posters * POST_BATCH);
	}
	print_flood(cpu_ns / posts, "poster's CPU time per post (ns)", posters);
	print_flood(wall_ns / posts, "time until a post returns (ns)", posters);
	print_flood((bench_process_cpu_ns() - process_ns) / posts, "CPU time per post, all threads (ns)", posters);
	if (!post_counters(&wakes, &sleeps))
		return;
	print_flood((wakes - wakes_before) / posts, "eventfd writes per post", posters);
	if (sleeps > sleeps_before)
		print_flood((wakes - wakes_before) / (sleeps - sleeps_before), "eventfd writes per sleep", posters);
}

int
main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	bench_pin(1);
	post_open(argv[1]); /* whose threads stay on CPU 1 */
	bench_pin(0);
	if (strcmp(argv[2], "latency") == 0)
		latency(atoi(argv[3]));
	else
		flood(atoi(argv[3]), argc > 4 && atoi(argv[4]) == POST_POSTERS_MAX ? POST_POSTERS_MAX : 1);
	fflush(stdout);
	_Exit(0);
}
