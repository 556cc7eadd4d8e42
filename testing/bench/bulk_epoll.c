/* testing/bench/bulk_epoll.c — the floor: a sink and an echo of streams by bare system calls.
 *
 * One thread, level-triggered epoll, 64 KiB at a time. What an echo cannot send at once is sent before it reads on.
 *
 * Usage: bulk_epoll sink|echo BYTES   (as bulk_server)
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define BLOCK_BYTES 65536

struct conn {
	int fd;
	long seen;         /* sink: not answered yet */
	size_t from, held; /* echo: block[from..from+held) is to be sent */
	char block[BLOCK_BYTES];
};

static int epfd, echoes;
static long answer_after;

static void
watch(int op, int fd, unsigned events, struct conn *c)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	epoll_ctl(epfd, op, fd, &ev);
}

/* Returns 0 when all is sent. */
static int
send_held(struct conn *c)
{
	ssize_t n = write(c->fd, c->block + c->from, c->held);

	if (n > 0) {
		c->from += (size_t)n;
		c->held -= (size_t)n;
	}
	return c->held > 0;
}

static void
readable(struct conn *c)
{
	ssize_t n = read(c->fd, c->block, sizeof(c->block));

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		close(c->fd);
		free(c);
		return;
	}
	if (n < 0)
		return;
	if (echoes) {
		c->from = 0;
		c->held = (size_t)n;
		if (send_held(c))
			watch(EPOLL_CTL_MOD, c->fd, EPOLLOUT, c);
		return;
	}
	for (c->seen += n; c->seen >= answer_after; c->seen -= answer_after)
		if (write(c->fd, "", 1) != 1)
			perror("bulk_epoll: answer");
}

static void
accept_one(int listener)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd >= 0)
		watch(EPOLL_CTL_ADD, c->fd, EPOLLIN, c);
	else
		free(c);
}

int
main(int argc, char **argv)
{
	static struct conn of_listener, of_stdin;
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event ready[BATCH];

	if (argc != 3)
		return 2;
	echoes = strcmp(argv[1], "echo") == 0;
	answer_after = atol(argv[2]);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (bind(listener, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(listener, 128) < 0) {
		perror("bulk_epoll: cannot listen on the loopback address");
		return 1;
	}
	getsockname(listener, (struct sockaddr *)&sin, &len);
	printf("%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	watch(EPOLL_CTL_ADD, listener, EPOLLIN, &of_listener);
	watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &of_stdin);
	for (;;) {
		int n = epoll_wait(epfd, ready, BATCH, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = ready[i].data.ptr;
			if (c == &of_stdin)
				return 0;
			if (c == &of_listener)
				accept_one(listener);
			else if (ready[i].events & EPOLLOUT && !send_held(c))
				watch(EPOLL_CTL_MOD, c->fd, EPOLLIN, c);
			else if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				readable(c);
		}
	}
}
