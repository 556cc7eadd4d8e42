/* runtime/loop/strand.h — the smallest serial unit: tasks that never overlap.
 *
 * Here:     the active queue (by priority), the running task, and the wait of whoever must not go on
 *           before it has ended. An event_base of its own has exactly one strand; a pool has many.
 * Not here: when a strand gets to run: the loop (runtime/loop/loop.c) runs its only one, the pool
 *           (runtime/pool) queues, runs and steals. What comes in from pollers and timers: slot.h.
 * Threads:  any, with `lock` held, unless said otherwise. Exactly one thread at a time is the runner.
 * Locks:    `lock`, rank base. Never held across a callback.
 */
#ifndef EVRT_RUNTIME_LOOP_STRAND_H_
#define EVRT_RUNTIME_LOOP_STRAND_H_

#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"
#include "base/clock.h"
#include "runtime/loop/task.h"
#include "threading/inbox.h"

struct evrt_slot;
struct evrt_strand;
struct evrt_reactor;
struct evrt_fdmap;

struct evrt_strand_ops {
	/* A task was pushed, or something lies in the strand's inbox: see to it that the strand runs soon.
	 * Any thread; the strand's lock may be held. */
	void (*notify)(struct evrt_strand *);
	/* Home's first timer comes earlier than before: whoever sleeps until the old one must be told. Home's timers are
	 * locked. NULL: a plain loop, whose timers are changed under the strand's lock. */
	void (*timers_changed)(struct evrt_strand *);
	/* `node` is to arrive soon, on a worker. Home's timers are locked. NULL where timers_changed is. */
	void (*timers_later)(struct evrt_strand *, struct evrt_node *);
	/* The number of things that keep the loop from ending changed by `delta`. NULL: the strand counts. */
	void (*count)(struct evrt_strand *, int delta);
	/* A timer is about to run so long after its deadline. Runner. NULL: nobody wants to know. */
	void (*late)(struct evrt_strand *, evrt_ns by);
	/* Should the runner stop as soon as it can (loopbreak, the end of a pool)? */
	bool (*stopping)(struct evrt_strand *);
	/* References, for strands of a pool; NULL for a loop's own. Any thread, lock or not. */
	void (*ref)(struct evrt_strand *);
	void (*unref)(struct evrt_strand *);
};

struct evrt_strand {
	const struct evrt_strand_ops *ops; /* const after init */
	/* Runs a task whose closure is not EVRT_CLOSURE_SELF. Lock held on entry and on return, released
	 * around the user's callback. The task is out of the queue; its memory may be gone afterwards. */
	void (*execute)(struct evrt_strand *, struct evrt_task *);
	struct evrt_reactor *home;  /* whose poller and timers serve this strand; const after init */
	struct evrt_fdmap *fdmap;   /* const after init */
	void *owner;                /* the loop or the pool; const after init */
	void *lock;                 /* NULL in a program without threads */
	struct evrt_inbox inbox;    /* arrivals of a pool's strand; a plain loop's stays empty */

	/* Guarded by lock. */
	struct evrt_link *queues;   /* [queues_count] active tasks, one list per priority */
	struct evrt_link queue_one; /* where queues_count == 1 */
	unsigned queues_count;
	unsigned active_count;      /* tasks in the queues, internal ones too */
	unsigned active_user_count; /* the same without internal ones */
	unsigned active_user_max;
	int added;                  /* where the strand counts: the user's events that wait for something */
	int added_or_active_max;
	struct evrt_task *running;
	unsigned long runner;       /* evrt__thread_id() of the thread that runs tasks; set before the first */
	uint64_t run_sequence;      /* +1 per task run: a waiter tells "ended" from "runs again" */
	unsigned calls_left;        /* times that `running` will call its callback again by itself (signals) */
	struct evrt_slot *lingering; /* of `running`, whose callback may want it back (evrt__slot_linger) */
	unsigned running_pri;       /* priority of `running`; queues_count when nothing runs */
	bool attended;              /* the runner will look at the queues again before it lets go: no notify */
	bool preempt;               /* a more urgent task was pushed while one ran */
	void *ended;                /* condition: `running` has ended; made by the first waiter */
	unsigned waiters;
};

/* 0 or -ENOMEM. `priorities` >= 1. Makes the lock where threading is on and `locked`. */
int evrt__strand_init(struct evrt_strand *, const struct evrt_strand_ops *, unsigned priorities, bool locked);
/* Nothing may be active or waiting. */
void evrt__strand_fini(struct evrt_strand *);
/* 0; -EBUSY while anything is active; -ENOMEM. Tasks' priorities are the caller's to keep below. */
int evrt__strand_set_priorities(struct evrt_strand *, unsigned priorities);

/* Queues a task that is not active, behind all of its priority; notifies unless the runner is at it. */
void evrt__strand_push(struct evrt_strand *, struct evrt_task *);
/* Takes an active task out again; it will not run. */
void evrt__strand_remove(struct evrt_strand *, struct evrt_task *);
/* The first task of the most urgent queue, still queued, or NULL. */
struct evrt_task *evrt__strand_first(struct evrt_strand *);
/* Runs one active task: lock held on entry and return, not during the callback. Runner only. */
void evrt__strand_run_task(struct evrt_strand *, struct evrt_task *);
/* True when another thread is inside `task` right now. */
bool evrt__strand_runs_elsewhere(struct evrt_strand *, const struct evrt_task *);
/* Returns when the run of `task` that is going on in another thread (if any) has ended. Releases and
 * takes the lock meanwhile. Never waits inside the strand itself. */
void evrt__strand_wait_ended_on(struct evrt_strand *, const struct evrt_task *);
/* Takes what lies in the inbox and lets it arrive, oldest first. Runner only. */
void evrt__strand_take_inbox(struct evrt_strand *);

/* The strand whose task this thread is in, or NULL. Innermost, when loops nest. */
struct evrt_strand *evrt__strand_current(void);

/* After each rise of what is added or active. */
static inline void
evrt__strand_note_max(struct evrt_strand *s)
{
	int now = s->added + (int)s->active_user_count;

	if (now > s->added_or_active_max)
		s->added_or_active_max = now;
}

/* One more, or one less, of what keeps a loop from ending. */
static inline void
evrt__strand_count(struct evrt_strand *s, int delta)
{
	if (s->ops->count) {
		s->ops->count(s, delta);
		return;
	}
	s->added += delta;
	if (delta > 0)
		evrt__strand_note_max(s);
	else if (s->added == 0 && !s->attended)
		s->ops->notify(s); /* the last one is gone: a sleeping owner must notice that it is done */
}

static inline void
evrt__strand_wait_ended(struct evrt_strand *s, const struct evrt_task *t)
{
	if (s->running == t)
		evrt__strand_wait_ended_on(s, t);
}

static inline bool evrt__strand_stopping(struct evrt_strand *s) { return s->ops->stopping(s); }
static inline void evrt__strand_ref(struct evrt_strand *s) { if (s->ops->ref) s->ops->ref(s); }
static inline void evrt__strand_unref(struct evrt_strand *s) { if (s->ops->unref) s->ops->unref(s); }

#endif
