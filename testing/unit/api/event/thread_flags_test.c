/* testing/unit/api/event/thread_flags_test.c — evthread_use_pthreads_with_flags, which Debian's libevent lacks. */
#include <event2/event.h>
#include <event2/thread.h>

#include <pthread.h>

#include "testing/harness/test.h"

static int inheriting; /* mutexes that were asked to inherit priorities */

/* In place of the C library's, which has no call that tells what a mutex is like. */
int
pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol)
{
	(void)attr;
	inheriting += protocol == PTHREAD_PRIO_INHERIT;
	return 0;
}

static int
inheriting_locks_of_a_base(void)
{
	inheriting = 0;
	struct event_base *base = event_base_new();
	CHECK(base != NULL);
	event_base_free(base);
	return inheriting;
}

static void
the_last_call_says_what_locks_are_like(void)
{
	CHECK_INT_EQ(evthread_use_pthreads_with_flags(EVTHREAD_PTHREAD_PRIO_INHERIT | 0x4000), 0);
	CHECK(inheriting_locks_of_a_base() > 0);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	CHECK_INT_EQ(inheriting_locks_of_a_base(), 0);
	CHECK_INT_EQ(evthread_use_pthreads_with_flags(EVTHREAD_PTHREAD_PRIO_INHERIT), 0);
	CHECK(inheriting_locks_of_a_base() > 0);
	CHECK_INT_EQ(evthread_use_pthreads_with_flags(0x4000), 0); /* flags of some day do no harm */
	CHECK_INT_EQ(inheriting_locks_of_a_base(), 0);
	libevent_global_shutdown();
}

static const struct evrt_test_case cases[] = {
	{ "the_last_call_says_what_locks_are_like", the_last_call_says_what_locks_are_like },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
