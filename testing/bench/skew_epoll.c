/* testing/bench/skew_epoll.c — the floor: threads on one shared epoll set, with bare system calls; see skew.c.
 *
 * EPOLLONESHOT keeps each connection serial; whoever has served it arms it again. No ready connection waits while a
 * thread is free. The main thread only accepts. Prints its port, and ends when its standard input does.
 *
 * Usage: skew_epoll WORKERS
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/bench/bench.h"
#include "testing/bench/skew_serve.h"

static int epfd;

static void
arm(int how, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = fd };

	if (epoll_ctl(epfd, how, fd, &ev) < 0)
		bench_die("epoll_ctl");
}

static void *
thread_main(void *arg)
{
	struct epoll_event ev;

	(void)arg;
	for (;;) {
		if (epoll_wait(epfd, &ev, 1, -1) != 1)
			continue;
		if (skew_serve_one(ev.data.fd))
			arm(EPOLL_CTL_MOD, ev.data.fd);
		else
			close(ev.data.fd);
	}
	return NULL;
}

static void
accept_one(int listener)
{
	int on = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	arm(EPOLL_CTL_ADD, fd);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = listener, .events = POLLIN } };

	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (bind(listener, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(listener, 128) < 0)
		bench_die("cannot listen on the loopback address");
	for (int i = 0; argc > 1 && i < atoi(argv[1]); i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, thread_main, NULL))
			bench_die("a thread");
	}
	getsockname(listener, (struct sockaddr *)&sin, &len);
	printf("%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	while (poll(fds, 2, -1) >= 0 && !fds[0].revents)
		if (fds[1].revents)
			accept_one(listener);
	return 0;
}
