/* api/dns/server/request.c — what was asked, as libevent's programs see it.
 *
 * Here:     from a message to struct evdns_server_request, and to the program's callback.
 * Not here: what is answered (reply.c), where messages come from (udp.c, tcp.c).
 * Threads:  those of the port's callbacks; the program's calls come from any. See request.h.
 *
 * Messages that break the protocol, responses, and those without a question deserve no answer. What the program could
 * not know how to answer is answered here: opcodes other than QUERY, which its struct does not show (NOTIMP), and
 * versions of EDNS that are not invented yet (BADVERS).
 *
 * The text of a name is its labels with dots between, other bytes as they came; but a dot or a backslash within a
 * label is behind a backslash, and 0 is \000. So it is a string, and means the same name when it is given back.
 */
#include "api/dns/server/request.h"

#include <errno.h>
#include <string.h>
#include "api/event/event_internal.h"
#include "base/mem.h"

/* Response codes that programs do not give. */
#define RCODE_NOT_IMPLEMENTED 4
#define RCODE_BAD_VERSION 16

/* Of what a client says in the header, a reply repeats this. */
#define FLAGS_KEPT (EVRT_DNS_FLAG_RD | EVRT_DNS_FLAG_CD)

/* At most, the NUL included: four for each octet of the name. */
#define TEXT_BYTES (4 * EVRT_DNS_NAME_BYTES)

static char *
text_put(char *at, uint8_t octet)
{
	if (octet == 0) {
		memcpy(at, "\\000", 4);
		return at + 4;
	}
	if (octet == '.' || octet == '\\')
		*at++ = '\\';
	*at++ = (char)octet;
	return at;
}

/* Returns its length. */
static size_t
text_of_name(const uint8_t *name, char text[TEXT_BYTES])
{
	char *at = text;

	for (; *name; name += 1 + *name) {
		if (at > text)
			*at++ = '.';
		for (unsigned i = 1; i <= *name; i++)
			at = text_put(at, name[i]);
	}
	*at = 0;
	return (size_t)(at - text);
}

static size_t
question_bytes(size_t text_len)
{
	size_t bytes = offsetof(struct evdns_server_question, name) + text_len + 1, align =
	    _Alignof(struct evdns_server_question);

	return (bytes + align - 1) / align * align;
}

/* The request with room for its questions, whose names take `names_bytes`. NULL: out of memory. */
static struct evrt_dns_request *
request_alloc(int count, size_t questions_bytes, size_t names_bytes)
{
	size_t pointers_bytes = (size_t)count * sizeof(struct evdns_server_question *);
	struct evrt_dns_request *req = evrt__malloc(sizeof(*req) + pointers_bytes + questions_bytes + names_bytes);

	if (!req)
		return NULL;
	memset(req, 0, offsetof(struct evrt_dns_request, peer));
	for (int i = 0; i < EVRT_DNS_SERVER_SECTIONS; i++)
		req->records[i].end = &req->records[i].first;
	req->public.nquestions = count;
	req->public.questions = (struct evdns_server_question **)(void *)(req + 1);
	req->names = (uint8_t *)(req + 1) + pointers_bytes + questions_bytes;
	return req;
}

static void
request_fill(struct evrt_dns_request *req, const struct evrt_dns_msg *msg)
{
	struct evrt_dns_walk walk = { 0 };
	struct evrt_dns_question q;
	char text[TEXT_BYTES];
	uint8_t *at = (uint8_t *)(req->public.questions + req->public.nquestions);
	uint8_t *names = (uint8_t *)(uintptr_t)req->names;

	for (int i = 0; evrt__dns_question_next(msg, &walk, &q); i++) {
		struct evdns_server_question *asked = (struct evdns_server_question *)(void *)at;
		size_t len = text_of_name(q.name, text), name_len = evrt__dns_name_len(q.name);
		asked->type = q.type;
		asked->dns_question_class = q.class;
		memcpy(at + offsetof(struct evdns_server_question, name), text, len + 1);
		memcpy(names, q.name, name_len);
		req->public.questions[i] = asked;
		at += question_bytes(len);
		names += name_len;
	}
}

/* NULL: out of memory. */
static struct evrt_dns_request *
request_of_message(const struct evrt_dns_msg *msg)
{
	struct evrt_dns_walk walk = { 0 };
	struct evrt_dns_question q;
	char text[TEXT_BYTES];
	size_t questions_bytes = 0, names_bytes = 0;

	while (evrt__dns_question_next(msg, &walk, &q)) {
		questions_bytes += question_bytes(text_of_name(q.name, text));
		names_bytes += evrt__dns_name_len(q.name);
	}
	struct evrt_dns_request *req = request_alloc(msg->counts[EVRT_DNS_SECTION_QUESTION], questions_bytes, names_bytes);
	if (!req)
		return NULL;
	request_fill(req, msg);
	req->id = msg->id;
	req->flags = msg->flags;
	req->public.flags = msg->flags & FLAGS_KEPT;
	req->has_edns = msg->has_edns;
	req->edns = msg->edns;
	req->edns.options = (struct evrt_dns_span){ 0 };
	return req;
}

int
evrt__dns_request_new(struct evrt_dns_request **out, const struct evrt_packet *packet)
{
	struct evrt_dns_msg msg;

	if (packet->truncated || evrt__dns_parse(&msg, packet->data, packet->len) < 0 || (msg.flags & EVRT_DNS_FLAG_QR))
		return -EBADMSG;
	unsigned count = msg.counts[EVRT_DNS_SECTION_QUESTION];
	if (count == 0 || count > EVRT_DNS_SERVER_QUESTIONS_MAX)
		return -EBADMSG;
	struct evrt_dns_request *req = request_of_message(&msg);
	if (!req)
		return -ENOMEM;
	req->peer_len = packet->peer_len;
	if (packet->peer_len)
		memcpy(&req->peer, packet->peer, packet->peer_len);
	req->local_len = packet->local_len;
	if (packet->local_len)
		memcpy(&req->local, packet->local, packet->local_len);
	*out = req;
	return 0;
}

void
evrt__dns_request_free(struct evrt_dns_request *req)
{
	evrt__dns_reply_free_records(req);
	evrt__free(req);
}

void
evrt__dns_request_end(struct evrt_dns_request *req)
{
	struct evdns_server_port *port = req->port;

	if (req->conn)
		evrt__dns_conn_answered(req->conn);
	evrt__dns_request_free(req);
	evrt__dns_port_unref(port);
}

void
evrt__dns_request_deliver(struct evrt_dns_request *req)
{
	unsigned rcode = EVRT_DNS_OPCODE(req->flags) ? RCODE_NOT_IMPLEMENTED : req->edns.version ? RCODE_BAD_VERSION : 0;

	if (rcode == 0) {
		req->port->callback(&req->public, req->port->arg);
		return;
	}
	(void)req->port->ops->reply(req, rcode);
	evrt__dns_request_end(req);
}

int
evdns_server_request_get_requesting_addr(struct evdns_server_request *public, struct sockaddr *sa, int addr_len)
{
	struct evrt_dns_request *req = evrt__dns_request_of(public);

	if (addr_len < (int)req->peer_len)
		return evrt__public_result(-EINVAL);
	memcpy(sa, &req->peer, req->peer_len);
	return (int)req->peer_len;
}
