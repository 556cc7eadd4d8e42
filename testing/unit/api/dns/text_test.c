/* testing/unit/api/dns/text_test.c — lines, words, addresses and names. */
#include "testing/unit/api/dns/text.h"

#include <arpa/inet.h>
#include <net/if.h>

static void
lines_and_words_are_cut(void)
{
	struct evrt_dns_text rest = text_of("a  b\r\n\n\tc"), line, word;

	CHECK(evrt__dns_text_line(&rest, &line));
	CHECK_TEXT_EQ(line, "a  b\r");
	CHECK(evrt__dns_text_word(&line, &word));
	CHECK_TEXT_EQ(word, "a");
	CHECK(evrt__dns_text_word(&line, &word));
	CHECK_TEXT_EQ(word, "b");
	CHECK(!evrt__dns_text_word(&line, &word));
	CHECK(evrt__dns_text_line(&rest, &line));
	CHECK_INT_EQ(line.len, 0);
	CHECK(evrt__dns_text_line(&rest, &line));
	CHECK(evrt__dns_text_word(&line, &word));
	CHECK_TEXT_EQ(word, "c");
	CHECK(!evrt__dns_text_line(&rest, &line));
	CHECK(!evrt__dns_text_line(&(struct evrt_dns_text){NULL, 0}, &line));
}

static void
addresses_are_read(void)
{
	union evrt_dns_sockaddr a;

	CHECK(evrt__dns_text_address(text_of("192.0.2.1:53"), &a));
	CHECK_INT_EQ(a.any.sa_family, AF_INET);
	CHECK_INT_EQ(ntohl(a.in4.sin_addr.s_addr), 0xc0000201);
	CHECK_INT_EQ(ntohs(a.in4.sin_port), 53);
	CHECK(evrt__dns_text_address(text_of("fe80::1%lo"), &a));
	CHECK_INT_EQ(a.any.sa_family, AF_INET6);
	CHECK_INT_EQ(a.in6.sin6_scope_id, if_nametoindex("lo"));
	CHECK(evrt__dns_text_address(text_of("[fe80::1%7]:99"), &a));
	CHECK_INT_EQ(a.in6.sin6_scope_id, 7);
	CHECK_INT_EQ(ntohs(a.in6.sin6_port), 99);
}

static void
what_is_no_address_is_refused(void)
{
	static const char *const bad[] = {"", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4:0", "1.2.3.4:x",
		":::1", "[::1", "fe80::1%no-such-interface",
		"1.2.3.4000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"};
	union evrt_dns_sockaddr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!evrt__dns_text_address(text_of(bad[i]), &a));
	CHECK(!evrt__dns_text_address(text_of_bytes("1.2.3.4\0", 8), &a));
}

static void
names_are_checked(void)
{
	static const char *const good[] = {"a", "a.b", "a.b.", "_dmarc.x-1.test", "\xc3\xa9.test"};
	static const char *const bad[] = {"", ".", ".a", "a..b", "a..", "a b", "a\tb", "a\x7f", "a\nb"};
	char label[65] = "", name[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(evrt__dns_text_is_name(text_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!evrt__dns_text_is_name(text_of(bad[i])));
	CHECK(!evrt__dns_text_is_name(text_of_bytes("a\0b", 3)));
	memset(label, 'x', 64);
	CHECK(!evrt__dns_text_is_name(text_of(label)));
	label[63] = '\0';
	CHECK(evrt__dns_text_is_name(text_of(label)));
	for (size_t i = 0; i < 254; i++)
		name[i] = i % 2 ? '.' : 'x';
	name[254] = '\0';
	CHECK(evrt__dns_text_is_name(text_of(name))); /* 253, and the dot at its end */
	name[253] = 'x';
	CHECK(!evrt__dns_text_is_name(text_of(name))); /* 254 */
	strcpy(name + 253, ".x");
	CHECK(!evrt__dns_text_is_name(text_of(name)));
}

static void
keys_know_no_case_and_the_seed_matters(void)
{
	struct evrt_dns_text lower = text_of("www.example.org"), upper = text_of("WWW.Example.ORG");

	CHECK(evrt__dns_text_equal(lower, upper));
	CHECK(!evrt__dns_text_equal(lower, text_of("www.example.or")));
	CHECK(!evrt__dns_text_equal(text_of("a[b"), text_of("a{b"))); /* 32 apart, as letters are */
	CHECK(evrt__dns_text_hash(lower, 1) == evrt__dns_text_hash(upper, 1));
	CHECK(evrt__dns_text_hash(lower, 1) != evrt__dns_text_hash(lower, 2));
	CHECK_TEXT_EQ(evrt__dns_text_undotted(text_of("a.b.")), "a.b");
	CHECK_TEXT_EQ(evrt__dns_text_undotted(text_of(".")), ".");
}

static const struct evrt_test_case cases[] = {
	{"lines_and_words_are_cut", lines_and_words_are_cut},
	{"addresses_are_read", addresses_are_read},
	{"what_is_no_address_is_refused", what_is_no_address_is_refused},
	{"names_are_checked", names_are_checked},
	{"keys_know_no_case_and_the_seed_matters", keys_know_no_case_and_the_seed_matters},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
