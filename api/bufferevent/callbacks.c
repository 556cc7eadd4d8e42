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
 * Locks: see the head of bufferevent_internal.h. The program is called with the call lock held, the data lock not.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include "base/shake.h"
#include "base/trace.h"
#include "runtime/pool/watchdog.h"
#include "threading/lock.h"

#define TRIGGER_OPTIONS (BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS)

/* Must this one wait for the deferred run? If not, the call lock is held on return. */
static bool
callbacks_deferred(struct bufferevent_private *p, int options)
{
	if ((p->options & BEV_OPT_DEFER_CALLBACKS) || (options & BEV_TRIG_DEFER_CALLBACKS))
		return true;
	if (p->bev.ev_base->kind != EVRT_BASE_PLAIN && evrt__strand_current() != p->strand)
		return true;
	if (!p->locks)
		return false;
	/* The data lock would stay locked around the callback. */
	if (evrt__bev_in_program(p) || p->call_refused)
		return true;
	p->call_refused = EVRT_SHAKE_CHOOSE(bev_defer, 8) || !evrt__trylock(p->locks->call);
	return p->call_refused;
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

/* Around a callback of the program. The call lock is held; that of `unlocks` is released, too; NULL: stays. */
static void
callbacks_leave(struct bufferevent_private *p, struct evrt_bev_locks *unlocks)
{
	EVRT_TRACE(program_called, p->strand);
	evrt__bev_unlock(p);
	if (unlocks)
		evrt__unlock(unlocks->call);
}

static void
callbacks_return(struct bufferevent_private *p, struct evrt_bev_locks *unlocks)
{
	if (unlocks)
		evrt__lock(unlocks->call);
	evrt__bev_lock(p);
	EVRT_TRACE(program_returned, p->strand);
}

/* While the call lock is held nobody else changes the callbacks (bufferevent_setcb). */
static void
callbacks_tell_data(struct bufferevent_private *p, bufferevent_data_cb cb, struct evrt_bev_locks *unlocks)
{
	void *arg = p->bev.cbarg;

	if (!cb)
		return;
	callbacks_leave(p, unlocks);
	evrt__watch_name((evrt_watch_fn)cb);
	cb(&p->bev, arg);
	callbacks_return(p, unlocks);
}

static void
callbacks_tell_event(struct bufferevent_private *p, short what, int err, struct evrt_bev_locks *unlocks)
{
	bufferevent_event_cb cb = p->bev.errorcb;
	void *arg = p->bev.cbarg;

	if (!what || !cb)
		return;
	callbacks_leave(p, unlocks);
	evrt__watch_name((evrt_watch_fn)cb);
	EVUTIL_SET_SOCKET_ERROR(err);
	cb(&p->bev, what, arg);
	callbacks_return(p, unlocks);
}

/* `locks` are those from before the callback: one that puts a filter above may have given it locks, of which the
 * call lock was not taken. */
static void
callbacks_end(struct evrt_bev_locks *locks)
{
	if (locks)
		evrt__unlock(locks->call);
}

void
evrt__bev_call_read(struct bufferevent_private *p, int options)
{
	struct evrt_bev_locks *locks = p->locks;

	if (!p->bev.readcb)
		return;
	if (callbacks_deferred(p, options)) {
		p->read_pending = true;
		callbacks_schedule(p);
		return;
	}
	callbacks_tell_data(p, p->bev.readcb, NULL);
	callbacks_end(locks);
	evrt__bev_check_input(p);
}

void
evrt__bev_call_write(struct bufferevent_private *p, int options)
{
	struct evrt_bev_locks *locks = p->locks;

	if (!p->bev.writecb)
		return;
	if (callbacks_deferred(p, options)) {
		p->write_pending = true;
		callbacks_schedule(p);
		return;
	}
	callbacks_tell_data(p, p->bev.writecb, NULL);
	callbacks_end(locks);
}

void
evrt__bev_call_event(struct bufferevent_private *p, short what, int err, int options)
{
	struct evrt_bev_locks *locks = p->locks;

	if (!p->bev.errorcb)
		return;
	if (callbacks_deferred(p, options)) {
		p->events_pending |= what;
		p->errno_pending = err;
		callbacks_schedule(p);
		return;
	}
	callbacks_tell_event(p, what, err, NULL);
	callbacks_end(locks);
}

void
evrt__bev_call_failed(struct bufferevent_private *p, short events, int err)
{
	evrt__bev_call_event(p, (short)(BEV_EVENT_ERROR | (events & EV_READ ? BEV_EVENT_READING : 0) |
	    (events & EV_WRITE ? BEV_EVENT_WRITING : 0)), err, BEV_TRIG_DEFER_CALLBACKS);
}

static void
callbacks_run_pending(struct bufferevent_private *p, struct evrt_bev_locks *locks)
{
	/* What becomes due from here on asks for another run. */
	struct evrt_bev_locks *unlocks = p->options & BEV_OPT_UNLOCK_CALLBACKS ? locks : NULL;
	short what = p->events_pending;
	int err = p->errno_pending;
	bool reads = p->read_pending, writes = p->write_pending;
	p->read_pending = p->write_pending = false;
	p->call_refused = false;
	p->events_pending = 0;
	p->errno_pending = 0;
	callbacks_tell_event(p, what & BEV_EVENT_CONNECTED, 0, unlocks);
	if (reads && p->bev.readcb) {
		callbacks_tell_data(p, p->bev.readcb, unlocks);
		evrt__bev_check_input(p);
	}
	if (writes)
		callbacks_tell_data(p, p->bev.writecb, unlocks);
	callbacks_tell_event(p, (short)(what & ~BEV_EVENT_CONNECTED), err, unlocks);
}

void
evrt__bev_run_deferred(struct evrt_task *task, void *arg)
{
	struct bufferevent_private *p = arg;
	struct evrt_bev_locks *locks = p->locks; /* those from before the callbacks; `deferred_queued` holds a reference */

	(void)task;
	if (locks)
		evrt__lock(locks->call);
	evrt__bev_lock(p);
	p->deferred_queued = false;
	if (evrt__strand_current() == p->strand)
		callbacks_run_pending(p, locks);
	/* Else the base is being freed, and what is left of its tasks is told to let go of what they hold. */
	if (locks)
		evrt__unlock(locks->call);
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
