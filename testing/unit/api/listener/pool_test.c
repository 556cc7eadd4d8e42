/* testing/unit/api/listener/pool_test.c — listeners on a pooled base.
 *
 * Here:     each connection begins a strand of its own; freeing and disabling while connections are on their way.
 * Threads:  a pool of three workers, and the test.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define CONNECTIONS 40
#define WORKERS 3

static struct evrt_pool *pool;
static struct event_base *base;
static struct evrt_test_count accepted, ended;
static struct sockaddr_in address;

static void
make_pool_of_sets(int starts, unsigned workers_per_set)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = WORKERS;
	config.workers_per_set = workers_per_set;
	config.wake_queue_strands = 1;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	if (starts)
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static void
make_pool(int starts)
{
	make_pool_of_sets(starts, WORKERS);
}

static struct evconnlistener *
listen_here(evconnlistener_cb cb)
{
	socklen_t len = sizeof(address);

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	struct evconnlistener *lev = evconnlistener_new_bind(base, cb, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&address, sizeof(address));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&address, &len), 0);
	return lev;
}

static int
connect_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* State of one connection, guarded by its strand alone. */
struct connection {
	struct evrt_strand *strand;
	long bytes;
	struct event *tick;
};

static void
echo(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	CHECK_PTR_EQ(evrt_strand_current(), c->strand);
	c->bytes += (long)evbuffer_get_length(bufferevent_get_input(bev));
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
end(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;

	(void)what;
	CHECK_PTR_EQ(evrt_strand_current(), c->strand);
	bufferevent_free(bev);
	event_free(c->tick);
	free(c);
	evrt_test_count_add(&ended, 1);
}

static void
tick(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	CHECK_PTR_EQ(evrt_strand_current(), c->strand);
	c->bytes += 0;
}

static void
serve(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct timeval often = { 0, 1000 };

	(void)arg;
	CHECK_INT_EQ(addr->sa_family, AF_INET);
	CHECK_INT_EQ(len, sizeof(struct sockaddr_in));
	c->strand = evrt_strand_current();
	CHECK(c->strand != NULL);
	struct bufferevent *bev =
	    bufferevent_socket_new(evconnlistener_get_base(lev), fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, echo, NULL, end, c);
	c->tick = event_new(evconnlistener_get_base(lev), -1, EV_PERSIST, tick, c);
	event_add(c->tick, &often);
	bufferevent_enable(bev, EV_READ);
	evrt_test_count_add(&accepted, 1);
}

static void
an_echo_server_on_all_workers(void)
{
	int fds[CONNECTIONS];
	char out[512], in[512];
	make_pool(1);
	struct evconnlistener *lev = listen_here(serve);
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = connect_here();
	for (int round = 0; round < 50; round++) {
		memset(out, 'a' + round % 26, sizeof(out));
		for (int i = 0; i < CONNECTIONS; i++)
			CHECK_INT_EQ(write(fds[i], out, sizeof(out)), sizeof(out));
		for (int i = 0; i < CONNECTIONS; i++) {
			for (size_t got = 0; got < sizeof(in);) {
				ssize_t n = read(fds[i], in + got, sizeof(in) - got);
				CHECK(n > 0);
				got += (size_t)n;
			}
			CHECK_MEM_EQ(in, out, sizeof(in));
		}
	}
	CHECK_INT_EQ(evrt_test_count_get(&accepted), CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	evrt_test_count_wait(&ended, CONNECTIONS);
	evconnlistener_free(lev);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static evrt_atomic(struct evrt_strand *) strands[CONNECTIONS];
static evrt_atomic(int) strands_seen;

static void
note_strand(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	(void)arg;
	/* Held, so that no other may get its memory. */
	evrt_store_relaxed(&strands[evrt_add_acq_rel(&strands_seen, 1)], evrt_strand_ref(evrt_strand_current()));
	close(fd);
	evrt_test_count_add(&accepted, 1);
}

static void
each_connection_has_a_strand_of_its_own(void)
{
	make_pool(1);
	struct evconnlistener *lev = listen_here(note_strand);
	for (int i = 0; i < CONNECTIONS; i++)
		close(connect_here());
	evrt_test_count_wait(&accepted, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++)
		for (int j = 0; j < i; j++)
			CHECK(evrt_load_relaxed(&strands[i]) != evrt_load_relaxed(&strands[j]));
	for (int i = 0; i < CONNECTIONS; i++)
		evrt_strand_free(evrt_load_relaxed(&strands[i]));
	evconnlistener_free(lev);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static void
close_it(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	CHECK(arg == NULL); /* "freed" would be seen here */
	close(fd);
	evrt_test_count_add(&accepted, 1);
}

/* The allocation after a connection was accepted fails: what would carry it to its strand. */
static int
accept4_and_no_memory(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int made = accept4(fd, sa, len, flags);

	if (made >= 0)
		evrt_test_fail_alloc(1);
	return made;
}

static void
what_is_accepted_is_served_without_memory(void)
{
	int fds[CONNECTIONS];
	evrt_test_fail_alloc(0);
	evrt__sys.accept4 = accept4_and_no_memory;
	make_pool(0);
	struct evconnlistener *lev = listen_here(close_it);
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = connect_here();
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&accepted, CONNECTIONS);
	CHECK(evrt_test_alloc_has_failed());
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	evconnlistener_free(lev);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static evrt_atomic(int) served_by[WORKERS];

static void
note_worker(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	(void)arg;
	int worker = evrt_worker_current();
	/* Held, as by a connection that lasts: the next one is not to be dealt to where this one is at home. */
	evrt_store_relaxed(&strands[evrt_add_acq_rel(&strands_seen, 1)], evrt_strand_ref(evrt_strand_current()));
	CHECK(worker >= 0 && worker < WORKERS);
	evrt_add_relaxed(&served_by[worker], 1);
	close(fd);
	evrt_test_count_add(&accepted, 1);
}

/* Who serves one is the moment's choice: an idle worker takes what waits elsewhere. Where it is at home is not. */
static void
connections_are_dealt_over_the_workers(void)
{
	struct evrt_worker_stats stats;
	int fds[CONNECTIONS], served = 0;
	uint64_t dealt = 0;
	make_pool_of_sets(0, 1);
	struct evconnlistener *lev = listen_here(note_worker);
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = connect_here();
	CHECK_INT_EQ(evrt_pool_start(pool), 0); /* one turn accepts all of them */
	evrt_test_count_wait(&accepted, CONNECTIONS);
	for (unsigned i = 0; i < WORKERS; i++) {
		CHECK_INT_EQ(evrt_pool_stats(pool, i, &stats), 0);
		CHECK(stats.connections > CONNECTIONS / WORKERS / 2);
		dealt += stats.connections;
		served += evrt_load_relaxed(&served_by[i]);
	}
	CHECK_INT_EQ(dealt, CONNECTIONS);
	CHECK_INT_EQ(served, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++) {
		close(fds[i]);
		evrt_strand_free(evrt_load_relaxed(&strands[i]));
	}
	evconnlistener_free(lev);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static struct evrt_test_count inside;

/* Returns only when every worker is in here. */
static void
meet(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	(void)arg;
	close(fd);
	evrt_test_count_add(&inside, 1);
	evrt_test_count_wait(&inside, WORKERS);
}

static void
connections_are_served_at_the_same_time(void)
{
	int fds[WORKERS];
	make_pool(0);
	struct evconnlistener *lev = listen_here(meet);
	/* Before the pool runs: one turn accepts all, before any callback holds up the listener's worker. */
	for (int i = 0; i < WORKERS; i++)
		fds[i] = connect_here();
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&inside, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		close(fds[i]);
	evconnlistener_free(lev);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static void
freed_while_connections_are_on_their_way(void)
{
	int fds[8];
	make_pool(1);
	for (int round = 0; round < 100; round++) {
		long before = evrt_test_count_get(&accepted);
		struct evconnlistener *lev = listen_here(close_it);
		for (int i = 0; i < 8; i++)
			fds[i] = connect_here();
		/* Sometimes after a few, sometimes before any. */
		evrt_test_count_wait(&accepted, before + round % 4);
		evconnlistener_free(lev);
		for (int i = 0; i < 8; i++)
			close(fds[i]);
	}
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static struct evconnlistener *self_freeing;

static void
free_it(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)addr;
	(void)len;
	(void)arg;
	CHECK_PTR_EQ(lev, self_freeing);
	close(fd);
	evconnlistener_free(lev);
	evrt_test_count_add(&accepted, 1);
}

static void
free_in_the_callback(void)
{
	int fd;
	make_pool(0);
	self_freeing = listen_here(free_it);
	fd = connect_here();
	/* Dispatch ends by itself: nothing is left. */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_test_count_get(&accepted), 1);
	close(fd);
	event_base_free(base);
}

static void
break_out(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	close_it(lev, fd, addr, len, arg);
	event_base_loopbreak(base);
}

/* A pool of one worker that has stopped in the middle: one connection was handed over, four were accepted and
 * wait in their strands. */
static struct evconnlistener *
stop_in_the_middle(int fds[5])
{
	base = evrt_base_new(1);
	CHECK(base != NULL);
	struct evconnlistener *lev = listen_here(break_out);
	for (int i = 0; i < 5; i++)
		fds[i] = connect_here();
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_INT_EQ(evrt_test_count_get(&accepted), 1);
	return lev;
}

static void
check_closed(int fds[5])
{
	char c;

	CHECK_INT_EQ(evrt_test_count_get(&accepted), 1);
	for (int i = 0; i < 5; i++) {
		CHECK(read(fds[i], &c, 1) <= 0);
		close(fds[i]);
	}
}

static void
a_freed_listener_delivers_nothing(void)
{
	int fds[5];
	evconnlistener_free(stop_in_the_middle(fds));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_closed(fds);
	event_base_free(base);
}

static void
undelivered_connections_are_closed_with_the_pool(void)
{
	int fds[5];
	evconnlistener_free(stop_in_the_middle(fds));
	event_base_free(base);
	check_closed(fds);
}

static int reserve_fd;

static int
noting_eventfd(unsigned value, int flags)
{
	reserve_fd = eventfd(value, flags); /* the last one is the listener's */
	return reserve_fd;
}

static void
nobody_is_called_while_the_pool_is_freed(void)
{
	static struct evconnlistener *volatile left; /* can no more be freed: so it is in libevent */
	int fds[5];
	evrt__sys.eventfd = noting_eventfd;
	left = stop_in_the_middle(fds);
	int listening = evconnlistener_get_fd(left);
	event_base_free(base);
	close(listening);
	close(reserve_fd);
	check_closed(fds);
}

static void
switch_while_accepting(void)
{
	int fds[30];
	make_pool(1);
	struct evconnlistener *lev = listen_here(close_it);
	for (int i = 0; i < 30; i++) {
		fds[i] = connect_here();
		CHECK_INT_EQ(evconnlistener_disable(lev), 0);
		CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	}
	evrt_test_count_wait(&accepted, 30);
	evconnlistener_free(lev);
	for (int i = 0; i < 30; i++)
		close(fds[i]);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static const struct evrt_test_case cases[] = {
	{ "an_echo_server_on_all_workers", an_echo_server_on_all_workers },
	{ "each_connection_has_a_strand_of_its_own", each_connection_has_a_strand_of_its_own },
	{ "what_is_accepted_is_served_without_memory", what_is_accepted_is_served_without_memory },
	{ "connections_are_dealt_over_the_workers", connections_are_dealt_over_the_workers },
	{ "connections_are_served_at_the_same_time", connections_are_served_at_the_same_time },
	{ "freed_while_connections_are_on_their_way", freed_while_connections_are_on_their_way },
	{ "free_in_the_callback", free_in_the_callback },
	{ "a_freed_listener_delivers_nothing", a_freed_listener_delivers_nothing },
	{ "nobody_is_called_while_the_pool_is_freed", nobody_is_called_while_the_pool_is_freed },
	{ "undelivered_connections_are_closed_with_the_pool", undelivered_connections_are_closed_with_the_pool },
	{ "switch_while_accepting", switch_while_accepting },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
