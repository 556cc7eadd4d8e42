/* runtime/pool/resize.c — workers that come and go while the pool serves; see evrt_pool_resize.
 *
 * Here:     asking workers to go, going, and coming back.
 * Not here: when a worker looks whether it is to go (worker.c, sleep.c), its group's word (group_word.h).
 * Threads:  said per function.
 *
 * A worker that is to go stays while its own strand, of the pinned base, is referenced: by its events, what was posted
 * to it, whoever holds it back. What is at home in its group (fds in the set, timers, the inbox; all hold a strand, so
 * that a count, `homed`, tells) the others serve; the last one stays for that, and nothing new comes to a group whose
 * workers are all to go. Then it hands its ring to all, calls somebody in its place, and ends.
 *
 * PAIRS  pool.present / group.homed, strand.refs: who goes takes its bit away, then looks whether anything needs it,
 *        and stays if so. Who puts something there counts it, then looks at the bits, and goes elsewhere if nobody is
 *        there. All seq_cst: either one sees the other (or both do, and nobody uses it).
 * PAIRS  pool.size / group.homed, strand.refs: who makes a count smaller looks at the size afterwards, and summons who
 *        may go now. Whoever makes the size smaller summons those who are to go, and they look at the counts. All
 *        seq_cst.
 */
#include <errno.h>
#include <stddef.h>

#include "base/assert.h"
#include "base/shake.h"
#include "runtime/pool/pool.h"

static bool
worker_is_to_go(const struct evrt_worker *w)
{
	return w->index >= evrt_load_seq_cst(&w->pool->size);
}

bool
evrt__worker_may_leave(struct evrt_worker *w)
{
	struct evrt_group *g = w->group;

	if (!worker_is_to_go(w) || evrt_load_seq_cst(&w->own->refs) != 1) /* the pool's */
		return false;
	bool others = (evrt__group_present(g) & ~(UINT64_C(1) << w->index)) != 0;
	return others || evrt_load_seq_cst(&g->homed) == g->count; /* their own strands */
}

bool
evrt__worker_hold(struct evrt_worker *w)
{
	evrt_add_seq_cst(&w->own->refs, 1u);
	EVRT_SHAKE(worker_hold);
	if (evrt__worker_is_present(w))
		return true;
	evrt__strand_unref(&w->own->strand);
	return false;
}

void
evrt__worker_lost_one(struct evrt_worker *w)
{
	EVRT_SHAKE(worker_lost_one);
	/* In a fork's child there is none, and the wake would reach the parent's. */
	if (worker_is_to_go(w) && !evrt__pool_is_forked(w->pool))
		evrt__worker_summon(w);
}

void
evrt__group_lost_one(struct evrt_group *g)
{
	struct evrt_pool *p = g->pool;

	if (g->first + g->count <= evrt_load_seq_cst(&p->size))
		return;
	for (uint64_t there = evrt__group_present(g); there; there &= there - 1)
		evrt__worker_lost_one(&p->workers[__builtin_ctzll(there)]);
}

/* Pool locked; the owner, or no worker runs. False: there is something after all. */
static bool
worker_go(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;
	uint64_t bit = UINT64_C(1) << w->index;
	struct evrt_pool_strand *ps;

	/* PAIRS worker.rests: release, after all that it has done. */
	evrt_store_release(&w->rests, evrt_load_relaxed(&w->rests) + 1);
	evrt_and_seq_cst(&p->present, ~bit);
	EVRT_SHAKE(worker_go);
	if (!evrt__worker_may_leave(w)) {
		evrt_or_seq_cst(&p->present, bit);
		return false;
	}
	EVRT_DCHECK(!w->own_ready);
	evrt__group_word_part(&w->group->word);
	while ((ps = evrt__ring_pop(&w->ring)))
		evrt__inject_push(p, ps);
	return true;
}

bool
evrt__worker_leave(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;

	if (!evrt__worker_may_leave(w))
		return false;
	pthread_mutex_lock(&p->lock);
	/* Who ends with all the others need not go. */
	bool goes = evrt_load_relaxed(&p->halt) == EVRT_HALT_NO && worker_go(w);
	if (goes) {
		w->left = true;
		p->running--;
	}
	pthread_mutex_unlock(&p->lock);
	if (!goes)
		return false;
	EVRT_SHAKE(worker_gone);
	evrt__group_call(w->group, true);
	/* The others may all be asleep, and have seen that not everybody was. */
	if (evrt_load_seq_cst(&p->ends_when_idle))
		evrt__group_call(&p->groups[0], true);
	return true;
}

/* Pool locked. */
static int
pool_grow(struct evrt_pool *p, unsigned workers)
{
	for (unsigned i = evrt_load_relaxed(&p->size); i < workers; i++) {
		struct evrt_worker *w = &p->workers[i];
		if (!evrt__worker_is_present(w)) { /* else it has not gone yet */
			if (evrt_load_relaxed(&p->started) && evrt__worker_start(w) < 0)
				return -EAGAIN;
			evrt__group_word_join(&w->group->word);
			evrt_or_seq_cst(&p->present, UINT64_C(1) << i);
		}
		evrt_store_seq_cst(&p->size, i + 1);
	}
	return 0;
}

/* Pool locked. Also after growing: the last one of a group may have stayed, and need not any more. */
static void
pool_send_away(struct evrt_pool *p)
{
	EVRT_SHAKE(pool_send_away);
	for (unsigned i = evrt_load_relaxed(&p->size); i < p->set.workers; i++) {
		struct evrt_worker *w = &p->workers[i];
		if (!evrt__worker_is_present(w))
			continue;
		if (evrt_load_relaxed(&p->started))
			evrt__worker_summon(w);
		else
			(void)worker_go(w); /* else it is started with the others, until it can go */
	}
}

int
evrt__pool_resize(struct evrt_pool *p, unsigned workers)
{
	int err = 0;

	if (workers < 1 || workers > p->set.workers)
		return -EINVAL;
	if (evrt__pool_is_forked(p))
		return -ECHILD;
	pthread_mutex_lock(&p->lock);
	evrt__pool_join_left(p); /* one of them may have to start anew */
	if (evrt_load_relaxed(&p->started) && evrt_load_relaxed(&p->halt) != EVRT_HALT_NO) {
		err = -ECANCELED;
	} else {
		if (workers < evrt_load_relaxed(&p->size))
			evrt_store_seq_cst(&p->size, workers);
		else
			err = pool_grow(p, workers);
		pool_send_away(p);
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}
