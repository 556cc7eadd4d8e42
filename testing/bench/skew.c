/* testing/bench/skew.c — what a request waits for when services are of very different length.
 *
 * N workers (8) serve requests by sleeping as long as each one says: a worker is occupied, not a core, so that the
 * figures are those of N cores although there may be two. Requests come at random times over many connections,
 * whatever has been answered (Poisson, open loop), and latency counts from the planned time. Server on CPU 0, client
 * on CPU 1. Contestants take turns and get the same requests:
 *
 *   evrt     a pooled base, an edge-triggered event (EV_ET) per connection; --evrt FIELD=VALUE,... adds one with other
 *            settings of struct evrt_pool_config, and edges=0 for level-triggered events: an epoll_ctl per request
 *   oracle   Debian's libevent: a base per thread, connections dealt in turn, the same events
 *   floor    threads on one epoll set with EPOLLONESHOT: no request waits while a thread is free, at the price of an
 *            epoll_ctl per request
 *   go       a goroutine per connection, where a compiler is installed
 *   ideal    M/G/N, simulated, with sleep's overshoot as measured
 *
 * Goal: p99 at most 1.3 times the floor's on "hidden" and "bimodal", at most 1.4 times the ideal's on "exponential";
 * CPU per request at most the floor's; less than 0.05 eventfd writes per request on "steady".
 *
 * Usage: skew [--quick] [--rounds N] [--seconds S] [--workers N] [--only NAME,...] [--load NAME,...]
 *   [--evrt FIELD=VALUE,...]... [--realtime]
 *   --realtime: servers and client before all other programs (SCHED_RR), for a machine that is not quiet.
 */
#include "testing/bench/skew.h"

#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static const struct skew_load loads[] = {
	{ "hidden", "1024 connections, 5000 requests/s, 99.8 % of 0.2 ms (counted), the rest of 100 ms", 1024, 5000, 0.2e6,
	    100e6, 0.002 },
	{ "bimodal", "256 connections, 10000 requests/s, 99 % of 0.2 ms (counted), the rest of 20 ms", 256, 10000, 0.2e6,
	    20e6, 0.01 },
	{ "exponential", "1024 connections, 6400 requests/s of 1 ms in the mean: load 0.8", 1024, 6400, 1e6, 0, 0 },
	{ "steady", "1024 connections, 5600 requests/s of 1 ms in the mean: load 0.7", 1024, 5600, 1e6, 0, 0 },
};
#define LOADS ((int)(sizeof(loads) / sizeof(loads[0])))

#define ROUNDS 5
#define ROUNDS_QUICK 2
#define SECONDS 5
#define SECONDS_QUICK 3
#define SECONDS_WARM 0.5
#define WORKERS_MAX 64

struct contestant {
	struct bench_contestant server; /* no binary: simulated */
	bool is_evrt;
};

struct options {
	int rounds;
	double seconds;
	unsigned workers;
	const char *only, *load; /* names with commas; NULL: all */
	bool realtime;
};

static struct contestant contestants[SKEW_CONTESTANTS_MAX] = {
	{ { "evrt", "skew_evrt", NULL }, true },
};
static int contestant_count = 1;
static struct skew_run runs[SKEW_CONTESTANTS_MAX][SKEW_ROUNDS_MAX];

static void
usage(void)
{
	fprintf(stderr, "usage: skew [--quick] [--rounds 1..%d] [--seconds S] [--workers 1..%d] [--only NAME,...]\n"
	    "  [--load NAME,...] [--evrt FIELD=VALUE,...]... [--realtime]\n"
	    "contestants: evrt oracle floor go ideal; loads:", SKEW_ROUNDS_MAX, WORKERS_MAX);
	for (int l = 0; l < LOADS; l++)
		fprintf(stderr, " %s", loads[l].name);
	fprintf(stderr, "\n");
	exit(2);
}

/* Whether `name` is one of the words of `list`, which commas part. */
static bool
is_in(const char *list, const char *name)
{
	size_t n = strlen(name);

	if (!list)
		return true;
	for (const char *at = list; at; at = (at = strchr(at, ',')) ? at + 1 : NULL)
		if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

static void
add(const char *name, const char *binary, const char *args, bool is_evrt)
{
	if (contestant_count == SKEW_CONTESTANTS_MAX)
		usage();
	contestants[contestant_count++] = (struct contestant){ { name, binary, args }, is_evrt };
}

static void
add_variant(const char *fields)
{
	char *name = malloc(strlen(fields) + 6);

	if (!name)
		bench_die("memory for a name");
	sprintf(name, "evrt %s", fields);
	add(name, "skew_evrt", fields, true);
}

static void
options_read(struct options *o, int argc, char **argv)
{
	static const struct option names[] = { { "quick", no_argument, NULL, 'q' },
		{ "rounds", required_argument, NULL, 'r' }, { "seconds", required_argument, NULL, 's' },
		{ "workers", required_argument, NULL, 'w' }, { "only", required_argument, NULL, 'o' },
		{ "load", required_argument, NULL, 'l' }, { "evrt", required_argument, NULL, 'e' },
		{ "realtime", no_argument, NULL, 't' }, { 0 } };
	bool quick = false;

	*o = (struct options){ .workers = 8 };
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
		switch (c) {
		case 'q': quick = true; break;
		case 'r': o->rounds = atoi(optarg); break;
		case 's': o->seconds = atof(optarg); break;
		case 'w': o->workers = (unsigned)atoi(optarg); break;
		case 'o': o->only = optarg; break;
		case 'l': o->load = optarg; break;
		case 'e': add_variant(optarg); break;
		case 't': o->realtime = true; break;
		default: usage();
		}
	if (o->rounds == 0)
		o->rounds = quick ? ROUNDS_QUICK : ROUNDS;
	if (o->seconds == 0)
		o->seconds = quick ? SECONDS_QUICK : SECONDS;
	if (o->rounds < 0 || o->rounds > SKEW_ROUNDS_MAX || o->seconds < 0.1 || o->workers < 1 ||
	    o->workers > WORKERS_MAX || optind != argc)
		usage();
}

/* Leaves only those that were asked for. */
static void
choose(const struct options *o)
{
	int kept = 0;
	const char *go;

	add("oracle", "skew_oracle", NULL, false);
	add("floor", "skew_epoll", NULL, false);
	if (is_in(o->only, "go")) {
		if ((go = skew_go_build()) != NULL)
			add("go", go, NULL, false);
		else
			printf("go: left out, `go build` does not work here (Debian's package golang-go)\n");
	}
	add("ideal", NULL, NULL, false);
	for (int i = 0; i < contestant_count; i++)
		if (is_in(o->only, contestants[i].is_evrt ? "evrt" : contestants[i].server.name))
			contestants[kept++] = contestants[i];
	contestant_count = kept;
}

static void
run_round(const struct options *o, const struct skew_load *l, int round)
{
	struct skew_plan warm, plan;

	skew_plan_make(&warm, l, o->workers, SECONDS_WARM, 1000 + (unsigned)round);
	skew_plan_make(&plan, l, o->workers, o->seconds, 1 + (unsigned)round);
	for (int i = 0; i < contestant_count; i++) {
		int c = (i + round) % contestant_count; /* everybody is first once, and behind everybody */
		struct skew_run *run = &runs[c][round];
		if (contestants[c].server.binary)
			skew_client_run(&contestants[c].server, contestants[c].is_evrt, &warm, &plan, run);
		else
			skew_ideal_run(&plan, run);
		fprintf(stderr, "%s, round %d of %d: %-10s p99 %.3f ms\n", l->name, round + 1, o->rounds,
		    contestants[c].server.name, run->value[SKEW_P99_MS]);
	}
	skew_plan_free(&warm);
	skew_plan_free(&plan);
}

static int
index_of(const char *name)
{
	for (int c = 0; c < contestant_count; c++)
		if (strcmp(contestants[c].server.name, name) == 0)
			return c;
	return BENCH_NONE;
}

static void
run_load(const struct options *o, const struct skew_load *l)
{
	const char *names[SKEW_CONTESTANTS_MAX];
	struct skew_table t = { .load = l, .names = names, .contestants = contestant_count, .rounds = o->rounds,
		.floor = index_of("floor"), .ideal = index_of("ideal"), .runs = runs };

	for (int c = 0; c < contestant_count; c++)
		names[c] = contestants[c].server.name;
	for (int r = 0; r < o->rounds; r++)
		run_round(o, l, r);
	skew_table_print(&t);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const struct bench head = { .name = "skew", .about = "latency when services are of very different length" };
	const struct sched_param first = { .sched_priority = 1 };
	struct options o;

	options_read(&o, argc, argv);
	bench_print_head(&head, o.rounds);
	printf("%u workers, %g s each; medians (low..high over the rounds), ratios within a round\n", o.workers, o.seconds);
	choose(&o);
	fflush(stdout);
	if (o.realtime && sched_setscheduler(0, SCHED_RR, &first) < 0)
		bench_die("SCHED_RR");
	bench_pin(1);
	for (int l = 0; l < LOADS; l++)
		if (is_in(o.load, loads[l].name))
			run_load(&o, &loads[l]);
	return 0;
}
