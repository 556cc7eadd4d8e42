/* testing/bench/activate_ev.c — libev's ev_async; see activate.h. */
#include "testing/bench/activate.h"

#include <ev.h>
#include <stdlib.h>

#include "testing/bench/bench.h"

static struct ev_loop *loop;
static ev_async *asyncs;

static void
on_async(struct ev_loop *l, ev_async *w, int what)
{
	(void)w;
	(void)what;
	if (!activate_called())
		ev_break(l, EVBREAK_ALL);
}

void
activate_open(unsigned sources)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	asyncs = calloc(sources, sizeof(*asyncs));
	if (!loop || !asyncs)
		bench_die("ev_loop_new");
	for (unsigned i = 0; i < sources; i++) {
		ev_async_init(&asyncs[i], on_async);
		ev_async_start(loop, &asyncs[i]);
	}
}

void
activate_send(unsigned source)
{
	ev_async_send(loop, &asyncs[source]);
}

void
activate_run(void)
{
	ev_run(loop, 0);
}

void
activate_close(void)
{
	ev_loop_destroy(loop);
	free(asyncs);
}
