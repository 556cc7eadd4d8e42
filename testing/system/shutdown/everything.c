/* testing/system/shutdown/everything.c — a program that uses all there is, and after it nothing is left.
 *
 * Here:     each case lives a life with the library, ends it with libevent_global_shutdown, and counts what the
 *           program's own malloc has given and not got back: nothing. valgrind_test.sh looks at the rest.
 * Threads:  pools of three workers, and the test.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <evrt/blocking.h>
#include <evrt/pool.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define WORKERS 3

/* Blocks given and not got back; relaxed, read when one thread is left. */
static evrt_atomic(long) alive;
static evrt_atomic(long) given;

static void *
own_malloc(size_t bytes)
{
	void *p = malloc(bytes);

	if (p) {
		evrt_add_relaxed(&alive, 1);
		evrt_add_relaxed(&given, 1);
	}
	return p;
}

static void
own_free(void *p)
{
	evrt_sub_relaxed(&alive, 1);
	free(p);
}

static void *
own_realloc(void *old, size_t bytes)
{
	if (!old)
		return own_malloc(bytes);
	if (bytes)
		return realloc(old, bytes);
	own_free(old);
	return NULL;
}

static void
begin(void)
{
	event_set_mem_functions(own_malloc, own_realloc, own_free);
}

static void
end(void)
{
	libevent_global_shutdown();
	CHECK(evrt_load_relaxed(&given) > 0);
	CHECK_INT_EQ(evrt_load_relaxed(&alive), 0);
	libevent_global_shutdown();
}

static const struct timeval hour = { 3600, 0 }, soon = { 0, 1000 };
static struct evrt_test_count counted, ended; /* callbacks; connections */

static void
count_one(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	evrt_test_count_add(&counted, 1);
}

static void count_post(void *arg) { (void)arg, evrt_test_count_add(&counted, 1); }

static void
count_finalized(struct event *ev, void *arg)
{
	(void)ev, (void)arg;
	evrt_test_count_add(&counted, 1);
}

static void
pair(int fds[2])
{
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
}

/* ---- What each life consists of; `base` may be of any kind. */

static void
leave_events(struct event_base *base)
{
	/* Never freed by us: the base does it. */
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, count_one, NULL, &hour), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, count_one, NULL, &soon), 0);
	event_free_finalize(0, event_new(base, -1, 0, count_one, NULL), count_finalized);
	event_free_finalize(0, event_new(base, -1, 0, count_one, NULL), NULL);
}

static struct evrt_test_count completed; /* blocking calls */

static void work(void *arg) { (void)arg; }
static void work_done(int status, void *arg) { (void)status, (void)arg, evrt_test_count_add(&completed, 1); }

/* Whatever they have come to, the base completes them. */
static void
leave_blocking_calls(struct event_base *base)
{
	struct evrt_blocking *handle;

	for (int i = 0; i < 20; i++) {
		CHECK_INT_EQ(evrt_blocking_run(base, NULL, work, work_done, NULL, &handle), 0);
		CHECK(i % 2 || evrt_blocking_cancel(handle) >= 0);
		evrt_blocking_release(handle);
	}
}

static void
use_events(struct event_base *base)
{
	struct event *ev[64];
	int fds[2];

	pair(fds);
	CHECK(event_base_init_common_timeout(base, &hour) != NULL);
	ev[0] = event_new(base, fds[0], EV_READ | EV_PERSIST, count_one, NULL);
	ev[1] = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, count_one, NULL);
	for (int i = 2; i < 64; i++)
		ev[i] = event_new(base, -1, i % 2 ? EV_PERSIST : 0, count_one, NULL);
	for (int i = 0; i < 64; i++)
		event_add(ev[i], i % 3 ? &soon : &hour);
	event_active(ev[2], EV_READ, 1);
	for (int i = 0; i < 64; i++)
		event_free(ev[i]);
	close(fds[0]);
	close(fds[1]);
}

static void
use_buffers(void)
{
	struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
	char name[] = "/tmp/evrt_shutdown_XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	unlink(name);
	CHECK_INT_EQ(write(fd, "0123456789", 10), 10);
	CHECK_INT_EQ(evbuffer_add_file(a, fd, 0, 10), 0);
	evbuffer_add_printf(a, "%s\n", "line");
	evbuffer_add_reference(b, "reference", 9, NULL, NULL);
	evbuffer_add_buffer_reference(b, a);
	evbuffer_add_buffer(a, b);
	CHECK(evbuffer_pullup(a, -1) != NULL);
	char *line = evbuffer_readln(a, NULL, EVBUFFER_EOL_LF);
	own_free(line);
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
use_utilities(void)
{
	struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
	struct evutil_addrinfo *ai = NULL;
	struct event_config *cfg = event_config_new();
	char bytes[16];

	CHECK_INT_EQ(evutil_configure_monotonic_time(timer, EV_MONOT_PRECISE), 0);
	evutil_monotonic_timer_free(timer);
	CHECK_INT_EQ(evutil_getaddrinfo("127.0.0.1", "80", NULL, &ai), 0);
	evutil_freeaddrinfo(ai);
	evutil_secure_rng_get_bytes(bytes, sizeof(bytes));
	event_config_avoid_method(cfg, "select");
	event_config_free(cfg);
	CHECK(event_get_supported_methods() != NULL);
}

static void
echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
end_connection(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		bufferevent_free(bev);
		evrt_test_count_add(&ended, 1);
	}
}

static void
accept_one(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(evconnlistener_get_base(lev), fd, BEV_OPT_CLOSE_ON_FREE);

	(void)addr, (void)len, (void)arg;
	bufferevent_setcb(bev, echo, NULL, end_connection, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* A listener and connections to it; the caller runs the loop until `ended` says that they have ended. */
static struct evconnlistener *
begin_connections(struct event_base *base, int fds[], int n)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	struct evconnlistener *lev = evconnlistener_new_bind(base, accept_one, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));

	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&sin, &len), 0);
	for (int i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK_INT_EQ(connect(fds[i], (struct sockaddr *)&sin, sizeof(sin)), 0);
		CHECK_INT_EQ(send(fds[i], "hello", 5, 0), 5);
	}
	return lev;
}

/* A bufferevent that is freed while it has something to write, to read, and to tell. */
static void
use_bufferevents(struct event_base *base, int options)
{
	int fds[2];

	pair(fds);
	struct bufferevent *bev = bufferevent_socket_new(base, fds[0],
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS | options);
	bufferevent_setcb(bev, echo, NULL, end_connection, NULL);
	bufferevent_set_timeouts(bev, &hour, &hour);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	bufferevent_write(bev, "hello", 5);
	CHECK_INT_EQ(write(fds[1], "world", 5), 5);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
	bufferevent_free(bev);
	close(fds[1]);
}

#define CONNECTIONS 4

static void
live_with(struct event_base *base)
{
	int fds[CONNECTIONS];

	use_events(base);
	use_buffers();
	use_utilities();
	use_bufferevents(base, 0);
	long before = evrt_test_count_get(&ended);
	struct evconnlistener *lev = begin_connections(base, fds, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	while (evrt_test_count_get(&ended) < before + CONNECTIONS)
		event_base_loop(base, EVLOOP_ONCE);
	evconnlistener_free(lev);
	leave_events(base);
}

static void
a_plain_base(void)
{
	begin();
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_base_priority_init(base, 3), 0);
	live_with(base);
	event_base_free(base);
	end();
}

static void
bases_on_each_poller(void)
{
	begin();
	for (const char **m = event_get_supported_methods(); *m; m++) {
		struct event_config *cfg = event_config_new();
		for (const char **other = event_get_supported_methods(); *other; other++)
			if (*other != *m)
				event_config_avoid_method(cfg, *other);
		struct event_base *base = event_base_new_with_config(cfg);
		event_config_free(cfg);
		live_with(base);
		event_base_free(base);
	}
	end();
}

static void
a_base_in_debug_mode(void)
{
	struct event forgotten;
	begin();
	event_enable_debug_mode();
	struct event_base *base = event_base_new();
	live_with(base);
	event_assign(&forgotten, base, -1, 0, count_one, NULL);
	event_base_free(base);
	end();
	/* The next life begins like the first. */
	event_enable_debug_mode();
	event_base_free(event_base_new());
	end();
}

static void
a_base_with_threads(void)
{
	begin();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(evthread_make_base_notifiable(base), 0);
	live_with(base);
	leave_blocking_calls(base);
	event_base_free(base);
	CHECK_INT_EQ(evrt_test_count_get(&completed), 20);
	end();
}

static void
a_base_with_checked_locks(void)
{
	begin();
	evthread_enable_lock_debugging();
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct event_base *base = event_base_new();
	live_with(base);
	event_base_free(base);
	end();
}

static void
a_base_that_is_freed_without_finalizers(void)
{
	begin();
	struct event_base *base = event_base_new();
	event_free_finalize(0, event_new(base, -1, 0, count_one, NULL), count_finalized);
	event_base_free_nofinalize(base);
	CHECK_INT_EQ(evrt_test_count_get(&counted), 0);
	end();
}

static void
the_current_base(void)
{
	struct event ev;
	begin();
	CHECK(event_init() != NULL);
	timeout_set(&ev, count_one, NULL);
	timeout_add(&ev, &hour);
	event_once(-1, EV_TIMEOUT, count_one, NULL, &hour);
	event_base_free(NULL);
	end();
}

static void
a_base_after_a_fork(void)
{
	int status;
	begin();
	struct event_base *base = event_base_new();
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, count_one, NULL);
	event_add(ev, NULL);
	pid_t child = fork();
	if (child == 0)
		CHECK_INT_EQ(event_reinit(base), 0);
	event_free(ev);
	live_with(base);
	event_base_free(base);
	end();
	if (child == 0)
		exit(0); /* where leak checkers look */
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
}

/* ---- Pools. */

static struct evrt_pool *
start_pool(void)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = WORKERS;
	config.wake_queue_strands = 1;
	struct evrt_pool *pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	return pool;
}

static void
use_pool(struct evrt_pool *pool)
{
	struct event_base *base = evrt_pool_as_base(pool);
	int fds[CONNECTIONS];

	use_events(base);
	use_events(evrt_pool_get_base(pool, 0));
	use_bufferevents(base, BEV_OPT_THREADSAFE);
	struct evconnlistener *lev = begin_connections(base, fds, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	struct evrt_strand *strand = evrt_strand_new(pool);
	for (int i = 0; i < 50; i++) {
		CHECK_INT_EQ(evrt_pool_post(pool, count_post, NULL), 0);
		CHECK_INT_EQ(evrt_strand_post(strand, count_post, NULL), 0);
	}
	evrt_strand_free(strand);
	evrt_test_count_wait(&counted, 100);
	evrt_test_count_wait(&ended, CONNECTIONS);
	evconnlistener_free(lev);
	leave_blocking_calls(base);
	leave_events(base);
}

static void
a_pool_that_is_stopped(void)
{
	begin();
	struct evrt_pool *pool = start_pool();
	use_pool(pool);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	end();
}

static void
a_pool_in_debug_mode_with_checked_locks(void)
{
	begin();
	event_enable_debug_mode();
	evthread_enable_lock_debugging();
	struct evrt_pool *pool = start_pool();
	use_pool(pool);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	end();
}

static void
leave_when_all_have_ended(evutil_socket_t fd, short what, void *base)
{
	(void)fd, (void)what;
	if (evrt_test_count_get(&ended) == CONNECTIONS)
		event_base_loopbreak(base);
}

static void
a_pooled_base_that_is_left_and_freed(void)
{
	int fds[CONNECTIONS];
	begin();
	struct event_config *cfg = event_config_new();
	event_config_set_flag(cfg, EVRT_BASE_FLAG_POOLED);
	event_config_set_num_cpus_hint(cfg, WORKERS);
	struct event_base *base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	struct evconnlistener *lev = begin_connections(base, fds, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	leave_events(base);
	struct event *ev = event_new(base, -1, EV_PERSIST, leave_when_all_have_ended, base);
	event_add(ev, &soon);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	event_free(ev);
	evconnlistener_free(lev);
	event_base_free(base);
	end();
}

static const struct evrt_test_case cases[] = {
	{ "a_plain_base", a_plain_base },
	{ "bases_on_each_poller", bases_on_each_poller },
	{ "a_base_in_debug_mode", a_base_in_debug_mode },
	{ "a_base_with_threads", a_base_with_threads },
	{ "a_base_with_checked_locks", a_base_with_checked_locks },
	{ "a_base_that_is_freed_without_finalizers", a_base_that_is_freed_without_finalizers },
	{ "the_current_base", the_current_base },
	{ "a_base_after_a_fork", a_base_after_a_fork },
	{ "a_pool_that_is_stopped", a_pool_that_is_stopped },
	{ "a_pool_in_debug_mode_with_checked_locks", a_pool_in_debug_mode_with_checked_locks },
	{ "a_pooled_base_that_is_left_and_freed", a_pooled_base_that_is_left_and_freed },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
