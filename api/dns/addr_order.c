/* api/dns/addr_order.c — see addr_order.h. */
#include "api/dns/addr_order.h"

#include <string.h>

#define PREFIX_LEN_DEFAULT 64
#define IPV4_PREFIX_LEN 96 /* of ::ffff:0:0/96 */

/* RFC 4291 section 2.7 (RFC 6724 section 3.1 for unicast). */
enum scope {
	SCOPE_LINK_LOCAL = 0x2,
	SCOPE_SITE_LOCAL = 0x5,
	SCOPE_GLOBAL = 0xe,
};

/* RFC 6724 section 2.1, the longest prefix first. */
static const struct policy {
	unsigned char prefix[16];
	uint8_t prefix_len, precedence, label;
} policies[] = {
	{{[15] = 1}, 128, 50, 0},                        /* ::1/128 */
	{{[10] = 0xff, [11] = 0xff}, 96, 35, 4},         /* ::ffff:0:0/96, IPv4 */
	{{0}, 96, 1, 3},                                 /* ::/96 */
	{{0x20, 0x01, 0, 0}, 32, 5, 5},                  /* 2001::/32, Teredo */
	{{0x20, 0x02}, 16, 30, 2},                       /* 2002::/16, 6to4 */
	{{0x3f, 0xfe}, 16, 1, 12},                       /* 3ffe::/16 */
	{{0xfe, 0xc0}, 10, 1, 11},                       /* fec0::/10 */
	{{0xfc}, 7, 3, 13},                              /* fc00::/7 */
	{{0}, 0, 40, 1},                                 /* ::/0 */
};

/* How many bits two addresses begin with in common. */
static uint8_t
addr_common(const unsigned char *a, const unsigned char *b)
{
	uint8_t bits = 0;

	for (int i = 0; i < 16; i++) {
		unsigned differ = a[i] ^ b[i];
		if (differ)
			return (uint8_t)(bits + __builtin_clz(differ) - 24);
		bits += 8;
	}
	return bits;
}

static const struct policy *
addr_policy(const struct in6_addr *a)
{
	const struct policy *p = policies;

	/* The last one fits all. */
	while (addr_common(a->s6_addr, p->prefix) < p->prefix_len)
		p++;
	return p;
}

static uint8_t
addr_scope(const struct in6_addr *a)
{
	const unsigned char *b = a->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return b[12] == 127 || (b[12] == 169 && b[13] == 254) ? SCOPE_LINK_LOCAL : SCOPE_GLOBAL;
	if (IN6_IS_ADDR_MULTICAST(a))
		return b[1] & 0xf;
	if (IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_LOOPBACK(a))
		return SCOPE_LINK_LOCAL;
	return IN6_IS_ADDR_SITELOCAL(a) ? SCOPE_SITE_LOCAL : SCOPE_GLOBAL;
}

static bool
addr_mapped(const struct sockaddr *sa, struct in6_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET6) {
		*out = ((const struct sockaddr_in6 *)sa)->sin6_addr;
		return true;
	}
	out->s6_addr[10] = out->s6_addr[11] = 0xff;
	if (sa->sa_family == AF_INET)
		memcpy(&out->s6_addr[12], &((const struct sockaddr_in *)sa)->sin_addr, 4);
	return sa->sa_family == AF_INET;
}

/* How much of the destination's address is in the source's subnet, for rule 9. */
static uint8_t
addr_common_subnet(const struct evrt_dns_destination *d)
{
	unsigned max = d->source.prefix_len;

	if (IN6_IS_ADDR_V4MAPPED(&d->to))
		max = max ? IPV4_PREFIX_LEN + max : 0;
	else if (max == 0)
		max = PREFIX_LEN_DEFAULT;
	uint8_t common = addr_common(d->to.s6_addr, d->from.s6_addr);
	return common < max ? common : (uint8_t)max;
}

static void
addr_judge(struct evrt_dns_destination *d, evrt_dns_source_fn source, void *arg)
{
	memset(&d->source, 0, sizeof(d->source));
	d->reachable = addr_mapped(d->address, &d->to) && source(arg, d->address, &d->source) &&
	    addr_mapped(&d->source.address.any, &d->from);
	const struct policy *to = addr_policy(&d->to);
	d->precedence = to->precedence;
	d->label = to->label;
	d->scope = addr_scope(&d->to);
	d->scope_matches = d->reachable && d->scope == addr_scope(&d->from);
	d->label_matches = d->reachable && d->label == addr_policy(&d->from)->label;
	d->common_prefix_len = d->reachable ? addr_common_subnet(d) : 0;
}

/* Rule 4's rank of a source: at home above both, home above care-of. */
static int
addr_home(const struct evrt_dns_source *s)
{
	return s->home ? 1 + s->care_of : 0;
}

/* Below 0: `a` is to be tried first; 0: rule 10, they stay as they are. */
static int
addr_compare(const struct evrt_dns_destination *a, const struct evrt_dns_destination *b)
{
	bool same_family = IN6_IS_ADDR_V4MAPPED(&a->to) == IN6_IS_ADDR_V4MAPPED(&b->to);
	const int rules[] = {
		b->reachable - a->reachable,
		b->scope_matches - a->scope_matches,
		a->source.deprecated - b->source.deprecated,
		addr_home(&b->source) - addr_home(&a->source),
		b->label_matches - a->label_matches,
		b->precedence - a->precedence,
		a->source.tunnel - b->source.tunnel,
		a->scope - b->scope,
		same_family ? b->common_prefix_len - a->common_prefix_len : 0,
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i] != 0)
			return rules[i];
	}
	return 0;
}

/* By insertion: stable, and of use although rule 9, for one family alone, makes the order none in the strict
 * sense, with which the C library's sorts could not deal. */
void
evrt__dns_addr_order(struct evrt_dns_destination *d, size_t n, evrt_dns_source_fn source, void *arg)
{
	for (size_t i = 0; i < n; i++)
		addr_judge(&d[i], source, arg);
	for (size_t i = 1; i < n; i++) {
		struct evrt_dns_destination moved = d[i];
		size_t at = i;
		for (; at > 0 && addr_compare(&moved, &d[at - 1]) < 0; at--)
			d[at] = d[at - 1];
		d[at] = moved;
	}
}
