/* runtime/pool/idle.c — who steals, who is awakened, who gets what is new; see pool.h.
 *
 * Threads:  said per function.
 */
#include <stddef.h>

#include "base/shake.h"
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
		/* Whoever woke us may be in a long callback by now, and what we leave there is for the next to be awakened. */
		evrt__worker_share(victim);
		if (count > 1)
			evrt__worker_share(thief);
		return got;
	}
	return NULL;
}

void
evrt__worker_share(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;
	unsigned idle = 0;

	if (!p->set.steal || evrt__ring_length(&w->ring) < p->set.wake_queue_strands)
		return;
	/* A plain look first: while nobody sleeps, or one was awakened just now, the shared line stays clean. */
	if (!evrt_load_relaxed(&p->parked) || evrt_load_relaxed(&p->waking))
		return;
	EVRT_SHAKE(idle_share);
	/* PAIRS pool.parked: a read-modify-write, after the push: see the head of worker.c. */
	uint64_t parked = evrt_or_seq_cst(&p->parked, UINT64_C(0)) & ~(UINT64_C(1) << w->index);
	if (!parked || !evrt_cas_acq_rel(&p->waking, &idle, 1u))
		return;
	/* The lowest: the same few workers stay warm, the others may sleep on. */
	struct evrt_reactor *r = &p->workers[__builtin_ctzll(parked)].reactor;
	EVRT_SHAKE(idle_waking);
	evrt__reactor_wake(r);
	/* It had got up by itself, and may be past the place where it lowers the flag: else nobody would be
	 * awakened until it sleeps again. Where it is seen asleep, its getting up comes after our raising. */
	if (!evrt__park_is_sleeping(&r->park))
		evrt_store_relaxed(&p->waking, 0u);
}

void
evrt__inject_push(struct evrt_pool *p, struct evrt_pool_strand *ps)
{
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
	uint64_t parked = evrt_or_seq_cst(&p->parked, UINT64_C(0));
	if (parked)
		evrt__reactor_wake(&p->workers[__builtin_ctzll(parked)].reactor);
}

void
evrt__inject_take(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;
	uint32_t length = evrt_load_relaxed(&p->inject_length);

	if (!length)
		return;
	uint32_t share = length / p->set.workers + 1;
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
	evrt__worker_share(w);
}

/* Our own ring is not counted: it holds what this very turn has placed, wherever that is at home, and a rush of
 * connections would all go to others. */
static uint32_t
place_load(const struct evrt_worker *w)
{
	return evrt_load_relaxed(&w->homed) + (w == evrt__worker_self() ? 0 : evrt__ring_length(&w->ring));
}

struct evrt_worker *
evrt__pool_place(struct evrt_pool *p)
{
	static _Thread_local struct evrt_rand rand;
	unsigned n = p->set.workers;

	if (n == 1)
		return &p->workers[0];
	if (!rand.s[0] && !rand.s[1])
		evrt__rand_init(&rand, (uint64_t)(uintptr_t)&rand);
	unsigned a = evrt__rand_below(&rand, n);
	unsigned b = (a + 1 + evrt__rand_below(&rand, n - 1)) % n;
	return &p->workers[place_load(&p->workers[b]) < place_load(&p->workers[a]) ? b : a];
}

static uint64_t
pool_rests(struct evrt_pool *p)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->set.workers; i++)
		sum += evrt_load_acquire(&p->workers[i].rests);
	return sum;
}

/* Nothing is pending and nobody can make anything pending: every worker sleeps. Only workers and foreign
 * threads change the counts; the workers' parts stand still while all are parked, so that their sum with the
 * foreign threads' single word is a true state of the pool at the time that word was read.
 * PAIRS worker.rests: two workers might get up, move a count between them and lie down again while we add.
 * Each counts its rest (release) before its bit is set again: either we read the new count first, and with it
 * what was done before, or the count differs in the end. The one that lay down last looks again itself. */
bool
evrt__pool_is_idle(struct evrt_pool *p)
{
	unsigned n = p->set.workers;
	uint64_t all = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
	int64_t pending = 0;

	if (evrt_load_seq_cst(&p->parked) != all || evrt_load_seq_cst(&p->inject_length))
		return false;
	uint64_t rests = pool_rests(p);
	for (unsigned i = 0; i < n; i++) {
		pending += evrt_load_seq_cst(&p->workers[i].pending);
		EVRT_SHAKE(idle_sum);
		if (evrt__ring_length(&p->workers[i].ring))
			return false;
		if (!evrt__inbox_empty(&p->workers[i].inbox)) {
			/* Perhaps only a message that nobody is awakened for (a cancelled timer): have it taken. */
			evrt__reactor_wake(&p->workers[i].reactor);
			return false;
		}
	}
	pending += evrt_load_seq_cst(&p->pending);
	/* Somebody may have got up meanwhile; it will come by here again. */
	return pending == 0 && evrt_load_seq_cst(&p->parked) == all && pool_rests(p) == rests;
}
