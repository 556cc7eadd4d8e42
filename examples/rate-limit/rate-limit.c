/* examples/rate-limit/rate-limit.c — a server whose connections share a rate, on all cores.
 *
 *   ./evrt example rate-limit 100000 30000     then, in two terminals: nc 127.0.0.1 7777 | pv >/dev/null
 *
 * Every connection is sent bytes for ever: all together 100000 a second, none of them more than 30000. A tick is a
 * tenth of a second, so no one waits longer than that for his share. Those that do not read leave theirs to the others.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <evrt/pool.h>

#define TICKS_PER_SECOND 10
#define CHUNK_BYTES 16384

static struct ev_token_bucket_cfg *each;
static struct bufferevent_rate_limit_group *all;

/* The chunk before has gone; it is a constant, so it is sent without a copy. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	static const char chunk[CHUNK_BYTES];

	(void)arg;
	evbuffer_add_reference(bufferevent_get_output(bev), chunk, sizeof(chunk), NULL, NULL);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);

	(void)arg;
	evbuffer_drain(input, evbuffer_get_length(input));
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)what, (void)arg;
	bufferevent_free(bev); /* which leaves the group */
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len, void *arg)
{
	(void)listener, (void)peer, (void)peer_len;
	struct bufferevent *bev = bufferevent_socket_new(arg, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		evutil_closesocket(fd);
		return;
	}
	if (bufferevent_set_rate_limit(bev, each) < 0 || bufferevent_add_to_rate_limit_group(bev, all) < 0) {
		bufferevent_free(bev);
		return;
	}
	bufferevent_setcb(bev, on_read, on_written, on_end, NULL);
	bufferevent_enable(bev, EV_READ); /* to hear of its end */
	on_written(bev, NULL);
}

static struct ev_token_bucket_cfg *
limit_of(const char *bytes_per_second)
{
	const struct timeval tick = {0, 1000000 / TICKS_PER_SECOND};
	size_t rate = strtoul(bytes_per_second, NULL, 10) / TICKS_PER_SECOND;

	return ev_token_bucket_cfg_new(EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, rate, rate, &tick);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7777),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct ev_token_bucket_cfg *together = argc == 3 ? limit_of(argv[1]) : NULL;

	each = argc == 3 ? limit_of(argv[2]) : NULL;
	if (!together || !each) {
		fprintf(stderr, "usage: rate-limit ALL EACH     bytes per second, 10 at least\n");
		return 2;
	}
	struct event_base *base = evrt_base_new(0);
	all = base ? bufferevent_rate_limit_group_new(base, together) : NULL;
	struct evconnlistener *listener = all ? evconnlistener_new_bind(base, on_accept, base,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&address, sizeof(address)) : NULL;

	return listener ? event_base_dispatch(base) : 1;
}
