/* testing/packaging/timer.c — a small libevent program: a pipe, a timer, a buffer, locks switched on.
 *
 * Built outside of the build tool, as users do, against the installed tree only. Prints "installed VERSION".
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct evbuffer *heard;

static void
pipe_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	if (evbuffer_read(heard, fd, -1) <= 0)
		event_base_loopexit(arg, NULL);
}

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	int *write_end = arg;

	(void)fd;
	(void)what;
	if (write(*write_end, "installed", 9) == 9)
		close(*write_end);
}

int
main(void)
{
	const struct timeval soon = { 0, 1000 };
	int ends[2];

	if (evthread_use_pthreads() || pipe(ends))
		return 1;
	evutil_make_socket_nonblocking(ends[0]);
	struct event_base *base = event_base_new();
	heard = evbuffer_new();
	struct event *reader = event_new(base, ends[0], EV_READ | EV_PERSIST, pipe_readable, base);
	struct event *timer = evtimer_new(base, timer_fired, &ends[1]);
	if (!heard || !reader || !timer || event_add(reader, NULL) || evtimer_add(timer, &soon))
		return 1;
	event_base_dispatch(base);

	char text[16] = "";
	evbuffer_remove(heard, text, sizeof(text) - 1);
	printf("%s %s\n", text, event_get_version());
	event_free(reader);
	event_free(timer);
	evbuffer_free(heard);
	event_base_free(base);
	close(ends[0]);
	libevent_global_shutdown();
	return strcmp(text, "installed") != 0;
}
