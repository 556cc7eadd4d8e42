/* testing/unit/api/bufferevent/rate_pool_test.c — rate-limit groups whose members are served by several threads.
 *
 * Here:     members on the strands of a pool, members on bases with threads of their own, and all that can happen
 *           to a member or a group at once: joining, leaving, limits set and taken away, freeing, from callbacks
 *           and from foreign threads, while bytes flow.
 * Checked:  the group's rate; every byte arrives, in order; nobody hangs. Races, lock order and leaks are found by
 *           the sanitizers and the lock-debug build.
 * Threads:  a pool of four workers, or two loops; the test; three meddlers.
 *
 * EVRT_STRESS_S sets how long the meddling goes on, in seconds (default 2).
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/unit/pool/serving_pool.h"

#define WORKERS 4
#define MEDDLERS 3
#define FLOWS 16
#define GROUPS 2

static struct ev_token_bucket_cfg *
config_of(size_t rate, size_t burst, int tick_ms)
{
	struct timeval tick = { 0, tick_ms * 1000 };
	struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(rate, burst, rate, burst, &tick);

	CHECK(cfg != NULL);
	return cfg;
}

static double
seconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

/* --- a group keeps its rate wherever its members are ------------------------------------------------ */

static struct evrt_test_count bytes_read;

static void
count_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(input);

	(void)arg;
	evbuffer_drain(input, n);
	evrt_test_count_add(&bytes_read, (long)n);
}

#define SHARERS 8
#define EACH 2000

/* SHARERS members of a group of 1000 bytes every 10 ms; even ones on bases[0], odd ones on bases[1]. */
static void
check_shared_rate(struct event_base *bases[2])
{
	struct ev_token_bucket_cfg *cfg = config_of(1000, 1000, 10);
	struct bufferevent_rate_limit_group *g = bufferevent_rate_limit_group_new(bases[0], cfg);
	struct bufferevent *bev[SHARERS];
	int peers[SHARERS];
	char bytes[EACH] = { 0 };
	struct timespec start;
	ev_uint64_t total;

	CHECK(g != NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < SHARERS; i++) {
		int pair[2];
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		evutil_make_socket_nonblocking(pair[0]);
		peers[i] = pair[1];
		bev[i] = bufferevent_socket_new(bases[i % 2], pair[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
		CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(bev[i], g), 0);
		bufferevent_setcb(bev[i], count_read, NULL, NULL, NULL);
		bufferevent_enable(bev[i], EV_READ);
		CHECK_INT_EQ(write(peers[i], bytes, EACH), EACH);
	}
	evrt_test_count_wait(&bytes_read, SHARERS * EACH);
	/* The first thousand is there at once; all threads together may be ahead by what one tick gives. */
	CHECK(seconds_since(&start) >= (SHARERS * EACH - 1000 - 1000) / 1000 * 0.010);
	bufferevent_rate_limit_group_get_totals(g, &total, NULL);
	CHECK_INT_EQ(total, SHARERS * EACH);
	for (int i = 0; i < SHARERS; i++) {
		bufferevent_free(bev[i]);
		close(peers[i]);
	}
	bufferevent_rate_limit_group_free(g);
	ev_token_bucket_cfg_free(cfg);
}

static void
members_on_strands_share(void)
{
	struct event_base *bases[2];

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	start_pool(WORKERS);
	bases[0] = bases[1] = base;
	check_shared_rate(bases);
	stop_pool();
}

static void *
run_loop(void *arg)
{
	event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
members_on_bases_share(void)
{
	struct event_base *bases[2];
	pthread_t threads[2];

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	for (int i = 0; i < 2; i++) {
		bases[i] = event_base_new();
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, run_loop, bases[i]), 0);
	}
	check_shared_rate(bases);
	for (int i = 0; i < 2; i++) {
		event_base_loopexit(bases[i], NULL);
		pthread_join(threads[i], NULL);
		event_base_free(bases[i]);
	}
}

/* --- everything at once ------------------------------------------------------------------------------- */

#define ENOUGH_BYTES 20000
#define GONE 100000000

/* Bytes 0, 1, 2, … from one bufferevent to another. Both are referenced by the flow, and freed, once each, by
 * whoever comes first. */
struct flow {
	struct flow *older; /* the one before in its place; callbacks may still be in it */
	struct bufferevent *from, *to;
	evrt_atomic(bool) from_freed, to_freed;
	unsigned char next_out, next_in; /* in the strand of from, of to */
	struct evrt_test_count arrived;  /* bytes; and GONE when an end was freed */
};

static struct place {
	pthread_mutex_t lock; /* guards what is in the place; taken before groups_lock */
	struct flow *flow;
} places[FLOWS];
static pthread_mutex_t groups_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bufferevent_rate_limit_group *groups[GROUPS];
static struct ev_token_bucket_cfg *configs[3];
static evrt_atomic(bool) stopping;
static evrt_atomic(long) flows_opened;

static void
free_once(struct flow *f, struct bufferevent *bev)
{
	if (evrt_swap_acq_rel(bev == f->from ? &f->from_freed : &f->to_freed, true))
		return;
	bufferevent_free(bev);
	evrt_test_count_add(&f->arrived, GONE);
}

static bool
flow_is_gone(struct flow *f)
{
	return evrt_load_acquire(&f->from_freed) || evrt_load_acquire(&f->to_freed);
}

static void
flow_write(struct bufferevent *bev, void *arg)
{
	struct flow *f = arg;
	unsigned char bytes[512];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = f->next_out++;
	bufferevent_write(bev, bytes, sizeof(bytes));
}

static void
flow_read(struct bufferevent *bev, void *arg)
{
	struct flow *f = arg;
	unsigned char bytes[512];
	size_t n;

	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0) {
		for (size_t i = 0; i < n; i++)
			CHECK_INT_EQ(bytes[i], f->next_in++);
		evrt_test_count_add(&f->arrived, (long)n);
	}
	if (evrt_load_acquire(&stopping))
		return;
	if (f->next_in % 32 == 7)
		bufferevent_remove_from_rate_limit_group(bev);
	if (f->next_in % 64 == 9)
		bufferevent_set_rate_limit(bev, configs[0]);
	if (f->next_in == 11)
		free_once(f, bev);
}

static struct flow *
flow_open(struct flow *older)
{
	struct flow *f = calloc(1, sizeof(*f));
	int pair[2];

	CHECK(f != NULL);
	f->older = older;
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	evutil_make_socket_nonblocking(pair[0]);
	evutil_make_socket_nonblocking(pair[1]);
	f->from = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
	f->to = bufferevent_socket_new(base, pair[1], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE |
	    (pair[1] % 2 ? BEV_OPT_DEFER_CALLBACKS : 0));
	CHECK(f->from && f->to);
	bufferevent_incref(f->from);
	bufferevent_incref(f->to);
	bufferevent_setcb(f->from, NULL, flow_write, NULL, f);
	bufferevent_setcb(f->to, flow_read, NULL, NULL, f);
	bufferevent_enable(f->to, EV_READ);
	bufferevent_trigger(f->from, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
	evrt_add_relaxed(&flows_opened, 1L);
	return f;
}

/* A freed one may have joined a group since: it was referenced. */
static void
flow_close(struct flow *f)
{
	struct bufferevent *both[2] = { f->from, f->to };

	for (int i = 0; i < 2; i++) {
		free_once(f, both[i]);
		bufferevent_remove_from_rate_limit_group(both[i]);
		bufferevent_decref(both[i]);
	}
}

/* One of the things that may be done to a bufferevent by anybody. */
static void
meddle_with_member(struct bufferevent *bev, unsigned dice)
{
	pthread_mutex_lock(&groups_lock);
	struct bufferevent_rate_limit_group *g = groups[dice % GROUPS];
	switch (dice / GROUPS % 8) {
	case 0: case 1: case 2:
		bufferevent_add_to_rate_limit_group(bev, g);
		break;
	case 3:
		bufferevent_remove_from_rate_limit_group(bev);
		break;
	case 4:
		bufferevent_set_rate_limit(bev, configs[dice / 16 % 3]);
		break;
	case 5:
		bufferevent_set_rate_limit(bev, NULL);
		break;
	case 6:
		bufferevent_decrement_read_limit(bev, 200);
		break;
	case 7:
		CHECK(bufferevent_get_max_to_read(bev) >= 0 && bufferevent_get_max_to_write(bev) >= 0);
		break;
	}
	pthread_mutex_unlock(&groups_lock);
}

static void
meddle_with_group(unsigned dice)
{
	ev_uint64_t r, w;

	pthread_mutex_lock(&groups_lock);
	struct bufferevent_rate_limit_group *g = groups[dice % GROUPS];
	switch (dice / GROUPS % 4) {
	case 0:
		bufferevent_rate_limit_group_set_cfg(g, configs[dice / 8 % 3]);
		break;
	case 1:
		bufferevent_rate_limit_group_set_min_share(g, dice / 8 % 300);
		break;
	case 2:
		bufferevent_rate_limit_group_decrement_write(g, (ev_ssize_t)(dice / 8 % 3000) - 1500);
		break;
	case 3:
		bufferevent_rate_limit_group_get_totals(g, &r, &w);
		break;
	}
	pthread_mutex_unlock(&groups_lock);
}

static void
lock_all_places(void)
{
	for (int i = 0; i < FLOWS; i++)
		pthread_mutex_lock(&places[i].lock);
}

static void
unlock_all_places(void)
{
	for (int i = 0; i < FLOWS; i++)
		pthread_mutex_unlock(&places[i].lock);
}

/* Another group in the place of one, whose members leave it first; none can join meanwhile. */
static void
replace_group(unsigned which)
{
	lock_all_places();
	pthread_mutex_lock(&groups_lock);
	for (int i = 0; i < FLOWS; i++) {
		bufferevent_remove_from_rate_limit_group(places[i].flow->from);
		bufferevent_remove_from_rate_limit_group(places[i].flow->to);
	}
	bufferevent_rate_limit_group_free(groups[which]);
	groups[which] = bufferevent_rate_limit_group_new(base, configs[which]);
	CHECK(groups[which] != NULL);
	pthread_mutex_unlock(&groups_lock);
	unlock_all_places();
}

static void
meddle_with_place(struct place *place, unsigned dice)
{
	pthread_mutex_lock(&place->lock);
	struct flow *f = place->flow;
	struct bufferevent *bev = dice & 1 ? f->from : f->to;
	dice >>= 1;
	if (flow_is_gone(f)) {
		flow_close(f);
		place->flow = flow_open(f);
	} else if (dice % 128 == 0) {
		free_once(f, bev);
	} else {
		meddle_with_member(bev, dice >> 7);
	}
	pthread_mutex_unlock(&place->lock);
}

static void *
meddle(void *arg)
{
	unsigned seed = (unsigned)evrt_test_seed() + (unsigned)(uintptr_t)arg * 7919u;

	while (!evrt_load_acquire(&stopping)) {
		unsigned dice = (unsigned)rand_r(&seed), what = (unsigned)rand_r(&seed) % 256;
		if (what == 0)
			replace_group(dice % GROUPS);
		else if (what < 32)
			meddle_with_group(dice);
		else
			meddle_with_place(&places[what % FLOWS], dice);
	}
	return NULL;
}

/* Nothing meddles any more: without limits, whatever was held back goes on. */
static void
check_all_flow(void)
{
	for (int i = 0; i < FLOWS; i++) {
		struct flow *f = places[i].flow;
		bufferevent_remove_from_rate_limit_group(f->from);
		bufferevent_remove_from_rate_limit_group(f->to);
		bufferevent_set_rate_limit(f->from, NULL);
		bufferevent_set_rate_limit(f->to, NULL);
		evrt_test_count_wait(&f->arrived, evrt_test_count_get(&f->arrived) % GONE + ENOUGH_BYTES);
	}
}

static void
everything_at_once(void)
{
	const char *duration = getenv("EVRT_STRESS_S");
	struct timespec span = { duration ? atoi(duration) : 2, 0 };
	pthread_t meddlers[MEDDLERS];

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	start_pool(WORKERS);
	configs[0] = config_of(4000, 8000, 2);
	configs[1] = config_of(300, 3000, 1);
	configs[2] = config_of(100000, 100000, 5);
	for (int i = 0; i < GROUPS; i++)
		CHECK((groups[i] = bufferevent_rate_limit_group_new(base, configs[i])) != NULL);
	for (int i = 0; i < FLOWS; i++) {
		pthread_mutex_init(&places[i].lock, NULL);
		places[i].flow = flow_open(NULL);
	}
	for (int i = 0; i < MEDDLERS; i++)
		CHECK_INT_EQ(pthread_create(&meddlers[i], NULL, meddle, (void *)(uintptr_t)i), 0);
	nanosleep(&span, NULL); /* not for anything to happen, but for as much as there is time for */
	evrt_store_release(&stopping, true);
	for (int i = 0; i < MEDDLERS; i++)
		CHECK_INT_EQ(pthread_join(meddlers[i], NULL), 0);
	CHECK(evrt_load_relaxed(&flows_opened) > FLOWS);
	check_all_flow();
	for (int i = 0; i < FLOWS; i++)
		flow_close(places[i].flow);
	for (int i = 0; i < GROUPS; i++)
		bufferevent_rate_limit_group_free(groups[i]);
	stop_pool();
	for (int i = 0; i < FLOWS; i++) {
		for (struct flow *f = places[i].flow, *older; f; f = older) {
			older = f->older;
			free(f);
		}
	}
	for (int i = 0; i < 3; i++)
		ev_token_bucket_cfg_free(configs[i]);
}

static const struct evrt_test_case cases[] = {
	{ "members_on_strands_share", members_on_strands_share },
	{ "members_on_bases_share", members_on_bases_share },
	{ "everything_at_once", everything_at_once },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
