/* testing/contract/libevent/bufferevent_dial_test.c — socket bufferevents: kinds of addresses, and what a program does
 * while it is being connected. The plain connects are in bufferevent_connect_test.c.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

static struct sockaddr_storage address;
static int address_len;

static void
event_and_stop(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	event_base_loopbreak(base);
}

/* Binds to what is in `address`, and puts there what that became. */
static int
listen_there(int backlog)
{
	socklen_t len = sizeof(address);
	int fd = socket(address.ss_family, SOCK_STREAM, 0);

	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&address, (socklen_t)address_len), 0);
	if (address.ss_family != AF_UNIX) {
		CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)&address, &len), 0);
		address_len = (int)len;
	}
	if (backlog >= 0)
		CHECK_INT_EQ(listen(fd, backlog), 0);
	return fd;
}

static void
loopback(int port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&address;

	memset(&address, 0, sizeof(address));
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)port);
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address_len = sizeof(*sin);
}

static int
listen_tcp(int backlog)
{
	loopback(0);
	return listen_there(backlog);
}

static struct bufferevent *
open_unconnected(int options)
{
	signal(SIGPIPE, SIG_IGN);
	if (!base)
		base = event_base_new();
	struct bufferevent *bev = bufferevent_socket_new(base, -1, options | BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, note_read, NULL, event_and_stop, NULL);
	return bev;
}

static int
dial(struct bufferevent *bev)
{
	return bufferevent_socket_connect(bev, (struct sockaddr *)&address, address_len);
}

/* Connects, says a byte, and is heard. */
static void
talk(int listener)
{
	struct bufferevent *bev = open_unconnected(0);
	char c = 0;

	trace[0] = '\0';
	bufferevent_write(bev, "u", 1);
	CHECK_INT_EQ(dial(bev), 0);
	CHECK_STR_EQ(trace, "");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	turns(2);
	int peer = accept(listener, NULL, NULL);
	CHECK_INT_EQ(read(peer, &c, 1), 1);
	CHECK_INT_EQ(c, 'u');
	close(peer);
	bufferevent_free(bev);
}

static void
unix_address(const char *path, size_t len)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&address;

	memset(&address, 0, sizeof(address));
	sun->sun_family = AF_UNIX;
	CHECK(len <= sizeof(sun->sun_path));
	memcpy(sun->sun_path, path, len);
	address_len = (int)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void
an_abstract_unix_name(void)
{
	char name[32];
	int n = snprintf(name, sizeof(name), "%cbev-%d", 0, getpid());
	unix_address(name, (size_t)n);
	int listener = listen_there(8);
	talk(listener);
	event_base_free(base);
	close(listener);
}

static void
a_unix_path_that_fills_the_address(void)
{
	char path[109];
	int n = snprintf(path, sizeof(path), "/tmp/bev-%d-", getpid());
	memset(path + n, 'x', sizeof(path) - 1 - (size_t)n);
	path[108] = '\0';
	unlink(path);
	unix_address(path, 108); /* no zero at its end */
	int listener = listen_there(8);
	talk(listener);
	unlink(path);
	event_base_free(base);
	close(listener);
}

static void
a_unix_name_of_every_length(void)
{
	static const size_t lengths[] = { 1, 2, 50, 107, 108 };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char name[108] = "";
		memset(name + 1, 'a' + getpid() % 26, sizeof(name) - 1);
		unix_address(name, lengths[i]);
		int listener = socket(AF_UNIX, SOCK_STREAM, 0);
		/* The shortest names may be taken by others. */
		if (bind(listener, (struct sockaddr *)&address, (socklen_t)address_len) == 0) {
			CHECK_INT_EQ(listen(listener, 8), 0);
			talk(listener);
		}
		close(listener);
	}
	if (base)
		event_base_free(base);
}

static void
an_ipv6_address(void)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&address;
	memset(&address, 0, sizeof(address));
	sin6->sin6_family = AF_INET6;
	sin6->sin6_addr = in6addr_loopback;
	address_len = sizeof(*sin6);
	int probe = socket(AF_INET6, SOCK_STREAM, 0);
	int there = probe >= 0 && bind(probe, (struct sockaddr *)&address, (socklen_t)address_len) == 0;
	close(probe);
	if (!there)
		return; /* this host has no IPv6 */
	int listener = listen_there(8);
	talk(listener);
	event_base_free(base);
	close(listener);
}

static void
what_cannot_begin_leaves_everything_as_it_was(void)
{
	struct bufferevent *bev = open_unconnected(0);
	loopback(80);
	((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_BROADCAST);
	CHECK_INT_EQ(dial(bev), -1);
	CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	address.ss_family = 255; /* no such family */
	CHECK_INT_EQ(dial(bev), -1);
	CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	turns(2);
	CHECK_STR_EQ(trace, "");
	int listener = listen_tcp(8);
	CHECK_INT_EQ(dial(bev), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
a_descriptor_of_another_family_fails_at_once(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bufferevent_setfd(bev, fd);
	CHECK_INT_EQ(dial(bev), -1);
	CHECK_INT_EQ(bufferevent_getfd(bev), fd);
	CHECK(fcntl(fd, F_GETFD) >= 0);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
a_connect_of_the_program_that_fails_is_told(void)
{
	int bound = listen_tcp(-1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	base = event_base_new();
	int r = connect(fd, (struct sockaddr *)&address, (socklen_t)address_len);
	CHECK(r < 0 && errno == EINPROGRESS);
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, note_read, NULL, event_and_stop, NULL);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, NULL, 0), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e20");
	CHECK_INT_EQ(event_errno, ECONNREFUSED);
	bufferevent_free(bev);
	event_base_free(base);
	close(bound);
}

static void
a_peer_that_leaves_at_once_is_told_in_order(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		int listener = listen_tcp(8);
		struct bufferevent *bev = open_unconnected(options);
		trace[0] = '\0';
		bufferevent_setcb(bev, note_read, NULL, note_event, NULL);
		bufferevent_enable(bev, EV_READ);
		CHECK_INT_EQ(dial(bev), 0);
		int peer = accept(listener, NULL, NULL);
		CHECK_INT_EQ(write(peer, "bye", 3), 3);
		close(peer);
		turns(6);
		CHECK_STR_EQ(trace, "e80 r3 e11");
		bufferevent_free(bev);
		close(listener);
	}
	event_base_free(base);
}

static void
enable_in_event(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	if (what & BEV_EVENT_CONNECTED)
		bufferevent_enable(bev, EV_READ);
}

static void
reading_begins_in_the_connected_callback(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_setcb(bev, note_read, NULL, enable_in_event, NULL);
	CHECK_INT_EQ(dial(bev), 0);
	int peer = accept(listener, NULL, NULL);
	CHECK_INT_EQ(write(peer, "hi", 2), 2);
	turns(4);
	CHECK_STR_EQ(trace, "e80 r2");
	close(peer);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
write_in_event(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	if (what & BEV_EVENT_CONNECTED)
		bufferevent_write(bev, "now", 3);
}

static void
what_the_connected_callback_writes_is_sent(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	char got[16] = "";
	bufferevent_setcb(bev, NULL, NULL, write_in_event, NULL);
	bufferevent_write(bev, "before ", 7);
	CHECK_INT_EQ(dial(bev), 0);
	bufferevent_write(bev, "while ", 6);
	int peer = accept(listener, NULL, NULL);
	turns(4);
	CHECK_INT_EQ(read(peer, got, sizeof(got)), 16);
	CHECK(memcmp(got, "before while now", 16) == 0);
	close(peer);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
another_descriptor_calls_a_connect_off(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_setcb(bev, note_read, NULL, note_event, NULL);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(dial(bev), 0);
	int dialling = bufferevent_getfd(bev);
	CHECK_INT_EQ(bufferevent_setfd(bev, fds[0]), 0);
	CHECK_INT_EQ(bufferevent_getfd(bev), fds[0]);
	peer_writes("other");
	turns(4);
	CHECK(strstr(trace, "r5") != NULL);
	CHECK_INT_EQ(close(dialling), 0); /* it was left to us */
	bufferevent_free(bev);
	event_base_free(base);
	close(fds[1]);
	close(listener);
}

static void
many_at_once_are_all_told(void)
{
	enum { N = 50 };
	struct bufferevent *bevs[N];
	int listener = listen_tcp(N + 10);
	base = event_base_new();
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < N; i++) {
		bevs[i] = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
		bufferevent_setcb(bevs[i], NULL, NULL, note_event, NULL);
		CHECK_INT_EQ(dial(bevs[i]), 0);
	}
	for (int i = 0; i < 20; i++)
		turns(1);
	CHECK_INT_EQ(strlen(trace), N * 4 - 1);
	for (int i = 0; i < N; i++)
		CHECK(memcmp(trace + i * 4, "e80", 3) == 0);
	for (int i = 0; i < N; i++)
		bufferevent_free(bevs[i]);
	event_base_free(base);
	close(listener);
}

static void
no_callbacks_no_harm(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	char c = 0;
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_write(bev, "x", 1);
	CHECK_INT_EQ(dial(bev), 0);
	turns(3);
	int peer = accept(listener, NULL, NULL);
	CHECK_INT_EQ(read(peer, &c, 1), 1);
	close(peer);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static int
dial_host(struct bufferevent *bev, int family, const char *host)
{
	return bufferevent_socket_connect_hostname(bev, NULL, family, host,
	    ntohs(((struct sockaddr_in *)&address)->sin_port));
}

static void
a_host_of_the_wrong_family_is_an_error(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	CHECK_INT_EQ(dial_host(bev, AF_INET6, "127.0.0.1"), 0);
	turns(2);
	CHECK_STR_EQ(trace, "e20");
	CHECK(bufferevent_socket_get_dns_error(bev) != 0);
	/* And the next one clears that. */
	CHECK_INT_EQ(dial_host(bev, AF_INET, "127.0.0.1"), 0);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	turns(3);
	CHECK_STR_EQ(trace, "e20 e80");
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
a_host_that_refuses_is_an_error_without_a_dns_error(void)
{
	int bound = listen_tcp(-1);
	struct bufferevent *bev = open_unconnected(0);
	CHECK_INT_EQ(dial_host(bev, AF_INET, "127.0.0.1"), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e20");
	CHECK_INT_EQ(event_errno, ECONNREFUSED);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	bufferevent_free(bev);
	event_base_free(base);
	close(bound);
}

static void
a_host_of_any_family_is_found(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(BEV_OPT_DEFER_CALLBACKS);
	char c = 0;
	bufferevent_write(bev, "x", 1);
	CHECK_INT_EQ(dial_host(bev, AF_UNSPEC, "127.0.0.1"), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	turns(2);
	int peer = accept(listener, NULL, NULL);
	CHECK_INT_EQ(read(peer, &c, 1), 1);
	close(peer);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
a_host_with_a_socket_of_the_program(void)
{
	int listener = listen_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bufferevent_disable(bev, EV_WRITE);
	bufferevent_setfd(bev, fd);
	CHECK_INT_EQ(dial_host(bev, AF_INET, "127.0.0.1"), 0);
	bufferevent_enable(bev, EV_WRITE);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	CHECK_INT_EQ(bufferevent_getfd(bev), fd);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static const struct evrt_test_case cases[] = {
	{ "an_abstract_unix_name", an_abstract_unix_name },
	{ "a_unix_path_that_fills_the_address", a_unix_path_that_fills_the_address },
	{ "a_unix_name_of_every_length", a_unix_name_of_every_length },
	{ "an_ipv6_address", an_ipv6_address },
	{ "what_cannot_begin_leaves_everything_as_it_was", what_cannot_begin_leaves_everything_as_it_was },
	{ "a_descriptor_of_another_family_fails_at_once", a_descriptor_of_another_family_fails_at_once },
	{ "a_connect_of_the_program_that_fails_is_told", a_connect_of_the_program_that_fails_is_told },
	{ "a_peer_that_leaves_at_once_is_told_in_order", a_peer_that_leaves_at_once_is_told_in_order },
	{ "reading_begins_in_the_connected_callback", reading_begins_in_the_connected_callback },
	{ "what_the_connected_callback_writes_is_sent", what_the_connected_callback_writes_is_sent },
	{ "another_descriptor_calls_a_connect_off", another_descriptor_calls_a_connect_off },
	{ "many_at_once_are_all_told", many_at_once_are_all_told },
	{ "no_callbacks_no_harm", no_callbacks_no_harm },
	{ "a_host_of_the_wrong_family_is_an_error", a_host_of_the_wrong_family_is_an_error },
	{ "a_host_that_refuses_is_an_error_without_a_dns_error", a_host_that_refuses_is_an_error_without_a_dns_error },
	{ "a_host_of_any_family_is_found", a_host_of_any_family_is_found },
	{ "a_host_with_a_socket_of_the_program", a_host_with_a_socket_of_the_program },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
