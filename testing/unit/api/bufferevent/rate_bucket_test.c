/* testing/unit/api/bufferevent/rate_bucket_test.c — the arithmetic of buckets.
 *
 * Here:     tokens after k ticks, the burst, debts and when they are paid, changes, the ends of all numbers.
 * Not here: bufferevents (rate_clock_test.c).
 * Threads:  one.
 */
#include "api/bufferevent/ratelim_bucket.h"

#include "testing/harness/test.h"

#define MS EVRT_NS_PER_MS
#define START (1000 * MS)

static const struct ev_token_bucket_cfg plain = { { 10, 20 }, { 35, 50 }, 100 * MS };
static struct evrt_bucket b;

static void
levels_are(ev_ssize_t read_level, ev_ssize_t write_level)
{
	CHECK_INT_EQ(b.level[EVRT_RATE_READ], read_level);
	CHECK_INT_EQ(b.level[EVRT_RATE_WRITE], write_level);
}

static void
tokens_after_k_ticks(void)
{
	evrt__bucket_init(&b, &plain, START);
	levels_are(10, 20);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START), 0);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START + 100 * MS - 1), 0);
	levels_are(10, 20);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START + 100 * MS), 1);
	levels_are(20, 40);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START + 100 * MS), 0);
	levels_are(20, 40);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START + 250 * MS), 1); /* half a tick is kept for later */
	levels_are(30, 50);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START + 300 * MS), 1);
	levels_are(35, 50);
}

static void
many_ticks_at_once_are_many_ticks(void)
{
	for (int k = 0; k < 8; k++) {
		evrt__bucket_init(&b, &plain, START);
		evrt__bucket_take(&b, EVRT_RATE_READ, 60);
		CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START + k * 100 * MS + 99 * MS), k);
		CHECK_INT_EQ(b.level[EVRT_RATE_READ], -50 + 10 * k);
		CHECK_INT_EQ(b.filled_ns, START + k * 100 * MS);
	}
}

static void
the_burst_is_the_most_that_time_gives(void)
{
	evrt__bucket_init(&b, &plain, START);
	evrt__bucket_fill(&b, &plain, START + INT64_C(1000000) * 100 * MS);
	levels_are(35, 50);
	evrt__bucket_take(&b, EVRT_RATE_READ, -100);
	levels_are(135, 50);
	evrt__bucket_fill(&b, &plain, START + INT64_C(1000001) * 100 * MS);
	levels_are(35, 50);
}

static void
a_clock_that_is_behind_gives_nothing(void)
{
	evrt__bucket_init(&b, &plain, START);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, START - 500 * MS), 0);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &plain, 0), 0);
	levels_are(10, 20);
	CHECK_INT_EQ(b.filled_ns, START);
}

static void
a_debt_is_due_when_it_is_paid(void)
{
	for (ev_ssize_t level = 0; level > -60; level--) {
		evrt__bucket_init(&b, &plain, START);
		b.level[EVRT_RATE_READ] = level;
		evrt_ns due = evrt__bucket_due(&b, &plain, EVRT_RATE_READ);
		evrt__bucket_fill(&b, &plain, due - 1);
		CHECK(b.level[EVRT_RATE_READ] <= 0);
		evrt__bucket_fill(&b, &plain, due);
		CHECK(b.level[EVRT_RATE_READ] > 0);
	}
}

static void
a_change_clips_and_begins_a_tick(void)
{
	static const struct ev_token_bucket_cfg tight = { { 5, 5 }, { 15, 90 }, 10 * MS };

	evrt__bucket_init(&b, &plain, START);
	evrt__bucket_fill(&b, &plain, START + 290 * MS);
	levels_are(30, 50);
	evrt__bucket_change(&b, &tight, START + 290 * MS);
	levels_are(15, 50);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &tight, START + 299 * MS), 0);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &tight, START + 300 * MS), 1);
	levels_are(15, 55);
}

static void
nothing_overflows(void)
{
	static const struct ev_token_bucket_cfg most = { { EV_SSIZE_MAX, 1 }, { EV_SSIZE_MAX, EV_SSIZE_MAX }, MS };
	static const struct ev_token_bucket_cfg slow = { { 1, 1 }, { 1, 1 }, EVRT_NS_NEVER };

	evrt__bucket_init(&b, &most, START);
	evrt__bucket_take(&b, EVRT_RATE_READ, EV_SSIZE_MIN);
	levels_are(EV_SSIZE_MAX, 1);
	for (int i = 0; i < 3; i++) {
		evrt__bucket_take(&b, EVRT_RATE_READ, EV_SSIZE_MAX);
		evrt__bucket_take(&b, EVRT_RATE_WRITE, EV_SSIZE_MAX);
	}
	levels_are(EV_SSIZE_MIN, EV_SSIZE_MIN);
	CHECK_INT_EQ(evrt__bucket_due(&b, &most, EVRT_RATE_READ), START + 2 * MS);
	CHECK_INT_EQ(evrt__bucket_due(&b, &most, EVRT_RATE_WRITE), EVRT_NS_NEVER);
	evrt__bucket_fill(&b, &most, START + MS);
	levels_are(-1, EV_SSIZE_MIN + 1);
	evrt__bucket_fill(&b, &most, EVRT_NS_NEVER);
	CHECK_INT_EQ(b.level[EVRT_RATE_READ], EV_SSIZE_MAX);
	CHECK(b.level[EVRT_RATE_WRITE] < 0);
	evrt__bucket_init(&b, &slow, START);
	evrt__bucket_take(&b, EVRT_RATE_READ, 1);
	CHECK_INT_EQ(evrt__bucket_due(&b, &slow, EVRT_RATE_READ), EVRT_NS_NEVER);
	CHECK_INT_EQ(evrt__bucket_fill(&b, &slow, EVRT_NS_NEVER), 0);
}

static const struct evrt_test_case cases[] = {
	{ "tokens_after_k_ticks", tokens_after_k_ticks },
	{ "many_ticks_at_once_are_many_ticks", many_ticks_at_once_are_many_ticks },
	{ "the_burst_is_the_most_that_time_gives", the_burst_is_the_most_that_time_gives },
	{ "a_clock_that_is_behind_gives_nothing", a_clock_that_is_behind_gives_nothing },
	{ "a_debt_is_due_when_it_is_paid", a_debt_is_due_when_it_is_paid },
	{ "a_change_clips_and_begins_a_tick", a_change_clips_and_begins_a_tick },
	{ "nothing_overflows", nothing_overflows },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
