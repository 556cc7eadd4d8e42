/* testing/unit/api/datagram/datagram_rig.h — what the suites of datagrams have in common: addresses, bare sockets, and
 * callbacks that note what they are told.
 *
 * Threads: one; pool_test.c has callbacks of its own.
 */
#ifndef EVRT_TESTING_UNIT_API_DATAGRAM_DATAGRAM_RIG_H_
#define EVRT_TESTING_UNIT_API_DATAGRAM_DATAGRAM_RIG_H_

#include <event2/event.h>
#include <evrt/datagram.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"

union rig_address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage any;
};

static inline union rig_address
rig_loopback(int family)
{
	union rig_address a;

	memset(&a, 0, sizeof(a));
	a.any.ss_family = (sa_family_t)family;
	if (family == AF_INET)
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.v6.sin6_addr = in6addr_loopback;
	return a;
}

static inline socklen_t
rig_len(const union rig_address *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static inline bool
rig_has_ipv6(void)
{
	union rig_address a = rig_loopback(AF_INET6);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, &a.sa, rig_len(&a)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

static inline union rig_address
rig_address_of(int fd)
{
	union rig_address a;
	socklen_t len = sizeof(a);

	CHECK_INT_EQ(getsockname(fd, &a.sa, &len), 0);
	return a;
}

/* A bare socket, bound to `a`; it blocks, for five seconds at most. */
static inline int
rig_socket_at(const union rig_address *a)
{
	struct timeval limit = { 5, 0 };
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK_INT_EQ(bind(fd, &a->sa, rig_len(a)), 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	return fd;
}

/* The same on the loopback, at a port of the kernel's choice. */
static inline int
rig_socket(int family)
{
	union rig_address a = rig_loopback(family);

	return rig_socket_at(&a);
}

static inline void
rig_send(int fd, const union rig_address *to, const void *data, size_t len)
{
	CHECK_INT_EQ(sendto(fd, data, len, 0, &to->sa, rig_len(to)), len);
}

#endif
