/* testing/bench/post.c — what it costs to hand a function to another thread, and how soon it runs there.
 *
 * Latency: from the call to the callback's first line, the target asleep; targets on CPU 1, the poster on CPU 0.
 * Flood: 1 or 2 threads post 10,000 times without a pause, then wait until all have run, again and again. Of each post
 * the poster's CPU time, the time on the clock until the call returns, and the CPU time of the whole process, callback
 * included; of evrt, how often an eventfd was written, per post and per sleep of a worker.
 *
 * evrt has a pool of two workers, libevent one base in a thread of its own. An event that is active already is not
 * activated again, so each of the 10,000 is an event of its own for event_active.
 *
 * Goal: a post to a sleeping worker is not slower than the oracle's event_active to another base; in a flood 3 times
 * cheaper, with at most one eventfd write per sleep.
 *
 * Usage: post [--quick] [--rounds N]
 */
#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "oracle, event_active", "post_oracle", "active" },
	{ "oracle, event_base_once", "post_oracle", "once" },
	{ "evrt, evrt_pool_post", "post_evrt", "pool" },
	{ "evrt, evrt_strand_post", "post_evrt", "strand" },
	{ "evrt, post_worker", "post_evrt", "worker" },
};

/* What, posts or batches, and for a flood the threads. */
static const char *const passes[] = { "latency 4000", "flood 40 1", "flood 40 2", NULL };
static const char *const passes_quick[] = { "latency 1000", "flood 10 1", "flood 10 2", NULL };

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "post",
		.about = "a function handed to another thread",
		.contestants = contestants,
		.contestant_count = sizeof(contestants) / sizeof(contestants[0]),
		.oracle = 0,
		.floor = BENCH_NONE,
		.rounds = 7,
		.rounds_quick = 3,
		.passes = passes,
		.passes_quick = passes_quick,
	};

	return bench_main(&bench, argc, argv);
}
