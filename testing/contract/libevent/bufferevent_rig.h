/* testing/contract/libevent/bufferevent_rig.h — what the suites about bufferevents share.
 *
 * Here:     one bufferevent on a socket pair, callbacks that write a trace, turns of the loop.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_RIG_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_RIG_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/util.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "testing/harness/test.h"

/* What callbacks said, one word each: "r5" read callback with 5 bytes in input, "w0" write callback with 0 in
 * output, "e11" event callback with flags 0x11. */
static char trace[512];
static struct event_base *base;
static int fds[2]; /* fds[0] belongs to the bufferevent, fds[1] is the peer */
static int event_errno;
static int enabled_in_event;

static inline void
note(char letter, unsigned long value, int base_of_number)
{
	size_t n = strlen(trace);
	char word[32];

	if (base_of_number == 16)
		snprintf(word, sizeof(word), "%s%c%lx", n ? " " : "", letter, value);
	else
		snprintf(word, sizeof(word), "%s%c%lu", n ? " " : "", letter, value);
	if (n + strlen(word) < sizeof(trace))
		strcat(trace, word);
}

static inline void
note_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	note('r', evbuffer_get_length(bufferevent_get_input(bev)), 10);
}

static inline void
note_write(struct bufferevent *bev, void *arg)
{
	(void)arg;
	note('w', evbuffer_get_length(bufferevent_get_output(bev)), 10);
}

static inline void
note_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	event_errno = EVUTIL_SOCKET_ERROR();
	enabled_in_event = bufferevent_get_enabled(bev);
	note('e', (unsigned short)what, 16);
}

static inline void
drain_read(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	evbuffer_drain(bufferevent_get_input(bev), *(size_t *)arg);
}

static inline struct bufferevent *
open_bev(int options)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[0]), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[1]), 0);
	struct bufferevent *bev = bufferevent_socket_new(base, fds[0], options | BEV_OPT_CLOSE_ON_FREE);
	CHECK(bev != NULL);
	bufferevent_setcb(bev, note_read, note_write, note_event, NULL);
	return bev;
}

static inline void
close_bev(struct bufferevent *bev)
{
	bufferevent_free(bev);
	event_base_free(base);
	if (fds[1] >= 0)
		close(fds[1]);
}

/* A few turns that do not wait: enough for what is ready, and what that makes ready. */
static inline void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void
peer_writes(const char *text)
{
	CHECK_INT_EQ(write(fds[1], text, strlen(text)), strlen(text));
}

static inline struct timeval
ms(long n)
{
	return (struct timeval){ n / 1000, (n % 1000) * 1000 };
}

static inline long
elapsed_ms(const struct timespec *from)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

#endif
