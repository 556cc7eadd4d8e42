/* api/compat/bufferevent.c — the older calls on bufferevents: those of event2/bufferevent_compat.h.
 *
 * Threads:  as their newer forms.
 */
#include <event2/bufferevent_compat.h>

#include "api/event/globals.h"

struct bufferevent *
bufferevent_new(evutil_socket_t fd, evbuffercb readcb, evbuffercb writecb, everrorcb errorcb, void *cbarg)
{
	struct bufferevent *bev = bufferevent_socket_new(evrt__global_base, fd, 0);

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
