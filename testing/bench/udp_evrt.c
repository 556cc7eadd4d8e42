/* testing/bench/udp_evrt.c — an echo server with evrt/datagram.h; see udp.h. */
#include "testing/bench/udp.h"

#include <event2/event.h>
#include <evrt/datagram.h>

#include "testing/bench/bench.h"

static struct event_base *base;
static unsigned answered;

static void
answer(struct evrt_datagram *dg, const struct evrt_packet *packets, unsigned count, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < count; i++)
		if (evrt_datagram_send(dg, &packets[i]) < 0)
			bench_die("evrt_datagram_send");
	answered += count;
}

void
udp_start(int fd, bool batches)
{
	(void)batches;
	base = event_base_new();
	struct evrt_datagram *dg = base ? evrt_datagram_new(base, fd, 0) : NULL;
	if (!dg)
		bench_die("evrt_datagram_new");
	evrt_datagram_setcb(dg, answer, NULL, NULL, NULL);
	if (evrt_datagram_set_receive(dg, UDP_BYTES_MAX, 32) < 0 || evrt_datagram_enable(dg) < 0)
		bench_die("evrt_datagram_enable");
}

void
udp_serve(unsigned packets)
{
	for (answered = 0; answered < packets;)
		event_base_loop(base, EVLOOP_ONCE);
}
