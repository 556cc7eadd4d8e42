/* testing/unit/api/event/debug_thread_test.c — bases without locks, and a second thread.
 *
 * Here:     what is reported while the loop runs; what may be done in turns.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include <pthread.h>

#include "testing/unit/api/event/debug_rig.h"

static struct event_base *base;
static struct event *ev;
static const struct timeval long_time = { 1000, 0 };

static void *
use_event(void *arg)
{
	(void)arg;
	event_add(ev, &long_time);
	event_del(ev);
	return NULL;
}

static void
in_another_thread(void *(*fn)(void *))
{
	pthread_t thread;

	CHECK_INT_EQ(pthread_create(&thread, NULL, fn, NULL), 0);
	CHECK_INT_EQ(pthread_join(thread, NULL), 0);
}

/* The loop runs while the other thread is at it; both are in order, so that nothing but the rule is broken. */
static void
let_another_thread(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	in_another_thread(use_event);
}

static void
run_loop_beside_a_thread(void)
{
	struct event *caller = event_new(base, -1, 0, let_another_thread, NULL);

	event_active(caller, EV_TIMEOUT, 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_free(caller);
}

static void
begin(void)
{
	base = event_base_new();
	ev = event_new(base, -1, 0, nothing, NULL);
}

static void
end(void)
{
	event_free(ev);
	event_base_free(base);
}

static void
a_second_thread_is_told_once_per_base(void)
{
	debug_begin();
	begin();
	run_loop_beside_a_thread();
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "2 event debug: event_add while another thread runs the loop of its base 0x",
	    ", which has no locks\n  event 0x", "to do: call evthread_use_pthreads before the base is made", ": assigned");
	run_loop_beside_a_thread();
	CHECK_INT_EQ(heard_messages(), 1);
	end();
	begin();
	run_loop_beside_a_thread();
	CHECK_INT_EQ(heard_messages(), 2);
	end();
}

static void
the_flag_is_named(void)
{
	debug_begin();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct event_config *config = event_config_new();
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	ev = event_new(base, -1, 0, nothing, NULL);
	run_loop_beside_a_thread();
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "which has no locks", "to do: make the base without EVENT_BASE_FLAG_NOLOCK");
	end();
}

static void
a_base_with_locks_is_for_all(void)
{
	debug_begin();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	begin();
	run_loop_beside_a_thread();
	CHECK_STR_EQ(heard, "");
	end();
}

static void *
run_and_use(void *arg)
{
	event_active(ev, EV_TIMEOUT, 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	return use_event(arg);
}

/* Made here, run there, used here again, freed here. */
static void
a_base_may_be_handed_over(void)
{
	debug_begin();
	begin();
	event_base_loop(base, EVLOOP_NONBLOCK);
	in_another_thread(use_event);
	in_another_thread(run_and_use);
	in_another_thread(run_and_use);
	use_event(NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(heard, "");
	end();
}

static const struct evrt_test_case cases[] = {
	CASE(a_second_thread_is_told_once_per_base),
	CASE(the_flag_is_named),
	CASE(a_base_with_locks_is_for_all),
	CASE(a_base_may_be_handed_over),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
