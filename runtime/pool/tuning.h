/* runtime/pool/tuning.h — every constant of the scheduler that was argued about, with both directions.
 *
 * Here:     start values; those that users may change are in struct evrt_pool_config.
 */
#ifndef EVRT_RUNTIME_POOL_TUNING_H_
#define EVRT_RUNTIME_POOL_TUNING_H_

#include "base/clock.h"

/* Strands that one steal takes at most. Fewer: more steals under a burst, each with a cache miss or two.
 * More: a thief hoards what others could run, and the copy (under which the owner cannot steal back) is long. */
#define EVRT_STEAL_MAX 32u

/* A worker wakes a sleeping one when so many strands wait in its ring. 1: a wake (6-8 us for the waker on a
 * virtual machine) for work that the waker would do next itself. 5: latency under skew grows. 2-3 gave
 * nearly the whole gain of stealing in simulation at a tenth of the wakes. */
#define EVRT_WAKE_QUEUE_STRANDS 2u

/* What a wake costs all in all: the waker, the way, the other one's first steps. Work that takes longer is worth one
 * for a single strand; of shorter work so much must wait. Less: wakes for nothing. More: work waits beside sleepers. */
#define EVRT_WAKE_COST_NS (20 * EVRT_NS_PER_US)

/* A worker takes reports for so much work at once. Less: more system calls. More: what comes meanwhile for others
 * waits behind it, until it is stolen. */
#define EVRT_BATCH_NS (100 * EVRT_NS_PER_US)

/* After so many wakes in a row that others made useless a worker parks deep. Fewer: a worker that is needed again in
 * a moment has to be called (a write) instead of being awakened by the kernel. More: useless wakes. */
#define EVRT_USELESS_WAKES 4u

/* Timers that fall due are handed out so many at a time, under the lock of their queue. Fewer: the lock is taken more
 * often. More: who arms or cancels one meanwhile waits. */
#define EVRT_TIMERS_AT_ONCE 256u

/* A guard looks after busy workers so often. Less: it costs more (some 4 us each time). More: what a worker hid when it
 * got stuck waits longer; users were promised 2 ms. */
#define EVRT_GUARD_NS EVRT_NS_PER_MS

/* So long in one strand: stuck. Less: others serve what its worker would have come to. More: see above. */
#define EVRT_STUCK_NS (300 * EVRT_NS_PER_US)

/* Callbacks per strand and run. Fewer: a busy connection pays more queueing. More: it delays the others. */
#define EVRT_STRAND_BUDGET_CALLBACKS 16u

/* Time per strand and run, looked at between callbacks: 16 reads of 64 KiB take half a millisecond, and those who
 * wait behind count in time. Less: a connection that streams is queued anew for each read. More: each such connection
 * adds as much to all others' latency. */
#define EVRT_STRAND_BUDGET_US 100u

/* A limit of latency sends a probe so far ahead of itself: as a timer, for it has to pass through the poller's wait,
 * too. Less: more of them while listeners accept. More: the limit is noticed later. */
#define EVRT_LIMITS_PROBE_NS EVRT_NS_PER_MS

/* Strands per turn before the poller is asked again. Fewer: more empty epoll_wait calls under load.
 * More: new events wait longer, and more unevenly. */
#define EVRT_TURN_BUDGET_STRANDS 61u

/* Time per turn: 61 strands that use up their budget take 6 ms, in which no new event is heard of. */
#define EVRT_TURN_BUDGET_US 200u

/* Workers that wait in one set. Fewer: more sets, between which work moves by stealing and rescue alone. More: the
 * set's lock in the kernel, and its ready list, become what all wait for. */
#define EVRT_WORKERS_PER_SET 16u

#endif
