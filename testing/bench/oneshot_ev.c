/* testing/bench/oneshot_ev.c — libev, whose watchers are stopped and started; see oneshot.h. */
#include "testing/bench/oneshot.h"

#include <ev.h>

#include "testing/bench/bench.h"

static ev_io watchers[2];

static void
on_readable(struct ev_loop *loop, ev_io *w, int what)
{
	(void)what;
	ev_io_stop(loop, w);
	if (oneshot_ready((unsigned)(w - watchers)))
		ev_io_start(loop, w);
	else
		ev_break(loop, EVBREAK_ONE);
}

void
oneshot_run(const int fds[2], bool changelist)
{
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);

	(void)changelist;
	if (!loop)
		bench_die("ev_loop_new");
	for (unsigned i = 0; i < 2; i++) {
		ev_io_init(&watchers[i], on_readable, fds[i], EV_READ);
		ev_io_start(loop, &watchers[i]);
	}
	ev_run(loop, 0);
	for (unsigned i = 0; i < 2; i++)
		ev_io_stop(loop, &watchers[i]);
	ev_loop_destroy(loop);
}
