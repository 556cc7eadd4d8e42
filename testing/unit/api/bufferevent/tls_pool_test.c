/* testing/unit/api/bufferevent/tls_pool_test.c — TLS bufferevents on a pool, used from other threads.
 *
 * Here:     many connections, each of whose ends is a strand of its own, over sockets and as filters; threads that
 *           write, disable, enable and free. ThreadSanitizer sees to the rest.
 * Threads:  a pool of three workers, and four of the test.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/tls/certs.h"

enum { CONNECTIONS = 16, THREADS = 4, ROUNDS = 200, PIECE = 700 };

static struct evrt_pool *pool;
static struct event_base *base;
static SSL_CTX *client_context, *server_context;
static struct evrt_test_count echoed;  /* bytes that came back */
static struct evrt_test_count broken;  /* connections that failed or ended */

struct connection {
	struct bufferevent *client, *server;
	size_t received; /* by the client; touched in its callbacks only */
};
static struct connection all[CONNECTIONS];

static void
echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	CHECK_INT_EQ(bufferevent_write_buffer(bev, bufferevent_get_input(bev)), 0);
}

static void
take(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;
	char bytes[4096];
	size_t n;

	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0) {
		for (size_t i = 0; i < n; i++)
			CHECK_INT_EQ(bytes[i], 'x');
		c->received += n;
		evrt_test_count_add(&echoed, (long)n);
	}
}

static void
tell(struct bufferevent *bev, short what, void *arg)
{
	(void)bev, (void)arg;
	if (what & (BEV_EVENT_ERROR | BEV_EVENT_EOF))
		evrt_test_count_add(&broken, 1);
}

static struct bufferevent *
make(int fd, SSL_CTX *context, enum bufferevent_ssl_state state, int filter, bufferevent_data_cb readcb, void *arg)
{
	int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE;
	struct bufferevent *bev = filter
	    ? bufferevent_openssl_filter_new(base, bufferevent_socket_new(base, fd, options), SSL_new(context), state,
	          options)
	    : bufferevent_openssl_socket_new(base, fd, SSL_new(context), state, options);

	CHECK(bev != NULL);
	bufferevent_setcb(bev, readcb, NULL, tell, arg);
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
	return bev;
}

static void
start(void)
{
	struct evrt_pool_config config;

	signal(SIGPIPE, SIG_IGN);
	evrt_pool_config_init(&config);
	config.workers = 3;
	config.wake_queue_strands = 1;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	client_context = evrt_test_tls_client(0);
	server_context = evrt_test_tls_server(0);
	for (int i = 0; i < CONNECTIONS; i++) {
		int fds[2];
		CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
		all[i].client = make(fds[0], client_context, BUFFEREVENT_SSL_CONNECTING, i % 2, take, &all[i]);
		all[i].server = make(fds[1], server_context, BUFFEREVENT_SSL_ACCEPTING, i / 2 % 2, echo, &all[i]);
	}
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static void
stop(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	SSL_CTX_free(client_context);
	SSL_CTX_free(server_context);
	evrt_test_certs_free();
}

static void *
disturb(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;
	char bytes[PIECE];

	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < ROUNDS; i++) {
		struct bufferevent *bev = all[(unsigned)rand_r(&seed) % CONNECTIONS].client;
		CHECK_INT_EQ(bufferevent_write(bev, bytes, sizeof(bytes)), 0);
		bev = all[(unsigned)rand_r(&seed) % CONNECTIONS].server;
		bufferevent_disable(bev, rand_r(&seed) % 2 ? EV_READ : EV_WRITE);
		CHECK(bufferevent_ssl_get_flags(bev) != EV_UINT64_MAX);
		CHECK_INT_EQ(bufferevent_get_openssl_error(bev), 0);
		CHECK_INT_EQ(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
	}
	return NULL;
}

static void
run_threads(void *(*function)(void *))
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, function, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void
every_byte_comes_back(void)
{
	start();
	run_threads(disturb);
	evrt_test_count_wait(&echoed, (long)THREADS * ROUNDS * PIECE);
	CHECK_INT_EQ(evrt_test_count_get(&broken), 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		bufferevent_free(all[i].client);
		bufferevent_free(all[i].server);
	}
	stop();
}

static void *
free_some(void *arg)
{
	for (size_t i = (size_t)arg - 1; i < CONNECTIONS; i += THREADS) {
		char bytes[PIECE] = "";
		memset(bytes, 'x', sizeof(bytes));
		bufferevent_write(all[i].client, bytes, sizeof(bytes));
		bufferevent_free(i % 2 ? all[i].client : all[i].server);
	}
	return NULL;
}

/* During the handshakes, or while data is under way: the other end is told in any case. */
static void
one_end_is_freed_at_any_time(void)
{
	start();
	run_threads(free_some);
	evrt_test_count_wait(&broken, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++)
		bufferevent_free(i % 2 ? all[i].server : all[i].client);
	stop();
}

static const struct evrt_test_case cases[] = {
	{ "every_byte_comes_back", every_byte_comes_back },
	{ "one_end_is_freed_at_any_time", one_end_is_freed_at_any_time },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
