/* testing/unit/api/dns/wire_rdata_test.c — the RDATA of every known type, both ways, and malformed. */
#include "api/dns/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(s) s, sizeof(s) - 1
#define SPAN(s) {(const uint8_t *)(s), sizeof(s) - 1}

static const uint8_t owner[] = "\7example\3com";

/* A response with one record of `rdata`, whose owner is example.com at 12. Returns its length. */
static size_t
message_with(uint8_t *out, uint16_t type, const void *rdata, size_t len)
{
	struct evrt_dns_writer w;
	struct evrt_dns_entry entry = {EVRT_DNS_SECTION_ADDITIONAL, type, EVRT_DNS_CLASS_IN, 60, owner};

	if (type == EVRT_DNS_TYPE_OPT)
		entry.name = (const uint8_t *)"";
	CHECK_INT_EQ(evrt__dns_writer_begin(&w, out, EVRT_DNS_UDP_BYTES, 1, EVRT_DNS_FLAG_QR), 0);
	CHECK_INT_EQ(evrt__dns_writer_record(&w, &entry, rdata, len), 0);
	return evrt__dns_writer_finish(&w);
}

/* What the only record of a message is read as. The spans of `rdata` are of no use afterwards: the message was read
 * in a block of its exact size. */
static int
read_only_record(const uint8_t *message, size_t len, struct evrt_dns_rdata *rdata)
{
	uint8_t *copy = malloc(len);
	struct evrt_dns_walk walk = {0};
	struct evrt_dns_record record;
	struct evrt_dns_msg msg;

	CHECK(copy != NULL);
	memcpy(copy, message, len);
	int result = evrt__dns_parse(&msg, copy, len);
	if (result == 0) {
		CHECK(evrt__dns_record_next(&msg, &walk, &record));
		result = evrt__dns_rdata_read(&msg, &record, rdata);
	}
	free(copy);
	return result;
}

/* Each type's RDATA as octets and taken apart. */
static const struct {
	const char *bytes;
	size_t len;
	struct evrt_dns_rdata rdata;
	bool any_end;                        /* cut or lengthened it may be well-formed, too */
} forms[] = {
	{BYTES("\x7f\0\0\1"), {EVRT_DNS_TYPE_A, .a = {127, 0, 0, 1}}, false},
	{BYTES("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
		{EVRT_DNS_TYPE_AAAA, .aaaa = {0x20, 1, 0xd, 0xb8, [15] = 1}}, false},
	{BYTES("\1a\0"), {EVRT_DNS_TYPE_CNAME, .name = "\1a"}, false},
	{BYTES("\1a\0"), {EVRT_DNS_TYPE_PTR, .name = "\1a"}, false},
	{BYTES("\0"), {EVRT_DNS_TYPE_NS, .name = ""}, false},
	{BYTES("\0\x0a\4mail\1x\0"), {EVRT_DNS_TYPE_MX, .mx = {10, "\4mail\1x"}}, false},
	{BYTES("\2ns\1x\0\2me\1y\0\1\2\3\4\0\0\x0e\x10\0\0\2\x58\xff\xff\xff\xff\0\0\0\x3c"), {EVRT_DNS_TYPE_SOA,
		.soa = {0x01020304, 3600, 600, 0xffffffff, 60, "\2ns\1x", "\2me\1y"}}, false},
	{BYTES("\0\1\xff\xff\0\x50\3web\1x\0"), {EVRT_DNS_TYPE_SRV, .srv = {1, 65535, 80, "\3web\1x"}}, false},
	{BYTES("\5v=one\0\3two"), {EVRT_DNS_TYPE_TXT, .txt = SPAN("\5v=one\0\3two")}, true},
	{BYTES("\x80\5issueca.example"), {EVRT_DNS_TYPE_CAA, .caa = {0x80, SPAN("issue"), SPAN("ca.example")}}, true},
	{BYTES("\0\1\3svc\1x\0\0\1\0\3\2h2\0\3\0\2\x1f\x90"), {EVRT_DNS_TYPE_SVCB,
		.svcb = {1, SPAN("\0\1\0\3\2h2\0\3\0\2\x1f\x90"), "\3svc\1x"}}, true},
	{BYTES("\0\0\1x\0"), {EVRT_DNS_TYPE_HTTPS, .svcb = {0, SPAN(""), "\1x"}}, true},
	{BYTES("\0\x0a\0\2hi"), {EVRT_DNS_TYPE_OPT, .options = SPAN("\0\x0a\0\2hi")}, true},
};

static void
spans_must_be_equal(struct evrt_dns_span a, struct evrt_dns_span b)
{
	CHECK_INT_EQ(a.len, b.len);
	CHECK_MEM_EQ(a.bytes, b.bytes, b.len);
}

static void
names_must_be_equal(const uint8_t *a, const uint8_t *b)
{
	CHECK(evrt__dns_name_equal_exactly(a, b));
}

static void
soa_must_be_equal(const struct evrt_dns_rdata *a, const struct evrt_dns_rdata *b)
{
	names_must_be_equal(a->soa.mname, b->soa.mname);
	names_must_be_equal(a->soa.rname, b->soa.rname);
	CHECK_INT_EQ(a->soa.serial, b->soa.serial);
	CHECK_INT_EQ(a->soa.refresh, b->soa.refresh);
	CHECK_INT_EQ(a->soa.retry, b->soa.retry);
	CHECK_INT_EQ(a->soa.expire, b->soa.expire);
	CHECK_INT_EQ(a->soa.minimum, b->soa.minimum);
}

static void
rdata_must_be_equal(const struct evrt_dns_rdata *a, const struct evrt_dns_rdata *b)
{
	CHECK_INT_EQ(a->type, b->type);
	switch (a->type) {
	case EVRT_DNS_TYPE_A:
		CHECK_MEM_EQ(a->a, b->a, 4);
		break;
	case EVRT_DNS_TYPE_AAAA:
		CHECK_MEM_EQ(a->aaaa, b->aaaa, 16);
		break;
	case EVRT_DNS_TYPE_CNAME: case EVRT_DNS_TYPE_PTR: case EVRT_DNS_TYPE_NS:
		names_must_be_equal(a->name, b->name);
		break;
	case EVRT_DNS_TYPE_MX:
		CHECK_INT_EQ(a->mx.preference, b->mx.preference);
		names_must_be_equal(a->mx.exchange, b->mx.exchange);
		break;
	case EVRT_DNS_TYPE_SOA:
		soa_must_be_equal(a, b);
		break;
	case EVRT_DNS_TYPE_SRV:
		CHECK_INT_EQ(a->srv.priority, b->srv.priority);
		CHECK_INT_EQ(a->srv.weight, b->srv.weight);
		CHECK_INT_EQ(a->srv.port, b->srv.port);
		names_must_be_equal(a->srv.target, b->srv.target);
		break;
	case EVRT_DNS_TYPE_TXT:
		spans_must_be_equal(a->txt, b->txt);
		break;
	case EVRT_DNS_TYPE_CAA:
		CHECK_INT_EQ(a->caa.flags, b->caa.flags);
		spans_must_be_equal(a->caa.tag, b->caa.tag);
		spans_must_be_equal(a->caa.value, b->caa.value);
		break;
	case EVRT_DNS_TYPE_SVCB: case EVRT_DNS_TYPE_HTTPS:
		CHECK_INT_EQ(a->svcb.priority, b->svcb.priority);
		spans_must_be_equal(a->svcb.params, b->svcb.params);
		names_must_be_equal(a->svcb.target, b->svcb.target);
		break;
	case EVRT_DNS_TYPE_OPT:
		spans_must_be_equal(a->options, b->options);
		break;
	default:
		CHECK(false);
	}
}

static void
every_type_is_read_and_written(void)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		uint8_t by_octets[EVRT_DNS_UDP_BYTES], by_form[EVRT_DNS_UDP_BYTES];
		size_t len = message_with(by_octets, forms[i].rdata.type, forms[i].bytes, forms[i].len);
		struct evrt_dns_entry entry = {EVRT_DNS_SECTION_ADDITIONAL, 0, EVRT_DNS_CLASS_IN, 60, owner};
		struct evrt_dns_walk walk = {0};
		struct evrt_dns_record record;
		struct evrt_dns_rdata rdata;
		struct evrt_dns_writer w;
		struct evrt_dns_msg msg;

		CHECK_INT_EQ(evrt__dns_parse(&msg, by_octets, len), 0);
		CHECK(evrt__dns_record_next(&msg, &walk, &record));
		CHECK_INT_EQ(evrt__dns_rdata_read(&msg, &record, &rdata), 0);
		rdata_must_be_equal(&rdata, &forms[i].rdata);

		if (rdata.type == EVRT_DNS_TYPE_OPT)
			entry.name = (const uint8_t *)"";
		CHECK_INT_EQ(evrt__dns_writer_begin(&w, by_form, sizeof(by_form), 1, EVRT_DNS_FLAG_QR), 0);
		CHECK_INT_EQ(evrt__dns_writer_record_rdata(&w, &entry, &forms[i].rdata), 0);
		/* Nothing in these names can be compressed. */
		CHECK_INT_EQ(evrt__dns_writer_finish(&w), len);
		CHECK_MEM_EQ(by_form, by_octets, len);
	}
}

static void
every_wrong_length_is_noticed(void)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		uint8_t message[EVRT_DNS_UDP_BYTES], longer[EVRT_DNS_UDP_BYTES] = {0};
		struct evrt_dns_rdata rdata;

		memcpy(longer, forms[i].bytes, forms[i].len);
		for (size_t len = 0; len < forms[i].len + 8; len++) {
			size_t n = message_with(message, forms[i].rdata.type, longer, len);
			int result = read_only_record(message, n, &rdata);
			CHECK(result == 0 || result == -EBADMSG);
			if (!forms[i].any_end)
				CHECK_INT_EQ(result, len == forms[i].len ? 0 : -EBADMSG);
		}
	}
}

/* The record begins at 12 with its owner of 13 octets: its RDATA is at 35. */
static const struct {
	int result;
	uint16_t type;
	const char *bytes;
	size_t len;
} shapes[] = {
	{0, EVRT_DNS_TYPE_TXT, BYTES("\0")},
	{0, EVRT_DNS_TYPE_TXT, BYTES("\0\0\1a")},
	{-EBADMSG, EVRT_DNS_TYPE_TXT, BYTES("")},
	{-EBADMSG, EVRT_DNS_TYPE_TXT, BYTES("\1")},
	{-EBADMSG, EVRT_DNS_TYPE_TXT, BYTES("\1ab")},
	{-EBADMSG, EVRT_DNS_TYPE_TXT, BYTES("\377a")},
	{0, EVRT_DNS_TYPE_CAA, BYTES("\0\1a")},
	{-EBADMSG, EVRT_DNS_TYPE_CAA, BYTES("\0")},
	{-EBADMSG, EVRT_DNS_TYPE_CAA, BYTES("\0\0value")},
	{-EBADMSG, EVRT_DNS_TYPE_CAA, BYTES("\0\6issue")},
	{-EBADMSG, EVRT_DNS_TYPE_CAA, BYTES("\0\5is-ue")},
	{0, EVRT_DNS_TYPE_HTTPS, BYTES("\0\1\0\0\2\0\0\0\4\0\0\xff\xff\0\0")},
	{-EBADMSG, EVRT_DNS_TYPE_HTTPS, BYTES("\0\1\0\0\4\0\0\0\2\0\0")},
	{-EBADMSG, EVRT_DNS_TYPE_HTTPS, BYTES("\0\1\0\0\2\0\0\0\2\0\0")},
	{-EBADMSG, EVRT_DNS_TYPE_HTTPS, BYTES("\0\1\0\0\2\0\1")},
	{-EBADMSG, EVRT_DNS_TYPE_HTTPS, BYTES("\0\1\0\0\2\0")},
	{-EBADMSG, EVRT_DNS_TYPE_HTTPS, BYTES("\0\1")},
	/* names that point to example.com: allowed to all but SVCB */
	{0, EVRT_DNS_TYPE_CNAME, BYTES("\xc0\x0c")},
	{0, EVRT_DNS_TYPE_MX, BYTES("\0\1\1a\xc0\x0c")},
	{0, EVRT_DNS_TYPE_SOA, BYTES("\xc0\x0c\xc0\x14\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1")},
	{0, EVRT_DNS_TYPE_SRV, BYTES("\0\1\0\1\0\1\xc0\x0c")},
	{-EBADMSG, EVRT_DNS_TYPE_SVCB, BYTES("\0\1\xc0\x0c")},
	{-EBADMSG, EVRT_DNS_TYPE_HTTPS, BYTES("\0\1\1a\xc0\x18")},
	/* to themselves, to what follows, out of the message */
	{-EBADMSG, EVRT_DNS_TYPE_CNAME, BYTES("\xc0\x23")},
	{-EBADMSG, EVRT_DNS_TYPE_CNAME, BYTES("\1a\xc0\x23")},
	{-EBADMSG, EVRT_DNS_TYPE_CNAME, BYTES("\xc0\x24")},
	{-EBADMSG, EVRT_DNS_TYPE_NS, BYTES("\xff\xff")},
	{-EBADMSG, EVRT_DNS_TYPE_PTR, BYTES("\xc0")},
	{-EBADMSG, EVRT_DNS_TYPE_MX, BYTES("\0\1")},
	{-EOPNOTSUPP, 99, BYTES("any")},
	{-EOPNOTSUPP, EVRT_DNS_TYPE_ANY, BYTES("")},
};

static void
rules_of_types_are_kept(void)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		uint8_t message[EVRT_DNS_UDP_BYTES];
		struct evrt_dns_rdata rdata;
		size_t n = message_with(message, shapes[i].type, shapes[i].bytes, shapes[i].len);
		int result = read_only_record(message, n, &rdata);
		if (result != shapes[i].result)
			evrt_test_fail(__FILE__, __LINE__, "row %zu gives %d", i, result);
	}
}

/* The labels of a name in RDATA go on in what follows, where the message would allow it. */
static void
names_end_with_the_rdata(void)
{
	static const char bytes[] = "\0\1\0\0\0\0\0\2\0\0\0\0"
	    "\0\0\5\0\1\0\0\0\0\0\2\1a"
	    "\0\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1";
	struct evrt_dns_rdata rdata;

	CHECK_INT_EQ(read_only_record((const uint8_t *)bytes, sizeof(bytes) - 1, &rdata), -EBADMSG);
}

static const struct evrt_dns_rdata unsound[] = {
	{EVRT_DNS_TYPE_TXT, .txt = SPAN("")},
	{EVRT_DNS_TYPE_TXT, .txt = SPAN("\2a")},
	{EVRT_DNS_TYPE_CAA, .caa = {0, SPAN(""), SPAN("v")}},
	{EVRT_DNS_TYPE_CAA, .caa = {0, SPAN("a b"), SPAN("v")}},
	{EVRT_DNS_TYPE_SVCB, .svcb = {1, SPAN("\0\1\0\0\0\1\0\0"), ""}},
	{EVRT_DNS_TYPE_OPT, .options = SPAN("\0\1\0\2a")},
};

static void
what_would_not_be_read_is_not_written(void)
{
	uint8_t bytes[EVRT_DNS_UDP_BYTES], long_tag[256];
	struct evrt_dns_entry entry = {EVRT_DNS_SECTION_ANSWER, 0, EVRT_DNS_CLASS_IN, 60, owner};
	struct evrt_dns_rdata tagged = {EVRT_DNS_TYPE_CAA, .caa = {0, {long_tag, 256}, SPAN("")}};
	struct evrt_dns_rdata unknown = {.type = 99};
	struct evrt_dns_writer w;

	memset(long_tag, 'a', sizeof(long_tag));
	CHECK_INT_EQ(evrt__dns_writer_begin(&w, bytes, sizeof(bytes), 1, 0), 0);
	for (size_t i = 0; i < COUNT(unsound); i++)
		CHECK_INT_EQ(evrt__dns_writer_record_rdata(&w, &entry, &unsound[i]), -EINVAL);
	CHECK_INT_EQ(evrt__dns_writer_record_rdata(&w, &entry, &tagged), -EINVAL);
	CHECK_INT_EQ(evrt__dns_writer_record_rdata(&w, &entry, &unknown), -EOPNOTSUPP);
	CHECK(!w.truncated);
	tagged.caa.tag.len = 255;
	CHECK_INT_EQ(evrt__dns_writer_record_rdata(&w, &entry, &tagged), 0);
	CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12 + 13 + 10 + 2 + 255);
}

static void
sequences_are_taken_apart(void)
{
	struct evrt_dns_span strings = SPAN("\1a\0\2bc\5no"), string;
	struct evrt_dns_span params = SPAN("\0\1\0\0\1\0\0\2hi\0\2\0\1"), value;
	uint16_t key;

	CHECK(evrt__dns_strings_next(&strings, &string));
	CHECK_INT_EQ(string.len, 1);
	CHECK(evrt__dns_strings_next(&strings, &string));
	CHECK_INT_EQ(string.len, 0);
	CHECK(evrt__dns_strings_next(&strings, &string));
	CHECK_MEM_EQ(string.bytes, "bc", 2);
	CHECK(!evrt__dns_strings_next(&strings, &string));
	CHECK_INT_EQ(strings.len, 3);

	CHECK(evrt__dns_params_next(&params, &key, &value));
	CHECK(key == 1 && value.len == 0);
	CHECK(evrt__dns_params_next(&params, &key, &value));
	CHECK(key == 256 && value.len == 2);
	CHECK_MEM_EQ(value.bytes, "hi", 2);
	CHECK(!evrt__dns_params_next(&params, &key, &value));
	CHECK_INT_EQ(params.len, 4);
}

static const struct evrt_test_case cases[] = {
	{"every_type_is_read_and_written", every_type_is_read_and_written},
	{"every_wrong_length_is_noticed", every_wrong_length_is_noticed},
	{"rules_of_types_are_kept", rules_of_types_are_kept},
	{"names_end_with_the_rdata", names_end_with_the_rdata},
	{"what_would_not_be_read_is_not_written", what_would_not_be_read_is_not_written},
	{"sequences_are_taken_apart", sequences_are_taken_apart},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
