/* testing/unit/base/sys_test.c — that the table is full, and that its own wrappers pass everything on. */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include "base/clock.h"
#include "testing/harness/test.h"

static void
no_entry_is_missing(void)
{
	void (*entries[sizeof(evrt__sys) / sizeof(void (*)(void))])(void);

	memcpy(entries, &evrt__sys, sizeof(entries));
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		CHECK(entries[i] != NULL);
}

static void
fcntl_and_open_pass_their_arguments(void)
{
	int fd = evrt__sys.open("/dev/null", O_RDONLY | O_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK_INT_EQ(evrt__sys.fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
	CHECK_INT_EQ(evrt__sys.fcntl(fd, F_SETFD, 0), 0);
	CHECK_INT_EQ(evrt__sys.fcntl(fd, F_GETFD, 0), 0);
	CHECK_INT_EQ(evrt__sys.close(fd), 0);
	CHECK_INT_EQ(evrt__sys.open("/nonexistent/file", O_RDONLY, 0), -1);
	CHECK_INT_EQ(errno, ENOENT);
}

static void
epoll_pwait2_waits_and_reports(void)
{
	const struct timespec brief = {.tv_nsec = 2000000};
	struct epoll_event want = {.events = EPOLLIN, .data.u64 = 77}, got;
	int ep = evrt__sys.epoll_create1(EPOLL_CLOEXEC);
	int ev = evrt__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t one = 1;

	CHECK_INT_EQ(evrt__sys.epoll_ctl(ep, EPOLL_CTL_ADD, ev, &want), 0);
	evrt_ns start = evrt__clock_now(evrt__clock_real());
	int n = evrt__sys.epoll_pwait2(ep, &got, 1, &brief, NULL);
	if (n < 0)
		CHECK_INT_EQ(errno, ENOSYS); /* an old kernel: all that is promised */
	else {
		CHECK_INT_EQ(n, 0);
		CHECK(evrt__clock_now(evrt__clock_real()) - start >= 2 * EVRT_NS_PER_MS);
		CHECK_INT_EQ(evrt__sys.write(ev, &one, sizeof(one)), sizeof(one));
		CHECK_INT_EQ(evrt__sys.epoll_pwait2(ep, &got, 1, NULL, NULL), 1);
		CHECK_INT_EQ(got.data.u64, 77);
	}
	evrt__sys.close(ev);
	evrt__sys.close(ep);
}

static const struct evrt_test_case cases[] = {
	{"no_entry_is_missing", no_entry_is_missing},
	{"fcntl_and_open_pass_their_arguments", fcntl_and_open_pass_their_arguments},
	{"epoll_pwait2_waits_and_reports", epoll_pwait2_waits_and_reports},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
