/* testing/contract/libevent/event_fixture.h — what the suites on events share: a base, a trace, small callbacks.
 *
 * Here:     static helpers; each suite is a program of its own, and each case a process.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_EVENT_FIXTURE_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_EVENT_FIXTURE_H_

#include <event2/event.h>
#include <event2/util.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"

/* What callbacks did, as a string of their letters: easy to compare, easy to read in a failure. */
static char trace[256];
static struct event_base *base;

static inline void
note(char c)
{
	size_t n = strlen(trace);

	if (n + 1 < sizeof(trace)) {
		trace[n] = c;
		trace[n + 1] = '\0';
	}
}

static inline void
note_letter(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note(*(const char *)arg);
}

static inline void
read_one(evutil_socket_t fd, short what, void *arg)
{
	char c;

	(void)arg;
	if (what & EV_TIMEOUT)
		note('t');
	if ((what & EV_READ) && read(fd, &c, 1) == 1)
		note(c);
}

static inline void
pair(int fds[2])
{
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
}

static inline struct timeval
ms(long n)
{
	struct timeval tv = { n / 1000, (n % 1000) * 1000 };
	return tv;
}

static inline void
close_pair(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

#define CASE(fn) { #fn, fn }

#endif
