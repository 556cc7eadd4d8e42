/* testing/unit/loop/wheel_test.c — the timer wheel against a model that is too simple to be wrong.
 *
 * Here:     a sorted-by-search array of timers that does what wheel.h promises, random scripts run on both,
 *           and the corners by hand: borders of slots and levels, ties, far jumps, memory of a removed entry.
 * Not here: clocks and loops.
 */
#include "runtime/loop/wheel.h"

#include <stdlib.h>
#include "base/rand.h"
#include "testing/harness/test.h"

#define TICK (INT64_C(1) << 20)
#define YEAR (INT64_C(365) * 24 * 3600 * EVRT_NS_PER_SEC)
#define MODEL_MAX 256

/* Where a deadline at distance 64^level ticks begins to be of that level. */
static evrt_ns
span(unsigned level)
{
	return TICK << (6u * level);
}

/* ---- the model: a flat array; due is what has deadline <= now ---- */

struct model {
	evrt_ns now;
	uint64_t sequence;
	struct {
		bool armed;
		evrt_ns deadline;
		uint64_t sequence;
	} timer[MODEL_MAX];
};

/* The earliest in order of (deadline, arming), or -1. */
static int
model_first(const struct model *m)
{
	int first = -1;
	for (int i = 0; i < MODEL_MAX; i++) {
		if (!m->timer[i].armed)
			continue;
		if (first < 0 || m->timer[i].deadline < m->timer[first].deadline ||
		    (m->timer[i].deadline == m->timer[first].deadline &&
		        m->timer[i].sequence < m->timer[first].sequence))
			first = i;
	}
	return first;
}

static evrt_ns
model_next(const struct model *m)
{
	int first = model_first(m);
	return first < 0 ? EVRT_NS_NEVER : m->timer[first].deadline;
}

static int
model_pop(struct model *m)
{
	int first = model_first(m);
	if (first < 0 || m->timer[first].deadline > m->now)
		return -1;
	m->timer[first].armed = false;
	return first;
}

static uint64_t
model_count(const struct model *m)
{
	uint64_t n = 0;
	for (int i = 0; i < MODEL_MAX; i++)
		n += m->timer[i].armed;
	return n;
}

struct both {
	struct model model;
	struct evrt_wheel wheel;
	struct evrt_wheel_entry entry[MODEL_MAX];
	struct evrt_rand rand;
};

static struct both *
both_new(uint64_t seed, evrt_ns now)
{
	struct both *b = calloc(1, sizeof *b);
	CHECK(b != NULL);
	b->model.now = now;
	evrt__wheel_init(&b->wheel, now);
	for (int i = 0; i < MODEL_MAX; i++)
		evrt__wheel_entry_init(&b->entry[i]);
	evrt__rand_init(&b->rand, seed);
	return b;
}

static void
both_check(struct both *b)
{
	evrt__wheel_validate(&b->wheel);
	CHECK_INT_EQ(b->wheel.count, model_count(&b->model));
}

static void
both_add(struct both *b, int i, evrt_ns deadline)
{
	CHECK_INT_EQ(evrt__wheel_entry_armed(&b->entry[i]), b->model.timer[i].armed);
	if (b->model.timer[i].armed)
		return;
	b->model.timer[i].armed = true;
	b->model.timer[i].deadline = deadline;
	b->model.timer[i].sequence = b->model.sequence++;
	evrt__wheel_add(&b->wheel, &b->entry[i], deadline);
	both_check(b);
}

static void
both_remove(struct both *b, int i)
{
	b->model.timer[i].armed = false;
	evrt__wheel_remove(&b->wheel, &b->entry[i]);
	CHECK(!evrt__wheel_entry_armed(&b->entry[i]));
	both_check(b);
}

static void
both_advance(struct both *b, evrt_ns now)
{
	if (now > b->model.now)
		b->model.now = now;
	evrt__wheel_advance(&b->wheel, now);
	CHECK_INT_EQ(b->wheel.now, b->model.now);
	both_check(b);
}

static bool
both_pop(struct both *b)
{
	int expected = model_pop(&b->model);
	struct evrt_wheel_entry *e = evrt__wheel_pop_due(&b->wheel);
	CHECK_INT_EQ(e == NULL ? -1 : (int)(e - b->entry), expected);
	CHECK(e == NULL || !evrt__wheel_entry_armed(e));
	both_check(b);
	return e != NULL;
}

static void
both_next(struct both *b)
{
	CHECK_INT_EQ(evrt__wheel_next(&b->wheel), model_next(&b->model));
}

/* ---- random scripts ---- */

/* A length of time of a random magnitude, so that all levels are met equally often. */
static evrt_ns
random_span(struct both *b)
{
	unsigned bits = evrt__rand_below(&b->rand, 61);
	return (evrt_ns)(evrt__rand_next(&b->rand) & ((UINT64_C(1) << bits) - 1));
}

static evrt_ns
random_deadline(struct both *b)
{
	evrt_ns now = b->model.now;

	switch (evrt__rand_below(&b->rand, 12)) {
	case 0: return now;
	case 1: return now - random_span(b) % (now + 1);
	case 2: return EVRT_NS_NEVER;
	case 3: return EVRT_NS_NEVER - 1;
	case 4: return -1;
	case 5: /* a tie with another one, armed or not */
		return b->entry[evrt__rand_below(&b->rand, MODEL_MAX)].deadline;
	case 6: /* at a border of some level, or one beside it */
		return evrt__ns_add(now, span(evrt__rand_below(&b->rand, 7))) -
		    (evrt_ns)evrt__rand_below(&b->rand, 3);
	default: return evrt__ns_add(now, random_span(b));
	}
}

static evrt_ns
random_now(struct both *b, evrt_ns far)
{
	evrt_ns now = b->model.now;
	evrt_ns next = model_next(&b->model);

	switch (evrt__rand_below(&b->rand, 6)) {
	case 0: return now - random_span(b) % (now + 1);
	case 1: return next < far ? next : now;
	case 2: return next < far ? next - 1 : now;
	case 3: return now + evrt__rand_below(&b->rand, 2 * (uint32_t)TICK);
	default: return now < far ? now + random_span(b) % (far - now) : now + 1;
	}
}

static void
run_script(uint64_t seed, int steps)
{
	/* The clock may reach this within a script; some deadlines lie beyond and are never met. */
	const evrt_ns far = EVRT_NS_NEVER / 4;
	struct both *b = both_new(seed, 0);

	both_advance(b, random_span(b));
	for (int step = 0; step < steps; step++) {
		int i = (int)evrt__rand_below(&b->rand, MODEL_MAX);
		uint32_t what = evrt__rand_below(&b->rand, 100);
		if (what < 50)
			both_add(b, i, random_deadline(b));
		else if (what < 65)
			both_remove(b, i);
		else if (what < 75)
			both_advance(b, random_now(b, far));
		else if (what < 90)
			both_pop(b);
		else
			both_next(b);
	}
	both_advance(b, EVRT_NS_NEVER);
	while (both_pop(b))
		continue;
	CHECK_INT_EQ(b->wheel.count, 0);
	both_next(b);
	free(b);
}

static void
random_scripts_match_the_model(void)
{
	for (uint64_t seed = 1; seed <= 200; seed++)
		run_script(seed, 300);
	run_script(evrt_test_seed(), 5000);
}

/* As a loop does it: go to the next deadline, take what is due, arm some of it again. */
static void
following_next_meets_every_deadline_exactly(void)
{
	struct both *b = both_new(7, 5 * YEAR + 12345);

	for (int i = 0; i < MODEL_MAX; i++)
		both_add(b, i, b->model.now + 1 + random_span(b));
	for (int rounds = 0; rounds < 3000 && b->wheel.count > 0; rounds++) {
		evrt_ns next = evrt__wheel_next(&b->wheel);
		CHECK_INT_EQ(next, model_next(&b->model));
		both_advance(b, next - 1);
		CHECK(next <= b->model.now + 1);
		CHECK(!both_pop(b));
		both_advance(b, next);
		CHECK_INT_EQ(b->wheel.now, next);
		int i = model_first(&b->model);
		CHECK(both_pop(b));
		if (rounds % 3 != 0 && b->model.now < EVRT_NS_NEVER / 4)
			both_add(b, i, b->model.now + 1 + random_span(b) / 64);
		while (both_pop(b))
			continue;
	}
	free(b);
}

/* ---- corners ---- */

/* One timer at `deadline` in a wheel at `start`: next is exact, it is not due one ns before, due on time,
 * and the same after a stop at `stop` in between. */
static void
check_one(evrt_ns start, evrt_ns deadline, evrt_ns stop)
{
	struct evrt_wheel w;
	struct evrt_wheel_entry e;

	evrt__wheel_init(&w, start);
	evrt__wheel_entry_init(&e);
	evrt__wheel_add(&w, &e, deadline);
	evrt__wheel_validate(&w);
	CHECK_INT_EQ(evrt__wheel_next(&w), deadline);
	if (stop < deadline)
		evrt__wheel_advance(&w, stop);
	evrt__wheel_advance(&w, deadline - 1);
	evrt__wheel_validate(&w);
	CHECK(deadline <= w.now || evrt__wheel_pop_due(&w) == NULL);
	w.next_valid = false; /* the search must find it, not only the cache know it */
	CHECK_INT_EQ(evrt__wheel_next(&w), deadline);
	evrt__wheel_advance(&w, deadline);
	evrt__wheel_validate(&w);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e);
	CHECK(!evrt__wheel_entry_armed(&e));
	CHECK_INT_EQ(w.count, 0);
	evrt__wheel_validate(&w);
}

static void
slots_are_exact_over_every_border(void)
{
	static const evrt_ns beside[] = {-1, 0, 1};

	for (unsigned level = 0; level <= EVRT_WHEEL_LEVELS; level++) {
		for (evrt_ns slot = 1; slot < 64; slot += level < 2 ? 1 : 7) {
			evrt_ns border = slot * span(level);
			for (unsigned a = 0; a < 3; a++) {
				for (unsigned d = 0; d < 3; d++) {
					evrt_ns start = span(level) + beside[a];
					evrt_ns deadline = border + beside[d];
					if (deadline > start)
						check_one(start, deadline, start + (deadline - start) / 2);
					check_one(beside[a] + 1, deadline, span(level) - 1);
				}
			}
		}
	}
}

static void
ties_come_in_order_of_arming(void)
{
	enum { N = 50 };
	static struct evrt_wheel_entry e[N];
	struct evrt_wheel w;
	const evrt_ns deadline = 3 * span(3) + 17;

	evrt__wheel_init(&w, 0);
	/* Armed at different distances, so from different levels. e[0] is armed twice, so it is the last. */
	for (int i = 0; i < N; i++) {
		evrt__wheel_entry_init(&e[i]);
		evrt__wheel_add(&w, &e[i], deadline);
		evrt__wheel_advance(&w, deadline / N * i);
		evrt__wheel_validate(&w);
	}
	evrt__wheel_remove(&w, &e[0]);
	evrt__wheel_add(&w, &e[0], deadline);
	evrt__wheel_advance(&w, deadline + YEAR);
	evrt__wheel_validate(&w);
	for (int i = 1; i <= N; i++)
		CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[i % N]);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), NULL);
}

static void
late_comers_go_behind_earlier_ones(void)
{
	struct evrt_wheel w;
	struct evrt_wheel_entry e[6];

	evrt__wheel_init(&w, 1000);
	for (int i = 0; i < 6; i++)
		evrt__wheel_entry_init(&e[i]);
	evrt__wheel_add(&w, &e[0], 2000);
	evrt__wheel_add(&w, &e[1], 3000);
	evrt__wheel_advance(&w, 4000);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[0]);
	evrt__wheel_add(&w, &e[2], 3000);
	evrt__wheel_add(&w, &e[3], 2500);
	evrt__wheel_add(&w, &e[4], 4000);
	evrt__wheel_add(&w, &e[5], 4001);
	evrt__wheel_validate(&w);
	CHECK_INT_EQ(evrt__wheel_next(&w), 2500);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[3]);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[1]);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[2]);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[4]);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), NULL);
	CHECK_INT_EQ(evrt__wheel_next(&w), 4001);
}

static void
due_entries_can_be_removed(void)
{
	struct evrt_wheel w;
	struct evrt_wheel_entry e[3];

	evrt__wheel_init(&w, 0);
	for (int i = 0; i < 3; i++) {
		evrt__wheel_entry_init(&e[i]);
		evrt__wheel_add(&w, &e[i], 10 + i);
	}
	evrt__wheel_advance(&w, TICK);
	evrt__wheel_remove(&w, &e[1]);
	evrt__wheel_remove(&w, &e[1]);
	evrt__wheel_validate(&w);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[0]);
	evrt__wheel_remove(&w, &e[2]);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), NULL);
	CHECK_INT_EQ(evrt__wheel_next(&w), EVRT_NS_NEVER);
	CHECK_INT_EQ(w.count, 0);
}

static void
an_empty_wheel_never_fires(void)
{
	struct evrt_wheel w;
	struct evrt_wheel_entry e;

	evrt__wheel_init(&w, 77);
	evrt__wheel_entry_init(&e);
	CHECK(!evrt__wheel_entry_armed(&e));
	evrt__wheel_remove(&w, &e);
	CHECK_INT_EQ(evrt__wheel_next(&w), EVRT_NS_NEVER);
	CHECK_PTR_EQ(evrt__wheel_pop_due(&w), NULL);
	evrt__wheel_advance(&w, 76);
	CHECK_INT_EQ(w.now, 77);
	evrt__wheel_advance(&w, EVRT_NS_NEVER);
	evrt__wheel_validate(&w);
	CHECK_INT_EQ(evrt__wheel_next(&w), EVRT_NS_NEVER);
}

/* With no step per tick these are a few dozen operations each; with one, more than a lifetime. */
static void
a_jump_costs_nothing(void)
{
	struct evrt_wheel w;
	struct evrt_wheel_entry e;
	uint64_t fired = 0;

	evrt__wheel_init(&w, 0);
	evrt__wheel_entry_init(&e);
	for (evrt_ns year = 1; year < 250; year++) {
		evrt__wheel_add(&w, &e, year * YEAR);
		evrt__wheel_advance(&w, year * YEAR - 1);
		CHECK_PTR_EQ(evrt__wheel_pop_due(&w), NULL);
		evrt__wheel_advance(&w, year * YEAR);
		fired += evrt__wheel_pop_due(&w) == &e;
	}
	CHECK_INT_EQ(fired, 249);
}

static void
a_million_timers_come_in_order(void)
{
	enum { N = 1000000 };
	struct evrt_wheel_entry *e = calloc(N, sizeof *e);
	struct evrt_wheel_entry *got;
	struct evrt_rand r;
	struct evrt_wheel w;
	evrt_ns last = 0;
	int n = 0;

	CHECK(e != NULL);
	evrt__rand_init(&r, 99);
	evrt__wheel_init(&w, 1);
	for (int i = 0; i < N; i++) {
		evrt__wheel_entry_init(&e[i]);
		evrt__wheel_add(&w, &e[i], (evrt_ns)(evrt__rand_next(&r) % (uint64_t)(60 * EVRT_NS_PER_SEC)));
	}
	evrt__wheel_validate(&w);
	for (int i = 0; i < N; i += 2)
		evrt__wheel_remove(&w, &e[i]);
	for (evrt_ns now = 0; w.count > 0; now += 50 * EVRT_NS_PER_MS) {
		evrt__wheel_advance(&w, now);
		while ((got = evrt__wheel_pop_due(&w)) != NULL) {
			CHECK(got->deadline >= last && got->deadline <= w.now);
			CHECK((got - e) % 2 == 1);
			last = got->deadline;
			n++;
		}
		CHECK(now <= 61 * EVRT_NS_PER_SEC);
	}
	CHECK_INT_EQ(n, N / 2);
	evrt__wheel_validate(&w);
	free(e);
}

/* All fall due in one jump, in the worst order for a sort that likes order. */
static void
a_burst_is_sorted(void)
{
	enum { N = 100000 };
	struct evrt_wheel_entry *e = calloc(N, sizeof *e);
	struct evrt_wheel w;

	CHECK(e != NULL);
	evrt__wheel_init(&w, 0);
	for (int i = 0; i < N; i++) {
		evrt__wheel_entry_init(&e[i]);
		evrt__wheel_add(&w, &e[i], N - i);
	}
	evrt__wheel_advance(&w, N);
	evrt__wheel_validate(&w);
	for (int i = N - 1; i >= 0; i--)
		CHECK_PTR_EQ(evrt__wheel_pop_due(&w), &e[i]);
	free(e);
}

static const struct evrt_test_case cases[] = {
	{"an_empty_wheel_never_fires", an_empty_wheel_never_fires},
	{"slots_are_exact_over_every_border", slots_are_exact_over_every_border},
	{"ties_come_in_order_of_arming", ties_come_in_order_of_arming},
	{"late_comers_go_behind_earlier_ones", late_comers_go_behind_earlier_ones},
	{"due_entries_can_be_removed", due_entries_can_be_removed},
	{"a_jump_costs_nothing", a_jump_costs_nothing},
	{"random_scripts_match_the_model", random_scripts_match_the_model},
	{"following_next_meets_every_deadline_exactly", following_next_meets_every_deadline_exactly},
	{"a_million_timers_come_in_order", a_million_timers_come_in_order},
	{"a_burst_is_sorted", a_burst_is_sorted},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
