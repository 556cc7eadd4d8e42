/* runtime/pool/idle.c — who steals, who is called, who guards, who gets what is new; see pool.h.
 *
 * Threads:  said per function.
 *
 * Calls. What a worker has in its ring is hidden from those who wait in a set. It calls one of them when so much waits
 * that it pays (evrt__worker_worth): one strand, if what strands do takes longer than a wake; many of short ones.
 * Else its own next steps are faster.
 *
 * Guard. Whoever hides less than that may get stuck in the very next callback. So while anything may be hidden (a ring,
 * or a set that nobody waits in) one sleeper is the guard: it looks every EVRT_GUARD_NS whether somebody is
 * stuck, and helps. Without a guard any hidden strand calls, and the one called becomes it. The guard lays its
 * office down when all others sleep, so an idle pool does not tick.
 * PAIRS pool.guard / pool.parked (Dekker), both seq_cst: a guard that leaves stores 0 and then looks who is up; who
 * gets up clears its bit and then asks for a guard. The same with a ring: its owner pushes, then asks.
 *
 * Useless wakes. Short work that others would have come to anyway is not worth being awakened for by the kernel. A
 * worker to whom that happens EVRT_USELESS_WAKES times in a row parks deep, out of the set, as guard or
 * under one. Slow work, whoever does it, makes no wake useless; and a slow worker that leaves a set to nobody calls
 * one of the deep back into it.
 */
#include <stddef.h>

#include "base/shake.h"
#include "base/trace.h"
#include "runtime/pool/pool.h"
#include "runtime/pool/tuning.h"

/* A worker that has nothing looks at every other one's ring once, from a random start, so that thieves do
 * not crowd on one victim. Takes half. The rest of the loot goes to its own ring, where it may be shared on. */
struct evrt_pool_strand *
evrt__worker_steal(struct evrt_worker *thief)
{
	struct evrt_pool *p = thief->pool;
	unsigned n = p->set.workers;

	if (!p->set.steal || n < 2)
		return NULL;
	unsigned start = evrt__rand_below(&thief->rand, n);
	for (unsigned i = 0; i < n; i++) {
		struct evrt_worker *victim = &p->workers[(start + i) % n];
		uint32_t count = 0;
		if (victim == thief || evrt__ring_length(&victim->ring) == 0)
			continue;
		evrt_count_own(&thief->counters.steals_tried, 1);
		struct evrt_pool_strand *got = evrt__ring_steal(&victim->ring, &thief->ring, EVRT_STEAL_MAX, &count);
		if (!got)
			continue;
		evrt_count_own(&thief->counters.steals_hit, 1);
		evrt_count_own(&thief->counters.stolen, count);
		EVRT_TRACE(strand_stolen, &got->strand);
		/* The victim may be in a long callback: what we leave there is for the next to be called. */
		evrt__worker_share(thief, evrt__ring_length(&victim->ring) + count - 1);
		return got;
	}
	return NULL;
}

/* Workers that are there and up: a bit each. */
static uint64_t
pool_awake(const struct evrt_pool *p)
{
	return evrt_load_seq_cst(&p->present) & ~evrt_load_seq_cst(&p->parked);
}

bool
evrt__worker_is_slow(const struct evrt_worker *w)
{
	return evrt_load_relaxed(&w->run_ns) >= EVRT_WAKE_COST_NS;
}

bool
evrt__worker_sees_slow(const struct evrt_worker *w)
{
	const struct evrt_pool *p = w->pool;

	for (uint64_t up = pool_awake(p) | UINT64_C(1) << w->index; up; up &= up - 1)
		if (evrt__worker_is_slow(&p->workers[__builtin_ctzll(up)]))
			return true;
	return false;
}

uint32_t
evrt__worker_worth(const struct evrt_worker *w)
{
	if (evrt__worker_is_slow(w))
		return 1;
	uint32_t worth = (uint32_t)(EVRT_WAKE_COST_NS / (evrt_load_relaxed(&w->run_ns) + 1));
	uint32_t least = w->pool->set.wake_queue_strands;
	return worth < least ? least : worth < EVRT_STEAL_MAX ? worth : EVRT_STEAL_MAX;
}

bool
evrt__worker_others_hide(const struct evrt_worker *w)
{
	const struct evrt_pool *p = w->pool;

	for (unsigned i = 0; p->set.steal && i < p->set.workers; i++)
		if (i != w->index && evrt__ring_length(&p->workers[i].ring))
			return true;
	return false;
}

bool
evrt__worker_others_awake(const struct evrt_worker *w)
{
	return (pool_awake(w->pool) & ~(UINT64_C(1) << w->index)) != 0;
}

/* In a set that all share those who hide something call, as long as nobody is deep. */
static bool
needs_guard(const struct evrt_worker *w)
{
	const struct evrt_pool *p = w->pool;

	return p->set.steal && (p->groups_count > 1 || evrt__group_word_deep(&w->group->word));
}

void
evrt__worker_share(struct evrt_worker *w, uint32_t hidden)
{
	struct evrt_pool *p = w->pool;

	if (!p->set.steal || p->set.workers < 2)
		return;
	/* PAIRS pool.parked: seq_cst, after the push: a sleeper that we miss finds in its last look what we hide. */
	if ((evrt_load_seq_cst(&p->parked) & ~(UINT64_C(1) << w->index)) == 0)
		return;
	EVRT_SHAKE(idle_share);
	/* What comes meanwhile waits in a set that nobody hears: as if one was hidden. A guard minds only the stuck. */
	bool heard = evrt__group_word_is_heard(&w->group->word);
	if (!heard && evrt__group_word_deep(&w->group->word))
		hidden++;
	if (hidden < evrt__worker_worth(w)) {
		/* PAIRS pool.guard, after the push, as above. */
		if (evrt_load_seq_cst(&p->guard))
			return;
		/* Where nobody needs a guard, those who wait beside it hear all but what it hides. */
		if (hidden == 0 && !needs_guard(w) && heard)
			return;
	}
	evrt__group_call(w->group, true);
}

void
evrt__worker_share_rest(struct evrt_worker *w)
{
	uint32_t queued = evrt__ring_length(&w->ring);

	evrt__worker_share(w, queued ? queued - 1 : 0);
}

bool
evrt__worker_take_guard(struct evrt_worker *w)
{
	unsigned nobody = 0;

	return needs_guard(w) && evrt__worker_others_awake(w) &&
	    evrt_cas_seq_cst(&w->pool->guard, &nobody, w->index + 1);
}

void
evrt__worker_leave_guard(struct evrt_worker *w)
{
	evrt_store_seq_cst(&w->pool->guard, 0u);
}

bool
evrt__worker_sees_stuck(const struct evrt_worker *w, evrt_ns now)
{
	const struct evrt_pool *p = w->pool;

	for (uint64_t awake = pool_awake(p) & ~(UINT64_C(1) << w->index); awake; awake &= awake - 1)
		if (now - evrt_load_relaxed(&p->workers[__builtin_ctzll(awake)].busy_since) > EVRT_STUCK_NS)
			return true;
	return false;
}

void
evrt__inject_push(struct evrt_pool *p, struct evrt_pool_strand *ps)
{
	struct evrt_group *g = ps->group; /* once it is in the queue it may be run, and made anew */

	pthread_mutex_lock(&p->inject_lock);
	ps->next = NULL;
	if (p->inject_tail)
		p->inject_tail->next = ps;
	else
		p->inject_head = ps;
	p->inject_tail = ps;
	evrt_add_seq_cst(&p->inject_length, 1u);
	pthread_mutex_unlock(&p->inject_lock);
	EVRT_SHAKE(idle_injected);
	evrt__group_call(g, true);
}

void
evrt__inject_take(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;
	uint32_t length = evrt_load_relaxed(&p->inject_length);

	if (!length)
		return;
	uint32_t share = length / evrt_load_relaxed(&p->size) + 1;
	pthread_mutex_lock(&p->inject_lock);
	while (share-- && p->inject_head) {
		struct evrt_pool_strand *ps = p->inject_head;
		/* Unlinked before it is pushed: once in the ring it may be stolen, run, and injected anew. */
		struct evrt_pool_strand *next = ps->next;
		if (!evrt__ring_push(&w->ring, ps))
			break;
		p->inject_head = next;
		if (!next)
			p->inject_tail = NULL;
		evrt_sub_seq_cst(&p->inject_length, 1u);
	}
	pthread_mutex_unlock(&p->inject_lock);
	evrt__worker_share(w, evrt__ring_length(&w->ring));
}

/* Its strands for each worker that is to stay, but for the pinned ones; as one of two that are compared. */
static uint64_t
group_load(const struct evrt_group *g, const struct evrt_group *other, unsigned size)
{
	unsigned stay = size < other->first + other->count ? size - other->first : other->count;

	return (uint64_t)(evrt_load_relaxed(&g->homed) - g->count) * stay;
}

struct evrt_group *
evrt__pool_place(struct evrt_pool *p)
{
	static _Thread_local struct evrt_rand rand;
	unsigned size = evrt_load_relaxed(&p->size);
	/* Those that have workers who are to stay. */
	unsigned n = (unsigned)(p->workers[size - 1].group - p->groups) + 1;

	if (n == 1)
		return &p->groups[0];
	if (!rand.s[0] && !rand.s[1])
		evrt__rand_init(&rand, (uint64_t)(uintptr_t)&rand);
	unsigned a = evrt__rand_below(&rand, n);
	unsigned b = (a + 1 + evrt__rand_below(&rand, n - 1)) % n;
	struct evrt_group *first = &p->groups[a], *second = &p->groups[b];
	return group_load(second, first, size) < group_load(first, second, size) ? second : first;
}

static uint64_t
pool_rests(struct evrt_pool *p)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->set.workers; i++)
		sum += evrt_load_acquire(&p->workers[i].rests);
	return sum;
}

/* Nothing is pending and nobody can make anything pending: every worker that is there sleeps. Only workers and foreign
 * threads change the counts; the workers' parts stand still while all are parked, so that their sum with the
 * foreign threads' single word is a true state of the pool at the time that word was read.
 * PAIRS worker.rests: two workers might get up, move a count between them and lie down again while we add.
 * Each counts its rest (release) before its bit is set again, or before it is gone: either we read the new count
 * first, and with it what was done before, or the count differs in the end. The one that lay down last looks again
 * itself; one that goes calls somebody who does. */
bool
evrt__pool_is_idle(struct evrt_pool *p)
{
	unsigned n = p->set.workers;
	uint64_t all = evrt_load_seq_cst(&p->present);
	int64_t pending = 0;

	if (evrt_load_seq_cst(&p->parked) != all || evrt_load_seq_cst(&p->inject_length))
		return false;
	uint64_t rests = pool_rests(p);
	for (unsigned i = 0; i < n; i++) {
		pending += evrt_load_seq_cst(&p->workers[i].pending);
		EVRT_SHAKE(idle_sum);
		/* What was sent to one that is gone waits until it comes back; if it was worth waiting for, it is counted. */
		if (evrt__ring_length(&p->workers[i].ring) || (all >> i & 1u && !evrt__inbox_empty(&p->workers[i].inbox)))
			return false;
	}
	for (unsigned i = 0; i < p->groups_count; i++)
		if (!evrt__inbox_empty(&p->groups[i].inbox))
			return false;
	pending += evrt_load_seq_cst(&p->pending);
	/* Somebody may have got up meanwhile; it will come by here again. */
	return pending == 0 && evrt_load_seq_cst(&p->present) == all && evrt_load_seq_cst(&p->parked) == all &&
	    pool_rests(p) == rests;
}
