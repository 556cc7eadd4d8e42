/* api/bufferevent/resolver.h — how a bufferevent asks for the addresses of a host without knowing DNS.
 *
 * Here:     the table whose address struct evdns_base begins with.
 * Not here: resolving (api/dns), the blocking way (evutil_getaddrinfo).
 * Threads:  the table is constant.
 */
#ifndef EVRT_API_BUFFEREVENT_RESOLVER_H_
#define EVRT_API_BUFFEREVENT_RESOLVER_H_

#include <event2/util.h>

struct evdns_base;
struct evdns_getaddrinfo_request;

struct evrt_resolver {
	/* evdns_getaddrinfo: `cb` is called exactly once, perhaps before this returns, with no lock held; the
	 * list is its to free. Called with no lock held. */
	struct evdns_getaddrinfo_request *(*getaddrinfo)(struct evdns_base *, const char *host, const char *service,
	    const struct evutil_addrinfo *hints, void (*cb)(int err, struct evutil_addrinfo *, void *), void *arg);
};

static inline const struct evrt_resolver *
evrt__resolver_of(struct evdns_base *base)
{
	return *(const struct evrt_resolver *const *)(void *)base;
}

#endif
