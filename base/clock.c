/* base/clock.c — the real clock and the fake one; see clock.h. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#include "base/atomic.h"
#include "base/mem.h"

struct evrt_clock {
	/* A fake clock's time; NEVER marks the real one. Atomic: advanced by one thread, read by all. */
	evrt_atomic(evrt_ns) now;
};

static struct evrt_clock clock_real = { EVRT_NS_NEVER };

struct evrt_clock *
evrt__clock_real(void)
{
	return &clock_real;
}

struct evrt_clock *
evrt__clock_fake_new(evrt_ns start)
{
	struct evrt_clock *c = evrt__malloc(sizeof(*c));

	if (c)
		evrt_store_relaxed(&c->now, start);
	return c;
}

void
evrt__clock_fake_advance(struct evrt_clock *c, evrt_ns by)
{
	/* release, against the acquire in now: what was set up for that time is there when it comes. */
	evrt_store_release(&c->now, evrt__ns_add(evrt_load_relaxed(&c->now), by));
}

void
evrt__clock_fake_free(struct evrt_clock *c)
{
	evrt__free(c);
}

evrt_ns
evrt__clock_now(const struct evrt_clock *c)
{
	struct timespec t;

	if (c != &clock_real)
		return evrt_load_acquire(&c->now);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (evrt_ns)t.tv_sec * EVRT_NS_PER_SEC + t.tv_nsec;
}
