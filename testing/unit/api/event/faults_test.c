/* testing/unit/api/event/faults_test.c — every allocation and system call of the event room fails once.
 *
 * Here:     each case builds something again and again while the k-th allocation fails, until none does; a
 *           failed call says so, leaks nothing and changes nothing.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <evrt/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

#define CASE(fn) { #fn, fn }

static int ends[2];
static struct event_base *base;
static int calls;
static evrt_atomic(int) posts;

static void
count_call(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	calls++;
}

static void
count_finalizer(struct event *ev, void *arg)
{
	(void)ev;
	(void)arg;
	calls++;
}

/* Runs `attempt` with the k-th allocation failing, for every k until none fails. `attempt` returns whether
 * all went well, and cleans up. */
static void
fail_each_allocation(bool (*attempt)(void))
{
	bool failed;
	uint64_t k = 0;

	evrt_test_fail_alloc(0);
	int64_t live = evrt_test_allocs_live();
	do {
		evrt_test_fail_alloc(++k);
		errno = 0;
		bool ok = attempt();
		failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		if (ok == failed)
			evrt_test_fail(__FILE__, __LINE__, "allocation %d: failed %d, but the call %s", (int)k, failed,
			    ok ? "went well" : "failed");
		CHECK_INT_EQ(evrt_test_allocs_live(), live);
		CHECK(k < 1000);
	} while (failed);
	CHECK(k > 1);
	libevent_global_shutdown();
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
base_new(void)
{
	fail_each_allocation(make_base);
}

static bool
make_locked_base(void)
{
	evthread_use_pthreads();
	return make_base();
}

static void
base_new_with_threads(void)
{
	/* The first turn makes what lives until the shutdown. */
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	fail_each_allocation(make_locked_base);
}

static bool
make_configured(void)
{
	struct event_config *cfg = event_config_new();
	bool ok = cfg && event_config_avoid_method(cfg, "epoll") == 0 && event_config_avoid_method(cfg, "x") == 0 &&
	    (base = event_base_new_with_config(cfg)) != NULL;

	if (ok) {
		CHECK_STR_EQ(event_base_get_method(base), "poll");
		event_base_free(base);
	}
	if (cfg)
		event_config_free(cfg);
	return ok;
}

static void
base_new_with_config(void)
{
	fail_each_allocation(make_configured);
}

/* A failed add leaves nothing behind: the base has nothing pending, and the loop ends at once. */
static bool
add_and_check(struct event *ev, short what, const struct timeval *tv)
{
	bool ok = event_add(ev, tv) == 0;

	CHECK_INT_EQ(event_pending(ev, 0xff, NULL) != 0, ok);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), ok ? (tv && what != EV_TIMEOUT) + 1 : 0);
	if (!ok)
		CHECK_INT_EQ(errno, ENOMEM);
	return ok;
}

static bool
make_and_add(evutil_socket_t fd, short what, const struct timeval *tv)
{
	struct event *ev = event_new(base, fd, what, count_call, NULL);

	if (!ev)
		return false;
	bool ok = add_and_check(ev, what, tv);
	event_free(ev);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	return ok;
}

static bool
add_each_kind(void)
{
	static const struct timeval tv = { 100, 0 };

	base = event_base_new();
	bool ok = base && make_and_add(ends[0], EV_READ | EV_PERSIST, NULL) && make_and_add(ends[0], EV_READ, &tv) &&
	    make_and_add(-1, EV_TIMEOUT, &tv) && make_and_add(SIGUSR1, EV_SIGNAL, NULL) &&
	    make_and_add(SIGUSR1, EV_SIGNAL | EV_PERSIST, &tv);
	if (base) {
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		event_base_free(base);
	}
	return ok;
}

static void
event_new_and_add(void)
{
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	fail_each_allocation(add_each_kind);
	close(ends[0]);
	close(ends[1]);
}

static bool
activate_and_finalize(void)
{
	static const struct timeval tv = { 0, 1 };
	int expected = 0;

	calls = 0;
	base = event_base_new();
	struct event *ev = base ? event_new(base, -1, 0, count_call, NULL) : NULL;
	bool ok = ev != NULL;
	if (ok) {
		event_active(ev, EV_READ, 1);
		expected++;
	}
	ok = ok && event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, NULL) == 0 && ++expected;
	ok = ok && event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, &tv) == 0 && ++expected;
	ok = ok && event_base_once(base, ends[1], EV_WRITE, count_call, NULL, NULL) == 0 && ++expected;
	if (base)
		CHECK_INT_EQ(event_base_dispatch(base), 1);
	if (ev && ok)
		CHECK_INT_EQ(event_free_finalize(0, ev, count_finalizer), 0);
	else if (ev)
		event_free(ev);
	expected += ev && ok;
	if (base) {
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		event_base_free(base);
	}
	CHECK_INT_EQ(calls, expected);
	return ok;
}

static void
active_once_and_finalize(void)
{
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	fail_each_allocation(activate_and_finalize);
	close(ends[0]);
	close(ends[1]);
}

static bool
change_priorities(void)
{
	const struct timeval tv = { 3, 0 };

	base = event_base_new();
	bool ok = base && event_base_priority_init(base, 7) == 0;
	if (base) {
		CHECK_INT_EQ(event_base_get_npriorities(base), ok ? 7 : 1);
		const struct timeval *common = event_base_init_common_timeout(base, &tv);
		ok = ok && common != NULL;
		if (common)
			CHECK_PTR_EQ(event_base_init_common_timeout(base, &tv), common);
		event_base_free(base);
	}
	return ok;
}

static void
priorities_and_common_timeouts(void)
{
	fail_each_allocation(change_priorities);
}

static void
post_ran(void *arg)
{
	(void)arg;
	evrt_add_seq_cst(&posts, 1);
}

static bool
use_pool(void)
{
	static const struct timeval tv = { 0, 1000 };
	struct evrt_pool_config c;
	int expected = 0;

	evrt_store_seq_cst(&posts, 0);
	evrt_pool_config_init(&c);
	c.workers = 2;
	c.priorities = 3;
	struct evrt_pool *pool = evrt_pool_new(&c);
	if (!pool) {
		CHECK_INT_EQ(errno, ENOMEM);
		return false;
	}
	base = evrt_pool_as_base(pool);
	struct evrt_strand *s = evrt_strand_new(pool);
	bool ok = s != NULL;
	ok = ok && evrt_strand_post(s, post_ran, NULL) == 0 && ++expected;
	ok = ok && evrt_pool_post(pool, post_ran, NULL) == 0 && ++expected;
	ok = ok && evrt_pool_post_worker(pool, 1, post_ran, NULL) == 0 && ++expected;
	struct event *ev[3] = { NULL, NULL, NULL };
	ok = ok && (ev[0] = event_new(base, -1, 0, count_call, NULL)) && event_add(ev[0], &tv) == 0;
	bool armed_later = ok && evrt_test_alloc_has_failed(); /* on a pool a timer may wait for memory */
	ok = ok && (ev[1] = event_new(base, ends[0], EV_READ, count_call, NULL)) && event_add(ev[1], NULL) == 0;
	ok = ok && (ev[2] = event_new(base, SIGUSR1, EV_SIGNAL, count_call, NULL)) && event_add(ev[2], NULL) == 0;
	if (!ok)
		CHECK_INT_EQ(errno, ENOMEM);
	for (int i = 0; i < 3; i++)
		if (ev[i])
			event_free(ev[i]);
	evrt_strand_free(s);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_load_seq_cst(&posts), expected);
	evrt_pool_free(pool);
	return ok && !armed_later;
}

static void
pools(void)
{
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	fail_each_allocation(use_pool);
	close(ends[0]);
	close(ends[1]);
}

static bool
turn_threads_on_with_a_pool(void)
{
	struct evrt_pool *pool = evrt_pool_new(NULL);

	evrt_pool_free(pool);
	libevent_global_shutdown();
	return pool != NULL;
}

static void
pools_that_turn_threads_on(void)
{
	setenv("EVRT_WORKERS", "2", 1);
	fail_each_allocation(turn_threads_on_with_a_pool);
}

/* The k-th call of a failing system call returns fail_errno; after that they work. */
static struct evrt_sys real;
static int fail_in, fail_errno;

static bool
sys_fails(void)
{
	if (fail_in == 0 || --fail_in > 0)
		return false;
	errno = fail_errno;
	return true;
}

static int
fail_epoll_create1(int flags)
{
	return sys_fails() ? -1 : real.epoll_create1(flags);
}

static int
fail_eventfd(unsigned initial, int flags)
{
	return sys_fails() ? -1 : real.eventfd(initial, flags);
}

static int
fail_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return sys_fails() ? -1 : real.epoll_ctl(epfd, op, fd, event);
}

static int
fail_epoll_wait(int epfd, struct epoll_event *out, int cap, int timeout)
{
	return sys_fails() ? -1 : real.epoll_wait(epfd, out, cap, timeout);
}

static int
fail_epoll_pwait2(int epfd, struct epoll_event *out, int cap, const struct timespec *timeout,
    const sigset_t *mask)
{
	return sys_fails() ? -1 : real.epoll_pwait2(epfd, out, cap, timeout, mask);
}

static int
fail_pipe2(int fds[2], int flags)
{
	return sys_fails() ? -1 : real.pipe2(fds, flags);
}

static void
plan_failure(int in, int err)
{
	fail_in = in;
	fail_errno = err;
}

/* Each of the calls that making a base or pool takes, until one attempt needs no failed call. */
static void
fail_each_call_of_making(bool pooled)
{
	evrt_test_fail_alloc(0);
	int64_t live = evrt_test_allocs_live();
	for (int k = 1; k < 50; k++) {
		plan_failure(k, EMFILE);
		struct event_base *made = pooled ? evrt_base_new(2) : event_base_new();
		if (made) {
			CHECK(fail_in > 0 && k > 1);
			event_base_free(made);
			plan_failure(0, 0);
			break;
		}
		CHECK_INT_EQ(errno, EMFILE);
		CHECK_INT_EQ(fail_in, 0);
		CHECK_INT_EQ(evrt_test_allocs_live(), live);
	}
	CHECK_INT_EQ(evrt_test_allocs_live(), live);
}

static void
no_descriptors_to_make_one(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	real = evrt__sys;
	evrt__sys.epoll_create1 = fail_epoll_create1;
	fail_each_call_of_making(false);
	fail_each_call_of_making(true);
	evrt__sys = real;
	evrt__sys.eventfd = fail_eventfd;
	fail_each_call_of_making(false);
	fail_each_call_of_making(true);
	evrt__sys = real;
	evrt__sys.epoll_ctl = fail_epoll_ctl;
	fail_each_call_of_making(false);
	fail_each_call_of_making(true);
	evrt__sys = real;
	libevent_global_shutdown();
}

static void
a_full_poller_refuses_the_event(void)
{
	static const int errors[] = { ENOMEM, ENOSPC };
	static const struct timeval tv = { 100, 0 };

	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	base = event_base_new();
	struct event *ev = event_new(base, ends[0], EV_READ, count_call, NULL);
	struct event *other = event_new(base, ends[0], EV_WRITE, count_call, NULL);
	real = evrt__sys;
	evrt__sys.epoll_ctl = fail_epoll_ctl;
	for (int i = 0; i < 4; i++) {
		plan_failure(1, errors[i % 2]);
		CHECK_INT_EQ(event_add(ev, i < 2 ? NULL : &tv), -1);
		CHECK_INT_EQ(errno, errors[i % 2]);
		CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), 0);
		CHECK_INT_EQ(event_base_loop(base, 0), 1);
	}
	/* A second one on the fd fails: the first goes on. */
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	plan_failure(1, ENOMEM);
	CHECK_INT_EQ(event_add(other, NULL), -1);
	CHECK_INT_EQ(event_pending(other, EV_WRITE, NULL), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(event_add(other, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 2);
	evrt__sys = real;
	event_free(ev);
	event_free(other);
	event_base_free(base);
	close(ends[0]);
	close(ends[1]);
}

static void
an_interrupted_wait_goes_on(void)
{
	static const struct timeval tv = { 0, 1000 };

	base = event_base_new();
	real = evrt__sys;
	evrt__sys.epoll_wait = fail_epoll_wait;
	evrt__sys.epoll_pwait2 = fail_epoll_pwait2;
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, &tv), 0);
	plan_failure(1, EINTR);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 1);
	/* Any other error ends the loop, and nothing is lost by that. */
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, &tv), 0);
	plan_failure(1, EBADF);
	CHECK_INT_EQ(event_base_dispatch(base), -1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 2);
	evrt__sys = real;
	event_base_free(base);
}

static void
no_pipe_for_signals(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, count_call, NULL);
	real = evrt__sys;
	evrt__sys.pipe2 = fail_pipe2;
	plan_failure(1, EMFILE);
	CHECK_INT_EQ(event_add(ev, NULL), -1);
	CHECK_INT_EQ(errno, EMFILE);
	CHECK_INT_EQ(event_pending(ev, EV_SIGNAL, NULL), 0);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(raise(SIGUSR1), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 1);
	/* Signals that cannot be caught are refused by the kernel. */
	struct event *never = event_new(base, SIGKILL, EV_SIGNAL, count_call, NULL);
	CHECK_INT_EQ(event_add(never, NULL), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	evrt__sys = real;
	event_free(never);
	event_free(ev);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(base_new),
	CASE(base_new_with_threads),
	CASE(base_new_with_config),
	CASE(event_new_and_add),
	CASE(active_once_and_finalize),
	CASE(priorities_and_common_timeouts),
	CASE(pools),
	CASE(pools_that_turn_threads_on),
	CASE(no_descriptors_to_make_one),
	CASE(a_full_poller_refuses_the_event),
	CASE(an_interrupted_wait_goes_on),
	CASE(no_pipe_for_signals),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
