/* testing/contract/libevent/event_system_test.c — where events meet signals, threads and fork.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing/contract/libevent/event_fixture.h"

static void
see_what(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	*(short *)arg |= what;
	note('x');
}

static void
a_signal_is_delivered(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, see_what, &(short){ 0 });
	struct event *two = event_new(base, SIGUSR1, EV_SIGNAL, note_letter, "o");
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(event_add(two, NULL), 0);
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "ox");
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "oxx");
	event_free(ev);
	event_free(two);
	event_base_free(base);
}

static void
delete_me(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('s');
	event_del(arg);
}

static void
signals_that_came_together_are_counted_until_deleted(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, SIGUSR2, EV_SIGNAL | EV_PERSIST, delete_me, event_self_cbarg());
	event_add(ev, NULL);
	raise(SIGUSR2);
	raise(SIGUSR2);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "s");
	event_free(ev);
	event_base_free(base);
}

static void
the_old_signal_handler_comes_back(void)
{
	struct sigaction before, after;
	base = event_base_new();
	sigaction(SIGUSR1, NULL, &before);
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, note_letter, "s");
	event_add(ev, NULL);
	sigaction(SIGUSR1, NULL, &after);
	CHECK(after.sa_handler != before.sa_handler);
	event_del(ev);
	sigaction(SIGUSR1, NULL, &after);
	CHECK(after.sa_handler == before.sa_handler);
	event_free(ev);
	event_base_free(base);
}

static void
break_out(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('b');
	event_base_loopbreak(arg);
}

static void *
activate_from_afar(void *arg)
{
	event_active(arg, EV_WRITE, 1);
	return NULL;
}

static void
another_thread_wakes_the_loop(void)
{
	struct timeval never = ms(60000);
	pthread_t thread;
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, break_out, base);
	event_add(ev, &never);
	pthread_create(&thread, NULL, activate_from_afar, ev);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "b");
	pthread_join(thread, NULL);
	event_free(ev);
	event_base_free(base);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static int inside, may_leave, left_first;

static void
stay_inside(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	pthread_mutex_lock(&gate);
	inside = 1;
	pthread_cond_broadcast(&gate_moved);
	while (!may_leave)
		pthread_cond_wait(&gate_moved, &gate);
	left_first = 1;
	pthread_mutex_unlock(&gate);
}

static void *
run_base(void *arg)
{
	event_base_dispatch(arg);
	return NULL;
}

static void *
let_leave(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&gate);
	may_leave = 1;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate);
	return NULL;
}

static void
event_del_waits_for_the_callback_in_another_thread(void)
{
	pthread_t runner, opener;
	evthread_use_pthreads();
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, stay_inside, NULL);
	event_active(ev, EV_TIMEOUT, 1);
	pthread_create(&runner, NULL, run_base, base);
	pthread_mutex_lock(&gate);
	while (!inside)
		pthread_cond_wait(&gate_moved, &gate);
	pthread_mutex_unlock(&gate);
	pthread_create(&opener, NULL, let_leave, NULL);
	event_del(ev);
	pthread_mutex_lock(&gate);
	CHECK(left_first);
	pthread_mutex_unlock(&gate);
	pthread_join(opener, NULL);
	pthread_join(runner, NULL);
	event_free(ev);
	event_base_free(base);
}

static void
fork_and_reinit(void)
{
	int fds[2], status;
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	event_add(ev, NULL);
	pid_t child = fork();
	if (child == 0) {
		char c = 0;
		int r = event_reinit(base);
		if (write(fds[1], "k", 1) != 1)
			_exit(9);
		event_base_loop(base, EVLOOP_ONCE);
		c = trace[0];
		_exit(r == 0 && c == 'k' ? 0 : 1);
	}
	waitpid(child, &status, 0);
	CHECK_INT_EQ(status, 0);
	/* The child's new poller must not have touched ours. */
	CHECK_INT_EQ(write(fds[1], "p", 1), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "p");
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(a_signal_is_delivered),
	CASE(signals_that_came_together_are_counted_until_deleted),
	CASE(the_old_signal_handler_comes_back),
	CASE(another_thread_wakes_the_loop),
	CASE(event_del_waits_for_the_callback_in_another_thread),
	CASE(fork_and_reinit),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
