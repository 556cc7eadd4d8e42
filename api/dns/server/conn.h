/* api/dns/server/conn.h — one client's TCP connection, for tcp.c.
 *
 * Threads:  any. Every field is guarded by the port's lock unless it says otherwise.
 *
 * Life: references are held by the bufferevent (one, while there is one), by each request, and by `work` while it is
 * queued. A connection is read and closed in its strand alone; who wants that elsewhere queues `work` there. So
 * nobody waits for a callback, and no lock is held across one. When the last reference goes, `work` is queued a
 * last time, and frees the memory behind whatever of the connection still runs there.
 */
#ifndef EVRT_API_DNS_SERVER_CONN_H_
#define EVRT_API_DNS_SERVER_CONN_H_

#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <sys/socket.h>
#include "api/dns/server/port.h"
#include "runtime/loop/task.h"

struct evrt_strand;

struct evrt_dns_conn {
	struct evrt_link link;             /* in the port's list; next NULL: not in there */
	struct evdns_server_port *port;    /* referenced, const */
	struct evrt_strand *strand;        /* referenced, const */
	struct bufferevent *bev;           /* NULL: closed. Only the strand closes: it may use it without the lock */
	struct event idle;                 /* a timer: since no question is pending */
	struct evrt_task work;
	unsigned refs;
	unsigned pending;                  /* questions neither answered nor dropped */
	bool work_queued;
	bool client_ended;                 /* it sends no more than what has arrived */
	bool ends;                         /* may ask no more; closed as soon as its replies have left */
	bool abandoned;                    /* closed whatever there is */
	socklen_t peer_len;                /* const, like peer */
	struct sockaddr_storage peer;
};

/* In the strand of a new connection, which takes `fd`, and a reference of the port, if it succeeds. NULL: failed. */
struct evrt_dns_conn *evrt__dns_conn_new(struct evdns_server_port *, evutil_socket_t fd, const struct sockaddr *,
    int len);
/* Begins to read, or closes it, if it was abandoned. In its strand, unlocked. */
void evrt__dns_conn_begin(struct evrt_dns_conn *);
/* Both locked. */
void evrt__dns_conn_end(struct evrt_dns_conn *);
void evrt__dns_conn_abandon(struct evrt_dns_conn *);

/* --- tcp.c: the port's list. Locked. -------------------------------------------------------------- */

/* As the last one. */
void evrt__dns_tcp_list(struct evrt_dns_conn *);
/* If it is in there. */
void evrt__dns_tcp_unlist(struct evrt_dns_conn *);

#endif
