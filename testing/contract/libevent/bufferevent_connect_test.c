/* testing/contract/libevent/bufferevent_connect_test.c — socket bufferevents: connecting.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static struct sockaddr_in tcp_address;
static struct sockaddr_un unix_address;

/* A TCP socket bound to a free port of the loopback; `backlog` < 0: not listening. */
static int
bind_tcp(int backlog)
{
	socklen_t len = sizeof(tcp_address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&tcp_address, 0, sizeof(tcp_address));
	tcp_address.sin_family = AF_INET;
	tcp_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&tcp_address, sizeof(tcp_address)), 0);
	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)&tcp_address, &len), 0);
	if (backlog >= 0)
		CHECK_INT_EQ(listen(fd, backlog), 0);
	return fd;
}

static int
bind_unix(int listens)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(&unix_address, 0, sizeof(unix_address));
	unix_address.sun_family = AF_UNIX;
	/* Not in TEST_TMPDIR, which may be longer than a socket's name can be. */
	snprintf(unix_address.sun_path, sizeof(unix_address.sun_path), "/tmp/bev-%d", getpid());
	unlink(unix_address.sun_path);
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&unix_address, sizeof(unix_address)), 0);
	if (listens)
		CHECK_INT_EQ(listen(fd, 8), 0);
	return fd;
}

static void
event_and_stop(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	event_base_loopbreak(base);
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
connect_tcp(struct bufferevent *bev)
{
	return bufferevent_socket_connect(bev, (struct sockaddr *)&tcp_address, sizeof(tcp_address));
}

static void
a_tcp_connect_is_told_and_what_was_queued_is_sent(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		int listener = bind_tcp(8);
		char got[8] = "";
		struct bufferevent *bev = open_unconnected(options);
		trace[0] = '\0';
		CHECK_INT_EQ(bufferevent_write(bev, "early", 5), 0);
		CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
		CHECK_INT_EQ(connect_tcp(bev), 0);
		CHECK_STR_EQ(trace, "");
		CHECK(bufferevent_getfd(bev) >= 0);
		event_base_dispatch(base);
		CHECK_STR_EQ(trace, "e80");
		turns(3);
		int peer = accept(listener, NULL, NULL);
		CHECK_INT_EQ(read(peer, got, sizeof(got)), 5);
		CHECK_STR_EQ(got, "early");
		CHECK_INT_EQ(write(peer, "late", 4), 4);
		turns(3);
		CHECK_STR_EQ(trace, "e80 r4");
		close(peer);
		close(listener);
		bufferevent_free(bev);
	}
	event_base_free(base);
}

static void
what_the_peer_says_first_is_told_after_the_connect(void)
{
	int listener = bind_tcp(8);
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		struct bufferevent *bev = open_unconnected(options);
		bufferevent_setcb(bev, note_read, note_write, note_event, NULL);
		trace[0] = '\0';
		bufferevent_enable(bev, EV_READ);
		bufferevent_disable(bev, EV_WRITE);
		bufferevent_enable(bev, EV_WRITE);
		CHECK_INT_EQ(connect_tcp(bev), 0);
		int peer = accept(listener, NULL, NULL);
		CHECK_INT_EQ(write(peer, "220 hi", 6), 6);
		turns(4);
		CHECK_STR_EQ(trace, "e80 r6");
		close(peer);
		turns(3);
		CHECK_STR_EQ(trace, "e80 r6 e11");
		bufferevent_free(bev);
	}
	event_base_free(base);
	close(listener);
}

static void
a_refused_tcp_connect_is_an_error(void)
{
	int bound = bind_tcp(-1);
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e20");
	CHECK_INT_EQ(event_errno, ECONNREFUSED);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_READ, NULL), 0);
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), 0);
	turns(2);
	CHECK_STR_EQ(trace, "e20");
	bufferevent_free(bev);
	event_base_free(base);
	close(bound);
}

static void
a_unix_connect_is_told_by_the_loop(void)
{
	int listener = bind_unix(1);
	char c = 0;
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_write(bev, "u", 1);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&unix_address, sizeof(unix_address)), 0);
	CHECK_STR_EQ(trace, "");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	turns(2);
	int peer = accept(listener, NULL, NULL);
	CHECK_INT_EQ(read(peer, &c, 1), 1);
	CHECK_INT_EQ(c, 'u');
	unlink(unix_address.sun_path);
	bufferevent_free(bev);
	event_base_free(base);
	close(peer);
	close(listener);
}

static void
a_short_unix_address_is_enough(void)
{
	int listener = bind_unix(1);
	struct bufferevent *bev = open_unconnected(0);
	int len = (int)(offsetof(struct sockaddr_un, sun_path) + strlen(unix_address.sun_path) + 1);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&unix_address, len), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	unlink(unix_address.sun_path);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
a_refused_unix_connect_is_told_by_the_loop(void)
{
	int bound = bind_unix(0);
	struct bufferevent *bev = open_unconnected(0);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&unix_address, sizeof(unix_address)), 0);
	CHECK_STR_EQ(trace, "");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e20");
	CHECK_INT_EQ(event_errno, ECONNREFUSED);
	unlink(unix_address.sun_path);
	bufferevent_free(bev);
	event_base_free(base);
	close(bound);
}

static void
a_connect_that_cannot_begin_fails_at_once(void)
{
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	close(bind_unix(0));
	unlink(unix_address.sun_path);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&unix_address, sizeof(unix_address)), -1);
	CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, NULL, 0), -1);
	turns(2);
	CHECK_STR_EQ(trace, "");
	bufferevent_free(bev);
	event_base_free(base);
}

static void
a_socket_of_the_program_is_connected(void)
{
	int listener = bind_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_INT_EQ(bufferevent_setfd(bev, fd), 0);
	turns(1);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	CHECK_INT_EQ(bufferevent_getfd(bev), fd);
	event_base_dispatch(base);
	CHECK(strstr(trace, "e80") != NULL);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
the_programs_own_connect_is_told(void)
{
	int listener = bind_tcp(8);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct bufferevent *bev;
	base = event_base_new();
	int r = connect(fd, (struct sockaddr *)&tcp_address, sizeof(tcp_address));
	CHECK(r == 0 || errno == EINPROGRESS);
	bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, note_read, NULL, event_and_stop, NULL);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, NULL, 0), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
a_host_is_looked_up_and_connected(void)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	int listener = bind_tcp(8);
	for (int i = 0; i < 2; i++) {
		struct bufferevent *bev = open_unconnected(0);
		trace[0] = '\0';
		CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, hosts[i],
		    ntohs(tcp_address.sin_port)), 0);
		CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
		event_base_dispatch(base);
		CHECK_STR_EQ(trace, "e80");
		bufferevent_free(bev);
	}
	event_base_free(base);
	close(listener);
}

static void
an_unknown_host_is_an_error(void)
{
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "256.0.0.x.invalid", 80), 0);
	turns(2);
	CHECK_STR_EQ(trace, "e20");
	CHECK(bufferevent_socket_get_dns_error(bev) != 0);
	bufferevent_free(bev);
	event_base_free(base);
}

static void
senseless_names_are_refused(void)
{
	struct bufferevent *bev = open_unconnected(0);
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_UNIX, "127.0.0.1", 80), -1);
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", 0), -1);
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", -1), -1);
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", 65536), -1);
	CHECK_STR_EQ(trace, "");
	bufferevent_free(bev);
	event_base_free(base);
}

static void
disabling_writing_does_not_hide_the_outcome(void)
{
	int listener = bind_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	CHECK_INT_EQ(bufferevent_write(bev, "x", 1), 0);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	CHECK_INT_EQ(bufferevent_disable(bev, EV_WRITE), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	turns(2);
	/* But nothing is sent. */
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 1);
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), 0);
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

/* A listener whose queue is full: further connects are neither accepted nor refused. */
static int
bind_full(int fill[8])
{
	int listener = bind_tcp(0);

	for (int i = 0; i < 8; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&tcp_address, sizeof(tcp_address));
	}
	return listener;
}

static void
a_connect_that_hangs_meets_the_write_timeout(void)
{
	int fill[8];
	int listener = bind_full(fill);
	struct bufferevent *bev = open_unconnected(0);
	struct timeval tv = ms(60);
	struct timespec start;
	bufferevent_set_timeouts(bev, NULL, &tv);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e42");
	CHECK(elapsed_ms(&start) >= 50);
	bufferevent_free(bev);
	event_base_free(base);
	for (int i = 0; i < 8; i++)
		close(fill[i]);
	close(listener);
}

static void
a_connect_that_hangs_meets_the_read_timeout_if_reading_is_enabled(void)
{
	int fill[8];
	int listener = bind_full(fill);
	struct bufferevent *bev = open_unconnected(0);
	struct timeval tv = ms(60);
	bufferevent_set_timeouts(bev, &tv, NULL);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41");
	bufferevent_free(bev);
	event_base_free(base);
	for (int i = 0; i < 8; i++)
		close(fill[i]);
	close(listener);
}

static void
a_second_connect_is_refused_and_the_first_goes_on(void)
{
	int fill[8];
	int listener = bind_full(fill);
	struct bufferevent *bev = open_unconnected(0);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	turns(1);
	CHECK_INT_EQ(connect_tcp(bev), -1); /* EALREADY */
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), EV_WRITE);
	/* Room in the queue lets the client's next try through. */
	for (int i = 0; i < 8; i++)
		close(fill[i]);
	for (int fd; (fd = accept(listener, NULL, NULL)) >= 0 && !trace[0];) {
		close(fd);
		fcntl(listener, F_SETFL, O_NONBLOCK);
		turns(1);
	}
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e80");
	bufferevent_free(bev);
	event_base_free(base);
	close(listener);
}

static void
free_in_event(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	bufferevent_free(bev);
}

static void
free_in_the_connect_callback(void)
{
	int listener = bind_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	bufferevent_setcb(bev, note_read, note_write, free_in_event, NULL);
	bufferevent_write(bev, "x", 1);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "e80");
	event_base_free(base);
	close(listener);
}

static void
free_while_connecting(void)
{
	int listener = bind_tcp(8);
	struct bufferevent *bev = open_unconnected(0);
	CHECK_INT_EQ(connect_tcp(bev), 0);
	bufferevent_free(bev);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "");
	event_base_free(base);
	close(listener);
}

static const struct evrt_test_case cases[] = {
	{ "a_tcp_connect_is_told_and_what_was_queued_is_sent", a_tcp_connect_is_told_and_what_was_queued_is_sent },
	{ "what_the_peer_says_first_is_told_after_the_connect",
	    what_the_peer_says_first_is_told_after_the_connect },
	{ "a_refused_tcp_connect_is_an_error", a_refused_tcp_connect_is_an_error },
	{ "a_unix_connect_is_told_by_the_loop", a_unix_connect_is_told_by_the_loop },
	{ "a_short_unix_address_is_enough", a_short_unix_address_is_enough },
	{ "a_refused_unix_connect_is_told_by_the_loop", a_refused_unix_connect_is_told_by_the_loop },
	{ "a_connect_that_cannot_begin_fails_at_once", a_connect_that_cannot_begin_fails_at_once },
	{ "a_socket_of_the_program_is_connected", a_socket_of_the_program_is_connected },
	{ "the_programs_own_connect_is_told", the_programs_own_connect_is_told },
	{ "a_host_is_looked_up_and_connected", a_host_is_looked_up_and_connected },
	{ "an_unknown_host_is_an_error", an_unknown_host_is_an_error },
	{ "senseless_names_are_refused", senseless_names_are_refused },
	{ "a_connect_that_hangs_meets_the_write_timeout", a_connect_that_hangs_meets_the_write_timeout },
	{ "a_connect_that_hangs_meets_the_read_timeout_if_reading_is_enabled",
	    a_connect_that_hangs_meets_the_read_timeout_if_reading_is_enabled },
	{ "a_second_connect_is_refused_and_the_first_goes_on", a_second_connect_is_refused_and_the_first_goes_on },
	{ "disabling_writing_does_not_hide_the_outcome", disabling_writing_does_not_hide_the_outcome },
	{ "free_in_the_connect_callback", free_in_the_connect_callback },
	{ "free_while_connecting", free_while_connecting },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
