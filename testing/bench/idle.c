/* testing/bench/idle.c — what a connection that does nothing costs in memory: evrt and the oracle, in one run.
 *
 * Bufferevents with both timeouts over socket pairs, reading enabled. What is compared is how much the process's
 * resident memory grew per connection: when all have been made, and when each has had one request of 100 bytes and
 * its answer, and is idle again. The kernel's part, the same for all, is not in it.
 *
 * Goal: at most 0.7 of the oracle's, that is 1.43 times cheaper.
 *
 * Usage: idle [--quick] [--rounds N]
 */
#include <stddef.h>

#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "oracle", "idle_oracle", NULL },
	{ "evrt, plain base", "idle_evrt", NULL },
	{ "evrt, pool of 1", "idle_evrt", "pool 1" },
};

static const char *const passes[] = { "8000", NULL };
static const char *const passes_quick[] = { "2000", NULL };

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "idle",
		.about = "resident bytes of an idle connection",
		.contestants = contestants,
		.contestant_count = sizeof(contestants) / sizeof(contestants[0]),
		.oracle = 0,
		.floor = BENCH_NONE,
		.rounds = 5,
		.rounds_quick = 3,
		.passes = passes,
		.passes_quick = passes_quick,
	};

	return bench_main(&bench, argc, argv);
}
