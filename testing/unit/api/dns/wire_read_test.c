/* testing/unit/api/dns/wire_read_test.c — messages of DNS taken apart, and what is wrong with others. */
#include "api/dns/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(s) s, sizeof(s) - 1

/* A question, two answers, an authority record, an additional one and OPT. */
static const char whole[] =
    "\x12\x34\x85\x80\0\1\0\2\0\1\0\2"
    "\3wWw\7example\3com\0\0\1\0\1"                             /* 12 */
    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x10"                  /* 33: CNAME b.example.com */
    "\1b\xc0\x10\0\1\0\1\x80\0\0\1\0\4\x7f\0\0\1"                /* a TTL beyond 2^31 - 1 */
    "\xc0\x10\0\2\0\1\0\1\x51\x80\0\5\2ns\xc0\x10"
    "\2ns\xc0\x10\0\x1c\0\1\0\0\0\1\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
    "\0\0\x29\x04\xd0\x01\0\x80\0\0\6\0\x0a\0\2hi";
#define WHOLE_LEN (sizeof(whole) - 1)
#define RECORDS_AT 33

/* A message in a block of its exact size: address sanitizers see what is read beyond. */
static uint8_t *
copy_of(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	CHECK(copy != NULL);
	memcpy(copy, bytes, len);
	return copy;
}

static int
parse_copy(struct evrt_dns_msg *msg, const void *bytes, size_t len)
{
	uint8_t *copy = copy_of(bytes, len);
	int result = evrt__dns_parse(msg, copy, len);

	free(copy);
	return result;
}

static const struct {
	enum evrt_dns_section section;
	const char *name;
	uint16_t type;
	uint32_t ttl;
	uint16_t len;
} expected[] = {
	{EVRT_DNS_SECTION_ANSWER, "wWw.example.com", EVRT_DNS_TYPE_CNAME, 60, 4},
	{EVRT_DNS_SECTION_ANSWER, "b.example.com", EVRT_DNS_TYPE_A, 0, 4},
	{EVRT_DNS_SECTION_AUTHORITY, "example.com", EVRT_DNS_TYPE_NS, 86400, 5},
	{EVRT_DNS_SECTION_ADDITIONAL, "ns.example.com", EVRT_DNS_TYPE_AAAA, 1, 16},
	{EVRT_DNS_SECTION_ADDITIONAL, ".", EVRT_DNS_TYPE_OPT, 0x01008000, 6},
};

/* Walks all of `msg`; its records must be the first of `expected`. Returns how many. */
static size_t
records_must_be_expected(const struct evrt_dns_msg *msg)
{
	struct evrt_dns_walk walk = {0};
	struct evrt_dns_record record;
	char text[EVRT_DNS_TEXT_BYTES];
	size_t n = 0;

	for (; evrt__dns_record_next(msg, &walk, &record); n++) {
		CHECK(n < COUNT(expected));
		evrt__dns_name_to_text(record.name, text);
		CHECK_STR_EQ(text, expected[n].name);
		CHECK_INT_EQ(record.section, expected[n].section);
		CHECK_INT_EQ(record.type, expected[n].type);
		CHECK_INT_EQ(record.class, n == 4 ? 1232 : EVRT_DNS_CLASS_IN);
		CHECK_INT_EQ(record.ttl, expected[n].ttl);
		CHECK_INT_EQ(record.rdata.len, expected[n].len);
	}
	CHECK(!evrt__dns_record_next(msg, &walk, &record));
	return n;
}

static void
all_parts_of_a_message_are_found(void)
{
	uint8_t *bytes = copy_of(whole, WHOLE_LEN);
	struct evrt_dns_msg msg;
	struct evrt_dns_walk walk = {0};
	struct evrt_dns_question question;
	struct evrt_dns_rdata rdata;
	struct evrt_dns_span value;
	uint16_t key;

	CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, WHOLE_LEN), 0);
	CHECK_INT_EQ(msg.id, 0x1234);
	CHECK_INT_EQ(msg.flags, EVRT_DNS_FLAG_QR | EVRT_DNS_FLAG_AA | EVRT_DNS_FLAG_RD | EVRT_DNS_FLAG_RA);
	CHECK_INT_EQ(msg.rcode, 16);
	CHECK_INT_EQ(msg.len, WHOLE_LEN);
	CHECK(evrt__dns_question_next(&msg, &walk, &question));
	CHECK_MEM_EQ(question.name, "\3wWw\7example\3com", 17);
	CHECK_INT_EQ(question.type, EVRT_DNS_TYPE_A);
	CHECK_INT_EQ(question.class, EVRT_DNS_CLASS_IN);
	CHECK(!evrt__dns_question_next(&msg, &walk, &question));
	CHECK_INT_EQ(records_must_be_expected(&msg), COUNT(expected));

	CHECK(msg.has_edns);
	CHECK_INT_EQ(msg.edns.udp_bytes, 1232);
	CHECK_INT_EQ(msg.edns.rcode_high, 1);
	CHECK_INT_EQ(msg.edns.version, 0);
	CHECK(msg.edns.dnssec_ok);
	CHECK(evrt__dns_params_next(&msg.edns.options, &key, &value));
	CHECK_INT_EQ(key, 10);
	CHECK_INT_EQ(value.len, 2);
	CHECK_MEM_EQ(value.bytes, "hi", 2);
	CHECK(!evrt__dns_params_next(&msg.edns.options, &key, &value));

	struct evrt_dns_record record;
	walk = (struct evrt_dns_walk){0};
	CHECK(evrt__dns_record_next(&msg, &walk, &record));
	CHECK_INT_EQ(evrt__dns_rdata_read(&msg, &record, &rdata), 0);
	CHECK_MEM_EQ(rdata.name, "\1b\7example\3com", 15);
	free(bytes);
}

static void
the_header_alone_is_a_message(void)
{
	struct evrt_dns_msg msg;
	struct evrt_dns_walk walk = {0};
	struct evrt_dns_question question;
	struct evrt_dns_record record;

	CHECK_INT_EQ(parse_copy(&msg, BYTES("\0\1\x7b\x5f\0\0\0\0\0\0\0\0")), 0);
	CHECK_INT_EQ(EVRT_DNS_OPCODE(msg.flags), 15);
	CHECK_INT_EQ(EVRT_DNS_RCODE(msg.flags), 15);
	CHECK_INT_EQ(msg.rcode, 15);
	CHECK(!msg.has_edns);
	CHECK(!evrt__dns_question_next(&msg, &walk, &question));
	CHECK(!evrt__dns_record_next(&msg, &walk, &record));
}

static void
every_cut_is_noticed(void)
{
	struct evrt_dns_msg msg;

	for (size_t len = 0; len < WHOLE_LEN; len++) {
		CHECK_INT_EQ(parse_copy(&msg, whole, len), -EBADMSG);
		CHECK_INT_EQ(msg.id, len < 12 ? 0 : 0x1234);
		CHECK_INT_EQ(msg.flags, len < 12 ? 0 : 0x8580);
	}
}

static void
a_truncated_message_may_end_among_its_records(void)
{
	char bytes[WHOLE_LEN];
	size_t most = 0;

	memcpy(bytes, whole, WHOLE_LEN);
	bytes[2] |= EVRT_DNS_FLAG_TC >> 8;
	for (size_t len = 12; len <= WHOLE_LEN; len++) {
		uint8_t *copy = copy_of(bytes, len);
		struct evrt_dns_msg msg;
		int result = evrt__dns_parse(&msg, copy, len);
		CHECK_INT_EQ(result, len < RECORDS_AT ? -EBADMSG : 0);
		if (result == 0) {
			size_t n = records_must_be_expected(&msg);
			CHECK(n == most || n == most + 1);
			CHECK(msg.len <= len);
			CHECK_INT_EQ(msg.has_edns, n == COUNT(expected));
			most = n;
		}
		free(copy);
	}
	CHECK_INT_EQ(most, COUNT(expected));
}

static void
what_follows_the_last_record_is_ignored(void)
{
	char bytes[WHOLE_LEN + 8];
	struct evrt_dns_msg msg;

	memcpy(bytes, whole, WHOLE_LEN);
	memset(bytes + WHOLE_LEN, 0xff, 8);
	CHECK_INT_EQ(parse_copy(&msg, bytes, sizeof(bytes)), 0);
	CHECK_INT_EQ(msg.len, WHOLE_LEN);
}

static void
counts_that_promise_more_are_lies(void)
{
	static const size_t count_at[] = {4, 6, 8, 10};

	for (size_t i = 0; i < COUNT(count_at); i++) {
		for (int high = 0; high < 2; high++) {
			char bytes[WHOLE_LEN];
			struct evrt_dns_msg msg;
			memcpy(bytes, whole, WHOLE_LEN);
			bytes[count_at[i] + 1] = (char)(bytes[count_at[i] + 1] + 1);
			bytes[count_at[i]] = high ? '\xff' : '\0';
			CHECK_INT_EQ(parse_copy(&msg, bytes, sizeof(bytes)), -EBADMSG);
		}
	}
}

/* The RDLENGTH of the first answer, with every value. One that leaves the message is refused; after another the next
 * record may by chance be one, but never outside of the message. */
static void
a_wrong_rdlength_is_noticed(void)
{
	unsigned left = WHOLE_LEN - RECORDS_AT - 12, accepted = 0;

	for (unsigned rdlength = 0; rdlength < 65536; rdlength++) {
		uint8_t bytes[WHOLE_LEN];
		struct evrt_dns_walk walk = {0};
		struct evrt_dns_record record;
		struct evrt_dns_msg msg;
		memcpy(bytes, whole, WHOLE_LEN);
		bytes[RECORDS_AT + 10] = (uint8_t)(rdlength >> 8);
		bytes[RECORDS_AT + 11] = (uint8_t)rdlength;
		if (evrt__dns_parse(&msg, bytes, WHOLE_LEN) != 0)
			continue;
		CHECK(rdlength <= left);
		accepted++;
		while (evrt__dns_record_next(&msg, &walk, &record))
			CHECK(record.rdata.bytes + record.rdata.len <= bytes + WHOLE_LEN);
	}
	/* The right one, and the one that begins the next record at its owner's pointer. */
	CHECK_INT_EQ(accepted, 2);
}

#define HEADER(qd, an, ns, ar) "\0\1\0\0\0" qd "\0" an "\0" ns "\0" ar
#define OPT_EMPTY "\0\0\x29\2\0\0\0\0\0\0\0"

static const struct {
	int result;
	const char *bytes;
	size_t len;
} opts[] = {
	{0, BYTES(HEADER("\0", "\0", "\0", "\1") OPT_EMPTY)},
	{0, BYTES(HEADER("\0", "\0", "\0", "\2") OPT_EMPTY "\0\0\1\0\1\0\0\0\0\0\0")},
	/* two; another name; other sections */
	{-EBADMSG, BYTES(HEADER("\0", "\0", "\0", "\2") OPT_EMPTY OPT_EMPTY)},
	{-EBADMSG, BYTES(HEADER("\0", "\0", "\0", "\1") "\1a\0\0\x29\2\0\0\0\0\0\0\0")},
	{-EBADMSG, BYTES(HEADER("\0", "\1", "\0", "\0") OPT_EMPTY)},
	{-EBADMSG, BYTES(HEADER("\0", "\0", "\1", "\0") OPT_EMPTY)},
	/* options that do not fill the RDATA */
	{-EBADMSG, BYTES(HEADER("\0", "\0", "\0", "\1") "\0\0\x29\2\0\0\0\0\0\0\3\0\1\0")},
	{-EBADMSG, BYTES(HEADER("\0", "\0", "\0", "\1") "\0\0\x29\2\0\0\0\0\0\0\5\0\1\0\0\0")},
	{-EBADMSG, BYTES(HEADER("\0", "\0", "\0", "\1") "\0\0\x29\2\0\0\0\0\0\0\5\0\1\0\2\0")},
};

static void
opt_is_one_and_of_the_root(void)
{
	for (size_t i = 0; i < COUNT(opts); i++) {
		struct evrt_dns_msg msg;
		int result = parse_copy(&msg, opts[i].bytes, opts[i].len);
		if (result != opts[i].result)
			evrt_test_fail(__FILE__, __LINE__, "row %zu gives %d", i, result);
	}
}

static const struct {
	const char *bytes;
	size_t len;
} bad_names[] = {
	{BYTES(HEADER("\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1")},
	{BYTES(HEADER("\1", "\0", "\0", "\0") "\xc0\x12\0\1\0\1\0")},
	{BYTES(HEADER("\2", "\0", "\0", "\0") "\xc0\x12\0\1\0\1\xc0\x0c\0\1\0\1")},
	{BYTES(HEADER("\1", "\0", "\0", "\0") "\x40\0\1\0\1")},
	{BYTES(HEADER("\0", "\1", "\0", "\0") "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\0\0\0\0")},
	{BYTES(HEADER("\0", "\1", "\0", "\0") "\xc0\x04\0\1\0\1\0\0\0\0\0\4\0\0\0\0")},
};

static void
broken_names_spoil_the_message(void)
{
	for (size_t i = 0; i < COUNT(bad_names); i++) {
		struct evrt_dns_msg msg;
		int result = parse_copy(&msg, bad_names[i].bytes, bad_names[i].len);
		if (result != -EBADMSG)
			evrt_test_fail(__FILE__, __LINE__, "row %zu gives %d", i, result);
	}
}

/* A message of `records` records of the shortest kind; returns its length. */
static size_t
long_message(uint8_t *bytes, size_t records)
{
	memset(bytes, 0, 12 + 11 * records);
	bytes[6] = (uint8_t)(records >> 8);
	bytes[7] = (uint8_t)records;
	return 12 + 11 * records;
}

static void
thousands_of_records_are_walked(void)
{
	static uint8_t bytes[EVRT_DNS_MESSAGE_BYTES_MAX + 1];
	static const size_t counts[] = {1000, 5956};

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct evrt_dns_walk walk = {0};
		struct evrt_dns_record record;
		struct evrt_dns_msg msg;
		size_t len = long_message(bytes, counts[i]), n = 0;

		CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, len), 0);
		while (evrt__dns_record_next(&msg, &walk, &record))
			n++;
		CHECK_INT_EQ(n, counts[i]);
	}
	long_message(bytes, 1);
	struct evrt_dns_msg msg;
	CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, EVRT_DNS_MESSAGE_BYTES_MAX), 0);
	CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, EVRT_DNS_MESSAGE_BYTES_MAX + 1), -EBADMSG);
}

static const struct evrt_test_case cases[] = {
	{"all_parts_of_a_message_are_found", all_parts_of_a_message_are_found},
	{"the_header_alone_is_a_message", the_header_alone_is_a_message},
	{"every_cut_is_noticed", every_cut_is_noticed},
	{"a_truncated_message_may_end_among_its_records", a_truncated_message_may_end_among_its_records},
	{"what_follows_the_last_record_is_ignored", what_follows_the_last_record_is_ignored},
	{"counts_that_promise_more_are_lies", counts_that_promise_more_are_lies},
	{"a_wrong_rdlength_is_noticed", a_wrong_rdlength_is_noticed},
	{"opt_is_one_and_of_the_root", opt_is_one_and_of_the_root},
	{"broken_names_spoil_the_message", broken_names_spoil_the_message},
	{"thousands_of_records_are_walked", thousands_of_records_are_walked},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
