/* testing/contract/libevent/listener_rig.h — what the suites of listeners have in common: a listener on the loopback,
 * clients, and callbacks that keep what they are given.
 *
 * Threads: one; a suite with more has callbacks of its own.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_LISTENER_RIG_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_LISTENER_RIG_H_

#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"

static struct event_base *base;
static int accepted[256];
static int accepted_count, errors, last_errno;
static struct sockaddr_storage last_address;
static int last_len;
static void *last_arg;

static inline void
keep(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	CHECK(lev != NULL);
	CHECK(accepted_count < 256 && len <= (int)sizeof(last_address));
	accepted[accepted_count++] = fd;
	memcpy(&last_address, addr, (size_t)len);
	last_len = len;
	last_arg = arg;
}

static inline void
count_error(struct evconnlistener *lev, void *arg)
{
	last_errno = EVUTIL_SOCKET_ERROR();
	CHECK(lev != NULL);
	last_arg = arg;
	errors++;
}

static inline struct sockaddr_in
loopback(void)
{
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sin;
}

static inline struct evconnlistener *
listen_tcp(evconnlistener_cb cb, unsigned flags)
{
	struct sockaddr_in sin = loopback();

	if (!base)
		base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, cb, &base, flags | LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&sin, sizeof(sin));
	CHECK(lev != NULL);
	return lev;
}

/* A read that waits for the listener's end ends after some time: it may be in no hurry after an error. */
static inline int
connect_to(struct evconnlistener *lev)
{
	const struct timeval patience = { 2, 0 };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&ss, &len), 0);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static inline void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void
close_accepted(void)
{
	for (int i = 0; i < accepted_count; i++)
		close(accepted[i]);
}

/* The listener (NULL: none is left), what it accepted, and the base. */
static inline void
close_all(struct evconnlistener *lev)
{
	if (lev)
		evconnlistener_free(lev);
	close_accepted();
	event_base_free(base);
}

static inline int
option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	CHECK_INT_EQ(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

#endif
