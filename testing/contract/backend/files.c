/* testing/contract/backend/files.c — see files.h. */
#include "testing/contract/backend/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/sys.h"
#include "testing/contract/backend/suite.h"

void
files_are_always_ready(void)
{
	void *s = suite_begin();
	struct wire w = {open("/proc/self/exe", O_RDONLY | O_CLOEXEC), -1};

	CHECK(w.fd >= 0);
	suite_set(s, &w, 3, 0, EVRT_READ);
	suite_expect_one(s, &w, 3, EVRT_READ);
	suite_set(s, &w, 3, EVRT_READ, EVRT_READ | EVRT_WRITE);
	suite_expect_one(s, &w, 3, EVRT_READ | EVRT_WRITE);
	suite_wires->close(&w);
	suite_end(s);
}

static int
failing_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	(void)fds, (void)n, (void)timeout_ms;
	errno = ENOMEM;
	return -1;
}

void
the_check_may_fail(void)
{
	void *s = suite_begin();
	struct wire w;
	int (*real)(struct pollfd *, nfds_t, int) = evrt__sys.poll;

	suite_wires->open(&w);
	evrt__sys.poll = failing_poll;
	CHECK_INT_EQ(suite_poller->set(s, w.fd, 1, 0, EVRT_WRITE), -ENOMEM);
	evrt__sys.poll = real;
	suite_expect_none(s);
	suite_set(s, &w, 1, 0, EVRT_WRITE);
	suite_expect_one(s, &w, 1, EVRT_WRITE);
	suite_wires->close(&w);
	suite_end(s);
}

void
numbers_beyond_fd_setsize(void)
{
	void *s = suite_begin();
	int highest = suite_allow_fds(4000);
	struct wire low, high;

	suite_wires->open(&low);
	suite_wires->open(&high);
	CHECK_INT_EQ(dup3(high.fd, highest, O_CLOEXEC), highest);
	close(high.fd);
	high.fd = highest;
	suite_set(s, &low, 1, 0, EVRT_READ);
	suite_set(s, &high, 2, 0, EVRT_READ);
	suite_expect_none(s);
	suite_wires->feed(&high);
	suite_expect_one(s, &high, 2, EVRT_READ);
	suite_wires->drain(&high);
	suite_wires->feed(&low);
	suite_expect_one(s, &low, 1, EVRT_READ);
	suite_wires->feed(&high);
	suite_set(s, &low, 1, EVRT_READ, 0);
	suite_expect_one(s, &high, 2, EVRT_READ);
	suite_wires->close(&low);
	suite_wires->close(&high);
	suite_end(s);
}
