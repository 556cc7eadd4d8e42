/* testing/unit/threading/thread_test.c — what a started thread is given. */
#include "threading/thread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

/* The calling thread's mask; all of the set's bytes are defined, so that two can be compared. */
static sigset_t
current_mask(void)
{
	sigset_t set;

	memset(&set, 0, sizeof(set));
	CHECK_INT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
	return set;
}

static struct evrt_test_gate named;
static char name_seen[32];
static sigset_t mask_seen;

static void *
look_around(void *arg)
{
	evrt_test_gate_wait(&named); /* the starter gives the name */
	mask_seen = current_mask();
	pthread_getname_np(pthread_self(), name_seen, sizeof(name_seen));
	*(int *)arg = 5;
	return NULL;
}

static void
signals_are_blocked_and_the_name_is_cut(void)
{
	sigset_t before = current_mask();
	pthread_t t;
	int reached = 0;

	CHECK_INT_EQ(evrt__thread_start(&t, "a-name-of-20-letters", look_around, &reached), 0);
	evrt_test_gate_open(&named);
	CHECK_INT_EQ(evrt__thread_join(t), 0);
	CHECK_INT_EQ(reached, 5);
	CHECK_STR_EQ(name_seen, "a-name-of-20-le");
	CHECK(sigismember(&mask_seen, SIGTERM) && sigismember(&mask_seen, SIGUSR1));
	sigset_t after = current_mask();
	CHECK_MEM_EQ(&after, &before, sizeof(before)); /* the starter's own mask is as it was */
	CHECK(!sigismember(&after, SIGTERM));
}

static void
a_name_is_not_needed(void)
{
	pthread_t t;
	int reached = 0;

	evrt_test_gate_open(&named);
	CHECK_INT_EQ(evrt__thread_start(&t, NULL, look_around, &reached), 0);
	CHECK_INT_EQ(evrt__thread_join(t), 0);
	CHECK_INT_EQ(reached, 5);
}

static void
a_start_that_fails_changes_nothing(void)
{
	pthread_attr_t attr;
	sigset_t before = current_mask();
	pthread_t t = pthread_self();
	int reached = 0;

	/* No address space has room for such a stack. */
	CHECK_INT_EQ(pthread_attr_init(&attr), 0);
	CHECK_INT_EQ(pthread_attr_setstacksize(&attr, (size_t)1 << 60), 0);
	CHECK_INT_EQ(pthread_setattr_default_np(&attr), 0);
	CHECK_INT_EQ(evrt__thread_start(&t, "x", look_around, &reached), -EAGAIN);
	CHECK(pthread_equal(t, pthread_self()));
	sigset_t after = current_mask();
	CHECK_MEM_EQ(&after, &before, sizeof(before));
	pthread_attr_destroy(&attr);
}

static void
joining_oneself_is_an_error(void)
{
	CHECK_INT_EQ(evrt__thread_join(pthread_self()), -EDEADLK);
}

static const struct evrt_test_case cases[] = {
	{"signals_are_blocked_and_the_name_is_cut", signals_are_blocked_and_the_name_is_cut},
	{"a_name_is_not_needed", a_name_is_not_needed},
	{"a_start_that_fails_changes_nothing", a_start_that_fails_changes_nothing},
	{"joining_oneself_is_an_error", joining_oneself_is_an_error},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
