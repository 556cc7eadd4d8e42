/* examples/events/interval.c — a timer that repeats until it deletes itself.
 *
 *   ./evrt example interval
 *
 *   | tick 1
 *   | tick 2
 *   | tick 3
 *   | pending after its last tick: no
 *
 * EV_PERSIST with a timeout is an interval: each deadline is counted from the one before it, so it does not drift.
 * event_self_cbarg() stands for the event itself, which has no address yet while event_new is called.
 */
#include <stdio.h>
#include <event2/event.h>

#define TICKS 3

static int ticks;

static void
on_tick(evutil_socket_t fd, short what, void *self)
{
	(void)fd, (void)what;
	printf("tick %d\n", ++ticks);
	if (ticks == TICKS)
		event_del(self); /* and so the loop ends */
}

int
main(void)
{
	struct timeval interval = { 0, 100000 };
	struct event_base *base = event_base_new();
	struct event *ticker = base ? event_new(base, -1, EV_PERSIST, on_tick, event_self_cbarg()) : NULL;

	if (!ticker || event_add(ticker, &interval) < 0)
		return 1;
	event_base_dispatch(base);
	printf("pending after its last tick: %s\n", event_pending(ticker, EV_TIMEOUT, NULL) ? "yes" : "no");
	event_free(ticker);
	event_base_free(base);
	return 0;
}
