/* testing/unit/base/log_test.c — messages and the fatal path. */
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/assert.h"
#include "testing/harness/test.h"
#include "testing/unit/base/death.h"

static int last_level;
static char last_text[2048];
static int message_count;

static void
keep_message(int level, const char *msg)
{
	last_level = level;
	message_count++;
	snprintf(last_text, sizeof(last_text), "%s", msg);
}

static void
callback_gets_level_and_text(void)
{
	evrt__log_set_callback(keep_message);
	evrt__msg("a %d", 1);
	CHECK_INT_EQ(last_level, EVRT_LOG_MSG);
	CHECK_STR_EQ(last_text, "a 1");
	evrt__warnx("b %s", "two");
	CHECK_INT_EQ(last_level, EVRT_LOG_WARN);
	CHECK_STR_EQ(last_text, "b two");
	evrt__debugx("c");
	CHECK_INT_EQ(last_level, EVRT_LOG_DEBUG);
	CHECK_STR_EQ(last_text, "c");
	CHECK_INT_EQ(message_count, 3);
}

static void
warn_adds_the_error_and_keeps_it(void)
{
	char want[256];

	evrt__log_set_callback(keep_message);
	errno = ENOENT;
	evrt__warn("open %s", "x");
	CHECK_INT_EQ(errno, ENOENT);
	snprintf(want, sizeof(want), "open x: %s", strerror(ENOENT));
	CHECK_STR_EQ(last_text, want);
}

static void
long_message_is_cut(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	evrt__log_set_callback(keep_message);
	evrt__warnx("%s", text);
	CHECK_INT_EQ(strlen(last_text), 1023);
	errno = EINVAL;
	evrt__warn("%s", text);
	CHECK_INT_EQ(strlen(last_text), 1023);
}

/* What `say` leaves on stderr. */
static void
capture_stderr(void (*say)(void), char *buf, size_t size)
{
	int fds[2];

	CHECK_INT_EQ(pipe(fds), 0);
	int saved = dup(STDERR_FILENO);
	CHECK(saved >= 0);
	dup2(fds[1], STDERR_FILENO);
	say();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	ssize_t n = read(fds[0], buf, size - 1);
	CHECK(n >= 0);
	buf[n] = '\0';
	close(fds[0]);
}

static void
say_all(void)
{
	evrt__debugx("d");
	evrt__msg("m");
	evrt__warnx("w");
}

static void
default_goes_to_stderr(void)
{
	char got[256];

	capture_stderr(say_all, got, sizeof(got));
	CHECK_STR_EQ(got, "[debug] d\n[msg] m\n[warn] w\n");
	evrt__log_set_callback(keep_message);
	evrt__log_set_callback(NULL);
	capture_stderr(say_all, got, sizeof(got));
	CHECK_STR_EQ(got, "[debug] d\n[msg] m\n[warn] w\n");
	CHECK_INT_EQ(message_count, 0);
}

static void
mask_is_kept(void)
{
	CHECK_INT_EQ(evrt__log_debug_mask(), 0);
	evrt__log_set_debug_mask(0xffffffffu);
	CHECK_INT_EQ(evrt__log_debug_mask(), 0xffffffffu);
}

static void
die_errx(void *arg)
{
	evrt__errx(*(int *)arg, "the end %d", 5);
}

static void
die_err(void *arg)
{
	errno = EMFILE;
	evrt__err(*(int *)arg, "the end");
}

static void
fatal_callback_gets_the_code(void)
{
	struct evrt_test_death d;
	char want[256];
	int code = 7;

	evrt_test_die(die_errx, &code, 0, &d);
	CHECK_INT_EQ(d.fatal_code, 7);
	CHECK_INT_EQ(d.level, EVRT_LOG_ERR);
	CHECK_STR_EQ(d.message, "the end 5");
	CHECK(WIFEXITED(d.status) && WEXITSTATUS(d.status) == EVRT_TEST_DEATH_FATAL);
	evrt_test_die(die_err, &code, 0, &d);
	snprintf(want, sizeof(want), "the end: %s", strerror(EMFILE));
	CHECK_STR_EQ(d.message, want);
}

static void
fatal_ends_although_the_callback_returns(void)
{
	struct evrt_test_death d;
	int code = 7;

	evrt_test_die(die_errx, &code, 1, &d);
	CHECK(WIFEXITED(d.status) && WEXITSTATUS(d.status) == 7);
	code = EVRT_ERR_ABORT;
	evrt_test_die(die_errx, &code, 1, &d);
	CHECK(WIFSIGNALED(d.status) && WTERMSIG(d.status) == SIGABRT);
}

static void
die_without_callback(void *arg)
{
	evrt__log_set_fatal_callback(NULL);
	evrt__errx(*(int *)arg, "the end");
}

static void
fatal_default_exits_or_aborts(void)
{
	struct evrt_test_death d;
	int code = 3;

	evrt_test_die(die_without_callback, &code, 0, &d);
	CHECK_INT_EQ(d.fatal_code, 0);
	CHECK(WIFEXITED(d.status) && WEXITSTATUS(d.status) == 3);
	code = EVRT_ERR_ABORT;
	evrt_test_die(die_without_callback, &code, 0, &d);
	CHECK(WIFSIGNALED(d.status) && WTERMSIG(d.status) == SIGABRT);
}

static void
die_assert(void *arg)
{
	EVRT_ASSERT(*(int *)arg == 2);
}

static void
assert_names_expression_and_place(void)
{
	struct evrt_test_death d;
	int value = 1;

	evrt_test_die(die_assert, &value, 0, &d);
	CHECK_INT_EQ(d.fatal_code, EVRT_ERR_ABORT);
	CHECK(strstr(d.message, "*(int *)arg == 2") != NULL);
	CHECK(strstr(d.message, "log_test.c:") != NULL);
	CHECK(strstr(d.message, "die_assert") != NULL);
	value = 2;
	evrt_test_die(die_assert, &value, 0, &d);
	CHECK(WIFEXITED(d.status) && WEXITSTATUS(d.status) == 0);
	CHECK_INT_EQ(d.messages, 0);
}

static const struct evrt_test_case cases[] = {
	{"callback_gets_level_and_text", callback_gets_level_and_text},
	{"warn_adds_the_error_and_keeps_it", warn_adds_the_error_and_keeps_it},
	{"long_message_is_cut", long_message_is_cut},
	{"default_goes_to_stderr", default_goes_to_stderr},
	{"mask_is_kept", mask_is_kept},
	{"fatal_callback_gets_the_code", fatal_callback_gets_the_code},
	{"fatal_ends_although_the_callback_returns", fatal_ends_although_the_callback_returns},
	{"fatal_default_exits_or_aborts", fatal_default_exits_or_aborts},
	{"assert_names_expression_and_place", assert_names_expression_and_place},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
