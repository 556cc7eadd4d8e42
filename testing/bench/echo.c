/* testing/bench/echo.c — server CPU time per echo round trip: evrt, the oracle and bare epoll, in one run.
 *
 * Each server runs on CPU 0 and the load on CPU 1. 64 connections, 64 bytes, one outstanding request each.
 * The servers take turns, several rounds, so that a drift of the machine's speed hits all alike. What is
 * compared is the CPU time that the kernel charged to the server's threads (schedstat), which does not depend
 * on how fast the client is.
 *
 * Usage: echo [--quick] [--rounds N]
 */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "testing/bench/bench_server.h"

#define CONNECTIONS 64
#define MESSAGE_BYTES 64
#define ROUND_TRIPS 200000
#define ROUND_TRIPS_QUICK 20000

static const struct bench_contestant contestants[] = {
	{ "bare epoll", "echo_epoll", NULL },
	{ "oracle", "echo_server_oracle", NULL },
	{ "evrt, plain base", "echo_server_evrt", NULL },
	{ "evrt, pool of 1", "echo_server_evrt", "pool 1" },
};
#define SERVERS ((int)(sizeof(contestants) / sizeof(contestants[0])))

static void
send_one(int fd)
{
	static const char message[MESSAGE_BYTES] = "echo";

	if (write(fd, message, sizeof(message)) != (ssize_t)sizeof(message))
		bench_die("write");
}

/* Keeps one request outstanding on each connection until `trips` answers have come. */
static void
load(const int *fds, int epfd, long trips)
{
	struct epoll_event ready[CONNECTIONS];
	char buf[MESSAGE_BYTES];

	for (int i = 0; i < CONNECTIONS; i++)
		send_one(fds[i]);
	for (long done = 0; done < trips;) {
		int n = epoll_wait(epfd, ready, CONNECTIONS, 10000);
		if (n <= 0)
			bench_die("no answer within 10 s");
		for (int i = 0; i < n; i++) {
			if (read(ready[i].data.fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
				bench_die("short answer");
			if (++done <= trips - CONNECTIONS)
				send_one(ready[i].data.fd);
		}
	}
}

static double
measure(const struct bench_contestant *c, long trips)
{
	int fds[CONNECTIONS];
	int epfd = epoll_create1(0);
	struct bench_server s;

	bench_server_start(&s, c, NULL, 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = bench_server_connect(&s);
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fds[i] };
		epoll_ctl(epfd, EPOLL_CTL_ADD, fds[i], &ev);
	}
	load(fds, epfd, trips / 10 + CONNECTIONS); /* warm */
	double before = bench_server_cpu_ns(&s);
	load(fds, epfd, trips);
	double us = (bench_server_cpu_ns(&s) - before) / 1e3 / (double)trips;
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(epfd);
	bench_server_stop(&s);
	return us;
}

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "echo",
		.about = "CPU time of the server per round trip",
		.contestants = contestants,
		.contestant_count = SERVERS,
		.oracle = 1,
		.floor = 0,
		.rounds = 7,
		.rounds_quick = 3,
	};
	static struct bench_metric metrics[1];
	int count = 0;
	bool quick;
	int rounds = bench_options(&bench, argc, argv, &quick);

	signal(SIGPIPE, SIG_IGN);
	bench_print_head(&bench, rounds);
	bench_pin(1);
	for (int r = 0; r < rounds; r++)
		for (int c = 0; c < SERVERS; c++) {
			double us = measure(&contestants[c], quick ? ROUND_TRIPS_QUICK : ROUND_TRIPS);
			bench_record(metrics, &count, "round trip (us)", c, r, us);
			fprintf(stderr, "round %d of %d: %-18s %.3f us\n", r + 1, rounds, contestants[c].name, us);
		}
	bench_report(&bench, metrics, count, rounds);
	return 0;
}
