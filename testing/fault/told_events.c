/* testing/fault/told_events.c — see told_events.h.
 *
 * A case is written for what it is about: it waits for bytes, and often looks at no event. With the fault, these may
 * never come, and its event callback is how it is told. So a callback from here stands before the case's own.
 */
#include "testing/fault/told_events.h"

#include <event2/util.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include "testing/fault/inject.h"
#include "testing/harness/test.h"

/* By address, without end: whoever gets the memory of one that is gone takes its place. */
#define PLACES 16384

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place {
	const struct bufferevent *bev;
	bufferevent_event_cb eventcb;
} places[PLACES];

/* Locked. */
static struct place *
place_of(const struct bufferevent *bev)
{
	size_t start = (uintptr_t)bev / 64 % PLACES, i = start;

	while (places[i].bev && places[i].bev != bev) {
		i = (i + 1) % PLACES;
		if (i == start)
			abort();
	}
	places[i].bev = bev;
	return &places[i];
}

static bufferevent_event_cb
eventcb_of(const struct bufferevent *bev)
{
	pthread_mutex_lock(&lock);
	bufferevent_event_cb eventcb = place_of(bev)->eventcb;
	pthread_mutex_unlock(&lock);
	return eventcb;
}

static void
told_event(struct bufferevent *bev, short what, void *arg)
{
	int err = EVUTIL_SOCKET_ERROR();
	bufferevent_event_cb eventcb = eventcb_of(bev);

	if ((what & BEV_EVENT_ERROR) && evrt_test_fault_is(err))
		evrt_test_fail(__FILE__, __LINE__, "told: an event callback");
	EVUTIL_SET_SOCKET_ERROR(err);
	if (eventcb)
		eventcb(bev, what, arg);
}

void
evrt_test_fault_setcb(struct bufferevent *bev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
    bufferevent_event_cb eventcb, void *arg)
{
	bool any = readcb || writecb || eventcb;

	pthread_mutex_lock(&lock);
	place_of(bev)->eventcb = eventcb;
	pthread_mutex_unlock(&lock);
	bufferevent_setcb(bev, readcb, writecb, any ? told_event : NULL, arg);
}

void
evrt_test_fault_getcb(struct bufferevent *bev, bufferevent_data_cb *readcb, bufferevent_data_cb *writecb,
    bufferevent_event_cb *eventcb, void **arg)
{
	bufferevent_getcb(bev, readcb, writecb, eventcb, arg);
	if (eventcb && *eventcb == told_event)
		*eventcb = eventcb_of(bev);
}
