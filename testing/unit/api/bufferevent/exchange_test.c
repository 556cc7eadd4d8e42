/* testing/unit/api/bufferevent/exchange_test.c — bufferevents that write to each other at the same time.
 *
 * Here:     callbacks of two bufferevents that are both running when each of them uses the other bufferevent: on two
 *           loops, and on strands of a pool; and which calls wait for a callback that runs.
 * Not here: what lock debugging says of it (deadlock_test.c).
 * Threads:  one per loop, or a pool of eight workers; all meet at a barrier inside of their callbacks.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define SIDES 8
#define ROUNDS 200

struct side {
	struct event_base *base;
	struct bufferevent *bev;
	struct side *other;
	int peer;   /* the far end of the bufferevent's socket */
	int rounds; /* in its own callbacks only */
};
static struct side sides[SIDES];
static pthread_barrier_t meeting;
static struct evrt_test_count done;

/* Each round: a byte comes, all sides meet in their callbacks, and then each writes to the next one. */
static void
meet_and_write(struct bufferevent *bev, void *arg)
{
	struct side *side = arg;
	char c;

	while (bufferevent_read(bev, &c, 1) == 1) {
		if (side->rounds == ROUNDS)
			return;
		side->rounds++;
		pthread_barrier_wait(&meeting);
		CHECK_INT_EQ(bufferevent_write(side->other->bev, "x", 1), 0);
		CHECK_INT_EQ(bufferevent_enable(side->other->bev, EV_READ | EV_WRITE), 0);
		CHECK(evbuffer_get_length(bufferevent_get_output(side->other->bev)) <= 2);
		if (side->rounds == ROUNDS)
			evrt_test_count_add(&done, 1);
	}
}

static void
open_side(struct side *side, struct event_base *base, struct side *other)
{
	int fds[2];

	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[0]), 0);
	*side = (struct side){ .base = base, .other = other, .peer = fds[1] };
	side->bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
	CHECK(side->bev != NULL);
	bufferevent_setcb(side->bev, meet_and_write, NULL, NULL, side);
	CHECK_INT_EQ(bufferevent_enable(side->bev, EV_READ), 0);
}

/* What a bufferevent writes comes out at its peer; there it is sent back, so that the next round begins. */
static void *
reflect(void *arg)
{
	struct side *side = arg;
	char buf[16];
	ssize_t n;

	CHECK_INT_EQ(write(side->peer, "x", 1), 1);
	/* In the end the other side is gone, with bytes on their way. */
	while ((n = read(side->peer, buf, sizeof(buf))) > 0 && send(side->peer, buf, (size_t)n, MSG_NOSIGNAL) == n)
		;
	return NULL;
}

static void *
run_loop(void *base)
{
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
play(int n, void (*finish)(void))
{
	pthread_t peers[SIDES];

	CHECK_INT_EQ(pthread_barrier_init(&meeting, NULL, (unsigned)n), 0);
	for (int i = 0; i < n; i++)
		CHECK_INT_EQ(pthread_create(&peers[i], NULL, reflect, &sides[i]), 0);
	evrt_test_count_wait(&done, n);
	finish();
	for (int i = 0; i < n; i++) {
		shutdown(sides[i].peer, SHUT_RDWR);
		CHECK_INT_EQ(pthread_join(peers[i], NULL), 0);
		CHECK_INT_EQ(close(sides[i].peer), 0);
	}
	CHECK_INT_EQ(pthread_barrier_destroy(&meeting), 0);
}

static pthread_t loops[2];

static void
finish_loops(void)
{
	for (int i = 0; i < 2; i++) {
		event_base_loopbreak(sides[i].base);
		CHECK_INT_EQ(pthread_join(loops[i], NULL), 0);
		bufferevent_free(sides[i].bev);
		event_base_free(sides[i].base);
	}
}

static void
callbacks_of_two_loops_write_to_each_other(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	for (int i = 0; i < 2; i++)
		open_side(&sides[i], event_base_new(), &sides[!i]);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(pthread_create(&loops[i], NULL, run_loop, sides[i].base), 0);
	play(2, finish_loops);
}

static struct evrt_pool *pool;

static void
finish_pool(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	for (int i = 0; i < SIDES; i++)
		bufferevent_free(sides[i].bev);
	evrt_pool_free(pool);
}

/* All eight are in a callback at once: one per worker. */
static void
callbacks_of_eight_workers_write_in_a_ring(void)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = SIDES;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	for (unsigned i = 0; i < SIDES; i++)
		open_side(&sides[i], evrt_pool_get_base(pool, i), &sides[(i + 1) % SIDES]);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	play(SIDES, finish_pool);
}

/* ---- Who waits for a callback that runs. */

static struct evrt_test_gate inside, may_return;
static evrt_atomic(bool) returned;

static void
stay(struct bufferevent *bev, void *arg)
{
	(void)bev;
	(void)arg;
	evrt_test_gate_open(&inside);
	evrt_test_gate_wait(&may_return);
	evrt_store_release(&returned, true);
}

/* A case's call, in a thread of its own while the callback stays. */
static struct evrt_test_gate called;

static void *
call_setcb(void *bev)
{
	evrt_test_gate_open(&called);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	CHECK(evrt_load_acquire(&returned));
	return NULL;
}

static void *
call_lock(void *bev)
{
	evrt_test_gate_open(&called);
	bufferevent_lock(bev);
	CHECK(evrt_load_acquire(&returned));
	bufferevent_unlock(bev);
	return NULL;
}

static void *
call_free(void *bev)
{
	evrt_test_gate_open(&called);
	bufferevent_free(bev);
	CHECK(evrt_load_acquire(&returned));
	return NULL;
}

static void
while_a_callback_stays(void *(*fn)(void *), bool frees)
{
	pthread_t loop, t;

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	open_side(&sides[0], event_base_new(), NULL);
	bufferevent_setcb(sides[0].bev, stay, NULL, NULL, NULL);
	CHECK_INT_EQ(pthread_create(&loop, NULL, run_loop, sides[0].base), 0);
	CHECK_INT_EQ(write(sides[0].peer, "x", 1), 1);
	evrt_test_gate_wait(&inside);
	CHECK_INT_EQ(pthread_create(&t, NULL, fn, sides[0].bev), 0);
	evrt_test_gate_wait(&called);
	/* These do not wait: the callback could not return otherwise. */
	if (!frees) {
		CHECK_INT_EQ(bufferevent_write(sides[0].bev, "y", 1), 0);
		CHECK_INT_EQ(bufferevent_disable(sides[0].bev, EV_READ), 0);
		bufferevent_setwatermark(sides[0].bev, EV_READ, 1, 0);
	}
	evrt_test_gate_open(&may_return);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
	event_base_loopbreak(sides[0].base);
	CHECK_INT_EQ(pthread_join(loop, NULL), 0);
	if (!frees)
		bufferevent_free(sides[0].bev);
	event_base_free(sides[0].base);
	CHECK_INT_EQ(close(sides[0].peer), 0);
}

static void setcb_waits_for_the_callback(void) { while_a_callback_stays(call_setcb, false); }
static void lock_waits_for_the_callback(void) { while_a_callback_stays(call_lock, false); }
static void free_waits_for_the_callback(void) { while_a_callback_stays(call_free, true); }

static const struct evrt_test_case cases[] = {
	{"callbacks_of_two_loops_write_to_each_other", callbacks_of_two_loops_write_to_each_other},
	{"callbacks_of_eight_workers_write_in_a_ring", callbacks_of_eight_workers_write_in_a_ring},
	{"setcb_waits_for_the_callback", setcb_waits_for_the_callback},
	{"lock_waits_for_the_callback", lock_waits_for_the_callback},
	{"free_waits_for_the_callback", free_waits_for_the_callback},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
