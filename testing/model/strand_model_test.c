/* testing/model/strand_model_test.c — the strand word: notifiers against the runner.
 *
 * Checked:  nothing is left when nobody owns the strand (the runner would wait for ever: "deadlock"); never two
 *           owners; enqueued exactly once per ownership. Then the same with bugs planted, which the checker must
 *           find.
 */
#include "testing/model/expect.h"

#include <stddef.h>
#include <string.h>
#include "runtime/pool/strand_word.h"

enum bug {
	BUG_NONE,
	BUG_FINISH_IGNORES_PENDING,
	BUG_FINISH_IN_TWO,      /* looks, then lets go */
	BUG_NOTIFY_BY_PENDING,  /* "nothing was pending" is taken for "nobody owns" */
	BUG_BEGIN_LATE,         /* takes what is there, then clears PENDING */
	BUG_NOTIFY_FIRST,       /* tells, then puts the item there */
};

static struct scenario {
	const char *name;
	unsigned notifiers, items_each;
	enum bug bug;
} now;

static evrt_atomic(uint64_t) word;
static evrt_atomic(unsigned) items;  /* the strand's inbox: how many lie in it */
static evrt_atomic(unsigned) queued; /* the pool's queue: 1 while the strand lies in it */
static unsigned done;                /* runner */
/* Changed in one step with the operation on the word that they tell of. */
static bool owned;

static void
start(void)
{
	atomic_store(&word, UINT64_C(7) << EVRT_STRAND_GENERATION_SHIFT);
	atomic_store(&items, 0u);
	atomic_store(&queued, 0u);
	done = 0;
	owned = false;
}

static bool
word_notify(void)
{
	if (now.bug == BUG_NOTIFY_BY_PENDING)
		return !(evrt_or_acq_rel(&word, EVRT_STRAND_PENDING | EVRT_STRAND_OWNED) & EVRT_STRAND_PENDING);
	return evrt__strand_word_notify(&word);
}

static bool
word_finish(void)
{
	if (now.bug == BUG_FINISH_IGNORES_PENDING) {
		evrt_and_acq_rel(&word, ~EVRT_STRAND_OWNED);
		return true;
	}
	if (now.bug == BUG_FINISH_IN_TWO) {
		if (evrt_load_acquire(&word) & EVRT_STRAND_PENDING)
			return false;
		evrt_and_acq_rel(&word, ~EVRT_STRAND_OWNED);
		return true;
	}
	return evrt__strand_word_finish(&word);
}

static void
notify_and_enqueue(void)
{
	if (!word_notify())
		return;
	MODEL_CHECK(!owned);
	owned = true;
	MODEL_CHECK(evrt_add_seq_cst(&queued, 1u) == 0);
}

static void
notifier(void)
{
	for (unsigned i = 0; i < now.items_each; i++) {
		if (now.bug == BUG_NOTIFY_FIRST)
			notify_and_enqueue();
		evrt_add_seq_cst(&items, 1u);
		if (now.bug != BUG_NOTIFY_FIRST)
			notify_and_enqueue();
	}
}

static void
run_strand(void)
{
	bool released;

	do {
		if (now.bug != BUG_BEGIN_LATE)
			evrt__strand_word_begin(&word);
		done += evrt_swap_acq_rel(&items, 0u);
		if (now.bug == BUG_BEGIN_LATE)
			evrt__strand_word_begin(&word);
		released = word_finish();
		if (released)
			owned = false;
	} while (!released);
}

static void
runner(void)
{
	while (done < now.notifiers * now.items_each) {
		evrt__model_wait(&queued);
		run_strand();
	}
	/* A notice whose item was seen early still has the strand enqueued; the last of these runs finds nothing. */
	if (evrt_swap_acq_rel(&queued, 0u))
		run_strand();
}

static void
finish(void)
{
	uint64_t w = atomic_load(&word);

	MODEL_CHECK(atomic_load(&items) == 0);
	/* Either free and nothing pending, or enqueued for a run that will find nothing. */
	MODEL_CHECK(owned == !!(w & EVRT_STRAND_OWNED));
	MODEL_CHECK(owned == (atomic_load(&queued) == 1));
	MODEL_CHECK(owned || !(w & EVRT_STRAND_PENDING));
	MODEL_CHECK(w >> EVRT_STRAND_GENERATION_SHIFT == 7);
}

static void
check(struct scenario scenario, struct evrt_model_result *out)
{
	struct evrt_model m = {scenario.name, 1 + scenario.notifiers, start, {runner, notifier, notifier}, finish,
		2000000, false, false};

	now = scenario;
	evrt__model_check(&m, out);
}

static void
one_owner_and_nothing_left(void)
{
	static const struct scenario scenarios[] = {
		{"one notifier, three items", 1, 3, BUG_NONE},
		{"two notifiers, an item each", 2, 1, BUG_NONE},
		{"two notifiers, two items each", 2, 2, BUG_NONE},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		check(scenarios[i], &r);
		model_expect_holds(scenarios[i].name, &r);
	}
}

static void
planted_bugs_are_found(void)
{
	static const struct {
		struct scenario scenario;
		const char *failure;
	} planted[] = {
		{{"planted: finish ignores pending", 1, 2, BUG_FINISH_IGNORES_PENDING}, "EVRT_STRAND_PENDING"},
		{{"planted: finish in two steps", 1, 2, BUG_FINISH_IN_TWO}, "EVRT_STRAND_PENDING"},
		{{"planted: notify by pending", 1, 2, BUG_NOTIFY_BY_PENDING}, "!owned"},
		{{"planted: begin after the take", 1, 2, BUG_BEGIN_LATE}, "deadlock"},
		{{"planted: notify before the item", 1, 1, BUG_NOTIFY_FIRST}, "deadlock"},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		check(planted[i].scenario, &r);
		model_expect_failure(planted[i].scenario.name, &r, planted[i].failure);
	}
}

static const struct evrt_test_case cases[] = {
	{"one_owner_and_nothing_left", one_owner_and_nothing_left},
	{"planted_bugs_are_found", planted_bugs_are_found},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
