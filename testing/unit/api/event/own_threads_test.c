/* testing/unit/api/event/own_threads_test.c — the whole library, and a pool, on a program's own locks.
 *
 * Here:     plain bases, signals, bufferevents and listeners on ticket_locks.h; that a pool keeps to it; the balance.
 * Not here: which sets are accepted (testing/contract/libevent/setup_thread_test.c).
 * Threads:  pools of four workers, and the test.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/unit/api/event/ticket_locks.h"

#define WORKERS 4
#define CONNECTIONS 12
#define ROUNDS 20

static struct evrt_pool *pool;
static struct event_base *base;
static struct evrt_test_count counted;

static void
start(void)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = WORKERS;
	config.wake_queue_strands = 1;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

/* Everything is given back, in the set's own terms. */
static void
all_is_back(void)
{
	libevent_global_shutdown();
	CHECK(evrt_test_ticket_counts().taken > 0);
	CHECK_INT_EQ(evrt_test_ticket_counts().locks, 0);
	CHECK_INT_EQ(evrt_test_ticket_counts().conditions, 0);
}

static void
stop(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	all_is_back();
}

static void ignore_log(int severity, const char *text) { (void)severity, (void)text; }
static void count_post(void *arg) { (void)arg, evrt_test_count_add(&counted, 1); }

static void
count_one(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	evrt_test_count_add(&counted, 1);
}

static void
a_pool_keeps_the_programs_locks(void)
{
	evrt_test_use_ticket_locks();
	start();
	CHECK(evrt_test_ticket_counts().locks > 0);
	event_set_log_callback(ignore_log);
	/* The set is still the program's: another one is refused, the same is not. */
	CHECK_INT_EQ(evthread_use_pthreads(), -1);
	evrt_test_use_ticket_locks();
	for (int i = 0; i < 100; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_post, NULL), 0);
	evrt_test_count_wait(&counted, 100);
	stop();
}

static void
a_pool_without_any_takes_pthreads(void)
{
	start();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	CHECK_INT_EQ(evrt_test_ticket_counts().locks, 0);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

/* ---- Bufferevents that echo to each other, and end. */

static void
echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
end(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & BEV_EVENT_CONNECTED)
		return;
	bufferevent_free(bev);
	evrt_test_count_add(&counted, 1);
}

static void
write_fully(int fd, const char *text, size_t len)
{
	CHECK_INT_EQ(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
read_fully(int fd, const char *expected, size_t len)
{
	char buf[64];

	CHECK(len <= sizeof(buf));
	CHECK_INT_EQ(recv(fd, buf, len, MSG_WAITALL), (ssize_t)len);
	CHECK_MEM_EQ(buf, expected, len);
}

static void
talk(int fds[CONNECTIONS])
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CONNECTIONS; i++)
			write_fully(fds[i], "hello", 5);
		for (int i = 0; i < CONNECTIONS; i++)
			read_fully(fds[i], "hello", 5);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	evrt_test_count_wait(&counted, CONNECTIONS);
}

static void
bufferevents_echo_on_all_workers(void)
{
	int fds[CONNECTIONS];
	evrt_test_use_ticket_locks();
	start();
	for (int i = 0; i < CONNECTIONS; i++) {
		int pair[2];
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		evutil_make_socket_nonblocking(pair[0]);
		fds[i] = pair[1];
		struct bufferevent *bev = bufferevent_socket_new(base, pair[0],
		    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | (i % 2 ? BEV_OPT_DEFER_CALLBACKS : 0));
		bufferevent_setcb(bev, echo, NULL, end, NULL);
		CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
	}
	talk(fds);
	stop();
}

static void
accept_one(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)lev, (void)addr, (void)len, (void)arg;
	bufferevent_setcb(bev, echo, NULL, end, NULL);
	bufferevent_enable(bev, EV_READ);
}

static void
a_listener_serves_on_all_workers(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	int fds[CONNECTIONS];
	evrt_test_use_ticket_locks();
	start();
	struct evconnlistener *lev = evconnlistener_new_bind(base, accept_one, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&sin, &len), 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK_INT_EQ(connect(fds[i], (struct sockaddr *)&sin, sizeof(sin)), 0);
	}
	talk(fds);
	evconnlistener_free(lev);
	stop();
}

/* ---- Events. */

static void
events_of_all_kinds_run_on_a_pool(void)
{
	struct timeval soon = { 0, 1000 };
	int pair[2];
	evrt_test_use_ticket_locks();
	start();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	evutil_make_socket_nonblocking(pair[0]);
	struct event *ev[] = {
		event_new(base, pair[0], EV_WRITE, count_one, NULL),
		event_new(base, -1, 0, count_one, NULL),
		event_new(base, SIGUSR1, EV_SIGNAL, count_one, NULL),
		event_new(evrt_pool_get_base(pool, 1), -1, 0, count_one, NULL),
	};
	event_add(ev[0], NULL);
	event_add(ev[1], &soon);
	event_add(ev[2], NULL);
	event_active(ev[3], EV_READ, 1);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, count_one, NULL, &soon), 0);
	kill(getpid(), SIGUSR1);
	evrt_test_count_wait(&counted, 5);
	for (int i = 0; i < 4; i++)
		event_free(ev[i]);
	close(pair[0]);
	close(pair[1]);
	stop();
}

static struct evrt_test_gate inside, leave;

static void
stay_inside(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	evrt_test_gate_open(&inside);
	evrt_test_gate_wait(&leave);
	evrt_test_count_add(&counted, 1);
}

static void *
let_leave(void *arg)
{
	evrt_test_count_wait(&evrt_test_ticket_waits, 1);
	evrt_test_gate_open(&leave);
	return arg;
}

static void
event_del_waits_on_the_programs_condition(void)
{
	pthread_t opener;
	evrt_test_use_ticket_locks();
	start();
	struct event *ev = event_new(base, -1, EV_PERSIST, stay_inside, NULL);
	event_active(ev, EV_READ, 1);
	evrt_test_gate_wait(&inside);
	pthread_create(&opener, NULL, let_leave, NULL);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK_INT_EQ(evrt_test_count_get(&counted), 1);
	pthread_join(opener, NULL);
	event_free(ev);
	stop();
}

static void *
run_base(void *arg)
{
	CHECK_INT_EQ(event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY), 0);
	return NULL;
}

static void
a_plain_base_is_woken_by_others(void)
{
	pthread_t runner;
	evrt_test_use_ticket_locks();
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, count_one, NULL);
	pthread_create(&runner, NULL, run_base, base);
	for (int i = 1; i <= 50; i++) {
		event_active(ev, EV_READ, 1);
		evrt_test_count_wait(&counted, i);
	}
	CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
	pthread_join(runner, NULL);
	event_free(ev);
	event_base_free(base);
	all_is_back();
}

static void
lock_debugging_stands_before_the_programs_locks(void)
{
	evthread_enable_lock_debugging();
	events_of_all_kinds_run_on_a_pool();
}

static void
after_the_end_others_may_come(void)
{
	evrt_test_use_ticket_locks();
	start();
	stop();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	long taken = evrt_test_ticket_counts().taken;
	start();
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	CHECK_INT_EQ(evrt_test_ticket_counts().taken, taken);
	libevent_global_shutdown();
	evrt_test_use_ticket_locks();
	start();
	stop();
}

static const struct evrt_test_case cases[] = {
	{ "a_pool_keeps_the_programs_locks", a_pool_keeps_the_programs_locks },
	{ "a_pool_without_any_takes_pthreads", a_pool_without_any_takes_pthreads },
	{ "bufferevents_echo_on_all_workers", bufferevents_echo_on_all_workers },
	{ "a_listener_serves_on_all_workers", a_listener_serves_on_all_workers },
	{ "events_of_all_kinds_run_on_a_pool", events_of_all_kinds_run_on_a_pool },
	{ "event_del_waits_on_the_programs_condition", event_del_waits_on_the_programs_condition },
	{ "a_plain_base_is_woken_by_others", a_plain_base_is_woken_by_others },
	{ "lock_debugging_stands_before_the_programs_locks", lock_debugging_stands_before_the_programs_locks },
	{ "after_the_end_others_may_come", after_the_end_others_may_come },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
