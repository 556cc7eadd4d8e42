/* testing/unit/api/dns/server/tcp_life_test.c — the DNS server over TCP: limits, and how connections and ports end.
 *
 * Threads:  one.
 */
#include "testing/unit/api/dns/server/tcp_rig.h"

/* --- limits ---------------------------------------------------------------------------------------- */

static void
who_is_silent_for_longest_makes_room(void)
{
	int fds[4];

	serve_tcp(respond_empty);
	CHECK_INT_EQ(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_MAX_CLIENTS, 2), 0);
	fds[0] = connect_tcp();
	fds[1] = connect_tcp();
	put(fds[0], FRAMED, FRAMED_BYTES);
	fds[2] = connect_tcp();
	CHECK(has_ended(fds[1]));
	CHECK(take_reply(fds[0]));
	CHECK(nothing_came(fds[0]));
	fds[3] = connect_tcp();
	CHECK(has_ended(fds[0]));
	put(fds[3], FRAMED, FRAMED_BYTES);
	CHECK(take_reply(fds[3]));
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	end_tcp(true);
}

static void
where_all_wait_a_new_one_is_refused(void)
{
	serve_tcp(keep);
	CHECK_INT_EQ(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_MAX_CLIENTS, 1), 0);
	int fd = connect_tcp();
	put(fd, FRAMED, FRAMED_BYTES);
	int refused = connect_tcp();
	CHECK(has_ended(refused));
	respond_empty(kept[0]);
	CHECK(take_reply(fd));
	close(fd);
	turns(3);
	/* The first has gone; its place is free. */
	fd = connect_tcp();
	CHECK(nothing_came(fd));
	close(fd);
	close(refused);
	end_tcp(true);
}

static void
bad_options_are_refused(void)
{
	serve_tcp(respond_empty);
	CHECK_INT_EQ(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_MAX_CLIENTS, 0), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_IDLE_TIMEOUT, 0), -1);
	CHECK_INT_EQ(evdns_server_port_set_option(port, (enum evdns_server_option)7, 1), -1);
	end_tcp(true);
}

static void
break_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(base);
}

/* Turns the loop for so long. */
static void
wait_ms(int ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, break_loop, NULL, &tv), 0);
	event_base_dispatch(base);
}

/* Single bytes do not prolong it; a question does. */
static void
idle_connections_are_closed(void)
{
	serve_tcp(respond_empty);
	CHECK_INT_EQ(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_IDLE_TIMEOUT, 1), 0);
	int slow = connect_tcp(), busy = connect_tcp();
	put(slow, FRAMED, 1);
	wait_ms(700);
	CHECK(nothing_came(slow));
	put(slow, FRAMED + 1, 1);
	put(busy, FRAMED, FRAMED_BYTES);
	CHECK(take_reply(busy));
	wait_ms(600);
	CHECK_INT_EQ(take(slow, reply, 1), 0);
	CHECK(nothing_came(busy));
	CHECK(has_ended(busy));
	close(slow);
	close(busy);
	end_tcp(true);
}

static void
who_waits_for_an_answer_is_not_idle(void)
{
	serve_tcp(keep);
	CHECK_INT_EQ(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_IDLE_TIMEOUT, 1), 0);
	int fd = connect_tcp();
	put(fd, FRAMED, FRAMED_BYTES);
	wait_ms(2200);
	CHECK(nothing_came(fd));
	respond_empty(kept[0]);
	CHECK(take_reply(fd));
	close(fd);
	end_tcp(true);
}

/* --- ends ------------------------------------------------------------------------------------------ */

static void
a_client_that_has_asked_all_is_still_answered(void)
{
	serve_tcp(keep);
	int fd = connect_tcp();
	put_many(fd, 2);
	CHECK_INT_EQ(shutdown(fd, SHUT_WR), 0);
	turns(4);
	respond_empty(kept[0]);
	CHECK(take_reply(fd));
	CHECK(nothing_came(fd));
	CHECK_INT_EQ(evdns_server_request_drop(kept[1]), 0);
	CHECK(has_ended(fd));
	close(fd);
	end_tcp(true);
}

static void
more_than_may_be_pending_is_answered_after_the_clients_end(void)
{
	int answered = 0;

	serve_tcp(keep);
	int fd = connect_tcp();
	put_many(fd, 300);
	CHECK_INT_EQ(shutdown(fd, SHUT_WR), 0);
	turns(4);
	for (int came = 0; came < 300; came++) {
		for (; answered < kept_count; answered++)
			respond_empty(kept[answered]);
		CHECK(take_reply(fd));
	}
	CHECK(has_ended(fd));
	close(fd);
	end_tcp(true);
}

static void
half_a_question_and_an_end_are_nothing(void)
{
	serve_tcp(respond_empty);
	int fd = connect_tcp();
	put(fd, FRAMED, 20);
	CHECK_INT_EQ(shutdown(fd, SHUT_WR), 0);
	CHECK(has_ended(fd));
	CHECK_INT_EQ(calls, 0);
	close(fd);
	end_tcp(true);
}

static void
a_reply_to_a_client_that_is_gone_fails(void)
{
	const struct linger at_once = { 1, 0 };

	serve_tcp(keep);
	int fd = connect_tcp();
	put_many(fd, 2);
	CHECK_INT_EQ(kept_count, 2);
	CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
	turns(4);
	CHECK_INT_EQ(evdns_server_request_respond(kept[0], 0), -1);
	CHECK_INT_EQ(errno, EPIPE);
	CHECK_INT_EQ(evdns_server_request_drop(kept[1]), 0);
	end_tcp(true);
}

static void
closing_ends_all_but_those_who_wait(void)
{
	serve_tcp(keep);
	int idle = connect_tcp(), waits = connect_tcp();
	put(waits, FRAMED, FRAMED_BYTES);
	evdns_close_server_port(port);
	CHECK_INT_EQ(fcntl(server_fd, F_GETFD), -1);
	CHECK(has_ended(idle));
	CHECK(nothing_came(waits));
	put(waits, FRAMED, FRAMED_BYTES);
	CHECK_INT_EQ(kept_count, 1);
	add_a(kept[0]);
	CHECK(take_reply(waits));
	CHECK_INT_EQ(record_count, 1);
	CHECK(take(waits, reply, 1) <= 0);
	close(idle);
	close(waits);
	end_tcp(false);
}

static void
close_and_respond(struct evdns_server_request *req)
{
	evdns_close_server_port(port);
	respond_empty(req);
}

static void
a_port_may_be_closed_in_its_callback(void)
{
	serve_tcp(close_and_respond);
	int fd = connect_tcp();
	put_many(fd, 3);
	CHECK(take_reply(fd));
	CHECK(take(fd, reply, 1) <= 0);
	CHECK_INT_EQ(calls, 1);
	close(fd);
	end_tcp(false);
}

/* Connections that have not heard of it yet, one that was not even accepted: all goes with the base. */
static void
a_base_may_be_freed_right_after_its_port_is_closed(void)
{
	serve_tcp(respond_empty);
	int fd = connect_tcp(), late = socket(AF_INET, SOCK_STREAM, 0);
	put(fd, FRAMED, FRAMED_BYTES);
	put(fd, FRAMED, 10);
	CHECK_INT_EQ(connect(late, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_INT_EQ(send(fd, FRAMED, FRAMED_BYTES, 0), FRAMED_BYTES);
	evdns_close_server_port(port);
	event_base_free(base);
	close(fd);
	close(late);
}

/* Replies that the client does not read. */
static void
a_base_may_be_freed_while_connections_are_open(void)
{
	int n = 20;

	hook_arg = &n;
	serve_tcp(add_large);
	int fd = connect_tcp(), idle = connect_tcp();
	put_many(fd, 100);
	evdns_close_server_port(port);
	turns(20);
	event_base_free(base);
	close(fd);
	close(idle);
}

static void
a_port_that_is_not_made_leaves_the_listener(void)
{
	address = loopback();
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&address, sizeof(address));
	CHECK_PTR_EQ(evdns_add_server_port_with_listener(base, lev, 1, on_request, NULL), NULL);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_PTR_EQ(evdns_add_server_port_with_listener(base, lev, 0, NULL, NULL), NULL);
	CHECK_PTR_EQ(evdns_add_server_port_with_listener(NULL, lev, 0, on_request, NULL), NULL);
	CHECK_PTR_EQ(evdns_add_server_port_with_listener(base, NULL, 0, on_request, NULL), NULL);
	evconnlistener_free(lev);
	event_base_free(base);
}

int
main(int argc, char **argv)
{
#define CASE(name) { #name, name }
	static const struct evrt_test_case cases[] = {
		CASE(who_is_silent_for_longest_makes_room),
		CASE(where_all_wait_a_new_one_is_refused),
		CASE(bad_options_are_refused),
		CASE(idle_connections_are_closed),
		CASE(who_waits_for_an_answer_is_not_idle),
		CASE(a_client_that_has_asked_all_is_still_answered),
		CASE(more_than_may_be_pending_is_answered_after_the_clients_end),
		CASE(half_a_question_and_an_end_are_nothing),
		CASE(a_reply_to_a_client_that_is_gone_fails),
		CASE(closing_ends_all_but_those_who_wait),
		CASE(a_port_may_be_closed_in_its_callback),
		CASE(a_base_may_be_freed_right_after_its_port_is_closed),
		CASE(a_base_may_be_freed_while_connections_are_open),
		CASE(a_port_that_is_not_made_leaves_the_listener),
		{ NULL, NULL },
	};
	return evrt_test_main(argc, argv, cases);
}
