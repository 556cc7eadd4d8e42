/* testing/unit/api/listener/threads_test.c — listeners used by other threads while their callbacks run, where libevent
 * deadlocks; and what libevent 2.1 does not have.
 *
 * Threads: the case, and one that runs the loop.
 */
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

static struct event_base *base;
static struct evconnlistener *lev;
static struct sockaddr_in address;
static struct evrt_test_count entered;
static struct evrt_test_gate leave;
static pthread_t loop_thread;

static void
stay(struct evconnlistener *which, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)which;
	(void)addr;
	(void)len;
	(void)arg;
	close(fd);
	evrt_test_count_add(&entered, 1);
	evrt_test_gate_wait(&leave);
}

static void
serve(struct evconnlistener *which, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)which;
	(void)addr;
	(void)len;
	(void)arg;
	close(fd);
	evrt_test_count_add(&entered, 1);
}

static void *
run_loop(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
	return NULL;
}

static void
start(evconnlistener_cb cb)
{
	socklen_t len = sizeof(address);

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lev = evconnlistener_new_bind(base, cb, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, -1,
	    (struct sockaddr *)&address, sizeof(address));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&address, &len), 0);
	CHECK_INT_EQ(pthread_create(&loop_thread, NULL, run_loop, NULL), 0);
}

static int
connect_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
break_out(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void
finish(void)
{
	const struct timeval now = { 0, 0 };

	/* From inside: a break before the loop begins would be forgotten. */
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, break_out, base, &now), 0);
	CHECK_INT_EQ(pthread_join(loop_thread, NULL), 0);
	if (lev)
		evconnlistener_free(lev);
	event_base_free(base);
}

static void
disabling_does_not_wait_for_the_callback(void)
{
	start(stay);
	int first = connect_here(), second = connect_here();
	evrt_test_count_wait(&entered, 1);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	evrt_test_gate_open(&leave);
	/* It was the last: the second one waits in the kernel. */
	finish();
	CHECK_INT_EQ(evrt_test_count_get(&entered), 1);
	close(first);
	close(second);
}

static void
freeing_does_not_wait_for_the_callback(void)
{
	char c;
	start(stay);
	int first = connect_here(), second = connect_here();
	evrt_test_count_wait(&entered, 1);
	evconnlistener_free(lev);
	lev = NULL;
	CHECK(read(second, &c, 1) <= 0); /* the socket is closed already */
	evrt_test_gate_open(&leave);
	finish();
	CHECK_INT_EQ(evrt_test_count_get(&entered), 1);
	close(first);
	close(second);
}

static void
a_new_callback_while_the_old_one_runs(void)
{
	start(stay);
	int first = connect_here();
	evrt_test_count_wait(&entered, 1);
	evconnlistener_set_cb(lev, serve, NULL);
	evrt_test_gate_open(&leave);
	int second = connect_here();
	evrt_test_count_wait(&entered, 2);
	finish();
	close(first);
	close(second);
}

static evrt_atomic(bool) over;

static void *
switch_it(void *arg)
{
	(void)arg;
	while (!evrt_load_relaxed(&over)) {
		CHECK_INT_EQ(evconnlistener_disable(lev), 0);
		evconnlistener_set_cb(lev, serve, NULL);
		CHECK(evconnlistener_get_fd(lev) >= 0);
		CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	}
	return NULL;
}

static void
switched_by_two_threads_all_the_time(void)
{
	pthread_t threads[2];
	int fds[8];
	start(serve);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, switch_it, NULL), 0);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 8; i++)
			fds[i] = connect_here();
		evrt_test_count_wait(&entered, 8 * (round + 1));
		for (int i = 0; i < 8; i++)
			close(fds[i]);
	}
	evrt_store_relaxed(&over, true);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(pthread_join(threads[i], NULL), 0);
	finish();
}

/* --- libevent 2.2's ------------------------------------------------------------------------------------- */

static bool
has_ipv6(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

static void
ipv4_and_ipv6_at_once(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (struct sockaddr *)&any;
	socklen_t len = sizeof(any);
	int only = 1;
	if (!has_ipv6())
		return;
	base = event_base_new();
	lev = evconnlistener_new_bind(base, serve, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_BIND_IPV4_AND_IPV6, -1, sa,
	    sizeof(any));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockopt(evconnlistener_get_fd(lev), IPPROTO_IPV6, IPV6_V6ONLY, &only, &len), 0);
	CHECK_INT_EQ(only, 0);
	len = sizeof(any);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&any, &len), 0);
	address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = any.sin6_port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = connect_here();
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(evrt_test_count_get(&entered), 1);
	close(fd);
	evconnlistener_free(lev);
	/* The opposite of the other option. */
	any.sin6_port = 0;
	CHECK(!evconnlistener_new_bind(base, serve, NULL, LEV_OPT_BIND_IPV6ONLY | LEV_OPT_BIND_IPV4_AND_IPV6, -1, sa,
	    sizeof(any)));
	CHECK_INT_EQ(errno, EINVAL);
	/* And of IPv6 alone. */
	address.sin_port = 0;
	CHECK(!evconnlistener_new_bind(base, serve, NULL, LEV_OPT_BIND_IPV4_AND_IPV6, -1, (struct sockaddr *)&address,
	    sizeof(address)));
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	{ "disabling_does_not_wait_for_the_callback", disabling_does_not_wait_for_the_callback },
	{ "freeing_does_not_wait_for_the_callback", freeing_does_not_wait_for_the_callback },
	{ "a_new_callback_while_the_old_one_runs", a_new_callback_while_the_old_one_runs },
	{ "switched_by_two_threads_all_the_time", switched_by_two_threads_all_the_time },
	{ "ipv4_and_ipv6_at_once", ipv4_and_ipv6_at_once },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
