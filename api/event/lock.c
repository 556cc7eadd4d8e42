/* api/event/lock.c — evrt/lock.h over threading/lock.h.
 *
 * Here:     the program's own locks.
 * Not here: the evthread callbacks (thread.c), the checks (threading/lock_debug.c).
 * Threads:  any.
 */
#include <evrt/lock.h>

#include <errno.h>

#include "threading/lock.h"

struct evrt_lock *
evrt_lock_new(const char *name)
{
	void *lock = evrt__lock_new_named(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user, name);

	if (!lock)
		errno = evrt__threads_on() ? ENOMEM : EINVAL;
	return lock;
}

void
evrt_lock_free(struct evrt_lock *lock)
{
	evrt__lock_free(lock, EVRT_LOCKTYPE_PLAIN);
}

void
evrt_lock_acquire(struct evrt_lock *lock)
{
	evrt__lock_at(lock, "evrt_lock_acquire");
}

int
evrt_lock_try(struct evrt_lock *lock)
{
	if (evrt__trylock_at(lock, "evrt_lock_try"))
		return 0;
	errno = EBUSY;
	return -1;
}

void
evrt_lock_release(struct evrt_lock *lock)
{
	evrt__unlock_at(lock, "evrt_lock_release");
}
