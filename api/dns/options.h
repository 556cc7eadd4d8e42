/* api/dns/options.h — the settings of a resolver, and their names.
 *
 * Here:     struct evrt_dns_options with its defaults; a table from a name to a field, for evdns_base_set_option
 *           and for the options of resolv.conf(5).
 * Not here: what a setting does; ranges and defaults as programs read them (event2/dns.h).
 * Threads:  any; the owner of the struct guards it.
 */
#ifndef EVRT_API_DNS_OPTIONS_H_
#define EVRT_API_DNS_OPTIONS_H_

#include <stdbool.h>
#include <stdint.h>

#include "api/dns/text.h"

struct evrt_dns_options {
	uint64_t timeout_ns;
	uint64_t allow_skew_ns;
	uint64_t initial_probe_ns;
	uint64_t max_probe_ns;           /* the pause before any probe, the first included, is no longer */
	uint64_t tcp_idle_ns;
	uint32_t ndots;
	uint32_t attempts;
	uint32_t max_timeouts;
	uint32_t max_inflight;
	uint32_t probe_backoff_factor;
	uint32_t edns_udp_size;          /* 512: no EDNS */
	uint32_t so_rcvbuf_bytes;        /* 0: the system's */
	uint32_t so_sndbuf_bytes;
	union evrt_dns_sockaddr bind_to; /* AF_UNSPEC: any */
	bool randomize_case;
	bool use_vc;
	bool ignore_tc;
	/* Of resolv.conf(5) alone. */
	bool no_aaaa;
	bool no_reload;
	bool single_request;             /* A and AAAA one after the other */
	bool single_request_reopen;      /* and that, from another socket */
	bool trust_ad;
};

void evrt__dns_options_init(struct evrt_dns_options *);

/* Sets "name" or "name:" to a value, if it is of one of the classes (an OR of DNS_OPTION_*). 0, also when it is
 * of none; -ENOENT: there is no such option; -EINVAL: a value that cannot be read, and nothing changes. */
int evrt__dns_option_set(struct evrt_dns_options *, struct evrt_dns_text name, struct evrt_dns_text value,
    unsigned classes);

#endif
