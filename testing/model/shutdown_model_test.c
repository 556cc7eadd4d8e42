/* testing/model/shutdown_model_test.c — a pool ends: workers that sleep in a set, stoppers, and a sender of posts.
 *
 * The real inbox and group word; the steps are those of evrt__pool_halt, _wait_ended, _start and _post, of a worker's
 * turn and of its end.
 *
 * Checked:  whatever was accepted before the halt was raised has run when a drain has ended; what was accepted at all
 *           has run, or lies where the next start finds it; nothing runs after the end was told; everybody
 *           ends. Then the same with bugs planted.
 */
#include "testing/model/expect.h"

#include <stddef.h>
#include <string.h>
#include "runtime/pool/group_word.h"
#include "threading/inbox.c"

#define WORKERS_MAX 2u
#define STOPPERS_MAX 2u
#define POSTS_MAX 2u /* and as many that lie there */

enum halt { HALT_NO, HALT_WHEN_DRAINED, HALT_NOW }; /* enum evrt_pool_halt */

enum bug {
	BUG_NONE,
	BUG_BELL_ONCE,     /* the first to hear the bell silences it */
	BUG_NO_SWEEP,      /* the last to leave does not look once more */
	BUG_LOWERED_EARLY, /* the stopper lowers the halt word before the workers have ended */
	BUG_TELL_FIRST,    /* the last says that all have ended, then sweeps; and nobody joins it */
};

static struct scenario {
	const char *name;
	unsigned workers, stoppers, posts;
	unsigned lie_there; /* posts, when it begins */
	enum halt how;
	bool again; /* the stopper starts the pool anew, and leaves it running */
	enum bug bug;
} now;

static struct evrt_group_word word;
static struct evrt_inbox inbox;
static evrt_atomic(unsigned) halt, started, set_ready, bell;
static evrt_atomic(unsigned) pool_free; /* the pool's lock */
static evrt_atomic(unsigned) ended[STOPPERS_MAX], thread_begins[WORKERS_MAX], thread_ended[WORKERS_MAX];
/* Guarded by the pool's lock. */
static unsigned running;
static bool joining, has_thread[WORKERS_MAX];
/* Of the check; each changes in one step with the operation that it tells of. */
static struct evrt_node posts[2 * POSTS_MAX];
static unsigned accepted, accepted_before_halt, ran;
static evrt_atomic(unsigned) over; /* a stopper was told that all have ended */

static void
run_post(struct evrt_node *n)
{
	(void)n;
	MODEL_CHECK(!evrt_load_seq_cst(&over));
	ran++;
}

static unsigned
take(void)
{
	unsigned count = 0;
	struct evrt_node *next;

	for (struct evrt_node *n = evrt__inbox_take(&inbox); n; n = next, count++) {
		next = n->next;
		n->arrive(n);
	}
	return count;
}

/* It rings until all have ended, or is silenced. As evrt__group_strip_own. */
static void
hear_bell(void)
{
	if (now.bug == BUG_BELL_ONCE || evrt_load_seq_cst(&halt) == HALT_NO)
		evrt_store_seq_cst(&bell, 0u);
	else
		evrt_store_seq_cst(&set_ready, 1u);
}

static void
sleep_in_set(void)
{
	evrt__group_word_enter(&word);
	if (evrt__inbox_empty(&inbox) && evrt_load_seq_cst(&halt) == HALT_NO) {
		evrt__model_wait(&set_ready);
		if (evrt_load_seq_cst(&bell))
			hear_bell();
	}
	evrt__group_word_leave(&word);
}

/* False: the worker is to end. */
static bool
turn(void)
{
	if (evrt_load_relaxed(&halt) == HALT_NOW)
		return false;
	unsigned count = take();
	if (evrt_load_relaxed(&halt) == HALT_WHEN_DRAINED)
		return count > 0;
	if (!count)
		sleep_in_set();
	return true;
}

static void
broadcast(void)
{
	for (unsigned i = 0; i < now.stoppers; i++)
		evrt_store_seq_cst(&ended[i], 1u);
}

static void
worker_ends(void)
{
	evrt__model_lock(&pool_free);
	bool last = running == 1;
	if (!last || now.bug == BUG_TELL_FIRST)
		running--;
	if (last && now.bug == BUG_TELL_FIRST)
		broadcast();
	evrt__model_unlock(&pool_free);
	if (!last)
		return;
	if (evrt_load_acquire(&halt) == HALT_WHEN_DRAINED && now.bug != BUG_NO_SWEEP)
		while (take())
			continue;
	evrt__model_lock(&pool_free);
	running = 0;
	broadcast();
	evrt__model_unlock(&pool_free);
}

static void
worker(unsigned me)
{
	for (;;) {
		evrt__model_wait(&thread_begins[me]);
		while (turn())
			continue;
		worker_ends();
		evrt_store_seq_cst(&thread_ended[me], 1u);
	}
}

static void worker_0(void) { worker(0); }
static void worker_1(void) { worker(1); }

static void
push(unsigned number)
{
	posts[number].arrive = run_post;
	evrt__inbox_push(&inbox, &posts[number]);
	accepted++;
}

static void
sender(void)
{
	for (unsigned i = 0; i < now.posts; i++) {
		uint64_t deep;
		if (evrt_load_acquire(&halt) != HALT_NO)
			continue; /* refused */
		push(i);
		if (evrt__group_word_call(&word, false, &deep) == EVRT_CALL_SET)
			evrt_store_seq_cst(&set_ready, 1u);
	}
}

static void
raise_halt(void)
{
	unsigned before = evrt_load_relaxed(&halt), raised = now.how;

	if (!evrt_load_seq_cst(&started))
		return;
	while (before < raised) {
		if (!evrt_cas_seq_cst(&halt, &before, raised))
			continue;
		accepted_before_halt = accepted;
		break;
	}
	if (before < raised && !evrt_load_seq_cst(&started))
		evrt_cas_seq_cst(&halt, &raised, (unsigned)HALT_NO);
	evrt_store_seq_cst(&bell, 1u);
	evrt_store_seq_cst(&set_ready, 1u);
}

/* Locked. */
static void
wait_for_broadcast(unsigned me)
{
	evrt__model_unlock(&pool_free);
	evrt__model_wait(&ended[me]);
	evrt__model_lock(&pool_free);
}

static void
join(unsigned me)
{
	while (joining)
		wait_for_broadcast(me);
	if (!evrt_load_relaxed(&started) || running > 0)
		return;
	joining = true;
	for (unsigned i = 0; i < now.workers; i++) {
		if (!has_thread[i])
			continue;
		has_thread[i] = false;
		evrt__model_unlock(&pool_free);
		if (now.bug != BUG_TELL_FIRST)
			evrt__model_wait(&thread_ended[i]);
		evrt__model_lock(&pool_free);
	}
	joining = false;
	evrt_store_seq_cst(&started, 0u);
	broadcast();
}

static void
wait_ended(unsigned me)
{
	if (now.bug == BUG_LOWERED_EARLY)
		evrt_store_seq_cst(&halt, (unsigned)HALT_NO);
	evrt__model_lock(&pool_free);
	while (evrt_load_relaxed(&started) && running > 0)
		wait_for_broadcast(me);
	if (running == 0 && evrt_load_relaxed(&started))
		join(me);
	if (!evrt_load_relaxed(&started))
		evrt_store_seq_cst(&halt, (unsigned)HALT_NO);
	evrt__model_unlock(&pool_free);
}

static void
begin(void)
{
	evrt__model_lock(&pool_free);
	evrt_store_seq_cst(&halt, (unsigned)HALT_NO);
	evrt_store_seq_cst(&started, 1u);
	evrt__group_word_init(&word, now.workers);
	evrt_store_seq_cst(&bell, 0u);
	evrt_store_seq_cst(&set_ready, 0u);
	running = now.workers;
	for (unsigned i = 0; i < now.workers; i++) {
		has_thread[i] = true;
		evrt_store_seq_cst(&thread_begins[i], 1u);
	}
	evrt__model_unlock(&pool_free);
}

static void
stopper(unsigned me)
{
	raise_halt();
	wait_ended(me);
	evrt_store_seq_cst(&over, 1u);
	MODEL_CHECK(now.how != HALT_WHEN_DRAINED || ran >= accepted_before_halt);
	if (!now.again)
		return;
	evrt_store_seq_cst(&over, 0u);
	begin();
}

static void stopper_0(void) { stopper(0); }
static void stopper_1(void) { stopper(1); }

static void
start(void)
{
	evrt__inbox_init(&inbox);
	atomic_store(&pool_free, 1u);
	halt = started = set_ready = bell = over = 0;
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		thread_begins[i] = thread_ended[i] = 0;
	for (unsigned i = 0; i < STOPPERS_MAX; i++)
		ended[i] = 0;
	joining = false;
	accepted = accepted_before_halt = ran = 0;
	for (unsigned i = 0; i < now.lie_there; i++)
		push(POSTS_MAX + i);
	begin();
}

/* Nobody can go on: stoppers and sender have ended, workers wait for a start, or for work. */
static void
finish(void)
{
	unsigned left = 0;

	for (struct evrt_node *n = evrt__inbox_take(&inbox); n; n = n->next)
		left++;
	MODEL_CHECK(ran + left == accepted);
	MODEL_CHECK(atomic_load(&halt) == HALT_NO && atomic_load(&pool_free));
	MODEL_CHECK(atomic_load(&started) == now.again && running == (now.again ? now.workers : 0));
	MODEL_CHECK(!now.again || left == 0);
}

static void
check(struct scenario scenario, struct evrt_model_result *out)
{
	struct evrt_model m = {scenario.name, 1, start, {worker_0}, finish, 2000000, false, true};

	if (scenario.workers > 1)
		m.script[m.threads++] = worker_1;
	m.script[m.threads++] = stopper_0;
	if (scenario.stoppers > 1)
		m.script[m.threads++] = stopper_1;
	if (scenario.posts)
		m.script[m.threads++] = sender;
	now = scenario;
	evrt__model_check(&m, out);
}

static void
check_holds(struct scenario scenario)
{
	struct evrt_model_result r;

	check(scenario, &r);
	model_expect_holds(scenario.name, &r);
}

/* A case each: under a sanitizer one takes a minute. */
static void
a_drain_ends_and_loses_nothing(void)
{
	check_holds((struct scenario){"a drain", 1, 1, 1, 0, HALT_WHEN_DRAINED, false, BUG_NONE});
}

static void
a_halt_at_once_ends(void)
{
	check_holds((struct scenario){"at once", 1, 1, 1, 0, HALT_NOW, false, BUG_NONE});
}

static void
two_workers_end(void)
{
	check_holds((struct scenario){"two workers", 2, 1, 0, 0, HALT_WHEN_DRAINED, false, BUG_NONE});
}

static void
two_stoppers_are_told(void)
{
	check_holds((struct scenario){"two stoppers", 1, 2, 0, 0, HALT_WHEN_DRAINED, false, BUG_NONE});
}

static void
two_workers_end_and_lose_no_post(void)
{
	check_holds((struct scenario){"two workers, two posts", 2, 1, 0, 2, HALT_WHEN_DRAINED, false, BUG_NONE});
}

static void
what_was_left_runs_after_the_next_start(void)
{
	check_holds((struct scenario){"again after a drain", 1, 1, 1, 0, HALT_WHEN_DRAINED, true, BUG_NONE});
	check_holds((struct scenario){"again after at once", 1, 1, 1, 0, HALT_NOW, true, BUG_NONE});
}

static void
planted_bugs_are_found(void)
{
	static const struct {
		struct scenario scenario;
		const char *failure;
	} planted[] = {
		{{"planted: bell once", 2, 1, 0, 0, HALT_NOW, false, BUG_BELL_ONCE}, "HALT_NO"},
		{{"planted: no sweep", 1, 1, 1, 0, HALT_WHEN_DRAINED, false, BUG_NO_SWEEP}, "accepted_before_halt"},
		{{"planted: lowered early", 1, 1, 0, 0, HALT_NOW, false, BUG_LOWERED_EARLY}, "started"},
		{{"planted: tell first", 1, 1, 1, 0, HALT_WHEN_DRAINED, false, BUG_TELL_FIRST}, "over"},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		check(planted[i].scenario, &r);
		model_expect_failure(planted[i].scenario.name, &r, planted[i].failure);
	}
}

static const struct evrt_test_case cases[] = {
	{"a_drain_ends_and_loses_nothing", a_drain_ends_and_loses_nothing},
	{"a_halt_at_once_ends", a_halt_at_once_ends},
	{"two_workers_end", two_workers_end},
	{"two_stoppers_are_told", two_stoppers_are_told},
	{"two_workers_end_and_lose_no_post", two_workers_end_and_lose_no_post},
	{"what_was_left_runs_after_the_next_start", what_was_left_runs_after_the_next_start},
	{"planted_bugs_are_found", planted_bugs_are_found},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
