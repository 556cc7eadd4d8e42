/* testing/unit/api/dns/server/tcp_test.c — the DNS server over TCP: framing, flow, limits, ends.
 *
 * Here:     clients are bare sockets in the same thread; the loop turns while they wait.
 * Threads:  one.
 */
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "testing/contract/libevent/dns_server_rig.h"

/* The question behind its length. */
#define FRAMED "\0\x21" QUESTION
#define FRAMED_BYTES (sizeof(FRAMED) - 1)

#define PATIENCE_S 20

static struct evdns_server_request *kept[1024];
static int kept_count;
static struct sockaddr_in address;

static void
keep(struct evdns_server_request *req)
{
	kept[kept_count++] = req;
}

static void
serve_tcp(void (*with)(struct evdns_server_request *))
{
	socklen_t len = sizeof(address);

	address = loopback();
	hook = with;
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&address, sizeof(address));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&address, &len), 0);
	server_fd = evconnlistener_get_fd(lev);
	port = evdns_add_server_port_with_listener(base, lev, 0, on_request, &calls);
	CHECK(port != NULL);
}

static int
connect_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	turns(2);
	return fd;
}

static void
put(int fd, const void *bytes, size_t len)
{
	CHECK_INT_EQ(send(fd, bytes, len, MSG_NOSIGNAL), len);
	turns(4);
}

/* Up to `len` bytes, while the loop turns; fewer: the end has come. -1: reset. */
static ssize_t
take(int fd, void *bytes, size_t len)
{
	struct timeval begun, now;
	size_t have = 0;

	evutil_gettimeofday(&begun, NULL);
	while (have < len) {
		ssize_t n = recv(fd, (char *)bytes + have, len - have, MSG_DONTWAIT);
		if (n == 0)
			return (ssize_t)have;
		if (n < 0 && errno != EAGAIN)
			return -1;
		have += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
		evutil_gettimeofday(&now, NULL);
		CHECK(now.tv_sec - begun.tv_sec < PATIENCE_S);
	}
	return (ssize_t)have;
}

/* The next reply, into `reply`. False: the connection has ended. */
static bool
take_reply(int fd)
{
	unsigned char length[2];

	if (take(fd, length, 2) != 2)
		return false;
	reply_len = (size_t)length[0] << 8 | length[1];
	CHECK_INT_EQ(take(fd, reply, reply_len), reply_len);
	read_reply();
	return true;
}

static bool
has_ended(int fd)
{
	char byte;

	return take(fd, &byte, 1) == 0;
}

static bool
nothing_came(int fd)
{
	char byte;

	turns(4);
	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static void
end_tcp(bool open)
{
	if (open)
		evdns_close_server_port(port);
	turns(3);
	event_base_free(base);
}

/* --- frames ---------------------------------------------------------------------------------------- */

static void
a_question_is_answered(void)
{
	serve_tcp(add_a);
	int fd = connect_tcp();
	put(fd, FRAMED, FRAMED_BYTES);
	CHECK(take_reply(fd));
	CHECK_INT_EQ(id, 0x1234);
	CHECK_INT_EQ(record_count, 1);
	close(fd);
	end_tcp(true);
}

static void
bytes_may_come_one_by_one(void)
{
	serve_tcp(respond_empty);
	int fd = connect_tcp();
	for (size_t i = 0; i < FRAMED_BYTES; i++) {
		CHECK_INT_EQ(calls, 0);
		put(fd, &FRAMED[i], 1);
	}
	CHECK(take_reply(fd));
	close(fd);
	end_tcp(true);
}

static void
questions_may_be_pipelined_and_answered_in_any_order(void)
{
	char three[3 * FRAMED_BYTES];

	serve_tcp(keep);
	int fd = connect_tcp();
	for (int i = 0; i < 3; i++) {
		memcpy(three + (size_t)i * FRAMED_BYTES, FRAMED, FRAMED_BYTES);
		three[(size_t)i * FRAMED_BYTES + 3] = (char)i;
	}
	put(fd, three, sizeof(three));
	CHECK_INT_EQ(kept_count, 3);
	for (int i = 2; i >= 0; i--) {
		respond_empty(kept[i]);
		CHECK(take_reply(fd));
		CHECK_INT_EQ(id & 255, i);
	}
	close(fd);
	end_tcp(true);
}

static void
see_client(struct evdns_server_request *req)
{
	struct sockaddr_in sin, own;
	socklen_t len = sizeof(own);

	CHECK_INT_EQ(evdns_server_request_get_requesting_addr(req, (struct sockaddr *)&sin, sizeof(sin)), sizeof(sin));
	CHECK_INT_EQ(getsockname(client_fd, (struct sockaddr *)&own, &len), 0);
	CHECK_INT_EQ(sin.sin_port, own.sin_port);
	respond_empty(req);
}

static void
the_client_is_known(void)
{
	serve_tcp(see_client);
	client_fd = connect_tcp();
	put(client_fd, FRAMED, FRAMED_BYTES);
	CHECK(take_reply(client_fd));
	close(client_fd);
	end_tcp(true);
}

static void
add_large(struct evdns_server_request *req)
{
	static char data[60000];

	for (int i = 0; i < *(int *)hook_arg; i++)
		CHECK_INT_EQ(evdns_server_request_add_reply(req, 0, OWN_NAME, 999, 1, 1, sizeof(data), 0, data), 0);
	respond_empty(req);
}

static void
replies_are_cut_where_their_length_has_no_room(void)
{
	int n = 1;

	hook_arg = &n;
	serve_tcp(add_large);
	int fd = connect_tcp();
	put(fd, FRAMED, FRAMED_BYTES);
	CHECK(take_reply(fd));
	CHECK_INT_EQ(flags, 0x8100);
	CHECK_INT_EQ(reply_len, 33 + 12 + 60000);
	n = 2;
	put(fd, FRAMED, FRAMED_BYTES);
	CHECK(take_reply(fd));
	CHECK_INT_EQ(flags, 0x8300);
	CHECK_INT_EQ(counts[1], 1);
	close(fd);
	end_tcp(true);
}

static void
edns_sizes_are_for_udp(void)
{
	int n = 1;

	hook_arg = &n;
	serve_tcp(add_large);
	int fd = connect_tcp();
	put(fd, "\0\x2c" "\x12\x34\x01\x00\0\1\0\0\0\0\0\1" NAME A_IN "\0\0\x29\x04\xd0\0\0\0\0\0\0", 46);
	CHECK(take_reply(fd));
	CHECK_INT_EQ(flags, 0x8100);
	CHECK_INT_EQ(counts[3], 1);
	CHECK_INT_EQ(reply_len, 33 + 12 + 60000 + 11);
	close(fd);
	end_tcp(true);
}

static void
what_is_no_question_ends_the_connection(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} garbage[] = {
		{ "\0\0", 2 }, { "\0\x0b" QUESTION, 13 }, { "\0\x0c" "\0\1\1\0\0\1\0\0\0\0\0\0", 14 },
		{ "\0\x21" "\x12\x34\x81\x00\0\1\0\0\0\0\0\0" NAME A_IN, FRAMED_BYTES },
	};

	serve_tcp(keep);
	for (int i = 0; i < 4; i++) {
		int fd = connect_tcp();
		put(fd, FRAMED, FRAMED_BYTES);
		put(fd, garbage[i].bytes, garbage[i].len);
		put(fd, FRAMED, FRAMED_BYTES);
		CHECK_INT_EQ(kept_count, i + 1);
		respond_empty(kept[i]);
		CHECK(take_reply(fd));
		CHECK(take(fd, reply, 1) <= 0);
		close(fd);
	}
	end_tcp(true);
}

/* --- flow ------------------------------------------------------------------------------------------ */

static void
put_many(int fd, int count)
{
	static char many[1000 * FRAMED_BYTES];

	CHECK(count <= 1000);
	for (int i = 0; i < count; i++)
		memcpy(many + (size_t)i * FRAMED_BYTES, FRAMED, FRAMED_BYTES);
	put(fd, many, (size_t)count * FRAMED_BYTES);
}

static void
a_client_has_so_many_questions_pending_and_no_more(void)
{
	int answered = 0;

	serve_tcp(keep);
	int fd = connect_tcp();
	put_many(fd, 1000);
	CHECK_INT_EQ(kept_count, 128);
	/* No reply leaves: it is the room alone that makes it go on. */
	for (; answered < 63; answered++)
		evdns_server_request_drop(kept[answered]);
	turns(4);
	CHECK_INT_EQ(kept_count, 128);
	evdns_server_request_drop(kept[answered++]);
	turns(4);
	CHECK_INT_EQ(kept_count, 128 + 64);
	for (int came = answered; came < 1000; came++) {
		for (; answered < kept_count; answered++)
			respond_empty(kept[answered]);
		CHECK(kept_count - answered <= 128);
		CHECK(take_reply(fd));
	}
	CHECK_INT_EQ(kept_count, 1000);
	close(fd);
	end_tcp(true);
}

static void
a_client_that_does_not_read_is_not_asked_on(void)
{
	int n = 1, small = 4096;

	hook_arg = &n;
	serve_tcp(add_large);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	put_many(fd, 1000);
	turns(50);
	/* What the kernel takes, too: some megabytes. 60 MB are asked for. */
	int before = calls;
	CHECK(before < 500);
	turns(50);
	CHECK_INT_EQ(calls, before);
	for (int i = 0; i < 1000; i++)
		CHECK(take_reply(fd));
	CHECK_INT_EQ(calls, 1000);
	close(fd);
	end_tcp(true);
}

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
		CASE(a_question_is_answered),
		CASE(bytes_may_come_one_by_one),
		CASE(questions_may_be_pipelined_and_answered_in_any_order),
		CASE(the_client_is_known),
		CASE(replies_are_cut_where_their_length_has_no_room),
		CASE(edns_sizes_are_for_udp),
		CASE(what_is_no_question_ends_the_connection),
		CASE(a_client_has_so_many_questions_pending_and_no_more),
		CASE(a_client_that_does_not_read_is_not_asked_on),
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
