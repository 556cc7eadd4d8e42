/* testing/bench/pipes_uv.c — libuv, which has epoll only; see pipes.h. */
#include "testing/bench/pipes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "testing/bench/bench.h"

static uv_loop_t loop;
static uv_poll_t *polls;
static unsigned watched_count;

static void
on_readable(uv_poll_t *p, int status, int what)
{
	(void)status;
	(void)what;
	pipes_ready((unsigned)(uintptr_t)p->data);
}

bool
pipes_open(const char *method, bool changelist, const int *fds, unsigned count)
{
	if (strcmp(method, "epoll") != 0 || changelist)
		return false;
	polls = calloc(count, sizeof(*polls));
	if (!polls || uv_loop_init(&loop) != 0)
		bench_die("uv_loop_init");
	watched_count = count;
	for (unsigned i = 0; i < count; i++) {
		if (uv_poll_init(&loop, &polls[i], fds[i]) != 0)
			bench_die("uv_poll_init");
		polls[i].data = (void *)(uintptr_t)i;
	}
	return true;
}

void
pipes_close(void)
{
	for (unsigned i = 0; i < watched_count; i++)
		uv_close((uv_handle_t *)&polls[i], NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	free(polls);
}

void
pipes_watch(void)
{
	for (unsigned i = 0; i < watched_count; i++) {
		uv_poll_stop(&polls[i]);
		uv_poll_start(&polls[i], UV_READABLE, on_readable);
	}
}

void
pipes_turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}
