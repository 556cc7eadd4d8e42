/* testing/bench/echo_epoll.c — the floor: an echo server of bare system calls.
 *
 * One thread, level-triggered epoll, read and write. Prints its port, and ends when its standard input does.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64

static void
watch(int epfd, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);
}

static void
accept_one(int epfd, int listener)
{
	int on = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(epfd, fd);
}

static void
echo(int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0 || write(fd, buf, (size_t)n) != n)
		close(fd);
}

int
main(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[BATCH];

	if (bind(listener, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(listener, 128) < 0) {
		perror("echo_epoll: cannot listen on the loopback address");
		return 1;
	}
	getsockname(listener, (struct sockaddr *)&sin, &len);
	printf("%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	watch(epfd, listener);
	watch(epfd, STDIN_FILENO);
	for (;;) {
		int n = epoll_wait(epfd, ready, BATCH, -1);
		for (int i = 0; i < n; i++) {
			if (ready[i].data.fd == STDIN_FILENO)
				return 0;
			if (ready[i].data.fd == listener)
				accept_one(epfd, listener);
			else
				echo(ready[i].data.fd);
		}
	}
}
