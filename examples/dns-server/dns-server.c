/* examples/dns-server/dns-server.c — an authoritative DNS server for one zone, over UDP and TCP.
 *
 *   ./evrt example dns-server ZONEFILE PORT       then: dig @127.0.0.1 -p PORT www.example.com [+tcp]
 *
 * A zone file is in examples/dns-server. Without arguments it serves a small zone, asks itself, and ends:
 *
 *   | example.com MX: NOERROR, 1 answers
 *   | www.example.com A: NOERROR, 3 answers
 *   | www.example.com AAAA: NOERROR, 1 answers
 *   | mail.example.com TXT: NOERROR, 0 answers
 *   | nothing.example.com A: NXDOMAIN, 0 answers
 *   | www.example.org A: REFUSED, 0 answers
 *
 * The library compresses names, cuts what is too long for UDP (then clients ask over TCP), and sees to connections. The
 * zone does not change, so connections may be served by all workers at once.
 */
#include "examples/dns-server/zone.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <evrt/pool.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ALIASES_MAX 8

static const char example_zone[] =
    "example.com 3600 SOA ns.example.com hostmaster.example.com 1 7200 900 1209600 300\n"
    "example.com 3600 MX 10 mail.example.com\n"
    "mail.example.com 3600 A 192.0.2.2\n"
    "www.example.com 60 CNAME web.example.com\n"
    "web.example.com 60 A 192.0.2.10\n"
    "web.example.com 60 A 192.0.2.11\n";

static struct zone zone;

/* --- answers ------------------------------------------------------------------------------------ */

static void
add(struct evdns_server_request *req, int section, const struct zone_record *r)
{
	evdns_server_request_add_reply(req, section, r->name, r->type, EVDNS_CLASS_INET, r->ttl, r->len, r->is_name,
	    r->data);
}

/* Adds what a name has of a type; returns its alias, if it has one instead. */
static const char *
add_answers(struct evdns_server_request *req, const char *name, int type, bool *exists, int *added)
{
	const char *alias = NULL;

	for (const struct zone_record *r = zone.records; r; r = r->next) {
		if (strcasecmp(r->name, name) != 0)
			continue;
		*exists = true;
		if (r->type != type && type != EVDNS_QTYPE_ALL && r->type != EVDNS_TYPE_CNAME)
			continue;
		add(req, EVDNS_ANSWER_SECTION, r);
		++*added;
		if (r->type == EVDNS_TYPE_CNAME && type != EVDNS_TYPE_CNAME && type != EVDNS_QTYPE_ALL)
			alias = r->data;
	}
	return alias;
}

static bool
is_in_zone(const char *name)
{
	size_t len = strlen(name), zone_len = strlen(zone.soa->name);

	return len >= zone_len && strcasecmp(name + len - zone_len, zone.soa->name) == 0 &&
	    (len == zone_len || name[len - zone_len - 1] == '.');
}

static void
on_request(struct evdns_server_request *req, void *arg)
{
	const struct evdns_server_question *q = req->questions[0];
	const char *name = q->name;
	bool exists = false;
	int added = 0, aliases = 0;

	(void)arg;
	if (!is_in_zone(name) || q->dns_question_class != EVDNS_CLASS_INET) {
		evdns_server_request_respond(req, DNS_ERR_REFUSED);
		return;
	}
	while (name && aliases++ < ALIASES_MAX)
		name = add_answers(req, name, q->type, &exists, &added);
	if (!added)
		add(req, EVDNS_AUTHORITY_SECTION, zone.soa); /* how long to remember that there is nothing */
	evdns_server_request_set_flags(req, EVDNS_FLAGS_AA);
	evdns_server_request_respond(req, exists ? DNS_ERR_NONE : DNS_ERR_NOTEXIST);
}

/* --- who asks, in the demonstration ---------------------------------------------------------------- */

static const struct {
	const char *name, *type;
} questions[] = {
	{ "example.com", "MX" }, { "www.example.com", "A" }, { "www.example.com", "AAAA" }, { "mail.example.com", "TXT" },
	{ "nothing.example.com", "A" }, { "www.example.org", "A" },
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))
static size_t asked;

/* A header, the name as labels, type and class. */
static void
ask(evutil_socket_t fd)
{
	char message[512] = { 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, *at = message + 12;
	const char *name = questions[asked].name;

	for (size_t len; *name; name += len + (name[len] == '.')) {
		len = strcspn(name, ".");
		*at++ = (char)len;
		memcpy(at, name, len);
		at += len;
	}
	memcpy(at, (char[]){ 0, 0, (char)zone_type(questions[asked].type), 0, 1 }, 5);
	if (send(fd, message, (size_t)(at + 5 - message), 0) < 0)
		perror("send");
}

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	static const char *const codes[16] = { [0] = "NOERROR", [3] = "NXDOMAIN", [5] = "REFUSED" };
	unsigned char reply[512];

	(void)what;
	if (recv(fd, reply, sizeof(reply), 0) < 12)
		return;
	const char *code = codes[reply[3] & 15];
	printf("%s %s: %s, %d answers\n", questions[asked].name, questions[asked].type, code ? code : "?",
	    reply[6] << 8 | reply[7]);
	if (++asked < QUESTIONS)
		ask(fd);
	else
		event_base_loopbreak(arg);
}

/* --- ports --------------------------------------------------------------------------------------- */

static struct evdns_server_port *udp, *tcp;

/* On `address`, whose port of 0 becomes the one that it gets. */
static bool
serve(struct event_base *base, struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)address, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &len) < 0)
		return false;
	udp = evdns_add_server_port_with_base(base, fd, 0, on_request, NULL);
	struct evconnlistener *listener = evconnlistener_new_bind(base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)address, sizeof(*address));
	if (listener)
		tcp = evdns_add_server_port_with_listener(base, listener, 0, on_request, NULL);
	return udp && tcp;
}

static bool
read_zone(const char *path)
{
	FILE *file = path ? fopen(path, "r") : fmemopen((void *)(uintptr_t)example_zone, sizeof(example_zone) - 1, "r");
	int line = file ? zone_read(&zone, file) : 0;

	if (!file)
		perror(path);
	else
		fclose(file);
	if (line)
		fprintf(stderr, line > 0 ? "line %d is not understood\n" : "there is no SOA record\n", line);
	return file && line == 0;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)(argc > 2 ? atoi(argv[2]) : 0)) };
	struct event_base *base = evrt_base_new(0);
	struct event *answers = NULL;
	int fd = -1;

	if (!base || !read_zone(argc > 1 ? argv[1] : NULL))
		return 1;
	if (!serve(base, &address)) {
		perror("bind");
		return 1;
	}
	if (argc < 2) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		answers = event_new(base, fd, EV_READ | EV_PERSIST, on_answer, base);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || event_add(answers, NULL) < 0)
			return 1;
		ask(fd);
	} else {
		printf("serving %s on 127.0.0.1, port %d\n", zone.soa->name, ntohs(address.sin_port));
		fflush(stdout);
	}
	event_base_dispatch(base);
	evdns_close_server_port(udp);
	evdns_close_server_port(tcp);
	if (answers)
		event_free(answers);
	event_base_free(base);
	zone_free(&zone);
	close(fd);
	return 0;
}
