/* api/event/blocking.h — what a base does with its group of threads for calls that block.
 *
 * Here:     the group's life with that of its base.
 * Not here: the public calls (evrt/blocking.h), the threads (runtime/blocking).
 * Threads:  said per function. Bases that never used it have no group, and these calls do nothing.
 */
#ifndef EVRT_API_EVENT_BLOCKING_H_
#define EVRT_API_EVENT_BLOCKING_H_

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct evrt_pool;
struct evrt_task;

/* Is the caller inside work that this base, or pool, was asked for? Any thread. */
bool evrt__base_blocking_is_inside(struct event_base *);
/* The base is being freed, and nothing of it runs: no more calls, no threads; the completions that are left are
 * among the tasks. In the child of a fork these are told that their work is the parent's. */
void evrt__base_blocking_shut(struct event_base *);
/* After that, when the tasks have been dropped, too. */
void evrt__base_blocking_forget(struct event_base *);
/* In the child of a fork, by event_reinit of a plain base: the next call gets a new group. No lock held. */
void evrt__base_blocking_reinit(struct event_base *);

/* A graceful stop of that run of the pool begins: it is halted, to drain, as soon as no work runs. */
void evrt__pool_blocking_stop(struct evrt_pool *, uint64_t run);
/* The stop is over, in whichever way. */
void evrt__pool_blocking_stopped(struct evrt_pool *, uint64_t run);

/* A task that will not be run any more was a completion: runs it (unless `tell` is false: then without the user's
 * function). False: it was none. */
bool evrt__blocking_drop(struct evrt_task *, bool tell);

#endif
