/* api/dns/cache.h — answers that were given, for as long as they may be kept.
 *
 * Here:     a table of bounded size from (name, type, class) to an answer or an error, with times to live; what is
 *           used least recently goes first.
 * Not here: what an answer's bytes mean, and aliases (CNAME): the client asks for each name of a chain.
 * Threads:  any; the owner of the cache guards it. Time comes from the caller, who reads one clock.
 */
#ifndef EVRT_API_DNS_CACHE_H_
#define EVRT_API_DNS_CACHE_H_

#include "api/dns/text.h"
#include "base/list.h"

/* In place of a type: an error that holds for each of them (a name that does not exist, RFC 2308 section 5). */
#define EVRT_DNS_TYPE_EVERY 0

struct evrt_dns_cache_limits {
	uint32_t entries_max;
	size_t bytes_max;                /* keys, answers and what the table itself needs for each */
	uint32_t ttl_max_s;              /* longer times to live are cut to these: of answers, */
	uint32_t error_ttl_max_s;        /* and of errors */
};

struct evrt_dns_cache_key {
	struct evrt_dns_text name;       /* a dot at the end counts for nothing, nor does case */
	uint16_t type;
	uint16_t class;
};

struct evrt_dns_cache_value {
	int error;                       /* 0: an answer */
	uint32_t ttl_s;                  /* what is left of it, rounded up; as a resource record has it in put */
	const void *data;                /* aligned for any type of up to 8 bytes */
	size_t len;
};

struct evrt_dns_cache_entry;

/* Its fields are for tests and statistics to read. */
struct evrt_dns_cache {
	struct evrt_dns_cache_limits limits;
	uint64_t seed;
	struct evrt_dns_cache_entry **buckets;
	uint32_t bucket_count;           /* a power of two */
	uint32_t entry_count;
	size_t bytes;
	struct evrt_link by_use;         /* entries; the most recently used one in front */
};

/* The seed is secret: whoever can have names looked up could else choose names that share a bucket. 0 or -ENOMEM;
 * limits of 0 entries make a cache that keeps nothing. */
int evrt__dns_cache_init(struct evrt_dns_cache *, const struct evrt_dns_cache_limits *, uint64_t seed);
/* Forgets everything; it may be used on. Frees what is left; it may not. */
void evrt__dns_cache_clear(struct evrt_dns_cache *);
void evrt__dns_cache_destroy(struct evrt_dns_cache *);

/* Keeps a copy of an answer or an error in place of what was there for the key, and, with a type, of an error for
 * every type. 0; also when a time to live of 0, or of 2^31 and more (RFC 2181 section 8), forbids to keep it.
 * -ENOMEM, or -E2BIG: it is larger than the cache; then nothing is there for the key. Name and data must not lie in
 * the cache itself. */
int evrt__dns_cache_put(struct evrt_dns_cache *, const struct evrt_dns_cache_key *,
    const struct evrt_dns_cache_value *, uint64_t now_ns);
/* Whether something is known: of the key, or of its name for every type. The data in *out holds until the cache is
 * changed next, by put, get or clear. */
bool evrt__dns_cache_get(struct evrt_dns_cache *, const struct evrt_dns_cache_key *, uint64_t now_ns,
    struct evrt_dns_cache_value *out);

/* How long an error may be kept: what the SOA record beside it says (RFC 2308 section 5). */
uint32_t evrt__dns_cache_error_ttl(uint32_t soa_ttl_s, uint32_t soa_minimum_s);

#endif
