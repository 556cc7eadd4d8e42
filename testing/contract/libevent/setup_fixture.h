/* testing/contract/libevent/setup_fixture.h — what the suites on setting up share: a log that remembers, and children
 * that may die.
 *
 * Here:     static helpers; each suite is a program of its own, and each case a process.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_SETUP_FIXTURE_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_SETUP_FIXTURE_H_

#include <event2/event.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing/harness/test.h"

/* The fatal callback's argument for a failed assertion, and what dying_child returns where nobody died. */
#define ASSERTION ((int)0xdeaddead)
#define NOBODY_DIED (-1)

/* Messages by severity, and the last one. */
static struct {
	int count[4];
	char last[1024];
} logged;

static inline void
remember_log(int severity, const char *text)
{
	CHECK(severity >= EVENT_LOG_DEBUG && severity <= EVENT_LOG_ERR);
	logged.count[severity]++;
	snprintf(logged.last, sizeof(logged.last), "%s", text);
}

static inline void
ignore_log(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

/* Where a child that dies leaves the fatal callback's argument for its parent. */
static int death_pipe = -1;

static inline void
tell_death(int err)
{
	if (write(death_pipe, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(99);
	_exit(98);
}

/* Runs `fn` in a child. Returns what the fatal callback was told there, or NOBODY_DIED. */
static inline int
dying_child(void (*fn)(void))
{
	int ends[2], err = NOBODY_DIED, status;

	CHECK_INT_EQ(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		death_pipe = ends[1];
		event_set_log_callback(ignore_log);
		event_set_fatal_callback(tell_death);
		fn();
		_exit(0);
	}
	close(ends[1]);
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	ssize_t n = read(ends[0], &err, sizeof(err));
	CHECK(WIFEXITED(status));
	CHECK_INT_EQ(WEXITSTATUS(status), n == (ssize_t)sizeof(err) ? 98 : 0);
	close(ends[0]);
	return err;
}

#define SETUP_CASE(fn) { #fn, fn }

#endif
