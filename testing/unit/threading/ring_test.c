/* testing/unit/threading/ring_test.c — the run queue: order, bounds, shares of a thief, wrap-around, and an
 * owner against thieves on real threads. All interleavings of short scripts: testing/model. */
#include "threading/ring.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include "testing/harness/test.h"

#define THIEVES 3
#define ITEMS 60000

static void *
item(uintptr_t n)
{
	return (void *)n;
}

/* As if so many items had gone through already. */
static void
start_at(struct evrt_ring *r, uint32_t index)
{
	evrt__ring_init(r);
	evrt_store_relaxed(&r->head, (uint64_t)index << 32 | index);
	evrt_store_relaxed(&r->tail, index);
}

static void
fill(struct evrt_ring *r, uintptr_t from, uintptr_t count)
{
	for (uintptr_t i = 0; i < count; i++)
		CHECK(evrt__ring_push(r, item(from + i)));
}

static void
check_pops(struct evrt_ring *r, uintptr_t from, uintptr_t count)
{
	for (uintptr_t i = 0; i < count; i++)
		CHECK_PTR_EQ(evrt__ring_pop(r), item(from + i));
	CHECK(!evrt__ring_pop(r));
}

static void
fifo_up_to_capacity(void)
{
	struct evrt_ring r;

	evrt__ring_init(&r);
	CHECK(!evrt__ring_pop(&r));
	CHECK_INT_EQ(evrt__ring_length(&r), 0);
	fill(&r, 1, EVRT_RING_CAPACITY);
	CHECK_INT_EQ(evrt__ring_length(&r), EVRT_RING_CAPACITY);
	CHECK(!evrt__ring_push(&r, item(999)));
	CHECK_PTR_EQ(evrt__ring_pop(&r), item(1));
	CHECK(evrt__ring_push(&r, item(EVRT_RING_CAPACITY + 1)));
	CHECK(!evrt__ring_push(&r, item(999)));
	check_pops(&r, 2, EVRT_RING_CAPACITY);
	CHECK_INT_EQ(evrt__ring_length(&r), 0);
}

static void
indexes_wrap_around(void)
{
	struct evrt_ring victim, thief;
	uint32_t count;

	start_at(&victim, UINT32_MAX - 2);
	start_at(&thief, UINT32_MAX);
	fill(&victim, 1, EVRT_RING_CAPACITY);
	CHECK(!evrt__ring_push(&victim, item(999)));
	CHECK_INT_EQ(evrt__ring_length(&victim), EVRT_RING_CAPACITY);
	CHECK_PTR_EQ(evrt__ring_steal(&victim, &thief, UINT32_MAX, &count), item(1));
	CHECK_INT_EQ(count, EVRT_RING_CAPACITY / 2);
	check_pops(&thief, 2, EVRT_RING_CAPACITY / 2 - 1);
	check_pops(&victim, EVRT_RING_CAPACITY / 2 + 1, EVRT_RING_CAPACITY / 2);
}

static void
a_thief_takes_half_rounded_up(void)
{
	static const struct { uint32_t queued, max, taken; } table[] = {
		{1, 100, 1}, {2, 100, 1}, {3, 100, 2}, {7, 100, 4}, {8, 100, 4}, {8, 3, 3}, {8, 1, 1},
		{EVRT_RING_CAPACITY, UINT32_MAX, EVRT_RING_CAPACITY / 2},
	};

	for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
		struct evrt_ring victim, thief;
		uint32_t count = 99;
		evrt__ring_init(&victim);
		evrt__ring_init(&thief);
		fill(&victim, 1, table[k].queued);
		CHECK_PTR_EQ(evrt__ring_steal(&victim, &thief, table[k].max, &count), item(1));
		CHECK_INT_EQ(count, table[k].taken);
		check_pops(&thief, 2, count - 1);
		check_pops(&victim, count + 1, table[k].queued - count);
	}
}

static void
a_peek_leaves_the_oldest(void)
{
	struct evrt_ring r;

	start_at(&r, UINT32_MAX);
	fill(&r, 1, EVRT_RING_CAPACITY);
	check_pops(&r, 1, EVRT_RING_CAPACITY); /* each slot has an old item */
	CHECK(!evrt__ring_peek(&r));
	fill(&r, 1, 3);
	for (uintptr_t i = 1; i <= 3; i++) {
		CHECK_PTR_EQ(evrt__ring_peek(&r), item(i));
		CHECK_PTR_EQ(evrt__ring_pop(&r), item(i));
	}
	CHECK(!evrt__ring_peek(&r));
}

static void
nothing_to_steal(void)
{
	struct evrt_ring victim, thief;
	uint32_t count = 99;

	evrt__ring_init(&victim);
	evrt__ring_init(&thief);
	CHECK(!evrt__ring_steal(&victim, &thief, 8, &count));
	CHECK_INT_EQ(count, 0);
	fill(&victim, 1, 4);
	count = 99;
	CHECK(!evrt__ring_steal(&victim, &thief, 0, &count));
	CHECK_INT_EQ(count, 0);
	check_pops(&victim, 1, 4);
}

static void
a_thief_over_half_full_takes_nothing(void)
{
	struct evrt_ring victim, thief;
	uint32_t count;

	evrt__ring_init(&victim);
	evrt__ring_init(&thief);
	fill(&victim, 1, EVRT_RING_CAPACITY);
	fill(&thief, 1000, EVRT_RING_CAPACITY / 2 + 1);
	CHECK(!evrt__ring_steal(&victim, &thief, UINT32_MAX, &count));
	CHECK_PTR_EQ(evrt__ring_pop(&thief), item(1000));
	CHECK_PTR_EQ(evrt__ring_steal(&victim, &thief, UINT32_MAX, &count), item(1));
	CHECK_INT_EQ(count, EVRT_RING_CAPACITY / 2);
	CHECK_INT_EQ(evrt__ring_length(&thief), EVRT_RING_CAPACITY - 1);
}

static void
the_next_thief_is_let_in(void)
{
	struct evrt_ring victim, thief;
	uint32_t count;

	evrt__ring_init(&victim);
	evrt__ring_init(&thief);
	fill(&victim, 1, 6);
	CHECK_PTR_EQ(evrt__ring_steal(&victim, &thief, 8, &count), item(1));
	CHECK_PTR_EQ(evrt__ring_steal(&victim, &thief, 8, &count), item(4));
	CHECK_PTR_EQ(evrt__ring_steal(&victim, &thief, 8, &count), item(6));
	CHECK(!evrt__ring_pop(&victim));
	fill(&victim, 100, EVRT_RING_CAPACITY); /* all slots are free again */
	CHECK_PTR_EQ(evrt__ring_pop(&thief), item(2));
	CHECK_PTR_EQ(evrt__ring_pop(&thief), item(3));
	CHECK_PTR_EQ(evrt__ring_pop(&thief), item(5));
}

static void
a_thief_inside_holds_others_and_pushes_back(void)
{
	struct evrt_ring r, thief;
	uint32_t count;

	/* The state between a thief's two steps: two slots are being copied. */
	evrt__ring_init(&r);
	evrt__ring_init(&thief);
	fill(&r, 1, EVRT_RING_CAPACITY);
	evrt_store_relaxed(&r.head, (uint64_t)0 << 32 | 2);
	CHECK_INT_EQ(evrt__ring_length(&r), EVRT_RING_CAPACITY - 2);
	CHECK(!evrt__ring_push(&r, item(999)));
	CHECK(!evrt__ring_steal(&r, &thief, 8, &count));
	CHECK_PTR_EQ(evrt__ring_pop(&r), item(3)); /* the owner goes on */
	CHECK(!evrt__ring_push(&r, item(999)));
	CHECK(evrt_load_relaxed(&r.head) == 3);
}

struct value {
	int number; /* plain on purpose: the ring must order it */
};

struct thief {
	struct evrt_ring *victim;
	struct evrt_ring own;
	evrt_atomic(long) *taken;
	unsigned char *seen;
};

static void
see(unsigned char *seen, evrt_atomic(long) *taken, const struct value *v)
{
	seen[v->number]++; /* only one thread may ever get here for a number */
	evrt_add_relaxed(taken, 1L);
}

static void *
steal_all(void *arg)
{
	struct thief *t = arg;

	while (evrt_load_relaxed(t->taken) < ITEMS) {
		uint32_t count;
		struct value *v = evrt__ring_steal(t->victim, &t->own, UINT32_MAX, &count);
		for (; v; v = evrt__ring_pop(&t->own))
			see(t->seen, t->taken, v);
	}
	return NULL;
}

static void
each_item_is_taken_once(void)
{
	static struct evrt_ring r;
	static struct thief thieves[THIEVES];
	static struct value values[ITEMS];
	static unsigned char seen[ITEMS];
	static evrt_atomic(long) taken;
	pthread_t threads[THIEVES];

	start_at(&r, UINT32_MAX - 1000);
	for (int i = 0; i < THIEVES; i++) {
		thieves[i] = (struct thief){.victim = &r, .taken = &taken, .seen = seen};
		start_at(&thieves[i].own, UINT32_MAX - 500);
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, steal_all, &thieves[i]), 0);
	}
	for (int i = 0; i < ITEMS; i++) {
		values[i].number = i;
		struct value *v;
		while (!evrt__ring_push(&r, &values[i]))
			if ((v = evrt__ring_pop(&r)) != NULL)
				see(seen, &taken, v);
		if (i % 3 == 0 && (v = evrt__ring_pop(&r)) != NULL)
			see(seen, &taken, v);
	}
	for (struct value *v; (v = evrt__ring_pop(&r)) != NULL;)
		see(seen, &taken, v);
	for (int i = 0; i < THIEVES; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < ITEMS; i++)
		CHECK_INT_EQ(seen[i], 1);
	CHECK_INT_EQ(evrt_load_relaxed(&taken), ITEMS);
}

static const struct evrt_test_case cases[] = {
	{"fifo_up_to_capacity", fifo_up_to_capacity},
	{"indexes_wrap_around", indexes_wrap_around},
	{"a_thief_takes_half_rounded_up", a_thief_takes_half_rounded_up},
	{"a_peek_leaves_the_oldest", a_peek_leaves_the_oldest},
	{"nothing_to_steal", nothing_to_steal},
	{"a_thief_over_half_full_takes_nothing", a_thief_over_half_full_takes_nothing},
	{"the_next_thief_is_let_in", the_next_thief_is_let_in},
	{"a_thief_inside_holds_others_and_pushes_back", a_thief_inside_holds_others_and_pushes_back},
	{"each_item_is_taken_once", each_item_is_taken_once},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
