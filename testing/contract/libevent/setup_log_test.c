/* testing/contract/libevent/setup_log_test.c — where messages go, which there are, and what ends a program.
 *
 * Here:     event_set_log_callback, event_set_fatal_callback, event_enable_debug_logging.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "testing/contract/libevent/setup_fixture.h"

static void nothing(evutil_socket_t fd, short what, void *arg) { (void)fd, (void)what, (void)arg; }

/* The simplest call that warns. */
static void
warn(void)
{
	event_base_free(NULL);
}

/* The simplest call that is fatal, with exit status 1. */
static void
fail(void)
{
	event_enable_debug_mode();
	event_enable_debug_mode();
}

/* What `fn` writes to standard error in a child, and how the child ends. */
static char written[2048];
static int
child_writes(void (*fn)(void))
{
	int ends[2], status;
	size_t used = 0;
	ssize_t n;

	CHECK_INT_EQ(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		fn();
		fflush(NULL);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], written + used, sizeof(written) - 1 - used)) > 0)
		used += (size_t)n;
	written[used] = '\0';
	close(ends[0]);
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	return status;
}

static void
a_warning_is_a_line_on_stderr(void)
{
	CHECK_INT_EQ(child_writes(warn), 0);
	CHECK_INT_EQ(strncmp(written, "[warn] ", 7), 0);
	CHECK(strchr(written, '\n') == written + strlen(written) - 1);
}

static void
a_callback_gets_it_instead(void)
{
	event_set_log_callback(remember_log);
	CHECK_INT_EQ(child_writes(warn), 0);
	CHECK_STR_EQ(written, "");
	warn();
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 1);
	/* The text alone: no severity before it, no end of line behind it. */
	CHECK(strlen(logged.last) > 0 && logged.last[0] != '[' && !strchr(logged.last, '\n'));
}

static void
set_and_take_back(void)
{
	event_set_log_callback(remember_log);
	event_set_log_callback(NULL);
	warn();
}

static void
null_restores_stderr(void)
{
	CHECK_INT_EQ(child_writes(set_and_take_back), 0);
	CHECK_INT_EQ(strncmp(written, "[warn] ", 7), 0);
}

static int others;
static void other_log(int severity, const char *text) { (void)severity, (void)text, others++; }

static void
the_last_callback_counts(void)
{
	event_set_log_callback(remember_log);
	warn();
	event_set_log_callback(other_log);
	warn();
	warn();
	CHECK_INT_EQ(logged.count[EVENT_LOG_WARN], 1);
	CHECK_INT_EQ(others, 2);
}

static void
the_method_is_told_as_a_message(void)
{
	char expected[64];
	setenv("EVENT_SHOW_METHOD", "1", 1);
	event_set_log_callback(remember_log);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(logged.count[EVENT_LOG_MSG], 1);
	snprintf(expected, sizeof(expected), "libevent using: %s", event_base_get_method(base));
	CHECK_STR_EQ(logged.last, expected);
	event_base_free(base);
}

static void
show_method(void)
{
	setenv("EVENT_SHOW_METHOD", "1", 1);
	event_base_free(event_base_new());
}

static void
a_message_is_a_line_on_stderr(void)
{
	CHECK_INT_EQ(child_writes(show_method), 0);
	CHECK_INT_EQ(strncmp(written, "[msg] libevent using: ", 22), 0);
}

static void
a_fatal_error_is_a_line_and_an_exit(void)
{
	int status = child_writes(fail);
	CHECK(WIFEXITED(status));
	CHECK_INT_EQ(WEXITSTATUS(status), 1);
	CHECK_INT_EQ(strncmp(written, "[err] ", 6), 0);
}

static void
the_fatal_callback_is_told_the_exit_status(void)
{
	CHECK_INT_EQ(dying_child(fail), 1);
}

static void
fail_where_it_ends(int err)
{
	_exit(logged.count[EVENT_LOG_ERR] == 1 && err == 1 ? 42 : 43);
}

static void
fail_with_log(void)
{
	event_set_log_callback(remember_log);
	event_set_fatal_callback(fail_where_it_ends);
	fail();
}

static void
the_error_is_logged_before_the_fatal_callback(void)
{
	int status = child_writes(fail_with_log);
	CHECK(WIFEXITED(status));
	CHECK_INT_EQ(WEXITSTATUS(status), 42);
}

static void come_back(int err) { (void)err; }

static void
fail_and_come_back(void)
{
	event_set_log_callback(ignore_log);
	event_set_fatal_callback(come_back);
	fail();
	_exit(77);
}

static void
a_fatal_callback_that_returns_does_not_help(void)
{
	int status = child_writes(fail_and_come_back);
	CHECK(WIFEXITED(status));
	CHECK_INT_EQ(WEXITSTATUS(status), 1);
}

static void
fail_by_default_again(void)
{
	event_set_fatal_callback(come_back);
	event_set_fatal_callback(NULL);
	fail();
}

static void
a_fatal_callback_of_null_restores_the_exit(void)
{
	int status = child_writes(fail_by_default_again);
	CHECK(WIFEXITED(status));
	CHECK_INT_EQ(WEXITSTATUS(status), 1);
}

/* In debug mode, an fd that blocks. */
static void
fail_an_assertion(void)
{
	static struct event ev;
	event_enable_debug_mode();
	event_assign(&ev, event_base_new(), STDERR_FILENO, EV_READ, nothing, NULL);
}

static void
an_assertion_that_fails_aborts(void)
{
	int status = child_writes(fail_an_assertion);
	CHECK(WIFSIGNALED(status));
	CHECK_INT_EQ(WTERMSIG(status), SIGABRT);
	CHECK_INT_EQ(strncmp(written, "[err] ", 6), 0);
	CHECK_INT_EQ(dying_child(fail_an_assertion), ASSERTION);
}

static void
use_everything(void)
{
	int fds[2];
	struct timeval tv = { 0, 1000 };
	struct event_config *cfg = event_config_new();
	struct event_base *base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	struct event *fd = event_new(base, fds[0], EV_READ, nothing, NULL);
	struct event *timer = event_new(base, -1, 0, nothing, NULL);
	struct event *signal_ev = event_new(base, SIGUSR1, EV_SIGNAL, nothing, NULL);
	event_add(fd, NULL);
	event_add(timer, &tv);
	event_add(signal_ev, NULL);
	raise(SIGUSR1);
	CHECK_INT_EQ(write(fds[1], "x", 1), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(event_reinit(base), 0);
	event_free(fd);
	event_free(timer);
	event_free(signal_ev);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

static void
a_program_without_mistakes_logs_nothing(void)
{
	event_set_log_callback(remember_log);
	use_everything();
	for (int severity = EVENT_LOG_MSG; severity <= EVENT_LOG_ERR; severity++)
		CHECK_INT_EQ(logged.count[severity], 0);
}

static void
debug_messages_need_to_be_asked_for(void)
{
	event_set_log_callback(remember_log);
	use_everything();
	CHECK_INT_EQ(logged.count[EVENT_LOG_DEBUG], 0);
	/* Whether there are any is the build's choice; asking for them must not hurt. */
	event_enable_debug_logging(EVENT_DBG_ALL);
	use_everything();
	CHECK_INT_EQ(logged.count[EVENT_LOG_MSG] + logged.count[EVENT_LOG_WARN] + logged.count[EVENT_LOG_ERR], 0);
	event_enable_debug_logging(EVENT_DBG_NONE);
	int before = logged.count[EVENT_LOG_DEBUG];
	use_everything();
	CHECK_INT_EQ(logged.count[EVENT_LOG_DEBUG], before);
}

static struct event_base *base;

static void
enter_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), -1);
}

static void
run_in_its_own_callback(void)
{
	struct event *ev = event_new(base, -1, 0, enter_again, NULL);
	event_active(ev, EV_READ, 1);
	event_base_dispatch(base);
	event_free(ev);
}

static void
assign_signal_and_read(void)
{
	CHECK_PTR_EQ(event_new(base, SIGUSR1, EV_SIGNAL | EV_READ, nothing, NULL), NULL);
}

static void
avoid_every_method(void)
{
	struct event_config *cfg = event_config_new();
	for (const char **m = event_get_supported_methods(); *m; m++)
		event_config_avoid_method(cfg, *m);
	CHECK_PTR_EQ(event_base_new_with_config(cfg), NULL);
	event_config_free(cfg);
}

static void finalized(struct event *ev, void *arg) { (void)ev, (void)arg; }

static void
add_a_finalized_event(void)
{
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_free_finalize(0, ev, finalized);
	CHECK_INT_EQ(event_add(ev, NULL), -1);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
set_too_many_priorities(void)
{
	CHECK_INT_EQ(event_base_priority_init(base, 100000), -1);
}

static void
once_with_a_signal(void)
{
	CHECK_INT_EQ(event_base_once(base, SIGUSR1, EV_SIGNAL, nothing, NULL, NULL), -1);
}

static void
break_no_base(void)
{
	CHECK_INT_EQ(event_base_loopbreak(NULL), -1);
	CHECK_INT_EQ(event_base_loopcontinue(NULL), -1);
}

static const struct {
	const char *what;
	void (*fn)(void);
	int warnings;
} mistakes[] = {
	{ "nothing to free", warn, 1 },
	{ "re-entry", run_in_its_own_callback, 1 },
	{ "a signal and an fd", assign_signal_and_read, 1 },
	{ "no method left", avoid_every_method, 1 },
	{ "finalized", add_a_finalized_event, 0 },
	{ "too many priorities", set_too_many_priorities, 0 },
	{ "once with a signal", once_with_a_signal, 0 },
	{ "break of nothing", break_no_base, 0 },
};

static void
mistakes_are_warned_of_once(void)
{
	event_set_log_callback(remember_log);
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		base = event_base_new();
		memset(&logged, 0, sizeof(logged));
		mistakes[i].fn();
		if (logged.count[EVENT_LOG_WARN] != mistakes[i].warnings || logged.count[EVENT_LOG_ERR])
			evrt_test_fail(__FILE__, __LINE__, "%s: %d warnings, the last: %s", mistakes[i].what,
			    logged.count[EVENT_LOG_WARN], logged.last);
		event_base_free(base);
	}
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(a_warning_is_a_line_on_stderr),
	SETUP_CASE(a_callback_gets_it_instead),
	SETUP_CASE(null_restores_stderr),
	SETUP_CASE(the_last_callback_counts),
	SETUP_CASE(the_method_is_told_as_a_message),
	SETUP_CASE(a_message_is_a_line_on_stderr),
	SETUP_CASE(a_fatal_error_is_a_line_and_an_exit),
	SETUP_CASE(the_fatal_callback_is_told_the_exit_status),
	SETUP_CASE(the_error_is_logged_before_the_fatal_callback),
	SETUP_CASE(a_fatal_callback_that_returns_does_not_help),
	SETUP_CASE(a_fatal_callback_of_null_restores_the_exit),
	SETUP_CASE(an_assertion_that_fails_aborts),
	SETUP_CASE(a_program_without_mistakes_logs_nothing),
	SETUP_CASE(debug_messages_need_to_be_asked_for),
	SETUP_CASE(mistakes_are_warned_of_once),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
