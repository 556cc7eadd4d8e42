/* testing/unit/api/util/util_test.c — what is ours beside libevent's: conversions, strictness, errors.
 *
 * Here:     timeval.h, socket_error.h, addrinfo.h, the parts of event2/util.h where evrt differs on purpose
 *           or that 2.1.12 lacks, failing system calls.
 * Not here: what both libraries do (testing/contract/libevent/util_test.c).
 */
#include "testing/harness/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include <event2/util.h>
#include "api/util/addrinfo.h"
#include "api/util/socket_error.h"
#include "api/util/timeval.h"
#include "base/mem.h"
#include "base/sys.h"
#include "testing/harness/fault.h"

#define SEC_MAX ((int64_t)(EVRT_NS_NEVER / EVRT_NS_PER_SEC))

static const struct { int64_t sec, usec; evrt_ns ns; } conversions[] = {
	{ 0, 0, 0 }, { 1, 5, 1000005000 }, { 0, 999999, 999999000 }, { 1, 2500000, INT64_C(3500000000) },
	{ 2, -500000, 1500000000 }, { 0, -1, 0 }, { -1, 0, 0 }, { -1, 1500000, 500000000 }, { 1, -2000000, 0 },
	{ SEC_MAX, 0, SEC_MAX * EVRT_NS_PER_SEC }, { SEC_MAX, 999999, EVRT_NS_NEVER },
	{ SEC_MAX + 1, 0, EVRT_NS_NEVER }, { INT64_MAX, 999999, EVRT_NS_NEVER },
	{ INT64_MAX, INT64_MAX, EVRT_NS_NEVER }, { INT64_MIN, 0, 0 }, { INT64_MIN, INT64_MIN, 0 },
	{ INT64_MAX, INT64_MIN, EVRT_NS_NEVER },
};

static void
timevals_become_ns(void)
{
	for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++) {
		struct timeval tv = { .tv_sec = conversions[i].sec, .tv_usec = conversions[i].usec };
		CHECK_INT_EQ(evrt__ns_from_timeval(&tv), conversions[i].ns);
	}
}

static void
ns_become_timevals_rounded_up(void)
{
	struct timeval tv = evrt__timeval_from_ns(0);
	CHECK(tv.tv_sec == 0 && tv.tv_usec == 0);
	tv = evrt__timeval_from_ns(1);
	CHECK(tv.tv_sec == 0 && tv.tv_usec == 1);
	tv = evrt__timeval_from_ns(INT64_C(1999999001));
	CHECK(tv.tv_sec == 2 && tv.tv_usec == 0);
	tv = evrt__timeval_from_ns(EVRT_NS_NEVER);
	CHECK(tv.tv_sec == SEC_MAX && tv.tv_usec < 1000000);
}

static void
errors_are_classed(void)
{
	CHECK(evrt__err_rw_retriable(EAGAIN) && evrt__err_rw_retriable(EINTR) && !evrt__err_rw_retriable(EPIPE));
	CHECK(evrt__err_connect_retriable(EINPROGRESS) && !evrt__err_connect_retriable(ECONNREFUSED));
	CHECK(evrt__err_connect_refused(ECONNREFUSED) && !evrt__err_connect_refused(EINTR));
	CHECK(evrt__err_accept_retriable(ECONNABORTED) && !evrt__err_accept_retriable(EMFILE));
	CHECK(evrt__err_accept_exhausted(EMFILE) && !evrt__err_accept_exhausted(EAGAIN));
}

static void
addresses_have_nothing_behind(void)
{
	static const char *const bad[] = { "1.2.3.4:80x", "1.2.3.4: 80", "1.2.3.4:+80", "1.2.3.4:80 ", "[::1]80",
		"[::1]x", "1.2.3.4:0x50", "1.2.3.4:4294967376", "01.2.3.4" };
	struct sockaddr_storage ss, untouched;
	memset(&ss, 0x5a, sizeof(ss));
	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int len = (int)sizeof(ss);
		if (evutil_parse_sockaddr_port(bad[i], (struct sockaddr *)&ss, &len) != -1)
			evrt_test_fail(__FILE__, __LINE__, "\"%s\" was accepted", bad[i]);
		CHECK_INT_EQ(len, sizeof(ss));
		CHECK_MEM_EQ(&ss, &untouched, sizeof(ss));
	}
}

static void
own_address_lists_are_freed(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(7) };
	evrt_test_fail_alloc(1);
	CHECK_PTR_EQ(evrt__addrinfo_new((struct sockaddr *)&sin, sizeof(sin), SOCK_STREAM, IPPROTO_TCP), NULL);
	evrt_test_fail_alloc(0);
	struct evutil_addrinfo *a =
	    evrt__addrinfo_new((struct sockaddr *)&sin, sizeof(sin), SOCK_STREAM, IPPROTO_TCP);
	struct evutil_addrinfo *b =
	    evrt__addrinfo_new((struct sockaddr *)&sin, sizeof(sin), SOCK_DGRAM, IPPROTO_UDP);
	CHECK(a && b);
	CHECK_MEM_EQ(a->ai_addr, &sin, sizeof(sin));
	CHECK_INT_EQ(b->ai_socktype, SOCK_DGRAM);
	a->ai_next = b;
	a->ai_canonname = evrt__strdup("name");
	evutil_freeaddrinfo(a);
	evutil_freeaddrinfo(NULL);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
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
keepalive_is_timed(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	CHECK_INT_EQ(evutil_set_tcp_keepalive(fd, 1, 300), 0);
	CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE));
	CHECK_INT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 150);
	CHECK_INT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 50);
	CHECK_INT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	CHECK_INT_EQ(evutil_set_tcp_keepalive(fd, 1, 1), 0);
	CHECK_INT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 1);
	CHECK_INT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 1);
	CHECK_INT_EQ(evutil_set_tcp_keepalive(fd, 0, 300), 0);
	CHECK(!option(fd, SOL_SOCKET, SO_KEEPALIVE));
	close(fd);
	CHECK_INT_EQ(evutil_set_tcp_keepalive(-1, 1, 1), -1);
}

static void
dual_stack_is_asked_for(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0)
		return; /* a system without IPv6 */
	CHECK_INT_EQ(evutil_make_listen_socket_ipv6only(fd), 0);
	CHECK_INT_EQ(evutil_make_listen_socket_not_ipv6only(fd), 0);
	CHECK(!option(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	close(fd);
}

static int fcntl_calls;
static int fcntl_fails_at;

static int
counting_fcntl(int fd, int cmd, int arg)
{
	if (++fcntl_calls == fcntl_fails_at) {
		errno = EIO;
		return -1;
	}
	return fcntl(fd, cmd, arg);
}

static void
descriptor_flags_cost_no_more_than_needed(void)
{
	int sv[2];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	evrt__sys.fcntl = counting_fcntl;
	CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[0]), 0);
	CHECK_INT_EQ(fcntl_calls, 2);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[0]), 0);
	CHECK_INT_EQ(fcntl_calls, 3);
	fcntl_fails_at = 5;
	CHECK_INT_EQ(evutil_make_socket_closeonexec(sv[0]), -1);
	fcntl_fails_at = 6;
	CHECK_INT_EQ(evutil_make_socket_closeonexec(sv[0]), -1);
	close(sv[0]);
	close(sv[1]);
}

static void
addresses_are_not_cut(void)
{
	static const char *const texts[] = { "::", "::1", "1:2:3:4:5:6:7:8", "ffff::", "::ffff:1.2.3.4" };
	unsigned char addr[16];
	char text[64];
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CHECK_INT_EQ(evutil_inet_pton(AF_INET6, texts[i], addr), 1);
		CHECK_PTR_EQ(evutil_inet_ntop(AF_INET6, addr, text, strlen(texts[i])), NULL);
		CHECK_PTR_EQ(evutil_inet_ntop(AF_INET6, addr, text, strlen(texts[i]) + 1), text);
	}
}

static const struct evrt_test_case cases[] = {
	{ "timevals_become_ns", timevals_become_ns },
	{ "ns_become_timevals_rounded_up", ns_become_timevals_rounded_up },
	{ "errors_are_classed", errors_are_classed },
	{ "addresses_have_nothing_behind", addresses_have_nothing_behind },
	{ "addresses_are_not_cut", addresses_are_not_cut },
	{ "own_address_lists_are_freed", own_address_lists_are_freed },
	{ "keepalive_is_timed", keepalive_is_timed },
	{ "dual_stack_is_asked_for", dual_stack_is_asked_for },
	{ "descriptor_flags_cost_no_more_than_needed", descriptor_flags_cost_no_more_than_needed },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
