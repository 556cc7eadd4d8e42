/* examples/udp-echo/udp-echo.c — a UDP echo server on every core, with few system calls per packet.
 *
 *   ./evrt example udp-echo [PORT]         then: nc -u 127.0.0.1 PORT
 *
 * Without a port it asks itself, and ends:
 *
 *   | 1000 packets have come back
 *
 * One object per worker is bound to the same port, and the kernel deals the peers among them. Each object is a strand:
 * its callback never overlaps with itself, those of different objects run in parallel. A callback gets all packets that
 * one recvmmsg(2) has read; its answers leave with one sendmmsg(2) when it returns.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <event2/event.h>
#include <evrt/datagram.h>
#include <evrt/pool.h>

#define ROUNDS 50
#define ROUND_PACKETS 20

static void
on_packets(struct evrt_datagram *dg, const struct evrt_packet *packets, unsigned count, void *arg)
{
	(void)arg;
	/* A packet as it was received is its own answer: it goes to where it came from. */
	for (unsigned i = 0; i < count; i++)
		evrt_datagram_send(dg, &packets[i]);
}

/* Who asks, in the demonstration: a strand, too, which guards all of this. */
struct client {
	struct event_base *base;
	int back;
};

static void
ask(struct evrt_datagram *dg)
{
	const struct evrt_packet packet = { .data = "hello", .len = 5 };

	for (int i = 0; i < ROUND_PACKETS; i++)
		evrt_datagram_send(dg, &packet);
}

static void
on_answers(struct evrt_datagram *dg, const struct evrt_packet *packets, unsigned count, void *arg)
{
	struct client *c = arg;

	(void)packets;
	c->back += (int)count;
	if (c->back == ROUNDS * ROUND_PACKETS) {
		printf("%d packets have come back\n", c->back);
		event_base_loopbreak(c->base);
	} else if (c->back % ROUND_PACKETS == 0) {
		ask(dg);
	}
}

/* An object on `address`, receiving; a port of 0 becomes the one that it got. NULL: failed, and said so. */
static struct evrt_datagram *
serve(struct event_base *base, struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	struct evrt_datagram *dg = evrt_datagram_new_bind(base, (struct sockaddr *)address, sizeof(*address),
	    EVRT_DATAGRAM_REUSEABLE_PORT | EVRT_DATAGRAM_LOCAL);

	if (!dg) {
		perror("bind");
		return NULL;
	}
	getsockname(evrt_datagram_get_fd(dg), (struct sockaddr *)address, &len);
	evrt_datagram_setcb(dg, on_packets, NULL, NULL, NULL);
	evrt_datagram_enable(dg);
	return dg;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)) };
	struct event_base *base = evrt_base_new(0);
	struct client client = { base, 0 };
	struct evrt_datagram *servers[EVRT_WORKERS_MAX], *asker = NULL;
	unsigned workers = base ? evrt_pool_get_size(evrt_base_get_pool(base)) : 0, count = 0;

	while (count < workers && (servers[count] = serve(base, &address)))
		count++;
	if (count == 0)
		return 1;
	if (argc < 2) {
		asker = evrt_datagram_new_connect(base, (struct sockaddr *)&address, sizeof(address), 0);
		if (!asker)
			return 1;
		evrt_datagram_setcb(asker, on_answers, NULL, NULL, &client);
		evrt_datagram_enable(asker);
		ask(asker);
	}
	event_base_dispatch(base);
	evrt_datagram_free(asker);
	while (count > 0)
		evrt_datagram_free(servers[--count]);
	event_base_free(base);
	return 0;
}
