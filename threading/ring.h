/* threading/ring.h — a worker's run queue: bounded, one owner, many thieves.
 *
 * Here:     push and pop by the owner (FIFO), steal of up to half by anyone who owns another ring.
 * Not here: who to steal from (runtime/pool/worker.c), overflow (runtime/pool), sleeping.
 * Matrix    (X = callers must exclude each other, - = free):      push  pop  steal
 *                                                         push     X     X     -
 *                                                         pop      X     X     -
 *                                                         steal    -     -     -
 * Form      Tokio's (2019): `head` packs (steal:32 | real:32); real != steal while a thief copies, so
 *           there is one thief at a time and the owner never overwrites slots that are being copied.
 *           Indices are 32 bits wide and run freely, which keeps a stale thief from succeeding (ABA).
 * PAIRS     ring.tail: push (store seq_cst) -> steal (load acquire): the slot before the index; -> length (load
 *           seq_cst): with pool.parked, see runtime/pool/worker.c.
 *           ring.head: pop/steal CAS acq_rel <-> each other: one taker per slot; the thief's second CAS
 *           (release) -> push (load acquire): slots are free for reuse only after they were copied.
 * Locks     none.   Model-checked at capacity 4: testing/model.
 */
#ifndef EVRT_THREADING_RING_H_
#define EVRT_THREADING_RING_H_

#include <stdint.h>
#include "base/assert.h"
#include "base/atomic.h"

/* The model check builds this with 4. A power of two. */
#ifndef EVRT_RING_CAPACITY
#define EVRT_RING_CAPACITY 256u
#endif

struct evrt_ring {
	_Alignas(EVRT_CACHE_LINE) evrt_atomic(uint64_t) head; /* steal:32 | real:32 */
	_Alignas(EVRT_CACHE_LINE) evrt_atomic(uint32_t) tail; /* written by the owner only */
	evrt_atomic(void *) slot[EVRT_RING_CAPACITY];
};

void evrt__ring_init(struct evrt_ring *);
/* False, changing nothing, when full (or while a thief still copies what would be overwritten). Owner. */
bool evrt__ring_push(struct evrt_ring *, void *item);
/* The oldest item, or NULL. Owner. */
void *evrt__ring_pop(struct evrt_ring *);
/* Moves half of `victim` (rounded up, at most `max`) to `into`, and returns one of them to run now
 * (not left in `into`). NULL when there is nothing, another thief is inside, or `into` is over half
 * full: not an error, try the next victim. *out_count is the number taken in all.
 * Any thread that owns `into`; victim != into. */
void *evrt__ring_steal(struct evrt_ring *victim, struct evrt_ring *into, uint32_t max, uint32_t *out_count);
/* A snapshot; exact for the owner while no thief is inside. Any thread; a sleeper that asks after it has said that it
 * sleeps is not answered from before that. */
uint32_t evrt__ring_length(const struct evrt_ring *);
/* The oldest item, left where it is; it may be gone already. NULL: none, or they move too fast. Any thread. */
void *evrt__ring_peek(const struct evrt_ring *);

#endif
