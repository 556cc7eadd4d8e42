/* api/event/thread.c — event2/thread.h over threading/lock.h.
 *
 * Here:     the public callback structs, checked to be the engine's own, and their setters.
 * Not here: evthread_use_pthreads (thread_pthreads.c: libevent keeps it in a library of its own).
 * Threads:  before other threads exist.
 */
#include <event2/thread.h>

#include <stddef.h>

#include <event2/event.h>

#include "api/event/event_internal.h"
#include "base/log.h"
#include "threading/lock.h"

#define SAME_FIELD(a, fa, b, fb) \
	_Static_assert(offsetof(a, fa) == offsetof(b, fb), "layouts agree: " #fa)

_Static_assert(sizeof(struct evthread_lock_callbacks) == sizeof(struct evrt_lock_fns), "layouts agree");
SAME_FIELD(struct evthread_lock_callbacks, supported_locktypes, struct evrt_lock_fns, supported_locktypes);
SAME_FIELD(struct evthread_lock_callbacks, alloc, struct evrt_lock_fns, alloc);
SAME_FIELD(struct evthread_lock_callbacks, free, struct evrt_lock_fns, free);
SAME_FIELD(struct evthread_lock_callbacks, lock, struct evrt_lock_fns, lock);
SAME_FIELD(struct evthread_lock_callbacks, unlock, struct evrt_lock_fns, unlock);
_Static_assert(sizeof(struct evthread_condition_callbacks) == sizeof(struct evrt_cond_fns), "layouts agree");
SAME_FIELD(struct evthread_condition_callbacks, alloc_condition, struct evrt_cond_fns, alloc);
SAME_FIELD(struct evthread_condition_callbacks, free_condition, struct evrt_cond_fns, free);
SAME_FIELD(struct evthread_condition_callbacks, signal_condition, struct evrt_cond_fns, signal);
SAME_FIELD(struct evthread_condition_callbacks, wait_condition, struct evrt_cond_fns, wait);
_Static_assert(EVTHREAD_WRITE == EVRT_LOCK_WRITE && EVTHREAD_READ == EVRT_LOCK_READ &&
    EVTHREAD_TRY == EVRT_LOCK_TRY && EVTHREAD_LOCKTYPE_RECURSIVE == EVRT_LOCKTYPE_RECURSIVE &&
    EVTHREAD_LOCKTYPE_READWRITE == EVRT_LOCKTYPE_READWRITE, "numbers are libevent's");

int
evthread_set_lock_callbacks(const struct evthread_lock_callbacks *cbs)
{
	return evrt__threads_set_lock_fns((const struct evrt_lock_fns *)(const void *)cbs);
}

int
evthread_set_condition_callbacks(const struct evthread_condition_callbacks *cbs)
{
	return evrt__threads_set_cond_fns((const struct evrt_cond_fns *)(const void *)cbs);
}

void
evthread_set_id_callback(unsigned long (*id_fn)(void))
{
	evrt__threads_set_id_fn(id_fn);
}

/* Exported and not declared, as in libevent: add-ons that use them declare them themselves. There, these are the
 * program's callbacks also while locks are debugged; here the checks are in them. */
EVENT2_EXPORT_SYMBOL struct evthread_lock_callbacks *evthread_get_lock_callbacks(void);
EVENT2_EXPORT_SYMBOL struct evthread_condition_callbacks *evthread_get_condition_callbacks(void);

struct evthread_lock_callbacks *
evthread_get_lock_callbacks(void)
{
	return (struct evthread_lock_callbacks *)(void *)evrt__threads_lock_fns();
}

struct evthread_condition_callbacks *
evthread_get_condition_callbacks(void)
{
	return (struct evthread_condition_callbacks *)(void *)evrt__threads_cond_fns();
}

void
evthread_enable_lock_debugging(void)
{
	evrt__threads_enable_lock_debugging();
}

/* The name as libevent 2.0 spelled it. */
void
evthread_enable_lock_debuging(void)
{
	evrt__threads_enable_lock_debugging();
}

int
evthread_make_base_notifiable(struct event_base *base)
{
	if (!base)
		return -1;
	if (base->kind != EVRT_BASE_PLAIN)
		return 0;
	evrt__lock(base->strand->lock);
	int err = evrt__reactor_make_notifiable(&base->loop.reactor);
	evrt__unlock(base->strand->lock);
	return evrt__public_result(err);
}
