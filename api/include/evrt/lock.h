/* evrt/lock.h — a program's own lock that takes part in lock debugging.
 *
 * A deadlock has two sides, and one of them is mostly the program's: a callback runs with its bufferevent locked
 * and takes the program's lock; another thread holds the program's lock and writes to the bufferevent. Each is
 * right by itself. With evthread_enable_lock_debugging(), and locks from here, the library sees both sides, and
 * reports the first order that can end so, with the stacks of both, whether or not the threads ever met.
 *
 *     struct evrt_lock *cache_lock = evrt_lock_new("cache");
 *
 *     evrt_lock_acquire(cache_lock);
 *     ...
 *     evrt_lock_release(cache_lock);
 *
 * Without lock debugging such a lock is just what the evthread callbacks make (a pthreads mutex after
 * evthread_use_pthreads), taken by one indirect call.
 *
 * Programs that lock through the table of evthread_get_lock_callbacks, which libevent exports and does not
 * declare, are checked as well; their locks have no names.
 *
 * Threads: any, once evthread is set up. NULL is a lock that is always free: all functions accept it.
 */
#ifndef EVRT_LOCK_H_INCLUDED_
#define EVRT_LOCK_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evrt_lock;

/**
 * Makes a lock. A thread that holds it must not take it again.
 *
 * @param name for reports, which keep a copy of its beginning; NULL: none
 * @return the lock, to be freed with evrt_lock_free; NULL with errno ENOMEM, or EINVAL when no locks are in use
 *   yet (evthread_use_pthreads comes first)
 */
EVENT2_EXPORT_SYMBOL
struct evrt_lock *evrt_lock_new(const char *name);

/** Destroys a lock that nobody holds or waits for. */
EVENT2_EXPORT_SYMBOL
void evrt_lock_free(struct evrt_lock *lock);

/** Takes the lock, waiting until it is free. With lock debugging a wait that can end in a deadlock is reported
 * before it begins. */
EVENT2_EXPORT_SYMBOL
void evrt_lock_acquire(struct evrt_lock *lock);

/** Takes the lock if it is free, without waiting: such a try is not bound to any order.
 *
 * @return 0 taken; -1 with errno EBUSY: it is held
 */
EVENT2_EXPORT_SYMBOL
int evrt_lock_try(struct evrt_lock *lock);

/** Releases the lock, which the calling thread holds. */
EVENT2_EXPORT_SYMBOL
void evrt_lock_release(struct evrt_lock *lock);

#ifdef __cplusplus
}
#endif

#endif
