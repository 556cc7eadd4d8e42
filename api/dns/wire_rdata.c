/* api/dns/wire_rdata.c — the RDATA of known types, as a table that reading and writing share; see wire.h.
 *
 * A type is one line of `forms`: its fields in their order, each of a kind and at a place of struct evrt_dns_rdata.
 */
#include "api/dns/wire.h"

#include <errno.h>
#include <string.h>

/* What is left of the RDATA that is read: octets [at, end) of a message. Names may point to before `at`. */
struct rdata_input {
	const uint8_t *bytes;
	size_t at;
	size_t end;
};

struct rdata_kind {
	int (*read)(struct rdata_input *, const struct rdata_kind *, void *field);
	int (*write)(struct evrt_dns_writer *, const struct rdata_kind *, const void *field);
	size_t octets;                               /* of numbers and addresses */
	bool point_when_written, points_when_read;   /* names: whether they may be compressed */
	bool (*valid)(struct evrt_dns_span);         /* spans; NULL: whatever they hold */
};

bool
evrt__dns_strings_next(struct evrt_dns_span *rest, struct evrt_dns_span *string)
{
	if (rest->len == 0 || rest->len - 1 < rest->bytes[0])
		return false;
	*string = (struct evrt_dns_span){rest->bytes + 1, rest->bytes[0]};
	rest->bytes += 1 + string->len;
	rest->len = (uint16_t)(rest->len - 1 - string->len);
	return true;
}

bool
evrt__dns_params_next(struct evrt_dns_span *rest, uint16_t *key, struct evrt_dns_span *value)
{
	if (rest->len < 4 || rest->len - 4u < evrt__dns_number(rest->bytes + 2, 2))
		return false;
	*key = (uint16_t)evrt__dns_number(rest->bytes, 2);
	*value = (struct evrt_dns_span){rest->bytes + 4, (uint16_t)evrt__dns_number(rest->bytes + 2, 2)};
	rest->bytes += 4 + value->len;
	rest->len = (uint16_t)(rest->len - 4 - value->len);
	return true;
}

static bool
rdata_strings_valid(struct evrt_dns_span span)
{
	struct evrt_dns_span string;
	bool some = false;

	while (evrt__dns_strings_next(&span, &string))
		some = true;
	return some && span.len == 0;
}

static bool
rdata_options_valid(struct evrt_dns_span span)
{
	struct evrt_dns_span value;
	uint16_t key;

	while (evrt__dns_params_next(&span, &key, &value))
		continue;
	return span.len == 0;
}

/* RFC 9460 section 2.2: each key once, in rising order. */
static bool
rdata_params_valid(struct evrt_dns_span span)
{
	struct evrt_dns_span value;
	int last = -1;

	for (uint16_t key; evrt__dns_params_next(&span, &key, &value); last = key) {
		if (key <= last)
			return false;
	}
	return span.len == 0;
}

/* RFC 8659 section 4.1. */
static bool
rdata_tag_valid(struct evrt_dns_span span)
{
	for (size_t i = 0; i < span.len; i++) {
		uint8_t c = span.bytes[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
			return false;
	}
	return span.len > 0;
}

static int
rdata_octets_read(struct rdata_input *in, const struct rdata_kind *kind, void *field)
{
	if (in->end - in->at < kind->octets)
		return -EBADMSG;
	memcpy(field, in->bytes + in->at, kind->octets);
	in->at += kind->octets;
	return 0;
}

static int
rdata_octets_write(struct evrt_dns_writer *w, const struct rdata_kind *kind, const void *field)
{
	evrt__dns_writer_put(w, field, kind->octets);
	return 0;
}

static int
rdata_number_read(struct rdata_input *in, const struct rdata_kind *kind, void *field)
{
	if (in->end - in->at < kind->octets)
		return -EBADMSG;
	uint32_t number = evrt__dns_number(in->bytes + in->at, kind->octets);
	if (kind->octets == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)number;
	else
		*(uint32_t *)field = number;
	in->at += kind->octets;
	return 0;
}

static int
rdata_number_write(struct evrt_dns_writer *w, const struct rdata_kind *kind, const void *field)
{
	bool half = kind->octets == sizeof(uint16_t);

	evrt__dns_writer_put_number(w, half ? *(const uint16_t *)field : *(const uint32_t *)field, kind->octets);
	return 0;
}

static int
rdata_name_read(struct rdata_input *in, const struct rdata_kind *kind, void *field)
{
	size_t begin = in->at;
	int n = evrt__dns_name_read(in->bytes, in->end, &in->at, field);

	if (n < 0)
		return n;
	/* A pointer takes two octets, and no name has two: so decompressed names have another length. */
	return kind->points_when_read || in->at - begin == (size_t)n ? 0 : -EBADMSG;
}

static int
rdata_name_write(struct evrt_dns_writer *w, const struct rdata_kind *kind, const void *field)
{
	evrt__dns_writer_put_name(w, field, kind->point_when_written);
	return 0;
}

static int
rdata_string_read(struct rdata_input *in, const struct rdata_kind *kind, void *field)
{
	struct evrt_dns_span rest = {in->bytes + in->at, (uint16_t)(in->end - in->at)}, *string = field;

	if (!evrt__dns_strings_next(&rest, string) || !kind->valid(*string))
		return -EBADMSG;
	in->at += 1u + string->len;
	return 0;
}

static int
rdata_string_write(struct evrt_dns_writer *w, const struct rdata_kind *kind, const void *field)
{
	const struct evrt_dns_span *string = field;

	if (string->len > 255 || !kind->valid(*string))
		return -EINVAL;
	evrt__dns_writer_put_number(w, string->len, 1);
	evrt__dns_writer_put(w, string->bytes, string->len);
	return 0;
}

static int
rdata_rest_read(struct rdata_input *in, const struct rdata_kind *kind, void *field)
{
	struct evrt_dns_span rest = {in->bytes + in->at, (uint16_t)(in->end - in->at)};

	if (kind->valid && !kind->valid(rest))
		return -EBADMSG;
	*(struct evrt_dns_span *)field = rest;
	in->at = in->end;
	return 0;
}

static int
rdata_rest_write(struct evrt_dns_writer *w, const struct rdata_kind *kind, const void *field)
{
	const struct evrt_dns_span *rest = field;

	if (kind->valid && !kind->valid(*rest))
		return -EINVAL;
	evrt__dns_writer_put(w, rest->bytes, rest->len);
	return 0;
}

#define OCTETS(n) {.read = rdata_octets_read, .write = rdata_octets_write, .octets = (n)}
#define NUMBER(n) {.read = rdata_number_read, .write = rdata_number_write, .octets = (n)}
#define NAME(out, in) {.read = rdata_name_read, .write = rdata_name_write, .point_when_written = (out), \
	.points_when_read = (in)}
#define STRING(check) {.read = rdata_string_read, .write = rdata_string_write, .valid = (check)}
#define REST(check) {.read = rdata_rest_read, .write = rdata_rest_write, .valid = (check)}

static const struct rdata_kind
	kind_u8 = OCTETS(1),
	kind_u16 = NUMBER(sizeof(uint16_t)),
	kind_u32 = NUMBER(sizeof(uint32_t)),
	kind_ipv4 = OCTETS(4),
	kind_ipv6 = OCTETS(16),
	/* Only names in types of RFC 1035 are compressed; SRV's are read compressed nevertheless (RFC 3597 section 4),
	 * SVCB's are refused then (RFC 9460 section 2.2). */
	kind_name = NAME(true, true),
	kind_srv_name = NAME(false, true),
	kind_svcb_name = NAME(false, false),
	kind_tag = STRING(rdata_tag_valid),
	kind_bytes = REST(NULL),
	kind_strings = REST(rdata_strings_valid),
	kind_params = REST(rdata_params_valid),
	kind_options = REST(rdata_options_valid);

#define FIELDS_MAX 7
#define FIELD(kind, member) {&kind_##kind, offsetof(struct evrt_dns_rdata, member)}
#define SVCB_FIELDS {FIELD(u16, svcb.priority), FIELD(svcb_name, svcb.target), FIELD(params, svcb.params)}

static const struct rdata_form {
	uint16_t type;
	struct {
		const struct rdata_kind *kind;
		size_t at;
	} fields[FIELDS_MAX + 1];                    /* ends with a kind of NULL */
} forms[] = {
	{EVRT_DNS_TYPE_A, {FIELD(ipv4, a)}},
	{EVRT_DNS_TYPE_AAAA, {FIELD(ipv6, aaaa)}},
	{EVRT_DNS_TYPE_CNAME, {FIELD(name, name)}},
	{EVRT_DNS_TYPE_PTR, {FIELD(name, name)}},
	{EVRT_DNS_TYPE_NS, {FIELD(name, name)}},
	{EVRT_DNS_TYPE_SOA, {FIELD(name, soa.mname), FIELD(name, soa.rname), FIELD(u32, soa.serial),
		FIELD(u32, soa.refresh), FIELD(u32, soa.retry), FIELD(u32, soa.expire), FIELD(u32, soa.minimum)}},
	{EVRT_DNS_TYPE_MX, {FIELD(u16, mx.preference), FIELD(name, mx.exchange)}},
	{EVRT_DNS_TYPE_TXT, {FIELD(strings, txt)}},
	{EVRT_DNS_TYPE_SRV, {FIELD(u16, srv.priority), FIELD(u16, srv.weight), FIELD(u16, srv.port),
		FIELD(srv_name, srv.target)}},
	{EVRT_DNS_TYPE_OPT, {FIELD(options, options)}},
	{EVRT_DNS_TYPE_SVCB, SVCB_FIELDS},
	{EVRT_DNS_TYPE_HTTPS, SVCB_FIELDS},
	{EVRT_DNS_TYPE_CAA, {FIELD(u8, caa.flags), FIELD(tag, caa.tag), FIELD(bytes, caa.value)}},
};

static const struct rdata_form *
rdata_form_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].type == type)
			return &forms[i];
	}
	return NULL;
}

int
evrt__dns_rdata_read(const struct evrt_dns_msg *msg, const struct evrt_dns_record *record, struct evrt_dns_rdata *out)
{
	const struct rdata_form *form = rdata_form_of(record->type);
	size_t at = (size_t)(record->rdata.bytes - msg->bytes);
	struct rdata_input in = {msg->bytes, at, at + record->rdata.len};

	if (!form)
		return -EOPNOTSUPP;
	out->type = record->type;
	for (size_t i = 0; form->fields[i].kind; i++) {
		int result = form->fields[i].kind->read(&in, form->fields[i].kind, (char *)out + form->fields[i].at);
		if (result != 0)
			return result;
	}
	return in.at == in.end ? 0 : -EBADMSG;
}

int
evrt__dns_rdata_write(struct evrt_dns_writer *w, const struct evrt_dns_rdata *rdata)
{
	const struct rdata_form *form = rdata_form_of(rdata->type);

	if (!form)
		return -EOPNOTSUPP;
	for (size_t i = 0; form->fields[i].kind; i++) {
		int result = form->fields[i].kind->write(w, form->fields[i].kind, (const char *)rdata + form->fields[i].at);
		if (result != 0)
			return result;
	}
	return 0;
}
