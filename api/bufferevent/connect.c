/* api/bufferevent/connect.c — connecting the socket of a bufferevent to one address.
 *
 * Here:     bufferevent_socket_connect, and the end of a connect.
 * Not here: reading and writing (socket.c), names (connect_name.c), several addresses (happy_eyeballs.c).
 * Threads:  any, locked; a connect ends in the strand.
 *
 *            connect, connected or in progress       writable, SO_ERROR 0
 *   IDLE ------------------------------> WAITS -----------------------------> IDLE, CONNECTED told
 *    |                                    | error
 *    | refused at once                    v
 *    '------------> FAILED --------------> IDLE, ERROR told
 *                           next turn
 *
 * What is known at once is told by the next turn, too, and not in the middle of the program's call. Whatever ends a
 * connect before (another connect, another descriptor, bufferevent_free) deletes ev_write, and with it the report:
 * so each connect is told once, or not at all because the program has called it off.
 *
 * While connecting, ev_write is added whatever the program has enabled: its report ends the connect. ev_read
 * is added if reading is enabled, so that its timeout counts, but nothing is read.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include <sys/un.h>
#include "api/util/socket_error.h"
#include "base/sys.h"

#define RW (EV_READ | EV_WRITE)

_Static_assert(sizeof(struct sockaddr_un) <= sizeof(struct sockaddr_storage), "the longest address is the latter");

void
evrt__bev_connect_cancel(struct bufferevent_private *p)
{
	p->connecting = EVRT_BEV_CONNECT_IDLE;
	p->fd_made = false;
	evrt__bev_name_cancel(p);
}

int
evrt__bev_connect_wait(struct bufferevent_private *p, evutil_socket_t fd, int result)
{
	evrt__bev_socket_del(p, RW);
	evrt__bev_socket_attach(p, fd);
	p->connecting = EVRT_BEV_CONNECT_WAITS;
	int err = evrt__bev_socket_open(p, result == 0 ? EVRT_WRITE : 0);
	if (err == 0)
		err = evrt__bev_socket_add(p, EV_WRITE);
	if (err == 0 && (p->bev.enabled & EV_READ) && !p->read_suspended)
		err = evrt__bev_socket_add(p, EV_READ);
	if (err < 0) {
		p->connecting = EVRT_BEV_CONNECT_IDLE;
		evrt__bev_socket_del(p, RW);
	}
	return err;
}

void
evrt__bev_connect_fail(struct bufferevent_private *p, int err)
{
	evrt__bev_socket_del(p, RW);
	p->connecting = EVRT_BEV_CONNECT_FAILED;
	p->failed_with = err;
	evrt__bev_socket_activate_write(p);
}

static int
connect_call(evutil_socket_t fd, const struct sockaddr *sa, socklen_t len)
{
	return evrt__sys.connect(fd, sa, len) == 0 ? 0 : -errno;
}

int
evrt__bev_connect_begin(struct bufferevent_private *p, const struct sockaddr *sa, socklen_t len)
{
	evutil_socket_t fd = p->fd;
	bool made = fd < 0;

	if (made)
		fd = evrt__sys.socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int err = connect_call(fd, sa, len);
	if (evrt__err_connect_refused(-err)) {
		evrt__bev_socket_del(p, RW);
		evrt__bev_socket_attach(p, fd);
		evrt__bev_connect_fail(p, -err);
		err = 0;
	} else if (err == 0 || evrt__err_connect_retriable(-err)) {
		err = evrt__bev_connect_wait(p, fd, err);
	}
	if (err < 0 && made) {
		if (p->fd == fd)
			evrt__bev_socket_attach(p, -1);
		evrt__sys.close(fd);
	}
	if (err == 0)
		p->fd_made = made;
	return err;
}

int
bufferevent_socket_connect(struct bufferevent *bev, const struct sockaddr *sa, int socklen)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int err = -EINVAL;

	evrt__bev_lock_and_ref(p);
	bool can = bev->be_ops->connected && !p->freed;
	if (can && p->connecting == EVRT_BEV_CONNECT_RACES)
		err = -EALREADY; /* what the kernel says where only one is under way */
	else if (can && sa && socklen >= (int)sizeof(sa->sa_family) && (size_t)socklen <= sizeof(struct sockaddr_storage))
		err = evrt__bev_connect_begin(p, sa, (socklen_t)socklen);
	else if (can && !sa && p->fd >= 0)
		err = evrt__bev_connect_wait(p, p->fd, -EINPROGRESS);
	/* It is this connect that counts, not one by name; one that was refused here changes nothing. */
	if (err == 0)
		evrt__bev_name_cancel(p);
	evrt__bev_unref_and_unlock(p);
	return evrt__public_result(err);
}

/* 0 connected, EINPROGRESS not yet, else why not. */
static int
connect_result(evutil_socket_t fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	return evrt__sys.getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

bool
evrt__bev_connect_finish(struct bufferevent_private *p)
{
	bool failed = p->connecting == EVRT_BEV_CONNECT_FAILED;

	if (p->connecting == EVRT_BEV_CONNECT_RACES)
		return false; /* somebody has activated ev_write by hand */
	int err = failed ? p->failed_with : connect_result(p->fd);
	if (!failed && evrt__err_connect_retriable(err)) {
		evrt__stream_drained(&p->stream, EVRT_WRITE);
		return false;
	}
	p->connecting = EVRT_BEV_CONNECT_IDLE;
	p->fd_made = false;
	if (failed || err) {
		evrt__bev_socket_del(p, RW);
		evrt__bev_call_event(p, BEV_EVENT_ERROR, err, 0);
		return false;
	}
	p->bev.be_ops->connected(&p->bev);
	/* The callback may have begun anything, another connect included. */
	if (p->connecting)
		return false;
	evrt__stream_resume(&p->stream); /* what became readable meanwhile */
	if (p->write_added && (!(p->bev.enabled & EV_WRITE) || p->write_suspended))
		evrt__bev_socket_del(p, EV_WRITE);
	return p->write_added;
}
