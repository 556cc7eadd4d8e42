/* testing/bench/activate.c — event_active from another thread: how soon, and how dear.
 *
 * latency: the loop sleeps; another thread activates an event, and waits for its callback. From before the call
 *          until the callback has begun, thousands of times: their median, and what 99 of 100 do not exceed.
 * flood:   one thread, or two, activate as fast as they can, the same event over and over or 1000 in turn. The CPU
 *          time of all threads, user's and kernel's, per activation; and how many callbacks that made: an event
 *          that is active already is not called twice.
 * The loop's thread is on CPU 0, the others are on the next ones. Locks are on (evthread_use_pthreads); the others
 * have ev_async and uv_async.
 *
 * Goals: not slower than the oracle; when flooded, at least 2 times cheaper in CPU time.
 *
 * Usage: activate [--quick] [--rounds N]
 */
#include <stddef.h>

#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "oracle", "activate_oracle", NULL },
	{ "evrt", "activate_evrt", NULL },
	{ "libev", "activate_ev", NULL },
	{ "libuv", "activate_uv", NULL },
};

static const char *const passes[] = {
	"latency 10000",
	"flood 1 1 2000000",
	"flood 1 1000 2000000",
	"flood 2 1 2000000",
	"flood 2 1000 2000000",
	NULL,
};

static const char *const passes_quick[] = {
	"latency 2000",
	"flood 1 1 200000",
	"flood 1 1000 200000",
	"flood 2 1 200000",
	"flood 2 1000 200000",
	NULL,
};

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "activate",
		.about = "activation from other threads",
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
