/* testing/bench/skew_plan.c — what is sent when, and what came of it; see skew.h. */
#include "testing/bench/skew.h"

#include <math.h>
#include <stdlib.h>

#define WORKERS_OF_RATES 8

/* 0 < x < 1 */
static double
plan_uniform(unsigned long long *state)
{
	return (bench_random(state, 1u << 31) + 0.5) / (double)(1u << 31);
}

static double
plan_service_ns(const struct skew_load *l, unsigned long long *state)
{
	double u = plan_uniform(state);

	if (l->long_ns == 0)
		return -log(u) * l->short_ns;
	return u < l->long_fraction ? l->long_ns : l->short_ns;
}

void
skew_plan_make(struct skew_plan *p, const struct skew_load *l, unsigned workers, double seconds, unsigned seed)
{
	double gap_ns = 1e9 / (l->requests_per_s * workers / WORKERS_OF_RATES), at_ns = 0;
	unsigned long long state = seed * 0x9e3779b97f4a7c15ull;

	*p = (struct skew_plan){ .load = l, .workers = workers, .count = (unsigned)(seconds * 1e9 / gap_ns) };
	if (!(p->requests = calloc(p->count, sizeof(*p->requests))))
		bench_die("memory for the plan");
	for (unsigned i = 0; i < p->count; i++) {
		at_ns += -log(plan_uniform(&state)) * gap_ns;
		p->requests[i] = (struct skew_request){
			.at_ns = at_ns,
			.service_ns = floor(plan_service_ns(l, &state)),
			.connection = bench_random(&state, l->connections),
		};
	}
}

void
skew_plan_free(struct skew_plan *p)
{
	free(p->requests);
}

void
skew_plan_latencies(const struct skew_plan *p, const double *latency_ns, struct skew_run *run)
{
	double *ms = calloc(p->count, sizeof(*ms));
	int n = 0;

	if (!ms)
		bench_die("memory for latencies");
	for (unsigned i = 0; i < p->count; i++)
		if (p->load->long_ns == 0 || p->requests[i].service_ns < p->load->long_ns)
			ms[n++] = latency_ns[i] / 1e6;
	run->value[SKEW_P50_MS] = bench_quantile(ms, n, 0.5);
	run->value[SKEW_P99_MS] = bench_quantile(ms, n, 0.99);
	run->value[SKEW_P999_MS] = bench_quantile(ms, n, 0.999);
	free(ms);
}
