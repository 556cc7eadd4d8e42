/* testing/bench/post_evrt.c — a pool of two workers; see post.h. */
#include "testing/bench/post.h"

#include <evrt/pool.h>

#include <string.h>

#include "testing/bench/bench.h"

#define WORKERS 2

static struct evrt_pool *pool;
static struct evrt_strand *strand;

static void
run(void *arg)
{
	(void)arg;
	post_ran();
}

static int
to_pool(void)
{
	return evrt_pool_post(pool, run, NULL);
}

static int
to_strand(void)
{
	return evrt_strand_post(strand, run, NULL);
}

static int
to_worker(void)
{
	return evrt_pool_post_worker(pool, 0, run, NULL);
}

static const struct {
	const char *how;
	int (*post)(void);
} ways[] = { { "pool", to_pool }, { "strand", to_strand }, { "worker", to_worker } };
static int (*post)(void);

void
post_open(const char *how)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = WORKERS;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].how, how) == 0)
			post = ways[i].post;
	if (!post || !(pool = evrt_pool_new(&config)) || !(strand = evrt_strand_new(pool)) || evrt_pool_start(pool) < 0)
		bench_die("evrt_pool_start");
}

void
post_one(unsigned i)
{
	(void)i;
	if (post() < 0)
		bench_die("a post");
}

bool
post_counters(double *wakes, double *sleeps)
{
	struct evrt_worker_stats s;

	*wakes = *sleeps = 0;
	for (unsigned w = 0; evrt_pool_stats(pool, w, &s) == 0; w++) {
		*wakes += (double)s.eventfd_writes;
		*sleeps += (double)s.parks;
	}
	return true;
}
