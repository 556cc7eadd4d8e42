/* testing/contract/libevent/bufferevent_threads_test.c — bufferevents with BEV_OPT_THREADSAFE, and two threads.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <event2/listener.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <pthread.h>

#include "testing/harness/wait.h"

#define ROUNDS 2000

static struct bufferevent *
open_shared(int options)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	return open_bev(BEV_OPT_THREADSAFE | options);
}

static void *
loop_thread(void *arg)
{
	(void)arg;
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static pthread_t
start_loop(void)
{
	pthread_t t;

	CHECK_INT_EQ(pthread_create(&t, NULL, loop_thread, NULL), 0);
	return t;
}

static void
stop_loop(pthread_t t)
{
	struct timeval now = { 0, 0 };

	event_base_loopexit(base, &now);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
}

static void
writes_from_another_thread_arrive(void)
{
	struct bufferevent *bev = open_shared(0);
	pthread_t t = start_loop();
	size_t got = 0;
	char buf[256];
	evutil_socket_t peer = fds[1];
	CHECK_INT_EQ(fcntl(peer, F_SETFL, 0), 0);
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_INT_EQ(bufferevent_write(bev, "0123456789", 10), 0);
		ssize_t n = read(peer, buf, 10);
		CHECK(n > 0);
		got += (size_t)n;
	}
	while (got < ROUNDS * 10) {
		ssize_t n = read(peer, buf, sizeof(buf));
		CHECK(n > 0);
		got += (size_t)n;
	}
	stop_loop(t);
	close_bev(bev);
}

static struct evrt_test_count bytes_in;

static void
count_in(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(input);

	(void)arg;
	evbuffer_drain(input, n);
	evrt_test_count_add(&bytes_in, (long)n);
}

static void
reading_is_switched_while_bytes_come(void)
{
	struct bufferevent *bev = open_shared(0);
	pthread_t t = start_loop();
	CHECK_INT_EQ(fcntl(fds[1], F_SETFL, 0), 0);
	bufferevent_setcb(bev, count_in, NULL, NULL, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_INT_EQ(write(fds[1], "abc", 3), 3);
		bufferevent_enable(bev, EV_READ);
		bufferevent_setwatermark(bev, EV_READ, 0, (size_t)(i % 3) * 2);
		if (i % 50 == 49) /* before the socket is full */
			evrt_test_count_wait(&bytes_in, (i + 1) * 3);
		bufferevent_disable(bev, EV_READ);
	}
	CHECK_INT_EQ(evrt_test_count_get(&bytes_in), ROUNDS * 3);
	stop_loop(t);
	close_bev(bev);
}

static struct evrt_test_count in_callback;

static void
tell_and_read(struct bufferevent *bev, void *arg)
{
	char buf[64];

	(void)arg;
	while (bufferevent_read(bev, buf, sizeof(buf)) == sizeof(buf))
		;
	evrt_test_count_add(&in_callback, 1);
}

static void
freed_by_another_thread_at_any_time(void)
{
	struct bufferevent *first = open_shared(0);
	pthread_t t = start_loop();
	for (int i = 0; i < 500; i++) {
		int pair[2];
		int options = i % 2 ? BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS : 0;
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		evutil_make_socket_nonblocking(pair[0]);
		struct bufferevent *bev =
		    bufferevent_socket_new(base, pair[0], BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE | options);
		CHECK(bev != NULL);
		long seen = evrt_test_count_get(&in_callback);
		bufferevent_setcb(bev, tell_and_read, NULL, NULL, NULL);
		bufferevent_enable(bev, EV_READ);
		CHECK_INT_EQ(write(pair[1], "xyz", 3), 3);
		bufferevent_write(bev, "abc", 3);
		/* Now and then wait until its callback has run, else free it whatever it is doing. */
		if (i % 5 == 0)
			evrt_test_count_wait(&in_callback, seen + 1);
		bufferevent_free(bev);
		close(pair[1]);
	}
	stop_loop(t);
	close_bev(first);
}

static struct evrt_test_gate entered, leave;

static void
wait_inside(struct bufferevent *bev, void *arg)
{
	(void)bev;
	(void)arg;
	evrt_test_gate_open(&entered);
	evrt_test_gate_wait(&leave);
}

static void
an_unlocked_callback_holds_nobody_up(void)
{
	struct bufferevent *bev = open_shared(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
	pthread_t t = start_loop();
	bufferevent_setcb(bev, wait_inside, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes("x");
	evrt_test_gate_wait(&entered);
	/* With the lock held inside, these would wait for ever. */
	CHECK_INT_EQ(bufferevent_write(bev, "y", 1), 0);
	CHECK_INT_EQ(bufferevent_disable(bev, EV_READ), 0);
	bufferevent_lock(bev);
	bufferevent_unlock(bev);
	bufferevent_free(bev);
	evrt_test_gate_open(&leave);
	stop_loop(t);
	event_base_free(base);
	close(fds[1]);
}

struct neighbours {
	struct bufferevent *other;
	struct evconnlistener *lev;
};

static void
pass_on_and_stop_listening(struct bufferevent *bev, void *arg)
{
	struct neighbours *n = arg;

	note_read(bev, NULL);
	CHECK_INT_EQ(bufferevent_write_buffer(n->other, bufferevent_get_input(bev)), 0);
	CHECK_INT_EQ(evconnlistener_disable(n->lev), 0);
}

/* With the lock held: what a build that checks the order of locks has to allow. */
static void
a_callback_uses_other_objects(void)
{
	struct bufferevent *bev = open_shared(0);
	struct sockaddr_in sin;
	struct neighbours n;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	n.other = bufferevent_socket_new(base, -1, BEV_OPT_THREADSAFE);
	n.lev = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_THREADSAFE | LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));
	CHECK(n.other && n.lev);
	bufferevent_setcb(bev, pass_on_and_stop_listening, NULL, NULL, &n);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	turns(2);
	CHECK_STR_EQ(trace, "r3");
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(n.other)), 3);
	bufferevent_free(n.other);
	evconnlistener_free(n.lev);
	close_bev(bev);
}

static const struct evrt_test_case cases[] = {
	{ "writes_from_another_thread_arrive", writes_from_another_thread_arrive },
	{ "reading_is_switched_while_bytes_come", reading_is_switched_while_bytes_come },
	{ "freed_by_another_thread_at_any_time", freed_by_another_thread_at_any_time },
	{ "an_unlocked_callback_holds_nobody_up", an_unlocked_callback_holds_nobody_up },
	{ "a_callback_uses_other_objects", a_callback_uses_other_objects },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
