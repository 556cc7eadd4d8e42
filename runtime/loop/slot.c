/* runtime/loop/slot.c — an event's stand-in; see slot.h. */
#include "runtime/loop/slot.h"

#include <errno.h>
#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/shake.h"
#include "runtime/loop/fdmap.h"
#include "runtime/loop/reactor.h"

static void slot_arrive(struct evrt_node *);
static void slot_home_arrive(struct evrt_node *);

/* Of a strand of a pool. */
static struct evrt_pool_slot *
slot_of_pool(struct evrt_slot *slot)
{
	EVRT_DCHECK(slot->strand->ops->home_post);
	return EVRT_CONTAINER_OF(slot, struct evrt_pool_slot, slot);
}

struct evrt_slot *
evrt__slot_new(struct evrt_strand *s, evrt_slot_ready_fn ready, void *owner)
{
	bool pooled = s->ops->home_post != NULL;
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
		slot_of_pool(slot)->home_node.arrive = slot_home_arrive;
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
	/* acq_rel: what other holders did to the slot happens before it is freed. */
	if (evrt_sub_acq_rel(&slot->refs, 1u) != 1)
		return;
	struct evrt_strand *s = slot->strand;
	EVRT_DCHECK(slot->fd < 0 && (!s->ops->home_post || !evrt__timer_armed(&slot_of_pool(slot)->timer)));
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

/* What was reported meanwhile is told anew if it still holds: a level-triggered owner must not be called for
 * what it has dealt with already. */
static void
slot_forget_levels(struct evrt_slot *slot)
{
	if (!(slot->interest & EVRT_EDGE))
		evrt_and_acq_rel(&slot->bits, ~(EVRT_IO_MASK | EVRT_HUP));
}

int
evrt__slot_come_back(struct evrt_slot *slot)
{
	EVRT_DCHECK(slot->lingers);
	slot->lingers = false;
	slot_forget_levels(slot);
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
	slot_forget_levels(slot);
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

	if (!s->ops->home_post) { /* a loop: its lock is held, and we are its runner */
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
	if (bits & EVRT_SLOT_TIMER) {
		/* The queue's word was a hint; here is the truth. */
		evrt_ns deadline = evrt_load_relaxed(&ps->deadline);
		if (deadline == 0 || deadline > evrt__reactor_now(slot->strand->home))
			bits &= ~EVRT_SLOT_TIMER;
		else
			evrt_store_seq_cst(&ps->deadline, (evrt_ns)0);
	}
	if (slot->fd < 0)
		bits &= ~(EVRT_IO_MASK | EVRT_HUP);
	if (bits && slot->owner)
		slot->ready(slot, bits);
	evrt__slot_unref(slot);
}

/* Home only: the entry goes to `deadline` (0: out of the queue), which holds a reference. 0 or -ENOMEM. */
static int
slot_move_timer(struct evrt_pool_slot *ps, evrt_ns deadline)
{
	struct evrt_timers *q = &ps->slot.strand->home->timers;
	bool was_armed = evrt__timer_armed(&ps->timer);

	if (deadline) {
		int err = was_armed ? evrt__timers_move(q, &ps->timer, deadline)
		    : evrt__timers_add(q, &ps->timer, deadline);
		if (err < 0)
			return err;
		if (!was_armed)
			evrt__slot_ref(&ps->slot);
		EVRT_SHAKE(slot_move);
		evrt_store_seq_cst(&ps->armed_at, deadline);
	} else {
		evrt__timers_remove(q, &ps->timer);
		evrt_store_seq_cst(&ps->armed_at, EVRT_NS_NEVER);
		if (was_armed)
			evrt__slot_unref(&ps->slot);
	}
	return 0;
}

/* `when`: see evrt_strand_ops.home_post. */
static void
slot_tell_home(struct evrt_pool_slot *ps, evrt_ns when)
{
	if (evrt_or_seq_cst(&ps->home_queued, 1u))
		return; /* a message is under way, and will read what we stored */
	EVRT_SHAKE(slot_tell_home);
	evrt__slot_ref(&ps->slot);
	ps->slot.strand->ops->home_post(ps->slot.strand, &ps->home_node, when);
}

void
evrt__slot_set_deadline(struct evrt_slot *slot, evrt_ns deadline)
{
	if (!slot->strand->ops->home_post) {
		EVRT_DCHECK(deadline == 0);
		return;
	}
	struct evrt_pool_slot *ps = slot_of_pool(slot);
	evrt_ns was = evrt_load_relaxed(&ps->deadline);

	if (was == deadline)
		return;
	EVRT_SHAKE(slot_deadline);
	evrt_store_seq_cst(&ps->deadline, deadline); /* PAIRS slot.deadline / slot.armed_at */
	EVRT_SHAKE(slot_deadline_set);
	evrt_ns armed_at = evrt_load_seq_cst(&ps->armed_at);
	EVRT_SHAKE(slot_armed_at_seen);
	if (deadline && deadline >= armed_at)
		return;
	if (deadline == 0 && armed_at == EVRT_NS_NEVER && !evrt_load_seq_cst(&ps->home_queued))
		return; /* neither in the queue nor on its way there */
	slot_tell_home(ps, deadline ? deadline : EVRT_NS_NEVER);
}

/* Home: make the queue agree with `deadline`. */
static void
slot_home_arrive(struct evrt_node *n)
{
	struct evrt_pool_slot *ps = EVRT_CONTAINER_OF(n, struct evrt_pool_slot, home_node);

	/* Cleared before the deadline is read: a setter from now on sends a message of its own. */
	evrt_and_seq_cst(&ps->home_queued, 0u);
	EVRT_SHAKE(slot_home);
	evrt_ns deadline = evrt_load_seq_cst(&ps->deadline);
	EVRT_SHAKE(slot_home_seen);
	ps->timer.order = evrt__timers_order(&ps->slot.strand->home->timers);
	if (deadline == 0 || deadline < evrt_load_relaxed(&ps->armed_at))
		if (slot_move_timer(ps, deadline) < 0)
			slot_tell_home(ps, 0); /* out of memory: the next turn tries again */
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
		evrt_store_seq_cst(&ps->armed_at, deadline);
		return;
	}
	if (deadline != 0)
		evrt__slot_deliver(&ps->slot, EVRT_SLOT_TIMER);
	evrt__slot_unref(&ps->slot);
}

struct evrt_slot *
evrt__slot_timer_drop(struct evrt_timer *entry)
{
	struct evrt_pool_slot *ps = EVRT_CONTAINER_OF(entry, struct evrt_pool_slot, timer);

	evrt_store_seq_cst(&ps->armed_at, EVRT_NS_NEVER);
	return &ps->slot;
}
