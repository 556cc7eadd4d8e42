/* api/dns/server/reply.c — what is answered: records, flags, and the message made of them.
 *
 * Here:     evdns_server_request_add_*, _set_flags, _respond and _drop.
 * Not here: how a message leaves (udp.c, tcp.c).
 * Threads:  any, one at a time for a request.
 *
 * Names become wire form when they are added: so a bad one is told to who gives it, and all that can go wrong in
 * writing is that there is no room.
 */
#include "api/dns/server/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "api/event/event_internal.h"
#include "base/mem.h"

/* Type, class, TTL and length, between a record's name and its data; type and class behind a question's name. */
#define RECORD_FIXED_BYTES 10
#define QUESTION_FIXED_BYTES 4
/* The OPT record, without options. */
#define EDNS_BYTES 11
/* Those that _set_flags sets anew; others stay, as in libevent. */
#define FLAGS_SETTABLE (EVDNS_FLAGS_AA | EVDNS_FLAGS_RD)
/* What a program may set in the header; opcode, and that it is a response, are not for it to say. */
#define FLAGS_REPLIED 0x07ffu
#define OPCODE_BITS 0x7800u

/* --- records --------------------------------------------------------------------------------- */

void
evrt__dns_reply_free_records(struct evrt_dns_request *req)
{
	for (int i = 0; i < EVRT_DNS_SERVER_SECTIONS; i++)
		for (struct evrt_dns_reply_record *r = req->records[i].first, *next; r; r = next) {
			next = r->next;
			evrt__free(r);
		}
}

/* Takes `record` but for its names and data, which are copied. 0 or -ENOMEM. */
static int
reply_append(struct evrt_dns_request *req, int section, const struct evrt_dns_reply_record *record,
    const uint8_t *name, const void *data)
{
	struct evrt_dns_reply_list *list = &req->records[section];
	struct evrt_dns_reply_record *r = evrt__malloc(sizeof(*r) + record->name_len + record->data_len);

	if (!r)
		return -ENOMEM;
	*r = *record;
	r->next = NULL;
	memcpy(r->bytes, name, r->name_len);
	if (r->data_len)
		memcpy(r->bytes + r->name_len, data, r->data_len);
	*list->end = r;
	list->end = &r->next;
	req->records_bytes += (size_t)r->name_len + RECORD_FIXED_BYTES + r->data_len;
	return 0;
}

static int
reply_add(struct evrt_dns_request *req, int section, const char *name, int type, int class, int ttl, int data_len,
    bool is_name, const char *data)
{
	uint8_t owner[EVRT_DNS_NAME_BYTES], target[EVRT_DNS_NAME_BYTES];

	if (section < 0 || section >= EVRT_DNS_SERVER_SECTIONS || !name)
		return -EINVAL;
	if (is_name ? !data : data_len < 0 || data_len > UINT16_MAX || (data_len > 0 && !data))
		return -EINVAL;
	int name_len = evrt__dns_name_from_text(name, strlen(name), owner);
	int len = name_len >= 0 && is_name ? evrt__dns_name_from_text(data, strlen(data), target) : data_len;
	if (name_len < 0 || len < 0)
		return -EINVAL;
	const struct evrt_dns_reply_record record = {
		.ttl = (uint32_t)ttl, .type = (uint16_t)type, .class = (uint16_t)class, .data_len = (uint16_t)len,
		.name_len = (uint8_t)name_len, .is_name = is_name,
	};
	return reply_append(req, section, &record, owner, is_name ? (const void *)target : data);
}

int
evdns_server_request_add_reply(struct evdns_server_request *public, int section, const char *name, int type,
    int dns_class, int ttl, int datalen, int is_name, const char *data)
{
	return evrt__public_result(reply_add(evrt__dns_request_of(public), section, name, type, dns_class, ttl, datalen,
	    is_name != 0, data));
}

/* One record for each of `n` addresses; none of them, if one cannot be added. */
static int
reply_add_addresses(struct evrt_dns_request *req, const char *name, int type, int n, int bytes, const void *addrs,
    int ttl)
{
	struct evrt_dns_reply_list *list = &req->records[EVDNS_ANSWER_SECTION];
	struct evrt_dns_reply_record **end = list->end, *r, *next;
	size_t records_bytes = req->records_bytes;
	int err = n > 0 ? 0 : -EINVAL;

	for (int i = 0; i < n && err == 0; i++)
		err = reply_add(req, EVDNS_ANSWER_SECTION, name, type, EVDNS_CLASS_INET, ttl, bytes, false,
		    (const char *)addrs + (size_t)i * (size_t)bytes);
	if (err == 0)
		return 0;
	for (r = *end; r; r = next) {
		next = r->next;
		evrt__free(r);
	}
	*end = NULL;
	list->end = end;
	req->records_bytes = records_bytes;
	return err;
}

int
evdns_server_request_add_a_reply(struct evdns_server_request *public, const char *name, int n, const void *addrs,
    int ttl)
{
	return evrt__public_result(reply_add_addresses(evrt__dns_request_of(public), name, EVDNS_TYPE_A, n,
	    sizeof(struct in_addr), addrs, ttl));
}

int
evdns_server_request_add_aaaa_reply(struct evdns_server_request *public, const char *name, int n, const void *addrs,
    int ttl)
{
	return evrt__public_result(reply_add_addresses(evrt__dns_request_of(public), name, EVDNS_TYPE_AAAA, n,
	    sizeof(struct in6_addr), addrs, ttl));
}

int
evdns_server_request_add_ptr_reply(struct evdns_server_request *public, struct in_addr *in, const char *inaddr_name,
    const char *hostname, int ttl)
{
	char reversed[sizeof("255.255.255.255.in-addr.arpa")];

	if (!in == !inaddr_name)
		return evrt__public_result(-EINVAL);
	if (in) {
		uint32_t a = ntohl(in->s_addr);
		snprintf(reversed, sizeof(reversed), "%u.%u.%u.%u.in-addr.arpa", a & 255, a >> 8 & 255, a >> 16 & 255, a >> 24);
	}
	return evrt__public_result(reply_add(evrt__dns_request_of(public), EVDNS_ANSWER_SECTION,
	    in ? reversed : inaddr_name, EVDNS_TYPE_PTR, EVDNS_CLASS_INET, ttl, -1, true, hostname));
}

int
evdns_server_request_add_cname_reply(struct evdns_server_request *public, const char *name, const char *cname,
    int ttl)
{
	return evrt__public_result(reply_add(evrt__dns_request_of(public), EVDNS_ANSWER_SECTION, name, EVDNS_TYPE_CNAME,
	    EVDNS_CLASS_INET, ttl, -1, true, cname));
}

void
evdns_server_request_set_flags(struct evdns_server_request *public, int flags)
{
	public->flags = (public->flags & ~FLAGS_SETTABLE) | flags;
}

/* --- the message ------------------------------------------------------------------------------- */

size_t
evrt__dns_reply_bytes_max(const struct evrt_dns_request *req)
{
	size_t bytes = EVRT_DNS_HEADER_BYTES + EDNS_BYTES + req->records_bytes;
	const uint8_t *name = req->names;

	for (int i = 0; i < req->public.nquestions; i++) {
		size_t len = evrt__dns_name_len(name);
		bytes += len + QUESTION_FIXED_BYTES;
		name += len;
	}
	return bytes < EVRT_DNS_MESSAGE_BYTES_MAX ? bytes : EVRT_DNS_MESSAGE_BYTES_MAX;
}

static void
reply_write_questions(const struct evrt_dns_request *req, struct evrt_dns_writer *w)
{
	const uint8_t *name = req->names;

	for (int i = 0; i < req->public.nquestions; i++) {
		const struct evdns_server_question *q = req->public.questions[i];
		/* One without room is seen in the reply. */
		(void)evrt__dns_writer_question(w, name, (uint16_t)q->type, (uint16_t)q->dns_question_class);
		name += evrt__dns_name_len(name);
	}
}

/* A record that finds no room is seen in the reply, too. */
static void
reply_write_record(struct evrt_dns_writer *w, int section, const struct evrt_dns_reply_record *r)
{
	const uint8_t *data = r->bytes + r->name_len;
	const struct evrt_dns_entry entry = {
		.section = EVRT_DNS_SECTION_ANSWER + (enum evrt_dns_section)section,
		.type = r->type, .class = r->class, .ttl = r->ttl, .name = r->bytes,
	};

	if (r->is_name)
		(void)evrt__dns_writer_record_name(w, &entry, data);
	else
		(void)evrt__dns_writer_record(w, &entry, data, r->data_len);
}

size_t
evrt__dns_reply_write(const struct evrt_dns_request *req, unsigned rcode, void *bytes, size_t cap)
{
	unsigned flags = EVRT_DNS_FLAG_QR | (req->flags & OPCODE_BITS) | ((unsigned)req->public.flags & FLAGS_REPLIED) |
	    (rcode & 15);
	const struct evrt_dns_edns edns = {
		.udp_bytes = EVRT_DNS_SERVER_UDP_BYTES, .rcode_high = (uint8_t)(rcode >> 4), .dnssec_ok = req->edns.dnssec_ok,
	};
	struct evrt_dns_writer w;

	(void)evrt__dns_writer_begin(&w, bytes, cap, req->id, (uint16_t)flags);
	if (req->has_edns)
		(void)evrt__dns_writer_edns(&w, &edns);
	reply_write_questions(req, &w);
	for (int i = 0; i < EVRT_DNS_SERVER_SECTIONS; i++)
		for (const struct evrt_dns_reply_record *r = req->records[i].first; r; r = r->next)
			reply_write_record(&w, i, r);
	return evrt__dns_writer_finish(&w);
}

int
evdns_server_request_respond(struct evdns_server_request *public, int err)
{
	struct evrt_dns_request *req = evrt__dns_request_of(public);

	if (err < 0 || err > 15)
		return evrt__public_result(-EINVAL);
	int r = req->port->ops->reply(req, (unsigned)err);
	evrt__dns_request_end(req);
	return evrt__public_result(r);
}

int
evdns_server_request_drop(struct evdns_server_request *public)
{
	evrt__dns_request_end(evrt__dns_request_of(public));
	return 0;
}
