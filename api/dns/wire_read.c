/* api/dns/wire_read.c — messages: header, questions, records, EDNS; see wire.h. */
#include "api/dns/wire.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"

/* Type, class, TTL, RDLENGTH: what stands between a record's name and its RDATA. */
#define WIRE_RECORD_BYTES 10
#define WIRE_TTL_AT 4

static int
wire_question_read(const uint8_t *bytes, size_t len, size_t *at, struct evrt_dns_question *question)
{
	if (evrt__dns_name_read(bytes, len, at, question->name) < 0 || len - *at < 4)
		return -EBADMSG;
	question->type = (uint16_t)evrt__dns_number(bytes + *at, 2);
	question->class = (uint16_t)evrt__dns_number(bytes + *at + 2, 2);
	*at += 4;
	return 0;
}

/* All but the section. */
static int
wire_record_read(const uint8_t *bytes, size_t len, size_t *at, struct evrt_dns_record *record)
{
	if (evrt__dns_name_read(bytes, len, at, record->name) < 0 || len - *at < WIRE_RECORD_BYTES)
		return -EBADMSG;
	const uint8_t *fields = bytes + *at;
	*at += WIRE_RECORD_BYTES;
	record->type = (uint16_t)evrt__dns_number(fields, 2);
	record->class = (uint16_t)evrt__dns_number(fields + 2, 2);
	record->ttl = evrt__dns_number(fields + WIRE_TTL_AT, 4);
	record->rdata = (struct evrt_dns_span){bytes + *at, (uint16_t)evrt__dns_number(fields + 8, 2)};
	if (len - *at < record->rdata.len)
		return -EBADMSG;
	*at += record->rdata.len;
	return 0;
}

/* RFC 6891 section 6.1: class and TTL have other meanings in an OPT record. */
static int
wire_edns_read(struct evrt_dns_msg *msg, const struct evrt_dns_record *record)
{
	struct evrt_dns_rdata rdata;

	if (record->section != EVRT_DNS_SECTION_ADDITIONAL || record->name[0] != 0 || msg->has_edns)
		return -EBADMSG;
	if (evrt__dns_rdata_read(msg, record, &rdata) != 0)
		return -EBADMSG;
	msg->has_edns = true;
	msg->edns = (struct evrt_dns_edns){
		.udp_bytes = record->class,
		.rcode_high = (uint8_t)(record->ttl >> 24),
		.version = (uint8_t)(record->ttl >> 16),
		.dnssec_ok = record->ttl >> 15 & 1,
		.options = rdata.options,
	};
	msg->rcode |= (uint16_t)(msg->edns.rcode_high << 4);
	return 0;
}

/* The records behind `at`, as many as the header said; *end gets where the last one ends. */
static int
wire_records_check(struct evrt_dns_msg *msg, size_t *end)
{
	struct evrt_dns_record record;

	for (record.section = EVRT_DNS_SECTION_ANSWER; record.section < EVRT_DNS_SECTIONS; record.section++) {
		for (unsigned i = 0; i < msg->counts[record.section]; i++) {
			size_t at = *end;
			if (wire_record_read(msg->bytes, msg->len, &at, &record) != 0) {
				if (!(msg->flags & EVRT_DNS_FLAG_TC))
					return -EBADMSG;
				msg->counts[record.section] = (uint16_t)i;
				for (unsigned later = record.section + 1; later < EVRT_DNS_SECTIONS; later++)
					msg->counts[later] = 0;
				return 0;
			}
			if (record.type == EVRT_DNS_TYPE_OPT && wire_edns_read(msg, &record) != 0)
				return -EBADMSG;
			*end = at;
		}
	}
	return 0;
}

int
evrt__dns_parse(struct evrt_dns_msg *msg, const uint8_t *bytes, size_t len)
{
	struct evrt_dns_question question;
	size_t at = EVRT_DNS_HEADER_BYTES;

	*msg = (struct evrt_dns_msg){.bytes = bytes, .len = len};
	if (len < EVRT_DNS_HEADER_BYTES)
		return -EBADMSG;
	msg->id = (uint16_t)evrt__dns_number(bytes, 2);
	msg->flags = (uint16_t)evrt__dns_number(bytes + 2, 2);
	msg->rcode = EVRT_DNS_RCODE(msg->flags);
	if (len > EVRT_DNS_MESSAGE_BYTES_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < EVRT_DNS_SECTIONS; i++)
		msg->counts[i] = (uint16_t)evrt__dns_number(bytes + 4 + i * 2, 2);
	for (unsigned i = 0; i < msg->counts[EVRT_DNS_SECTION_QUESTION]; i++) {
		if (wire_question_read(bytes, len, &at, &question) != 0)
			return -EBADMSG;
	}
	msg->records_at = at;
	if (wire_records_check(msg, &at) != 0)
		return -EBADMSG;
	msg->len = at;
	return 0;
}

bool
evrt__dns_question_next(const struct evrt_dns_msg *msg, struct evrt_dns_walk *walk, struct evrt_dns_question *out)
{
	if (walk->index == msg->counts[EVRT_DNS_SECTION_QUESTION])
		return false;
	if (walk->index++ == 0)
		walk->at = EVRT_DNS_HEADER_BYTES;
	int result = wire_question_read(msg->bytes, msg->len, &walk->at, out);
	EVRT_ASSERT(result == 0);
	return true;
}

bool
evrt__dns_record_next(const struct evrt_dns_msg *msg, struct evrt_dns_walk *walk, struct evrt_dns_record *out)
{
	enum evrt_dns_section section = EVRT_DNS_SECTION_ANSWER;
	uint32_t index = walk->index;

	while (section < EVRT_DNS_SECTIONS && index >= msg->counts[section])
		index -= msg->counts[section++];
	if (section == EVRT_DNS_SECTIONS)
		return false;
	if (walk->index++ == 0)
		walk->at = msg->records_at;
	int result = wire_record_read(msg->bytes, msg->len, &walk->at, out);
	EVRT_ASSERT(result == 0);
	out->section = section;
	if (out->ttl > INT32_MAX)
		out->ttl = 0;
	return true;
}
