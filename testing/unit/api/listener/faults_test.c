/* testing/unit/api/listener/faults_test.c — listeners when accept fails.
 *
 * Here:     the k-th allocation fails; accept is interrupted, descriptors run out, with and without a reserve.
 * Threads:  one.
 */
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

static struct event_base *base;
static struct evrt_sys real;
static int accepts;          /* calls */
static int fails_left;       /* so many of the next calls fail */
static int fail_with;        /* with this */
static bool reserve_helps;   /* a call right after the reserve was closed succeeds */
static bool reserve_closed;
static int reserve_fd = -1, reserves;
static int accepted, errors, last_errno;

static void
count(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	(void)arg;
	accepted++;
	close(fd);
}

static void
count_error(struct evconnlistener *lev, void *arg)
{
	last_errno = EVUTIL_SOCKET_ERROR();
	(void)lev;
	(void)arg;
	errors++;
}

static int
failing_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	accepts++;
	if (reserve_closed && reserve_helps) {
		reserve_closed = false;
		return real.accept4(fd, sa, len, flags);
	}
	if (fails_left > 0) {
		fails_left--;
		errno = fail_with;
		return -1;
	}
	return real.accept4(fd, sa, len, flags);
}

static int
watching_eventfd(unsigned value, int flags)
{
	reserves++;
	reserve_fd = real.eventfd(value, flags);
	return reserve_fd;
}

static int
no_eventfd(unsigned value, int flags)
{
	(void)value;
	(void)flags;
	errno = EMFILE;
	return -1;
}

static int
watching_close(int fd)
{
	if (fd == reserve_fd)
		reserve_closed = true;
	return real.close(fd);
}

static struct evconnlistener *
open_failing(int (*eventfd)(unsigned, int))
{
	struct sockaddr_in sin;

	base = event_base_new();
	real = evrt__sys;
	evrt__sys.accept4 = failing_accept4;
	evrt__sys.eventfd = eventfd;
	evrt__sys.close = watching_close;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	struct evconnlistener *lev = evconnlistener_new_bind(base, count, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));
	CHECK(lev != NULL);
	evconnlistener_set_error_cb(lev, count_error);
	return lev;
}

static int
connect_to(struct evconnlistener *lev)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&sin, &len), 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&sin, len), 0);
	return fd;
}

static void
close_failing(struct evconnlistener *lev, int fd)
{
	close(fd);
	evconnlistener_free(lev);
	event_base_free(base);
}

static void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
passing_troubles_are_passed_over(void)
{
	static const int troubles[] = { EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
		EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH };
	struct evconnlistener *lev = open_failing(watching_eventfd);
	for (int i = 0; i < (int)(sizeof(troubles) / sizeof(troubles[0])); i++) {
		fail_with = troubles[i];
		fails_left = 2;
		int fd = connect_to(lev);
		turns(1);
		CHECK_INT_EQ(accepted, i + 1);
		close(fd);
	}
	CHECK_INT_EQ(errors, 0);
	close_failing(lev, -1);
}

static void
endless_troubles_do_not_hold_the_loop(void)
{
	struct evconnlistener *lev = open_failing(watching_eventfd);
	fail_with = ECONNABORTED;
	fails_left = 1000000;
	int fd = connect_to(lev);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(accepts, 16);
	close_failing(lev, fd);
}

static void
the_reserve_drains_the_queue(void)
{
	struct evconnlistener *lev = open_failing(watching_eventfd);
	char c;
	int before = reserves;
	fail_with = EMFILE;
	fails_left = 1;
	reserve_helps = true;
	int fd = connect_to(lev);
	turns(1);
	CHECK_INT_EQ(errors, 1);
	CHECK_INT_EQ(last_errno, EMFILE);
	CHECK_INT_EQ(accepted, 0);
	CHECK_INT_EQ(read(fd, &c, 1), 0); /* closed: the client knows */
	close(fd);
	/* The reserve is back, and all is well again. */
	CHECK_INT_EQ(reserves, before + 1);
	fd = connect_to(lev);
	turns(1);
	CHECK_INT_EQ(accepted, 1);
	close_failing(lev, fd);
}

static void
without_a_reserve_it_pauses_instead_of_spinning(void)
{
	struct evconnlistener *lev = open_failing(no_eventfd);
	struct timespec start, end;
	fail_with = EMFILE;
	fails_left = 1;
	int fd = connect_to(lev);
	clock_gettime(CLOCK_MONOTONIC, &start);
	turns(50);
	CHECK_INT_EQ(accepts, 1);
	CHECK_INT_EQ(errors, 1);
	while (accepted == 0)
		event_base_loop(base, EVLOOP_ONCE);
	clock_gettime(CLOCK_MONOTONIC, &end);
	CHECK((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 >= 90);
	close_failing(lev, fd);
}

static void
other_troubles_are_told(void)
{
	static const int troubles[] = { EPERM, EINVAL, EBADF, ENOTSOCK, ETIMEDOUT };
	struct evconnlistener *lev = open_failing(watching_eventfd);
	for (int i = 0; i < (int)(sizeof(troubles) / sizeof(troubles[0])); i++) {
		fail_with = troubles[i];
		fails_left = 1;
		int fd = connect_to(lev);
		turns(2);
		CHECK_INT_EQ(errors, i + 1);
		CHECK_INT_EQ(last_errno, troubles[i]);
		CHECK_INT_EQ(accepted, i + 1); /* it goes on */
		close(fd);
	}
	close_failing(lev, -1);
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

#define QUEUED 20

/* Takes every descriptor that there may be, while QUEUED clients wait; runs the loop for 350 ms; gives them back. */
static void
starve(struct evconnlistener *lev, int clients[QUEUED])
{
	const struct timeval limit = { 0, 350000 };
	struct rlimit all, few;

	for (int i = 0; i < QUEUED; i++)
		clients[i] = connect_to(lev);
	accepts = 0;
	CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = (rlim_t)dup(0) + 1;
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_INT_EQ(dup(0), -1);
	CHECK_INT_EQ(event_base_loopexit(base, &limit), 0);
	double before = cpu_ms();
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(cpu_ms() - before < 200);
	close((int)few.rlim_cur - 1);
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
}

static void
descriptors_run_out_for_real(void)
{
	struct evconnlistener *lev = open_failing(watching_eventfd);
	int clients[QUEUED];
	char c;
	evrt__sys.close = real.close;
	starve(lev, clients);
	/* Each was refused, told, taken by the reserve and closed; the last look finds nobody. */
	CHECK_INT_EQ(errors, QUEUED);
	CHECK_INT_EQ(accepted, 0);
	CHECK(accepts <= 2 * QUEUED + 1);
	for (int i = 0; i < QUEUED; i++) {
		CHECK(read(clients[i], &c, 1) <= 0);
		close(clients[i]);
	}
	clients[0] = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted, 1);
	close_failing(lev, clients[0]);
}

static void
descriptors_run_out_without_a_reserve(void)
{
	struct evconnlistener *lev = open_failing(no_eventfd);
	int clients[QUEUED];
	starve(lev, clients);
	/* At once, and every 100 ms. */
	CHECK(accepts >= 1 && accepts <= 4);
	CHECK_INT_EQ(errors, accepts);
	/* Nobody was lost. */
	while (accepted < QUEUED)
		event_base_loop(base, EVLOOP_ONCE);
	for (int i = 0; i < QUEUED; i++)
		close(clients[i]);
	close_failing(lev, -1);
}

static void
disabling_ends_a_pause(void)
{
	struct evconnlistener *lev = open_failing(no_eventfd);
	fail_with = ENOMEM;
	fails_left = 1;
	int fd = connect_to(lev);
	turns(1);
	CHECK_INT_EQ(errors, 1);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0); /* no timer is left */
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	turns(1);
	CHECK_INT_EQ(accepted, 1);
	close_failing(lev, fd);
}

static void
free_during_a_pause(void)
{
	struct evconnlistener *lev = open_failing(no_eventfd);
	fail_with = ENFILE;
	fails_left = 1;
	int fd = connect_to(lev);
	turns(1);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	evconnlistener_free(lev);
	/* Its last step is active, which libevent counts as added. */
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED),
	    event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	close(fd);
	event_base_free(base);
}

static void
freed_and_then_the_base_is_freed(void)
{
	struct evconnlistener *lev = open_failing(watching_eventfd);
	int fd = connect_to(lev);
	close_failing(lev, fd);
	CHECK_INT_EQ(accepted, 0);
}

static int refusals_left;

static int
refusing_epoll_ctl(int ep, int op, int fd, struct epoll_event *ev)
{
	if (op == EPOLL_CTL_ADD && refusals_left > 0) {
		refusals_left--;
		errno = ENOSPC;
		return -1;
	}
	return real.epoll_ctl(ep, op, fd, ev);
}

/* The listener is alone in the base: if it has given up, the loop ends. */
static void
wait_for_one(void)
{
	while (accepted == 0)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
a_first_callback_is_served_once_that_is_possible(void)
{
	struct evconnlistener *lev = open_failing(watching_eventfd);
	int fd = connect_to(lev);
	struct evconnlistener *other = evconnlistener_new(base, NULL, NULL, 0, 0, dup(evconnlistener_get_fd(lev)));
	CHECK(other != NULL);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	evrt__sys.epoll_ctl = refusing_epoll_ctl;
	refusals_left = 2;
	evconnlistener_set_cb(other, count, NULL);
	CHECK_INT_EQ(refusals_left, 1);
	wait_for_one();
	CHECK_INT_EQ(refusals_left, 0);
	close(evconnlistener_get_fd(other));
	evconnlistener_free(other);
	close_failing(lev, fd);
}

/* accept fails, and so does the allocation that comes next: that of the timer. */
static int
failing_accept4_and_memory(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int r = failing_accept4(fd, sa, len, flags);

	if (r < 0 && errno == fail_with) {
		evrt_test_fail_alloc(1);
		errno = fail_with;
	}
	return r;
}

static void
a_pause_without_memory_for_its_end_ends_at_once(void)
{
	evrt_test_fail_alloc(0);
	struct evconnlistener *lev = open_failing(no_eventfd);
	evrt__sys.accept4 = failing_accept4_and_memory;
	fail_with = ENOMEM;
	fails_left = 3;
	int fd = connect_to(lev);
	wait_for_one();
	CHECK_INT_EQ(fails_left, 0);
	CHECK_INT_EQ(errors, 3);
	CHECK(evrt_test_alloc_has_failed());
	close_failing(lev, fd);
}

static void
memory_runs_out_at_every_point(void)
{
	struct sockaddr_in sin;
	evrt_test_fail_alloc(0);
	base = event_base_new();
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	int64_t before = 0;
	bool failed = true;
	for (uint64_t k = 0; failed || k <= 1; k++) { /* the first time none fails */
		evrt_test_fail_alloc(k);
		struct evconnlistener *lev = evconnlistener_new_bind(base, count, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
		    (struct sockaddr *)&sin, sizeof(sin));
		failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		if (lev)
			evconnlistener_free(lev);
		turns(1);
		if (k == 0)
			before = evrt_test_allocs_live();
		CHECK_INT_EQ(evrt_test_allocs_live(), before);
		CHECK(!failed || !lev);
	}
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	{ "passing_troubles_are_passed_over", passing_troubles_are_passed_over },
	{ "endless_troubles_do_not_hold_the_loop", endless_troubles_do_not_hold_the_loop },
	{ "the_reserve_drains_the_queue", the_reserve_drains_the_queue },
	{ "without_a_reserve_it_pauses_instead_of_spinning", without_a_reserve_it_pauses_instead_of_spinning },
	{ "other_troubles_are_told", other_troubles_are_told },
	{ "descriptors_run_out_for_real", descriptors_run_out_for_real },
	{ "descriptors_run_out_without_a_reserve", descriptors_run_out_without_a_reserve },
	{ "disabling_ends_a_pause", disabling_ends_a_pause },
	{ "free_during_a_pause", free_during_a_pause },
	{ "freed_and_then_the_base_is_freed", freed_and_then_the_base_is_freed },
	{ "a_first_callback_is_served_once_that_is_possible", a_first_callback_is_served_once_that_is_possible },
	{ "a_pause_without_memory_for_its_end_ends_at_once", a_pause_without_memory_for_its_end_ends_at_once },
	{ "memory_runs_out_at_every_point", memory_runs_out_at_every_point },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
