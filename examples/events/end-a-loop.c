/* examples/events/end-a-loop.c — running a loop for a time, ending it from inside, and what got_exit tells.
 *
 *   ./evrt example end-a-loop
 *
 *   | slice 1 is over: the loop was told to exit
 *   | slice 2 is over: the loop was told to exit
 *   | exit: the callback that asks, and the one behind it
 *   | break: the callback that asks
 *   | and in the next loop the one behind it
 *
 * event_base_loopexit ends the loop after a time, or (NULL) after what is active now; event_base_loopbreak ends it
 * after the callback that runs. Neither changes any event: another loop goes on where this one stopped.
 */
#include <stdio.h>
#include <event2/event.h>

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void
on_exit_wanted(evutil_socket_t fd, short what, void *base)
{
	(void)fd, (void)what;
	printf("exit: the callback that asks, and ");
	event_base_loopexit(base, NULL);
}

static void
on_break_wanted(evutil_socket_t fd, short what, void *base)
{
	(void)fd, (void)what;
	printf("break: the callback that asks\nand in the next loop ");
	event_base_loopbreak(base);
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	puts("the one behind it");
}

int
main(void)
{
	struct timeval slice = { 0, 50000 }, day = { 24 * 3600, 0 };
	struct event_base *base = event_base_new();
	struct event *keeps_it_busy = base ? evtimer_new(base, on_idle, NULL) : NULL;

	if (!keeps_it_busy || event_add(keeps_it_busy, &day) < 0)
		return 1;
	for (int i = 1; i <= 2; i++) {
		event_base_loopexit(base, &slice);
		event_base_dispatch(base);
		printf("slice %d is over: %s\n", i, event_base_got_exit(base) ? "the loop was told to exit" : "why?");
	}
	event_base_once(base, -1, EV_TIMEOUT, on_exit_wanted, base, NULL);
	event_base_once(base, -1, EV_TIMEOUT, on_next, NULL, NULL);
	event_base_dispatch(base);
	event_base_once(base, -1, EV_TIMEOUT, on_break_wanted, base, NULL);
	event_base_once(base, -1, EV_TIMEOUT, on_next, NULL, NULL);
	event_base_dispatch(base);
	event_base_loop(base, EVLOOP_NONBLOCK); /* what is ready, and no waiting */
	event_free(keeps_it_busy);
	event_base_free(base);
	return 0;
}
