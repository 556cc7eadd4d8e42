/* testing/unit/threading/quiet_locks.h — lock callbacks that no sanitizer knows for locks.
 *
 * Here:     a table of recursive spin locks, and of conditions that never wait. ThreadSanitizer looks for
 *           inverted orders of pthread mutexes itself, and does not know what excuses them: tests of that use these.
 * Not here: fairness; a test takes them from one thread after the other.
 * Threads:  any.
 */
#ifndef EVRT_TESTING_UNIT_THREADING_QUIET_LOCKS_H_
#define EVRT_TESTING_UNIT_THREADING_QUIET_LOCKS_H_

#include "threading/lock.h"

extern const struct evrt_lock_fns evrt_test_quiet_locks;
extern const struct evrt_cond_fns evrt_test_quiet_conds;

/* Modes that the locks were last called with, TRY included. */
unsigned evrt_test_quiet_mode(void);

#endif
