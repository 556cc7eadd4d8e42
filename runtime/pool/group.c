/* runtime/pool/group.c — workers that wait in one set; see pool.h.
 *
 * Here:     making groups, calling their sleepers, the inbox, the timers, and the rescue of groups that are stuck.
 * Not here: when a worker sleeps, and where (sleep.c), who calls (idle.c).
 * Threads:  said per function in pool.h.
 *
 * A set that several workers wait in cannot wake a certain one of them. It has two descriptors, both level-triggered.
 *   call_fd  One has to get up, whichever. Reported until it is read, and read by those alone who slept: one
 *            who is awake and just has a look must not take the call away from them.
 *   bell_fd  All have to get up, or one whose pinned base is used for the first time. Reported to one after the
 *            other until those who are meant have left the set.
 */
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/eventfd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/shake.h"
#include "base/sys.h"
#include "base/trace.h"
#include "runtime/loop/slot.h"
#include "runtime/pool/pool.h"
#include "runtime/pool/tuning.h"

static int
group_open_eventfd(struct evrt_group *g, int *fd)
{
	*fd = evrt__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return -errno;
	return g->set.backend->set(g->set.poller, *fd, EVRT_REACTOR_GENERATION, 0, EVRT_READ);
}

static void
group_fini_set(struct evrt_group *g)
{
	if (g->call_fd >= 0)
		evrt__sys.close(g->call_fd);
	if (g->bell_fd >= 0)
		evrt__sys.close(g->bell_fd);
	evrt__reactor_fini(&g->set);
}

static int
group_init_set(struct evrt_group *g)
{
	struct evrt_pool *p = g->pool;
	int err = evrt__reactor_init(&g->set, p->set.backend, p->set.clock, true);

	if (err < 0)
		return err;
	err = evrt__reactor_make_timed(&g->set);
	if (err == 0)
		err = group_open_eventfd(g, &g->call_fd);
	if (err == 0)
		err = group_open_eventfd(g, &g->bell_fd);
	if (err < 0)
		group_fini_set(g);
	return err;
}

static int
group_init(struct evrt_group *g, struct evrt_pool *p, unsigned first, unsigned count)
{
	g->first = first;
	g->count = count;
	g->call_fd = g->bell_fd = -1;
	evrt__inbox_init(&g->inbox);
	evrt__inbox_init(&g->late);
	pthread_mutex_init(&g->poll_lock, NULL);
	g->pool = p;
	evrt__group_word_init(&g->word, (unsigned)__builtin_popcountll(evrt__group_present(g)));
	for (unsigned i = first; i < first + count; i++)
		p->workers[i].group = g;
	g->reactor = count > 1 ? &g->set : &p->workers[first].reactor;
	int err = count > 1 ? group_init_set(g) : 0;
	if (err < 0) {
		pthread_mutex_destroy(&g->poll_lock);
		g->pool = NULL; /* for evrt__groups_fini: there is nothing to undo */
	}
	return err;
}

/* 0; or -errno, and it may be tried again. */
static int
group_reopen(struct evrt_group *g)
{
	int call_fd = g->call_fd, bell_fd = g->bell_fd;
	int err = evrt__reactor_reopen(&g->set);

	if (err == 0)
		err = group_open_eventfd(g, &g->call_fd);
	if (err == 0)
		err = group_open_eventfd(g, &g->bell_fd);
	if (call_fd >= 0 && call_fd != g->call_fd)
		evrt__sys.close(call_fd);
	if (bell_fd >= 0 && bell_fd != g->bell_fd)
		evrt__sys.close(bell_fd);
	for (unsigned i = g->first; i < g->first + g->count; i++)
		g->pool->workers[i].nested = false;
	return err;
}

int
evrt__groups_reopen(struct evrt_pool *p)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < p->groups_count; i++)
		if (evrt__group_is_shared(&p->groups[i]))
			err = group_reopen(&p->groups[i]);
	return err;
}

int
evrt__groups_init(struct evrt_pool *p)
{
	unsigned n = p->set.workers;
	unsigned size = p->set.backend->features & EVRT_BF_SHARED ? p->set.workers_per_set : 1;
	int err = 0;

	size = size < EVRT_GROUP_WORKERS_MAX ? size : EVRT_GROUP_WORKERS_MAX;
	unsigned count = (n + size - 1) / size;
	p->groups = evrt__aligned_calloc(count, sizeof(*p->groups));
	if (!p->groups)
		return -ENOMEM;
	p->groups_count = count;
	/* Of about the same size. */
	for (unsigned i = 0, first = 0; err == 0 && i < count; i++) {
		unsigned members = (n - first) / (count - i);
		err = group_init(&p->groups[i], p, first, members);
		first += members;
	}
	return err;
}

void
evrt__groups_fini(struct evrt_pool *p)
{
	for (unsigned i = 0; p->groups && i < p->groups_count && p->groups[i].pool; i++) {
		struct evrt_group *g = &p->groups[i];
		if (evrt__group_is_shared(g))
			group_fini_set(g);
		pthread_mutex_destroy(&g->poll_lock);
	}
	evrt__aligned_free(p->groups);
	p->groups = NULL;
}

void
evrt__groups_reset(struct evrt_pool *p)
{
	evrt_store_seq_cst(&p->parked, UINT64_C(0));
	evrt_store_seq_cst(&p->guard, 0u);
	for (unsigned i = 0; i < p->groups_count; i++) {
		struct evrt_group *g = &p->groups[i];
		evrt__group_word_init(&g->word, (unsigned)__builtin_popcountll(evrt__group_present(g)));
		evrt_store_seq_cst(&g->belled, 0u);
		if (evrt__group_is_shared(g))
			evrt__eventfd_lower(g->bell_fd);
	}
}

static void
group_hush(struct evrt_group *g)
{
	evrt__eventfd_lower(g->bell_fd);
	/* PAIRS group.belled, pool.halt: who rings says first whom for. What we have just read may have been for that one,
	 * or for all. */
	if (evrt_load_seq_cst(&g->belled) || evrt_load_seq_cst(&g->pool->halt) != EVRT_HALT_NO)
		evrt__eventfd_raise(g->bell_fd);
}

void
evrt__group_leave_belled(struct evrt_group *g)
{
	evrt_sub_seq_cst(&g->belled, 1u);
	group_hush(g);
}

int
evrt__group_strip_own(struct evrt_group *g, struct evrt_ready *ready, int n, bool slept)
{
	int left = 0;

	for (int i = 0; i < n; i++) {
		if (ready[i].generation != EVRT_REACTOR_GENERATION) {
			ready[left++] = ready[i];
		} else if (ready[i].fd == g->call_fd) {
			if (slept)
				evrt__eventfd_lower(g->call_fd);
		} else if (evrt_load_seq_cst(&g->belled)) {
			sched_yield(); /* the bell, for another one: it is heard until that one has had the time to leave */
		} else if (evrt_load_seq_cst(&g->pool->halt) == EVRT_HALT_NO) {
			group_hush(g); /* for one who has left; else for all, until they have ended */
		}
	}
	return left;
}

void
evrt__worker_summon(struct evrt_worker *w)
{
	struct evrt_group *g = w->group;
	unsigned place = EVRT_PLACE_SET;

	/* PAIRS worker.place: it says that it enters the set, then looks at what it is summoned for; the caller the
	 * other way round. All seq_cst. */
	evrt_add_seq_cst(&g->belled, 1u); /* before it can leave */
	if (evrt_cas_seq_cst(&w->place, &place, (unsigned)EVRT_PLACE_BELLED)) {
		EVRT_SHAKE(group_bell);
		evrt__eventfd_raise(g->bell_fd);
	} else {
		evrt_sub_seq_cst(&g->belled, 1u);
		evrt__reactor_wake(&w->reactor);
	}
}

void
evrt__worker_use_own(struct evrt_worker *w)
{
	if (!evrt_swap_seq_cst(&w->own_used, true) && evrt__group_is_shared(w->group))
		evrt__worker_summon(w);
}

/* True: nobody else needs to be asked. */
static bool
group_call_one(struct evrt_group *g, bool urgent)
{
	uint64_t deep;

	EVRT_SHAKE(group_call);
	switch (evrt__group_word_call(&g->word, urgent, &deep)) {
	case EVRT_CALL_COMING:
		return true;
	case EVRT_CALL_AWAKE:
		return false;
	case EVRT_CALL_SET:
		EVRT_SHAKE(group_called);
		EVRT_TRACE(worker_called, g);
		if (evrt__group_is_shared(g)) {
			evrt_add_relaxed(&g->calls, (uint64_t)1);
			evrt__eventfd_raise(g->call_fd);
		} else {
			evrt__reactor_wake(g->reactor);
		}
		return true;
	case EVRT_CALL_DEEP:
		EVRT_TRACE(worker_called, g);
		/* The lowest: the same few workers stay warm, the others may sleep on. */
		evrt__reactor_wake(&g->pool->workers[g->first + (unsigned)__builtin_ctzll(deep)].reactor);
		return true;
	}
	return false;
}

void
evrt__group_call(struct evrt_group *g, bool urgent)
{
	struct evrt_pool *p = g->pool;
	unsigned at = (unsigned)(g - p->groups);

	for (unsigned i = 0; i < p->groups_count; i++)
		if (group_call_one(&p->groups[(at + i) % p->groups_count], urgent) || !p->set.steal)
			return;
}

void
evrt__groups_call_all(struct evrt_pool *p)
{
	for (unsigned i = 0; i < p->groups_count; i++)
		if (evrt__group_is_shared(&p->groups[i]))
			evrt__eventfd_raise(p->groups[i].bell_fd);
	for (unsigned i = 0; i < p->set.workers; i++)
		evrt__reactor_wake(&p->workers[i].reactor);
}

void
evrt__group_take_inbox(struct evrt_group *g, struct evrt_worker *to)
{
	if (evrt__inbox_empty(&g->inbox))
		return; /* all come by here: the line stays clean */
	evrt_store_relaxed(&g->inbox_since, (evrt_ns)0);
	to->reporting = true;
	unsigned count = evrt__inbox_deliver(&g->inbox);
	to->reporting = false;
	if (!count)
		return;
	evrt__stats_inbox(&to->counters, count);
	evrt__worker_share_rest(to);
}

void
evrt__group_arm_late(struct evrt_group *g)
{
	(void)evrt__inbox_deliver(&g->late);
}

void
evrt__reactor_serve_timers(struct evrt_reactor *r, struct evrt_group *g, struct evrt_worker *by)
{
	struct evrt_timer *t;
	evrt_ns armed_at;
	bool late = g->reactor == r && !evrt__inbox_empty(&g->late);

	if (late)
		evrt__group_arm_late(g);
	if (evrt_load_relaxed(&r->first) == EVRT_NS_NEVER)
		return;
	evrt_ns now = evrt__reactor_now(r);
	if (evrt_load_relaxed(&r->first) > now)
		return; /* nothing is due, or another one is at it */
	/* It may be a setter who has the lock, and the timerfd has rung already: to give up would be to forget. */
	evrt__reactor_lock_timers(r);
	/* Others need not wait for us. In the end the timerfd is set anew, also for what has become due meanwhile. */
	evrt_store_relaxed(&r->first, EVRT_NS_NEVER);
	by->reporting = true;
	EVRT_SHAKE(group_timers);
	/* A portion: setters wait for the lock. What is left is due at once, and rings again. */
	for (unsigned n = 0; n < EVRT_TIMERS_AT_ONCE && (t = evrt__timers_pop_due(&r->timers, now, &armed_at)); n++)
		evrt__slot_timer_due(t);
	by->reporting = false;
	evrt__reactor_note_first(r);
	evrt__reactor_unlock_timers(r);
}

static bool
group_is_stuck(const struct evrt_group *g, evrt_ns now)
{
	const struct evrt_pool *p = g->pool;
	uint64_t members = evrt__group_present(g);

	if (!members || (evrt_load_relaxed(&p->parked) & members))
		return false;
	for (unsigned i = g->first; i < g->first + g->count; i++)
		if (members >> i & 1u && now - evrt_load_relaxed(&p->workers[i].busy_since) <= EVRT_STUCK_NS)
			return false;
	return true;
}

static void
group_poll_for(struct evrt_group *g, struct evrt_worker *by)
{
	struct evrt_reactor *r = g->reactor;
	bool alone = !evrt__group_is_shared(g);
	bool timed;

	/* Its worker came back, and polls itself. */
	if (alone && pthread_mutex_trylock(&g->poll_lock) != 0)
		return;
	int n = evrt__reactor_prepare(r) < 0 ? 0
	    : evrt__reactor_wait_into(r, 0, by->reactor.ready, EVRT_READY_MAX, &timed);
	if (n > 0 && !alone)
		n = evrt__group_strip_own(g, by->reactor.ready, n, false);
	/* Handed out before the next look: without edges it would find the same again. */
	evrt__worker_report(by, r, by->reactor.ready, n);
	if (alone)
		pthread_mutex_unlock(&g->poll_lock);
}

bool
evrt__group_rescue(struct evrt_worker *by)
{
	struct evrt_pool *p = by->pool;
	evrt_ns now = 0;

	if (!p->set.steal || p->groups_count < 2)
		return false;
	for (unsigned i = 0; i < p->groups_count; i++) {
		struct evrt_group *g = &p->groups[i];
		if (g == by->group)
			continue;
		if (now == 0)
			now = evrt__clock_now(p->set.clock);
		if (!group_is_stuck(g, now))
			continue;
		evrt__stats_rescue(&by->counters);
		evrt__group_take_inbox(g, by);
		group_poll_for(g, by);
		evrt__reactor_serve_timers(g->reactor, g, by);
	}
	return evrt__ring_length(&by->ring) > 0;
}
