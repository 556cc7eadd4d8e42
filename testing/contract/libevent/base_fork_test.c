/* testing/contract/libevent/base_fork_test.c — a base on both sides of a fork.
 *
 * Here:     event_reinit in the child: all kinds of events go on there, and the parent's are left alone.
 * Threads:  one in each process.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event_struct.h>

#include <signal.h>
#include <sys/wait.h>

#include "testing/contract/libevent/event_fixture.h"

static const struct timeval hour = { 3600, 0 };

/* Runs `fn` in a child of this process; it ends in _exit, and says there with 0 that all is well. */
static void
in_a_child(int (*fn)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(event_reinit(base) == 0 ? fn() : 100);
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_INT_EQ(WEXITSTATUS(status), 0);
}

/* What the child does: 0, or the number of the step that failed. */
#define STEP(n, expr) \
	do { \
		if (!(expr)) \
			return (n); \
	} while (0)

static int fds[2];
static struct event *ev;

static int
child_reads(void)
{
	STEP(1, write(fds[1], "c", 1) == 1);
	STEP(2, event_base_loop(base, EVLOOP_ONCE) == 0);
	STEP(3, strcmp(trace, "c") == 0);
	STEP(4, event_pending(ev, EV_READ, NULL) == EV_READ);
	return 0;
}

/* Whatever the child does with its copy of the base, the parent's event is told of what is written. */
static void
reading_goes_on_beside(int (*child)(void))
{
	base = event_base_new();
	pair(fds);
	ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	event_add(ev, NULL);
	in_a_child(child);
	CHECK_INT_EQ(write(fds[1], "p", 1), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "p");
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_fds_event_goes_on_in_both(void)
{
	reading_goes_on_beside(child_reads);
}

static int
child_deletes(void)
{
	STEP(1, event_del(ev) == 0);
	STEP(2, event_base_dispatch(base) == 1);
	event_free(ev);
	event_base_free(base);
	return 0;
}

static void
what_the_child_deletes_stays_with_the_parent(void)
{
	reading_goes_on_beside(child_deletes);
}

static int
child_adds(void)
{
	int own[2];
	pair(own);
	struct event *more = event_new(base, own[0], EV_READ, read_one, NULL);
	STEP(1, event_add(more, NULL) == 0);
	STEP(2, write(own[1], "n", 1) == 1);
	STEP(3, event_base_loop(base, EVLOOP_ONCE) == 0);
	STEP(4, strcmp(trace, "n") == 0);
	event_free(more);
	return 0;
}

static void
what_the_child_adds_is_not_the_parents(void)
{
	base = event_base_new();
	pair(fds);
	ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	event_add(ev, NULL);
	in_a_child(child_adds);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static int
child_waits(void)
{
	STEP(1, event_base_dispatch(base) == 1);
	STEP(2, strcmp(trace, "t") == 0);
	return 0;
}

static void
a_timer_goes_on_in_both(void)
{
	struct timeval tv = ms(20);
	base = event_base_new();
	ev = event_new(base, -1, 0, note_letter, "t");
	event_add(ev, &tv);
	in_a_child(child_waits);
	CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, NULL), EV_TIMEOUT);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "t");
	event_free(ev);
	event_base_free(base);
}

static void
a_common_timeout_goes_on_in_both(void)
{
	struct timeval tv = ms(20);
	base = event_base_new();
	ev = event_new(base, -1, 0, note_letter, "t");
	event_add(ev, event_base_init_common_timeout(base, &tv));
	in_a_child(child_waits);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "t");
	event_free(ev);
	event_base_free(base);
}

static int
child_is_signalled(void)
{
	STEP(1, raise(SIGUSR1) == 0);
	STEP(2, event_base_loop(base, EVLOOP_ONCE) == 0);
	STEP(3, strcmp(trace, "s") == 0);
	return 0;
}

static void
a_signals_event_goes_on_in_both(void)
{
	base = event_base_new();
	ev = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, note_letter, "s");
	event_add(ev, NULL);
	in_a_child(child_is_signalled);
	/* The child's signal is the child's. */
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "s");
	event_free(ev);
	event_base_free(base);
}

static int
child_runs_what_is_active(void)
{
	STEP(1, event_base_dispatch(base) == 1);
	STEP(2, strcmp(trace, "a") == 0);
	return 0;
}

static void
what_was_active_is_active_in_both(void)
{
	base = event_base_new();
	ev = event_new(base, -1, 0, note_letter, "a");
	event_active(ev, EV_READ, 1);
	in_a_child(child_runs_what_is_active);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "a");
	event_free(ev);
	event_base_free(base);
}

static int
child_frees(void)
{
	event_free(ev);
	event_base_free(base);
	return 0;
}

static void
a_child_may_free_all(void)
{
	base = event_base_new();
	pair(fds);
	ev = event_new(base, fds[0], EV_READ | EV_WRITE | EV_PERSIST, note_letter, "x");
	struct event *s = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, note_letter, "s");
	event_add(ev, &hour);
	event_add(s, NULL);
	in_a_child(child_frees);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "x");
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK(strchr(trace, 's') != NULL);
	event_free(s);
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static int child_does_nothing(void) { return 0; }

static void
an_empty_base_is_made_anew(void)
{
	base = event_base_new();
	in_a_child(child_does_nothing);
	CHECK_INT_EQ(event_reinit(base), 0); /* without a fork, too */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	event_base_free(base);
}

static void
made_anew_it_still_has_its_events(void)
{
	struct timeval tv = ms(1);
	base = event_base_new();
	pair(fds);
	ev = event_new(base, fds[0], EV_READ, read_one, NULL);
	struct event *t = event_new(base, -1, 0, note_letter, "t");
	struct event *s = event_new(base, SIGUSR1, EV_SIGNAL, note_letter, "s");
	event_add(ev, NULL);
	event_add(t, &tv);
	event_add(s, NULL);
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(event_reinit(base), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 3);
	CHECK_INT_EQ(write(fds[1], "r", 1), 1);
	raise(SIGUSR1);
	for (int i = 0; i < 100 && strlen(trace) < 3; i++)
		event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(strlen(trace), 3);
	event_free(ev);
	event_free(t);
	event_free(s);
	event_base_free(base);
	close_pair(fds);
}

static int
child_forks_in_turn(void)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(event_reinit(base) == 0 ? child_reads() : 100);
	STEP(10, waitpid(child, &status, 0) == child && status == 0);
	return child_reads();
}

static void
grandchildren_work_too(void)
{
	base = event_base_new();
	pair(fds);
	ev = event_new(base, fds[0], EV_READ | EV_PERSIST, read_one, NULL);
	event_add(ev, NULL);
	in_a_child(child_forks_in_turn);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(an_fds_event_goes_on_in_both),
	CASE(what_the_child_deletes_stays_with_the_parent),
	CASE(what_the_child_adds_is_not_the_parents),
	CASE(a_timer_goes_on_in_both),
	CASE(a_common_timeout_goes_on_in_both),
	CASE(a_signals_event_goes_on_in_both),
	CASE(what_was_active_is_active_in_both),
	CASE(a_child_may_free_all),
	CASE(an_empty_base_is_made_anew),
	CASE(made_anew_it_still_has_its_events),
	CASE(grandchildren_work_too),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
