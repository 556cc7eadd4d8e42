/* event2/thread.h — locks: which ones the library uses, and whether it uses any.
 *
 * Until a program says otherwise, evrt takes no lock and costs none: all calls on one base and the objects
 * made on it must then come from one thread at a time. One call at the start of main changes that:
 *
 *      if (evthread_use_pthreads() < 0)
 *              return 1;
 *
 * Objects made from then on may be used by several threads, to the extent that their own headers say:
 * bases and their events always (unless EVENT_BASE_FLAG_NOLOCK), bufferevents, evbuffers and listeners
 * where they were asked to. Objects made before have no lock, for as long as they live. A pool
 * (evrt/pool.h) needs threads; it calls evthread_use_pthreads itself if nobody has chosen by then.
 *
 * Instead of pthreads a program may bring its own locks, as tables of functions (below).
 * Threads: the functions of this header are for the start of the program, while it has one thread;
 * evthread_make_base_notifiable is for any.
 * Background: chapter Ref1 of the libevent book. Link with libevent_pthreads for
 * evthread_use_pthreads and evthread_use_pthreads_with_flags.
 */
#ifndef EVENT2_THREAD_H_INCLUDED_
#define EVENT2_THREAD_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>

struct timeval;
struct event_base;

/* --- the simple way ----------------------------------------------------------------------- */

/* Locks and conditions from now on are pthreads mutexes (recursive where asked) and condition variables,
 * and a thread is known by pthread_self. Calling it again is harmless. Returns 0, or -1 when memory is
 * out or another set of callbacks is in place already. */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads(void);
#define EVTHREAD_USE_PTHREADS_IMPLEMENTED 1

/* A thread that holds a lock runs with the priority of the most urgent one that waits for it: for programs with
 * real-time threads. Locks cost a little more. */
#define EVTHREAD_PTHREAD_PRIO_INHERIT 0x01

/* evthread_use_pthreads for locks of this kind, an OR of EVTHREAD_PTHREAD_*; others are ignored. The last call says
 * what locks made after it are like: evthread_use_pthreads makes plain ones again. (Of libevent 2.2.) */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads_with_flags(int flags);

/* --- finding mistakes --------------------------------------------------------------------- */

/* Checks each use of a lock: taken and released by the same thread, recursively only where allowed, released
 * when held, and in an order that cannot end in a deadlock, be it between two bufferevents, or a bufferevent
 * and a lock of the program's own (evrt/lock.h). The order counts, not whether threads ever met: the first time
 * it is reversed is reported, with the stacks of both. A violation ends the process with a message. It may come
 * before or after the callbacks are chosen, but before the first lock is made. Slow; for tests. It cannot be
 * turned off. */
EVENT2_EXPORT_SYMBOL
void evthread_enable_lock_debugging(void);

/* The same under a name that was misspelt once and has users since. */
EVENT2_EXPORT_SYMBOL
void evthread_enable_lock_debuging(void);

/* --- waking a base ------------------------------------------------------------------------ */

/* Lets other threads wake the loop of `base` while it waits in the kernel. A base that was made after
 * locks were turned on can be woken already; this is for one that was made before. It gives such a base
 * no lock. Pooled and pinned bases always can be woken. Returns 0; -1 for NULL, or when there is no
 * descriptor left for it. Any thread. */
EVENT2_EXPORT_SYMBOL
int evthread_make_base_notifiable(struct event_base *base);

/* --- locks of one's own ------------------------------------------------------------------- */

/* Bits of `mode` when locking and unlocking. WRITE or READ is given for read-write locks, and for these
 * only; TRY asks not to wait. The library makes no read-write locks today. */
#define EVTHREAD_WRITE 0x04
#define EVTHREAD_READ 0x08
#define EVTHREAD_TRY 0x10

/* The version of struct evthread_lock_callbacks. */
#define EVTHREAD_LOCK_API_VERSION 1

/* Types of locks. 0 is a plain lock, of which the library never takes one twice in a thread; a program's
 * `alloc` may always give a recursive one. */
#define EVTHREAD_LOCKTYPE_RECURSIVE 1
#define EVTHREAD_LOCKTYPE_READWRITE 2

/* How to make and use locks. All functions are called from any thread, and must not call the library. */
struct evthread_lock_callbacks {
	/* EVTHREAD_LOCK_API_VERSION. */
	int lock_api_version;
	/* The EVTHREAD_LOCKTYPE_ bits that `alloc` can make, beside plain locks. Recursive is required. */
	unsigned supported_locktypes;
	/* A new lock of type `locktype`, or NULL: the object that needs it is then not made. */
	void *(*alloc)(unsigned locktype);
	/* Destroys a lock that nobody holds; `locktype` as given to alloc. */
	void (*free)(void *lock, unsigned locktype);
	/* Takes the lock. 0, or not 0 when it could not: only with EVTHREAD_TRY in `mode` is that
	 * expected. */
	int (*lock)(unsigned mode, void *lock);
	/* Releases the lock. 0, or not 0 on failure. */
	int (*unlock)(unsigned mode, void *lock);
};

/* Installs a copy of *callbacks for every lock from now on. Setting what is set already is harmless;
 * another set is refused until the first is taken back, by NULL (with a warning) or by
 * libevent_global_shutdown: both only after all objects with locks are gone. Returns 0, or -1 when it is
 * refused, or a function is missing. */
EVENT2_EXPORT_SYMBOL
int evthread_set_lock_callbacks(const struct evthread_lock_callbacks *callbacks);

/* The version of struct evthread_condition_callbacks. */
#define EVTHREAD_CONDITION_API_VERSION 1

/* How to make and use condition variables, to be used with locks of struct evthread_lock_callbacks. */
struct evthread_condition_callbacks {
	/* EVTHREAD_CONDITION_API_VERSION. */
	int condition_api_version;
	/* A new condition, or NULL. `condtype` is 0. */
	void *(*alloc_condition)(unsigned condtype);
	/* Destroys one that nobody waits for. */
	void (*free_condition)(void *cond);
	/* Wakes one waiter at least, or all if `broadcast` is not 0. The lock is held. 0, or -1. */
	int (*signal_condition)(void *cond, int broadcast);
	/* Releases `lock`, which is held once, waits, and takes it again. `timeout` is how long to wait;
	 * NULL: for ever. It may return early without reason. 0 when woken, 1 when the time is over, -1 on
	 * error. */
	int (*wait_condition)(void *cond, void *lock, const struct timeval *timeout);
};

/* Installs a copy of *callbacks; rules and results are those of evthread_set_lock_callbacks. */
EVENT2_EXPORT_SYMBOL
int evthread_set_condition_callbacks(const struct evthread_condition_callbacks *callbacks);

/* Installs the function that tells threads apart: the same number for the same thread always, different
 * numbers for two threads that live at the same time. Needed by programs with locks of their own; it must
 * not call the library. NULL takes it back: the library then takes all threads for one. */
EVENT2_EXPORT_SYMBOL
void evthread_set_id_callback(unsigned long (*id_fn)(void));

#ifdef __cplusplus
}
#endif

#endif
