/* testing/contract/libevent/util_test.c — the small calls: text, time, addresses, sockets, randomness.
 *
 * Here:     event2/util.h. Public headers only: the same source is run against libevent 2.1.12.
 */
#include "testing/harness/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/util.h>

static void
printing_is_c99(void)
{
	char buf[8];
	CHECK_INT_EQ(evutil_snprintf(buf, sizeof(buf), "%d", 42), 2);
	CHECK_STR_EQ(buf, "42");
	CHECK_INT_EQ(evutil_snprintf(buf, 3, "abcdef"), 6);
	CHECK_STR_EQ(buf, "ab");
	CHECK_INT_EQ(evutil_snprintf(buf, 0, "abc"), 0);
	CHECK_STR_EQ(buf, "ab");
}

static void
numbers_are_64_bits(void)
{
	char *end;
	CHECK_INT_EQ(evutil_strtoll("-9223372036854775807x", &end, 10), -EV_INT64_MAX);
	CHECK_STR_EQ(end, "x");
	CHECK_INT_EQ(evutil_strtoll("0x1f", NULL, 16), 31);
	CHECK_INT_EQ(evutil_strtoll("99999999999999999999", NULL, 10), EV_INT64_MAX);
	CHECK_INT_EQ(sizeof(ev_off_t), 8);
	CHECK(EV_SSIZE_MIN < 0 && (ev_ssize_t)EV_SIZE_MAX == -1);
}

static void
comparison_is_ascii(void)
{
	CHECK_INT_EQ(evutil_ascii_strcasecmp("Content-LENGTH", "content-length"), 0);
	CHECK(evutil_ascii_strcasecmp("a", "B") < 0);
	CHECK(evutil_ascii_strcasecmp("B", "a") > 0);
	CHECK(evutil_ascii_strcasecmp("a", "ab") < 0);
	CHECK(evutil_ascii_strcasecmp("ab", "a") > 0);
	CHECK(evutil_ascii_strcasecmp("[", "A") < 0); /* compared as lower case */
	CHECK_INT_EQ(evutil_ascii_strncasecmp("abX", "ABy", 2), 0);
	CHECK(evutil_ascii_strncasecmp("abX", "ABy", 3) < 0);
	CHECK_INT_EQ(evutil_ascii_strncasecmp("a", "b", 0), 0);
	CHECK_INT_EQ(evutil_ascii_strncasecmp("a", "A", 100), 0);
}

static void
timevals_are_computed(void)
{
	struct timeval a = { 1, 600000 }, b = { 2, 700000 }, c;
	evutil_timeradd(&a, &b, &c);
	CHECK(c.tv_sec == 4 && c.tv_usec == 300000);
	evutil_timersub(&b, &a, &c);
	CHECK(c.tv_sec == 1 && c.tv_usec == 100000);
	evutil_timersub(&c, &c, &c);
	CHECK(!evutil_timerisset(&c));
	CHECK(evutil_timerisset(&a));
	CHECK(evutil_timercmp(&a, &b, <) && evutil_timercmp(&a, &b, <=) && evutil_timercmp(&a, &b, !=));
	CHECK(evutil_timercmp(&b, &a, >) && evutil_timercmp(&b, &a, >=) && !evutil_timercmp(&a, &b, ==));
	CHECK(evutil_timercmp(&a, &a, <=) && evutil_timercmp(&a, &a, >=) && evutil_timercmp(&a, &a, ==));
	CHECK(!evutil_timercmp(&a, &a, <) && !evutil_timercmp(&a, &a, >) && !evutil_timercmp(&a, &a, !=));
	evutil_timerclear(&a);
	CHECK(!evutil_timerisset(&a));
	CHECK_INT_EQ(evutil_gettimeofday(&a, NULL), 0);
	CHECK(a.tv_sec > 1000000000);
}

static void
check_monotonic(int flags)
{
	struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
	struct timeval last = { 0, 0 }, now;
	CHECK(timer);
	CHECK_INT_EQ(evutil_configure_monotonic_time(timer, flags), 0);
	for (int i = 0; i < 1000; i++) {
		CHECK_INT_EQ(evutil_gettime_monotonic(timer, &now), 0);
		CHECK(evutil_timercmp(&now, &last, >=) && now.tv_usec < 1000000);
		last = now;
	}
	evutil_monotonic_timer_free(timer);
	evutil_monotonic_timer_free(NULL);
}

static void monotonic_time(void) { check_monotonic(0); }
static void monotonic_time_precise(void) { check_monotonic(EV_MONOT_PRECISE); }
static void monotonic_time_fallback(void) { check_monotonic(EV_MONOT_FALLBACK); }

static void
dates_are_http_dates(void)
{
	struct tm tm;
	char date[40];
	memset(&tm, 0, sizeof(tm));
	tm.tm_year = 94;
	tm.tm_mon = 10;
	tm.tm_mday = 6;
	tm.tm_hour = 8;
	tm.tm_min = 49;
	tm.tm_sec = 37;
	CHECK_INT_EQ(evutil_date_rfc1123(date, sizeof(date), &tm), 29);
	CHECK_STR_EQ(date, "Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_INT_EQ(evutil_date_rfc1123(date, 10, &tm), 29);
	CHECK_STR_EQ(date, "Sun, 06 N");
	CHECK_INT_EQ(evutil_date_rfc1123(date, sizeof(date), NULL), 29);
}

/* What the text of an address is expected to give; addr NULL: it is refused. */
static const struct address_case {
	const char *text, *addr;
	int port;
} address_cases[] = {
	{ "1.2.3.4", "1.2.3.4", 0 }, { "1.2.3.4:80", "1.2.3.4", 80 }, { "1.2.3.4:65535", "1.2.3.4", 65535 },
	{ "1.2.3.4:0", NULL, 0 }, { "1.2.3.4:65536", NULL, 0 },
	{ "1.2.3.4:", NULL, 0 }, { "1.2.3.4:x", NULL, 0 }, { "1.2.3.4:-1", NULL, 0 }, { "1.2.3", NULL, 0 },
	{ "1.2.3.256", NULL, 0 }, { "", NULL, 0 }, { ":80", NULL, 0 }, { "host:80", NULL, 0 }, { "1:2", NULL, 0 },
	{ "::1", "::1", 0 }, { "[::1]", "::1", 0 }, { "[::1]:80", "::1", 80 }, { "[::1]:", NULL, 0 },
	{ "[::1]:0", NULL, 0 }, { "[::1]:99999", NULL, 0 }, { "[::1", NULL, 0 }, { "[]:80", NULL, 0 },
	{ "[1.2.3.4]:80", NULL, 0 }, { "::ffff:1.2.3.4", "::ffff:1.2.3.4", 0 }, { "1.2.3.4:000080", "1.2.3.4", 80 },
	{ "fe80::1%nosuchdevice", NULL, 0 },
};

static void
check_address(const struct address_case *c)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&ss;
	char text[64];
	int len = (int)sizeof(ss);
	int result = evutil_parse_sockaddr_port(c->text, (struct sockaddr *)&ss, &len);
	if ((result == 0) != (c->addr != NULL))
		evrt_test_fail(__FILE__, __LINE__, "\"%s\" gave %d", c->text, result);
	if (!c->addr)
		return;
	int is_v4 = ss.ss_family == AF_INET;
	CHECK_INT_EQ(len, is_v4 ? sizeof(*sin) : sizeof(*sin6));
	CHECK_STR_EQ(evutil_inet_ntop(ss.ss_family, is_v4 ? (void *)&sin->sin_addr : (void *)&sin6->sin6_addr, text,
	                 sizeof(text)), c->addr);
	CHECK_INT_EQ(ntohs(is_v4 ? sin->sin_port : sin6->sin6_port), c->port);
}

static void
addresses_are_parsed(void)
{
	struct sockaddr_in sin;
	char text[600];
	int len = 4;
	for (size_t i = 0; i < sizeof(address_cases) / sizeof(address_cases[0]); i++)
		check_address(&address_cases[i]);
	CHECK_INT_EQ(evutil_parse_sockaddr_port("1.2.3.4", (struct sockaddr *)&sin, &len), -1);
	CHECK_INT_EQ(len, 4);
	memset(text, '1', sizeof(text)); /* longer than any buffer inside */
	text[0] = '[';
	text[sizeof(text) - 2] = ']';
	text[sizeof(text) - 1] = '\0';
	len = (int)sizeof(sin);
	CHECK_INT_EQ(evutil_parse_sockaddr_port(text, (struct sockaddr *)&sin, &len), -1);
	CHECK_INT_EQ(evutil_parse_sockaddr_port(text + 1, (struct sockaddr *)&sin, &len), -1);
	CHECK_INT_EQ(evutil_parse_sockaddr_port("]", (struct sockaddr *)&sin, &len), -1);
	CHECK_INT_EQ(evutil_parse_sockaddr_port("[", (struct sockaddr *)&sin, &len), -1);
}

static void
scopes_are_parsed(void)
{
	struct in6_addr addr;
	unsigned index = 99;
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%lo", &addr, &index), 1);
	CHECK(index > 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%7", &addr, &index), 1);
	CHECK_INT_EQ(index, 7);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1", &addr, &index), 1);
	CHECK_INT_EQ(index, 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%nosuchdevice", &addr, &index), 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET, "1.2.3.4", &addr, &index), 1);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET, "1.2.3.4%1", &addr, &index), 0);
	CHECK_INT_EQ(evutil_inet_pton_scope(AF_UNIX, "x", &addr, &index), -1);
	CHECK_INT_EQ(evutil_inet_pton(AF_UNIX, "x", &addr), -1);
	CHECK_INT_EQ(evutil_inet_pton(AF_INET, "1.2.3.4 ", &addr), 0);
	CHECK_INT_EQ(evutil_inet_pton(AF_INET6, "fe80::1%lo", &addr), 0);
}

static void
make_address(struct sockaddr_storage *ss, const char *text)
{
	int len = (int)sizeof(*ss);
	CHECK_INT_EQ(evutil_parse_sockaddr_port(text, (struct sockaddr *)ss, &len), 0);
}

static int
compare(const char *a, const char *b, int include_port)
{
	struct sockaddr_storage sa, sb;
	make_address(&sa, a);
	make_address(&sb, b);
	int there = evutil_sockaddr_cmp((struct sockaddr *)&sa, (struct sockaddr *)&sb, include_port);
	int back = evutil_sockaddr_cmp((struct sockaddr *)&sb, (struct sockaddr *)&sa, include_port);
	CHECK_INT_EQ((there > 0) - (there < 0), (back < 0) - (back > 0));
	return there;
}

static void
addresses_have_an_order(void)
{
	CHECK_INT_EQ(compare("1.2.3.4:1", "1.2.3.4:2", 0), 0);
	CHECK(compare("1.2.3.4:1", "1.2.3.4:2", 1) != 0);
	CHECK_INT_EQ(compare("[::1]:1", "[::1]:2", 0), 0);
	CHECK(compare("[::1]:1", "[::1]:2", 1) != 0);
	CHECK(compare("1.2.3.4", "255.2.3.4", 0) != 0);
	CHECK(compare("::1", "::2", 1) != 0);
	CHECK(compare("1.2.3.4", "::1", 0) != 0);
}

static int
resolve(const char *node, const char *service, int flags, int family, int socktype, char *out, size_t room)
{
	struct evutil_addrinfo hints, *res = NULL;
	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = flags;
	hints.ai_family = family;
	hints.ai_socktype = socktype;
	int err = evutil_getaddrinfo(node, service, &hints, &res);
	CHECK_INT_EQ(err == 0, res != NULL);
	if (err)
		return err;
	void *addr = res->ai_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)res->ai_addr)->sin6_addr
	                                        : (void *)&((struct sockaddr_in *)res->ai_addr)->sin_addr;
	CHECK(evutil_inet_ntop(res->ai_family, addr, out, room));
	size_t n = strlen(out);
	evutil_snprintf(out + n, room - n, ":%d", ntohs(((struct sockaddr_in *)res->ai_addr)->sin_port));
	evutil_freeaddrinfo(res);
	return 0;
}

static void
numbers_are_resolved(void)
{
	char out[80];
	CHECK_INT_EQ(resolve("127.0.0.1", "80", 0, 0, SOCK_STREAM, out, sizeof(out)), 0);
	CHECK_STR_EQ(out, "127.0.0.1:80");
	CHECK_INT_EQ(resolve("::1", "81", EVUTIL_AI_ADDRCONFIG, 0, SOCK_STREAM, out, sizeof(out)), 0);
	CHECK_STR_EQ(out, "::1:81");
	CHECK_INT_EQ(resolve(NULL, "80", EVUTIL_AI_PASSIVE, AF_INET, SOCK_STREAM, out, sizeof(out)), 0);
	CHECK_STR_EQ(out, "0.0.0.0:80");
	CHECK_INT_EQ(resolve(NULL, "80", 0, AF_INET, SOCK_STREAM, out, sizeof(out)), 0);
	CHECK_STR_EQ(out, "127.0.0.1:80");
	CHECK_INT_EQ(resolve(NULL, NULL, 0, 0, 0, out, sizeof(out)), EVUTIL_EAI_NONAME);
	CHECK_INT_EQ(resolve("host", "80", EVUTIL_AI_NUMERICHOST, 0, SOCK_STREAM, out, 80), EVUTIL_EAI_NONAME);
	CHECK_INT_EQ(resolve("127.0.0.1", "http", EVUTIL_AI_NUMERICSERV, 0, SOCK_STREAM, out, 80),
	    EVUTIL_EAI_NONAME);
	CHECK_INT_EQ(resolve("127.0.0.1", "80", 0, 99, SOCK_STREAM, out, sizeof(out)), EVUTIL_EAI_FAMILY);
	CHECK(strlen(evutil_gai_strerror(EVUTIL_EAI_NONAME)) > 0);
	CHECK_STR_EQ(evutil_gai_strerror(EVUTIL_EAI_CANCEL), "Request canceled");
	CHECK_STR_EQ(evutil_gai_strerror(0), "No error");
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);
	CHECK_INT_EQ(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void
sockets_are_prepared(void)
{
	evutil_socket_t sv[2];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(write(sv[0], "x", 1), 1);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[0]), 0);
		CHECK(fcntl(sv[0], F_GETFL) & O_NONBLOCK);
		CHECK_INT_EQ(evutil_make_socket_closeonexec(sv[0]), 0);
		CHECK(fcntl(sv[0], F_GETFD) & FD_CLOEXEC);
	}
	CHECK_INT_EQ(evutil_closesocket(sv[0]), 0);
	CHECK_INT_EQ(evutil_closesocket(sv[1]), 0);
	CHECK_INT_EQ(evutil_closesocket(-1), -1);
	CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), EBADF);
	CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, sv), -1);
	EVUTIL_SET_SOCKET_ERROR(ENOTTY);
	CHECK_INT_EQ(errno, ENOTTY);
}

static void
listening_options_are_set(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	CHECK_INT_EQ(evutil_make_listen_socket_reuseable(fd), 0);
	CHECK(option(fd, SOL_SOCKET, SO_REUSEADDR));
	CHECK_INT_EQ(evutil_make_listen_socket_reuseable_port(fd), 0);
	CHECK(option(fd, SOL_SOCKET, SO_REUSEPORT));
	CHECK_INT_EQ(evutil_make_tcp_listen_socket_deferred(fd), 0);
	EVUTIL_CLOSESOCKET(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0)
		return; /* a system without IPv6 */
	CHECK_INT_EQ(evutil_make_listen_socket_ipv6only(fd), 0);
	CHECK(option(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	EVUTIL_CLOSESOCKET(fd);
}

static void
random_bytes_differ(void)
{
	unsigned char a[32] = { 0 }, b[32] = { 0 };
	CHECK_INT_EQ(evutil_secure_rng_init(), 0);
	evutil_secure_rng_get_bytes(a, sizeof(a));
	evutil_secure_rng_get_bytes(b, sizeof(b));
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	evutil_secure_rng_get_bytes(a, 0);
}

static const struct evrt_test_case cases[] = {
	{ "printing_is_c99", printing_is_c99 },
	{ "numbers_are_64_bits", numbers_are_64_bits },
	{ "comparison_is_ascii", comparison_is_ascii },
	{ "timevals_are_computed", timevals_are_computed },
	{ "monotonic_time", monotonic_time },
	{ "monotonic_time_precise", monotonic_time_precise },
	{ "monotonic_time_fallback", monotonic_time_fallback },
	{ "dates_are_http_dates", dates_are_http_dates },
	{ "addresses_are_parsed", addresses_are_parsed },
	{ "scopes_are_parsed", scopes_are_parsed },
	{ "addresses_have_an_order", addresses_have_an_order },
	{ "numbers_are_resolved", numbers_are_resolved },
	{ "sockets_are_prepared", sockets_are_prepared },
	{ "listening_options_are_set", listening_options_are_set },
	{ "random_bytes_differ", random_bytes_differ },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
