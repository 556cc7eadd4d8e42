/* runtime/loop/loop.h — one thread's event loop: libevent's event_base, in native words.
 *
 * Here:     the turn (wait, report, expire, run), its flags, how it ends.
 * Not here: events (api/event), many workers (runtime/pool).
 * Threads:  one runs it; others enter through the strand's lock and wake it.
 * Locks:    strand.lock (rank base) guards everything here unless a field says otherwise.
 */
#ifndef EVRT_RUNTIME_LOOP_LOOP_H_
#define EVRT_RUNTIME_LOOP_LOOP_H_

#include "runtime/loop/fdmap.h"
#include "runtime/loop/reactor.h"
#include "runtime/loop/strand.h"

enum evrt_loop_flag { /* libevent's EVLOOP_* numbers */
	EVRT_LOOP_ONCE = 0x01,
	EVRT_LOOP_NONBLOCK = 0x02,
	EVRT_LOOP_NO_EXIT_ON_EMPTY = 0x04,
};

struct evrt_loop;

/* Somebody who looks on at each turn. Called with the lock held, which may be released meanwhile. */
struct evrt_loop_watch {
	/* Right before the wait: until `deadline`; 0: it will only look; EVRT_NS_NEVER: until something happens. */
	void (*prepare)(struct evrt_loop *, evrt_ns deadline);
	/* Right after it: reports have been handed out, timers not, no callback has run. */
	void (*check)(struct evrt_loop *);
};

struct evrt_loop {
	struct evrt_strand strand;
	struct evrt_reactor reactor;
	struct evrt_fdmap fdmap;
	int virtual_count;           /* what keeps the loop from ending, beside strand.added: things that are no events */
	int virtual_count_max;
	const struct evrt_loop_watch *watch; /* NULL: nobody */
	bool running;
	bool waiting;                /* in the poller, without the lock: who changes something must wake it */
	bool exit, stop, again;      /* loopexit has fired; loopbreak; loopcontinue. Kept after the loop */
	evrt_ns now;                 /* time of this turn while callbacks run; 0: ask the clock */
	bool cache_time;
	evrt_ns dispatch_max_ns;     /* look for new events at least this often … */
	int dispatch_callbacks_max;  /* … or after so many callbacks … */
	unsigned dispatch_after_pri; /* … while running this priority or a less urgent one */

	/* Timers of a loop's events lie in the events themselves: reactor.timers is changed under the lock. Tells
	 * the event that what the timer was armed for has come (evrt__loop_put_back). const after init. */
	void (*timer_due)(struct evrt_loop *, struct evrt_timer *, evrt_ns armed_for);
	/* Of many timers due at once only the first are told, and this task stands in the queue for the others:
	 * what is told is run while it is still in the cache. */
	struct evrt_task more_due;
	unsigned stale_turns;        /* in a row, with reports of registrations that are none of ours */
	unsigned unverified_turns;   /* that went by while fdmap.came_back was not empty */
	evrt_ns due_until;
};

/* 0 or -errno. `locked` false: a base that only one thread will ever use. */
int evrt__loop_init(struct evrt_loop *, const struct evrt_backend_ops *, struct evrt_clock *,
    unsigned priorities, bool locked);
/* Everything watched, armed or active must be gone. */
void evrt__loop_fini(struct evrt_loop *);

/* Runs turns until done. 0; 1: nothing is pending; -errno: the poller failed, or (-EBUSY) the loop runs already. */
int evrt__loop_run(struct evrt_loop *, unsigned flags);
/* The time of this turn, or the clock's where none is cached. Lock held. */
evrt_ns evrt__loop_now(struct evrt_loop *);
/* For timer_due: false if it is due; true if it was pushed back to `truth`, and is in the queue again. */
bool evrt__loop_put_back(struct evrt_loop *, struct evrt_timer *t, evrt_ns armed_for, evrt_ns truth);
/* Another thread changed something that the sleeping owner must see. Lock held. */
void evrt__loop_nudge(struct evrt_loop *);

/* Arms `t` for `deadline`; where it is armed, *truth is the deadline that it has. *truth is set. A later deadline is
 * only that store: the queue learns of it when the one that it knows has come. 0; or -ENOMEM, and nothing changed.
 * Lock held. */
static inline int
evrt__loop_arm(struct evrt_loop *l, struct evrt_timer *t, evrt_ns *truth, evrt_ns deadline)
{
	struct evrt_timers *q = &l->reactor.timers;
	int err = 0;

	t->order = evrt__timers_order(q);
	if (!evrt__timer_armed(t))
		err = evrt__timers_add(q, t, deadline);
	else if (deadline < *truth)
		err = evrt__timers_move(q, t, deadline);
	if (err < 0)
		return err;
	*truth = deadline;
	if (l->waiting && deadline < evrt_load_relaxed(&l->reactor.wake_at))
		evrt__loop_nudge(l); /* asleep in another thread, beyond the new deadline */
	return 0;
}

#endif
