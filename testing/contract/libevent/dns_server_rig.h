/* testing/contract/libevent/dns_server_rig.h — a DNS server on the loopback, a client that sees bytes, and a reader of
 * replies that shares nothing with the library.
 *
 * Here:     a port whose callback calls `hook`; questions as byte strings; replies taken apart.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_DNS_SERVER_RIG_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_DNS_SERVER_RIG_H_

#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"

/* A header with one question, recursion desired; the question that most cases ask, at offset 12. */
#define HEAD "\x12\x34\x01\x00\0\1\0\0\0\0\0\0"
#define NAME "\3www\7example\3com\0"
#define A_IN "\0\1\0\1"
#define QUESTION HEAD NAME A_IN
#define OWN_NAME "www.example.com"

/* Of an array of bytes, its NUL not counted. */
#define ASK(bytes) ask(bytes, sizeof(bytes) - 1)
#define ASK_ONCE(bytes) ask_once(bytes, sizeof(bytes) - 1)

/* What is lost for want of memory is asked for again: so do clients. */
#define TRIES 3

#define RECORDS_MAX 64

struct record {
	char name[256];
	size_t at;          /* where the owner's name begins */
	unsigned type, class, ttl, len;
	size_t data_at;
	char data_name[256]; /* RDATA read as a name, where it is one */
};

static struct event_base *base;
static struct evdns_server_port *port;
static int server_fd, client_fd;
static void (*hook)(struct evdns_server_request *);
static int calls;

static unsigned char reply[65536];
static size_t reply_len;
static unsigned id, flags, counts[4];
static struct record records[RECORDS_MAX];
static int record_count;

static inline unsigned
number(size_t at, int octets)
{
	unsigned n = 0;

	CHECK(at + (size_t)octets <= reply_len);
	while (octets-- > 0)
		n = n << 8 | reply[at++];
	return n;
}

/* The name at `at`; returns where it ends. */
static inline size_t
read_name(size_t at, char *out)
{
	size_t end = 0, out_len = 0;

	for (int jumps = 0; number(at, 1);) {
		if (number(at, 1) >= 0xc0) {
			CHECK(++jumps < 64);
			end = end ? end : at + 2;
			at = number(at, 2) & 0x3fff;
			continue;
		}
		if (out_len)
			out[out_len++] = '.';
		CHECK(number(at, 1) < 64 && out_len + number(at, 1) < 254);
		memcpy(out + out_len, reply + at + 1, number(at, 1));
		out_len += number(at, 1);
		at += 1 + number(at, 1);
	}
	out[out_len] = 0;
	return end ? end : at + 1;
}

static inline bool
has_name(unsigned type)
{
	return type == EVDNS_TYPE_NS || type == EVDNS_TYPE_CNAME || type == EVDNS_TYPE_PTR;
}

static inline size_t
read_record(size_t at)
{
	struct record *r = &records[record_count++];

	memset(r, 0, sizeof(*r));
	r->at = at;
	at = read_name(at, r->name);
	r->type = number(at, 2);
	r->class = number(at + 2, 2);
	r->ttl = number(at + 4, 4);
	r->len = number(at + 8, 2);
	r->data_at = at + 10;
	CHECK(r->data_at + r->len <= reply_len);
	if (has_name(r->type))
		CHECK_INT_EQ(read_name(r->data_at, r->data_name), r->data_at + r->len);
	return r->data_at + r->len;
}

static inline void
read_reply(void)
{
	char name[256];
	size_t at = 12;

	id = number(0, 2);
	flags = number(2, 2);
	for (int i = 0; i < 4; i++)
		counts[i] = number(4 + 2 * (size_t)i, 2);
	record_count = 0;
	/* A message that was cut may be cut anywhere. */
	if (flags & 0x200)
		return;
	for (unsigned i = 0; i < counts[0]; i++)
		at = read_name(at, name) + 4;
	for (unsigned i = 0; i < counts[1] + counts[2] + counts[3]; i++) {
		CHECK(record_count < RECORDS_MAX);
		at = read_record(at);
	}
	CHECK_INT_EQ(at, reply_len);
}

static inline void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Whether a reply has come; it is read then. */
static inline bool
receive(void)
{
	ssize_t n = recv(client_fd, reply, sizeof(reply), MSG_DONTWAIT);

	reply_len = n > 0 ? (size_t)n : 0;
	if (n > 0)
		read_reply();
	return n > 0;
}

static inline bool
ask_once(const void *bytes, size_t len)
{
	CHECK_INT_EQ(send(client_fd, bytes, len, 0), len);
	turns(3);
	return receive();
}

static inline bool
ask(const void *bytes, size_t len)
{
	for (int i = 0; i < TRIES; i++)
		if (ask_once(bytes, len))
			return true;
	return false;
}

static inline void
on_request(struct evdns_server_request *req, void *arg)
{
	CHECK_PTR_EQ(arg, &calls);
	calls++;
	hook(req);
}

static inline void
respond_empty(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_respond(req, 0), 0);
}

static inline void
add_a(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, OWN_NAME, 1, "\1\2\3\4", 77), 0);
	respond_empty(req);
}

static inline struct sockaddr_in
loopback(void)
{
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sin;
}

static inline int
bound_socket(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	CHECK(fd >= 0);
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)sin, len), 0);
	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)sin, &len), 0);
	return fd;
}

/* A base, a port whose callback calls `with`, and a client of it. */
static inline void
serve(void (*with)(struct evdns_server_request *))
{
	struct sockaddr_in sin = loopback();

	hook = with;
	base = event_base_new();
	server_fd = bound_socket(&sin);
	port = evdns_add_server_port_with_base(base, server_fd, 0, on_request, &calls);
	CHECK(port != NULL);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_INT_EQ(connect(client_fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
}

/* With `open` the port, too. */
static inline void
end(bool open)
{
	if (open)
		evdns_close_server_port(port);
	close(client_fd);
	event_base_free(base);
}

#endif
