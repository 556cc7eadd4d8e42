/* testing/unit/pool/pool_resize_fixture.h — what the suites on workers that come and go share. */
#ifndef EVRT_TESTING_UNIT_POOL_POOL_RESIZE_FIXTURE_H_
#define EVRT_TESTING_UNIT_POOL_POOL_RESIZE_FIXTURE_H_

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"
#include "testing/unit/pool/pool_fixture.h"

#define MAX 8

static unsigned per_set; /* 0: the default; all in one set */
static bool no_steal;

static inline struct evrt_pool *
growing_pool(unsigned workers)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = workers;
	c.workers_max = MAX;
	c.steal = !no_steal;
	if (per_set)
		c.workers_per_set = per_set;
	struct evrt_pool *p = evrt_pool_new(&c);
	CHECK(p != NULL);
	return p;
}

/* Threads of this process. */
static inline int
threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int count = 0;

	CHECK(dir != NULL);
	for (struct dirent *d; (d = readdir(dir)) != NULL;)
		count += d->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* The case's time limit ends this where it does not come. */
static inline void
wait_for_threads(int count)
{
	while (threads() != count)
		sched_yield();
}

static evrt_atomic(int) ran_on[MAX];

static inline void
note_worker(void *arg)
{
	(void)arg;
	evrt_add_seq_cst(&ran_on[evrt_worker_current()], 1);
	count_one(NULL);
}

/* Each of the workers, and no other, takes posts of its own. */
static inline void
check_workers(unsigned size)
{
	long before = evrt_test_count_get(&ran);

	CHECK_INT_EQ(evrt_pool_get_size(pool), size);
	for (unsigned i = 0; i < MAX; i++) {
		CHECK((evrt_pool_get_base(pool, i) != NULL) == (i < size));
		CHECK_INT_EQ(evrt_pool_post_worker(pool, i, note_worker, NULL), i < size ? 0 : -1);
	}
	evrt_test_count_wait(&ran, before + size);
	for (unsigned i = 0; i < MAX; i++)
		CHECK_INT_EQ(evrt_swap_acq_rel(&ran_on[i], 0), i < size);
}

#endif
