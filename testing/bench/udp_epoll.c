/* testing/bench/udp_epoll.c — the floor: an echo server of bare system calls; see udp.h. */
#include "testing/bench/udp.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "testing/bench/bench.h"

#define BATCH 32

static int server, epfd;
static bool in_batches;
static unsigned answered;

static char data[BATCH][UDP_BYTES_MAX];
static struct sockaddr_in peers[BATCH];
static struct iovec iov[BATCH];
static struct mmsghdr messages[BATCH];

void
udp_start(int fd, bool batches)
{
	struct epoll_event ev = { .events = EPOLLIN };

	server = fd;
	in_batches = batches;
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		bench_die("epoll");
	for (int i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_iov = &iov[i], .msg_iovlen = 1 };
}

static void
answer_batch(void)
{
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ data[i], UDP_BYTES_MAX };
		messages[i].msg_hdr.msg_namelen = sizeof(peers[i]);
	}
	int n = recvmmsg(server, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		iov[i].iov_len = messages[i].msg_len;
	if (n < 0 || sendmmsg(server, messages, (unsigned)n, MSG_DONTWAIT) != n)
		bench_die("batch");
	answered += (unsigned)n;
}

static void
answer_one(void)
{
	socklen_t len = sizeof(peers[0]);
	ssize_t n = recvfrom(server, data[0], UDP_BYTES_MAX, 0, (struct sockaddr *)&peers[0], &len);

	if (n < 0 || sendto(server, data[0], (size_t)n, 0, (struct sockaddr *)&peers[0], len) != n)
		bench_die("packet");
	answered++;
}

void
udp_serve(unsigned packets)
{
	struct epoll_event ready;

	for (answered = 0; answered < packets;) {
		if (epoll_wait(epfd, &ready, 1, -1) != 1)
			bench_die("epoll_wait");
		if (in_batches)
			answer_batch();
		else
			answer_one();
	}
}
