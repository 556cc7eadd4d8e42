/* api/datagram/receive.c — one batch of packets from the kernel to the program.
 *
 * Here:     the memory that batches are read into, recvmmsg, what its errors mean.
 * Not here: when a turn comes (datagram.c), control data (control.c).
 * Threads:  the strand. The area is its alone: no lock guards it, and a callback may look at it unlocked.
 *
 * A batch that is not full has emptied the queue: recvmmsg goes on until it would block, or meets an error, which the
 * kernel keeps, with a report, for the next call. So such a batch ends the readiness without another call.
 */
#include "api/datagram/datagram_internal.h"

#include <errno.h>
#include "base/mem.h"
#include "base/sys.h"

#define LINE_BYTES 64

/* What belongs to one packet, beside its bytes. */
struct area_slot {
	struct iovec iov;
	union evrt_datagram_local local;
	struct sockaddr_storage peer;
	_Alignas(struct cmsghdr) unsigned char control[EVRT_DATAGRAM_TAKE_BYTES];
};

struct evrt_datagram_area {
	struct mmsghdr *messages;    /* [batch] */
	struct evrt_packet *packets; /* [batch] */
	struct area_slot *slots;     /* [batch] */
	unsigned char *bytes;        /* [batch], a stride apart */
	unsigned batch;
	unsigned used;               /* messages that the last call has written to */
	in_port_t port;
	bool takes_control;
};

static void
area_reset(struct evrt_datagram_area *a, unsigned i)
{
	struct msghdr *m = &a->messages[i].msg_hdr;

	m->msg_namelen = sizeof(a->slots[i].peer);
	m->msg_controllen = a->takes_control ? sizeof(a->slots[i].control) : 0;
}

/* Fills in all pointers, once. */
static void
area_wire(struct evrt_datagram_area *a, size_t bytes, size_t stride)
{
	for (unsigned i = 0; i < a->batch; i++) {
		struct msghdr *m = &a->messages[i].msg_hdr;
		a->slots[i].iov = (struct iovec){ a->bytes + i * stride, bytes };
		m->msg_name = &a->slots[i].peer;
		m->msg_iov = &a->slots[i].iov;
		m->msg_iovlen = 1;
		m->msg_control = a->takes_control ? a->slots[i].control : NULL;
		area_reset(a, i);
	}
}

struct evrt_datagram_area *
evrt__datagram_area_new(sa_family_t family, in_port_t port, size_t bytes, unsigned batch)
{
	/* A line more than a multiple of the page: else all packets begin in the same sets of the cache. */
	size_t stride = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES + LINE_BYTES;
	struct evrt_datagram_area *a = evrt__calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->batch = batch;
	a->port = port;
	/* Never for AF_UNIX: without room for them, the kernel closes descriptors that a peer sends along. */
	a->takes_control = family == AF_INET || family == AF_INET6;
	a->messages = evrt__calloc(batch, sizeof(*a->messages));
	a->packets = evrt__calloc(batch, sizeof(*a->packets));
	a->slots = evrt__calloc(batch, sizeof(*a->slots));
	a->bytes = stride <= SIZE_MAX / batch ? evrt__malloc(batch * stride) : NULL;
	if (!a->messages || !a->packets || !a->slots || !a->bytes) {
		evrt__datagram_area_free(a);
		return NULL;
	}
	area_wire(a, bytes, stride);
	return a;
}

void
evrt__datagram_area_free(struct evrt_datagram_area *a)
{
	if (!a)
		return;
	evrt__free(a->messages);
	evrt__free(a->packets);
	evrt__free(a->slots);
	evrt__free(a->bytes);
	evrt__free(a);
}

static void
area_describe(struct evrt_datagram_area *a, unsigned i)
{
	struct msghdr *m = &a->messages[i].msg_hdr;
	struct evrt_packet *p = &a->packets[i];

	*p = (struct evrt_packet){
		.data = a->slots[i].iov.iov_base,
		.len = a->messages[i].msg_len,
		.peer = m->msg_namelen ? (const struct sockaddr *)&a->slots[i].peer : NULL,
		.peer_len = m->msg_namelen,
		.truncated = (m->msg_flags & MSG_TRUNC) != 0,
	};
	if (a->takes_control)
		evrt__datagram_take_control(m, p, &a->slots[i].local, a->port);
}

/* Errors that another call would meet again, for the descriptor is no socket to be received from. Others are the
 * network's, or of the moment. */
static bool
receive_hopeless(int err)
{
	return err == EBADF || err == ENOTSOCK || err == EINVAL;
}

static void
receive_failed(struct evrt_datagram *dg, int err)
{
	if (err == EAGAIN) {
		evrt__stream_drained(&dg->stream, EVRT_READ);
		return;
	}
	if (err == EINTR)
		return;
	if (receive_hopeless(err))
		evrt__datagram_disable_nolock(dg);
	dg->err = err;
}

/* Locked on entry and return. */
static void
receive_tell(struct evrt_datagram *dg, unsigned count)
{
	evrt_datagram_recv_cb cb = dg->recv_cb;
	struct evrt_datagram_area *a = dg->area;
	void *arg = dg->arg;

	if (!cb)
		return;
	for (unsigned i = 0; i < count; i++)
		area_describe(a, i);
	evrt__datagram_unlock(dg);
	cb(dg, a->packets, count, arg);
	evrt__datagram_lock(dg);
}

void
evrt__datagram_receive(struct evrt_datagram *dg)
{
	struct evrt_datagram_area *a = dg->area;

	for (; a->used > 0; a->used--)
		area_reset(a, a->used - 1);
	int n = evrt__sys.recvmmsg(dg->fd, a->messages, a->batch, MSG_DONTWAIT, NULL);
	if (n < 0) {
		receive_failed(dg, errno);
		return;
	}
	a->used = (unsigned)n;
	if (a->used < a->batch)
		evrt__stream_drained(&dg->stream, EVRT_READ);
	if (n > 0)
		receive_tell(dg, a->used);
}
