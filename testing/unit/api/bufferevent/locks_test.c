/* testing/unit/api/bufferevent/locks_test.c — the two locks of a bufferevent, where a program comes across their seams.
 *
 * Here:     functions of the program that run with the data lock held, and what they may call; callbacks, during which
 *           it is not held; locks that come with a filter.
 * Not here: bufferevents that write to each other (exchange_test.c), deadlocks of programs (deadlock_test.c).
 * Threads:  one that looks, beside the loop's. Lock debugging is on: a wrong order, or a lock that is released by
 *           who does not hold it, ends the program.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"

#define TOTAL ((size_t)100000)

static struct event_base *base;
static struct bufferevent *bev, *top;
static int fds[2];
static int calls;
static size_t arrived;

static void
open_all(int options)
{
	evthread_enable_lock_debugging();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[0]), 0);
	base = event_base_new();
	bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE | options);
	CHECK(bev != NULL);
}

static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
close_all(void)
{
	bufferevent_free(top ? top : bev);
	turn();
	event_base_free(base);
	close(fds[1]);
}

static struct bufferevent *
filter_on(struct bufferevent *below, int options)
{
	struct bufferevent *f = bufferevent_filter_new(below, NULL, NULL, BEV_OPT_CLOSE_ON_FREE | options, NULL, NULL);

	CHECK(f != NULL);
	return f;
}

/* --- functions that run with the data lock held ------------------------------------------------- */

static void
count(struct bufferevent *unused, void *arg)
{
	(void)unused, (void)arg;
	calls++;
}

static void
use_all(struct bufferevent *of)
{
	bufferevent_lock(of);
	bufferevent_setcb(of, count, count, NULL, NULL);
	bufferevent_unlock(of);
	bufferevent_trigger(of, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
	CHECK_INT_EQ(calls, 0); /* the loop calls it, without the lock */
}

static void
on_change(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *frees)
{
	(void)buf;
	if (info->n_added == 0)
		return;
	use_all(bev);
	if (frees)
		bufferevent_free(bev);
}

static void
a_callback_of_an_evbuffer_may_use_its_bufferevent(void)
{
	open_all(BEV_OPT_THREADSAFE);
	evbuffer_add_cb(bufferevent_get_output(bev), on_change, NULL);
	bufferevent_write(bev, "x", 1);
	turn();
	CHECK(calls > 0);
	close_all();
}

static void
a_callback_of_an_evbuffer_may_free_its_bufferevent(void)
{
	char byte;

	open_all(BEV_OPT_THREADSAFE);
	evbuffer_add_cb(bufferevent_get_output(bev), on_change, &calls);
	bufferevent_write(bev, "x", 1);
	turn();
	CHECK_INT_EQ(calls, 0);
	CHECK_INT_EQ(read(fds[1], &byte, 1), 0);
	event_base_free(base);
	close(fds[1]);
}

static enum bufferevent_filter_result
function(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *of)
{
	(void)limit, (void)mode;
	use_all(*(struct bufferevent **)of);
	return evbuffer_add_buffer(dst, src) < 0 ? BEV_ERROR : BEV_OK;
}

static void
a_function_of_a_filter_may_use_it(void)
{
	open_all(BEV_OPT_THREADSAFE);
	top = bufferevent_filter_new(bev, NULL, function, BEV_OPT_CLOSE_ON_FREE, NULL, &top);
	bufferevent_write(top, "x", 1);
	turn();
	CHECK(calls > 0);
	close_all();
}

/* --- callbacks run without it ------------------------------------------------------------------- */

/* Waits for the data lock, and so would wait for ever if the callback that waits for this thread held it. */
static void *
look(void *of)
{
	(void)bufferevent_get_enabled(of);
	return NULL;
}

static void
look_from_elsewhere(struct bufferevent *of, void *arg)
{
	pthread_t t;

	(void)arg;
	CHECK_INT_EQ(pthread_create(&t, NULL, look, of), 0);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
	calls++;
}

static void
a_flush_releases_it_for_callbacks(void)
{
	open_all(BEV_OPT_THREADSAFE);
	bev = filter_on(bev, 0);
	top = filter_on(bev, 0);
	bufferevent_setcb(top, NULL, look_from_elsewhere, NULL, NULL);
	bufferevent_flush(top, EV_WRITE, BEV_FLUSH);
	CHECK(calls > 0);
	close_all();
}

/* --- locks that come with a filter ---------------------------------------------------------------- */

static void
put_above(struct bufferevent *below, void *arg)
{
	(void)arg;
	top = filter_on(below, BEV_OPT_THREADSAFE);
	bufferevent_setcb(top, count, NULL, NULL, NULL);
	bufferevent_enable(top, EV_READ);
}

static void
above_event(struct bufferevent *below, short what, void *arg)
{
	CHECK_INT_EQ(what, BEV_EVENT_EOF);
	put_above(below, arg);
}

/* As a program does that begins TLS when it has read that the peer wants it. */
static void
locked_filter_in_a_callback(int options, const char *bytes)
{
	open_all(options);
	bufferevent_setcb(bev, put_above, NULL, above_event, NULL);
	bufferevent_enable(bev, EV_READ);
	if (bytes)
		CHECK_INT_EQ(write(fds[1], bytes, strlen(bytes)), (ssize_t)strlen(bytes));
	else
		bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
	turn();
	turn();
	CHECK(top != NULL);
	CHECK_INT_EQ(calls, bytes != NULL);
	bufferevent_lock(top);
	bufferevent_unlock(top);
	close_all();
}

static void a_locked_filter_is_made_in_a_read_callback(void) { locked_filter_in_a_callback(0, "x"); }
static void a_locked_filter_is_made_in_an_event_callback(void) { locked_filter_in_a_callback(0, NULL); }

static void
a_locked_filter_is_made_in_an_unlocked_callback(void)
{
	locked_filter_in_a_callback(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS, "x");
}

static void *
write_all(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < TOTAL; i++)
		bufferevent_write(top, "x", 1);
	return NULL;
}

static void
take(struct bufferevent *from, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(from);

	size_t n = evbuffer_get_length(input);

	(void)arg;
	arrived += n;
	evbuffer_drain(input, n);
	if (arrived >= TOTAL)
		event_base_loopbreak(base);
}

static void
too_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	event_base_loopbreak(base);
}

static void
locked_filter_over(struct bufferevent *below, struct bufferevent *peer)
{
	struct timeval limit = { 20, 0 };
	pthread_t t;

	bufferevent_setcb(peer, take, NULL, NULL, NULL);
	bufferevent_enable(peer, EV_READ);
	top = filter_on(filter_on(below, 0), BEV_OPT_THREADSAFE);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, too_late, NULL, &limit), 0);
	CHECK_INT_EQ(pthread_create(&t, NULL, write_all, NULL), 0);
	event_base_dispatch(base);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
	CHECK_INT_EQ(arrived, TOTAL);
	bufferevent_free(peer);
	close_all();
}

static void
a_locked_filter_locks_all_below(void)
{
	open_all(0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[1]), 0);
	locked_filter_over(bev, bufferevent_socket_new(base, fds[1], 0));
}

static void
a_locked_filter_locks_both_ends_of_a_pair(void)
{
	struct bufferevent *ends[2];

	open_all(0);
	bufferevent_free(bev);
	CHECK_INT_EQ(bufferevent_pair_new(base, 0, ends), 0);
	locked_filter_over(ends[0], ends[1]);
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(a_callback_of_an_evbuffer_may_use_its_bufferevent),
	CASE(a_callback_of_an_evbuffer_may_free_its_bufferevent),
	CASE(a_function_of_a_filter_may_use_it),
	CASE(a_flush_releases_it_for_callbacks),
	CASE(a_locked_filter_is_made_in_a_read_callback),
	CASE(a_locked_filter_is_made_in_an_event_callback),
	CASE(a_locked_filter_is_made_in_an_unlocked_callback),
	CASE(a_locked_filter_locks_all_below),
	CASE(a_locked_filter_locks_both_ends_of_a_pair),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
