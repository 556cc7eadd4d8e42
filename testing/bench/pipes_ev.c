/* testing/bench/pipes_ev.c — libev; see pipes.h. */
#include "testing/bench/pipes.h"

#include <ev.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "testing/bench/bench.h"

static struct ev_loop *loop;
static ev_io *watchers;
static unsigned watched_count;

static const struct method {
	const char *name;
	unsigned flag;
} methods[] = {
	{ "epoll", EVBACKEND_EPOLL },
	{ "poll", EVBACKEND_POLL },
	{ "select", EVBACKEND_SELECT },
};

static void
on_readable(struct ev_loop *l, ev_io *w, int what)
{
	(void)l;
	(void)what;
	pipes_ready((unsigned)(uintptr_t)w->data);
}

bool
pipes_open(const char *method, bool changelist, const int *fds, unsigned count)
{
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, method) == 0 && !changelist)
			loop = ev_loop_new(methods[i].flag);
	if (!loop)
		return false;
	watchers = calloc(count, sizeof(*watchers));
	if (!watchers)
		bench_die("memory");
	watched_count = count;
	for (unsigned i = 0; i < count; i++) {
		ev_io_init(&watchers[i], on_readable, fds[i], EV_READ);
		watchers[i].data = (void *)(uintptr_t)i;
	}
	return true;
}

void
pipes_close(void)
{
	for (unsigned i = 0; i < watched_count; i++)
		ev_io_stop(loop, &watchers[i]);
	ev_loop_destroy(loop);
	free(watchers);
}

void
pipes_watch(void)
{
	for (unsigned i = 0; i < watched_count; i++) {
		ev_io_stop(loop, &watchers[i]);
		ev_io_start(loop, &watchers[i]);
	}
}

void
pipes_turn(void)
{
	ev_run(loop, EVRUN_NOWAIT);
}
