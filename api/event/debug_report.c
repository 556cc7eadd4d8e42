/* api/event/debug_report.c — the words of a report; see debug_report.h. */
#include "api/event/debug_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/symbol.h"

/* The log cuts at 1024 bytes: the oldest steps are told last. */
struct text {
	char bytes[1024];
	size_t length;
};

static void EVRT_PRINTF(2, 3)
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->bytes + t->length, sizeof(t->bytes) - t->length, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->length += (size_t)n;
	if (t->length >= sizeof(t->bytes))
		t->length = sizeof(t->bytes) - 1;
}

static void
text_add_events(struct text *t, short events)
{
	static const struct { short bit; const char *name; } names[] = {
		{ EV_TIMEOUT, "TIMEOUT" }, { EV_READ, "READ" }, { EV_WRITE, "WRITE" }, { EV_CLOSED, "CLOSED" },
		{ EV_SIGNAL, "SIGNAL" }, { EV_PERSIST, "PERSIST" }, { EV_ET, "ET" }, { EV_FINALIZE, "FINALIZE" },
	};
	const char *between = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(events & names[i].bit))
			continue;
		text_add(t, "%s%s", between, names[i].name);
		between = "|";
	}
	if (!*between)
		text_add(t, "no events");
}

static void
text_add_step(struct text *t, const struct evrt_debug_step_taken *s, evrt_ns now)
{
	static const char *const names[] = {
		[EVRT_DEBUG_ASSIGNED] = "assigned",
		[EVRT_DEBUG_MOVED] = "given another base",
		[EVRT_DEBUG_ADDED] = "added",
		[EVRT_DEBUG_ACTIVATED] = "activated",
		[EVRT_DEBUG_CALLED] = "callback called",
		[EVRT_DEBUG_TIMER_REMOVED] = "timeout removed",
		[EVRT_DEBUG_DELETED] = "deleted",
		[EVRT_DEBUG_FINALIZING] = "finalizing",
		[EVRT_DEBUG_FREED] = "freed by event_free",
		[EVRT_DEBUG_FREED_FINALIZED] = "freed by event_free_finalize",
		[EVRT_DEBUG_UNASSIGNED] = "torn down by event_debug_unassign",
		[EVRT_DEBUG_RELEASED] = "freed with what it belonged to",
	};

	text_add(t, "\n  %.3f ms ago, thread %d: %s", (double)(now - s->at) / EVRT_NS_PER_MS, (int)s->thread,
	    names[s->step]);
	if (s->what) {
		text_add(t, " ");
		text_add_events(t, s->what);
	}
	if (s->timeout_ns >= 0)
		text_add(t, ", timeout %.6f s", (double)s->timeout_ns / EVRT_NS_PER_SEC);
}

static void
text_report(struct text *t, const struct evrt_debug_entry *e, const char *problem, const char *advice)
{
	evrt_ns now = evrt__clock_now(evrt__clock_real());
	char name[EVRT_SYMBOL_MAX];

	t->length = 0;
	text_add(t, "event debug: %s\n  event %p", problem, (const void *)e->ev);
	if (e->fn) {
		text_add(t, ": %s %d, ", e->events & EV_SIGNAL ? "signal" : "fd", (int)e->fd);
		text_add_events(t, e->events);
		evrt__symbol_name((void *)(uintptr_t)e->fn, name, sizeof(name));
		text_add(t, ", callback %s", name);
		if (e->soft)
			text_add(t, ", of a bufferevent");
	}
	text_add(t, "\n  to do: %s", advice);
	for (unsigned i = 0; i < e->steps_count && i < EVRT_DEBUG_STEPS_MAX; i++)
		text_add_step(t, &e->steps[(e->steps_count - 1 - i) % EVRT_DEBUG_STEPS_MAX], now);
}

void
evrt__debug_warn(const struct evrt_debug_entry *e, const char *problem, const char *advice)
{
	struct text t;

	text_report(&t, e, problem, advice);
	evrt__warnx("%s", t.bytes);
}

_Noreturn void
evrt__debug_fail(const struct evrt_debug_entry *e, const char *problem, const char *advice)
{
	struct text t;

	text_report(&t, e, problem, advice);
	evrt__errx(EVRT_ERR_ABORT, "%s", t.bytes);
}
