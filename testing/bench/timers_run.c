/* testing/bench/timers_run.c — measures the timers of the library that is linked in; see timers.c.
 *
 * Usage: timers_LIBRARY COUNT [SCENE]   Prints lines for bench.h: nanoseconds of CPU time per timer. With a
 * SCENE it plays that one only, and once: for a profiler, which finds the steps by the names of their functions.
 */
#include "testing/bench/timers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "testing/bench/bench.h"

/* Small counts are repeated until there is something to measure. */
#define OPERATIONS_MIN 200000u
#define US_PER_S 1000000u
/* Clocks may be this coarse. */
#define CLOCK_SLACK_US 20000u
#define STEPS_MAX 3

struct step {
	const char *metric; /* NULL: not measured */
	void (*run)(void);
	bool outside;       /* not in a callback */
	double sum_ns;
};

struct scene {
	const char *name;
	void (*prepare)(void);
	struct step steps[STEPS_MAX];
};

static unsigned count;
static unsigned *in_order, *order_a, *order_b;
static struct timeval *soon, *later, *common;
static struct scene *playing;

static void
fill(struct timeval *tv, unsigned from_us, unsigned range_us)
{
	unsigned long long state = from_us;

	for (unsigned i = 0; i < count; i++) {
		unsigned us = from_us + bench_random(&state, range_us);
		tv[i] = (struct timeval){ .tv_sec = us / US_PER_S, .tv_usec = us % US_PER_S };
	}
}

static void
prepare_random(void)
{
	fill(soon, US_PER_S, 59 * US_PER_S);
	fill(later, 61 * US_PER_S, 59 * US_PER_S);
}

static void
prepare_common(void)
{
	const struct timeval minute = { .tv_sec = 60 };
	const struct timeval *tv = timers_common(&minute);

	for (unsigned i = 0; i < count; i++)
		common[i] = tv ? *tv : minute;
}

/* 1 us to COUNT us away, each once; `later` is behind all of them, in another order. */
static void
prepare_fire(void)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned a = order_a[i] + 1, b = order_b[i] + 1 + count;
		soon[i] = (struct timeval){ .tv_sec = a / US_PER_S, .tv_usec = a % US_PER_S };
		later[i] = (struct timeval){ .tv_sec = b / US_PER_S, .tv_usec = b % US_PER_S };
	}
}

static void
arm(void)
{
	timers_set(in_order, soon, count);
}

static void
push_back(void)
{
	timers_set(order_a, later, count);
}

static void
arm_common(void)
{
	timers_set(in_order, common, count);
}

static void
push_back_common(void)
{
	timers_set(order_a, common, count);
}

static void
delete_all(void)
{
	timers_delete(order_b, count);
}

static void
pass_by(void)
{
	unsigned us = 2 * count + CLOCK_SLACK_US;
	struct timespec ts = { .tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * 1000l };

	nanosleep(&ts, NULL);
}

static void
fire(void)
{
	pass_by();
	timers_fire(count);
}

static void
fire_pushed_back(void)
{
	timers_set(order_a, later, count);
	fire();
}

static struct scene scenes[] = {
	{ "random", prepare_random, {
		{ .metric = "arm", .run = arm },
		{ .metric = "push back", .run = push_back },
		{ .metric = "delete", .run = delete_all } } },
	{ "common", prepare_common, {
		{ .metric = "arm, one common timeout", .run = arm_common },
		{ .metric = "push back, one common timeout", .run = push_back_common },
		{ .metric = "delete, one common timeout", .run = delete_all } } },
	{ "fire", prepare_fire, {
		{ .run = arm },
		{ .metric = "fire", .run = fire, .outside = true } } },
	{ "pushed", prepare_fire, {
		{ .run = arm },
		{ .metric = "push back and fire", .run = fire_pushed_back, .outside = true } } },
};
#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

static void
run_step(struct step *s)
{
	double t = bench_thread_cpu_ns();

	s->run();
	s->sum_ns += bench_thread_cpu_ns() - t;
}

static void
play_inside(void)
{
	for (int i = 0; i < STEPS_MAX; i++)
		if (playing->steps[i].run && !playing->steps[i].outside)
			run_step(&playing->steps[i]);
}

static void
play(struct scene *s)
{
	playing = s;
	timers_open(count);
	s->prepare();
	timers_inside(play_inside);
	for (int i = 0; i < STEPS_MAX; i++)
		if (s->steps[i].outside)
			run_step(&s->steps[i]);
	timers_close();
}

static void *
need(size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		bench_die("memory");
	return p;
}

static void
set_up(void)
{
	bench_pin(0);
	in_order = need(sizeof(*in_order));
	order_a = need(sizeof(*order_a));
	order_b = need(sizeof(*order_b));
	soon = need(sizeof(*soon));
	later = need(sizeof(*later));
	common = need(sizeof(*common));
	for (unsigned i = 0; i < count; i++)
		in_order[i] = i;
	bench_shuffle(order_a, count, 1);
	bench_shuffle(order_b, count, 2);
}

int
main(int argc, char **argv)
{
	const char *scene = argc > 2 ? argv[2] : NULL;

	count = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	if (count < 1 || count > 100 * US_PER_S) {
		fprintf(stderr, "usage: %s COUNT [random | common | fire | pushed]\n", argv[0]);
		return 2;
	}
	set_up();
	unsigned repeats = scene || count >= OPERATIONS_MIN ? 1 : OPERATIONS_MIN / count;
	for (unsigned s = 0; s < SCENES; s++) {
		if (scene && strcmp(scene, scenes[s].name) != 0)
			continue;
		for (unsigned i = 0; i < repeats; i++)
			play(&scenes[s]);
		for (int i = 0; i < STEPS_MAX; i++)
			if (scenes[s].steps[i].metric)
				printf("%f %s: %u timers (ns)\n", scenes[s].steps[i].sum_ns / count / repeats,
				    scenes[s].steps[i].metric, count);
	}
	return 0;
}
