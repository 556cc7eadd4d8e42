/* runtime/pool/tuning.h — every constant of the scheduler that was argued about, with both directions.
 *
 * Here:     start values; those that users may change are in struct evrt_pool_config.
 */
#ifndef EVRT_RUNTIME_POOL_TUNING_H_
#define EVRT_RUNTIME_POOL_TUNING_H_

/* Strands that one steal takes at most. Fewer: more steals under a burst, each with a cache miss or two.
 * More: a thief hoards what others could run, and the copy (under which the owner cannot steal back) is long. */
#define EVRT_STEAL_MAX 32u

/* A worker wakes a sleeping one when so many strands wait in its ring. 1: a wake (6-8 us for the waker on a
 * virtual machine) for work that the waker would do next itself. 5: latency under skew grows. 2-3 gave
 * nearly the whole gain of stealing in simulation at a tenth of the wakes. */
#define EVRT_WAKE_QUEUE_STRANDS 2u

/* Callbacks per strand and run. Fewer: a busy connection pays more queueing. More: it delays the others. */
#define EVRT_STRAND_BUDGET_CALLBACKS 16u

/* Time per strand and run, looked at between callbacks: 16 reads of 64 KiB take half a millisecond, and those who
 * wait behind count in time. Less: a connection that streams is queued anew for each read. More: each such connection
 * adds as much to all others' latency. */
#define EVRT_STRAND_BUDGET_US 100u

/* Messages that need no hurry (cancelled timers) between two wakes for them. Fewer: wakes for nothing. More:
 * as many dead slots, of some 200 bytes, wait for a worker that sleeps long. */
#define EVRT_UNHURRIED_MAX 256u

/* A limit of latency sends a probe so far ahead of itself: as a timer, for it has to pass through the poller's wait,
 * too. Less: more of them while listeners accept. More: the limit is noticed later. */
#define EVRT_LIMITS_PROBE_NS EVRT_NS_PER_MS

/* Strands per turn before the poller is asked again. Fewer: more empty epoll_wait calls under load.
 * More: new events wait longer, and more unevenly. */
#define EVRT_TURN_BUDGET_STRANDS 61u

/* Time per turn: 61 strands that use up their budget take 6 ms, in which no new event is heard of. */
#define EVRT_TURN_BUDGET_US 200u

#endif
