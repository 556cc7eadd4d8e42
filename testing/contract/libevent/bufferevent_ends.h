/* testing/contract/libevent/bufferevent_ends.h — two bufferevents that are connected, for bufferevent_cases.h.
 *
 * Here:     opening and closing them, callbacks that count, turns of the loop.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_ENDS_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_ENDS_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

#define BULK_BYTES 300000

static struct event_base *base;
static struct bufferevent *end[2];
static void (*open_ends)(int options);

static int reads[2], writes[2];       /* callbacks told to each end */
static short told[2];                 /* what event callbacks said, together */
static unsigned char bulk[BULK_BYTES];

static inline int
side_of(const struct bufferevent *bev)
{
	return bev == end[1];
}

static inline void
count_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	reads[side_of(bev)]++;
}

static inline void
count_write(struct bufferevent *bev, void *arg)
{
	(void)arg;
	writes[side_of(bev)]++;
}

static inline void
keep_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	told[side_of(bev)] |= what;
}

/* Stops the loop as soon as input has as many bytes as `arg` says. */
static inline void
wait_for_bytes(struct bufferevent *bev, void *arg)
{
	reads[side_of(bev)]++;
	if (evbuffer_get_length(bufferevent_get_input(bev)) >= *(size_t *)arg)
		event_base_loopbreak(base);
}

static inline void
opened(int options)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	CHECK(base != NULL);
	open_ends(options);
	for (int i = 0; i < 2; i++) {
		CHECK(end[i] != NULL);
		bufferevent_setcb(end[i], count_read, count_write, keep_event, NULL);
	}
	for (size_t i = 0; i < sizeof(bulk); i++)
		bulk[i] = (unsigned char)(i * 7 + i / 251);
}

/* The kinds tell of their own opening (CONNECTED) at most; the cases begin after that. */
static inline void
forget(void)
{
	memset(reads, 0, sizeof(reads));
	memset(writes, 0, sizeof(writes));
	memset(told, 0, sizeof(told));
}

static inline void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void
both_enabled(void)
{
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(bufferevent_enable(end[i], EV_READ | EV_WRITE), 0);
	turns(20);
	forget();
}

static inline void
close_ends(void)
{
	for (int i = 0; i < 2; i++)
		if (end[i])
			bufferevent_free(end[i]);
	turns(5); /* libevent leaves open what is freed with deferred callbacks on their way and gets no turn more */
	event_base_free(base);
}

static inline size_t input_of(int i) { return evbuffer_get_length(bufferevent_get_input(end[i])); }
static inline size_t output_of(int i) { return evbuffer_get_length(bufferevent_get_output(end[i])); }

#endif
