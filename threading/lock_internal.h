/* threading/lock_internal.h — what lock.c and lock_debug.c share.
 *
 * Here:     the user's callbacks as set, and the checked lock that stands before a user's lock while lock
 *           debugging is on.
 */
#ifndef EVRT_THREADING_LOCK_INTERNAL_H_
#define EVRT_THREADING_LOCK_INTERNAL_H_

#include "threading/lock.h"

/* What the program gave us (or pthreads); zero: nothing. Const once a lock exists. */
extern struct evrt_lock_fns evrt__lock_fns;
extern struct evrt_cond_fns evrt__cond_fns;

struct evrt_checked_lock;

struct evrt_checked_lock *evrt__checked_new(unsigned locktype, enum evrt_lock_rank rank);
void evrt__checked_free(struct evrt_checked_lock *, unsigned locktype);
void evrt__checked_lock(struct evrt_checked_lock *, const char *site);
void evrt__checked_unlock(struct evrt_checked_lock *, const char *site);
bool evrt__checked_trylock(struct evrt_checked_lock *, const char *site);
bool evrt__checked_is_held(const struct evrt_checked_lock *);
int evrt__checked_wait(struct evrt_checked_lock *, void *cond, const struct timeval *timeout);

/* lock_debug_on.c or lock_debug_off.c, as the build chooses: are checks on from the start? */
extern const bool evrt__lock_debug_default;

#endif
