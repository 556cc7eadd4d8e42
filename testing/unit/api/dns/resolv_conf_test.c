/* testing/unit/api/dns/resolv_conf_test.c — files as systems have them, and files that no system should have. */
#include "api/dns/resolv_conf.h"

#include <event2/dns.h>

#include "testing/unit/api/dns/text.h"

static struct evrt_dns_resolv_conf conf;
static struct evrt_dns_options options;

static void
parse_classes(struct evrt_dns_text text, unsigned classes)
{
	evrt__dns_options_init(&options);
	evrt__dns_resolv_conf_parse(&conf, &options, text, classes);
}

static void
parse(const char *s)
{
	parse_classes(text_of(s), DNS_OPTIONS_ALL);
}

static void
a_whole_file_is_read(void)
{
	parse("# written by a daemon\n"
	    "; and so on\n"
	    "nameserver 192.0.2.1\r\n"
	    "nameserver 2001:db8::1\n"
	    "  nameserver\tfe80::1%7   # the router\n"
	    "search example.org. .home.test ; end\n"
	    "sortlist 130.155.160.0/255.255.240.0\n"
	    "options ndots:2 timeout:1.5 attempts:4 rotate edns0 use-vc no-reload trust-ad single-request inet6\n"
	    "options max-inflight:10");
	CHECK_INT_EQ(conf.problem_count, 0);
	CHECK_INT_EQ(conf.nameserver_count, 3);
	CHECK_STR_EQ(text_address(&conf.nameservers[0]), "192.0.2.1");
	CHECK_STR_EQ(text_address(&conf.nameservers[1]), "2001:db8::1");
	CHECK_STR_EQ(text_address(&conf.nameservers[2]), "fe80::1%7");
	CHECK_INT_EQ(conf.domain_count, 2);
	CHECK_TEXT_EQ(conf.domains[0], "example.org.");
	CHECK_TEXT_EQ(conf.domains[1], "home.test");
	CHECK(conf.search_given);
	CHECK_INT_EQ(options.ndots, 2);
	CHECK_INT_EQ(options.timeout_ns, 1500000000);
	CHECK_INT_EQ(options.attempts, 4);
	CHECK_INT_EQ(options.max_inflight, 10);
	CHECK_INT_EQ(options.edns_udp_size, 1232);
	CHECK(options.use_vc && options.no_reload && options.trust_ad && options.single_request);
}

static void
an_empty_file_says_nothing(void)
{
	static const char *const empty[] = {"", "\n", "\r\n \t\r\n", "#", "; nameserver 192.0.2.1",
		"# nameserver 192.0.2.1\n"};
	struct evrt_dns_options before;

	evrt__dns_options_init(&before);
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		parse(empty[i]);
		CHECK_INT_EQ(conf.nameserver_count + conf.domain_count + conf.problem_count, 0);
		CHECK(!conf.search_given);
		CHECK_MEM_EQ(&options, &before, sizeof(options));
	}
}

static void
the_last_of_domain_and_search_wins(void)
{
	parse("domain a.test\nsearch b.test c.test\n");
	CHECK_INT_EQ(conf.domain_count, 2);
	CHECK_TEXT_EQ(conf.domains[0], "b.test");
	parse("search b.test c.test\ndomain a.test\n");
	CHECK_INT_EQ(conf.domain_count, 1);
	CHECK_TEXT_EQ(conf.domains[0], "a.test");
	parse("search a.test\nsearch .\n");
	CHECK_INT_EQ(conf.domain_count, 0);
	CHECK(conf.search_given);
	CHECK_INT_EQ(conf.problem_count, 0);
	parse("domain a.test b.test\n");
	CHECK_INT_EQ(conf.domain_count, 1);
	CHECK_STR_EQ(conf.problem, "too many domains");
}

static void
ports_are_kept_and_doubles_are_not(void)
{
	parse("nameserver 192.0.2.1:5353\nnameserver [2001:db8::1]:54\nnameserver 192.0.2.1\nnameserver 192.0.2.1\n");
	CHECK_INT_EQ(conf.nameserver_count, 3);
	CHECK_STR_EQ(text_address(&conf.nameservers[0]), "192.0.2.1#5353");
	CHECK_STR_EQ(text_address(&conf.nameservers[1]), "2001:db8::1#54");
	CHECK_INT_EQ(conf.problem_count, 0);
}

static void
problem_is(const char *text, const char *problem, unsigned line, const char *word)
{
	parse(text);
	CHECK_INT_EQ(conf.problem_count, 1);
	CHECK_STR_EQ(conf.problem, problem);
	CHECK_INT_EQ(conf.problem_line, line);
	CHECK_TEXT_EQ(conf.problem_word, word);
}

static void
what_cannot_be_read_is_skipped_and_reported(void)
{
	problem_is("nameserver 192.0.2.1\nnameserver localhost\n", "no address", 2, "localhost");
	CHECK_INT_EQ(conf.nameserver_count, 1);
	problem_is("nameserver\nnameserver 192.0.2.1", "no address", 1, "");
	CHECK_INT_EQ(conf.nameserver_count, 1);
	problem_is("nameserver # 192.0.2.1", "no address", 1, "#");
	problem_is("\n\noptions wrong:1 ndots:3", "unknown option", 3, "wrong:1");
	CHECK_INT_EQ(options.ndots, 3);
	problem_is("options ndots:x timeout:1", "malformed option", 1, "ndots:x");
	CHECK_INT_EQ(options.timeout_ns, 1000000000);
	problem_is("search a..b c.test", "no domain", 1, "a..b");
	CHECK_TEXT_EQ(conf.domains[0], "c.test");
	problem_is("Nameserver 192.0.2.1", "unknown keyword", 1, "Nameserver");
	problem_is("nameserver192.0.2.1", "unknown keyword", 1, "nameserver192.0.2.1");
	parse("a\nb\nc\n");
	CHECK_INT_EQ(conf.problem_count, 3);
	CHECK_INT_EQ(conf.problem_line, 1);
}

static void
more_than_there_is_room_for_is_reported(void)
{
	char text[4096] = "";

	for (unsigned i = 0; i <= EVRT_DNS_NAMESERVERS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "nameserver 192.0.2.%u\n", i);
	problem_is(text, "too many nameservers", EVRT_DNS_NAMESERVERS_MAX + 1, "192.0.2.16");
	CHECK_INT_EQ(conf.nameserver_count, EVRT_DNS_NAMESERVERS_MAX);
	strcpy(text, "search");
	for (unsigned i = 0; i <= EVRT_DNS_DOMAINS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " d%u.test", i);
	problem_is(text, "too many domains", 1, "d32.test");
	CHECK_INT_EQ(conf.domain_count, EVRT_DNS_DOMAINS_MAX);
}

static void
lines_of_any_length_and_bytes_of_any_kind(void)
{
	static char text[200000];

	memset(text, 'x', sizeof(text));
	memcpy(text, "search ", 7);
	memcpy(text + sizeof(text) - 21, "\nnameserver 192.0.2.1", 21);
	parse_classes(text_of_bytes(text, sizeof(text)), DNS_OPTIONS_ALL);
	CHECK_INT_EQ(conf.nameserver_count, 1);
	CHECK_STR_EQ(conf.problem, "no domain");
	parse_classes(text_of_bytes("search a\0b\nnameserver 192.0.2.1\0", 33), DNS_OPTIONS_ALL);
	CHECK_INT_EQ(conf.nameserver_count + conf.domain_count, 0);
	CHECK_INT_EQ(conf.problem_count, 2);
}

static void
classes_decide_which_options_count(void)
{
	parse_classes(text_of("options ndots:4 attempts:9 bind-to:192.0.2.7"), DNS_OPTION_SEARCH);
	CHECK_INT_EQ(options.ndots, 4);
	CHECK_INT_EQ(options.attempts, 3);
	CHECK_INT_EQ(options.bind_to.any.sa_family, AF_UNSPEC);
	CHECK_INT_EQ(conf.problem_count, 0);
	parse_classes(text_of("options bind-to:[::1]:99"), DNS_OPTION_NAMESERVERS);
	CHECK_STR_EQ(text_address(&options.bind_to), "::1#99");
}

static const struct evrt_test_case cases[] = {
	{"a_whole_file_is_read", a_whole_file_is_read},
	{"an_empty_file_says_nothing", an_empty_file_says_nothing},
	{"the_last_of_domain_and_search_wins", the_last_of_domain_and_search_wins},
	{"ports_are_kept_and_doubles_are_not", ports_are_kept_and_doubles_are_not},
	{"what_cannot_be_read_is_skipped_and_reported", what_cannot_be_read_is_skipped_and_reported},
	{"more_than_there_is_room_for_is_reported", more_than_there_is_room_for_is_reported},
	{"lines_of_any_length_and_bytes_of_any_kind", lines_of_any_length_and_bytes_of_any_kind},
	{"classes_decide_which_options_count", classes_decide_which_options_count},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
