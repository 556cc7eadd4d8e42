/* testing/unit/api/dns/cache_test.c — what is kept, for how long, and what goes first. */
#include "api/dns/cache.h"

#include <errno.h>

#include "testing/harness/fault.h"
#include "testing/unit/api/dns/text.h"

#define S 1000000000ull
#define A 1
#define AAAA 28
#define NXDOMAIN 3

static struct evrt_dns_cache cache;
static const struct evrt_dns_cache_limits wide = {.entries_max = 100, .bytes_max = 100000, .ttl_max_s = 86400,
	.error_ttl_max_s = 900};

static struct evrt_dns_cache_key
key(const char *name, uint16_t type)
{
	return (struct evrt_dns_cache_key){.name = text_of(name), .type = type, .class = 1};
}

static int
put(const char *name, uint16_t type, const char *data, uint32_t ttl_s, uint64_t now_ns)
{
	struct evrt_dns_cache_key k = key(name, type);

	return evrt__dns_cache_put(&cache, &k, &(struct evrt_dns_cache_value){.ttl_s = ttl_s, .data = data,
		.len = strlen(data)}, now_ns);
}

static int
put_error(const char *name, uint16_t type, int error, uint32_t ttl_s, uint64_t now_ns)
{
	struct evrt_dns_cache_key k = key(name, type);

	return evrt__dns_cache_put(&cache, &k, &(struct evrt_dns_cache_value){.error = error, .ttl_s = ttl_s}, now_ns);
}

/* "data/ttl", "!error/ttl", or "" for nothing. One at a time. */
static const char *
get(const char *name, uint16_t type, uint64_t now_ns)
{
	static char text[512];
	struct evrt_dns_cache_key k = key(name, type);
	struct evrt_dns_cache_value v;

	if (!evrt__dns_cache_get(&cache, &k, now_ns, &v))
		return "";
	CHECK_INT_EQ((uintptr_t)v.data % 8, 0);
	if (v.error)
		snprintf(text, sizeof(text), "!%d/%u", v.error, v.ttl_s);
	else
		snprintf(text, sizeof(text), "%.*s/%u", (int)v.len, (const char *)v.data, v.ttl_s);
	return text;
}

static void
begin(const struct evrt_dns_cache_limits *limits)
{
	CHECK_INT_EQ(evrt__dns_cache_init(&cache, limits, 12345), 0);
}

static void
answers_are_found_until_their_time_is_over(void)
{
	begin(&wide);
	CHECK_INT_EQ(put("www.test", A, "one", 60, 5 * S), 0);
	CHECK_STR_EQ(get("www.test", A, 5 * S), "one/60");
	CHECK_STR_EQ(get("www.test", A, 6 * S), "one/59");
	CHECK_STR_EQ(get("www.test", A, 65 * S - 1), "one/1");
	CHECK_STR_EQ(get("www.test", A, 65 * S), "");
	CHECK_INT_EQ(cache.entry_count, 0);
	CHECK_INT_EQ(cache.bytes, 0);
	evrt__dns_cache_destroy(&cache);
}

static void
keys_are_name_type_and_class(void)
{
	begin(&wide);
	put("www.test", A, "one", 60, 0);
	put("www.test", AAAA, "two", 60, 0);
	put("ftp.test", A, "three", 60, 0);
	CHECK_STR_EQ(get("WWW.Test.", A, 0), "one/60");
	CHECK_STR_EQ(get("www.test", AAAA, 0), "two/60");
	CHECK_STR_EQ(get("ftp.test", A, 0), "three/60");
	CHECK_STR_EQ(get("ftp.test", AAAA, 0), "");
	CHECK_STR_EQ(get("tp.test", A, 0), "");
	struct evrt_dns_cache_key chaos = {.name = text_of("www.test"), .type = A, .class = 3};
	struct evrt_dns_cache_value v;
	CHECK(!evrt__dns_cache_get(&cache, &chaos, 0, &v));
	put("WWW.TEST.", A, "newer", 30, 0);
	CHECK_STR_EQ(get("www.test", A, 0), "newer/30");
	CHECK_INT_EQ(cache.entry_count, 3);
	evrt__dns_cache_destroy(&cache);
}

static void
times_to_live_are_cut_and_may_forbid(void)
{
	begin(&wide);
	put("a", A, "x", 100000000, 0);
	CHECK_STR_EQ(get("a", A, 0), "x/86400");
	put_error("b", A, 2, 100000, 0);
	CHECK_STR_EQ(get("b", A, 0), "!2/900");
	CHECK_INT_EQ(put("a", A, "y", 0, 0), 0);
	CHECK_STR_EQ(get("a", A, 0), "");
	CHECK_INT_EQ(put("a", A, "y", 1u << 31, 0), 0);
	CHECK_STR_EQ(get("a", A, 0), "");
	CHECK_INT_EQ(evrt__dns_cache_error_ttl(300, 60), 60);
	CHECK_INT_EQ(evrt__dns_cache_error_ttl(60, 300), 60);
	CHECK_INT_EQ(evrt__dns_cache_error_ttl(1u << 31, 300), 0);
	CHECK_INT_EQ(evrt__dns_cache_error_ttl(300, UINT32_MAX), 0);
	evrt__dns_cache_destroy(&cache);
}

static void
an_error_may_hold_for_every_type(void)
{
	begin(&wide);
	put_error("no.test", EVRT_DNS_TYPE_EVERY, NXDOMAIN, 60, 0);
	CHECK_STR_EQ(get("no.test", A, 0), "!3/60");
	CHECK_STR_EQ(get("no.test", AAAA, 1 * S), "!3/59");
	CHECK_STR_EQ(get("sub.no.test", A, 0), "");
	/* What is known of one type is nearer; and that the name does not exist is no longer so. */
	put("no.test", A, "there", 60, 2 * S);
	CHECK_STR_EQ(get("no.test", A, 2 * S), "there/60");
	CHECK_STR_EQ(get("no.test", AAAA, 2 * S), "");
	put_error("no.test", AAAA, 70, 60, 2 * S);
	CHECK_STR_EQ(get("no.test", AAAA, 2 * S), "!70/60");
	CHECK_STR_EQ(get("no.test", A, 2 * S), "there/60");
	evrt__dns_cache_destroy(&cache);
}

static void
the_least_recently_used_goes_first(void)
{
	const struct evrt_dns_cache_limits three = {.entries_max = 3, .bytes_max = 100000, .ttl_max_s = 100,
		.error_ttl_max_s = 100};

	begin(&three);
	put("a", A, "1", 60, 0);
	put("b", A, "2", 60, 0);
	put("c", A, "3", 60, 0);
	CHECK_STR_EQ(get("a", A, 0), "1/60");
	put("d", A, "4", 60, 0);
	CHECK_STR_EQ(get("b", A, 0), "");
	CHECK_STR_EQ(get("a", A, 0), "1/60");
	CHECK_STR_EQ(get("c", A, 0), "3/60");
	CHECK_STR_EQ(get("d", A, 0), "4/60");
	put("a", A, "5", 60, 0); /* in place of the old one: nobody has to go */
	CHECK_INT_EQ(cache.entry_count, 3);
	CHECK_STR_EQ(get("c", A, 0), "3/60");
	evrt__dns_cache_destroy(&cache);
}

static void
bytes_are_bounded(void)
{
	const struct evrt_dns_cache_limits small = {.entries_max = 1000, .bytes_max = 4096, .ttl_max_s = 100,
		.error_ttl_max_s = 100};
	char big[4097], name[32];

	begin(&small);
	memset(big, 'x', sizeof(big));
	big[4096] = '\0';
	put("a", A, "1", 60, 0);
	CHECK_INT_EQ(put("a", A, big, 60, 0), -E2BIG);
	CHECK_STR_EQ(get("a", A, 0), "");
	big[1000] = '\0';
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "host-%u.test", i);
		CHECK_INT_EQ(put(name, A, big, 60, 0), 0);
		CHECK(cache.bytes <= 4096 && cache.entry_count <= 4);
	}
	CHECK_INT_EQ(cache.entry_count, 3);
	CHECK(get("host-99.test", A, 0)[0] == 'x');
	CHECK(get("host-97.test", A, 0)[0] == 'x');
	CHECK_STR_EQ(get("host-96.test", A, 0), "");
	memset(big, 'n', 300);
	big[300] = '\0';
	CHECK_INT_EQ(put(big, A, "x", 60, 0), -E2BIG); /* no name is that long */
	evrt__dns_cache_destroy(&cache);
}

static void
a_cache_of_nothing_keeps_nothing(void)
{
	const struct evrt_dns_cache_limits none = {.entries_max = 0, .bytes_max = 1000, .ttl_max_s = 100};

	begin(&none);
	CHECK_INT_EQ(put("a", A, "1", 60, 0), -E2BIG);
	CHECK_STR_EQ(get("a", A, 0), "");
	evrt__dns_cache_destroy(&cache);
}

/* Against an array, with few names so that all comes to pass: hits, misses, ends of life, names that go. */
static void
random_use_agrees_with_a_plain_list(void)
{
	enum { NAMES = 40, ROOM = 16 };
	struct evrt_dns_cache_limits limits = {.entries_max = ROOM, .bytes_max = 100000, .ttl_max_s = 1000,
		.error_ttl_max_s = 1000};
	uint64_t until[NAMES] = {0}, used[NAMES] = {0}, seed = evrt_test_seed(), now = 0;
	char name[16], data[16], expected[32];

	begin(&limits);
	for (uint64_t step = 1; step < 20000; step++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		unsigned n = (unsigned)(seed >> 33) % NAMES, ttl_s = 1 + (unsigned)(seed >> 40) % 50;
		now += (seed >> 50) % 4 * S;
		snprintf(name, sizeof(name), "n%u.test", n);
		snprintf(data, sizeof(data), "d%u", n);
		if (seed >> 63) {
			unsigned kept = 0, oldest = n;
			for (unsigned i = 0; i < NAMES; i++) {
				kept += i != n && used[i] > 0;
				if (i != n && used[i] > 0 && (oldest == n || used[i] < used[oldest]))
					oldest = i;
			}
			if (kept == ROOM)
				used[oldest] = 0;
			CHECK_INT_EQ(put(name, A, data, ttl_s, now), 0);
			used[n] = step;
			until[n] = now + ttl_s * S;
			continue;
		}
		bool known = used[n] > 0 && now < until[n];
		snprintf(expected, sizeof(expected), "d%u/%u", n, (unsigned)((until[n] - now) / S));
		CHECK_STR_EQ(get(name, A, now), known ? expected : "");
		used[n] = known ? step : 0;
	}
	evrt__dns_cache_clear(&cache);
	CHECK_INT_EQ(cache.entry_count, 0);
	CHECK_INT_EQ(cache.bytes, 0);
	CHECK_INT_EQ(put("a", A, "1", 60, 0), 0);
	CHECK_STR_EQ(get("a", A, 0), "1/60");
	evrt__dns_cache_destroy(&cache);
}

static void
without_memory_nothing_is_kept(void)
{
	evrt_test_fail_alloc(1);
	CHECK_INT_EQ(evrt__dns_cache_init(&cache, &wide, 1), -ENOMEM);
	evrt__dns_cache_destroy(&cache);
	begin(&wide);
	put("a", A, "1", 60, 0);
	put("b", A, "2", 60, 0);
	evrt_test_fail_alloc(1);
	CHECK_INT_EQ(put("a", A, "3", 60, 0), -ENOMEM);
	CHECK_STR_EQ(get("a", A, 0), "");
	CHECK_STR_EQ(get("b", A, 0), "2/60");
	evrt__dns_cache_destroy(&cache);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static const struct evrt_test_case cases[] = {
	{"answers_are_found_until_their_time_is_over", answers_are_found_until_their_time_is_over},
	{"keys_are_name_type_and_class", keys_are_name_type_and_class},
	{"times_to_live_are_cut_and_may_forbid", times_to_live_are_cut_and_may_forbid},
	{"an_error_may_hold_for_every_type", an_error_may_hold_for_every_type},
	{"the_least_recently_used_goes_first", the_least_recently_used_goes_first},
	{"bytes_are_bounded", bytes_are_bounded},
	{"a_cache_of_nothing_keeps_nothing", a_cache_of_nothing_keeps_nothing},
	{"random_use_agrees_with_a_plain_list", random_use_agrees_with_a_plain_list},
	{"without_memory_nothing_is_kept", without_memory_nothing_is_kept},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
