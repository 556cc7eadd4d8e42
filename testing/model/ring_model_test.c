/* testing/model/ring_model_test.c — the run queue at capacity 4: an owner against thieves.
 *
 * Checked:  every item that was accepted comes out exactly once, whatever the order of steps; also with indexes
 *           about to wrap around. Then the same with bugs planted, which the checker must find.
 */
#include "testing/model/expect.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "testing/harness/test.h"
#include "threading/ring.c"

#define ITEMS_MAX 12

enum bug {
	BUG_NONE,
	BUG_PUSH_IGNORES_THIEF, /* looks at the real half of head only */
	BUG_POP_MOVES_THIEF,    /* moves both halves though a thief copies */
	BUG_PUSH_INDEX_FIRST,   /* publishes the index before the slot */
};

/* A model's actors: the owner of `ring` and up to two thieves with rings of their own. */
static struct scenario {
	const char *name;
	uint32_t start;       /* where the indexes begin */
	unsigned prefilled;
	const char *owner;    /* '+' push, '-' pop, in order */
	unsigned thieves;
	unsigned steals;      /* of each thief */
	bool chain;           /* the second thief steals from the first */
	enum bug bug;
} now;

static struct evrt_ring ring, loot[2];
static unsigned next_item;           /* owner */
static unsigned taken[ITEMS_MAX + 1]; /* how often each item came out; an item has one taker, or we fail */
static bool accepted[ITEMS_MAX + 1];

static bool
buggy_push_ignoring_thief(struct evrt_ring *r, void *item)
{
	uint64_t head = evrt_load_acquire(&r->head);
	uint32_t tail = evrt_load_relaxed(&r->tail);

	if (tail - ring_real(head) >= EVRT_RING_CAPACITY)
		return false;
	evrt_store_relaxed(&r->slot[tail & RING_MASK], item);
	evrt_store_release(&r->tail, tail + 1);
	return true;
}

static bool
buggy_push_index_first(struct evrt_ring *r, void *item)
{
	uint64_t head = evrt_load_acquire(&r->head);
	uint32_t tail = evrt_load_relaxed(&r->tail);

	if (tail - ring_steal(head) >= EVRT_RING_CAPACITY)
		return false;
	evrt_store_release(&r->tail, tail + 1);
	evrt_store_relaxed(&r->slot[tail & RING_MASK], item);
	return true;
}

static void *
buggy_pop(struct evrt_ring *r)
{
	uint32_t tail = evrt_load_relaxed(&r->tail);
	uint64_t head = evrt_load_acquire(&r->head);
	uint32_t real;

	do {
		real = ring_real(head);
		if (real == tail)
			return NULL;
	} while (!evrt_cas_acq_rel(&r->head, &head, ring_pack(real + 1, real + 1)));
	return evrt_load_relaxed(&r->slot[real & RING_MASK]);
}

static bool
push(struct evrt_ring *r, void *item)
{
	if (now.bug == BUG_PUSH_IGNORES_THIEF)
		return buggy_push_ignoring_thief(r, item);
	return now.bug == BUG_PUSH_INDEX_FIRST ? buggy_push_index_first(r, item) : evrt__ring_push(r, item);
}

static void *
pop(struct evrt_ring *r)
{
	return now.bug == BUG_POP_MOVES_THIEF ? buggy_pop(r) : evrt__ring_pop(r);
}

static void
take(void *item)
{
	uintptr_t n = (uintptr_t)item;

	MODEL_CHECK(n >= 1 && n <= ITEMS_MAX);
	taken[n]++;
	MODEL_CHECK(taken[n] == 1);
}

static void
place(struct evrt_ring *r)
{
	evrt__ring_init(r);
	evrt_store_relaxed(&r->head, ring_pack(now.start, now.start));
	evrt_store_relaxed(&r->tail, now.start);
}

static void
start(void)
{
	place(&ring);
	place(&loot[0]);
	place(&loot[1]);
	memset(taken, 0, sizeof(taken));
	memset(accepted, 0, sizeof(accepted));
	for (next_item = 1; next_item <= now.prefilled; next_item++)
		accepted[next_item] = evrt__ring_push(&ring, (void *)(uintptr_t)next_item);
}

static void
owner(void)
{
	for (const char *op = now.owner; *op; op++) {
		if (*op == '+') {
			accepted[next_item] = push(&ring, (void *)(uintptr_t)next_item);
			next_item++;
			continue;
		}
		void *item = pop(&ring);
		if (item)
			take(item);
	}
}

static void
steal(struct evrt_ring *victim, struct evrt_ring *into)
{
	uint32_t count = 99;

	for (unsigned i = 0; i < now.steals; i++) {
		void *item = evrt__ring_steal(victim, into, UINT32_MAX, &count);
		MODEL_CHECK(count <= EVRT_RING_CAPACITY / 2 && (item == NULL) == (count == 0));
		if (item)
			take(item);
	}
}

static void thief_a(void) { steal(&ring, &loot[0]); }
static void thief_b(void) { steal(now.chain ? &loot[0] : &ring, &loot[1]); }

static void
finish(void)
{
	struct evrt_ring *const rings[] = {&ring, &loot[0], &loot[1]};

	for (unsigned i = 0; i < 3; i++) {
		for (void *item; (item = evrt__ring_pop(rings[i])) != NULL;)
			take(item);
		/* No thief is left inside, or nobody could steal here again. */
		uint64_t head = atomic_load(&rings[i]->head);
		MODEL_CHECK(ring_steal(head) == ring_real(head));
	}
	for (unsigned n = 1; n < next_item; n++)
		MODEL_CHECK(taken[n] == accepted[n]);
}

static void
check(struct scenario scenario, struct evrt_model_result *out)
{
	struct evrt_model m = {scenario.name, 1 + scenario.thieves, start, {owner, thief_a, thief_b}, finish,
		2000000, false, false};

	now = scenario;
	evrt__model_check(&m, out);
}

#define NEAR_WRAP (UINT32_MAX - 1u)

static const struct scenario scenarios[] = {
	{"one thief, full", 0, 4, "++-+-+", 1, 2, false, BUG_NONE},
	{"one thief, full, wrapping", NEAR_WRAP, 4, "++-+-+", 1, 2, false, BUG_NONE},
	{"one thief, empty", 0, 0, "+-++--+", 1, 2, false, BUG_NONE},
	{"two thieves, full", 0, 4, "++-", 2, 1, false, BUG_NONE},
	{"two thieves, full, wrapping", NEAR_WRAP, 4, "+-+", 2, 1, false, BUG_NONE},
	{"two thieves, one item", NEAR_WRAP, 1, "+-", 2, 1, false, BUG_NONE},
	{"two thieves, filling", UINT32_MAX, 0, "++-", 2, 1, false, BUG_NONE},
	{"a thief robbed while it steals", NEAR_WRAP, 4, "-+", 2, 2, true, BUG_NONE},
};

static void
nothing_is_lost_or_doubled(void)
{
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		check(scenarios[i], &r);
		model_expect_holds(scenarios[i].name, &r);
	}
}

static void
planted_bugs_are_found(void)
{
	static const struct scenario planted[] = {
		{"planted: push ignores thief", 0, 4, "++", 1, 1, false, BUG_PUSH_IGNORES_THIEF},
		{"planted: pop moves thief", NEAR_WRAP, 4, "-++", 1, 1, false, BUG_POP_MOVES_THIEF},
		{"planted: index before slot", 0, 0, "+", 1, 1, false, BUG_PUSH_INDEX_FIRST},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		struct scenario sound = planted[i];
		sound.bug = BUG_NONE;
		check(sound, &r);
		CHECK(!r.failed);
		check(planted[i], &r);
		if (!r.failed || strstr(r.failure, "limit"))
			evrt_test_fail(__FILE__, __LINE__, "%s: not found", planted[i].name);
	}
}

static const struct evrt_test_case cases[] = {
	{"nothing_is_lost_or_doubled", nothing_is_lost_or_doubled},
	{"planted_bugs_are_found", planted_bugs_are_found},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
