/* testing/bench/oneshot_event.c — libevent's API: linked with evrt, and with the oracle; see oneshot.h. */
#include "testing/bench/oneshot.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include "testing/bench/bench.h"

static struct event_base *base;
static struct event events[2];

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct event *ev = arg;

	(void)fd;
	(void)what;
	if (!oneshot_ready((unsigned)(ev - events)))
		event_base_loopbreak(base);
	else if (event_add(ev, NULL) < 0)
		bench_die("event_add");
}

void
oneshot_run(const int fds[2], bool changelist)
{
	struct event_config *config = event_config_new();

	event_config_set_flag(config, changelist ? EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST : 0);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (!base)
		bench_die("event_base_new_with_config");
	for (unsigned i = 0; i < 2; i++) {
		event_assign(&events[i], base, fds[i], EV_READ, on_readable, &events[i]);
		event_add(&events[i], NULL);
	}
	event_base_dispatch(base);
	for (unsigned i = 0; i < 2; i++)
		event_del(&events[i]);
	event_base_free(base);
}
