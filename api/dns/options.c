/* api/dns/options.c — see options.h. */
#include "api/dns/options.h"

#include <errno.h>
#include <event2/dns.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#define NS_PER_S 1000000000u
#define SECONDS_MIN_NS 1000000u
/* About 68 years: sums of a few with the clock stay below 2^63. */
#define SECONDS_MAX INT32_MAX
/* What an answer may be without risking fragments, over IPv6 too. */
#define EDNS_UDP_SIZE 1232

enum option_kind {
	OPTION_COUNT,    /* uint32_t, brought into [min, max] */
	OPTION_SECONDS,  /* uint64_t of nanoseconds, at most max seconds */
	OPTION_FLAG,     /* bool: any number but 0, or no value at all */
	OPTION_RAISE,    /* uint32_t, becomes at least max; has no value */
	OPTION_ADDRESS,
	OPTION_IGNORED,  /* known, and without a meaning here */
};

struct option {
	const char *name;
	enum option_kind kind;
	unsigned class;
	size_t offset;
	uint32_t min, max;
};

#define FIELD(name) offsetof(struct evrt_dns_options, name)

static const struct option options[] = {
	{"attempts", OPTION_COUNT, DNS_OPTION_MISC, FIELD(attempts), 1, 255},
	{"bind-to", OPTION_ADDRESS, DNS_OPTION_NAMESERVERS, FIELD(bind_to), 0, 0},
	{"edns-udp-size", OPTION_COUNT, DNS_OPTION_MISC, FIELD(edns_udp_size), 512, 65535},
	{"getaddrinfo-allow-skew", OPTION_SECONDS, DNS_OPTION_MISC, FIELD(allow_skew_ns), 0, SECONDS_MAX},
	{"ignore-tc", OPTION_FLAG, DNS_OPTION_MISC, FIELD(ignore_tc), 0, 0},
	{"initial-probe-timeout", OPTION_SECONDS, DNS_OPTION_MISC, FIELD(initial_probe_ns), 0, 3600},
	{"max-inflight", OPTION_COUNT, DNS_OPTION_MISC, FIELD(max_inflight), 1, 65000},
	{"max-probe-timeout", OPTION_SECONDS, DNS_OPTION_MISC, FIELD(max_probe_ns), 0, 3600},
	{"max-timeouts", OPTION_COUNT, DNS_OPTION_MISC, FIELD(max_timeouts), 1, 255},
	{"ndots", OPTION_COUNT, DNS_OPTION_SEARCH, FIELD(ndots), 0, INT_MAX},
	{"probe-backoff-factor", OPTION_COUNT, DNS_OPTION_MISC, FIELD(probe_backoff_factor), 1, 10},
	{"randomize-case", OPTION_FLAG, DNS_OPTION_MISC, FIELD(randomize_case), 0, 0},
	{"so-rcvbuf", OPTION_COUNT, DNS_OPTION_MISC, FIELD(so_rcvbuf_bytes), 0, INT_MAX},
	{"so-sndbuf", OPTION_COUNT, DNS_OPTION_MISC, FIELD(so_sndbuf_bytes), 0, INT_MAX},
	{"tcp-idle-timeout", OPTION_SECONDS, DNS_OPTION_MISC, FIELD(tcp_idle_ns), 0, SECONDS_MAX},
	{"timeout", OPTION_SECONDS, DNS_OPTION_MISC, FIELD(timeout_ns), 0, SECONDS_MAX},
	{"use-vc", OPTION_FLAG, DNS_OPTION_MISC, FIELD(use_vc), 0, 0},
	/* resolv.conf(5) has these besides. */
	{"edns0", OPTION_RAISE, DNS_OPTION_MISC, FIELD(edns_udp_size), 0, EDNS_UDP_SIZE},
	{"no-aaaa", OPTION_FLAG, DNS_OPTION_MISC, FIELD(no_aaaa), 0, 0},
	{"no-reload", OPTION_FLAG, DNS_OPTION_MISC, FIELD(no_reload), 0, 0},
	{"single-request", OPTION_FLAG, DNS_OPTION_MISC, FIELD(single_request), 0, 0},
	{"single-request-reopen", OPTION_FLAG, DNS_OPTION_MISC, FIELD(single_request_reopen), 0, 0},
	{"trust-ad", OPTION_FLAG, DNS_OPTION_MISC, FIELD(trust_ad), 0, 0},
	{"debug", OPTION_IGNORED, 0, 0, 0, 0},
	{"inet6", OPTION_IGNORED, 0, 0, 0, 0},
	{"ip6-bytestring", OPTION_IGNORED, 0, 0, 0, 0},
	{"ip6-dotint", OPTION_IGNORED, 0, 0, 0, 0},
	{"no-check-names", OPTION_IGNORED, 0, 0, 0, 0},
	{"no-ip6-dotint", OPTION_IGNORED, 0, 0, 0, 0},
	{"no-tld-query", OPTION_IGNORED, 0, 0, 0, 0},
	{"rotate", OPTION_IGNORED, 0, 0, 0, 0}, /* nameservers always take turns */
};

void
evrt__dns_options_init(struct evrt_dns_options *o)
{
	memset(o, 0, sizeof(*o));
	o->timeout_ns = 5ull * NS_PER_S;
	o->allow_skew_ns = 3ull * NS_PER_S;
	o->initial_probe_ns = 10ull * NS_PER_S;
	o->max_probe_ns = 3600ull * NS_PER_S;
	o->tcp_idle_ns = 10ull * NS_PER_S;
	o->ndots = 1;
	o->attempts = 3;
	o->max_timeouts = 3;
	o->max_inflight = 64;
	o->probe_backoff_factor = 3;
	o->edns_udp_size = 512;
	o->bind_to.any.sa_family = AF_UNSPEC;
	o->randomize_case = true;
}

/* Digits from text[*at] on; a number beyond 32 bits is UINT32_MAX. False: there is no digit. */
static bool
option_digits(struct evrt_dns_text text, size_t *at, uint32_t *out)
{
	uint64_t n = 0;
	size_t begin = *at;

	for (; *at < text.len && text.s[*at] >= '0' && text.s[*at] <= '9'; (*at)++) {
		n = n * 10 + (uint64_t)(text.s[*at] - '0');
		if (n > UINT32_MAX)
			n = UINT32_MAX;
	}
	*out = (uint32_t)n;
	return *at > begin;
}

/* A number without a sign. No text is 0, as in libevent and in the C library's resolver. */
static bool
option_count(struct evrt_dns_text text, uint32_t *out)
{
	size_t at = 0;

	*out = 0;
	return text.len == 0 || (option_digits(text, &at, out) && at == text.len);
}

/* Seconds with decimals, of which those below a nanosecond are dropped. */
static bool
option_seconds(struct evrt_dns_text text, uint32_t max, uint64_t *out_ns)
{
	uint32_t whole = 0;
	uint64_t fraction_ns = 0;
	size_t at = 0;
	bool digits = option_digits(text, &at, &whole);

	if (at < text.len && text.s[at] == '.') {
		uint32_t unit_ns = NS_PER_S;
		for (at++; at < text.len && text.s[at] >= '0' && text.s[at] <= '9'; at++) {
			unit_ns /= 10;
			fraction_ns += (uint64_t)(text.s[at] - '0') * unit_ns;
			digits = true;
		}
	}
	uint64_t ns = whole >= max ? (uint64_t)max * NS_PER_S : (uint64_t)whole * NS_PER_S + fraction_ns;
	if (!digits || at != text.len || ns < SECONDS_MIN_NS)
		return false;
	*out_ns = ns;
	return true;
}

static int
option_store(const struct option *option, void *field, struct evrt_dns_text value)
{
	uint32_t n;

	switch (option->kind) {
	case OPTION_COUNT:
		if (!option_count(value, &n))
			return -EINVAL;
		*(uint32_t *)field = n < option->min ? option->min : n > option->max ? option->max : n;
		return 0;
	case OPTION_SECONDS:
		return option_seconds(value, option->max, field) ? 0 : -EINVAL;
	case OPTION_FLAG:
		if (!option_count(value, &n))
			return -EINVAL;
		*(bool *)field = value.len == 0 || n != 0;
		return 0;
	case OPTION_RAISE:
		if (*(uint32_t *)field < option->max)
			*(uint32_t *)field = option->max;
		return 0;
	case OPTION_ADDRESS:
		return evrt__dns_text_address(value, field) ? 0 : -EINVAL;
	case OPTION_IGNORED:
		break;
	}
	return 0;
}

int
evrt__dns_option_set(struct evrt_dns_options *o, struct evrt_dns_text name, struct evrt_dns_text value,
    unsigned classes)
{
	struct evrt_dns_text rest = name, word;

	/* Whatever is behind the colon is the program's, as in libevent. */
	evrt__dns_text_cut(&rest, ':', &word);
	while (value.len > 0 && (value.s[0] == ' ' || value.s[0] == '\t')) {
		value.s++;
		value.len--;
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!evrt__dns_text_is(word, options[i].name))
			continue;
		if (options[i].kind != OPTION_IGNORED && !(options[i].class & classes))
			return 0;
		return option_store(&options[i], (char *)o + options[i].offset, value);
	}
	return -ENOENT;
}
