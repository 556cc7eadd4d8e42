/* api/datagram/datagram.c — making, switching and freeing datagram objects; telling their program.
 *
 * Here:     the object's life, its events, and its plain calls.
 * Not here: receiving (receive.c), sending (send.c), ancillary data (control.c), sockets (open.c).
 * Threads:  any; see datagram_internal.h.
 *
 * Both directions are one stream (api/event/stream.h): registered once, by edges. `readable` is added while the
 * object is enabled, `writable` only after the kernel has refused something.
 */
#include "api/datagram/datagram_internal.h"

#include <errno.h>
#include <limits.h>
#include "api/datagram/free.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/sys.h"
#include "threading/lock.h"

void
evrt__datagram_lock(struct evrt_datagram *dg)
{
	evrt__lock(dg->lock);
}

void
evrt__datagram_unlock(struct evrt_datagram *dg)
{
	evrt__unlock(dg->lock);
}

bool
evrt__datagram_enter(struct evrt_datagram *dg)
{
	evrt__datagram_lock(dg);
	if (dg->refs == 0) {
		evrt__datagram_unlock(dg);
		return false;
	}
	dg->refs++;
	return true;
}

static void
datagram_clean_up(struct evrt_datagram_list *done)
{
	struct evrt_datagram_out *out;

	while ((out = evrt__datagram_list_pop(done))) {
		out->cleanup(out->packet.data, out->packet.len, out->cleanup_arg);
		evrt__free(out);
	}
}

/* Takes all of `from` along: the caller's, on its stack, until it is emptied. */
static void
datagram_take(struct evrt_datagram_list *to, struct evrt_datagram_list *from)
{
	struct evrt_datagram_out *out;

	evrt__datagram_list_init(to);
	while ((out = evrt__datagram_list_pop(from)))
		evrt__datagram_list_push(to, out);
}

void
evrt__datagram_leave(struct evrt_datagram *dg)
{
	struct evrt_datagram_list done;

	EVRT_ASSERT(dg->refs > 0);
	datagram_take(&done, &dg->done);
	if (--dg->refs > 0) {
		evrt__datagram_unlock(dg);
	} else {
		/* From the submission on the object belongs to the strand, which may destroy it at once. */
		struct evrt_strand *strand = dg->strand;
		evrt__strand_ref(strand);
		evrt__datagram_unlock(dg);
		evrt__strand_submit(strand, &dg->last);
		evrt__strand_unref(strand);
	}
	datagram_clean_up(&done);
}

/* --- the events ----------------------------------------------------------------------------- */

static int
datagram_add(struct evrt_datagram *dg, struct event *ev, const struct timeval *tv)
{
	evrt__lock(dg->strand->lock);
	int err = evrt__event_add_nolock(dg->strand, evrt__event(ev), tv);
	evrt__unlock(dg->strand->lock);
	return err;
}

/* Does not wait for a turn that runs elsewhere. */
static void
datagram_del(struct evrt_datagram *dg, struct event *ev)
{
	evrt__lock(dg->strand->lock);
	evrt__event_del_nolock(dg->strand, evrt__event(ev), false);
	evrt__unlock(dg->strand->lock);
}

int
evrt__datagram_block(struct evrt_datagram *dg)
{
	const struct timeval later = { 0, EVRT_DATAGRAM_UNIX_RETRY_US };
	/* What is reported then is the room of our own socket; worse, each attempt that fails brings such a report. */
	bool deaf = dg->family == AF_UNIX && dg->queue.first->packet.peer;

	evrt__datagram_unblock(dg);
	/* Elsewhere an edge might just have come, and would be forgotten: the turn that follows will find out. */
	if (evrt__datagram_in_strand(dg))
		evrt__stream_drained(&dg->stream, EVRT_WRITE);
	int err = deaf ? datagram_add(dg, &dg->retry, &later) : datagram_add(dg, &dg->writable, NULL);
	dg->blocked = err == 0;
	return err;
}

void
evrt__datagram_unblock(struct evrt_datagram *dg)
{
	if (dg->blocked) {
		datagram_del(dg, &dg->writable);
		datagram_del(dg, &dg->retry);
	}
	dg->blocked = false;
}

void
evrt__datagram_disable_nolock(struct evrt_datagram *dg)
{
	if (dg->enabled)
		datagram_del(dg, &dg->readable);
	dg->enabled = false;
}

/* --- turns ------------------------------------------------------------------------------------ */

void
evrt__datagram_schedule(struct evrt_datagram *dg)
{
	if (dg->work_queued)
		return;
	dg->work_queued = true;
	dg->refs++;
	evrt__strand_submit(dg->strand, &dg->work);
}

/* Locked on entry and return; the callback is looked up anew each time: the one before may have changed it. */
static void
datagram_tell_error(struct evrt_datagram *dg, int err, const struct evrt_packet *lost)
{
	evrt_datagram_error_cb cb = dg->error_cb;
	void *arg = dg->arg;

	if (!cb)
		return;
	evrt__datagram_unlock(dg);
	cb(dg, err, lost, arg);
	evrt__datagram_lock(dg);
}

static void
datagram_tell_room(struct evrt_datagram *dg)
{
	evrt_datagram_writable_cb cb = dg->writable_cb;
	void *arg = dg->arg;

	dg->tells_room = false;
	if (!cb)
		return;
	evrt__datagram_unlock(dg);
	cb(dg, arg);
	evrt__datagram_lock(dg);
}

void
evrt__datagram_settle(struct evrt_datagram *dg)
{
	struct evrt_datagram_list lost;
	struct evrt_datagram_out *out;

	dg->settles = false;
	evrt__datagram_push_out(dg);
	int err = dg->err;
	dg->err = 0;
	if (err)
		datagram_tell_error(dg, err, NULL);
	/* What is lost while this is told, is told by the next turn. */
	datagram_take(&lost, &dg->lost);
	while ((out = evrt__datagram_list_pop(&lost))) {
		datagram_tell_error(dg, out->err, &out->packet);
		evrt__datagram_release(dg, out);
	}
	if (dg->tells_room && dg->queue.count + dg->lost.count <= dg->queue_max / 2)
		datagram_tell_room(dg);
}

/* evrt_task.fn of `work`: in the strand; or elsewhere, because the base is being freed. */
static void
datagram_work(struct evrt_task *task, void *arg)
{
	struct evrt_datagram *dg = arg;

	(void)task;
	evrt__datagram_lock(dg);
	dg->work_queued = false;
	if (evrt__datagram_in_strand(dg))
		evrt__datagram_settle(dg);
	evrt__datagram_leave(dg);
}

static void
datagram_readable(evutil_socket_t fd, short what, void *arg)
{
	struct evrt_datagram *dg = arg;

	(void)fd;
	(void)what;
	if (!evrt__datagram_enter(dg))
		return;
	dg->settles = true;
	/* Another thread may have disabled it between the report and our lock. */
	if (dg->enabled)
		evrt__datagram_receive(dg);
	evrt__datagram_settle(dg);
	/* Behind others: one batch is a turn. */
	if (dg->enabled)
		evrt__stream_resume(&dg->stream);
	evrt__datagram_leave(dg);
}

/* Of `writable` and `retry`. */
static void
datagram_writable(evutil_socket_t fd, short what, void *arg)
{
	struct evrt_datagram *dg = arg;

	(void)fd;
	(void)what;
	if (!evrt__datagram_enter(dg))
		return;
	evrt__datagram_settle(dg);
	evrt__datagram_leave(dg);
}

/* --- life --------------------------------------------------------------------------------------- */

/* Nobody else knows the object, and nothing of it is pending or queued. */
static void
datagram_destroy(struct evrt_datagram *dg)
{
	evrt__stream_fini(&dg->stream);
	event_debug_unassign(&dg->readable);
	event_debug_unassign(&dg->writable);
	event_debug_unassign(&dg->retry);
	evrt__datagram_area_free(dg->area);
	evrt__lock_free(dg->lock, EVRT_LOCKTYPE_PLAIN);
	evrt__strand_unref(dg->strand);
	evrt__free(dg);
}

/* evrt_task.fn of `last`. */
static void
datagram_run_last(struct evrt_task *task, void *arg)
{
	struct evrt_datagram *dg = arg;
	void (*gone)(void *) = dg->gone;
	void *gone_arg = dg->gone_arg;

	(void)task;
	datagram_destroy(dg);
	if (gone)
		gone(gone_arg);
}

static void
datagram_init(struct evrt_datagram *dg, struct event_base *base, unsigned options)
{
	uint8_t priority = (uint8_t)(event_base_get_npriorities(base) / 2);

	dg->base = base;
	dg->options = options;
	dg->refs = 1;
	dg->fd = -1;
	dg->queue_max = EVRT_DATAGRAM_QUEUE_PACKETS;
	dg->packet_bytes = EVRT_DATAGRAM_BYTES_MAX;
	dg->batch = EVRT_DATAGRAM_BATCH;
	evrt__datagram_list_init(&dg->queue);
	evrt__datagram_list_init(&dg->lost);
	evrt__datagram_list_init(&dg->done);
	evrt__task_init(&dg->work, datagram_work, dg, priority);
	evrt__task_init(&dg->last, datagram_run_last, dg, priority);
	/* event_base_free runs these two, where it discards other tasks. */
	dg->work.flags |= EVLIST_FINALIZING;
	dg->last.flags |= EVLIST_FINALIZING;
}

/* 0 or -errno. What was made is destroyed by the caller. */
static int
datagram_open(struct evrt_datagram *dg, int fd)
{
	union {
		union evrt_datagram_local ip;
		struct sockaddr_storage any;
	} own = { .any = { 0 } };
	socklen_t len = sizeof(own);
	int type = 0;
	socklen_t type_len = sizeof(type);

	if (evrt__sys.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0)
		return -errno;
	if (type != SOCK_DGRAM)
		return -EPROTOTYPE;
	if (evrt__sys.getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		return -errno;
	dg->family = own.any.ss_family;
	if (dg->family == AF_INET || dg->family == AF_INET6)
		dg->port = own.ip.v4.sin_port; /* in the same place for both */
	int err = evrt__datagram_set_options(fd, dg->family, dg->options);
	dg->can_segment = evrt__datagram_probe_segments(fd);
	return err < 0 ? err : evrt__stream_open(&dg->stream, fd, EVRT_WRITE);
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "datagram_open");

/* 0 or -errno. What fails leaves what datagram_destroy can take. */
static int
datagram_assign(struct evrt_datagram *dg, int fd)
{
	if (event_assign(&dg->readable, dg->base, fd, EV_READ | EV_PERSIST, datagram_readable, dg) < 0)
		return -EINVAL;
	if (event_assign(&dg->writable, dg->base, fd, EV_WRITE | EV_PERSIST, datagram_writable, dg) < 0)
		return -EINVAL;
	if (event_assign(&dg->retry, dg->base, -1, 0, datagram_writable, dg) < 0)
		return -EINVAL;
	evrt__event_join(evrt__event(&dg->retry), dg->strand);
	evrt__stream_init(&dg->stream, dg->strand, &dg->readable, &dg->writable);
	return datagram_open(dg, fd);
}

/* 0 or -errno. */
static int
datagram_make(struct evrt_datagram **made, struct event_base *base, int fd, unsigned options)
{
	bool locks = evrt__threads_on() && ((options & EVRT_DATAGRAM_THREADSAFE) || base->kind == EVRT_BASE_POOLED);
	struct evrt_datagram *dg = evrt__calloc(1, sizeof(*dg));

	if (!dg)
		return -ENOMEM;
	datagram_init(dg, base, options);
	dg->lock = locks ? evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_datagram) : NULL;
	dg->strand = evrt__base_strand_for_new(base);
	if ((locks && !dg->lock) || !dg->strand) {
		evrt__lock_free(dg->lock, EVRT_LOCKTYPE_PLAIN);
		if (dg->strand)
			evrt__strand_unref(dg->strand);
		evrt__free(dg);
		return -ENOMEM;
	}
	int err = datagram_assign(dg, fd);
	if (err < 0) {
		datagram_destroy(dg);
		return err;
	}
	dg->fd = fd;
	*made = dg;
	return 0;
}

struct evrt_datagram *
evrt_datagram_new(struct event_base *base, evutil_socket_t fd, unsigned options)
{
	struct evrt_datagram *dg = NULL;
	int err = base ? datagram_make(&dg, base, fd, options) : -EINVAL;

	if (err < 0)
		errno = -err;
	return dg;
}

/* Everything in the list goes; cleanups become due. Locked. */
static void
datagram_drop_all(struct evrt_datagram *dg, struct evrt_datagram_list *list)
{
	struct evrt_datagram_out *out;

	while ((out = evrt__datagram_list_pop(list)))
		evrt__datagram_release(dg, out);
}

void
evrt__datagram_free_then(struct evrt_datagram *dg, void (*gone)(void *), void *arg)
{
	evrt__datagram_lock(dg);
	EVRT_ASSERT(!dg->freed);
	evrt__datagram_push_out(dg);
	dg->freed = true;
	dg->gone = gone;
	dg->gone_arg = arg;
	dg->tells_room = false;
	dg->err = 0;
	dg->recv_cb = NULL;
	dg->writable_cb = NULL;
	dg->error_cb = NULL;
	evrt__datagram_unblock(dg);
	evrt__datagram_disable_nolock(dg);
	(void)evrt__stream_open(&dg->stream, -1, 0); /* closing cannot fail */
	/* Nobody uses the descriptor any more: all calls on it are made under the lock. */
	if (dg->options & EVRT_DATAGRAM_CLOSE_ON_FREE)
		evrt__sys.close(dg->fd);
	dg->fd = -1;
	datagram_drop_all(dg, &dg->queue);
	datagram_drop_all(dg, &dg->lost);
	evrt__datagram_leave(dg);
}

void
evrt_datagram_free(struct evrt_datagram *dg)
{
	if (dg)
		evrt__datagram_free_then(dg, NULL, NULL);
}

/* --- plain calls ---------------------------------------------------------------------------------- */

void
evrt_datagram_setcb(struct evrt_datagram *dg, evrt_datagram_recv_cb recv_cb, evrt_datagram_writable_cb writable_cb,
    evrt_datagram_error_cb error_cb, void *arg)
{
	evrt__datagram_lock(dg);
	if (!dg->freed) {
		dg->recv_cb = recv_cb;
		dg->writable_cb = writable_cb;
		dg->error_cb = error_cb;
		dg->arg = arg;
	}
	evrt__datagram_unlock(dg);
}

int
evrt_datagram_enable(struct evrt_datagram *dg)
{
	int err = 0;

	evrt__datagram_lock(dg);
	if (!dg->area && !dg->freed)
		dg->area = evrt__datagram_area_new(dg->family, dg->port, dg->packet_bytes, dg->batch);
	if (dg->freed)
		err = -ECANCELED;
	else if (!dg->area)
		err = -ENOMEM;
	else if (!dg->enabled)
		err = datagram_add(dg, &dg->readable, NULL);
	dg->enabled = dg->enabled || err == 0;
	evrt__datagram_unlock(dg);
	return evrt__public_result(err);
}

int
evrt_datagram_disable(struct evrt_datagram *dg)
{
	evrt__datagram_lock(dg);
	evrt__datagram_disable_nolock(dg);
	evrt__datagram_unlock(dg);
	return 0;
}

int
evrt_datagram_set_receive(struct evrt_datagram *dg, size_t packet_bytes, unsigned packets)
{
	int err = 0;

	if (packet_bytes == 0 || packet_bytes > INT_MAX || packets == 0 || packets > EVRT_DATAGRAM_BATCH_MAX)
		return evrt__public_result(-EINVAL);
	evrt__datagram_lock(dg);
	if (dg->area) {
		err = -EBUSY;
	} else {
		dg->packet_bytes = packet_bytes;
		dg->batch = packets;
	}
	evrt__datagram_unlock(dg);
	return evrt__public_result(err);
}

int
evrt_datagram_can_segment(struct evrt_datagram *dg)
{
	evrt__datagram_lock(dg);
	bool can = dg->can_segment;
	evrt__datagram_unlock(dg);
	return can;
}

struct event_base *
evrt_datagram_get_base(struct evrt_datagram *dg)
{
	return dg->base;
}

evutil_socket_t
evrt_datagram_get_fd(struct evrt_datagram *dg)
{
	evrt__datagram_lock(dg);
	evutil_socket_t fd = dg->fd;
	evrt__datagram_unlock(dg);
	return fd;
}
