/* testing/bench/timers.c — what a timer costs, with 10^4, 10^5 and 10^6 of them: arm, push back, delete, fire.
 *
 * arm:        deadlines at random 1 to 60 s away, in a loop that is new.
 * push back:  armed timers, in random order, are given later deadlines: idle timeouts that are refreshed.
 * delete:     in random order, after that.
 * fire:       deadlines 1 us apart in random order, all past; the loop, which did not run meanwhile, calls all back.
 * push back and fire: armed like that, each is pushed back behind all of them, then fired: the whole cost of a
 *             refresh, wherever a library pays it.
 * The same with all timers of one duration: a common timeout, where the API has them.
 *
 * All but the firing is done inside a callback, where libraries have the time at hand, each with its default
 * clock. What is compared is CPU time of the thread.
 *
 * Goals: at 10^6 timers, push back >= 6 times cheaper than the oracle's, fire >= 6 times, delete >= 5 times;
 * arm not dearer.
 *
 * Usage: timers [--quick] [--rounds N]
 */
#include <stddef.h>

#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "oracle", "timers_oracle", NULL },
	{ "evrt", "timers_evrt", NULL },
	{ "libev", "timers_ev", NULL },
	{ "libuv", "timers_uv", NULL },
};

static const char *const passes[] = { "10000", "100000", "1000000", NULL };
static const char *const passes_quick[] = { "100000", NULL };

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "timers",
		.about = "CPU time per timer",
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
