/* testing/contract/libevent/listener_life_test.c — the life of a listener: callbacks, switching, freeing.
 *
 * Here:     what may be done in the callbacks, and what holds afterwards.
 * Not here: options (listener_options_test.c), errors (listener_error_test.c), threads (listener_threads_test.c).
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "testing/contract/libevent/listener_rig.h"

#define CLIENTS 6
static int clients[CLIENTS];

static void
connect_all(struct evconnlistener *lev)
{
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = connect_to(lev);
}

static void
close_clients(void)
{
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
}

static unsigned
port_of(int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	return sin.sin_port;
}

static unsigned
peer_port_of(int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	CHECK_INT_EQ(getpeername(fd, (struct sockaddr *)&sin, &len), 0);
	return sin.sin_port;
}

/* Whether the other side has ended. */
static bool
has_ended(int fd)
{
	char c;
	ssize_t n = read(fd, &c, 1);

	return n == 0 || (n < 0 && errno != EAGAIN); /* or connect_to has lost its patience */
}

/* --- callbacks ------------------------------------------------------------------------------------------ */

static void
connections_come_in_order(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	connect_all(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		CHECK_INT_EQ(peer_port_of(accepted[i]), port_of(clients[i]));
	close_clients();
	close_all(lev);
}

static void
one_turn_takes_all_that_wait(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	connect_all(lev);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(accepted_count, CLIENTS);
	close_clients();
	close_all(lev);
}

static void
an_argument_of_null(void)
{
	struct sockaddr_in sin = loopback();
	base = event_base_new();
	last_arg = &base;
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));
	int fd = connect_to(lev);
	turns(2);
	CHECK_PTR_EQ(last_arg, NULL);
	close(fd);
	close_all(lev);
}

static void
what_was_sent_already_can_be_read(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	char got[8];
	int fd = connect_to(lev);
	CHECK_INT_EQ(write(fd, "early", 5), 5);
	turns(2);
	CHECK_INT_EQ(read(accepted[0], got, sizeof(got)), 5);
	close(fd);
	close_all(lev);
}

static void
a_peer_that_has_gone(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	evconnlistener_set_error_cb(lev, count_error);
	close(connect_to(lev));
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(errors, 0);
	CHECK(has_ended(accepted[0]));
	close_all(lev);
}

static void
a_peer_that_has_reset(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	evconnlistener_set_error_cb(lev, count_error);
	int fd = connect_to(lev);
	CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
	fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(errors, 0);
	CHECK_INT_EQ(peer_port_of(accepted[accepted_count - 1]), port_of(fd));
	close(fd);
	close_all(lev);
}

static void
close_at_once(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)lev;
	(void)addr;
	(void)len;
	(void)arg;
	close(fd);
	last_len++;
}

static void
sockets_are_the_callbacks_to_close(void)
{
	struct evconnlistener *lev = listen_tcp(close_at_once, 0);
	connect_all(lev);
	turns(2);
	CHECK_INT_EQ(last_len, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		CHECK(has_ended(clients[i]));
	close_clients();
	close_all(lev);
}

static void
keep_other(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	errors = 100; /* "other" was here */
}

static void
a_callback_is_replaced(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	int first = connect_to(lev), other;
	turns(2);
	CHECK_PTR_EQ(last_arg, &base);
	evconnlistener_set_cb(lev, keep_other, &other);
	int second = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(errors, 100);
	CHECK_PTR_EQ(last_arg, &other);
	close(first);
	close(second);
	close_all(lev);
}

static void
keep_and_replace(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	evconnlistener_set_cb(lev, close_at_once, NULL);
}

static void
a_callback_replaces_itself_at_once(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_replace, 0);
	connect_all(lev);
	last_len = 0;
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(last_len, (int)sizeof(struct sockaddr_in) + CLIENTS - 1);
	close_clients();
	close_all(lev);
}

static void
keep_and_take_away(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	evconnlistener_set_cb(lev, NULL, NULL);
}

static void
a_callback_takes_itself_away(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_take_away, 0);
	connect_all(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	for (int i = 1; i < CLIENTS; i++)
		CHECK(has_ended(clients[i]));
	/* And comes back. */
	evconnlistener_set_cb(lev, keep, NULL);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 2);
	close(fd);
	close_clients();
	close_all(lev);
}

/* --- switching -------------------------------------------------------------------------------------------- */

static void
without_a_callback_it_keeps_no_loop_alive(void)
{
	struct evconnlistener *lev = listen_tcp(NULL, 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	evconnlistener_set_cb(lev, keep, NULL);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	close_all(lev);
}

static void
disabled_and_without_a_callback(void)
{
	struct evconnlistener *lev = listen_tcp(NULL, LEV_OPT_DISABLED);
	int fd = connect_to(lev);
	evconnlistener_set_cb(lev, keep, NULL);
	turns(2);
	CHECK_INT_EQ(accepted_count, 0);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(fd);
	close_all(lev);
}

static void
a_new_callback_does_not_enable(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	evconnlistener_set_cb(lev, keep_other, NULL);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 0);
	close(fd);
	close_all(lev);
}

static void
enabling_and_disabling_twice(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	close(fd);
	close_all(lev);
}

static void
connections_wait_in_the_kernel(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	connect_all(lev); /* no client sees a difference */
	turns(2);
	CHECK_INT_EQ(accepted_count, 0);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, CLIENTS);
	close_clients();
	close_all(lev);
}

static void
keep_and_switch(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	CHECK_INT_EQ(evconnlistener_disable(lev), 0);
	CHECK_INT_EQ(evconnlistener_enable(lev), 0);
}

static void
off_and_on_in_the_callback(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_switch, 0);
	connect_all(lev);
	turns(2 * CLIENTS);
	CHECK_INT_EQ(accepted_count, CLIENTS);
	close_clients();
	close_all(lev);
}

static struct evconnlistener *other_listener;

static void
keep_and_disable_the_other(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	if (other_listener != lev)
		evconnlistener_disable(other_listener);
}

static void
one_disables_the_other(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_disable_the_other, 0);
	other_listener = listen_tcp(keep, 0);
	int first = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	int second = connect_to(other_listener);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(first);
	close(second);
	evconnlistener_free(other_listener);
	close_all(lev);
}

static void
two_on_one_base(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0), *second = listen_tcp(keep_other, 0);
	int a = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(errors, 0);
	int b = connect_to(second);
	turns(2);
	CHECK_INT_EQ(errors, 100);
	CHECK_INT_EQ(accepted_count, 2);
	close(a);
	close(b);
	evconnlistener_free(second);
	close_all(lev);
}

/* --- the loop ------------------------------------------------------------------------------------------------ */

static void
an_enabled_one_keeps_the_loop_running(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	struct timeval soon = { 0, 20000 };
	CHECK_INT_EQ(event_base_loopexit(base, &soon), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_exit(base));
	close_all(lev);
}

static void
keep_and_break(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	event_base_loopbreak(base);
}

static void
breaking_the_loop_in_the_callback(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_break, 0);
	connect_all(lev);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_break(base));
	CHECK_INT_EQ(accepted_count, CLIENTS); /* one event has brought all of them */
	close_clients();
	close_all(lev);
}

static void
echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static struct bufferevent *served;

static void
serve(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)addr;
	(void)len;
	(void)arg;
	served = bufferevent_socket_new(evconnlistener_get_base(lev), fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(served, echo, NULL, NULL, NULL);
	bufferevent_enable(served, EV_READ | EV_WRITE);
}

static void
a_connection_is_given_to_a_bufferevent(void)
{
	struct evconnlistener *lev = listen_tcp(serve, 0);
	char got[8];
	int fd = connect_to(lev);
	CHECK_INT_EQ(write(fd, "hello", 5), 5);
	turns(5);
	CHECK_INT_EQ(read(fd, got, sizeof(got)), 5);
	bufferevent_free(served);
	close(fd);
	close_all(lev);
}

/* --- freeing -------------------------------------------------------------------------------------------------- */

static void
freed_before_it_was_run(void)
{
	struct evconnlistener *lev = listen_tcp(keep, 0);
	connect_all(lev);
	evconnlistener_free(lev);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(accepted_count, 0);
	for (int i = 0; i < CLIENTS; i++)
		CHECK(has_ended(clients[i]));
	close_clients();
	close_all(NULL);
}

static void
freed_while_disabled(void)
{
	struct evconnlistener *lev = listen_tcp(keep, LEV_OPT_DISABLED);
	evconnlistener_free(lev);
	evconnlistener_free(listen_tcp(NULL, 0));
	evconnlistener_free(listen_tcp(NULL, LEV_OPT_DISABLED));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	close_all(NULL);
}

static void
keep_and_free(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	evconnlistener_free(lev);
}

static void
free_in_the_callback_ends_the_others(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_free, 0);
	connect_all(lev);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(accepted_count, 1);
	for (int i = 1; i < CLIENTS; i++)
		CHECK(has_ended(clients[i]));
	close_clients();
	close_all(NULL);
}

static void
free_in_the_callback_leaves_the_socket_open(void)
{
	struct sockaddr_in sin = loopback();
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep_and_free, NULL, 0, -1, (struct sockaddr *)&sin,
	    sizeof(sin));
	int fd = evconnlistener_get_fd(lev);
	connect_all(lev);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(accepted_count, 1);
	/* Another one takes over, and the connections that still wait. */
	lev = evconnlistener_new(base, keep, NULL, LEV_OPT_CLOSE_ON_FREE, 0, fd);
	turns(2);
	CHECK_INT_EQ(accepted_count, CLIENTS);
	close_clients();
	close_all(lev);
}

static struct evconnlistener *successor;

static void
keep_and_succeed(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	keep(lev, fd, addr, len, arg);
	evconnlistener_free(lev);
	successor = listen_tcp(keep, 0);
}

static void
free_in_the_callback_and_make_another(void)
{
	struct evconnlistener *lev = listen_tcp(keep_and_succeed, 0);
	int first = connect_to(lev);
	turns(2);
	CHECK(successor != NULL);
	int second = connect_to(successor);
	turns(2);
	CHECK_INT_EQ(accepted_count, 2);
	close(first);
	close(second);
	close_all(successor);
}

static const struct evrt_test_case cases[] = {
	{ "connections_come_in_order", connections_come_in_order },
	{ "one_turn_takes_all_that_wait", one_turn_takes_all_that_wait },
	{ "an_argument_of_null", an_argument_of_null },
	{ "what_was_sent_already_can_be_read", what_was_sent_already_can_be_read },
	{ "a_peer_that_has_gone", a_peer_that_has_gone },
	{ "a_peer_that_has_reset", a_peer_that_has_reset },
	{ "sockets_are_the_callbacks_to_close", sockets_are_the_callbacks_to_close },
	{ "a_callback_is_replaced", a_callback_is_replaced },
	{ "a_callback_replaces_itself_at_once", a_callback_replaces_itself_at_once },
	{ "a_callback_takes_itself_away", a_callback_takes_itself_away },
	{ "without_a_callback_it_keeps_no_loop_alive", without_a_callback_it_keeps_no_loop_alive },
	{ "disabled_and_without_a_callback", disabled_and_without_a_callback },
	{ "a_new_callback_does_not_enable", a_new_callback_does_not_enable },
	{ "enabling_and_disabling_twice", enabling_and_disabling_twice },
	{ "connections_wait_in_the_kernel", connections_wait_in_the_kernel },
	{ "off_and_on_in_the_callback", off_and_on_in_the_callback },
	{ "one_disables_the_other", one_disables_the_other },
	{ "two_on_one_base", two_on_one_base },
	{ "an_enabled_one_keeps_the_loop_running", an_enabled_one_keeps_the_loop_running },
	{ "breaking_the_loop_in_the_callback", breaking_the_loop_in_the_callback },
	{ "a_connection_is_given_to_a_bufferevent", a_connection_is_given_to_a_bufferevent },
	{ "freed_before_it_was_run", freed_before_it_was_run },
	{ "freed_while_disabled", freed_while_disabled },
	{ "free_in_the_callback_ends_the_others", free_in_the_callback_ends_the_others },
	{ "free_in_the_callback_leaves_the_socket_open", free_in_the_callback_leaves_the_socket_open },
	{ "free_in_the_callback_and_make_another", free_in_the_callback_and_make_another },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
