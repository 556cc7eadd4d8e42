/* api/bufferevent/timeouts.c — timeouts of bufferevents that no descriptor serves: pairs and filters.
 *
 * Here:     ev_read and ev_write as mere timers. One runs while its direction is enabled, not suspended, and, for
 *           writing, while something waits in output; every byte that passes begins it anew.
 * Not here: sockets, whose events have timeouts of their own (socket.c).
 * Threads:  the timers run in the strand; all else locked.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include "threading/lock.h"

struct timer_side {
	short event;
	struct event *ev;
	const struct timeval *after;
	bool *added;
	bool wanted;
};

static struct timer_side
timer_side(struct bufferevent_private *p, short event)
{
	struct bufferevent *bev = &p->bev;
	bool runs = !p->freed && (bev->enabled & event);

	if (event == EV_READ)
		return (struct timer_side){ event, &bev->ev_read, &bev->timeout_read, &p->read_added,
			runs && !p->read_suspended && evutil_timerisset(&bev->timeout_read) };
	return (struct timer_side){ event, &bev->ev_write, &bev->timeout_write, &p->write_added,
		runs && !p->write_suspended && evutil_timerisset(&bev->timeout_write) &&
		evbuffer_get_length(bev->output) > 0 };
}

static int
timer_set(struct bufferevent_private *p, short event, bool anew)
{
	struct timer_side side = timer_side(p, event);
	int err = 0;

	if (side.wanted ? *side.added && !anew : !*side.added)
		return 0;
	evrt__lock(p->strand->lock);
	if (side.wanted)
		err = evrt__event_add_nolock(p->strand, evrt__event(side.ev), side.after);
	else
		evrt__event_del_nolock(p->strand, evrt__event(side.ev), false);
	evrt__unlock(p->strand->lock);
	if (err == 0)
		*side.added = side.wanted;
	return err;
}

int
evrt__bev_timers_set(struct bufferevent_private *p, short events, bool anew)
{
	int err = events & EV_READ ? timer_set(p, EV_READ, anew) : 0;
	int write_err = events & EV_WRITE ? timer_set(p, EV_WRITE, anew) : 0;

	return err < 0 ? err : write_err;
}

void
evrt__bev_timers_update(struct bufferevent_private *p, short events, bool anew)
{
	int err = evrt__bev_timers_set(p, events, anew);

	if (err < 0)
		evrt__bev_call_failed(p, events, -err);
}

static void
timer_due(struct bufferevent_private *p, short event)
{
	if (!evrt__bev_enter(p))
		return;
	struct timer_side side = timer_side(p, event);
	evrt__lock(p->strand->lock);
	/* Between the time and our lock another thread may have let a byte pass, which has begun it anew. */
	bool stale = !*side.added || evrt__event_is_added(evrt__event(side.ev));
	evrt__unlock(p->strand->lock);
	if (!stale) {
		*side.added = false;
		evrt__bev_disable_nolock(p, event);
		evrt__bev_call_event(p, (short)(BEV_EVENT_TIMEOUT |
		    (event == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING)), 0, 0);
	}
	evrt__bev_unref_and_unlock(p);
}

static void
timer_read_due(evutil_socket_t fd, short what, void *p)
{
	(void)fd, (void)what;
	timer_due(p, EV_READ);
}

static void
timer_write_due(evutil_socket_t fd, short what, void *p)
{
	(void)fd, (void)what;
	timer_due(p, EV_WRITE);
}

int
evrt__bev_timers_init(struct bufferevent_private *p)
{
	struct event_base *base = p->bev.ev_base;

	if (event_assign(&p->bev.ev_read, base, -1, 0, timer_read_due, p) < 0 ||
	    event_assign(&p->bev.ev_write, base, -1, 0, timer_write_due, p) < 0)
		return -EINVAL;
	evrt__event_join(evrt__event(&p->bev.ev_read), p->strand);
	evrt__event_join(evrt__event(&p->bev.ev_write), p->strand);
	return 0;
}

void
evrt__bev_timers_stop(struct bufferevent_private *p)
{
	evrt__lock(p->strand->lock);
	evrt__event_del_nolock(p->strand, evrt__event(&p->bev.ev_read), false);
	evrt__event_del_nolock(p->strand, evrt__event(&p->bev.ev_write), false);
	evrt__unlock(p->strand->lock);
	p->read_added = p->write_added = false;
}

void
evrt__bev_timers_fini(struct bufferevent_private *p)
{
	event_debug_unassign(&p->bev.ev_read);
	event_debug_unassign(&p->bev.ev_write);
}

int
evrt__bev_timers_adjust(struct bufferevent *bev)
{
	/* A direction that has no timeout any more is not wanted. */
	return evrt__public_result(evrt__bev_timers_set(evrt__bev(bev), EV_READ | EV_WRITE, true));
}
