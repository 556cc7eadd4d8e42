/* testing/bench/udp.c — what it costs to answer a UDP packet.
 *
 * Packets of 100 bytes come in bursts, and each goes back to its sender. Measured is the server's CPU time per packet,
 * from the arrival of a burst to its last answer; client and server take turns in one thread. The bare servers and
 * the oracle's make a recvfrom and a sendto per packet, or those "in batches" a recvmmsg and a sendmmsg for up to 32.
 *
 * Goal: nearly the floor in batches; far below recvfrom and sendto where packets come in bursts.
 *
 * Usage: udp [--quick] [--rounds N]
 */
#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "bare epoll", "udp_epoll", NULL },
	{ "bare epoll, batches", "udp_epoll", "batches" },
	{ "oracle", "udp_oracle", NULL },
	{ "evrt datagram", "udp_evrt", NULL },
};

/* Packets per burst, bursts. */
static const char *const passes[] = { "1 50000", "8 20000", "64 4000", NULL };
static const char *const passes_quick[] = { "1 10000", "64 1000", NULL };

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "udp",
		.about = "CPU time of a UDP echo server per packet of 100 bytes",
		.contestants = contestants,
		.contestant_count = sizeof(contestants) / sizeof(contestants[0]),
		.oracle = 2,
		.floor = 1,
		.rounds = 9,
		.rounds_quick = 3,
		.passes = passes,
		.passes_quick = passes_quick,
	};

	return bench_main(&bench, argc, argv);
}
