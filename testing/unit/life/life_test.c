/* testing/unit/life/life_test.c — docs/LIFE.md is true: what is traced comes in the order of its tables.
 *
 * The document is the expectation. A walk is a section of it; the first cells of its table's rows name trace points
 * (base/trace.h), and exactly these are met, in this order, and no others. So neither can change without the other.
 *
 * What is heard is what concerns the walk's strand, and, where there is one worker, also when that sleeps. With
 * several there is more to that than one order.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/trace.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define RECORDS_MAX 1000u
#define TEXT_MAX 4096u
#define DEADLINE_S 30

#define NAME(point) #point,
static const char *const point_names[] = { EVRT_TRACE_POINTS(NAME) };

static struct record {
	enum evrt_trace_point point;
	const void *about;
} records[RECORDS_MAX];                                 /* guarded by `heard_lock`, as the next two */
static unsigned heard;
static unsigned walk_start;                             /* the first record of the walk */
static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard_more = PTHREAD_COND_INITIALIZER;

static struct evrt_pool *pool;
static struct event_base *base;
static int pair[2]; /* the pool has the first, the test the second */

static void
listen_to(enum evrt_trace_point point, const void *about)
{
	pthread_mutex_lock(&heard_lock);
	if (heard < RECORDS_MAX)
		records[heard++] = (struct record){ point, about };
	pthread_cond_broadcast(&heard_more);
	pthread_mutex_unlock(&heard_lock);
}

static bool
is_of_workers(enum evrt_trace_point point)
{
	return strncmp(point_names[point], "worker_", 7) == 0;
}

/* What the walk is about: the first thing that was named in it. Lock held. */
static const void *
walk_strand(void)
{
	for (unsigned i = walk_start; i < heard; i++)
		if (!is_of_workers(records[i].point))
			return records[i].about;
	return NULL;
}

/* The walk has come so far: the only worker sleeps after `n` strands were let go. Lock held. */
static bool
has_settled(unsigned n)
{
	unsigned let_go = 0;

	for (unsigned i = walk_start; i < heard; i++)
		let_go += records[i].point == EVRT_TRACE_AT_strand_let_go;
	return let_go >= n && heard > walk_start && records[heard - 1].point == EVRT_TRACE_AT_worker_sleeps;
}

/* The walk's strand was let go. Lock held. */
static bool
strand_is_let_go(unsigned ignored)
{
	const void *strand = walk_strand();

	(void)ignored;
	for (unsigned i = walk_start; i < heard; i++)
		if (records[i].about == strand && records[i].point == EVRT_TRACE_AT_strand_let_go)
			return true;
	return false;
}

static void
wait_until(bool (*is_so)(unsigned), unsigned n)
{
	struct timespec deadline;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += DEADLINE_S;
	pthread_mutex_lock(&heard_lock);
	while (!is_so(n) && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&heard_more, &heard_lock, &deadline);
	CHECK(is_so(n));
	CHECK(heard < RECORDS_MAX);
	pthread_mutex_unlock(&heard_lock);
}

static void
walk_begins(void)
{
	pthread_mutex_lock(&heard_lock);
	walk_start = heard;
	pthread_mutex_unlock(&heard_lock);
}

static void
append(char *text, const char *name, size_t length)
{
	size_t used = strlen(text);

	CHECK(used + length + 2 < TEXT_MAX);
	snprintf(text + used, TEXT_MAX - used, "%.*s ", (int)length, name);
}

/* The points of the tables below the heading "## `section`", or of all tables. */
static void
read_document(const char *section, char *text)
{
	char line[TEXT_MAX];
	bool inside = !section;
	FILE *f = fopen("docs/LIFE.md", "r");

	CHECK(f != NULL);
	text[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (section && strncmp(line, "## ", 3) == 0)
			inside = strcmp(line + 3, section) == 0;
		if (inside && strncmp(line, "| `", 3) == 0)
			append(text, line + 3, strcspn(line + 3, "`"));
	}
	fclose(f);
	CHECK(text[0] != '\0');
}

static void
check_walk(const char *section, bool with_worker)
{
	char told[TEXT_MAX] = "", expected[TEXT_MAX];

	pthread_mutex_lock(&heard_lock);
	const void *strand = walk_strand();
	for (unsigned i = walk_start; i < heard; i++) {
		const char *name = point_names[records[i].point];
		if (is_of_workers(records[i].point) ? with_worker : records[i].about == strand)
			append(told, name, strlen(name));
	}
	pthread_mutex_unlock(&heard_lock);
	read_document(section, expected);
	CHECK_STR_EQ(told, expected);
}

static void
begin(unsigned workers)
{
	struct evrt_pool_config c;

	evrt__trace_to(listen_to);
	evrt_pool_config_init(&c);
	c.workers = workers;
	c.strand_budget_us = c.turn_budget_us = 0; /* on a slow machine a strand would let others have their turn */
	pool = evrt_pool_new(&c);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(pair[0]), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static void
end(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	close(pair[0]);
	close(pair[1]);
	libevent_global_shutdown();
}

/* Runs fn on the only worker, and waits until `runs` strands in all have run and the worker sleeps. */
static void
set_up(void (*fn)(void *), void *arg, unsigned runs)
{
	wait_until(has_settled, 0);
	walk_begins();
	CHECK_INT_EQ(evrt_pool_post(pool, fn, arg), 0);
	wait_until(has_settled, runs);
	walk_begins();
}

static void
send_byte(void)
{
	CHECK_INT_EQ(write(pair[1], "x", 1), 1);
}

static void
echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
make_bufferevent(void *out)
{
	struct bufferevent *bev = bufferevent_socket_new(base, pair[0], BEV_OPT_THREADSAFE);

	CHECK(bev != NULL);
	bufferevent_setcb(bev, echo, NULL, NULL, NULL);
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
	*(struct bufferevent **)out = bev;
}

static void
life_of_a_byte(void)
{
	struct bufferevent *bev;

	begin(1);
	/* The maker's strand, which becomes the bufferevent's, and then that once more: it may write. */
	set_up(make_bufferevent, &bev, 2);
	send_byte();
	wait_until(has_settled, 1);
	check_walk("Of a byte", true);
	char c = 0;
	CHECK_INT_EQ(read(pair[1], &c, 1), 1);
	CHECK_INT_EQ(c, 'x');
	evrt_pool_stop(pool, NULL);
	bufferevent_free(bev);
	end();
}

static void
read_byte(evutil_socket_t fd, short what, void *arg)
{
	char c;

	(void)what;
	(void)arg;
	CHECK_INT_EQ(read(fd, &c, 1), 1);
}

static void
add_event(void *ev)
{
	CHECK_INT_EQ(event_add(ev, NULL), 0);
}

static void
life_of_a_watched_descriptor(void)
{
	begin(1);
	struct event *ev = event_new(base, pair[0], EV_READ | EV_PERSIST, read_byte, NULL);
	CHECK(ev != NULL);
	set_up(add_event, ev, 1);
	send_byte();
	wait_until(has_settled, 1);
	check_walk("Of a descriptor that a program watches", true);
	event_free(ev);
	end();
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
life_of_a_post_from_outside(void)
{
	begin(1);
	wait_until(has_settled, 0);
	walk_begins();
	CHECK_INT_EQ(evrt_pool_post(pool, nothing, NULL), 0);
	wait_until(has_settled, 1);
	check_walk("Of a task that comes from outside", true);
	end();
}

static void
post_and_stay(void *gate)
{
	walk_begins();
	CHECK_INT_EQ(evrt_pool_post(pool, nothing, NULL), 0);
	evrt_test_gate_wait(gate);
}

static void
life_of_a_post_that_is_stolen(void)
{
	static struct evrt_test_gate gate;

	begin(2);
	CHECK_INT_EQ(evrt_pool_post(pool, post_and_stay, &gate), 0);
	wait_until(strand_is_let_go, 0);
	check_walk("Of a task that is stolen", false);
	evrt_test_gate_open(&gate);
	end();
}

static void
timer_ran(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
life_of_a_timer(void)
{
	static const struct timeval soon = { 0, 5000 };

	begin(1);
	struct event *ev = evtimer_new(base, timer_ran, NULL);
	CHECK(ev != NULL);
	wait_until(has_settled, 0);
	walk_begins();
	CHECK_INT_EQ(evtimer_add(ev, &soon), 0);
	wait_until(strand_is_let_go, 0);
	/* How often the worker lies down meanwhile depends on how soon it got up. */
	check_walk("Of a timer", false);
	event_free(ev);
	end();
}

static void
each_point_is_in_a_walk(void)
{
	char all[TEXT_MAX], name[64];

	read_document(NULL, all);
	for (unsigned i = 0; i < EVRT_TRACE_COUNT; i++) {
		snprintf(name, sizeof(name), "%s ", point_names[i]);
		if (!strstr(all, name))
			evrt_test_fail(__FILE__, __LINE__, "%s is in no walk", point_names[i]);
	}
}

#define CASE(fn) { #fn, fn }
static const struct evrt_test_case cases[] = {
	CASE(life_of_a_byte),
	CASE(life_of_a_watched_descriptor),
	CASE(life_of_a_post_from_outside),
	CASE(life_of_a_post_that_is_stolen),
	CASE(life_of_a_timer),
	CASE(each_point_is_in_a_walk),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
