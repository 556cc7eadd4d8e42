/* threading/fork.h — is this still the process that made a thing?
 *
 * Here:     a count of forks. A thing of several threads keeps the count of its making: in the child of a fork it
 *           differs, and the threads are not there.
 * Not here: what a child may do then (runtime/pool/pool.c).
 * Threads:  any.
 */
#ifndef EVRT_THREADING_FORK_H_
#define EVRT_THREADING_FORK_H_

#include "base/atomic.h"

extern evrt_atomic(unsigned) evrt__forks;

/* From now on forks are counted. 0 (also when they already are) or -ENOMEM. */
int evrt__fork_watch(void);

/* Async-signal-safe, and no system call, so that it may be asked for each message. Relaxed: it changes only where
 * the process has one thread. */
static inline unsigned evrt__fork_count(void) { return evrt_load_relaxed(&evrt__forks); }

#endif
