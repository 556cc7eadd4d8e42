/* threading/ring.c — a worker's run queue; see ring.h. */
#include "threading/ring.h"

#include <stddef.h>

#define RING_MASK (EVRT_RING_CAPACITY - 1u)

_Static_assert((EVRT_RING_CAPACITY & RING_MASK) == 0, "a power of two");

/* head = steal:32 | real:32. Between them lie the slots that a thief has claimed and is still copying. */
static uint64_t
pack(uint32_t steal, uint32_t real)
{
	return (uint64_t)steal << 32 | real;
}

static uint32_t steal_of(uint64_t head) { return (uint32_t)(head >> 32); }
static uint32_t real_of(uint64_t head) { return (uint32_t)head; }

void
evrt__ring_init(struct evrt_ring *r)
{
	evrt_store_relaxed(&r->head, UINT64_C(0));
	evrt_store_relaxed(&r->tail, 0u);
}

bool
evrt__ring_push(struct evrt_ring *r, void *item)
{
	/* PAIRS ring.head: acquire, against the thief's release: it has copied what we may overwrite. */
	uint32_t steal = steal_of(evrt_load_acquire(&r->head));
	uint32_t tail = evrt_load_relaxed(&r->tail); /* only we write it */

	if (tail - steal >= EVRT_RING_CAPACITY)
		return false;
	evrt_store_relaxed(&r->slot[tail & RING_MASK], item);
	/* PAIRS ring.tail: release, against the thief's acquire: the slot before the index. */
	evrt_store_release(&r->tail, tail + 1);
	return true;
}

void *
evrt__ring_pop(struct evrt_ring *r)
{
	uint64_t head = evrt_load_acquire(&r->head);
	uint64_t next;
	uint32_t real;

	do {
		real = real_of(head);
		if (real == evrt_load_relaxed(&r->tail))
			return NULL;
		/* While a thief copies, `steal` stays where it is, and holds our pushes back. */
		uint32_t steal = steal_of(head) == real ? real + 1 : steal_of(head);
		next = pack(steal, real + 1);
	} while (!evrt_cas_acq_rel(&r->head, &head, next));
	return evrt_load_relaxed(&r->slot[real & RING_MASK]);
}

/* Claims up to `max` of the victim's oldest. The count; *out_first is the first index. */
static uint32_t
ring_claim(struct evrt_ring *victim, uint32_t max, uint32_t *out_first)
{
	uint64_t head = evrt_load_acquire(&victim->head);
	uint32_t real, n;

	do {
		real = real_of(head);
		if (steal_of(head) != real)
			return 0; /* another thief is inside */
		/* PAIRS ring.tail: acquire: the slots below it are written. */
		uint32_t length = evrt_load_acquire(&victim->tail) - real;
		n = length - length / 2;
		/* A head that we read long ago can make no sense with a tail of now; the CAS would fail. */
		if (n == 0 || length > EVRT_RING_CAPACITY)
			return 0;
		if (n > max)
			n = max;
	} while (!evrt_cas_acq_rel(&victim->head, &head, pack(real, real + n)));
	*out_first = real;
	return n;
}

void *
evrt__ring_steal(struct evrt_ring *victim, struct evrt_ring *into, uint32_t max, uint32_t *out_count)
{
	uint32_t tail = evrt_load_relaxed(&into->tail); /* ours */
	uint32_t first;

	/* Room for the loot, whatever a thief in our own ring is doing. */
	if (tail - steal_of(evrt_load_acquire(&into->head)) > EVRT_RING_CAPACITY / 2)
		return NULL;
	uint32_t n = ring_claim(victim, max, &first);
	if (n == 0)
		return NULL;
	void *mine = evrt_load_relaxed(&victim->slot[first & RING_MASK]);
	for (uint32_t i = 1; i < n; i++) {
		void *item = evrt_load_relaxed(&victim->slot[(first + i) & RING_MASK]);
		evrt_store_relaxed(&into->slot[(tail + i - 1) & RING_MASK], item);
	}
	evrt_store_release(&into->tail, tail + n - 1); /* PAIRS ring.tail: as in push */
	/* PAIRS ring.head: the copies are made: `steal` catches up with whatever the owner has popped since. */
	uint64_t head = evrt_load_acquire(&victim->head);
	while (!evrt_cas_acq_rel(&victim->head, &head, pack(real_of(head), real_of(head))))
		continue;
	*out_count = n;
	return mine;
}

uint32_t
evrt__ring_length(const struct evrt_ring *r)
{
	uint32_t real = real_of(evrt_load_acquire(&r->head));
	uint32_t length = evrt_load_acquire(&r->tail) - real;

	/* The two loads are of different moments: more than fits means that it was emptied between them. */
	return length <= EVRT_RING_CAPACITY ? length : 0;
}
