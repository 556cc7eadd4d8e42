/* threading/lock_order.h — in which order locks were taken, and whether that can end in a deadlock.
 *
 * Here:     a graph over locks. An edge A -> B says: B was waited for while A was held, by such a thread, with
 *           such other locks held, from such a stack. A new edge that closes a ring is reported before the lock
 *           is waited for, with the stack of each edge of the ring.
 * Not here: who holds what, and the ranks (lock_debug.c); the wording (lock_report.c).
 * Threads:  any. The graph has a lock of its own, which is not held when the log is called. A thread that takes
 *           its locks as it did before finds that in a memory of its own, and does not come near the graph.
 *
 * What is looked at: locks that ranks do not order. These are the program's own, and bufferevents among
 * themselves (evrt__rank_nests). A lock of any rank comes into the graph as soon as it is met with one of these.
 *
 * What is a deadlock: a ring whose edges can all be walked at once. Two edges cannot when
 *   - one lock is held in both (a gate: only one of the two threads gets past it), or
 *   - both were seen in the callbacks of one strand, which never overlap, or
 *   - both were seen in one thread, and not in the callbacks of a strand that moves between threads.
 * Such a ring is fatal. A ring that only the last two points excuse, and that has a lock of the program's own in
 * it, is a warning: a program has a lock because it has threads. Bufferevents alone are excused silently: that
 * one loop moves bytes from A to B and from B to A is what a proxy does.
 *
 * Bounds: a ring of EVRT_ORDER_RING_MAX locks, ORDER_EDGES edges, ORDER_PER_PAIR ways to take one pair. Beyond
 * them an order is checked against what is known, but not remembered.
 */
#ifndef EVRT_THREADING_LOCK_ORDER_H_
#define EVRT_THREADING_LOCK_ORDER_H_

#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"
#include "base/list.h"
#include "threading/lock.h"
#include "threading/stack.h"

#define EVRT_ORDER_RING_MAX 8
#define EVRT_ORDER_TEXT_MAX 64

/* One lock in the graph; a part of the lock. */
struct evrt_order_node {
	uint64_t id;                    /* const; never given twice, unlike addresses */
	enum evrt_lock_rank rank;       /* const */
	bool shared;                    /* const: a read-write lock, which as a gate would let two through */
	char text[EVRT_ORDER_TEXT_MAX]; /* const: what messages call it */
	/* Has it been in an edge? Written under the graph's lock; read without, where a late answer does no harm. */
	evrt_atomic(bool) known;
	/* Guarded by the graph's lock. */
	struct evrt_link out, in;       /* edges */
	uint64_t mark;                  /* the search that reached it last */
	struct evrt_order_node *next;   /* in that search's list of work */
};

/* What keeps the callbacks that this thread is in from overlapping with others. */
struct evrt_order_serial {
	uint64_t strand; /* the id of the strand's lock; 0: in none, or in one that has no lock */
	bool migrates;   /* the strand may run in another thread next time */
};

/* `kind` and `lock` are printed; `name` too, if not NULL. */
void evrt__order_init(struct evrt_order_node *, enum evrt_lock_rank rank, bool shared, const void *lock,
    const char *kind, const char *name);
/* The lock is destroyed: its edges go. */
void evrt__order_forget(struct evrt_order_node *);
/* This thread holds `held`, `count` locks, and is about to wait for `node`, which is not among them. Does not
 * return if that can end in a deadlock. `caller`: where stacks begin (evrt__stack_capture). */
void evrt__order_check(struct evrt_order_node *const *held, unsigned count, struct evrt_order_node *node,
    struct evrt_order_serial serial, const void *caller);
/* Forgets all edges and gives the memory back. No other thread is in this room. */
void evrt__order_shutdown(void);

/* A ring, copied out of the graph: step i took step[i].to while holding step[i].from, which is step[i-1].to.
 * Step 0 is the one about to be made. */
struct evrt_order_step {
	uint32_t thread; /* counted from 1, in the order of first coming by */
	char from[EVRT_ORDER_TEXT_MAX];
	char to[EVRT_ORDER_TEXT_MAX];
	struct evrt_stack stack;
};
struct evrt_order_ring {
	unsigned count;   /* 0: there is none */
	bool excused;     /* by thread or strand only */
	bool bufferevent; /* there is one in it */
	struct evrt_order_step step[EVRT_ORDER_RING_MAX];
};
/* Says so: a message with its stack for each step, then what is wrong and what to do. Fatal unless excused. */
void evrt__order_report(const struct evrt_order_ring *);

#endif
