/* testing/bench/oneshot_uv.c — libuv, whose polls are stopped and started; see oneshot.h. */
#include "testing/bench/oneshot.h"

#include <uv.h>

#include "testing/bench/bench.h"

static uv_poll_t polls[2];

static void
on_readable(uv_poll_t *p, int status, int what)
{
	(void)status;
	(void)what;
	uv_poll_stop(p);
	if (oneshot_ready((unsigned)(p - polls)))
		uv_poll_start(p, UV_READABLE, on_readable);
	else
		uv_stop(p->loop);
}

void
oneshot_run(const int fds[2], bool changelist)
{
	uv_loop_t loop;

	(void)changelist;
	if (uv_loop_init(&loop) != 0)
		bench_die("uv_loop_init");
	for (unsigned i = 0; i < 2; i++) {
		uv_poll_init(&loop, &polls[i], fds[i]);
		uv_poll_start(&polls[i], UV_READABLE, on_readable);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (unsigned i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&polls[i], NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}
