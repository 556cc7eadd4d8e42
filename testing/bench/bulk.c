/* testing/bench/bulk.c — server CPU time per megabyte of a stream: evrt, the oracle and bare epoll, in one run.
 *
 * Each server runs on CPU 0 and the load on CPU 1. The client writes 64 KiB at a time, on 1 connection or on 64 in
 * turn. A sink throws away what it reads; an echo sends it back, and the client reads as it goes. What is
 * compared is the CPU time that the kernel charged to the server's threads.
 *
 * Goal: 1.5 times the oracle's bytes per CPU second.
 *
 * Usage: bulk [--quick] [--rounds N]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "testing/bench/bench_server.h"

#define CONNECTIONS_MAX 64
#define BLOCK_BYTES 65536

static const struct bench_contestant contestants[] = {
	{ "bare epoll", "bulk_epoll", NULL },
	{ "oracle", "bulk_server_oracle", NULL },
	{ "evrt, plain base", "bulk_server_evrt", NULL },
	{ "evrt, pool of 1", "bulk_server_evrt", "pool 1" },
};
#define SERVERS ((int)(sizeof(contestants) / sizeof(contestants[0])))

static const struct pass {
	const char *mode; /* the server's word */
	int connections;
	const char *metric;
} passes[] = {
	{ "sink", 1, "sink, 1 connection, per MiB (us)" },
	{ "sink", 64, "sink, 64 connections, per MiB (us)" },
	{ "echo", 1, "echo, 1 connection, per MiB (us)" },
	{ "echo", 64, "echo, 64 connections, per MiB (us)" },
};
#define PASSES ((int)(sizeof(passes) / sizeof(passes[0])))

struct client {
	struct pollfd fds[CONNECTIONS_MAX];
	long to_write[CONNECTIONS_MAX], to_read[CONNECTIONS_MAX];
	int connections, unfinished;
};

static char block[BLOCK_BYTES];

static void
set_wishes(struct client *c, int i)
{
	c->fds[i].events = (short)((c->to_write[i] ? POLLOUT : 0) | (c->to_read[i] ? POLLIN : 0));
	if (c->fds[i].events == 0)
		c->unfinished--;
}

/* One block in each direction, as far as the socket lets it. */
static void
serve(struct client *c, int i)
{
	ssize_t n = 0;

	if (c->fds[i].revents & POLLIN) {
		n = read(c->fds[i].fd, block, sizeof(block));
		if (n <= 0)
			bench_die("read");
		c->to_read[i] -= n;
	}
	if (c->fds[i].revents & POLLOUT) {
		long want = c->to_write[i] < BLOCK_BYTES ? c->to_write[i] : BLOCK_BYTES;
		n = write(c->fds[i].fd, block, (size_t)want);
		if (n < 0 && errno != EAGAIN)
			bench_die("write");
		c->to_write[i] -= n > 0 ? n : 0;
	}
	set_wishes(c, i);
}

static void
load(struct client *c, long bytes, int echoes)
{
	c->unfinished = c->connections;
	for (int i = 0; i < c->connections; i++) {
		c->to_write[i] = bytes / c->connections;
		/* A sink answers one byte when it has all: see bulk_server.c. */
		c->to_read[i] = echoes ? c->to_write[i] : 1;
		set_wishes(c, i);
	}
	while (c->unfinished > 0) {
		if (poll(c->fds, (nfds_t)c->connections, 10000) <= 0)
			bench_die("nothing moves for 10 s");
		for (int i = 0; i < c->connections; i++)
			if (c->fds[i].events && c->fds[i].revents)
				serve(c, i);
	}
}

static double
measure(const struct bench_contestant *contestant, const struct pass *pass, long bytes)
{
	static struct client c;
	struct bench_server s;
	char words[64];

	/* The second word: after how many bytes of a connection a sink answers. */
	snprintf(words, sizeof(words), "%s %ld", pass->mode, bytes / pass->connections);
	bench_server_start(&s, contestant, words, 0);
	memset(&c, 0, sizeof(c));
	c.connections = pass->connections;
	for (int i = 0; i < c.connections; i++) {
		c.fds[i].fd = bench_server_connect(&s);
		fcntl(c.fds[i].fd, F_SETFL, O_NONBLOCK);
	}
	load(&c, bytes, strcmp(pass->mode, "echo") == 0); /* warm */
	double before = bench_server_cpu_ns(&s);
	load(&c, bytes, strcmp(pass->mode, "echo") == 0);
	double us = (bench_server_cpu_ns(&s) - before) / 1e3 / ((double)bytes / 1048576);
	for (int i = 0; i < c.connections; i++)
		close(c.fds[i].fd);
	bench_server_stop(&s);
	return us;
}

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "bulk",
		.about = "CPU time of the server per MiB",
		.contestants = contestants,
		.contestant_count = SERVERS,
		.oracle = 1,
		.floor = 0,
		.rounds = 7,
		.rounds_quick = 3,
	};
	static struct bench_metric metrics[PASSES];
	int count = 0;
	bool quick;
	int rounds = bench_options(&bench, argc, argv, &quick);

	signal(SIGPIPE, SIG_IGN);
	bench_print_head(&bench, rounds);
	bench_pin(1);
	for (int r = 0; r < rounds; r++)
		for (int p = 0; p < PASSES; p++) {
			fprintf(stderr, "round %d of %d: %s\n", r + 1, rounds, passes[p].metric);
			for (int c = 0; c < SERVERS; c++)
				bench_record(metrics, &count, passes[p].metric, c, r,
				    measure(&contestants[c], &passes[p], quick ? 256L << 20 : 1024L << 20));
		}
	bench_report(&bench, metrics, count, rounds);
	return 0;
}
