/* testing/bench/udp_run.c — bursts of packets for the server that is linked in; see udp.c.
 *
 * Usage: udp_LIBRARY [batches] PACKETS BURSTS   Prints a line for bench.h.
 */
#include "testing/bench/udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "testing/bench/bench.h"

#define BURST_MAX 64
#define PACKET_BYTES 100

static char data[PACKET_BYTES];
static struct iovec iov = { data, PACKET_BYTES };
static struct mmsghdr messages[BURST_MAX];

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
send_burst(int fd, unsigned packets)
{
	if (sendmmsg(fd, messages, packets, 0) != (int)packets)
		bench_die("sendmmsg");
}

static void
take_burst(int fd, unsigned packets)
{
	if (recvmmsg(fd, messages, packets, MSG_DONTWAIT, NULL) != (int)packets)
		bench_die("answers are missing");
	for (unsigned i = 0; i < packets; i++)
		if (messages[i].msg_len != PACKET_BYTES)
			bench_die("an answer of another length");
}

int
main(int argc, char **argv)
{
	bool batches = argc > 1 && strcmp(argv[1], "batches") == 0;
	unsigned packets = argc > 2 ? (unsigned)atoi(argv[argc - 2]) : 0;
	unsigned bursts = argc > 2 ? (unsigned)atoi(argv[argc - 1]) : 0;
	struct sockaddr_in server, client;
	double sum = 0;

	if (argc != 3 + (batches ? 1 : 0) || packets < 1 || packets > BURST_MAX || bursts < 1) {
		fprintf(stderr, "usage: %s [batches] PACKETS BURSTS\n", argv[0]);
		return 2;
	}
	bench_pin(0);
	int served = bound_socket(SOCK_NONBLOCK, &server), fd = bound_socket(0, &client);
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		bench_die("connect");
	for (unsigned i = 0; i < BURST_MAX; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	udp_start(served, batches);
	for (unsigned i = 0; i < bursts; i++) {
		send_burst(fd, packets);
		double t = bench_thread_cpu_ns();
		udp_serve(packets);
		sum += bench_thread_cpu_ns() - t;
		take_burst(fd, packets);
	}
	printf("%f a packet, %u at a time (ns)\n", sum / bursts / packets, packets);
	return 0;
}
