/* testing/contract/libevent/listener_options_test.c — options of listeners, and the sockets they end up with.
 *
 * Here:     every LEV_OPT_ flag on both kinds of sockets, backlogs, addresses of IP, what is refused.
 * Not here: AF_UNIX (listener_unix_test.c), callbacks (listener_life_test.c), threads (listener_threads_test.c).
 * Threads:  one.
 */
#include <netinet/tcp.h>

#include "testing/contract/libevent/listener_rig.h"

static void
a_plain_listening_socket(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	int fd = evconnlistener_get_fd(lev);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_REUSEADDR), 0);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_REUSEPORT), 0);
	CHECK_INT_EQ(option_of(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_INT_EQ(fcntl(fd, F_GETFD), 0);
	close_all(lev);
}

static void
a_plain_accepted_socket(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFD), 0);
	CHECK_INT_EQ(option_of(accepted[0], SOL_SOCKET, SO_KEEPALIVE), 1); /* as the listening one */
	close(fd);
	close_all(lev);
}

static void
blocking_sockets(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_LEAVE_SOCKETS_BLOCKING);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFL) & O_NONBLOCK, 0);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFD), 0);
	CHECK(fcntl(evconnlistener_get_fd(lev), F_GETFL) & O_NONBLOCK);
	close(fd);
	close_all(lev);
}

static void
sockets_that_exec_closes(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_CLOSE_ON_EXEC);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
	CHECK_INT_EQ(fcntl(evconnlistener_get_fd(lev), F_GETFD), FD_CLOEXEC);
	close(fd);
	close_all(lev);
}

static void
a_reuseable_address(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_REUSEABLE);
	CHECK_INT_EQ(option_of(evconnlistener_get_fd(lev), SOL_SOCKET, SO_REUSEADDR), 1);
	CHECK_INT_EQ(option_of(evconnlistener_get_fd(lev), SOL_SOCKET, SO_REUSEPORT), 0);
	close_all(lev);
}

static void
a_reuseable_port(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_REUSEABLE_PORT);
	CHECK_INT_EQ(option_of(evconnlistener_get_fd(lev), SOL_SOCKET, SO_REUSEPORT), 1);
	CHECK_INT_EQ(option_of(evconnlistener_get_fd(lev), SOL_SOCKET, SO_REUSEADDR), 0);
	close_all(lev);
}

static void
deferred_until_data(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_DEFERRED_ACCEPT);
	CHECK(option_of(evconnlistener_get_fd(lev), IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 0);
	CHECK_INT_EQ(write(fd, "x", 1), 1);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(fd);
	close_all(lev);
}

static void
closed_when_freed(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	int fd = evconnlistener_get_fd(lev);
	evconnlistener_free(lev);
	turns(1);
	CHECK_INT_EQ(fcntl(fd, F_GETFD), -1);
	close_all(NULL);
}

static void
left_open_when_freed(void)
{
	struct sockaddr_in sin = loopback();
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep, NULL, 0, -1, (struct sockaddr *)&sin, sizeof(sin));
	int fd = evconnlistener_get_fd(lev);
	evconnlistener_free(lev);
	turns(1);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	close(fd);
	close_all(NULL);
}

/* --- backlogs --------------------------------------------------------------------------------------- */

static unsigned
backlog_of(struct evconnlistener *lev)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	CHECK_INT_EQ(getsockopt(evconnlistener_get_fd(lev), IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_sacked; /* so it is for sockets that listen */
}

static void
a_backlog_is_the_kernels(void)
{
	struct sockaddr_in sin = loopback();
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE, 5,
	    (struct sockaddr *)&sin, sizeof(sin));
	CHECK_INT_EQ(backlog_of(lev), 5);
	close_all(lev);
}

static void
a_negative_backlog_is_a_good_one(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	CHECK_INT_EQ(backlog_of(lev), 128);
	close_all(lev);
}

static int
bound_socket(int backlog)
{
	struct sockaddr_in sin = loopback();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	if (backlog)
		CHECK_INT_EQ(listen(fd, backlog), 0);
	return fd;
}

static void
a_socket_that_listens_keeps_its_backlog(void)
{
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE, 0, bound_socket(7));
	CHECK_INT_EQ(backlog_of(lev), 7);
	close_all(lev);
}

static void
a_socket_that_does_not_listen_yet(void)
{
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE, 9, bound_socket(0));
	CHECK_INT_EQ(backlog_of(lev), 9);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(fd);
	close_all(lev);
}

static void
options_of_new_bind_do_not_touch_a_given_socket(void)
{
	int fd = bound_socket(5);
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
	    LEV_OPT_REUSEABLE_PORT | LEV_OPT_DEFERRED_ACCEPT | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_REUSEADDR), 0);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_REUSEPORT), 0);
	CHECK_INT_EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	CHECK_INT_EQ(option_of(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
	CHECK_INT_EQ(fcntl(fd, F_GETFD), 0);
	/* But those that it accepts. */
	int client = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFD), FD_CLOEXEC);
	close(client);
	close_all(lev);
}

/* --- refused ------------------------------------------------------------------------------------------ */

static void
check_unbindable(const void *sa, int len, unsigned flags, int err)
{
	base = event_base_new();
	errno = 0;
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, flags, 5, sa, len), NULL);
	CHECK_INT_EQ(errno, err);
	event_base_free(base);
}

static void
an_address_in_use(void)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd = bound_socket(5);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	check_unbindable(&sin, sizeof(sin), 0, EADDRINUSE);
	check_unbindable(&sin, sizeof(sin), LEV_OPT_REUSEABLE, EADDRINUSE);
	check_unbindable(&sin, sizeof(sin), LEV_OPT_REUSEABLE_PORT, EADDRINUSE);
	close(fd);
}

static void
an_address_of_others(void)
{
	struct sockaddr_in sin = loopback();
	sin.sin_addr.s_addr = htonl(0x08080808);
	check_unbindable(&sin, sizeof(sin), 0, EADDRNOTAVAIL);
}

static void
a_length_that_is_too_short(void)
{
	struct sockaddr_in sin = loopback();
	check_unbindable(&sin, 4, 0, EINVAL);
	check_unbindable(&sin, 0, 0, EINVAL);
}

static void
a_length_that_is_too_long(void)
{
	struct sockaddr_storage ss;
	memset(&ss, 0, sizeof(ss));
	ss.ss_family = AF_INET;
	check_unbindable(&ss, 129, 0, EINVAL);
	check_unbindable(&ss, -1, 0, EINVAL);
}

static void
a_family_that_there_is_not(void)
{
	struct sockaddr_in sin = loopback();
	sin.sin_family = 99;
	check_unbindable(&sin, sizeof(sin), 0, EAFNOSUPPORT);
}

static void
no_address(void)
{
	base = event_base_new();
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, 0, 5, NULL, 0), NULL);
	event_base_free(base);
}

static void
no_backlog(void)
{
	struct sockaddr_in sin = loopback();
	base = event_base_new();
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, 0, 0, (struct sockaddr *)&sin, sizeof(sin)), NULL);
	event_base_free(base);
}

static void
check_unusable(int fd, int err)
{
	errno = 0;
	CHECK_PTR_EQ(evconnlistener_new(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE, 5, fd), NULL);
	CHECK_INT_EQ(errno, err);
}

static void
descriptors_that_cannot_listen(void)
{
	int ends[2], udp = socket(AF_INET, SOCK_DGRAM, 0);
	base = event_base_new();
	CHECK_INT_EQ(pipe(ends), 0);
	check_unusable(-1, EBADF);
	check_unusable(ends[0], ENOTSOCK);
	check_unusable(udp, EOPNOTSUPP);
	/* They stay the caller's. */
	CHECK_INT_EQ(close(ends[0]), 0);
	CHECK_INT_EQ(close(ends[1]), 0);
	CHECK_INT_EQ(close(udp), 0);
	event_base_free(base);
}

/* --- IPv6 ---------------------------------------------------------------------------------------------- */

static struct sockaddr_in6
address6(struct in6_addr addr)
{
	struct sockaddr_in6 sin6;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = addr;
	return sin6;
}

static bool
has_ipv6(void)
{
	struct sockaddr_in6 sin6 = address6(in6addr_loopback);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

static struct evconnlistener *
listen_tcp6(struct in6_addr addr, unsigned flags)
{
	struct sockaddr_in6 sin6 = address6(addr);

	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep, NULL, flags | LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin6, sizeof(sin6));
	CHECK(lev != NULL);
	return lev;
}

/* Connects by IPv4 to the port of a listener on IPv6. */
static int
connect4(struct evconnlistener *lev, int *fd)
{
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin = loopback();
	socklen_t len = sizeof(sin6);

	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&sin6, &len), 0);
	sin.sin_port = sin6.sin6_port;
	*fd = socket(AF_INET, SOCK_STREAM, 0);
	return connect(*fd, (struct sockaddr *)&sin, sizeof(sin));
}

static void
a_peer_of_ipv6(void)
{
	if (!has_ipv6())
		return;
	struct evconnlistener *lev = listen_tcp6(in6addr_loopback, 0);
	int fd = connect_to(lev);
	struct sockaddr_in6 mine;
	socklen_t len = sizeof(mine);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(last_len, sizeof(mine));
	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)&mine, &len), 0);
	CHECK_MEM_EQ(&last_address, &mine, sizeof(mine));
	close(fd);
	close_all(lev);
}

static void
ipv6_only(void)
{
	int fd;
	if (!has_ipv6())
		return;
	struct evconnlistener *lev = listen_tcp6(in6addr_any, LEV_OPT_BIND_IPV6ONLY);
	CHECK_INT_EQ(option_of(evconnlistener_get_fd(lev), IPPROTO_IPV6, IPV6_V6ONLY), 1);
	CHECK_INT_EQ(connect4(lev, &fd), -1);
	CHECK_INT_EQ(errno, ECONNREFUSED);
	close(fd);
	close_all(lev);
}

static void
ipv4_at_an_ipv6_socket(void)
{
	int fd, probe = socket(AF_INET6, SOCK_STREAM, 0);
	bool both = has_ipv6() && option_of(probe, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
	if (probe >= 0)
		close(probe);
	if (!both) /* the system's default */
		return;
	struct evconnlistener *lev = listen_tcp6(in6addr_any, 0);
	CHECK_INT_EQ(connect4(lev, &fd), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(last_len, sizeof(struct sockaddr_in6));
	CHECK(IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&last_address)->sin6_addr));
	close(fd);
	close_all(lev);
}

static void
ipv6_only_of_an_ipv4_address(void)
{
	struct sockaddr_in sin = loopback();
	base = event_base_new();
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, LEV_OPT_BIND_IPV6ONLY, 5, (struct sockaddr *)&sin,
	    sizeof(sin)), NULL);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	{ "a_plain_listening_socket", a_plain_listening_socket },
	{ "a_plain_accepted_socket", a_plain_accepted_socket },
	{ "blocking_sockets", blocking_sockets },
	{ "sockets_that_exec_closes", sockets_that_exec_closes },
	{ "a_reuseable_address", a_reuseable_address },
	{ "a_reuseable_port", a_reuseable_port },
	{ "deferred_until_data", deferred_until_data },
	{ "closed_when_freed", closed_when_freed },
	{ "left_open_when_freed", left_open_when_freed },
	{ "a_backlog_is_the_kernels", a_backlog_is_the_kernels },
	{ "a_negative_backlog_is_a_good_one", a_negative_backlog_is_a_good_one },
	{ "a_socket_that_listens_keeps_its_backlog", a_socket_that_listens_keeps_its_backlog },
	{ "a_socket_that_does_not_listen_yet", a_socket_that_does_not_listen_yet },
	{ "options_of_new_bind_do_not_touch_a_given_socket", options_of_new_bind_do_not_touch_a_given_socket },
	{ "an_address_in_use", an_address_in_use },
	{ "an_address_of_others", an_address_of_others },
	{ "a_length_that_is_too_short", a_length_that_is_too_short },
	{ "a_length_that_is_too_long", a_length_that_is_too_long },
	{ "a_family_that_there_is_not", a_family_that_there_is_not },
	{ "no_address", no_address },
	{ "no_backlog", no_backlog },
	{ "descriptors_that_cannot_listen", descriptors_that_cannot_listen },
	{ "a_peer_of_ipv6", a_peer_of_ipv6 },
	{ "ipv6_only", ipv6_only },
	{ "ipv4_at_an_ipv6_socket", ipv4_at_an_ipv6_socket },
	{ "ipv6_only_of_an_ipv4_address", ipv6_only_of_an_ipv4_address },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
