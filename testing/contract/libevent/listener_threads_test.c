/* testing/contract/libevent/listener_threads_test.c — listeners with LEV_OPT_THREADSAFE, used by several threads.
 *
 * Here:     switching, new callbacks and freeing from outside the loop, while no callback of the listener runs.
 * Not here: the same while one runs: libevent deadlocks then (testing/unit/api/listener/threads_test.c).
 * Threads:  the case runs clients and calls; another thread runs the loop.
 */
#include <event2/thread.h>
#include <pthread.h>

#include "testing/contract/libevent/listener_rig.h"
#include "testing/harness/wait.h"

static struct evconnlistener *lev;
static struct event *keeps_running;
static struct evrt_test_count served, other_served, passed;
static pthread_t loop_thread;

static void
serve(struct evconnlistener *which, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)which;
	(void)addr;
	(void)len;
	close(fd);
	evrt_test_count_add(arg, 1);
}

static void
nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
pass(evutil_socket_t fd, short what, void *arg)
{
	nothing(fd, what, arg);
	evrt_test_count_add(&passed, 1);
}

/* Returns when the loop runs, and every callback has ended that ran before. */
static void
wait_for_the_loop(void)
{
	const struct timeval now = { 0, 0 };
	long before = evrt_test_count_get(&passed);

	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, pass, NULL, &now), 0);
	evrt_test_count_wait(&passed, before + 1);
}

static void *
run_loop(void *arg)
{
	(void)arg;
	CHECK(event_base_dispatch(base) >= 0);
	return NULL;
}

/* Who waits for a connection that accept has lost would wait for ever. */
static void
fail(struct evconnlistener *listener, void *arg)
{
	(void)listener;
	(void)arg;
	evrt_test_fail(__FILE__, __LINE__, "accept: %s", strerror(EVUTIL_SOCKET_ERROR()));
}

/* `waits`: the loop does not end with the listener. */
static void
start(unsigned flags, bool waits)
{
	struct sockaddr_in sin = loopback();
	struct timeval often = { 3600, 0 };

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	lev = evconnlistener_new_bind(base, serve, &served, flags | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));
	CHECK(lev != NULL);
	evconnlistener_set_error_cb(lev, fail);
	keeps_running = event_new(base, -1, EV_PERSIST, nothing, NULL);
	if (waits)
		event_add(keeps_running, &often);
	CHECK_INT_EQ(pthread_create(&loop_thread, NULL, run_loop, NULL), 0);
	wait_for_the_loop();
}

static void
finish(void)
{
	event_base_loopbreak(base);
	CHECK_INT_EQ(pthread_join(loop_thread, NULL), 0);
	if (lev)
		evconnlistener_free(lev);
	event_free(keeps_running);
	event_base_free(base);
}

static void
connect_and_wait(struct evrt_test_count *count)
{
	long before = evrt_test_count_get(count);
	int fd = connect_to(lev);

	evrt_test_count_wait(count, before + 1);
	close(fd);
	wait_for_the_loop();
}

static void
connections_are_served(void)
{
	start(0, true);
	for (int i = 0; i < 50; i++)
		connect_and_wait(&served);
	finish();
}

static void
enabled_from_outside(void)
{
	start(LEV_OPT_DISABLED, true);
	int fd = connect_to(lev);
	CHECK_INT_EQ(evrt_test_count_get(&served), 0);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	evrt_test_count_wait(&served, 1);
	close(fd);
	finish();
}

static void
switched_from_outside(void)
{
	start(0, true);
	for (int i = 0; i < 50; i++) {
		CHECK_INT_EQ(evconnlistener_disable(lev), 0);
		long before = evrt_test_count_get(&served);
		int fd = connect_to(lev);
		CHECK_INT_EQ(evrt_test_count_get(&served), before);
		CHECK_INT_EQ(evconnlistener_enable(lev), 0);
		evrt_test_count_wait(&served, before + 1);
		close(fd);
		wait_for_the_loop();
	}
	finish();
}

static void
a_callback_set_from_outside(void)
{
	start(0, true);
	connect_and_wait(&served);
	evconnlistener_set_cb(lev, serve, &other_served);
	connect_and_wait(&other_served);
	CHECK_INT_EQ(evrt_test_count_get(&served), 1);
	finish();
}

static void
a_first_callback_from_outside(void)
{
	struct sockaddr_in sin = loopback();
	start(LEV_OPT_DISABLED, true);
	struct evconnlistener *mute = lev;
	lev = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));
	evconnlistener_set_error_cb(lev, fail);
	int fd = connect_to(lev);
	evconnlistener_set_cb(lev, serve, &served);
	evrt_test_count_wait(&served, 1);
	close(fd);
	evconnlistener_free(mute);
	finish();
}

static void
getters_from_outside(void)
{
	start(0, true);
	CHECK_PTR_EQ(evconnlistener_get_base(lev), base);
	CHECK(fcntl(evconnlistener_get_fd(lev), F_GETFD) >= 0);
	finish();
}

static void
freed_from_outside_the_loop_ends(void)
{
	start(0, false);
	connect_and_wait(&served);
	evconnlistener_free(lev);
	lev = NULL;
	CHECK_INT_EQ(pthread_join(loop_thread, NULL), 0);
	event_free(keeps_running);
	event_base_free(base);
}

static void
made_and_freed_from_outside(void)
{
	struct sockaddr_in sin = loopback();
	start(0, true);
	struct evconnlistener *first = lev;
	for (int i = 0; i < 50; i++) {
		lev = evconnlistener_new_bind(base, serve, &served, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, -1,
		    (struct sockaddr *)&sin, sizeof(sin));
		CHECK(lev != NULL);
		evconnlistener_set_error_cb(lev, fail);
		connect_and_wait(&served);
		evconnlistener_free(lev);
	}
	lev = first;
	finish();
}

static const struct evrt_test_case cases[] = {
	{ "connections_are_served", connections_are_served },
	{ "enabled_from_outside", enabled_from_outside },
	{ "switched_from_outside", switched_from_outside },
	{ "a_callback_set_from_outside", a_callback_set_from_outside },
	{ "a_first_callback_from_outside", a_first_callback_from_outside },
	{ "getters_from_outside", getters_from_outside },
	{ "freed_from_outside_the_loop_ends", freed_from_outside_the_loop_ends },
	{ "made_and_freed_from_outside", made_and_freed_from_outside },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
