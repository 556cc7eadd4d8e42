/* examples/events/memory-and-log.c — the program's own allocator and log: set before anything else is called.
 *
 *   ./evrt example memory-and-log
 *
 *   | with a base and an event: some blocks
 *   | log, warning: event_base_loop: ...
 *   | after everything is freed: 0 blocks
 *
 * The three functions serve every allocation of the library from then on; with threads they must be safe to call
 * from several. The log callback gets one line per message, without a newline, and must not call the library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <event2/event.h>

static int blocks;

static void *
counting_realloc(void *block, size_t size)
{
	void *p = realloc(block, size);

	if (!block && p)
		blocks++;
	else if (block && size == 0)
		blocks--;
	return p;
}

static void *
counting_malloc(size_t size)
{
	return counting_realloc(NULL, size);
}

static void
counting_free(void *block)
{
	if (block)
		blocks--;
	free(block);
}

static void
on_log(int severity, const char *message)
{
	static const char *const names[] = { "debug", "message", "warning", "error" };

	printf("log, %s: %s\n", severity >= 0 && severity < 4 ? names[severity] : "?", message);
}

/* A mistake that the library reports: a loop inside the same loop. */
static void
on_time(evutil_socket_t fd, short what, void *base)
{
	(void)fd, (void)what;
	event_base_loop(base, EVLOOP_NONBLOCK);
}

int
main(void)
{
	struct timeval soon = { 0, 1000 };

	event_set_mem_functions(counting_malloc, counting_realloc, counting_free);
	event_set_log_callback(on_log);
	struct event_base *base = event_base_new();
	struct event *timer = base ? evtimer_new(base, on_time, base) : NULL;
	if (!timer || event_add(timer, &soon) < 0)
		return 1;
	printf("with a base and an event: %s blocks\n", blocks > 1 ? "some" : "no");
	event_base_dispatch(base);
	event_free(timer);
	event_base_free(base);
	libevent_global_shutdown(); /* what the library keeps beside bases, for leak checkers */
	printf("after everything is freed: %d blocks\n", blocks);
	return 0;
}
