/* api/dns/search.h — which names a question is asked for, one after the other.
 *
 * Here:     a list of search domains, shared by the requests that began with it; the sequence that follows from a
 *           name, ndots and the list.
 * Not here: after which answers the next name is tried (request.c).
 * Threads:  any; the owner of the list guards it, its count of references included.
 */
#ifndef EVRT_API_DNS_SEARCH_H_
#define EVRT_API_DNS_SEARCH_H_

#include "api/dns/text.h"

/* The longest name and the longest domain, each with a dot behind it, and the NUL. */
#define EVRT_DNS_SEARCH_NAME_BYTES (2 * (EVRT_DNS_NAME_TEXT_MAX + 1) + 1)

struct evrt_dns_search_domain;

struct evrt_dns_search {
	unsigned refs;
	unsigned count;
	struct evrt_dns_search_domain *first;
};

/* An empty list with one reference, or NULL. The last unref frees it; NULL is ignored. */
struct evrt_dns_search *evrt__dns_search_new(void);
struct evrt_dns_search *evrt__dns_search_ref(struct evrt_dns_search *);
void evrt__dns_search_unref(struct evrt_dns_search *);

/* Adds a domain, without the dots in front of it: before the others, as evdns_base_search_add does, or behind them.
 * 0, -ENOMEM, or -EINVAL: no name can end with it. */
int evrt__dns_search_add_first(struct evrt_dns_search *, struct evrt_dns_text domain);
int evrt__dns_search_add_last(struct evrt_dns_search *, struct evrt_dns_text domain);

/* The domain that a host's own name ends with: what is behind the first dot, or nothing. */
struct evrt_dns_text evrt__dns_search_of_host(struct evrt_dns_text hostname);

/* The name to ask for in place `step` of the sequence (from 0), as a string in `out`. Its length; 0: the sequence has
 * ended; -EMSGSIZE: this one would be too long to be a name, and the next step may be none. `list` NULL: as an
 * empty one, the name alone. An empty name has no sequence. */
int evrt__dns_search_step(const struct evrt_dns_search *list, struct evrt_dns_text name, uint32_t ndots,
    unsigned step, char out[EVRT_DNS_SEARCH_NAME_BYTES]);

#endif
