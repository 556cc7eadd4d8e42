/* examples/events/stopwatch.c — how long something took, by a clock that nobody can set back.
 *
 *   ./evrt example stopwatch
 *
 *   | the loop ran for 50 ms or more: yes
 *   | the cached time stood still inside a callback: yes
 *
 * evutil_gettime_monotonic counts from some moment in the past, and never jumps; dates are evutil_gettimeofday's.
 * Callbacks that only need to know about what time it is ask event_base_gettimeofday_cached: the loop has looked
 * at the clock already, once for all callbacks of a turn.
 */
#include <stdio.h>
#include <event2/event.h>

static void
on_time(evutil_socket_t fd, short what, void *base)
{
	struct timeval first, second;

	(void)fd, (void)what;
	event_base_gettimeofday_cached(base, &first);
	for (volatile int i = 0; i < 1000000; i++)
		continue;
	event_base_gettimeofday_cached(base, &second);
	printf("the cached time stood still inside a callback: %s\n", evutil_timercmp(&first, &second, ==) ? "yes" : "no");
}

int
main(void)
{
	struct timeval tv = { 0, 50000 }, begin, end, took, at_least = { 0, 45000 };
	struct evutil_monotonic_timer *clock = evutil_monotonic_timer_new();
	struct event_base *base = event_base_new();

	if (!clock || !base || evutil_configure_monotonic_time(clock, EV_MONOT_PRECISE) < 0)
		return 1;
	evutil_gettime_monotonic(clock, &begin);
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
	evutil_gettime_monotonic(clock, &end);
	evutil_timersub(&end, &begin, &took);
	/* libevent's own timers follow a coarser clock by default, and may be some milliseconds early. */
	printf("the loop ran for 50 ms or more: %s\n", evutil_timercmp(&took, &at_least, >=) ? "yes" : "no");
	event_base_once(base, -1, EV_TIMEOUT, on_time, base, NULL);
	event_base_dispatch(base);
	event_base_free(base);
	evutil_monotonic_timer_free(clock);
	return 0;
}
