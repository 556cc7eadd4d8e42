/* testing/bench/pipes_epoll.c — the floor: bare epoll, with a table of nothing; see pipes.h. */
#include "testing/bench/pipes.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "testing/bench/bench.h"

#define BATCH 1024

static int epfd;
static const int *watched;
static unsigned watched_count;

bool
pipes_open(const char *method, bool changelist, const int *fds, unsigned count)
{
	if (strcmp(method, "epoll") != 0 || changelist)
		return false;
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0)
		bench_die("epoll_create1");
	watched = fds;
	watched_count = count;
	return true;
}

void
pipes_close(void)
{
	close(epfd);
}

void
pipes_watch(void)
{
	for (unsigned i = 0; i < watched_count; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };
		epoll_ctl(epfd, EPOLL_CTL_DEL, watched[i], NULL); /* fails the first time */
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, watched[i], &ev) < 0)
			bench_die("epoll_ctl");
	}
}

void
pipes_turn(void)
{
	struct epoll_event ready[BATCH];
	int n = epoll_wait(epfd, ready, BATCH, 0);

	for (int i = 0; i < n; i++)
		pipes_ready(ready[i].data.u32);
}
