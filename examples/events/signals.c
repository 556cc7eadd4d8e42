/* examples/events/signals.c — signals as events: counting one, and a clean end by another.
 *
 *   ./evrt example signals
 *
 *   | SIGUSR1, number 1
 *   | SIGUSR1, number 2
 *   | SIGTERM: ending after 2 signals
 *   | everything is freed
 *
 * A signal's callback runs in the loop like any other, not inside a signal handler: it may print, allocate, and
 * free. Here a timer sends the signals; `kill` from a shell does as well.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <event2/event.h>

static int counted;

static void
on_count(evutil_socket_t signum, short what, void *arg)
{
	(void)signum, (void)what, (void)arg;
	printf("SIGUSR1, number %d\n", ++counted);
}

static void
on_end(evutil_socket_t signum, short what, void *base)
{
	(void)what;
	printf("%s: ending after %d signals\n", signum == SIGTERM ? "SIGTERM" : "SIGINT", counted);
	event_base_loopexit(base, NULL);
}

static void
send_one(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	kill(getpid(), counted < 2 ? SIGUSR1 : SIGTERM);
}

int
main(void)
{
	struct timeval interval = { 0, 50000 };
	struct event_base *base = event_base_new();

	if (!base)
		return 1;
	struct event *events[] = {
		evsignal_new(base, SIGUSR1, on_count, NULL), /* EV_SIGNAL | EV_PERSIST */
		evsignal_new(base, SIGINT, on_end, base),
		evsignal_new(base, SIGTERM, on_end, base),
		event_new(base, -1, EV_PERSIST, send_one, NULL),
	};
	for (int i = 0; i < 4; i++)
		if (!events[i] || event_add(events[i], i == 3 ? &interval : NULL) < 0)
			return 1;
	event_base_dispatch(base);
	for (int i = 0; i < 4; i++)
		event_free(events[i]);
	event_base_free(base);
	puts("everything is freed");
	return 0;
}
