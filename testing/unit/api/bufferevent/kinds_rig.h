/* testing/unit/api/bufferevent/kinds_rig.h — a pair, or a filter over one of its ends, and callbacks that count.
 *
 * Threads:  one.
 */
#ifndef EVRT_TESTING_UNIT_API_BUFFEREVENT_KINDS_RIG_H_
#define EVRT_TESTING_UNIT_API_BUFFEREVENT_KINDS_RIG_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "testing/harness/fault.h"
#include "testing/harness/test.h"

static struct event_base *base;
static struct bufferevent *a, *b; /* the ends of a pair, or filters over them */
static int reads, writes, events_told, contexts_freed;
static short last_event;

static inline void
on_read(struct bufferevent *bev, void *drains)
{
	reads++;
	if (drains)
		evbuffer_drain(bufferevent_get_input(bev), *(size_t *)drains);
}

static inline void
on_write(struct bufferevent *bev, void *arg)
{
	(void)bev, (void)arg;
	writes++;
}

static inline void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev, (void)arg;
	events_told++;
	last_event = what;
}

static inline void
on_context(void *arg)
{
	(void)arg;
	contexts_freed++;
}

static inline size_t in(struct bufferevent *bev) { return evbuffer_get_length(bufferevent_get_input(bev)); }
static inline size_t out(struct bufferevent *bev) { return evbuffer_get_length(bufferevent_get_output(bev)); }
static inline struct bufferevent *below(struct bufferevent *bev) { return bufferevent_get_underlying(bev); }

static inline void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void
open_pair(void)
{
	struct bufferevent *ends[2];

	base = event_base_new();
	CHECK_INT_EQ(bufferevent_pair_new(base, 0, ends), 0);
	a = ends[0];
	b = ends[1];
	bufferevent_setcb(a, on_read, on_write, on_event, NULL);
	bufferevent_setcb(b, on_read, on_write, on_event, NULL);
}

static inline void
open_filter(bufferevent_filter_cb input, bufferevent_filter_cb output)
{
	open_pair();
	a = bufferevent_filter_new(a, input, output, BEV_OPT_CLOSE_ON_FREE, on_context, NULL);
	CHECK(a != NULL);
	bufferevent_setcb(a, on_read, on_write, on_event, NULL);
}

static inline void
close_all(void)
{
	if (a)
		bufferevent_free(a);
	if (b)
		bufferevent_free(b);
	turn();
	event_base_free(base);
}

static inline struct timeval
ms(long n)
{
	return (struct timeval){ n / 1000, (n % 1000) * 1000 };
}

static inline int
timer_of(struct event *ev)
{
	return event_pending(ev, EV_TIMEOUT, NULL) != 0;
}

#endif
