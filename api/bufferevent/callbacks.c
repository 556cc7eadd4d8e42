/* api/bufferevent/callbacks.c — calling the program: at once, or deferred.
 *
 * Here:     the choice between the two; the run of what was deferred, and its order.
 * Not here: what makes a callback due (socket.c, watermark.c).
 * Threads:  the strand; bufferevent_trigger and _trigger_event: any.
 *
 * A deferred run is one task, however many callbacks are due. It tells them in the order CONNECTED, read,
 * write, all other events, so that a program never hears of the end before it has heard of the data.
 * On a pooled or pinned base a callback never runs outside of the strand: what is triggered from elsewhere
 * is deferred, or it would run beside other callbacks of the same strand.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>

#define TRIGGER_OPTIONS (BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS)

static bool
callbacks_deferred(const struct bufferevent_private *p, int options)
{
	if ((p->options & BEV_OPT_DEFER_CALLBACKS) || (options & BEV_TRIG_DEFER_CALLBACKS))
		return true;
	return p->bev.ev_base->kind != EVRT_BASE_PLAIN && evrt__strand_current() != p->strand;
}

static void
callbacks_schedule(struct bufferevent_private *p)
{
	if (p->deferred_queued)
		return;
	p->deferred_queued = true;
	p->refs++;
	evrt__strand_submit(p->strand, &p->deferred);
}

void
evrt__bev_call_read(struct bufferevent_private *p, int options)
{
	if (!p->bev.readcb)
		return;
	if (callbacks_deferred(p, options)) {
		p->read_pending = true;
		callbacks_schedule(p);
		return;
	}
	p->bev.readcb(&p->bev, p->bev.cbarg);
	evrt__bev_check_input(p);
}

void
evrt__bev_call_write(struct bufferevent_private *p, int options)
{
	if (!p->bev.writecb)
		return;
	if (callbacks_deferred(p, options)) {
		p->write_pending = true;
		callbacks_schedule(p);
		return;
	}
	p->bev.writecb(&p->bev, p->bev.cbarg);
}

void
evrt__bev_call_event(struct bufferevent_private *p, short what, int err, int options)
{
	if (!p->bev.errorcb)
		return;
	if (callbacks_deferred(p, options)) {
		p->events_pending |= what;
		p->errno_pending = err;
		callbacks_schedule(p);
		return;
	}
	EVUTIL_SET_SOCKET_ERROR(err);
	p->bev.errorcb(&p->bev, what, p->bev.cbarg);
}

/* Callbacks of a deferred run; each is called without the lock if the program wished so. The object stays: the
 * run holds a reference. */
static void
callbacks_tell_data(struct bufferevent_private *p, bufferevent_data_cb cb)
{
	void *arg = p->bev.cbarg;
	bool unlock = (p->options & BEV_OPT_UNLOCK_CALLBACKS) != 0;

	if (!cb)
		return;
	if (unlock)
		evrt__bev_unlock(p);
	cb(&p->bev, arg);
	if (unlock)
		evrt__bev_lock(p);
}

static void
callbacks_tell_event(struct bufferevent_private *p, short what, int err)
{
	bufferevent_event_cb cb = p->bev.errorcb;
	void *arg = p->bev.cbarg;
	bool unlock = (p->options & BEV_OPT_UNLOCK_CALLBACKS) != 0;

	if (!what || !cb)
		return;
	if (unlock)
		evrt__bev_unlock(p);
	EVUTIL_SET_SOCKET_ERROR(err);
	cb(&p->bev, what, arg);
	if (unlock)
		evrt__bev_lock(p);
}

static void
callbacks_run_pending(struct bufferevent_private *p)
{
	/* What becomes due from here on asks for another run. */
	short what = p->events_pending;
	int err = p->errno_pending;
	bool reads = p->read_pending, writes = p->write_pending;
	p->read_pending = p->write_pending = false;
	p->events_pending = 0;
	p->errno_pending = 0;
	callbacks_tell_event(p, what & BEV_EVENT_CONNECTED, 0);
	if (reads && p->bev.readcb) {
		callbacks_tell_data(p, p->bev.readcb);
		evrt__bev_check_input(p);
	}
	if (writes)
		callbacks_tell_data(p, p->bev.writecb);
	callbacks_tell_event(p, (short)(what & ~BEV_EVENT_CONNECTED), err);
}

void
evrt__bev_run_deferred(struct evrt_task *task, void *arg)
{
	struct bufferevent_private *p = arg;

	(void)task;
	evrt__bev_lock(p);
	p->deferred_queued = false;
	if (evrt__strand_current() == p->strand)
		callbacks_run_pending(p);
	/* Else the base is being freed, and what is left of its tasks is told to let go of what they hold. */
	evrt__bev_unref_and_unlock(p);
}

void
evrt__bev_trigger_nolock(struct bufferevent_private *p, short iotype, int options)
{
	bool always = (options & BEV_TRIG_IGNORE_WATERMARKS) != 0;

	if ((iotype & EV_READ) && (always || evbuffer_get_length(p->bev.input) >= p->bev.wm_read.low))
		evrt__bev_call_read(p, options);
	if ((iotype & EV_WRITE) && (always || evbuffer_get_length(p->bev.output) <= p->bev.wm_write.low))
		evrt__bev_call_write(p, options);
}

void
bufferevent_trigger(struct bufferevent *bev, short iotype, int options)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_lock_and_ref(p);
	evrt__bev_trigger_nolock(p, iotype, options & TRIGGER_OPTIONS);
	evrt__bev_unref_and_unlock(p);
}

void
bufferevent_trigger_event(struct bufferevent *bev, short what, int options)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int err = EVUTIL_SOCKET_ERROR();

	evrt__bev_lock_and_ref(p);
	evrt__bev_call_event(p, what, err, options & TRIGGER_OPTIONS);
	evrt__bev_unref_and_unlock(p);
}
