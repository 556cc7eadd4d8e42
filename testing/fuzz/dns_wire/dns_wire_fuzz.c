/* testing/fuzz/dns_wire/dns_wire_fuzz.c — arbitrary bytes into the functions of api/dns/wire.h.
 *
 * Here:     one entry point, for a fuzzer and for replay_test.c alike. A broken invariant aborts: what was parsed is
 *           walked without an error and lies within the message; what is written from it is a message again, in any
 *           room, that says the same; text and names become each other. Messages lie in blocks of their exact size,
 *           for address sanitizers.
 * Threads:  one.
 *
 * The input's first byte says which function: see `targets`. The second limits the room to write into.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/dns/wire.h"
#include "testing/fuzz/replay.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

static uint8_t *
room_of(size_t len)
{
	uint8_t *room = malloc(len ? len : 1);

	MUST(room != NULL);
	return room;
}

static void
span_must_lie_within(struct evrt_dns_span span, struct evrt_dns_span whole)
{
	MUST(span.bytes >= whole.bytes && span.bytes + span.len <= whole.bytes + whole.len);
}

static void
name_must_be_sound(const uint8_t *name)
{
	uint8_t again[EVRT_DNS_NAME_BYTES];
	char text[EVRT_DNS_TEXT_BYTES];
	size_t len = evrt__dns_name_len(name);

	MUST(len <= 255);
	size_t n = evrt__dns_name_to_text(name, text);
	MUST(strlen(text) == n);
	MUST(evrt__dns_name_from_text(text, n, again) == (int)len);
	MUST(evrt__dns_name_equal_exactly(name, again) && evrt__dns_name_equal(name, again));
}

static void
sequences_must_be_sound(const struct evrt_dns_record *record, const struct evrt_dns_rdata *rdata)
{
	struct evrt_dns_span rest, part;
	uint16_t key;

	switch (record->type) {
	case EVRT_DNS_TYPE_TXT:
		rest = rdata->txt;
		while (evrt__dns_strings_next(&rest, &part))
			span_must_lie_within(part, record->rdata);
		MUST(rest.len == 0);
		break;
	case EVRT_DNS_TYPE_SVCB: case EVRT_DNS_TYPE_HTTPS: case EVRT_DNS_TYPE_OPT:
		rest = record->type == EVRT_DNS_TYPE_OPT ? rdata->options : rdata->svcb.params;
		while (evrt__dns_params_next(&rest, &key, &part))
			span_must_lie_within(part, record->rdata);
		MUST(rest.len == 0);
		break;
	case EVRT_DNS_TYPE_CAA:
		span_must_lie_within(rdata->caa.tag, record->rdata);
		span_must_lie_within(rdata->caa.value, record->rdata);
		break;
	default:
		break;
	}
}

/* Writes what `msg` has into `cap` octets of `room`. */
static size_t
message_write(const struct evrt_dns_msg *msg, uint8_t *room, size_t cap, struct evrt_dns_writer *w)
{
	struct evrt_dns_walk questions = {0}, records = {0};
	struct evrt_dns_question question;
	struct evrt_dns_record record;
	struct evrt_dns_rdata rdata;

	MUST(evrt__dns_writer_begin(w, room, cap, msg->id, msg->flags) == 0);
	bool no_room = msg->has_edns && evrt__dns_writer_edns(w, &msg->edns) != 0;
	while (evrt__dns_question_next(msg, &questions, &question)) {
		name_must_be_sound(question.name);
		no_room |= evrt__dns_writer_question(w, question.name, question.type, question.class) != 0;
	}
	while (evrt__dns_record_next(msg, &records, &record)) {
		struct evrt_dns_entry entry = {record.section, record.type, record.class, record.ttl, record.name};
		name_must_be_sound(record.name);
		span_must_lie_within(record.rdata, (struct evrt_dns_span){msg->bytes, (uint16_t)msg->len});
		bool known = evrt__dns_rdata_read(msg, &record, &rdata) == 0;
		if (known)
			sequences_must_be_sound(&record, &rdata);
		if (record.type == EVRT_DNS_TYPE_OPT)
			continue;
		int result = known ? evrt__dns_writer_record_rdata(w, &entry, &rdata)
		    : evrt__dns_writer_record(w, &entry, record.rdata.bytes, record.rdata.len);
		MUST(result == 0 || result == -EMSGSIZE);
		no_room |= result != 0;
	}
	size_t len = evrt__dns_writer_finish(w);
	MUST(len <= cap);
	MUST(!w->truncated || no_room);
	MUST(no_room || memcmp(w->counts, msg->counts, sizeof(w->counts)) == 0);
	return len;
}

/* Both hold the same records, OPT aside: a writer has it at the end. */
static void
records_must_be_equal(const struct evrt_dns_msg *a, const struct evrt_dns_msg *b)
{
	struct evrt_dns_walk a_walk = {0}, b_walk = {0};
	struct evrt_dns_record x, y;

	while (evrt__dns_record_next(a, &a_walk, &x)) {
		if (x.type == EVRT_DNS_TYPE_OPT)
			continue;
		MUST(evrt__dns_record_next(b, &b_walk, &y));
		MUST(x.type == y.type && x.class == y.class && x.ttl == y.ttl && x.section == y.section);
		MUST(evrt__dns_name_equal_exactly(x.name, y.name));
		/* Zeroed, so that what the type leaves unused is equal. Spans differ; so these types are left out. */
		struct evrt_dns_rdata x_rdata, y_rdata;
		memset(&x_rdata, 0, sizeof(x_rdata));
		memset(&y_rdata, 0, sizeof(y_rdata));
		int result = evrt__dns_rdata_read(a, &x, &x_rdata);
		if (result == 0 && x.type <= EVRT_DNS_TYPE_SRV && x.type != EVRT_DNS_TYPE_TXT) {
			MUST(evrt__dns_rdata_read(b, &y, &y_rdata) == 0);
			MUST(memcmp(&x_rdata, &y_rdata, sizeof(x_rdata)) == 0);
		} else if (result != 0) {
			MUST(x.rdata.len == y.rdata.len && memcmp(x.rdata.bytes, y.rdata.bytes, x.rdata.len) == 0);
		}
	}
}

static void
message_must_be_sound(const struct evrt_dns_msg *msg, size_t cap)
{
	static uint8_t whole[EVRT_DNS_MESSAGE_BYTES_MAX];
	struct evrt_dns_msg again;
	struct evrt_dns_writer w;

	uint8_t *room = room_of(cap);
	size_t len = message_write(msg, room, cap, &w);
	MUST(evrt__dns_parse(&again, room, len) == 0 && again.len == len);
	MUST(!w.truncated || (again.flags & EVRT_DNS_FLAG_TC));
	free(room);

	len = message_write(msg, whole, sizeof(whole), &w);
	MUST(evrt__dns_parse(&again, whole, len) == 0 && again.len == len);
	if (memcmp(again.counts, msg->counts, sizeof(again.counts)) == 0)
		records_must_be_equal(msg, &again);
}

static void
fuzz_message(const uint8_t *bytes, size_t len, size_t cap)
{
	struct evrt_dns_msg msg;

	if (evrt__dns_parse(&msg, bytes, len) != 0)
		return;
	MUST(msg.len <= len && msg.records_at <= msg.len);
	message_must_be_sound(&msg, EVRT_DNS_HEADER_BYTES + cap * 8);
}

/* A type, then its RDATA, as the only record of a message. */
static void
fuzz_rdata(const uint8_t *bytes, size_t len, size_t cap)
{
	struct evrt_dns_entry entry = {EVRT_DNS_SECTION_ADDITIONAL, 0, EVRT_DNS_CLASS_IN, 60,
		(const uint8_t *)"\7example\3com"};
	struct evrt_dns_writer w;

	if (len < 2 || len > 60000)
		return;
	entry.type = (uint16_t)(bytes[0] << 8 | bytes[1]);
	if (entry.type == EVRT_DNS_TYPE_OPT)
		entry.name = (const uint8_t *)"";
	size_t whole = EVRT_DNS_HEADER_BYTES + evrt__dns_name_len(entry.name) + 10 + len - 2;
	uint8_t *room = room_of(whole);
	MUST(evrt__dns_writer_begin(&w, room, whole, 1, EVRT_DNS_FLAG_QR) == 0);
	MUST(evrt__dns_writer_record(&w, &entry, bytes + 2, len - 2) == 0);
	MUST(evrt__dns_writer_finish(&w) == whole);
	fuzz_message(room, whole, cap);
	free(room);
}

static void
fuzz_text(const uint8_t *bytes, size_t len, size_t cap)
{
	uint8_t name[EVRT_DNS_NAME_BYTES];
	int n = evrt__dns_name_from_text((const char *)bytes, len, name);

	(void)cap;
	if (n < 0)
		return;
	MUST((size_t)n == evrt__dns_name_len(name));
	name_must_be_sound(name);
}

static void (*const targets[])(const uint8_t *, size_t, size_t) = {fuzz_rdata, fuzz_message, fuzz_text};

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size < 2)
		return 0;
	uint8_t *bytes = room_of(size - 2);
	memcpy(bytes, data + 2, size - 2);
	/* Letters: 'r' is RDATA, 'm' a message, 't' text. */
	targets[data[0] % 3](bytes, size - 2, data[1]);
	free(bytes);
	return 0;
}
