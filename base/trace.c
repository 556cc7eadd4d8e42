/* base/trace.c — see trace.h. Only in trace builds. */
#include "base/trace.h"

#include <stddef.h>

#include "base/atomic.h"

/* Relaxed: it publishes nothing but itself, and orders nothing of what is traced. */
static evrt_atomic(evrt_trace_fn) trace_listener;

void
evrt__trace_to(evrt_trace_fn fn)
{
	evrt_store_relaxed(&trace_listener, fn);
}

void
evrt__trace(enum evrt_trace_point point, const void *about)
{
	evrt_trace_fn fn = evrt_load_relaxed(&trace_listener);

	if (fn)
		fn(point, about);
}
