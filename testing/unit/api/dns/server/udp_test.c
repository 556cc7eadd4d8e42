/* testing/unit/api/dns/server/udp_test.c — the DNS server over UDP, where it is more than libevent's.
 *
 * Not here: what both do (testing/contract/libevent/dns_server_test.c and dns_server_reply_test.c).
 * Threads:  one.
 */
#include <event2/dns_compat.h>
#include <event2/event_compat.h>
#include <sys/un.h>

#include "testing/contract/libevent/dns_server_rig.h"

/* What a hook takes beside the request. */
static void *hook_arg;

#define HEAD_EDNS "\x12\x34\x01\x00\0\1\0\0\0\0\0\1"
/* An OPT record: its class is a size. */
#define OPT(size, rest) "\0\0\x29" size rest
#define NO_FLAGS "\0\0\0\0\0\0"

/* --- what is asked ------------------------------------------------------------------------------- */

static void
never(struct evdns_server_request *req)
{
	(void)req;
	CHECK(!"called");
}

static void
short_datagrams_are_ignored(void)
{
	serve(never);
	for (size_t len = 0; len < 12; len++)
		CHECK(!ask_once(QUESTION, len));
	hook = respond_empty;
	CHECK(ASK_ONCE(QUESTION));
	end(true);
}

static void
broken_records_are_ignored(void)
{
	serve(never);
	CHECK(!ASK_ONCE("\x12\x34\1\0\0\1\0\1\0\0\0\0" NAME A_IN "\xc0\x0c\0\1\0\1\0\0\0\0\0\xff"));
	CHECK(!ASK_ONCE(HEAD_EDNS NAME A_IN));
	CHECK(!ASK_ONCE("\x12\x34\x01\x00\0\1\0\0\0\0\0\2" NAME A_IN OPT("\x10\0", NO_FLAGS) OPT("\x10\0", NO_FLAGS)));
	end(true);
}

static void
other_opcodes_are_not_implemented(void)
{
	unsigned char question[sizeof(QUESTION) - 1];

	serve(never);
	memcpy(question, QUESTION, sizeof(question));
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		question[2] = (unsigned char)(opcode << 3 | 1);
		CHECK(ask_once(question, sizeof(question)));
		CHECK_INT_EQ(flags, 0x8100 | opcode << 11 | 4);
		CHECK_INT_EQ(counts[0], 1);
	}
	end(true);
}

static void
see_count(struct evdns_server_request *req)
{
	CHECK_INT_EQ(req->nquestions, 64);
	CHECK_STR_EQ(req->questions[63]->name, "x.www.example.com");
	respond_empty(req);
}

/* Each but the first is a label and a pointer. */
static size_t
make_questions(unsigned char *message, unsigned count)
{
	size_t len = sizeof(QUESTION) - 1;

	memcpy(message, QUESTION, len);
	message[5] = (unsigned char)count;
	for (unsigned i = 1; i < count; i++, len += 8)
		memcpy(message + len, "\1x\xc0\x0c\0\1\0\1", 8);
	return len;
}

static void
more_than_64_questions_are_ignored(void)
{
	unsigned char message[1024];

	serve(see_count);
	CHECK(!ask_once(message, make_questions(message, 65)));
	CHECK_INT_EQ(calls, 0);
	CHECK(ask_once(message, make_questions(message, 64)));
	/* What they need, compressed anew, is less than what they came in. */
	CHECK_INT_EQ(counts[0], 64);
	end(true);
}

static void
add_its_own_name(struct evdns_server_request *req)
{
	CHECK_STR_EQ(req->questions[0]->name, hook_arg);
	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, req->questions[0]->name, 1, "abcd", 1), 0);
	CHECK_INT_EQ(evdns_server_request_add_cname_reply(req, "x", req->questions[0]->name, 1), 0);
	respond_empty(req);
}

static void
dots_and_zeros_within_labels_survive(void)
{
	serve(add_its_own_name);
	hook_arg = "a\\.b.\\\\c.d\\000e.com";
	CHECK(ASK(HEAD "\3a.b\2\\c\3d\0e\3com\0" A_IN));
	CHECK_INT_EQ(number(records[0].at, 2), 0xc00c);
	CHECK_INT_EQ(number(records[1].data_at, 2), 0xc00c);
	end(true);
}

/* --- records ------------------------------------------------------------------------------------- */

static void
add_three(struct evdns_server_request *req)
{
	char six[32] = "0123456789abcdefFEDCBA9876543210";

	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 3, "aaaabbbbcccc", 1), 0);
	CHECK_INT_EQ(evdns_server_request_add_aaaa_reply(req, OWN_NAME, 2, six, 1), 0);
	respond_empty(req);
}

static void
each_address_is_a_record(void)
{
	serve(add_three);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(record_count, 5);
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(records[i].len, 4);
		CHECK_INT_EQ(reply[records[i].data_at], 'a' + i);
	}
	CHECK_INT_EQ(records[4].len, 16);
	CHECK_INT_EQ(reply[records[4].data_at], 'F');
	end(true);
}

static void
refused(int result)
{
	CHECK_INT_EQ(result, -1);
	CHECK_INT_EQ(errno, EINVAL);
}

static void
add_badly(struct evdns_server_request *req)
{
	char label[65], name[400] = "";
	int n = 0;

	memset(label, 'a', 64);
	label[64] = 0;
	while (n < 60)
		memcpy(name + 5 * n++, "abcd.", 6);
	const char *const bad[] = { label, name, "a..b", ".a", "a\\", "a\\25", "a\\256" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(evdns_server_request_add_reply(req, 0, bad[i], 1, 1, 1, 4, 0, "aaaa"));
		refused(evdns_server_request_add_reply(req, 0, "a", 5, 1, 1, 4, 1, bad[i]));
		refused(evdns_server_request_add_a_reply(req, bad[i], 2, "aaaabbbb", 1));
	}
	refused(evdns_server_request_add_reply(req, 0, "a", 1, 1, 1, -1, 0, "aaaa"));
	refused(evdns_server_request_add_reply(req, 0, "a", 1, 1, 1, 65536, 0, name));
	refused(evdns_server_request_add_reply(req, 0, "a", 1, 1, 1, 4, 0, NULL));
	refused(evdns_server_request_add_reply(req, 0, "a", 5, 1, 1, 4, 1, NULL));
	refused(evdns_server_request_add_reply(req, 0, NULL, 1, 1, 1, 4, 0, "aaaa"));
	refused(evdns_server_request_add_a_reply(req, "a", -1, "aaaa", 1));
	respond_empty(req);
}

static void
bad_arguments_are_refused_when_they_are_given(void)
{
	serve(add_badly);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(record_count, 0);
	CHECK_INT_EQ(flags, 0x8100);
	end(true);
}

static void
add_srv(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 0, OWN_NAME, 33, 1, 1, 0, 1, OWN_NAME), 0);
	respond_empty(req);
}

/* RFC 3597: types later than RFC 1035 have names written out. */
static void
names_in_newer_types_are_not_compressed(void)
{
	serve(add_srv);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(records[0].len, sizeof(NAME) - 1);
	end(true);
}

static void
set_all_flags(struct evdns_server_request *req)
{
	evdns_server_request_set_flags(req, 0xffff);
	respond_empty(req);
}

static void
opcode_and_response_bit_are_not_the_programs(void)
{
	serve(set_all_flags);
	CHECK_INT_EQ(send(client_fd, QUESTION, sizeof(QUESTION) - 1, 0), sizeof(QUESTION) - 1);
	turns(3);
	CHECK_INT_EQ(recv(client_fd, reply, sizeof(reply), MSG_DONTWAIT), sizeof(QUESTION) - 1);
	CHECK_MEM_EQ(reply + 2, "\x87\xff", 2);
	end(true);
}

/* --- sizes --------------------------------------------------------------------------------------- */

static void
add_300(struct evdns_server_request *req)
{
	for (int i = 0; i < 300; i++)
		CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 1, "abcd", 1), 0);
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 2, OWN_NAME, 1, 1, 1, 4, 0, "efgh"), 0);
	respond_empty(req);
}

/* As many answers of 16 bytes as fit into `size`; then, with EDNS, the server's OPT record. */
static void
is_cut_at(size_t size, bool edns)
{
	unsigned fit = (unsigned)((size - 33 - (edns ? 11 : 0)) / 16);

	CHECK_INT_EQ(flags, 0x8300);
	CHECK_INT_EQ(counts[1], fit);
	CHECK_INT_EQ(counts[3], edns);
	CHECK_INT_EQ(reply_len, 33 + 16 * fit + (edns ? 11 : 0));
	if (edns)
		CHECK_MEM_EQ(reply + reply_len - 11, OPT("\x10\0", "\0\0\0\0\0\0"), 11);
}

static void
a_reply_is_cut_between_records(void)
{
	serve(add_300);
	CHECK(ASK(QUESTION));
	is_cut_at(512, false);
	end(true);
}

static void
the_clients_size_is_honoured(void)
{
	serve(add_300);
	CHECK(ASK(HEAD_EDNS NAME A_IN OPT("\x04\xd0", NO_FLAGS)));
	is_cut_at(1232, true);
	CHECK(ASK(HEAD_EDNS NAME A_IN OPT("\x10\0", NO_FLAGS)));
	is_cut_at(4096, true);
	CHECK(ASK(HEAD_EDNS NAME A_IN OPT("\xff\xff", NO_FLAGS)));
	is_cut_at(4096, true);
	CHECK(ASK(HEAD_EDNS NAME A_IN OPT("\0\x64", NO_FLAGS)));
	is_cut_at(512, true);
	end(true);
}

static void
edns_is_answered_with_edns(void)
{
	serve(respond_empty);
	CHECK(ASK(HEAD_EDNS NAME A_IN OPT("\x04\xd0", "\0\0\x80\0\0\0")));
	CHECK_INT_EQ(flags, 0x8100);
	CHECK_INT_EQ(counts[3], 1);
	CHECK_MEM_EQ(reply + reply_len - 11, OPT("\x10\0", "\0\0\x80\0\0\0"), 11);
	CHECK(ASK(HEAD_EDNS NAME A_IN OPT("\x04\xd0", "\0\0\0\0\0\4\0\3\0\0")));
	CHECK_MEM_EQ(reply + reply_len - 11, OPT("\x10\0", NO_FLAGS), 11);
	end(true);
}

static void
later_versions_of_edns_are_refused(void)
{
	serve(never);
	CHECK(ASK(HEAD_EDNS NAME A_IN OPT("\x04\xd0", "\0\1\0\0\0\0")));
	CHECK_INT_EQ(flags & 15, 0);
	/* The code is 16: its upper bits are in the OPT record. */
	CHECK_MEM_EQ(reply + reply_len - 11, OPT("\x10\0", "\1\0\0\0\0\0"), 11);
	end(true);
}

/* --- sockets ------------------------------------------------------------------------------------- */

static void
a_reply_leaves_from_where_the_question_arrived(void)
{
	struct sockaddr_in sin = loopback();
	socklen_t len = sizeof(sin);

	hook = respond_empty;
	base = event_base_new();
	sin.sin_addr.s_addr = htonl(INADDR_ANY);
	port = evdns_add_server_port_with_base(base, bound_socket(&sin), 0, on_request, &calls);
	CHECK(port != NULL);
	/* A connected client takes nothing from another address than this one. */
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_INT_EQ(connect(client_fd, (struct sockaddr *)&sin, len), 0);
	CHECK(ASK_ONCE(QUESTION));
	end(true);
}

static void
not_made(struct event_base *on, int fd, int its_flags, evdns_request_callback_fn_type cb, int error)
{
	CHECK_PTR_EQ(evdns_add_server_port_with_base(on, fd, its_flags, cb, NULL), NULL);
	CHECK_INT_EQ(errno, error);
}

static void
a_port_that_is_not_made_leaves_the_socket(void)
{
	struct sockaddr_in sin = loopback();
	int fd = bound_socket(&sin), stream = socket(AF_INET, SOCK_STREAM, 0);

	base = event_base_new();
	not_made(NULL, fd, 0, on_request, EINVAL);
	not_made(base, fd, 0, NULL, EINVAL);
	not_made(base, fd, 8, on_request, EINVAL);
	not_made(base, -1, 0, on_request, EBADF);
	not_made(base, stream, 0, on_request, EPROTOTYPE);
	CHECK_INT_EQ(close(fd), 0);
	CHECK_INT_EQ(close(stream), 0);
	event_base_free(base);
}

static void
options_are_for_tcp(void)
{
	serve(respond_empty);
	refused(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_MAX_CLIENTS, 1));
	refused(evdns_server_port_set_option(port, EVDNS_SOPT_TCP_IDLE_TIMEOUT, 1));
	end(true);
}

static void
the_global_base_serves_too(void)
{
	struct sockaddr_in sin = loopback();

	hook = respond_empty;
	base = event_init();
	port = evdns_add_server_port(bound_socket(&sin), 0, on_request, &calls);
	CHECK(port != NULL);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_INT_EQ(connect(client_fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	CHECK(ASK_ONCE(QUESTION));
	end(true);
}

static struct evdns_server_request *kept;

static void
keep(struct evdns_server_request *req)
{
	CHECK_PTR_EQ(kept, NULL);
	kept = req;
}

static void
a_closed_port_asks_nobody_and_keeps_no_loop_running(void)
{
	serve(keep);
	CHECK(!ASK_ONCE(QUESTION));
	evdns_close_server_port(port);
	CHECK(!ASK_ONCE(QUESTION));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 1);
	respond_empty(kept);
	CHECK(receive());
	end(false);
}

static int refusals;

static void
respond_or_count(struct evdns_server_request *req)
{
	if (evdns_server_request_respond(req, 0) < 0) {
		CHECK_INT_EQ(errno, ENOBUFS);
		refusals++;
	}
}

/* A socket of a local name, in a room where nothing of it is left. */
static int
local_socket(struct sockaddr_un *sun, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1, "dns-%s-%ld", name, (long)getpid());
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)sun, sizeof(*sun)), 0);
	return fd;
}

/* On AF_UNIX the kernel has room for few packets that a client has not read: so replies must wait. */
static void
replies_wait_for_room_up_to_a_bound(void)
{
	struct sockaddr_un server, client;
	const int asked = 2000;
	int came = 0;

	hook = respond_or_count;
	base = event_base_new();
	port = evdns_add_server_port_with_base(base, local_socket(&server, "server"), 0, on_request, &calls);
	CHECK(port != NULL);
	client_fd = local_socket(&client, "client");
	CHECK_INT_EQ(connect(client_fd, (struct sockaddr *)&server, sizeof(server)), 0);
	while (calls < asked) {
		(void)send(client_fd, QUESTION, sizeof(QUESTION) - 1, 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	CHECK(refusals > 0 && refusals < asked - 1024);
	/* Room is looked for every 10 ms. */
	while (came < calls - refusals) {
		event_base_loop(base, EVLOOP_ONCE);
		while (receive())
			came++;
	}
	CHECK(!receive());
	end(true);
}

int
main(int argc, char **argv)
{
#define CASE(name) { #name, name }
	static const struct evrt_test_case cases[] = {
		CASE(short_datagrams_are_ignored),
		CASE(broken_records_are_ignored),
		CASE(other_opcodes_are_not_implemented),
		CASE(more_than_64_questions_are_ignored),
		CASE(dots_and_zeros_within_labels_survive),
		CASE(each_address_is_a_record),
		CASE(bad_arguments_are_refused_when_they_are_given),
		CASE(names_in_newer_types_are_not_compressed),
		CASE(opcode_and_response_bit_are_not_the_programs),
		CASE(a_reply_is_cut_between_records),
		CASE(the_clients_size_is_honoured),
		CASE(edns_is_answered_with_edns),
		CASE(later_versions_of_edns_are_refused),
		CASE(a_reply_leaves_from_where_the_question_arrived),
		CASE(a_port_that_is_not_made_leaves_the_socket),
		CASE(options_are_for_tcp),
		CASE(the_global_base_serves_too),
		CASE(a_closed_port_asks_nobody_and_keeps_no_loop_running),
		CASE(replies_wait_for_room_up_to_a_bound),
		{ NULL, NULL },
	};
	return evrt_test_main(argc, argv, cases);
}
