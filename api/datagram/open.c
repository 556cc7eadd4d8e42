/* api/datagram/open.c — objects with a socket of their own: bound, or connected.
 *
 * Here:     socket, options before bind, bind and connect.
 * Threads:  any.
 */
#include <evrt/datagram.h>

#include <errno.h>
#include <netinet/in.h>
#include "base/sys.h"

struct event_base;

static int
open_reuse_port(int fd)
{
	return evutil_make_listen_socket_reuseable_port(fd);
}

static int
open_ipv6only(int fd)
{
	return evutil_make_listen_socket_ipv6only(fd);
}

/* Options that are set before bind. */
static const struct open_option {
	unsigned option;
	int (*set)(int);
} open_options[] = {
	{ EVRT_DATAGRAM_REUSEABLE_PORT, open_reuse_port },
	{ EVRT_DATAGRAM_BIND_IPV6ONLY, open_ipv6only },
};

static int
open_bound(int fd, const struct sockaddr *address, socklen_t len, unsigned options)
{
	for (size_t i = 0; i < sizeof(open_options) / sizeof(open_options[0]); i++)
		if ((options & open_options[i].option) && open_options[i].set(fd) < 0)
			return -1;
	return evrt__sys.bind(fd, address, len);
}

static int
open_connected(int fd, const struct sockaddr *address, socklen_t len, unsigned options)
{
	int r;

	(void)options;
	/* Nothing is under way: it only notes the address. */
	do
		r = evrt__sys.connect(fd, address, len);
	while (r < 0 && errno == EINTR);
	return r;
}

static struct evrt_datagram *
open_with(struct event_base *base, const struct sockaddr *address, int len, unsigned options,
    int (*prepare)(int, const struct sockaddr *, socklen_t, unsigned))
{
	struct evrt_datagram *dg = NULL;

	if (!address || len < (int)sizeof(address->sa_family)) {
		errno = EINVAL;
		return NULL;
	}
	int fd = evrt__sys.socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	if (prepare(fd, address, (socklen_t)len, options) == 0)
		dg = evrt_datagram_new(base, fd, options | EVRT_DATAGRAM_CLOSE_ON_FREE);
	if (!dg) {
		int err = errno;
		evrt__sys.close(fd);
		errno = err;
	}
	return dg;
}

struct evrt_datagram *
evrt_datagram_new_bind(struct event_base *base, const struct sockaddr *address, int len, unsigned options)
{
	return open_with(base, address, len, options, open_bound);
}

struct evrt_datagram *
evrt_datagram_new_connect(struct event_base *base, const struct sockaddr *peer, int len, unsigned options)
{
	return open_with(base, peer, len, options, open_connected);
}
