/* runtime/pool/group_word.h — who of a group's workers sleeps where, and who is called when there is work.
 *
 * Here:     one word of a group and its transitions.
 * Not here: the set they wait in, the descriptors that are written (group.c), what is looked at (sleep.c).
 * Threads:  call: any. The others: workers, for themselves.
 *
 *      awake --enter--> waits in the group's set --leave--> awake
 *      awake --submerge--> parked deep, on its own set --emerge--> awake
 *
 * WAITING  Workers inside the wait of the group's set, or about to be: a count.
 * DEEP     Workers that are parked deep: a bit each, by their place in the group. Never all of them, so that a
 *          report does not wait for somebody who is told of nothing but calls.
 * HERE     Workers that belong to the group now (resize.c): a count. One that goes does so awake, parts first, and then
 *          calls somebody, urgently: that one looks in its place, and floats, if those who are left were all deep.
 * CALLED   A sleeper was called, and will look at everything. Set with the call, where there is a sleeper; cleared by
 *          whoever gets up next, before it looks. So whoever finds it set leaves the call to the one who
 *          comes: what he has published before is seen by that one's look. Each getting up clears it once, and
 *          so there is at most one call for each sleep.
 *
 * PAIRS    group.word: all are seq_cst read-modify-writes of the one word, a call that does nothing, too. Either the
 *          caller comes first, and the sleeper's look, after its enter or submerge, finds what was published;
 *          or the caller finds the sleeper. The call of a sleeper must reach it from the moment it is seen
 *          in the word: who submerges has announced itself on its park word before.
 * Model-checked: testing/model.
 */
#ifndef EVRT_RUNTIME_POOL_GROUP_WORD_H_
#define EVRT_RUNTIME_POOL_GROUP_WORD_H_

#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"

#define EVRT_GROUP_WORKERS_MAX 48u

#define EVRT_GROUP_CALLED UINT64_C(1)
#define EVRT_GROUP_WAITER UINT64_C(2) /* one more in the count */
#define EVRT_GROUP_WAITING UINT64_C(0xfe)
#define EVRT_GROUP_HERE UINT64_C(0x100) /* one more in the count */
#define EVRT_GROUP_HERE_MASK UINT64_C(0xff00)
#define EVRT_GROUP_DEEP_SHIFT 16

struct evrt_group_word {
	evrt_atomic(uint64_t) word;
};

enum evrt_group_call {
	EVRT_CALL_COMING, /* nothing: somebody is on its way */
	EVRT_CALL_AWAKE,  /* nothing: nobody sleeps (who may be called) */
	EVRT_CALL_SET,    /* ring in the group's set */
	EVRT_CALL_DEEP,   /* nobody waits in the set: call one of `deep` */
};

static inline void
evrt__group_word_init(struct evrt_group_word *w, unsigned workers)
{
	evrt_store_relaxed(&w->word, workers * EVRT_GROUP_HERE);
}

/* Does anybody wait in the set? */
static inline bool
evrt__group_word_is_heard(struct evrt_group_word *w)
{
	return (evrt_load_seq_cst(&w->word) & EVRT_GROUP_WAITING) != 0;
}

/* Who is parked deep: a bit each, by place. */
static inline uint64_t
evrt__group_word_deep(struct evrt_group_word *w)
{
	return evrt_load_seq_cst(&w->word) >> EVRT_GROUP_DEEP_SHIFT;
}

/* Something was published. What the caller has to do now; *out_deep: whom to choose from. Not `urgent`: those who
 * park deep are left alone, for whoever floats looks before it sleeps. */
static inline enum evrt_group_call
evrt__group_word_call(struct evrt_group_word *w, bool urgent, uint64_t *out_deep)
{
	uint64_t seen = evrt_load_relaxed(&w->word);
	uint64_t sleepers;

	do
		sleepers = seen & (urgent ? ~(EVRT_GROUP_CALLED | EVRT_GROUP_HERE_MASK) : EVRT_GROUP_WAITING);
	while (!evrt_cas_seq_cst(&w->word, &seen, sleepers ? seen | EVRT_GROUP_CALLED : seen));
	*out_deep = sleepers >> EVRT_GROUP_DEEP_SHIFT;
	if (!sleepers)
		return EVRT_CALL_AWAKE;
	if (seen & EVRT_GROUP_CALLED)
		return EVRT_CALL_COMING;
	return seen & EVRT_GROUP_WAITING ? EVRT_CALL_SET : EVRT_CALL_DEEP;
}

/* It is about to wait in the set, and looks at everything once more before. */
static inline void
evrt__group_word_enter(struct evrt_group_word *w)
{
	evrt_add_seq_cst(&w->word, EVRT_GROUP_WAITER);
}

/* Takes a sleeper out of the word, and the call. True: somebody had called. */
static inline bool
evrt__group_word_rise(struct evrt_group_word *w, uint64_t sleeper)
{
	uint64_t seen = evrt_load_relaxed(&w->word);

	while (!evrt_cas_seq_cst(&w->word, &seen, (seen - sleeper) & ~EVRT_GROUP_CALLED))
		continue;
	return (seen & EVRT_GROUP_CALLED) != 0;
}

/* It is up. True: it was called, and looks at everything now, or has somebody else do so. */
static inline bool
evrt__group_word_leave(struct evrt_group_word *w)
{
	return evrt__group_word_rise(w, EVRT_GROUP_WAITER);
}

/* One more belongs to the group from now on, awake. */
static inline void
evrt__group_word_join(struct evrt_group_word *w)
{
	evrt_add_seq_cst(&w->word, EVRT_GROUP_HERE);
}

/* It is up, and belongs to the group no more; it has to call somebody now. */
static inline void
evrt__group_word_part(struct evrt_group_word *w)
{
	evrt_sub_seq_cst(&w->word, EVRT_GROUP_HERE);
}

/* It is about to park deep, has announced that, and looks once more before it does. False: it must stay, nobody else
 * floats. */
static inline bool
evrt__group_word_submerge(struct evrt_group_word *w, unsigned place)
{
	uint64_t seen = evrt_load_relaxed(&w->word);

	do {
		uint64_t here = (seen & EVRT_GROUP_HERE_MASK) / EVRT_GROUP_HERE;
		if ((uint64_t)__builtin_popcountll(seen >> EVRT_GROUP_DEEP_SHIFT) + 2 > here)
			return false;
	} while (!evrt_cas_seq_cst(&w->word, &seen, seen | UINT64_C(1) << (EVRT_GROUP_DEEP_SHIFT + place)));
	return true;
}

/* It is up again, or did not park after all. */
static inline bool
evrt__group_word_emerge(struct evrt_group_word *w, unsigned place)
{
	return evrt__group_word_rise(w, UINT64_C(1) << (EVRT_GROUP_DEEP_SHIFT + place));
}

#endif
