/* runtime/loop/wheel.h — a hierarchical timer wheel with exact order at expiry.
 *
 * Here:     add, remove, the next deadline, and expiry in order of (deadline, arming).
 * Not here: clocks (time comes in as an argument), threads, events, what a timer means.
 * Threads:  one at a time: the owner of the reactor it belongs to.
 *
 * Cost: add and remove O(1); expiry O(1) amortised plus the sort of the entries that fall due together;
 * the next deadline is exact and cached. No allocation anywhere.
 */
#ifndef EVRT_RUNTIME_LOOP_WHEEL_H_
#define EVRT_RUNTIME_LOOP_WHEEL_H_

#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/list.h"

#define EVRT_WHEEL_LEVELS 6u
#define EVRT_WHEEL_SLOTS 64u

struct evrt_wheel_entry {
	struct evrt_link link;  /* link.next == NULL: not in a wheel */
	evrt_ns deadline;       /* exact; set by add */
	uint64_t sequence;      /* order of arming, breaks ties */
	uint16_t position;      /* level and slot, for the occupancy bitmap */
};

struct evrt_wheel {
	evrt_ns now;            /* expiry has been done up to here */
	uint64_t sequence;
	uint64_t count;
	evrt_ns next;           /* cached exact next deadline, valid if next_valid */
	bool next_valid;
	bool current_sorted;    /* the slot of now's tick is in order of (deadline, sequence) */
	uint64_t occupied[EVRT_WHEEL_LEVELS];
	struct evrt_link slot[EVRT_WHEEL_LEVELS][EVRT_WHEEL_SLOTS];
	struct evrt_link far;   /* beyond the last level */
	struct evrt_link due;   /* deadline <= now, sorted by (deadline, sequence): expired, not yet taken */
};

void evrt__wheel_init(struct evrt_wheel *, evrt_ns now);
void evrt__wheel_entry_init(struct evrt_wheel_entry *);
static inline bool evrt__wheel_entry_armed(const struct evrt_wheel_entry *e) { return e->link.next != NULL; }
/* `e` must not be in a wheel. A deadline in the past is due at once, behind those due earlier. */
void evrt__wheel_add(struct evrt_wheel *, struct evrt_wheel_entry *e, evrt_ns deadline);
/* A place in the order of arming, taken now for an add that comes later: once per place. */
static inline uint64_t evrt__wheel_order(struct evrt_wheel *w) { return w->sequence++; }
void evrt__wheel_add_in_order(struct evrt_wheel *, struct evrt_wheel_entry *e, evrt_ns deadline, uint64_t order);
/* Also right for an entry that is due but not yet taken. No-op when not in the wheel. */
void evrt__wheel_remove(struct evrt_wheel *, struct evrt_wheel_entry *e);
/* The earliest deadline, exact; EVRT_NS_NEVER when empty. */
evrt_ns evrt__wheel_next(struct evrt_wheel *);
/* Moves everything with deadline <= now to the due list. Time never runs backwards: an earlier `now` is ignored. */
void evrt__wheel_advance(struct evrt_wheel *, evrt_ns now);
/* Unlinks and returns the first due entry in order of (deadline, arming), or NULL.
 * Entries added meanwhile with a deadline <= now come after those already due with an earlier deadline. */
struct evrt_wheel_entry *evrt__wheel_pop_due(struct evrt_wheel *);
/* Debug: aborts if an invariant is broken (bitmap, order, levels). */
void evrt__wheel_validate(const struct evrt_wheel *);

#endif
