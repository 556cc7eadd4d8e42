/* testing/bench/post_oracle.c — libevent's base in a thread of its own; see post.h. */
#include "testing/bench/post.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include <pthread.h>
#include <string.h>

#include "testing/bench/bench.h"

static struct event_base *base;
static struct event events[POST_POSTERS_MAX * POST_BATCH];
static bool is_once;

static void
run(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	post_ran();
}

static void *
thread_main(void *arg)
{
	event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

void
post_open(const char *how)
{
	pthread_t thread;

	is_once = strcmp(how, "once") == 0;
	if (evthread_use_pthreads() < 0 || !(base = event_base_new()))
		bench_die("event_base_new");
	for (int i = 0; i < POST_POSTERS_MAX * POST_BATCH; i++)
		event_assign(&events[i], base, -1, EV_PERSIST, run, NULL);
	if (pthread_create(&thread, NULL, thread_main, base))
		bench_die("a thread");
}

void
post_one(unsigned i)
{
	if (!is_once)
		event_active(&events[i], EV_READ, 1);
	else if (event_base_once(base, -1, EV_TIMEOUT, run, NULL, NULL) < 0)
		bench_die("event_base_once");
}

bool
post_counters(double *wakes, double *sleeps)
{
	(void)wakes;
	(void)sleeps;
	return false;
}
