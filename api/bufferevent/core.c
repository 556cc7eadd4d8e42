/* api/bufferevent/core.c — what all kinds of bufferevents have in common.
 *
 * Here:     making, references, freeing, locking; enabling and suspending; data in and out; plain getters
 *           and setters.
 * Not here: when callbacks are called (callbacks.c), watermarks (watermark.c), what is below (descriptor.c), what a
 *           kind does (its file).
 * Threads:  any; see bufferevent_internal.h.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/shake.h"
#include "threading/lock.h"

#define RW (EV_READ | EV_WRITE)

_Static_assert(offsetof(struct bufferevent_private, bev) == 0, "evrt__bev casts");

void
evrt__bev_lock(const struct bufferevent_private *p)
{
	EVRT_SHAKE(bev_lock);
	if (p->locks)
		evrt__lock(p->locks->data);
}

void
evrt__bev_unlock(const struct bufferevent_private *p)
{
	if (p->locks)
		evrt__unlock(p->locks->data);
	EVRT_SHAKE(bev_unlock);
}

void
evrt__bev_lock_and_ref(struct bufferevent_private *p)
{
	evrt__bev_lock(p);
	p->refs++;
}

bool
evrt__bev_enter(struct bufferevent_private *p)
{
	evrt__bev_lock(p);
	if (p->refs == 0) {
		evrt__bev_unlock(p);
		return false;
	}
	p->refs++;
	return true;
}

/* The call lock, to wait for a callback that runs in another thread and to keep others from beginning. NULL where
 * there is none, or where that would be with the data lock held: the thread that runs the callback might need it. */
static void *
bev_call_lock_of(const struct bufferevent_private *p)
{
	if (!p->locks)
		return NULL;
	evrt__bev_lock(p);
	bool holds_data = evrt__bev_in_program(p);
	evrt__bev_unlock(p);
	return holds_data ? NULL : p->locks->call;
}

static struct evrt_bev_locks *
locks_new(void)
{
	struct evrt_bev_locks *l = evrt__malloc(sizeof(*l));

	if (!l)
		return NULL;
	evrt_store_relaxed(&l->refs, 1u); /* not yet seen by another thread */
	l->data = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_bufferevent);
	l->call = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_bufferevent_call);
	if (l->data && l->call)
		return l;
	evrt__lock_free(l->data, EVRT_LOCKTYPE_RECURSIVE);
	evrt__lock_free(l->call, EVRT_LOCKTYPE_RECURSIVE);
	evrt__free(l);
	return NULL;
}

static void
locks_drop(struct evrt_bev_locks *l)
{
	/* PAIRS bev_locks.refs: acquire and release: who takes the last one frees after all uses by others. */
	if (!l || evrt_sub_acq_rel(&l->refs, 1u) > 1)
		return;
	evrt__lock_free(l->data, EVRT_LOCKTYPE_RECURSIVE);
	evrt__lock_free(l->call, EVRT_LOCKTYPE_RECURSIVE);
	evrt__free(l);
}

/* Nobody else knows the object, and nothing of it is queued. */
void
evrt__bev_fini(struct bufferevent_private *p)
{
	if (p->bev.input)
		evbuffer_free(p->bev.input);
	if (p->bev.output)
		evbuffer_free(p->bev.output);
	locks_drop(p->locks);
	if (p->strand)
		evrt__strand_unref(p->strand);
}

/* evrt_task.fn of `deferred` at the end: in the strand, after everything else that this bufferevent had there. */
static void
bev_destroy(struct evrt_task *task, void *arg)
{
	struct bufferevent_private *p = arg;

	(void)task;
	p->bev.be_ops->destroy(&p->bev);
	evrt__bev_rate_destroy(p);
	evrt__bev_fini(p);
	evrt__free(p);
}

int
evrt__bev_unref_and_unlock(struct bufferevent_private *p)
{
	EVRT_ASSERT(p->refs > 0);
	if (--p->refs > 0) {
		evrt__bev_unlock(p);
		return 0;
	}
	p->freed = true; /* by bufferevent_decref, too: what a group held back is not enabled below */
	p->bev.be_ops->stop(&p->bev);
	evrt__bev_rate_stop(p);
	/* From the submission on the object belongs to the strand, which may destroy it at once. */
	struct evrt_strand *strand = p->strand;
	p->deferred.fn = bev_destroy; /* it is not queued: then it would hold a reference */
	evrt__strand_ref(strand);
	evrt__bev_unlock(p);
	evrt__strand_submit(strand, &p->deferred);
	evrt__strand_unref(strand);
	return 1;
}

static struct bufferevent_private *
bev_of_owner(const struct evrt__buffer_owner *owner)
{
	return (struct bufferevent_private *)((uintptr_t)owner - offsetof(struct bufferevent_private, owner));
}

static void
bev_owner_ref(const struct evrt__buffer_owner *owner)
{
	struct bufferevent_private *p = bev_of_owner(owner);

	p->refs++; /* the evbuffer's lock is held, which is ours */
}

static void
bev_owner_unref(const struct evrt__buffer_owner *owner)
{
	struct bufferevent_private *p = bev_of_owner(owner);

	evrt__bev_lock(p);
	evrt__bev_unref_and_unlock(p);
}

/* Of input it hears while there is a high watermark (watermark.c). */
static void
bev_buffer_changed(const struct evrt__buffer_owner *owner, struct evbuffer *buf, const struct evbuffer_cb_info *info)
{
	struct bufferevent_private *p = bev_of_owner(owner);

	if (buf == p->bev.input)
		evrt__bev_watermark_apply(p);
	else if (info->n_added && (p->bev.enabled & EV_WRITE) && !p->write_suspended && !p->freed)
		p->bev.be_ops->output_grew(&p->bev);
}

static const struct evrt__buffer_owner_ops bev_owner_ops = { bev_owner_ref, bev_owner_unref, bev_buffer_changed };

static void
bev_lock_buffers(struct bufferevent_private *p)
{
	evbuffer_enable_locking(p->bev.input, p->locks->data);
	evbuffer_enable_locking(p->bev.output, p->locks->data);
}

static int
bev_init_buffers(struct bufferevent_private *p)
{
	struct bufferevent *bev = &p->bev;

	bev->input = evbuffer_new();
	bev->output = evbuffer_new();
	if (!bev->input || !bev->output)
		return -ENOMEM;
	p->owner.ops = &bev_owner_ops;
	evrt__buffer_set_owner(bev->input, &p->owner);
	evrt__buffer_set_owner(bev->output, &p->owner);
	evrt__buffer_tell_owner(bev->output, true);
	if (p->locks)
		bev_lock_buffers(p);
	return 0;
}

static int
bev_init_strand(struct bufferevent_private *p, struct bufferevent_private *with)
{
	if (with) {
		evrt__strand_ref(with->strand);
		p->strand = with->strand;
	} else {
		p->strand = evrt__base_strand_for_new(p->bev.ev_base);
	}
	return p->strand ? 0 : -ENOMEM;
}

static void
bev_give_locks(struct bufferevent_private *to, struct evrt_bev_locks *locks)
{
	evrt_add_relaxed(&locks->refs, 1u); /* who gives holds one */
	to->locks = locks;
	bev_lock_buffers(to);
}

static struct bufferevent_private *
bev_below(const struct bufferevent_private *p)
{
	struct bufferevent *below = p->bev.be_ops->get_underlying ? p->bev.be_ops->get_underlying(&p->bev) : NULL;

	return below ? evrt__bev(below) : NULL;
}

static struct bufferevent_private *
bev_partner(struct bufferevent_private *p)
{
	struct bufferevent *partner = p->bev.be_ops->get_partner ? p->bev.be_ops->get_partner(&p->bev) : NULL;

	return partner ? evrt__bev(partner) : NULL;
}

/* Those that part of the chain has already, as the other end of a pair may have brought them; one more reference. New
 * ones, if there are none. NULL when memory is out. */
static struct evrt_bev_locks *
bev_locks_for_chain(struct bufferevent_private *with)
{
	for (; with; with = bev_below(with))
		if (with->locks) {
			evrt_add_relaxed(&with->locks->refs, 1u); /* who adds holds one, through the chain */
			return with->locks;
		}
	return locks_new();
}

static int
bev_init_locks(struct bufferevent_private *p, struct bufferevent_private *with)
{
	bool has_locks = with && with->locks;

	if (!has_locks && !(p->options & BEV_OPT_THREADSAFE))
		return 0;
	if (!has_locks && !evrt__threads_on())
		return -EINVAL; /* a promise that could not be kept */
	p->locks = bev_locks_for_chain(with);
	if (!p->locks)
		return -ENOMEM;
	/* To the bottom of the chain: what a write from another thread reaches there is touched by its loop, too. */
	for (; with && !with->locks; with = bev_below(with)) {
		struct bufferevent_private *partner = bev_partner(with);
		bev_give_locks(with, p->locks);
		if (partner && !partner->locks)
			bev_give_locks(partner, p->locks);
	}
	return 0;
}

int
evrt__bev_init(struct bufferevent_private *p, struct event_base *base, const struct bufferevent_ops *ops,
    int options, struct bufferevent_private *with)
{
	if ((options & BEV_OPT_UNLOCK_CALLBACKS) && !(options & BEV_OPT_DEFER_CALLBACKS)) {
		evrt__warnx("bufferevent: BEV_OPT_UNLOCK_CALLBACKS needs BEV_OPT_DEFER_CALLBACKS");
		return -EINVAL;
	}
	p->bev.ev_base = base;
	p->bev.be_ops = ops;
	p->bev.enabled = EV_WRITE;
	p->options = (uint8_t)options;
	p->refs = 1;
	p->fd = -1;
	p->single_read_max = EVRT_BEV_READ_MAX_DEFAULT;
	p->single_write_max = EVRT_BEV_WRITE_MAX_DEFAULT;
	uint8_t priority = (uint8_t)(event_base_get_npriorities(base) / 2);
	evrt__task_init(&p->deferred, evrt__bev_run_deferred, p, priority);
	/* event_base_free runs it, where it discards other tasks. */
	p->deferred.flags |= EVLIST_FINALIZING;
	int err = bev_init_strand(p, with);
	if (err == 0)
		err = bev_init_locks(p, with);
	if (err == 0)
		err = bev_init_buffers(p);
	if (err < 0)
		evrt__bev_fini(p);
	return err;
}

void
bufferevent_free(struct bufferevent *bev)
{
	struct bufferevent_private *p = evrt__bev(bev);

	bufferevent_setcb(bev, NULL, NULL, NULL, NULL); /* waits for a callback that runs in another thread */
	evrt__bev_lock(p);
	EVRT_ASSERT(!p->freed);
	p->freed = true;
	/* Now, not in the last step: the program may close the descriptor as soon as this returns, and open
	 * another one of the same number. */
	bev->be_ops->stop(bev);
	evrt__bev_rate_stop(p);
	evrt__bev_unref_and_unlock(p);
}

void
bufferevent_incref(struct bufferevent *bev)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_lock_and_ref(p);
	evrt__bev_unlock(p);
}

int
bufferevent_decref(struct bufferevent *bev)
{
	evrt__bev_lock(evrt__bev(bev));
	return evrt__bev_unref_and_unlock(evrt__bev(bev));
}

void
bufferevent_lock(struct bufferevent *bev)
{
	void *call = bev_call_lock_of(evrt__bev(bev));

	evrt__lock(call);
	evrt__bev_lock_and_ref(evrt__bev(bev));
}

void
bufferevent_unlock(struct bufferevent *bev)
{
	void *call = bev_call_lock_of(evrt__bev(bev)); /* bufferevent_lock in the same function had the same */

	/* The call lock first: it may be gone with the last reference. Nobody counts on the order of unlocking. */
	evrt__unlock(call);
	evrt__bev_unref_and_unlock(evrt__bev(bev));
}

/* --- enabling ------------------------------------------------------------------------------- */

/* The directions among `events` that no reason to suspend holds back. */
static short
bev_unsuspended(const struct bufferevent_private *p, short events)
{
	return (short)((p->read_suspended ? 0 : events & EV_READ) | (p->write_suspended ? 0 : events & EV_WRITE));
}

int
evrt__bev_enable_nolock(struct bufferevent_private *p, short events)
{
	p->bev.enabled |= events & RW;
	short now = bev_unsuspended(p, events);
	return now && !p->freed ? p->bev.be_ops->enable(&p->bev, now) : 0;
}

void
evrt__bev_disable_nolock(struct bufferevent_private *p, short events)
{
	p->bev.enabled &= (short)~(events & RW);
	p->bev.be_ops->disable(&p->bev, events & RW);
}

int
bufferevent_enable(struct bufferevent *bev, short events)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_lock_and_ref(p);
	int r = evrt__bev_enable_nolock(p, events);
	evrt__bev_unref_and_unlock(p);
	return r;
}

int
bufferevent_disable(struct bufferevent *bev, short events)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_lock(p);
	evrt__bev_disable_nolock(p, events);
	evrt__bev_unlock(p);
	return 0;
}

short
bufferevent_get_enabled(struct bufferevent *bev)
{
	evrt__bev_lock(evrt__bev(bev));
	short enabled = bev->enabled;
	evrt__bev_unlock(evrt__bev(bev));
	return enabled;
}

void
evrt__bev_suspend(struct bufferevent_private *p, short events, enum evrt_bev_suspend why)
{
	short stops = bev_unsuspended(p, events);

	if (events & EV_READ)
		p->read_suspended |= (uint8_t)why;
	if (events & EV_WRITE)
		p->write_suspended |= (uint8_t)why;
	if (stops)
		p->bev.be_ops->disable(&p->bev, stops);
}

/* Clears the reason; what begins by that. */
static short
bev_unsuspend(struct bufferevent_private *p, short events, enum evrt_bev_suspend why)
{
	short before = bev_unsuspended(p, RW);

	if (events & EV_READ)
		p->read_suspended &= (uint8_t)~why;
	if (events & EV_WRITE)
		p->write_suspended &= (uint8_t)~why;
	return p->freed ? 0 : (short)(bev_unsuspended(p, RW) & ~before & p->bev.enabled);
}

int
evrt__bev_try_resume(struct bufferevent_private *p, short events, enum evrt_bev_suspend why)
{
	short begins = bev_unsuspend(p, events, why);

	return begins ? p->bev.be_ops->enable(&p->bev, begins) : 0;
}

void
evrt__bev_resume(struct bufferevent_private *p, short events, enum evrt_bev_suspend why)
{
	short begins = bev_unsuspend(p, events, why);

	if (begins && p->bev.be_ops->enable(&p->bev, begins) < 0)
		evrt__bev_call_failed(p, begins, errno);
}

/* --- what the program asks and sets ---------------------------------------------------------- */

void
bufferevent_setcb(struct bufferevent *bev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
    bufferevent_event_cb eventcb, void *cbarg)
{
	struct bufferevent_private *p = evrt__bev(bev);
	/* Once this returns the callbacks that were set before do not run any more. Two strands of a pool that
	 * wait for each other here would wait for ever. */
	bool waits = evrt__strand_current() == NULL || bev->ev_base->kind == EVRT_BASE_PLAIN;
	void *call = waits ? bev_call_lock_of(p) : NULL;

	evrt__lock(call);
	evrt__bev_lock(p);
	bev->readcb = readcb;
	bev->writecb = writecb;
	bev->errorcb = eventcb;
	bev->cbarg = cbarg;
	evrt__bev_unlock(p);
	evrt__unlock(call);
}

void
bufferevent_getcb(struct bufferevent *bev, bufferevent_data_cb *readcb_ptr, bufferevent_data_cb *writecb_ptr,
    bufferevent_event_cb *eventcb_ptr, void **cbarg_ptr)
{
	evrt__bev_lock(evrt__bev(bev));
	if (readcb_ptr)
		*readcb_ptr = bev->readcb;
	if (writecb_ptr)
		*writecb_ptr = bev->writecb;
	if (eventcb_ptr)
		*eventcb_ptr = bev->errorcb;
	if (cbarg_ptr)
		*cbarg_ptr = bev->cbarg;
	evrt__bev_unlock(evrt__bev(bev));
}

int
bufferevent_set_timeouts(struct bufferevent *bev, const struct timeval *tv_read, const struct timeval *tv_write)
{
	static const struct timeval none = { 0, 0 };

	evrt__bev_lock(evrt__bev(bev));
	bev->timeout_read = tv_read ? *tv_read : none;
	bev->timeout_write = tv_write ? *tv_write : none;
	int r = bev->be_ops->adjust_timeouts(bev);
	evrt__bev_unlock(evrt__bev(bev));
	return r;
}

struct evbuffer *
bufferevent_get_input(struct bufferevent *bev)
{
	return bev->input;
}

struct evbuffer *
bufferevent_get_output(struct bufferevent *bev)
{
	return bev->output;
}

struct event_base *
bufferevent_get_base(struct bufferevent *bev)
{
	return bev->ev_base;
}

int
bufferevent_write(struct bufferevent *bev, const void *data, size_t size)
{
	return evbuffer_add(bev->output, data, size);
}

int
bufferevent_write_buffer(struct bufferevent *bev, struct evbuffer *buf)
{
	return evbuffer_add_buffer(bev->output, buf);
}

size_t
bufferevent_read(struct bufferevent *bev, void *data, size_t size)
{
	return (size_t)evbuffer_remove(bev->input, data, size);
}

int
bufferevent_read_buffer(struct bufferevent *bev, struct evbuffer *buf)
{
	return evbuffer_add_buffer(buf, bev->input);
}

int
bufferevent_flush(struct bufferevent *bev, short iotype, enum bufferevent_flush_mode mode)
{
	int r = -1;

	evrt__bev_lock_and_ref(evrt__bev(bev));
	if (bev->be_ops->flush)
		r = bev->be_ops->flush(bev, iotype, mode);
	evrt__bev_unref_and_unlock(evrt__bev(bev));
	return r;
}

int
bufferevent_base_set(struct event_base *base, struct bufferevent *bev)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int r = -1;

	evrt__bev_lock(p);
	if (base && bev->be_ops->set_base && !p->deferred_queued && !evrt__bev_rate_holds(p))
		r = bev->be_ops->set_base(bev, base);
	if (r == 0)
		r = evrt__bev_rate_rebase(p);
	evrt__bev_unlock(p);
	return r;
}

int
bufferevent_priority_set(struct bufferevent *bev, int priority)
{
	int r = -1;

	evrt__bev_lock(evrt__bev(bev));
	if (bev->be_ops->set_priority)
		r = bev->be_ops->set_priority(bev, priority);
	evrt__bev_unlock(evrt__bev(bev));
	return r;
}

int
bufferevent_get_priority(const struct bufferevent *bev)
{
	/* For kinds without events, too. */
	evrt__bev_lock(evrt__bev_const(bev));
	int priority = evrt__bev_const(bev)->deferred.pri;
	evrt__bev_unlock(evrt__bev_const(bev));
	return priority;
}
