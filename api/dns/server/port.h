/* api/dns/server/port.h — a DNS server's ports, for the files of this room.
 *
 * Here:     the port with its life, and what its two kinds (udp.c, tcp.c) are asked to do.
 * Not here: requests (request.h), the public contract (event2/dns.h).
 * Threads:  any. Every field is guarded by `lock` unless it says otherwise.
 * Locks:    `lock` (rank dns), then a bufferevent's, a listener's, a datagram's, a strand's. Nothing of the program is
 *           called under it.
 *
 * Life: references are held by the program (one, given up by evdns_close_server_port), by each request until it is
 * responded to or dropped, by each connection, and by the listener while its callback may run. When the last one
 * goes, so do the sockets; the memory follows when no callback of the port can be running any more.
 */
#ifndef EVRT_API_DNS_SERVER_PORT_H_
#define EVRT_API_DNS_SERVER_PORT_H_

#include <event2/dns.h>
#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include "api/event/guest.h"
#include "base/list.h"

/* What a server takes in a datagram, and says so; and what it sends at most, if the client takes as much. */
#define EVRT_DNS_SERVER_UDP_BYTES 4096

struct evconnlistener;
struct evrt_datagram;
struct evrt_dns_conn;    /* tcp.c */
struct evrt_dns_request; /* request.h */

struct evrt_dns_port_ops {
	/* Takes no more questions. Locked. */
	void (*close)(struct evdns_server_port *);
	/* The last reference has gone: gives up what else there is, and then calls evrt__dns_port_destroy. */
	void (*end)(struct evdns_server_port *);
	/* 0 or -errno. */
	int (*set_option)(struct evdns_server_port *, enum evdns_server_option, size_t value);
	/* Sends the reply; `rcode` has up to 12 bits. 0 or -errno. */
	int (*reply)(struct evrt_dns_request *, unsigned rcode);
};

extern const struct evrt_dns_port_ops evrt__dns_udp_ops, evrt__dns_tcp_ops;

struct evdns_server_port {
	const struct evrt_dns_port_ops *ops; /* const, as are the next four */
	struct event_base *base;
	void *lock;                          /* NULL: none */
	evdns_request_callback_fn_type callback;
	void *arg;
	unsigned refs;
	bool closed;

	struct evrt_datagram *datagram;      /* UDP; const */

	struct evconnlistener *listener;     /* TCP; NULL once closed */
	struct evrt_link conns;              /* open ones; first is who has not asked for longest */
	size_t conns_count, conns_max;       /* in that list */
	struct evrt_base_guest guest;        /* so that connections go with the base; unlocked */
	struct timeval idle;                 /* after which a connection is closed */
};

/* --- port.c ---------------------------------------------------------------------------------- */

/* With the program's reference, and a callback that is not NULL. 0 or -errno. */
int evrt__dns_port_new(struct evdns_server_port **, const struct evrt_dns_port_ops *, struct event_base *base,
    evdns_request_callback_fn_type callback, void *arg);
void evrt__dns_port_lock(struct evdns_server_port *);
void evrt__dns_port_unlock(struct evdns_server_port *);
/* Takes a reference for a request; false: the port is closed. */
bool evrt__dns_port_enter(struct evdns_server_port *);
void evrt__dns_port_unref(struct evdns_server_port *);
void evrt__dns_port_destroy(void *port);

/* --- conn.c ---------------------------------------------------------------------------------- */

/* A request of the connection has been answered or dropped, and gives its reference back. */
void evrt__dns_conn_answered(struct evrt_dns_conn *);
/* evrt_dns_port_ops.reply of TCP. */
int evrt__dns_conn_reply(struct evrt_dns_request *, unsigned rcode);

#endif
