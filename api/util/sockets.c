/* api/util/sockets.c — options, pairs and closing of sockets.
 *
 * Here:     the evutil calls that are one or two system calls on a descriptor.
 * Not here: addresses (address.c), what errors mean (socket_error.h).
 * Threads:  any.
 */
#include <event2/util.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include "base/log.h"
#include "base/sys.h"

_Static_assert(sizeof(off_t) == EVENT__SIZEOF_OFF_T && sizeof(time_t) == EVENT__SIZEOF_TIME_T &&
    sizeof(long) == EVENT__SIZEOF_LONG && sizeof(void *) == EVENT__SIZEOF_VOID_P &&
    sizeof(size_t) == EVENT__SIZEOF_SIZE_T, "event-config.h describes another platform");

int
evutil_socketpair(int d, int type, int protocol, evutil_socket_t sv[2])
{
	return evrt__sys.socketpair(d, type, protocol, sv);
}

/* Adds a bit to a set of descriptor flags; no second call when it is there. */
static int
sockets_add_flag(int sock, int get, int set, int bit, const char *what)
{
	int flags = evrt__sys.fcntl(sock, get, 0);
	if (flags < 0) {
		evrt__warn("reading %s of descriptor %d", what, sock);
		return -1;
	}
	if (flags & bit)
		return 0;
	if (evrt__sys.fcntl(sock, set, flags | bit) == -1) {
		evrt__warn("setting %s of descriptor %d", what, sock);
		return -1;
	}
	return 0;
}

int
evutil_make_socket_nonblocking(evutil_socket_t sock)
{
	return sockets_add_flag(sock, F_GETFL, F_SETFL, O_NONBLOCK, "O_NONBLOCK");
}

int
evutil_make_socket_closeonexec(evutil_socket_t sock)
{
	return sockets_add_flag(sock, F_GETFD, F_SETFD, FD_CLOEXEC, "FD_CLOEXEC");
}

static int
sockets_set(int sock, int level, int option, int value)
{
	return evrt__sys.setsockopt(sock, level, option, &value, sizeof(value));
}

int
evutil_make_listen_socket_reuseable(evutil_socket_t sock)
{
	return sockets_set(sock, SOL_SOCKET, SO_REUSEADDR, 1);
}

int
evutil_make_listen_socket_reuseable_port(evutil_socket_t sock)
{
	return sockets_set(sock, SOL_SOCKET, SO_REUSEPORT, 1);
}

int
evutil_make_listen_socket_ipv6only(evutil_socket_t sock)
{
	return sockets_set(sock, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

int
evutil_make_listen_socket_not_ipv6only(evutil_socket_t sock)
{
	return sockets_set(sock, IPPROTO_IPV6, IPV6_V6ONLY, 0);
}

int
evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock)
{
	return sockets_set(sock, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
}

int
evutil_set_tcp_keepalive(evutil_socket_t sock, int on, int timeout)
{
	if (sockets_set(sock, SOL_SOCKET, SO_KEEPALIVE, on != 0) != 0)
		return -1;
	if (!on || timeout <= 0)
		return 0;
	int probes = 3;
	int idle = timeout / 2 > 0 ? timeout / 2 : 1;
	int interval = (timeout - idle) / probes > 0 ? (timeout - idle) / probes : 1;
	if (sockets_set(sock, IPPROTO_TCP, TCP_KEEPIDLE, idle) != 0 ||
	    sockets_set(sock, IPPROTO_TCP, TCP_KEEPINTVL, interval) != 0 ||
	    sockets_set(sock, IPPROTO_TCP, TCP_KEEPCNT, probes) != 0)
		return -1;
	return 0;
}

int
evutil_closesocket(evutil_socket_t sock)
{
	/* An interrupted close has closed: nobody may try again, for the number may be another file's. */
	int r = evrt__sys.close(sock);
	return r < 0 && errno == EINTR ? 0 : r;
}
