/* testing/bench/echo.c — server CPU time per echo round trip: evrt, the oracle and bare epoll, in one run.
 *
 * Each server runs on CPU 0 and the load on CPU 1. 64 connections, 64 bytes, one outstanding request each.
 * The servers take turns, several rounds, so that a drift of the machine's speed hits all alike. What is
 * compared is the CPU time that the kernel charged to the server's threads (schedstat), which does not depend
 * on how fast the client is.
 *
 * Usage: echo [ROUNDS [ROUND_TRIPS]]   (default 7 rounds of 200,000 round trips)
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS 64
#define MESSAGE_BYTES 64
#define ROUNDS_MAX 101

struct server {
	const char *name;
	const char *binary;
	const char *args[3];
	double us[ROUNDS_MAX]; /* CPU per round trip */
	pid_t pid;
	int stop_fd, port;
};

static struct server servers[] = {
	{ "bare epoll", "echo_epoll", { NULL }, { 0 }, 0, 0, 0 },
	{ "oracle", "echo_server_oracle", { NULL }, { 0 }, 0, 0, 0 },
	{ "evrt, plain base", "echo_server_evrt", { NULL }, { 0 }, 0, 0, 0 },
	{ "evrt, pool of 1", "echo_server_evrt", { "pool", "1", NULL }, { 0 }, 0, 0, 0 },
};
#define SERVERS (sizeof(servers) / sizeof(servers[0]))

static void
die(const char *what)
{
	fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where there is one CPU only, they share it */
}

static void
server_start(struct server *s, const char *dir)
{
	char path[4200];
	int in[2], out[2];

	snprintf(path, sizeof(path), "%s/%s", dir, s->binary);
	if (pipe(in) < 0 || pipe(out) < 0 || (s->pid = fork()) < 0)
		die("fork");
	if (s->pid == 0) {
		pin(0);
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(path, s->binary, s->args[0], s->args[1], (char *)NULL);
		die(path);
	}
	close(in[0]);
	close(out[1]);
	s->stop_fd = in[1];
	FILE *f = fdopen(out[0], "r");
	if (!f || fscanf(f, "%d", &s->port) != 1) {
		fprintf(stderr, "echo: %s did not say its port\n", path);
		exit(1);
	}
	fclose(f);
}

static void
server_stop(struct server *s)
{
	close(s->stop_fd);
	waitpid(s->pid, NULL, 0);
}

/* CPU time of all threads of a process, in nanoseconds. */
static double
cpu_ns(pid_t pid)
{
	char path[128], name[512];
	double sum = 0, ns;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *d = opendir(path);
	if (!d)
		die(path);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s/schedstat", path, e->d_name);
		FILE *f = fopen(name, "r");
		if (f && fscanf(f, "%lf", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	closedir(d);
	return sum;
}

static int
connect_to(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void
send_one(int fd)
{
	static const char message[MESSAGE_BYTES] = "echo";

	if (write(fd, message, sizeof(message)) != (ssize_t)sizeof(message))
		die("write");
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
			die("no answer within 10 s");
		for (int i = 0; i < n; i++) {
			if (read(ready[i].data.fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
				die("short answer");
			if (++done <= trips - CONNECTIONS)
				send_one(ready[i].data.fd);
		}
	}
}

static double
measure(struct server *s, const char *dir, long trips)
{
	int fds[CONNECTIONS];
	int epfd = epoll_create1(0);

	server_start(s, dir);
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = connect_to(s->port);
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fds[i] };
		epoll_ctl(epfd, EPOLL_CTL_ADD, fds[i], &ev);
	}
	load(fds, epfd, trips / 10 + CONNECTIONS); /* warm */
	double before = cpu_ns(s->pid);
	load(fds, epfd, trips);
	double us = (cpu_ns(s->pid) - before) / 1e3 / (double)trips;
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(epfd);
	server_stop(s);
	return us;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(int rounds)
{
	double ratio[ROUNDS_MAX], sorted[ROUNDS_MAX];

	printf("%-18s %34s %26s %26s\n", "server", "CPU us/round trip: min med max", "of bare epoll (med)",
	    "of the oracle (med)");
	for (unsigned i = 0; i < SERVERS; i++) {
		double of[2];
		for (unsigned ref = 0; ref < 2; ref++) {
			for (int r = 0; r < rounds; r++)
				ratio[r] = servers[i].us[r] / servers[ref].us[r];
			qsort(ratio, (size_t)rounds, sizeof(double), by_value);
			of[ref] = ratio[rounds / 2];
		}
		memcpy(sorted, servers[i].us, sizeof(sorted));
		qsort(sorted, (size_t)rounds, sizeof(double), by_value);
		printf("%-18s %17.3f %7.3f %8.3f %26.3f %26.3f\n", servers[i].name, sorted[0], sorted[rounds / 2],
		    sorted[rounds - 1], of[0], of[1]);
	}
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 7;
	long trips = argc > 2 ? atol(argv[2]) : 200000;
	char dir[4096];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	if (rounds < 1 || rounds > ROUNDS_MAX || trips < CONNECTIONS || n < 0) {
		fprintf(stderr, "usage: echo [ROUNDS [ROUND_TRIPS]]: 1 to %d rounds, at least %d round trips\n",
		    ROUNDS_MAX, CONNECTIONS);
		return 2;
	}
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	signal(SIGPIPE, SIG_IGN);
	pin(1);
	for (int r = 0; r < rounds; r++)
		for (unsigned i = 0; i < SERVERS; i++) {
			servers[i].us[r] = measure(&servers[i], dir, trips);
			fprintf(stderr, "round %d of %d: %-18s %.3f us\n", r + 1, rounds, servers[i].name,
			    servers[i].us[r]);
		}
	report(rounds);
	return 0;
}
