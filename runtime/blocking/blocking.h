/* runtime/blocking/blocking.h — a group of threads for calls that block: as many as are needed, up to a limit.
 *
 * Here:     the queue, the threads that come and go, cancelling, closing, fork.
 * Not here: who asked, where an answer is delivered (a table of functions: api/event/blocking.c), the workers.
 * Threads:  any, unless said otherwise.
 * Locks:    the group's own, rank blocking. Held while an answer is delivered, so that a call is always in one of
 *           the lists or delivered, and "nothing runs" means that all is delivered. Never held while work runs.
 *
 * A call:  QUEUED --a thread takes it--> RUNNING --its work returns--> ENDED, status 0
 *             `--cancel, close, shut-----------------------------------> ENDED, status ECANCELED
 * Whatever ends it delivers it, once.
 *
 * A thread: started when a call finds none free, or lies asleep on top of the stack of sleepers. The one that lay
 * down last is called first, so that those that are not needed reach the end of their idle time and leave.
 */
#ifndef EVRT_RUNTIME_BLOCKING_BLOCKING_H_
#define EVRT_RUNTIME_BLOCKING_BLOCKING_H_

#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"
#include "base/clock.h"
#include "base/list.h"

/* Threads that wait, not ones that compute: enough to keep a disk's queue or a slow name server busy, and to get past
 * a few calls that hang, and not more than a program with other things to do may find itself with unawares. */
#define EVRT_BLOCKING_THREADS_MAX 64u
#define EVRT_BLOCKING_QUEUE_MAX 1024u
#define EVRT_BLOCKING_IDLE_NS (10 * EVRT_NS_PER_SEC)

struct evrt_blocking_group;

enum evrt_blocking_state { EVRT_BLOCKING_QUEUED, EVRT_BLOCKING_RUNNING, EVRT_BLOCKING_ENDED };

/* Part of an object of the caller's. `refs`, `work` and `arg` are set by him, the rest by evrt__blocking_submit. */
struct evrt_blocking_call {
	struct evrt_link link;             /* in the queue, or among what runs; group lock */
	enum evrt_blocking_state state;    /* group lock */
	int status;                        /* 0 or ECANCELED; const once it is delivered */
	evrt_atomic(unsigned) refs;        /* one is the engine's, and is handed to deliver */
	struct evrt_blocking_group *group; /* referenced; const once it is submitted */
	void (*work)(void *arg);
	void *arg;
};

struct evrt_blocking_ops {
	/* Once for each call that was accepted, when it has ended. Group lock held. */
	void (*deliver)(struct evrt_blocking_call *);
	/* The last reference is gone: frees the memory. */
	void (*free)(struct evrt_blocking_call *);
	/* What evrt__blocking_close waited for: nothing runs, all is delivered. Group lock held. */
	void (*closed)(void *owner, uint64_t tag);
};

struct evrt_blocking_settings {
	unsigned threads_max; /* at least 1 */
	unsigned queue_max;   /* calls that wait because no thread is free */
	evrt_ns idle_ns;      /* after which a thread that has nothing to do leaves */
};

/* One reference, the caller's; no thread yet. NULL: out of memory. */
struct evrt_blocking_group *evrt__blocking_new(const struct evrt_blocking_ops *, void *owner);
/* After evrt__blocking_shut or _abandon. What is left of calls keeps it alive. */
void evrt__blocking_unref(struct evrt_blocking_group *);
/* Holds for threads that are there, too. */
void evrt__blocking_set(struct evrt_blocking_group *, const struct evrt_blocking_settings *);

/* 0; or, and then nothing will be delivered and no reference was taken: -EAGAIN (the queue is full, or there is no
 * thread and none could be started), -ECANCELED (closing, or shut), -ECHILD (forked). */
int evrt__blocking_submit(struct evrt_blocking_group *, struct evrt_blocking_call *);
/* 0: it will not run, and is delivered with ECANCELED; 1: too late; -ECHILD. Its caller holds a reference. */
int evrt__blocking_cancel(struct evrt_blocking_call *);
void evrt__blocking_call_unref(struct evrt_blocking_call *);

/* Cancels what is queued and refuses more, until what runs has ended; then ops.closed(owner, tag). */
void evrt__blocking_close(struct evrt_blocking_group *, uint64_t tag);
/* Whoever closed it with this tag does not wait any more. */
void evrt__blocking_reopen(struct evrt_blocking_group *, uint64_t tag);
/* Cancels what is queued, refuses more for ever, and returns when what runs has ended and all threads are gone. */
void evrt__blocking_shut(struct evrt_blocking_group *);

/* In the child of a fork: the threads are in the parent. */
bool evrt__blocking_is_forked(const struct evrt_blocking_group *);
/* In such a child, by its only thread: all that was queued or running is delivered with ECANCELED; unless another
 * thread was inside the group when the process was forked: then it is lost. */
void evrt__blocking_abandon(struct evrt_blocking_group *);
/* The owner of the group whose work the caller is in, or NULL: it is in none. */
void *evrt__blocking_inside(void);

#endif
