/* runtime/pool/strand_word.h — the word that says who may run a strand.
 *
 * Here:     PENDING and OWNED and the three transitions, on one 64-bit word that also carries the
 *           generation by which a handle in a user's memory is told from a later strand in the same slot.
 * Not here: queues, references (runtime/pool/strands.c).
 * Threads:  notify: any. begin, finish: the runner, which owns the strand.
 *
 *                 notify (enqueue!)                  begin
 *      idle ----------------------> PENDING|OWNED ----------> OWNED (running)
 *        ^                              ^                      |  |
 *        |                              '-------- notify ------'  |
 *        '------------------------ finish ------------------------'
 *
 * PENDING  Something lies in the strand's inbox or queue that the runner may not have seen. Set by every
 *          notify; legal to find set with nothing there; illegal to leave clear when something is there
 *          and nobody is about to look.
 * OWNED    The strand is queued or running. Whoever sets it enqueues the strand, exactly once.
 * PAIRS    strand.word: notify (or acq_rel) -> begin (and acq_rel): what was pushed before notify is
 *          visible to the runner. finish (cas acq_rel) -> notify: what the runner wrote is visible to the
 *          next runner, which is how callbacks of one strand see each other's memory.
 * Model-checked: testing/model.
 */
#ifndef EVRT_RUNTIME_POOL_STRAND_WORD_H_
#define EVRT_RUNTIME_POOL_STRAND_WORD_H_

#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"
#include "base/shake.h"

#define EVRT_STRAND_DEAD UINT64_C(1)    /* in no use; the generation of its next life is already set */
#define EVRT_STRAND_OWNED UINT64_C(2)
#define EVRT_STRAND_PENDING UINT64_C(4)
#define EVRT_STRAND_GENERATION_SHIFT 32

/* True: the caller has become the one that must enqueue the strand. */
static inline bool
evrt__strand_word_notify(evrt_atomic(uint64_t) *word)
{
	EVRT_SHAKE(word_notify);
	uint64_t before = evrt_or_acq_rel(word, EVRT_STRAND_PENDING | EVRT_STRAND_OWNED);
	EVRT_SHAKE(word_notified);
	return !(before & EVRT_STRAND_OWNED);
}

/* The runner is about to look at inbox and queue. */
static inline void
evrt__strand_word_begin(evrt_atomic(uint64_t) *word)
{
	evrt_and_acq_rel(word, ~EVRT_STRAND_PENDING);
	EVRT_SHAKE(word_begin);
}

/* The runner has found nothing more. True: released. False: a notify came meanwhile, look again. */
static inline bool
evrt__strand_word_finish(evrt_atomic(uint64_t) *word)
{
	EVRT_SHAKE(word_finish);
	uint64_t seen = evrt_load_acquire(word);
	EVRT_SHAKE(word_finished);
	while (!(seen & EVRT_STRAND_PENDING))
		if (evrt_cas_acq_rel(word, &seen, seen & ~EVRT_STRAND_OWNED))
			return true;
	return false;
}

#endif
