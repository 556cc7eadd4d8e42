/* testing/contract/libevent/setup_thread_test.c — switching threads on: which callbacks are accepted, and when.
 *
 * Here:     event2/thread.h.
 * Not here: how the callbacks are called (setup_lock_test.c).
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/thread.h>

#include "testing/contract/libevent/setup_locks.h"

static void
the_same_set_is_accepted_again(void)
{
	struct evthread_lock_callbacks same = own_locks;
	struct evthread_condition_callbacks same_conditions = own_conditions;
	use_own();
	use_own();
	CHECK_INT_EQ(evthread_set_lock_callbacks(&same), 0);
	CHECK_INT_EQ(evthread_set_condition_callbacks(&same_conditions), 0);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 0);
}

static void *other_alloc(unsigned type) { return own_alloc(type); }
static void *other_cond_alloc(unsigned type) { return own_cond_alloc(type); }

static void
another_set_is_refused(void)
{
	struct evthread_lock_callbacks other = own_locks;
	struct evthread_condition_callbacks other_conditions = own_conditions;
	use_own();
	other.alloc = other_alloc;
	other_conditions.alloc_condition = other_cond_alloc;
	CHECK_INT_EQ(evthread_set_lock_callbacks(&other), -1);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 1);
	CHECK_INT_EQ(evthread_set_condition_callbacks(&other_conditions), -1);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 2);
	other = own_locks;
	other.supported_locktypes |= EVTHREAD_LOCKTYPE_READWRITE;
	CHECK_INT_EQ(evthread_set_lock_callbacks(&other), -1);
	/* The first stay. */
	use_a_base();
	CHECK(counts.taken > 0);
	check_counts();
}

static void
an_incomplete_set_is_not_taken(void)
{
	struct evthread_lock_callbacks locks[4] = { own_locks, own_locks, own_locks, own_locks };
	struct evthread_condition_callbacks conditions[4] = {
		own_conditions, own_conditions, own_conditions, own_conditions,
	};
	locks[0].alloc = NULL;
	locks[1].free = NULL;
	locks[2].lock = NULL;
	locks[3].unlock = NULL;
	conditions[0].alloc_condition = NULL;
	conditions[1].free_condition = NULL;
	conditions[2].signal_condition = NULL;
	conditions[3].wait_condition = NULL;
	for (int i = 0; i < 4; i++) {
		CHECK_INT_EQ(evthread_set_lock_callbacks(&locks[i]), -1);
		/* Not taken, and not refused either. */
		CHECK_INT_EQ(evthread_set_condition_callbacks(&conditions[i]), 0);
	}
	use_own();
	use_a_base();
	CHECK(counts.taken > 0);
	check_counts();
}

static void
null_takes_them_away(void)
{
	event_set_log_callback(remember_log);
	CHECK_INT_EQ(evthread_set_lock_callbacks(NULL), 0);
	CHECK_INT_EQ(evthread_set_condition_callbacks(NULL), 0);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 0);
	CHECK_INT_EQ(evthread_set_condition_callbacks(&own_conditions), 0);
	CHECK_INT_EQ(evthread_set_condition_callbacks(NULL), 0);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 1);
	CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), 0);
	CHECK_INT_EQ(evthread_set_lock_callbacks(NULL), 0);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 2);
}

static void
pthreads_may_be_asked_for_twice(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	event_set_log_callback(remember_log);
	CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), -1);
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 1);
}

static void
after_a_shutdown_another_set_is_accepted(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	use_a_base();
	libevent_global_shutdown();
	event_set_log_callback(ignore_log);
	CHECK_INT_EQ(evthread_set_lock_callbacks(NULL), 0);
	CHECK_INT_EQ(evthread_set_condition_callbacks(NULL), 0);
	use_own();
	use_a_base();
	CHECK(counts.taken > 0);
	check_counts();
}

static void
lock_debugging_may_come_first(void)
{
	evthread_enable_lock_debugging();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_base_free(base);
}

static void
without_threads_no_buffer_is_locked(void)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), -1);
	evbuffer_lock(buf);
	evbuffer_unlock(buf);
	evbuffer_free(buf);
}

static void
a_base_is_made_notifiable(void)
{
	event_set_log_callback(ignore_log);
	CHECK_INT_EQ(evthread_make_base_notifiable(NULL), -1);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	/* What listens for that does not keep the loop alive. */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(the_same_set_is_accepted_again),
	SETUP_CASE(another_set_is_refused),
	SETUP_CASE(an_incomplete_set_is_not_taken),
	SETUP_CASE(null_takes_them_away),
	SETUP_CASE(pthreads_may_be_asked_for_twice),
	SETUP_CASE(after_a_shutdown_another_set_is_accepted),
	SETUP_CASE(lock_debugging_may_come_first),
	SETUP_CASE(without_threads_no_buffer_is_locked),
	SETUP_CASE(a_base_is_made_notifiable),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
