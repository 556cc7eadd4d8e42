/* testing/bench/timers_uv.c — libuv, whose timers count whole milliseconds; see timers.h. */
#include "testing/bench/timers.h"

#include <stdlib.h>
#include <uv.h>

#include "testing/bench/bench.h"

static uv_loop_t loop;
static uv_timer_t *timers;
static unsigned timer_count;
static unsigned fired;

static void
on_timer(uv_timer_t *t)
{
	(void)t;
	fired++;
}

void
timers_open(unsigned count)
{
	timers = calloc(count, sizeof(*timers));
	timer_count = count;
	fired = 0;
	if (!timers || uv_loop_init(&loop) != 0)
		bench_die("uv_loop_init");
	for (unsigned i = 0; i < count; i++)
		uv_timer_init(&loop, &timers[i]);
}

void
timers_close(void)
{
	for (unsigned i = 0; i < timer_count; i++)
		uv_close((uv_handle_t *)&timers[i], NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	free(timers);
}

/* libuv's time is that of the last turn of the loop wherever it is asked. */
void
timers_inside(void (*fn)(void))
{
	uv_update_time(&loop);
	fn();
}

void
timers_set(const unsigned *order, const struct timeval *after, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct timeval *tv = &after[order[i]];
		uv_timer_start(&timers[order[i]], on_timer, (uint64_t)tv->tv_sec * 1000 + (uint64_t)tv->tv_usec / 1000, 0);
	}
}

void
timers_delete(const unsigned *order, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		uv_timer_stop(&timers[order[i]]);
}

void
timers_fire(unsigned count)
{
	while (fired < count)
		uv_run(&loop, UV_RUN_NOWAIT);
}

const struct timeval *
timers_common(const struct timeval *tv)
{
	(void)tv;
	return NULL;
}
