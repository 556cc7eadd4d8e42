/* testing/system/idle/idle_test.c — a pool that has nothing to do does nothing: none of its threads runs at all.
 *
 * Each pool first works: connections, timers, posts, calls that block, and callbacks so slow that others look after
 * them. Then all of its threads must fall asleep, and for some seconds the kernel may count no switch to any of them,
 * and no nanosecond of CPU. That is exact, where CPU time in ticks would be an estimate.
 */
#include <ctype.h>
#include <dirent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <evrt/blocking.h>
#include <evrt/pool.h>
#include <evrt/stats.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define WIRES 32
#define ROUNDS 50
#define TIMERS 20
#define SLOW 16
#define SLOW_MS 3
#define THREADS_MAX 80
#define WATCH_MS 50 /* the watchdog sleeps when nothing has run for so long */
#define SETTLE_MS 200
#define SETTLE_TRIES 100

struct setting {
	unsigned workers, workers_per_set; /* the latter: 0 is the default */
	const char *forbid[2];
	bool far_timer, pinned, watched, listens;
};

/* What the kernel tells of one thread. */
struct sleeper {
	char name[32];
	char state;
	long switches;
	char run_time[64]; /* nanoseconds on a CPU, nanoseconds of waiting for one, times on one */
};

static struct evrt_pool *pool;
static struct event_base *base;
static struct evrt_test_count ran;
static int wires[WIRES][2];
static struct event *events[WIRES];
static struct event *far;
static struct evconnlistener *listener;

/* --- work ----------------------------------------------------------------------------------- */

static void
count_one(void *arg)
{
	(void)arg;
	evrt_test_count_add(&ran, 1);
}

static void
timer_ran(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	count_one(arg);
}

static void
take_byte(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	count_one(arg);
}

/* What it is for: to be slow. */
static void
be_slow(void *arg)
{
	poll(NULL, 0, SLOW_MS);
	count_one(arg);
}

static void
work_is_done(int status, void *arg)
{
	CHECK_INT_EQ(status, 0);
	count_one(arg);
}

static void
accept_one(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address, int length, void *arg)
{
	(void)l;
	(void)address;
	(void)length;
	evutil_closesocket(fd);
	count_one(arg);
}

static void
wait_for(long n)
{
	evrt_test_count_wait(&ran, n);
	evrt_test_count_add(&ran, -n);
}

static void
work_on_wires(void)
{
	for (int i = 0; i < WIRES; i++) {
		CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, wires[i]), 0);
		events[i] = event_new(base, wires[i][0], EV_READ | EV_PERSIST, take_byte, NULL);
		CHECK(events[i] != NULL);
		CHECK_INT_EQ(event_add(events[i], NULL), 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < WIRES; i++)
			CHECK_INT_EQ(write(wires[i][1], "x", 1), 1);
		wait_for(WIRES);
	}
}

static void
work_on_timers(struct event_base *on)
{
	for (int i = 0; i < TIMERS; i++) {
		struct timeval soon = { 0, 1000 * i };
		CHECK_INT_EQ(event_base_once(on, -1, EV_TIMEOUT, timer_ran, NULL, &soon), 0);
	}
	wait_for(TIMERS);
}

static void
work_on_posts(void)
{
	for (int i = 0; i < SLOW; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, be_slow, NULL), 0);
	for (int i = 0; i < WIRES; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	wait_for(SLOW + WIRES);
}

static void
work_that_blocks(void)
{
	struct evrt_blocking_limits limits;

	evrt_blocking_limits_init(&limits);
	limits.idle_ms = 1; /* its threads end, which takes one wake of each */
	CHECK_INT_EQ(evrt_blocking_set_limits(base, &limits), 0);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, be_slow, work_is_done, NULL, NULL), 0);
	wait_for(2);
}

static void
work_on_connections(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	listener = evconnlistener_new_bind(base, accept_one, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, -1,
	    (struct sockaddr *)&address, sizeof(address));
	CHECK(listener != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length), 0);
	for (int i = 0; i < WIRES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK_INT_EQ(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		close(fd);
	}
	wait_for(WIRES);
}

static void
work(const struct setting *s)
{
	static const struct timeval hour = { 3600, 0 };

	work_on_wires();
	work_on_timers(base);
	work_on_posts();
	work_that_blocks();
	if (s->pinned)
		for (unsigned i = 0; i < s->workers; i++)
			work_on_timers(evrt_pool_get_base(pool, i));
	if (s->listens)
		work_on_connections();
	if (s->far_timer) {
		far = evtimer_new(base, timer_ran, NULL);
		CHECK(far != NULL);
		CHECK_INT_EQ(evtimer_add(far, &hour), 0);
	}
}

/* --- sleep ---------------------------------------------------------------------------------- */

/* The file of a thread, as text. False: the thread has ended, or the kernel has no such file. */
static bool
read_of_thread(const char *tid, const char *name, char *text, size_t size)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/self/task/%s/%s", tid, name);
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	size_t n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	return n > 0;
}

static long
number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	CHECK(at != NULL);
	return strtol(at + strlen(key), NULL, 10);
}

/* All threads of the library: they have names. */
static unsigned
look_at_threads(struct sleeper *out)
{
	char status[4096];
	unsigned n = 0;
	DIR *tasks = opendir("/proc/self/task");

	CHECK(tasks != NULL);
	for (struct dirent *d; (d = readdir(tasks)) != NULL;) {
		struct sleeper *s = &out[n];
		if (!isdigit((unsigned char)d->d_name[0]) || !read_of_thread(d->d_name, "comm", s->name, sizeof(s->name)) ||
		    strncmp(s->name, "evrt-", 5) != 0 || !read_of_thread(d->d_name, "status", status, sizeof(status)))
			continue;
		s->name[strcspn(s->name, "\n")] = '\0';
		s->state = strstr(status, "State:")[7];
		s->switches = number_after(status, "\nvoluntary_ctxt_switches:") +
		    number_after(status, "\nnonvoluntary_ctxt_switches:");
		if (!read_of_thread(d->d_name, "schedstat", s->run_time, sizeof(s->run_time)))
			s->run_time[0] = '\0';
		s->run_time[strcspn(s->run_time, "\n")] = '\0';
		CHECK(++n < THREADS_MAX);
	}
	closedir(tasks);
	return n;
}

/* Why it is not so that all have slept from one look to the next; NULL: it is. */
static const struct sleeper *
first_awake(const struct sleeper *before, const struct sleeper *now, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (now[i].state != 'S' || strcmp(before[i].name, now[i].name) != 0 ||
		    before[i].switches != now[i].switches || strcmp(before[i].run_time, now[i].run_time) != 0)
			return &now[i];
	return NULL;
}

/* Looks twice, so far apart. Why it is not so that the `n` threads all slept in between; NULL: it is. */
static const struct sleeper *
watch_threads(unsigned n, int ms)
{
	static struct sleeper before[THREADS_MAX], now[THREADS_MAX];
	static const struct sleeper wrong_number = { .name = "another number of threads", .state = '?' };

	unsigned first = look_at_threads(before);
	poll(NULL, 0, ms);
	if (first != n || look_at_threads(now) != n)
		return &wrong_number;
	return first_awake(before, now, n);
}

static void
check_sleeps(const struct setting *s)
{
	const char *seconds = getenv("EVRT_IDLE_S");
	unsigned n = s->workers + s->watched;
	char json[16384];

	for (int tries = 0; watch_threads(n, SETTLE_MS); tries++)
		CHECK(tries < SETTLE_TRIES);
	CHECK(evrt_pool_stats_json(pool, json, sizeof(json)) > 0); /* is read without waking anybody */
	const struct sleeper *awake = watch_threads(n, (seconds ? atoi(seconds) : 3) * 1000);
	if (awake)
		evrt_test_fail(__FILE__, __LINE__, "%s: state %c, %ld switches, schedstat %s", awake->name, awake->state,
		    awake->switches, awake->run_time);
}

static void
sleeps(const struct setting *s)
{
	struct evrt_pool_config c;

	for (int i = 0; i < 2; i++)
		if (s->forbid[i])
			setenv(s->forbid[i], "1", 1);
	evrt_pool_config_init(&c);
	c.workers = s->workers;
	if (s->workers_per_set)
		c.workers_per_set = s->workers_per_set;
	c.watchdog_limit_ms = s->watched ? WATCH_MS : 0;
	c.accept_latency_limit_ms = s->listens ? 20 : 0;
	c.connections_max = s->listens ? 1000 : 0;
	pool = evrt_pool_new(&c);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	work(s);
	check_sleeps(s);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	for (int i = 0; i < WIRES; i++) {
		event_free(events[i]);
		close(wires[i][0]);
		close(wires[i][1]);
	}
	if (far)
		event_free(far);
	if (listener)
		evconnlistener_free(listener);
	evrt_pool_free(pool);
	libevent_global_shutdown();
}

#define SLEEPS(name, ...) static void name(void) { sleeps(&(struct setting){ __VA_ARGS__ }); }

SLEEPS(one_worker, .workers = 1)
SLEEPS(eight_workers, .workers = 8)
SLEEPS(sets_of_two, .workers = 8, .workers_per_set = 2)
SLEEPS(a_set_each, .workers = 8, .workers_per_set = 1)
SLEEPS(on_poll, .workers = 8, .forbid = { "EVENT_NOEPOLL" })
SLEEPS(on_select, .workers = 8, .forbid = { "EVENT_NOEPOLL", "EVENT_NOPOLL" })
SLEEPS(with_a_far_timer, .workers = 8, .far_timer = true)
SLEEPS(with_a_far_timer_alone, .workers = 1, .far_timer = true)
SLEEPS(with_a_far_timer_on_poll, .workers = 8, .far_timer = true, .forbid = { "EVENT_NOEPOLL" })
SLEEPS(with_pinned_bases, .workers = 8, .pinned = true)
SLEEPS(with_a_watchdog, .workers = 8, .watched = true)
SLEEPS(with_limits, .workers = 8, .listens = true)

#define CASE(fn) { #fn, fn }
static const struct evrt_test_case cases[] = {
	CASE(one_worker),
	CASE(eight_workers),
	CASE(sets_of_two),
	CASE(a_set_each),
	CASE(on_poll),
	CASE(on_select),
	CASE(with_a_far_timer),
	CASE(with_a_far_timer_alone),
	CASE(with_a_far_timer_on_poll),
	CASE(with_pinned_bases),
	CASE(with_a_watchdog),
	CASE(with_limits),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
