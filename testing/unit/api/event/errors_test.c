/* testing/unit/api/event/errors_test.c — a public call that fails for want of something says for want of what: errno.
 *
 * Here:     each case lets one call of base/sys.h, or an allocation, fail with each of its errors. What is undone
 *           afterwards spoils errno: nothing may rely on what is left in it.
 * Not here: that nothing leaks and all can be tried again (faults_test.c), each call in turn (testing/fault).
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "testing/harness/test.h"

#define CASE(fn) { #fn, fn }

static int sys_error; /* what the failing calls say; 0: they work */
static bool memory_is_out;
static struct evrt_sys real;
static struct event_base *base;
static struct event *ev;

#define FAILING(result, name, parameters, arguments) \
	static result failing_##name parameters \
	{ \
		errno = sys_error; \
		return sys_error ? -1 : real.name arguments; \
	}
FAILING(int, epoll_create1, (int a), (a))
FAILING(int, epoll_ctl, (int a, int b, int c, struct epoll_event *d), (a, b, c, d))
FAILING(int, epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d))
FAILING(int, ppoll, (struct pollfd *a, nfds_t b, const struct timespec *c, const sigset_t *d), (a, b, c, d))
FAILING(int, eventfd, (unsigned a, int b), (a, b))
FAILING(int, pipe2, (int a[2], int b), (a, b))
FAILING(int, socketpair, (int a, int b, int c, int d[2]), (a, b, c, d))

static int
spoiling_close(int fd)
{
	int r = real.close(fd);
	errno = EIO;
	return r;
}

static void
spoiling_free(void *p)
{
	free(p);
	errno = EIO;
}

static void *
failing_malloc(size_t size)
{
	return memory_is_out ? NULL : malloc(size);
}

static void *
failing_realloc(void *p, size_t size)
{
	return memory_is_out ? NULL : realloc(p, size);
}

static void
nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* `call` fails with each of the errors (0 at the end), errno tells which, and then it works. */
static void
expect_each(const int *errors, bool (*call)(void))
{
	for (; *errors; errors++) {
		sys_error = *errors;
		errno = 0;
		CHECK(!call());
		CHECK_INT_EQ(errno, *errors);
	}
	sys_error = 0;
	CHECK(call());
}

static void
expect_no_memory(bool (*call)(void))
{
	memory_is_out = true;
	errno = 0;
	CHECK(!call());
	CHECK_INT_EQ(errno, ENOMEM);
	memory_is_out = false;
	CHECK(call());
}

static void
begin(void)
{
	evrt__mem_set_functions(failing_malloc, failing_realloc, spoiling_free);
	real = evrt__sys;
	evrt__sys.close = spoiling_close;
}

static void
begin_with_base(void)
{
	begin();
	base = event_base_new();
	CHECK(base != NULL);
}

static bool
make_base(void)
{
	base = event_base_new();
	if (base)
		event_base_free(base);
	return base != NULL;
}

static void
event_base_new_says_why(void)
{
	begin();
	evrt__sys.epoll_create1 = failing_epoll_create1;
	expect_each((const int[]){ EMFILE, ENOMEM, 0 }, make_base);
	expect_no_memory(make_base);
}

static void
event_base_new_with_threads_says_why(void)
{
	begin();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	evrt__sys.eventfd = failing_eventfd;
	expect_each((const int[]){ EMFILE, ENOMEM, 0 }, make_base);
	evrt__sys.eventfd = real.eventfd;
	evrt__sys.epoll_ctl = failing_epoll_ctl;
	expect_each((const int[]){ ENOSPC, ENOMEM, 0 }, make_base);
	libevent_global_shutdown();
}

static bool
make_event(void)
{
	struct event *made = event_new(base, -1, EV_TIMEOUT, nothing, NULL);
	if (made)
		event_free(made);
	return made != NULL;
}

static void
event_new_says_why(void)
{
	begin_with_base();
	expect_no_memory(make_event);
	event_base_free(base);
}

/* Pending only where it says so. */
static bool
add_event(void)
{
	bool ok = event_add(ev, NULL) == 0;
	int told = errno;

	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_SIGNAL, NULL) != 0, ok);
	event_del(ev);
	errno = told;
	return ok;
}

static void
event_add_says_why(void)
{
	int fds[2];

	begin_with_base();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	ev = event_new(base, fds[0], EV_READ, nothing, NULL);
	CHECK(ev != NULL);
	evrt__sys.epoll_ctl = failing_epoll_ctl;
	expect_no_memory(add_event);
	expect_each((const int[]){ ENOSPC, ENOMEM, 0 }, add_event);
	event_free(ev);
	event_base_free(base);
	evutil_closesocket(fds[0]);
	evutil_closesocket(fds[1]);
}

static void
event_add_of_a_signal_says_why(void)
{
	begin_with_base();
	ev = event_new(base, SIGUSR1, EV_SIGNAL, nothing, NULL);
	CHECK(ev != NULL);
	evrt__sys.pipe2 = failing_pipe2;
	expect_each((const int[]){ EMFILE, 0 }, add_event);
	event_free(ev);
	event_base_free(base);
	base = event_base_new();
	CHECK(base != NULL);
	ev = event_new(base, SIGUSR1, EV_SIGNAL, nothing, NULL);
	CHECK(ev != NULL);
	evrt__sys.epoll_ctl = failing_epoll_ctl;
	expect_each((const int[]){ ENOSPC, ENOMEM, 0 }, add_event);
	event_free(ev);
	event_base_free(base);
}

static bool
make_pair(void)
{
	int fds[2];
	bool ok = evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;

	if (ok) {
		evutil_closesocket(fds[0]);
		evutil_closesocket(fds[1]);
	}
	return ok;
}

static void
evutil_socketpair_says_why(void)
{
	begin();
	evrt__sys.socketpair = failing_socketpair;
	expect_each((const int[]){ EMFILE, 0 }, make_pair);
}

static bool
run_loop(void)
{
	int r = event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK(r == 0 || r == -1);
	return r == 0;
}

/* Waits for something that does not happen. */
static void
begin_loop(void)
{
	static const struct timeval hour = { 3600, 0 };

	begin_with_base();
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, nothing, NULL, &hour), 0);
}

static void
event_base_loop_says_why(void)
{
	begin_loop();
	evrt__sys.epoll_wait = failing_epoll_wait;
	expect_each((const int[]){ EBADF, EINVAL, 0 }, run_loop);
	event_base_free(base);
	setenv("EVENT_NOEPOLL", "1", 1);
	begin_loop();
	evrt__sys.ppoll = failing_ppoll;
	expect_each((const int[]){ ENOMEM, EINVAL, 0 }, run_loop);
	event_base_free(base);
}

static int inner_result, inner_errno;

static void
run_inside(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	errno = 0;
	inner_result = event_base_loop(arg, EVLOOP_NONBLOCK);
	inner_errno = errno;
}

static void
event_base_loop_within_itself_says_why(void)
{
	begin_with_base();
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, run_inside, base, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(inner_result, -1);
	CHECK_INT_EQ(inner_errno, EBUSY);
	event_base_free(base);
}

static bool
make_notifiable(void)
{
	return evthread_make_base_notifiable(base) == 0;
}

static void
evthread_make_base_notifiable_says_why(void)
{
	begin_with_base();
	evrt__sys.eventfd = failing_eventfd;
	evrt__sys.epoll_ctl = real.epoll_ctl;
	sys_error = EMFILE;
	errno = 0;
	CHECK(!make_notifiable());
	CHECK_INT_EQ(errno, EMFILE);
	evrt__sys.eventfd = real.eventfd;
	evrt__sys.epoll_ctl = failing_epoll_ctl;
	expect_each((const int[]){ ENOSPC, ENOMEM, 0 }, make_notifiable);
	event_base_free(base);
}

static bool
reinit(void)
{
	return event_reinit(base) == 0;
}

static void
event_reinit_says_why(void)
{
	begin_with_base();
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	evrt__sys.epoll_create1 = failing_epoll_create1;
	expect_each((const int[]){ EMFILE, ENOMEM, 0 }, reinit);
	evrt__sys.eventfd = failing_eventfd;
	evrt__sys.epoll_create1 = real.epoll_create1;
	sys_error = EMFILE;
	errno = 0;
	CHECK(!reinit());
	CHECK_INT_EQ(errno, EMFILE);
	sys_error = 0;
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(event_base_new_says_why),
	CASE(event_base_new_with_threads_says_why),
	CASE(event_new_says_why),
	CASE(event_add_says_why),
	CASE(event_add_of_a_signal_says_why),
	CASE(evutil_socketpair_says_why),
	CASE(event_base_loop_says_why),
	CASE(event_base_loop_within_itself_says_why),
	CASE(evthread_make_base_notifiable_says_why),
	CASE(event_reinit_says_why),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
