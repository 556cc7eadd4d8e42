/* testing/harness/test.c — the runner: a process per case, its time limit, its report.
 *
 * Here:     selection by name, fork, waiting with a limit, the verdict.
 * Not here: the checks (check.c), the comparison of descriptors (fds.c).
 * Threads:  the runner has one; a case makes as many as it likes, in its own process.
 */
#include "testing/harness/test.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "testing/harness/internal.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TIMEOUT_SCALE 4
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define TIMEOUT_SCALE 4
#endif
#endif
#ifndef TIMEOUT_SCALE
#define TIMEOUT_SCALE 1
#endif

#define TIMEOUT_DEFAULT_S 60
#define TIMEOUT_MAX_S 86400

struct run {
	int64_t timeout_ms;
	unsigned passed, failed;
};

static int64_t
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In the child: never returns. exit(), not _exit(), so that leak checkers speak. */
static _Noreturn void
child_run(const struct evrt_test_case *c, pid_t parent)
{
	static struct evrt_test_fds before, after;
	sigset_t chld;

	/* A group of its own, so that what it leaves behind can be killed; no outliving the runner. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &chld, NULL);

	evrt__test_fds_list(&before);
	c->run();
	evrt__test_fds_list(&after);
	int leaked = evrt__test_fds_differ(&before, &after, evrt__test_page->reason,
	    sizeof(evrt__test_page->reason));
	evrt__test_page->finished = 1;
	exit(leaked);
}

/* Waits until the child is gone or the deadline has passed; false: passed. */
static bool
child_wait(pid_t pid, int64_t deadline_ms, int *status)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		int64_t left_ms = deadline_ms - now_ms();
		if (left_ms <= 0)
			return false;
		struct timespec left = { left_ms / 1000, left_ms % 1000 * 1000000 };
		/* SIGCHLD is blocked: one that comes before this call is kept for it. */
		sigtimedwait(&chld, NULL, &left);
	}
}

/* Why the case failed, in buf; empty when it passed. */
static void
verdict(bool in_time, int status, const struct run *run, char *buf, size_t len)
{
	const struct evrt_test_page *page = evrt__test_page;

	buf[0] = '\0';
	if (!in_time)
		snprintf(buf, len, "not finished after %lld s", (long long)(run->timeout_ms / 1000));
	else if (WIFSIGNALED(status))
		snprintf(buf, len, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (page->reason[0])
		snprintf(buf, len, "%s", page->reason);
	else if (!page->finished)
		snprintf(buf, len, "exit(%d) before its end", WEXITSTATUS(status));
	else if (WEXITSTATUS(status))
		snprintf(buf, len, "exit status %d after its end", WEXITSTATUS(status));
}

static void
case_report(struct run *run, const struct evrt_test_case *c, const char *reason, int64_t took_ms)
{
	if (!reason[0]) {
		run->passed++;
		printf("ok %s (%lld ms)\n", c->name, (long long)took_ms);
		return;
	}
	run->failed++;
	printf("FAIL %s: %s", c->name, reason);
	if (evrt__test_page->seed_used)
		printf(" [EVRT_TEST_SEED=%llu]", evrt__test_seed_value());
	printf("\n");
}

static void
case_run(struct run *run, const struct evrt_test_case *c)
{
	char reason[sizeof(evrt__test_page->reason)];
	int status = 0;
	pid_t parent = getpid();
	int64_t start_ms = now_ms();

	memset(evrt__test_page, 0, sizeof(*evrt__test_page));
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		child_run(c, parent);
	if (pid < 0) {
		snprintf(reason, sizeof(reason), "fork: %s", strerror(errno));
		case_report(run, c, reason, 0);
		return;
	}
	/* Here too: whoever of the two is first, the group exists before it is killed. */
	setpgid(pid, pid);
	bool in_time = child_wait(pid, start_ms + run->timeout_ms, &status);
	kill(-pid, SIGKILL);
	if (!in_time)
		waitpid(pid, &status, 0);
	verdict(in_time, status, run, reason, sizeof(reason));
	case_report(run, c, reason, now_ms() - start_ms);
	fflush(stdout);
}

static bool
case_selected(const struct evrt_test_case *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(c->name, argv[i], strlen(argv[i])) == 0)
			return true;
	return argc <= 1;
}

/* The first argument that selects nothing, or NULL: a misspelt name must not pass for a run. */
static const char *
argument_unknown(int argc, char **argv, const struct evrt_test_case *cases)
{
	for (int i = 1; i < argc; i++) {
		const struct evrt_test_case *c = cases;
		while (c->name && strncmp(c->name, argv[i], strlen(argv[i])) != 0)
			c++;
		if (!c->name)
			return argv[i];
	}
	return NULL;
}

/* -1 when EVRT_TEST_TIMEOUT_S is no number of seconds. An explicit limit is not scaled. */
static int
timeout_read(struct run *run)
{
	const char *text = getenv("EVRT_TEST_TIMEOUT_S");
	char *end;

	run->timeout_ms = (int64_t)TIMEOUT_DEFAULT_S * TIMEOUT_SCALE * 1000;
	if (!text)
		return 0;
	long seconds = strtol(text, &end, 10);
	if (end == text || *end || seconds <= 0 || seconds > TIMEOUT_MAX_S)
		return -1;
	run->timeout_ms = (int64_t)seconds * 1000;
	return 0;
}

static int
usage(const char *problem, const char *what)
{
	fprintf(stderr, "%s%s; arguments are names of cases, or how they begin\n", problem, what);
	return 2;
}

int
evrt_test_main(int argc, char **argv, const struct evrt_test_case *cases)
{
	struct run run = { 0 };
	sigset_t chld;
	const char *unknown = argument_unknown(argc, argv, cases);

	if (unknown)
		return usage("no case begins with ", unknown);
	if (timeout_read(&run))
		return usage("EVRT_TEST_TIMEOUT_S is no number of seconds", "");
	if (evrt__test_seed_choose())
		return usage("EVRT_TEST_SEED is no number", "");
	evrt__test_page = mmap(NULL, sizeof(*evrt__test_page), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (evrt__test_page == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);

	for (const struct evrt_test_case *c = cases; c->name; c++)
		if (case_selected(c, argc, argv))
			case_run(&run, c);
	printf("%u passed, %u failed\n", run.passed, run.failed);

	munmap(evrt__test_page, sizeof(*evrt__test_page));
	evrt__test_page = NULL;
	return run.failed || !run.passed;
}
