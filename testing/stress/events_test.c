/* testing/stress/events_test.c — many threads add, activate and delete events of one base, which runs.
 *
 * Here:     event_del's promise: when it has returned, the callback does not run and will not; and that what was
 *           added does run. On a pool, where strands are stolen meanwhile, and on a plain base.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <evrt/pool.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/rand.h"
#include "base/shake.h"
#include "testing/harness/test.h"
#include "testing/stress/settings.h"

#define THREADS 3
#define EVENTS 4
#define STEPS 3000

struct subject {
	struct event *ev;
	int ends[2];
	evrt_atomic(int) inside;  /* its callback runs */
	evrt_atomic(int) deleted; /* and must not, from here on */
	evrt_atomic(int) runs;
};

struct driver {
	pthread_t thread;
	struct event_base *base;
	uint64_t seed;
	struct subject subjects[EVENTS];
};

static struct driver drivers[THREADS];

static void
subject_ran(evutil_socket_t fd, short what, void *arg)
{
	struct subject *s = arg;

	(void)fd;
	(void)what;
	CHECK_INT_EQ(evrt_add_seq_cst(&s->inside, 1), 0); /* never twice at once */
	CHECK_INT_EQ(evrt_load_seq_cst(&s->deleted), 0);
	evrt_add_seq_cst(&s->runs, 1);
	for (volatile int i = 0; i < 200; i++)
		continue;
	CHECK_INT_EQ(evrt_load_seq_cst(&s->deleted), 0);
	evrt_sub_seq_cst(&s->inside, 1);
}

static void
subject_delete(struct subject *s)
{
	CHECK_INT_EQ(event_del(s->ev), 0);
	CHECK_INT_EQ(evrt_load_seq_cst(&s->inside), 0);
	evrt_store_seq_cst(&s->deleted, 1);
	CHECK_INT_EQ(event_pending(s->ev, EV_READ | EV_TIMEOUT, NULL), 0);
}

static void
subject_await_run(struct subject *s, int runs)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	for (time_t end = t.tv_sec + 30; evrt_load_seq_cst(&s->runs) <= runs;) {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &t);
		CHECK(t.tv_sec < end);
	}
}

static void
subject_step(struct driver *d, struct subject *s, struct evrt_rand *rand)
{
	struct timeval tv = { 0, (suseconds_t)evrt__rand_below(rand, 300) };

	evrt_store_seq_cst(&s->deleted, 0);
	int runs = evrt_load_seq_cst(&s->runs);
	bool will_run = true;
	switch (evrt__rand_below(rand, 5)) {
	case 0:
		CHECK_INT_EQ(event_add(s->ev, &tv), 0);
		break;
	case 1:
		CHECK_INT_EQ(event_add(s->ev, NULL), 0); /* its pipe is readable */
		break;
	case 2:
		event_active(s->ev, EV_READ, 1);
		break;
	case 3:
		tv.tv_sec = 1000;
		CHECK_INT_EQ(event_add(s->ev, &tv), 0);
		break;
	default:
		tv.tv_sec = 1000;
		event_del(s->ev);
		CHECK_INT_EQ(event_assign(s->ev, d->base, -1, 0, subject_ran, s), 0);
		CHECK_INT_EQ(event_add(s->ev, &tv), 0);
		will_run = false;
	}
	if (will_run && evrt__rand_below(rand, 8) == 0)
		subject_await_run(s, runs);
	subject_delete(s);
	if (!will_run)
		CHECK_INT_EQ(event_assign(s->ev, d->base, s->ends[0], EV_READ | (evrt__rand_below(rand, 2) ? EV_PERSIST : 0),
		    subject_ran, s), 0);
}

static void *
drive(void *arg)
{
	struct driver *d = arg;
	struct evrt_rand rand;

	evrt__rand_init(&rand, d->seed);
	EVRT_SHAKE_THREAD(1000 + (unsigned)(d - drivers));
	for (long i = 0; stress_goes_on(i, STEPS); i++)
		subject_step(d, &d->subjects[evrt__rand_below(&rand, EVENTS)], &rand);
	return NULL;
}

static void
drive_all(struct event_base *base)
{
	for (int i = 0; i < THREADS; i++) {
		struct driver *d = &drivers[i];
		d->base = base;
		d->seed = evrt_test_seed() + (uint64_t)i;
		for (int k = 0; k < EVENTS; k++) {
			struct subject *s = &d->subjects[k];
			CHECK_INT_EQ(pipe2(s->ends, O_NONBLOCK | O_CLOEXEC), 0);
			CHECK_INT_EQ(write(s->ends[1], "x", 1), 1);
			s->ev = event_new(base, s->ends[0], EV_READ | EV_PERSIST, subject_ran, s);
		}
		CHECK_INT_EQ(pthread_create(&d->thread, NULL, drive, d), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(drivers[i].thread, NULL);
		for (int k = 0; k < EVENTS; k++) {
			struct subject *s = &drivers[i].subjects[k];
			event_free(s->ev);
			close(s->ends[0]);
			close(s->ends[1]);
		}
	}
}

static void
event_del_keeps_its_promise_on_a_pool(void)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = (unsigned)stress_number("EVRT_STRESS_WORKERS", 3);
	c.wake_queue_strands = 1;
	struct evrt_pool *pool = evrt_pool_new(&c);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	drive_all(evrt_pool_as_base(pool));
	CHECK_INT_EQ(event_base_get_num_events(evrt_pool_as_base(pool), EVENT_BASE_COUNT_ADDED), 0);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	libevent_global_shutdown();
}

static void *
dispatch(void *base)
{
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
	return NULL;
}

static void
event_del_keeps_its_promise_on_a_plain_base(void)
{
	pthread_t loop;

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(pthread_create(&loop, NULL, dispatch, base), 0);
	drive_all(base);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
	while (!event_base_got_exit(base))
		sched_yield();
	pthread_join(loop, NULL);
	event_base_free(base);
	libevent_global_shutdown();
}

#define CASE(fn) { #fn, fn }

static const struct evrt_test_case cases[] = {
	CASE(event_del_keeps_its_promise_on_a_pool),
	CASE(event_del_keeps_its_promise_on_a_plain_base),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
