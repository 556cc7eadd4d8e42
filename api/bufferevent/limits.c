/* api/bufferevent/limits.c — how much one system call may move.
 *
 * Here:     max_single_read and _write, and the questions how much may be moved now.
 * Not here: rate limits (ratelim.h), of which a bufferevent that has none pays for a compare.
 * Threads:  any.
 */
#include "api/bufferevent/ratelim.h"

/* 0 and sizes beyond all sense restore the default. */
static size_t
limits_or_default(size_t size, size_t by_default)
{
	return size == 0 || size > EV_SSIZE_MAX ? by_default : size;
}

int
bufferevent_set_max_single_read(struct bufferevent *bev, size_t size)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_lock(p);
	p->single_read_max = limits_or_default(size, EVRT_BEV_READ_MAX_DEFAULT);
	/* More than the evbuffer would read by itself is asked for: let it. */
	evbuffer_set_max_read(bev->input, p->single_read_max > EVRT_BUFFER_READ_MAX_DEFAULT
	    ? p->single_read_max : EVRT_BUFFER_READ_MAX_DEFAULT);
	evrt__bev_unlock(p);
	return 0;
}

int
bufferevent_set_max_single_write(struct bufferevent *bev, size_t size)
{
	evrt__bev_lock(evrt__bev(bev));
	evrt__bev(bev)->single_write_max = limits_or_default(size, EVRT_BEV_WRITE_MAX_DEFAULT);
	evrt__bev_unlock(evrt__bev(bev));
	return 0;
}

static ev_ssize_t
limits_get(struct bufferevent *bev, const size_t *which)
{
	evrt__bev_lock(evrt__bev(bev));
	size_t value = *which;
	evrt__bev_unlock(evrt__bev(bev));
	return (ev_ssize_t)value;
}

ev_ssize_t
bufferevent_get_max_single_read(struct bufferevent *bev)
{
	return limits_get(bev, &evrt__bev(bev)->single_read_max);
}

ev_ssize_t
bufferevent_get_max_single_write(struct bufferevent *bev)
{
	return limits_get(bev, &evrt__bev(bev)->single_write_max);
}

/* --- with rate limits ------------------------------------------------------------------------- */

static ev_ssize_t
limits_peek(struct bufferevent *bev, enum evrt_rate_way way, const size_t *most)
{
	evrt__bev_lock(evrt__bev(bev));
	size_t value = evrt__bev(bev)->rate ? evrt__rate_peek(evrt__bev(bev), way, *most) : *most;
	evrt__bev_unlock(evrt__bev(bev));
	return (ev_ssize_t)value;
}

ev_ssize_t
bufferevent_get_max_to_read(struct bufferevent *bev)
{
	return limits_peek(bev, EVRT_RATE_READ, &evrt__bev(bev)->single_read_max);
}

ev_ssize_t
bufferevent_get_max_to_write(struct bufferevent *bev)
{
	return limits_peek(bev, EVRT_RATE_WRITE, &evrt__bev(bev)->single_write_max);
}

size_t
evrt__bev_read_budget(struct bufferevent_private *p)
{
	return p->rate ? evrt__rate_budget(p, EVRT_RATE_READ, p->single_read_max) : p->single_read_max;
}

size_t
evrt__bev_write_budget(struct bufferevent_private *p)
{
	return p->rate ? evrt__rate_budget(p, EVRT_RATE_WRITE, p->single_write_max) : p->single_write_max;
}

void
evrt__bev_moved_read(struct bufferevent_private *p, size_t n)
{
	if (p->rate)
		evrt__rate_moved(p, EVRT_RATE_READ, n);
}

void
evrt__bev_moved_write(struct bufferevent_private *p, size_t n)
{
	if (p->rate)
		evrt__rate_moved(p, EVRT_RATE_WRITE, n);
}
