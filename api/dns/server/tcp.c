/* api/dns/server/tcp.c — ports on a TCP listener.
 *
 * Here:     the port's list of connections, and its bounds.
 * Not here: a connection (conn.c).
 * Threads:  the listener's callback runs in the strand of each connection; other calls come from any thread.
 *
 * When there are as many clients as may be, a new one takes the place of the one that has asked nothing for longest and
 * waits for no answer: so one that holds connections open does not keep others away. Where all wait, the new one is
 * refused.
 */
#include "api/dns/server/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include "api/listener/free.h"
#include "base/assert.h"
#include "base/sys.h"

#define CONNS_MAX_DEFAULT 128
#define IDLE_DEFAULT_S 10

void
evrt__dns_tcp_list(struct evrt_dns_conn *conn)
{
	evrt__list_push_tail(&conn->port->conns, &conn->link);
	conn->port->conns_count++;
}

void
evrt__dns_tcp_unlist(struct evrt_dns_conn *conn)
{
	if (!conn->link.next)
		return;
	evrt__list_remove(&conn->link);
	conn->port->conns_count--;
}

static struct evrt_dns_conn *
tcp_conn(struct evrt_link *link)
{
	return EVRT_CONTAINER_OF(link, struct evrt_dns_conn, link);
}

/* Locked. False: there is none, or will be none at once. */
static bool
tcp_has_room(struct evdns_server_port *port)
{
	struct evrt_link *first = port->conns.next;

	if (port->closed)
		return false;
	if (port->conns_count < port->conns_max)
		return true;
	while (first != &port->conns && tcp_conn(first)->pending > 0)
		first = first->next;
	if (first == &port->conns)
		return false;
	evrt__dns_conn_abandon(tcp_conn(first));
	return true;
}

static void
tcp_accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct evdns_server_port *port = arg;
	struct evrt_dns_conn *conn = evutil_make_socket_nonblocking(fd) == 0 ? evrt__dns_conn_new(port, fd, addr, len) :
	    NULL;

	(void)listener;
	if (!conn) {
		evrt__sys.close(fd);
		return;
	}
	evrt__dns_port_lock(port);
	if (tcp_has_room(port))
		evrt__dns_tcp_list(conn);
	else
		conn->abandoned = true;
	evrt__dns_port_unlock(port);
	evrt__dns_conn_begin(conn);
}

static void
tcp_unref(void *port)
{
	evrt__dns_port_unref(port);
}

/* Locked. */
static void
tcp_close(struct evdns_server_port *port)
{
	evrt__listener_free_then(port->listener, tcp_unref, port);
	for (struct evrt_link *link = port->conns.next; link != &port->conns; link = link->next)
		evrt__dns_conn_end(tcp_conn(link));
}

/* evrt_base_guest.leave */
static void
tcp_leave(struct evrt_base_guest *guest)
{
	struct evdns_server_port *port = EVRT_CONTAINER_OF(guest, struct evdns_server_port, guest);

	evrt__dns_port_lock(port);
	while (!evrt__list_empty(&port->conns))
		evrt__dns_conn_abandon(tcp_conn(port->conns.next));
	evrt__dns_port_unlock(port);
}

static void
tcp_end(struct evdns_server_port *port)
{
	evrt__base_guest_exit(&port->guest);
	evrt__dns_port_destroy(port);
}

/* Locked. What is open already feels a new time from its next question or reply on. */
static int
tcp_set_option(struct evdns_server_port *port, enum evdns_server_option option, size_t value)
{
	if (value == 0 || value > INT32_MAX)
		return -EINVAL;
	switch (option) {
	case EVDNS_SOPT_TCP_MAX_CLIENTS:
		port->conns_max = value;
		return 0;
	case EVDNS_SOPT_TCP_IDLE_TIMEOUT:
		port->idle.tv_sec = (time_t)value;
		return 0;
	}
	return -EINVAL;
}

const struct evrt_dns_port_ops evrt__dns_tcp_ops = {
	.close = tcp_close,
	.end = tcp_end,
	.set_option = tcp_set_option,
	.reply = evrt__dns_conn_reply,
};

struct evdns_server_port *
evdns_add_server_port_with_listener(struct event_base *base, struct evconnlistener *listener, int flags,
    evdns_request_callback_fn_type callback, void *user_data)
{
	struct evdns_server_port *port = NULL;
	int err = flags == 0 && listener ? evrt__dns_port_new(&port, &evrt__dns_tcp_ops, base, callback, user_data) :
	    -EINVAL;

	if (err < 0) {
		errno = -err;
		return NULL;
	}
	port->listener = listener;
	port->refs++; /* the listener's */
	evrt__list_init(&port->conns);
	port->guest.leave = tcp_leave;
	evrt__base_guest_enter(base, &port->guest);
	port->conns_max = CONNS_MAX_DEFAULT;
	port->idle.tv_sec = IDLE_DEFAULT_S;
	/* An error callback of the program would be given the port. */
	evconnlistener_set_error_cb(listener, NULL);
	evconnlistener_set_cb(listener, tcp_accepted, port);
	return port;
}
