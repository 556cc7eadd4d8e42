/* testing/unit/api/dns/wire_name_test.c — names of DNS: text, comparison, compression pointers and their abuse. */
#include "api/dns/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define A10 "aaaaaaaaaa"
#define A63 A10 A10 A10 A10 A10 A10 "aaa"

static const struct {
	const char *in, *wire, *out;
} texts[] = {
	{"", "", "."},
	{".", "", "."},
	{"a", "\1a", "a"},
	{"a.", "\1a", "a"},
	{"www.Example.COM", "\3www\7Example\3COM", "www.Example.COM"},
	{"a\\.b.c", "\3a.b\1c", "a\\.b.c"},
	{"a\\\\b", "\3a\\b", "a\\\\b"},
	{"\\097\\.\\x", "\3a.x", "a\\.x"},
	{"a\\046", "\2a.", "a\\."},
	{"\\.", "\1.", "\\."},
	{"\\..", "\1.", "\\."},
	{"a b", "\3a b", "a\\032b"},
	{"\\009\\127\\255", "\3\t\x7f\xff", "\\009\\127\\255"},
	{"b\xc3\xbc", "\3b\xc3\xbc", "b\\195\\188"},
	{"_sip._tcp.x", "\4_sip\4_tcp\1x", "_sip._tcp.x"},
	{"*.x", "\1*\1x", "*.x"},
	{A63 ".b", "\77" A63 "\1b", A63 ".b"},
};

static void
text_becomes_wire_and_text_again(void)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		uint8_t name[EVRT_DNS_NAME_BYTES];
		char text[EVRT_DNS_TEXT_BYTES];
		size_t n = strlen(texts[i].wire) + 1;

		CHECK_INT_EQ(evrt__dns_name_from_text(texts[i].in, strlen(texts[i].in), name), n);
		CHECK_MEM_EQ(name, texts[i].wire, n);
		CHECK_INT_EQ(evrt__dns_name_len(name), n);
		CHECK_INT_EQ(evrt__dns_name_to_text(name, text), strlen(texts[i].out));
		CHECK_STR_EQ(text, texts[i].out);
	}
}

static const char *const bad_texts[] = {
	"..", ".a", "a..b", "a..", "\\", "a\\", "\\1", "\\12", "\\1x3", "\\12x", "\\256", "\\999",
	A63 "a", A63 "\\097", "b." A63 "a.c",
};

static void
bad_text_is_refused(void)
{
	for (size_t i = 0; i < COUNT(bad_texts); i++) {
		uint8_t name[EVRT_DNS_NAME_BYTES];
		size_t len = strlen(bad_texts[i]);
		char *text = malloc(len);
		CHECK(text != NULL);
		memcpy(text, bad_texts[i], len);
		int result = evrt__dns_name_from_text(text, len, name);
		free(text);
		if (result != -EINVAL)
			evrt_test_fail(__FILE__, __LINE__, "\"%s\" gives %d", bad_texts[i], result);
	}
}

static void
every_octet_has_a_text(void)
{
	for (int octet = 0; octet < 256; octet++) {
		uint8_t name[] = {2, (uint8_t)octet, 'x', 0}, again[EVRT_DNS_NAME_BYTES];
		char text[EVRT_DNS_TEXT_BYTES];
		size_t n = evrt__dns_name_to_text(name, text);

		for (size_t i = 0; i < n; i++)
			CHECK(text[i] > ' ' && text[i] <= '~');
		CHECK_INT_EQ(evrt__dns_name_from_text(text, n, again), 4);
		CHECK_MEM_EQ(again, name, 4);
	}
}

/* Text of a name with `octets` octets in wire form: labels of 63, and one of what is left. */
static size_t
text_of_octets(size_t octets, char *text)
{
	size_t n = 0, left = octets - 1;

	while (left > 0) {
		size_t label = left > 64 ? 63 : left - 1;
		/* No label may be left with a length octet alone. */
		if (left - label - 1 == 1)
			label--;
		memset(text + n, 'a', label);
		n += label;
		text[n++] = '.';
		left -= label + 1;
	}
	return n;
}

static void
names_have_at_most_255_octets(void)
{
	char text[600];
	uint8_t name[EVRT_DNS_NAME_BYTES];

	for (size_t octets = 240; octets < 300; octets++) {
		size_t n = text_of_octets(octets, text);
		int expected = octets <= 255 ? (int)octets : -EINVAL;
		CHECK_INT_EQ(evrt__dns_name_from_text(text, n, name), expected);
		CHECK_INT_EQ(evrt__dns_name_from_text(text, n - 1, name), expected);
	}
	for (size_t labels = 120; labels < 200; labels++) {
		for (size_t i = 0; i < labels; i++)
			memcpy(text + 2 * i, "a.", 2);
		CHECK_INT_EQ(evrt__dns_name_from_text(text, 2 * labels, name), labels <= 127 ? 2 * (int)labels + 1 : -EINVAL);
	}
}

static void
the_longest_text_fits(void)
{
	uint8_t name[EVRT_DNS_NAME_BYTES], again[EVRT_DNS_NAME_BYTES];
	char *text = malloc(EVRT_DNS_TEXT_BYTES);
	static const uint8_t lengths[] = {63, 63, 63, 61, 0};
	size_t at = 0;

	CHECK(text != NULL);
	memset(name, 0xff, sizeof(name));
	for (size_t i = 0; i < COUNT(lengths); at += lengths[i++] + 1u)
		name[at] = lengths[i];
	CHECK_INT_EQ(at, 255);
	size_t n = evrt__dns_name_to_text(name, text);
	CHECK_INT_EQ(n, 1003);
	CHECK_INT_EQ(evrt__dns_name_from_text(text, n, again), 255);
	CHECK_MEM_EQ(again, name, 255);
	free(text);
}

static const struct {
	const char *a, *b;
	bool equal, exactly;
} pairs[] = {
	{".", ".", true, true},
	{"a", ".", false, false},
	{"example.com", "example.com", true, true},
	{"example.com", "EXAMPLE.cOm", true, false},
	{"example.com", "example.co", false, false},
	{"example.com", "example.comm", false, false},
	{"a.b", "a\\.b", false, false},
	{"[", "{", false, false},
	{"@", "`", false, false},
	{"\\195", "\\227", false, false},
};

/* In a block of its exact size: address sanitizers see what is read beyond. */
static uint8_t *
name_made(const char *text)
{
	uint8_t name[EVRT_DNS_NAME_BYTES];
	int n = evrt__dns_name_from_text(text, strlen(text), name);

	CHECK(n > 0);
	uint8_t *copy = malloc((size_t)n);
	CHECK(copy != NULL);
	return memcpy(copy, name, (size_t)n);
}

static void
only_the_case_of_letters_is_ignored(void)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		uint8_t *a = name_made(pairs[i].a), *b = name_made(pairs[i].b);

		CHECK_INT_EQ(evrt__dns_name_equal(a, b), pairs[i].equal);
		CHECK_INT_EQ(evrt__dns_name_equal(b, a), pairs[i].equal);
		CHECK_INT_EQ(evrt__dns_name_equal_exactly(a, b), pairs[i].exactly);
		CHECK_INT_EQ(evrt__dns_name_equal_exactly(b, a), pairs[i].exactly);
		free(a);
		free(b);
	}
}

/* What a message holds behind a header of 12 octets; the name begins at `at` and ends before `behind`. */
#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t len, at, behind;
	const char *text;                    /* NULL: malformed */
} in_messages[] = {
	{BYTES("\0"), 12, 13, "."},
	{BYTES("\1a\0"), 12, 15, "a"},
	{BYTES("\1a\0\1b\xc0\x0c"), 15, 19, "b.a"},
	{BYTES("\1a\0\xc0\x0c"), 15, 17, "a"},
	{BYTES("\1a\0\xc0\x0e"), 15, 17, "."},
	{BYTES("\1a\0\xc0\x0c\xc0\x0f"), 17, 19, "a"},
	{BYTES("\1a\0\1b\xc0\x0c\1c\xc0\x0f\1d"), 19, 23, "c.b.a"},
	/* itself, forward, each other, through the labels before it */
	{BYTES("\xc0\x0c"), 12, 0, NULL},
	{BYTES("\xc0\x0e\0"), 12, 0, NULL},
	{BYTES("\xc0\x0e\xc0\x0c"), 12, 0, NULL},
	{BYTES("\xc0\x0e\xc0\x0c"), 14, 0, NULL},
	{BYTES("\1a\xc0\x0c"), 12, 0, NULL},
	{BYTES("\1a\xc0\x0e"), 12, 0, NULL},
	{BYTES("\1a\1b\xc0\x0c"), 14, 0, NULL},
	{BYTES("\4a\xc0\x0c" "b\0"), 14, 0, NULL},
	{BYTES("\1a\2\xc0\x0c\0"), 15, 0, NULL},
	/* into the header, beyond the end */
	{BYTES("\1a\0\xc0\x00"), 15, 0, NULL},
	{BYTES("\1a\0\xc0\x0b"), 15, 0, NULL},
	{BYTES("\1a\0\xff\xff"), 15, 0, NULL},
	{BYTES("\1a\0\xc0\x11"), 15, 0, NULL},
	/* cut */
	{BYTES(""), 12, 0, NULL},
	{BYTES("\1"), 12, 0, NULL},
	{BYTES("\1a"), 12, 0, NULL},
	{BYTES("\2a\0"), 12, 0, NULL},
	{BYTES("\1a\0\xc0"), 15, 0, NULL},
	{BYTES("\77aaa\0"), 12, 0, NULL},
	/* unknown kinds of labels */
	{BYTES("\100" A63 "a\0"), 12, 0, NULL},
	{BYTES("\101\0\0\0"), 12, 0, NULL},
	{BYTES("\200\0\0\0"), 12, 0, NULL},
	{BYTES("\277\0\0\0"), 12, 0, NULL},
};

static int
read_from_copy(const uint8_t *bytes, size_t len, size_t *at, uint8_t *out)
{
	uint8_t *copy = malloc(len);

	CHECK(copy != NULL);
	memcpy(copy, bytes, len);
	int result = evrt__dns_name_read(copy, len, at, out);
	free(copy);
	return result;
}

static void
names_come_out_of_messages(void)
{
	for (size_t i = 0; i < COUNT(in_messages); i++) {
		uint8_t message[128] = {0}, name[EVRT_DNS_NAME_BYTES];
		size_t len = 12 + in_messages[i].len, at = in_messages[i].at;
		char text[EVRT_DNS_TEXT_BYTES];

		memcpy(message + 12, in_messages[i].bytes, in_messages[i].len);
		int n = read_from_copy(message, len, &at, name);
		if (!in_messages[i].text) {
			if (n != -EBADMSG)
				evrt_test_fail(__FILE__, __LINE__, "row %zu gives %d", i, n);
			continue;
		}
		CHECK_INT_EQ(at, in_messages[i].behind);
		evrt__dns_name_to_text(name, text);
		CHECK_STR_EQ(text, in_messages[i].text);
		CHECK_INT_EQ(n, evrt__dns_name_len(name));
	}
}

static void
names_of_messages_have_at_most_255_octets(void)
{
	uint8_t name[EVRT_DNS_NAME_BYTES], message[600] = {0};

	for (size_t octets = 240; octets < 260; octets++) {
		/* The tail first, of 100 octets with its root; then one label, and a pointer to the tail. */
		size_t at = 12, head = octets - 100;
		for (size_t left = 99; left > 0; left -= 33, at += 33)
			message[at] = 32;
		message[at++] = 0;
		size_t begin = at;
		for (size_t label; head > 0; head -= label + 1, at += label + 1) {
			label = head > 64 ? 60 : head - 1;
			message[at] = (uint8_t)label;
		}
		message[at++] = 0xc0;
		message[at++] = 12;
		size_t end = at;
		at = begin;
		CHECK_INT_EQ(read_from_copy(message, end, &at, name), octets <= 255 ? (int)octets : -EBADMSG);
		if (octets <= 255)
			CHECK_INT_EQ(at, end);
	}
}

/* A root, then pointers each to the one before: a name that begins at the last one passes through all of them. */
static void
chains_of_pointers_are_bounded(void)
{
	uint8_t name[EVRT_DNS_NAME_BYTES], message[12 + 1 + 2 * 8000] = {0};
	size_t at = 13;

	for (size_t previous = 12, i = 0; i < 8000; i++, previous = at, at += 2) {
		message[at] = (uint8_t)(0xc0 | previous >> 8);
		message[at + 1] = (uint8_t)previous;
	}
	for (size_t pointers = 1; pointers <= 8000; pointers += pointers < 200 ? 1 : 100) {
		size_t begin = 13 + 2 * (pointers - 1), behind = begin;
		CHECK_INT_EQ(evrt__dns_name_read(message, sizeof(message), &behind, name), pointers <= 127 ? 1 : -EBADMSG);
		if (pointers <= 127)
			CHECK_INT_EQ(behind, begin + 2);
	}
}

/* The most that honest compression can come to: 127 labels, each behind a pointer to the one before. */
static void
a_pointer_for_each_label_is_honest(void)
{
	uint8_t name[EVRT_DNS_NAME_BYTES], message[12 + 3 + 4 * 130] = {0};
	size_t at = 12, begin = 12;

	memcpy(message + at, "\1a\0", 3);
	at += 3;
	for (size_t labels = 2; labels <= 130; labels++) {
		uint8_t step[] = {1, 'a', (uint8_t)(0xc0 | begin >> 8), (uint8_t)begin};
		memcpy(message + at, step, sizeof(step));
		begin = at;
		CHECK_INT_EQ(evrt__dns_name_read(message, sizeof(message), &at, name),
		    labels <= 127 ? 2 * (int)labels + 1 : -EBADMSG);
		at = begin + sizeof(step);
	}
}

static void
addresses_have_names(void)
{
	static const uint8_t v4[] = {127, 0, 10, 1};
	static const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x42};
	uint8_t name[EVRT_DNS_NAME_BYTES];
	char text[EVRT_DNS_TEXT_BYTES];

	evrt__dns_name_of_address(v4, sizeof(v4), name);
	evrt__dns_name_to_text(name, text);
	CHECK_STR_EQ(text, "1.10.0.127.in-addr.arpa");
	evrt__dns_name_of_address(v6, sizeof(v6), name);
	evrt__dns_name_to_text(name, text);
	CHECK_STR_EQ(text, "2.4.e.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

static const struct evrt_test_case cases[] = {
	{"text_becomes_wire_and_text_again", text_becomes_wire_and_text_again},
	{"bad_text_is_refused", bad_text_is_refused},
	{"every_octet_has_a_text", every_octet_has_a_text},
	{"names_have_at_most_255_octets", names_have_at_most_255_octets},
	{"the_longest_text_fits", the_longest_text_fits},
	{"only_the_case_of_letters_is_ignored", only_the_case_of_letters_is_ignored},
	{"names_come_out_of_messages", names_come_out_of_messages},
	{"names_of_messages_have_at_most_255_octets", names_of_messages_have_at_most_255_octets},
	{"chains_of_pointers_are_bounded", chains_of_pointers_are_bounded},
	{"a_pointer_for_each_label_is_honest", a_pointer_for_each_label_is_honest},
	{"addresses_have_names", addresses_have_names},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
