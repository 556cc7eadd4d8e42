/* runtime/pool/sleep.c — how a worker sleeps, and where; what it hears when it gets up. See pool.h, group_word.h.
 *
 * Here:     the three places to sleep, the second look, the guard's rounds.
 * Not here: who is called, and when (idle.c, group.c).
 * Threads:  each worker's own.
 *
 *   in the set   The kernel wakes whoever lay down last for a report, a timer (timerfd) or a call (eventfd).
 *   deep         On its own set, which has nothing but its wake descriptor: called by name, or guard.
 *   on its own   On its own set, because its pinned base is used, or because it is a group of its own. Where the group
 *                has a set, that one is watched from there, too: each of its reports wakes all who
 *                sleep so, which is the price of a worker that has to hear both.
 *
 * No wake-up is lost. A sleeper announces itself: its bit in pool.parked, the group's words, the park word of its own
 * reactor. Then it looks at everything once more. A sender publishes first, and reads these words after.
 * All are read and written with seq_cst, so that one of the two sees the other.
 */
#include <stddef.h>

#include "base/shake.h"
#include "base/trace.h"
#include "runtime/pool/pool.h"
#include "runtime/pool/tuning.h"

/* The second look. True: there is something after all. */
static bool
worker_looks_again(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;

	/* PAIRS pool.inject_length, pool.halt: published, then we are called; here we have announced ourselves. */
	if (!evrt__inbox_empty(&w->inbox) || !evrt__inbox_empty(&w->group->inbox) ||
	    evrt_load_seq_cst(&p->inject_length) || evrt_load_seq_cst(&p->halt) != EVRT_HALT_NO ||
	    evrt__worker_may_leave(w))
		return true;
	/* What a guard looks after may stay where it is. */
	uint32_t worth = evrt_load_seq_cst(&p->guard) ? evrt__worker_worth(w) : 1;
	for (unsigned i = 0; p->set.steal && i < p->set.workers; i++)
		if (evrt__ring_length(&p->workers[i].ring) >= worth)
			return true;
	if (evrt_load_relaxed(&p->ends_when_idle) && evrt__pool_is_idle(p)) {
		evrt__pool_halt(p, EVRT_HALT_NOW);
		return true;
	}
	return false;
}

static void
worker_lies_down(struct evrt_worker *w)
{
	/* PAIRS worker.rests: release, after all that was done since the last one. */
	evrt_store_release(&w->rests, evrt_load_relaxed(&w->rests) + 1);
	EVRT_SHAKE(worker_parked);
	evrt_or_seq_cst(&w->pool->parked, UINT64_C(1) << w->index);
	EVRT_SHAKE(worker_look);
}

static void
worker_gets_up(struct evrt_worker *w)
{
	EVRT_SHAKE(worker_unpark);
	evrt_and_seq_cst(&w->pool->parked, ~(UINT64_C(1) << w->index));
}

/* So many reports as it will have dealt with soon: the rest is for those who wait beside it. */
static int
worker_batch(const struct evrt_worker *w)
{
	if (w->group->count == 1)
		return EVRT_READY_MAX;
	if (evrt__worker_is_slow(w))
		return 1;
	evrt_ns batch = EVRT_BATCH_NS / (evrt_load_relaxed(&w->run_ns) + 1) + 1;
	return batch < EVRT_READY_MAX ? (int)batch : EVRT_READY_MAX;
}

/* Before reports are handed out: what they make ready has been so since now. */
static void
worker_has_polled(struct evrt_worker *w, evrt_ns deadline)
{
	evrt_count_own(&w->counters.polls, 1);
	if (deadline == 0)
		return; /* no time went by to speak of */
	EVRT_TRACE(worker_wakes, w);
	w->turn_began = evrt__reactor_now(&w->reactor);
	evrt_store_relaxed(&w->busy_since, w->turn_began);
}

/* Takes reports of the group's set. `slept`: also the call for one who sleeps. False: time went by, that is all. */
static bool
worker_take_set(struct evrt_worker *w, evrt_ns deadline, bool slept)
{
	struct evrt_reactor *set = w->group->reactor;
	struct evrt_ready *ready = w->reactor.ready;
	bool timed;
	int n = evrt__reactor_wait_into(set, deadline, ready, worker_batch(w), &timed);
	worker_has_polled(w, deadline);
	bool heard = n != 0 || timed;

	if (n > 0)
		n = evrt__group_strip_own(w->group, ready, n, slept);
	evrt__worker_report(w, set, ready, n);
	return heard;
}

/* Takes reports of its own poller; of those, that the group's set has something. As above. */
static bool
worker_take_own(struct evrt_worker *w, evrt_ns deadline)
{
	struct evrt_reactor *own = &w->reactor;
	struct evrt_group *g = w->group;
	bool guarded = g->reactor == own && w->pool->groups_count > 1;
	bool set_ready = evrt__group_is_shared(g) && !w->nested && evrt_load_relaxed(&w->own_used); /* nobody tells */
	bool timed;

	if (guarded) {
		pthread_mutex_lock(&g->poll_lock);
		/* A rescuer who was here may have taken the wake out of the poller. */
		if (evrt__park_was_notified(&own->park))
			deadline = 0;
	}
	/* After the announcement: a change of the set that this look misses sees us asleep, and wakes us.
	 * Out of memory: what is ready is run, and the next turn tries again. */
	int n = evrt__reactor_prepare(own) < 0 ? 0
	    : evrt__reactor_wait_into(own, deadline, own->ready, EVRT_READY_MAX, &timed);
	bool heard = n != 0 || evrt__park_was_notified(&own->park);
	worker_has_polled(w, deadline);
	for (int i = 0; w->nested && i < n; i++) {
		if (own->ready[i].generation == EVRT_REACTOR_GENERATION) {
			own->ready[i] = own->ready[--n];
			set_ready = true;
			break;
		}
	}
	evrt__worker_report(w, own, own->ready, n);
	if (guarded)
		pthread_mutex_unlock(&g->poll_lock);
	return (set_ready && worker_take_set(w, 0, deadline != 0)) || heard;
}

/* Sleeps until something is heard, or `deadline`; as a guard where one is needed, with a look at the others now and
 * then. `take` knows the place. */
static void
worker_rest(struct evrt_worker *w, evrt_ns deadline, bool (*take)(struct evrt_worker *, evrt_ns))
{
	bool guards = evrt__worker_take_guard(w);
	bool heard = false;

	/* A timer waits for memory: it is tried again soon. */
	if (!evrt__inbox_empty(&w->group->late)) {
		evrt_ns soon = evrt__ns_add(evrt__reactor_now(&w->reactor), EVRT_NS_PER_MS);
		deadline = soon < deadline ? soon : deadline;
	}
	evrt__stats_park(&w->counters);
	EVRT_TRACE(worker_sleeps, w);
	while (guards && !heard) {
		evrt_ns now = evrt__reactor_now(&w->reactor);
		if (now >= deadline)
			break;
		evrt_ns round = evrt__ns_add(now, EVRT_GUARD_NS);
		heard = take(w, round < deadline ? round : deadline) ||
		    evrt__worker_sees_stuck(w, evrt__reactor_now(&w->reactor));
		/* PAIRS pool.guard: first it lays the office down, then it looks whether somebody got up meanwhile. */
		if (!heard && !evrt__worker_others_awake(w)) {
			evrt__worker_leave_guard(w);
			EVRT_SHAKE(guard);
			guards = evrt__worker_take_guard(w);
		}
	}
	if (guards)
		evrt__worker_leave_guard(w);
	else
		(void)take(w, deadline);
}

/* It was awakened for what others would have come to. */
static void
worker_weighs_wake(struct evrt_worker *w)
{
	if (!evrt__worker_sees_slow(w) && evrt__worker_others_awake(w) && !evrt__worker_sees_stuck(w, w->turn_began))
		w->useless_wakes++;
	else
		w->useless_wakes = 0;
}

static bool
worker_take_set_asleep(struct evrt_worker *w, evrt_ns deadline)
{
	return worker_take_set(w, deadline, true);
}

static void
worker_sleep_in_set(struct evrt_worker *w)
{
	struct evrt_group *g = w->group;

	/* PAIRS worker.place / worker.own_used: see evrt__worker_use_own. */
	evrt_store_seq_cst(&w->place, (unsigned)EVRT_PLACE_SET);
	evrt__group_word_enter(&g->word);
	worker_lies_down(w);
	bool stays = evrt_load_seq_cst(&w->own_used) || worker_looks_again(w);
	if (stays)
		(void)worker_take_set(w, 0, false);
	else
		worker_rest(w, EVRT_NS_NEVER, worker_take_set_asleep);
	worker_gets_up(w);
	if (evrt_swap_seq_cst(&w->place, (unsigned)EVRT_PLACE_AWAKE) == EVRT_PLACE_BELLED)
		evrt__group_leave_belled(g);
	w->called = evrt__group_word_leave(&g->word);
	if (!stays)
		worker_weighs_wake(w);
}

/* False: somebody has to float. */
static bool
worker_sleep_deep(struct evrt_worker *w)
{
	struct evrt_group *g = w->group;
	unsigned place = w->index - g->first;

	/* Before it is seen in the word: a call that found us there and was dropped would keep all others back. */
	evrt__park_announce(&w->reactor.park);
	if (!evrt__group_word_submerge(&g->word, place)) {
		evrt__park_leave(&w->reactor.park);
		return false;
	}
	worker_lies_down(w);
	if (!evrt_load_seq_cst(&w->own_used) && !worker_looks_again(w))
		worker_rest(w, EVRT_NS_NEVER, worker_take_own);
	worker_gets_up(w);
	evrt__park_leave(&w->reactor.park);
	w->called = evrt__group_word_emerge(&g->word, place);
	return true;
}

/* From now on its own set reports the group's. Without memory for that it cannot sleep long. */
static bool
worker_hears_both(struct evrt_worker *w)
{
	struct evrt_reactor *set = w->group->reactor;

	if (!w->nested)
		w->nested = w->reactor.backend->set(w->reactor.poller, set->backend->descriptor(set->poller),
		    EVRT_REACTOR_GENERATION, 0, EVRT_READ) == 0;
	return w->nested;
}

/* The next deadline of its own timers, published for those who set earlier ones. */
static evrt_ns
worker_publish_deadline(struct evrt_worker *w)
{
	struct evrt_reactor *r = &w->reactor;

	evrt__reactor_lock_timers(r);
	evrt__reactor_note_first(r);
	evrt_ns deadline = evrt_load_relaxed(&r->first);
	evrt_store_release(&r->wake_at, deadline);
	evrt__reactor_unlock_timers(r);
	return deadline;
}

static void
worker_sleep_own(struct evrt_worker *w)
{
	struct evrt_group *g = w->group;
	struct evrt_reactor *r = &w->reactor;
	bool hears_all = !evrt__group_is_shared(g) || worker_hears_both(w);

	/* PAIRS reactor.wake_at: who sets a timer before it is written sees NEVER there, and wakes us. */
	evrt_store_release(&r->wake_at, EVRT_NS_NEVER);
	evrt__park_announce(&r->park);
	evrt__group_word_enter(&g->word);
	worker_lies_down(w);
	evrt_ns deadline = worker_publish_deadline(w);
	if (!hears_all)
		deadline = evrt__ns_add(evrt__reactor_now(r), EVRT_NS_PER_MS);
	if (worker_looks_again(w))
		(void)worker_take_own(w, 0);
	else
		worker_rest(w, deadline, worker_take_own);
	worker_gets_up(w);
	evrt__park_leave(&r->park);
	w->called = evrt__group_word_leave(&g->word);
}

/* While somebody is stuck it is needed in the set, whatever came before. */
static bool
worker_is_useless(const struct evrt_worker *w)
{
	return w->useless_wakes >= EVRT_USELESS_WAKES && !evrt__worker_sees_slow(w) &&
	    !evrt__worker_sees_stuck(w, evrt__reactor_now(&w->reactor));
}

void
evrt__worker_sleep(struct evrt_worker *w)
{
	struct evrt_group *g = w->group;

	if (!evrt__group_is_shared(g) || evrt_load_relaxed(&w->own_used))
		worker_sleep_own(w);
	else if (!worker_is_useless(w) || !worker_sleep_deep(w))
		worker_sleep_in_set(w);
}

void
evrt__worker_look(struct evrt_worker *w)
{
	bool shared = evrt__group_is_shared(w->group);
	bool own_used = evrt_load_relaxed(&w->own_used);

	if (shared && own_used)
		(void)worker_hears_both(w);
	if (!shared || own_used)
		(void)worker_take_own(w, 0);
	else
		(void)worker_take_set(w, 0, false);
}
