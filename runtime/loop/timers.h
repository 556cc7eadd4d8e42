/* runtime/loop/timers.h — a queue of timers with exact order at expiry.
 *
 * Here:     add, remove, the next deadline, expiry in order of (deadline, arming).
 * Not here: clocks (time comes in as an argument), threads, what a timer means.
 * Threads:  one at a time: the owner of the reactor it belongs to.
 *
 * A 4-ary heap of 16-byte nodes that hold their keys: the four children of a node are one cache line, and
 * nothing of a timer's owner is touched while nodes move. Removing is a store into a table and leaves its node
 * behind, which goes when it comes up, or when the dead are three quarters. A crowd that falls due together
 * leaves the heap in one pass and is sorted as an array.
 *
 * Cost: add O(log n) at worst, O(1) for deadlines in the order of time or at random; remove O(1); expiry
 * O(log n); the next deadline O(1). Only add allocates; a timer that has just been popped can always be added.
 * Figures against a hierarchical wheel: docs/ARCHITECTURE.md.
 */
#ifndef EVRT_RUNTIME_LOOP_TIMERS_H_
#define EVRT_RUNTIME_LOOP_TIMERS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/clock.h"

/* Dead nodes that nobody minds, however few are alive. */
#define EVRT_TIMERS_DEAD_MIN 64u

/* What its owner holds of a timer, within its own memory; all zero: not armed. */
struct evrt_timer {
	uint32_t id;    /* in evrt_timers.owner; 0: not armed */
	uint32_t order; /* among equal deadlines; its owner may take a new one while it is armed, for later */
};

struct evrt_timers_node {
	evrt_ns deadline;
	uint32_t order;
	uint32_t id;
};

struct evrt_timers {
	struct evrt_timers_node *heap; /* [capacity]; children of i are 4i+1 … 4i+4 */
	uint32_t length;               /* of the heap, dead nodes included */
	uint32_t capacity;             /* of heap, and of owner: each id in use has its place in the heap */
	struct evrt_timer **owner;     /* by id; NULL: removed, its node is dead. [0] is unused */
	uint32_t *free_ids;            /* [free_count] */
	uint32_t free_count;
	uint32_t ids;                  /* ids handed out so far, free ones included */
	uint32_t count;                /* armed */
	uint32_t next_order;
	/* A crowd: due, out of the heap, sorted, not yet popped. */
	struct evrt_timers_node *crowd;
	uint32_t crowd_at, crowd_length;
	void *memory;                  /* what heap was cut from */
};

/* No two timers that are armed are compared by orders further apart than 2^31. */
static inline bool
evrt__timers_order_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

void evrt__timers_init(struct evrt_timers *);
/* Forgets what is armed, without touching it. */
void evrt__timers_fini(struct evrt_timers *);
static inline bool evrt__timer_armed(const struct evrt_timer *t) { return t->id != 0; }
/* A place in the order of arming; for a timer that is pushed back while armed, and added again later. */
static inline uint32_t evrt__timers_order(struct evrt_timers *q) { return q->next_order++; }
int evrt__timers_grow(struct evrt_timers *);
/* Makes sure that the next add or move does not fail. 0 or -ENOMEM. */
static inline int
evrt__timers_reserve(struct evrt_timers *q)
{
	return q->free_count || q->ids < q->capacity ? 0 : evrt__timers_grow(q);
}
/* Arms `t`, which is not armed; t->order is set. 0 or -ENOMEM. The queue keeps a pointer to t until it is
 * popped or removed. */
int evrt__timers_add(struct evrt_timers *, struct evrt_timer *t, evrt_ns deadline);
/* Arms `t`, which is armed, for another deadline instead. 0; or -ENOMEM, and it stays as it was. */
int evrt__timers_move(struct evrt_timers *, struct evrt_timer *t, evrt_ns deadline);
/* Throws the dead out of the heap. */
void evrt__timers_compact(struct evrt_timers *);
/* Three quarters of the heap, whatever is in the crowd, which goes by itself. */
static inline bool
evrt__timers_has_many_dead(const struct evrt_timers *q)
{
	return q->length > 4 * (uint64_t)q->count + EVRT_TIMERS_DEAD_MIN;
}
/* No-op when not armed. */
static inline void
evrt__timers_remove(struct evrt_timers *q, struct evrt_timer *t)
{
	if (!evrt__timer_armed(t))
		return;
	q->owner[t->id] = NULL;
	t->id = 0;
	q->count--;
	if (evrt__timers_has_many_dead(q))
		evrt__timers_compact(q);
}
/* The earliest deadline, exact; EVRT_NS_NEVER when empty. */
evrt_ns evrt__timers_next(struct evrt_timers *);
/* Takes out the first timer, in order of (deadline, order), whose deadline is <= now, or NULL. *deadline: what it
 * was armed for; an owner who has pushed it back since adds it again. */
struct evrt_timer *evrt__timers_pop_due(struct evrt_timers *, evrt_ns now, evrt_ns *deadline);
/* Calls fn for each armed timer, in no particular order, until it returns other than 0; returns that. fn must
 * not change the queue. */
int evrt__timers_walk(const struct evrt_timers *, int (*fn)(struct evrt_timer *, void *), void *arg);
/* Debug: aborts if an invariant is broken. */
void evrt__timers_validate(const struct evrt_timers *);

#endif
