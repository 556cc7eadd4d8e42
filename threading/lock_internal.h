/* threading/lock_internal.h — what lock.c and lock_debug.c share.
 *
 * Here:     the program's callbacks as set, and the checked lock that stands before a program's lock while
 *           lock debugging is on.
 * Not here: anything for other rooms: those include threading/lock.h.
 * Threads:  any; see lock.c for who writes the table.
 */
#ifndef EVRT_THREADING_LOCK_INTERNAL_H_
#define EVRT_THREADING_LOCK_INTERNAL_H_

#include "base/atomic.h"
#include "threading/lock.h"

typedef void *(*evrt_lock_alloc_fn)(unsigned locktype);
typedef void (*evrt_lock_free_fn)(void *lock, unsigned locktype);
typedef int (*evrt_lock_fn)(unsigned mode, void *lock);
typedef void *(*evrt_cond_alloc_fn)(unsigned condtype);
typedef void (*evrt_cond_free_fn)(void *cond);
typedef int (*evrt_cond_signal_fn)(void *cond, int broadcast);
typedef int (*evrt_cond_wait_fn)(void *cond, void *lock, const struct timeval *timeout);

/* The callbacks in use, one atomic each. While none are set the two allocators are NULL and the others do
 * nothing, so that a lock that outlives its callbacks is harmless. */
struct evrt_lock_table {
	evrt_atomic(evrt_lock_fn) lock;
	evrt_atomic(evrt_lock_fn) unlock;
	evrt_atomic(evrt_lock_alloc_fn) alloc;
	evrt_atomic(evrt_lock_free_fn) free;
	evrt_atomic(evrt_cond_alloc_fn) cond_alloc;
	evrt_atomic(evrt_cond_free_fn) cond_free;
	evrt_atomic(evrt_cond_signal_fn) cond_signal;
	evrt_atomic(evrt_cond_wait_fn) cond_wait;
};
extern struct evrt_lock_table evrt__lock_table;

struct evrt_checked_lock;

/* `name`: of the program's own locks, copied; or NULL. */
struct evrt_checked_lock *evrt__checked_new(unsigned locktype, enum evrt_lock_rank rank, const char *name);
void evrt__checked_free(struct evrt_checked_lock *, unsigned locktype);
/* `mode`: READ or WRITE where the lock is of type READWRITE, else 0. */
void evrt__checked_lock(struct evrt_checked_lock *, unsigned mode, const char *site);
void evrt__checked_unlock(struct evrt_checked_lock *, unsigned mode, const char *site);
bool evrt__checked_trylock(struct evrt_checked_lock *, unsigned mode, const char *site);
bool evrt__checked_is_held(const struct evrt_checked_lock *);
int evrt__checked_wait(struct evrt_checked_lock *, void *cond, const struct timeval *timeout);
/* Puts the checks into a table of the program's callbacks, where it has any. */
void evrt__checked_wrap(struct evrt_lock_fns *, struct evrt_cond_fns *);

/* Are locks checked? Defined by lock_debug_on.c or lock_debug_off.c, as the build chooses what holds from the
 * start and again after evrt__threads_shutdown. Changes only while no lock exists: the kinds must not mix. */
extern evrt_atomic(bool) evrt__lock_debug;
extern const bool evrt__lock_debug_default;

#endif
