/* testing/contract/libevent/event_test.c — what a program may expect of single events: fds, states, freeing.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing/contract/libevent/event_fixture.h"

static void
a_one_shot_read_runs_once(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, read_one, NULL);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(write(fds[1], "ab", 2), 2);
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), EV_READ);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "a");
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), 0);
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
stop_after_three(evutil_socket_t fd, short what, void *arg)
{
	read_one(fd, what, NULL);
	if (strlen(trace) == 3)
		event_del(arg);
}

static void
a_persistent_level_read_runs_while_there_is_data(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, stop_after_three, event_self_cbarg());
	event_add(ev, NULL);
	CHECK_INT_EQ(write(fds[1], "abcd", 4), 4);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "abc");
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_edge_is_told_once(void)
{
	int fds[2];
	base = event_base_new();
	if (!(event_base_get_features(base) & EV_FEATURE_ET)) {
		event_base_free(base);
		return;
	}
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST | EV_ET, read_one, NULL);
	event_add(ev, NULL);
	CHECK_INT_EQ(write(fds[1], "ab", 2), 2);
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "a");
	CHECK_INT_EQ(write(fds[1], "c", 1), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "ab");
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
several_events_on_one_fd_all_run(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *r1 = event_new(base, fds[0], EV_READ, note_letter, "1");
	struct event *r2 = event_new(base, fds[0], EV_READ, note_letter, "2");
	struct event *w = event_new(base, fds[0], EV_WRITE, note_letter, "w");
	event_add(r1, NULL);
	event_add(r2, NULL);
	CHECK_INT_EQ(write(fds[1], "x", 1), 1);
	/* Nothing is left to wait for: that is what the 1 says. */
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	/* The newest is told first. */
	CHECK_STR_EQ(trace, "21");
	event_add(w, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "21w");
	event_free(r1);
	event_free(r2);
	event_free(w);
	event_base_free(base);
	close_pair(fds);
}

static void
event_add_without_a_timeout_keeps_the_old_one(void)
{
	struct timeval tv = ms(60000), left;
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, note_letter, "r");
	event_add(ev, &tv);
	event_add(ev, NULL);
	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, &left), EV_READ | EV_TIMEOUT);
	event_remove_timer(ev);
	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), EV_READ);
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
a_read_event_with_a_timeout_gets_either(void)
{
	struct timeval tv = ms(10);
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, read_one, NULL);
	event_add(ev, &tv);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "t");
	CHECK_INT_EQ(write(fds[1], "r", 1), 1);
	event_add(ev, &tv);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "tr");
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_event_that_was_active_can_be_deleted(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, note_letter, "x");
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), EV_READ);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
	event_del(ev);
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "");
	event_free(ev);
	event_base_free(base);
}

static void
see_what(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	*(short *)arg |= what;
	note('x');
}

static void
activations_add_up_until_the_callback_runs(void)
{
	short seen = 0;
	base = event_base_new();
	struct event *ev = event_new(base, -1, 0, see_what, &seen);
	event_active(ev, EV_READ, 1);
	event_active(ev, EV_WRITE, 1);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "x");
	CHECK_INT_EQ(seen, EV_READ | EV_WRITE);
	event_free(ev);
	event_base_free(base);
}

static void
the_peers_end_is_told_early(void)
{
	int fds[2];
	base = event_base_new();
	if (!(event_base_get_features(base) & EV_FEATURE_EARLY_CLOSE)) {
		event_base_free(base);
		return;
	}
	pair(fds);
	short seen = 0;
	struct event *ev = event_new(base, fds[0], EV_CLOSED, see_what, &seen);
	event_add(ev, NULL);
	CHECK_INT_EQ(write(fds[1], "x", 1), 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(seen, 0);
	shutdown(fds[1], SHUT_WR);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	CHECK_INT_EQ(seen, EV_CLOSED);
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_event_may_free_itself(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('f');
	event_free(arg);
}

static void
callbacks_may_free_their_event(void)
{
	struct timeval tv = ms(1);
	int fds[2];
	base = event_base_new();
	pair(fds);
	event_add(event_new(base, -1, EV_PERSIST, an_event_may_free_itself, event_self_cbarg()), &tv);
	event_add(event_new(base, fds[0], EV_WRITE | EV_PERSIST, an_event_may_free_itself, event_self_cbarg()), NULL);
	event_add(event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, an_event_may_free_itself, event_self_cbarg()),
	    NULL);
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "fff");
	event_base_free(base);
	close_pair(fds);
}

static void
events_with_fd_minus_1_are_never_polled(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_READ | EV_WRITE, note_letter, "x");
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), EV_READ);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	event_del(ev);
	event_free(ev);
	event_base_free(base);
}

static void
a_bad_fd_is_refused(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, 1000, EV_READ, note_letter, "x");
	int r = event_add(ev, NULL);
	/* Other pollers look at it only when they wait. */
	if (strcmp(event_base_get_method(base), "epoll") == 0) {
		CHECK_INT_EQ(r, -1);
		CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), 0);
	}
	event_free(ev);
	event_base_free(base);
}

static void
counts_follow_the_events(void)
{
	struct timeval tv = ms(60000);
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, note_letter, "x");
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	event_add(ev, NULL);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	event_add(ev, &tv);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 2);
	event_del(ev);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	CHECK_INT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 1), 2);
	event_free(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
assignments_can_be_read_back(void)
{
	struct event_base *b;
	evutil_socket_t fd;
	short what;
	event_callback_fn fn;
	void *arg;
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_READ | EV_PERSIST, note_letter, trace);
	event_get_assignment(ev, &b, &fd, &what, &fn, &arg);
	CHECK_PTR_EQ(b, base);
	CHECK_INT_EQ(fd, -1);
	CHECK_INT_EQ(what, EV_READ | EV_PERSIST);
	CHECK(fn == note_letter);
	CHECK_PTR_EQ(arg, trace);
	event_get_assignment(ev, NULL, NULL, NULL, NULL, NULL);
	CHECK(event_initialized(ev));
	CHECK(event_get_struct_event_size() >= 128);
	event_free(ev);
	CHECK(event_new(base, SIGUSR1, EV_SIGNAL | EV_READ, note_letter, NULL) == NULL);
	event_base_free(base);
}

static void
finalized(struct event *ev, void *arg)
{
	(void)ev;
	note(*(const char *)arg);
}

static void
a_finaliser_runs_in_the_loop(void)
{
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, note_letter, "n");
	struct timeval tv = ms(60000);
	event_add(ev, &tv);
	CHECK_INT_EQ(event_free_finalize(0, ev, finalized), 0);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "n");
	event_base_free(base);
}

static void
a_base_runs_the_finalisers_that_are_left(void)
{
	base = event_base_new();
	event_free_finalize(0, event_new(base, -1, EV_PERSIST, note_letter, "n"), finalized);
	event_base_free(base);
	CHECK_STR_EQ(trace, "n");
}

static int
count_events(const struct event_base *b, const struct event *ev, void *arg)
{
	(void)b;
	if (event_get_callback(ev) == note_letter)
		++*(int *)arg;
	return 0;
}

static void
foreach_visits_each_event_once(void)
{
	struct timeval tv = ms(60000);
	int fds[2], count = 0;
	base = event_base_new();
	pair(fds);
	struct event *ev[3];
	ev[0] = event_new(base, fds[0], EV_READ, note_letter, "a");
	ev[1] = event_new(base, -1, 0, note_letter, "b");
	ev[2] = event_new(base, -1, 0, note_letter, "c");
	event_add(ev[0], &tv);
	event_add(ev[1], &tv);
	event_active(ev[2], EV_READ, 1);
	event_base_foreach_event(base, count_events, &count);
	CHECK_INT_EQ(count, 3);
	for (int i = 0; i < 3; i++)
		event_free(ev[i]);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(a_one_shot_read_runs_once),
	CASE(a_persistent_level_read_runs_while_there_is_data),
	CASE(an_edge_is_told_once),
	CASE(several_events_on_one_fd_all_run),
	CASE(event_add_without_a_timeout_keeps_the_old_one),
	CASE(a_read_event_with_a_timeout_gets_either),
	CASE(an_event_that_was_active_can_be_deleted),
	CASE(activations_add_up_until_the_callback_runs),
	CASE(the_peers_end_is_told_early),
	CASE(callbacks_may_free_their_event),
	CASE(events_with_fd_minus_1_are_never_polled),
	CASE(a_bad_fd_is_refused),
	CASE(counts_follow_the_events),
	CASE(assignments_can_be_read_back),
	CASE(a_finaliser_runs_in_the_loop),
	CASE(a_base_runs_the_finalisers_that_are_left),
	CASE(foreach_visits_each_event_once),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
