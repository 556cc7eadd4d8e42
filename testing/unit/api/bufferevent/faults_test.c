/* testing/unit/api/bufferevent/faults_test.c — bufferevents when memory is out or the kernel says no.
 *
 * Here:     the k-th allocation fails, for every k; system calls are interrupted, refuse, are counted.
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/buffer/buffer_internal.h"
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

static struct event_base *base;
static struct evrt_sys real;
static int fds[2];
static int reads, writes, ctls;  /* calls made */
static int fail_with;            /* errno of the next read or write; 0: none */
static int callbacks;
static short last_event;
static int last_errno;

static void
on_data(struct bufferevent *bev, void *arg)
{
	(void)bev;
	(void)arg;
	callbacks++;
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)arg;
	last_errno = EVUTIL_SOCKET_ERROR();
	last_event = what;
}

/* True when this call is to fail. */
static bool
fails(int *counter)
{
	(*counter)++;
	if (!fail_with)
		return false;
	errno = fail_with;
	fail_with = 0;
	return true;
}

static ssize_t
counting_read(int fd, void *buf, size_t n)
{
	return fails(&reads) ? -1 : real.read(fd, buf, n);
}

static ssize_t
counting_readv(int fd, const struct iovec *v, int n)
{
	return fails(&reads) ? -1 : real.readv(fd, v, n);
}

static ssize_t
counting_write(int fd, const void *buf, size_t n)
{
	return fails(&writes) ? -1 : real.write(fd, buf, n);
}

static ssize_t
counting_writev(int fd, const struct iovec *v, int n)
{
	return fails(&writes) ? -1 : real.writev(fd, v, n);
}

static int
counting_epoll_ctl(int ep, int op, int fd, struct epoll_event *ev)
{
	ctls++;
	return real.epoll_ctl(ep, op, fd, ev);
}

/* Epoll whatever the environment says: calls of it are counted. */
static struct event_base *
open_base(void)
{
	struct event_config *config = event_config_new();

	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	struct event_base *made = event_base_new_with_config(config);
	event_config_free(config);
	CHECK(made != NULL);
	return made;
}

static struct bufferevent *
open_counted(void)
{
	real = evrt__sys;
	evrt__sys.read = counting_read;
	evrt__sys.readv = counting_readv;
	evrt__sys.write = counting_write;
	evrt__sys.writev = counting_writev;
	evrt__sys.epoll_ctl = counting_epoll_ctl;
	base = open_base();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
	struct bufferevent *bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_data, on_data, on_event, NULL);
	reads = writes = ctls = 0;
	return bev;
}

static void
close_counted(struct bufferevent *bev)
{
	bufferevent_free(bev);
	event_base_free(base);
	close(fds[1]);
}

static void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
a_request_and_its_answer_cost_two_calls(void)
{
	struct bufferevent *bev = open_counted();
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(ctls, 1);
	turns(2);
	for (int i = 0; i < 10; i++) {
		CHECK_INT_EQ(write(fds[1], "ping", 4), 4);
		turns(2);
		bufferevent_write(bev, "pong", 4);
		turns(2);
		bufferevent_disable(bev, EV_READ | EV_WRITE);
		bufferevent_enable(bev, EV_READ | EV_WRITE);
		turns(2);
	}
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 40);
	CHECK_INT_EQ(reads, 10);
	CHECK_INT_EQ(writes, 10);
	CHECK_INT_EQ(ctls, 1);
	close_counted(bev);
}

static void
interrupted_calls_are_made_again(void)
{
	struct bufferevent *bev = open_counted();
	char c;
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(write(fds[1], "a", 1), 1);
	fail_with = EINTR;
	turns(3);
	CHECK_INT_EQ(reads, 2);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 1);
	bufferevent_write(bev, "b", 1);
	fail_with = EINTR;
	turns(3);
	CHECK_INT_EQ(writes, 2);
	CHECK_INT_EQ(read(fds[1], &c, 1), 1);
	CHECK_INT_EQ(last_event, 0);
	close_counted(bev);
}

static void
eagain_waits_for_the_next_report(void)
{
	struct bufferevent *bev = open_counted();
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(write(fds[1], "a", 1), 1);
	fail_with = EAGAIN;
	turns(4);
	CHECK_INT_EQ(reads, 1); /* it did not spin */
	CHECK_INT_EQ(write(fds[1], "b", 1), 1);
	turns(2);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 2);
	close_counted(bev);
}

static void
a_full_socket_is_waited_for(void)
{
	struct bufferevent *bev = open_counted();
	static char block[1 << 20];
	ssize_t n;
	size_t got = 0;
	bufferevent_write(bev, block, sizeof(block));
	bufferevent_write(bev, block, sizeof(block));
	turns(10);
	int before = writes;
	turns(10);
	CHECK_INT_EQ(writes, before); /* EAGAIN was told once */
	while (got < 2 * sizeof(block)) {
		while ((n = read(fds[1], block, sizeof(block))) > 0)
			got += (size_t)n;
		turns(1);
	}
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 0);
	close_counted(bev);
}

static void
errors_of_calls_are_told(void)
{
	struct bufferevent *bev = open_counted();
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(write(fds[1], "a", 1), 1);
	fail_with = ETIMEDOUT;
	turns(2);
	CHECK_INT_EQ(last_event, BEV_EVENT_ERROR | BEV_EVENT_READING);
	CHECK_INT_EQ(last_errno, ETIMEDOUT);
	bufferevent_write(bev, "b", 1);
	fail_with = EPIPE;
	turns(2);
	CHECK_INT_EQ(last_event, BEV_EVENT_ERROR | BEV_EVENT_WRITING);
	CHECK_INT_EQ(last_errno, EPIPE);
	close_counted(bev);
}

static int
refusing_epoll_ctl(int ep, int op, int fd, struct epoll_event *ev)
{
	if (op == EPOLL_CTL_ADD && fd == fds[0]) {
		errno = ENOSPC;
		return -1;
	}
	return real.epoll_ctl(ep, op, fd, ev);
}

static void
a_refused_registration_is_told_and_may_be_tried_again(void)
{
	struct bufferevent *bev = open_counted();
	evrt__sys.epoll_ctl = refusing_epoll_ctl;
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), -1);
	CHECK_INT_EQ(errno, ENOSPC);
	CHECK_INT_EQ(bufferevent_write(bev, "x", 1), 0);
	turns(1);
	evrt__sys.epoll_ctl = real.epoll_ctl;
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
	CHECK_INT_EQ(write(fds[1], "a", 1), 1);
	turns(2);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 1);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 0);
	close_counted(bev);
}

static void
output_that_cannot_be_watched_for_is_told(void)
{
	struct bufferevent *bev = open_counted();
	char bytes[4];
	evrt__sys.epoll_ctl = refusing_epoll_ctl;
	CHECK_INT_EQ(bufferevent_write(bev, "x", 1), 0);
	CHECK_INT_EQ(last_event, 0); /* not inside of the call */
	turns(1);
	CHECK_INT_EQ(last_event, BEV_EVENT_ERROR | BEV_EVENT_WRITING);
	CHECK_INT_EQ(last_errno, ENOSPC);
	evrt__sys.epoll_ctl = real.epoll_ctl;
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
	CHECK_INT_EQ(bufferevent_write(bev, "y", 1), 0);
	turns(1);
	CHECK_INT_EQ(read(fds[1], bytes, sizeof(bytes)), 2);
	CHECK_MEM_EQ(bytes, "xy", 2);
	close_counted(bev);
}

/* A program that drains input below its mark waits for the next byte. */
static void
reading_that_cannot_go_on_is_told(void)
{
	struct bufferevent *bev = open_counted();
	bufferevent_disable(bev, EV_WRITE);
	CHECK_INT_EQ(bufferevent_setfd(bev, fds[0]), 0); /* which lets us fill input */
	evbuffer_add(bufferevent_get_input(bev), "full", 4);
	bufferevent_setwatermark(bev, EV_READ, 0, 4);
	evrt__sys.epoll_ctl = refusing_epoll_ctl;
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
	evbuffer_drain(bufferevent_get_input(bev), 4);
	turns(1);
	CHECK_INT_EQ(last_event, BEV_EVENT_ERROR | BEV_EVENT_READING);
	CHECK_INT_EQ(last_errno, ENOSPC);
	evrt__sys.epoll_ctl = real.epoll_ctl;
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
	CHECK_INT_EQ(write(fds[1], "a", 1), 1);
	turns(1);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 1);
	close_counted(bev);
}

/* The life of a bufferevent, as far as memory lets it come. */
static void
live(int options)
{
	char c;
	struct timeval tv = { 100, 0 };
	struct bufferevent *bev = bufferevent_socket_new(base, fds[0], options);

	if (!bev)
		return;
	bufferevent_setcb(bev, on_data, on_data, on_event, NULL);
	bufferevent_set_timeouts(bev, &tv, &tv);
	bufferevent_setwatermark(bev, EV_READ, 0, 16);
	bufferevent_enable(bev, EV_READ);
	bufferevent_write(bev, "b", 1);
	CHECK_INT_EQ(write(fds[1], "a", 1), 1);
	turns(3);
	bufferevent_read(bev, &c, 1);
	bufferevent_set_timeouts(bev, NULL, NULL);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
	bufferevent_free(bev);
	turns(1);
	while (read(fds[0], &c, 1) == 1 || read(fds[1], &c, 1) == 1)
		;
	evrt__chain_cache_release(); /* what is kept for later reads depends on the CPUs that these happened to run on */
}

static void
memory_runs_out_at_every_point(void)
{
	evrt_test_fail_alloc(0);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = open_base();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
	live(0); /* what the base allocates once is there now */
	int64_t before = evrt_test_allocs_live();
	uint64_t k = 1;
	for (;; k++) {
		evrt_test_fail_alloc(k);
		live(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_THREADSAFE);
		bool failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		turns(1);
		CHECK_INT_EQ(evrt_test_allocs_live(), before);
		if (!failed)
			break;
	}
	CHECK(k > 5);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

static const struct evrt_test_case cases[] = {
	{ "a_request_and_its_answer_cost_two_calls", a_request_and_its_answer_cost_two_calls },
	{ "interrupted_calls_are_made_again", interrupted_calls_are_made_again },
	{ "eagain_waits_for_the_next_report", eagain_waits_for_the_next_report },
	{ "a_full_socket_is_waited_for", a_full_socket_is_waited_for },
	{ "errors_of_calls_are_told", errors_of_calls_are_told },
	{ "a_refused_registration_is_told_and_may_be_tried_again",
	    a_refused_registration_is_told_and_may_be_tried_again },
	{ "output_that_cannot_be_watched_for_is_told", output_that_cannot_be_watched_for_is_told },
	{ "reading_that_cannot_go_on_is_told", reading_that_cannot_go_on_is_told },
	{ "memory_runs_out_at_every_point", memory_runs_out_at_every_point },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
