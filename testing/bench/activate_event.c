/* testing/bench/activate_event.c — libevent's API: linked with evrt, and with the oracle; see activate.h. */
#include "testing/bench/activate.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include <stdlib.h>

#include "testing/bench/bench.h"

static struct event_base *base;
static struct event *events;

static void
on_active(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (!activate_called())
		event_base_loopbreak(base);
}

void
activate_open(unsigned sources)
{
	if (evthread_use_pthreads() < 0)
		bench_die("evthread_use_pthreads");
	base = event_base_new();
	events = calloc(sources, sizeof(*events));
	if (!base || !events)
		bench_die("event_base_new");
	for (unsigned i = 0; i < sources; i++)
		event_assign(&events[i], base, -1, EV_PERSIST, on_active, NULL);
}

void
activate_send(unsigned source)
{
	event_active(&events[source], EV_READ, 1);
}

void
activate_run(void)
{
	if (event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		bench_die("event_base_loop");
}

void
activate_close(void)
{
	event_base_free(base);
	free(events);
}
