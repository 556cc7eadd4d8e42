/* testing/unit/api/bufferevent/kinds_threads_test.c — pairs and filters that several threads use at once.
 *
 * Here:     BEV_OPT_THREADSAFE on a plain base, whose loop is another thread's, and on a pooled one; the lock that
 *           both ends of a pair, and all of a stack, share.
 * Threads:  a loop or three workers, and the test.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <evrt/pool.h>

#include <pthread.h>
#include <stdbool.h>

#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define LEVELS 5
#define TOTAL 20000
#define OPTIONS (BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE)

static struct event_base *base;
static struct bufferevent *ends[2];
static struct evrt_test_count arrived, ended, contexts_freed;

struct sum {
	uint64_t count, wrong;
};
static struct sum sums[2]; /* each of its reader's callback only */

static enum bufferevent_filter_result
some_bytes(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	size_t n = evbuffer_get_length(src);

	(void)mode, (void)arg;
	n = n > 300 ? 300 : n;
	n = limit >= 0 && n > (size_t)limit ? (size_t)limit : n;
	if (n == 0)
		return BEV_NEED_MORE;
	CHECK_INT_EQ(evbuffer_remove_buffer(src, dst, n), n);
	return BEV_OK;
}

static void
count_context(void *arg)
{
	(void)arg;
	evrt_test_count_add(&contexts_freed, 1);
}

static struct bufferevent *
stack_on(struct bufferevent *bev, int levels)
{
	while (levels-- > 0) {
		bev = bufferevent_filter_new(bev, some_bytes, some_bytes, OPTIONS, count_context, NULL);
		CHECK(bev != NULL);
	}
	return bev;
}

static void
take(struct bufferevent *bev, void *arg)
{
	struct sum *sum = arg;
	unsigned char bytes[512];
	size_t n, all = 0;

	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0)
		for (size_t i = 0; i < n; i++, all++)
			sum->wrong += bytes[i] != (unsigned char)(sum->count++ * 7);
	evrt_test_count_add(&arrived, (long)all);
}

static void
note_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev, (void)arg;
	evrt_test_count_add(&ended, (what & BEV_EVENT_EOF) != 0);
}

static void
open_stacks(int levels)
{
	CHECK_INT_EQ(bufferevent_pair_new(base, BEV_OPT_THREADSAFE, ends), 0);
	for (int i = 0; i < 2; i++) {
		ends[i] = stack_on(ends[i], levels);
		bufferevent_setcb(ends[i], take, NULL, note_end, &sums[i]);
		CHECK_INT_EQ(bufferevent_enable(ends[i], EV_READ), 0);
	}
}

static void *
write_all(void *end)
{
	for (int i = 0; i < TOTAL; i++) {
		unsigned char c = (unsigned char)(i * 7);
		CHECK_INT_EQ(bufferevent_write(end, &c, 1), 0);
		if (i % 1000 == 0) {
			bufferevent_disable(end, EV_READ);
			bufferevent_enable(end, EV_READ);
			(void)bufferevent_flush(end, EV_WRITE, BEV_FLUSH);
		}
	}
	(void)bufferevent_flush(end, EV_WRITE, BEV_FINISHED);
	return NULL;
}

static void
write_from_two_threads(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, write_all, ends[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	evrt_test_count_wait(&ended, 2);
	evrt_test_count_wait(&arrived, 2 * TOTAL);
	/* From two threads at once, as programs do at their end. */
	bufferevent_free(ends[0]);
	bufferevent_free(ends[1]);
}

static void
check_sums(int levels)
{
	CHECK_INT_EQ(evrt_test_count_get(&contexts_freed), 2 * levels);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(sums[i].count, TOTAL);
		CHECK_INT_EQ(sums[i].wrong, 0);
	}
}

static void *
run_loop(void *arg)
{
	(void)arg;
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
on_a_plain_base(int levels)
{
	pthread_t loop;

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	open_stacks(levels);
	CHECK_INT_EQ(pthread_create(&loop, NULL, run_loop, NULL), 0);
	write_from_two_threads();
	evrt_test_count_wait(&contexts_freed, 2 * levels);
	event_base_loopexit(base, NULL);
	pthread_join(loop, NULL);
	event_base_free(base);
	check_sums(levels);
}

static void a_pair_between_threads(void) { on_a_plain_base(0); }
static void stacks_between_threads(void) { on_a_plain_base(LEVELS); }

static void
on_a_pool(int levels)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = 3;
	struct evrt_pool *pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	open_stacks(levels);
	write_from_two_threads();
	evrt_test_count_wait(&contexts_freed, 2 * levels);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
	check_sums(levels);
}

static void a_pair_on_a_pool(void) { on_a_pool(0); }
static void stacks_on_a_pool(void) { on_a_pool(LEVELS); }

/* The lock is of both, and lives as long as either. */
static void
a_lock_outlives_the_end_that_was_made_first(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	open_stacks(1);
	bufferevent_free(ends[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(bufferevent_write(ends[1], "x", 1), 0);
	bufferevent_lock(ends[1]);
	bufferevent_unlock(ends[1]);
	bufferevent_free(ends[1]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(evrt_test_count_get(&contexts_freed), 2);
	event_base_free(base);
}

static void
time_out(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	CHECK_INT_EQ(what, BEV_EVENT_TIMEOUT | BEV_EVENT_READING);
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
	evrt_test_count_add(&ended, 1);
}

static void
timeouts_run_on_a_pool(void)
{
	struct evrt_pool_config config;
	struct timeval tv = { 0, 10000 }, far = { 1000, 0 };

	evrt_pool_config_init(&config);
	config.workers = 2;
	struct evrt_pool *pool = evrt_pool_new(&config);
	base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(bufferevent_pair_new(base, BEV_OPT_THREADSAFE, ends), 0);
	ends[0] = stack_on(ends[0], 1);
	for (int i = 0; i < 2; i++) {
		bufferevent_setcb(ends[i], NULL, NULL, time_out, NULL);
		bufferevent_set_timeouts(ends[i], &far, NULL);
		bufferevent_enable(ends[i], EV_READ);
		CHECK_INT_EQ(event_pending(&ends[i]->ev_read, EV_TIMEOUT, NULL), EV_TIMEOUT);
		bufferevent_set_timeouts(ends[i], &tv, NULL);
	}
	evrt_test_count_wait(&ended, 2);
	bufferevent_free(ends[0]);
	bufferevent_free(ends[1]);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	evrt_pool_free(pool);
}

static const struct evrt_test_case cases[] = {
	{ "a_pair_between_threads", a_pair_between_threads },
	{ "stacks_between_threads", stacks_between_threads },
	{ "a_pair_on_a_pool", a_pair_on_a_pool },
	{ "stacks_on_a_pool", stacks_on_a_pool },
	{ "a_lock_outlives_the_end_that_was_made_first", a_lock_outlives_the_end_that_was_made_first },
	{ "timeouts_run_on_a_pool", timeouts_run_on_a_pool },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
