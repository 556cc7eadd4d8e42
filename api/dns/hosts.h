/* api/dns/hosts.h — names and addresses as a hosts(5) file lists them.
 *
 * Here:     reading the text of such a file into a table, and looking a name up in it.
 * Not here: reading files; what an answer is made of (getaddrinfo.c).
 * Threads:  any; the owner of the table guards it.
 */
#ifndef EVRT_API_DNS_HOSTS_H_
#define EVRT_API_DNS_HOSTS_H_

#include "api/dns/text.h"

/* Pairs of a name and an address in a table; lists that block advertisers have up to a few 100,000. */
#define EVRT_DNS_HOSTS_MAX (1u << 20)

struct evrt_dns_host {
	union evrt_dns_sockaddr address; /* its port is 0 */
	uint32_t name_at;                /* in the table's names, of name_len bytes, without NUL */
	uint32_t next;                   /* the next of its bucket, 1 + index, later in the file; 0: none */
	uint8_t name_len;
};

/* Zeroed: empty, without memory. */
struct evrt_dns_hosts {
	struct evrt_dns_host *hosts;
	char *names;
	uint32_t *buckets;               /* 1 + index of the first; 0: none */
	uint32_t host_count, hosts_room;
	uint32_t names_len, names_room;
	uint32_t bucket_count;           /* a power of two, or 0 */
	/* Lines that were skipped since the table was last empty: how many, and the first. */
	unsigned problem_count;
	unsigned problem_line;           /* from 1 */
};

/* Adds what `text` says behind what is there. What cannot be read is skipped and counted. 0, or -ENOMEM: nothing was
 * added, or -E2BIG: the table is full, with what came first. */
int evrt__dns_hosts_add(struct evrt_dns_hosts *, struct evrt_dns_text text);
/* Each address of a name, in the order of the file: the first with `after` NULL, then the next; NULL: no more.
 * The pointers hold until the table changes. */
const struct evrt_dns_host *evrt__dns_hosts_find(const struct evrt_dns_hosts *, struct evrt_dns_text name,
    const struct evrt_dns_host *after);
/* Empties the table and frees its memory. */
void evrt__dns_hosts_clear(struct evrt_dns_hosts *);

#endif
