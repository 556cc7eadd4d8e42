/* testing/bench/bulk_server.c — a sink and an echo of streams on libevent's API, as echo_server.c is made.
 *
 * A sink answers one byte for each so many that it has thrown away, so that the client knows when all is done. An
 * echo stops reading while more than OUTPUT_MAX bytes wait to be sent, as any server must.
 *
 * Usage: bulk_server [pool WORKERS] sink|echo BYTES
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <stdlib.h>
#include <string.h>

#include "testing/bench/bench_serve.h"
#include "testing/bench/echo_base.h"

#define OUTPUT_MAX ((size_t)1 << 20)

static long answer_after;

static void
on_sink(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	long *seen = arg;

	*seen += (long)evbuffer_get_length(input);
	evbuffer_drain(input, evbuffer_get_length(input));
	for (; *seen >= answer_after; *seen -= answer_after)
		bufferevent_write(bev, "", 1);
}

static void
on_echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
	if (evbuffer_get_length(bufferevent_get_output(bev)) > OUTPUT_MAX)
		bufferevent_disable(bev, EV_READ);
}

static void
on_sent(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_enable(bev, EV_READ);
}

static void
on_event(struct bufferevent *bev, short what, void *seen)
{
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	bufferevent_free(bev);
	free(seen);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *mode)
{
	struct event_base *base = evconnlistener_get_base(listener);
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	int echoes = strcmp(mode, "echo") == 0;

	(void)addr;
	(void)len;
	bufferevent_setcb(bev, echoes ? on_echo : on_sink, echoes ? on_sent : NULL, on_event, calloc(1, sizeof(long)));
	bufferevent_setwatermark(bev, EV_WRITE, OUTPUT_MAX / 2, 0);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int
main(int argc, char **argv)
{
	struct event_base *base = bench_base_new(argc, argv);

	if (!base || argc < 3)
		return 1;
	answer_after = atol(argv[argc - 1]);
	return bench_serve(base, on_accept, argv[argc - 2]);
}
