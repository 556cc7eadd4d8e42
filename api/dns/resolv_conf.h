/* api/dns/resolv_conf.h — what a resolv.conf(5) says.
 *
 * Here:     one pass over the text of such a file: nameservers, search domains, options.
 * Not here: reading files, and using what was found (base.c).
 * Threads:  any; nothing is kept.
 *
 * A line that cannot be read is skipped and counted; nothing fails. "sortlist" and the like are known and ignored.
 */
#ifndef EVRT_API_DNS_RESOLV_CONF_H_
#define EVRT_API_DNS_RESOLV_CONF_H_

#include "api/dns/options.h"
#include "api/dns/text.h"

#define EVRT_DNS_NAMESERVERS_MAX 16
#define EVRT_DNS_DOMAINS_MAX 32

struct evrt_dns_resolv_conf {
	/* In the file's order, without doubles. A port of 0: none was given. */
	unsigned nameserver_count;
	union evrt_dns_sockaddr nameservers[EVRT_DNS_NAMESERVERS_MAX];
	/* Of the last "domain" or "search" line. They lie in the text that was parsed, and are without dots in front. */
	unsigned domain_count;
	struct evrt_dns_text domains[EVRT_DNS_DOMAINS_MAX];
	/* "domain" or "search" was there: even without a domain it says that the host's own is not to be searched. */
	bool search_given;
	/* What was skipped: how often, and the first time, for a log. */
	unsigned problem_count;
	unsigned problem_line;           /* from 1 */
	const char *problem;
	struct evrt_dns_text problem_word;
};

/* Reads `text`. Options go into *options if they are of one of the classes (an OR of DNS_OPTION_*); of what else is
 * there, the caller takes what it wants. */
void evrt__dns_resolv_conf_parse(struct evrt_dns_resolv_conf *out, struct evrt_dns_options *options,
    struct evrt_dns_text text, unsigned classes);

#endif
