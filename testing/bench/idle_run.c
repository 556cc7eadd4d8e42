/* testing/bench/idle_run.c — a contestant of idle: on libevent's API, built against evrt and against the oracle.
 *
 * Usage: idle_LIBRARY [pool WORKERS] CONNECTIONS
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/bench/bench.h"
#include "testing/bench/echo_base.h"

#define CONNECTIONS_MAX 9000
#define REQUEST_BYTES 100

static struct event_base *base;
static struct bufferevent *bevs[CONNECTIONS_MAX];
static int peers[CONNECTIONS_MAX];
static int answers_missing;

static double
resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		bench_die("/proc/self/statm");
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	char answer[REQUEST_BYTES];

	(void)what;
	(void)arg;
	if (read(fd, answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		bench_die("answer");
	if (--answers_missing == 0)
		event_base_loopbreak(base);
}

static void
open_one(int i)
{
	const struct timeval read_timeout = { 300, 0 }, write_timeout = { 60, 0 };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		bench_die("socketpair: more descriptors are needed (ulimit -n)");
	peers[i] = fds[1];
	bevs[i] = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
	if (!bevs[i])
		bench_die("bufferevent_socket_new");
	bufferevent_setcb(bevs[i], on_read, NULL, NULL, NULL);
	bufferevent_set_timeouts(bevs[i], &read_timeout, &write_timeout);
	bufferevent_enable(bevs[i], EV_READ | EV_WRITE);
}

/* A request at a time, as idle connections have them. */
static void
ask(int i)
{
	static const char request[REQUEST_BYTES] = "request";
	struct event *ev = event_new(base, peers[i], EV_READ, on_answer, NULL);

	if (!ev || write(peers[i], request, sizeof(request)) != (ssize_t)sizeof(request))
		bench_die("request");
	event_add(ev, NULL);
	answers_missing = 1;
	event_base_dispatch(base);
	event_free(ev);
}

int
main(int argc, char **argv)
{
	const struct rlimit files = { 20000, 20000 };
	int connections = atoi(argv[argc - 1]);

	if (connections < 2 || connections > CONNECTIONS_MAX)
		return 2;
	setrlimit(RLIMIT_NOFILE, &files);
	base = bench_base_new(argc, argv);
	if (!base)
		return 1;
	/* What is there once is not counted. */
	open_one(0);
	ask(0);
	double before = resident_bytes();
	for (int i = 1; i < connections; i++)
		open_one(i);
	double made = resident_bytes();
	for (int i = 0; i < connections; i++)
		ask(i);
	double used = resident_bytes();
	printf("%.1f never used (B)\n", (made - before) / (connections - 1));
	printf("%.1f used once (B)\n", (used - before) / (connections - 1));
	return 0;
}
