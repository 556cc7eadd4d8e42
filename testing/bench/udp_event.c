/* testing/bench/udp_event.c — an echo server with libevent: an event, recvfrom and sendto until nothing is left; see
 * udp.h. */
#include "testing/bench/udp.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "testing/bench/bench.h"

static struct event_base *base;
static unsigned answered;

static void
answer(evutil_socket_t fd, short what, void *arg)
{
	char data[UDP_BYTES_MAX];
	struct sockaddr_in peer;
	ssize_t n;

	(void)what;
	(void)arg;
	for (;;) {
		socklen_t len = sizeof(peer);
		n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 || sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, len) != n)
			bench_die("packet");
		answered++;
	}
}

void
udp_start(int fd, bool batches)
{
	(void)batches;
	base = event_base_new();
	struct event *ev = base ? event_new(base, fd, EV_READ | EV_PERSIST, answer, NULL) : NULL;
	if (!ev || event_add(ev, NULL) < 0)
		bench_die("event");
}

void
udp_serve(unsigned packets)
{
	for (answered = 0; answered < packets;)
		event_base_loop(base, EVLOOP_ONCE);
}
