/* testing/unit/pool/watchdog_test.c — who is told of a callback that does not return, when, and what. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/pool/pool.h"
#include "testing/unit/pool/pool_fixture.h"

#define REPORTS_MAX 64

typedef void (*any_fn)(void);

/* What the hook heard, in order; written by the watchdog's thread, read after a wait for `told`. */
static struct evrt_watchdog_report reports[REPORTS_MAX];
static char names[REPORTS_MAX][128];
static struct evrt_test_count told;
static struct evrt_test_gate gate, in_hook, out_of_hook;

static void
note(const struct evrt_watchdog_report *r, void *arg)
{
	long i = evrt_test_count_get(&told);

	CHECK_PTR_EQ(arg, &told);
	CHECK(i < REPORTS_MAX);
	reports[i] = *r;
	snprintf(names[i], sizeof(names[i]), "%s", r->name);
	evrt_test_count_add(&told, 1);
}

static struct evrt_pool *
watched_pool(unsigned workers, unsigned limit_ms)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	CHECK_INT_EQ(c.watchdog_limit_ms, 0);
	c.workers = workers;
	c.watchdog_limit_ms = limit_ms;
	struct evrt_pool *p = evrt_pool_new(&c);
	CHECK(p != NULL);
	CHECK_INT_EQ(evrt_pool_set_watchdog(p, note, &told), 0);
	return p;
}

static uint64_t
slow_callbacks(void)
{
	struct evrt_pool_totals t;

	CHECK_INT_EQ(evrt_pool_stats_total(pool, &t), 0);
	return t.all.slow_callbacks;
}

static void
stay(void *arg)
{
	(void)arg;
	count_one(NULL);
	evrt_test_gate_wait(&gate);
}

static void
a_callback_that_does_not_return_is_named(void)
{
	pool = watched_pool(2, 20);
	struct evrt_strand *s = evrt_strand_new(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_strand_post(s, stay, NULL), 0);
	evrt_test_count_wait(&told, 1); /* while it runs */
	CHECK_INT_EQ(slow_callbacks(), 1);
	evrt_test_gate_open(&gate);
	evrt_test_count_wait(&told, 2);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&told), 2);
	CHECK_INT_EQ(slow_callbacks(), 1);
	for (int i = 0; i < 2; i++) {
		CHECK(reports[i].callback == (any_fn)stay);
		CHECK_PTR_EQ(reports[i].strand, s);
		CHECK(reports[i].worker < 2);
		CHECK_INT_EQ(reports[i].ended, i);
		CHECK_INT_EQ(reports[i].limit_ns, 20 * 1000000);
		CHECK(reports[i].duration_ns >= reports[i].limit_ns);
		CHECK(strstr(names[i], "watchdog_test"));
	}
	CHECK_INT_EQ(reports[1].worker, reports[0].worker);
	CHECK(reports[1].duration_ns >= reports[0].duration_ns);
	evrt_strand_free(s);
	done();
}

static void
short_callbacks_are_not(void)
{
	pool = watched_pool(2, 20000);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < 1000; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 1000);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&told), 0);
	CHECK_INT_EQ(slow_callbacks(), 0);
	done();
}

static char logged[512];
static struct evrt_test_count log_count;

static void
log_message(int severity, const char *message)
{
	CHECK_INT_EQ(severity, EVENT_LOG_WARN);
	if (evrt_test_count_get(&log_count) == 0)
		snprintf(logged, sizeof(logged), "%s", message);
	evrt_test_count_add(&log_count, 1);
}

static void
without_a_hook_the_log_says_so(void)
{
	pool = watched_pool(1, 10);
	CHECK_INT_EQ(evrt_pool_set_watchdog(pool, NULL, NULL), 0);
	event_set_log_callback(log_message);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, stay, NULL), 0);
	evrt_test_count_wait(&log_count, 1);
	CHECK(strstr(logged, "watchdog: worker 0, strand 0x"));
	CHECK(strstr(logged, "has been running for"));
	CHECK(strstr(logged, "(limit 10.0 ms)"));
	evrt_test_gate_open(&gate);
	evrt_test_count_wait(&log_count, 2);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	event_set_log_callback(NULL);
	done();
}

/* Until the watchdog has heard of whatever calls this. */
static void
stay_until_told(void)
{
	evrt_test_count_wait(&told, evrt_test_count_get(&ran) + 1);
	count_one(NULL);
}

static void
stay_in_post(void *arg)
{
	(void)arg;
	stay_until_told();
}

static void
event_came(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	stay_until_told();
}

static void
bytes_came(struct bufferevent *bev, void *arg)
{
	(void)arg;
	evbuffer_drain(bufferevent_get_input(bev), 1);
	stay_until_told();
}

static void
end_came(struct bufferevent *bev, short what, void *arg)
{
	(void)bev, (void)what, (void)arg;
	stay_until_told();
}

static void
connection_came(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev, (void)addr, (void)len, (void)arg;
	stay_until_told();
	evutil_closesocket(fd);
}

/* One run was told twice, and this was its name. */
static void
check_name(any_fn fn)
{
	long n = evrt_test_count_get(&ran);

	evrt_test_count_wait(&ran, n + 1);
	evrt_test_count_wait(&told, 2);
	CHECK(reports[0].callback == fn && !reports[0].ended);
	CHECK(reports[1].callback == fn && reports[1].ended);
	evrt_test_count_add(&told, -2);
	evrt_test_count_add(&ran, -1);
}

static void
an_events_own_callback_is_named(void)
{
	pool = watched_pool(2, 10);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	struct event *ev = event_new(evrt_pool_as_base(pool), -1, EV_PERSIST, event_came, NULL);
	event_active(ev, EV_READ, 1);
	check_name((any_fn)event_came);
	event_free(ev);
	struct timeval now = { 0, 0 };
	CHECK_INT_EQ(event_base_once(evrt_pool_get_base(pool, 1), -1, EV_TIMEOUT, event_came, NULL, &now), 0);
	check_name((any_fn)event_came);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(slow_callbacks(), 2);
	done();
}

static void
a_bufferevents_callbacks_are_named(void)
{
	evutil_socket_t fds[2];

	pool = watched_pool(2, 10);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	struct bufferevent *bev = bufferevent_socket_new(evrt_pool_as_base(pool), fds[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, bytes_came, NULL, end_came, NULL);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(write(fds[1], "x", 1), 1);
	check_name((any_fn)bytes_came);
	evutil_closesocket(fds[1]);
	check_name((any_fn)end_came);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	bufferevent_free(bev);
	done();
}

static void
a_listeners_callback_is_named(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	pool = watched_pool(2, 10);
	struct evconnlistener *lev = evconnlistener_new_bind(evrt_pool_as_base(pool), connection_came, NULL,
	    LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&sin, sizeof(sin));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&sin, &len), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	check_name((any_fn)connection_came);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	close(fd);
	evconnlistener_free(lev);
	done();
}

/* Threads of this process that have this name; *switches: how often they have given up the processor. */
static int
threads_named(const char *name, long *switches)
{
	DIR *dir = opendir("/proc/self/task");
	int count = 0;

	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char path[300], line[128];
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
		FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
		bool is = false;
		while (f && fgets(line, sizeof(line), f)) {
			is |= strncmp(line, "Name:\t", 6) == 0 && strncmp(line + 6, name, strlen(name)) == 0;
			if (is && sscanf(line, "voluntary_ctxt_switches: %ld", switches) == 1)
				count++;
		}
		if (f)
			fclose(f);
	}
	closedir(dir);
	return count;
}

static void
its_thread_comes_and_goes_with_the_run(void)
{
	long switches;

	for (int limit = 0; limit <= 1000; limit += 1000) {
		pool = watched_pool(2, (unsigned)limit);
		CHECK_INT_EQ(threads_named("evrt-watchdog", &switches), 0);
		for (int run = 0; run < 2; run++) {
			CHECK_INT_EQ(evrt_pool_start(pool), 0);
			CHECK_INT_EQ(threads_named("evrt-watchdog", &switches), limit ? 1 : 0);
			CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
			CHECK_INT_EQ(threads_named("evrt-watchdog", &switches), 0);
		}
		evrt_pool_free(pool);
	}
	struct event_base *base = evrt_base_new(2);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_base_free(base);
	libevent_global_shutdown();
}

/* It has seen all that ran, and waits for somebody to call: it lets go of its lock only there, and around the hook. */
static bool
it_sleeps(void)
{
	struct evrt_watchdog *dog = &pool->watchdog;

	pthread_mutex_lock(&dog->lock);
	bool sleeps = evrt_load_relaxed(&dog->asleep) && !dog->calls;
	for (unsigned i = 0; i < pool->set.workers; i++)
		sleeps &= evrt_load_relaxed(&pool->workers[i].watch.sequence) == pool->workers[i].watch.last_seen;
	pthread_mutex_unlock(&dog->lock);
	return sleeps;
}

static void
it_does_not_wake_while_nothing_runs(void)
{
	long before = 0, after = 0;

	pool = watched_pool(2, 10);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_pool_post(pool, count_one, NULL);
	evrt_test_count_wait(&ran, 1);
	for (time_t end = time(NULL) + 30; !it_sleeps(); sched_yield())
		CHECK(time(NULL) < end);
	CHECK_INT_EQ(threads_named("evrt-watchdog", &before), 1);
	/* Ten limits of another loop's time. */
	struct event_base *base = event_base_new();
	event_base_loopexit(base, &(struct timeval){ 0, 100000 });
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	event_base_free(base);
	CHECK_INT_EQ(threads_named("evrt-watchdog", &after), 1);
	CHECK_INT_EQ(after, before);
	/* And is there again when something does. */
	CHECK_INT_EQ(evrt_pool_post(pool, stay, NULL), 0);
	evrt_test_count_wait(&told, 1);
	evrt_test_gate_open(&gate);
	done();
}

static void
block_the_hook(const struct evrt_watchdog_report *r, void *arg)
{
	note(r, arg);
	evrt_test_gate_open(&in_hook);
	evrt_test_gate_wait(&out_of_hook);
}

static void
what_ends_while_the_hook_is_busy_is_told_after_it(void)
{
	pool = watched_pool(2, 10);
	CHECK_INT_EQ(evrt_pool_set_watchdog(pool, block_the_hook, &told), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, stay, NULL), 0);
	evrt_test_gate_wait(&in_hook);
	CHECK_INT_EQ(evrt_pool_set_watchdog(pool, note, &told), -1);
	CHECK_INT_EQ(errno, EBUSY);
	evrt_test_gate_open(&gate);
	/* The worker is not kept: something else runs there, or on the other one, and the first one is over. */
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 1, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 3);
	CHECK_INT_EQ(evrt_test_count_get(&told), 1);
	evrt_test_gate_open(&out_of_hook);
	evrt_test_count_wait(&told, 2);
	CHECK(reports[1].ended && reports[1].callback == (any_fn)stay);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_pool_set_watchdog(pool, NULL, NULL), 0);
	CHECK_INT_EQ(evrt_pool_set_watchdog(NULL, note, &told), -1);
	CHECK_INT_EQ(errno, EINVAL);
	done();
}

static void
the_end_is_told_even_if_the_pool_ends_with_it(void)
{
	pool = watched_pool(1, 5);
	for (int i = 1; i <= 5; i++) {
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		CHECK_INT_EQ(evrt_pool_post(pool, stay_in_post, NULL), 0);
		evrt_test_count_wait(&told, 1);
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
		CHECK_INT_EQ(evrt_test_count_get(&told), 2);
		CHECK_INT_EQ(slow_callbacks(), i);
		evrt_test_count_add(&told, -2);
		evrt_test_count_add(&ran, -1);
	}
	done();
}

static void
without_a_thread_for_it_nothing_starts(void)
{
	pthread_attr_t attr, usual;
	long switches;

	pool = watched_pool(2, 10);
	/* No address space has room for such a stack. */
	CHECK_INT_EQ(pthread_getattr_default_np(&usual), 0);
	CHECK_INT_EQ(pthread_attr_init(&attr), 0);
	CHECK_INT_EQ(pthread_attr_setstacksize(&attr, (size_t)1 << 60), 0);
	CHECK_INT_EQ(pthread_setattr_default_np(&attr), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	CHECK_INT_EQ(threads_named("evrt-", &switches), 0);
	/* Here it is the only thread that is needed. */
	struct evrt_pool *alone = watched_pool(1, 10);
	event_set_log_callback(log_message);
	CHECK_INT_EQ(event_base_dispatch(evrt_pool_as_base(alone)), -1);
	event_set_log_callback(NULL);
	evrt_pool_free(alone);
	CHECK_INT_EQ(pthread_setattr_default_np(&usual), 0);
	pthread_attr_destroy(&attr);
	pthread_attr_destroy(&usual);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	done();
}

static void
a_forked_child_frees_the_pool(void)
{
	int status;

	pool = watched_pool(2, 10);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (time_t end = time(NULL) + 30; !it_sleeps(); sched_yield())
		CHECK(time(NULL) < end);
	pid_t child = fork();
	if (child == 0) {
		bool refused = evrt_pool_set_watchdog(pool, note, &told) == -1 && errno == ECHILD;
		evrt_pool_free(pool);
		_exit(refused ? 0 : 1);
	}
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	done();
}

static evrt_atomic(long) begun, ended;

static void
count_report(const struct evrt_watchdog_report *r, void *arg)
{
	(void)arg;
	CHECK(r->duration_ns >= r->limit_ns);
	evrt_add_relaxed(r->ended ? &ended : &begun, 1);
}

/* Some are over the limit of 1 ms, some not, and some nearly: all chances to mix them up. */
static void
spin(void *arg)
{
	struct timespec t;
	long long us = (long long)((uintptr_t)arg * 7919 % 1500), end = 0;

	do {
		clock_gettime(CLOCK_MONOTONIC, &t);
		long long now = t.tv_sec * 1000000ll + t.tv_nsec / 1000;
		end = end ? end : now + us;
		if (now >= end)
			break;
	} while (true);
	count_one(NULL);
}

static void
many_slow_ones_are_told_apart(void)
{
	pool = watched_pool(4, 1);
	CHECK_INT_EQ(evrt_pool_set_watchdog(pool, count_report, NULL), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (uintptr_t i = 0; i < 1000; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, spin, (void *)i), 0);
	evrt_test_count_wait(&ran, 1000);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	long all = (long)slow_callbacks();
	CHECK(all >= 300);
	CHECK(evrt_load_relaxed(&begun) <= evrt_load_relaxed(&ended));
	CHECK(evrt_load_relaxed(&ended) > 0 && evrt_load_relaxed(&ended) <= all);
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(a_callback_that_does_not_return_is_named),
	CASE(short_callbacks_are_not),
	CASE(without_a_hook_the_log_says_so),
	CASE(an_events_own_callback_is_named),
	CASE(a_bufferevents_callbacks_are_named),
	CASE(a_listeners_callback_is_named),
	CASE(its_thread_comes_and_goes_with_the_run),
	CASE(it_does_not_wake_while_nothing_runs),
	CASE(what_ends_while_the_hook_is_busy_is_told_after_it),
	CASE(the_end_is_told_even_if_the_pool_ends_with_it),
	CASE(without_a_thread_for_it_nothing_starts),
	CASE(a_forked_child_frees_the_pool),
	CASE(many_slow_ones_are_told_apart),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
