/* testing/unit/api/dns/addr_order_test.c — RFC 6724 section 6 rule by rule, and its examples (section 10.2). */
#include "api/dns/addr_order.h"

#include "testing/unit/api/dns/text.h"

/* A destination, and the source that is used for it. */
struct route {
	const char *to, *from; /* from "-": out of reach */
	bool deprecated, home, care_of, tunnel;
	uint8_t prefix_len;
};

/* VIA("to", "from", .deprecated = true) */
#define VIA(destination, source, ...) {.to = (destination), .from = (source), ##__VA_ARGS__}

#define ROUTES_MAX 8

static unsigned asked;

static union evrt_dns_sockaddr
address(const char *s)
{
	union evrt_dns_sockaddr a;

	CHECK(evrt__dns_text_address(text_of(s), &a));
	return a;
}

static bool
route_source(void *arg, const struct sockaddr *destination, struct evrt_dns_source *out)
{
	const union evrt_dns_sockaddr *to = (const union evrt_dns_sockaddr *)destination;

	asked++;
	for (const struct route *r = arg; r->to; r++) {
		union evrt_dns_sockaddr other = address(r->to);
		if (other.any.sa_family != destination->sa_family || memcmp(&other, to, destination->sa_family == AF_INET ?
		    sizeof(other.in4) : sizeof(other.in6)) != 0)
			continue;
		if (strcmp(r->from, "-") == 0)
			return false;
		*out = (struct evrt_dns_source){.address = address(r->from), .deprecated = r->deprecated, .home = r->home,
			.care_of = r->care_of, .tunnel = r->tunnel, .prefix_len = r->prefix_len};
		return true;
	}
	evrt_test_fail(__FILE__, __LINE__, "an address that nobody has given");
}

/* The routes' destinations come in order, however they are given: rotated, and in reverse. */
static void
order_is(struct route *routes)
{
	union evrt_dns_sockaddr to[ROUTES_MAX];
	struct evrt_dns_destination d[ROUTES_MAX];
	size_t n = 0;

	for (; routes[n].to; n++)
		to[n] = address(routes[n].to);
	for (size_t turn = 0; turn < 2 * n; turn++) {
		memset(d, 0xee, sizeof(d));
		for (size_t i = 0; i < n; i++) {
			size_t at = turn < n ? (i + turn) % n : (2 * n - 1 - i + turn) % n;
			d[i].address = &to[at].any;
			d[i].owner = &routes[at];
		}
		asked = 0;
		evrt__dns_addr_order(d, n, route_source, routes);
		CHECK_INT_EQ(asked, n);
		for (size_t i = 0; i < n; i++) {
			CHECK_PTR_EQ(d[i].address, &to[i].any);
			CHECK_PTR_EQ(d[i].owner, &routes[i]);
		}
	}
}

#define ORDER_IS(...) order_is((struct route[]){__VA_ARGS__, VIA(NULL, NULL)})

static void
rule_1_what_can_be_reached(void)
{
	ORDER_IS(VIA("198.51.100.1", "198.51.100.9"), VIA("2001:db8::1", "-"));
	ORDER_IS(VIA("2001:db8::1", "2001:db8::9"), VIA("198.51.100.1", "-"));
	/* Even if all else is against it. */
	ORDER_IS(VIA("fd00::1", "fe80::9"), VIA("2001:db8::1", "-"));
}

static void
rule_2_sources_of_the_same_scope(void)
{
	/* Section 10.2: IPv4 with a global source before IPv6 with a link-local one, and the other way round. */
	ORDER_IS(VIA("198.51.100.121", "198.51.100.117"), VIA("2001:db8:1::1", "fe80::1"));
	ORDER_IS(VIA("2001:db8:1::1", "2001:db8:1::2"), VIA("198.51.100.121", "169.254.13.78"));
	ORDER_IS(VIA("192.168.0.1", "192.168.0.2"), VIA("127.0.0.1", "192.168.0.2"));
	/* The loopback address is link-local, too (section 3.1). */
	ORDER_IS(VIA("::1", "fe80::9"), VIA("fe80::1", "2001:db8:1::9"));
}

static void
rule_3_no_deprecated_sources(void)
{
	ORDER_IS(VIA("2001:db8:2::1", "2001:db8:2::9"), VIA("2001:db8:1::1", "2001:db8:1::9", .deprecated = true));
}

static void
rule_4_home_addresses(void)
{
	ORDER_IS(VIA("2001:db8:3::1", "2001:db8:3::9", .home = true, .care_of = true),
	    VIA("2001:db8:2::1", "2001:db8:2::9", .home = true), VIA("2001:db8:1::1", "2001:db8:1::9", .care_of = true));
}

static void
rule_5_sources_of_the_same_label(void)
{
	/* Section 10.2: a 6to4 destination from 6to4 before a native one that 6to4 is the source of. */
	ORDER_IS(VIA("2002:c633:6401::1", "2002:c633:6401::2"), VIA("2001:db8:1::1", "2002:c633:6401::2"));
	/* Unique local towards global is a mismatch. */
	ORDER_IS(VIA("198.51.100.1", "198.51.100.9"), VIA("2001:db8:1::1", "fd00::9"));
}

static void
rule_6_precedence(void)
{
	ORDER_IS(VIA("::1", "::1"), VIA("fe80::1", "fe80::9"), VIA("127.0.0.1", "127.0.0.1"));
	ORDER_IS(VIA("2001:db8:1::1", "2001:db8:1::2"), VIA("10.1.2.3", "10.1.2.4"),
	    VIA("2002:c633:6401::1", "2002:c633:6401::2"), VIA("2001::1", "2001::2"), VIA("fd00::1", "fd00::2"));
	ORDER_IS(VIA("10.1.2.3", "10.1.2.4"), VIA("3ffe::1", "3ffe::2"));
	ORDER_IS(VIA("10.1.2.3", "10.1.2.4"), VIA("fec0::1", "fec0::2"));
	ORDER_IS(VIA("10.1.2.3", "10.1.2.4"), VIA("::192.0.2.1", "::192.0.2.2"));
	/* An IPv4 address in IPv6's clothes counts as what it is. */
	ORDER_IS(VIA("2001:db8:1::1", "2001:db8:1::2"), VIA("::ffff:10.1.2.3", "::ffff:10.1.2.4"));
}

static void
rule_7_no_tunnels(void)
{
	ORDER_IS(VIA("2001:db8:2::1", "2001:db8:2::9"), VIA("2001:db8:1::1", "2001:db8:1::9", .tunnel = true));
}

static void
rule_8_the_smaller_scope(void)
{
	/* Section 10.2. */
	ORDER_IS(VIA("fe80::1", "fe80::2"), VIA("2001:db8:1::1", "2001:db8:1::2"));
	ORDER_IS(VIA("ff02::1", "fe80::2"), VIA("ff0e::1", "2001:db8:1::2"));
}

static void
rule_9_the_longest_prefix(void)
{
	ORDER_IS(VIA("2001:db8:1::1", "2001:db8:1::2"), VIA("2001:db8:3ffe::1", "2001:db8:3f44::2"));
	/* Subnets alone count: within one of them, and in the 64 bits of the interface, they are equal (rule 10). */
	ORDER_IS(VIA("10.1.1.1", "10.1.1.2", .prefix_len = 24), VIA("10.2.1.1", "10.1.1.2", .prefix_len = 24));
}

/* Out of two that are equal by every rule, the first stays. */
static void
equal_are(const char *one, const char *two, const char *from, uint8_t prefix_len)
{
	struct route routes[] = {VIA(one, from, .prefix_len = prefix_len), VIA(two, from, .prefix_len = prefix_len),
		VIA(NULL, NULL)};
	union evrt_dns_sockaddr a = address(one), b = address(two);
	struct evrt_dns_destination d[2] = {{.address = &a.any}, {.address = &b.any}};

	evrt__dns_addr_order(d, 2, route_source, routes);
	CHECK_PTR_EQ(d[0].address, &a.any);
	d[0].address = &b.any;
	d[1].address = &a.any;
	evrt__dns_addr_order(d, 2, route_source, routes);
	CHECK_PTR_EQ(d[0].address, &b.any);
}

static void
rule_10_the_order_as_it_was(void)
{
	equal_are("2001:db8:1::1", "2001:db8:1::ffff", "2001:db8:1::2", 0);
	equal_are("2001:db8:1:0:1::", "2001:db8:1:0:2::", "2001:db8:1:0:1::9", 64);
	equal_are("10.1.1.9", "10.1.1.200", "10.1.1.8", 24);
	/* Servers that take turns at the name keep doing so. */
	equal_are("192.0.2.1", "203.0.113.1", "192.0.2.9", 0);
}

static bool
no_source(void *arg, const struct sockaddr *destination, struct evrt_dns_source *out)
{
	(void)arg;
	(void)out;
	CHECK(destination->sa_family != AF_UNIX);
	return true; /* and its address is none */
}

static void
odd_addresses_are_last_and_do_no_harm(void)
{
	struct sockaddr local = {.sa_family = AF_UNIX};
	union evrt_dns_sockaddr a = address("192.0.2.1");
	struct evrt_dns_destination d[2] = {{.address = &local}, {.address = &a.any}};

	evrt__dns_addr_order(d, 2, no_source, NULL);
	CHECK(!d[0].reachable && !d[1].reachable);
	evrt__dns_addr_order(d, 0, no_source, NULL);
	evrt__dns_addr_order(NULL, 0, no_source, NULL);
}

static const struct evrt_test_case cases[] = {
	{"rule_1_what_can_be_reached", rule_1_what_can_be_reached},
	{"rule_2_sources_of_the_same_scope", rule_2_sources_of_the_same_scope},
	{"rule_3_no_deprecated_sources", rule_3_no_deprecated_sources},
	{"rule_4_home_addresses", rule_4_home_addresses},
	{"rule_5_sources_of_the_same_label", rule_5_sources_of_the_same_label},
	{"rule_6_precedence", rule_6_precedence},
	{"rule_7_no_tunnels", rule_7_no_tunnels},
	{"rule_8_the_smaller_scope", rule_8_the_smaller_scope},
	{"rule_9_the_longest_prefix", rule_9_the_longest_prefix},
	{"rule_10_the_order_as_it_was", rule_10_the_order_as_it_was},
	{"odd_addresses_are_last_and_do_no_harm", odd_addresses_are_last_and_do_no_harm},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
