/* testing/bench/timers_event.c — libevent's API: linked with evrt, and with the oracle; see timers.h. */
#include "testing/bench/timers.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdlib.h>

#include "testing/bench/bench.h"

static struct event_base *base;
static struct event *events;
static unsigned fired;

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fired++;
}

void
timers_open(unsigned count)
{
	base = event_base_new();
	events = calloc(count, sizeof(*events));
	fired = 0;
	if (!base || !events)
		bench_die("event_base_new");
	for (unsigned i = 0; i < count; i++)
		if (event_assign(&events[i], base, -1, 0, on_timer, NULL) < 0)
			bench_die("event_assign");
}

void
timers_close(void)
{
	event_base_free(base);
	free(events);
}

static void
on_inside(evutil_socket_t fd, short what, void *fn)
{
	(void)fd;
	(void)what;
	(*(void (**)(void))fn)();
}

void
timers_inside(void (*fn)(void))
{
	struct event ev;

	event_assign(&ev, base, -1, 0, on_inside, &fn);
	event_active(&ev, EV_TIMEOUT, 1);
	if (event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) < 0)
		bench_die("event_base_loop");
}

void
timers_set(const unsigned *order, const struct timeval *after, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (event_add(&events[order[i]], &after[order[i]]) < 0)
			bench_die("event_add");
}

void
timers_delete(const unsigned *order, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		event_del(&events[order[i]]);
}

void
timers_fire(unsigned count)
{
	while (fired < count)
		if (event_base_loop(base, EVLOOP_NONBLOCK) < 0)
			bench_die("event_base_loop");
}

const struct timeval *
timers_common(const struct timeval *tv)
{
	const struct timeval *common = event_base_init_common_timeout(base, tv);

	if (!common)
		bench_die("event_base_init_common_timeout");
	return common;
}
