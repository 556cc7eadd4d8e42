/* testing/unit/harness/planted.c — cases that go wrong, each in its own way: food for runner_test.sh.
 *
 * A program, not a test of the tree: most of what it reports is FAIL.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "testing/harness/test.h"

static void
pass_checks(void)
{
	char same[] = "same";

	CHECK(1 + 1 == 2);
	CHECK_INT_EQ(-3, -3);
	CHECK_STR_EQ(same, "same");
	CHECK_STR_EQ((char *)NULL, NULL);
	CHECK_PTR_EQ(same, &same[0]);
	CHECK_MEM_EQ(same, "samba", 3);
}

static void
fail_bool(void)
{
	CHECK(1 + 1 == 3);
}

static void
fail_int(void)
{
	CHECK_INT_EQ(40 + 2, 41);
}

static void
fail_str(void)
{
	CHECK_STR_EQ("left", "right");
}

static void
fail_str_null(void)
{
	CHECK_STR_EQ("left", (char *)NULL);
}

static void
fail_mem(void)
{
	CHECK_MEM_EQ("abcd", "abXd", 4);
}

static void
fail_ptr(void)
{
	static char here, there;
	CHECK_PTR_EQ(&here, &there);
}

static void *
thread_fails(void *arg)
{
	(void)arg;
	CHECK(!"on a thread");
	return NULL;
}

static void
fail_thread(void)
{
	pthread_t t;

	CHECK_INT_EQ(pthread_create(&t, NULL, thread_fails, NULL), 0);
	pthread_join(t, NULL);
}

static void
fail_seeded(void)
{
	CHECK_INT_EQ(evrt_test_seed() - evrt_test_seed(), 1);
}

static void
crash_signal(void)
{
	raise(SIGKILL);
}

static void
crash_exit(void)
{
	exit(0);
}

static void
exit_late(void)
{
	_exit(3);
}

static void
pass_then_exit_3(void)
{
	atexit(exit_late);
}

/* Two sleepers, so that the killing of the group shows: runner_test.sh waits for the end of the output. */
static void
hang_forever(void)
{
	if (fork() < 0)
		abort();
	for (;;)
		pause();
}

static void
pass_leaving_child(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	while (pid == 0)
		pause();
}

static void
fd_left_open(void)
{
	CHECK(open("/dev/null", O_RDONLY) >= 0);
}

static void
fd_closed(void)
{
	close(0);
}

static const struct evrt_test_case cases[] = {
	{ "pass_checks", pass_checks },
	{ "pass_leaving_child", pass_leaving_child },
	{ "pass_then_exit_3", pass_then_exit_3 },
	{ "fail_bool", fail_bool },
	{ "fail_int", fail_int },
	{ "fail_str", fail_str },
	{ "fail_str_null", fail_str_null },
	{ "fail_mem", fail_mem },
	{ "fail_ptr", fail_ptr },
	{ "fail_thread", fail_thread },
	{ "fail_seeded", fail_seeded },
	{ "crash_signal", crash_signal },
	{ "crash_exit", crash_exit },
	{ "hang_forever", hang_forever },
	{ "fd_left_open", fd_left_open },
	{ "fd_closed", fd_closed },
	{ NULL, NULL },
};

static const struct evrt_test_case none[] = { { NULL, NULL } };

int
main(int argc, char **argv)
{
	int empty = argc == 2 && strcmp(argv[1], "--empty-table") == 0;
	return evrt_test_main(empty ? 1 : argc, argv, empty ? none : cases);
}
