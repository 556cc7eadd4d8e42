/* testing/unit/pool/pool_fixture.h — what the suites on pools share.
 *
 * Here:     static helpers; each suite is a program of its own, and each case a process.
 */
#ifndef EVRT_TESTING_UNIT_POOL_POOL_FIXTURE_H_
#define EVRT_TESTING_UNIT_POOL_POOL_FIXTURE_H_

#include <event2/event.h>
#include <evrt/pool.h>

#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/harness/wait.h"

static struct evrt_pool *pool;
static struct evrt_test_count ran; /* counts callbacks; a case waits for a number of them */

static inline struct evrt_pool *
pool_of(unsigned workers)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = workers;
	struct evrt_pool *p = evrt_pool_new(&c);
	CHECK(p != NULL);
	return p;
}

static inline void
done(void)
{
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	libevent_global_shutdown();
}

static inline void
count_one(void *arg)
{
	(void)arg;
	evrt_test_count_add(&ran, 1);
}

static inline void
timer_ran(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	count_one(NULL);
}

static inline void
take_byte(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	(void)arg;
	CHECK_INT_EQ(read(fd, &byte, 1), 1);
	count_one(NULL);
}

#define CASE(fn) { #fn, fn }

#endif
