/* api/datagram/send.c — packets from the program to the kernel.
 *
 * Here:     the queue; sendmmsg; what becomes of a packet that the kernel refuses; segments.
 * Not here: when the queue is pushed out (datagram.c), control data (control.c).
 * Threads:  any, locked.
 *
 * Errors. What sendmmsg reports is of one of two kinds, and nothing tells them apart: the packet cannot be sent, or
 * the network has complained of an earlier one of a connected socket, and the complaint came in place of sending. So
 * the packet is tried once more. If it goes then, the error was about no packet; else it is lost.
 *
 * Segments. A packet leaves as messages of `step` bytes. Where the kernel cuts, that is many segments; else it is one.
 * If the kernel refuses to cut this one (its route cannot, or a segment is longer than the path takes), `step` is made
 * smaller, and it goes on one by one.
 */
#include "api/datagram/datagram_internal.h"

#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/sys.h"

/* The kernel cuts into no more than 64 (UDP_MAX_SEGMENTS), and what it gets must be one packet of IP in length. */
#define SEGMENTS_MAX 64
#define SEGMENTED_BYTES_MAX ((size_t)65000)

/* --- lists ------------------------------------------------------------------------------------------ */

void
evrt__datagram_list_init(struct evrt_datagram_list *list)
{
	*list = (struct evrt_datagram_list){ .end = &list->first };
}

void
evrt__datagram_list_push(struct evrt_datagram_list *list, struct evrt_datagram_out *out)
{
	out->next = NULL;
	*list->end = out;
	list->end = &out->next;
	list->count++;
}

struct evrt_datagram_out *
evrt__datagram_list_pop(struct evrt_datagram_list *list)
{
	struct evrt_datagram_out *out = list->first;

	if (!out)
		return NULL;
	list->first = out->next;
	list->count--;
	if (!list->first)
		list->end = &list->first;
	return out;
}

void
evrt__datagram_release(struct evrt_datagram *dg, struct evrt_datagram_out *out)
{
	if (out->cleanup)
		evrt__datagram_list_push(&dg->done, out);
	else
		evrt__free(out);
}

/* --- out of the queue --------------------------------------------------------------------------------- */

/* One call's worth. */
struct outgoing {
	struct mmsghdr messages[EVRT_DATAGRAM_BATCH];
	struct iovec iov[EVRT_DATAGRAM_BATCH];
	_Alignas(struct cmsghdr) unsigned char control[EVRT_DATAGRAM_BATCH][EVRT_DATAGRAM_PUT_BYTES];
	unsigned count;
};

static size_t
send_step(const struct evrt_datagram_out *out)
{
	size_t left = out->packet.len - out->sent;

	return left < out->step ? left : out->step;
}

/* Of `out`, what begins at `at`. */
static void
send_add(struct outgoing *o, const struct evrt_datagram *dg, const struct evrt_datagram_out *out, size_t at, size_t len)
{
	struct msghdr *m = &o->messages[o->count].msg_hdr;

	/* The kernel only reads. */
	o->iov[o->count] = (struct iovec){ (unsigned char *)(uintptr_t)out->packet.data + at, len };
	*m = (struct msghdr){
		.msg_name = (void *)(uintptr_t)out->packet.peer,
		.msg_namelen = out->packet.peer_len,
		.msg_iov = &o->iov[o->count],
		.msg_iovlen = 1,
		.msg_control = o->control[o->count],
	};
	bool cuts = out->packet.segment_len && len > out->packet.segment_len;
	evrt__datagram_put_control(m, dg->family, out, cuts);
	o->count++;
}

static void
send_fill(struct outgoing *o, const struct evrt_datagram *dg)
{
	o->count = 0;
	for (const struct evrt_datagram_out *out = dg->queue.first; out; out = out->next) {
		size_t at = out->sent;
		do {
			size_t left = out->packet.len - at, len = left < out->step ? left : out->step;
			if (o->count == EVRT_DATAGRAM_BATCH)
				return;
			send_add(o, dg, out, at, len);
			at += len;
		} while (at < out->packet.len);
	}
}

/* One message has left. */
static void
send_went(struct evrt_datagram *dg)
{
	struct evrt_datagram_out *out = dg->queue.first;

	out->sent += send_step(out);
	/* It was not this packet, then, that it failed for. */
	if (out->err)
		dg->err = out->err;
	out->err = 0;
	if (out->sent == out->packet.len)
		evrt__datagram_release(dg, evrt__datagram_list_pop(&dg->queue));
}

static void
send_failed(struct evrt_datagram *dg, int err)
{
	struct evrt_datagram_out *out = dg->queue.first;
	bool cuts = out->packet.segment_len && send_step(out) > out->packet.segment_len;

	if (cuts && (err == EIO || err == EINVAL || err == EMSGSIZE)) {
		out->step = out->packet.segment_len;
		if (err == EIO) /* no offload of checksums: it never will */
			dg->can_segment = false;
		return;
	}
	if (!out->err) {
		out->err = err;
		return;
	}
	if (out->err != err)
		dg->err = out->err;
	out->err = err;
	evrt__datagram_list_push(&dg->lost, evrt__datagram_list_pop(&dg->queue));
}

void
evrt__datagram_push_out(struct evrt_datagram *dg)
{
	struct outgoing o;
	int err = 0;

	while (dg->queue.first && err != EAGAIN) {
		send_fill(&o, dg);
		int n = evrt__sys.sendmmsg(dg->fd, o.messages, o.count, MSG_DONTWAIT | MSG_NOSIGNAL);
		err = n < 0 ? errno : 0;
		for (int i = 0; i < n; i++)
			send_went(dg);
		if (err && err != EAGAIN && err != EINTR)
			send_failed(dg, err);
	}
	if (err != EAGAIN)
		evrt__datagram_unblock(dg);
	else if ((err = evrt__datagram_block(dg)) < 0)
		dg->err = -err;
}

/* --- into the queue ------------------------------------------------------------------------------------- */

static size_t
send_room_for(size_t len)
{
	size_t unit = _Alignof(struct sockaddr_storage);

	return (len + unit - 1) / unit * unit;
}

/* 0 or -errno. */
static int
send_check(const struct evrt_datagram *dg, const struct evrt_packet *p)
{
	size_t message = p->segment_len && p->segment_len < p->len ? p->segment_len : p->len;

	if ((p->len && !p->data) || p->peer_len > sizeof(struct sockaddr_storage) || (p->peer_len && !p->peer) ||
	    p->local_len > sizeof(union evrt_datagram_local) || (p->local && p->local_len < sizeof(struct sockaddr_in)))
		return -EINVAL;
	if (message > EVRT_DATAGRAM_BYTES_MAX && dg->family != AF_UNIX)
		return -EMSGSIZE;
	return 0;
}

/* What the packet says, in memory of our own; `copies`: its data, too. NULL: out of memory. */
static struct evrt_datagram_out *
send_copy(const struct evrt_packet *p, bool copies)
{
	size_t peer_room = send_room_for(p->peer ? p->peer_len : 0), data_room = copies ? p->len : 0;
	struct evrt_datagram_out *out = data_room <= SIZE_MAX - sizeof(*out) - peer_room ?
	    evrt__malloc(sizeof(*out) + peer_room + data_room) : NULL;

	if (!out)
		return NULL;
	*out = (struct evrt_datagram_out){ .packet = *p };
	out->packet.peer = NULL;
	out->packet.local = NULL;
	if (p->peer && p->peer_len) {
		memcpy(out->room, p->peer, p->peer_len);
		out->packet.peer = (const struct sockaddr *)(const void *)out->room;
	}
	if (p->local) {
		memcpy(&out->local, p->local, p->local_len);
		out->packet.local = &out->local.sa;
	}
	if (data_room) {
		memcpy(out->room + peer_room, p->data, data_room);
		out->packet.data = out->room + peer_room;
	}
	return out;
}

/* Bytes per message to begin with; at least 1, so that it can be divided by. */
static size_t
send_first_step(const struct evrt_datagram *dg, const struct evrt_packet *p)
{
	if (!p->segment_len || p->segment_len >= p->len)
		return p->len;
	size_t segments = SEGMENTED_BYTES_MAX / p->segment_len;
	if (!dg->can_segment || segments < 2)
		return p->segment_len;
	return p->segment_len * (segments < SEGMENTS_MAX ? segments : SEGMENTS_MAX);
}

/* Takes `out` in any case but failure. 0 or -errno. Locked. */
static int
send_queue(struct evrt_datagram *dg, struct evrt_datagram_out *out)
{
	if (dg->freed)
		return -ECANCELED;
	if (dg->queue.count + dg->lost.count >= dg->queue_max) {
		dg->tells_room = true;
		return -ENOBUFS;
	}
	out->step = send_first_step(dg, &out->packet);
	evrt__datagram_list_push(&dg->queue, out);
	if (evrt__datagram_in_strand(dg)) {
		if (!dg->settles && !dg->blocked)
			evrt__datagram_schedule(dg);
		return 0;
	}
	if (!dg->blocked)
		evrt__datagram_push_out(dg);
	return 0;
}

/* What must be told waits for a turn, where none is under way. */
static void
send_see_to_news(struct evrt_datagram *dg)
{
	bool room = dg->tells_room && dg->queue.count + dg->lost.count <= dg->queue_max / 2;

	if ((dg->err || dg->lost.first || room) && !dg->freed)
		evrt__datagram_schedule(dg);
}

static int
send_packet(struct evrt_datagram *dg, const struct evrt_packet *p, bool copies, evrt_datagram_cleanup_cb cleanup,
    void *cleanup_arg)
{
	int err = p ? send_check(dg, p) : -EINVAL;
	struct evrt_datagram_out *out = err == 0 ? send_copy(p, copies) : NULL;

	if (!out)
		return evrt__public_result(err ? err : -ENOMEM);
	out->cleanup = cleanup;
	out->cleanup_arg = cleanup_arg;
	evrt__datagram_lock(dg);
	dg->refs++;
	err = send_queue(dg, out);
	send_see_to_news(dg);
	evrt__datagram_leave(dg);
	if (err < 0)
		evrt__free(out);
	return evrt__public_result(err);
}

int
evrt_datagram_send(struct evrt_datagram *dg, const struct evrt_packet *packet)
{
	return send_packet(dg, packet, true, NULL, NULL);
}

int
evrt_datagram_send_reference(struct evrt_datagram *dg, const struct evrt_packet *packet,
    evrt_datagram_cleanup_cb cleanup, void *cleanup_arg)
{
	return send_packet(dg, packet, false, cleanup, cleanup_arg);
}

int
evrt_datagram_flush(struct evrt_datagram *dg)
{
	evrt__datagram_lock(dg);
	dg->refs++;
	if (!dg->blocked)
		evrt__datagram_push_out(dg);
	send_see_to_news(dg);
	evrt__datagram_leave(dg);
	return 0;
}

int
evrt_datagram_set_queue_max(struct evrt_datagram *dg, unsigned packets)
{
	if (packets == 0)
		return evrt__public_result(-EINVAL);
	evrt__datagram_lock(dg);
	dg->queue_max = packets;
	evrt__datagram_unlock(dg);
	return 0;
}

unsigned
evrt_datagram_get_queued(struct evrt_datagram *dg)
{
	evrt__datagram_lock(dg);
	unsigned count = dg->queue.count + dg->lost.count;
	evrt__datagram_unlock(dg);
	return count;
}
