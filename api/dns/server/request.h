/* api/dns/server/request.h — one question message, from its arrival to its reply.
 *
 * Here:     the request, with the public struct at its head, and the records of its reply.
 * Not here: the public contract (event2/dns.h, event2/dns_struct.h).
 * Threads:  one at a time, as the program sees to: a request is handed from the port to it, and back by
 *           evdns_server_request_respond or _drop. No lock guards it.
 */
#ifndef EVRT_API_DNS_SERVER_REQUEST_H_
#define EVRT_API_DNS_SERVER_REQUEST_H_

#include <evrt/datagram.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "api/dns/server/port.h"
#include "api/dns/wire.h"

/* A name may stand for a hundred times its octets by compression: more questions than anybody asks at a time would
 * be a way to fill memory. */
#define EVRT_DNS_SERVER_QUESTIONS_MAX 64

/* Answer, authority, additional; as numbers, EVDNS_ANSWER_SECTION and so on. */
#define EVRT_DNS_SERVER_SECTIONS 3

/* A record of the reply; one allocation. */
struct evrt_dns_reply_record {
	struct evrt_dns_reply_record *next;
	uint32_t ttl;
	uint16_t type, class;
	uint16_t data_len;
	uint8_t name_len;
	bool is_name;                    /* data is a name in wire form */
	uint8_t bytes[];                 /* owner's name in wire form, then data */
};

struct evrt_dns_reply_list {
	struct evrt_dns_reply_record *first, **end;
};

/* One allocation; the questions, as the program sees them, lie behind it, and then their names in wire form. */
struct evrt_dns_request {
	struct evdns_server_request public; /* first */
	struct evdns_server_port *port;     /* referenced */
	struct evrt_dns_conn *conn;         /* TCP; referenced */
	uint16_t id, flags;                 /* the question's */
	bool has_edns;
	struct evrt_dns_edns edns;          /* the question's; without options */
	const uint8_t *names;               /* [public.nquestions], one behind the other */
	struct evrt_dns_reply_list records[EVRT_DNS_SERVER_SECTIONS];
	size_t records_bytes;               /* at most, of all of them */
	socklen_t peer_len, local_len;
	struct sockaddr_storage peer;
	struct sockaddr_in6 local;          /* where it arrived, if local_len; an IPv4 address fits */
};

_Static_assert(offsetof(struct evrt_dns_request, public) == 0, "request_of");
_Static_assert(sizeof(struct sockaddr_in) <= sizeof(struct sockaddr_in6), "evrt_dns_request.local");

static inline struct evrt_dns_request *
evrt__dns_request_of(struct evdns_server_request *public)
{
	return (struct evrt_dns_request *)(void *)public;
}

/* --- request.c ------------------------------------------------------------------------------- */

/* Reads a message that has arrived; everything is copied. 0; -EBADMSG: it deserves no answer; -ENOMEM. */
int evrt__dns_request_new(struct evrt_dns_request **, const struct evrt_packet *);
/* Only one that evrt__dns_request_deliver was not called with. */
void evrt__dns_request_free(struct evrt_dns_request *);
/* Hands it to the program, or answers what the program need not see. `port` and `conn` are set, and referenced. */
void evrt__dns_request_deliver(struct evrt_dns_request *);
/* It is answered, or dropped: gives back everything. */
void evrt__dns_request_end(struct evrt_dns_request *);

/* --- reply.c --------------------------------------------------------------------------------- */

void evrt__dns_reply_free_records(struct evrt_dns_request *);
/* Octets that the reply has at most. */
size_t evrt__dns_reply_bytes_max(const struct evrt_dns_request *);
/* Into `cap` octets, at least EVRT_DNS_UDP_BYTES or evrt__dns_reply_bytes_max; returns how many. What does not fit is
 * cut off, and the reply says so. */
size_t evrt__dns_reply_write(const struct evrt_dns_request *, unsigned rcode, void *bytes, size_t cap);

#endif
