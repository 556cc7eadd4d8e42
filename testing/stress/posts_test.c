/* testing/stress/posts_test.c — no post is lost, and few need a system call.
 *
 * Here:     a million posts (EVRT_STRESS_POSTS) from 4 foreign threads to one worker that falls asleep whenever it
 *           can; the same one at a time, so that nearly each finds it asleep; posts to 10,000 strands of 8 workers;
 *           posts that let go of the only reference to the strand that they were posted to.
 *
 * settings.h says what the environment may set.
 */
#include <event2/event.h>
#include <evrt/pool.h>

#include <pthread.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/rand.h"
#include "base/shake.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/stress/settings.h"

#define SENDERS 4
#define POSTS 1000000L
#define BATCH 1000L
#define SHORT_LIVES 20000 /* of strands, for each sender */
#define BATCHES_WAITING_MAX 200 /* posts that nobody has run yet take memory */

static struct evrt_pool *pool;
static struct evrt_test_count batches; /* that ran in full */
static evrt_atomic(long) sent;

static struct evrt_pool *
pool_of(unsigned workers, unsigned workers_per_set)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = workers;
	c.workers_per_set = workers_per_set;
	struct evrt_pool *p = evrt_pool_new(&c);
	CHECK(p != NULL);
	return p;
}

static void
free_pool(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	libevent_global_shutdown();
}

static long delivered; /* plain: the pinned strand's callbacks do not overlap */

static void
count_delivery(void *arg)
{
	(void)arg;
	if (++delivered % BATCH == 0)
		evrt_test_count_add(&batches, 1);
}

static void *
send_many(void *arg)
{
	long each = stress_number("EVRT_STRESS_POSTS", POSTS) / SENDERS / BATCH * BATCH;

	EVRT_SHAKE_THREAD(1000 + (unsigned)(uintptr_t)arg);
	for (long done = 0; stress_goes_on(done, each); done += BATCH) {
		for (long i = 0; i < BATCH; i++)
			CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, count_delivery, NULL), 0);
		/* Also how a post that was lost shows early. */
		evrt_test_count_wait(&batches, (evrt_add_relaxed(&sent, BATCH) + BATCH) / BATCH - BATCHES_WAITING_MAX);
	}
	return NULL;
}

static void
a_million_posts_to_one_worker(void)
{
	struct evrt_worker_stats stats;
	pthread_t sender[SENDERS];

	pool = pool_of(1, 1);
	evrt_pool_start(pool);
	for (uintptr_t i = 0; i < SENDERS; i++)
		CHECK_INT_EQ(pthread_create(&sender[i], NULL, send_many, (void *)i), 0);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(sender[i], NULL);
	long posts = evrt_load_relaxed(&sent);
	evrt_test_count_wait(&batches, posts / BATCH);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(delivered, posts);
	CHECK_INT_EQ(evrt_pool_stats(pool, 0, &stats), 0);
	CHECK(stats.eventfd_writes * 10 < (uint64_t)posts);
	/* Never more than one write per sleep (and one more: the last may be under way). */
	CHECK(stats.eventfd_writes <= stats.parks + stats.loops);
	free_pool();
}

static void
answer(void *arg)
{
	evrt_test_gate_open(arg);
}

static void
each_post_wakes_a_sleeper(void)
{
	pool = pool_of(2, 2);
	evrt_pool_start(pool);
	for (long i = 0; stress_goes_on(i, 20000); i++) {
		struct evrt_test_gate gate = { 0 };
		/* The answer is awaited, so that the worker has every chance to be on its way to sleep. */
		CHECK_INT_EQ(evrt_pool_post_worker(pool, i % 2, answer, &gate), 0);
		evrt_test_gate_wait(&gate);
	}
	free_pool();
}

#define STRANDS 10000
#define PER_STRAND 30

struct cell {
	struct evrt_strand *strand;
	evrt_atomic(int) inside;
	long runs;      /* plain: each run must see its predecessor's write, or TSan speaks up */
	long last_seen;
};
static struct cell cells[STRANDS];
static evrt_atomic(long) runs_in_all;

static void
visit(void *arg)
{
	struct cell *c = arg;

	CHECK_INT_EQ(evrt_add_acq_rel(&c->inside, 1), 0);
	CHECK_INT_EQ(c->last_seen, c->runs);
	c->runs++;
	/* Long enough that queues form and thieves come. */
	for (volatile int i = 0; i < 300; i++)
		continue;
	c->last_seen = c->runs;
	evrt_sub_acq_rel(&c->inside, 1);
	if ((evrt_add_relaxed(&runs_in_all, 1L) + 1) % BATCH == 0)
		evrt_test_count_add(&batches, 1);
}

static void *
send_at_random(void *arg)
{
	struct evrt_rand rand;

	evrt__rand_init(&rand, evrt_test_seed() + (uintptr_t)arg);
	EVRT_SHAKE_THREAD(1000 + (unsigned)(uintptr_t)arg);
	for (long done = 0; stress_goes_on(done, (long)STRANDS * PER_STRAND / SENDERS); done += BATCH) {
		for (long i = 0; i < BATCH; i++) {
			struct cell *c = &cells[evrt__rand_below(&rand, STRANDS)];
			CHECK_INT_EQ(evrt_strand_post(c->strand, visit, c), 0);
		}
		evrt_test_count_wait(&batches, (evrt_add_relaxed(&sent, BATCH) + BATCH) / BATCH - BATCHES_WAITING_MAX);
	}
	return NULL;
}

/* The number of strands that were stolen. */
static uint64_t
visit_at_random(unsigned workers_per_set)
{
	struct evrt_worker_stats stats;
	uint64_t stolen = 0;
	pthread_t sender[SENDERS];

	unsigned workers = (unsigned)stress_number("EVRT_STRESS_WORKERS", 8);
	pool = pool_of(workers, workers_per_set);
	for (int i = 0; i < STRANDS; i++)
		CHECK((cells[i].strand = evrt_strand_new(pool)) != NULL);
	evrt_pool_start(pool);
	for (uintptr_t i = 0; i < SENDERS; i++)
		CHECK_INT_EQ(pthread_create(&sender[i], NULL, send_at_random, (void *)i), 0);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(sender[i], NULL);
	evrt_test_count_wait(&batches, evrt_load_relaxed(&sent) / BATCH);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	long sum = 0;
	for (int i = 0; i < STRANDS; i++) {
		sum += cells[i].runs;
		evrt_strand_free(cells[i].strand);
	}
	CHECK_INT_EQ(sum, evrt_load_relaxed(&sent));
	for (unsigned i = 0; i < workers; i++) {
		evrt_pool_stats(pool, i, &stats);
		stolen += stats.stolen;
	}
	free_pool();
	return stolen;
}

static void
strands_never_overlap(void)
{
	(void)visit_at_random(8);
}

static void
strands_never_overlap_and_are_stolen(void)
{
	CHECK(visit_at_random(1) > 0 || stress_number("EVRT_STRESS_WORKERS", 8) == 1);
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

static void
let_go(void *strand)
{
	evrt_strand_free(strand);
	evrt_test_count_add(&batches, 1);
}

/* Strands that live for a few posts each: the last one runs while its sender is still about to notify. */
static void *
send_and_forget(void *arg)
{
	EVRT_SHAKE_THREAD(3000 + (unsigned)(uintptr_t)arg);
	for (int i = 0; i < SHORT_LIVES; i++) {
		struct evrt_strand *s = evrt_strand_new(pool);
		CHECK(s != NULL);
		for (int k = 0; k < 3; k++)
			CHECK_INT_EQ(evrt_strand_post(s, do_nothing, NULL), 0);
		CHECK_INT_EQ(evrt_strand_post(s, let_go, s), 0);
	}
	return NULL;
}

static void
a_post_may_let_go_of_its_strand(void)
{
	pthread_t sender[SENDERS];

	pool = pool_of((unsigned)stress_number("EVRT_STRESS_WORKERS", 3), 8);
	evrt_pool_start(pool);
	for (uintptr_t i = 0; i < SENDERS; i++)
		CHECK_INT_EQ(pthread_create(&sender[i], NULL, send_and_forget, (void *)i), 0);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(sender[i], NULL);
	evrt_test_count_wait(&batches, (long)SENDERS * SHORT_LIVES);
	free_pool();
}

static const struct evrt_test_case cases[] = {
	{ "a_million_posts_to_one_worker", a_million_posts_to_one_worker },
	{ "each_post_wakes_a_sleeper", each_post_wakes_a_sleeper },
	{ "strands_never_overlap", strands_never_overlap },
	{ "strands_never_overlap_and_are_stolen", strands_never_overlap_and_are_stolen },
	{ "a_post_may_let_go_of_its_strand", a_post_may_let_go_of_its_strand },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
