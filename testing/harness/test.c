/* testing/harness/test.c — the runner: a process per case, its time limit, its report.
 *
 * Here:     selection by name, fork, waiting with a limit, the verdict.
 * Not here: the checks (check.c), the comparison of descriptors (fds.c), runs with faults (faults.c).
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

#define TIMEOUT_DEFAULT_S 60
/* With faults a case is run many times, and none of them should hang. */
#define TIMEOUT_FAULTS_S 10
#define TIMEOUT_MAX_S 86400

const struct evrt_test_injector *evrt__test_injector;

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

	if (evrt__test_page->faulty)
		evrt__test_injector->arm(&evrt__test_page->fault);
	evrt__test_fds_list(&before);
	c->run();
	evrt__test_fds_list(&after);
	if (evrt__test_page->faulty)
		evrt__test_injector->look(&evrt__test_page->sight);
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
verdict(bool in_time, int status, const struct evrt_test_run *run, char *buf, size_t len)
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

void
evrt__test_attempt(const struct evrt_test_run *run, const struct evrt_test_case *c,
    const struct evrt_test_fault *fault, struct evrt_test_attempt *attempt)
{
	struct evrt_test_page *page = evrt__test_page;
	int status = 0;
	pid_t parent = getpid();
	int64_t start_ms = now_ms();

	*attempt = (struct evrt_test_attempt){ 0 };
	memset(page, 0, sizeof(*page));
	if (fault) {
		page->faulty = 1;
		page->fault = *fault;
	}
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		child_run(c, parent);
	if (pid < 0) {
		snprintf(attempt->reason, sizeof(attempt->reason), "fork: %s", strerror(errno));
		return;
	}
	/* Here too: whoever of the two is first, the group exists before it is killed. */
	setpgid(pid, pid);
	bool in_time = child_wait(pid, start_ms + run->timeout_ms, &status);
	kill(-pid, SIGKILL);
	if (!in_time)
		waitpid(pid, &status, 0);
	verdict(in_time, status, run, attempt->reason, sizeof(attempt->reason));
	attempt->took_ms = now_ms() - start_ms;
	attempt->finished = page->finished;
	attempt->checked = in_time && WIFEXITED(status) && !page->finished && page->reason[0];
}

static void
case_run(struct evrt_test_run *run, const struct evrt_test_case *c)
{
	struct evrt_test_attempt attempt;

	evrt__test_attempt(run, c, NULL, &attempt);
	if (!attempt.reason[0]) {
		run->passed++;
		printf("ok %s (%lld ms)\n", c->name, (long long)attempt.took_ms);
	} else {
		run->failed++;
		printf("FAIL %s: %s", c->name, attempt.reason);
		if (evrt__test_page->seed_used || EVRT_SHAKE_BUILD)
			printf(" [EVRT_TEST_SEED=%llu]", evrt__test_seed_value());
		if (EVRT_SHAKE_BUILD)
			printf(" [EVRT_SHAKE_SEED=%s]", getenv("EVRT_SHAKE_SEED"));
		printf("\n");
	}
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
timeout_read(struct evrt_test_run *run, int default_s)
{
	const char *text = getenv("EVRT_TEST_TIMEOUT_S");
	char *end;

	run->timeout_ms = (int64_t)default_s * EVRT_TEST_SLOWNESS * 1000;
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
	struct evrt_test_run run = { 0 };
	sigset_t chld;
	const char *faults = getenv("EVRT_TEST_FAULTS");
	const char *unknown = argument_unknown(argc, argv, cases);

	if (faults && (!evrt__test_injector || (strcmp(faults, "alloc") != 0 && strcmp(faults, "sys") != 0)))
		return usage("this program knows no such EVRT_TEST_FAULTS: ", faults);
	if (unknown)
		return usage("no case begins with ", unknown);
	if (timeout_read(&run, faults ? TIMEOUT_FAULTS_S : TIMEOUT_DEFAULT_S))
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

	for (const struct evrt_test_case *c = cases; c->name; c++) {
		if (!case_selected(c, argc, argv))
			continue;
		if (faults)
			evrt__test_with_faults(&run, c, faults);
		else
			case_run(&run, c);
	}
	printf("%u passed, %u failed\n", run.passed, run.failed);

	munmap(evrt__test_page, sizeof(*evrt__test_page));
	evrt__test_page = NULL;
	return run.failed || !run.passed;
}
