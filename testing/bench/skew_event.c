/* testing/bench/skew_event.c — see skew_event.h. A plain event per connection, one message per callback. */
#include "testing/bench/skew_event.h"

#include "testing/bench/bench.h"
#include "testing/bench/skew_serve.h"

static void
on_ready(evutil_socket_t fd, short what, void *ev)
{
	(void)what;
	if (skew_serve_one(fd))
		return;
	event_free(ev);
	evutil_closesocket(fd);
}

void
skew_event_serve(struct event_base *base, evutil_socket_t fd)
{
	struct event *ev = event_new(base, fd, EV_READ | EV_PERSIST, on_ready, event_self_cbarg());

	if (!ev || event_add(ev, NULL) < 0)
		bench_die("an event");
}

void
skew_event_listen(struct event_base *base, evconnlistener_cb on_accept, void *arg)
{
	if (!evconnlistener_new(base, on_accept, arg, LEV_OPT_CLOSE_ON_FREE, 0, skew_listen()))
		bench_die("evconnlistener_new");
}
