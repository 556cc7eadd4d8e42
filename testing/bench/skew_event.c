/* testing/bench/skew_event.c — see skew_event.h. An event per connection. */
#include "testing/bench/skew_event.h"

#include "testing/bench/bench.h"
#include "testing/bench/skew_serve.h"

static void
hang_up(evutil_socket_t fd, struct event *ev)
{
	event_free(ev);
	evutil_closesocket(fd);
}

static void
on_edge(evutil_socket_t fd, short what, void *ev)
{
	enum skew_served served;

	(void)what;
	while ((served = skew_serve_all(fd)) == SKEW_MORE)
		continue;
	if (served == SKEW_CLOSED)
		hang_up(fd, ev);
}

static void
on_level(evutil_socket_t fd, short what, void *ev)
{
	(void)what;
	if (!skew_serve_one(fd))
		hang_up(fd, ev);
}

void
skew_event_serve(struct event_base *base, evutil_socket_t fd, bool edges)
{
	struct event *ev = edges ? event_new(base, fd, EV_READ | EV_ET | EV_PERSIST, on_edge, event_self_cbarg())
	    : event_new(base, fd, EV_READ | EV_PERSIST, on_level, event_self_cbarg());

	if (!ev || event_add(ev, NULL) < 0)
		bench_die("an event");
}

void
skew_event_listen(struct event_base *base, evconnlistener_cb on_accept, void *arg)
{
	if (!evconnlistener_new(base, on_accept, arg, LEV_OPT_CLOSE_ON_FREE, 0, skew_listen()))
		bench_die("evconnlistener_new");
}
