/* threading/lock.h — locks and conditions as the evthread callbacks provide them.
 *
 * Here:     the current lock, condition and id callbacks (native form of event2/thread.h), and the
 *           calls by which the tree locks. With no callbacks set every lock is NULL and every call
 *           on NULL returns at once: a program without threads pays a compare.
 * Not here: the pthread implementation (pthreads.c), the checks (lock_debug.c), the pool's queues.
 * Threads:  the callbacks are set before other threads exist; all else from any thread.
 *
 * Errors: creation returns NULL when threading is off or memory is out; the caller asks
 * evrt__threads_on() to tell the two apart.
 */
#ifndef EVRT_THREADING_LOCK_H_
#define EVRT_THREADING_LOCK_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

/* libevent's numbers (event2/thread.h); checked by static asserts in api/event/thread.c. */
#define EVRT_LOCK_WRITE 0x04u
#define EVRT_LOCK_READ 0x08u
#define EVRT_LOCK_TRY 0x10u
#define EVRT_LOCKTYPE_PLAIN 0u
#define EVRT_LOCKTYPE_RECURSIVE 1u
#define EVRT_LOCKTYPE_READWRITE 2u
#define EVRT_LOCK_API_VERSION 1
#define EVRT_COND_API_VERSION 1

struct evrt_lock_fns {
	int lock_api_version;
	unsigned supported_locktypes;
	void *(*alloc)(unsigned locktype);
	void (*free)(void *lock, unsigned locktype);
	int (*lock)(unsigned mode, void *lock);
	int (*unlock)(unsigned mode, void *lock);
};
struct evrt_cond_fns {
	int condition_api_version;
	void *(*alloc)(unsigned condtype);
	void (*free)(void *cond);
	int (*signal)(void *cond, int broadcast);
	/* 0 signalled, 1 timed out, -1 error; timeout NULL: for ever. */
	int (*wait)(void *cond, void *lock, const struct timeval *timeout);
};

enum evrt_lock_rank {
#define EVRT_RANK(name, rank, what) EVRT_RANK_##name = (rank),
#include "threading/rank.def"
#undef EVRT_RANK
};

/* May a thread hold two of this rank in any order? Only what the program does in its callbacks says which comes
 * first; lock debugging keeps a graph of these (lock_order.h). */
static inline bool
evrt__rank_nests(enum evrt_lock_rank rank)
{
	return rank == EVRT_RANK_bufferevent || rank == EVRT_RANK_bufferevent_call;
}

/* The evthread_set_* contract: 0; -1 (with a warning) when other callbacks are in use already.
 * NULL turns threading off (with a warning if it was on). */
int evrt__threads_set_lock_fns(const struct evrt_lock_fns *);
int evrt__threads_set_cond_fns(const struct evrt_cond_fns *);
void evrt__threads_set_id_fn(unsigned long (*id_fn)(void));
/* Puts the checks around whatever callbacks are set now or later. Before the first lock. */
void evrt__threads_enable_lock_debugging(void);
/* pthread locks, conditions and ids (also Debian's evthread_use_pthreads). 0 or -1. */
int evrt__threads_use_pthreads(void);
/* The same. `prio_inherit`: locks from now on lend their holder the priority of who waits; false: no more. */
__attribute__((visibility("default"))) int evrt__threads_use_pthreads_with(bool prio_inherit);
/* The callbacks in use, in tables of this room: their functions are NULL while there are none. What is done through
 * them is checked, too, while lock debugging is on. For setters and for programs that lock by them. */
struct evrt_lock_fns *evrt__threads_lock_fns(void);
struct evrt_cond_fns *evrt__threads_cond_fns(void);
/* How lock debugging learns that two callbacks cannot overlap: the lock of the strand whose callback the caller is
 * in, or NULL; *migrates: may that strand run in another thread next time? Any thread, always the same function. */
typedef void *(*evrt_serial_fn)(bool *migrates);
void evrt__threads_set_serial_fn(evrt_serial_fn);
/* libevent_global_shutdown: forget everything, so that another set is accepted. */
void evrt__threads_shutdown(void);

bool evrt__threads_on(void);
/* The id callback's answer; 1 where there is none. */
unsigned long evrt__thread_id(void);

/* A lock of class `rank`. `locktype`: EVRT_LOCKTYPE_PLAIN or _RECURSIVE. */
void *evrt__lock_new(unsigned locktype, enum evrt_lock_rank rank);
/* The same with a name for the messages of lock debugging, which keep a copy. */
void *evrt__lock_new_named(unsigned locktype, enum evrt_lock_rank rank, const char *name);
void evrt__lock_free(void *lock, unsigned locktype);
/* `site` is a string literal "file:line" for reports of the lock-debug build. NULL locks: no-op. */
void evrt__lock_at(void *lock, const char *site);
void evrt__unlock_at(void *lock, const char *site);
/* True when taken (always for NULL). */
bool evrt__trylock_at(void *lock, const char *site);
/* Lock-debug builds: does this thread hold it? Elsewhere always true. */
bool evrt__lock_is_held(void *lock);

void *evrt__cond_new(void);
void evrt__cond_free(void *cond);
void evrt__cond_signal(void *cond);
void evrt__cond_broadcast(void *cond);
/* Returns 0, 1 on timeout, -1 on error. May wake for no reason: wait in a loop on a predicate. */
int evrt__cond_wait(void *cond, void *lock, const struct timeval *timeout);

#define EVRT_SITE_2(line) #line
#define EVRT_SITE_1(line) EVRT_SITE_2(line)
#define EVRT_SITE __FILE__ ":" EVRT_SITE_1(__LINE__)
/* A program without threads pays for a compare, not for a call. */
#define evrt__lock(l)    ((l) ? evrt__lock_at((l), EVRT_SITE) : (void)0)
#define evrt__unlock(l)  ((l) ? evrt__unlock_at((l), EVRT_SITE) : (void)0)
#define evrt__trylock(l) evrt__trylock_at((l), EVRT_SITE)

#endif
