/* testing/unit/api/dns/server/tcp_test.c — the DNS server over TCP: framing and flow.
 *
 * Threads:  one.
 */
#include "testing/unit/api/dns/server/tcp_rig.h"

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
		{ NULL, NULL },
	};
	return evrt_test_main(argc, argv, cases);
}
