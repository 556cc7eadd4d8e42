/* testing/bench/oneshot_epoll.c — the floor: bare epoll that is asked once and left alone; see oneshot.h. */
#include "testing/bench/oneshot.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "testing/bench/bench.h"

#define BATCH 2

void
oneshot_run(const int fds[2], bool changelist)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[BATCH];
	bool again = true;

	(void)changelist;
	for (unsigned i = 0; i < 2; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, fds[i], &ev) < 0)
			bench_die("epoll_ctl");
	}
	while (again) {
		int n = epoll_wait(epfd, ready, BATCH, -1);
		for (int i = 0; i < n; i++)
			again = oneshot_ready(ready[i].data.u32) && again;
	}
	close(epfd);
}
