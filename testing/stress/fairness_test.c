/* testing/stress/fairness_test.c — nobody starves: a ping among those who never have enough.
 *
 * Here:     connections that stream without end, tasks that post themselves (one short, the others long), and a flood
 *           of accepts, all in one pool, whose workers are never idle; and a byte that goes to an event and back.
 *           With 1, 2 and 8 workers, on every poller.
 * Judged:   by what the worker that answers has done between the ping's departure and its arrival, told by its CPU
 *           clock: so a busy machine, where threads wait for cores, changes nothing. A worker that had
 *           nothing to do is found out by that, too: the others' time passes on their own clocks only.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <evrt/pool.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define PINGS 300
#define STREAMS 4
#define STREAM_CHUNK (256 * 1024)
#define DELAY_MAX_NS 5000000
#define WORKERS_MAX 8

#ifdef EVRT_TSAN
#define SLOWNESS 6 /* of a callback in this build: what one of them takes cannot be cut */
#else
#define SLOWNESS 1
#endif

static struct evrt_pool *pool;
static unsigned workers;
static evrt_atomic(bool) stopping;
static struct evrt_test_count ready; /* workers whose clock is known */
static clockid_t worker_clock[WORKERS_MAX];

static int64_t
time_of(clockid_t clock)
{
	struct timespec t;

	CHECK_INT_EQ(clock_gettime(clock, &t), 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
spin_ns(int64_t ns)
{
	for (int64_t end = time_of(CLOCK_THREAD_CPUTIME_ID) + ns; time_of(CLOCK_THREAD_CPUTIME_ID) < end;)
		continue;
}

static void
note_clock(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(pthread_getcpuclockid(pthread_self(), &worker_clock[evrt_worker_current()]), 0);
	evrt_test_count_add(&ready, 1);
}

/* The load: streams. */

static struct bufferevent *streams[2 * STREAMS];
static evrt_atomic(long) streamed;

static void
refill(struct bufferevent *bev, void *arg)
{
	static const char chunk[STREAM_CHUNK];

	(void)arg;
	if (!evrt_load_relaxed(&stopping))
		CHECK_INT_EQ(evbuffer_add_reference(bufferevent_get_output(bev), chunk, sizeof(chunk), NULL, NULL), 0);
}

static void
swallow(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)arg;
	evrt_add_relaxed(&streamed, (long)evbuffer_get_length(in));
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void
start_stream(int i)
{
	int fd[2];

	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	for (int end = 0; end < 2; end++) {
		struct bufferevent *bev = bufferevent_socket_new(evrt_pool_as_base(pool), fd[end],
		    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
		CHECK(bev != NULL);
		bufferevent_setcb(bev, end ? swallow : NULL, end ? NULL : refill, NULL, NULL);
		CHECK_INT_EQ(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
		streams[2 * i + end] = bev;
	}
	refill(streams[2 * i], NULL);
}

/* Tasks that post themselves. */

struct selfish {
	struct evrt_strand *strand;
	int64_t takes_ns;
	evrt_atomic(long) runs;
};
/* Of the long ones, 16 callbacks in a row take 5 ms each: counts alone would not do. */
static struct selfish selfish[] = { { .takes_ns = 3000 }, { .takes_ns = 300000 }, { .takes_ns = 300000 } };
#define SELFISH (sizeof(selfish) / sizeof(selfish[0]))
static int64_t selfish_end_ns; /* in CPU time of its worker; 0: when the test stops */

static void
post_myself(void *arg)
{
	struct selfish *self = arg;

	spin_ns(self->takes_ns);
	evrt_add_relaxed(&self->runs, 1L);
	if (evrt_load_relaxed(&stopping))
		return;
	if (!selfish_end_ns || time_of(CLOCK_THREAD_CPUTIME_ID) < selfish_end_ns)
		CHECK_INT_EQ(evrt_strand_post(self->strand, post_myself, self), 0);
}

/* A flood of accepts. */

static struct evconnlistener *listener;
static struct sockaddr_un address;
static socklen_t address_len;
static evrt_atomic(long) accepted;

static void
hang_up(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	(void)lev;
	(void)sa;
	(void)len;
	(void)arg;
	evrt_add_relaxed(&accepted, 1L);
	spin_ns(60000); /* what a server does for a new connection */
	close(fd);
}

static void
start_listener(void)
{
	address.sun_family = AF_UNIX;
	address_len = sizeof(sa_family_t);
	listener = evconnlistener_new_bind(evrt_pool_as_base(pool), hang_up, NULL, LEV_OPT_CLOSE_ON_FREE, 4096,
	    (struct sockaddr *)&address, (int)address_len); /* the kernel chooses a name */
	CHECK(listener != NULL);
	address_len = sizeof(address);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &address_len), 0);
}

static void *
flood(void *arg)
{
	while (!evrt_load_relaxed(&stopping)) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		CHECK(fd >= 0);
		connect(fd, (struct sockaddr *)&address, address_len); /* or the queue is full, which is well */
		close(fd);
	}
	return arg;
}

/* The ping. */

static int ping_fd[2]; /* [0] the pool's */
static struct event *ping_event;
static evrt_atomic(int64_t) departed_ns[WORKERS_MAX]; /* each worker's clock when the last ping left */
static evrt_atomic(int64_t) delay_ns;                 /* of the last one */

static void
answer(evutil_socket_t fd, short what, void *arg)
{
	int worker = evrt_worker_current();
	char byte;

	(void)what;
	(void)arg;
	evrt_store_relaxed(&delay_ns,
	    time_of(CLOCK_THREAD_CPUTIME_ID) - evrt_load_relaxed(&departed_ns[worker]));
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	CHECK_INT_EQ(write(fd, &byte, 1), 1);
}

static int64_t
ping(void)
{
	char byte = 'p';

	for (unsigned i = 0; i < workers; i++)
		evrt_store_relaxed(&departed_ns[i], time_of(worker_clock[i]));
	CHECK_INT_EQ(write(ping_fd[1], &byte, 1), 1);
	CHECK_INT_EQ(read(ping_fd[1], &byte, 1), 1);
	return evrt_load_relaxed(&delay_ns);
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
start(const struct evrt_pool_config *config)
{
	workers = config->workers;
	pool = evrt_pool_new(config);
	CHECK(pool != NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (unsigned i = 0; i < workers; i++)
		CHECK_INT_EQ(evrt_pool_post_worker(pool, i, note_clock, NULL), 0);
	evrt_test_count_wait(&ready, workers);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ping_fd), 0);
	ping_event = event_new(evrt_pool_as_base(pool), ping_fd[0], EV_READ | EV_PERSIST, answer, NULL);
	CHECK_INT_EQ(event_add(ping_event, NULL), 0);
	for (size_t i = 0; i < SELFISH; i++)
		CHECK((selfish[i].strand = evrt_strand_new(pool)) != NULL);
}

static void
end(void)
{
	evrt_store_relaxed(&stopping, true);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	event_free(ping_event);
	for (size_t i = 0; i < SELFISH; i++)
		evrt_strand_free(selfish[i].strand);
	evrt_pool_free(pool);
	close(ping_fd[0]);
	close(ping_fd[1]);
	libevent_global_shutdown();
}

static void
among_the_greedy(const char *method, unsigned count)
{
	static int64_t delays[PINGS];
	static const char *const methods[] = { "epoll", "poll", "select" };
	static const char *const switches[] = { "EVENT_NOEPOLL", "EVENT_NOPOLL", "EVENT_NOSELECT" };
	struct evrt_pool_config config;
	pthread_t flooder;

	for (int i = 0; i < 3; i++)
		if (strcmp(methods[i], method) != 0)
			setenv(switches[i], "1", 1);
	evrt_pool_config_init(&config);
	config.workers = count;
	start(&config);
	CHECK_STR_EQ(event_base_get_method(evrt_pool_as_base(pool)), method);
	for (int i = 0; i < STREAMS; i++)
		start_stream(i);
	start_listener();
	CHECK_INT_EQ(pthread_create(&flooder, NULL, flood, NULL), 0);
	for (size_t i = 0; i < SELFISH; i++)
		CHECK_INT_EQ(evrt_strand_post(selfish[i].strand, post_myself, &selfish[i]), 0);
	for (int i = 0; i < PINGS; i++)
		delays[i] = ping();
	evrt_store_relaxed(&stopping, true);
	pthread_join(flooder, NULL);
	/* None of the greedy starved either. */
	CHECK(evrt_load_relaxed(&accepted) > 0);
	for (size_t i = 0; i < SELFISH; i++)
		CHECK(evrt_load_relaxed(&selfish[i].runs) > 0);
	CHECK(evrt_load_relaxed(&streamed) > 0);
	qsort(delays, PINGS, sizeof(delays[0]), by_size);
	printf("%s, %u workers: ping after %.2f ms of its worker's time (p50), %.2f (p99), %.2f (max); "
	    "%ld MiB streamed, %ld accepted, %ld posts\n", method, count, (double)delays[PINGS / 2] / 1e6,
	    (double)delays[PINGS * 99 / 100] / 1e6, (double)delays[PINGS - 1] / 1e6,
	    evrt_load_relaxed(&streamed) >> 20, evrt_load_relaxed(&accepted), evrt_load_relaxed(&selfish[0].runs));
	/* A few may meet an interrupt, or a machine that takes the core away: that is counted as the worker's time. */
	CHECK(delays[PINGS * 99 / 100] < (int64_t)DELAY_MAX_NS * SLOWNESS);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evconnlistener_free(listener);
	for (int i = 0; i < 2 * STREAMS; i++)
		bufferevent_free(streams[i]);
	end();
}

/* That the figure above is what budgets make it. */
static void
without_budgets_a_ping_waits(void)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = 1;
	config.strand_budget_callbacks = config.turn_budget_strands = 1u << 30;
	config.strand_budget_us = config.turn_budget_us = 0;
	start(&config);
	selfish_end_ns = time_of(worker_clock[0]) + 10 * DELAY_MAX_NS;
	CHECK_INT_EQ(evrt_strand_post(selfish[0].strand, post_myself, &selfish[0]), 0);
	while (evrt_load_relaxed(&selfish[0].runs) == 0)
		continue;
	CHECK(ping() > DELAY_MAX_NS);
	end();
}

#define AMONG(method, workers) \
	static void a_ping_on_##method##_with_##workers(void) { among_the_greedy(#method, workers); }
#define CASE(fn) { #fn, fn }

AMONG(epoll, 1)
AMONG(epoll, 2)
AMONG(epoll, 8)
AMONG(poll, 1)
AMONG(poll, 2)
AMONG(poll, 8)
AMONG(select, 1)
AMONG(select, 2)
AMONG(select, 8)

static const struct evrt_test_case cases[] = {
	CASE(a_ping_on_epoll_with_1),
	CASE(a_ping_on_epoll_with_2),
	CASE(a_ping_on_epoll_with_8),
	CASE(a_ping_on_poll_with_1),
	CASE(a_ping_on_poll_with_2),
	CASE(a_ping_on_poll_with_8),
	CASE(a_ping_on_select_with_1),
	CASE(a_ping_on_select_with_2),
	CASE(a_ping_on_select_with_8),
	CASE(without_budgets_a_ping_waits),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
