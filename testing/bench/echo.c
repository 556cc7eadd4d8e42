/* testing/bench/echo.c — server CPU time per echo round trip: evrt, the oracle and bare epoll, in one run.
 *
 * 64 connections or 1, 64 bytes, one outstanding request on each connection. The load runs on CPU 1, the server on
 * CPU 0, or wherever the kernel puts it. The servers take turns, several rounds, so that a drift of the machine's
 * speed hits all alike. What is compared is the CPU time that the kernel charged to the server's threads
 * (schedstat), which does not depend on how fast the client is.
 *
 * Goal: with pools of 1 and of 2, at most 1.05 of evrt's plain base.
 *
 * Usage: echo [--quick] [--rounds N]
 */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "testing/bench/bench_server.h"

#define CONNECTIONS_MAX 64
#define MESSAGE_BYTES 64

static const struct bench_contestant contestants[] = {
	{ "bare epoll", "echo_epoll", NULL },
	{ "oracle", "echo_server_oracle", NULL },
	{ "evrt, plain base", "echo_server_evrt", NULL },
	{ "evrt, pool of 1", "echo_server_evrt", "pool 1" },
	{ "evrt, pool of 2", "echo_server_evrt", "pool 2" },
};
#define PLAIN_BASE 2 /* behind it: what is compared with it */
#define SERVERS ((int)(sizeof(contestants) / sizeof(contestants[0])))

static const struct pass {
	const char *metric;
	int connections;
	long trips, trips_quick;
	int cpu; /* of the server; BENCH_NONE: any */
} passes[] = {
	{ "round trip, 64 connections, server on one CPU (us)", 64, 100000, 20000, 0 },
	{ "round trip, 1 connection, server on one CPU (us)", 1, 20000, 10000, 0 },
	{ "round trip, 64 connections, server on any CPU (us)", 64, 100000, 20000, BENCH_NONE },
	{ "round trip, 1 connection, server on any CPU (us)", 1, 20000, 10000, BENCH_NONE },
};
#define PASSES ((int)(sizeof(passes) / sizeof(passes[0])))

static void
send_one(int fd)
{
	static const char message[MESSAGE_BYTES] = "echo";

	if (write(fd, message, sizeof(message)) != (ssize_t)sizeof(message))
		bench_die("write");
}

/* Keeps one request outstanding on each connection until `trips` answers have come. */
static void
load(const int *fds, int connections, int epfd, long trips)
{
	struct epoll_event ready[CONNECTIONS_MAX];
	char buf[MESSAGE_BYTES];

	for (int i = 0; i < connections; i++)
		send_one(fds[i]);
	for (long done = 0; done < trips;) {
		int n = epoll_wait(epfd, ready, CONNECTIONS_MAX, 10000);
		if (n <= 0)
			bench_die("no answer within 10 s");
		for (int i = 0; i < n; i++) {
			if (read(ready[i].data.fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
				bench_die("short answer");
			if (++done <= trips - connections)
				send_one(ready[i].data.fd);
		}
	}
}

static double
measure(const struct bench_contestant *c, const struct pass *p, long trips)
{
	int fds[CONNECTIONS_MAX];
	int epfd = epoll_create1(0);
	struct bench_server s;

	bench_server_start(&s, c, NULL, p->cpu);
	for (int i = 0; i < p->connections; i++) {
		fds[i] = bench_server_connect(&s);
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fds[i] };
		epoll_ctl(epfd, EPOLL_CTL_ADD, fds[i], &ev);
	}
	load(fds, p->connections, epfd, trips / 10 + p->connections); /* warm */
	double before = bench_server_cpu_ns(&s);
	load(fds, p->connections, epfd, trips);
	double us = (bench_server_cpu_ns(&s) - before) / 1e3 / (double)trips;
	for (int i = 0; i < p->connections; i++)
		close(fds[i]);
	close(epfd);
	bench_server_stop(&s);
	return us;
}

static void
run_round(const struct pass *p, bool quick, int round, struct bench_metric *metrics, int *count)
{
	for (int c = 0; c < SERVERS; c++) {
		double us = measure(&contestants[c], p, quick ? p->trips_quick : p->trips);
		bench_record(metrics, count, p->metric, c, round, us);
		fprintf(stderr, "round %d: %-18s %.3f us, %s\n", round + 1, contestants[c].name, us, p->metric);
	}
}

/* What a pool costs: the median of its ratio to evrt's plain base, within the rounds. */
static void
print_price(const struct bench_metric *m, int rounds)
{
	double ratio[BENCH_ROUNDS_MAX];

	for (int c = PLAIN_BASE + 1; c < SERVERS; c++) {
		for (int r = 0; r < rounds; r++)
			ratio[r] = m->value[c][r] / m->value[PLAIN_BASE][r];
		double median = bench_quantile(ratio, rounds, 0.5);
		printf("  %-18s %.3f (%.3f..%.3f)  %s\n", contestants[c].name, median, ratio[0], ratio[rounds - 1], m->name);
	}
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
	static struct bench_metric metrics[PASSES];
	int count = 0;
	bool quick;
	int rounds = bench_options(&bench, argc, argv, &quick);

	signal(SIGPIPE, SIG_IGN);
	bench_print_head(&bench, rounds);
	bench_pin(1);
	for (int r = 0; r < rounds; r++)
		for (int p = 0; p < PASSES; p++)
			run_round(&passes[p], quick, r, metrics, &count);
	bench_report(&bench, metrics, count, rounds);
	printf("\nOf evrt's plain base:\n");
	for (int p = 0; p < PASSES; p++)
		print_price(&metrics[p], rounds);
	return 0;
}
