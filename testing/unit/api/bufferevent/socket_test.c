/* testing/unit/api/bufferevent/socket_test.c — what the contract suites cannot see of socket bufferevents: the system
 * calls that they make, and timeouts under a clock of the test's own.
 *
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/event/event_internal.h"
#include "base/sys.h"
#include "testing/harness/test.h"

static struct event_base *base;
static struct evrt_clock *fake_clock;
static struct bufferevent *bev;
static int fds[2];
static char told[64];

static void
on_event(struct bufferevent *b, short what, void *arg)
{
	size_t used = strlen(told);

	(void)b;
	(void)arg;
	snprintf(told + used, sizeof(told) - used, "%s%x", used ? " " : "", (unsigned)what);
}

static void
on_read(struct bufferevent *b, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(b, bufferevent_get_input(b));
}

static void
set_up(void)
{
	fake_clock = evrt__clock_fake_new(1000 * EVRT_NS_PER_SEC);
	base = event_base_new();
	base->loop.reactor.clock = fake_clock;
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
}

static void
tear_down(void)
{
	bufferevent_free(bev);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	evrt__clock_fake_free(fake_clock);
	close(fds[1]);
}

static void
turn(long after_ms)
{
	evrt__clock_fake_advance(fake_clock, after_ms * EVRT_NS_PER_MS);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* --- system calls ----------------------------------------------------------------------------- */

static struct evrt_sys real;
static int reads, writes, controls, waits, others;

static ssize_t
count_read(int fd, void *to, size_t n)
{
	reads++;
	return real.read(fd, to, n);
}

static ssize_t
count_readv(int fd, const struct iovec *v, int n)
{
	reads++;
	return real.readv(fd, v, n);
}

static ssize_t
count_write(int fd, const void *from, size_t n)
{
	writes++;
	return real.write(fd, from, n);
}

static ssize_t
count_writev(int fd, const struct iovec *v, int n)
{
	writes++;
	return real.writev(fd, v, n);
}

static int
count_epoll_ctl(int ep, int op, int fd, struct epoll_event *ev)
{
	controls++;
	return real.epoll_ctl(ep, op, fd, ev);
}

static int
count_epoll_wait(int ep, struct epoll_event *evs, int n, int timeout)
{
	waits++;
	return real.epoll_wait(ep, evs, n, timeout);
}

static int
count_epoll_pwait2(int ep, struct epoll_event *evs, int n, const struct timespec *timeout, const sigset_t *set)
{
	waits++;
	return real.epoll_pwait2(ep, evs, n, timeout, set);
}

static int
count_fcntl(int fd, int command, int arg)
{
	others++;
	return real.fcntl(fd, command, arg);
}

static void
count_calls(void)
{
	real = evrt__sys;
	evrt__sys.read = count_read;
	evrt__sys.readv = count_readv;
	evrt__sys.write = count_write;
	evrt__sys.writev = count_writev;
	evrt__sys.epoll_ctl = count_epoll_ctl;
	evrt__sys.epoll_wait = count_epoll_wait;
	evrt__sys.epoll_pwait2 = count_epoll_pwait2;
	evrt__sys.fcntl = count_fcntl;
}

static void
an_echo_is_one_read_and_one_write(void)
{
	const struct timeval read_tv = { 300, 0 }, write_tv = { 60, 0 };
	char block[64] = "", got[64];
	count_calls();
	set_up();
	bufferevent_set_timeouts(bev, &read_tv, &write_tv);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	turn(0);
	for (int i = 0; i < 100; i++) {
		if (i == 1) /* the first has registered it */
			reads = writes = controls = waits = others = 0;
		CHECK_INT_EQ(write(fds[1], block, sizeof(block)), sizeof(block));
		turn(1);
		CHECK_INT_EQ(read(fds[1], got, sizeof(got)), sizeof(got));
	}
	CHECK_INT_EQ(reads, 99);
	CHECK_INT_EQ(writes, 99);
	CHECK_INT_EQ(controls, 0);
	CHECK_INT_EQ(others, 0);
	CHECK(waits <= 2 * 99); /* each loop above waits for itself */
	CHECK_STR_EQ(told, "");
	tear_down();
}

static void
switching_and_marks_cost_no_system_call(void)
{
	count_calls();
	set_up();
	bufferevent_enable(bev, EV_READ);
	turn(0);
	reads = writes = controls = waits = others = 0;
	for (int i = 0; i < 10; i++) {
		bufferevent_disable(bev, EV_READ | EV_WRITE);
		bufferevent_setwatermark(bev, EV_READ, 0, 5);
		bufferevent_enable(bev, EV_READ | EV_WRITE);
		bufferevent_setwatermark(bev, EV_READ, 0, 0);
	}
	CHECK_INT_EQ(reads + writes + controls + waits + others, 0);
	tear_down();
}

/* --- time ------------------------------------------------------------------------------------- */

static void
a_timeout_that_was_cleared_stays_cleared(void)
{
	const struct timeval tv = { 1, 0 };
	set_up();
	bufferevent_set_timeouts(bev, &tv, &tv);
	bufferevent_enable(bev, EV_READ);
	turn(1000);
	CHECK_STR_EQ(told, "41");
	bufferevent_set_timeouts(bev, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(write(fds[1], "x", 1), 1);
	turn(1);
	turn(5000);
	turn(5000);
	CHECK_STR_EQ(told, "41");
	tear_down();
}

static const struct evrt_test_case cases[] = {
	{ "an_echo_is_one_read_and_one_write", an_echo_is_one_read_and_one_write },
	{ "switching_and_marks_cost_no_system_call", switching_and_marks_cost_no_system_call },
	{ "a_timeout_that_was_cleared_stays_cleared", a_timeout_that_was_cleared_stays_cleared },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
