/* testing/bench/dns_server_run.c — bursts of queries for the DNS server that is linked in; see dns_server.c.
 *
 * Usage: dns_server_LIBRARY QUERIES BURSTS   Prints a line for bench.h.
 */
#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "testing/bench/bench.h"

#define BURST_MAX 64
#define QUERY "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"
#define QUERY_BYTES (sizeof(QUERY) - 1)
/* The query, and a record whose name is a pointer. */
#define REPLY_BYTES (QUERY_BYTES + 16)

static struct event_base *base;
static unsigned answered;
static char data[BURST_MAX][512];
static struct iovec iov[BURST_MAX];
static struct mmsghdr messages[BURST_MAX];

static void
answer(struct evdns_server_request *req, void *arg)
{
	(void)arg;
	if (evdns_server_request_add_a_reply(req, req->questions[0]->name, 1, "\1\2\3\4", 60) < 0 ||
	    evdns_server_request_respond(req, 0) < 0)
		bench_die("respond");
	answered++;
}

static int
bound_socket(int flags, struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)address, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &len) < 0)
		bench_die("socket");
	return fd;
}

static void
send_burst(int fd, unsigned queries)
{
	for (unsigned i = 0; i < queries; i++) {
		iov[i] = (struct iovec){ data[i], QUERY_BYTES };
		memcpy(data[i], QUERY, QUERY_BYTES);
	}
	if (sendmmsg(fd, messages, queries, 0) != (int)queries)
		bench_die("sendmmsg");
}

static void
take_burst(int fd, unsigned queries)
{
	for (unsigned i = 0; i < queries; i++)
		iov[i].iov_len = sizeof(data[i]);
	if (recvmmsg(fd, messages, queries, MSG_DONTWAIT, NULL) != (int)queries)
		bench_die("answers are missing");
	for (unsigned i = 0; i < queries; i++)
		if (messages[i].msg_len != REPLY_BYTES)
			bench_die("an answer of another length");
}

int
main(int argc, char **argv)
{
	unsigned queries = argc == 3 ? (unsigned)atoi(argv[1]) : 0, bursts = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	struct sockaddr_in server, client;
	double sum = 0;

	if (queries < 1 || queries > BURST_MAX || bursts < 1) {
		fprintf(stderr, "usage: %s QUERIES BURSTS\n", argv[0]);
		return 2;
	}
	bench_pin(0);
	int served = bound_socket(SOCK_NONBLOCK, &server), fd = bound_socket(0, &client);
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		bench_die("connect");
	for (unsigned i = 0; i < BURST_MAX; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	base = event_base_new();
	if (!base || !evdns_add_server_port_with_base(base, served, 0, answer, NULL))
		bench_die("server");
	for (unsigned i = 0; i < bursts; i++) {
		send_burst(fd, queries);
		double t = bench_thread_cpu_ns();
		for (answered = 0; answered < queries;)
			event_base_loop(base, EVLOOP_ONCE);
		sum += bench_thread_cpu_ns() - t;
		take_burst(fd, queries);
	}
	printf("%f a query, %u at a time (ns)\n", sum / bursts / queries, queries);
	return 0;
}
