/* testing/contract/backend/poll_test.c — the suite against poll, and what poll alone does. */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include "base/sys.h"
#include "testing/contract/backend/files.h"

static int ppoll_error;

static int
failing_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	(void)fds, (void)n, (void)ts, (void)mask;
	errno = ppoll_error;
	return -1;
}

static void
waits_may_fail_or_be_interrupted(void)
{
	void *s = suite_begin();
	struct evrt_ready out[1];

	evrt__sys.ppoll = failing_ppoll;
	ppoll_error = EINTR;
	CHECK_INT_EQ(suite_wait(s, -1, out, 1), -EINTR);
	ppoll_error = ENOMEM;
	CHECK_INT_EQ(suite_wait(s, -1, out, 1), -ENOMEM);
	suite_end(s);
}

static const struct suite_case extra[] = {
	{"waits_may_fail_or_be_interrupted", waits_may_fail_or_be_interrupted, 0, 0},
	{"files_are_always_ready", files_are_always_ready, 0, 0},
	{"the_check_may_fail", the_check_may_fail, 0, 0},
	{"numbers_beyond_fd_setsize", numbers_beyond_fd_setsize, 0, 0},
	{NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return suite_main(&evrt__backend_poll, &suite_wires_real, extra, argc, argv);
}
