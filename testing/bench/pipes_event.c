/* testing/bench/pipes_event.c — libevent's API: linked with evrt, and with the oracle; see pipes.h. */
#include "testing/bench/pipes.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "testing/bench/bench.h"

static struct event_base *base;
static struct event *events;
static const int *watched;
static unsigned watched_count;

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pipes_ready((unsigned)(uintptr_t)arg);
}

bool
pipes_open(const char *method, bool changelist, const int *fds, unsigned count)
{
	if (changelist && strcmp(method, "epoll") != 0)
		return false;
	const char **methods = event_get_supported_methods();
	struct event_config *config = event_config_new();

	for (int i = 0; methods[i]; i++)
		if (strcmp(methods[i], method) != 0)
			event_config_avoid_method(config, methods[i]);
	if (changelist)
		event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (!base)
		return false;
	events = calloc(count, sizeof(*events));
	if (!events)
		bench_die("memory");
	watched = fds;
	watched_count = count;
	for (unsigned i = 0; i < count; i++)
		event_assign(&events[i], base, fds[i], EV_READ | EV_PERSIST, on_readable, (void *)(uintptr_t)i);
	return true;
}

void
pipes_close(void)
{
	for (unsigned i = 0; i < watched_count; i++)
		event_del(&events[i]);
	event_base_free(base);
	free(events);
}

void
pipes_watch(void)
{
	for (unsigned i = 0; i < watched_count; i++) {
		event_del(&events[i]);
		event_assign(&events[i], base, watched[i], EV_READ | EV_PERSIST, on_readable, (void *)(uintptr_t)i);
		if (event_add(&events[i], NULL) < 0)
			bench_die("event_add");
	}
}

void
pipes_turn(void)
{
	if (event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) < 0)
		bench_die("event_base_loop");
}
