/* testing/unit/api/bufferevent/deadlock_test.c — the deadlocks of bufferevent programs, found before they happen.
 *
 * Here:     two bufferevents whose callbacks lock each other, and a bufferevent and a lock of the program's own; and
 *           that none is found where callbacks only write to each other.
 * Not here: what else closes or excuses a ring (testing/unit/threading/lock_order_test.c); writing to each other
 *           at the same time (exchange_test.c).
 * Threads:  one after the other, so that nothing really waits.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <evrt/lock.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/unit/threading/quiet_locks.h"
#include "testing/unit/threading/verdict.h"

/* In the table of dynamic symbols, so that stacks name it. */
#define NAMED __attribute__((noinline, visibility("default")))

void move_on(struct bufferevent *bev, void *other) NAMED;
void lock_other(struct bufferevent *bev, void *other) NAMED;
void take_cache(struct bufferevent *bev, void *unused) NAMED;
void write_under_cache(void) NAMED;
void lock_under_cache(void) NAMED;

/* An undeclared part of libevent's exports. */
struct evthread_lock_callbacks *evthread_get_lock_callbacks(void);

struct side {
	struct event_base *base;
	struct bufferevent *bev;
	int peer; /* what is written here the bufferevent reads */
};
static struct side left, right;
static struct evrt_lock *cache;

void
move_on(struct bufferevent *bev, void *other)
{
	struct side *to = other;

	bufferevent_write_buffer(to->bev, bufferevent_get_input(bev));
	event_base_loopbreak(bufferevent_get_base(bev));
}

void
lock_other(struct bufferevent *bev, void *other)
{
	struct side *to = other;

	bufferevent_lock(to->bev);
	bufferevent_unlock(to->bev);
	event_base_loopbreak(bufferevent_get_base(bev));
}

void
take_cache(struct bufferevent *bev, void *unused)
{
	(void)unused;
	evrt_lock_acquire(cache);
	evrt_lock_release(cache);
	event_base_loopbreak(bufferevent_get_base(bev));
}

void
write_under_cache(void)
{
	evrt_lock_acquire(cache);
	bufferevent_write(left.bev, "x", 1);
	evrt_lock_release(cache);
}

void
lock_under_cache(void)
{
	evrt_lock_acquire(cache);
	bufferevent_lock(left.bev);
	bufferevent_unlock(left.bev);
	evrt_lock_release(cache);
}

static void
open_side(struct side *side, struct event_base *base, int options)
{
	evutil_socket_t fds[2];

	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[0]), 0);
	side->base = base;
	side->peer = fds[1];
	side->bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | options);
	CHECK(side->bev != NULL);
}

static void
connect_sides(bufferevent_data_cb readcb)
{
	bufferevent_setcb(left.bev, readcb, NULL, NULL, &right);
	bufferevent_setcb(right.bev, readcb, NULL, NULL, &left);
	CHECK_INT_EQ(bufferevent_enable(left.bev, EV_READ), 0);
	CHECK_INT_EQ(bufferevent_enable(right.bev, EV_READ), 0);
}

/* Lets the side read a byte, in its loop in this thread. */
static void *
run_side(void *arg)
{
	struct side *side = arg;

	CHECK_INT_EQ(write(side->peer, "x", 1), 1);
	event_base_loop(side->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void *
call(void *fn)
{
	(*(void (**)(void))fn)();
	return NULL;
}

static void
in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_INT_EQ(pthread_create(&t, NULL, fn, arg), 0);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
}

static void
use_locks(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	evthread_enable_lock_debugging();
}

static void
two_loops(bufferevent_data_cb readcb, int options)
{
	use_locks();
	open_side(&left, event_base_new(), options);
	open_side(&right, event_base_new(), options);
	connect_sides(readcb);
	in_thread(run_side, &left);
	in_thread(run_side, &right);
}

static void two_loops_write(void) { two_loops(move_on, 0); }
static void two_loops_lock(void) { two_loops(lock_other, 0); }
static void two_unlocked_loops_lock(void) { two_loops(lock_other, BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS); }

static void
bufferevents_may_write_to_each_other(void)
{
	evrt_test_verdict(two_loops_write, EVRT_TEST_SILENT, NULL);
}

static void
bufferevents_that_lock_each_other(void)
{
	evrt_test_verdict(two_loops_lock, EVRT_TEST_FATAL, (const char *const[]){
	    "[1] thread 2 takes bufferevent_call lock", "lock_other",
	    "[2] thread 1 took bufferevent_call lock", "lock_other",
	    "possible deadlock", "BEV_OPT_UNLOCK_CALLBACKS", NULL});
}

static void
unlocked_callbacks_may_lock_each_other(void)
{
	evrt_test_verdict(two_unlocked_loops_lock, EVRT_TEST_SILENT, NULL);
}

/* What every proxy does. ThreadSanitizer would take pthread mutexes amiss here. */
static void
one_loop(bufferevent_data_cb readcb)
{
	CHECK_INT_EQ(evthread_set_lock_callbacks((const void *)&evrt_test_quiet_locks), 0);
	CHECK_INT_EQ(evthread_set_condition_callbacks((const void *)&evrt_test_quiet_conds), 0);
	evthread_enable_lock_debugging();
	struct event_base *base = event_base_new();
	open_side(&left, base, 0);
	open_side(&right, base, 0);
	connect_sides(readcb);
	in_thread(run_side, &left);
	in_thread(run_side, &right);
}

static void one_loop_moves(void) { one_loop(move_on); }
static void one_loop_locks(void) { one_loop(lock_other); }

static void
one_loop_may_move_and_lock_both_ways(void)
{
	evrt_test_verdict(one_loop_moves, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(one_loop_locks, EVRT_TEST_SILENT, NULL);
}

/* One worker, but two strands: with two workers they could run at once. */
static void
two_strands(bufferevent_data_cb readcb)
{
	struct evrt_pool_config config;

	use_locks();
	evrt_pool_config_init(&config);
	config.workers = 1;
	struct evrt_pool *pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	struct event_base *base = evrt_pool_as_base(pool);
	open_side(&left, base, 0);
	open_side(&right, base, 0);
	connect_sides(readcb);
	run_side(&left);
	run_side(&right);
}

static void two_strands_write(void) { two_strands(move_on); }
static void two_strands_lock(void) { two_strands(lock_other); }

static void
strands_of_a_pool_count_as_threads(void)
{
	evrt_test_verdict(two_strands_write, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(two_strands_lock, EVRT_TEST_FATAL,
	    (const char *const[]){"lock_other", "lock_other", "possible deadlock", NULL});
}

static void
bufferevent_then_own_lock(void (*fn)(void))
{
	use_locks();
	cache = evrt_lock_new("cache");
	open_side(&left, event_base_new(), 0);
	bufferevent_setcb(left.bev, take_cache, NULL, NULL, NULL);
	CHECK_INT_EQ(bufferevent_enable(left.bev, EV_READ), 0);
	run_side(&left);
	in_thread(call, &fn);
}

static void write_and_own_lock(void) { bufferevent_then_own_lock(write_under_cache); }
static void lock_and_own_lock(void) { bufferevent_then_own_lock(lock_under_cache); }

static void
own_lock_and_bufferevent(void)
{
	evrt_test_verdict(write_and_own_lock, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(lock_and_own_lock, EVRT_TEST_FATAL, (const char *const[]){
	    "takes bufferevent_call lock", "(cache)", "lock_under_cache", "took user lock", "(cache)",
	    "take_cache", "possible deadlock", NULL});
}

/* The same with a lock by libevent's undeclared door. */
static void *table_lock;

static void
take_table_lock(struct bufferevent *bev, void *unused)
{
	(void)unused;
	CHECK_INT_EQ(evthread_get_lock_callbacks()->lock(0, table_lock), 0);
	CHECK_INT_EQ(evthread_get_lock_callbacks()->unlock(0, table_lock), 0);
	event_base_loopbreak(bufferevent_get_base(bev));
}

static void
lock_under_table_lock(void)
{
	CHECK_INT_EQ(evthread_get_lock_callbacks()->lock(0, table_lock), 0);
	bufferevent_lock(left.bev);
	bufferevent_unlock(left.bev);
	CHECK_INT_EQ(evthread_get_lock_callbacks()->unlock(0, table_lock), 0);
}

static void
table_lock_then_bufferevent(void)
{
	void (*fn)(void) = lock_under_table_lock;

	use_locks();
	table_lock = evthread_get_lock_callbacks()->alloc(0);
	open_side(&left, event_base_new(), 0);
	bufferevent_setcb(left.bev, take_table_lock, NULL, NULL, NULL);
	CHECK_INT_EQ(bufferevent_enable(left.bev, EV_READ), 0);
	in_thread(call, &fn);
	run_side(&left);
}

static void
locks_of_the_callback_table_are_checked(void)
{
	evrt_test_verdict(table_lock_then_bufferevent, EVRT_TEST_FATAL,
	    (const char *const[]){"takes user lock", "took bufferevent_call lock", "possible deadlock", NULL});
}

static void *
try_held(void *lock)
{
	errno = 0;
	CHECK_INT_EQ(evrt_lock_try(lock), -1);
	CHECK_INT_EQ(errno, EBUSY);
	return NULL;
}

static void
own_locks_without_debugging(void)
{
	errno = 0;
	CHECK(!evrt_lock_new("early"));
	CHECK_INT_EQ(errno, EINVAL);
	evrt_lock_acquire(NULL);
	CHECK_INT_EQ(evrt_lock_try(NULL), 0);
	evrt_lock_release(NULL);
	evrt_lock_free(NULL);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct evrt_lock *lock = evrt_lock_new(NULL);
	CHECK(lock != NULL);
	evrt_lock_acquire(lock);
	in_thread(try_held, lock);
	evrt_lock_release(lock);
	CHECK_INT_EQ(evrt_lock_try(lock), 0);
	evrt_lock_release(lock);
	evrt_lock_free(lock);
}

static const struct evrt_test_case cases[] = {
	{"bufferevents_may_write_to_each_other", bufferevents_may_write_to_each_other},
	{"bufferevents_that_lock_each_other", bufferevents_that_lock_each_other},
	{"unlocked_callbacks_may_lock_each_other", unlocked_callbacks_may_lock_each_other},
	{"one_loop_may_move_and_lock_both_ways", one_loop_may_move_and_lock_both_ways},
	{"strands_of_a_pool_count_as_threads", strands_of_a_pool_count_as_threads},
	{"own_lock_and_bufferevent", own_lock_and_bufferevent},
	{"locks_of_the_callback_table_are_checked", locks_of_the_callback_table_are_checked},
	{"own_locks_without_debugging", own_locks_without_debugging},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
