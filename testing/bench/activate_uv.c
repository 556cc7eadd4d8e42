/* testing/bench/activate_uv.c — libuv's uv_async_t; see activate.h. */
#include "testing/bench/activate.h"

#include <stdlib.h>
#include <uv.h>

#include "testing/bench/bench.h"

static uv_loop_t loop;
static uv_async_t *asyncs;
static unsigned async_count;

static void
on_async(uv_async_t *a)
{
	if (!activate_called())
		uv_stop(a->loop);
}

void
activate_open(unsigned sources)
{
	asyncs = calloc(sources, sizeof(*asyncs));
	async_count = sources;
	if (!asyncs || uv_loop_init(&loop) != 0)
		bench_die("uv_loop_init");
	for (unsigned i = 0; i < sources; i++)
		uv_async_init(&loop, &asyncs[i], on_async);
}

void
activate_send(unsigned source)
{
	uv_async_send(&asyncs[source]);
}

void
activate_run(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
}

void
activate_close(void)
{
	for (unsigned i = 0; i < async_count; i++)
		uv_close((uv_handle_t *)&asyncs[i], NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	free(asyncs);
}
