/* testing/unit/api/dns/wire_write_test.c — messages of DNS composed: compression, lack of room, order. */
#include "api/dns/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define IN EVRT_DNS_CLASS_IN

static const uint8_t root[] = "", com[] = "\3com", example[] = "\7example\3com", www[] = "\3www\7example\3com";

static void
begin(struct evrt_dns_writer *w, void *bytes, size_t cap)
{
	CHECK_INT_EQ(evrt__dns_writer_begin(w, bytes, cap, 0x1234, EVRT_DNS_FLAG_QR | EVRT_DNS_FLAG_RD), 0);
}

static int
add_name(struct evrt_dns_writer *w, enum evrt_dns_section section, const uint8_t *owner, uint16_t type,
    const uint8_t *target)
{
	struct evrt_dns_entry entry = {section, type, IN, 60, owner};

	return evrt__dns_writer_record_name(w, &entry, target);
}

static int
add_a(struct evrt_dns_writer *w, enum evrt_dns_section section, const uint8_t *owner)
{
	struct evrt_dns_entry entry = {section, EVRT_DNS_TYPE_A, IN, 60, owner};

	return evrt__dns_writer_record(w, &entry, "\x7f\0\0\1", 4);
}

static void
must_end_as(struct evrt_dns_writer *w, const char *expected, size_t len)
{
	CHECK_INT_EQ(evrt__dns_writer_finish(w), len);
	CHECK_MEM_EQ(w->bytes, expected, len);
}

static void
a_query_is_these_octets(void)
{
	static const char expected[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\1" "\3wWw\7example\3com\0\0\x1c\0\1"
	    "\0\0\x29\x04\xd0\xab\1\x80\0\0\6\0\x0a\0\2hi";
	struct evrt_dns_edns edns = {1232, 0xab, 1, true, {(const uint8_t *)"\0\x0a\0\2hi", 6}};
	uint8_t bytes[sizeof(expected) - 1];
	struct evrt_dns_writer w;

	CHECK_INT_EQ(evrt__dns_writer_begin(&w, bytes, sizeof(bytes), 0x1234, EVRT_DNS_FLAG_RD), 0);
	CHECK_INT_EQ(evrt__dns_writer_edns(&w, &edns), 0);
	CHECK_INT_EQ(evrt__dns_writer_question(&w, (const uint8_t *)"\3wWw\7example\3com", EVRT_DNS_TYPE_AAAA, IN), 0);
	must_end_as(&w, expected, sizeof(expected) - 1);
}

static void
names_point_to_those_before(void)
{
	static const char expected[] = "\x12\x34\x81\0\0\1\0\3\0\1\0\1"
	    "\3www\7example\3com\0\0\1\0\1"                              /* www 12, example 16, com 24 */
	    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x10"                   /* b 45 */
	    "\xc0\x2d\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
	    "\xc0\x2d\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
	    "\xc0\x10\0\2\0\1\0\0\0\x3c\0\5\2ns\xc0\x18"                  /* ns.com */
	    "\0\0\x0c\0\1\0\0\0\x3c\0\1\0";
	static const uint8_t b[] = "\1b\7example\3com";
	uint8_t bytes[EVRT_DNS_UDP_BYTES];
	struct evrt_dns_writer w;

	begin(&w, bytes, sizeof(bytes));
	CHECK_INT_EQ(evrt__dns_writer_question(&w, www, EVRT_DNS_TYPE_A, IN), 0);
	CHECK_INT_EQ(add_name(&w, EVRT_DNS_SECTION_ANSWER, www, EVRT_DNS_TYPE_CNAME, b), 0);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, b), 0);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, b), 0);
	CHECK_INT_EQ(add_name(&w, EVRT_DNS_SECTION_AUTHORITY, example, EVRT_DNS_TYPE_NS, (const uint8_t *)"\2ns\3com"), 0);
	CHECK_INT_EQ(add_name(&w, EVRT_DNS_SECTION_ADDITIONAL, root, EVRT_DNS_TYPE_PTR, root), 0);
	must_end_as(&w, expected, sizeof(expected) - 1);
}

/* Octets of RDATA that www.example.com takes behind a question for example.com. */
static const struct {
	uint16_t type;
	size_t len;
} name_types[] = {
	{EVRT_DNS_TYPE_NS, 6}, {EVRT_DNS_TYPE_CNAME, 6}, {EVRT_DNS_TYPE_PTR, 6}, {3, 6}, {4, 6}, {7, 6}, {8, 6}, {9, 6},
	{39, 17}, {99, 17}, {EVRT_DNS_TYPE_A, 17}, {0, 17}, {16 + EVRT_DNS_TYPE_CNAME, 17}, {32 + EVRT_DNS_TYPE_NS, 17},
};

static void
only_types_of_rfc_1035_are_compressed(void)
{
	for (size_t i = 0; i < COUNT(name_types); i++) {
		uint8_t bytes[EVRT_DNS_UDP_BYTES];
		struct evrt_dns_writer w;

		begin(&w, bytes, sizeof(bytes));
		CHECK_INT_EQ(evrt__dns_writer_question(&w, example, name_types[i].type, IN), 0);
		CHECK_INT_EQ(add_name(&w, EVRT_DNS_SECTION_ANSWER, example, name_types[i].type, www), 0);
		CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12 + 17 + 12 + name_types[i].len);
		/* Nor does anything point into a name that was written in full. */
		begin(&w, bytes, sizeof(bytes));
		CHECK_INT_EQ(add_name(&w, EVRT_DNS_SECTION_ANSWER, root, name_types[i].type, www), 0);
		CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, example), 0);
		size_t with = 12 + 11 + 17 + (name_types[i].len == 6 ? 2 : 13) + 14;
		CHECK_INT_EQ(evrt__dns_writer_finish(&w), with);
	}
}

static const struct {
	struct evrt_dns_rdata rdata;
	size_t len;
} known_types[] = {
	{{EVRT_DNS_TYPE_MX, .mx = {1, "\3www\7example\3com"}}, 2 + 6},
	{{EVRT_DNS_TYPE_SOA, .soa = {.mname = "\3www\7example\3com", .rname = "\1m\3www\7example\3com"}}, 6 + 4 + 20},
	{{EVRT_DNS_TYPE_NS, .name = "\3www\7example\3com"}, 6},
	{{EVRT_DNS_TYPE_SRV, .srv = {.target = "\3www\7example\3com"}}, 6 + 17},
	{{EVRT_DNS_TYPE_SVCB, .svcb = {.target = "\3www\7example\3com"}}, 2 + 17},
};

static void
known_types_are_compressed_by_their_rules(void)
{
	for (size_t i = 0; i < COUNT(known_types); i++) {
		struct evrt_dns_entry entry = {EVRT_DNS_SECTION_ANSWER, 0, IN, 60, example};
		uint8_t bytes[EVRT_DNS_UDP_BYTES];
		struct evrt_dns_writer w;

		begin(&w, bytes, sizeof(bytes));
		CHECK_INT_EQ(evrt__dns_writer_question(&w, example, EVRT_DNS_TYPE_ANY, IN), 0);
		CHECK_INT_EQ(evrt__dns_writer_record_rdata(&w, &entry, &known_types[i].rdata), 0);
		CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12 + 17 + 12 + known_types[i].len);
		CHECK_INT_EQ(bytes[40], known_types[i].len);
	}
}

static void
spelling_is_kept(void)
{
	uint8_t bytes[EVRT_DNS_UDP_BYTES];
	struct evrt_dns_writer w;

	begin(&w, bytes, sizeof(bytes));
	CHECK_INT_EQ(evrt__dns_writer_question(&w, www, EVRT_DNS_TYPE_A, IN), 0);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, (const uint8_t *)"\3www\7Example\3com"), 0);
	CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12 + 21 + 12 + 2 + 14);
	CHECK_MEM_EQ(bytes + 33, "\3www\7Example\xc0\x18", 14);
}

static void
nothing_points_beyond_what_a_pointer_holds(void)
{
	static uint8_t bytes[EVRT_DNS_MESSAGE_BYTES_MAX], zeros[EVRT_DNS_MESSAGE_BYTES_MAX];

	/* A record that ends where the name shall begin: from 0x4000 on it is out of reach. */
	for (size_t at = 0x3ffc; at <= 0x4004; at++) {
		struct evrt_dns_entry filler = {EVRT_DNS_SECTION_ANSWER, 99, IN, 0, root};
		struct evrt_dns_writer w;

		begin(&w, bytes, sizeof(bytes));
		CHECK_INT_EQ(evrt__dns_writer_record(&w, &filler, zeros, at - 12 - 11), 0);
		CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, (const uint8_t *)"\1a\1b"), 0);
		CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, (const uint8_t *)"\1a\1b"), 0);
		size_t second = at <= 0x3fff ? 2 : 5;
		CHECK_INT_EQ(evrt__dns_writer_finish(&w), at + 5 + 14 + second + 14);
		struct evrt_dns_msg msg;
		CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, at + 5 + 14 + second + 14), 0);
	}
}

static void
a_full_list_of_targets_is_no_error(void)
{
	static uint8_t bytes[EVRT_DNS_MESSAGE_BYTES_MAX];
	struct evrt_dns_walk walk = {0};
	struct evrt_dns_record record;
	struct evrt_dns_writer w;
	struct evrt_dns_msg msg;
	unsigned n = 0;

	begin(&w, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t name[] = {4, 'a', (uint8_t)('a' + i / 100), (uint8_t)('a' + i / 10 % 10), (uint8_t)('a' + i % 10), 3,
			'c', 'o', 'm', 0};
		CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, name), 0);
		CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, name), 0);
	}
	CHECK_INT_EQ(w.target_count, EVRT_DNS_WRITER_TARGETS_MAX);
	size_t len = evrt__dns_writer_finish(&w);
	/* "com" once; each first name with a pointer to it; 127 more names that are pointed at, the rest not. */
	CHECK_INT_EQ(len, 12 + 2000 * 14 + 10 + 999 * 7 + 127 * 2 + 873 * 7);
	CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, len), 0);
	for (; evrt__dns_record_next(&msg, &walk, &record); n++) {
		uint8_t last[] = {(uint8_t)('a' + n / 2 / 10 % 10), (uint8_t)('a' + n / 2 % 10), 3, 'c', 'o', 'm', 0};
		CHECK_MEM_EQ(record.name + 3, last, sizeof(last));
	}
	CHECK_INT_EQ(n, 2000);
}

/* Composes one message of all kinds of things; counts what was accepted. */
static size_t
compose(struct evrt_dns_writer *w, uint8_t *bytes, size_t cap, unsigned accepted[EVRT_DNS_SECTIONS])
{
	static const struct evrt_dns_edns edns = {1232, 0, 0, false, {(const uint8_t *)"\0\x0a\0\2hi", 6}};
	struct evrt_dns_entry soa = {EVRT_DNS_SECTION_AUTHORITY, 0, IN, 60, example};
	static const uint8_t other[] = "\4long\4name\1x";

	begin(w, bytes, cap);
	bool has_edns = evrt__dns_writer_edns(w, &edns) == 0;
	accepted[0] = evrt__dns_writer_question(w, www, EVRT_DNS_TYPE_A, IN) == 0;
	accepted[1] = add_name(w, EVRT_DNS_SECTION_ANSWER, www, EVRT_DNS_TYPE_CNAME, other) == 0;
	for (int i = 0; i < 3; i++)
		accepted[1] += add_a(w, EVRT_DNS_SECTION_ANSWER, other) == 0;
	accepted[2] = evrt__dns_writer_record_rdata(w, &soa, &known_types[1].rdata) == 0;
	accepted[3] = add_a(w, EVRT_DNS_SECTION_ADDITIONAL, www) == 0;
	accepted[3] += has_edns;
	return evrt__dns_writer_finish(w);
}

static void
no_room_is_never_overrun(void)
{
	uint8_t all[EVRT_DNS_UDP_BYTES];
	unsigned accepted[EVRT_DNS_SECTIONS];
	struct evrt_dns_writer w;
	size_t whole = compose(&w, all, sizeof(all), accepted);

	CHECK(!w.truncated && accepted[1] == 4 && accepted[3] == 2);
	CHECK_INT_EQ(evrt__dns_writer_begin(&w, all, EVRT_DNS_HEADER_BYTES - 1, 1, 0), -EMSGSIZE);
	for (size_t cap = EVRT_DNS_HEADER_BYTES; cap <= whole; cap++) {
		/* A block of its exact size: address sanitizers see what is written beyond. */
		uint8_t *bytes = malloc(cap);
		struct evrt_dns_msg msg;
		CHECK(bytes != NULL);
		size_t len = compose(&w, bytes, cap, accepted);
		CHECK(len <= cap);
		CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, len), 0);
		for (size_t i = 0; i < EVRT_DNS_SECTIONS; i++)
			CHECK_INT_EQ(msg.counts[i], accepted[i]);
		bool lost = accepted[0] + accepted[1] + accepted[2] < 6;
		CHECK_INT_EQ(msg.flags & EVRT_DNS_FLAG_TC, lost ? EVRT_DNS_FLAG_TC : 0);
		CHECK_INT_EQ(w.truncated, lost);
		CHECK_INT_EQ(msg.has_edns, cap >= 12 + 17);
		/* What is there is the beginning of what would have been. */
		CHECK_MEM_EQ(bytes + 12, all + 12, len - 12 - (msg.has_edns ? 17 : 0) - (accepted[3] > msg.has_edns ? 16 : 0));
		if (msg.has_edns)
			CHECK_MEM_EQ(bytes + len - 17, all + whole - 17, 17);
		CHECK(accepted[0] >= (accepted[1] > 0) && (accepted[1] == 4 || accepted[2] == 0));
		free(bytes);
	}
	CHECK(!w.truncated);
}

static void
after_truncation_all_is_refused(void)
{
	uint8_t bytes[12 + 15];          /* for each of the later ones, but not for the first */
	struct evrt_dns_writer w;

	begin(&w, bytes, sizeof(bytes));
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, com), -EMSGSIZE);
	CHECK_INT_EQ(evrt__dns_writer_question(&w, root, EVRT_DNS_TYPE_A, IN), -EMSGSIZE);
	CHECK_INT_EQ(add_name(&w, EVRT_DNS_SECTION_ADDITIONAL, root, EVRT_DNS_TYPE_NS, root), -EMSGSIZE);
	CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12);
	CHECK_INT_EQ(bytes[2], 0x83);
}

static void
lost_additional_records_are_no_truncation(void)
{
	uint8_t bytes[12 + 15];
	struct evrt_dns_writer w;

	begin(&w, bytes, sizeof(bytes));
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ADDITIONAL, com), -EMSGSIZE);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ADDITIONAL, root), 0);
	CHECK_INT_EQ(evrt__dns_writer_finish(&w), 27);
	CHECK_INT_EQ(bytes[2], 0x81);
	CHECK_INT_EQ(bytes[11], 1);
}

/* The name of a record without room was a target for a moment; the next one of that name must not point at it. */
static void
nothing_points_at_what_was_undone(void)
{
	struct evrt_dns_entry large = {EVRT_DNS_SECTION_ADDITIONAL, 99, IN, 0, www};
	uint8_t bytes[100], rdata[100] = {0};
	struct evrt_dns_writer w;

	begin(&w, bytes, sizeof(bytes));
	CHECK_INT_EQ(evrt__dns_writer_record(&w, &large, rdata, sizeof(rdata)), -EMSGSIZE);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ADDITIONAL, www), 0);
	CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12 + 17 + 14);
}

/* Room that ends within the owner's name; the name in the RDATA begins with the same labels. */
static void
nothing_points_at_half_a_name(void)
{
	for (size_t cap = 12; cap < 12 + 17 + 12; cap++) {
		uint8_t *bytes = malloc(cap);
		struct evrt_dns_writer w;

		CHECK(bytes != NULL);
		begin(&w, bytes, cap);
		CHECK_INT_EQ(add_name(&w, EVRT_DNS_SECTION_ADDITIONAL, www, EVRT_DNS_TYPE_NS, www), -EMSGSIZE);
		CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12);
		free(bytes);
	}
}

static void
sections_come_in_order(void)
{
	uint8_t bytes[EVRT_DNS_UDP_BYTES];
	struct evrt_dns_writer w;

	begin(&w, bytes, sizeof(bytes));
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_QUESTION, com), -EINVAL);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTIONS, com), -EINVAL);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_AUTHORITY, com), 0);
	CHECK_INT_EQ(evrt__dns_writer_question(&w, com, EVRT_DNS_TYPE_A, IN), -EINVAL);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ANSWER, com), -EINVAL);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_AUTHORITY, com), 0);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_ADDITIONAL, com), 0);
	CHECK_INT_EQ(add_a(&w, EVRT_DNS_SECTION_AUTHORITY, com), -EINVAL);
	CHECK(!w.truncated);
	CHECK_INT_EQ(evrt__dns_writer_finish(&w), 12 + 19 + 16 + 16);
	CHECK_MEM_EQ(bytes + 4, "\0\0\0\0\0\2\0\1", 8);
}

static void
more_room_than_a_message_has_stays_unused(void)
{
	uint8_t *bytes = malloc(EVRT_DNS_MESSAGE_BYTES_MAX);
	struct evrt_dns_entry entry = {EVRT_DNS_SECTION_ANSWER, 99, IN, 0, root};
	static uint8_t rdata[EVRT_DNS_MESSAGE_BYTES_MAX];
	struct evrt_dns_writer w;

	CHECK(bytes != NULL);
	begin(&w, bytes, (size_t)1 << 40);
	CHECK_INT_EQ(evrt__dns_writer_record(&w, &entry, rdata, EVRT_DNS_MESSAGE_BYTES_MAX - 12 - 11), 0);
	CHECK_INT_EQ(evrt__dns_writer_record(&w, &entry, rdata, 0), -EMSGSIZE);
	CHECK_INT_EQ(evrt__dns_writer_finish(&w), EVRT_DNS_MESSAGE_BYTES_MAX);
	free(bytes);
}

/* ---- Random messages come back as they went out. */

static uint32_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* Few different labels, so that names share their ends; now and then a long one. */
static void
random_name(uint64_t *state, uint8_t *name)
{
	size_t n = 0;

	for (uint32_t labels = next_random(state) % 6; labels > 0; labels--) {
		uint32_t kind = next_random(state) % 8;
		size_t len = kind == 0 ? 1 + next_random(state) % 40 : 1;
		name[n++] = (uint8_t)len;
		memset(name + n, "aAbc.d\0\xff"[kind], len);
		n += len;
	}
	name[n] = 0;
}

static void
random_messages_come_back(void)
{
	enum { RECORDS = 60 };
	uint64_t state = evrt_test_seed();
	static uint8_t owners[RECORDS][EVRT_DNS_NAME_BYTES], targets[RECORDS][EVRT_DNS_NAME_BYTES];
	static uint8_t bytes[EVRT_DNS_MESSAGE_BYTES_MAX];

	for (int round = 0; round < 2000; round++) {
		struct evrt_dns_walk walk = {0};
		struct evrt_dns_record record;
		struct evrt_dns_rdata rdata;
		struct evrt_dns_writer w;
		struct evrt_dns_msg msg;
		size_t n = 0;

		begin(&w, bytes, 12 + next_random(&state) % 2000);
		for (; n < RECORDS; n++) {
			random_name(&state, owners[n]);
			random_name(&state, targets[n]);
			if (add_name(&w, EVRT_DNS_SECTION_ANSWER, owners[n], EVRT_DNS_TYPE_CNAME, targets[n]) != 0)
				break;
		}
		CHECK_INT_EQ(evrt__dns_parse(&msg, bytes, evrt__dns_writer_finish(&w)), 0);
		CHECK_INT_EQ(msg.counts[EVRT_DNS_SECTION_ANSWER], n);
		for (size_t i = 0; evrt__dns_record_next(&msg, &walk, &record); i++) {
			CHECK(evrt__dns_name_equal_exactly(record.name, owners[i]));
			CHECK_INT_EQ(evrt__dns_rdata_read(&msg, &record, &rdata), 0);
			CHECK(evrt__dns_name_equal_exactly(rdata.name, targets[i]));
		}
	}
}

static const struct evrt_test_case cases[] = {
	{"a_query_is_these_octets", a_query_is_these_octets},
	{"names_point_to_those_before", names_point_to_those_before},
	{"only_types_of_rfc_1035_are_compressed", only_types_of_rfc_1035_are_compressed},
	{"known_types_are_compressed_by_their_rules", known_types_are_compressed_by_their_rules},
	{"spelling_is_kept", spelling_is_kept},
	{"nothing_points_beyond_what_a_pointer_holds", nothing_points_beyond_what_a_pointer_holds},
	{"a_full_list_of_targets_is_no_error", a_full_list_of_targets_is_no_error},
	{"no_room_is_never_overrun", no_room_is_never_overrun},
	{"after_truncation_all_is_refused", after_truncation_all_is_refused},
	{"lost_additional_records_are_no_truncation", lost_additional_records_are_no_truncation},
	{"nothing_points_at_what_was_undone", nothing_points_at_what_was_undone},
	{"nothing_points_at_half_a_name", nothing_points_at_half_a_name},
	{"sections_come_in_order", sections_come_in_order},
	{"more_room_than_a_message_has_stays_unused", more_room_than_a_message_has_stays_unused},
	{"random_messages_come_back", random_messages_come_back},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
