/* testing/contract/libevent/bufferevent_every_kind.h — each kind but TLS, for the cases of bufferevent_cases.h.
 *
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_EVERY_KIND_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_EVERY_KIND_H_

#include "testing/contract/libevent/bufferevent_cases.h"

static void
sockets(int options)
{
	evutil_socket_t fds[2];

	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[i]), 0);
		end[i] = bufferevent_socket_new(base, fds[i], options | BEV_OPT_CLOSE_ON_FREE);
	}
}

static void
pairs(int options)
{
	CHECK_INT_EQ(bufferevent_pair_new(base, options, end), 0);
}

/* Passes on as much as it may; what is left is asked for again. */
static enum bufferevent_filter_result
pass(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *ctx)
{
	size_t n = evbuffer_get_length(src);

	(void)mode;
	(void)ctx;
	if (limit >= 0 && n > (size_t)limit)
		n = (size_t)limit;
	if (n == 0)
		return BEV_NEED_MORE;
	return evbuffer_remove_buffer(src, dst, n) > 0 ? BEV_OK : BEV_ERROR;
}

static void
put_filters_over(void (*below)(int options), int options)
{
	below(options);
	for (int i = 0; i < 2; i++)
		end[i] = bufferevent_filter_new(end[i], pass, pass, options | BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
}

static void filters_over_sockets(int options) { put_filters_over(sockets, options); }
static void filters_over_pairs(int options) { put_filters_over(pairs, options); }
static void filters_over_filters(int options) { put_filters_over(filters_over_sockets, options); }

KIND_OF(sockets)
KIND_OF(pairs)
KIND_OF(filters_over_sockets)
KIND_OF(filters_over_pairs)
KIND_OF(filters_over_filters)

#endif
