/* testing/unit/api/dns/hosts_test.c — files of names, and looking names up. */
#include "api/dns/hosts.h"

#include <errno.h>

#include "testing/harness/fault.h"
#include "testing/unit/api/dns/text.h"

static struct evrt_dns_hosts table;

/* All addresses of a name, in their order, with a blank behind each. One at a time. */
static const char *
found(const char *name)
{
	static char all[1024];
	const struct evrt_dns_host *h = NULL;

	all[0] = '\0';
	while ((h = evrt__dns_hosts_find(&table, text_of(name), h)))
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ", text_address(&h->address));
	return all;
}

static void
add(const char *text)
{
	CHECK_INT_EQ(evrt__dns_hosts_add(&table, text_of(text)), 0);
}

static void
a_whole_file_is_read(void)
{
	add("127.0.0.1\tlocalhost\n"
	    "# comment\n"
	    "\r\n"
	    "::1     localhost ip6-localhost ip6-loopback\r\n"
	    "192.0.2.1 Router.Home.test router#the old one\n"
	    "  fe80::1%7 router\n"
	    "192.0.2.2 router");
	CHECK_INT_EQ(table.problem_count, 0);
	CHECK_STR_EQ(found("localhost"), "127.0.0.1 ::1 ");
	CHECK_STR_EQ(found("ip6-loopback"), "::1 ");
	CHECK_STR_EQ(found("router.home.test"), "192.0.2.1 ");
	CHECK_STR_EQ(found("ROUTER"), "192.0.2.1 fe80::1%7 192.0.2.2 ");
	CHECK_STR_EQ(found("router."), "192.0.2.1 fe80::1%7 192.0.2.2 ");
	CHECK_STR_EQ(found("route"), "");
	CHECK_STR_EQ(found("the"), "");
	CHECK_STR_EQ(found(""), "");
	evrt__dns_hosts_clear(&table);
	CHECK_STR_EQ(found("localhost"), "");
}

static void
files_add_up(void)
{
	CHECK_STR_EQ(found("a"), "");
	add("192.0.2.1 a b\n");
	add("");
	add("192.0.2.2 a\n");
	CHECK_STR_EQ(found("a"), "192.0.2.1 192.0.2.2 ");
	CHECK_STR_EQ(found("b"), "192.0.2.1 ");
	evrt__dns_hosts_clear(&table);
	evrt__dns_hosts_clear(&table);
	add("192.0.2.3 a.\n");
	CHECK_STR_EQ(found("a"), "192.0.2.3 ");
	evrt__dns_hosts_clear(&table);
}

static void
what_cannot_be_read_is_skipped_and_counted(void)
{
	static const char nul[] = "192.0.2.9 n\0l ok";
	char text[600];

	add("192.0.2.1 good\nnonsense bad\n192.0.2.256 bad\n192.0.2.1:80 bad\n[::1]:80 bad\n192.0.2.2 a..b good\n");
	CHECK_STR_EQ(found("good"), "192.0.2.1 192.0.2.2 ");
	CHECK_STR_EQ(found("bad"), "");
	CHECK_INT_EQ(table.problem_count, 5);
	CHECK_INT_EQ(table.problem_line, 2);
	CHECK_INT_EQ(evrt__dns_hosts_add(&table, text_of_bytes(nul, sizeof(nul) - 1)), 0);
	CHECK_INT_EQ(table.problem_count, 6);
	CHECK_STR_EQ(found("ok"), "192.0.2.9 ");
	memset(text, 'x', sizeof(text));
	memcpy(text, "192.0.2.3 ", 10);
	memcpy(text + sizeof(text) - 6, " last", 6);
	add(text);
	CHECK_INT_EQ(table.problem_count, 7);
	CHECK_STR_EQ(found("last"), "192.0.2.3 ");
	add("192.0.2.1\n"); /* no name: nothing to add, and nothing wrong */
	CHECK_INT_EQ(table.problem_count, 7);
	evrt__dns_hosts_clear(&table);
	CHECK_INT_EQ(table.problem_count, 0);
}

static void
many_names_are_found_again(void)
{
	enum { NAMES = 20000 };
	char *text = malloc(NAMES * 64), name[64], address[64];
	size_t len = 0;

	CHECK(text != NULL);
	for (unsigned i = 0; i < NAMES; i++)
		len += (size_t)sprintf(text + len, "10.0.%u.%u host-%u.test\n", i >> 8, i & 255, i);
	CHECK_INT_EQ(evrt__dns_hosts_add(&table, (struct evrt_dns_text){text, len}), 0);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "HOST-%u.TEST", i);
		snprintf(address, sizeof(address), "10.0.%u.%u ", i >> 8, i & 255);
		CHECK_STR_EQ(found(name), address);
	}
	CHECK_STR_EQ(found("host-20000.test"), "");
	evrt__dns_hosts_clear(&table);
	free(text);
}

/* One name throughout, which makes one bucket of all: time must not grow with the square. */
static void
a_full_table_says_so(void)
{
	const char line[] = "10.0.0.1 a a a a a a a a a a a a a a a a\n";
	const size_t lines = EVRT_DNS_HOSTS_MAX / 16;
	char *text = malloc((lines + 1) * (sizeof(line) - 1));

	CHECK(text != NULL);
	for (size_t i = 0; i <= lines; i++)
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line) - 1);
	struct evrt_dns_text all = {text, lines * (sizeof(line) - 1)};
	CHECK_INT_EQ(evrt__dns_hosts_add(&table, all), 0);
	CHECK_INT_EQ(table.host_count, EVRT_DNS_HOSTS_MAX);
	CHECK_INT_EQ(evrt__dns_hosts_add(&table, text_of("10.0.0.2 b\n")), -E2BIG);
	CHECK_STR_EQ(found("b"), "");
	CHECK(evrt__dns_hosts_find(&table, text_of("a"), NULL) != NULL);
	evrt__dns_hosts_clear(&table);
	free(text);
}

static void
without_memory_the_table_stays_as_it_was(void)
{
	char text[4096] = "";

	for (unsigned i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "10.0.0.%u a n%u\n", i, i);
	for (uint64_t k = 1;; k++) {
		evrt_test_fail_alloc(0);
		add("192.0.2.1 a b\n");
		evrt_test_fail_alloc(k);
		int result = evrt__dns_hosts_add(&table, text_of(text));
		if (!evrt_test_alloc_has_failed()) {
			CHECK(k > 3);
			CHECK_INT_EQ(result, 0);
			CHECK_STR_EQ(found("n39"), "10.0.0.39 ");
			break;
		}
		CHECK_INT_EQ(result, -ENOMEM);
		CHECK_STR_EQ(found("a"), "192.0.2.1 ");
		CHECK_STR_EQ(found("b"), "192.0.2.1 ");
		CHECK_STR_EQ(found("n0"), "");
		add("192.0.2.2 a\n");
		CHECK_STR_EQ(found("a"), "192.0.2.1 192.0.2.2 ");
		evrt__dns_hosts_clear(&table);
		CHECK_INT_EQ(evrt_test_allocs_live(), 0);
	}
	evrt__dns_hosts_clear(&table);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static const struct evrt_test_case cases[] = {
	{"a_whole_file_is_read", a_whole_file_is_read},
	{"files_add_up", files_add_up},
	{"what_cannot_be_read_is_skipped_and_counted", what_cannot_be_read_is_skipped_and_counted},
	{"many_names_are_found_again", many_names_are_found_again},
	{"a_full_table_says_so", a_full_table_says_so},
	{"without_memory_the_table_stays_as_it_was", without_memory_the_table_stays_as_it_was},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
