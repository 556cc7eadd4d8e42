/* testing/bench/bench_server.h — a server under load: started, connected to, and charged for.
 *
 * Here:     a contestant as a server process, which prints its port and ends when its standard input does; the CPU
 *           time that the kernel charged to all of its threads, which does not depend on how fast the client is;
 *           connections to it.
 * Not here: the load, the rounds and the table (bench.h).
 * Threads:  one.
 */
#ifndef EVRT_TESTING_BENCH_BENCH_SERVER_H_
#define EVRT_TESTING_BENCH_BENCH_SERVER_H_

#include <sys/types.h>

#include "testing/bench/bench.h"

struct bench_server {
	pid_t pid;
	int stop_fd, port;
	FILE *out; /* what it prints behind its port */
};

/* `pass`: words behind the contestant's own; NULL: none. `cpu`: where it runs; BENCH_NONE: anywhere. Ends the
 * program when that fails. */
void bench_server_start(struct bench_server *, const struct bench_contestant *, const char *pass, int cpu);
void bench_server_stop(struct bench_server *);
/* Of all its threads since it began, in nanoseconds. */
double bench_server_cpu_ns(const struct bench_server *);
/* Voluntary context switches of all its threads since it began. */
double bench_server_switches(const struct bench_server *);
/* Asks the server for a number, with a byte on its standard input. What it means is the server's. */
double bench_server_ask(const struct bench_server *);
/* A blocking socket, without delay of small writes. */
int bench_server_connect(const struct bench_server *);

#endif
