/* testing/contract/libevent/listener_test.c — what a program may expect of connection listeners.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <sys/resource.h>
#include <sys/un.h>

#include "testing/contract/libevent/listener_rig.h"

static void
connections_are_handed_over(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	struct sockaddr_in mine;
	socklen_t len = sizeof(mine);
	int fd = connect_to(lev);
	CHECK_PTR_EQ(evconnlistener_get_base(lev), base);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_PTR_EQ(last_arg, &base);
	CHECK_INT_EQ(last_len, sizeof(mine));
	getsockname(fd, (struct sockaddr *)&mine, &len);
	CHECK_INT_EQ(((struct sockaddr_in *)&last_address)->sin_port, mine.sin_port);
	CHECK(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFD), 0);
	CHECK_INT_EQ(fcntl(evconnlistener_get_fd(lev), F_GETFD), 0);
	close(fd);
	close_all(lev);
}

static void
many_at_once_are_all_handed_over(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	int fds[100];
	for (int i = 0; i < 100; i++)
		fds[i] = connect_to(lev);
	turns(5);
	CHECK_INT_EQ(accepted_count, 100);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
	close_all(lev);
}

static void
flags_reach_the_sockets(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_LEAVE_SOCKETS_BLOCKING | LEV_OPT_CLOSE_ON_EXEC |
	    LEV_OPT_REUSEABLE | LEV_OPT_THREADSAFE);
	int fd = connect_to(lev), on = 0;
	socklen_t len = sizeof(on);
	turns(2);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFL) & O_NONBLOCK, 0);
	CHECK_INT_EQ(fcntl(accepted[0], F_GETFD), FD_CLOEXEC);
	CHECK_INT_EQ(fcntl(evconnlistener_get_fd(lev), F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(evconnlistener_get_fd(lev), F_GETFL) & O_NONBLOCK);
	CHECK_INT_EQ(getsockopt(evconnlistener_get_fd(lev), SOL_SOCKET, SO_REUSEADDR, &on, &len), 0);
	CHECK_INT_EQ(on, 1);
	CHECK_INT_EQ(getsockopt(evconnlistener_get_fd(lev), SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
	CHECK_INT_EQ(on, 1);
	close(fd);
	close_all(lev);
}

static void
two_share_a_port(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_REUSEABLE_PORT);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&sin, &len);
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, 0, -1, (struct sockaddr *)&sin, (int)len), NULL);
	struct evconnlistener *other = evconnlistener_new_bind(base, keep, NULL,
	    LEV_OPT_REUSEABLE_PORT | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_DEFERRED_ACCEPT, -1,
	    (struct sockaddr *)&sin, (int)len);
	CHECK(other != NULL);
	evconnlistener_free(other);
	close_all(lev);
}

static void
ipv6_alone(void)
{
	struct sockaddr_in6 sin6;
	int on = 0;
	socklen_t len = sizeof(on);
	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = in6addr_loopback;
	int probe = socket(AF_INET6, SOCK_STREAM, 0);
	bool usable = probe >= 0 && bind(probe, (struct sockaddr *)&sin6, sizeof(sin6)) == 0;
	if (probe >= 0)
		close(probe);
	if (!usable)
		return;
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep, NULL,
	    LEV_OPT_BIND_IPV6ONLY | LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&sin6, sizeof(sin6));
	CHECK(lev != NULL);
	getsockopt(evconnlistener_get_fd(lev), IPPROTO_IPV6, IPV6_V6ONLY, &on, &len);
	CHECK_INT_EQ(on, 1);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(last_len, sizeof(sin6));
	close(fd);
	close_all(lev);
}

static void
unix_sockets(void)
{
	struct sockaddr_un sun;
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	/* Not in TEST_TMPDIR, which may be longer than a socket's name can be. */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/tmp/lev-%d", getpid());
	unlink(sun.sun_path);
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE, 5,
	    (struct sockaddr *)&sun, sizeof(sun));
	CHECK(lev != NULL);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(last_address.ss_family, AF_UNIX);
	unlink(sun.sun_path);
	close(fd);
	close_all(lev);
}

static void
senseless_ones_are_refused(void)
{
	struct sockaddr_in sin = loopback();
	base = event_base_new();
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, 0, 0, (struct sockaddr *)&sin, sizeof(sin)), NULL);
	CHECK_PTR_EQ(evconnlistener_new(base, keep, NULL, 0, 5, -1), NULL);
	sin.sin_addr.s_addr = htonl(0x08080808);
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, 0, 5, (struct sockaddr *)&sin, sizeof(sin)), NULL);
	event_base_free(base);
}

static void
a_socket_of_the_program(void)
{
	struct sockaddr_in sin = loopback();
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_INT_EQ(bind(listening, (struct sockaddr *)&sin, sizeof(sin)), 0);
	CHECK_INT_EQ(listen(listening, 5), 0);
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new(base, keep, NULL, 0, 0, listening);
	CHECK_INT_EQ(evconnlistener_get_fd(lev), listening);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(fd);
	close_all(lev);
	CHECK(fcntl(listening, F_GETFD) >= 0);
	close(listening);
}

static void
disabled_ones_wait(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_DISABLED);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 0);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	int second = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1); /* it keeps no loop alive */
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, 2);
	close(fd);
	close(second);
	close_all(lev);
}

static void
without_a_callback_connections_wait(void)
{
	struct evconnlistener *lev = listen_tcp(NULL, 0);
	int fd = connect_to(lev), anything;
	turns(2);
	CHECK_INT_EQ(accepted_count, 0);
	evconnlistener_set_cb(lev, keep, &anything);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_PTR_EQ(last_arg, &anything);
	close(fd);
	close_all(lev);
}

static void
a_callback_taken_away_closes_connections(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	char c;
	evconnlistener_set_cb(lev, NULL, NULL);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 0);
	CHECK_INT_EQ(read(fd, &c, 1), 0);
	close(fd);
	close_all(lev);
}

static void
keep_and_disable(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	evconnlistener_disable(lev);
}

static void
disabling_in_the_callback_stops_at_once(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_disable, 0);
	int first = connect_to(lev), second = connect_to(lev);
	turns(3);
	CHECK_INT_EQ(accepted_count, 1);
	evconnlistener_enable(lev);
	turns(3);
	CHECK_INT_EQ(accepted_count, 2);
	close(first);
	close(second);
	close_all(lev);
}

static void
keep_and_free(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	evconnlistener_free(lev);
}

static void
free_in_the_callback(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_free, 0);
	int first = connect_to(lev), second = connect_to(lev);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(accepted_count, 1);
	close(first);
	close(second);
	close_all(NULL);
}

static void
a_freed_ones_port_is_free(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_REUSEABLE);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&sin, &len);
	evconnlistener_free(lev);
	lev = evconnlistener_new_bind(base, keep, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin, (int)len);
	CHECK(lev != NULL);
	close_all(lev);
}

static void
running_out_of_descriptors_calls_the_error_callback(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	struct rlimit all, few;
	evconnlistener_set_error_cb(lev, count_error);
	int fd = connect_to(lev);
	CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = (rlim_t)fd + 1; /* all below are taken */
	int spare;
	while ((spare = dup(0)) >= 0 && spare < fd)
		accepted[accepted_count++] = spare;
	if (spare >= 0)
		close(spare);
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK(errors >= 1);
	CHECK_INT_EQ(last_errno, EMFILE);
	CHECK_PTR_EQ(last_arg, &base);
	CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
	close(fd);
	close_all(lev);
}

static const struct evrt_test_case cases[] = {
	{ "connections_are_handed_over", connections_are_handed_over },
	{ "many_at_once_are_all_handed_over", many_at_once_are_all_handed_over },
	{ "flags_reach_the_sockets", flags_reach_the_sockets },
	{ "two_share_a_port", two_share_a_port },
	{ "ipv6_alone", ipv6_alone },
	{ "unix_sockets", unix_sockets },
	{ "senseless_ones_are_refused", senseless_ones_are_refused },
	{ "a_socket_of_the_program", a_socket_of_the_program },
	{ "disabled_ones_wait", disabled_ones_wait },
	{ "without_a_callback_connections_wait", without_a_callback_connections_wait },
	{ "a_callback_taken_away_closes_connections", a_callback_taken_away_closes_connections },
	{ "disabling_in_the_callback_stops_at_once", disabling_in_the_callback_stops_at_once },
	{ "free_in_the_callback", free_in_the_callback },
	{ "a_freed_ones_port_is_free", a_freed_ones_port_is_free },
	{ "running_out_of_descriptors_calls_the_error_callback",
	    running_out_of_descriptors_calls_the_error_callback },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
