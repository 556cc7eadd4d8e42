/* testing/unit/api/blocking/blocking_rig.h — what the suites on blocking calls share.
 *
 * Here:     a call that can be held up, and what became of it. Static helpers; each case is a process.
 */
#ifndef EVRT_TESTING_UNIT_API_BLOCKING_BLOCKING_RIG_H_
#define EVRT_TESTING_UNIT_API_BLOCKING_BLOCKING_RIG_H_

#include <event2/event.h>
#include <evrt/blocking.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define CASE(fn) { #fn, fn }

/* ThreadSanitizer ends a process that was forked while threads ran, and starts one. */
#ifdef EVRT_TSAN
#define A_CHILD_MAY_START_THREADS 0
#else
#define A_CHILD_MAY_START_THREADS 1
#endif

struct call {
	struct evrt_test_gate began, may_end; /* held up if `held` */
	struct evrt_test_gate completed;
	bool held;
	int result;                 /* plain: written by work, read by the completion */
	int completions, status;    /* … and these by the completion */
	pthread_t worked_in, completed_in;
	struct evrt_strand *strand; /* that the completion was in */
	struct evrt_blocking *handle;
};

static struct event_base *base; /* that the case is about */
static struct evrt_test_count completed;

static inline void
call_work(void *arg)
{
	struct call *c = arg;

	c->worked_in = pthread_self();
	evrt_test_gate_open(&c->began);
	if (c->held)
		evrt_test_gate_wait(&c->may_end);
	c->result = 42;
}

/* Work that is held up without a lock: where the process forks meanwhile, no lock of the harness may be held. */
static int began_pipe[2], end_pipe[2];

static inline void
open_pipes(void)
{
	CHECK_INT_EQ(pipe(began_pipe), 0);
	CHECK_INT_EQ(pipe(end_pipe), 0);
}

static inline void
close_pipes(void)
{
	for (int i = 0; i < 2; i++) {
		close(began_pipe[i]);
		close(end_pipe[i]);
	}
}

static inline void
hold_on_pipes(void)
{
	char byte = 0;

	CHECK_INT_EQ(write(began_pipe[1], &byte, 1), 1);
	CHECK_INT_EQ(read(end_pipe[0], &byte, 1), 1);
}

static inline void
wait_until_held(void)
{
	char byte;

	CHECK_INT_EQ(read(began_pipe[0], &byte, 1), 1);
}

static inline void
let_go(void)
{
	CHECK_INT_EQ(write(end_pipe[1], "", 1), 1);
}

static inline void
call_work_on_pipes(void *arg)
{
	struct call *c = arg;

	hold_on_pipes();
	c->result = 42;
}

static inline void
call_done(int status, void *arg)
{
	struct call *c = arg;

	c->completions++;
	c->status = status;
	c->completed_in = pthread_self();
	c->strand = evrt_strand_current();
	evrt_test_gate_open(&c->completed);
	evrt_test_count_add(&completed, 1);
}

/* It had its one completion, with this status, after or without its work. */
static inline void
check_call(const struct call *c, int status)
{
	CHECK_INT_EQ(c->completions, 1);
	CHECK_INT_EQ(c->status, status);
	CHECK_INT_EQ(c->result, status ? 0 : 42);
}

static inline void
set_limits(struct event_base *of, unsigned threads_max, unsigned queue_max)
{
	struct evrt_blocking_limits limits;

	evrt_blocking_limits_init(&limits);
	limits.threads_max = threads_max;
	limits.queue_max = queue_max;
	CHECK_INT_EQ(evrt_blocking_set_limits(of, &limits), 0);
}

static inline void
run_call(struct event_base *of, struct call *c)
{
	CHECK_INT_EQ(evrt_blocking_run(of, NULL, call_work, call_done, c, NULL), 0);
}

static inline void
done_and_refused(int status, void *arg)
{
	call_done(status, arg);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, arg, NULL), -1);
	CHECK_INT_EQ(errno, ECANCELED);
}

static inline void *
let_it_end_when_all_is_being_freed(void *arg)
{
	struct call *c = arg;

	/* The queue is full, until it is closed for ever. */
	do
		CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, NULL, NULL, NULL), -1);
	while (errno == EAGAIN);
	CHECK_INT_EQ(errno, ECANCELED);
	evrt_test_gate_open(&c[0].may_end);
	return NULL;
}

#endif
