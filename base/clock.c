/* base/clock.c — see clock.h.
 *
 * Here:     reading CLOCK_MONOTONIC, and the clock that stands still.
 * Not here: cached times (runtime/loop).
 * Threads:  any; see clock.h for the fake clock.
 * PAIRS     clock.now: advance (store release) -> now (load acquire): who sees the new time also sees what
 *           the test did before it advanced the clock.
 */
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include "base/assert.h"
#include "base/atomic.h"
#include "base/mem.h"

struct evrt_clock {
	bool is_real;             /* const after start */
	evrt_atomic(evrt_ns) now; /* fake clocks only */
};

static struct evrt_clock clock_real = {.is_real = true};
/* What CLOCK_MONOTONIC_COARSE may be behind; 0: not asked yet. Relaxed: all who ask get the same answer. */
static evrt_atomic(evrt_ns) clock_lag;

struct evrt_clock *
evrt__clock_real(void)
{
	return &clock_real;
}

struct evrt_clock *
evrt__clock_fake_new(evrt_ns start)
{
	struct evrt_clock *c = evrt__calloc(1, sizeof(*c));

	if (c)
		evrt_store_relaxed(&c->now, start);
	return c;
}

void
evrt__clock_fake_advance(struct evrt_clock *c, evrt_ns by)
{
	EVRT_ASSERT(!c->is_real && by >= 0);
	evrt_store_release(&c->now, evrt__ns_add(evrt_load_relaxed(&c->now), by));
}

void
evrt__clock_fake_free(struct evrt_clock *c)
{
	EVRT_ASSERT(!c || !c->is_real);
	evrt__free(c);
}

evrt_ns
evrt__clock_now(const struct evrt_clock *c)
{
	struct timespec ts;

	if (!c->is_real)
		return evrt_load_acquire(&c->now);
	/* Cannot fail: the clock id is valid on every kernel and the address is ours. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (evrt_ns)ts.tv_sec * EVRT_NS_PER_SEC + ts.tv_nsec;
}

/* It says that it is a tick. On virtual machines it has been seen behind by more than two. */
#define CLOCK_LAG_TICKS 3

static evrt_ns
clock_ask_lag(void)
{
	struct timespec ts;

	/* Like the clock itself, it cannot fail. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	evrt_ns lag = CLOCK_LAG_TICKS * ((evrt_ns)ts.tv_sec * EVRT_NS_PER_SEC + ts.tv_nsec);
	evrt_store_relaxed(&clock_lag, lag);
	return lag;
}

evrt_ns
evrt__clock_now_or_soon(const struct evrt_clock *c)
{
	struct timespec ts;

	if (!c->is_real)
		return evrt_load_acquire(&c->now);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	evrt_ns lag = evrt_load_relaxed(&clock_lag);
	return (evrt_ns)ts.tv_sec * EVRT_NS_PER_SEC + ts.tv_nsec + (lag ? lag : clock_ask_lag());
}
