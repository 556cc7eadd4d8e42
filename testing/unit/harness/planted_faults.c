/* testing/unit/harness/planted_faults.c — cases that take a fault each in its own way, right and wrong: food for
 * faults_test.sh. A program, not a test of the tree: most of what it reports is FAIL.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/sys.h"
#include "testing/fault/inject.h"
#include "testing/harness/test.h"

#define TOLD(call) (evrt_test_fault_begin(), evrt_test_fault_result((call), __FILE__, __LINE__, #call))

static void
good_checks(void)
{
	void *a = evrt__malloc(1);
	CHECK(a != NULL);
	void *b = evrt__malloc(1);
	evrt__free(a);
	CHECK(b != NULL);
	evrt__free(b);
}

static void
good_many(void)
{
	for (int i = 0; i < 5000; i++)
		evrt__free(evrt__malloc(1));
}

static void
bad_crash(void)
{
	int *a = evrt__malloc(sizeof(*a));
	if (!a)
		abort();
	evrt__free(a);
}

/* Pointed to till the end: no leak checker sees it. */
static void *kept;

static void
bad_leak(void)
{
	kept = evrt__malloc(1);
	void *b = evrt__malloc(1);
	if (b)
		evrt__free(kept);
	evrt__free(b);
}

static void
bad_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	void *a = evrt__malloc(1);
	if (a)
		close(fd);
	evrt__free(a);
}

static void
bad_hang(void)
{
	void *a = evrt__malloc(1);
	while (!a)
		pause();
	evrt__free(a);
}

static void
bad_exit(void)
{
	void *a = evrt__malloc(1);
	if (!a)
		exit(1);
	evrt__free(a);
}

static void
bad_always(void)
{
	CHECK(evrt__malloc(1) == NULL);
}

static int
try_pipe(int left_in_errno)
{
	int fds[2];
	int r = evrt__sys.pipe2(fds, O_CLOEXEC);
	if (r == 0) {
		close(fds[0]);
		close(fds[1]);
	} else if (left_in_errno) {
		errno = left_in_errno;
	}
	return r;
}

static void
good_errno(void)
{
	TOLD(try_pipe(0));
}

static void
bad_errno(void)
{
	TOLD(try_pipe(EPERM));
}

static void
good_interrupted(void)
{
	char c;
	while (evrt__sys.read(-1, &c, 1) < 0 && errno == EINTR)
		continue;
	CHECK(errno == EBADF || errno == EAGAIN);
}

static void
bad_interrupted(void)
{
	char c;
	CHECK(evrt__sys.read(-1, &c, 1) < 0 && errno != EINTR);
}

/* Its number is free again, and what is told is the interruption: who tries again closes another one's. */
static void
good_close_has_closed(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	evrt__sys.close(fd);
	CHECK(fcntl(fd, F_GETFD) < 0);
}

static const struct evrt_test_case cases[] = {
	{ "good_checks", good_checks },
	{ "good_many", good_many },
	{ "good_errno", good_errno },
	{ "good_interrupted", good_interrupted },
	{ "good_close_has_closed", good_close_has_closed },
	{ "bad_crash", bad_crash },
	{ "bad_leak", bad_leak },
	{ "bad_fd", bad_fd },
	{ "bad_hang", bad_hang },
	{ "bad_exit", bad_exit },
	{ "bad_always", bad_always },
	{ "bad_errno", bad_errno },
	{ "bad_interrupted", bad_interrupted },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
