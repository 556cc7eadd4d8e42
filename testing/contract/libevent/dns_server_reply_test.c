/* testing/contract/libevent/dns_server_reply_test.c — a DNS server's replies: records, compression, truncation.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/dns_server_rig.h"

/* What a hook takes beside the request. */
static void *hook_arg;

/* --- records ------------------------------------------------------------------------------------- */

static void
an_address_is_a_record(void)
{
	serve(add_a);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(counts[1], 1);
	CHECK_STR_EQ(records[0].name, OWN_NAME);
	CHECK_INT_EQ(records[0].type, EVDNS_TYPE_A);
	CHECK_INT_EQ(records[0].class, EVDNS_CLASS_INET);
	CHECK_INT_EQ(records[0].ttl, 77);
	CHECK_INT_EQ(records[0].len, 4);
	CHECK_MEM_EQ(reply + records[0].data_at, "\1\2\3\4", 4);
	end(true);
}

static void
add_aaaa(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_aaaa_reply(req, OWN_NAME, 1, "0123456789abcdef", 5), 0);
	respond_empty(req);
}

static void
an_ipv6_address_is_a_record(void)
{
	serve(add_aaaa);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(records[0].type, EVDNS_TYPE_AAAA);
	CHECK_INT_EQ(records[0].len, 16);
	CHECK_MEM_EQ(reply + records[0].data_at, "0123456789abcdef", 16);
	end(true);
}

static void
add_no_addresses(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 0, "abcd", 1), -1);
	CHECK_INT_EQ(evdns_server_request_add_aaaa_reply(req, OWN_NAME, 0, "0123456789abcdef", 1), -1);
	respond_empty(req);
}

static void
no_addresses_are_refused(void)
{
	serve(add_no_addresses);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(record_count, 0);
	end(true);
}

static void
add_cname(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_cname_reply(req, OWN_NAME, "real.example.org", 9), 0);
	respond_empty(req);
}

static void
an_alias_is_a_record(void)
{
	serve(add_cname);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(records[0].type, EVDNS_TYPE_CNAME);
	CHECK_INT_EQ(records[0].ttl, 9);
	CHECK_STR_EQ(records[0].data_name, "real.example.org");
	end(true);
}

static void
add_ptr_of_address(struct evdns_server_request *req)
{
	struct in_addr in = { htonl(0x01020304) };

	CHECK_INT_EQ(evdns_server_request_add_ptr_reply(req, &in, NULL, "host.example.com", 11), 0);
	respond_empty(req);
}

static void
a_pointer_of_an_address(void)
{
	serve(add_ptr_of_address);
	CHECK(ASK(QUESTION));
	CHECK_STR_EQ(records[0].name, "4.3.2.1.in-addr.arpa");
	CHECK_INT_EQ(records[0].type, EVDNS_TYPE_PTR);
	CHECK_INT_EQ(records[0].class, EVDNS_CLASS_INET);
	CHECK_STR_EQ(records[0].data_name, "host.example.com");
	end(true);
}

static void
add_ptr_of_name(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_ptr_reply(req, NULL, "8.b.d.ip6.arpa", "six.example.com", 12), 0);
	respond_empty(req);
}

static void
a_pointer_of_a_name(void)
{
	serve(add_ptr_of_name);
	CHECK(ASK(QUESTION));
	CHECK_STR_EQ(records[0].name, "8.b.d.ip6.arpa");
	CHECK_INT_EQ(records[0].ttl, 12);
	CHECK_STR_EQ(records[0].data_name, "six.example.com");
	end(true);
}

static void
add_ptr_badly(struct evdns_server_request *req)
{
	struct in_addr in = { htonl(0x01020304) };

	CHECK_INT_EQ(evdns_server_request_add_ptr_reply(req, &in, "4.3.2.1.in-addr.arpa", "host", 1), -1);
	CHECK_INT_EQ(evdns_server_request_add_ptr_reply(req, NULL, NULL, "host", 1), -1);
	respond_empty(req);
}

static void
a_pointer_of_both_or_of_neither_is_refused(void)
{
	serve(add_ptr_badly);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(record_count, 0);
	end(true);
}

static int
add(struct evdns_server_request *req, int section, const char *name, int type, int ttl, int len, const char *data)
{
	return evdns_server_request_add_reply(req, section, name, type, EVDNS_CLASS_INET, ttl, len, 0, data);
}

static void
add_to_all_sections(struct evdns_server_request *req)
{
	CHECK_INT_EQ(add(req, EVDNS_ADDITIONAL_SECTION, "c.example", EVDNS_TYPE_TXT, 3, 4, "\3abc"), 0);
	CHECK_INT_EQ(add(req, EVDNS_AUTHORITY_SECTION, "b.example", 1, 2, 4, "bbbb"), 0);
	CHECK_INT_EQ(add(req, EVDNS_ANSWER_SECTION, "a.example", 1, 1, 4, "aaaa"), 0);
	CHECK_INT_EQ(add(req, EVDNS_AUTHORITY_SECTION, "b2.example", 1, 2, 4, "BBBB"), 0);
	respond_empty(req);
}

static void
sections_may_be_filled_in_any_order(void)
{
	static const char *const names[] = { "a.example", "b.example", "b2.example", "c.example" };

	serve(add_to_all_sections);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(counts[1], 1);
	CHECK_INT_EQ(counts[2], 2);
	CHECK_INT_EQ(counts[3], 1);
	for (int i = 0; i < 4; i++)
		CHECK_STR_EQ(records[i].name, names[i]);
	CHECK_MEM_EQ(reply + records[3].data_at, "\3abc", 4);
	end(true);
}

static void
add_in_order(struct evdns_server_request *req)
{
	for (int i = 0; i < 20; i++) {
		char data[4] = { 0, 0, 0, (char)i };
		CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 1, data, i), 0);
	}
	respond_empty(req);
}

static void
records_keep_their_order_and_data_are_copied(void)
{
	serve(add_in_order);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(record_count, 20);
	for (int i = 0; i < 20; i++) {
		CHECK_INT_EQ(records[i].ttl, i);
		CHECK_INT_EQ(reply[records[i].data_at + 3], i);
	}
	end(true);
}

static void
add_to_no_section(struct evdns_server_request *req)
{
	CHECK_INT_EQ(add(req, -1, "a.example", 1, 1, 4, "aaaa"), -1);
	CHECK_INT_EQ(add(req, 3, "a.example", 1, 1, 4, "aaaa"), -1);
	respond_empty(req);
}

static void
other_sections_are_refused(void)
{
	serve(add_to_no_section);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(record_count, 0);
	end(true);
}

static void
add_empty(struct evdns_server_request *req)
{
	CHECK_INT_EQ(add(req, EVDNS_ANSWER_SECTION, "a.example", 999, 1, 0, NULL), 0);
	respond_empty(req);
}

static void
data_may_be_empty(void)
{
	serve(add_empty);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(records[0].type, 999);
	CHECK_INT_EQ(records[0].len, 0);
	end(true);
}

static void
add_zeros(struct evdns_server_request *req)
{
	CHECK_INT_EQ(add(req, EVDNS_ANSWER_SECTION, "a.example", 999, 1, 6, "a\0b\0\0c"), 0);
	respond_empty(req);
}

static void
data_are_bytes(void)
{
	serve(add_zeros);
	CHECK(ASK(QUESTION));
	CHECK_MEM_EQ(reply + records[0].data_at, "a\0b\0\0c", 6);
	end(true);
}

static void
add_large_numbers(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 0, "a", 65535, 65534, 0x7fffffff, 1, 0, "x"), 0);
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 0, "b", 0, 0, 0, 1, 0, "x"), 0);
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 0, "c", 70000, 70001, -5, 1, 0, "x"), 0);
	respond_empty(req);
}

static void
numbers_are_cut_to_their_width(void)
{
	serve(add_large_numbers);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(records[0].type, 65535);
	CHECK_INT_EQ(records[0].class, 65534);
	CHECK_INT_EQ(records[0].ttl, 0x7fffffff);
	CHECK_INT_EQ(records[1].type + records[1].class + records[1].ttl, 0);
	CHECK_INT_EQ(records[2].type, 70000 - 65536);
	CHECK_INT_EQ(records[2].class, 70001 - 65536);
	CHECK_INT_EQ(records[2].ttl, 0xfffffffbu);
	end(true);
}

static void
add_names(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 1, "", EVDNS_TYPE_NS, 1, 1, -1, 1, "a.root-servers.net"), 0);
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 1, "dot.example.", EVDNS_TYPE_NS, 1, 1, 99, 1, "dot.net."), 0);
	CHECK_INT_EQ(evdns_server_request_add_reply(req, 1, "mail", EVDNS_TYPE_CNAME, 1, 1, 0, 1, ""), 0);
	respond_empty(req);
}

static void
names_may_be_the_root_or_end_in_a_dot(void)
{
	serve(add_names);
	CHECK(ASK(QUESTION));
	CHECK_STR_EQ(records[0].name, "");
	CHECK_STR_EQ(records[0].data_name, "a.root-servers.net");
	CHECK_STR_EQ(records[1].name, "dot.example");
	CHECK_STR_EQ(records[1].data_name, "dot.net");
	CHECK_STR_EQ(records[2].data_name, "");
	end(true);
}

/* --- compression --------------------------------------------------------------------------------- */

static void
the_owner_is_a_pointer_to_the_question(void)
{
	serve(add_a);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(number(records[0].at, 2), 0xc00c);
	CHECK_INT_EQ(reply_len, sizeof(QUESTION) - 1 + 16);
	end(true);
}

static void
add_kin(struct evdns_server_request *req)
{
	CHECK_INT_EQ(add(req, 0, "sub.www.example.com", 1, 1, 4, "aaaa"), 0);
	CHECK_INT_EQ(add(req, 0, "sub2.sub.www.example.com", 1, 1, 4, "bbbb"), 0);
	CHECK_INT_EQ(evdns_server_request_add_cname_reply(req, "x.com", "sub.www.example.com", 1), 0);
	respond_empty(req);
}

static void
ends_of_names_are_pointers(void)
{
	serve(add_kin);
	CHECK(ASK(QUESTION));
	CHECK_MEM_EQ(reply + records[0].at, "\3sub\xc0\x0c", 6);
	CHECK_MEM_EQ(reply + records[1].at, "\4sub2\xc0\x21", 7);
	CHECK_INT_EQ(number(records[2].data_at, 2), 0xc021);
	CHECK_INT_EQ(records[2].len, 2);
	CHECK_STR_EQ(records[2].data_name, "sub.www.example.com");
	end(true);
}

static void
add_other_case(struct evdns_server_request *req)
{
	CHECK_INT_EQ(add(req, 0, "wWw.ExAmple.com", 1, 1, 4, "aaaa"), 0);
	respond_empty(req);
}

static void
names_of_another_case_are_written_out(void)
{
	serve(add_other_case);
	CHECK(ASK(QUESTION));
	CHECK_STR_EQ(records[0].name, "wWw.ExAmple.com");
	CHECK_MEM_EQ(reply + records[0].at, "\3wWw\7ExAmple\xc0\x18", 14);
	end(true);
}

static void
add_txt_like_a_name(struct evdns_server_request *req)
{
	CHECK_INT_EQ(add(req, 0, OWN_NAME, EVDNS_TYPE_TXT, 1, 17, NAME), 0);
	respond_empty(req);
}

static void
data_that_are_no_name_are_not_compressed(void)
{
	serve(add_txt_like_a_name);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(records[0].len, 17);
	CHECK_MEM_EQ(reply + records[0].data_at, NAME, 17);
	end(true);
}

static void
add_to_both_questions(struct evdns_server_request *req)
{
	for (int i = 0; i < req->nquestions; i++)
		CHECK_INT_EQ(evdns_server_request_add_a_reply(req, req->questions[i]->name, 1, "abcd", 1), 0);
	respond_empty(req);
}

static void
each_of_two_questions_is_pointed_at(void)
{
	serve(add_to_both_questions);
	CHECK(ASK("\x12\x34\1\0\0\2\0\0\0\0\0\0" NAME A_IN "\3ftp\xc0\x10" A_IN));
	CHECK_INT_EQ(number(records[0].at, 2), 0xc00c);
	CHECK_INT_EQ(number(records[1].at, 2), 0xc021);
	CHECK_STR_EQ(records[1].name, "ftp.example.com");
	end(true);
}

/* --- truncation ---------------------------------------------------------------------------------- */

static void
add_many(struct evdns_server_request *req)
{
	for (int i = 0; i < *(int *)hook_arg; i++)
		CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 1, "abcd", 1), 0);
	respond_empty(req);
}

static void
what_fits_is_not_truncated(void)
{
	int n = 29; /* 33 + 29 * 16 = 497 */

	hook_arg = &n;
	serve(add_many);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags & 0x200, 0);
	CHECK_INT_EQ(record_count, 29);
	CHECK_INT_EQ(reply_len, 497);
	end(true);
}

static void
more_than_512_bytes_are_truncated(void)
{
	int n = 30;

	hook_arg = &n;
	serve(add_many);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags, 0x8300);
	CHECK(reply_len <= 512);
	CHECK_MEM_EQ(reply + 12, NAME A_IN, 21);
	end(true);
}

static void
add_exactly_512(struct evdns_server_request *req)
{
	char data[512 - 33 - 12];

	memset(data, 'x', sizeof(data));
	CHECK_INT_EQ(add(req, 0, OWN_NAME, 999, 1, sizeof(data), data), 0);
	respond_empty(req);
}

static void
exactly_512_bytes_are_not_truncated(void)
{
	serve(add_exactly_512);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags & 0x200, 0);
	CHECK_INT_EQ(reply_len, 512);
	end(true);
}

static void
add_much(struct evdns_server_request *req)
{
	static char data[60000];

	CHECK_INT_EQ(add(req, 0, OWN_NAME, 999, 1, sizeof(data), data), 0);
	respond_empty(req);
}

static void
one_large_record_is_truncated(void)
{
	serve(add_much);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags & 0x200, 0x200);
	CHECK(reply_len <= 512);
	end(true);
}

int
main(int argc, char **argv)
{
#define CASE(name) { #name, name }
	static const struct evrt_test_case cases[] = {
		CASE(an_address_is_a_record),
		CASE(an_ipv6_address_is_a_record),
		CASE(no_addresses_are_refused),
		CASE(an_alias_is_a_record),
		CASE(a_pointer_of_an_address),
		CASE(a_pointer_of_a_name),
		CASE(a_pointer_of_both_or_of_neither_is_refused),
		CASE(sections_may_be_filled_in_any_order),
		CASE(records_keep_their_order_and_data_are_copied),
		CASE(other_sections_are_refused),
		CASE(data_may_be_empty),
		CASE(data_are_bytes),
		CASE(numbers_are_cut_to_their_width),
		CASE(names_may_be_the_root_or_end_in_a_dot),
		CASE(the_owner_is_a_pointer_to_the_question),
		CASE(ends_of_names_are_pointers),
		CASE(names_of_another_case_are_written_out),
		CASE(data_that_are_no_name_are_not_compressed),
		CASE(each_of_two_questions_is_pointed_at),
		CASE(what_fits_is_not_truncated),
		CASE(more_than_512_bytes_are_truncated),
		CASE(exactly_512_bytes_are_not_truncated),
		CASE(one_large_record_is_truncated),
		{ NULL, NULL },
	};
	return evrt_test_main(argc, argv, cases);
}
