/* threading/lock.c — the evthread callbacks and the calls over them; see lock.h. */
#include "threading/lock.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "threading/lock_internal.h"

struct evrt_lock_fns evrt__lock_fns;
struct evrt_cond_fns evrt__cond_fns;
static unsigned long (*id_fn)(void);
/* Whether locks are checked. Set before the first lock is made: the two kinds must not mix. */
static bool checked;

int
evrt__threads_set_lock_fns(const struct evrt_lock_fns *fns)
{
	if (!fns) {
		if (evrt__lock_fns.alloc)
			evrt__warnx("evthread_set_lock_callbacks: locking is switched off; locks made so far still use it");
		memset(&evrt__lock_fns, 0, sizeof(evrt__lock_fns));
		return 0;
	}
	if (evrt__lock_fns.alloc) {
		if (evrt__lock_fns.lock_api_version == fns->lock_api_version &&
		    evrt__lock_fns.supported_locktypes == fns->supported_locktypes &&
		    evrt__lock_fns.alloc == fns->alloc && evrt__lock_fns.free == fns->free &&
		    evrt__lock_fns.lock == fns->lock && evrt__lock_fns.unlock == fns->unlock)
			return 0;
		evrt__warnx("evthread_set_lock_callbacks: other lock callbacks are in use already; they stay");
		return -1;
	}
	if (!fns->alloc || !fns->free || !fns->lock || !fns->unlock)
		return -1;
	evrt__lock_fns = *fns;
	if (evrt__lock_debug_default)
		checked = true;
	return 0;
}

int
evrt__threads_set_cond_fns(const struct evrt_cond_fns *fns)
{
	if (!fns) {
		if (evrt__cond_fns.alloc)
			evrt__warnx("evthread_set_condition_callbacks: conditions are switched off; those made so far "
			    "still use them");
		memset(&evrt__cond_fns, 0, sizeof(evrt__cond_fns));
		return 0;
	}
	if (evrt__cond_fns.alloc) {
		if (evrt__cond_fns.condition_api_version == fns->condition_api_version &&
		    evrt__cond_fns.alloc == fns->alloc && evrt__cond_fns.free == fns->free &&
		    evrt__cond_fns.signal == fns->signal && evrt__cond_fns.wait == fns->wait)
			return 0;
		evrt__warnx("evthread_set_condition_callbacks: other condition callbacks are in use already; they stay");
		return -1;
	}
	if (!fns->alloc || !fns->free || !fns->signal || !fns->wait)
		return -1;
	evrt__cond_fns = *fns;
	return 0;
}

void
evrt__threads_set_id_fn(unsigned long (*fn)(void))
{
	id_fn = fn;
}

void
evrt__threads_enable_lock_debugging(void)
{
	checked = true;
}

void
evrt__threads_shutdown(void)
{
	memset(&evrt__lock_fns, 0, sizeof(evrt__lock_fns));
	memset(&evrt__cond_fns, 0, sizeof(evrt__cond_fns));
	id_fn = NULL;
	checked = false;
}

bool
evrt__threads_on(void)
{
	return evrt__lock_fns.alloc != NULL;
}

unsigned long
evrt__thread_id(void)
{
	return id_fn ? id_fn() : 1;
}

void *
evrt__lock_new(unsigned locktype, enum evrt_lock_rank rank)
{
	if (!evrt__threads_on())
		return NULL;
	return checked ? (void *)evrt__checked_new(locktype, rank) : evrt__lock_fns.alloc(locktype);
}

void
evrt__lock_free(void *lock, unsigned locktype)
{
	if (!lock)
		return;
	if (checked)
		evrt__checked_free(lock, locktype);
	else
		evrt__lock_fns.free(lock, locktype);
}

void
evrt__lock_at(void *lock, const char *site)
{
	if (!lock)
		return;
	if (EVRT_UNLIKELY(checked))
		evrt__checked_lock(lock, site);
	else
		evrt__lock_fns.lock(0, lock);
}

void
evrt__unlock_at(void *lock, const char *site)
{
	if (!lock)
		return;
	if (EVRT_UNLIKELY(checked))
		evrt__checked_unlock(lock, site);
	else
		evrt__lock_fns.unlock(0, lock);
}

bool
evrt__trylock_at(void *lock, const char *site)
{
	if (!lock)
		return true;
	if (EVRT_UNLIKELY(checked))
		return evrt__checked_trylock(lock, site);
	return evrt__lock_fns.lock(EVRT_LOCK_TRY, lock) == 0;
}

bool
evrt__lock_is_held(void *lock)
{
	return !lock || !checked || evrt__checked_is_held(lock);
}

void *
evrt__cond_new(void)
{
	return evrt__cond_fns.alloc ? evrt__cond_fns.alloc(0) : NULL;
}

void
evrt__cond_free(void *cond)
{
	if (cond)
		evrt__cond_fns.free(cond);
}

void
evrt__cond_signal(void *cond)
{
	if (cond)
		evrt__cond_fns.signal(cond, 0);
}

void
evrt__cond_broadcast(void *cond)
{
	if (cond)
		evrt__cond_fns.signal(cond, 1);
}

int
evrt__cond_wait(void *cond, void *lock, const struct timeval *timeout)
{
	if (!cond)
		return -1;
	return checked ? evrt__checked_wait(lock, cond, timeout) : evrt__cond_fns.wait(cond, lock, timeout);
}
