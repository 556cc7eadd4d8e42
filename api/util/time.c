/* api/util/time.c — a monotonic clock for programs, and the date of HTTP.
 *
 * Here:     evutil_monotonic_timer, evutil_date_rfc1123.
 * Not here: the clock of event loops (base/clock.h), conversions (timeval.h).
 * Threads:  any; one thread at a time per timer.
 */
#include <event2/util.h>

#include "base/clock.h"
#include "base/mem.h"

struct evutil_monotonic_timer {
	int flags;
	struct timeval last;   /* FALLBACK: the last answer */
	struct timeval behind; /* FALLBACK: what to add, because the date was set back */
};

struct evutil_monotonic_timer *
evutil_monotonic_timer_new(void)
{
	return evrt__calloc(1, sizeof(struct evutil_monotonic_timer));
}

void
evutil_monotonic_timer_free(struct evutil_monotonic_timer *timer)
{
	evrt__free(timer);
}

int
evutil_configure_monotonic_time(struct evutil_monotonic_timer *timer, int flags)
{
	*timer = (struct evutil_monotonic_timer){ .flags = flags };
	return 0;
}

/* The date, moved forward by as much as it was ever set back. */
static void
time_fallback(struct evutil_monotonic_timer *timer, struct timeval *tp)
{
	struct timeval now, lost;
	evutil_gettimeofday(&now, NULL);
	evutil_timeradd(&now, &timer->behind, tp);
	if (evutil_timercmp(tp, &timer->last, <)) {
		evutil_timersub(&timer->last, tp, &lost);
		evutil_timeradd(&timer->behind, &lost, &timer->behind);
		*tp = timer->last;
	}
	timer->last = *tp;
}

int
evutil_gettime_monotonic(struct evutil_monotonic_timer *timer, struct timeval *tp)
{
	if (timer->flags & EV_MONOT_FALLBACK) {
		time_fallback(timer, tp);
		return 0;
	}
	evrt_ns now = evrt__clock_now(evrt__clock_real());
	tp->tv_sec = now / EVRT_NS_PER_SEC;
	tp->tv_usec = now % EVRT_NS_PER_SEC / EVRT_NS_PER_US;
	return 0;
}

int
evutil_date_rfc1123(char *date, const size_t datelen, const struct tm *tm)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
		"Oct", "Nov", "Dec" };
	struct tm now;
	if (!tm) {
		time_t t = time(NULL);
		tm = gmtime_r(&t, &now);
		if (!tm)
			return -1;
	}
	return evutil_snprintf(date, datelen, "%s, %02d %s %4d %02d:%02d:%02d GMT",
	    days[(unsigned)tm->tm_wday % 7], tm->tm_mday, months[(unsigned)tm->tm_mon % 12],
	    1900 + tm->tm_year, tm->tm_hour, tm->tm_min, tm->tm_sec);
}
