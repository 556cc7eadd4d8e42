/* testing/unit/api/bufferevent/race_threads_test.c — connects to several addresses, begun, answered and called off by
 * threads that are not the loop's.
 *
 * Here:     a base with a loop thread, and a pool; the kernel's own connects on the loopback.
 * Threads:  the loop or the pool's workers, and the test.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/bufferevent/resolver.h"
#include "api/util/addrinfo.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define ROUNDS 300

static struct event_base *base;
static struct evrt_pool *pool;
static pthread_t loop, test_thread;
static struct sockaddr_in good, bad;
static int listener, bound_only;
static struct evrt_test_count connected, failed;

/* --- a resolver that answers from inside of the question ------------------------------------------- */

struct evdns_base {
	const struct evrt_resolver *ops;
	int refusing; /* addresses before the one that accepts; < 0: that many, and none */
};

static struct evutil_addrinfo *
address(const struct sockaddr_in *sin)
{
	return evrt__addrinfo_new((const struct sockaddr *)sin, sizeof(*sin), SOCK_STREAM, IPPROTO_TCP);
}

static struct evdns_getaddrinfo_request *
answer(struct evdns_base *dns, const char *host, const char *service, const struct evutil_addrinfo *hints,
    void (*cb)(int, struct evutil_addrinfo *, void *), void *arg)
{
	struct evutil_addrinfo *first = dns->refusing < 0 ? NULL : address(&good);

	(void)host;
	(void)service;
	(void)hints;
	for (int i = dns->refusing < 0 ? -dns->refusing : dns->refusing; i > 0; i--) {
		struct evutil_addrinfo *ai = address(&bad);
		ai->ai_next = first;
		first = ai;
	}
	cb(0, first, arg);
	return NULL;
}

static const struct evrt_resolver ops = { answer };
static struct evdns_base dns = { .ops = &ops };

/* --- bases ------------------------------------------------------------------------------------ */

static int
bind_loopback(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET };
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)sin, len), 0);
	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)sin, &len), 0);
	return fd;
}

static void *
run_loop(void *arg)
{
	(void)arg;
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
start(int pooled)
{
	signal(SIGPIPE, SIG_IGN);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	listener = bind_loopback(&good);
	CHECK_INT_EQ(listen(listener, 1024), 0);
	bound_only = bind_loopback(&bad);
	test_thread = pthread_self();
	if (!pooled) {
		base = event_base_new();
		CHECK_INT_EQ(pthread_create(&loop, NULL, run_loop, NULL), 0);
		return;
	}
	struct evrt_pool_config config;
	evrt_pool_config_init(&config);
	config.workers = 3;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static void
stop(void)
{
	struct timeval now = { 0, 0 };

	if (pool) {
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
		evrt_pool_free(pool);
	} else {
		event_base_loopexit(base, &now);
		CHECK_INT_EQ(pthread_join(loop, NULL), 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
		event_base_free(base);
	}
	close(listener);
	close(bound_only);
}

static int
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	atomic_int *told = arg;

	(void)bev;
	CHECK(!pthread_equal(pthread_self(), test_thread)); /* only ever from the strand */
	if (told)
		CHECK_INT_EQ(atomic_fetch_add(told, 1), 0);
	evrt_test_count_add(what & BEV_EVENT_CONNECTED ? &connected : &failed, 1);
}

static struct bufferevent *
dial(atomic_int *told, int refusing)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE);

	bufferevent_setcb(bev, NULL, NULL, on_event, told);
	dns.refusing = refusing;
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, &dns, AF_INET, "somewhere", 4711), 0);
	return bev;
}

/* --- cases ------------------------------------------------------------------------------------ */

static void
each_is_told_once_by_the_strand(int pooled)
{
	static atomic_int told[ROUNDS];
	static struct bufferevent *bevs[ROUNDS];
	start(pooled);
	int fds = open_fds();
	for (int i = 0; i < ROUNDS; i++)
		bevs[i] = dial(&told[i], i % 2 ? i % 4 : -1 - i % 4);
	evrt_test_count_wait(&connected, ROUNDS / 2);
	evrt_test_count_wait(&failed, ROUNDS / 2);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_INT_EQ(told[i], 1);
		bufferevent_free(bevs[i]);
	}
	stop();
	/* The base's own, the listener and the other are gone with what was connected. */
	CHECK(open_fds() < fds);
}

static void
called_off_by_another_thread(int pooled)
{
	start(pooled);
	int fds = open_fds();
	for (int i = 0; i < ROUNDS; i++) {
		struct bufferevent *bev = dial(NULL, 1 + i % 3);
		if (i % 3 == 1)
			CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, &dns, AF_INET, "somewhere", 4711), 0);
		if (i % 3 == 2)
			CHECK_INT_EQ(bufferevent_replacefd(bev, -1), 0);
		bufferevent_free(bev);
	}
	stop();
	CHECK(open_fds() < fds);
}

static void
each_is_told_once_by_the_loop(void)
{
	each_is_told_once_by_the_strand(0);
}

static void
each_is_told_once_by_the_pool(void)
{
	each_is_told_once_by_the_strand(1);
}

static void
called_off_beside_the_loop(void)
{
	called_off_by_another_thread(0);
}

static void
called_off_beside_the_pool(void)
{
	called_off_by_another_thread(1);
}

static const struct evrt_test_case cases[] = {
	{ "each_is_told_once_by_the_loop", each_is_told_once_by_the_loop },
	{ "each_is_told_once_by_the_pool", each_is_told_once_by_the_pool },
	{ "called_off_beside_the_loop", called_off_beside_the_loop },
	{ "called_off_beside_the_pool", called_off_beside_the_pool },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
