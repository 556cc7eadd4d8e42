/* api/buffer/cache.c — chains that are used again: each read borrows one, and streams fill them.
 *
 * Here:     a place for one chain of EVRT_CHAIN_ROOM_BULK per CPU, for CHAIN_PLACES CPUs at most: so much memory
 *           stays with the library when no evbuffer has contents.
 * Not here: smaller chains: what the C library does for those is as fast.
 * Threads:  any, without a lock. Which CPU a thread runs on is only a hint: places are shared by all.
 * PAIRS     chain_place.chain: put (CAS acq_rel) -> take (swap acquire), as told in buffer_internal.h.
 *
 * Builds with EVRT_DCHECKS keep nothing, so that the tools that find a use after free find it in chains, too.
 */
#include "api/buffer/buffer_internal.h"

#include <sched.h>
#include "base/mem.h"

#define CHAIN_PLACES 16u

struct chain_place {
	_Alignas(EVRT_CACHE_LINE) evrt_atomic(struct evrt_chain *) chain; /* NULL: the place is free */
};
static struct chain_place places[CHAIN_PLACES];

static struct chain_place *
cache_place(void)
{
	/* -1, where there is no answer, is a place as well. */
	return &places[(unsigned)sched_getcpu() % CHAIN_PLACES];
}

struct evrt_chain *
evrt__chain_cache_take(void)
{
	struct chain_place *place = cache_place();
	/* relaxed: only to spare the swap where there is nothing. */
	if (!evrt_load_relaxed(&place->chain))
		return NULL;
	/* acquire, see PAIRS: what earlier users did with the memory comes before. */
	return evrt_swap_acquire(&place->chain, NULL);
}

bool
evrt__chain_cache_put(struct evrt_chain *c)
{
	struct chain_place *place = cache_place();
	struct evrt_chain *none = NULL;
	/* relaxed: only to spare the CAS where the place is taken. */
	if (EVRT_DCHECKS || evrt_load_relaxed(&place->chain))
		return false;
	/* acq_rel, see PAIRS: everything done with the chain comes before. */
	return evrt_cas_acq_rel(&place->chain, &none, c);
}

void
evrt__chain_cache_release(void)
{
	for (unsigned i = 0; i < CHAIN_PLACES; i++)
		evrt__free(evrt_swap_acquire(&places[i].chain, NULL)); /* acquire, see PAIRS */
}
