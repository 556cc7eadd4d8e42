/* testing/contract/libevent/setup_lock_test.c — how a program's own locks, conditions and thread ids are called.
 *
 * Here:     the types asked for, the modes, the balance; setup_locks.h checks each call.
 * Threads:  cases with a second one say so.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <signal.h>
#include <sys/socket.h>

#include "testing/contract/libevent/setup_locks.h"

static void
a_base_takes_and_releases(void)
{
	use_own();
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	struct timeval now = { 0, 0 };
	CHECK(counts.locks > 0);
	event_add(ev, &now);
	event_base_dispatch(base);
	event_active(ev, EV_READ, 1);
	event_free(ev);
	event_base_free(base);
	CHECK(counts.taken > 0);
	check_counts();
}

static void
a_base_without_locks_takes_none(void)
{
	use_own();
	struct event_config *cfg = event_config_new();
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	long before = counts.locks;
	struct event_base *base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	CHECK_INT_EQ(counts.locks, before);
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	struct timeval now = { 0, 0 };
	before = counts.taken;
	event_add(ev, &now);
	event_base_dispatch(base);
	CHECK_INT_EQ(counts.taken, before);
	event_free(ev);
	event_base_free(base);
	check_counts();
}

static void
signals_bufferevents_and_buffers_lock_by_the_rules(void)
{
	evutil_socket_t fds[2];
	use_own();
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, nothing, NULL);
	event_add(ev, NULL);
	raise(SIGUSR1);
	struct bufferevent *bev = bufferevent_socket_new(base, fds[0],
	    BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
	bufferevent_enable(bev, EV_READ);
	bufferevent_write(bev, "x", 1);
	CHECK_INT_EQ(write(fds[1], "y", 1), 1);
	event_base_loop(base, EVLOOP_ONCE);
	event_base_loop(base, EVLOOP_NONBLOCK);
	bufferevent_lock(bev);
	bufferevent_lock(bev);
	bufferevent_unlock(bev);
	bufferevent_unlock(bev);
	bufferevent_free(bev);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_free(ev);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
	check_counts();
}

static void
a_buffer_takes_the_lock_that_it_is_given(void)
{
	use_own();
	struct own_lock *l = own_alloc(EVTHREAD_LOCKTYPE_RECURSIVE);
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_enable_locking(buf, l), 0);
	CHECK_INT_EQ(evbuffer_enable_locking(buf, l), -1);
	evbuffer_lock(buf);
	CHECK_INT_EQ(l->depth, 1);
	evbuffer_add(buf, "x", 1);
	CHECK_INT_EQ(l->depth, 1);
	evbuffer_unlock(buf);
	CHECK_INT_EQ(l->depth, 0);
	evbuffer_free(buf);
	own_free(l, EVTHREAD_LOCKTYPE_RECURSIVE);
	check_counts();
}

static void
debugged_locks_are_recursive_underneath(void)
{
	use_own();
	evthread_enable_lock_debugging();
	evthread_enable_lock_debuging();
	long before = counts.plain_locks;
	struct event_base *base = event_base_new();
	CHECK(base != NULL && counts.locks > 0);
	CHECK_INT_EQ(counts.plain_locks, before);
	event_base_dispatch(base);
	event_base_free(base);
	check_counts();
}

static struct evrt_test_gate inside, leave;

static void
stay_inside(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	evrt_test_gate_open(&inside);
	evrt_test_gate_wait(&leave);
}

static void *
run(void *base)
{
	event_base_dispatch(base);
	return NULL;
}

static void *
let_leave(void *arg)
{
	evrt_test_gate_wait(&waits);
	evrt_test_gate_open(&leave);
	return arg;
}

static void
event_del_waits_on_a_condition(void)
{
	pthread_t runner, opener;
	use_own();
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, stay_inside, NULL);
	event_active(ev, EV_READ, 1);
	pthread_create(&runner, NULL, run, base);
	evrt_test_gate_wait(&inside);
	pthread_create(&opener, NULL, let_leave, NULL);
	CHECK_INT_EQ(event_del(ev), 0);
	pthread_join(opener, NULL);
	pthread_join(runner, NULL);
	CHECK(counts.waits > 0 && counts.signals > 0 && counts.ids > 0);
	CHECK_INT_EQ(counts.timed_waits, 0);
	event_free(ev);
	event_base_free(base);
	check_counts();
}

static void *
break_it(void *base)
{
	CHECK_INT_EQ(event_base_loopbreak(base), 0);
	return NULL;
}

static void
break_from_outside(evutil_socket_t fd, short what, void *base)
{
	pthread_t other;
	(void)fd, (void)what;
	pthread_create(&other, NULL, break_it, base);
	pthread_join(other, NULL);
}

static void
a_break_from_another_thread_is_heard(void)
{
	struct timeval later = { 3600, 0 };
	use_own();
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, break_from_outside, base);
	event_add(ev, &later);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_break(base));
	event_free(ev);
	event_base_free(base);
	check_counts();
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(a_base_takes_and_releases),
	SETUP_CASE(a_base_without_locks_takes_none),
	SETUP_CASE(signals_bufferevents_and_buffers_lock_by_the_rules),
	SETUP_CASE(a_buffer_takes_the_lock_that_it_is_given),
	SETUP_CASE(debugged_locks_are_recursive_underneath),
	SETUP_CASE(event_del_waits_on_a_condition),
	SETUP_CASE(a_break_from_another_thread_is_heard),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
