/* runtime/loop/slot.h — what a poller, and a pool's timers, know of an event.
 *
 * Here:     the engine-owned stand-in of one pending event: its place in the fd map and, on a pool, in the
 *           queue of timers, and what was reported for it. A stale epoll report, a timer that was pushed back,
 *           or a bit posted by another thread refers to the slot, never to the user's memory.
 * Not here: the event (api/event), the maps (fdmap.h, timers.h); timers of a plain loop, whose queue is changed
 *           under the lock that events have, and so may point to them (loop.h).
 * Threads:  watch, unwatch, rearm, set_deadline, disown: any, with the strand's lock held.
 *           evrt__slot_deliver, evrt__slot_timer_due: the thread that polls or expires timers.
 *
 * Truth and hint: `deadline` is the truth, written under the strand's lock. The entry in home's queue, which has a
 * lock of its own, is only a hint "look at this slot at that time": when it expires, whoever serves the queue
 * compares with `deadline` and re-inserts (pushed back), drops (cancelled) or delivers. So pushing a deadline back
 * is a store, without the queue's lock. The last word is again under the strand's lock: when the delivered timer
 * arrives there, it is due only if `deadline` still says so.
 *
 * PAIRS  slot.deadline / slot.armed_at (Dekker): set_deadline stores deadline, then loads armed_at;
 *        timer_due stores armed_at = NEVER, then loads deadline. All seq_cst: either the setter sees
 *        NEVER (and takes the queue's lock), or timer_due sees the new deadline (and re-inserts).
 *        slot.bits: deliver ORs bits|QUEUED; arrival swaps with 0. Whoever sets QUEUED pushes.
 */
#ifndef EVRT_RUNTIME_LOOP_SLOT_H_
#define EVRT_RUNTIME_LOOP_SLOT_H_

#include "backends/backend.h"
#include "base/list.h"
#include "runtime/loop/strand.h"
#include "runtime/loop/timers.h"

/* Beside the EVRT_READ, … of backend.h, in what a slot is told: */
#define EVRT_SLOT_TIMER 0x100u
#define EVRT_SLOT_SIGNAL 0x400u /* slot.signals have come in */
#define EVRT_SLOT_QUEUED 0x200u /* in slot.bits: the slot lies in its strand's inbox */

struct evrt_slot;
/* Something was reported: `bits` of EVRT_READ|WRITE|CLOSED|HUP, EVRT_SLOT_TIMER (the deadline has
 * passed and is cleared), EVRT_SLOT_SIGNAL. Called with the strand's lock held, on slots that still have an owner. */
typedef void (*evrt_slot_ready_fn)(struct evrt_slot *, unsigned bits);

struct evrt_slot {
	struct evrt_strand *strand;      /* holds a reference; const */
	evrt_slot_ready_fn ready;        /* const */
	void *owner;                     /* guarded by the strand's lock; NULL: nobody wants it any more */
	evrt_atomic(unsigned) refs;      /* owner, inbox, timers, `again`: one each */
	evrt_atomic(unsigned) bits;

	int fd;                          /* -1: not watching. Guarded by the strand's lock */
	unsigned interest;               /* EVRT_IO_MASK | EVRT_EDGE; const while watching */
	bool lingers;                    /* watches, but is told nothing: evrt__slot_linger. Strand's lock */
	struct evrt_link back_link;      /* in evrt_fdmap.came_back */
	struct evrt_link fd_link;        /* guarded by the fd map's lock (signals: by the signal lock) */
	int signum;                      /* what a slot in a signal port watches; const while there */
	evrt_atomic(unsigned) signals;   /* come in, not yet taken by `ready` */
};

/* What the slots of a pool's strands are: they wait for a time, too, and travel. */
struct evrt_pool_slot {
	struct evrt_slot slot;
	struct evrt_node node;           /* in the strand's inbox while QUEUED */
	evrt_atomic(evrt_ns) deadline;   /* 0: none. Written under the strand's lock */
	evrt_atomic(evrt_ns) armed_at;   /* the entry's deadline; NEVER: not in the queue. Written under timers_lock */
	struct evrt_timer timer;         /* timers_lock; its order is taken when the queue learns of `deadline` */
	struct evrt_node again;          /* memory was short: somebody arms it later … */
	evrt_atomic(unsigned) again_queued; /* … and has not begun yet */
};

/* NULL when memory is out. The caller's reference is the owner's. */
struct evrt_slot *evrt__slot_new(struct evrt_strand *, evrt_slot_ready_fn, void *owner);
/* Unwatches, cancels, forgets the owner, and drops the owner's reference. */
void evrt__slot_disown(struct evrt_slot *);
void evrt__slot_ref(struct evrt_slot *);
void evrt__slot_unref(struct evrt_slot *);

/* Asks for reports of `fd`. 0 or -errno (-EBADF, -EPERM, -ENOMEM, …), changing nothing on failure. */
int evrt__slot_watch(struct evrt_slot *, int fd, unsigned interest);
void evrt__slot_unwatch(struct evrt_slot *);
/* The watch ends, but is likely to be wanted again before the callback that runs in the slot's strand has ended:
 * until then the kernel is not told. By then come_back, or unwatch. */
void evrt__slot_linger(struct evrt_slot *);
/* 0 or -errno: then it does not watch any more. */
int evrt__slot_come_back(struct evrt_slot *);
/* The owner has dealt with `bits`: report them again, now if they still hold. Needed after each report
 * on an fd that is served by edges, unless the owner asked for EVRT_EDGE and the poller has edges. */
void evrt__slot_rearm(struct evrt_slot *, unsigned bits);
/* Does it need the rearm? */
bool evrt__slot_wants_rearm(const struct evrt_slot *);
/* deadline 0 cancels. For strands of a pool; on others 0 is accepted. */
void evrt__slot_set_deadline(struct evrt_slot *, evrt_ns deadline);

/* What was reported so far is told anew if it still holds: a level-triggered owner must not be called for what it has
 * dealt with already. By the fd map, locked, which makes reports of before stale in the same breath. */
void evrt__slot_forget_levels(struct evrt_slot *);

/* From a poller's report: fd map locked (pool) or strand locked (loop). */
void evrt__slot_deliver(struct evrt_slot *, unsigned bits);
/* From home's queue: its entry has expired. Timers locked. */
void evrt__slot_timer_due(struct evrt_timer *entry);
/* From home's queue, which nobody serves any more: the slot of an entry that is out of it, and the queue's reference,
 * which is the caller's now. */
struct evrt_slot *evrt__slot_timer_drop(struct evrt_timer *entry);

#endif
