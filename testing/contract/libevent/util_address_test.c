/* testing/contract/libevent/util_address_test.c — addresses as text and as numbers, and their order.
 *
 * Here:     evutil_parse_sockaddr_port, _sockaddr_cmp, _inet_ntop, _inet_pton, _inet_pton_scope.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* text: what is parsed; addr: its address in normal form, NULL where it is refused. */
static const struct parse_row {
	const char *text, *addr;
	int port;
} v4_rows[] = {
	{ "0.0.0.0", "0.0.0.0", 0 }, { "255.255.255.255", "255.255.255.255", 0 }, { "127.0.0.1:1", "127.0.0.1", 1 },
	{ "10.0.0.1:8080", "10.0.0.1", 8080 }, { "1.2.3.4:65535", "1.2.3.4", 65535 },
	{ "1.2.3.4:00080", "1.2.3.4", 80 },
	{ "1.2.3", NULL, 0 }, { "1.2.3.4.5", NULL, 0 }, { "1.2.3.", NULL, 0 }, { ".1.2.3", NULL, 0 },
	{ "1..2.3", NULL, 0 }, { "256.1.1.1", NULL, 0 }, { "1.2.3.999", NULL, 0 }, { "1.2.3.-4", NULL, 0 },
	{ "a.b.c.d", NULL, 0 }, { "localhost", NULL, 0 }, { "localhost:80", NULL, 0 }, { "1.2.3.4:", NULL, 0 },
	{ "1.2.3.4:0", NULL, 0 }, { "1.2.3.4:65536", NULL, 0 }, { "1.2.3.4:99999999", NULL, 0 },
	{ "1.2.3.4:http", NULL, 0 }, { "", NULL, 0 }, { " ", NULL, 0 }, { ":", NULL, 0 }, { ":80", NULL, 0 },
	{ "[1.2.3.4]", NULL, 0 }, { "[1.2.3.4]:80", NULL, 0 }, { "80", NULL, 0 }, { "1.2.3.4 ", NULL, 0 },
	{ "0x7f.1.1.1", NULL, 0 }, { "1.2.3.4:-80", NULL, 0 }, { "1.2.3.4/24", NULL, 0 },
}, v6_rows[] = {
	{ "::", "::", 0 }, { "::1", "::1", 0 }, { "1::", "1::", 0 }, { "[::]", "::", 0 }, { "[::1]:65535", "::1", 65535 },
	{ "[ffff::]:80", "ffff::", 80 }, { "ffff::", "ffff::", 0 }, { "[1:2:3:4:5:6:7:8]:9", "1:2:3:4:5:6:7:8", 9 },
	{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 0 }, { "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", 0 },
	{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", 0 }, { "2001:DB8::A", "2001:db8::a", 0 },
	{ "[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", 80 }, { "64:ff9b::1.2.3.4", "64:ff9b::102:304", 0 },
	{ "0:0:0:0:0:0:0:1", "::1", 0 }, { "1:0:0:2:0:0:0:3", "1:0:0:2::3", 0 },
	{ "1:2:3:4:5:6:7", NULL, 0 }, { "1:2:3:4:5:6:7:8:9", NULL, 0 }, { "1::2::3", NULL, 0 }, { ":::", NULL, 0 },
	{ "[::1", NULL, 0 }, { "::1]", NULL, 0 }, { "[]", NULL, 0 }, { "[]:80", NULL, 0 }, { "[::1]:", NULL, 0 },
	{ "[::1]:0", NULL, 0 }, { "[::1]:65536", NULL, 0 }, { "[::1]:x", NULL, 0 }, { "12345::", NULL, 0 },
	{ "g::1", NULL, 0 }, { "[[::1]]:80", NULL, 0 }, { "::1.2.3", NULL, 0 }, { "::1.2.3.256", NULL, 0 },
	{ "1.2.3.4::", NULL, 0 }, { "[", NULL, 0 }, { "]", NULL, 0 }, { "::1 ", NULL, 0 }, { " ::1", NULL, 0 },
};

static void
check_row(const struct parse_row *row, int family, int size)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&ss;
	char text[INET6_ADDRSTRLEN];
	int len = (int)sizeof(ss);

	memset(&ss, 0xff, sizeof(ss));
	int r = evutil_parse_sockaddr_port(row->text, (struct sockaddr *)&ss, &len);
	if (r != (row->addr ? 0 : -1))
		evrt_test_fail(__FILE__, __LINE__, "\"%s\" gives %d", row->text, r);
	if (!row->addr)
		return;
	CHECK_INT_EQ(ss.ss_family, family);
	CHECK_INT_EQ(len, size);
	CHECK_STR_EQ(evutil_inet_ntop(family, family == AF_INET ? (void *)&sin->sin_addr : (void *)&sin6->sin6_addr, text,
	                 sizeof(text)), row->addr);
	CHECK_INT_EQ(ntohs(family == AF_INET ? sin->sin_port : sin6->sin6_port), row->port);
	if (family == AF_INET6)
		CHECK(sin6->sin6_flowinfo == 0 && sin6->sin6_scope_id == 0);
}

static void
v4_addresses_are_parsed(void)
{
	for (size_t i = 0; i < COUNT(v4_rows); i++)
		check_row(&v4_rows[i], AF_INET, (int)sizeof(struct sockaddr_in));
}

static void
v6_addresses_are_parsed(void)
{
	for (size_t i = 0; i < COUNT(v6_rows); i++)
		check_row(&v6_rows[i], AF_INET6, (int)sizeof(struct sockaddr_in6));
}

static void
scopes_are_parsed_with_the_address(void)
{
	struct sockaddr_in6 sin6;
	int len = (int)sizeof(sin6);
	CHECK_INT_EQ(evutil_parse_sockaddr_port("[fe80::1%3]:80", (struct sockaddr *)&sin6, &len), 0);
	CHECK_INT_EQ(sin6.sin6_scope_id, 3);
	CHECK_INT_EQ(ntohs(sin6.sin6_port), 80);
	CHECK_INT_EQ(evutil_parse_sockaddr_port("fe80::1%lo", (struct sockaddr *)&sin6, &len), 0);
	CHECK(sin6.sin6_scope_id > 0);
	CHECK_INT_EQ(evutil_parse_sockaddr_port("fe80::1%nosuchdevice", (struct sockaddr *)&sin6, &len), -1);
}

static void
what_does_not_fit_is_refused(void)
{
	struct sockaddr_storage ss;
	static const struct {
		const char *text;
		int size;
	} rows[] = { { "1.2.3.4:5", sizeof(struct sockaddr_in) }, { "[::1]:5", sizeof(struct sockaddr_in6) } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		int len = rows[i].size - 1;
		CHECK_INT_EQ(evutil_parse_sockaddr_port(rows[i].text, (struct sockaddr *)&ss, &len), -1);
		CHECK_INT_EQ(len, rows[i].size - 1);
		len = rows[i].size;
		CHECK_INT_EQ(evutil_parse_sockaddr_port(rows[i].text, (struct sockaddr *)&ss, &len), 0);
		CHECK_INT_EQ(len, rows[i].size);
		len = 0;
		CHECK_INT_EQ(evutil_parse_sockaddr_port(rows[i].text, (struct sockaddr *)&ss, &len), -1);
	}
}

static const char *const ordered_text[] = {
	"0.0.0.0", "1.2.3.4", "1.2.3.4:1", "1.2.3.4:2", "1.2.3.4:65535", "4.3.2.1", "127.255.255.255", "128.0.0.0",
	"255.255.255.255", "255.255.255.255:80", "::", "::1", "[::1]:1", "[::1]:2", "[::1]:65535", "::2", "1::",
	"1::1", "7fff::", "8000::", "fe80::1", "ffff::", "[ffff::]:9", "::ffff:1.2.3.4",
};
#define ORDERED COUNT(ordered_text)
static struct sockaddr_storage ordered[ORDERED];
static int with_port;

static int
compare(const void *a, const void *b)
{
	return evutil_sockaddr_cmp(a, b, with_port);
}

static int sign(int n) { return (n > 0) - (n < 0); }

/* Antisymmetric and transitive: the sorted order holds between each two. */
static void
check_order(void)
{
	for (size_t i = 0; i < ORDERED; i++) {
		int len = (int)sizeof(ordered[i]);
		memset(&ordered[i], 0, sizeof(ordered[i]));
		CHECK_INT_EQ(evutil_parse_sockaddr_port(ordered_text[i], (struct sockaddr *)&ordered[i], &len), 0);
	}
	qsort(ordered, ORDERED, sizeof(ordered[0]), compare);
	for (size_t i = 0; i < ORDERED; i++)
		for (size_t j = 0; j < ORDERED; j++) {
			int there = compare(&ordered[i], &ordered[j]), back = compare(&ordered[j], &ordered[i]);
			CHECK_INT_EQ(sign(there), -sign(back));
			CHECK(i != j || there == 0);
			CHECK(i >= j || there <= 0);
			CHECK(!with_port || i == j || there != 0);
		}
}

static void
the_order_is_total_with_ports(void)
{
	with_port = 1;
	check_order();
}

static void
the_order_is_total_without_ports(void)
{
	with_port = 0;
	check_order();
}

static void
families_are_never_equal(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	for (int port = 0; port < 2; port++) {
		int r = evutil_sockaddr_cmp((struct sockaddr *)&sin, (struct sockaddr *)&sin6, port);
		CHECK(r != 0);
		CHECK_INT_EQ(sign(evutil_sockaddr_cmp((struct sockaddr *)&sin6, (struct sockaddr *)&sin, port)), -sign(r));
	}
}

static void
text_is_written_where_it_fits(void)
{
	static const struct {
		int family;
		const char *text;
	} rows[] = {
		{ AF_INET, "1.2.3.4" }, { AF_INET, "255.255.255.255" }, { AF_INET6, "::" }, { AF_INET6, "::1" },
		{ AF_INET6, "1:2:3:4:5:6:7:8" }, { AF_INET6, "ffff::" }, { AF_INET6, "::ffff:1.2.3.4" },
		{ AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" }, { AF_INET6, "1:0:2::3" },
	};
	unsigned char addr[16];
	char text[INET6_ADDRSTRLEN + 1];
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = strlen(rows[i].text);
		CHECK_INT_EQ(evutil_inet_pton(rows[i].family, rows[i].text, addr), 1);
		CHECK_PTR_EQ(evutil_inet_ntop(rows[i].family, addr, text, sizeof(text)), text);
		CHECK_STR_EQ(text, rows[i].text);
		CHECK_PTR_EQ(evutil_inet_ntop(rows[i].family, addr, text, n + 1), text);
		/* One byte too few is a difference: see docs/COMPAT.md. */
		CHECK_PTR_EQ(evutil_inet_ntop(rows[i].family, addr, text, n - 1), NULL);
		CHECK_PTR_EQ(evutil_inet_ntop(rows[i].family, addr, text, 1), NULL);
		CHECK_PTR_EQ(evutil_inet_ntop(rows[i].family, addr, text, 0), NULL);
	}
	CHECK_PTR_EQ(evutil_inet_ntop(AF_UNIX, addr, text, sizeof(text)), NULL);
}

static void
numbers_come_in_network_order(void)
{
	unsigned char v4[4], v6[16];
	static const unsigned char four[4] = { 1, 2, 3, 4 }, six[16] = { 0x20, 1, 0x0d, 0xb8, [12] = 10, 20, 30, 40 };
	CHECK_INT_EQ(evutil_inet_pton(AF_INET, "1.2.3.4", v4), 1);
	CHECK_MEM_EQ(v4, four, 4);
	CHECK_INT_EQ(evutil_inet_pton(AF_INET6, "2001:db8::10.20.30.40", v6), 1);
	CHECK_MEM_EQ(v6, six, 16);
}

static void
what_is_no_number_is_refused(void)
{
	static const char *const v4[] = { "", "1", "1.2", "1.2.3", "1.2.3.4.5", "1.2.3.x", "256.0.0.1", "::1", "1,2,3,4",
		"-1.2.3.4", "1.2.3.4x" };
	static const char *const v6[] = { "", ":", ":::", "1", "1:2", "1.2.3.4", "::1%1", "::g", "1::2::3", "12345::",
		"1:2:3:4:5:6:7:8:9", "::1.2.3", "::1.2.3.4.5", "::256.1.1.1", "1:2:3:4:5:6:7:1.2.3.4", "[::1]" };
	unsigned char addr[16];
	for (size_t i = 0; i < COUNT(v4); i++)
		if (evutil_inet_pton(AF_INET, v4[i], addr) != 0)
			evrt_test_fail(__FILE__, __LINE__, "\"%s\" is taken", v4[i]);
	for (size_t i = 0; i < COUNT(v6); i++)
		if (evutil_inet_pton(AF_INET6, v6[i], addr) != 0)
			evrt_test_fail(__FILE__, __LINE__, "\"%s\" is taken", v6[i]);
	CHECK_INT_EQ(evutil_inet_pton(AF_UNSPEC, "1.2.3.4", addr), -1);
}

static void
scopes_by_number_and_by_name(void)
{
	struct in6_addr addr;
	unsigned scope = 1234;
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1", &addr, &scope), 1);
	CHECK_INT_EQ(scope, 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%12", &addr, &scope), 1);
	CHECK_INT_EQ(scope, 12);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%lo", &addr, &scope), 1);
	CHECK(scope > 0 && scope != 12);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%", &addr, &scope), 1);
	CHECK_INT_EQ(scope, 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%12x", &addr, &scope), 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "%1", &addr, &scope), 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET, "1.2.3.4", &addr, &scope), 1);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET, "1.2.3.4%1", &addr, &scope), 0);
}

static const struct evrt_test_case cases[] = {
	{ "v4_addresses_are_parsed", v4_addresses_are_parsed },
	{ "v6_addresses_are_parsed", v6_addresses_are_parsed },
	{ "scopes_are_parsed_with_the_address", scopes_are_parsed_with_the_address },
	{ "what_does_not_fit_is_refused", what_does_not_fit_is_refused },
	{ "the_order_is_total_with_ports", the_order_is_total_with_ports },
	{ "the_order_is_total_without_ports", the_order_is_total_without_ports },
	{ "families_are_never_equal", families_are_never_equal },
	{ "text_is_written_where_it_fits", text_is_written_where_it_fits },
	{ "numbers_come_in_network_order", numbers_come_in_network_order },
	{ "what_is_no_number_is_refused", what_is_no_number_is_refused },
	{ "scopes_by_number_and_by_name", scopes_by_number_and_by_name },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
