/* api/dns/wire_write.c — messages into a buffer of the caller's: compression, truncation, EDNS; see wire.h.
 *
 * Compression: `target_at` has the places of names already written, one for each label that begins there a name which
 * is not yet in the list. A target has at least one label before it points on, so chains of pointers are no longer
 * than names have labels.
 */
#include "api/dns/wire.h"

#include <errno.h>
#include <string.h>

#define WIRE_POINTER_MAX 0x3fffu
#define WIRE_LABELS_MAX 127
#define WIRE_OPT_BYTES 11                        /* with no options */

/* The types of RFC 1035 whose RDATA is one name; all below 16, as a set of bits. */
#define WIRE_NAME_TYPES (1u << EVRT_DNS_TYPE_NS | 1u << EVRT_DNS_TYPE_CNAME | 1u << EVRT_DNS_TYPE_PTR \
	| 1u << 3 /* MD */ | 1u << 4 /* MF */ | 1u << 7 /* MB */ | 1u << 8 /* MG */ | 1u << 9 /* MR */)

static void
wire_store(uint8_t *to, uint32_t number, size_t octets)
{
	for (size_t i = octets; i-- > 0; number >>= 8)
		to[i] = (uint8_t)number;
}

void
evrt__dns_writer_put(struct evrt_dns_writer *w, const void *bytes, size_t len)
{
	if (w->cap - w->len < len) {
		w->full = true;
		return;
	}
	if (len > 0)
		memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
}

void
evrt__dns_writer_put_number(struct evrt_dns_writer *w, uint32_t number, size_t octets)
{
	uint8_t bytes[4];

	wire_store(bytes, number, octets);
	evrt__dns_writer_put(w, bytes, octets);
}

/* Whether the name written at `at` is `name`. What is there was written here: it needs no checks. */
static bool
wire_target_is(const struct evrt_dns_writer *w, size_t at, const uint8_t *name)
{
	for (;;) {
		size_t octet = w->bytes[at];
		if (octet >= 0xc0) {
			at = (octet & 0x3f) << 8 | w->bytes[at + 1];
			continue;
		}
		if (octet != name[0] || memcmp(w->bytes + at + 1, name + 1, octet) != 0)
			return false;
		if (octet == 0)
			return true;
		at += octet + 1;
		name += octet + 1;
	}
}

/* The labels of a name: where each begins, the root at last, and a hash of the name that begins there. Returns how
 * many there are without the root. */
static size_t
wire_labels(const uint8_t *name, uint8_t starts[WIRE_LABELS_MAX + 1], uint16_t hashes[WIRE_LABELS_MAX])
{
	size_t count = 0, at;
	uint32_t hash = 0;

	for (at = 0; name[at] != 0; at += name[at] + 1u)
		starts[count++] = (uint8_t)at;
	starts[count] = (uint8_t)at;
	for (size_t i = count; i-- > 0;) {
		while (at > starts[i])
			hash = (hash ^ name[--at]) * 0x01000193u;
		hashes[i] = (uint16_t)(hash >> 16);
	}
	return count;
}

/* Where a name stands already; 0: nowhere. */
static uint16_t
wire_target_find(const struct evrt_dns_writer *w, const uint8_t *name, uint16_t hash)
{
	for (size_t i = 0; i < w->target_count; i++)
		if (w->target_hash[i] == hash && wire_target_is(w, w->target_at[i], name))
			return w->target_at[i];
	return 0;
}

static void
wire_target_add(struct evrt_dns_writer *w, size_t at, uint16_t hash)
{
	if (at > WIRE_POINTER_MAX || w->target_count == EVRT_DNS_WRITER_TARGETS_MAX)
		return;
	w->target_at[w->target_count] = (uint16_t)at;
	w->target_hash[w->target_count++] = hash;
}

void
evrt__dns_writer_put_name(struct evrt_dns_writer *w, const uint8_t *name, bool compress)
{
	uint8_t starts[WIRE_LABELS_MAX + 1];
	uint16_t hashes[WIRE_LABELS_MAX], target = 0;
	size_t begin = w->len, count, own = 0;

	if (!compress) {
		evrt__dns_writer_put(w, name, evrt__dns_name_len(name));
		return;
	}
	count = wire_labels(name, starts, hashes);
	while (own < count && (target = wire_target_find(w, name + starts[own], hashes[own])) == 0)
		own++;
	evrt__dns_writer_put(w, name, starts[own]);
	if (target)
		evrt__dns_writer_put_number(w, 0xc000u | target, 2);
	else
		evrt__dns_writer_put_number(w, 0, 1);
	/* Only now: a target that has no end yet would lead whoever compares with it beyond what is written. */
	for (size_t i = 0; i < own && !w->full; i++)
		wire_target_add(w, begin + starts[i], hashes[i]);
}

int
evrt__dns_writer_begin(struct evrt_dns_writer *w, void *bytes, size_t cap, uint16_t id, uint16_t flags)
{
	if (cap < EVRT_DNS_HEADER_BYTES)
		return -EMSGSIZE;
	*w = (struct evrt_dns_writer){
		.bytes = bytes,
		.cap = cap < EVRT_DNS_MESSAGE_BYTES_MAX ? cap : EVRT_DNS_MESSAGE_BYTES_MAX,
		.len = EVRT_DNS_HEADER_BYTES,
		.flags = flags,
	};
	wire_store(w->bytes, id, 2);
	return 0;
}

int
evrt__dns_writer_edns(struct evrt_dns_writer *w, const struct evrt_dns_edns *edns)
{
	size_t bytes = WIRE_OPT_BYTES + (size_t)edns->options.len;

	if (w->cap - w->len < bytes)
		return -EMSGSIZE;
	w->edns = *edns;
	w->reserved = bytes;
	w->cap -= bytes;
	return 0;
}

/* Where a question or a record begins: where to go back to when it finds no room. */
struct wire_mark {
	size_t len;
	uint16_t target_count;
	size_t rdata_at;                             /* of records */
};

static struct wire_mark
wire_mark(const struct evrt_dns_writer *w)
{
	return (struct wire_mark){.len = w->len, .target_count = w->target_count};
}

/* What was written since `mark` either counts, as one more thing of its section, or is undone. `result` is what its
 * parts said. */
static int
wire_settle(struct evrt_dns_writer *w, const struct wire_mark *mark, enum evrt_dns_section section, int result)
{
	if (result == 0 && w->full) {
		w->truncated |= section != EVRT_DNS_SECTION_ADDITIONAL;
		result = -EMSGSIZE;
	}
	if (result != 0) {
		w->len = mark->len;
		w->target_count = mark->target_count;
		w->full = false;
		return result;
	}
	w->section = section;
	w->counts[section]++;
	return 0;
}

int
evrt__dns_writer_question(struct evrt_dns_writer *w, const uint8_t *name, uint16_t type, uint16_t class)
{
	struct wire_mark mark = wire_mark(w);

	if (w->section != EVRT_DNS_SECTION_QUESTION)
		return -EINVAL;
	if (w->truncated)
		return -EMSGSIZE;
	evrt__dns_writer_put_name(w, name, true);
	evrt__dns_writer_put_number(w, type, 2);
	evrt__dns_writer_put_number(w, class, 2);
	return wire_settle(w, &mark, EVRT_DNS_SECTION_QUESTION, 0);
}

/* All that stands before the RDATA, with a length of 0. */
static int
wire_record_open(struct evrt_dns_writer *w, const struct evrt_dns_entry *entry, uint16_t type, struct wire_mark *mark)
{
	if (entry->section < w->section || entry->section == EVRT_DNS_SECTION_QUESTION
	    || entry->section >= EVRT_DNS_SECTIONS)
		return -EINVAL;
	if (w->truncated)
		return -EMSGSIZE;
	*mark = wire_mark(w);
	evrt__dns_writer_put_name(w, entry->name, true);
	evrt__dns_writer_put_number(w, type, 2);
	evrt__dns_writer_put_number(w, entry->class, 2);
	evrt__dns_writer_put_number(w, entry->ttl, 4);
	evrt__dns_writer_put_number(w, 0, 2);
	mark->rdata_at = w->len;
	return 0;
}

static int
wire_record_close(struct evrt_dns_writer *w, const struct evrt_dns_entry *entry, const struct wire_mark *mark,
    int result)
{
	result = wire_settle(w, mark, entry->section, result);
	if (result == 0)
		wire_store(w->bytes + mark->rdata_at - 2, (uint32_t)(w->len - mark->rdata_at), 2);
	return result;
}

int
evrt__dns_writer_record(struct evrt_dns_writer *w, const struct evrt_dns_entry *entry, const void *rdata, size_t len)
{
	struct wire_mark mark;
	int result = wire_record_open(w, entry, entry->type, &mark);

	if (result != 0)
		return result;
	evrt__dns_writer_put(w, rdata, len);
	return wire_record_close(w, entry, &mark, 0);
}

int
evrt__dns_writer_record_name(struct evrt_dns_writer *w, const struct evrt_dns_entry *entry, const uint8_t *name)
{
	struct wire_mark mark;
	int result = wire_record_open(w, entry, entry->type, &mark);

	if (result != 0)
		return result;
	evrt__dns_writer_put_name(w, name, entry->type < 16 && (WIRE_NAME_TYPES >> entry->type & 1));
	return wire_record_close(w, entry, &mark, 0);
}

int
evrt__dns_writer_record_rdata(struct evrt_dns_writer *w, const struct evrt_dns_entry *entry,
    const struct evrt_dns_rdata *rdata)
{
	struct wire_mark mark;
	int result = wire_record_open(w, entry, rdata->type, &mark);

	if (result != 0)
		return result;
	return wire_record_close(w, entry, &mark, evrt__dns_rdata_write(w, rdata));
}

size_t
evrt__dns_writer_finish(struct evrt_dns_writer *w)
{
	if (w->reserved) {
		w->cap += w->reserved;
		w->reserved = 0;
		evrt__dns_writer_put_number(w, 0, 1);
		evrt__dns_writer_put_number(w, EVRT_DNS_TYPE_OPT, 2);
		evrt__dns_writer_put_number(w, w->edns.udp_bytes, 2);
		evrt__dns_writer_put_number(w, w->edns.rcode_high, 1);
		evrt__dns_writer_put_number(w, w->edns.version, 1);
		evrt__dns_writer_put_number(w, w->edns.dnssec_ok ? 0x8000 : 0, 2);
		evrt__dns_writer_put_number(w, w->edns.options.len, 2);
		evrt__dns_writer_put(w, w->edns.options.bytes, w->edns.options.len);
		w->counts[EVRT_DNS_SECTION_ADDITIONAL]++;
	}
	wire_store(w->bytes + 2, w->flags | (w->truncated ? EVRT_DNS_FLAG_TC : 0), 2);
	for (size_t i = 0; i < EVRT_DNS_SECTIONS; i++)
		wire_store(w->bytes + 4 + i * 2, w->counts[i], 2);
	return w->len;
}
