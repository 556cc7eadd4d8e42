/* testing/unit/api/event/one_shot_test.c — events that are added again in their own callback.
 *
 * Here:     that it costs no system call; that the registration which stands meanwhile does no harm: not when the
 *           fd is closed and its number used again, not when a duplicate of it lives on.
 * Not here: what the callbacks see (testing/contract/libevent).
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "testing/harness/test.h"

static struct event_base *base;
static struct event events[2];
static int fds[2];
static int rounds, rounds_max;

static unsigned controls, waits;
static struct evrt_sys real;

static int
counting_control(int epfd, int op, int fd, struct epoll_event *event)
{
	controls++;
	return real.epoll_ctl(epfd, op, fd, event);
}

static int
counting_wait(int epfd, struct epoll_event *out, int cap, int timeout)
{
	waits++;
	return real.epoll_wait(epfd, out, cap, timeout);
}

static int
counting_pwait2(int epfd, struct epoll_event *out, int cap, const struct timespec *timeout, const sigset_t *mask)
{
	waits++;
	return real.epoll_pwait2(epfd, out, cap, timeout, mask);
}

static void
setup(int events_what, event_callback_fn fn)
{
	real = evrt__sys;
	evrt__sys.epoll_ctl = counting_control;
	evrt__sys.epoll_wait = counting_wait;
	evrt__sys.epoll_pwait2 = counting_pwait2;
	base = event_base_new();
	CHECK_STR_EQ(event_base_get_method(base), "epoll");
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		evutil_make_socket_nonblocking(fds[i]);
		CHECK_INT_EQ(event_assign(&events[i], base, fds[i], (short)events_what, fn, &events[i]), 0);
		CHECK_INT_EQ(event_add(&events[i], NULL), 0);
	}
}

static void
teardown(void)
{
	for (int i = 0; i < 2; i++) {
		event_del(&events[i]);
		event_debug_unassign(&events[i]);
		close(fds[i]);
	}
	event_base_free(base);
}

static void
send_byte(int fd)
{
	CHECK_INT_EQ(write(fd, "x", 1), 1);
}

/* Takes the byte, waits again, and sends it to the other one. */
static void
bounce(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	if (++rounds == rounds_max)
		return;
	CHECK_INT_EQ(event_add(arg, NULL), 0);
	send_byte(fd);
}

static void
bounce_for(int n)
{
	rounds = 0;
	rounds_max = n;
	controls = 0;
	send_byte(fds[0]);
	while (rounds < rounds_max)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
coming_back_makes_no_call(void)
{
	setup(EV_READ, bounce);
	bounce_for(10); /* the first time nobody knows that it will */
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(event_add(&events[i], NULL), 0);
	bounce_for(500);
	CHECK(controls <= 8);
	teardown();
}

/* An edge is asked for anew, or what is there already would not be told. */
static void
an_edge_that_comes_back_is_told_again(void)
{
	setup(EV_READ | EV_ET, bounce);
	bounce_for(100);
	teardown();
}

static int other_end = -1;

/* At its third call the fd becomes another one behind the same number, without a word. */
static void
replace_third(evutil_socket_t fd, short what, void *arg)
{
	char byte;
	int pair[2];

	(void)what;
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	rounds++;
	if (rounds == 3) {
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		CHECK_INT_EQ(dup2(pair[0], fd), fd);
		close(pair[0]);
		other_end = pair[1];
		send_byte(other_end);
	}
	if (rounds < 4)
		CHECK_INT_EQ(event_add(arg, NULL), 0);
	if (rounds < 3)
		send_byte(fds[1]);
}

static void
another_file_behind_the_number_is_found(void)
{
	setup(EV_READ, replace_third);
	event_del(&events[1]);
	send_byte(fds[1]);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(rounds, 4);
	close(other_end);
	teardown();
}

static int duplicate = -1;

/* At its third call it hands its fd on, as to another process, and closes it. */
static void
hand_on_third(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	if (++rounds < 3) {
		CHECK_INT_EQ(event_add(arg, NULL), 0);
	} else {
		CHECK((duplicate = dup(fd)) >= 0);
		close(fd);
	}
	send_byte(fds[1]);
}

static void
a_duplicate_that_lives_on_does_not_keep_the_loop_busy(void)
{
	static const struct timeval in_a_moment = { 0, 50000 };

	setup(EV_READ, hand_on_third);
	event_del(&events[1]);
	send_byte(fds[1]);
	while (rounds < 3)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	/* The duplicate is readable, and the kernel says so. */
	waits = 0;
	CHECK_INT_EQ(event_base_loopexit(base, &in_a_moment), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
	CHECK(waits < 200);
	CHECK((fds[0] = duplicate) >= 0);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

static int
no_eventfd(unsigned value, int flags)
{
	(void)value, (void)flags;
	errno = ENOMEM;
	return -1;
}

static void
count_round(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	rounds++;
}

static void
a_poller_that_cannot_be_replaced_stays_in_use(void)
{
	setup(EV_READ, hand_on_third);
	event_del(&events[1]);
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	evrt__sys.eventfd = no_eventfd;
	send_byte(fds[1]);
	while (rounds < 3)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK((fds[0] = duplicate) >= 0);
	CHECK_INT_EQ(event_assign(&events[1], base, fds[1], EV_READ, count_round, NULL), 0);
	CHECK_INT_EQ(event_add(&events[1], NULL), 0);
	/* The loop gives its poller up, or would. */
	for (int i = 0; i < 200; i++)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(rounds, 3);
	send_byte(fds[0]);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_INT_EQ(rounds, 4);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

static const struct evrt_test_case cases[] = {
	{ "coming_back_makes_no_call", coming_back_makes_no_call },
	{ "an_edge_that_comes_back_is_told_again", an_edge_that_comes_back_is_told_again },
	{ "another_file_behind_the_number_is_found", another_file_behind_the_number_is_found },
	{ "a_duplicate_that_lives_on_does_not_keep_the_loop_busy",
	    a_duplicate_that_lives_on_does_not_keep_the_loop_busy },
	{ "a_poller_that_cannot_be_replaced_stays_in_use", a_poller_that_cannot_be_replaced_stays_in_use },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
