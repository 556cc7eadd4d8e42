/* api/dns/server/conn.c — one client's TCP connection: questions in, replies out, each behind its length (RFC 7766).
 *
 * Here:     reading, flow control, idleness, closing.
 * Not here: which connections there are (tcp.c).
 * Threads:  callbacks run in the connection's strand; replies come from any thread. See conn.h.
 *
 * Bounds. Of what a client sends, one message at a time is in memory; no more are read while too many of its questions
 * are pending, or too much of what was answered waits for it to read. It is closed when no whole question has come, and
 * no reply gone, for the port's idle time: single bytes do not count.
 */
#include "api/dns/server/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <string.h>
#include "api/dns/server/request.h"
#include "api/event/event_internal.h"
#include "base/assert.h"
#include "base/mem.h"

#define LENGTH_BYTES 2
#define PENDING_MAX 128
#define OUTPUT_BYTES_MAX ((size_t)256 << 10)

/* --- references -------------------------------------------------------------------------------- */

/* evrt_task.fn of `work` at the end. */
static void
conn_destroy(struct evrt_task *task, void *arg)
{
	struct evrt_dns_conn *conn = arg;
	struct evdns_server_port *port = conn->port;

	(void)task;
	event_debug_unassign(&conn->idle);
	evrt__strand_unref(conn->strand);
	evrt__free(conn);
	evrt__dns_port_unref(port);
}

/* Locked. */
static void
conn_unref(struct evrt_dns_conn *conn)
{
	EVRT_ASSERT(conn->refs > 0);
	if (--conn->refs > 0)
		return;
	/* From the submission on the object belongs to the strand, which may destroy it at once. */
	struct evrt_strand *strand = conn->strand;
	evrt__strand_ref(strand);
	conn->work.fn = conn_destroy; /* not queued: then it would hold a reference */
	evrt__strand_submit(strand, &conn->work);
	evrt__strand_unref(strand);
}

/* Locked. */
static void
conn_schedule(struct evrt_dns_conn *conn)
{
	if (conn->work_queued || !conn->bev)
		return;
	conn->work_queued = true;
	conn->refs++;
	evrt__strand_submit(conn->strand, &conn->work);
}

/* Locked. */
static void
conn_note_life(struct evrt_dns_conn *conn)
{
	/* If there is no memory for a timer, a connection that can be closed when others come is better than none. */
	if (conn->bev)
		(void)event_add(&conn->idle, &conn->port->idle);
}

void
evrt__dns_conn_end(struct evrt_dns_conn *conn)
{
	conn->ends = true;
	conn_schedule(conn);
}

void
evrt__dns_conn_abandon(struct evrt_dns_conn *conn)
{
	evrt__dns_tcp_unlist(conn);
	conn->abandoned = true;
	conn_schedule(conn);
}

/* --- in the strand ----------------------------------------------------------------------------- */

/* The caller has another reference. */
static void
conn_close(struct evrt_dns_conn *conn)
{
	struct bufferevent *bev = conn->bev;

	evrt__dns_port_lock(conn->port);
	conn->bev = NULL;
	evrt__dns_tcp_unlist(conn);
	evrt__dns_port_unlock(conn->port);
	event_del_noblock(&conn->idle);
	bufferevent_free(bev); /* takes a lock of a lower rank */
	evrt__dns_port_lock(conn->port);
	conn_unref(conn);
	evrt__dns_port_unlock(conn->port);
}

static bool
conn_may_read(struct evrt_dns_conn *conn)
{
	evrt__dns_port_lock(conn->port);
	bool may = !conn->ends && !conn->abandoned && conn->pending < PENDING_MAX;
	evrt__dns_port_unlock(conn->port);
	return may && evbuffer_get_length(bufferevent_get_output(conn->bev)) < OUTPUT_BYTES_MAX;
}

/* The port is told of a question, which keeps its connection alive while it is pending. False: it came too late. */
static bool
conn_enter(struct evrt_dns_conn *conn)
{
	evrt__dns_port_lock(conn->port);
	bool open = !conn->ends && !conn->abandoned;
	if (open) {
		conn->refs++;
		conn->pending++;
		conn->port->refs++;
		evrt__dns_tcp_unlist(conn);
		evrt__dns_tcp_list(conn);
	}
	evrt__dns_port_unlock(conn->port);
	return open;
}

/* 1: a question was taken; 0: none has arrived whole; -EBADMSG: what arrived is none; -ENOMEM. */
static int
conn_read_one(struct evrt_dns_conn *conn)
{
	struct evbuffer *in = bufferevent_get_input(conn->bev);
	struct evrt_dns_request *req;
	uint8_t head[LENGTH_BYTES];

	if (evbuffer_copyout(in, head, LENGTH_BYTES) < LENGTH_BYTES)
		return 0;
	size_t len = evrt__dns_number(head, LENGTH_BYTES);
	if (len < EVRT_DNS_HEADER_BYTES)
		return -EBADMSG;
	if (evbuffer_get_length(in) < LENGTH_BYTES + len)
		return 0;
	const uint8_t *bytes = evbuffer_pullup(in, (ev_ssize_t)(LENGTH_BYTES + len));
	if (!bytes)
		return -ENOMEM;
	const struct evrt_packet packet = {
		.data = bytes + LENGTH_BYTES, .len = len,
		.peer = (struct sockaddr *)&conn->peer, .peer_len = conn->peer_len,
	};
	int err = evrt__dns_request_new(&req, &packet);
	if (err < 0)
		return err;
	evbuffer_drain(in, LENGTH_BYTES + len);
	if (!conn_enter(conn)) {
		evrt__dns_request_free(req);
		return 0;
	}
	req->port = conn->port;
	req->conn = conn;
	evrt__dns_request_deliver(req);
	return 1;
}

/* Takes the questions that have arrived; closes the connection when its time has come. The caller has another
 * reference, or does not use it any more. */
static void
conn_go_on(struct evrt_dns_conn *conn)
{
	int r = 1;
	bool may;

	if (!conn->bev)
		return;
	while ((may = conn_may_read(conn)) && (r = conn_read_one(conn)) > 0)
		continue;
	size_t unsent = evbuffer_get_length(bufferevent_get_output(conn->bev));
	evrt__dns_port_lock(conn->port);
	/* Where a stream has lost its frames, nothing behind can be read; what was asked before is answered. */
	if (r < 0 || (may && conn->client_ended))
		conn->ends = true;
	bool over = conn->abandoned || (conn->ends && conn->pending == 0 && unsent == 0);
	evrt__dns_port_unlock(conn->port);
	if (over)
		conn_close(conn);
}

/* Of reading and writing. */
static void
conn_moved(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_go_on(arg);
}

static void
conn_happened(struct bufferevent *bev, short what, void *arg)
{
	struct evrt_dns_conn *conn = arg;

	(void)bev;
	evrt__dns_port_lock(conn->port);
	if (what & BEV_EVENT_EOF)
		conn->client_ended = true;
	else
		conn->abandoned = true;
	evrt__dns_port_unlock(conn->port);
	conn_go_on(conn);
}

static void
conn_idle(evutil_socket_t fd, short what, void *arg)
{
	struct evrt_dns_conn *conn = arg;

	(void)fd;
	(void)what;
	evrt__dns_port_lock(conn->port);
	if (conn->pending > 0)
		conn_note_life(conn);
	else
		conn->abandoned = true;
	evrt__dns_port_unlock(conn->port);
	conn_go_on(conn);
}

/* evrt_task.fn of `work`: in the strand; or elsewhere, because the base is being freed. */
static void
conn_work(struct evrt_task *task, void *arg)
{
	struct evrt_dns_conn *conn = arg;
	struct evdns_server_port *port = conn->port;

	(void)task;
	evrt__dns_port_lock(port);
	conn->work_queued = false;
	if (evrt__strand_current() != conn->strand)
		conn->abandoned = true;
	evrt__dns_port_unlock(port);
	conn_go_on(conn);
	evrt__dns_port_lock(port);
	conn_unref(conn);
	evrt__dns_port_unlock(port);
}

/* --- from anywhere ------------------------------------------------------------------------------- */

void
evrt__dns_conn_answered(struct evrt_dns_conn *conn)
{
	struct evdns_server_port *port = conn->port;

	evrt__dns_port_lock(port);
	conn->pending--;
	conn_note_life(conn);
	if (conn->pending == PENDING_MAX / 2 || (conn->pending == 0 && conn->ends))
		conn_schedule(conn);
	conn_unref(conn);
	evrt__dns_port_unlock(port);
}

int
evrt__dns_conn_reply(struct evrt_dns_request *req, unsigned rcode)
{
	struct evrt_dns_conn *conn = req->conn;
	size_t cap = evrt__dns_reply_bytes_max(req);
	uint8_t *bytes = evrt__malloc(LENGTH_BYTES + cap);

	if (!bytes)
		return -ENOMEM;
	size_t len = evrt__dns_reply_write(req, rcode, bytes + LENGTH_BYTES, cap);
	bytes[0] = (uint8_t)(len >> 8);
	bytes[1] = (uint8_t)len;
	evrt__dns_port_lock(req->port);
	int err = conn->bev ? 0 : -EPIPE;
	if (conn->bev && bufferevent_write(conn->bev, bytes, LENGTH_BYTES + len) < 0)
		err = -ENOMEM;
	evrt__dns_port_unlock(req->port);
	evrt__free(bytes);
	return err;
}

/* --- life ---------------------------------------------------------------------------------------- */

void
evrt__dns_conn_begin(struct evrt_dns_conn *conn)
{
	evrt__dns_port_lock(conn->port);
	conn_note_life(conn);
	if (bufferevent_enable(conn->bev, EV_READ) < 0)
		conn->abandoned = true;
	evrt__dns_port_unlock(conn->port);
	conn_go_on(conn);
}

/* 0 or -1. */
static int
conn_init(struct evrt_dns_conn *conn, struct event_base *base, evutil_socket_t fd)
{
	/* Callbacks without a lock held; where there are no threads, there are no locks. */
	int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS |
	    (evrt__threads_on() ? BEV_OPT_THREADSAFE : 0);

	conn->strand = evrt__base_strand_for_new(base);
	if (!conn->strand || event_assign(&conn->idle, base, -1, 0, conn_idle, conn) < 0)
		return -1;
	evrt__event_join(evrt__event(&conn->idle), conn->strand);
	evrt__task_init(&conn->work, conn_work, conn, (uint8_t)(event_base_get_npriorities(base) / 2));
	conn->work.flags |= EVLIST_FINALIZING; /* event_base_free runs it, where it discards other tasks */
	conn->bev = bufferevent_socket_new(base, fd, options);
	if (!conn->bev)
		return -1;
	bufferevent_setcb(conn->bev, conn_moved, conn_moved, conn_happened, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, LENGTH_BYTES + EVRT_DNS_MESSAGE_BYTES_MAX);
	bufferevent_setwatermark(conn->bev, EV_WRITE, OUTPUT_BYTES_MAX / 2, 0);
	return 0;
}

struct evrt_dns_conn *
evrt__dns_conn_new(struct evdns_server_port *port, evutil_socket_t fd, const struct sockaddr *peer, int len)
{
	struct evrt_dns_conn *conn = evrt__calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->port = port;
	conn->refs = 1;
	conn->peer_len = (socklen_t)len;
	memcpy(&conn->peer, peer, (size_t)len);
	if (conn_init(conn, port->base, fd) < 0) {
		if (conn->strand) {
			event_debug_unassign(&conn->idle);
			evrt__strand_unref(conn->strand);
		}
		evrt__free(conn);
		return NULL;
	}
	evrt__dns_port_lock(port);
	port->refs++;
	evrt__dns_port_unlock(port);
	return conn;
}
