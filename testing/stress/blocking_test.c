/* testing/stress/blocking_test.c — blocking calls from many threads: each has one completion, in its strand.
 *
 * Here:     senders that ask, cancel at random from other threads and change the limits, while threads come and go;
 *           pools that are stopped, started and freed under that.
 */
#include <event2/event.h>
#include <evrt/blocking.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "base/rand.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define SENDERS 6
#define CALLS 3000 /* of each sender */
#define STRANDS 16

struct cell { /* a strand, and what only its completions touch */
	struct evrt_strand *strand;
	long completed;
};

struct call {
	struct cell *cell;
	unsigned spins;
	int worked;      /* plain: by the work, read by the completion */
	evrt_atomic(int) completions;
};

static struct evrt_pool *pool;
static struct event_base *base;
static struct cell cells[STRANDS];
static struct call calls[SENDERS][CALLS];
static struct evrt_test_count completed;
static evrt_atomic(long) accepted, cancelled, ran;

static void
work(void *arg)
{
	struct call *c = arg;

	for (volatile unsigned i = 0; i < c->spins; i++)
		continue;
	c->worked++;
}

static void
done(int status, void *arg)
{
	struct call *c = arg;

	CHECK_INT_EQ(evrt_add_relaxed(&c->completions, 1), 0);
	CHECK_INT_EQ(c->worked, status ? 0 : 1);
	CHECK(status == 0 || status == ECANCELED);
	CHECK_PTR_EQ(evrt_strand_current(), c->cell->strand);
	c->cell->completed++; /* or ThreadSanitizer speaks up */
	evrt_add_relaxed(status ? &cancelled : &ran, 1L);
	evrt_test_count_add(&completed, 1);
}

static void
change_limits(struct evrt_rand *rand)
{
	struct evrt_blocking_limits limits;

	evrt_blocking_limits_init(&limits);
	limits.threads_max = 1 + evrt__rand_below(rand, 8);
	limits.queue_max = evrt__rand_below(rand, 200);
	limits.idle_ms = evrt__rand_below(rand, 3);
	CHECK_INT_EQ(evrt_blocking_set_limits(base, &limits), 0);
}

/* 0 is accepted; else errno. */
static int
ask(struct call *c, struct evrt_rand *rand)
{
	struct evrt_blocking *handle;

	c->cell = &cells[evrt__rand_below(rand, STRANDS)];
	c->spins = evrt__rand_below(rand, 3000);
	if (evrt_blocking_run(base, c->cell->strand, work, done, c, &handle) < 0)
		return errno;
	evrt_add_relaxed(&accepted, 1L);
	if (evrt__rand_below(rand, 3) == 0)
		CHECK(evrt_blocking_cancel(handle) >= 0);
	evrt_blocking_release(handle);
	return 0;
}

static void *
send_calls(void *arg)
{
	struct call *mine = arg;
	struct evrt_rand rand;

	evrt__rand_init(&rand, evrt_test_seed() + (uint64_t)(mine - calls[0]));
	for (int i = 0; i < CALLS; i++) {
		int err = ask(&mine[i], &rand);
		if (err) {
			CHECK(err == EAGAIN || err == ECANCELED);
			sched_yield();
		}
		if (evrt__rand_below(&rand, 200) == 0)
			change_limits(&rand);
	}
	return NULL;
}

static void
setup(void)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = 4;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	for (int i = 0; i < STRANDS; i++)
		CHECK((cells[i].strand = evrt_strand_new(pool)) != NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static void
finish(void)
{
	long sum = 0;

	/* Calls that waited when the limits were last set have a thread to come, or one that works. */
	evrt_test_count_wait(&completed, evrt_load_relaxed(&accepted));
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	for (int i = 0; i < STRANDS; i++) {
		sum += cells[i].completed;
		evrt_strand_free(cells[i].strand);
	}
	evrt_pool_free(pool);
	libevent_global_shutdown();
	CHECK_INT_EQ(sum, evrt_load_relaxed(&accepted));
	CHECK_INT_EQ(evrt_test_count_get(&completed), evrt_load_relaxed(&accepted));
	CHECK(evrt_load_relaxed(&cancelled) > 0 && evrt_load_relaxed(&ran) > 0);
}

static void
each_call_has_one_completion(void)
{
	pthread_t sender[SENDERS];

	setup();
	for (int i = 0; i < SENDERS; i++)
		CHECK_INT_EQ(pthread_create(&sender[i], NULL, send_calls, calls[i]), 0);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(sender[i], NULL);
	finish();
}

static void
also_while_the_pool_stops_and_starts(void)
{
	pthread_t sender[SENDERS];
	const struct timeval now = { 0, 0 };

	setup();
	for (int i = 0; i < SENDERS; i++)
		CHECK_INT_EQ(pthread_create(&sender[i], NULL, send_calls, calls[i]), 0);
	for (int i = 0; i < 100; i++) {
		CHECK(evrt_pool_stop(pool, i % 4 ? NULL : &now) >= 0);
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(sender[i], NULL);
	finish();
}

static const struct evrt_test_case cases[] = {
	{ "each_call_has_one_completion", each_call_has_one_completion },
	{ "also_while_the_pool_stops_and_starts", also_while_the_pool_stops_and_starts },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
