/* testing/bench/tls.c — CPU time of TLS: bulk data, and connections that resume a session.
 *
 * Both ends in one process, one thread and one loop, over a socket pair: what is counted is all of the work, OpenSSL's
 * (most of it) and the kernel's included. The floor is OpenSSL without any loop.
 * Bulk: writes of 64 kB while less than 64 kB are held; the reader drains. Connections: made, handshake with a
 * ticket, one byte back, close_notify, freed.
 *
 * Goals: bulk at least 1.1 times cheaper than the oracle's; connections not dearer.
 *
 * Usage: tls [--quick] [--rounds N]
 */
#include <stddef.h>

#include "testing/bench/bench.h"

static const struct bench_contestant contestants[] = {
	{ "OpenSSL alone", "tls_openssl", NULL },
	{ "oracle", "tls_oracle", NULL },
	{ "evrt", "tls_evrt", NULL },
};

/* WHAT VERSION COUNT */
static const char *const passes[] = {
	"bulk 1.3 512",
	"handshake 1.2 2000",
	"handshake 1.3 2000",
	NULL,
};

static const char *const passes_quick[] = {
	"bulk 1.3 128",
	"handshake 1.2 300",
	"handshake 1.3 300",
	NULL,
};

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "tls",
		.about = "CPU time of both ends",
		.contestants = contestants,
		.contestant_count = sizeof(contestants) / sizeof(contestants[0]),
		.oracle = 1,
		.floor = 0,
		.rounds = 7,
		.rounds_quick = 3,
		.passes = passes,
		.passes_quick = passes_quick,
	};

	return bench_main(&bench, argc, argv);
}
