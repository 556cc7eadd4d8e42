/* runtime/loop/wheel.c — the hierarchical timer wheel.
 *
 * Here:     placing, cascading, sorting.
 * Not here: clocks, threads, what a timer means.
 * Threads:  one at a time: the owner of the reactor the wheel belongs to.
 *
 * A tick is 2^20 ns. A deadline's tick is read as digits in base 64, level 0 the lowest. An entry lies at
 * the level of the highest digit in which its tick differs from now's, in the slot named by its own digit
 * there (level 0 when no digit differs; `far` when one above the last level does). All digits above that one
 * are now's, and so:
 *   - within a level, an occupied slot is never below now's digit, and equals it only at level 0;
 *   - what lies at a lower level, or in a lower slot, is due earlier. So the next deadline is in the first
 *     occupied slot of the first occupied level, and the bitmaps find it.
 * When now moves, the highest digit that changes decides: all levels below are over, slots below the new
 * digit are over, the slot at the new digit is spread over the levels below, all else stays. No step is
 * made per tick, so a year passes as fast as a moment.
 * Everything pending has a deadline > now and everything due one <= now: what falls due is sorted by itself
 * and put behind. The slot of the current tick is sorted when it is first looked at, and again only after an
 * entry was added out of order: loops that turn many times within a tick look at its head only.
 */
#include "runtime/loop/wheel.h"

#include <stddef.h>
#include "base/assert.h"

#define WHEEL_TICK_BITS 20
#define WHEEL_DIGIT_BITS 6u
/* Values of `position` besides level * EVRT_WHEEL_SLOTS + slot. */
#define WHEEL_FAR ((uint16_t)(EVRT_WHEEL_LEVELS * EVRT_WHEEL_SLOTS))
#define WHEEL_DUE ((uint16_t)(WHEEL_FAR + 1u))
/* Runs of doubling size while sorting: more entries than fit an address space. */
#define WHEEL_BINS 64u

_Static_assert(EVRT_WHEEL_SLOTS == 1u << WHEEL_DIGIT_BITS, "a digit names a slot");
_Static_assert(EVRT_WHEEL_SLOTS == 64u, "a level's bitmap is one word");

static struct evrt_wheel_entry *
wheel_entry(struct evrt_link *link)
{
	return EVRT_CONTAINER_OF(link, struct evrt_wheel_entry, link);
}

static uint64_t
wheel_tick(evrt_ns t)
{
	return (uint64_t)t >> WHEEL_TICK_BITS;
}

static unsigned
wheel_digit(uint64_t tick, unsigned level)
{
	return (unsigned)(tick >> (WHEEL_DIGIT_BITS * level)) & (EVRT_WHEEL_SLOTS - 1u);
}

/* The highest digit in which two ticks differ; 0 when none does. May be EVRT_WHEEL_LEVELS or more. */
static unsigned
wheel_level(uint64_t a, uint64_t b)
{
	uint64_t differ = (a ^ b) | 1u;
	return (63u - (unsigned)__builtin_clzll(differ)) / WHEEL_DIGIT_BITS;
}

/* Where an entry with this deadline belongs, while `now` is what it is. */
static uint16_t
wheel_position(const struct evrt_wheel *w, evrt_ns deadline)
{
	if (deadline <= w->now)
		return WHEEL_DUE;
	uint64_t tick = wheel_tick(deadline);
	unsigned level = wheel_level(tick, wheel_tick(w->now));
	if (level >= EVRT_WHEEL_LEVELS)
		return WHEEL_FAR;
	return (uint16_t)(level * EVRT_WHEEL_SLOTS + wheel_digit(tick, level));
}

static bool
wheel_before(const struct evrt_wheel_entry *a, const struct evrt_wheel_entry *b)
{
	return a->deadline < b->deadline || (a->deadline == b->deadline && a->sequence < b->sequence);
}

/* The slot of the current tick, at level 0; also the position of its entries. */
static unsigned
wheel_current_slot(const struct evrt_wheel *w)
{
	return wheel_digit(wheel_tick(w->now), 0);
}

void
evrt__wheel_init(struct evrt_wheel *w, evrt_ns now)
{
	EVRT_ASSERT(now >= 0);
	w->now = now;
	w->sequence = 0;
	w->count = 0;
	w->next = EVRT_NS_NEVER;
	w->next_valid = true;
	w->current_sorted = false;
	for (unsigned level = 0; level < EVRT_WHEEL_LEVELS; level++) {
		w->occupied[level] = 0;
		for (unsigned slot = 0; slot < EVRT_WHEEL_SLOTS; slot++)
			evrt__list_init(&w->slot[level][slot]);
	}
	evrt__list_init(&w->far);
	evrt__list_init(&w->due);
}

void
evrt__wheel_entry_init(struct evrt_wheel_entry *e)
{
	*e = (struct evrt_wheel_entry){.deadline = EVRT_NS_NEVER};
}

/* Late-comers are mostly the latest of the due, too: look from the tail. */
static void
wheel_insert_due(struct evrt_wheel *w, struct evrt_wheel_entry *e)
{
	struct evrt_link *where = w->due.prev;
	while (where != &w->due && wheel_before(e, wheel_entry(where)))
		where = where->prev;
	evrt__list_insert_after(where, &e->link);
}

/* Files a pending entry under e->position, which must not be WHEEL_DUE, as the last of its list. */
static void
wheel_file(struct evrt_wheel *w, struct evrt_wheel_entry *e)
{
	if (e->position == WHEEL_FAR) {
		evrt__list_push_tail(&w->far, &e->link);
		return;
	}
	unsigned level = e->position / EVRT_WHEEL_SLOTS;
	unsigned slot = e->position % EVRT_WHEEL_SLOTS;
	evrt__list_push_tail(&w->slot[level][slot], &e->link);
	w->occupied[level] |= UINT64_C(1) << slot;
}

/* Is `e`, just put at the tail of the current slot, not due before the one it follows? */
static bool
wheel_is_last(struct evrt_wheel *w, struct evrt_wheel_entry *e)
{
	struct evrt_link *head = &w->slot[0][wheel_current_slot(w)];
	return e->link.prev == head || wheel_before(wheel_entry(e->link.prev), e);
}

void
evrt__wheel_add(struct evrt_wheel *w, struct evrt_wheel_entry *e, evrt_ns deadline)
{
	evrt__wheel_add_in_order(w, e, deadline, evrt__wheel_order(w));
}

void
evrt__wheel_add_in_order(struct evrt_wheel *w, struct evrt_wheel_entry *e, evrt_ns deadline, uint64_t order)
{
	EVRT_ASSERT(!evrt__wheel_entry_armed(e) && order < w->sequence);
	e->deadline = deadline;
	e->sequence = order;
	e->position = wheel_position(w, deadline);
	if (e->position == WHEEL_DUE)
		wheel_insert_due(w, e);
	else
		wheel_file(w, e);
	if (e->position == wheel_current_slot(w))
		w->current_sorted = w->current_sorted && wheel_is_last(w, e);
	w->count++;
	if (w->next_valid && deadline < w->next)
		w->next = deadline;
}

void
evrt__wheel_remove(struct evrt_wheel *w, struct evrt_wheel_entry *e)
{
	if (!evrt__wheel_entry_armed(e))
		return;
	evrt__list_remove(&e->link);
	w->count--;
	if (e->deadline == w->next)
		w->next_valid = false;
	if (e->position >= WHEEL_FAR)
		return;
	unsigned level = e->position / EVRT_WHEEL_SLOTS;
	unsigned slot = e->position % EVRT_WHEEL_SLOTS;
	if (evrt__list_empty(&w->slot[level][slot]))
		w->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* Merges two chains (linked by next, ended by NULL), each in order, into one. */
static struct evrt_link *
wheel_merge(struct evrt_link *a, struct evrt_link *b)
{
	struct evrt_link *head = NULL;
	struct evrt_link **end = &head;

	while (a != NULL && b != NULL) {
		struct evrt_link **from = wheel_before(wheel_entry(b), wheel_entry(a)) ? &b : &a;
		*end = *from;
		end = &(*from)->next;
		*from = (*from)->next;
	}
	*end = a != NULL ? a : b;
	return head;
}

/* Cuts the longest prefix that is in order off *chain. */
static struct evrt_link *
wheel_cut_run(struct evrt_link **chain)
{
	struct evrt_link *head = *chain;
	struct evrt_link *last = head;

	while (last->next != NULL && wheel_before(wheel_entry(last), wheel_entry(last->next)))
		last = last->next;
	*chain = last->next;
	last->next = NULL;
	return head;
}

/* Merge sort from the bottom up, beginning with the runs that are there: slots are collected in order, so
 * few entries are out of place. bins[i] holds 2^i runs, merged, or NULL. */
static struct evrt_link *
wheel_sort_chain(struct evrt_link *chain)
{
	struct evrt_link *bins[WHEEL_BINS] = {NULL};
	struct evrt_link *sorted = NULL;
	unsigned used = 0;

	while (chain != NULL) {
		struct evrt_link *run = wheel_cut_run(&chain);
		unsigned i = 0;
		for (; bins[i] != NULL; i++) {
			run = wheel_merge(bins[i], run);
			bins[i] = NULL;
		}
		bins[i] = run;
		if (i >= used)
			used = i + 1;
	}
	for (unsigned i = 0; i < used; i++)
		sorted = wheel_merge(bins[i], sorted);
	return sorted;
}

static void
wheel_sort(struct evrt_link *list)
{
	if (evrt__list_empty(list))
		return;
	list->prev->next = NULL;
	struct evrt_link *it = wheel_sort_chain(list->next);
	evrt__list_init(list);
	while (it != NULL) {
		struct evrt_link *next = it->next;
		evrt__list_push_tail(list, it);
		it = next;
	}
}

/* The list of the current slot, sorted. */
static struct evrt_link *
wheel_current_in_order(struct evrt_wheel *w)
{
	struct evrt_link *current = &w->slot[0][wheel_current_slot(w)];
	if (!w->current_sorted)
		wheel_sort(current);
	w->current_sorted = true;
	return current;
}

static evrt_ns
wheel_earliest(struct evrt_link *list)
{
	evrt_ns earliest = EVRT_NS_NEVER;
	EVRT_LIST_FOREACH(it, list) {
		if (wheel_entry(it)->deadline < earliest)
			earliest = wheel_entry(it)->deadline;
	}
	return earliest;
}

static evrt_ns
wheel_find_next(struct evrt_wheel *w)
{
	if (!evrt__list_empty(&w->due))
		return wheel_entry(w->due.next)->deadline;
	struct evrt_link *current = wheel_current_in_order(w);
	if (!evrt__list_empty(current))
		return wheel_entry(current->next)->deadline;
	for (unsigned level = 0; level < EVRT_WHEEL_LEVELS; level++) {
		if (w->occupied[level] != 0)
			return wheel_earliest(&w->slot[level][__builtin_ctzll(w->occupied[level])]);
	}
	return wheel_earliest(&w->far);
}

evrt_ns
evrt__wheel_next(struct evrt_wheel *w)
{
	if (!w->next_valid) {
		w->next = wheel_find_next(w);
		w->next_valid = true;
	}
	return w->next;
}

/* Sorts what fell due, marks it, and puts it behind what is due already, all of which is earlier. */
static void
wheel_append_due(struct evrt_wheel *w, struct evrt_link *fallen)
{
	wheel_sort(fallen);
	EVRT_LIST_FOREACH(it, fallen)
		wheel_entry(it)->position = WHEEL_DUE;
	evrt__list_splice_tail(&w->due, fallen);
}

/* Within a tick only the head of its slot can fall due. */
static void
wheel_expire_current(struct evrt_wheel *w)
{
	struct evrt_link *current = wheel_current_in_order(w);

	while (!evrt__list_empty(current) && wheel_entry(current->next)->deadline <= w->now) {
		struct evrt_link *link = evrt__list_pop_head(current);
		wheel_entry(link)->position = WHEEL_DUE;
		evrt__list_push_tail(&w->due, link);
	}
	if (evrt__list_empty(current))
		w->occupied[0] &= ~(UINT64_C(1) << wheel_current_slot(w));
}

/* Files everything in `list` anew, relative to the new now. */
static void
wheel_spread(struct evrt_wheel *w, struct evrt_link *list, struct evrt_link *fallen)
{
	struct evrt_link moving;
	struct evrt_link *link;

	evrt__list_init(&moving);
	evrt__list_splice_tail(&moving, list);
	while ((link = evrt__list_pop_head(&moving)) != NULL) {
		struct evrt_wheel_entry *e = wheel_entry(link);
		e->position = wheel_position(w, e->deadline);
		if (e->position == WHEEL_DUE)
			evrt__list_push_tail(fallen, link);
		else
			wheel_file(w, e);
	}
}

/* Empties the slots of `level` named by `slots` into `fallen`, lowest first. */
static void
wheel_expire_slots(struct evrt_wheel *w, unsigned level, uint64_t slots, struct evrt_link *fallen)
{
	w->occupied[level] &= ~slots;
	for (; slots != 0; slots &= slots - 1)
		evrt__list_splice_tail(fallen, &w->slot[level][__builtin_ctzll(slots)]);
}

/* The tick has changed; w->now is the new one, `top` the highest digit that differs. */
static void
wheel_turn(struct evrt_wheel *w, unsigned top)
{
	struct evrt_link fallen;

	evrt__list_init(&fallen);
	for (unsigned level = 0; level < top && level < EVRT_WHEEL_LEVELS; level++)
		wheel_expire_slots(w, level, w->occupied[level], &fallen);
	if (top >= EVRT_WHEEL_LEVELS) {
		wheel_spread(w, &w->far, &fallen);
	} else {
		unsigned digit = wheel_digit(wheel_tick(w->now), top);
		uint64_t here = UINT64_C(1) << digit;
		wheel_expire_slots(w, top, w->occupied[top] & (here - 1), &fallen);
		w->occupied[top] &= ~here;
		wheel_spread(w, &w->slot[top][digit], &fallen);
	}
	wheel_append_due(w, &fallen);
	w->current_sorted = false;
}

void
evrt__wheel_advance(struct evrt_wheel *w, evrt_ns now)
{
	if (now <= w->now)
		return;
	uint64_t old_tick = wheel_tick(w->now);
	uint64_t tick = wheel_tick(now);
	w->now = now;
	if (tick == old_tick)
		wheel_expire_current(w);
	else
		wheel_turn(w, wheel_level(old_tick, tick));
}

struct evrt_wheel_entry *
evrt__wheel_pop_due(struct evrt_wheel *w)
{
	struct evrt_link *link = w->due.next;

	if (link == &w->due)
		return NULL;
	evrt__wheel_remove(w, wheel_entry(link));
	return wheel_entry(link);
}

/* Checks one list: its links, its order where it has one, and that each entry is where it belongs. Returns
 * its length, and lowers *earliest to its first deadline. */
static uint64_t
wheel_validate_list(const struct evrt_wheel *w, const struct evrt_link *head, unsigned position,
    evrt_ns *earliest)
{
	bool in_order = position == WHEEL_DUE || (position == wheel_current_slot(w) && w->current_sorted);
	uint64_t count = 0;

	for (struct evrt_link *it = head->next; it != head; it = it->next) {
		const struct evrt_wheel_entry *e = wheel_entry(it);
		EVRT_ASSERT(it->next->prev == it && it->prev->next == it);
		EVRT_ASSERT(e->position == position && position == wheel_position(w, e->deadline));
		EVRT_ASSERT(e->sequence < w->sequence);
		if (in_order && it->prev != head)
			EVRT_ASSERT(wheel_before(wheel_entry(it->prev), e));
		if (e->deadline < *earliest)
			*earliest = e->deadline;
		count++;
	}
	return count;
}

void
evrt__wheel_validate(const struct evrt_wheel *w)
{
	evrt_ns earliest = EVRT_NS_NEVER;
	uint64_t count = 0;

	for (unsigned level = 0; level < EVRT_WHEEL_LEVELS; level++) {
		for (unsigned slot = 0; slot < EVRT_WHEEL_SLOTS; slot++) {
			const struct evrt_link *head = &w->slot[level][slot];
			bool marked = (w->occupied[level] >> slot & 1u) != 0;
			EVRT_ASSERT(marked == !evrt__list_empty(head));
			count += wheel_validate_list(w, head, level * EVRT_WHEEL_SLOTS + slot, &earliest);
		}
	}
	count += wheel_validate_list(w, &w->far, WHEEL_FAR, &earliest);
	count += wheel_validate_list(w, &w->due, WHEEL_DUE, &earliest);
	EVRT_ASSERT(count == w->count);
	EVRT_ASSERT(!w->next_valid || w->next == earliest);
}
