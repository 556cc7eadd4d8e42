/* api/bufferevent/socket.c — bufferevents over a descriptor.
 *
 * Here:     reading, writing, timeouts; the operations of the kind; max_single_read and _write.
 * Not here: connecting (connect.c), how readiness is kept (api/event/stream.h).
 * Threads:  ev_read and ev_write run in the strand; all else as in bufferevent_internal.h.
 *
 * A turn makes one system call and at most one callback, then lets others have theirs: what is left is
 * activated again, behind them. That keeps libevent's pattern (one read, one read callback), and costs no
 * more than a push to the strand's queue.
 *
 * When a direction is drained. Reading: EAGAIN, or fewer bytes than offered, unless the peer has hung up (its
 * end of file would not be reported again). Writing: EAGAIN only. A short write may also mean that a single
 * call had enough (a file's end, the number of pieces), and the edge that tells of room comes only after the
 * kernel has refused something.
 *
 * The descriptor is registered by the first event_add, not by bufferevent_socket_new: a socket that is yet to
 * be connected would be reported as hung up.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include "api/util/socket_error.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/trace.h"
#include "threading/lock.h"

#define RW (EV_READ | EV_WRITE)

/* --- the two events ------------------------------------------------------------------------- */

int
evrt__bev_socket_open(struct bufferevent_private *p, unsigned ready)
{
	if (p->stream_open || p->fd < 0 || p->connecting == EVRT_BEV_CONNECT_RACES)
		return 0;
	int err = evrt__stream_open(&p->stream, p->fd, ready);
	p->stream_open = err == 0;
	return err;
}

static void
socket_close_stream(struct bufferevent_private *p)
{
	if (p->stream_open)
		(void)evrt__stream_open(&p->stream, -1, 0); /* closing cannot fail */
	p->stream_open = false;
}

int
evrt__bev_socket_add(struct bufferevent_private *p, short event)
{
	bool reads = event == EV_READ;
	struct event *ev = reads ? &p->bev.ev_read : &p->bev.ev_write;
	const struct timeval *tv = reads ? &p->bev.timeout_read : &p->bev.timeout_write;
	int err = evrt__bev_socket_open(p, EVRT_WRITE);

	if (err < 0)
		return err;
	evrt__lock(p->strand->lock);
	if (!evutil_timerisset(tv))
		evrt__event(ev)->interval_ns = 0; /* one that was cleared meanwhile would come back with the next report */
	err = evrt__event_add_nolock(p->strand, evrt__event(ev), evutil_timerisset(tv) ? tv : NULL);
	evrt__unlock(p->strand->lock);
	if (err == 0)
		*(reads ? &p->read_added : &p->write_added) = true;
	return err;
}

void
evrt__bev_socket_activate_write(struct bufferevent_private *p)
{
	evrt__lock(p->strand->lock);
	evrt__event_active_nolock(p->strand, evrt__event(&p->bev.ev_write), EV_WRITE, 1);
	evrt__unlock(p->strand->lock);
	p->write_added = true; /* for evrt__bev_socket_del it is */
}

void
evrt__bev_socket_del(struct bufferevent_private *p, short events)
{
	evrt__lock(p->strand->lock);
	if (events & EV_READ)
		evrt__event_del_nolock(p->strand, evrt__event(&p->bev.ev_read), false);
	if (events & EV_WRITE)
		evrt__event_del_nolock(p->strand, evrt__event(&p->bev.ev_write), false);
	evrt__unlock(p->strand->lock);
	if (events & EV_READ)
		p->read_added = false;
	if (events & EV_WRITE)
		p->write_added = false;
}

void
evrt__bev_socket_attach(struct bufferevent_private *p, evutil_socket_t fd)
{
	EVRT_ASSERT(!p->read_added && !p->write_added);
	socket_close_stream(p);
	p->fd = fd;
	evrt__lock(p->strand->lock);
	evrt__event(&p->bev.ev_read)->fd = fd;
	evrt__event(&p->bev.ev_write)->fd = fd;
	evrt__unlock(p->strand->lock);
}

/* --- what they do --------------------------------------------------------------------------- */

/* The direction ends, then the program is told why. */
static void
socket_fail(struct bufferevent_private *p, short event, short what, int err)
{
	what |= event == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING;
	evrt__bev_disable_nolock(p, event);
	evrt__bev_call_event(p, what, err, 0);
}

static void
socket_read(struct bufferevent_private *p)
{
	size_t room = evrt__bev_input_room(p);
	size_t offered;

	if (room == 0) {
		evrt__bev_suspend(p, EV_READ, EVRT_BEV_SUSPEND_WATERMARK);
		return;
	}
	size_t budget = evrt__bev_read_budget(p);
	if (budget == 0)
		return;
	evbuffer_unfreeze(p->bev.input, 0);
	ssize_t n = evrt__buffer_read(p->bev.input, p->fd, (ssize_t)(room < budget ? room : budget), &offered);
	evbuffer_freeze(p->bev.input, 0);
	if (n == 0) {
		socket_fail(p, EV_READ, BEV_EVENT_EOF, 0);
		return;
	}
	if (n < 0 && !evrt__err_rw_retriable((int)-n)) {
		socket_fail(p, EV_READ, BEV_EVENT_ERROR, (int)-n);
		return;
	}
	if (n == -EAGAIN)
		evrt__stream_drained(&p->stream, EVRT_READ);
	else if (n > 0 && (size_t)n < offered)
		evrt__stream_short_read(&p->stream);
	if (n > 0) {
		EVRT_TRACE(bytes_read, p->strand);
		evrt__bev_moved_read(p, (size_t)n);
		evrt__bev_trigger_nolock(p, EV_READ, 0);
	}
	/* Behind whatever the callback has begun, such as writing the answer. */
	if (p->read_added)
		evrt__stream_resume(&p->stream);
}

static void
socket_readable(evutil_socket_t fd, short what, void *arg)
{
	struct bufferevent_private *p = arg;

	(void)fd;
	if (!evrt__bev_enter(p))
		return;
	/* Another thread may have ended reading between the report and our lock. */
	if (!p->read_added)
		;
	else if (!(what & EV_READ))
		socket_fail(p, EV_READ, BEV_EVENT_TIMEOUT, 0);
	else if (!p->connecting)
		socket_read(p);
	evrt__bev_unref_and_unlock(p);
}

/* `connected` just now: then a write callback is not due before something was written. */
static void
socket_write(struct bufferevent_private *p, bool connected)
{
	size_t budget = evbuffer_get_length(p->bev.output) ? evrt__bev_write_budget(p) : SIZE_MAX;

	if (budget == 0)
		return;
	evbuffer_unfreeze(p->bev.output, 1);
	ssize_t n = evrt__buffer_write(p->bev.output, p->fd, (ssize_t)budget);
	evbuffer_freeze(p->bev.output, 1);
	if (n < 0 && !evrt__err_rw_retriable((int)-n)) {
		socket_fail(p, EV_WRITE, BEV_EVENT_ERROR, (int)-n);
		return;
	}
	if (n == -EAGAIN)
		evrt__stream_drained(&p->stream, EVRT_WRITE);
	if (n > 0) {
		EVRT_TRACE(bytes_written, p->strand);
		evrt__bev_moved_write(p, (size_t)n);
	}
	/* Before the callback, which may fill it again. */
	if (evbuffer_get_length(p->bev.output) == 0)
		evrt__bev_socket_del(p, EV_WRITE);
	if (n > 0 || (n == 0 && !connected))
		evrt__bev_trigger_nolock(p, EV_WRITE, 0);
	if (p->write_added)
		evrt__stream_resume(&p->stream);
}

static void
socket_write_timeout(struct bufferevent_private *p)
{
	/* The end of a connect is still worth waiting for, without a limit from here on. */
	if (p->connecting)
		event_remove_timer(&p->bev.ev_write);
	socket_fail(p, EV_WRITE, BEV_EVENT_TIMEOUT, 0);
}

static void
socket_writable(evutil_socket_t fd, short what, void *arg)
{
	struct bufferevent_private *p = arg;

	(void)fd;
	if (!evrt__bev_enter(p))
		return;
	if (!p->write_added)
		;
	else if (!(what & EV_WRITE))
		socket_write_timeout(p);
	else if (!p->connecting)
		socket_write(p, false);
	else if (evrt__bev_connect_finish(p))
		socket_write(p, true);
	evrt__bev_unref_and_unlock(p);
}

/* --- the kind ------------------------------------------------------------------------------- */

static int
socket_enable(struct bufferevent *bev, short events)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int err = events & EV_READ ? evrt__bev_socket_add(p, EV_READ) : 0;

	if (err == 0 && (events & EV_WRITE))
		err = evrt__bev_socket_add(p, EV_WRITE);
	return evrt__public_result(err);
}

static void
socket_disable(struct bufferevent *bev, short events)
{
	struct bufferevent_private *p = evrt__bev(bev);

	/* A connect that is under way ends by being writable. */
	if (p->connecting)
		events &= ~EV_WRITE;
	evrt__bev_socket_del(p, events);
}

static void
socket_output_grew(struct bufferevent *bev)
{
	struct bufferevent_private *p = evrt__bev(bev);

	int err = p->write_added ? 0 : evrt__bev_socket_add(p, EV_WRITE);

	if (err < 0)
		evrt__bev_call_failed(p, EV_WRITE, -err);
}

static int
socket_adjust(struct bufferevent_private *p, short event, bool added, const struct timeval *tv, struct event *ev)
{
	if (!added)
		return 0;
	if (evutil_timerisset(tv))
		return evrt__public_result(evrt__bev_socket_add(p, event));
	return event_remove_timer(ev);
}

static int
socket_adjust_timeouts(struct bufferevent *bev)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int r = socket_adjust(p, EV_READ, p->read_added, &bev->timeout_read, &bev->ev_read);

	if (socket_adjust(p, EV_WRITE, p->write_added, &bev->timeout_write, &bev->ev_write) < 0)
		r = -1;
	return r;
}

static void
socket_stop(struct bufferevent *bev)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_connect_cancel(p);
	evrt__bev_socket_del(p, RW);
	socket_close_stream(p);
}

static void
socket_forget_events(struct bufferevent_private *p)
{
	evrt__stream_fini(&p->stream);
	event_debug_unassign(&p->bev.ev_read);
	event_debug_unassign(&p->bev.ev_write);
}

static void
socket_destroy(struct bufferevent *bev)
{
	struct bufferevent_private *p = evrt__bev(bev);

	socket_forget_events(p);
	if ((p->options & BEV_OPT_CLOSE_ON_FREE) && p->fd >= 0)
		evrt__sys.close(p->fd);
}

static int
socket_flush(struct bufferevent *bev, short iotype, enum bufferevent_flush_mode mode)
{
	(void)bev;
	(void)iotype;
	(void)mode;
	return 0;
}

static evutil_socket_t
socket_get_fd(const struct bufferevent *bev)
{
	return evrt__bev_const(bev)->fd;
}

static void
socket_connected(struct bufferevent *bev)
{
	evrt__bev_call_event(evrt__bev(bev), BEV_EVENT_CONNECTED, 0, 0);
}

static int
socket_set_fd(struct bufferevent *bev, evutil_socket_t fd)
{
	struct bufferevent_private *p = evrt__bev(bev);

	evrt__bev_connect_cancel(p);
	evrt__bev_socket_del(p, RW);
	evrt__bev_socket_attach(p, fd);
	/* Until the next read or write the program may edit the wrong ends: as in libevent. */
	evbuffer_unfreeze(bev->input, 0);
	evbuffer_unfreeze(bev->output, 1);
	return fd >= 0 ? evrt__bev_enable_nolock(p, bev->enabled) : 0;
}

static int
socket_assign(struct bufferevent_private *p, struct event_base *base, evutil_socket_t fd)
{
	if (event_assign(&p->bev.ev_read, base, fd, EV_READ | EV_PERSIST, socket_readable, p) < 0)
		return -1;
	if (event_assign(&p->bev.ev_write, base, fd, EV_WRITE | EV_PERSIST, socket_writable, p) < 0)
		return -1;
	evrt__stream_init(&p->stream, p->strand, &p->bev.ev_read, &p->bev.ev_write);
	return 0;
}

static int
socket_set_base(struct bufferevent *bev, struct event_base *base)
{
	struct bufferevent_private *p = evrt__bev(bev);

	if (p->read_added || p->write_added || p->connecting || p->name)
		return -1;
	struct evrt_strand *strand = evrt__base_strand_for_new(base);
	if (!strand)
		return -1;
	socket_close_stream(p);
	socket_forget_events(p);
	evrt__strand_unref(p->strand);
	p->strand = strand;
	bev->ev_base = base;
	p->deferred.pri = (uint8_t)(event_base_get_npriorities(base) / 2);
	return socket_assign(p, base, p->fd);
}

static int
socket_set_priority(struct bufferevent *bev, int priority)
{
	struct bufferevent_private *p = evrt__bev(bev);
	struct event_core *rd = evrt__event(&bev->ev_read), *wr = evrt__event(&bev->ev_write);

	if (priority < 0 || priority >= event_base_get_npriorities(bev->ev_base))
		return -1;
	evrt__lock(p->strand->lock);
	bool active = ((rd->task.flags | wr->task.flags) & EVLIST_ACTIVE) != 0;
	if (!active) {
		rd->task.pri = wr->task.pri = (uint8_t)priority;
		/* If a deferred run is queued already, it keeps its place. */
		p->deferred.pri = (uint8_t)priority;
	}
	evrt__unlock(p->strand->lock);
	return active ? -1 : 0;
}

const struct bufferevent_ops evrt__bev_socket_ops = {
	.name = "socket",
	.enable = socket_enable,
	.disable = socket_disable,
	.output_grew = socket_output_grew,
	.adjust_timeouts = socket_adjust_timeouts,
	.stop = socket_stop,
	.destroy = socket_destroy,
	.flush = socket_flush,
	.get_fd = socket_get_fd,
	.set_fd = socket_set_fd,
	.set_base = socket_set_base,
	.set_priority = socket_set_priority,
	.connected = socket_connected,
};

struct bufferevent *
bufferevent_socket_new(struct event_base *base, evutil_socket_t fd, int options)
{
	struct bufferevent_private *p = base ? evrt__calloc(1, sizeof(*p)) : NULL;
	int err = p ? evrt__bev_init(p, base, &evrt__bev_socket_ops, options, NULL) : base ? -ENOMEM : -EINVAL;

	if (err < 0) {
		evrt__free(p);
		errno = -err;
		return NULL;
	}
	p->fd = fd;
	if (socket_assign(p, base, fd) < 0) {
		evrt__bev_fini(p);
		evrt__free(p);
		return NULL;
	}
	evbuffer_set_flags(p->bev.output, EVBUFFER_FLAG_DRAINS_TO_FD);
	evbuffer_freeze(p->bev.input, 0);
	evbuffer_freeze(p->bev.output, 1);
	return &p->bev;
}
