/* api/dns/addr_order.h — which of several addresses to try first (RFC 6724 section 6).
 *
 * Here:     the ten rules over pairs of a destination and the source that would be used, with the default policy
 *           table; a stable sort by them.
 * Not here: finding that source: the caller's function asks the system, a test's a table.
 * Threads:  any; nothing is kept.
 */
#ifndef EVRT_API_DNS_ADDR_ORDER_H_
#define EVRT_API_DNS_ADDR_ORDER_H_

#include "api/dns/text.h"

/* What the system would send from, towards one destination. Zeroed, but for the address, where nothing is known. */
struct evrt_dns_source {
	union evrt_dns_sockaddr address;
	uint8_t prefix_len;              /* of its subnet; 0: not known, so 64 for IPv6, and for IPv4 rule 9 is left out */
	bool deprecated;
	bool home;                       /* a home address (of mobile hosts), and */
	bool care_of;                    /* a care-of address; both: at home */
	bool tunnel;                     /* the destination is reached through one */
};

/* Fills *out, which is zeroed, for a destination. False: it cannot be reached. */
typedef bool (*evrt_dns_source_fn)(void *arg, const struct sockaddr *destination, struct evrt_dns_source *out);

struct evrt_dns_destination {
	/* in */
	const struct sockaddr *address;  /* AF_INET, AF_INET6; others are taken to be out of reach */
	void *owner;                     /* the caller's, moved along */
	/* computed once for each */
	bool reachable;
	struct evrt_dns_source source;
	struct in6_addr to, from;        /* IPv4 as ::ffff:a.b.c.d */
	uint8_t scope, precedence, label;
	bool scope_matches, label_matches;
	uint8_t common_prefix_len;
};

/* Sorts `n` destinations, the one to try first in front; equal ones stay in their order. One call of `source` for
 * each. Takes about n * n / 4 steps: the caller bounds n (an answer has a few tens). */
void evrt__dns_addr_order(struct evrt_dns_destination *, size_t n, evrt_dns_source_fn source, void *arg);

#endif
