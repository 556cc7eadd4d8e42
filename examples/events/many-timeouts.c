/* examples/events/many-timeouts.c — the same timeout for ten thousand connections.
 *
 *   ./evrt example many-timeouts
 *
 *   | 10000 of 10000 timed out, in the order in which they were added
 *
 * event_base_init_common_timeout returns a marked copy of a duration. Whoever passes that copy to event_add says
 * that many events have the same one: libevent then keeps them in a list instead of a heap. evrt's timers cost
 * the same either way, so a program need not care; one that does runs unchanged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <event2/event.h>

#define CONNECTIONS 10000

static int timed_out, out_of_order;

static void
on_timeout(evutil_socket_t fd, short what, void *number)
{
	(void)fd, (void)what;
	if (*(int *)number != timed_out++)
		out_of_order++;
}

int
main(void)
{
	static struct event *events[CONNECTIONS];
	static int numbers[CONNECTIONS];
	struct timeval tenth = { 0, 100000 };
	struct event_base *base = event_base_new();
	const struct timeval *common = base ? event_base_init_common_timeout(base, &tenth) : NULL;

	if (!common)
		return 1;
	for (int i = 0; i < CONNECTIONS; i++) {
		numbers[i] = i;
		events[i] = evtimer_new(base, on_timeout, &numbers[i]);
		if (!events[i] || event_add(events[i], common) < 0)
			return 1;
	}
	event_base_dispatch(base);
	printf("%d of %d timed out, %s\n", timed_out, CONNECTIONS,
	    out_of_order ? "in some order" : "in the order in which they were added");
	for (int i = 0; i < CONNECTIONS; i++)
		event_free(events[i]);
	event_base_free(base);
	return 0;
}
