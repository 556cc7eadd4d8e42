/* api/event/event_internal.h — what the rooms of the api share with the event room.
 *
 * Here:     struct event seen from inside, struct event_base, and the calls that bufferevents and
 *           listeners build on.
 * Not here: the engine (runtime/), the public contract (event2/event.h).
 * Threads:  as in event2/event.h. `_nolock`: the caller holds the lock of the event's strand.
 *
 * struct event_core lies over the public struct event, field by field where programs look (checked by
 * static asserts in layout.c), and over its reserved words where they do not.
 */
#ifndef EVRT_API_EVENT_EVENT_INTERNAL_H_
#define EVRT_API_EVENT_EVENT_INTERNAL_H_

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "api/event/watch.h"
#include "api/util/timeval.h"
#include "base/assert.h"
#include "runtime/loop/loop.h"
#include "runtime/loop/signal.h"
#include "runtime/loop/slot.h"
#include "runtime/loop/task.h"
#include "threading/lock.h"

/* How a task with an event behind it is run; libevent's numbers (evcb_closure). */
#define EV_CLOSURE_EVENT 0
#define EV_CLOSURE_EVENT_SIGNAL 1
#define EV_CLOSURE_EVENT_PERSIST 2
#define EV_CLOSURE_EVENT_FINALIZE 5
#define EV_CLOSURE_EVENT_FINALIZE_FREE 6

struct evrt_blocking_group;
struct evrt_pool;
struct evrt_stream;

/* What a public function returns for the engine's `r`: -1 and errno for -errno, else the same. */
static inline int
evrt__public_result(int r)
{
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

/* Our own bits in evcb_flags, beside EVLIST_*. */
#define EVRT_EV_SOFT 0x0100   /* its fd is reported by a stream (stream.h), not by a watch of its own */
#define EVRT_EV_HOLDS 0x0200  /* it holds a reference on its strand, given back when it is freed */
#define EVRT_EV_COMES_BACK 0x1000 /* was added again in its own callback before, and likely will be */
#define EVRT_EV_LINGERS 0x0800 /* its callback runs, and its slot is kept for it to come back (strand.lingering) */
#define EVRT_EV_NEW 0x0400    /* made by event_new: cannot vanish without a call, so it may hold a strand */

struct event_core {
	struct evrt_task task;           /* 0: the public ev_evcallback */
	struct evrt_slot *slot;          /* 40: while pending with an fd, a signal, or a pool's timeout. Strand lock */
	union {                          /* 48 */
		struct evrt_timer timer;       /* plain base: armed while EVLIST_TIMEOUT is set. Strand lock */
		evrt_atomic(uint64_t) strand;  /* pool: handle of its strand, 0: none yet */
	};
	evutil_socket_t fd;              /* 56 */
	struct event_base *base;         /* 64 */
	evrt_ns interval_ns;             /* 72: EV_PERSIST: timeout to arm again, 0: none. Strand lock */
	struct evrt_stream *stream;      /* 80: EVRT_EV_SOFT */
	evrt_ns deadline_ns;             /* 88: of the timeout that is, or was last, armed. Strand lock */
	int16_t calls;                   /* 96: EV_SIGNAL: times to call. Strand lock */
	int16_t spare;
	evrt_atomic(uint32_t) raised;    /* 100: while active on a base with locks; see evrt__event_is_raised */
	int16_t events;                  /* 104 */
	int16_t result;                  /* 106 */
	struct timeval timeout;          /* 112: deadline_ns for programs that look: a monotonic time */
};

static inline struct event_core *
evrt__event_of_timer(struct evrt_timer *t)
{
	return EVRT_CONTAINER_OF(t, struct event_core, timer);
}
static inline struct event_core *evrt__event(struct event *ev) { return (struct event_core *)(void *)ev; }
static inline const struct event_core *
evrt__event_const(const struct event *ev)
{
	return (const struct event_core *)(const void *)ev;
}
static inline struct event *evrt__event_public(struct event_core *ev) { return (struct event *)(void *)ev; }
static inline struct event_core *
evrt__event_of_task(struct evrt_task *t)
{
	return EVRT_CONTAINER_OF(t, struct event_core, task);
}

#define EVRT_COMMON_TIMEOUTS_MAX 256

enum evrt_base_kind { EVRT_BASE_PLAIN, EVRT_BASE_PINNED, EVRT_BASE_POOLED };

struct event_base {
	enum evrt_base_kind kind;   /* const */
	struct evrt_strand *strand; /* PLAIN: &loop.strand; PINNED: the worker's; POOLED: NULL. const */
	struct evrt_pool *pool;     /* PINNED, POOLED. const */
	struct evrt_loop loop;      /* PLAIN only */
	evrt_ns far_now;            /* PLAIN: the latest time that a far deadline was counted from. Strand lock */
	evrt_ns wall_turn, wall_ns; /* PLAIN: the wall clock's time of the turn with that loop.now. Strand lock */
	struct evrt_watchers watchers; /* PLAIN only */
	int flags;                  /* EVENT_BASE_FLAG_*; const */
	evrt_atomic(int) priorities;
	struct evrt_sigport signals;   /* opened by the first signal event; its strand's lock */
	struct evrt_strand *signal_strand; /* where the port's reports arrive; const once set, setup_lock */
	/* Guarded by setup_lock: rarely taken, never with a strand's lock held. */
	pthread_mutex_t setup_lock;
	struct evrt_link guests;    /* guest.h */
	struct evrt_blocking_group *blocking; /* PLAIN, POOLED: made by the first blocking call; pinned ones share it */
	int common_timeouts_count;
	struct timeval *common_timeouts; /* [EVRT_COMMON_TIMEOUTS_MAX], made with the first: marked durations */
	evrt_atomic(uintptr_t) debug_runner; /* PLAIN, in debug mode: the thread that runs the loop; 0: none */
	evrt_atomic(bool) debug_told;        /* that another thread used it meanwhile */
};

/* The strand that a new object on `base` belongs to, with a reference for the caller: the base's own; on a
 * pooled base the current strand of that pool, else a new one. NULL: out of memory. */
struct evrt_strand *evrt__base_strand_for_new(struct event_base *base);
/* The strand that a callback running now would give to what it makes on `base`, or NULL: none. No reference. */
struct evrt_strand *evrt__base_strand_current(struct event_base *base);
/* The same for a connection that was just accepted: on a pooled base always a new strand, on the worker that
 * should serve it; elsewhere the base's own. */
struct evrt_strand *evrt__base_strand_for_connection(struct event_base *base);
/* Locks the strand, queues the task if it is not active already, unlocks. Any thread. */
void evrt__strand_submit(struct evrt_strand *, struct evrt_task *);
/* A user's timeout, which may carry the mark of event_base_init_common_timeout. */
#define EVRT_COMMON_MASK 0xf0000000u
#define EVRT_COMMON_MAGIC 0x50000000u
#define EVRT_COMMON_USEC_MASK 0x000fffffu
static inline evrt_ns
evrt__duration_of(const struct timeval *tv)
{
	struct timeval plain = *tv;

	if (((unsigned long)tv->tv_usec & EVRT_COMMON_MASK) == EVRT_COMMON_MAGIC)
		plain.tv_usec = (suseconds_t)((unsigned long)tv->tv_usec & EVRT_COMMON_USEC_MASK);
	return evrt__ns_from_timeval(&plain);
}
/* From here on a tick of the kernel's more does not matter: less than one part in a hundred. */
#define EVRT_FAR_NS EVRT_NS_PER_SEC
evrt_ns evrt__base_read_clock(struct event_base *, const struct evrt_strand *, evrt_ns duration);
/* The time from which a timeout of `duration` counts: during callbacks of a plain base the turn's. Never earlier
 * than for one that was added before: equal timeouts are due in the order of adding. Strand lock. */
static inline evrt_ns
evrt__base_now(struct event_base *base, const struct evrt_strand *s, evrt_ns duration)
{
	if (base->kind == EVRT_BASE_PLAIN && base->loop.now && duration < EVRT_FAR_NS)
		return base->loop.now;
	return evrt__base_read_clock(base, s, duration);
}

/* The strand of an event, referenced and locked. NULL: the event has none (pooled, never added, or its
 * strand has died), which means that it is neither pending nor active. */
struct evrt_strand *evrt__event_lock_pooled(const struct event_core *ev);
static inline struct evrt_strand *
evrt__event_lock(const struct event_core *ev)
{
	struct evrt_strand *s = ev->base->strand;

	if (!s)
		return evrt__event_lock_pooled(ev);
	evrt__strand_ref(s);
	evrt__lock(s->lock);
	return s;
}
static inline void
evrt__event_unlock(struct evrt_strand *s)
{
	evrt__unlock(s->lock);
	evrt__strand_unref(s);
}
/* The same, giving it a strand of its own where it has none. NULL: out of memory. */
struct evrt_strand *evrt__event_lock_or_make_pooled(struct event_core *ev);
static inline struct evrt_strand *
evrt__event_lock_or_make(struct event_core *ev)
{
	return ev->base->strand ? evrt__event_lock(ev) : evrt__event_lock_or_make_pooled(ev);
}
/* Gives back the reference that it holds, if any. */
void evrt__event_release_strand(struct event_core *ev);
/* Makes `ev` (neither pending nor active) a member of `strand` (NULL: of none yet). One made by event_new
 * takes a reference. */
void evrt__event_join(struct event_core *ev, struct evrt_strand *strand);

int evrt__event_add_nolock(struct evrt_strand *, struct event_core *, const struct timeval *tv);
/* Gives the slot back when nothing of the event is pending. */
void evrt__event_drop_slot_nolock(struct event_core *);
int evrt__event_set_timer_nolock(struct evrt_strand *, struct event_core *, evrt_ns deadline);
/* When its timeout is due, on the wall clock: deadlines are monotonic, and users get them so. Strand locked. */
struct timeval evrt__event_wall_deadline(const struct event_core *, const struct evrt_strand *);
/* evrt_loop.timer_due of a plain base. */
void evrt__event_timer_due(struct evrt_loop *, struct evrt_timer *, evrt_ns armed_for);
/* The event that owns a slot, or NULL: a stream's, a signal port's, or nobody's. Strand locked. */
struct event_core *evrt__slot_event(struct evrt_slot *);
/* Frees what event_new made. No lock held. */
void evrt__event_free_memory(struct event_core *);
/* Out of everything; `finalizing`: also when it is being finalised. Does not wait for a running callback. */
void evrt__event_del_nolock(struct evrt_strand *, struct event_core *, bool finalizing);
/* The same before the callback of an event that is not persistent. If it comes back as a rule, what its fd needs is
 * kept until the callback has ended; then evrt__event_retire_end. */
void evrt__event_retire_nolock(struct evrt_strand *, struct event_core *);
void evrt__event_retire_end(struct evrt_strand *);
void evrt__event_active_nolock(struct evrt_strand *, struct event_core *, int result, short ncalls);
/* Activating an event that is active already, without its strand's lock: `raised` is EVRT_EV_RAISED and the result
 * bits, while the event is in the queue of a base with locks; else 0. Changed with the lock held.
 * PAIRS event.raised: read-modify-writes, acq_rel: what came before the activation is seen by the callback. */
#define EVRT_EV_RAISED UINT32_C(0x80000000)
static inline bool
evrt__event_is_raised(struct event_core *ev, int result)
{
	uint32_t all = EVRT_EV_RAISED | (uint16_t)result;
	uint32_t seen = evrt_load_relaxed(&ev->raised);

	while ((seen & all) == all)
		if (evrt_cas_acq_rel(&ev->raised, &seen, seen))
			return true;
	return false;
}
/* It leaves the queue. */
static inline void
evrt__event_lower(struct event_core *ev)
{
	if (evrt_load_relaxed(&ev->raised))
		(void)evrt_swap_acq_rel(&ev->raised, 0u);
}
static inline bool
evrt__event_is_added(const struct event_core *ev)
{
	return (ev->task.flags & (EVLIST_INSERTED | EVLIST_TIMEOUT)) != 0;
}

/* A task that will not run any more, because its base is being freed: gives back what it holds. Finalisers
 * run if `finalize`. No lock held. */
void evrt__event_drop(struct evrt_strand *, struct evrt_task *, bool finalize);
/* An event that is pending will never be told anything again: it is deleted. No lock held. */
void evrt__event_abandon(struct evrt_strand *, struct event_core *, bool finalize);
/* The same for the owner of a slot, if that is an event. */
void evrt__event_orphan(struct evrt_slot *, bool finalize);
/* Frees what a base of any kind has beside its strands. */
void evrt__base_fini_common(struct event_base *);
int evrt__base_init_common(struct event_base *, enum evrt_base_kind, int flags, unsigned priorities);
/* Makes the port for signals work before an event of `base` is locked. 0 or -errno. */
int evrt__base_open_signals(struct event_base *base);

/* evrt_strand_ops.execute of every strand that carries events. */
void evrt__event_execute(struct evrt_strand *, struct evrt_task *);

#endif
