/* examples/events/hello-timer.c — a base, one event, and a loop that ends when nothing is left to wait for.
 *
 *   ./evrt example hello-timer
 *
 *   | hello, half a second later
 *   | the loop has nothing to wait for any more
 *
 * An event that is not EV_PERSIST is pending until it has happened once; event_add would make it so again.
 */
#include <stdio.h>
#include <event2/event.h>

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	printf("hello, %s later\n", (const char *)arg);
}

int
main(void)
{
	struct timeval half_a_second = { 0, 500000 };
	struct event_base *base = event_base_new();
	struct event *timer = base ? evtimer_new(base, on_time, "half a second") : NULL;

	if (!timer || event_add(timer, &half_a_second) < 0)
		return 1;
	/* 0: somebody has ended the loop; 1: no event is left; -1: an error. */
	if (event_base_dispatch(base) == 1)
		puts("the loop has nothing to wait for any more");
	event_free(timer);
	event_base_free(base);
	return 0;
}
