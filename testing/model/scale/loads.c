/* testing/model/scale/loads.c — loads, and what was measured of them; see scale.h. */
#include "testing/model/scale/scale.h"

#include <stddef.h>
#include <string.h>

#include "testing/bench/skew.h"

/* Of the runs in scale_measured: skew's first round. */
#define MEASURED_SECONDS 2
#define MEASURED_SEED 1

/* The first three are those of the benchmark skew, per worker. */
const struct scale_load scale_loads[] = {
	{ "hidden", "625 requests/s a worker, 99.8 % of 0.2 ms (counted), the rest of 100 ms", 128, 625, 0.2e6, 100e6,
	    0.002 },
	{ "bimodal", "1250 requests/s a worker, 99 % of 0.2 ms (counted), the rest of 20 ms", 32, 1250, 0.2e6, 20e6, 0.01 },
	{ "exponential", "800 requests/s a worker of 1 ms in the mean: load 0.8", 128, 800, 1e6, 0, 0 },
	{ "short", "20000 requests/s a worker of 20 us in the mean: load 0.4", 128, 20000, 20e3, 0, 0 },
	{ "tiny", "50000 requests/s a worker of 5 us in the mean: load 0.25", 128, 50000, 5e3, 0, 0 },
	{ .name = NULL },
};

/* 2026-11-26, 2 virtual processors that others used meanwhile:
 *   ./evrt bench skew -- --rounds 1 --seconds 2 --only evrt,floor,ideal --load LOAD --realtime
 * in turn, several times; medians of those runs whose client was not "noisy", and calibrated in between (costs.c). To
 * be replaced together with scale_costs_virtual. */
const struct scale_measured scale_measured[] = {
	{ "hidden", 0.387, 0.675, 0.609, 0.704, 64.2, 0.0 },      /* 3 of 22 runs */
	{ "bimodal", 0.405, 2.747, 2.240, 5.110, 46.1, 0.0 },     /* 8 of 22 */
	{ "exponential", 1.438, 6.077, 5.680, 8.410, 50.7, 0.0 }, /* 5 of 22 */
	{ .load = NULL },
};

const struct scale_load *
scale_load_named(const char *name)
{
	const struct scale_load *l = scale_loads;

	while (l->name && strcmp(l->name, name) != 0)
		l++;
	return l->name ? l : NULL;
}

void
scale_run_skew(const char *load, uint64_t seed, struct scale_result *out)
{
	const struct scale_load *l = scale_load_named(load);
	struct skew_load per_8 = { .name = l->name, .connections = 8 * l->connections,
		.requests_per_s = 8 * l->requests_per_s, .short_ns = l->short_ns, .long_ns = l->long_ns,
		.long_fraction = l->long_fraction };
	struct skew_plan plan;

	skew_plan_make(&plan, &per_8, 8, MEASURED_SECONDS, MEASURED_SEED);
	scale_run(&(struct scale_setup){ .load = l, .workers = 8, .cores = 1, .sleeps = true, .seed = seed, .plan = &plan,
		.costs = &scale_costs_virtual }, out);
	skew_plan_free(&plan);
}
