/* testing/unit/api/dns/options_test.c — names of options, their classes, and what values they take. */
#include "api/dns/options.h"

#include <errno.h>
#include <event2/dns.h>

#include "testing/unit/api/dns/text.h"

static int
set(struct evrt_dns_options *o, const char *name, const char *value)
{
	return evrt__dns_option_set(o, text_of(name), text_of(value), DNS_OPTIONS_ALL);
}

static void
defaults_are_those_of_libevent(void)
{
	struct evrt_dns_options o;

	evrt__dns_options_init(&o);
	CHECK_INT_EQ(o.timeout_ns, 5000000000);
	CHECK_INT_EQ(o.allow_skew_ns, 3000000000);
	CHECK_INT_EQ(o.initial_probe_ns, 10000000000);
	CHECK_INT_EQ(o.ndots, 1);
	CHECK_INT_EQ(o.attempts, 3);
	CHECK_INT_EQ(o.max_timeouts, 3);
	CHECK_INT_EQ(o.max_inflight, 64);
	CHECK_INT_EQ(o.edns_udp_size, 512);
	CHECK(o.randomize_case && !o.use_vc && !o.ignore_tc);
	CHECK_INT_EQ(o.bind_to.any.sa_family, AF_UNSPEC);
}

/* Every number: the name, where it goes, and what becomes of values below, within and above the range. */
static void
counts_are_brought_into_their_range(void)
{
	struct evrt_dns_options o;
	const struct {
		const char *name;
		const uint32_t *field;
		uint32_t min, max;
	} counts[] = {
		{"ndots", &o.ndots, 0, INT32_MAX},
		{"attempts", &o.attempts, 1, 255},
		{"max-timeouts", &o.max_timeouts, 1, 255},
		{"max-inflight", &o.max_inflight, 1, 65000},
		{"probe-backoff-factor", &o.probe_backoff_factor, 1, 10},
		{"edns-udp-size", &o.edns_udp_size, 512, 65535},
		{"so-rcvbuf", &o.so_rcvbuf_bytes, 0, INT32_MAX},
		{"so-sndbuf", &o.so_sndbuf_bytes, 0, INT32_MAX},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		evrt__dns_options_init(&o);
		CHECK_INT_EQ(set(&o, counts[i].name, "0"), 0);
		CHECK_INT_EQ(*counts[i].field, counts[i].min);
		CHECK_INT_EQ(set(&o, counts[i].name, "99999999999999999999999"), 0);
		CHECK_INT_EQ(*counts[i].field, counts[i].max);
		CHECK_INT_EQ(set(&o, counts[i].name, " 7"), 0);
		CHECK_INT_EQ(*counts[i].field, counts[i].min > 7 ? counts[i].min : 7);
		CHECK_INT_EQ(set(&o, counts[i].name, "-1"), -EINVAL);
		CHECK_INT_EQ(set(&o, counts[i].name, "x"), -EINVAL);
		CHECK_INT_EQ(set(&o, counts[i].name, "1x"), -EINVAL);
		CHECK_INT_EQ(set(&o, counts[i].name, "1 "), -EINVAL);
		CHECK_INT_EQ(*counts[i].field, counts[i].min > 7 ? counts[i].min : 7);
		CHECK_INT_EQ(set(&o, counts[i].name, ""), 0); /* as 0 */
		CHECK_INT_EQ(*counts[i].field, counts[i].min);
	}
}

static void
seconds_have_decimals_and_bounds(void)
{
	struct evrt_dns_options o;
	const struct {
		const char *name;
		const uint64_t *field;
		uint64_t max_s;
	} seconds[] = {
		{"timeout", &o.timeout_ns, INT32_MAX},
		{"getaddrinfo-allow-skew", &o.allow_skew_ns, INT32_MAX},
		{"initial-probe-timeout", &o.initial_probe_ns, 3600},
		{"max-probe-timeout", &o.max_probe_ns, 3600},
		{"tcp-idle-timeout", &o.tcp_idle_ns, INT32_MAX},
	};
	static const char *const bad[] = {"", ".", "x", "0", "0.0009", "-1", "5s", "1e1", "0x10", "nan", "inf", "1.2.3"};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		evrt__dns_options_init(&o);
		CHECK_INT_EQ(set(&o, seconds[i].name, "0.001"), 0);
		CHECK_INT_EQ(*seconds[i].field, 1000000);
		CHECK_INT_EQ(set(&o, seconds[i].name, "99999999999"), 0);
		CHECK(*seconds[i].field == seconds[i].max_s * 1000000000u);
		CHECK_INT_EQ(set(&o, seconds[i].name, "2.5000000019"), 0);
		CHECK_INT_EQ(*seconds[i].field, 2500000001);
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			CHECK_INT_EQ(set(&o, seconds[i].name, bad[k]), -EINVAL);
		CHECK_INT_EQ(*seconds[i].field, 2500000001);
		CHECK_INT_EQ(set(&o, seconds[i].name, ".5"), 0);
		CHECK_INT_EQ(*seconds[i].field, 500000000);
		CHECK_INT_EQ(set(&o, seconds[i].name, "3."), 0);
		CHECK_INT_EQ(*seconds[i].field, 3000000000);
	}
}

static void
flags_are_on_without_a_value(void)
{
	struct evrt_dns_options o;
	const struct {
		const char *name;
		const bool *field;
	} flags[] = {
		{"randomize-case", &o.randomize_case}, {"use-vc", &o.use_vc}, {"ignore-tc", &o.ignore_tc},
		{"no-aaaa", &o.no_aaaa}, {"no-reload", &o.no_reload}, {"single-request", &o.single_request},
		{"single-request-reopen", &o.single_request_reopen}, {"trust-ad", &o.trust_ad},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		evrt__dns_options_init(&o);
		CHECK_INT_EQ(set(&o, flags[i].name, "0"), 0);
		CHECK(!*flags[i].field);
		CHECK_INT_EQ(set(&o, flags[i].name, ""), 0);
		CHECK(*flags[i].field);
		CHECK_INT_EQ(set(&o, flags[i].name, "0"), 0);
		CHECK_INT_EQ(set(&o, flags[i].name, "7"), 0);
		CHECK(*flags[i].field);
		CHECK_INT_EQ(set(&o, flags[i].name, "yes"), -EINVAL);
	}
}

static void
edns0_raises_the_size_and_never_lowers_it(void)
{
	struct evrt_dns_options o;

	evrt__dns_options_init(&o);
	CHECK_INT_EQ(set(&o, "edns0", ""), 0);
	CHECK_INT_EQ(o.edns_udp_size, 1232);
	CHECK_INT_EQ(set(&o, "edns-udp-size", "4096"), 0);
	CHECK_INT_EQ(set(&o, "edns0", ""), 0);
	CHECK_INT_EQ(o.edns_udp_size, 4096);
}

static void
bind_to_is_an_address(void)
{
	struct evrt_dns_options o;

	evrt__dns_options_init(&o);
	CHECK_INT_EQ(set(&o, "bind-to", "192.0.2.9:5300"), 0);
	CHECK_STR_EQ(text_address(&o.bind_to), "192.0.2.9#5300");
	CHECK_INT_EQ(set(&o, "bind-to", "nonsense"), -EINVAL);
	CHECK_INT_EQ(set(&o, "bind-to", ""), -EINVAL);
	CHECK_STR_EQ(text_address(&o.bind_to), "192.0.2.9#5300");
	CHECK_INT_EQ(set(&o, "bind-to", "::1"), 0);
	CHECK_STR_EQ(text_address(&o.bind_to), "::1");
}

static void
a_name_may_end_with_a_colon(void)
{
	struct evrt_dns_options o;

	evrt__dns_options_init(&o);
	CHECK_INT_EQ(set(&o, "ndots:", "5"), 0);
	CHECK_INT_EQ(o.ndots, 5);
	CHECK_INT_EQ(set(&o, "ndots:2", "6"), 0);
	CHECK_INT_EQ(o.ndots, 6);
}

static void
unknown_names_are_told_apart(void)
{
	static const char *const unknown[] = {"", ":", "ndot", "ndotsx", "NDOTS", "no-such-option"};
	static const char *const ignored[] = {"debug", "inet6", "ip6-bytestring", "ip6-dotint", "no-check-names",
		"no-ip6-dotint", "no-tld-query", "rotate"};
	struct evrt_dns_options o, before;

	evrt__dns_options_init(&o);
	before = o;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		CHECK_INT_EQ(set(&o, unknown[i], "1"), -ENOENT);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		CHECK_INT_EQ(set(&o, ignored[i], ""), 0);
	CHECK_MEM_EQ(&o, &before, sizeof(o));
}

static void
options_of_other_classes_change_nothing(void)
{
	static const struct {
		const char *name, *value;
		unsigned class;
	} of[] = {
		{"ndots", "9", DNS_OPTION_SEARCH}, {"timeout", "9", DNS_OPTION_MISC}, {"use-vc", "", DNS_OPTION_MISC},
		{"edns0", "", DNS_OPTION_MISC}, {"bind-to", "::1", DNS_OPTION_NAMESERVERS}, {"attempts", "9", DNS_OPTION_MISC},
	};
	struct evrt_dns_options o, before;

	evrt__dns_options_init(&o);
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct evrt_dns_text name = text_of(of[i].name), value = text_of(of[i].value);
		before = o;
		CHECK_INT_EQ(evrt__dns_option_set(&o, name, value, DNS_OPTIONS_ALL & ~of[i].class), 0);
		CHECK_MEM_EQ(&o, &before, sizeof(o));
		CHECK_INT_EQ(evrt__dns_option_set(&o, name, value, of[i].class), 0);
		CHECK(memcmp(&o, &before, sizeof(o)) != 0);
	}
}

static const struct evrt_test_case cases[] = {
	{"defaults_are_those_of_libevent", defaults_are_those_of_libevent},
	{"counts_are_brought_into_their_range", counts_are_brought_into_their_range},
	{"seconds_have_decimals_and_bounds", seconds_have_decimals_and_bounds},
	{"flags_are_on_without_a_value", flags_are_on_without_a_value},
	{"edns0_raises_the_size_and_never_lowers_it", edns0_raises_the_size_and_never_lowers_it},
	{"bind_to_is_an_address", bind_to_is_an_address},
	{"a_name_may_end_with_a_colon", a_name_may_end_with_a_colon},
	{"unknown_names_are_told_apart", unknown_names_are_told_apart},
	{"options_of_other_classes_change_nothing", options_of_other_classes_change_nothing},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
