/* testing/bench/scale.c — a pool of more workers than there are processors here: by simulation.
 *
 * The engine's own code runs on a simulated machine (testing/model/scale) with a processor for each worker, and as
 * many requests per worker whatever their number. First what the model says of the benchmark skew, beside what
 * was measured of it; then, per load and number of workers,
 *
 *   p50 p99 p99.9  latency of short requests; `ideal`: p99 of M/M/n, where services are exponential
 *   CPU            processor time per request that is not service
 *   eventfd, steals, rescues   per request
 *   workers        how much of their time they are at work
 *   and the shared thing that is in use most, how much of the time, and at how many times the load it would always be
 *
 * Usage: scale [--quick] [--load NAME] [--workers N] [--costs metal|virtual|none] [--per-set N]
 *   [--uses]
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing/model/scale/scale.h"

#define REQUESTS_LEAST 100000
#define REQUESTS_LEAST_DEAR 40000 /* of many workers with much to do, where each takes long to simulate */
#define DEAR_PER_S 1e6
#define LONGEST_SERVICES 20       /* … but as many of the longest services follow each other in a run */

static const unsigned sizes[] = { 1, 2, 4, 8, 16, 64, 256 };

static const struct {
	const char *name;
	const struct scale_costs *costs;
} machines[] = {
	{ "metal", &scale_costs_metal },
	{ "virtual", &scale_costs_virtual },
	{ "none", &scale_costs_none },
};

struct options {
	const char *load; /* NULL: all */
	unsigned workers, workers_per_set; /* 0: all of sizes[]; the default */
	const struct scale_costs *costs;
	bool quick, uses;
};

static void
usage(void)
{
	fprintf(stderr, "usage: scale [--quick] [--load NAME] [--workers 1..256] [--costs metal|virtual|none] "
	    "[--per-set N]\n  [--uses]: all shared things, not the busiest alone\nloads:");
	for (const struct scale_load *l = scale_loads; l->name; l++)
		fprintf(stderr, " %s", l->name);
	fprintf(stderr, "\n");
	exit(2);
}

static const struct scale_costs *
costs_named(const char *name)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (strcmp(machines[i].name, name) == 0)
			return machines[i].costs;
	usage();
	return NULL;
}

static void
options_read(struct options *o, int argc, char **argv)
{
	static const struct option names[] = { { "quick", no_argument, NULL, 'q' },
		{ "load", required_argument, NULL, 'l' }, { "workers", required_argument, NULL, 'w' },
		{ "costs", required_argument, NULL, 'c' }, { "per-set", required_argument, NULL, 'p' },
		{ "uses", no_argument, NULL, 'u' }, { 0 } };

	*o = (struct options){ .costs = &scale_costs_metal };
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
		switch (c) {
		case 'q': o->quick = true; break;
		case 'l': o->load = optarg; break;
		case 'w': o->workers = (unsigned)atoi(optarg); break;
		case 'c': o->costs = costs_named(optarg); break;
		case 'p': o->workers_per_set = (unsigned)atoi(optarg); break;
		case 'u': o->uses = true; break;
		default: usage();
		}
	if (optind != argc || o->workers > 256 || o->workers_per_set > 48 || (o->load && !scale_load_named(o->load)))
		usage();
}

static void
print_measured(void)
{
	printf("the benchmark skew, 8 workers on one processor: the model (what was measured; low..high)\n");
	printf("  %-12s %-18s %-36s %-18s %s\n", "", "p50 (ms)", "p99 (ms)", "CPU (us)", "eventfd");
	for (const struct scale_measured *m = scale_measured; m->load; m++) {
		struct scale_result r;
		scale_run_skew(m->load, 1, &r);
		printf("  %-12s %6.3f (%6.3f)   %6.3f (%6.3f; %6.3f..%6.3f)    %6.1f (%6.1f)   %6.3f (%6.3f)\n", m->load,
		    r.p50_ms, m->p50_ms, r.p99_ms, m->p99_ms, m->p99_low_ms, m->p99_high_ms, r.cpu_us, m->cpu_us, r.eventfd,
		    m->eventfd);
	}
}

static unsigned
requests_of(const struct options *o, const struct scale_load *l, unsigned workers)
{
	double per_s = l->requests_per_s * workers;
	double least = per_s >= DEAR_PER_S ? REQUESTS_LEAST_DEAR : REQUESTS_LEAST;
	double wanted = per_s * LONGEST_SERVICES * l->long_ns / 1e9;

	wanted = wanted > least ? wanted : least;
	return (unsigned)(o->quick ? wanted / 4 : wanted);
}

static void
print_uses(const struct scale_result *r)
{
	for (unsigned i = 0; i < r->uses_count; i++)
		printf("         %-28s %5.1f %%  %7.3f us a request are waited for it\n", r->uses[i].name,
		    100 * r->uses[i].share, r->uses[i].wait_us);
}

static void
print_size(const struct options *o, const struct scale_load *l, unsigned workers)
{
	struct scale_setup set = { .load = l, .workers = workers, .costs = o->costs, .seed = 1,
		.requests = requests_of(o, l, workers), .workers_per_set = o->workers_per_set };
	struct scale_result r;
	char ideal[16] = "-";

	scale_run(&set, &r);
	if (r.lost) {
		printf("  %4u  requests were lost\n", workers);
		return;
	}
	if (l->long_ns == 0)
		snprintf(ideal, sizeof(ideal), "%.3f",
		    scale_theory_quantile(workers, l->requests_per_s * l->short_ns / 1e9, 0.99) * l->short_ns / 1e6);
	const struct scale_use *busiest = scale_busiest(&r);
	printf("  %4u  %8.3f %8.3f %8s %8.3f %8.2f %8.3f %8.3f %8.3f %7.1f %%  %-24s %5.1f %%  %8.1f\n", workers, r.p50_ms,
	    r.p99_ms, ideal, r.p999_ms, r.cpu_us, r.eventfd, r.steals, r.rescues, 100 * r.worker_share, busiest->name,
	    100 * busiest->share, 1 / busiest->share);
	if (o->uses)
		print_uses(&r);
	fflush(stdout);
}

static void
print_load(const struct options *o, const struct scale_load *l)
{
	printf("\n%s: %s\n", l->name, l->about);
	printf("  %4s  %8s %8s %8s %8s %8s %8s %8s %8s %9s  %-24s %7s  %8s\n", "n", "p50 (ms)", "p99", "ideal", "p99.9",
	    "CPU (us)", "eventfd", "steals", "rescues", "workers", "busiest", "in use", "full at");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !o->workers; i++)
		print_size(o, l, sizes[i]);
	if (o->workers)
		print_size(o, l, o->workers);
}

int
main(int argc, char **argv)
{
	struct options o;

	options_read(&o, argc, argv);
	if (!o.load && !o.workers)
		print_measured();
	for (const struct scale_load *l = scale_loads; l->name; l++)
		if (!o.load || strcmp(l->name, o.load) == 0)
			print_load(&o, l);
	return 0;
}
