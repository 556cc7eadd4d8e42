/* testing/unit/api/listener/limits_test.c — listeners that wait for room in their pool.
 *
 * Here:     a limit of connections, reached and left; of latency; what becomes of one that waits. Posts, and
 *           the telling: testing/unit/pool/limits_test.c.
 * Threads:  a pool, and the test; in one case several clients.
 */
#include <event2/event.h>
#include <event2/listener.h>
#include <evrt/pool.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define CONNECTIONS_MAX 8 /* accepting goes on at 6 */

static struct evrt_pool *pool;
static struct evconnlistener *listener;
static struct evrt_test_count accepted, closed, begun, ended;
static evrt_atomic(unsigned) alive;

static struct evrt_pool_pressure
pressure(void)
{
	struct evrt_pool_pressure now;

	CHECK_INT_EQ(evrt_pool_get_pressure(pool, &now), 0);
	return now;
}

static void
told(struct evrt_pool *p, unsigned limit, int begins, void *arg)
{
	CHECK_PTR_EQ(p, pool);
	CHECK_INT_EQ(limit, *(unsigned *)arg);
	CHECK_INT_EQ(evrt_test_count_get(&begun) - evrt_test_count_get(&ended), begins ? 0 : 1);
	evrt_test_count_add(begins ? &begun : &ended, 1);
}

/* Reads until the client closes; the event is all that keeps the connection's strand. */
static void
hang_up(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	if (read(fd, &byte, 1) == 1)
		return;
	evrt_sub_acq_rel(&alive, 1u);
	event_free(arg);
	close(fd);
	evrt_test_count_add(&closed, 1);
}

static unsigned alive_max;

static void
serve(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)addr;
	(void)len;
	(void)arg;
	unsigned now = evrt_add_acq_rel(&alive, 1u) + 1;
	CHECK(alive_max == 0 || now <= alive_max);
	struct event *ev = event_new(evconnlistener_get_base(lev), fd, EV_READ | EV_PERSIST, hang_up, event_self_cbarg());
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	evrt_test_count_add(&accepted, 1);
}

static struct evconnlistener *
listen_at(struct sockaddr_un *address, evconnlistener_cb cb)
{
	socklen_t len = sizeof(*address);

	address->sun_family = AF_UNIX;
	struct evconnlistener *lev = evconnlistener_new_bind(evrt_pool_as_base(pool), cb, NULL,
	    LEV_OPT_CLOSE_ON_FREE, 1000, (struct sockaddr *)address, sizeof(sa_family_t)); /* the kernel chooses a name */
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)address, &len), 0);
	return lev;
}

static struct sockaddr_un address;

static int
connect_to(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = (socklen_t)(sizeof(sa_family_t) + 6); /* an abstract name of five digits */

	CHECK(fd >= 0);
	CHECK_INT_EQ(connect(fd, (const struct sockaddr *)to, len), 0);
	return fd;
}

static void
start(unsigned workers, unsigned connections_max, unsigned latency_ms)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = workers;
	c.connections_max = connections_max;
	c.accept_latency_limit_ms = latency_ms;
	pool = evrt_pool_new(&c);
	CHECK(pool != NULL);
	listener = listen_at(&address, serve);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static void
done(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	libevent_global_shutdown();
}

static unsigned limit_of_connections = EVRT_PRESSURE_CONNECTIONS, limit_of_latency = EVRT_PRESSURE_LATENCY;
static int client[20];

/* More clients than connections may be; eight are served. */
static void
fill(void)
{
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &limit_of_connections), 0);
	alive_max = CONNECTIONS_MAX;
	for (int i = 0; i < 20; i++)
		client[i] = connect_to(&address);
	evrt_test_count_wait(&begun, 1);
	evrt_test_count_wait(&accepted, CONNECTIONS_MAX);
	CHECK_INT_EQ(pressure().limits, EVRT_PRESSURE_CONNECTIONS);
	CHECK_INT_EQ(pressure().connections, CONNECTIONS_MAX);
	CHECK(pressure().accept_pauses > 0);
}

static void
close_clients(int first, int end)
{
	long before = evrt_test_count_get(&closed);

	for (int i = first; i < end; i++)
		close(client[i]);
	evrt_test_count_wait(&closed, before + end - first);
}

static void
accepting_stops_at_the_limit_and_goes_on_below(void)
{
	start(2, CONNECTIONS_MAX, 0);
	fill();
	close_clients(0, 1);
	CHECK_INT_EQ(evrt_test_count_get(&ended), 0); /* an eighth has to go */
	close_clients(1, 2);
	evrt_test_count_wait(&ended, 1);
	evrt_test_count_wait(&accepted, CONNECTIONS_MAX + 2);
	evrt_test_count_wait(&begun, 2); /* and there are more */
	for (int i = 2; i < 20; i++)
		close(client[i]);
	evrt_test_count_wait(&closed, 20);
	evrt_test_count_wait(&ended, evrt_test_count_get(&begun));
	evconnlistener_free(listener);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0); /* the strands have died, too */
	CHECK_INT_EQ(pressure().connections, 0);
	done();
}

static void
a_listener_that_waits_may_be_freed(void)
{
	start(2, CONNECTIONS_MAX, 0);
	fill();
	evconnlistener_free(listener);
	close_clients(0, 8);
	evrt_test_count_wait(&ended, 1);
	for (int i = 8; i < 20; i++)
		close(client[i]);
	CHECK_INT_EQ(evrt_test_count_get(&accepted), CONNECTIONS_MAX);
	done();
}

static void
a_listener_that_waits_may_be_switched(void)
{
	start(2, CONNECTIONS_MAX, 0);
	fill();
	CHECK_INT_EQ(evconnlistener_disable(listener), 0);
	CHECK_INT_EQ(evconnlistener_enable(listener), 0); /* meets the limit, and waits again */
	CHECK_INT_EQ(evconnlistener_disable(listener), 0);
	close_clients(0, 8);
	evrt_test_count_wait(&ended, 1);
	CHECK_INT_EQ(evrt_test_count_get(&accepted), CONNECTIONS_MAX);
	CHECK_INT_EQ(evconnlistener_enable(listener), 0);
	evrt_test_count_wait(&accepted, 2 * CONNECTIONS_MAX);
	close_clients(8, 16);
	evrt_test_count_wait(&accepted, 20);
	close_clients(16, 20);
	evconnlistener_free(listener);
	done();
}

/* Connections that are nothing but a strand, which the program holds: no event is pending then but for the wait. */

static struct evrt_strand *held[20];

static void
hold(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	(void)arg;
	close(fd);
	held[evrt_add_acq_rel(&alive, 1u)] = evrt_strand_ref(evrt_strand_current());
	evrt_test_count_add(&accepted, 1);
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

static void *
let_go(void *arg)
{
	struct evrt_worker_stats stats = { 0 };

	evrt_test_count_wait(&accepted, CONNECTIONS_MAX);
	evrt_test_count_wait(&begun, 1);
	/* The worker finds nothing to do, and does not take that for the end. */
	CHECK_INT_EQ(evrt_pool_stats(pool, 0, &stats), 0);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, do_nothing, NULL), 0);
	for (uint64_t before = stats.parks; stats.parks == before; sched_yield())
		CHECK_INT_EQ(evrt_pool_stats(pool, 0, &stats), 0);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		evrt_strand_free(held[i]);
	evrt_test_count_wait(&accepted, 2 * CONNECTIONS_MAX);
	CHECK_INT_EQ(event_base_loopbreak(arg), 0);
	return NULL;
}

static void
a_listener_that_waits_keeps_dispatch(void)
{
	struct evrt_pool_config c;
	pthread_t thread;

	evrt_pool_config_init(&c);
	c.workers = 1;
	c.connections_max = CONNECTIONS_MAX;
	pool = evrt_pool_new(&c);
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &limit_of_connections), 0);
	listener = listen_at(&address, hold);
	struct event_base *base = evrt_pool_as_base(pool);
	for (int i = 0; i < 20; i++)
		client[i] = connect_to(&address);
	CHECK_INT_EQ(pthread_create(&thread, NULL, let_go, base), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 0); /* not 1: nothing is pending */
	pthread_join(thread, NULL);
	evconnlistener_free(listener);
	for (int i = 0; i < 20; i++) {
		close(client[i]);
		evrt_strand_free(i < CONNECTIONS_MAX ? NULL : held[i]);
	}
	done();
}

/* What carries a connection to its strand cannot be had: it is served in the listener's, and does not count. */
static int
accept4_and_no_memory(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int made = accept4(fd, sa, len, flags);

	if (made >= 0)
		evrt_test_fail_alloc(1);
	return made;
}

static void
close_it(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	(void)arg;
	close(fd);
	evrt_test_count_add(&accepted, 1);
}

static void
what_cannot_be_counted_takes_no_room(void)
{
	evrt_test_fail_alloc(0);
	evrt__sys.accept4 = accept4_and_no_memory;
	start(1, 1, 0);
	evconnlistener_set_cb(listener, close_it, NULL);
	for (int i = 0; i < 20; i++) {
		client[i] = connect_to(&address);
		evrt_test_count_wait(&accepted, i + 1);
	}
	for (int i = 0; i < 20; i++)
		close(client[i]);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(pressure().connections, 0);
	evconnlistener_free(listener);
	done();
}

/* Connections that come and go at the limit: two listeners stop and resume all the time, and none is forgotten. */

#define CLIENTS 4
#define VISITS 2000

static void *
visit(void *arg)
{
	for (int i = 0; i < VISITS; i++)
		close(connect_to(arg));
	return NULL;
}

static void
churn_at_the_limit(void)
{
	struct sockaddr_un other;
	pthread_t thread[CLIENTS];

	start(3, 3, 0);
	struct evconnlistener *second = listen_at(&other, serve);
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &limit_of_connections), 0);
	alive_max = 3;
	for (int i = 0; i < CLIENTS; i++)
		CHECK_INT_EQ(pthread_create(&thread[i], NULL, visit, i % 2 ? &address : &other), 0);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(thread[i], NULL);
	evrt_test_count_wait(&closed, CLIENTS * VISITS);
	CHECK_INT_EQ(evrt_test_count_get(&accepted), CLIENTS * VISITS);
	evrt_test_count_wait(&ended, evrt_test_count_get(&begun));
	evconnlistener_free(listener);
	evconnlistener_free(second);
	done();
}

/* A task that leaves the only worker no time. */

static struct evrt_strand *busy;
static evrt_atomic(bool) relaxes;

static void
work_on(void *arg)
{
	struct timespec now, end;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (now = end; (now.tv_sec - end.tv_sec) * 1000000000L + now.tv_nsec - end.tv_nsec < 30000000;)
		clock_gettime(CLOCK_MONOTONIC, &now);
	if (!evrt_load_relaxed(&relaxes))
		CHECK_INT_EQ(evrt_strand_post(busy, work_on, NULL), 0);
}

static void
accepting_stops_while_the_ready_wait_long(void)
{
	start(1, 0, 10);
	CHECK_INT_EQ(evrt_pool_set_pressure_cb(pool, told, &limit_of_latency), 0);
	busy = evrt_strand_new(pool);
	CHECK_INT_EQ(evrt_strand_post(busy, work_on, NULL), 0);
	client[0] = connect_to(&address); /* is accepted, and has the listener ask how long the others wait */
	evrt_test_count_wait(&begun, 1);
	CHECK_INT_EQ(evrt_test_count_get(&accepted), 1);
	CHECK_INT_EQ(pressure().limits, EVRT_PRESSURE_LATENCY);
	/* Those who come now wait for the load to go. */
	for (int i = 1; i < 5; i++)
		client[i] = connect_to(&address);
	while (pressure().accept_pauses == 0)
		sched_yield();
	CHECK_INT_EQ(evrt_test_count_get(&accepted), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ended), 0);
	CHECK(pressure().latency_ns > 10000000);
	evrt_store_relaxed(&relaxes, true);
	evrt_test_count_wait(&ended, 1);
	evrt_test_count_wait(&accepted, 5);
	close_clients(0, 5);
	evconnlistener_free(listener);
	evrt_strand_free(busy);
	done();
}

#define CASE(fn) { #fn, fn }

static const struct evrt_test_case cases[] = {
	CASE(accepting_stops_at_the_limit_and_goes_on_below),
	CASE(a_listener_that_waits_may_be_freed),
	CASE(a_listener_that_waits_may_be_switched),
	CASE(a_listener_that_waits_keeps_dispatch),
	CASE(what_cannot_be_counted_takes_no_room),
	CASE(churn_at_the_limit),
	CASE(accepting_stops_while_the_ready_wait_long),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
