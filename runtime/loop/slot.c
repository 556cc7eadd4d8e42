/* runtime/loop/slot.c — an event's stand-in; see slot.h. */
#include "runtime/loop/slot.h"

#include <errno.h>
#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/shake.h"
#include "base/trace.h"
#include "runtime/loop/fdmap.h"
#include "runtime/loop/reactor.h"

static void slot_arrive(struct evrt_node *);
static void slot_arm_again(struct evrt_node *);

/* Of a strand of a pool. */
static struct evrt_pool_slot *
slot_of_pool(struct evrt_slot *slot)
{
	EVRT_DCHECK(slot->strand->ops->timers_changed);
	return EVRT_CONTAINER_OF(slot, struct evrt_pool_slot, slot);
}

struct evrt_slot *
evrt__slot_new(struct evrt_strand *s, evrt_slot_ready_fn ready, void *owner)
{
	bool pooled = s->ops->timers_changed != NULL;
	void *memory = evrt__calloc(1, pooled ? sizeof(struct evrt_pool_slot) : sizeof(struct evrt_slot));
	struct evrt_slot *slot = memory;

	if (!slot)
		return NULL;
	slot->strand = s;
	evrt__strand_ref(s);
	slot->ready = ready;
	slot->owner = owner;
	slot->fd = -1;
	evrt_store_relaxed(&slot->refs, 1u);
	if (pooled) {
		slot_of_pool(slot)->node.arrive = slot_arrive;
		slot_of_pool(slot)->again.arrive = slot_arm_again;
		evrt_store_relaxed(&slot_of_pool(slot)->armed_at, EVRT_NS_NEVER);
	}
	return slot;
}

void
evrt__slot_ref(struct evrt_slot *slot)
{
	/* relaxed: whoever adds a reference has one already. */
	evrt_add_relaxed(&slot->refs, 1u);
}

void
evrt__slot_unref(struct evrt_slot *slot)
{
	/* PAIRS slot.refs: acq_rel: what other holders did to the slot happens before it is freed. */
	if (evrt_sub_acq_rel(&slot->refs, 1u) != 1)
		return;
	struct evrt_strand *s = slot->strand;
	EVRT_DCHECK(slot->fd < 0 && (!s->ops->timers_changed || !evrt__timer_armed(&slot_of_pool(slot)->timer)));
	evrt__free(slot);
	evrt__strand_unref(s);
}

void
evrt__slot_disown(struct evrt_slot *slot)
{
	evrt__slot_unwatch(slot);
	evrt__slot_set_deadline(slot, 0);
	slot->owner = NULL;
	evrt__slot_unref(slot);
}

int
evrt__slot_watch(struct evrt_slot *slot, int fd, unsigned interest)
{
	EVRT_DCHECK(slot->fd < 0 && fd >= 0);
	slot->fd = fd;
	slot->interest = interest;
	int err = evrt__fdmap_add(slot->strand->fdmap, slot);
	if (err < 0)
		slot->fd = -1;
	return err;
}

void
evrt__slot_unwatch(struct evrt_slot *slot)
{
	if (slot->fd < 0)
		return;
	if (slot->lingers)
		evrt__fdmap_go(slot->strand->fdmap, slot);
	else
		evrt__fdmap_remove(slot->strand->fdmap, slot);
	slot->lingers = false;
	slot->fd = -1;
}

void
evrt__slot_linger(struct evrt_slot *slot)
{
	EVRT_DCHECK(slot->fd >= 0 && !slot->lingers);
	slot->lingers = true;
	evrt__fdmap_linger(slot->strand->fdmap, slot);
}

void
evrt__slot_forget_levels(struct evrt_slot *slot)
{
	if (!(slot->interest & EVRT_EDGE))
		evrt_and_acq_rel(&slot->bits, ~(EVRT_IO_MASK | EVRT_HUP));
}

int
evrt__slot_come_back(struct evrt_slot *slot)
{
	EVRT_DCHECK(slot->lingers);
	slot->lingers = false;
	int err = evrt__fdmap_come_back(slot->strand->fdmap, slot);
	if (err < 0)
		slot->fd = -1;
	return err;
}

void
evrt__slot_rearm(struct evrt_slot *slot, unsigned bits)
{
	if (slot->fd < 0)
		return;
	EVRT_TRACE(rearmed, slot->strand);
	evrt__fdmap_rearm(slot->strand->fdmap, slot, bits);
}

bool
evrt__slot_wants_rearm(const struct evrt_slot *slot)
{
	bool poller_has_edges = (slot->strand->home->backend->features & EVRT_BF_ET) != 0;

	if (slot->fd < 0 || !evrt__fdmap_has_edges(slot->strand->fdmap))
		return false;
	if (!poller_has_edges)
		return true; /* the map decides whether it had silenced anything */
	return !(slot->interest & EVRT_EDGE);
}

void
evrt__slot_deliver(struct evrt_slot *slot, unsigned bits)
{
	struct evrt_strand *s = slot->strand;

	if (!s->ops->timers_changed) { /* a loop: its lock is held, and we are its runner */
		if (slot->owner)
			slot->ready(slot, bits);
		return;
	}
	EVRT_SHAKE(slot_deliver);
	/* PAIRS slot.bits: acq_rel, so that whoever takes the bits sees what came before the report. */
	unsigned before = evrt_or_acq_rel(&slot->bits, bits | EVRT_SLOT_QUEUED);
	if (before & EVRT_SLOT_QUEUED)
		return;
	EVRT_SHAKE(slot_delivered);
	evrt__slot_ref(slot);
	evrt__inbox_push(&s->inbox, &slot_of_pool(slot)->node);
	s->ops->notify(s);
}

/* In the strand, lock held: the reports that were collected meanwhile. */
static void
slot_arrive(struct evrt_node *n)
{
	struct evrt_pool_slot *ps = EVRT_CONTAINER_OF(n, struct evrt_pool_slot, node);
	struct evrt_slot *slot = &ps->slot;
	/* PAIRS slot.bits: the swap clears QUEUED, so a report from now on pushes the slot anew. */
	unsigned bits = evrt_swap_acq_rel(&slot->bits, 0u) & ~EVRT_SLOT_QUEUED;

	EVRT_SHAKE(slot_arrive);
	EVRT_TRACE(slot_arrives, slot->strand);
	if (bits & EVRT_SLOT_TIMER) {
		/* The queue's word was a hint; here is the truth. */
		evrt_ns deadline = evrt_load_relaxed(&ps->deadline);
		evrt_ns lag = evrt__reactor_now(slot->strand->home) - deadline;
		if (deadline == 0 || lag < 0) {
			bits &= ~EVRT_SLOT_TIMER;
		} else {
			evrt_store_seq_cst(&ps->deadline, (evrt_ns)0);
			if (slot->strand->ops->late)
				slot->strand->ops->late(slot->strand, lag);
		}
	}
	if (slot->fd < 0)
		bits &= ~(EVRT_IO_MASK | EVRT_HUP);
	if (bits && slot->owner)
		slot->ready(slot, bits);
	evrt__slot_unref(slot);
}

/* Timers locked. */
static void
slot_disarm(struct evrt_pool_slot *ps)
{
	struct evrt_reactor *home = ps->slot.strand->home;

	if (!evrt__timer_armed(&ps->timer))
		return; /* it has just expired */
	evrt__timers_remove(&home->timers, &ps->timer);
	evrt_store_seq_cst(&ps->armed_at, EVRT_NS_NEVER);
	/* The first deadline is not looked for: a look at a time when nothing is due any more does no harm. */
	evrt__slot_unref(&ps->slot);
}

/* Timers locked. PAIRS slot.deadline / slot.armed_at, the other way round: a cancel that came between our look at the
 * deadline and this has found NEVER, and left the entry to us. */
static void
slot_entry_is_at(struct evrt_pool_slot *ps, evrt_ns deadline)
{
	EVRT_SHAKE(slot_move);
	evrt_store_seq_cst(&ps->armed_at, deadline);
	if (evrt_load_seq_cst(&ps->deadline) == 0)
		slot_disarm(ps);
}

/* Timers locked: makes the queue's entry no later than `deadline`. */
static void
slot_arm(struct evrt_pool_slot *ps)
{
	struct evrt_strand *s = ps->slot.strand;
	struct evrt_timers *q = &s->home->timers;
	evrt_ns deadline = evrt_load_seq_cst(&ps->deadline);
	bool was_armed = evrt__timer_armed(&ps->timer);

	if (deadline == 0 || deadline >= evrt_load_relaxed(&ps->armed_at))
		return;
	ps->timer.order = evrt__timers_order(q);
	int err = was_armed ? evrt__timers_move(q, &ps->timer, deadline) : evrt__timers_add(q, &ps->timer, deadline);
	if (err < 0) {
		/* The caller has promised already: it is tried again. A try that is under way reads what we stored. */
		if (!evrt_or_seq_cst(&ps->again_queued, 1u)) {
			evrt__slot_ref(&ps->slot);
			s->ops->timers_later(s, &ps->again);
		}
		return;
	}
	EVRT_TRACE(timer_armed, s);
	if (!was_armed)
		evrt__slot_ref(&ps->slot);
	slot_entry_is_at(ps, deadline);
	if (evrt__reactor_note_first(s->home))
		s->ops->timers_changed(s);
}

void
evrt__slot_set_deadline(struct evrt_slot *slot, evrt_ns deadline)
{
	if (!slot->strand->ops->timers_changed) {
		EVRT_DCHECK(deadline == 0);
		return;
	}
	struct evrt_pool_slot *ps = slot_of_pool(slot);
	struct evrt_reactor *home = slot->strand->home;

	if (evrt_load_relaxed(&ps->deadline) == deadline)
		return;
	EVRT_SHAKE(slot_deadline);
	evrt_store_seq_cst(&ps->deadline, deadline); /* PAIRS slot.deadline / slot.armed_at */
	EVRT_SHAKE(slot_deadline_set);
	evrt_ns armed_at = evrt_load_seq_cst(&ps->armed_at);
	if (deadline ? deadline >= armed_at : armed_at == EVRT_NS_NEVER)
		return;
	evrt__reactor_lock_timers(home);
	if (deadline)
		slot_arm(ps);
	else
		slot_disarm(ps);
	evrt__reactor_unlock_timers(home);
}

static void
slot_arm_again(struct evrt_node *n)
{
	struct evrt_pool_slot *ps = EVRT_CONTAINER_OF(n, struct evrt_pool_slot, again);
	struct evrt_reactor *home = ps->slot.strand->home;

	EVRT_SHAKE(slot_armed_at_seen);
	/* PAIRS slot.again_queued: cleared before the deadline is read: a setter from now on asks anew. */
	evrt_and_seq_cst(&ps->again_queued, 0u);
	evrt__reactor_lock_timers(home);
	slot_arm(ps);
	evrt__reactor_unlock_timers(home);
	evrt__slot_unref(&ps->slot);
}

void
evrt__slot_timer_due(struct evrt_timer *entry)
{
	struct evrt_pool_slot *ps = EVRT_CONTAINER_OF(entry, struct evrt_pool_slot, timer);
	struct evrt_timers *q = &ps->slot.strand->home->timers;
	evrt_ns armed_at = evrt_load_relaxed(&ps->armed_at);

	/* PAIRS slot.deadline / slot.armed_at: first say that the entry is out, then read the truth. */
	EVRT_SHAKE(slot_due);
	evrt_store_seq_cst(&ps->armed_at, EVRT_NS_NEVER);
	EVRT_SHAKE(slot_due_said);
	evrt_ns deadline = evrt_load_seq_cst(&ps->deadline);

	if (deadline > armed_at) { /* pushed back; even if it is due already, its place is behind others */
		ps->timer.order = evrt__timers_order(q); /* setters leave no order: it is learnt here */
		int err = evrt__timers_add(q, &ps->timer, deadline); /* the queue's reference stays */
		EVRT_ASSERT(err == 0); /* it has just come out, and its room is there */
		slot_entry_is_at(ps, deadline);
		return;
	}
	if (deadline != 0) {
		EVRT_TRACE(timer_expired, ps->slot.strand);
		evrt__slot_deliver(&ps->slot, EVRT_SLOT_TIMER);
	}
	evrt__slot_unref(&ps->slot);
}

struct evrt_slot *
evrt__slot_timer_drop(struct evrt_timer *entry)
{
	struct evrt_pool_slot *ps = EVRT_CONTAINER_OF(entry, struct evrt_pool_slot, timer);

	evrt_store_seq_cst(&ps->armed_at, EVRT_NS_NEVER);
	return &ps->slot;
}
