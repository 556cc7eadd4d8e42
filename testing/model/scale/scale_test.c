/* testing/model/scale/scale_test.c — is the model of a pool one?
 *
 * Here:     against queueing theory where nothing costs anything; against what was measured; that the pool in it is the
 *           engine's own; and that it says what must come out when something is taken away.
 * Not here: curves (./evrt bench scale).
 * Threads:  simulated.
 */
#include "testing/model/scale/scale.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "testing/harness/test.h"

#define SKEW_RUNS 3

static struct scale_result
run(struct scale_setup set)
{
	struct scale_result r;

	scale_run(&set, &r);
	CHECK(!r.lost);
	return r;
}

static struct scale_setup
setup(const char *load, unsigned workers, const struct scale_costs *costs, unsigned requests)
{
	return (struct scale_setup){ .load = scale_load_named(load), .workers = workers, .costs = costs,
		.requests = requests, .seed = 1 };
}

static void
check_near(const char *what, double got, double wanted, double part)
{
	printf("%s: %.4g, wanted %.4g: %+.1f %%\n", what, got, wanted, 100 * (got / wanted - 1));
	if (!(fabs(got / wanted - 1) <= part))
		evrt_test_fail(__FILE__, __LINE__, "%s: %.4g, wanted %.4g within %.0f %%", what, got, wanted, 100 * part);
}

/* A group of workers for whom nothing costs anything is M/M/n: one queue, and nobody idle beside it. */
static void
without_costs_it_is_the_theory(void)
{
	static const unsigned sizes[] = { 8, 16 };
	char what[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned n = sizes[i];
		struct scale_result r = run(setup("exponential", n, &scale_costs_none, 120000));
		snprintf(what, sizeof(what), "mean of %u workers (ms)", n);
		check_near(what, r.mean_ms, scale_theory_mean(n, 0.8), 0.03);
		snprintf(what, sizeof(what), "p99 of %u workers (ms)", n);
		check_near(what, r.p99_ms, scale_theory_quantile(n, 0.8, 0.99), 0.03);
	}
}

/* p99 is compared with the runs' range: on a machine that others use, one run's differs from another's by more. */
static void
check_p99(const struct scale_measured *m, double p99_ms)
{
	printf("p99 of %s (ms): %.3f, measured %.3f (%.3f to %.3f): %+.1f %%\n", m->load, p99_ms, m->p99_ms, m->p99_low_ms,
	    m->p99_high_ms, 100 * (p99_ms / m->p99_ms - 1));
	CHECK(p99_ms > 0.85 * m->p99_low_ms);
	CHECK(p99_ms < 1.15 * m->p99_high_ms);
}

/* The mean of some runs, which differ by chance in what delays them. */
static struct scale_result
run_skew(const char *load)
{
	struct scale_result r, sum = { 0 };

	for (unsigned seed = 1; seed <= SKEW_RUNS; seed++) {
		scale_run_skew(load, seed, &r);
		CHECK(!r.lost);
		sum.p50_ms += r.p50_ms / SKEW_RUNS;
		sum.p99_ms += r.p99_ms / SKEW_RUNS;
		sum.cpu_us += r.cpu_us / SKEW_RUNS;
		sum.eventfd += r.eventfd / SKEW_RUNS;
	}
	return sum;
}

static void
it_says_what_was_measured(void)
{
	char what[64];

	for (const struct scale_measured *m = scale_measured; m->load; m++) {
		struct scale_result r = run_skew(m->load);
		snprintf(what, sizeof(what), "p50 of %s (ms)", m->load);
		check_near(what, r.p50_ms, m->p50_ms, 0.15);
		check_p99(m, r.p99_ms);
		snprintf(what, sizeof(what), "CPU of %s (us)", m->load);
		check_near(what, r.cpu_us, m->cpu_us, 0.15);
		CHECK(fabs(r.eventfd - m->eventfd) < 0.05);
	}
}

/* What the pool counts itself is what the kernel sees, and its settings do what they should. */
static void
the_pool_is_the_engine_s_own(void)
{
	struct scale_setup set = setup("short", 8, &scale_costs_metal, 10000);
	struct scale_result r = run(set);

	CHECK(r.eventfd > 0);
	CHECK(r.eventfd == r.eventfd_told);
	CHECK(r.steals > 0);
	set.no_steal = true;
	r = run(set);
	CHECK(r.steals == 0);
	/* Sets of their own, and nobody looks after others any more than after itself. */
	set.no_steal = false;
	set.workers_per_set = 1;
	r = run(set);
	CHECK(r.eventfd == r.eventfd_told);
	CHECK(r.steals > 0);
}

/* A connection beside one that takes 100 ms waits for it where each worker has its own and nobody helps. */
static void
without_rescue_the_hidden_wait(void)
{
	struct scale_setup set = setup("hidden", 8, &scale_costs_none, 20000);

	CHECK(run(set).p99_ms < 1);
	set.workers_per_set = 1;
	struct scale_result rescued = run(set);
	CHECK(rescued.rescues > 0);
	CHECK(rescued.p99_ms < 5);
	set.no_steal = true;
	CHECK(run(set).p99_ms > 50);
}

static void
more_workers_wait_less_and_costs_cost(void)
{
	double p99_before = 1e9;

	for (unsigned n = 1; n <= 16; n *= 4) {
		double p99 = run(setup("exponential", n, &scale_costs_metal, 30000)).p99_ms;
		CHECK(p99 < p99_before);
		p99_before = p99;
	}
	struct scale_result none = run(setup("short", 8, &scale_costs_none, 10000));
	struct scale_result metal = run(setup("short", 8, &scale_costs_metal, 10000));
	CHECK(none.cpu_us < metal.cpu_us && none.mean_ms < metal.mean_ms);
	/* What all share is used more, the more share it. */
	struct scale_result more = run(setup("short", 16, &scale_costs_metal, 10000));
	CHECK(scale_busiest(&metal)->share < scale_busiest(&more)->share);
	CHECK(scale_busiest(&more)->share < 1);
}

/* Who uses what all share has to queue for it, and it is found. */
static void
what_is_full_limits_all(void)
{
	struct scale_costs costs = scale_costs_none;

	costs.report_ns = 10000;
	struct scale_result r = run(setup("short", 16, &costs, 5000));
	CHECK(r.served < 1e9 / 10000 * 1.02);
	CHECK_STR_EQ(scale_busiest(&r)->name, "set's mutex");
	CHECK(scale_busiest(&r)->share > 0.9);
	costs = scale_costs_none;
	costs.line_ns = 500;
	r = run(setup("short", 16, &costs, 5000));
	CHECK(strncmp(scale_busiest(&r)->name, "line", 4) == 0);
	CHECK(scale_busiest(&r)->share > 0.1 && scale_busiest(&r)->wait_us > 1);
}

/* More than a pool can have: several pools, which serve all the same. */
static void
many_workers_serve_all(void)
{
	struct scale_result r = run(setup("exponential", 80, &scale_costs_metal, 30000));

	check_near("answers/s of 80 workers", r.served, 80 * 800, 0.05);
	CHECK(r.worker_share > 0.75 && r.worker_share < 0.9);
}

static void
the_same_seed_gives_the_same(void)
{
	/* Without costs: where lines cost something, it matters which addresses the allocator gives. Two groups: homes are
	 * chosen at random. */
	struct scale_setup set = setup("short", 32, &scale_costs_none, 5000);
	struct scale_result first = run(set), second = run(set);

	CHECK(first.p999_ms == second.p999_ms && first.cpu_us == second.cpu_us && first.steals == second.steals);
	set.seed = 2;
	CHECK(run(set).p999_ms != first.p999_ms);
}

static const struct evrt_test_case cases[] = {
	{ "without_costs_it_is_the_theory", without_costs_it_is_the_theory },
	{ "it_says_what_was_measured", it_says_what_was_measured },
	{ "the_pool_is_the_engine_s_own", the_pool_is_the_engine_s_own },
	{ "without_rescue_the_hidden_wait", without_rescue_the_hidden_wait },
	{ "more_workers_wait_less_and_costs_cost", more_workers_wait_less_and_costs_cost },
	{ "what_is_full_limits_all", what_is_full_limits_all },
	{ "many_workers_serve_all", many_workers_serve_all },
	{ "the_same_seed_gives_the_same", the_same_seed_gives_the_same },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
