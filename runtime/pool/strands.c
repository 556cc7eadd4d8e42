/* runtime/pool/strands.c — the pool's strands: table, life and running; see pool.h. */
#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/segment.h"
#include "base/shake.h"
#include "base/trace.h"
#include "runtime/pool/pool.h"
#include "runtime/pool/strand_word.h"
#include "runtime/pool/tuning.h"
#include "threading/lock.h"

struct evrt_pool_strand *
evrt__pool_strand_at(struct evrt_pool *p, uint32_t index)
{
	unsigned offset;
	unsigned k = evrt__segment_of(index, &offset);

	if (k >= EVRT_STRAND_SEGMENTS)
		return NULL;
	/* PAIRS pool.segment: acquire, against the release in strands_grow. */
	struct evrt_pool_strand *entries = evrt_load_acquire(&p->segment[k]);
	return entries ? &entries[offset] : NULL;
}

static void
strand_arrive_at_worker(struct evrt_node *n)
{
	evrt__worker_enqueue(EVRT_CONTAINER_OF(n, struct evrt_pool_strand, travel));
}

/* The next strand that was never used; pool locked. */
static struct evrt_pool_strand *
strands_grow(struct evrt_pool *p)
{
	unsigned offset;
	unsigned k = evrt__segment_of(p->strands_made, &offset);

	if (k >= EVRT_STRAND_SEGMENTS)
		return NULL;
	struct evrt_pool_strand *entries = evrt_load_relaxed(&p->segment[k]);
	if (!entries) {
		entries = evrt__calloc(evrt__segment_size(k), sizeof(*entries));
		if (!entries)
			return NULL;
		evrt_store_release(&p->segment[k], entries);
	}
	struct evrt_pool_strand *ps = &entries[offset];
	if (evrt__strand_init(&ps->strand, &evrt__pool_strand_ops, 1, true) < 0)
		return NULL;
	ps->strand.owner = p;
	ps->strand.execute = p->set.execute;
	ps->strand.fdmap = &p->fdmap;
	ps->index = p->strands_made++;
	ps->travel.arrive = strand_arrive_at_worker;
	evrt_store_relaxed(&ps->word, (UINT64_C(1) << EVRT_STRAND_GENERATION_SHIFT) | EVRT_STRAND_DEAD);
	return ps;
}

static void
strand_leave_home(struct evrt_group *g)
{
	if (evrt_sub_seq_cst(&g->homed, 1u) == g->count + 1)
		evrt__group_lost_one(g);
}

struct evrt_pool_strand *
evrt__pool_strand_new(struct evrt_group *group, struct evrt_worker *pinned)
{
	struct evrt_pool *p = group->pool;

	pthread_mutex_lock(&p->lock);
	struct evrt_pool_strand *ps = p->free_strands;
	if (ps)
		p->free_strands = ps->next;
	else
		ps = strands_grow(p);
	pthread_mutex_unlock(&p->lock);
	if (!ps)
		return NULL;
	evrt_add_seq_cst(&group->homed, 1u); /* PAIRS pool.present: counted, before we look who is there */
	EVRT_SHAKE(strand_homed);
	if (!pinned && !evrt__group_present(group)) {
		strand_leave_home(group);
		group = &p->groups[0]; /* whose first worker never leaves */
		evrt_add_seq_cst(&group->homed, 1u);
	}
	ps->next = NULL;
	ps->group = group;
	ps->pinned = pinned;
	ps->strand.home = pinned ? &pinned->reactor : group->reactor;
	evrt_and_acq_rel(&ps->word, ~EVRT_STRAND_DEAD);
	/* PAIRS strand.refs: release, against the CAS in find: who gets a reference sees the fields above. */
	evrt_store_release(&ps->refs, 1u);
	return ps;
}

uint64_t
evrt__pool_strand_handle(const struct evrt_pool_strand *ps)
{
	uint64_t generation = evrt_load_relaxed(&ps->word) >> EVRT_STRAND_GENERATION_SHIFT;

	return generation << 32 | (ps->index + 1u);
}

struct evrt_pool_strand *
evrt__pool_strand_find(struct evrt_pool *p, uint64_t handle)
{
	if (!handle)
		return NULL;
	struct evrt_pool_strand *ps = evrt__pool_strand_at(p, (uint32_t)handle - 1u);
	if (!ps)
		return NULL;
	/* acquire: an event of a strand that has died may be freed by who sees that it has. */
	uint32_t refs = evrt_load_acquire(&ps->refs);
	do {
		if (refs == 0)
			return NULL;
		EVRT_SHAKE(strand_find);
	} while (!evrt_cas_acq_rel(&ps->refs, &refs, refs + 1));
	/* A referenced strand keeps its generation, so now it can be compared. */
	if (evrt__pool_strand_handle(ps) == handle)
		return ps;
	evrt__strand_unref(&ps->strand);
	return NULL;
}

static void
pool_strand_ref(struct evrt_strand *s)
{
	/* relaxed: the caller has a reference already. */
	evrt_add_relaxed(&evrt__pool_strand_of(s)->refs, 1u);
}

static void
pool_strand_unref(struct evrt_strand *s)
{
	struct evrt_pool_strand *ps = evrt__pool_strand_of(s);
	struct evrt_pool *p = s->owner;
	struct evrt_worker *pinned = ps->pinned; /* read while we hold it */

	/* All that was done with the strand happens before its next life. (seq_cst: evrt__worker_lost_one.) */
	uint32_t refs = evrt_sub_seq_cst(&ps->refs, 1u);
	if (refs == 2 && pinned)
		evrt__worker_lost_one(pinned);
	if (refs != 1)
		return;
	EVRT_SHAKE(strand_dead);
	/* Being queued or running holds a reference, until what is queued is thrown away with the pool. */
	EVRT_DCHECK(!evrt_load_relaxed(&p->started) ||
	    !(evrt_load_relaxed(&ps->word) & (EVRT_STRAND_OWNED | EVRT_STRAND_DEAD)));
	uint64_t generation = (evrt_load_relaxed(&ps->word) >> EVRT_STRAND_GENERATION_SHIFT) + 1;
	/* Generation 0 is skipped: a handle is never 0. */
	if ((uint32_t)generation == 0)
		generation = 1;
	evrt_store_relaxed(&ps->word, generation << EVRT_STRAND_GENERATION_SHIFT | EVRT_STRAND_DEAD);
	bool counted = ps->counted;
	ps->counted = false;
	if (evrt__pool_is_torn(p))
		return; /* the lock may have been held by a thread that is not here */
	strand_leave_home(ps->group);
	pthread_mutex_lock(&p->lock);
	ps->next = p->free_strands;
	p->free_strands = ps;
	pthread_mutex_unlock(&p->lock);
	if (counted)
		evrt__limits_give_connection(p);
}

static void
pool_strand_notify(struct evrt_strand *s)
{
	struct evrt_pool_strand *ps = evrt__pool_strand_of(s);

	if (!evrt__strand_word_notify(&ps->word))
		return;
	pool_strand_ref(s); /* for being queued and running; dropped by the runner */
	evrt__worker_enqueue(ps);
}

/* Home's timers are locked, so nobody lies down meanwhile with a deadline that is out of date. */
static void
pool_strand_timers_changed(struct evrt_strand *s)
{
	struct evrt_reactor *r = s->home;

	if (r->timer_fd >= 0)
		return; /* which is set already */
	/* PAIRS park.word, reactor.wake_at: the read-modify-write comes after the change. A sleeper who has announced
	 * itself before has written NEVER to wake_at, and writes the deadline that it finds when it gets the lock. */
	if (evrt__park_is_sleeping(&r->park) && evrt_load_relaxed(&r->first) < evrt_load_acquire(&r->wake_at))
		evrt__reactor_wake(r);
}

static void
pool_strand_timers_later(struct evrt_strand *s, struct evrt_node *n)
{
	struct evrt_group *g = evrt__pool_strand_of(s)->group;

	evrt__inbox_push(&g->late, n);
	/* A worker looks before it sleeps, and does not sleep long then. */
	if (!evrt__worker_self())
		evrt__group_call(g, true);
}

static void
pool_strand_count(struct evrt_strand *s, int delta)
{
	struct evrt_pool *p = s->owner;
	struct evrt_worker *w = evrt__worker_self();
	bool own = w && w->pool == p;

	/* PAIRS worker.pending: relaxed: the sum is read only when every worker is parked (idle.c says why that
	 * suffices). */
	if (own)
		evrt_count_own(&w->pending, delta);
	else if (delta > 0)
		evrt_add_seq_cst(&p->pending, (int64_t)delta);
	EVRT_SHAKE(strand_count);
	if (own || delta > 0)
		return;
	/* PAIRS pool.pending / pool.ends_when_idle: all may be asleep, and this was the last thing: somebody must get up to
	 * see it. */
	evrt__pool_enter(p);
	evrt_add_seq_cst(&p->pending, (int64_t)delta);
	if (evrt_load_seq_cst(&p->ends_when_idle))
		evrt__group_call(&p->groups[0], true);
	evrt__pool_leave(p);
}

static void
pool_strand_late(struct evrt_strand *s, evrt_ns by)
{
	struct evrt_worker *w = evrt__worker_self();

	/* Not when a pool that is being freed lets its messages arrive. */
	if (w && w->pool == s->owner)
		evrt__stats_timer(&w->counters, by);
}

static bool
pool_strand_stopping(struct evrt_strand *s)
{
	return evrt_load_relaxed(&((struct evrt_pool *)s->owner)->halt) == EVRT_HALT_NOW;
}

const struct evrt_strand_ops evrt__pool_strand_ops = {
	.notify = pool_strand_notify,
	.timers_changed = pool_strand_timers_changed,
	.timers_later = pool_strand_timers_later,
	.count = pool_strand_count,
	.late = pool_strand_late,
	.stopping = pool_strand_stopping,
	.ref = pool_strand_ref,
	.unref = pool_strand_unref,
};

/* Has the run taken too long? Looked at before the 2nd, 3rd, 5th, 9th… callback: a run of one never reads the clock
 * for it, a run of 16 reads it four times, and none goes on for more than twice its budget and a callback. */
static bool
strand_is_late(const struct evrt_worker *w, unsigned callbacks)
{
	evrt_ns budget = w->pool->set.strand_budget_ns;

	if (callbacks == 0 || (callbacks & (callbacks - 1)) || budget == EVRT_NS_NEVER)
		return false;
	return evrt__reactor_now(&w->reactor) - w->turn_began >= budget;
}

/* Runs what is there, up to the budgets of the run, in which *callbacks were called before. False: one is used up,
 * and more is left. Lock held. */
static bool
strand_run_some(struct evrt_worker *w, struct evrt_strand *s, unsigned *callbacks)
{
	struct evrt_pool *p = w->pool;
	bool watched = p->set.watchdog_limit_ns != 0;
	bool stopped = false;

	/* Pushes under the lock need not notify while we are at it: we look again before we let go of the lock. */
	s->attended = true;
	s->runner = evrt__thread_id();
	evrt__strand_take_inbox(s);
	for (struct evrt_task *t; (t = evrt__strand_first(s)) != NULL;) {
		stopped = *callbacks >= p->set.strand_budget_callbacks || strand_is_late(w, *callbacks) ||
		    evrt_load_relaxed(&p->halt) == EVRT_HALT_NOW;
		if (stopped)
			break;
		++*callbacks;
		evrt_count_own(&w->counters.callbacks, 1);
		if (watched)
			evrt__watch_begin(w, s, (evrt_watch_fn)t->fn);
		evrt__strand_run_task(s, t);
		if (watched)
			evrt__watch_end(w);
		if (!evrt__inbox_empty(&s->inbox))
			evrt__strand_take_inbox(s);
	}
	s->attended = false;
	return !stopped;
}

void
evrt__pool_strand_run(struct evrt_worker *w, struct evrt_pool_strand *ps)
{
	struct evrt_strand *s = &ps->strand;
	unsigned callbacks = 0; /* also across the rounds: who is notified all the time must not stay for ever */
	bool drained;

	evrt__stats_begin(&w->counters, &ps->ready_since, w->turn_began);
	do {
		evrt__strand_word_begin(&ps->word);
		evrt__lock(s->lock);
		drained = strand_run_some(w, s, &callbacks);
		evrt__unlock(s->lock);
		if (!drained) {
			evrt__stats_yield(&w->counters);
			w->turn_began = evrt__reactor_now(&w->reactor); /* it has not waited while it ran */
			w->reporting = true;
			evrt__worker_enqueue(ps); /* still OWNED, still referenced: to the tail */
			w->reporting = false;
			evrt__worker_share_rest(w);
			return;
		}
	} while (!evrt__strand_word_finish(&ps->word));
	EVRT_TRACE(strand_let_go, s);
	evrt__strand_unref(s);
}
