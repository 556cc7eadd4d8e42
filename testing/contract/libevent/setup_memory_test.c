/* testing/contract/libevent/setup_memory_test.c — a program's own malloc, realloc and free.
 *
 * Here:     how they are called, and that all is given back in the end.
 * Not here: what becomes of calls for which there is no memory (setup_nomemory_test.c).
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <netinet/in.h>
#include <signal.h>

#include "testing/contract/libevent/setup_malloc.h"

static void
a_base_gives_all_back(void)
{
	count();
	struct event_base *base = event_base_new();
	CHECK(base != NULL && live > 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_base_free(base);
	all_is_back();
}

static void
events_of_all_kinds_give_all_back(void)
{
	struct timeval tv = { 0, 1000 }, later = { 3600, 0 };
	evutil_socket_t fds[2];
	count();
	struct event_base *base = event_base_new();
	pair(fds);
	struct event *ev[40];
	ev[0] = event_new(base, fds[0], EV_READ | EV_PERSIST, nothing, NULL);
	ev[1] = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, nothing, NULL);
	for (int i = 2; i < 40; i++)
		ev[i] = event_new(base, -1, 0, nothing, NULL);
	event_add(ev[0], &later);
	event_add(ev[1], NULL);
	for (int i = 2; i < 40; i++)
		event_add(ev[i], i % 2 ? &tv : &later);
	raise(SIGUSR1);
	event_base_loop(base, EVLOOP_ONCE);
	for (int i = 0; i < 40; i++)
		event_free(ev[i]);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
	all_is_back();
}

static void
what_a_base_was_asked_for_goes_with_it(void)
{
	struct timeval later = { 3600, 0 }, hour = { 0, 0 };
	count();
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_base_priority_init(base, 8), 0);
	for (hour.tv_sec = 1; hour.tv_sec < 30; hour.tv_sec++)
		CHECK(event_base_init_common_timeout(base, &hour) != NULL);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, nothing, NULL, &later), 0);
	CHECK_INT_EQ(event_base_loopexit(base, &later), 0);
	event_base_free(base);
	all_is_back();
}

static void
a_config_gives_all_back(void)
{
	count();
	struct event_config *cfg = event_config_new();
	CHECK_INT_EQ(event_config_avoid_method(cfg, "kqueue"), 0);
	CHECK_INT_EQ(event_config_avoid_method(cfg, "devpoll"), 0);
	event_base_free(event_base_new_with_config(cfg));
	event_config_free(cfg);
	all_is_back();
}

static void
the_old_calls_give_all_back(void)
{
	struct event ev;
	struct timeval tv = { 0, 0 };
	count();
	struct event_base *base = event_init();
	timeout_set(&ev, nothing, NULL);
	timeout_add(&ev, &tv);
	event_dispatch();
	event_base_free(base);
	all_is_back();
}

static void
buffers_give_all_back(void)
{
	char big[10000];
	count();
	memset(big, 'x', sizeof(big));
	struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
	for (int i = 0; i < 20; i++)
		CHECK_INT_EQ(evbuffer_add(a, big, sizeof(big)), 0);
	CHECK_INT_EQ(evbuffer_add_reference(b, big, sizeof(big), NULL, NULL), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(a, b), 0);
	CHECK(evbuffer_pullup(a, -1) != NULL);
	CHECK_INT_EQ(evbuffer_drain(a, 5000), 0);
	evbuffer_free(a);
	evbuffer_free(b);
	all_is_back();
}

static void
a_line_is_the_programs_to_free(void)
{
	size_t n;
	count();
	struct evbuffer *buf = evbuffer_new();
	evbuffer_add_printf(buf, "one\ntwo\n");
	char *line = evbuffer_readln(buf, &n, EVBUFFER_EOL_LF);
	CHECK_STR_EQ(line, "one");
	evbuffer_free(buf);
	counted_free(line);
	all_is_back();
}

static void
bufferevents_and_listeners_give_all_back(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval tv = { 60, 0 };
	evutil_socket_t fds[2];
	count();
	struct event_base *base = event_base_new();
	pair(fds);
	struct bufferevent *bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_set_timeouts(bev, &tv, &tv);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	bufferevent_write(bev, "hello", 5);
	CHECK_INT_EQ(write(fds[1], "x", 1), 1);
	struct evconnlistener *listener = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 5,
	    (struct sockaddr *)&sin, sizeof(sin));
	CHECK(listener != NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	evconnlistener_free(listener);
	bufferevent_free(bev);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	close(fds[1]);
	all_is_back();
}

static void
debug_mode_gives_all_back(void)
{
	struct event ev;
	count();
	event_enable_debug_mode();
	struct event_base *base = event_base_new();
	event_assign(&ev, base, -1, 0, nothing, NULL); /* and never torn down */
	event_free(event_new(base, -1, 0, nothing, NULL));
	event_base_free(base);
	all_is_back();
}

static void
use_threads(void)
{
	evutil_socket_t fds[2];
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	pair(fds);
	struct bufferevent *bev = bufferevent_socket_new(base, fds[0], BEV_OPT_THREADSAFE);
	CHECK(bev != NULL);
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), 0);
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, nothing, NULL);
	event_add(ev, NULL);
	raise(SIGUSR1);
	event_base_loop(base, EVLOOP_ONCE);
	event_free(ev);
	evbuffer_free(buf);
	bufferevent_free(bev);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

static void
threads_give_all_back(void)
{
	count();
	use_threads();
	all_is_back();
}

static void
lock_debugging_gives_all_back(void)
{
	count();
	evthread_enable_lock_debugging();
	use_threads();
	all_is_back();
}

static void
the_timer_gives_all_back(void)
{
	count();
	struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
	CHECK(timer != NULL && live == 1);
	CHECK_INT_EQ(evutil_configure_monotonic_time(timer, 0), 0);
	evutil_monotonic_timer_free(timer);
	all_is_back();
}

static void
finalized(struct event *ev, void *arg)
{
	(void)ev;
	++*(int *)arg;
}

static void
finalizers_give_all_back(void)
{
	int runs = 0;
	count();
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_free_finalize(0, event_new(base, -1, 0, nothing, &runs), finalized), 0);
	event_base_free(base);
	CHECK_INT_EQ(runs, 1);
	all_is_back();
}

static void
null_restores_the_c_librarys(void)
{
	count();
	event_config_free(event_config_new());
	long before = asked;
	CHECK(before > 0);
	event_set_mem_functions(NULL, NULL, NULL);
	struct event_config *cfg = event_config_new();
	CHECK(cfg != NULL);
	event_config_free(cfg);
	CHECK_INT_EQ(asked, before);
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(a_base_gives_all_back),
	SETUP_CASE(events_of_all_kinds_give_all_back),
	SETUP_CASE(what_a_base_was_asked_for_goes_with_it),
	SETUP_CASE(a_config_gives_all_back),
	SETUP_CASE(the_old_calls_give_all_back),
	SETUP_CASE(buffers_give_all_back),
	SETUP_CASE(a_line_is_the_programs_to_free),
	SETUP_CASE(bufferevents_and_listeners_give_all_back),
	SETUP_CASE(debug_mode_gives_all_back),
	SETUP_CASE(threads_give_all_back),
	SETUP_CASE(lock_debugging_gives_all_back),
	SETUP_CASE(the_timer_gives_all_back),
	SETUP_CASE(finalizers_give_all_back),
	SETUP_CASE(null_restores_the_c_librarys),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
