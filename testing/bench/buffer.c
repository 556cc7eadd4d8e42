/* testing/bench/buffer.c — what one operation on an evbuffer costs: evrt and the oracle.
 *
 * Each line of the result is one operation, or a pair that leaves the evbuffer as it was, on one thread, without
 * locks: CPU time, of which only the reads and writes on a socket pair have a part in the kernel.
 *
 * Goal: none slower than the oracle, half of them 1.5 times faster.
 *
 * Usage: buffer [--quick] [--rounds N]
 */
#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "oracle", "buffer_oracle", NULL },
	{ "evrt", "buffer_evrt", NULL },
};

/* Milliseconds for each operation. */
static const char *const passes[] = { "50", NULL };
static const char *const passes_quick[] = { "10", NULL };

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "buffer",
		.about = "CPU time of one operation on an evbuffer",
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
