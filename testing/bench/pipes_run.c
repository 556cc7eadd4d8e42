/* testing/bench/pipes_run.c — the chain of pipes on the library that is linked in; see pipes.c.
 *
 * Usage: pipes_LIBRARY [changelist] METHOD PAIRS ACTIVE WRITES RUNS   Prints a line for bench.h.
 */
#include "testing/bench/pipes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "testing/bench/bench.h"

#define RUNS_MAX 1000

static unsigned pairs, active, writes;
static int *readers, *writers;
static unsigned writes_left, reads_left;

static void
send_token(unsigned pair)
{
	if (send(writers[pair], "e", 1, 0) != 1)
		bench_die("send");
}

void
pipes_ready(unsigned i)
{
	char c;

	if (recv(readers[i], &c, 1, 0) != 1)
		bench_die("called for nothing");
	reads_left--;
	if (writes_left > 0) {
		writes_left--;
		send_token(i + 1 < pairs ? i + 1 : 0);
	}
}

/* What is measured. Each token that is sent is read: those of the beginning, and one per write. */
static void
chain(void)
{
	while (reads_left > 0)
		pipes_turn();
}

/* Microseconds of CPU time. */
static double
run(void)
{
	pipes_watch();
	pipes_turn();
	writes_left = writes;
	reads_left = active + writes;
	for (unsigned i = 0; i < active; i++)
		send_token(i * (pairs / active));
	double t = bench_thread_cpu_ns();
	chain();
	return (bench_thread_cpu_ns() - t) / 1e3;
}

static void
open_pairs(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	readers = calloc(pairs, sizeof(*readers));
	writers = calloc(pairs, sizeof(*writers));
	if (!readers || !writers)
		bench_die("memory");
	for (unsigned i = 0; i < pairs; i++) {
		int fds[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
			bench_die("socketpair");
		readers[i] = fds[0];
		writers[i] = fds[1];
	}
}

int
main(int argc, char **argv)
{
	bool changelist = argc > 1 && strcmp(argv[1], "changelist") == 0;
	char **args = argv + (changelist ? 2 : 1);
	static double us[RUNS_MAX];

	if (argv + argc != args + 5) {
		fprintf(stderr, "usage: %s [changelist] METHOD PAIRS ACTIVE WRITES RUNS\n", argv[0]);
		return 2;
	}
	pairs = (unsigned)atoi(args[1]);
	active = (unsigned)atoi(args[2]);
	writes = (unsigned)atoi(args[3]);
	int runs = atoi(args[4]);
	if (active < 1 || active > pairs || runs < 1 || runs > RUNS_MAX) {
		errno = EINVAL;
		bench_die("arguments");
	}
	bench_pin(0);
	open_pairs();
	if (!pipes_open(args[0], changelist, readers, pairs))
		return 0;
	run(); /* warm */
	for (int i = 0; i < runs; i++)
		us[i] = run();
	printf("%f %s: %u pairs, %u active, %u writes (us)\n", bench_quantile(us, runs, 0), args[0], pairs, active, writes);
	pipes_close();
	return 0;
}
