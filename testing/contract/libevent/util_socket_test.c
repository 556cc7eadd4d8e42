/* testing/contract/libevent/util_socket_test.c — sockets prepared, their errors, and random bytes.
 *
 * Here:     evutil_socketpair, _make_socket_*, _make_listen_socket_*, _closesocket, error macros, _secure_rng_*.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/util.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
a_stream_pair_is_connected_both_ways(void)
{
	evutil_socket_t sv[2];
	char c;
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK(sv[0] >= 0 && sv[1] >= 0 && sv[0] != sv[1]);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(send(sv[i], "x", 1, 0), 1);
		CHECK_INT_EQ(recv(sv[1 - i], &c, 1, 0), 1);
		/* As the system makes them. */
		CHECK_INT_EQ(fcntl(sv[i], F_GETFL) & O_NONBLOCK, 0);
		CHECK_INT_EQ(fcntl(sv[i], F_GETFD) & FD_CLOEXEC, 0);
	}
	evutil_closesocket(sv[0]);
	evutil_closesocket(sv[1]);
}

static void
a_datagram_pair_keeps_borders(void)
{
	evutil_socket_t sv[2];
	char buf[10];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_DGRAM, 0, sv), 0);
	CHECK_INT_EQ(send(sv[0], "ab", 2, 0), 2);
	CHECK_INT_EQ(send(sv[0], "c", 1, 0), 1);
	CHECK_INT_EQ(recv(sv[1], buf, sizeof(buf), 0), 2);
	CHECK_INT_EQ(recv(sv[1], buf, sizeof(buf), 0), 1);
	evutil_closesocket(sv[0]);
	evutil_closesocket(sv[1]);
}

static void
what_the_system_cannot_pair_fails(void)
{
	evutil_socket_t sv[2];
	static const int families[] = { AF_INET, AF_INET6, 9999 };
	for (size_t i = 0; i < COUNT(families); i++) {
		errno = 0;
		CHECK_INT_EQ(evutil_socketpair(families[i], SOCK_STREAM, 0, sv), -1);
		CHECK(errno != 0);
	}
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, 9999, 0, sv), -1);
}

static void
a_socket_stops_blocking(void)
{
	evutil_socket_t sv[2];
	char c;
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	for (int again = 0; again < 2; again++) {
		CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[0]), 0);
		CHECK(fcntl(sv[0], F_GETFL) & O_NONBLOCK);
		CHECK_INT_EQ(recv(sv[0], &c, 1, 0), -1);
		CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), EAGAIN);
	}
	CHECK_INT_EQ(fcntl(sv[1], F_GETFL) & O_NONBLOCK, 0);
	evutil_closesocket(sv[0]);
	evutil_closesocket(sv[1]);
}

static void
other_flags_stay(void)
{
	int ends[2];
	CHECK_INT_EQ(pipe(ends), 0);
	CHECK_INT_EQ(fcntl(ends[1], F_SETFL, O_APPEND), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(ends[1]), 0);
	CHECK(fcntl(ends[1], F_GETFL) & O_APPEND);
	CHECK_INT_EQ(evutil_make_socket_closeonexec(ends[1]), 0);
	CHECK(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
}

static void
a_socket_is_closed_on_exec(void)
{
	evutil_socket_t sv[2];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(evutil_make_socket_closeonexec(sv[0]), 0);
	CHECK_INT_EQ(evutil_make_socket_closeonexec(sv[0]), 0);
	CHECK_INT_EQ(fcntl(sv[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CHECK_INT_EQ(fcntl(sv[1], F_GETFD) & FD_CLOEXEC, 0);
	evutil_closesocket(sv[0]);
	evutil_closesocket(sv[1]);
}

static void
on_a_descriptor_that_is_none_all_fail(void)
{
	static int (*const calls[])(evutil_socket_t) = {
		evutil_make_socket_nonblocking, evutil_make_socket_closeonexec, evutil_make_listen_socket_reuseable,
		evutil_make_listen_socket_reuseable_port, evutil_make_listen_socket_ipv6only,
		evutil_make_tcp_listen_socket_deferred, evutil_closesocket,
	};
	for (size_t i = 0; i < COUNT(calls); i++) {
		CHECK_INT_EQ(calls[i](-1), -1);
		CHECK_INT_EQ(calls[i](1000), -1);
		CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), EBADF);
	}
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);
	CHECK_INT_EQ(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static const struct {
	int (*set)(evutil_socket_t);
	int family, level, name;
} options[] = {
	{ evutil_make_listen_socket_reuseable, AF_INET, SOL_SOCKET, SO_REUSEADDR },
	{ evutil_make_listen_socket_reuseable_port, AF_INET, SOL_SOCKET, SO_REUSEPORT },
	{ evutil_make_tcp_listen_socket_deferred, AF_INET, IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ evutil_make_listen_socket_ipv6only, AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY },
};

static void
options_of_listening_sockets(void)
{
	for (size_t i = 0; i < COUNT(options); i++) {
		int fd = socket(options[i].family, SOCK_STREAM, 0);
		if (fd < 0)
			continue; /* a system without that family */
		CHECK_INT_EQ(options[i].set(fd), 0);
		CHECK(option(fd, options[i].level, options[i].name) > 0);
		CHECK_INT_EQ(options[i].set(fd), 0);
		close(fd);
	}
}

static int
listen_at(const struct sockaddr_in *sin, int (*prepare)(evutil_socket_t))
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	if (prepare)
		CHECK_INT_EQ(prepare(fd), 0);
	if (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)) < 0 || listen(fd, 5) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
ports_are_shared_where_both_agree(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	int first = listen_at(&sin, evutil_make_listen_socket_reuseable_port);
	CHECK(first >= 0);
	CHECK_INT_EQ(getsockname(first, (struct sockaddr *)&sin, &len), 0);
	CHECK_INT_EQ(listen_at(&sin, NULL), -1);
	int second = listen_at(&sin, evutil_make_listen_socket_reuseable_port);
	CHECK(second >= 0);
	close(first);
	close(second);
}

static void
errors_are_those_of_the_thread(void)
{
	EVUTIL_SET_SOCKET_ERROR(ECONNRESET);
	CHECK_INT_EQ(errno, ECONNRESET);
	CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), ECONNRESET);
	CHECK_INT_EQ(evutil_socket_geterror(0), ECONNRESET);
	CHECK_STR_EQ(evutil_socket_error_to_string(ECONNRESET), strerror(ECONNRESET));
	CHECK_INT_EQ(EVUTIL_INVALID_SOCKET, -1);
}

static void
closing_is_closing(void)
{
	int ends[2];
	CHECK_INT_EQ(pipe(ends), 0);
	CHECK_INT_EQ(EVUTIL_CLOSESOCKET(ends[0]), 0);
	CHECK_INT_EQ(fcntl(ends[0], F_GETFD), -1);
	CHECK_INT_EQ(evutil_closesocket(ends[0]), -1);
	CHECK_INT_EQ(evutil_closesocket(ends[1]), 0);
}

/* ---- Random bytes. */

static void
bytes_fill_what_is_asked_for(void)
{
	unsigned char buf[300];
	for (size_t n = 0; n < 290; n += 29) {
		int differs = 0;
		memset(buf, 0, sizeof(buf));
		evutil_secure_rng_get_bytes(buf + 1, n);
		CHECK_INT_EQ(buf[0], 0);
		CHECK_INT_EQ(buf[n + 1], 0);
		for (size_t i = 0; i < n; i++)
			differs |= buf[i + 1];
		CHECK(n == 0 || differs);
	}
}

static void
every_bit_is_both(void)
{
	unsigned char buf[2048], ones = 0, zeroes = 0;
	CHECK_INT_EQ(evutil_secure_rng_init(), 0);
	CHECK_INT_EQ(evutil_secure_rng_init(), 0);
	evutil_secure_rng_get_bytes(buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++) {
		ones |= buf[i];
		zeroes |= (unsigned char)~buf[i];
	}
	CHECK_INT_EQ(ones, 0xff);
	CHECK_INT_EQ(zeroes, 0xff);
}

static void
a_child_draws_others(void)
{
	unsigned char mine[32], childs[32];
	int ends[2], status;
	evutil_secure_rng_get_bytes(mine, sizeof(mine));
	CHECK_INT_EQ(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		evutil_secure_rng_get_bytes(childs, sizeof(childs));
		_exit(write(ends[1], childs, sizeof(childs)) == (ssize_t)sizeof(childs) ? 0 : 1);
	}
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	CHECK_INT_EQ(read(ends[0], childs, sizeof(childs)), sizeof(childs));
	evutil_secure_rng_get_bytes(mine, sizeof(mine));
	CHECK(memcmp(mine, childs, sizeof(mine)) != 0);
	close(ends[0]);
	close(ends[1]);
}

static const struct evrt_test_case cases[] = {
	{ "a_stream_pair_is_connected_both_ways", a_stream_pair_is_connected_both_ways },
	{ "a_datagram_pair_keeps_borders", a_datagram_pair_keeps_borders },
	{ "what_the_system_cannot_pair_fails", what_the_system_cannot_pair_fails },
	{ "a_socket_stops_blocking", a_socket_stops_blocking },
	{ "other_flags_stay", other_flags_stay },
	{ "a_socket_is_closed_on_exec", a_socket_is_closed_on_exec },
	{ "on_a_descriptor_that_is_none_all_fail", on_a_descriptor_that_is_none_all_fail },
	{ "options_of_listening_sockets", options_of_listening_sockets },
	{ "ports_are_shared_where_both_agree", ports_are_shared_where_both_agree },
	{ "errors_are_those_of_the_thread", errors_are_those_of_the_thread },
	{ "closing_is_closing", closing_is_closing },
	{ "bytes_fill_what_is_asked_for", bytes_fill_what_is_asked_for },
	{ "every_bit_is_both", every_bit_is_both },
	{ "a_child_draws_others", a_child_draws_others },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
