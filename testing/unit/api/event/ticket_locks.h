/* testing/unit/api/event/ticket_locks.h — locks, conditions and thread ids that have nothing of pthreads.
 *
 * Here:     what a program with threads of its own would hand to evthread_set_*: ticket locks and counted
 *           conditions over futexes, and counts of what is alive.
 * Threads:  any.
 */
#ifndef EVRT_TESTING_UNIT_API_EVENT_TICKET_LOCKS_H_
#define EVRT_TESTING_UNIT_API_EVENT_TICKET_LOCKS_H_

#include "testing/harness/wait.h"

/* Hands all three to the library. */
void evrt_test_use_ticket_locks(void);

struct evrt_test_ticket_counts {
	long locks;      /* alive */
	long conditions; /* alive */
	long taken;      /* since the beginning, tries that failed not counted */
};
/* A true count of each while the library is at rest. */
struct evrt_test_ticket_counts evrt_test_ticket_counts(void);
/* How often somebody began to wait on a condition. */
extern struct evrt_test_count evrt_test_ticket_waits;

#endif
