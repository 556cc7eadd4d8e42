/* testing/stress/connections_test.c — connections opened, used, closed, freed and posted to, all at random.
 *
 * Here:     a server of 4 workers on the pooled base; client threads that hold 200 connections between them;
 *           meddling threads that post to the connections' strands, write to them, or have them freed; and a
 *           stop in the middle of it all.
 * Checked:  every request is answered exactly once and in order, or its connection is closed; callbacks of one
 *           connection never overlap; the pool stops; nothing is left (descriptors here, memory under asan).
 *
 * settings.h says what the environment may set.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <evrt/pool.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/rand.h"
#include "base/shake.h"
#include "testing/harness/test.h"
#include "testing/stress/settings.h"

#define DURATION_S 30
#define WORKERS 4
#define CLIENTS 4
#define CONNECTIONS_PER_CLIENT 50
#define MEDDLERS 2
#define OUTSTANDING_MAX 8
#define PLACES 512

/* ---- The server's side. */

struct conn {
	struct bufferevent *bev;     /* in the strand; NULL: freed */
	struct evrt_strand *strand;  /* referenced */
	evrt_atomic(int) inside;     /* callbacks of this connection that are running */
	unsigned refs;               /* guarded by table_lock: the table's, and one per meddling post */
	int place;                   /* in the table, or -1; guarded by table_lock */
};

static struct evrt_pool *pool;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct conn *table[PLACES];
static evrt_atomic(bool) stopping;
static evrt_atomic(long) answered, opened, meddled;

static void
conn_unref(struct conn *c)
{
	pthread_mutex_lock(&table_lock);
	bool last = --c->refs == 0;
	pthread_mutex_unlock(&table_lock);
	if (!last)
		return;
	evrt_strand_free(c->strand);
	free(c);
}

/* In the connection's strand, or when no worker runs. */
static void
conn_close(struct conn *c)
{
	if (!c->bev)
		return;
	bufferevent_free(c->bev);
	c->bev = NULL;
	pthread_mutex_lock(&table_lock);
	if (c->place >= 0)
		table[c->place] = NULL;
	c->place = -1;
	pthread_mutex_unlock(&table_lock);
	conn_unref(c);
}

static void enter(struct conn *c) { CHECK_INT_EQ(evrt_add_acq_rel(&c->inside, 1), 0); }
static void leave(struct conn *c) { evrt_sub_acq_rel(&c->inside, 1); }

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	uint64_t request;

	enter(c);
	while (evbuffer_get_length(bufferevent_get_input(bev)) >= sizeof(request)) {
		bufferevent_read(bev, &request, sizeof(request));
		bufferevent_write(bev, &request, sizeof(request));
	}
	leave(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	enter(c);
	leave(c);
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		conn_close(c);
}

static bool
table_put(struct conn *c)
{
	pthread_mutex_lock(&table_lock);
	for (int i = 0; i < PLACES && c->place < 0; i++) {
		if (!table[i]) {
			table[i] = c;
			c->place = i;
		}
	}
	pthread_mutex_unlock(&table_lock);
	return c->place >= 0;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct timeval idle = { 20, 0 };
	struct conn *c = calloc(1, sizeof(*c));

	(void)addr;
	(void)len;
	(void)arg;
	CHECK(c != NULL && evrt_strand_current() != NULL);
	c->strand = evrt_strand_ref(evrt_strand_current());
	c->place = -1;
	c->refs = 1;
	c->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
	    BEV_OPT_CLOSE_ON_FREE | (fd % 2 ? BEV_OPT_THREADSAFE : 0) | (fd % 3 ? 0 : BEV_OPT_DEFER_CALLBACKS));
	CHECK(c->bev != NULL);
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_set_timeouts(c->bev, &idle, &idle);
	if (!table_put(c)) {
		conn_close(c);
		return;
	}
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	evrt_add_relaxed(&opened, 1L);
}

/* ---- Meddling: what foreign threads do to connections, through their strands. */

static void
meddle_look(void *arg)
{
	struct conn *c = arg;

	enter(c);
	leave(c);
	conn_unref(c);
}

static void
meddle_pause_reading(void *arg)
{
	struct conn *c = arg;

	if (c->bev) {
		bufferevent_disable(c->bev, EV_READ);
		bufferevent_enable(c->bev, EV_READ);
	}
	conn_unref(c);
}

static void
meddle_close(void *arg)
{
	conn_close(arg);
	conn_unref(arg);
}

static struct conn *
table_pick(struct evrt_rand *rand)
{
	pthread_mutex_lock(&table_lock);
	struct conn *c = table[evrt__rand_below(rand, PLACES)];
	if (c)
		c->refs++;
	pthread_mutex_unlock(&table_lock);
	return c;
}

static void *
meddler(void *arg)
{
	static void (*const tricks[])(void *) = { meddle_look, meddle_look, meddle_pause_reading, meddle_close };
	struct timespec pause = { 0, 200000 };
	struct evrt_rand rand;

	evrt__rand_init(&rand, evrt_test_seed() + 1000 + (uintptr_t)arg);
	EVRT_SHAKE_THREAD(1000 + (unsigned)(uintptr_t)arg);
	while (!evrt_load_acquire(&stopping)) {
		struct conn *c = table_pick(&rand);
		if (!c)
			continue;
		/* A pause between tricks: connections should live long enough to be used. */
		unsigned trick = evrt__rand_below(&rand, 200);
		if (evrt_strand_post(c->strand, tricks[trick < 3 ? trick + 1 : 0], c) < 0)
			conn_unref(c);
		evrt_add_relaxed(&meddled, 1L);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* ---- The clients' side: blocking sockets under poll. */

struct client_conn {
	int fd;               /* -1: not connected */
	uint64_t sent, got;   /* requests are numbered */
};

static struct sockaddr_in server_addr;

static void
client_connect(struct client_conn *cc)
{
	cc->sent = cc->got = 0;
	cc->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(cc->fd >= 0);
	if (connect(cc->fd, (struct sockaddr *)&server_addr, sizeof(server_addr)) < 0) {
		close(cc->fd);
		cc->fd = -1;
	}
}

static void
client_drop(struct client_conn *cc, bool reset)
{
	struct linger hard = { 1, 0 };

	if (reset)
		setsockopt(cc->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(cc->fd);
	cc->fd = -1;
}

/* Takes an answer if one is there. Answers come exactly once and in order, or the connection is closed. */
static void
client_receive(struct client_conn *cc)
{
	uint64_t answer;
	ssize_t n = recv(cc->fd, &answer, sizeof(answer), MSG_WAITALL);

	if (n != (ssize_t)sizeof(answer)) {
		client_drop(cc, false);
		return;
	}
	CHECK_INT_EQ(answer, cc->got + 1);
	cc->got++;
	CHECK(cc->got <= cc->sent);
	evrt_add_relaxed(&answered, 1L);
}

static void
client_send(struct client_conn *cc)
{
	uint64_t request = cc->sent + 1;

	if (send(cc->fd, &request, sizeof(request), MSG_NOSIGNAL) == (ssize_t)sizeof(request))
		cc->sent++;
	else
		client_drop(cc, false);
}

static void
client_step(struct client_conn *cc, struct evrt_rand *rand)
{
	struct pollfd p = { .fd = cc->fd, .events = POLLIN };
	unsigned dice = evrt__rand_below(rand, 1000);

	if (cc->fd < 0)
		client_connect(cc);
	else if (dice < 3)
		client_drop(cc, dice == 0);
	else if (poll(&p, 1, 0) == 1)
		client_receive(cc);
	else if (cc->sent - cc->got < OUTSTANDING_MAX)
		client_send(cc);
}

static void *
client(void *arg)
{
	struct client_conn conns[CONNECTIONS_PER_CLIENT];
	struct evrt_rand rand;

	evrt__rand_init(&rand, evrt_test_seed() + (uintptr_t)arg);
	EVRT_SHAKE_THREAD(2000 + (unsigned)(uintptr_t)arg);
	for (int i = 0; i < CONNECTIONS_PER_CLIENT; i++)
		conns[i].fd = -1;
	while (!evrt_load_acquire(&stopping))
		client_step(&conns[evrt__rand_below(&rand, CONNECTIONS_PER_CLIENT)], &rand);
	for (int i = 0; i < CONNECTIONS_PER_CLIENT; i++)
		if (conns[i].fd >= 0)
			close(conns[i].fd);
	return NULL;
}

static struct evconnlistener *
listen_on(struct event_base *base)
{
	socklen_t len = sizeof(server_addr);

	server_addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct evconnlistener *listener = evconnlistener_new_bind(base, on_accept, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_THREADSAFE, -1, (struct sockaddr *)&server_addr,
	    sizeof(server_addr));
	CHECK(listener != NULL);
	getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&server_addr, &len);
	return listener;
}

static void
everything_at_random(void)
{
	struct evrt_pool_config config;
	pthread_t clients[CLIENTS], meddlers[MEDDLERS];

	evrt_pool_config_init(&config);
	config.workers = (unsigned)stress_number("EVRT_STRESS_WORKERS", WORKERS);
	CHECK((pool = evrt_pool_new(&config)) != NULL);
	struct evconnlistener *listener = listen_on(evrt_pool_as_base(pool));
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (uintptr_t i = 0; i < CLIENTS; i++)
		CHECK_INT_EQ(pthread_create(&clients[i], NULL, client, (void *)i), 0);
	for (uintptr_t i = 0; i < MEDDLERS; i++)
		CHECK_INT_EQ(pthread_create(&meddlers[i], NULL, meddler, (void *)i), 0);
	stress_sleep(DURATION_S);
	/* In the middle of it: clients still send, meddlers still post. */
	CHECK(evrt_pool_stop(pool, &(struct timeval){ 5, 0 }) >= 0);
	evrt_store_release(&stopping, true);
	/* A client may wait for the rest of an answer: closing our side lets it go. */
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evconnlistener_free(listener);
	for (int i = 0; i < PLACES; i++)
		if (table[i])
			conn_close(table[i]);
	/* Run once more, so that what was posted and freed meanwhile comes to its end. */
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	for (int i = 0; i < MEDDLERS; i++)
		pthread_join(meddlers[i], NULL);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	for (int i = 0; i < PLACES; i++)
		if (table[i])
			conn_close(table[i]);
	evrt_pool_free(pool);
	libevent_global_shutdown();
	CHECK(evrt_load_relaxed(&answered) > 100);
	CHECK(evrt_load_relaxed(&opened) > CLIENTS * CONNECTIONS_PER_CLIENT);
	CHECK(evrt_load_relaxed(&meddled) > 100);
}

static const struct evrt_test_case cases[] = {
	{ "everything_at_random", everything_at_random },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
