/* base/clock.h — time as one signed count of nanoseconds, and the clock as an object.
 *
 * Here:     evrt_ns, conversions, the real monotonic clock, a fake one for tests.
 * Not here: timeval (api/util), timers (runtime/loop/timers).
 * Threads:  any; a fake clock is advanced by one thread at a time and read by all.
 *
 * Deadlines are absolute everywhere inside; timeouts exist only at the API's edge.
 */
#ifndef EVRT_BASE_CLOCK_H_
#define EVRT_BASE_CLOCK_H_

#include <stdint.h>

typedef int64_t evrt_ns;
#define EVRT_NS_NEVER INT64_MAX
#define EVRT_NS_PER_US INT64_C(1000)
#define EVRT_NS_PER_MS INT64_C(1000000)
#define EVRT_NS_PER_SEC INT64_C(1000000000)

struct evrt_clock;
/* The process's monotonic clock (CLOCK_MONOTONIC, precise). Never freed. */
struct evrt_clock *evrt__clock_real(void);
/* A clock that stands still at `start` until advanced. NULL when memory is out. */
struct evrt_clock *evrt__clock_fake_new(evrt_ns start);
void evrt__clock_fake_advance(struct evrt_clock *, evrt_ns by);
void evrt__clock_fake_free(struct evrt_clock *);
evrt_ns evrt__clock_now(const struct evrt_clock *);
/* Now, or later by up to three ticks of the kernel (3 to 30 ms): for a third of the price, and without the barrier
 * that reading the processor's counter needs, behind which nothing overlaps. For deadlines that are far away. */
evrt_ns evrt__clock_now_or_soon(const struct evrt_clock *);

/* a + b without wrapping: saturates at EVRT_NS_NEVER. a, b >= 0. */
static inline evrt_ns
evrt__ns_add(evrt_ns a, evrt_ns b)
{
	return b > EVRT_NS_NEVER - a ? EVRT_NS_NEVER : a + b;
}

#endif
