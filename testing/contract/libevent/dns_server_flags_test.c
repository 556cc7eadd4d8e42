/* testing/contract/libevent/dns_server_flags_test.c — a DNS server's replies: flags and response codes.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/dns_server_rig.h"

static void
see_flags_0110(struct evdns_server_request *req)
{
	CHECK_INT_EQ(req->flags, 0x0110);
	respond_empty(req);
}

static void
recursion_desired_and_checking_disabled_are_kept(void)
{
	serve(see_flags_0110);
	CHECK(ASK("\x12\x34\x07\xff\0\1\0\0\0\0\0\0" NAME A_IN));
	CHECK_INT_EQ(flags, 0x8110);
	end(true);
}

static void
see_no_flags(struct evdns_server_request *req)
{
	CHECK_INT_EQ(req->flags, 0);
	respond_empty(req);
}

static void
other_flags_are_not_kept(void)
{
	serve(see_no_flags);
	CHECK(ASK("\x12\x34\x06\xef\0\1\0\0\0\0\0\0" NAME A_IN));
	CHECK_INT_EQ(flags, 0x8000);
	end(true);
}

static void
set_aa(struct evdns_server_request *req)
{
	evdns_server_request_set_flags(req, EVDNS_FLAGS_AA);
	CHECK_INT_EQ(req->flags, 0x0500);
	respond_empty(req);
}

static void
authoritative_is_set_beside_what_was_asked(void)
{
	serve(set_aa);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags, 0x8500);
	end(true);
}

static void
set_both(struct evdns_server_request *req)
{
	evdns_server_request_set_flags(req, EVDNS_FLAGS_AA | EVDNS_FLAGS_RD);
	respond_empty(req);
}

static void
both_flags_are_set(void)
{
	serve(set_both);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags, 0x8580);
	end(true);
}

static void
set_and_unset(struct evdns_server_request *req)
{
	evdns_server_request_set_flags(req, EVDNS_FLAGS_AA);
	evdns_server_request_set_flags(req, EVDNS_FLAGS_RD);
	CHECK_INT_EQ(req->flags, 0x0180);
	evdns_server_request_set_flags(req, 0);
	CHECK_INT_EQ(req->flags, 0x0100);
	respond_empty(req);
}

static void
flags_replace_those_set_before(void)
{
	serve(set_and_unset);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags, 0x8100);
	end(true);
}

static void
set_other(struct evdns_server_request *req)
{
	evdns_server_request_set_flags(req, 0x0020);
	respond_empty(req);
}

static void
other_flags_can_be_set(void)
{
	serve(set_other);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags, 0x8120);
	end(true);
}

static void
write_flags(struct evdns_server_request *req)
{
	req->flags = EVDNS_FLAGS_AA;
	respond_empty(req);
}

static void
the_field_itself_may_be_written(void)
{
	serve(write_flags);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags, 0x8400);
	end(true);
}

static int code;

static void
respond_with_code(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_respond(req, code), 0);
}

static void
codes_from_0_to_15_are_sent(void)
{
	serve(respond_with_code);
	for (; code <= 15; code++) {
		CHECK(ASK(QUESTION));
		CHECK_INT_EQ(flags, 0x8100 | code);
	}
	end(true);
}

static void
respond_badly_then_well(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_respond(req, 16), -1);
	CHECK_INT_EQ(evdns_server_request_respond(req, -1), -1);
	CHECK_INT_EQ(evdns_server_request_respond(req, 255), -1);
	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 1, "abcd", 1), 0);
	CHECK_INT_EQ(evdns_server_request_respond(req, 2), 0);
}

static void
other_codes_fail_and_the_request_stays(void)
{
	serve(respond_badly_then_well);
	CHECK(ASK(QUESTION));
	CHECK_INT_EQ(flags, 0x8102);
	CHECK_INT_EQ(record_count, 1);
	end(true);
}

int
main(int argc, char **argv)
{
#define CASE(name) { #name, name }
	static const struct evrt_test_case cases[] = {
		CASE(recursion_desired_and_checking_disabled_are_kept),
		CASE(other_flags_are_not_kept),
		CASE(authoritative_is_set_beside_what_was_asked),
		CASE(both_flags_are_set),
		CASE(flags_replace_those_set_before),
		CASE(other_flags_can_be_set),
		CASE(the_field_itself_may_be_written),
		CASE(codes_from_0_to_15_are_sent),
		CASE(other_codes_fail_and_the_request_stays),
		{ NULL, NULL },
	};
	return evrt_test_main(argc, argv, cases);
}
