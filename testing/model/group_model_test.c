/* testing/model/group_model_test.c — a group's words: senders against two workers that wait in one set, or park deep.
 *
 * What a worker takes goes to its ring, where the other may steal it; who hides something there calls. In some
 * scenarios the first callback never ends, or one of the workers goes for good.
 *
 * Checked:  in the end, when nobody can go on, nothing lies anywhere while a worker sleeps; at most one write per
 *           announced sleep; somebody floats at all times, and hears what the set reports. Then the same
 *           with bugs planted, which the checker must find.
 */
#include "testing/model/expect.h"

#include <stddef.h>
#include <string.h>
#include "runtime/pool/group_word.h"
#include "threading/park.h"

#define WORKERS_MAX 2u

enum bug {
	BUG_NONE,
	BUG_CALL_FIRST,      /* the sender calls, then publishes */
	BUG_LOOK_FIRST,      /* the sleeper looks, then announces */
	BUG_LEAVE_KEEPS,     /* who gets up leaves CALLED set */
	BUG_EMERGE_KEEPS,    /* the same from the deep */
	BUG_CALL_ALWAYS,     /* CALLED is not looked at */
	BUG_CALL_MARKS,      /* CALLED is set though nobody sleeps */
	BUG_SUBMERGE_IN_TWO, /* looks who floats, then goes */
	BUG_ANNOUNCE_LATE,   /* submerges, then announces on its park word */
	BUG_SHARE_FIRST,     /* calls for its ring before it is filled */
	BUG_GO_SILENTLY,     /* who goes calls nobody */
	BUG_GO_CALL_FIRST,   /* … or before it parts */
};

static struct scenario {
	const char *name;
	const char *workers; /* one or two, as it begins: 'a'wake, in the 's'et, 'd'eep; 'A', 'S': dives when it may;
	                      * 'x', 'X': the same as a and s, but goes once it is up, without a look */
	unsigned senders, items_each;
	unsigned reports;  /* by the kernel, in the set */
	bool urgent;       /* senders' calls */
	bool rings;        /* what is taken together goes through the taker's ring */
	bool first_sticks; /* the first callback never ends */
	bool echo;         /* a call wakes another one, too, until it is read */
	enum bug bug;
} now;

static struct evrt_group_word word;
static evrt_atomic(unsigned) parked, inbox, reports, ring[WORKERS_MAX];
static evrt_atomic(unsigned) set_ready, call_readable, own_ready[WORKERS_MAX], never; /* descriptors */
static unsigned workers;
static struct evrt_park park[WORKERS_MAX];
static evrt_atomic(unsigned) callbacks;
/* Changed in one step with the operations that they tell of. */
static unsigned announced, writes;
static bool asleep[WORKERS_MAX];
static unsigned gone;

static void
start(void)
{
	unsigned bits = 0;

	workers = (unsigned)strlen(now.workers);
	evrt__group_word_init(&word, workers);
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		bool is_deep = i < workers && now.workers[i] == 'd';
		asleep[i] = i < workers && strchr("sdSX", now.workers[i]);
		bits |= (unsigned)asleep[i] << i;
		atomic_store(&ring[i], 0u);
		atomic_store(&own_ready[i], 0u);
		atomic_store(&park[i].word, is_deep ? EVRT_PARK_SLEEPING : 0u);
		if (is_deep)
			evrt__group_word_submerge(&word, i);
		else if (asleep[i])
			evrt__group_word_enter(&word);
	}
	announced = (unsigned)__builtin_popcount(bits);
	atomic_store(&parked, bits);
	inbox = reports = set_ready = call_readable = never = callbacks = 0;
	writes = gone = 0;
}

static enum evrt_group_call
word_call(bool urgent, uint64_t *deep)
{
	if (now.bug == BUG_CALL_ALWAYS)
		evrt_and_seq_cst(&word.word, ~EVRT_GROUP_CALLED);
	enum evrt_group_call call = evrt__group_word_call(&word, urgent, deep);
	if (now.bug == BUG_CALL_MARKS && call == EVRT_CALL_AWAKE)
		evrt_or_seq_cst(&word.word, EVRT_GROUP_CALLED);
	return call;
}

/* As evrt__group_call. */
static void
call(bool urgent)
{
	uint64_t deep;

	switch (word_call(urgent, &deep)) {
	case EVRT_CALL_COMING:
	case EVRT_CALL_AWAKE:
		return;
	case EVRT_CALL_SET:
		MODEL_CHECK(++writes <= announced);
		if (now.echo)
			evrt_store_seq_cst(&call_readable, 1u);
		evrt_store_seq_cst(&set_ready, 1u);
		return;
	case EVRT_CALL_DEEP:
		if (evrt__park_notify(&park[__builtin_ctzll(deep)])) {
			MODEL_CHECK(++writes <= announced);
			evrt_store_seq_cst(&own_ready[__builtin_ctzll(deep)], 1u);
		}
	}
}

static void
sender(void)
{
	for (unsigned i = 0; i < now.items_each; i++) {
		if (now.bug == BUG_CALL_FIRST)
			call(now.urgent);
		evrt_add_seq_cst(&inbox, 1u);
		if (now.bug != BUG_CALL_FIRST)
			call(now.urgent);
	}
}

static void
kernel(void)
{
	for (unsigned i = 0; i < now.reports; i++) {
		evrt_add_seq_cst(&reports, 1u);
		evrt_store_seq_cst(&set_ready, 1u);
	}
}

/* As evrt__worker_share. */
static void
share(unsigned me)
{
	if (evrt_load_seq_cst(&parked) & ~(1u << me))
		call(true);
}

/* What came in together goes to its ring. */
static void
keep(unsigned me, unsigned count)
{
	if (!count)
		return;
	if (now.bug == BUG_SHARE_FIRST && count > 1)
		share(me);
	evrt_add_seq_cst(&ring[me], count);
	if (now.bug != BUG_SHARE_FIRST && count > 1)
		share(me);
}

static bool
take_one(evrt_atomic(unsigned) *from)
{
	unsigned count = evrt_load_seq_cst(from);

	while (count)
		if (evrt_cas_seq_cst(from, &count, count - 1))
			return true;
	return false;
}

/* A turn. False: it has found nothing. */
static bool
work(unsigned me)
{
	if (now.rings && evrt_load_seq_cst(&inbox))
		keep(me, evrt_swap_seq_cst(&inbox, 0u));
	if (now.rings ? !take_one(&ring[me]) && !take_one(&ring[!me]) : !take_one(&inbox))
		return false;
	if (evrt_add_seq_cst(&callbacks, 1u) == 0 && now.first_sticks)
		evrt__model_wait(&never);
	return true;
}

static bool
looks_again(void)
{
	return evrt_load_seq_cst(&inbox) || (now.rings && (evrt_load_seq_cst(&ring[0]) || evrt_load_seq_cst(&ring[1])));
}

static void
lies_down(unsigned me)
{
	asleep[me] = true;
	if (now.rings)
		evrt_or_seq_cst(&parked, 1u << me);
}

static void
gets_up(unsigned me)
{
	if (now.rings)
		evrt_and_seq_cst(&parked, ~(1u << me));
	asleep[me] = false;
}

static void
hear_set(void)
{
	evrt__model_wait(&set_ready);
	if (now.echo && evrt_swap_seq_cst(&call_readable, 0u))
		evrt_store_seq_cst(&set_ready, 1u);
	unsigned heard = now.reports ? evrt_swap_seq_cst(&reports, 0u) : 0;
	if (heard)
		evrt_add_seq_cst(&inbox, heard);
}

static void
word_leave(void)
{
	if (now.bug == BUG_LEAVE_KEEPS)
		evrt_sub_seq_cst(&word.word, EVRT_GROUP_WAITER);
	else
		evrt__group_word_leave(&word);
}

static void
sleep_in_set(unsigned me)
{
	bool stays = now.bug == BUG_LOOK_FIRST && looks_again();

	announced++;
	evrt__group_word_enter(&word);
	lies_down(me);
	if (now.bug != BUG_LOOK_FIRST)
		stays = looks_again();
	if (!stays)
		hear_set();
	gets_up(me);
	word_leave();
}

static bool
word_submerge(unsigned me)
{
	if (now.bug != BUG_SUBMERGE_IN_TWO)
		return evrt__group_word_submerge(&word, me);
	if (evrt__group_word_deep(&word))
		return false;
	evrt_or_seq_cst(&word.word, UINT64_C(1) << (EVRT_GROUP_DEEP_SHIFT + me));
	return true;
}

static void
word_emerge(unsigned me)
{
	if (now.bug == BUG_EMERGE_KEEPS)
		evrt_and_seq_cst(&word.word, ~(UINT64_C(1) << (EVRT_GROUP_DEEP_SHIFT + me)));
	else
		evrt__group_word_emerge(&word, me);
}

static void
rise(unsigned me)
{
	gets_up(me);
	evrt__park_leave(&park[me]);
	word_emerge(me);
}

/* False: somebody has to float. */
static bool
sleep_deep(unsigned me)
{
	if (now.bug != BUG_ANNOUNCE_LATE)
		evrt__park_announce(&park[me]);
	announced++;
	if (!word_submerge(me)) {
		announced--;
		evrt__park_leave(&park[me]);
		return false;
	}
	MODEL_CHECK((unsigned)__builtin_popcountll(atomic_load(&word.word) >> EVRT_GROUP_DEEP_SHIFT) < workers);
	if (now.bug == BUG_ANNOUNCE_LATE)
		evrt__park_announce(&park[me]);
	lies_down(me);
	if (!looks_again())
		evrt__model_wait(&own_ready[me]);
	rise(me);
	return true;
}

/* It sleeps when the scenario begins. */
static void
wake_first(unsigned me)
{
	if (now.workers[me] == 'd') {
		evrt__model_wait(&own_ready[me]);
		rise(me);
	} else if (asleep[me]) {
		hear_set();
		gets_up(me);
		word_leave();
	}
}

static void
go(void)
{
	if (now.bug == BUG_GO_CALL_FIRST)
		call(true);
	gone++;
	evrt__group_word_part(&word);
	if (now.bug == BUG_NONE)
		call(true);
}

static void
worker(unsigned me)
{
	bool dives = strchr("ASd", now.workers[me]);

	wake_first(me);
	if (strchr("xX", now.workers[me])) {
		go();
		return;
	}
	for (;;) {
		while (work(me))
			continue;
		if (!dives || !sleep_deep(me))
			sleep_in_set(me);
	}
}

static void worker_0(void) { worker(0); }
static void worker_1(void) { worker(1); }

static void
finish(void)
{
	unsigned sent = now.senders * now.items_each + now.reports;
	uint64_t w = atomic_load(&word.word);
	unsigned sleepers = (unsigned)asleep[0] + (unsigned)asleep[1];

	MODEL_CHECK(atomic_load(&callbacks) == sent);
	MODEL_CHECK(!(w & EVRT_GROUP_CALLED));
	MODEL_CHECK((w & EVRT_GROUP_WAITING) / EVRT_GROUP_WAITER +
	    (unsigned)__builtin_popcountll(w >> EVRT_GROUP_DEEP_SHIFT) == sleepers);
	MODEL_CHECK(sleepers + now.first_sticks + gone == workers);
}

static void
check(struct scenario scenario, struct evrt_model_result *out)
{
	struct evrt_model m = {scenario.name, 1, start, {worker_0}, finish, 2000000, false, true};

	if (scenario.workers[1])
		m.script[m.threads++] = worker_1;
	for (unsigned i = 0; i < scenario.senders; i++)
		m.script[m.threads++] = sender;
	if (scenario.reports)
		m.script[m.threads++] = kernel;
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

static void
nobody_sleeps_over_work(void)
{
	check_holds((struct scenario){"one worker, two items", "a", 1, 2, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"one sleeps", "as", 1, 1, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"one sleeps, calls echo", "as", 1, 1, 0, false, false, false, true, BUG_NONE});
	check_holds((struct scenario){"both sleep, two items", "ss", 1, 2, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"both sleep, two senders", "ss", 2, 1, 0, false, false, false, false, BUG_NONE});
}

static void
somebody_floats(void)
{
	check_holds((struct scenario){"one deep", "ad", 1, 1, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"one deep, urgent", "ad", 1, 1, 0, true, false, false, false, BUG_NONE});
	check_holds((struct scenario){"one deep, one in the set", "sd", 2, 1, 0, true, false, false, false, BUG_NONE});
	check_holds((struct scenario){"one dives", "As", 1, 1, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"both dive", "AS", 1, 1, 0, true, false, false, false, BUG_NONE});
	check_holds((struct scenario){"both dive, a report", "AS", 0, 0, 1, true, false, false, false, BUG_NONE});
}

static void
the_other_comes_while_one_is_stuck(void)
{
	check_holds((struct scenario){"both in the set", "ss", 1, 2, 0, false, true, true, false, BUG_NONE});
	check_holds((struct scenario){"one deep", "sd", 1, 2, 0, true, true, true, false, BUG_NONE});
}

static void
one_goes_for_good(void)
{
	check_holds((struct scenario){"to one deep", "xd", 1, 1, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"to one deep, a report", "xd", 0, 0, 1, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"to one in the set", "xs", 1, 1, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"was called, one in the set", "sX", 1, 1, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"was called, one deep", "dX", 1, 1, 0, false, false, false, false, BUG_NONE});
	check_holds((struct scenario){"was called, one dives", "AX", 1, 1, 0, true, false, false, false, BUG_NONE});
}

static void
planted_bugs_are_found(void)
{
	static const struct {
		struct scenario scenario;
		const char *failure;
	} planted[] = {
		{{"planted: call first", "s", 1, 1, 0, false, false, false, false, BUG_CALL_FIRST}, "== sent"},
		{{"planted: look first", "a", 1, 1, 0, false, false, false, false, BUG_LOOK_FIRST}, "== sent"},
		{{"planted: leave keeps", "ss", 1, 2, 0, false, true, true, false, BUG_LEAVE_KEEPS}, "== sent"},
		{{"planted: emerge keeps", "sd", 1, 2, 0, true, true, true, false, BUG_EMERGE_KEEPS}, "CALLED"},
		{{"planted: call always", "s", 2, 1, 0, false, false, false, false, BUG_CALL_ALWAYS}, "announced"},
		{{"planted: call marks", "a", 1, 1, 0, false, false, false, false, BUG_CALL_MARKS}, "CALLED"},
		{{"planted: submerge in two", "AS", 0, 0, 1, true, false, false, false, BUG_SUBMERGE_IN_TWO}, "< workers"},
		{{"planted: announce late", "sd", 1, 2, 0, true, true, true, false, BUG_ANNOUNCE_LATE}, "CALLED"},
		{{"planted: share first", "ss", 1, 2, 0, false, true, true, false, BUG_SHARE_FIRST}, "== sent"},
		{{"planted: go silently", "dX", 1, 1, 0, false, false, false, false, BUG_GO_SILENTLY}, "== sent"},
		{{"planted: go, call first", "dx", 0, 0, 1, false, false, false, false, BUG_GO_CALL_FIRST}, "== sent"},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		check(planted[i].scenario, &r);
		model_expect_failure(planted[i].scenario.name, &r, planted[i].failure);
	}
}

static const struct evrt_test_case cases[] = {
	{"nobody_sleeps_over_work", nobody_sleeps_over_work},
	{"somebody_floats", somebody_floats},
	{"the_other_comes_while_one_is_stuck", the_other_comes_while_one_is_stuck},
	{"one_goes_for_good", one_goes_for_good},
	{"planted_bugs_are_found", planted_bugs_are_found},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
