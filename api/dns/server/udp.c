/* api/dns/server/udp.c — ports on a UDP socket.
 *
 * Here:     an evrt_datagram between a socket and requests: it reads questions in batches (recvmmsg), collects the
 *           replies that the callback gives and sends them in batches (sendmmsg), and queues what the kernel refuses.
 * Not here: that (api/datagram).
 * Threads:  questions arrive in the datagram's strand; replies come from any thread.
 *
 * A port that is closed reads no more, but keeps its socket while requests are pending: their replies still leave.
 */
#include "api/dns/server/port.h"

#include <errno.h>
#include <evrt/datagram.h>
#include <netinet/in.h>
#include "api/datagram/free.h"
#include "api/dns/server/request.h"
#include "api/event/event_internal.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"

/* Questions read by one system call. */
#define UDP_BATCH 32

static void
udp_received(struct evrt_datagram *dg, const struct evrt_packet *packets, unsigned count, void *arg)
{
	struct evdns_server_port *port = arg;
	struct evrt_dns_request *req;

	(void)dg;
	for (unsigned i = 0; i < count; i++) {
		if (evrt__dns_request_new(&req, &packets[i]) < 0)
			continue;
		/* Anew for each: the callback may have closed the port. */
		if (!evrt__dns_port_enter(port)) {
			evrt__dns_request_free(req);
			return;
		}
		req->port = port;
		evrt__dns_request_deliver(req);
	}
}

/* A reply that is lost is asked for again; a socket that cannot be read from is news. */
static void
udp_failed(struct evrt_datagram *dg, int err, const struct evrt_packet *lost, void *arg)
{
	(void)arg;
	if (lost)
		return;
	errno = err;
	evrt__warn("DNS server: receiving on descriptor %d", evrt_datagram_get_fd(dg));
}

static int
udp_reply(struct evrt_dns_request *req, unsigned rcode)
{
	uint8_t bytes[EVRT_DNS_SERVER_UDP_BYTES];
	size_t cap = req->edns.udp_bytes;

	cap = cap < EVRT_DNS_UDP_BYTES ? EVRT_DNS_UDP_BYTES : cap < sizeof(bytes) ? cap : sizeof(bytes);
	const struct evrt_packet packet = {
		.data = bytes,
		.len = evrt__dns_reply_write(req, rcode, bytes, cap),
		.peer = req->peer_len ? (struct sockaddr *)&req->peer : NULL,
		.peer_len = req->peer_len,
		.local = req->local_len ? (struct sockaddr *)&req->local : NULL,
		.local_len = req->local_len,
	};
	return evrt_datagram_send(req->port->datagram, &packet) < 0 ? -errno : 0;
}

/* Locked. */
static void
udp_close(struct evdns_server_port *port)
{
	evrt_datagram_disable(port->datagram);
}

static void
udp_end(struct evdns_server_port *port)
{
	int fd = evrt_datagram_get_fd(port->datagram);

	evrt__datagram_free_then(port->datagram, evrt__dns_port_destroy, port);
	evrt__sys.close(fd);
}

static int
udp_set_option(struct evdns_server_port *port, enum evdns_server_option option, size_t value)
{
	(void)port;
	(void)option;
	(void)value;
	return -EINVAL;
}

const struct evrt_dns_port_ops evrt__dns_udp_ops = {
	.close = udp_close,
	.end = udp_end,
	.set_option = udp_set_option,
	.reply = udp_reply,
};

/* Of a socket that is bound to any address, a reply must say which it leaves from, or a client that asked another
 * address of this host gets an answer from somebody it does not know. 0 or -errno. */
static int
udp_options(int fd, unsigned *options)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} own = { .room = { 0 } };
	socklen_t len = sizeof(own);

	if (evrt__sys.getsockname(fd, &own.any, &len) < 0)
		return -errno;
	bool is_any = (own.any.sa_family == AF_INET && own.v4.sin_addr.s_addr == htonl(INADDR_ANY)) ||
	    (own.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&own.v6.sin6_addr));
	*options = EVRT_DATAGRAM_THREADSAFE | (is_any ? EVRT_DATAGRAM_LOCAL : 0);
	return 0;
}

/* 0 or -errno, and then the descriptor is the caller's. */
static int
udp_open(struct evdns_server_port *port, evutil_socket_t fd)
{
	unsigned options = 0;
	int err = udp_options(fd, &options);

	if (err < 0)
		return err;
	port->datagram = evrt_datagram_new(port->base, fd, options);
	if (!port->datagram)
		return -errno;
	evrt_datagram_setcb(port->datagram, udp_received, NULL, udp_failed, port);
	if (evrt_datagram_set_receive(port->datagram, EVRT_DNS_SERVER_UDP_BYTES, UDP_BATCH) < 0 ||
	    evrt_datagram_enable(port->datagram) < 0) {
		err = -errno;
		evrt_datagram_free(port->datagram);
	}
	return err;
}

struct evdns_server_port *
evdns_add_server_port_with_base(struct event_base *base, evutil_socket_t socket, int flags,
    evdns_request_callback_fn_type callback, void *user_data)
{
	struct evdns_server_port *port = NULL;
	int err = flags == 0 ? evrt__dns_port_new(&port, &evrt__dns_udp_ops, base, callback, user_data) : -EINVAL;

	if (err == 0 && (err = udp_open(port, socket)) < 0) {
		evrt__dns_port_destroy(port);
		port = NULL;
	}
	if (err < 0)
		errno = -err;
	return port;
}
