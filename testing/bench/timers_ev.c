/* testing/bench/timers_ev.c — libev: relative timers, refreshed with ev_timer_again; see timers.h. */
#include "testing/bench/timers.h"

#include <ev.h>
#include <stdlib.h>

#include "testing/bench/bench.h"

static struct ev_loop *loop;
static ev_timer *timers;
static unsigned fired;

static void
on_timer(struct ev_loop *l, ev_timer *w, int what)
{
	(void)what;
	fired++;
	ev_timer_stop(l, w); /* it repeats: that is how libev pushes a timer back */
}

static double
seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec * 1e-6;
}

void
timers_open(unsigned count)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	timers = calloc(count, sizeof(*timers));
	fired = 0;
	if (!loop || !timers)
		bench_die("ev_loop_new");
	for (unsigned i = 0; i < count; i++)
		ev_init(&timers[i], on_timer);
}

void
timers_close(void)
{
	ev_loop_destroy(loop);
	free(timers);
}

/* libev's time is that of the last turn of the loop wherever it is asked. */
void
timers_inside(void (*fn)(void))
{
	ev_now_update(loop);
	fn();
}

void
timers_set(const unsigned *order, const struct timeval *after, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ev_timer *w = &timers[order[i]];
		w->repeat = seconds(&after[order[i]]);
		ev_timer_again(loop, w);
	}
}

void
timers_delete(const unsigned *order, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ev_timer_stop(loop, &timers[order[i]]);
}

void
timers_fire(unsigned count)
{
	while (fired < count)
		ev_run(loop, EVRUN_NOWAIT);
}

const struct timeval *
timers_common(const struct timeval *tv)
{
	(void)tv;
	return NULL;
}
