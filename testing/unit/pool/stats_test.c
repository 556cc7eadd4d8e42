/* testing/unit/pool/stats_test.c — what a pool counts about itself, and how it is read. */
#include <event2/event.h>
#include <evrt/pool.h>

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/pool/stats.h"
#include "testing/unit/pool/pool_fixture.h"

#define MS 1000000u

static uint64_t
sum_of(const uint64_t *buckets)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < EVRT_STATS_BUCKETS; i++)
		sum += buckets[i];
	return sum;
}

static struct evrt_pool_totals
totals(void)
{
	struct evrt_pool_totals t;

	CHECK_INT_EQ(evrt_pool_stats_total(pool, &t), 0);
	return t;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* Not a sleep: what is measured here is the time that a worker is kept. */
static void
keep_busy(uint64_t ns)
{
	for (uint64_t end = now_ns() + ns; now_ns() < end;)
		sched_yield();
}

static void
times_fall_into_buckets(void)
{
	static const struct {
		evrt_ns time;
		unsigned bucket;
	} table[] = { { 0, 0 }, { 1, 0 }, { 2, 1 }, { 3, 1 }, { 4, 2 }, { 1023, 9 }, { 1024, 10 }, { (1ll << 31) - 1, 30 },
		{ 1ll << 31, 31 }, { 1ll << 40, 31 }, { -5, 0 } };

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		evrt_atomic(uint64_t) buckets[EVRT_TIME_BUCKETS] = { 0 };
		evrt_atomic(uint64_t) longest = 0;
		evrt__stats_add_time(buckets, &longest, table[i].time);
		for (unsigned k = 0; k < EVRT_TIME_BUCKETS; k++)
			CHECK_INT_EQ(evrt_load_relaxed(&buckets[k]), k == table[i].bucket);
		CHECK_INT_EQ(evrt_load_relaxed(&longest), table[i].time > 0 ? table[i].time : 0);
	}
}

static void
the_longest_stays(void)
{
	struct evrt_worker_counters c = { 0 };

	evrt__stats_run(&c, 70);
	evrt__stats_run(&c, 90);
	evrt__stats_run(&c, 80);
	CHECK_INT_EQ(evrt_load_relaxed(&c.longest_run_ns), 90);
	CHECK_INT_EQ(evrt_load_relaxed(&c.busy_ns), 240);
	CHECK_INT_EQ(evrt_load_relaxed(&c.run_ns[6]), 3);
	evrt__stats_inbox(&c, 3);
	evrt__stats_inbox(&c, 2);
	CHECK_INT_EQ(evrt_load_relaxed(&c.posts), 5);
	CHECK_INT_EQ(evrt_load_relaxed(&c.longest_inbox), 3);
	evrt__stats_rescue(&c);
	CHECK_INT_EQ(evrt_load_relaxed(&c.rescues), 1);
}

static void
a_sleep_for_nothing_is_told_from_others(void)
{
	struct evrt_worker_counters c = { 0 };
	evrt_atomic(evrt_ns) since = 5;

	evrt__stats_park(&c); /* the first one: no sleep has ended before */
	evrt__stats_begin(&c, &since, 7);
	evrt__stats_park(&c);
	CHECK_INT_EQ(evrt_load_relaxed(&c.useless_wakes), 0);
	evrt__stats_park(&c);
	CHECK_INT_EQ(evrt_load_relaxed(&c.useless_wakes), 1);
	CHECK_INT_EQ(evrt_load_relaxed(&c.parks), 3);
	CHECK_INT_EQ(evrt_load_relaxed(&c.wait_ns[1]), 1);
	CHECK_INT_EQ(evrt_load_relaxed(&since), 0);
}

static void
every_run_is_in_its_histograms(void)
{
	struct timeval soon = { 0, 1000 };

	pool = pool_of(3);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < 200; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	for (int i = 0; i < 20; i++)
		CHECK_INT_EQ(event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, timer_ran, NULL, &soon), 0);
	evrt_test_count_wait(&ran, 220);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	struct evrt_pool_totals t = totals();
	CHECK_INT_EQ(t.workers, 3);
	CHECK_INT_EQ(t.all.callbacks, 220);
	CHECK_INT_EQ(t.all.timers, 20);
	CHECK_INT_EQ(sum_of(t.all.run_ns_log2), t.all.runs);
	CHECK_INT_EQ(sum_of(t.all.wait_ns_log2), t.all.runs);
	CHECK_INT_EQ(sum_of(t.all.lag_ns_log2), 20);
	CHECK(t.all.longest_run_ns > 0 && t.all.longest_wait_ns > 0 && t.all.longest_lag_ns > 0);
	CHECK(t.all.polls > 0 && t.all.polls >= t.all.parks && t.all.useless_wakes <= t.all.parks);
	CHECK_INT_EQ(t.oldest_ns, 0);
	/* They are the sums of what the workers say. */
	uint64_t runs = 0, longest = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct evrt_worker_stats s;
		CHECK_INT_EQ(evrt_pool_stats(pool, i, &s), 0);
		runs += s.runs;
		longest = s.longest_wait_ns > longest ? s.longest_wait_ns : longest;
	}
	CHECK_INT_EQ(runs, t.all.runs);
	CHECK_INT_EQ(longest, t.all.longest_wait_ns);
	done();
}

static struct evrt_test_gate gate;

static void
stay(void *arg)
{
	(void)arg;
	count_one(NULL);
	evrt_test_gate_wait(&gate);
}

static void
post_to_worker(void (*fn)(void *))
{
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 0, fn, NULL), 0);
}

static void
post_anywhere(void (*fn)(void *))
{
	CHECK_INT_EQ(evrt_pool_post(pool, fn, NULL), 0);
}

/* Behind a callback that does not return, what is ready grows old, whichever queue it is in. */
static void
check_age(void (*post)(void (*fn)(void *)))
{
	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	post_anywhere(stay);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(totals().oldest_ns, 0);
	post(count_one);
	keep_busy(3 * MS);
	CHECK(totals().oldest_ns >= 3 * MS);
	evrt_test_gate_open(&gate);
	evrt_test_count_wait(&ran, 2);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(totals().oldest_ns, 0);
	CHECK(totals().all.longest_wait_ns >= 3 * MS);
	done();
}

static void
a_pinned_strand_that_waits_has_an_age(void)
{
	check_age(post_to_worker);
}

static void
a_strand_of_a_foreign_thread_that_waits_has_an_age(void)
{
	check_age(post_anywhere);
}

static void
post_to_own_and_look(void *arg)
{
	(void)arg;
	post_to_worker(count_one);
	keep_busy(3 * MS);
	CHECK(totals().all.oldest_ns >= 3 * MS);
	count_one(NULL);
}

static void
a_pinned_strand_that_its_worker_made_ready_has_an_age(void)
{
	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	post_anywhere(post_to_own_and_look);
	evrt_test_count_wait(&ran, 2);
	done();
}

#define MANY 400

static void
post_many_and_look(void *arg)
{
	uint64_t before = totals().common_queue_strands;

	(void)arg;
	for (int i = 0; i < MANY; i++)
		post_anywhere(count_one);
	keep_busy(3 * MS);
	struct evrt_pool_totals t = totals();
	CHECK(before == 0 && t.common_queue_strands > 0);
	CHECK_INT_EQ(t.all.queue_strands + t.common_queue_strands, MANY);
	CHECK_INT_EQ(t.all.overflows, t.common_queue_strands);
	/* It has all been there since this callback began, or a little later. */
	CHECK(t.oldest_ns >= 3 * MS && t.all.oldest_ns >= 3 * MS);
	count_one(NULL);
}

static void
what_overflows_is_seen(void)
{
	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	post_anywhere(post_many_and_look);
	evrt_test_count_wait(&ran, MANY + 1);
	done();
}

static void
a_budget_that_is_used_up_is_counted(void)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = 1;
	c.strand_budget_us = 0; /* callbacks alone count */
	pool = evrt_pool_new(&c);
	CHECK(pool != NULL);
	struct evrt_strand *s = evrt_strand_new(pool);
	for (int i = 0; i < 40; i++)
		CHECK_INT_EQ(evrt_strand_post(s, count_one, NULL), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 40);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(totals().all.budget_yields, 2); /* 16, 16, 8 */
	CHECK_INT_EQ(totals().all.runs, 3);
	evrt_strand_free(s);
	done();
}

static void
a_late_timer_tells_how_late(void)
{
	struct timeval soon = { 0, 1000 };

	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	post_anywhere(stay);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, timer_ran, NULL, &soon), 0);
	keep_busy(40 * MS); /* a deadline may be up to three of the kernel's ticks late */
	evrt_test_gate_open(&gate);
	evrt_test_count_wait(&ran, 2);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	struct evrt_worker_stats all = totals().all;
	CHECK_INT_EQ(all.timers, 1);
	CHECK(all.longest_lag_ns >= 5 * MS);
	unsigned k = 63u - (unsigned)__builtin_clzll(all.longest_lag_ns);
	CHECK_INT_EQ(all.lag_ns_log2[k], 1);
	done();
}

static void
posts_that_are_refused_are_counted(void)
{
	pool = pool_of(1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	post_anywhere(stay);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, &(struct timeval){ 0, 1000 }), 1);
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), -1);
	CHECK_INT_EQ(totals().posts_refused, 3);
	evrt_test_gate_open(&gate);
	done();
}

/* A value of JSON at `s`: where it ends, or NULL. Numbers are the unsigned integers that are written here. */
static const char *
json_end(const char *s)
{
	char close = *s == '{' ? '}' : ']';
	bool object = *s == '{';

	if (isdigit((unsigned char)*s)) {
		const char *from = s;
		while (isdigit((unsigned char)*s))
			s++;
		return *from == '0' && s != from + 1 ? NULL : s;
	}
	if (!object && *s != '[')
		return NULL;
	for (s++; *s != close;) {
		if (object) {
			size_t name = *s == '"' ? strspn(s + 1, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;
			if (!name || s[name + 1] != '"' || s[name + 2] != ':')
				return NULL;
			s += name + 3;
		}
		if (!(s = json_end(s)) || (*s != ',' && *s != close))
			return NULL;
		if (*s == ',' && s[1] != close)
			s++;
	}
	return s + 1;
}

static uint64_t
json_number(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	CHECK(at != NULL);
	return strtoull(at + strlen(name), NULL, 10);
}

static void
json_has_it_all(void)
{
	pool = pool_of(4);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < 100; i++)
		post_anywhere(count_one);
	evrt_test_count_wait(&ran, 100);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	int length = evrt_pool_stats_json(pool, NULL, 0);
	CHECK(length > 0);
	char *text = malloc((size_t)length + 1);
	CHECK_INT_EQ(evrt_pool_stats_json(pool, text, (size_t)length + 1), length);
	CHECK_INT_EQ(strlen(text), length);
	const char *end = json_end(text);
	CHECK(end != NULL && *end == '\0');
	CHECK_INT_EQ(json_number(text, "{\"workers\":"), 4);
	CHECK_INT_EQ(json_number(text, "\"callbacks\":"), 100);
	CHECK_INT_EQ(json_number(text, "\"runs\":"), totals().all.runs);
	int workers = 0;
	for (const char *at = strstr(text, "\"worker\":["); (at = strstr(at, "{\"loops\":")) != NULL; at++)
		workers++;
	CHECK_INT_EQ(workers, 4);
	free(text);
	done();
}

static void
json_is_cut_like_snprintf(void)
{
	pool = pool_of(1);
	int length = evrt_pool_stats_json(pool, NULL, 0);
	char *whole = malloc((size_t)length + 1), *part = malloc((size_t)length + 1);
	CHECK_INT_EQ(evrt_pool_stats_json(pool, whole, (size_t)length + 1), length);
	for (int size = 1; size <= length; size++) {
		memset(part, '#', (size_t)length + 1);
		CHECK_INT_EQ(evrt_pool_stats_json(pool, part, (size_t)size), length);
		CHECK_INT_EQ(strlen(part), size - 1);
		CHECK_MEM_EQ(part, whole, (size_t)size - 1);
		CHECK_INT_EQ(part[size], '#');
	}
	free(whole);
	free(part);
	done();
}

static void
nonsense_is_refused(void)
{
	struct evrt_worker_stats s;
	struct evrt_pool_totals t;
	char buf[8];

	pool = pool_of(1);
	errno = 0;
	CHECK_INT_EQ(evrt_pool_stats(pool, 1, &s), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_pool_stats(pool, 0, NULL), -1);
	CHECK_INT_EQ(evrt_pool_stats(NULL, 0, &s), -1);
	errno = 0;
	CHECK_INT_EQ(evrt_pool_stats_total(NULL, &t), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_pool_stats_total(pool, NULL), -1);
	errno = 0;
	CHECK_INT_EQ(evrt_pool_stats_json(NULL, buf, sizeof(buf)), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_pool_stats_json(pool, NULL, 8), -1);
	done();
}

static void
post_on(void *arg)
{
	count_one(NULL);
	if (evrt_test_count_get(&ran) < 20000)
		post_anywhere(post_on);
	(void)arg;
}

static void
reading_disturbs_nobody(void)
{
	pool = pool_of(4);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < 16; i++)
		post_anywhere(post_on);
	uint64_t before = 0;
	while (evrt_test_count_get(&ran) < 20000) {
		struct evrt_pool_totals t = totals();
		char buf[256];
		CHECK(t.all.callbacks >= before);
		before = t.all.callbacks;
		CHECK(evrt_pool_stats_json(pool, buf, sizeof(buf)) > 0);
	}
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(times_fall_into_buckets),
	CASE(the_longest_stays),
	CASE(a_sleep_for_nothing_is_told_from_others),
	CASE(every_run_is_in_its_histograms),
	CASE(a_pinned_strand_that_waits_has_an_age),
	CASE(a_strand_of_a_foreign_thread_that_waits_has_an_age),
	CASE(a_pinned_strand_that_its_worker_made_ready_has_an_age),
	CASE(what_overflows_is_seen),
	CASE(a_budget_that_is_used_up_is_counted),
	CASE(a_late_timer_tells_how_late),
	CASE(posts_that_are_refused_are_counted),
	CASE(json_has_it_all),
	CASE(json_is_cut_like_snprintf),
	CASE(nonsense_is_refused),
	CASE(reading_disturbs_nobody),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
