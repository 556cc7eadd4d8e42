/* testing/unit/loop/timers_test.c — the timer queue against a model that is too simple to be wrong.
 *
 * Here:     an array of timers, searched from end to end, that does what timers.h promises; random scripts run
 *           on both; and the corners by hand: ties, crowds, pushed-back orders, memory, failing allocations.
 * Not here: clocks and loops.
 */
#include "runtime/loop/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/rand.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

#define MODEL_MAX 1500

static struct evrt_timer *
pop_due(struct evrt_timers *q, evrt_ns now)
{
	evrt_ns deadline = -2;
	struct evrt_timer *t = evrt__timers_pop_due(q, now, &deadline);

	CHECK(t ? deadline <= now : deadline == -2);
	return t;
}

/* ---- the model ---- */

struct model {
	uint32_t order;
	struct {
		bool armed;
		evrt_ns deadline;
		uint32_t order;
	} timer[MODEL_MAX];
};

static bool
model_before(const struct model *m, int a, int b)
{
	if (m->timer[a].deadline != m->timer[b].deadline)
		return m->timer[a].deadline < m->timer[b].deadline;
	return (int32_t)(m->timer[a].order - m->timer[b].order) < 0;
}

/* The earliest in order of (deadline, arming), or -1. */
static int
model_first(const struct model *m)
{
	int first = -1;

	for (int i = 0; i < MODEL_MAX; i++)
		if (m->timer[i].armed && (first < 0 || model_before(m, i, first)))
			first = i;
	return first;
}

struct both {
	struct model model;
	struct evrt_timers queue;
	struct evrt_timer timer[MODEL_MAX];
	struct evrt_rand rand;
	unsigned steps;
};

static struct both *
both_new(uint64_t seed)
{
	struct both *b = calloc(1, sizeof *b);

	CHECK(b != NULL);
	evrt__timers_init(&b->queue);
	evrt__rand_init(&b->rand, seed);
	/* Orders wrap around in the middle of a script. */
	b->queue.next_order = b->model.order = UINT32_MAX - evrt__rand_below(&b->rand, 4000);
	return b;
}

static void
both_free(struct both *b)
{
	evrt__timers_fini(&b->queue);
	free(b);
}

static void
both_check(struct both *b)
{
	uint32_t count = 0;

	if (b->steps++ % 16 != 0)
		return;
	evrt__timers_validate(&b->queue);
	for (int i = 0; i < MODEL_MAX; i++)
		count += b->model.timer[i].armed;
	CHECK_INT_EQ(b->queue.count, count);
}

static void
both_add(struct both *b, int i, evrt_ns deadline)
{
	CHECK_INT_EQ(evrt__timer_armed(&b->timer[i]), b->model.timer[i].armed);
	if (b->model.timer[i].armed)
		return;
	b->model.timer[i].armed = true;
	b->model.timer[i].deadline = deadline;
	b->model.timer[i].order = b->model.order++;
	b->timer[i].order = evrt__timers_order(&b->queue);
	CHECK_INT_EQ(evrt__timers_add(&b->queue, &b->timer[i], deadline), 0);
	both_check(b);
}

static void
both_remove(struct both *b, int i)
{
	b->model.timer[i].armed = false;
	evrt__timers_remove(&b->queue, &b->timer[i]);
	CHECK(!evrt__timer_armed(&b->timer[i]));
	both_check(b);
}

/* The index of what was due, or -1. */
static int
both_pop(struct both *b, evrt_ns now)
{
	int expected = model_first(&b->model);

	if (expected >= 0 && b->model.timer[expected].deadline > now)
		expected = -1;
	struct evrt_timer *t = pop_due(&b->queue, now);
	CHECK_INT_EQ(t == NULL ? -1 : (int)(t - b->timer), expected);
	if (t) {
		CHECK(!evrt__timer_armed(t));
		b->model.timer[expected].armed = false;
	}
	both_check(b);
	return expected;
}

static evrt_ns
both_next(struct both *b)
{
	int first = model_first(&b->model);
	evrt_ns next = evrt__timers_next(&b->queue);

	CHECK_INT_EQ(next, first < 0 ? EVRT_NS_NEVER : b->model.timer[first].deadline);
	return next;
}

/* ---- random scripts ---- */

static evrt_ns
random_span(struct both *b)
{
	unsigned bits = evrt__rand_below(&b->rand, 61);

	return (evrt_ns)(evrt__rand_next(&b->rand) & ((UINT64_C(1) << bits) - 1));
}

static evrt_ns
random_deadline(struct both *b, evrt_ns now)
{
	switch (evrt__rand_below(&b->rand, 12)) {
	case 0: return now;
	case 1: return now - random_span(b) % (now + 1);
	case 2: return EVRT_NS_NEVER;
	case 3: return EVRT_NS_NEVER - 1;
	case 4: return -1;
	case 5: /* a tie with another one, armed or not */
		return b->model.timer[evrt__rand_below(&b->rand, MODEL_MAX)].deadline;
	case 6:
	case 7:
		return evrt__ns_add(now, evrt__rand_below(&b->rand, 100));
	default: return evrt__ns_add(now, random_span(b));
	}
}

static void
run_script(uint64_t seed, int steps)
{
	struct both *b = both_new(seed);
	evrt_ns now = random_span(b) % (EVRT_NS_NEVER / 4);

	for (int step = 0; step < steps; step++) {
		int i = (int)evrt__rand_below(&b->rand, MODEL_MAX);
		uint32_t what = evrt__rand_below(&b->rand, 1000);
		if (what < 600)
			both_add(b, i, random_deadline(b, now));
		else if (what < 700)
			both_remove(b, i);
		else if (what < 900)
			both_pop(b, now);
		else if (what < 990)
			both_next(b);
		else
			now = now < EVRT_NS_NEVER / 4 ? now + random_span(b) % (EVRT_NS_NEVER / 4) : now + 1;
	}
	/* All that is left at once: a crowd, into which new ones come and from which some are taken. */
	for (int n = 0; both_pop(b, EVRT_NS_NEVER) >= 0; n++) {
		if (n < 300 && n % 3 == 0)
			both_add(b, (int)evrt__rand_below(&b->rand, MODEL_MAX), random_deadline(b, now));
		if (n % 5 == 0)
			both_remove(b, (int)evrt__rand_below(&b->rand, MODEL_MAX));
		if (n % 7 == 0)
			both_next(b);
	}
	CHECK_INT_EQ(b->queue.count, 0);
	both_next(b);
	both_free(b);
}

static void
random_scripts_match_the_model(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		run_script(seed, 3000);
	run_script(evrt_test_seed(), 6000);
}

/* As a loop does it: go to the next deadline, take what is due, arm some of it again. */
static void
following_next_meets_every_deadline_exactly(void)
{
	struct both *b = both_new(7);
	evrt_ns now = 1;

	for (int i = 0; i < MODEL_MAX; i++)
		both_add(b, i, now + 1 + random_span(b));
	for (int rounds = 0; rounds < 2000 && b->queue.count > 0; rounds++) {
		evrt_ns next = both_next(b);
		CHECK_INT_EQ(both_pop(b, next - 1), -1);
		now = next;
		int i = both_pop(b, now);
		CHECK(i >= 0);
		if (rounds % 3 != 0 && now < EVRT_NS_NEVER / 4)
			both_add(b, i, now + 1 + random_span(b) / 64);
	}
	both_free(b);
}

/* ---- corners ---- */

static void
an_empty_queue_never_fires(void)
{
	struct evrt_timers q;
	struct evrt_timer t = { 0, 0 };

	evrt__timers_init(&q);
	CHECK(!evrt__timer_armed(&t));
	evrt__timers_remove(&q, &t);
	CHECK_INT_EQ(evrt__timers_next(&q), EVRT_NS_NEVER);
	CHECK_PTR_EQ(pop_due(&q, EVRT_NS_NEVER), NULL);
	evrt__timers_validate(&q);
	evrt__timers_fini(&q);
}

static struct evrt_timer *
many(uint32_t n)
{
	struct evrt_timer *t = calloc(n, sizeof *t);

	CHECK(t != NULL);
	return t;
}

static void
arm(struct evrt_timers *q, struct evrt_timer *t, evrt_ns deadline)
{
	t->order = evrt__timers_order(q);
	CHECK_INT_EQ(evrt__timers_add(q, t, deadline), 0);
}

static void
check_ties(uint32_t n)
{
	struct evrt_timers q;
	struct evrt_timer *t = many(n);

	evrt__timers_init(&q);
	q.next_order = UINT32_MAX - n / 2;
	for (uint32_t i = 0; i < n; i++)
		arm(&q, &t[i], 1000);
	/* The first is armed anew, so it is the last. */
	evrt__timers_remove(&q, &t[0]);
	arm(&q, &t[0], 1000);
	for (uint32_t i = 1; i <= n; i++)
		CHECK_PTR_EQ(pop_due(&q, 1000), &t[i % n]);
	CHECK_PTR_EQ(pop_due(&q, 1000), NULL);
	evrt__timers_fini(&q);
	free(t);
}

static void
ties_come_in_order_of_arming(void)
{
	check_ties(2);
	check_ties(50);
	check_ties(100000);
}

/* A timer keeps its place in the order of arming if it is added later than it was armed. */
static void
a_place_can_be_taken_before(void)
{
	struct evrt_timers q;
	struct evrt_timer early = { 0, 0 }, late = { 0, 0 };

	evrt__timers_init(&q);
	early.order = evrt__timers_order(&q);
	arm(&q, &late, 5);
	CHECK_INT_EQ(evrt__timers_add(&q, &early, 5), 0);
	CHECK_PTR_EQ(pop_due(&q, 5), &early);
	CHECK_PTR_EQ(pop_due(&q, 5), &late);
	evrt__timers_fini(&q);
}

/* All fall due in one jump, armed in the opposite order. */
static void
a_crowd_is_sorted(void)
{
	enum { N = 100000 };
	struct evrt_timer *t = many(N);
	struct evrt_timers q;

	evrt__timers_init(&q);
	for (int i = 0; i < N; i++)
		arm(&q, &t[i], (evrt_ns)(N - i) * 1000);
	for (int i = N - 1; i >= N / 2; i--)
		CHECK_PTR_EQ(pop_due(&q, (evrt_ns)N * 500), &t[i]);
	CHECK_PTR_EQ(pop_due(&q, (evrt_ns)N * 500), NULL);
	evrt__timers_validate(&q);
	for (int i = N / 2 - 1; i >= 0; i--)
		CHECK_PTR_EQ(pop_due(&q, (evrt_ns)N * 1000), &t[i]);
	evrt__timers_fini(&q);
	free(t);
}

static void
the_dead_are_cleared_away(void)
{
	enum { N = 1000 };
	struct evrt_timer *t = many(N);
	struct evrt_timers q;

	evrt__timers_init(&q);
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < N; i++)
			arm(&q, &t[i], EVRT_NS_PER_SEC * 30 + i);
		for (int i = 0; i < N; i++)
			evrt__timers_remove(&q, &t[i]);
	}
	evrt__timers_validate(&q);
	CHECK_INT_EQ(q.count, 0);
	CHECK(q.capacity < 8 * N);
	CHECK_INT_EQ(evrt__timers_next(&q), EVRT_NS_NEVER);
	evrt__timers_fini(&q);
	free(t);
}

static void
an_empty_queue_gives_its_memory_back(void)
{
	enum { N = 100000 };
	struct evrt_timer *t = many(N);
	struct evrt_timers q;

	evrt__timers_init(&q);
	for (int i = 0; i < N; i++)
		arm(&q, &t[i], i);
	while (pop_due(&q, N))
		continue;
	CHECK(q.capacity >= N);
	CHECK_INT_EQ(evrt__timers_next(&q), EVRT_NS_NEVER);
	CHECK_INT_EQ(q.capacity, 0);
	arm(&q, &t[0], 1);
	CHECK_PTR_EQ(pop_due(&q, 1), &t[0]);
	evrt__timers_fini(&q);
	free(t);
}

static void
without_memory_add_fails_and_pop_goes_on(void)
{
	enum { N = 5000 };
	struct evrt_timer *t = many(N);
	struct evrt_timers q;
	unsigned failures = 0;

	evrt__timers_init(&q);
	for (int i = 0; i < N; i++) {
		for (uint64_t k = 1; k <= 3; k++) {
			evrt_test_fail_alloc(k);
			t[i].order = evrt__timers_order(&q);
			int r = evrt__timers_add(&q, &t[i], N - i);
			if (!evrt_test_alloc_has_failed()) {
				CHECK_INT_EQ(r, 0);
				break;
			}
			CHECK_INT_EQ(r, -ENOMEM);
			CHECK(!evrt__timer_armed(&t[i]));
			failures++;
		}
		evrt_test_fail_alloc(0);
		if (!evrt__timer_armed(&t[i]))
			arm(&q, &t[i], N - i);
	}
	CHECK(failures > 10);
	evrt_test_fail_alloc(1); /* the crowd gets no memory */
	for (int i = N - 1; i >= 0; i--) {
		CHECK_PTR_EQ(pop_due(&q, N), &t[i]);
		evrt_test_fail_alloc(1);
		/* What was popped can always be added: it needs no memory. */
		CHECK_INT_EQ(evrt__timers_add(&q, &t[i], 2 * N), 0);
	}
	evrt__timers_validate(&q);
	evrt__timers_fini(&q);
	evrt_test_fail_alloc(0);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
	free(t);
}

static int
count_walk(struct evrt_timer *t, void *arg)
{
	int *left = arg;

	CHECK(evrt__timer_armed(t));
	return --*left == 0 ? 7 : 0;
}

static void
a_walk_meets_the_armed_only(void)
{
	enum { N = 2000 };
	struct evrt_timer *t = many(N);
	struct evrt_timers q;
	int left = N;

	evrt__timers_init(&q);
	for (int i = 0; i < N; i++)
		arm(&q, &t[i], i);
	for (int i = 0; i < 10; i++) /* the others are a crowd now */
		CHECK(pop_due(&q, N) != NULL);
	for (int i = N - 1; i > N - 10; i--)
		evrt__timers_remove(&q, &t[i]);
	arm(&q, &t[0], 3 * N);
	CHECK_INT_EQ(evrt__timers_walk(&q, count_walk, &left), 0);
	CHECK_INT_EQ(N - left, N - 10 - 9 + 1);
	left = 5;
	CHECK_INT_EQ(evrt__timers_walk(&q, count_walk, &left), 7);
	evrt__timers_fini(&q);
	free(t);
}

static const struct evrt_test_case cases[] = {
	{"an_empty_queue_never_fires", an_empty_queue_never_fires},
	{"ties_come_in_order_of_arming", ties_come_in_order_of_arming},
	{"a_place_can_be_taken_before", a_place_can_be_taken_before},
	{"a_crowd_is_sorted", a_crowd_is_sorted},
	{"the_dead_are_cleared_away", the_dead_are_cleared_away},
	{"an_empty_queue_gives_its_memory_back", an_empty_queue_gives_its_memory_back},
	{"without_memory_add_fails_and_pop_goes_on", without_memory_add_fails_and_pop_goes_on},
	{"a_walk_meets_the_armed_only", a_walk_meets_the_armed_only},
	{"random_scripts_match_the_model", random_scripts_match_the_model},
	{"following_next_meets_every_deadline_exactly", following_next_meets_every_deadline_exactly},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
