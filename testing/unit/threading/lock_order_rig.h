/* testing/unit/threading/lock_order_rig.h — three locks, and two functions that take two of them in two orders.
 *
 * Here:     what the tests of lock orders share; each has its own copy.
 * Threads:  one after the other.
 */
#ifndef EVRT_TESTING_UNIT_THREADING_LOCK_ORDER_RIG_H_
#define EVRT_TESTING_UNIT_THREADING_LOCK_ORDER_RIG_H_

#include <pthread.h>
#include "testing/harness/test.h"
#include "testing/unit/threading/quiet_locks.h"
#include "testing/unit/threading/verdict.h"
#include "threading/lock.h"

/* In the table of dynamic symbols, so that stacks name it. */
#define NAMED __attribute__((noinline, visibility("default")))

void take_a_then_b(void) NAMED;
void take_b_then_a(void) NAMED;

static void *a, *b, *g;

static void
make_locks(enum evrt_lock_rank rank_a, enum evrt_lock_rank rank_b)
{
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&evrt_test_quiet_conds), 0);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&evrt_test_quiet_locks), 0);
	a = evrt__lock_new_named(EVRT_LOCKTYPE_RECURSIVE, rank_a, "alpha");
	b = evrt__lock_new_named(EVRT_LOCKTYPE_RECURSIVE, rank_b, "beta");
	g = evrt__lock_new_named(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user, "gate");
	CHECK(a && b && g);
}

static void
make_own_locks(void)
{
	make_locks(EVRT_RANK_user, EVRT_RANK_user);
}

static void *
call(void *fn)
{
	(*(void (**)(void))fn)();
	return NULL;
}

/* Runs it to its end in a thread of its own. */
static void
in_thread(void (*fn)(void))
{
	pthread_t t;

	CHECK_INT_EQ(pthread_create(&t, NULL, call, &fn), 0);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
}

static void
take_two(void *first, void *second)
{
	evrt__lock(first);
	evrt__lock(second);
	evrt__unlock(second);
	evrt__unlock(first);
}

void
take_a_then_b(void)
{
	take_two(a, b);
	evrt__unlock(NULL); /* not a tail call above: this frame is looked for */
}

void
take_b_then_a(void)
{
	take_two(b, a);
	evrt__unlock(NULL);
}

static void
inverted_in_two_threads(void)
{
	make_own_locks();
	in_thread(take_a_then_b);
	in_thread(take_b_then_a);
}

#endif
