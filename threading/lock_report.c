/* threading/lock_report.c — what is said of locks that may wait for each other; see lock_order.h. */
#include <stdio.h>
#include "base/log.h"
#include "threading/lock_order.h"

/* Leaves room for the line before it: a message is cut at 1024 bytes. */
#define REPORT_STACK_MAX 800

static const char report_advice[] = "Take them in one order everywhere, or release the first before the second is "
    "taken";
static const char report_advice_bufferevent[] = "While callbacks of a bufferevent run, others wait in "
    "bufferevent_lock, _setcb and _free, unless it has both BEV_OPT_DEFER_CALLBACKS and BEV_OPT_UNLOCK_CALLBACKS: "
    "give it these. While an evbuffer's callbacks run, the evbuffer is locked. Or release the first lock before the "
    "second is taken";

static void
report_step(const struct evrt_order_step *step, unsigned number, bool present)
{
	char stack[REPORT_STACK_MAX];

	evrt__stack_print(&step->stack, stack, sizeof(stack));
	evrt__warnx("lock debug: [%u] thread %u %s %s while it %s %s, at%s", number, (unsigned)step->thread,
	    present ? "takes" : "took", step->to, present ? "holds" : "held", step->from, stack);
}

void
evrt__order_report(const struct evrt_order_ring *ring)
{
	char chain[EVRT_ORDER_RING_MAX * (EVRT_ORDER_TEXT_MAX + 8)];
	const char *advice = ring->bufferevent ? report_advice_bufferevent : report_advice;
	int used = snprintf(chain, sizeof(chain), "%s", ring->step[0].from);

	for (unsigned i = 0; i < ring->count; i++) {
		report_step(&ring->step[i], i + 1, i == 0);
		used += snprintf(chain + used, sizeof(chain) - (size_t)used, " -> %s", ring->step[i].to);
	}
	if (ring->excused)
		evrt__warnx("lock debug: locks are taken in a ring: %s. One thread or strand alone did all of it, each "
		    "step with its stack above; two at once may wait for each other for ever. %s", chain, advice);
	else
		evrt__errx(EVRT_ERR_ABORT, "lock debug: possible deadlock: %s. Threads that take these steps at once, each "
		    "with its stack above, wait for each other for ever. %s", chain, advice);
}
