/* testing/contract/libevent/event_threads_test.c — a loop in one thread, and calls from others.
 *
 * Here:     what wakes a loop, what waits for a callback and what does not, finalizers between threads.
 * Threads:  the loop mostly runs in a thread of its own, and the case acts from the main one.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/thread.h>

#include <pthread.h>
#include <signal.h>

#include "testing/contract/libevent/event_steps.h"
#include "testing/harness/wait.h"

static const struct timeval hour = { 3600, 0 };
static struct evrt_test_gate entered, leave;
static struct evrt_test_count calls;
static pthread_t runner;
static struct event *keeper; /* keeps the loop from being empty */
static int keeper_fds[2];
static int loop_flags, loop_result;

static void
count_call(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	evrt_test_count_add(&calls, 1);
}

static void
open_gate(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	evrt_test_gate_open(arg);
}

static void *
run_loop(void *arg)
{
	loop_result = event_base_loop(arg, loop_flags);
	return NULL;
}

/* A base whose loop runs in a thread, and has run a callback already. */
static void
begin(void)
{
	static struct evrt_test_gate running;

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	/* Not a mere timer: nobody is awakened when the last of these is deleted. */
	pair(keeper_fds);
	keeper = event_new(base, keeper_fds[0], EV_READ, count_call, NULL);
	event_add(keeper, NULL);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, open_gate, &running, NULL), 0);
	CHECK_INT_EQ(pthread_create(&runner, NULL, run_loop, base), 0);
	evrt_test_gate_wait(&running);
}

/* Waits for the loop to end and frees everything, `ev` (or NULL) too. */
static void
end_with(int expected, struct event *ev)
{
	pthread_join(runner, NULL);
	CHECK_INT_EQ(loop_result, expected);
	if (ev)
		event_free(ev);
	event_free(keeper);
	event_base_free(base);
	close_pair(keeper_fds);
}

static void
a_descriptor_is_added_to_a_sleeping_loop(void)
{
	int fds[2];
	begin();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, count_call, NULL);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	evrt_test_count_wait(&calls, 1);
	event_del(keeper);
	end_with(1, ev);
	close_pair(fds);
}

static void
a_timer_is_added_to_a_sleeping_loop(void)
{
	struct timeval soon = ms(5);
	begin();
	struct event *ev = event_new(base, -1, 0, count_call, NULL);
	event_add(ev, &hour);
	CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, NULL), EV_TIMEOUT);
	event_add(ev, &soon);
	evrt_test_count_wait(&calls, 1);
	event_add(keeper, &soon);
	end_with(1, ev);
	CHECK_INT_EQ(evrt_test_count_get(&calls), 2);
}

static void
deleting_the_last_event_ends_a_sleeping_loop(void)
{
	int fds[2];
	begin();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, count_call, NULL);
	event_add(ev, NULL);
	event_del(keeper);
	event_del(ev);
	end_with(1, ev);
	close_pair(fds);
}

static void
once_is_asked_for_from_afar(void)
{
	begin();
	struct timeval soon = ms(2);
	event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, NULL);
	event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, &soon);
	evrt_test_count_wait(&calls, 2);
	event_del(keeper);
	end_with(1, NULL);
}

static void
a_break_wakes_and_ends(void)
{
	begin();
	CHECK_INT_EQ(event_base_loopbreak(base), 0);
	pthread_join(runner, NULL);
	CHECK_INT_EQ(loop_result, 0);
	CHECK(event_base_got_break(base));
	CHECK(!event_base_got_exit(base));
	event_free(keeper);
	event_base_free(base);
	close_pair(keeper_fds);
}

static void
an_exit_wakes_and_ends(void)
{
	loop_flags = EVLOOP_NO_EXIT_ON_EMPTY;
	begin();
	event_del(keeper); /* the loop goes on */
	CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
	pthread_join(runner, NULL);
	CHECK_INT_EQ(loop_result, 0);
	CHECK(event_base_got_exit(base));
	event_free(keeper);
	event_base_free(base);
	close_pair(keeper_fds);
}

static void
an_empty_loop_waits_for_what_others_add(void)
{
	struct timeval soon = ms(5);
	loop_flags = EVLOOP_NO_EXIT_ON_EMPTY;
	begin();
	event_del(keeper);
	event_active(keeper, EV_READ, 1);
	evrt_test_count_wait(&calls, 1);
	event_add(keeper, &(struct timeval){ 0, 0 });
	evrt_test_count_wait(&calls, 2);
	event_base_loopexit(base, &soon);
	end_with(0, NULL);
}

static void
a_second_thread_cannot_run_the_same_loop(void)
{
	event_set_log_callback(say_nothing);
	begin();
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), -1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), -1);
	event_base_loopbreak(base);
	end_with(0, NULL);
}

static void
telling_a_sleeping_loop_to_continue_is_harmless(void)
{
	begin();
	CHECK_INT_EQ(event_base_loopcontinue(base), 0);
	event_active(keeper, EV_READ, 1);
	evrt_test_count_wait(&calls, 1);
	event_del(keeper);
	end_with(1, NULL);
}

static void
stay(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	evrt_test_gate_open(&entered);
	evrt_test_gate_wait(&leave);
	pass_ms(20); /* who does not wait for us is gone by now */
	evrt_test_count_add(&calls, 1);
}

/* An event with these flags whose callback is running and stays until `leave` is opened. */
static struct event *
staying_event(short events)
{
	begin();
	struct event *ev = event_new(base, -1, events, stay, NULL);
	event_active(ev, EV_READ, 1);
	evrt_test_gate_wait(&entered);
	return ev;
}

static void *
open_leave(void *arg)
{
	(void)arg;
	evrt_test_gate_open(&leave);
	return NULL;
}

static void
these_do_not_wait_for_a_callback(void)
{
	struct event *ev = staying_event(EV_PERSIST | EV_FINALIZE);
	struct event *idle = event_new(base, -1, 0, count_call, NULL);
	CHECK_INT_EQ(event_del_noblock(ev), 0);
	CHECK_INT_EQ(event_del(ev), 0); /* because of EV_FINALIZE */
	CHECK_INT_EQ(event_del(keeper), 0); /* whose callback it is not */
	event_add(idle, &hour);
	event_free(idle);
	CHECK_INT_EQ(event_remove_timer(ev), 0);
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&calls), 0);
	evrt_test_gate_open(&leave);
	end_with(1, ev);
	CHECK_INT_EQ(evrt_test_count_get(&calls), 1);
}

static int
delete_blocking(struct event *ev)
{
	return event_del_block(ev);
}

static int
delete_by_freeing(struct event *ev)
{
	event_free(ev);
	return 0;
}

/* Whether the callback of an event with these flags has ended when `del` returns. */
static void
check_waits(short events, int (*del)(struct event *), int frees)
{
	pthread_t opener;
	struct event *ev = staying_event(events);
	pthread_create(&opener, NULL, open_leave, NULL);
	CHECK_INT_EQ(del(ev), 0);
	CHECK_INT_EQ(evrt_test_count_get(&calls), 1);
	pthread_join(opener, NULL);
	event_del(keeper);
	end_with(1, frees ? NULL : ev);
}

static void
blocking_deletion_waits_despite_ev_finalize(void)
{
	check_waits(EV_PERSIST | EV_FINALIZE, delete_blocking, 0);
}

static void
freeing_waits_for_the_callback(void)
{
	check_waits(EV_PERSIST, delete_by_freeing, 1);
}

static void
deletion_waits_for_a_callback_that_does_not_repeat(void)
{
	check_waits(0, event_del, 0);
}

static void
deletion_waits_for_a_signal_callback(void)
{
	pthread_t opener;
	begin();
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, stay, NULL);
	event_active(ev, EV_SIGNAL, 3);
	evrt_test_gate_wait(&entered);
	pthread_create(&opener, NULL, open_leave, NULL);
	CHECK_INT_EQ(event_del(ev), 0);
	/* Those that are left may be called off or waited for. */
	long before = evrt_test_count_get(&calls);
	CHECK(before == 1 || before == 3);
	pthread_join(opener, NULL);
	event_del(keeper);
	end_with(1, ev);
	CHECK_INT_EQ(evrt_test_count_get(&calls), before);
}

static void
delete_self(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	CHECK_INT_EQ(event_del(arg), 0);
	CHECK_INT_EQ(event_del_block(arg), 0);
	evrt_test_count_add(&calls, 1);
}

static void
a_callback_does_not_wait_for_itself(void)
{
	begin();
	struct event *ev = event_new(base, -1, EV_PERSIST, delete_self, event_self_cbarg());
	event_active(ev, EV_READ, 1);
	evrt_test_count_wait(&calls, 1);
	event_del(keeper);
	end_with(1, ev);
}

static void
finalized(struct event *ev, void *arg)
{
	(void)ev;
	(void)arg;
	CHECK_INT_EQ(evrt_test_count_get(&calls), 1); /* the callback has ended */
	evrt_test_count_add(&calls, 1);
}

static void
a_finalizer_comes_after_the_callback(void)
{
	struct event *ev = staying_event(EV_PERSIST | EV_FINALIZE);
	CHECK_INT_EQ(event_free_finalize(0, ev, finalized), 0);
	CHECK_INT_EQ(evrt_test_count_get(&calls), 0);
	evrt_test_gate_open(&leave);
	evrt_test_count_wait(&calls, 2);
	event_del(keeper);
	end_with(1, NULL);
}

enum { THREADS = 4, ROUNDS = 200 };

static void *
activate_often(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct event *ev = arg;
		event_active(ev, EV_WRITE, 1);
		event_pending(ev, EV_WRITE, NULL);
	}
	return NULL;
}

static void
no_activation_of_many_threads_is_lost(void)
{
	pthread_t threads[THREADS];
	begin();
	struct event *ev = event_new(base, -1, EV_PERSIST, count_call, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, activate_often, ev);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* Those that came together are one call; none that came alone is missing. */
	evrt_test_count_wait(&calls, 1);
	event_del(ev);
	long before = evrt_test_count_get(&calls);
	CHECK(before <= THREADS * ROUNDS);
	event_active(ev, EV_WRITE, 1);
	evrt_test_count_wait(&calls, before + 1);
	event_del(keeper);
	end_with(1, ev);
}

static void *
live_and_die(void *arg)
{
	struct timeval soon = ms(1);
	int fds[2];

	pair(fds);
	for (int i = 0; i < ROUNDS; i++) {
		struct event *ev = event_new(arg, fds[i & 1], EV_WRITE | EV_PERSIST, count_call, NULL);
		event_add(ev, i & 2 ? &soon : NULL);
		event_remove_timer(ev);
		event_free(ev);
	}
	close_pair(fds);
	return NULL;
}

static void
events_of_many_threads_live_and_die_in_one_loop(void)
{
	pthread_t threads[THREADS];
	begin();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, live_and_die, base);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT_EQ(added(), 1);
	event_del(keeper);
	end_with(1, NULL);
}

static void
a_signal_reaches_a_loop_in_another_thread(void)
{
	begin();
	struct event *ev = evsignal_new(base, SIGUSR2, count_call, NULL);
	CHECK_INT_EQ(evsignal_add(ev, NULL), 0);
	raise(SIGUSR2);
	evrt_test_count_wait(&calls, 1);
	event_del(keeper);
	evsignal_del(ev);
	end_with(1, ev);
}

static void
a_base_is_notifiable_once_there_are_threads(void)
{
	evthread_use_pthreads();
	base = event_base_new();
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	CHECK_INT_EQ(evthread_make_base_notifiable(NULL), -1);
	CHECK_INT_EQ(event_base_dispatch(base), 1); /* which is nothing to wait for */
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(a_descriptor_is_added_to_a_sleeping_loop),
	CASE(a_timer_is_added_to_a_sleeping_loop),
	CASE(deleting_the_last_event_ends_a_sleeping_loop),
	CASE(once_is_asked_for_from_afar),
	CASE(a_break_wakes_and_ends),
	CASE(an_exit_wakes_and_ends),
	CASE(an_empty_loop_waits_for_what_others_add),
	CASE(a_second_thread_cannot_run_the_same_loop),
	CASE(telling_a_sleeping_loop_to_continue_is_harmless),
	CASE(these_do_not_wait_for_a_callback),
	CASE(blocking_deletion_waits_despite_ev_finalize),
	CASE(freeing_waits_for_the_callback),
	CASE(deletion_waits_for_a_callback_that_does_not_repeat),
	CASE(deletion_waits_for_a_signal_callback),
	CASE(a_callback_does_not_wait_for_itself),
	CASE(a_finalizer_comes_after_the_callback),
	CASE(no_activation_of_many_threads_is_lost),
	CASE(events_of_many_threads_live_and_die_in_one_loop),
	CASE(a_signal_reaches_a_loop_in_another_thread),
	CASE(a_base_is_notifiable_once_there_are_threads),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
