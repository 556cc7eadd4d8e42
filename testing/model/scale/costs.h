/* testing/model/scale/costs.h — what the steps of the simulated machine take.
 *
 * Here:     the parameters, the sets of them that there are; costs.c says where each figure comes from.
 * Not here: what takes a step (kernel.c, lines.c, server.c).
 */
#ifndef EVRT_TESTING_MODEL_SCALE_COSTS_H_
#define EVRT_TESTING_MODEL_SCALE_COSTS_H_

#include <stdbool.h>
#include "base/clock.h"

/* A distribution by its quantiles at scale_points[]; linear in between. */
#define SCALE_POINTS 10
struct scale_times {
	double ns[SCALE_POINTS];
};
extern const double scale_points[SCALE_POINTS];

struct scale_costs {
	/* Processor time of calls, but for what is named below. */
	evrt_ns wait_ns;       /* an epoll_wait that finds nothing, or goes to sleep */
	evrt_ns harvest_ns;    /* … what it holds the set's mutex for, when something is there … */
	evrt_ns report_ns;     /* … and for each report */
	evrt_ns change_ns;     /* an epoll_ctl … */
	evrt_ns change_hold_ns; /* … of which it holds the set's mutex */
	evrt_ns event_ns;      /* the set's spin lock, for each arrival */
	evrt_ns eventfd_ns;    /* a write or read of an eventfd that wakes nobody */
	evrt_ns timerfd_ns;    /* a timerfd_settime */
	evrt_ns wake_ns;       /* more for who wakes another thread */
	evrt_ns futex_ns;      /* a futex call of a mutex that is contended */
	evrt_ns read_ns;       /* a request from its socket */
	evrt_ns write_ns;      /* an answer */
	evrt_ns block_ns;      /* a thread gives its processor away … */
	evrt_ns switch_ns;     /* … and gets one from another thread: until it is back in its code; … */
	evrt_ns rouse_ns;      /* … or gets one that was idle */
	evrt_ns sleep_ns;      /* setting the timer of a service that sleeps */
	/* The engine itself. */
	evrt_ns clock_ns;      /* reading the clock */
	evrt_ns lock_ns;       /* a mutex that is free: locked and unlocked */
	evrt_ns run_ns;        /* one run of a strand, from its report on, less what is accounted for elsewhere */
	evrt_ns line_ns;       /* a cache line that another processor has written */
	/* What takes a processor away from all threads: the clock's tick, the host of a virtual machine. */
	double stall_every_ns;       /* in the mean; 0: never. Only where threads share one processor */
	struct scale_times stall;
	/* Delays. */
	struct scale_times wake;      /* from a call or report until the thread has a processor, where one is idle */
	struct scale_times overshoot; /* a sleep lasts so much longer than asked, until the same */
	struct scale_times late;      /* the client sends so much later than planned */
	struct scale_times answer;    /* from the answer's write until the client has it, where it slept */
};

/* All but nothing: what queueing theory assumes. */
extern const struct scale_costs scale_costs_none;
/* The machine that the figures of measured.c were taken on, a virtual one: a wake is very dear there. */
extern const struct scale_costs scale_costs_virtual;
/* A machine of its own, by published figures. */
extern const struct scale_costs scale_costs_metal;

#endif
