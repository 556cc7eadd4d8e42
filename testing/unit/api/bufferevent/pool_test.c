/* testing/unit/api/bufferevent/pool_test.c — bufferevents on a pooled base.
 *
 * Here:     the strand they live in, use from outside of it, freeing while other workers are busy.
 * Not here: accepting (testing/unit/api/listener/pool_test.c).
 * Threads:  a pool of three workers, and the test.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/unit/pool/serving_pool.h"

static struct evrt_test_count done;

static void
pair_of(int fds[2])
{
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
}

static void
read_fully(int fd, char *buf, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = read(fd, buf + got, len - got);
		CHECK(n > 0);
		got += (size_t)n;
	}
}

/* One connection's state, touched only by its callbacks: ThreadSanitizer sees to it that they never overlap. */
struct connection {
	struct bufferevent *bev;
	struct evrt_strand *strand;
	int fds[2];
	long bytes;
	long reads;
};

static void
echo(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;
	struct evrt_strand *here = evrt_strand_current();

	CHECK(here != NULL);
	CHECK_PTR_EQ(c->strand, here);
	c->reads++;
	c->bytes += (long)evbuffer_get_length(bufferevent_get_input(bev));
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
count_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;

	CHECK(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT));
	c->reads++;
	bufferevent_free(bev);
	evrt_test_count_add(&done, 1);
}

static void
open_connection(struct connection *c, int options)
{
	memset(c, 0, sizeof(*c));
	pair_of(c->fds);
	c->bev = bufferevent_socket_new(base, c->fds[0], BEV_OPT_CLOSE_ON_FREE | options);
	CHECK(c->bev != NULL);
	bufferevent_setcb(c->bev, echo, NULL, count_event, c);
}

static struct evrt_test_count opened;
static int open_options;

/* Posted: makes it in a strand of its own, where no lock is needed. */
static void
open_inside(void *arg)
{
	struct connection *c = arg;

	open_connection(c, open_options);
	c->strand = evrt_strand_current();
	CHECK_INT_EQ(bufferevent_enable(c->bev, EV_READ), 0);
	evrt_test_count_add(&opened, 1);
}

#define CONNECTIONS 24
#define ROUNDS 200

static void
many_connections_echo_in_their_strands(void)
{
	static struct connection conns[CONNECTIONS];
	char out[64], in[64];
	start_pool(3);
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		open_options = options;
		for (int i = 0; i < CONNECTIONS; i++)
			CHECK_INT_EQ(evrt_pool_post(pool, open_inside, &conns[i]), 0);
		evrt_test_count_wait(&opened, CONNECTIONS * (options ? 2 : 1));
		for (int round = 0; round < ROUNDS; round++) {
			for (int i = 0; i < CONNECTIONS; i++) {
				memset(out, 'a' + (i + round) % 26, sizeof(out));
				CHECK_INT_EQ(write(conns[i].fds[1], out, sizeof(out)), sizeof(out));
			}
			for (int i = 0; i < CONNECTIONS; i++) {
				memset(out, 'a' + (i + round) % 26, sizeof(out));
				read_fully(conns[i].fds[1], in, sizeof(in));
				CHECK_MEM_EQ(in, out, sizeof(in));
			}
		}
		for (int i = 0; i < CONNECTIONS; i++)
			shutdown(conns[i].fds[1], SHUT_WR);
		evrt_test_count_wait(&done, CONNECTIONS * (options ? 2 : 1));
		for (int i = 0; i < CONNECTIONS; i++) {
			CHECK_INT_EQ(conns[i].bytes, ROUNDS * (long)sizeof(out));
			close(conns[i].fds[1]);
		}
	}
	stop_pool();
}

static struct evrt_test_count triggered;

static void
note_trigger(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	CHECK(evrt_strand_current() != NULL);
	c->reads++;
	evrt_test_count_add(&triggered, 1);
}

static void
what_is_triggered_outside_runs_inside(void)
{
	static struct connection c;
	start_pool(3);
	open_connection(&c, BEV_OPT_THREADSAFE);
	bufferevent_setcb(c.bev, note_trigger, NULL, NULL, &c);
	for (int i = 1; i <= 50; i++) {
		bufferevent_trigger(c.bev, EV_READ, 0);
		evrt_test_count_wait(&triggered, i);
	}
	CHECK_INT_EQ(c.reads, 50);
	bufferevent_free(c.bev);
	close(c.fds[1]);
	stop_pool();
}

static void
count_input(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);

	(void)arg;
	evbuffer_drain(input, evbuffer_get_length(input));
	evrt_test_count_add(&triggered, 1);
}

static void
freed_from_outside_at_any_time(void)
{
	static struct connection conns[4];
	start_pool(3);
	for (int round = 0; round < 500; round++) {
		int options = BEV_OPT_THREADSAFE | (round % 2 ? BEV_OPT_DEFER_CALLBACKS : 0);
		for (int i = 0; i < 4; i++) {
			open_connection(&conns[i], options);
			bufferevent_setcb(conns[i].bev, count_input, count_input, NULL, NULL);
			CHECK_INT_EQ(write(conns[i].fds[1], "xyz", 3), 3);
			bufferevent_enable(conns[i].bev, EV_READ | EV_WRITE);
			bufferevent_write(conns[i].bev, "abc", 3);
		}
		for (int i = 0; i < 4; i++) {
			bufferevent_free(conns[i].bev);
			close(conns[i].fds[1]);
		}
	}
	stop_pool();
}

static void
a_read_timeout_is_told_in_the_strand(void)
{
	static struct connection c;
	struct timeval tv = { 0, 30000 };
	start_pool(3);
	open_connection(&c, BEV_OPT_THREADSAFE);
	bufferevent_set_timeouts(c.bev, &tv, NULL);
	bufferevent_enable(c.bev, EV_READ);
	evrt_test_count_wait(&done, 1);
	CHECK_INT_EQ(c.reads, 1);
	close(c.fds[1]);
	stop_pool();
}

static void
freed_and_then_the_pool_is_freed(void)
{
	static struct connection c;
	struct evrt_pool_config config;
	evrt_pool_config_init(&config);
	config.workers = 2;
	pool = evrt_pool_new(&config);
	base = evrt_pool_as_base(pool);
	open_connection(&c, BEV_OPT_DEFER_CALLBACKS);
	bufferevent_enable(c.bev, EV_READ);
	bufferevent_trigger(c.bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
	bufferevent_free(c.bev);
	/* No worker ever ran: what was queued is let go of here. */
	evrt_pool_free(pool);
	CHECK_INT_EQ(c.reads, 0);
	CHECK_INT_EQ(fcntl(c.fds[0], F_GETFD), -1);
	close(c.fds[1]);
}

static void
nobody_is_called_while_the_pool_is_freed(void)
{
	static struct connection c;
	static struct bufferevent *volatile left; /* can no more be freed: so it is in libevent */
	struct evrt_pool_config config;
	evrt_pool_config_init(&config);
	config.workers = 2;
	pool = evrt_pool_new(&config);
	base = evrt_pool_as_base(pool);
	open_connection(&c, BEV_OPT_DEFER_CALLBACKS);
	left = c.bev;
	bufferevent_trigger(left, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
	evrt_pool_free(pool);
	CHECK_INT_EQ(c.reads, 0);
	close(c.fds[0]);
	close(c.fds[1]);
}

static void
echo_pinned(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	CHECK_INT_EQ(evrt_worker_current(), 1);
	c->reads++;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
on_a_pinned_base_too(void)
{
	static struct connection c;
	char buf[4];
	start_pool(3);
	base = evrt_pool_get_base(pool, 1);
	open_connection(&c, BEV_OPT_THREADSAFE);
	bufferevent_setcb(c.bev, echo_pinned, NULL, count_event, &c);
	bufferevent_enable(c.bev, EV_READ);
	CHECK_INT_EQ(write(c.fds[1], "ping", 4), 4);
	read_fully(c.fds[1], buf, 4);
	CHECK_MEM_EQ(buf, "ping", 4);
	shutdown(c.fds[1], SHUT_WR);
	evrt_test_count_wait(&done, 1);
	close(c.fds[1]);
	stop_pool();
}

static const struct evrt_test_case cases[] = {
	{ "many_connections_echo_in_their_strands", many_connections_echo_in_their_strands },
	{ "what_is_triggered_outside_runs_inside", what_is_triggered_outside_runs_inside },
	{ "freed_from_outside_at_any_time", freed_from_outside_at_any_time },
	{ "a_read_timeout_is_told_in_the_strand", a_read_timeout_is_told_in_the_strand },
	{ "freed_and_then_the_pool_is_freed", freed_and_then_the_pool_is_freed },
	{ "nobody_is_called_while_the_pool_is_freed", nobody_is_called_while_the_pool_is_freed },
	{ "on_a_pinned_base_too", on_a_pinned_base_too },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
