/* runtime/loop/loop.c — one thread's turns; see loop.h. */
#include "runtime/loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "runtime/loop/slot.h"
#include "threading/lock.h"

/* So many timers are told at once: what they touch fits the first-level cache. */
#define LOOP_TIMERS_AT_ONCE 64u
/* So many tasks beyond those that were there are run before the poller and the timers get another look: what puts
 * itself back each time (a reader that leaves its input full, a socket that always has more) keeps a queue from
 * ever being empty. */
#define LOOP_TASKS_MORE 32u
#define LOOP_UNVERIFIED_TURNS_MAX 1024u
#define LOOP_STALE_TURNS_MAX 64u

static void
loop_notify(struct evrt_strand *s)
{
	evrt__loop_nudge(s->owner);
}

static bool
loop_stopping(struct evrt_strand *s)
{
	return ((struct evrt_loop *)s->owner)->stop;
}

static const struct evrt_strand_ops loop_strand_ops = {
	.notify = loop_notify, .stopping = loop_stopping };

int
evrt__loop_init(struct evrt_loop *l, const struct evrt_backend_ops *backend, struct evrt_clock *clock,
    unsigned priorities, bool locked)
{
	*l = (struct evrt_loop){ .cache_time = true, .dispatch_max_ns = EVRT_NS_NEVER,
		.dispatch_callbacks_max = INT_MAX };
	int err = evrt__strand_init(&l->strand, &loop_strand_ops, priorities, locked);
	if (err < 0)
		return err;
	err = evrt__reactor_init(&l->reactor, backend, clock, false);
	if (err < 0) {
		evrt__strand_fini(&l->strand);
		return err;
	}
	evrt__fdmap_init(&l->fdmap, false);
	l->strand.home = &l->reactor;
	l->strand.fdmap = &l->fdmap;
	l->strand.owner = l;
	l->strand.attended = true;
	evrt__task_init(&l->more_due, NULL, NULL, 0);
	l->more_due.flags = EVRT_TASK_INTERNAL;
	if (l->strand.lock && (err = evrt__reactor_make_notifiable(&l->reactor)) < 0)
		evrt__loop_fini(l);
	return err;
}

void
evrt__loop_fini(struct evrt_loop *l)
{
	evrt__fdmap_fini(&l->fdmap);
	evrt__reactor_fini(&l->reactor);
	evrt__strand_fini(&l->strand);
}

void
evrt__loop_nudge(struct evrt_loop *l)
{
	if (l->waiting)
		evrt__reactor_wake(&l->reactor);
}

evrt_ns
evrt__loop_now(struct evrt_loop *l)
{
	return l->now ? l->now : evrt__reactor_now(&l->reactor);
}

static bool
loop_is_empty(const struct evrt_loop *l)
{
	return l->strand.added == 0 && l->virtual_count == 0 && l->strand.active_count == 0;
}

/* Under the lock, like every change that must wake us: nothing can come between our last look and this. */
static void
loop_set_waiting(struct evrt_loop *l, bool waiting, evrt_ns deadline)
{
	if (!l->strand.lock)
		return; /* nobody else is there */
	l->waiting = waiting;
	l->strand.attended = !waiting;
	if (waiting) {
		evrt_store_relaxed(&l->reactor.wake_at, deadline);
		evrt__park_announce(&l->reactor.park);
	} else {
		evrt__park_leave(&l->reactor.park);
	}
}

/* How a loop ends that is to end now, as evrt__loop_run returns it; -1: it goes on. */
static int
loop_verdict(const struct evrt_loop *l, unsigned flags)
{
	if (l->exit || l->stop)
		return 0;
	return !(flags & EVRT_LOOP_NO_EXIT_ON_EMPTY) && loop_is_empty(l) ? 1 : -1;
}

/* How long the next wait may last. 0: only look. */
static evrt_ns
loop_deadline(struct evrt_loop *l, unsigned flags)
{
	if (l->strand.active_count || (flags & EVRT_LOOP_NONBLOCK))
		return 0;
	return evrt__timers_next(&l->reactor.timers);
}

/* Waits until `deadline`, without the lock. The number of reports or -errno. */
static int
loop_wait(struct evrt_loop *l, evrt_ns deadline)
{
	struct evrt_reactor *r = &l->reactor;
	int n = evrt__reactor_prepare(r);

	if (n < 0)
		return n;
	if (deadline)
		loop_set_waiting(l, true, deadline);
	evrt__unlock(l->strand.lock);
	n = evrt__reactor_wait(r, deadline);
	evrt__lock(l->strand.lock);
	if (deadline)
		loop_set_waiting(l, false, 0);
	return n;
}

/* An fd was closed while it was registered, and a duplicate of it lives on: the kernel reports it for ever, and there
 * is no number left by which it could be told not to. A new set does not have it. */
static void
loop_open_poller_anew(struct evrt_loop *l)
{
	l->stale_turns = 0;
	if (evrt__reactor_reopen(&l->reactor) < 0)
		return;
	int err = evrt__fdmap_register_again(&l->fdmap, &l->reactor);
	if (err < 0) /* their events stay added, and nobody is there to be told */
		evrt__warnx("%s: not all descriptors could be registered anew: %s", l->reactor.backend->name, strerror(-err));
}

/* Waits, as long as nothing is to be done, and hands out the reports. 0 or -errno. */
static int
loop_poll(struct evrt_loop *l, unsigned flags)
{
	struct evrt_reactor *r = &l->reactor;
	int n = 0;

	/* What has come back without a call is registered anew before the loop sleeps, and from time to time if it
	 * never does: while there is work, no call is spent on it. */
	if (!evrt__list_empty(&l->fdmap.came_back)) {
		if (++l->unverified_turns < LOOP_UNVERIFIED_TURNS_MAX)
			n = loop_wait(l, 0);
		if (n == 0) {
			l->unverified_turns = 0;
			evrt__fdmap_verify(&l->fdmap);
		}
	}
	/* Others may have come and gone while we looked, and woke nobody: what they changed is asked only now. */
	if (n == 0)
		n = loop_wait(l, loop_verdict(l, flags) < 0 ? loop_deadline(l, flags) : 0);
	bool stale = false;
	for (int i = 0; i < r->ready_count; i++)
		stale |= evrt__fdmap_report(&l->fdmap, r, &r->ready[i]) < 0;
	r->ready_count = 0;
	/* One may come from a deletion during the wait. One in each turn comes for ever. */
	l->stale_turns = stale ? l->stale_turns + 1 : 0;
	if (l->stale_turns >= LOOP_STALE_TURNS_MAX)
		loop_open_poller_anew(l);
	return n < 0 ? n : 0;
}

bool
evrt__loop_put_back(struct evrt_loop *l, struct evrt_timer *t, evrt_ns armed_for, evrt_ns truth)
{
	/* Also if it is due by now: its place may be behind others. */
	if (truth <= armed_for)
		return false;
	int err = evrt__timers_add(&l->reactor.timers, t, truth);
	EVRT_ASSERT(err == 0); /* it has just come out, and its room is there */
	return true;
}

/* Tells at most `most` timers whose deadline is at `now` or before. False: that were all. */
static bool
loop_tell_timers(struct evrt_loop *l, unsigned most, evrt_ns now)
{
	struct evrt_timers *q = &l->reactor.timers;

	for (unsigned n = 0; n < most; n++) {
		evrt_ns armed_for;
		struct evrt_timer *t = evrt__timers_pop_due(q, now, &armed_for);
		if (!t)
			return false;
		l->timer_due(l, t, armed_for);
	}
	return evrt__timers_next(q) <= now;
}

static void
loop_expire_timers(struct evrt_loop *l)
{
	/* Where there are priorities, all must be known before the first runs. */
	unsigned most = l->strand.queues_count == 1 ? LOOP_TIMERS_AT_ONCE : UINT_MAX;

	/* Those that more_due still stands for come before any that are due only now. */
	if (l->reactor.timers.count == 0 || (l->more_due.flags & EVRT_TASK_ACTIVE))
		return;
	l->due_until = evrt__loop_now(l);
	if (loop_tell_timers(l, most, l->due_until))
		evrt__strand_push(&l->strand, &l->more_due);
}

/* more_due has come up: the next timers take its place in the queue, and it follows them. */
static void
loop_tell_more(struct evrt_loop *l, struct evrt_link *queue)
{
	struct evrt_link behind;

	evrt__list_init(&behind);
	evrt__strand_remove(&l->strand, &l->more_due);
	evrt__list_splice_tail(&behind, queue);
	/* What callbacks have armed since is not due before due_until, and has to wait for the next turn. */
	if (loop_tell_timers(l, LOOP_TIMERS_AT_ONCE, l->due_until - 1))
		evrt__strand_push(&l->strand, &l->more_due);
	evrt__list_splice_tail(queue, &behind);
}

/* Runs the tasks of one priority. The number of user's callbacks run, or -1 after a loopbreak. */
static int
loop_run_queue(struct evrt_loop *l, struct evrt_link *queue, int callbacks_max, evrt_ns until)
{
	unsigned most = l->strand.active_count + LOOP_TASKS_MORE;
	int count = 0;

	for (unsigned ran = 0; !evrt__list_empty(queue) && ran < most; ran++) {
		struct evrt_task *t = EVRT_CONTAINER_OF(queue->next, struct evrt_task, link);
		if (t == &l->more_due) {
			loop_tell_more(l, queue);
			most += LOOP_TIMERS_AT_ONCE + 1; /* they were due before, as this was there */
			continue;
		}
		if (!(t->flags & EVRT_TASK_INTERNAL))
			count++;
		evrt__strand_run_task(&l->strand, t);
		if (l->stop)
			return -1;
		if (count >= callbacks_max)
			return count;
		if (count && until != EVRT_NS_NEVER) {
			evrt_ns now = evrt__reactor_now(&l->reactor);
			if (l->now)
				l->now = now;
			if (now >= until)
				return count;
		}
		if (l->again || l->strand.preempt)
			break;
	}
	return count;
}

/* The most urgent queue that has something of the user's: less urgent ones wait for another look at the
 * poller. The number of user's callbacks run. */
static int
loop_run_active(struct evrt_loop *l)
{
	struct evrt_strand *s = &l->strand;
	evrt_ns until = l->dispatch_max_ns == EVRT_NS_NEVER ? EVRT_NS_NEVER
	    : evrt__ns_add(evrt__loop_now(l), l->dispatch_max_ns);
	int count = 0;

	s->preempt = false;
	for (unsigned i = 0; i < s->queues_count && count == 0; i++) {
		if (evrt__list_empty(&s->queues[i]))
			continue;
		bool limited = i >= l->dispatch_after_pri;
		count = loop_run_queue(l, &s->queues[i], limited ? l->dispatch_callbacks_max : INT_MAX,
		    limited ? until : EVRT_NS_NEVER);
		if (l->again || s->preempt)
			break;
	}
	/* A callback may have deleted all that it stands for; then nothing is left to be run. */
	if ((l->more_due.flags & EVRT_TASK_ACTIVE) && evrt__timers_next(&l->reactor.timers) >= l->due_until)
		evrt__strand_remove(s, &l->more_due);
	return count < 0 ? 0 : count;
}

/* Turns until done; lock held. */
static int
loop_turns(struct evrt_loop *l, unsigned flags)
{
	for (;;) {
		l->again = false;
		l->now = 0;
		int verdict = loop_verdict(l, flags);
		if (verdict < 0 && l->watch) {
			/* What it adds, deletes or ends holds for this wait already. */
			l->watch->prepare(l, loop_deadline(l, flags));
			verdict = loop_verdict(l, flags);
		}
		if (verdict >= 0)
			return verdict;
		int err = loop_poll(l, flags);
		if (err < 0) {
			evrt__warnx("%s: waiting for events failed: %s", l->reactor.backend->name, strerror(-err));
			return err;
		}
		if (l->watch) {
			l->watch->check(l);
			if (l->stop)
				continue;
		}
		if (l->cache_time)
			l->now = evrt__reactor_now(&l->reactor);
		loop_expire_timers(l);
		if (l->strand.active_count) {
			int ran = loop_run_active(l);
			if ((flags & EVRT_LOOP_ONCE) && l->strand.active_count == 0 && ran)
				return 0;
		} else if (flags & EVRT_LOOP_NONBLOCK) {
			return 0;
		}
	}
}

int
evrt__loop_run(struct evrt_loop *l, unsigned flags)
{
	evrt__lock(l->strand.lock);
	if (l->running) {
		evrt__warnx("event_base_loop: this base's loop is running already; a base runs in one thread "
		    "at a time (for several threads use evrt_base_new)");
		evrt__unlock(l->strand.lock);
		return -EBUSY;
	}
	l->running = true;
	l->strand.runner = evrt__thread_id();
	l->exit = l->stop = false;
	int result = loop_turns(l, flags);
	l->now = 0;
	l->running = false;
	evrt__unlock(l->strand.lock);
	return result;
}
