/* api/event/debug_thread.c — bases without locks, and threads; see debug_thread.h.
 *
 * A thread is told by pthread_self() rather than by its number, which another thread may not have after a fork.
 */
#include "api/event/debug_thread.h"

#include <pthread.h>
#include <stdio.h>

#include "api/event/debug_report.h"
#include "api/event/event_internal.h"

bool
evrt__debug_loop_begins_on(struct event_base *base)
{
	uintptr_t nobody = 0;

	/* relaxed, as all of it: a base in use by two threads without order is what we look for, not what we rely on. */
	return evrt_cas_relaxed(&base->debug_runner, &nobody, (uintptr_t)pthread_self());
}

void
evrt__debug_loop_ends_on(struct event_base *base)
{
	evrt_store_relaxed(&base->debug_runner, (uintptr_t)0);
}

void
evrt__debug_thread_check(const struct evrt_debug_entry *e, const char *call)
{
	struct event_base *base = (struct event_base *)(uintptr_t)e->base;
	char problem[160];

	if (!base || base->kind != EVRT_BASE_PLAIN || base->strand->lock)
		return;
	uintptr_t runner = evrt_load_relaxed(&base->debug_runner);
	if (!runner || runner == (uintptr_t)pthread_self() || evrt_swap_relaxed(&base->debug_told, true))
		return;
	snprintf(problem, sizeof(problem), "%s while another thread runs the loop of its base %p, which has no locks",
	    call, (void *)base);
	evrt__debug_warn(e, problem, base->flags & EVENT_BASE_FLAG_NOLOCK
	    ? "make the base without EVENT_BASE_FLAG_NOLOCK, after evthread_use_pthreads"
	    : "call evthread_use_pthreads before the base is made");
}
