/* api/bufferevent/watermark.c — how much is kept in the buffers, and who is told.
 *
 * Here:     setting and getting watermarks; reading stops at the high one, and goes on below it.
 * Not here: the low ones, which only decide whether a callback is called (callbacks.c).
 * Threads:  any, locked.
 *
 * While a read high watermark is set, the bufferevent hears of every change of input, so that a program that
 * drains it in any way, anywhere, lets reading go on. Without one bytes pass unheard.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <stdint.h>

void
evrt__bev_watermark_apply(struct bufferevent_private *p)
{
	size_t high = p->bev.wm_read.high;

	if (high && evbuffer_get_length(p->bev.input) >= high)
		evrt__bev_suspend(p, EV_READ, EVRT_BEV_SUSPEND_WATERMARK);
	else
		evrt__bev_resume(p, EV_READ, EVRT_BEV_SUSPEND_WATERMARK);
}

size_t
evrt__bev_input_room(const struct bufferevent_private *p)
{
	size_t high = p->bev.wm_read.high;
	size_t len = evbuffer_get_length(p->bev.input);

	if (high == 0)
		return EV_SSIZE_MAX;
	return len < high ? high - len : 0;
}

/* libevent's rule: a program that leaves input full is called again, until it makes room or disables reading;
 * nothing else would call it, for nothing more is read. A filter above would be called for ever instead, while it
 * is disabled or full. */
void
evrt__bev_check_input(struct bufferevent_private *p)
{
	if ((p->bev.enabled & EV_READ) && !p->above_pulls && p->bev.wm_read.high && evrt__bev_input_room(p) == 0)
		evrt__bev_trigger_nolock(p, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void
bufferevent_setwatermark(struct bufferevent *bev, short events, size_t lowmark, size_t highmark)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_lock_and_ref(p);
	if (events & EV_WRITE)
		bev->wm_write = (struct event_watermark){ lowmark, highmark };
	if (events & EV_READ) {
		bev->wm_read = (struct event_watermark){ lowmark, highmark };
		evrt__buffer_tell_owner(bev->input, highmark != 0);
		evrt__bev_watermark_apply(p);
	}
	evrt__bev_unref_and_unlock(p);
}

int
bufferevent_getwatermark(struct bufferevent *bev, short events, size_t *lowmark, size_t *highmark)
{
	const struct event_watermark *mark = events == EV_READ ? &bev->wm_read
	    : events == EV_WRITE ? &bev->wm_write : NULL;

	if (!mark)
		return -1;
	evrt__bev_lock(evrt__bev(bev));
	if (lowmark)
		*lowmark = mark->low;
	if (highmark)
		*highmark = mark->high;
	evrt__bev_unlock(evrt__bev(bev));
	return 0;
}
