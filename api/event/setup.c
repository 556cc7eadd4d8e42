/* api/event/setup.c — what a program sets before anything else: logs, memory, versions; and the end.
 *
 * Threads:  before other threads exist.
 */
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/version.h>

#include "api/buffer/buffer_internal.h"
#include "api/event/debug.h"
#include "api/event/globals.h"
#include "base/log.h"
#include "base/mem.h"
#include "threading/lock.h"

_Static_assert(EVENT_LOG_DEBUG == EVRT_LOG_DEBUG && EVENT_LOG_MSG == EVRT_LOG_MSG &&
    EVENT_LOG_WARN == EVRT_LOG_WARN && EVENT_LOG_ERR == EVRT_LOG_ERR, "severities are libevent's");

void
event_set_log_callback(event_log_cb cb)
{
	evrt__log_set_callback(cb);
}

void
event_set_fatal_callback(event_fatal_cb cb)
{
	evrt__log_set_fatal_callback(cb);
}

void
event_enable_debug_logging(ev_uint32_t which)
{
	evrt__log_set_debug_mask(which);
}

void
event_set_mem_functions(void *(*malloc_fn)(size_t sz), void *(*realloc_fn)(void *ptr, size_t sz),
    void (*free_fn)(void *ptr))
{
	evrt__chain_cache_release(); /* what the functions have given goes back to them, not to their successors */
	evrt__mem_set_functions(malloc_fn, realloc_fn, free_fn);
}

const char *
event_get_version(void)
{
	return EVENT__VERSION;
}

ev_uint32_t
event_get_version_number(void)
{
	return EVENT__NUMERIC_VERSION;
}

const char *
evrt_version_get(void)
{
	return EVRT_VERSION;
}

uint32_t
evrt_version_get_number(void)
{
	return EVRT_VERSION_NUMBER;
}

void
libevent_global_shutdown(void)
{
	evrt__debug_shutdown();
	evrt__global_base = NULL;
	evrt__chain_cache_release();
	evrt__threads_shutdown();
}
