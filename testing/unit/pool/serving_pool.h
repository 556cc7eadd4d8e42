/* testing/unit/pool/serving_pool.h — a pool that runs, for suites about what is served on it.
 *
 * Here:     static helpers and the pool; each suite is a program of its own.
 * Not here: the suites about pools themselves (pool_fixture.h).
 */
#ifndef EVRT_TESTING_UNIT_POOL_SERVING_POOL_H_
#define EVRT_TESTING_UNIT_POOL_SERVING_POOL_H_

#include <event2/event.h>
#include <evrt/pool.h>

#include "testing/harness/test.h"

static struct evrt_pool *pool;
static struct event_base *base; /* the pooled one */

/* Its workers are called for each strand that is ready, so that callbacks run side by side wherever they may. */
static inline void
start_pool(unsigned workers)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = workers;
	config.wake_queue_strands = 1;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
}

static inline void
stop_pool(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

#endif
