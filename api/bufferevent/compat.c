/* api/bufferevent/compat.c — the calls of libevent 1.x.
 *
 * Threads:  as their modern forms.
 */
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include "api/bufferevent/bufferevent_internal.h"

struct bufferevent *
bufferevent_new(evutil_socket_t fd, evbuffercb readcb, evbuffercb writecb, everrorcb errorcb, void *cbarg)
{
	struct event probe;
	struct bufferevent *bev;

	/* The base that event_init has made: the one that an event without a base gets. */
	if (event_assign(&probe, NULL, -1, 0, NULL, NULL) < 0)
		return NULL;
	struct event_base *base = event_get_base(&probe);
	event_debug_unassign(&probe);
	bev = bufferevent_socket_new(base, fd, 0);
	if (bev)
		bufferevent_setcb(bev, readcb, writecb, errorcb, cbarg);
	return bev;
}

void
bufferevent_settimeout(struct bufferevent *bev, int timeout_read, int timeout_write)
{
	struct timeval rd = { timeout_read, 0 }, wr = { timeout_write, 0 };

	bufferevent_set_timeouts(bev, timeout_read ? &rd : NULL, timeout_write ? &wr : NULL);
}
