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

static void
loop_notify(struct evrt_strand *s)
{
	evrt__loop_nudge(s->owner);
}

void
evrt__loop_note_events(struct evrt_loop *l)
{
	int now = l->event_count + (int)l->strand.active_user_count;

	if (now > l->event_count_max)
		l->event_count_max = now;
}

static void
loop_count(struct evrt_strand *s, int delta)
{
	struct evrt_loop *l = s->owner;

	l->event_count += delta;
	evrt__loop_note_events(l);
	/* The last one is gone: the sleeping owner must notice that it is done. */
	if (delta < 0 && l->event_count == 0)
		evrt__loop_nudge(l);
}

static bool
loop_stopping(struct evrt_strand *s)
{
	return ((struct evrt_loop *)s->owner)->stop;
}

static const struct evrt_strand_ops loop_strand_ops = {
	.notify = loop_notify, .count = loop_count, .stopping = loop_stopping };

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

bool
evrt__loop_runs_elsewhere(const struct evrt_loop *l)
{
	return l->running && l->strand.lock && l->owner != evrt__thread_id();
}

void
evrt__loop_nudge(struct evrt_loop *l)
{
	if (evrt__loop_runs_elsewhere(l))
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
	return l->event_count == 0 && l->virtual_count == 0 && l->strand.active_count == 0;
}

/* Waits (without the lock) and hands out the reports. 0 or -errno. */
static int
loop_poll(struct evrt_loop *l, bool block)
{
	struct evrt_reactor *r = &l->reactor;
	evrt_ns deadline = block ? evrt__wheel_next(&r->wheel) : 0;
	int n = evrt__reactor_prepare(r);

	if (n < 0)
		return n;
	if (deadline) {
		/* Under the lock, like every change that must wake us: nothing can come between our last look
		 * and the announcement. */
		evrt_store_relaxed(&r->wake_at, deadline);
		evrt__park_announce(&r->park);
	}
	evrt__unlock(l->strand.lock);
	n = evrt__reactor_wait(r, deadline);
	evrt__lock(l->strand.lock);
	if (deadline)
		evrt__park_leave(&r->park);
	for (int i = 0; i < r->ready_count; i++)
		evrt__fdmap_report(&l->fdmap, r, &r->ready[i]);
	r->ready_count = 0;
	return n < 0 ? n : 0;
}

static void
loop_expire_timers(struct evrt_loop *l)
{
	struct evrt_wheel *w = &l->reactor.wheel;
	struct evrt_wheel_entry *e;

	if (w->count == 0)
		return;
	evrt_ns now = evrt__loop_now(l);
	evrt__wheel_advance(w, now);
	while ((e = evrt__wheel_pop_due(w)))
		evrt__slot_timer_due(EVRT_CONTAINER_OF(e, struct evrt_slot, timer), w, now);
}

/* Runs the tasks of one priority. The number of user's callbacks run, or -1 after a loopbreak. */
static int
loop_run_queue(struct evrt_loop *l, struct evrt_link *queue, int callbacks_max, evrt_ns until)
{
	int count = 0;

	while (!evrt__list_empty(queue)) {
		struct evrt_task *t = EVRT_CONTAINER_OF(queue->next, struct evrt_task, link);
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

	evrt__loop_note_events(l);
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
	return count < 0 ? 0 : count;
}

/* Turns until done; lock held. */
static int
loop_turns(struct evrt_loop *l, unsigned flags)
{
	for (;;) {
		l->again = false;
		if (l->exit || l->stop)
			return 0;
		if (!(flags & EVRT_LOOP_NO_EXIT_ON_EMPTY) && loop_is_empty(l))
			return 1;
		bool block = l->strand.active_count == 0 && !(flags & EVRT_LOOP_NONBLOCK);
		l->now = 0;
		int err = loop_poll(l, block);
		if (err < 0) {
			evrt__warnx("%s: waiting for events failed: %s", l->reactor.backend->name, strerror(-err));
			return err;
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
	l->owner = evrt__thread_id();
	l->exit = l->stop = false;
	int result = loop_turns(l, flags);
	l->now = 0;
	l->running = false;
	l->owner = 0;
	evrt__unlock(l->strand.lock);
	return result;
}
