/* api/dns/cache.c — see cache.h. */
#include "api/dns/cache.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define NS_PER_S 1000000000ull
#define TTL_INVALID (1u << 31)
#define BUCKETS_MAX (1u << 20)

struct evrt_dns_cache_entry {
	struct evrt_link by_use;         /* first: links are entries */
	struct evrt_dns_cache_entry *next; /* of its bucket */
	uint64_t hash;
	uint64_t until_ns;
	size_t len;
	int error;
	uint16_t type, class;
	uint8_t name_len;
	_Alignas(8) unsigned char data[]; /* and the name behind it */
};

static struct evrt_dns_text
cache_name(const struct evrt_dns_cache_entry *e)
{
	return (struct evrt_dns_text){(const char *)e->data + e->len, e->name_len};
}

static size_t
cache_entry_bytes(size_t len, size_t name_len)
{
	return sizeof(struct evrt_dns_cache_entry) + len + name_len;
}

int
evrt__dns_cache_init(struct evrt_dns_cache *c, const struct evrt_dns_cache_limits *limits, uint64_t seed)
{
	uint32_t buckets = 1;

	while (buckets < limits->entries_max && buckets < BUCKETS_MAX)
		buckets *= 2;
	*c = (struct evrt_dns_cache){.limits = *limits, .seed = seed, .bucket_count = buckets};
	evrt__list_init(&c->by_use);
	c->buckets = evrt__calloc(buckets, sizeof(struct evrt_dns_cache_entry *));
	return c->buckets ? 0 : -ENOMEM;
}

static uint64_t
cache_hash(const struct evrt_dns_cache *c, const struct evrt_dns_cache_key *key)
{
	/* Type and class go into the seed: they are part of every step of the hash. */
	return evrt__dns_text_hash(key->name, c->seed ^ ((uint64_t)key->class << 48 | (uint64_t)key->type << 32));
}

/* The link that holds the entry of the key, or the end of its bucket. The key's name is without a dot at its end. */
static struct evrt_dns_cache_entry **
cache_find(const struct evrt_dns_cache *c, const struct evrt_dns_cache_key *key, uint64_t hash)
{
	struct evrt_dns_cache_entry **at = &c->buckets[hash & (c->bucket_count - 1)];

	while (*at && !((*at)->hash == hash && (*at)->type == key->type && (*at)->class == key->class &&
	    evrt__dns_text_equal(cache_name(*at), key->name)))
		at = &(*at)->next;
	return at;
}

static void
cache_drop(struct evrt_dns_cache *c, struct evrt_dns_cache_entry **at)
{
	struct evrt_dns_cache_entry *e = *at;

	*at = e->next;
	evrt__list_remove(&e->by_use);
	c->entry_count--;
	c->bytes -= cache_entry_bytes(e->len, e->name_len);
	evrt__free(e);
}

static void
cache_drop_entry(struct evrt_dns_cache *c, struct evrt_dns_cache_entry *e)
{
	struct evrt_dns_cache_entry **at = &c->buckets[e->hash & (c->bucket_count - 1)];

	while (*at != e)
		at = &(*at)->next;
	cache_drop(c, at);
}

static void
cache_drop_key(struct evrt_dns_cache *c, const struct evrt_dns_cache_key *key)
{
	struct evrt_dns_cache_entry **at = cache_find(c, key, cache_hash(c, key));

	if (*at)
		cache_drop(c, at);
}

void
evrt__dns_cache_clear(struct evrt_dns_cache *c)
{
	while (!evrt__list_empty(&c->by_use))
		cache_drop_entry(c, (struct evrt_dns_cache_entry *)c->by_use.prev);
}

void
evrt__dns_cache_destroy(struct evrt_dns_cache *c)
{
	evrt__dns_cache_clear(c);
	evrt__free(c->buckets);
	c->buckets = NULL;
}

static void
cache_make_room(struct evrt_dns_cache *c, size_t bytes)
{
	while (c->entry_count >= c->limits.entries_max || c->bytes > c->limits.bytes_max - bytes)
		cache_drop_entry(c, (struct evrt_dns_cache_entry *)c->by_use.prev);
}

static uint32_t
cache_ttl_valid(uint32_t ttl_s)
{
	return ttl_s < TTL_INVALID ? ttl_s : 0;
}

static uint32_t
cache_ttl(const struct evrt_dns_cache *c, const struct evrt_dns_cache_value *value)
{
	uint32_t max = value->error ? c->limits.error_ttl_max_s : c->limits.ttl_max_s;
	uint32_t ttl_s = cache_ttl_valid(value->ttl_s);

	return ttl_s < max ? ttl_s : max;
}

static void
cache_insert(struct evrt_dns_cache *c, struct evrt_dns_cache_entry *e)
{
	struct evrt_dns_cache_entry **bucket = &c->buckets[e->hash & (c->bucket_count - 1)];

	e->next = *bucket;
	*bucket = e;
	evrt__list_push_head(&c->by_use, &e->by_use);
	c->entry_count++;
	c->bytes += cache_entry_bytes(e->len, e->name_len);
}

int
evrt__dns_cache_put(struct evrt_dns_cache *c, const struct evrt_dns_cache_key *given,
    const struct evrt_dns_cache_value *value, uint64_t now_ns)
{
	struct evrt_dns_cache_key key = *given, every;
	uint32_t ttl_s = cache_ttl(c, value);

	key.name = evrt__dns_text_undotted(key.name);
	every = key;
	every.type = EVRT_DNS_TYPE_EVERY;
	cache_drop_key(c, &every);
	cache_drop_key(c, &key);
	if (ttl_s == 0)
		return 0;
	if (c->limits.entries_max == 0 || key.name.len > EVRT_DNS_NAME_TEXT_MAX || value->len > c->limits.bytes_max ||
	    cache_entry_bytes(value->len, key.name.len) > c->limits.bytes_max)
		return -E2BIG;
	size_t bytes = cache_entry_bytes(value->len, key.name.len);
	struct evrt_dns_cache_entry *e = evrt__malloc(bytes);
	if (!e)
		return -ENOMEM;
	cache_make_room(c, bytes);
	*e = (struct evrt_dns_cache_entry){
		.hash = cache_hash(c, &key),
		.until_ns = now_ns + ttl_s * NS_PER_S,
		.len = value->len,
		.error = value->error,
		.type = key.type,
		.class = key.class,
		.name_len = (uint8_t)key.name.len,
	};
	if (value->len)
		memcpy(e->data, value->data, value->len);
	memcpy(e->data + value->len, key.name.s, key.name.len);
	cache_insert(c, e);
	return 0;
}

static bool
cache_get(struct evrt_dns_cache *c, const struct evrt_dns_cache_key *key, uint64_t now_ns,
    struct evrt_dns_cache_value *out)
{
	struct evrt_dns_cache_entry **at = cache_find(c, key, cache_hash(c, key)), *e = *at;

	if (!e)
		return false;
	if (now_ns >= e->until_ns) {
		cache_drop(c, at);
		return false;
	}
	evrt__list_remove(&e->by_use);
	evrt__list_push_head(&c->by_use, &e->by_use);
	*out = (struct evrt_dns_cache_value){
		.error = e->error,
		.ttl_s = (uint32_t)((e->until_ns - now_ns + NS_PER_S - 1) / NS_PER_S),
		.data = e->data,
		.len = e->len,
	};
	return true;
}

bool
evrt__dns_cache_get(struct evrt_dns_cache *c, const struct evrt_dns_cache_key *given, uint64_t now_ns,
    struct evrt_dns_cache_value *out)
{
	struct evrt_dns_cache_key key = *given;

	key.name = evrt__dns_text_undotted(key.name);
	if (cache_get(c, &key, now_ns, out))
		return true;
	key.type = EVRT_DNS_TYPE_EVERY;
	return cache_get(c, &key, now_ns, out);
}

uint32_t
evrt__dns_cache_error_ttl(uint32_t soa_ttl_s, uint32_t soa_minimum_s)
{
	uint32_t ttl_s = cache_ttl_valid(soa_ttl_s), minimum_s = cache_ttl_valid(soa_minimum_s);

	return ttl_s < minimum_s ? ttl_s : minimum_s;
}
