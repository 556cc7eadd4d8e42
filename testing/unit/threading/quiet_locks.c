/* testing/unit/threading/quiet_locks.c — see quiet_locks.h. */
#include "testing/unit/threading/quiet_locks.h"

#include <sched.h>
#include "base/atomic.h"
#include "base/mem.h"

struct quiet_lock {
	evrt_atomic(const char *) owner; /* swapped acq_rel: what one holder wrote the next one sees */
	unsigned depth;                  /* the owner's */
};

static _Thread_local char self;
static _Thread_local unsigned last_mode;

unsigned
evrt_test_quiet_mode(void)
{
	return last_mode;
}

static void *
quiet_alloc(unsigned locktype)
{
	(void)locktype;
	return evrt__calloc(1, sizeof(struct quiet_lock));
}

static void
quiet_free(void *lock, unsigned locktype)
{
	(void)locktype;
	evrt__free(lock);
}

static int
quiet_lock(unsigned mode, void *lock)
{
	struct quiet_lock *l = lock;
	const char *owner = evrt_load_acquire(&l->owner);

	last_mode = mode;
	while (owner != &self) {
		owner = NULL;
		if (evrt_cas_acq_rel(&l->owner, &owner, &self))
			break;
		if (mode & EVRT_LOCK_TRY)
			return 1;
		sched_yield();
	}
	l->depth++;
	return 0;
}

static int
quiet_unlock(unsigned mode, void *lock)
{
	struct quiet_lock *l = lock;

	last_mode = mode;
	if (--l->depth == 0)
		evrt_store_release(&l->owner, (const char *)NULL);
	return 0;
}

static void *
quiet_cond_alloc(unsigned condtype)
{
	(void)condtype;
	return evrt__malloc(1);
}

static void
quiet_cond_free(void *cond)
{
	evrt__free(cond);
}

static int
quiet_signal(void *cond, int broadcast)
{
	(void)cond, (void)broadcast;
	return 0;
}

static int
quiet_wait(void *cond, void *lock, const struct timeval *timeout)
{
	(void)cond, (void)timeout;
	quiet_unlock(0, lock);
	quiet_lock(0, lock);
	return 0;
}

const struct evrt_lock_fns evrt_test_quiet_locks = {EVRT_LOCK_API_VERSION,
    EVRT_LOCKTYPE_RECURSIVE | EVRT_LOCKTYPE_READWRITE, quiet_alloc, quiet_free, quiet_lock, quiet_unlock};
const struct evrt_cond_fns evrt_test_quiet_conds = {EVRT_COND_API_VERSION, quiet_cond_alloc, quiet_cond_free,
    quiet_signal, quiet_wait};
