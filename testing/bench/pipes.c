/* testing/bench/pipes.c — the classic chain of pipes: what it costs to be told that a descriptor is readable.
 *
 * 1000 socket pairs, one end of each watched by a persistent event; 100 tokens go round, each callback reads one
 * and sends it to the next pair, until 1000 have been sent. On every poller; select with 400 pairs, as Debian's
 * libevent ends a program that uses it on a descriptor above 1023. Before each run all events are taken
 * out and added anew; that, and the first turn of the loop thereafter, is not measured. The best of 25 runs counts.
 * What is compared is CPU time of the thread. Most of it is the kernel's, for sending and receiving, whatever the
 * library: what a library adds is what it takes above the floor.
 *
 * Goal: on epoll at least 1.3 times cheaper than the oracle's.
 *
 * Usage: pipes [--quick] [--rounds N]
 */
#include <stddef.h>

#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "bare epoll", "pipes_epoll", NULL },
	{ "oracle", "pipes_oracle", NULL },
	{ "oracle, changelist", "pipes_oracle", "changelist" },
	{ "evrt", "pipes_evrt", NULL },
	{ "evrt, changelist", "pipes_evrt", "changelist" },
	{ "libev", "pipes_ev", NULL },
	{ "libuv", "pipes_uv", NULL },
};

/* METHOD PAIRS ACTIVE WRITES RUNS */
static const char *const passes[] = {
	"epoll 1000 100 1000 25",
	"poll 1000 100 1000 25",
	"select 400 100 1000 25",
	NULL,
};

static const char *const passes_quick[] = {
	"epoll 1000 100 1000 9",
	"poll 1000 100 1000 9",
	"select 400 100 1000 9",
	NULL,
};

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "pipes",
		.about = "CPU time for 1000 writes along a chain of pipes",
		.contestants = contestants,
		.contestant_count = sizeof(contestants) / sizeof(contestants[0]),
		.oracle = 1,
		.floor = 0,
		.rounds = 9,
		.rounds_quick = 3,
		.passes = passes,
		.passes_quick = passes_quick,
	};

	return bench_main(&bench, argc, argv);
}
