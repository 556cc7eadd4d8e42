/* testing/bench/dns_server.c — what it costs to answer a DNS query over UDP.
 *
 * Queries come in bursts, each is answered with one A record. Measured is the server's CPU time per answer, from
 * the arrival of a burst to its last answer; client and server take turns in one thread. A resolver under load has
 * bursts of 64; one query at a time is the least favourable for batches.
 *
 * Goal: at most 0.7 of the oracle's with 64 at a time.
 *
 * Usage: dns_server [--quick] [--rounds N]
 */
#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "oracle", "dns_server_oracle", NULL },
	{ "evrt", "dns_server_evrt", NULL },
};

/* Queries per burst, bursts. */
static const char *const passes[] = { "1 50000", "8 20000", "64 4000", NULL };
static const char *const passes_quick[] = { "1 10000", "64 1000", NULL };

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "dns_server",
		.about = "CPU time of a DNS server per query over UDP",
		.contestants = contestants,
		.contestant_count = sizeof(contestants) / sizeof(contestants[0]),
		.oracle = 0,
		.floor = BENCH_NONE,
		.rounds = 9,
		.rounds_quick = 3,
		.passes = passes,
		.passes_quick = passes_quick,
	};

	return bench_main(&bench, argc, argv);
}
