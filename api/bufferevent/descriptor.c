/* api/bufferevent/descriptor.c — what a bufferevent is over.
 *
 * Here:     setting, replacing and getting the descriptor; getting the bufferevent below, and letting go of it.
 * Not here: what it means to serve another descriptor: each kind says so (bufferevent_ops).
 * Threads:  any.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include "base/sys.h"

int
evrt__bev_enable_bottom(struct bufferevent *below, short events)
{
	short begins = 0;

	while (below->be_ops->get_underlying)
		below = below->be_ops->get_underlying(below);
	struct bufferevent_private *p = evrt__bev(below);
	if ((events & EV_READ) && !p->read_added)
		begins |= EV_READ;
	if ((events & EV_WRITE) && !p->write_added && evbuffer_get_length(below->output) > 0)
		begins |= EV_WRITE;
	begins &= below->enabled;
	return begins ? evrt__bev_enable_nolock(p, begins) : 0;
}

int
bufferevent_setfd(struct bufferevent *bev, evutil_socket_t fd)
{
	int r = -1;

	evrt__bev_lock_and_ref(evrt__bev(bev));
	if (bev->be_ops->set_fd)
		r = bev->be_ops->set_fd(bev, fd);
	evrt__bev_unref_and_unlock(evrt__bev(bev));
	return r;
}

int
bufferevent_replacefd(struct bufferevent *bev, evutil_socket_t fd)
{
	const struct bufferevent_ops *ops = bev->be_ops;
	int r = -1;

	evrt__bev_lock_and_ref(evrt__bev(bev));
	if (ops->set_fd && ops->get_fd) {
		evutil_socket_t before = ops->get_fd(bev);
		r = ops->set_fd(bev, fd);
		if (before >= 0 && before != ops->get_fd(bev))
			evrt__sys.close(before);
	}
	evrt__bev_unref_and_unlock(evrt__bev(bev));
	return r;
}

evutil_socket_t
bufferevent_getfd(struct bufferevent *bev)
{
	evutil_socket_t fd = -1;

	evrt__bev_lock(evrt__bev(bev));
	if (bev->be_ops->get_fd)
		fd = bev->be_ops->get_fd(bev);
	evrt__bev_unlock(evrt__bev(bev));
	return fd;
}

struct bufferevent *
bufferevent_get_underlying(struct bufferevent *bev)
{
	struct bufferevent *below = NULL;

	evrt__bev_lock(evrt__bev(bev));
	if (bev->be_ops->get_underlying)
		below = bev->be_ops->get_underlying(bev);
	evrt__bev_unlock(evrt__bev(bev));
	return below;
}

void
evrt__bev_give_back(struct bufferevent *below, bufferevent_event_cb eventcb, const struct bufferevent_private *above)
{
	evrt__bev(below)->above_pulls = false;
	/* Not bufferevent_setcb, which would wait for a callback: one that has begun finds that its own is stopped. The
	 * program may have set its own meanwhile. */
	if (below->errorcb == eventcb && below->cbarg == above) {
		below->readcb = below->writecb = NULL;
		below->errorcb = NULL;
		below->cbarg = NULL;
	}
	/* What is left below is the program's again. */
	if (!(above->options & BEV_OPT_CLOSE_ON_FREE))
		evrt__bev_resume(evrt__bev(below), EV_READ, EVRT_BEV_SUSPEND_ABOVE);
}

void
evrt__bev_release_below(struct bufferevent *below, const struct bufferevent_private *above)
{
	evrt__bev_lock(evrt__bev(below));
	bool frees = (above->options & BEV_OPT_CLOSE_ON_FREE) && !evrt__bev(below)->freed;
	evrt__bev_unlock(evrt__bev(below));
	if (frees)
		bufferevent_free(below);
	bufferevent_decref(below);
}
