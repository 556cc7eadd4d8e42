/* api/dns/wire.h — DNS messages as bytes (RFC 1035, 3597, 6891): names, questions, records, RDATA, both directions.
 *
 * Here:     pure functions over (bytes, length). They allocate nothing, call nothing, keep nothing but the structs
 *           below; results are copies of names and spans into the caller's bytes, which must outlive them.
 *           wire_name.c names, wire_read.c messages, wire_rdata.c the RDATA of known types, wire_write.c the writer
 * Not here: sockets and the two length octets of TCP, who asked what, which answers to believe, caches.
 * Threads:  any; a struct belongs to one caller at a time.
 *
 * A name has two forms. "Wire" is uncompressed: length octet, label, and so on, and the root's 0; in arrays of
 * EVRT_DNS_NAME_BYTES. As length octets are at most 63 and letters come after 64, what changes or compares the case
 * of letters may treat all octets of a wire name alike. "Text" is the form of zone files (RFC 1035 section 5.1).
 *
 * Errors: -EBADMSG for bytes that break the protocol; others where they are named.
 */
#ifndef EVRT_API_DNS_WIRE_H_
#define EVRT_API_DNS_WIRE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVRT_DNS_HEADER_BYTES 12
#define EVRT_DNS_MESSAGE_BYTES_MAX 65535
#define EVRT_DNS_UDP_BYTES 512               /* what a datagram may hold when nobody offered more (no EDNS) */
#define EVRT_DNS_NAME_BYTES 256              /* arrays for names in wire form; a name has at most 255 octets */
#define EVRT_DNS_TEXT_BYTES 1025             /* arrays for names in text form, the NUL included */
#define EVRT_DNS_LABEL_BYTES_MAX 63

/* The bits of `flags`, as they stand in the header's second word. */
#define EVRT_DNS_FLAG_QR 0x8000u             /* a response */
#define EVRT_DNS_FLAG_AA 0x0400u
#define EVRT_DNS_FLAG_TC 0x0200u
#define EVRT_DNS_FLAG_RD 0x0100u
#define EVRT_DNS_FLAG_RA 0x0080u
#define EVRT_DNS_FLAG_AD 0x0020u
#define EVRT_DNS_FLAG_CD 0x0010u
#define EVRT_DNS_OPCODE(flags) ((flags) >> 11 & 15u)
#define EVRT_DNS_RCODE(flags) ((flags) & 15u)

enum evrt_dns_class {
	EVRT_DNS_CLASS_IN = 1,
	EVRT_DNS_CLASS_CH = 3,
	EVRT_DNS_CLASS_ANY = 255,
};

enum evrt_dns_type {
	EVRT_DNS_TYPE_A = 1,
	EVRT_DNS_TYPE_NS = 2,
	EVRT_DNS_TYPE_CNAME = 5,
	EVRT_DNS_TYPE_SOA = 6,
	EVRT_DNS_TYPE_PTR = 12,
	EVRT_DNS_TYPE_MX = 15,
	EVRT_DNS_TYPE_TXT = 16,
	EVRT_DNS_TYPE_AAAA = 28,
	EVRT_DNS_TYPE_SRV = 33,
	EVRT_DNS_TYPE_OPT = 41,
	EVRT_DNS_TYPE_SVCB = 64,
	EVRT_DNS_TYPE_HTTPS = 65,
	EVRT_DNS_TYPE_ANY = 255,
	EVRT_DNS_TYPE_CAA = 257,
};

/* In the order of a message; as indices, into the header's counts. */
enum evrt_dns_section {
	EVRT_DNS_SECTION_QUESTION,
	EVRT_DNS_SECTION_ANSWER,
	EVRT_DNS_SECTION_AUTHORITY,
	EVRT_DNS_SECTION_ADDITIONAL,
	EVRT_DNS_SECTIONS,
};

/* Borrowed bytes. */
struct evrt_dns_span {
	const uint8_t *bytes;
	uint16_t len;
};

/* ---- Names (wire_name.c) */

/* The name that begins at *at of a message, decompressed. Returns its length in wire form and moves *at behind it; on
 * -EBADMSG *at and what `out` holds mean nothing. What a compression pointer points at lies behind the header and ends
 * before the run of labels began that the pointer ends: so pointers cannot loop, and no name depends on what follows
 * it. A name has at most 127 of them. */
int evrt__dns_name_read(const uint8_t *bytes, size_t len, size_t *at, uint8_t out[EVRT_DNS_NAME_BYTES]);
/* Octets of a wire name, the root's included: 1 to 255. */
size_t evrt__dns_name_len(const uint8_t *name);
/* Whether two wire names are the same name (RFC 4343: the case of ASCII letters says nothing), or the same octets. */
bool evrt__dns_name_equal(const uint8_t *a, const uint8_t *b);
bool evrt__dns_name_equal_exactly(const uint8_t *a, const uint8_t *b);
/* To text: labels joined by dots, none at the end; the root is ".". A dot or a backslash within a label is written
 * behind a backslash; what is no visible ASCII (space included) as \DDD. Returns strlen(out). */
size_t evrt__dns_name_to_text(const uint8_t *name, char out[EVRT_DNS_TEXT_BYTES]);
/* From text of `len` bytes: \X and \DDD are understood, all other bytes are taken as they are; a dot at the end changes
 * nothing; "." and "" are the root. Returns the length in wire form. -EINVAL: an empty label, one of more than 63
 * octets, more than 255 in all, a broken escape. */
int evrt__dns_name_from_text(const char *text, size_t len, uint8_t out[EVRT_DNS_NAME_BYTES]);
/* The name that PTR records of an address have: of 4 octets below in-addr.arpa, of 16 below ip6.arpa. */
void evrt__dns_name_of_address(const uint8_t *address, size_t address_len, uint8_t out[EVRT_DNS_NAME_BYTES]);

/* ---- Messages read (wire_read.c) */

struct evrt_dns_edns {
	uint16_t udp_bytes;                      /* as the sender gave it; below 512 means 512 */
	uint8_t rcode_high;                      /* bits 4 to 11 of the extended rcode */
	uint8_t version;                         /* not 0: a server answers BADVERS (16) */
	bool dnssec_ok;
	struct evrt_dns_span options;            /* for evrt__dns_params_next */
};

struct evrt_dns_msg {
	const uint8_t *bytes;
	size_t len;                              /* up to the last record's end; bytes behind it are ignored */
	uint16_t id;
	uint16_t flags;                          /* EVRT_DNS_FLAG_*, EVRT_DNS_OPCODE, EVRT_DNS_RCODE */
	uint16_t rcode;                          /* all 12 bits of it when there is EDNS */
	uint16_t counts[EVRT_DNS_SECTIONS];      /* what is there: with TC perhaps less than the header says */
	size_t records_at;                       /* where the questions end */
	bool has_edns;
	struct evrt_dns_edns edns;               /* if has_edns, else zeros */
};

/* Checks the message once: every name, every length, that at most one OPT is there, of the root, among the additional
 * records. After 0 the walks below cannot fail: so nobody who walks has a branch for broken messages, and no
 * answer is half believed before its broken end is met. The insides of RDATA are checked by who reads them: a
 * malformed record of a type that nobody asked for spoils nothing.
 * A message with TC may be cut anywhere among its records (some servers do that): those before the cut count.
 * -EBADMSG: id and flags are set nevertheless if `len` is at least EVRT_DNS_HEADER_BYTES (a server answers FORMERR
 * when QR is not set), all else means nothing; a shorter message deserves no answer. */
int evrt__dns_parse(struct evrt_dns_msg *, const uint8_t *bytes, size_t len);

struct evrt_dns_question {
	uint16_t type;
	uint16_t class;
	uint8_t name[EVRT_DNS_NAME_BYTES];       /* in the case in which it came */
};

struct evrt_dns_record {
	enum evrt_dns_section section;
	uint16_t type;
	uint16_t class;
	uint32_t ttl;                            /* seconds; what is beyond 2^31 - 1 counts as 0 (RFC 2181 section 8) */
	struct evrt_dns_span rdata;              /* in the message: names in it may be compressed */
	uint8_t name[EVRT_DNS_NAME_BYTES];
};

/* Where a walk is; begin with {0}. */
struct evrt_dns_walk {
	size_t at;
	uint32_t index;
};

/* The next question; the next record of any section, in the message's order, the OPT record like others. False: that
 * were all. The message must have been parsed. */
bool evrt__dns_question_next(const struct evrt_dns_msg *, struct evrt_dns_walk *, struct evrt_dns_question *);
bool evrt__dns_record_next(const struct evrt_dns_msg *, struct evrt_dns_walk *, struct evrt_dns_record *);

/* ---- RDATA of known types (wire_rdata.c) */

/* Names in wire form; numbers in the machine's order; spans in the message that was read. */
struct evrt_dns_rdata {
	uint16_t type;                           /* says which one */
	union {
		uint8_t a[4];
		uint8_t aaaa[16];
		uint8_t name[EVRT_DNS_NAME_BYTES];   /* NS, CNAME, PTR */
		struct {
			uint16_t preference;
			uint8_t exchange[EVRT_DNS_NAME_BYTES];
		} mx;
		struct {
			uint16_t priority, weight, port;
			uint8_t target[EVRT_DNS_NAME_BYTES];
		} srv;
		struct evrt_dns_span txt;            /* for evrt__dns_strings_next; at least one string */
		struct {
			uint32_t serial, refresh, retry, expire, minimum;
			uint8_t mname[EVRT_DNS_NAME_BYTES], rname[EVRT_DNS_NAME_BYTES];
		} soa;
		struct {
			uint8_t flags;
			struct evrt_dns_span tag;        /* letters and digits, at least one */
			struct evrt_dns_span value;
		} caa;
		struct {                             /* SVCB, HTTPS */
			uint16_t priority;               /* 0: an alias */
			struct evrt_dns_span params;     /* for evrt__dns_params_next; keys rise */
			uint8_t target[EVRT_DNS_NAME_BYTES];
		} svcb;
		struct evrt_dns_span options;        /* OPT; for evrt__dns_params_next */
	};
};

/* Takes RDATA apart by its record's type. -EBADMSG: it is too short, too long, or against its type's rules.
 * -EOPNOTSUPP: a type without an own form here: its bytes are all that can be had. The class is the caller's to check:
 * the forms are those of IN. */
int evrt__dns_rdata_read(const struct evrt_dns_msg *, const struct evrt_dns_record *, struct evrt_dns_rdata *);

/* Takes the first string off a sequence of them (length octet, bytes): of TXT, or of the value of the parameter
 * alpn. False: none left, or a string that is longer than the rest. */
bool evrt__dns_strings_next(struct evrt_dns_span *rest, struct evrt_dns_span *string);
/* Takes the first pair off a sequence of them (key, length, value): parameters of SVCB, options of EDNS. False: none
 * left, or a value that is longer than the rest. */
bool evrt__dns_params_next(struct evrt_dns_span *rest, uint16_t *key, struct evrt_dns_span *value);

/* ---- Messages written (wire_write.c) */

/* Names to which later ones may point: more than most messages have; what finds no place is not pointed at. */
#define EVRT_DNS_WRITER_TARGETS_MAX 128

/* Private, but for `truncated`. */
struct evrt_dns_writer {
	uint8_t *bytes;
	size_t cap;                              /* what is free for records: without `reserved` */
	size_t len;
	size_t reserved;                         /* octets kept behind cap for the OPT record */
	uint16_t flags;
	bool truncated;                          /* a question, an answer or an authority record found no room: TC */
	bool full;                               /* what is being written does not fit */
	enum evrt_dns_section section;           /* of the last thing written */
	uint16_t counts[EVRT_DNS_SECTIONS];
	struct evrt_dns_edns edns;               /* if reserved != 0 */
	uint16_t target_count;
	uint16_t target_at[EVRT_DNS_WRITER_TARGETS_MAX];   /* at most 0x3fff: what a pointer can hold */
	uint16_t target_hash[EVRT_DNS_WRITER_TARGETS_MAX];
};

/* What stands before the RDATA. */
struct evrt_dns_entry {
	enum evrt_dns_section section;           /* not QUESTION */
	uint16_t type;
	uint16_t class;
	uint32_t ttl;                            /* seconds */
	const uint8_t *name;                     /* wire form */
};

/* A message into `cap` octets of `bytes` (of more than 65535 the rest stays unused). Then, in this order: edns once or
 * not at all, questions, records by rising section, finish. Nothing is ever written beyond `cap`; what does not fit
 * leaves no trace but TC in the header. -EMSGSIZE: `cap` is below EVRT_DNS_HEADER_BYTES. */
int evrt__dns_writer_begin(struct evrt_dns_writer *, void *bytes, size_t cap, uint16_t id, uint16_t flags);
/* Keeps room for an OPT record, which finish writes behind all others, truncated or not. The options are borrowed until
 * then. -EMSGSIZE: no room, and so no OPT record. */
int evrt__dns_writer_edns(struct evrt_dns_writer *, const struct evrt_dns_edns *);
/* The name goes out in the case in which it is given. -EMSGSIZE: no room. */
int evrt__dns_writer_question(struct evrt_dns_writer *, const uint8_t *name, uint16_t type, uint16_t class);

/* One record: with RDATA as given; with RDATA that is one name, compressed if the type is one of RFC 1035; with RDATA
 * of a known type, its names compressed likewise (entry->type is not looked at: rdata->type is the record's).
 * Spelling is kept: a name is compressed only against one with the same octets.
 * -EMSGSIZE: no room, and the message is as before, but for TC if the section is ANSWER or AUTHORITY; after that all
 *            further records are refused, so that what a truncated message has is the beginning of the whole one.
 * -EINVAL:   records of the section come too late; or `rdata` is what evrt__dns_rdata_read would refuse. */
int evrt__dns_writer_record(struct evrt_dns_writer *, const struct evrt_dns_entry *, const void *rdata, size_t len);
int evrt__dns_writer_record_name(struct evrt_dns_writer *, const struct evrt_dns_entry *, const uint8_t *name);
int evrt__dns_writer_record_rdata(struct evrt_dns_writer *, const struct evrt_dns_entry *,
    const struct evrt_dns_rdata *rdata);

/* Header and OPT record; the octets of the message. */
size_t evrt__dns_writer_finish(struct evrt_dns_writer *);

/* ---- Between the sources */

/* The number that `octets` (at most 4) octets are in network order. */
static inline uint32_t
evrt__dns_number(const uint8_t *bytes, size_t octets)
{
	uint32_t number = 0;

	for (size_t i = 0; i < octets; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* Octets, numbers in network order, names; compressed if `compress`. What finds no room is left out and sets `full`:
 * then all of the question or record is undone at its end. */
void evrt__dns_writer_put(struct evrt_dns_writer *, const void *bytes, size_t len);
void evrt__dns_writer_put_number(struct evrt_dns_writer *, uint32_t number, size_t octets);
void evrt__dns_writer_put_name(struct evrt_dns_writer *, const uint8_t *name, bool compress);
/* RDATA of a known type. -EINVAL, -EOPNOTSUPP as above; full buffers are seen in `full`. */
int evrt__dns_rdata_write(struct evrt_dns_writer *, const struct evrt_dns_rdata *);

#endif
