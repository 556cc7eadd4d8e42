/* testing/contract/backend/epoll_test.c — the suite against epoll, and what epoll alone does. */
#include "testing/contract/backend/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <unistd.h>
#include "base/sys.h"

#define R EVRT_READ
#define W EVRT_WRITE

static int pwait2_calls;
static int pwait2_error;
static int wait_calls;
static int wait_error;
static int wait_timeout_ms;
static int ctl_error;

static int
failing_create(int flags)
{
	(void)flags;
	errno = EMFILE;
	return -1;
}

static int
failing_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	(void)epfd, (void)op, (void)fd, (void)event;
	errno = ctl_error;
	return -1;
}

static int
failing_pwait2(int epfd, struct epoll_event *events, int cap, const struct timespec *ts, const sigset_t *mask)
{
	(void)epfd, (void)events, (void)cap, (void)ts, (void)mask;
	pwait2_calls++;
	errno = pwait2_error;
	return -1;
}

static int
failing_wait(int epfd, struct epoll_event *events, int cap, int timeout_ms)
{
	(void)epfd, (void)events, (void)cap;
	wait_calls++;
	wait_timeout_ms = timeout_ms;
	errno = wait_error;
	return wait_error ? -1 : 0;
}

static void
open_may_fail(void)
{
	void *s = NULL;
	evrt__sys.epoll_create1 = failing_create;
	CHECK_INT_EQ(suite_poller->open(&s), -EMFILE);
	CHECK_PTR_EQ(s, NULL);
}

static void
the_kernels_refusals_are_passed_on(void)
{
	static const int errors[] = {ENOMEM, ENOSPC, EPERM, EBADF, ELOOP};
	void *s = suite_begin();

	evrt__sys.epoll_ctl = failing_ctl;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		ctl_error = errors[i];
		CHECK_INT_EQ(suite_poller->set(s, 0, 1, 0, R), -errors[i]);
		CHECK_INT_EQ(suite_poller->set(s, 0, 1, R, W), -errors[i]);
	}
	ctl_error = ENOMEM;
	CHECK_INT_EQ(suite_poller->set(s, 0, 1, R, 0), -ENOMEM);
	suite_end(s);
}

static void
waits_may_fail_or_be_interrupted(void)
{
	static const evrt_ns timeouts[] = {-1, 0, 5};
	void *s = suite_begin();
	struct evrt_ready out[1];

	evrt__sys.epoll_wait = failing_wait;
	evrt__sys.epoll_pwait2 = failing_pwait2;
	for (int i = 0; i < 3; i++) {
		wait_error = pwait2_error = EINTR;
		CHECK_INT_EQ(suite_wait(s, timeouts[i], out, 1), -EINTR);
		wait_error = pwait2_error = EBADF;
		CHECK_INT_EQ(suite_wait(s, timeouts[i], out, 1), -EBADF);
	}
	suite_end(s);
}

/* Milliseconds asked of epoll_wait for a timeout, where there is no epoll_pwait2. */
static int
ms_asked(void *s, evrt_ns timeout_ns)
{
	struct evrt_ready out[1];
	wait_timeout_ms = -2;
	CHECK_INT_EQ(suite_wait(s, timeout_ns, out, 1), 0);
	return wait_timeout_ms;
}

static void
old_kernels_get_milliseconds_rounded_up(void)
{
	static const int refusals[] = {ENOSYS, EPERM};

	evrt__sys.epoll_pwait2 = failing_pwait2;
	evrt__sys.epoll_wait = failing_wait;
	for (int i = 0; i < 2; i++) {
		void *s = suite_begin();
		pwait2_calls = wait_calls = 0;
		pwait2_error = refusals[i];
		CHECK_INT_EQ(ms_asked(s, 1), 1);
		CHECK_INT_EQ(ms_asked(s, 999999), 1);
		CHECK_INT_EQ(ms_asked(s, 1000000), 1);
		CHECK_INT_EQ(ms_asked(s, 1000001), 2);
		CHECK_INT_EQ(ms_asked(s, EVRT_NS_NEVER), INT_MAX);
		CHECK_INT_EQ(ms_asked(s, 0), 0);
		CHECK_INT_EQ(ms_asked(s, -1), -1);
		CHECK_INT_EQ(pwait2_calls, 1); /* asked once, remembered */
		CHECK_INT_EQ(wait_calls, 7);
		suite_end(s);
	}
}

static void
the_fall_back_is_never_cut_short(void)
{
	void *s = suite_begin();
	struct evrt_ready out[1];

	evrt__sys.epoll_pwait2 = failing_pwait2;
	pwait2_error = ENOSYS;
	for (evrt_ns timeout = 1; timeout < 4000000; timeout += 700001) {
		evrt_ns before = suite_wires->now();
		CHECK_INT_EQ(suite_wait(s, timeout, out, 1), 0);
		CHECK(suite_wires->now() - before >= timeout);
	}
	suite_end(s);
}

static void
regular_files_are_refused(void)
{
	void *s = suite_begin();
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_INT_EQ(suite_poller->set(s, fd, 1, 0, R), -EPERM);
	CHECK_INT_EQ(suite_poller->set(s, fd, 1, R, 0), 0);
	close(fd);
	suite_end(s);
}

/* The kernel keeps reporting it; the generation is how the fd map knows. */
static void
a_duplicate_keeps_reporting_with_the_old_generation(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 41, 0, R);
	int copy = dup(w.fd);
	suite_wires->close_fd(&w);
	suite_wires->feed(&w);
	suite_expect_one(s, &w, 41, R);
	close(copy);
	suite_expect_none(s);
	suite_wires->reopen_fd(&w);
	suite_wires->close(&w);
	suite_end(s);
}

/* A connection over the loopback that its peer resets. */
static int
reset_connection(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger abort_it = {.l_onoff = 1};
	socklen_t len = sizeof to;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT_EQ(bind(listener, (struct sockaddr *)&to, sizeof to), 0);
	CHECK_INT_EQ(listen(listener, 1), 0);
	CHECK_INT_EQ(getsockname(listener, (struct sockaddr *)&to, &len), 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	int peer = accept(listener, NULL, NULL);
	CHECK(peer >= 0);
	CHECK_INT_EQ(setsockopt(peer, SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it), 0);
	close(peer);
	close(listener);
	return fd;
}

static void
a_reset_is_told_to_who_waits_for_the_end_only(void)
{
	void *s = suite_begin();
	struct evrt_ready out[1];
	struct wire w = {reset_connection(), -1};

	suite_set(s, &w, 1, 0, EVRT_CLOSED);
	CHECK_INT_EQ(suite_wait(s, 10 * EVRT_NS_PER_SEC, out, 1), 1);
	CHECK_INT_EQ(out[0].mask, R | W | EVRT_CLOSED | EVRT_HUP);
	suite_wires->close(&w);
	suite_end(s);
}

static const struct suite_case extra[] = {
	{"open_may_fail", open_may_fail, 0, 0},
	{"the_kernels_refusals_are_passed_on", the_kernels_refusals_are_passed_on, 0, 0},
	{"waits_may_fail_or_be_interrupted", waits_may_fail_or_be_interrupted, 0, 0},
	{"old_kernels_get_milliseconds_rounded_up", old_kernels_get_milliseconds_rounded_up, 0, 0},
	{"the_fall_back_is_never_cut_short", the_fall_back_is_never_cut_short, 0, 0},
	{"regular_files_are_refused", regular_files_are_refused, 0, 0},
	{"a_duplicate_keeps_reporting_with_the_old_generation",
	    a_duplicate_keeps_reporting_with_the_old_generation, 0, 0},
	{"a_reset_is_told_to_who_waits_for_the_end_only",
	    a_reset_is_told_to_who_waits_for_the_end_only, 0, 0},
	{NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return suite_main(&evrt__backend_epoll, &suite_wires_real, extra, argc, argv);
}
