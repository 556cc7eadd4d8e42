/* testing/model/model_test.c — the checker checked: it finds what is there, and leaves out no outcome. */
#include "testing/model/model.h"

#include <stddef.h>
#include <string.h>
#include "base/atomic.h"
#include "testing/harness/test.h"

static evrt_atomic(unsigned) x, y, z, word;
static unsigned seen_y, seen_x;

static void start_zero(void) { x = y = z = word = 0; seen_x = seen_y = 99; }
static void finish_any(void) { }
static void add_wrongly(void) { evrt_store_relaxed(&x, evrt_load_relaxed(&x) + 1); }
static void add_rightly(void) { evrt_add_relaxed(&x, 1u); }
static void finish_two(void) { MODEL_CHECK(x == 2); }

static struct evrt_model
two_scripts(void (*a)(void), void (*b)(void), void (*finish)(void))
{
	return (struct evrt_model){"self", 2, start_zero, {a, b}, finish, 100000, false, false};
}

static void
a_lost_update_is_found(void)
{
	struct evrt_model wrong = two_scripts(add_wrongly, add_wrongly, finish_two);
	struct evrt_model right = two_scripts(add_rightly, add_rightly, finish_two);
	struct evrt_model_result r;

	evrt__model_check(&wrong, &r);
	CHECK(r.failed);
	CHECK(strstr(r.failure, "x == 2") != NULL);
	CHECK_INT_EQ(strlen(r.schedule), 4);
	evrt__model_check(&right, &r);
	CHECK(!r.failed);
	CHECK_INT_EQ(r.runs, 2);
}

static void touch_x(void) { evrt_add_relaxed(&x, 1u); evrt_add_relaxed(&x, 1u); }
static void touch_y(void) { evrt_add_relaxed(&y, 1u); evrt_add_relaxed(&y, 1u); }

static void
independent_steps_are_run_once(void)
{
	struct evrt_model m = two_scripts(touch_x, touch_y, finish_any);
	struct evrt_model_result r;

	evrt__model_check(&m, &r);
	CHECK_INT_EQ(r.runs, 1);
	m.exhaustive = true;
	evrt__model_check(&m, &r);
	CHECK_INT_EQ(r.runs, 6); /* 4 steps, 2 of each */
}

static void wait_for_word(void) { evrt__model_wait(&word); evrt_store_relaxed(&x, 1u); }
static void set_word(void) { evrt_store_relaxed(&word, 1u); }
static void set_y(void) { evrt_store_relaxed(&y, 1u); }

static void
waiting_and_deadlock(void)
{
	struct evrt_model ends = two_scripts(wait_for_word, set_word, finish_any);
	struct evrt_model hangs = two_scripts(wait_for_word, set_y, finish_any);
	struct evrt_model both = two_scripts(wait_for_word, wait_for_word, finish_any);
	struct evrt_model_result r;

	evrt__model_check(&ends, &r);
	CHECK(!r.failed);
	evrt__model_check(&hangs, &r);
	CHECK_STR_EQ(r.failure, "deadlock");
	evrt__model_check(&both, &r);
	CHECK_STR_EQ(r.failure, "deadlock");
}

/* The outcomes of store x, load y against store y, load x. */
static unsigned outcomes;

static void dekker_x(void) { evrt_store_relaxed(&x, 1u); seen_y = evrt_load_relaxed(&y); }
static void dekker_y(void) { evrt_store_relaxed(&y, 1u); seen_x = evrt_load_relaxed(&x); }
static void finish_dekker(void) { outcomes |= 1u << (seen_y * 2 + seen_x); }

static void
every_consistent_outcome_is_reached(void)
{
	struct evrt_model m = two_scripts(dekker_x, dekker_y, finish_dekker);
	struct evrt_model_result r;

	evrt__model_check(&m, &r);
	CHECK(!r.failed);
	CHECK_INT_EQ(outcomes, 1u << 1 | 1u << 2 | 1u << 3); /* all but 0, 0 */
}

/* Three scripts on three words, chosen so that most pairs of steps depend and some do not. */
static evrt_atomic(uint64_t) history; /* what was read, as digits; each run makes one number */
static uint64_t outcomes_seen[4096];
static unsigned outcomes_count;

static void
note(unsigned value)
{
	/* Order is part of the outcome only through what was read: a sum, so that it does not depend by itself. */
	static const uint64_t weight[] = {1, 7, 49, 343, 2401, 16807};
	atomic_fetch_add(&history, weight[value % 6]);
}

static void
tangle_a(void)
{
	note(evrt_add_relaxed(&x, 1u));
	evrt_store_relaxed(&y, 2u);
	note(evrt_load_relaxed(&z) + 1);
}

static void
tangle_b(void)
{
	note(evrt_load_relaxed(&y) + 2);
	evrt_store_relaxed(&x, 3u);
	note(evrt_swap_acquire(&z, 1u) + 3);
}

static void
tangle_c(void)
{
	unsigned expected = 0;

	note(evrt_cas_acq_rel(&y, &expected, 1u) + 2u);
	note(evrt_load_relaxed(&x));
	evrt_store_relaxed(&z, 2u);
}

static void
start_tangle(void)
{
	start_zero();
	history = 0;
}

static void
finish_tangle(void)
{
	uint64_t outcome = ((history * 5 + x) * 5 + y) * 5 + z;

	for (unsigned i = 0; i < outcomes_count; i++)
		if (outcomes_seen[i] == outcome)
			return;
	MODEL_CHECK(outcomes_count < 4096);
	outcomes_seen[outcomes_count++] = outcome;
}

static void
reduction_leaves_out_no_outcome(void)
{
	struct evrt_model m = {"tangle", 3, start_tangle, {tangle_a, tangle_b, tangle_c}, finish_tangle, 100000, true,
		false};
	struct evrt_model_result all, reduced;

	evrt__model_check(&m, &all);
	CHECK(!all.failed);
	CHECK_INT_EQ(all.runs, 1680); /* 9! / 3!^3 */
	unsigned all_outcomes = outcomes_count;
	CHECK(all_outcomes > 20);
	outcomes_count = 0;
	m.exhaustive = false;
	evrt__model_check(&m, &reduced);
	CHECK(!reduced.failed);
	CHECK_INT_EQ(outcomes_count, all_outcomes);
	CHECK(reduced.runs < all.runs);
}

static void never_ends(void) { for (;;) evrt_load_relaxed(&x); }

static void
limits_are_failures(void)
{
	struct evrt_model endless = two_scripts(never_ends, add_rightly, finish_any);
	struct evrt_model large = two_scripts(touch_x, touch_x, finish_any);
	struct evrt_model_result r;

	evrt__model_check(&endless, &r);
	CHECK_STR_EQ(r.failure, "a run does not end");
	large.runs_max = 3;
	evrt__model_check(&large, &r);
	CHECK_STR_EQ(r.failure, "more runs than the limit");
}

static const struct evrt_test_case cases[] = {
	{"a_lost_update_is_found", a_lost_update_is_found},
	{"independent_steps_are_run_once", independent_steps_are_run_once},
	{"waiting_and_deadlock", waiting_and_deadlock},
	{"every_consistent_outcome_is_reached", every_consistent_outcome_is_reached},
	{"reduction_leaves_out_no_outcome", reduction_leaves_out_no_outcome},
	{"limits_are_failures", limits_are_failures},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
