/* evrt/blocking.h — calls that block, off the loop.
 *
 * A callback that reads a file, asks a name server or calls into code that waits holds up all that its loop (or its
 * worker) could do meanwhile. evrt_blocking_run gives the call to a thread that may wait, and comes back with a
 * completion, a callback like any other:
 *
 *     static void load(void *arg)             { struct page *p = arg; p->len = pread(p->fd, p->data, …); }
 *     static void loaded(int status, void *arg) { struct page *p = arg; … send it … }
 *
 *     evrt_blocking_run(base, NULL, load, loaded, page, NULL);
 *
 * Threads. Each base that uses it, and each pool with all of its bases, has a group of threads. One is started when a
 * call finds none free, up to a limit; one that had nothing to do for a while ends. The threads are named
 * evrt-block-N and block all signals. Work has no strand and no worker, and does not overlap with itself only if
 * whoever asks sees to it.
 *
 * Completions. Each call that was accepted has exactly one, which runs
 *   - on a plain or pinned base: as a callback of that base, in the thread that runs it;
 *   - on a pooled base: in the strand that was given, else in the one whose callback asked, else in one of its own.
 * It sees all that the work wrote. Until it has run, the call keeps event_base_dispatch from returning. Completions
 * come in the order in which work ends; within a strand none overlaps with another callback.
 * `status` is 0: the work has run; or ECANCELED: it has not, and will not.
 *
 * The end. evrt_pool_stop cancels what has not begun, refuses more (ECANCELED), lets the work that runs end, and runs
 * all completions before its workers end; if its deadline passes first, or if a loop is ended in another way
 * (loopexit, loopbreak), completions wait for the next start. event_base_free and evrt_pool_free cancel what has not
 * begun, wait for the work that runs, and call the completions that are left, in the thread that frees and in no
 * strand: so that what `arg` holds has an owner to the last. Work must not wait for a callback of its base, then.
 * (event_base_free_nofinalize calls none.) They must not be called from inside work; that is refused with a warning.
 *
 * Fork. In the child, calls fail with ECHILD until event_reinit; the completions of what the parent is at come there,
 * or when the base is freed, with ECANCELED. A pool can only be freed.
 *
 * Unless said otherwise every function may be called from any thread, also from inside work and completions; those
 * that return int return 0, or -1 with errno set.
 */
#ifndef EVRT_BLOCKING_H_INCLUDED_
#define EVRT_BLOCKING_H_INCLUDED_

#include <stddef.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evrt_strand;
/** A call that was asked for; see evrt_blocking_run's `out`. */
struct evrt_blocking;

/** The call that may block. It leaves its result where `arg` points to. */
typedef void (*evrt_blocking_work_fn)(void *arg);
/** Its completion. @param status 0 or ECANCELED, see above */
typedef void (*evrt_blocking_done_fn)(int status, void *arg);

/** The limits of a group. Fill it with evrt_blocking_limits_init, then change what you wish; fields may be added at
 * the end, `size` tells which are there. */
struct evrt_blocking_limits {
	/** sizeof(struct evrt_blocking_limits), set by evrt_blocking_limits_init. */
	size_t size;
	/** Threads at most. Default 64; at least 1. */
	unsigned threads_max;
	/** Calls that wait at most, when no thread is free and no more may be started. Default 1024; 0: none waits. */
	unsigned queue_max;
	/** Milliseconds after which a thread that has nothing to do ends. Default 10000. */
	unsigned idle_ms;
};

/** Sets every field to its default. */
EVENT2_EXPORT_SYMBOL
void evrt_blocking_limits_init(struct evrt_blocking_limits *limits);

/**
 * Sets the limits of the group that `base` belongs to; any base of a pool sets those of the pool. Threads beyond the
 * new limit end when they have nothing to do; calls that wait already are kept.
 *
 * @param limits NULL: the defaults
 * @return 0; -1 with errno EINVAL (a field is out of range), ENOMEM, ECHILD (forked)
 */
EVENT2_EXPORT_SYMBOL
int evrt_blocking_set_limits(struct event_base *base, const struct evrt_blocking_limits *limits);

/**
 * Calls work(arg) on a thread that may block, and then done(status, arg) on the base. Never waits.
 *
 * @param base a plain base that has locks (made after evthread_use_pthreads), or any base of a pool
 * @param strand where the completion runs, a strand of this pooled base; NULL: see above. Referenced until then.
 * @param done NULL: nobody is told; the base waits all the same
 * @param arg belongs to the work while it runs, and to the completion afterwards
 * @param out NULL, or where a handle for evrt_blocking_cancel is put, before the work can begin; the caller's, to be
 *   given up with evrt_blocking_release. It outlives the call and the base. NULL is put there when the call fails.
 * @return 0; -1 with errno, and then neither function is called: EAGAIN (as many calls wait as may, or there is no
 *   thread and none could be started), ECANCELED (the pool is stopping, or the base is being freed), ECHILD (forked),
 *   EINVAL (no base, no work, a strand that is not of this pooled base), ENOTSUP (a base without locks), ENOMEM
 */
EVENT2_EXPORT_SYMBOL
int evrt_blocking_run(struct event_base *base, struct evrt_strand *strand, evrt_blocking_work_fn work,
    evrt_blocking_done_fn done, void *arg, struct evrt_blocking **out);

/**
 * Takes a call back if its work has not begun. Its completion is not run inside this function.
 *
 * @return 0: the work will not run, and the completion comes with ECANCELED; 1: too late: the work runs or has run,
 *   and the completion comes, or came, with 0 (or the call was cancelled before); -1 with errno EINVAL (NULL), ECHILD
 */
EVENT2_EXPORT_SYMBOL
int evrt_blocking_cancel(struct evrt_blocking *call);

/** Gives up a handle; the call goes on. NULL is ignored. */
EVENT2_EXPORT_SYMBOL
void evrt_blocking_release(struct evrt_blocking *call);

#ifdef __cplusplus
}
#endif
#endif
