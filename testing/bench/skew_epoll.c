/* testing/bench/skew_epoll.c — the floor: threads on one shared epoll set, with bare system calls; see skew.c.
 *
 * EPOLLONESHOT keeps each connection serial; whoever has served it arms it again. No ready connection waits while a
 * thread is free. The main thread only accepts. Ends when its standard input does.
 *
 * Usage: skew_epoll WORKERS
 */
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
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		arm(EPOLL_CTL_ADD, fd);
}

int
main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };

	epfd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; argc > 1 && i < atoi(argv[1]); i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, thread_main, NULL))
			bench_die("a thread");
	}
	fds[1].fd = skew_listen();
	while (poll(fds, 2, -1) >= 0 && !fds[0].revents)
		if (fds[1].revents)
			accept_one(fds[1].fd);
	return 0;
}
