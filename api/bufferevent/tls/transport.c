/* api/bufferevent/tls/transport.c — where a TLS object's bytes come from and go to.
 *
 * Here:     receiving and sending through a descriptor or a bufferevent; which direction is ready.
 * Not here: what is done with that (engine.c).
 * Threads:  in the strand, locked. evrt__tls_receive and _send also from wherever the program calls its TLS library;
 *           then they move bytes, and nothing is concluded from what happens.
 *
 * A socket that gave fewer bytes than were asked for is drained, and is not read again before it reports: a short
 * message costs one system call. Reports arrive between callbacks of the strand only, so that none is lost.
 */
#include "api/bufferevent/tls/tls_internal.h"

#include <errno.h>
#include "base/sys.h"
#include "threading/lock.h"

/* Output of the bufferevent below is kept under this where it has no high write watermark; and input, while nobody
 * takes it. A socket's buffer is about as large: more would only be memory. */
#define BELOW_MAX ((size_t)128 * 1024)

/* --- readiness ---------------------------------------------------------------------------------- */

static void
transport_activate(struct evrt_tls *t, unsigned bit, bool added, struct event *ev, short result)
{
	if ((t->ready & bit) && added)
		evrt__event_active_nolock(t->p.strand, evrt__event(ev), result, 1);
}

void
evrt__tls_resume(struct evrt_tls *t)
{
	struct bufferevent *bev = &t->p.bev;

	if (!t->below) {
		evrt__stream_resume(&t->p.stream);
		return;
	}
	evrt__lock(t->p.strand->lock);
	transport_activate(t, EVRT_READ, t->p.read_added, &bev->ev_read, EV_READ);
	transport_activate(t, EVRT_WRITE, t->p.write_added, &bev->ev_write, EV_WRITE);
	evrt__unlock(t->p.strand->lock);
}

void
evrt__tls_ready(struct evrt_tls *t, unsigned bits)
{
	if (t->below) {
		t->ready |= bits;
		evrt__tls_resume(t);
	} else {
		evrt__stream_ready(&t->p.stream, bits);
	}
}

void
evrt__tls_drained(struct evrt_tls *t, unsigned bits)
{
	if (t->below)
		t->ready &= ~bits;
	else
		evrt__stream_drained(&t->p.stream, bits);
}

/* --- a descriptor ------------------------------------------------------------------------------- */

static ssize_t
socket_receive(struct evrt_tls *t, void *data, size_t size)
{
	if (t->in_call && !evrt__stream_is_ready(&t->p.stream, EVRT_READ))
		return -EAGAIN;
	ssize_t n;
	do
		n = evrt__sys.read(t->p.fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (t->in_call && n > 0 && (size_t)n < size)
		evrt__stream_short_read(&t->p.stream);
	return n;
}

static ssize_t
socket_send(struct evrt_tls *t, const void *data, size_t size)
{
	ssize_t n;

	do
		n = evrt__sys.write(t->p.fd, data, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* --- a bufferevent ------------------------------------------------------------------------------ */

static ssize_t
below_receive(struct evrt_tls *t, void *data, size_t size)
{
	int n = evbuffer_remove(t->below->input, data, size);

	if (n > 0 && evbuffer_get_length(t->below->input) < BELOW_MAX)
		evrt__bev_resume(evrt__bev(t->below), EV_READ, EVRT_BEV_SUSPEND_ABOVE);
	if (n != 0)
		return n > 0 ? n : -ENOMEM; /* of a file that could not be loaded */
	if (!t->below_ended)
		return -EAGAIN;
	return -t->below_error;
}

static ssize_t
below_send(struct evrt_tls *t, const void *data, size_t size)
{
	size_t high = t->below->wm_write.high ? t->below->wm_write.high : BELOW_MAX;

	if (t->below_ended && t->below_error)
		return -t->below_error;
	/* A record is not cut: that would cost more than the few bytes beyond. */
	if (evbuffer_get_length(t->below->output) >= high)
		return -EAGAIN;
	return evbuffer_add(t->below->output, data, size) < 0 ? -ENOMEM : (ssize_t)size;
}

/* --- for the provider --------------------------------------------------------------------------- */

/* What a call of the transport means for the call of the provider that it is part of. */
static ssize_t
transport_note(struct evrt_tls *t, ssize_t n, unsigned bit)
{
	if (!t->in_call)
		return n;
	if (n == -EAGAIN)
		t->drained |= bit;
	else if (n < 0)
		t->io_error = (int)-n;
	else if (n == 0)
		t->io_ended = true;
	else if (bit == EVRT_READ)
		t->received = true;
	return n;
}

ssize_t
evrt__tls_receive(struct evrt_tls *t, void *data, size_t size)
{
	if (size == 0)
		return -EAGAIN;
	return transport_note(t, t->below ? below_receive(t, data, size) : socket_receive(t, data, size), EVRT_READ);
}

ssize_t
evrt__tls_send(struct evrt_tls *t, const void *data, size_t size)
{
	if (size == 0)
		return 0;
	return transport_note(t, t->below ? below_send(t, data, size) : socket_send(t, data, size), EVRT_WRITE);
}

/* --- what the bufferevent below tells ------------------------------------------------------------- */

static void
below_readable(struct bufferevent *below, void *arg)
{
	struct evrt_tls *t = arg;

	if (!evrt__bev_enter(&t->p))
		return;
	if (!t->p.read_added && evbuffer_get_length(below->input) >= BELOW_MAX)
		evrt__bev_suspend(evrt__bev(below), EV_READ, EVRT_BEV_SUSPEND_ABOVE);
	evrt__tls_ready(t, EVRT_READ);
	evrt__bev_unref_and_unlock(&t->p);
}

static void
below_writable(struct bufferevent *below, void *arg)
{
	struct evrt_tls *t = arg;

	(void)below;
	if (!evrt__bev_enter(&t->p))
		return;
	evrt__tls_ready(t, EVRT_WRITE);
	evrt__bev_unref_and_unlock(&t->p);
}

/* Its end is found by reading, behind the bytes that came before it; where nobody reads, it is told at once. */
static void
below_event(struct bufferevent *below, short what, void *arg)
{
	struct evrt_tls *t = arg;
	int err = EVUTIL_SOCKET_ERROR();

	(void)below;
	if (!evrt__bev_enter(&t->p))
		return;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		t->below_ended = true;
		t->below_error = what & BEV_EVENT_ERROR ? (err ? err : ECONNRESET) : 0;
		if (t->state == BUFFEREVENT_SSL_OPEN && !(t->p.bev.enabled & EV_READ))
			evrt__tls_cut_off(t);
	} else if (what & BEV_EVENT_TIMEOUT) {
		evrt__bev_call_event(&t->p, what, err, 0);
	}
	evrt__tls_ready(t, EVRT_READ | EVRT_WRITE);
	evrt__bev_unref_and_unlock(&t->p);
}

void
evrt__tls_below_begin(struct evrt_tls *t)
{
	bufferevent_setcb(t->below, below_readable, below_writable, below_event, t);
	bufferevent_setwatermark(t->below, EV_READ, 0, 0);
	evrt__bev_lock(&t->p);
	t->ready = EVRT_READ | EVRT_WRITE;
	evrt__bev(t->below)->above_pulls = true;
	evrt__bev_unlock(&t->p);
	(void)bufferevent_enable(t->below, EV_READ | EV_WRITE); /* a descriptor that will come is enabled then */
}

void
evrt__tls_below_end(struct evrt_tls *t)
{
	evrt__bev_give_back(t->below, below_event, &t->p);
}
