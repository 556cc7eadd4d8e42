/* testing/model/park_model_test.c — inbox and park word together: producers against a consumer that sleeps.
 *
 * Checked:  the consumer never sleeps for ever while something is in its inbox (that is the checker's "deadlock");
 *           a wake write comes only while it sleeps, and once per sleep; every item arrives once, and those of one
 *           producer in order. Then the same with bugs planted, which the checker must find.
 */
#include "testing/model/expect.h"

#include <stddef.h>
#include <string.h>
#include "threading/inbox.c"
#include "threading/park.h"

#define PRODUCERS_MAX 2
#define ITEMS_MAX 3

enum bug {
	BUG_NONE,
	BUG_RECHECK_FIRST,   /* the consumer looks once more, then announces */
	BUG_NOTIFY_FIRST,    /* a producer notifies, then pushes */
	BUG_NOTIFY_ALWAYS,   /* every notify of a sleeper says "write" */
	BUG_ANNOUNCE_KEEPS,  /* announce leaves NOTIFIED set */
	BUG_TAKE_IN_TWO,     /* take reads the head, then clears it */
};

static struct scenario {
	const char *name;
	unsigned producers, items[PRODUCERS_MAX]; /* of each producer */
	enum bug bug;
} now;

struct item {
	struct evrt_node node;
	unsigned producer, number;
};

static struct evrt_inbox inbox;
static struct evrt_park park;
static evrt_atomic(unsigned) wake_descriptor;
static struct item items[PRODUCERS_MAX][ITEMS_MAX];
static unsigned arrived[PRODUCERS_MAX]; /* consumer */
/* Changed in one step with the operation on park.word that they tell of. */
static bool asleep;
static unsigned writes_this_sleep;

static void
start(void)
{
	evrt__inbox_init(&inbox);
	evrt__park_init(&park);
	atomic_store(&wake_descriptor, 0u);
	memset(arrived, 0, sizeof(arrived));
	asleep = false;
	writes_this_sleep = 0;
}

static bool
notify(void)
{
	if (now.bug == BUG_NOTIFY_ALWAYS)
		return evrt_or_seq_cst(&park.word, EVRT_PARK_NOTIFIED) & EVRT_PARK_SLEEPING;
	return evrt__park_notify(&park);
}

static void
notify_and_write(void)
{
	if (!notify())
		return;
	MODEL_CHECK(asleep);
	MODEL_CHECK(++writes_this_sleep == 1);
	evrt_store_seq_cst(&wake_descriptor, 1u);
}

/* A producer without items gives one notice all the same. */
static void
produce(unsigned producer)
{
	if (now.items[producer] == 0)
		notify_and_write();
	for (unsigned i = 0; i < now.items[producer]; i++) {
		struct item *it = &items[producer][i];
		it->producer = producer;
		it->number = i;
		if (now.bug == BUG_NOTIFY_FIRST)
			notify_and_write();
		evrt__inbox_push(&inbox, &it->node);
		if (now.bug != BUG_NOTIFY_FIRST)
			notify_and_write();
	}
}

static void producer_a(void) { produce(0); }
static void producer_b(void) { produce(1); }

static struct evrt_node *
take(void)
{
	if (now.bug != BUG_TAKE_IN_TWO)
		return evrt__inbox_take(&inbox);
	struct evrt_node *newest = evrt_load_acquire(&inbox.head), *oldest = NULL;
	evrt_store_release(&inbox.head, (struct evrt_node *)NULL);
	while (newest) {
		struct evrt_node *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* True: all have arrived. */
static bool
drain(void)
{
	for (struct evrt_node *n = take(); n; n = n->next) {
		struct item *it = (struct item *)(void *)n;
		MODEL_CHECK(it->number == arrived[it->producer]);
		arrived[it->producer]++;
	}
	for (unsigned p = 0; p < now.producers; p++)
		if (arrived[p] < now.items[p])
			return false;
	return true;
}

static void
announce(void)
{
	if (now.bug == BUG_ANNOUNCE_KEEPS)
		evrt_or_seq_cst(&park.word, EVRT_PARK_SLEEPING);
	else
		evrt__park_announce(&park);
	asleep = true;
	writes_this_sleep = 0;
}

static void
consumer(void)
{
	while (!drain()) {
		bool looked_first = now.bug == BUG_RECHECK_FIRST && !evrt__inbox_empty(&inbox);
		announce();
		if (now.bug == BUG_RECHECK_FIRST ? !looked_first : evrt__inbox_empty(&inbox))
			evrt__model_wait(&wake_descriptor);
		evrt__park_leave(&park);
		asleep = false;
	}
}

static void
finish(void)
{
	MODEL_CHECK(evrt__inbox_empty(&inbox));
	MODEL_CHECK(!evrt__park_is_sleeping(&park));
}

static void
check(struct scenario scenario, struct evrt_model_result *out)
{
	struct evrt_model m = {scenario.name, 1 + scenario.producers, start, {consumer, producer_a, producer_b},
		finish, 2000000, false, false};

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
no_wake_is_lost_or_doubled(void)
{
	check_holds((struct scenario){"one producer, three items", 1, {3, 0}, BUG_NONE});
	check_holds((struct scenario){"two producers, an item each", 2, {1, 1}, BUG_NONE});
	check_holds((struct scenario){"two items, and a notice about nothing", 2, {2, 0}, BUG_NONE});
}

static void
planted_bugs_are_found(void)
{
	static const struct {
		struct scenario scenario;
		const char *failure;
	} planted[] = {
		{{"planted: re-check before announce", 1, {1, 0}, BUG_RECHECK_FIRST}, "deadlock"},
		{{"planted: notify before push", 1, {1, 0}, BUG_NOTIFY_FIRST}, "deadlock"},
		{{"planted: notify always writes", 2, {1, 1}, BUG_NOTIFY_ALWAYS}, "writes_this_sleep"},
		{{"planted: announce keeps a notice", 1, {2, 0}, BUG_ANNOUNCE_KEEPS}, "deadlock"},
		{{"planted: take in two steps", 2, {1, 1}, BUG_TAKE_IN_TWO}, "deadlock"},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		check(planted[i].scenario, &r);
		model_expect_failure(planted[i].scenario.name, &r, planted[i].failure);
	}
}

static const struct evrt_test_case cases[] = {
	{"no_wake_is_lost_or_doubled", no_wake_is_lost_or_doubled},
	{"planted_bugs_are_found", planted_bugs_are_found},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
