/* testing/unit/base/death.c — see death.h. */
#include "testing/unit/base/death.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "testing/harness/test.h"

/* Shared with the process that dies. */
static struct evrt_test_death *page;
static int returns;

static void
record_message(int level, const char *msg)
{
	page->messages++;
	page->level = level;
	snprintf(page->message, sizeof(page->message), "%s", msg);
}

static void
record_fatal(int err)
{
	page->fatal_code = err;
	if (!returns)
		_exit(EVRT_TEST_DEATH_FATAL);
}

void
evrt_test_die(void (*fn)(void *), void *arg, int callback_returns, struct evrt_test_death *out)
{
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	returns = callback_returns;
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};
		setrlimit(RLIMIT_CORE, &no_core);
		evrt__log_set_callback(record_message);
		evrt__log_set_fatal_callback(record_fatal);
		fn(arg);
		_exit(0);
	}
	CHECK_INT_EQ(waitpid(pid, &page->status, 0), pid);
	*out = *page;
	munmap(page, sizeof(*page));
	page = NULL;
}
