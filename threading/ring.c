/* threading/ring.c — see ring.h.
 *
 * Here:     push, pop, and the two-step steal.
 * Not here: who to steal from, overflow, sleeping.
 * Threads:  see the matrix in ring.h.
 *
 * Slots are relaxed atomics: the indexes order them (PAIRS ring.tail, ring.head). A thief reads slots only
 * after its claim, and they are its own until its second CAS.
 *
 *      freed ... | steal ... real-1 : a thief copies | real ... tail-1 : queued | tail ... : free
 */
#include "threading/ring.h"

#include <stddef.h>
#include "base/shake.h"

#define RING_MASK (EVRT_RING_CAPACITY - 1u)

_Static_assert((EVRT_RING_CAPACITY & RING_MASK) == 0 && EVRT_RING_CAPACITY >= 2, "a power of two");

static uint32_t ring_real(uint64_t head) { return (uint32_t)head; }
static uint32_t ring_steal(uint64_t head) { return (uint32_t)(head >> 32); }

static uint64_t
ring_pack(uint32_t steal, uint32_t real)
{
	return (uint64_t)steal << 32 | real;
}

void
evrt__ring_init(struct evrt_ring *r)
{
	/* Relaxed: whoever hands the ring to thieves publishes it. */
	evrt_store_relaxed(&r->head, (uint64_t)0);
	evrt_store_relaxed(&r->tail, 0u);
	for (uint32_t i = 0; i < EVRT_RING_CAPACITY; i++)
		evrt_store_relaxed(&r->slot[i], (void *)NULL);
}

bool
evrt__ring_push(struct evrt_ring *r, void *item)
{
	/* PAIRS ring.head: acquire; a slot behind `steal` has been copied out before it is written anew. */
	uint64_t head = evrt_load_acquire(&r->head);
	uint32_t tail = evrt_load_relaxed(&r->tail); /* our own */

	if (tail - ring_steal(head) >= EVRT_RING_CAPACITY)
		return false;
	evrt_store_relaxed(&r->slot[tail & RING_MASK], item);
	EVRT_SHAKE(ring_push);
	/* PAIRS ring.tail: the thief that sees the index sees the slot and what it points to. seq_cst for the owner who
	 * then asks whether anybody sleeps: see pool.parked. */
	evrt_store_seq_cst(&r->tail, tail + 1);
	return true;
}

void *
evrt__ring_pop(struct evrt_ring *r)
{
	uint32_t tail = evrt_load_relaxed(&r->tail); /* our own */
	uint64_t head = evrt_load_acquire(&r->head);
	uint32_t real;
	uint64_t next;

	/* PAIRS ring.head: acq_rel; either we get the slot at `real` or a thief's claim came first. */
	do {
		real = ring_real(head);
		if (real == tail)
			return NULL;
		/* With no thief inside both halves move together; with one, its half is its own to move. */
		next = ring_pack(ring_steal(head) == real ? real + 1 : ring_steal(head), real + 1);
		EVRT_SHAKE(ring_pop);
	} while (!evrt_cas_acq_rel(&r->head, &head, next));
	return evrt_load_relaxed(&r->slot[real & RING_MASK]);
}

/* Claims up to `max` of the oldest items: `real` moves, `steal` stays. 0: nothing, or a thief is inside. */
static uint32_t
ring_claim(struct evrt_ring *victim, uint32_t max, uint32_t *out_first)
{
	uint64_t head = evrt_load_acquire(&victim->head);
	uint32_t n;

	do {
		uint32_t real = ring_real(head);
		if (ring_steal(head) != real)
			return 0;
		/* PAIRS ring.tail: acquire. Read after head, so never behind `real`; if head is stale by now the
		 * number may be wild, and the CAS fails. */
		uint32_t ready = evrt_load_acquire(&victim->tail) - real;
		n = ready - ready / 2;
		if (EVRT_SHAKE_CHOOSE(ring_steal_one, 4))
			max = 1;
		if (n > max)
			n = max;
		if (n == 0)
			return 0;
		*out_first = real;
		EVRT_SHAKE(ring_claim);
	} while (!evrt_cas_acq_rel(&victim->head, &head, ring_pack(*out_first, *out_first + n)));
	return n;
}

/* The copy is done: `steal` catches up with wherever the owner's pops have taken `real`. */
static void
ring_release(struct evrt_ring *victim)
{
	uint64_t head = evrt_load_relaxed(&victim->head); /* a guess for the CAS to confirm */
	uint64_t next;

	/* PAIRS ring.head: release; our reads of the slots come before the owner's next writes there. */
	do
		next = ring_pack(ring_real(head), ring_real(head));
	while (!evrt_cas_release(&victim->head, &head, next));
}

void *
evrt__ring_steal(struct evrt_ring *victim, struct evrt_ring *into, uint32_t max, uint32_t *out_count)
{
	uint32_t tail = evrt_load_relaxed(&into->tail); /* our own */
	uint32_t used = tail - ring_steal(evrt_load_acquire(&into->head));
	uint32_t first = 0;

	*out_count = 0;
	/* Half of a ring always fits into the other half. */
	if (used > EVRT_RING_CAPACITY / 2)
		return NULL;
	uint32_t n = ring_claim(victim, max, &first);
	if (n == 0)
		return NULL;
	EVRT_SHAKE(ring_copy);
	/* The oldest is run now; the others keep their order. */
	void *oldest = evrt_load_relaxed(&victim->slot[first & RING_MASK]);
	for (uint32_t i = 1; i < n; i++) {
		void *item = evrt_load_relaxed(&victim->slot[(first + i) & RING_MASK]);
		evrt_store_relaxed(&into->slot[(tail + i - 1) & RING_MASK], item);
	}
	EVRT_SHAKE(ring_release);
	ring_release(victim);
	EVRT_SHAKE(ring_loot);
	if (n > 1) /* PAIRS ring.tail: as in push */
		evrt_store_seq_cst(&into->tail, tail + n - 1);
	*out_count = n;
	return oldest;
}

uint32_t
evrt__ring_length(const struct evrt_ring *r)
{
	uint64_t head = evrt_load_acquire(&r->head);
	uint32_t length = evrt_load_seq_cst(&r->tail) - ring_real(head);

	/* Between the two loads the owner may have gone round. */
	return length > EVRT_RING_CAPACITY ? EVRT_RING_CAPACITY : length;
}

void *
evrt__ring_peek(const struct evrt_ring *r)
{
	uint64_t head = evrt_load_acquire(&r->head);
	uint32_t real = ring_real(head);

	/* PAIRS ring.tail: acquire, as a thief's: the slot before the index. */
	if (evrt_load_acquire(&r->tail) == real)
		return NULL;
	/* PAIRS ring.slot: acquire: if head has not moved by the next load, the slot was not written anew before this
	 * one. */
	void *item = evrt_load_acquire(&r->slot[real & RING_MASK]);
	return evrt_load_relaxed(&r->head) == head ? item : NULL;
}
