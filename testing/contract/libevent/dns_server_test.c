/* testing/contract/libevent/dns_server_test.c — what a DNS server is told of questions, and its life, over UDP.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only. What only evrt does (TCP, EDNS, several
 * addresses in one call, NOTIMP) is in testing/unit/api/dns/server.
 */
#include "testing/contract/libevent/dns_server_rig.h"

/* --- what is asked ------------------------------------------------------------------------------- */

static void
see_question(struct evdns_server_request *req)
{
	CHECK_INT_EQ(req->nquestions, 1);
	CHECK_STR_EQ(req->questions[0]->name, OWN_NAME);
	CHECK_INT_EQ(req->questions[0]->type, EVDNS_TYPE_A);
	CHECK_INT_EQ(req->questions[0]->dns_question_class, EVDNS_CLASS_INET);
	respond_empty(req);
}

static void
a_question_arrives(void)
{
	serve(see_question);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(calls, 1);
	end(true);
}

static void
an_empty_reply_repeats_the_question(void)
{
	serve(respond_empty);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(id, 0x1234);
	CHECK_INT_EQ(counts[0], 1);
	CHECK_INT_EQ(counts[1] + counts[2] + counts[3], 0);
	CHECK_INT_EQ(reply_len, sizeof(QUESTION) - 1);
	CHECK_MEM_EQ(reply + 12, QUESTION + 12, reply_len - 12);
	end(true);
}

static void
see_case(struct evdns_server_request *req)
{
	CHECK_STR_EQ(req->questions[0]->name, "WwW.ExAmple.CoM");
	respond_empty(req);
}

static void
letters_keep_their_case(void)
{
	serve(see_case);
	CHECK(ASK(HEAD "\3WwW\7ExAmple\3CoM\0" A_IN));
	CHECK_MEM_EQ(reply + 12, "\3WwW\7ExAmple\3CoM", 17);
	end(true);
}

static void
see_root(struct evdns_server_request *req)
{
	CHECK_STR_EQ(req->questions[0]->name, "");
	CHECK_INT_EQ(req->questions[0]->type, EVDNS_TYPE_NS);
	respond_empty(req);
}

static void
the_root_is_an_empty_name(void)
{
	serve(see_root);
	CHECK(ASK(HEAD "\0\0\2\0\1"));
	CHECK_INT_EQ(reply_len, 17);
	end(true);
}

static void
see_type_and_class(struct evdns_server_request *req)
{
	CHECK_INT_EQ(req->questions[0]->type, 0xfffe);
	CHECK_INT_EQ(req->questions[0]->dns_question_class, 0x8003);
	respond_empty(req);
}

static void
type_and_class_are_any_numbers(void)
{
	serve(see_type_and_class);
	CHECK(ASK(HEAD NAME "\xff\xfe\x80\3"));
	CHECK_MEM_EQ(reply + reply_len - 4, "\xff\xfe\x80\3", 4);
	end(true);
}

static void
see_two(struct evdns_server_request *req)
{
	CHECK_INT_EQ(req->nquestions, 2);
	CHECK_STR_EQ(req->questions[0]->name, OWN_NAME);
	CHECK_STR_EQ(req->questions[1]->name, "ftp.example.com");
	CHECK_INT_EQ(req->questions[1]->type, EVDNS_TYPE_AAAA);
	CHECK_INT_EQ(req->questions[1]->dns_question_class, 3);
	respond_empty(req);
}

static void
two_questions_arrive_together(void)
{
	char name[256];

	serve(see_two);
	CHECK(ASK("\x12\x34\1\0\0\2\0\0\0\0\0\0" NAME A_IN "\3ftp\xc0\x10\0\x1c\0\3"));
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(counts[0], 2);
	CHECK_INT_EQ(read_name(33, name), 39);
	CHECK_STR_EQ(name, "ftp.example.com");
	end(true);
}

static void
see_utf8(struct evdns_server_request *req)
{
	CHECK_STR_EQ(req->questions[0]->name, "_a b.m\303\274nchen");
	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, req->questions[0]->name, 1, "abcd", 1), 0);
	respond_empty(req);
}

static void
bytes_of_a_name_are_not_changed(void)
{
	serve(see_utf8);
	CHECK(ASK(HEAD "\4_a b\x8m\303\274nchen\0" A_IN));
	CHECK_STR_EQ(records[0].name, "_a b.m\303\274nchen");
	end(true);
}

static void
bytes_behind_the_questions_are_ignored(void)
{
	serve(see_question);
	CHECK(ASK(QUESTION "garbage"));
	CHECK_INT_EQ(reply_len, sizeof(QUESTION) - 1);
	end(true);
}

static void
records_in_the_question_are_ignored(void)
{
	serve(see_question);
	CHECK(ASK("\x12\x34\1\0\0\1\0\1\0\0\0\0" NAME A_IN "\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd"));
	CHECK_INT_EQ(counts[1], 0);
	end(true);
}

static void
many_questions_arrive_in_order(void)
{
	unsigned char question[sizeof(QUESTION) - 1];
	bool answered[100] = { false };
	int left = 100;

	serve(respond_empty);
	memcpy(question, QUESTION, sizeof(question));
	for (int tries = 0, last = -1; tries < TRIES && left; tries++, last = -1) {
		for (unsigned i = 0; i < 100; i++) {
			question[1] = (unsigned char)i;
			if (!answered[i])
				CHECK_INT_EQ(send(client_fd, question, sizeof(question), 0), sizeof(question));
		}
		turns(8);
		for (; receive(); left--) {
			CHECK((int)(id & 255) > last);
			last = (int)(id & 255);
			answered[last] = true;
		}
	}
	CHECK_INT_EQ(left, 0);
	CHECK_INT_EQ(calls, 100);
	end(true);
}

/* --- what is not answered -------------------------------------------------------------------------- */

static const struct {
	const char *bytes;
	size_t len;
} broken[] = {
#define BROKEN(bytes) { bytes, sizeof(bytes) - 1 }
	BROKEN("\x12\x34\x81\0\0\1\0\0\0\0\0\0" NAME A_IN),                /* a response */
	BROKEN("\x12\x34\1\0\0\0\0\0\0\0\0\0"),                            /* no question */
	BROKEN(HEAD "\3www\7examp"),                                       /* ends in a label */
	BROKEN(HEAD "\3www"),                                              /* … before the root */
	BROKEN(HEAD NAME "\0\1\0"),                                        /* … in the class */
	BROKEN(HEAD NAME "\0\1"),
	BROKEN("\x12\x34\1\0\0\2\0\0\0\0\0\0" NAME A_IN),                  /* one question of two */
	BROKEN(HEAD "\xc0\x0c" A_IN),                                      /* a name that is itself */
	BROKEN(HEAD "\1a\xc0\x0c" A_IN),                                   /* … or contains itself */
	BROKEN(HEAD "\xc0\xff" A_IN),                                      /* a pointer to behind the end */
	BROKEN(HEAD "\x41www\0" A_IN),                                     /* a label of an unknown kind */
	BROKEN(HEAD "\x81www\0" A_IN),
#undef BROKEN
};

static void
what_is_broken_is_ignored(void)
{
	serve(see_question);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		CHECK(!ask_once(broken[i].bytes, broken[i].len));
	CHECK_INT_EQ(calls, 0);
	CHECK(ASK(QUESTION));
	end(true);
}

static void
names_of_more_than_255_octets_are_ignored(void)
{
	unsigned char question[12 + 5 * 64 + 5];

	serve(respond_empty);
	memset(question, 'a', sizeof(question));
	memcpy(question, HEAD, 12);
	for (int i = 0; i < 5; i++)
		question[12 + 64 * i] = 63;
	memcpy(question + sizeof(question) - 5, "\0\0\1\0\1", 5);
	CHECK(!ask_once(question, sizeof(question)));
	CHECK_INT_EQ(calls, 0);
	end(true);
}

/* --- who asked ------------------------------------------------------------------------------------ */

static void
see_addresses(struct evdns_server_request *req)
{
	struct sockaddr_in sin, own;
	struct sockaddr_storage room;
	socklen_t own_len = sizeof(own);

	CHECK_INT_EQ(getsockname(client_fd, (struct sockaddr *)&own, &own_len), 0);
	for (int len = -1; len < (int)sizeof(sin); len++)
		CHECK_INT_EQ(evdns_server_request_get_requesting_addr(req, (struct sockaddr *)&room, len), -1);
	CHECK_INT_EQ(evdns_server_request_get_requesting_addr(req, (struct sockaddr *)&sin, sizeof(sin)), sizeof(sin));
	CHECK_INT_EQ(sin.sin_family, AF_INET);
	CHECK_INT_EQ(sin.sin_port, own.sin_port);
	CHECK_INT_EQ(sin.sin_addr.s_addr, own.sin_addr.s_addr);
	CHECK_INT_EQ(evdns_server_request_get_requesting_addr(req, (struct sockaddr *)&room, sizeof(room)), sizeof(sin));
	respond_empty(req);
}

static void
the_requesting_address_needs_room(void)
{
	serve(see_addresses);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(calls, 1);
	end(true);
}

/* --- drop, later, close ----------------------------------------------------------------------------- */

static struct evdns_server_request *kept[8];
static int kept_count;

static void
keep(struct evdns_server_request *req)
{
	kept[kept_count++] = req;
}

/* Asks until it is kept. */
static void
ask_and_keep(unsigned char last_of_id)
{
	unsigned char question[sizeof(QUESTION) - 1];
	int before = kept_count;

	memcpy(question, QUESTION, sizeof(question));
	question[1] = last_of_id;
	for (int i = 0; i < TRIES && kept_count == before; i++)
		CHECK(!ask_once(question, sizeof(question)));
	CHECK_INT_EQ(kept_count, before + 1);
}

static void
drop(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 1, "abcd", 1), 0);
	CHECK_INT_EQ(evdns_server_request_drop(req), 0);
}

static void
a_dropped_request_is_not_answered(void)
{
	serve(drop);
	for (int i = 0; i < TRIES && calls == 0; i++)
		CHECK(!ASK_ONCE(QUESTION));
	CHECK_INT_EQ(calls, 1);
	hook = respond_empty;
	CHECK(ASK(QUESTION));
	end(true);
}

static void
requests_may_be_answered_later_in_any_order(void)
{
	serve(keep);
	for (unsigned char i = 1; i <= 3; i++)
		ask_and_keep(i);
	add_a(kept[2]);
	turns(1);
	CHECK(receive());
	CHECK_INT_EQ(id & 255, 3);
	CHECK_INT_EQ(evdns_server_request_drop(kept[0]), 0);
	respond_empty(kept[1]);
	turns(1);
	CHECK(receive());
	CHECK_INT_EQ(id & 255, 2);
	CHECK(!receive());
	end(true);
}

static void
a_port_that_is_closed_closes_its_socket(void)
{
	serve(respond_empty);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	evdns_close_server_port(port);
	CHECK_INT_EQ(fcntl(server_fd, F_GETFD), -1);
	turns(1);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	end(false);
}

static void
a_request_may_be_answered_after_the_port_is_closed(void)
{
	serve(keep);
	ask_and_keep(1);
	evdns_close_server_port(port);
	CHECK(fcntl(server_fd, F_GETFD) >= 0);
	add_a(kept[0]);
	turns(1);
	CHECK(receive());
	CHECK_INT_EQ(record_count, 1);
	CHECK_INT_EQ(fcntl(server_fd, F_GETFD), -1);
	end(false);
}

static void
a_request_may_be_dropped_after_the_port_is_closed(void)
{
	serve(keep);
	ask_and_keep(1);
	ask_and_keep(2);
	evdns_close_server_port(port);
	CHECK_INT_EQ(evdns_server_request_drop(kept[1]), 0);
	CHECK(fcntl(server_fd, F_GETFD) >= 0);
	CHECK_INT_EQ(evdns_server_request_drop(kept[0]), 0);
	CHECK_INT_EQ(fcntl(server_fd, F_GETFD), -1);
	end(false);
}

static void
close_then_respond(struct evdns_server_request *req)
{
	evdns_close_server_port(port);
	add_a(req);
}

static void
a_port_may_be_closed_in_its_callback(void)
{
	serve(close_then_respond);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(record_count, 1);
	CHECK_INT_EQ(fcntl(server_fd, F_GETFD), -1);
	CHECK(!ASK(QUESTION));
	CHECK_INT_EQ(calls, 1);
	end(false);
}

static void
a_port_of_bad_arguments_is_not_made(void)
{
	struct sockaddr_in sin = loopback();
	int fd = bound_socket(&sin);

	base = event_base_new();
	CHECK_PTR_EQ(evdns_add_server_port_with_base(base, fd, 1, on_request, NULL), NULL);
	CHECK(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	event_base_free(base);
}

static void
two_ports_on_one_base(void)
{
	struct sockaddr_in sin = loopback();
	int first_client;
	struct evdns_server_port *other;

	serve(see_question);
	first_client = client_fd;
	other = evdns_add_server_port_with_base(base, bound_socket(&sin), 0, on_request, &calls);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_INT_EQ(connect(client_fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	CHECK(ASK(QUESTION));
	evdns_close_server_port(other);
	close(client_fd);
	client_fd = first_client;
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(calls, 2);
	end(true);
}

int
main(int argc, char **argv)
{
#define CASE(name) { #name, name }
	static const struct evrt_test_case cases[] = {
		CASE(a_question_arrives),
		CASE(an_empty_reply_repeats_the_question),
		CASE(letters_keep_their_case),
		CASE(the_root_is_an_empty_name),
		CASE(type_and_class_are_any_numbers),
		CASE(two_questions_arrive_together),
		CASE(bytes_of_a_name_are_not_changed),
		CASE(bytes_behind_the_questions_are_ignored),
		CASE(records_in_the_question_are_ignored),
		CASE(many_questions_arrive_in_order),
		CASE(what_is_broken_is_ignored),
		CASE(names_of_more_than_255_octets_are_ignored),
		CASE(the_requesting_address_needs_room),
		CASE(a_dropped_request_is_not_answered),
		CASE(requests_may_be_answered_later_in_any_order),
		CASE(a_port_that_is_closed_closes_its_socket),
		CASE(a_request_may_be_answered_after_the_port_is_closed),
		CASE(a_request_may_be_dropped_after_the_port_is_closed),
		CASE(a_port_may_be_closed_in_its_callback),
		CASE(a_port_of_bad_arguments_is_not_made),
		CASE(two_ports_on_one_base),
		{ NULL, NULL },
	};
	return evrt_test_main(argc, argv, cases);
}
