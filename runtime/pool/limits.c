/* runtime/pool/limits.c — how much a pool takes on; see limits.h. */
#include "runtime/pool/limits.h"

#include <errno.h>
#include <stddef.h>

#include "runtime/loop/slot.h"
#include "runtime/pool/pool.h"
#include "runtime/pool/tuning.h"
#include "threading/lock.h"

/* Somebody saw something that the review should see. Any thread, also with the strand's lock. */
static void
limits_ask_for_review(struct evrt_pool_limits_state *l)
{
	/* PAIRS limits.review_queued: acq_rel; where the answer is 1, the review is still to come. */
	if (evrt_swap_acq_rel(&l->review_queued, 1u))
		return;
	struct evrt_strand *s = &l->strand->strand;
	evrt__inbox_push(&s->inbox, &l->review_node);
	s->ops->notify(s);
}

static void
review_arrive(struct evrt_node *n)
{
	struct evrt_pool_limits_state *l = EVRT_CONTAINER_OF(n, struct evrt_pool_limits_state, review_node);

	evrt__strand_push(&l->strand->strand, &l->review);
}

static void
limits_begin(struct evrt_pool_limits_state *l, unsigned limit)
{
	/* PAIRS limits.pressing */
	if (!(evrt_or_seq_cst(&l->pressing, limit) & limit))
		limits_ask_for_review(l);
}

/* Takes one of `max`. False: all are taken. */
static bool
limits_take(struct evrt_pool_limits_state *l, evrt_atomic(uint32_t) *count, uint32_t max, unsigned limit)
{
	uint32_t n = evrt_load_relaxed(count);

	do {
		if (n >= max) {
			limits_begin(l, limit);
			return false;
		}
	} while (!evrt_cas_seq_cst(count, &n, n + 1));
	return true;
}

static void
limits_give(struct evrt_pool_limits_state *l, evrt_atomic(uint32_t) *count, uint32_t low, unsigned limit)
{
	/* PAIRS limits.pressing: seq_cst, first the count, then the bit. */
	if (evrt_sub_seq_cst(count, 1u) - 1 <= low && (evrt_load_seq_cst(&l->pressing) & limit))
		limits_ask_for_review(l);
}

/* Where there is clearly room again. Posts come and go by the thousand; connections are worth having. */
static uint32_t
posts_low(const struct evrt_pool_limits_state *l)
{
	return l->set.posts_max / 2;
}

static uint32_t
connections_low(const struct evrt_pool_limits_state *l)
{
	return l->set.connections_max - l->set.connections_max / 8 - 1;
}

bool
evrt__limits_take_post(struct evrt_pool *p)
{
	struct evrt_pool_limits_state *l = &p->limits;

	if (limits_take(l, &l->posts, l->set.posts_max, EVRT_LIMIT_POSTS))
		return true;
	evrt_add_relaxed(&l->posts_refused, (uint64_t)1);
	return false;
}

void
evrt__limits_give_post(struct evrt_pool *p)
{
	limits_give(&p->limits, &p->limits.posts, posts_low(&p->limits), EVRT_LIMIT_POSTS);
}

bool
evrt__limits_take_connection(struct evrt_pool *p)
{
	struct evrt_pool_limits_state *l = &p->limits;

	if (evrt_load_relaxed(&l->pressing) & EVRT_LIMITS_OF_ACCEPTING)
		return false;
	return l->set.connections_max == 0 ||
	    limits_take(l, &l->connections, l->set.connections_max, EVRT_LIMIT_CONNECTIONS);
}

void
evrt__limits_give_connection(struct evrt_pool *p)
{
	struct evrt_pool_limits_state *l = &p->limits;

	if (l->set.connections_max)
		limits_give(l, &l->connections, connections_low(l), EVRT_LIMIT_CONNECTIONS);
}

void
evrt__limits_follow(struct evrt_pool_strand *ps)
{
	const struct evrt_pool *p = ps->strand.owner;

	ps->counted = p->limits.set.connections_max != 0;
}

/* A probe is a timer in a strand of its own: it passes through all that a ready connection passes through (the wait of
 * a poller, a queue), so its delay is what the ready wait. There is at most one, sent when a listener has
 * something to accept, or while the limit presses: a pool that rests sends none. */
static void
limits_send_probe(struct evrt_pool_limits_state *l)
{
	struct evrt_strand *s = &l->strand->strand;

	evrt__lock(s->lock);
	if (evrt_load_relaxed(&l->probe_due) == 0) {
		evrt_ns due = evrt__ns_add(evrt__reactor_now(s->home), EVRT_LIMITS_PROBE_NS);
		evrt_store_relaxed(&l->probe_due, due);
		evrt__slot_set_deadline(l->probe, due);
	}
	evrt__unlock(s->lock);
}

/* evrt_slot.ready, strand locked. */
static void
probe_ready(struct evrt_slot *slot, unsigned bits)
{
	struct evrt_pool_limits_state *l = slot->owner;
	evrt_ns took = evrt__reactor_now(slot->strand->home) - evrt_load_relaxed(&l->probe_due);

	(void)bits;
	evrt_store_relaxed(&l->latency_ns, took);
	evrt_store_relaxed(&l->probe_due, (evrt_ns)0);
	if (took > l->set.latency_max_ns)
		limits_begin(l, EVRT_LIMIT_LATENCY);
	/* While it presses each probe ends in a review, which lets go or sends the next. */
	if (evrt_load_relaxed(&l->pressing) & EVRT_LIMIT_LATENCY)
		limits_ask_for_review(l);
}

void
evrt__limits_look(struct evrt_pool *p)
{
	struct evrt_pool_limits_state *l = &p->limits;

	if (!l->probe)
		return;
	/* relaxed: a probe that arrives meanwhile is noticed in the next turn. */
	evrt_ns due = evrt_load_relaxed(&l->probe_due);
	if (due == 0)
		limits_send_probe(l);
	else if (evrt__clock_now(p->set.clock) - due > l->set.latency_max_ns)
		limits_begin(l, EVRT_LIMIT_LATENCY);
}

/* Which of those that press have room again. */
static unsigned
limits_relieved(const struct evrt_pool_limits_state *l, unsigned pressing)
{
	unsigned relieved = 0;

	if (evrt_load_seq_cst(&l->posts) <= posts_low(l))
		relieved |= EVRT_LIMIT_POSTS;
	if (evrt_load_seq_cst(&l->connections) <= connections_low(l))
		relieved |= EVRT_LIMIT_CONNECTIONS;
	/* One that is under way has not met anything yet: the last word is not spoken. */
	if (evrt_load_relaxed(&l->probe_due) == 0 && evrt_load_relaxed(&l->latency_ns) <= l->set.latency_max_ns / 2)
		relieved |= EVRT_LIMIT_LATENCY;
	return relieved & pressing;
}

static void
limits_tell(struct evrt_pool *p, unsigned limits, bool begin)
{
	struct evrt_pool_limits_state *l = &p->limits;

	for (unsigned limit = EVRT_LIMIT_POSTS; limit <= EVRT_LIMIT_LATENCY; limit <<= 1) {
		if (!(limits & limit))
			continue;
		pthread_mutex_lock(&l->lock);
		evrt_limits_told_fn fn = l->told_fn;
		void *arg = l->told_arg;
		pthread_mutex_unlock(&l->lock);
		if (fn)
			fn(p, limit, begin, arg);
	}
}

/* Calls those who wait, as long as accepting is allowed. */
static void
limits_resume(struct evrt_pool_limits_state *l)
{
	struct evrt_strand *s = &l->strand->strand;

	while (!(evrt_load_seq_cst(&l->pressing) & EVRT_LIMITS_OF_ACCEPTING)) {
		pthread_mutex_lock(&l->lock);
		struct evrt_link *first = evrt__list_pop_head(&l->waiters);
		if (first)
			first->next = NULL;
		pthread_mutex_unlock(&l->lock);
		if (!first)
			return;
		struct evrt_limits_waiter *waiter = EVRT_CONTAINER_OF(first, struct evrt_limits_waiter, link);
		waiter->resume(waiter);
		s->ops->count(s, -1); /* afterwards: by now it waits for something else, and counts there */
	}
}

/* evrt_task.fn */
static void
limits_review(struct evrt_task *t, void *arg)
{
	struct evrt_pool *p = arg;
	struct evrt_pool_limits_state *l = &p->limits;

	(void)t;
	evrt_swap_acq_rel(&l->review_queued, 0u); /* PAIRS limits.review_queued: before we look */
	unsigned pressing = evrt_load_seq_cst(&l->pressing);
	limits_tell(p, pressing & ~l->told, true);
	unsigned relieved = limits_relieved(l, pressing);
	/* PAIRS limits.waiters: the bits, then the list. */
	evrt_and_seq_cst(&l->pressing, ~relieved);
	limits_tell(p, relieved, false);
	l->told = pressing & ~relieved;
	limits_resume(l);
	if (l->told & EVRT_LIMIT_LATENCY)
		limits_send_probe(l);
}

bool
evrt__limits_wait(struct evrt_pool *p, struct evrt_limits_waiter *waiter)
{
	struct evrt_pool_limits_state *l = &p->limits;
	struct evrt_strand *s = &l->strand->strand;

	pthread_mutex_lock(&l->lock);
	bool waits = waiter->link.next != NULL;
	if (!waits) {
		s->ops->count(s, 1);
		evrt__list_push_tail(&l->waiters, &waiter->link);
	}
	pthread_mutex_unlock(&l->lock);
	if (!waits)
		evrt_add_relaxed(&l->pauses, (uint64_t)1);
	/* PAIRS limits.waiters: the list, then the bits. They may have been cleared before we came. */
	if (!(evrt_load_seq_cst(&l->pressing) & EVRT_LIMITS_OF_ACCEPTING))
		limits_ask_for_review(l);
	return !waits;
}

bool
evrt__limits_unwait(struct evrt_pool *p, struct evrt_limits_waiter *waiter)
{
	struct evrt_pool_limits_state *l = &p->limits;

	pthread_mutex_lock(&l->lock);
	bool waits = waiter->link.next != NULL;
	if (waits) {
		evrt__list_remove(&waiter->link);
		waiter->link.next = NULL;
	}
	pthread_mutex_unlock(&l->lock);
	if (waits)
		l->strand->strand.ops->count(&l->strand->strand, -1);
	return waits;
}

void
evrt__limits_set_told(struct evrt_pool *p, evrt_limits_told_fn fn, void *arg)
{
	pthread_mutex_lock(&p->limits.lock);
	p->limits.told_fn = fn;
	p->limits.told_arg = arg;
	pthread_mutex_unlock(&p->limits.lock);
}

int
evrt__limits_init(struct evrt_pool *p)
{
	struct evrt_pool_limits_state *l = &p->limits;

	l->set = p->set.limits;
	evrt__list_init(&l->waiters);
	l->review_node.arrive = review_arrive;
	evrt__task_init(&l->review, limits_review, p, 0);
	if (!l->set.posts_max && !l->set.connections_max && !l->set.latency_max_ns)
		return 0;
	l->strand = evrt__pool_strand_new(&p->groups[0], NULL);
	if (l->strand && l->set.latency_max_ns)
		l->probe = evrt__slot_new(&l->strand->strand, probe_ready, l);
	if (l->strand && (l->probe || !l->set.latency_max_ns))
		return 0;
	evrt__limits_close(p);
	return -ENOMEM;
}

void
evrt__limits_close(struct evrt_pool *p)
{
	struct evrt_pool_limits_state *l = &p->limits;

	/* Nobody asks for a review any more. The strand's memory stays as long as the pool: `count` is still called. */
	evrt_store_relaxed(&l->review_queued, 1u);
	if (!l->strand)
		return;
	if (l->probe) {
		evrt__lock(l->strand->strand.lock);
		evrt__slot_disown(l->probe);
		evrt__unlock(l->strand->strand.lock);
	}
	evrt__strand_unref(&l->strand->strand);
}
