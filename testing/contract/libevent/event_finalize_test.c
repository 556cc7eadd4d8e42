/* testing/contract/libevent/event_finalize_test.c — deleting an event for good, and being told when that is safe.
 *
 * Here:     event_finalize and event_free_finalize in one thread: from each state, and what can be done afterwards.
 * Not here: while another thread runs the callback (event_threads_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include <signal.h>
#include <stdlib.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval hour = { 3600, 0 };
static struct event *finalized_event;
static void *finalized_arg;

static void
finalized(struct event *ev, void *arg)
{
	finalized_event = ev;
	finalized_arg = arg;
	note('F');
}

static void
a_finalizer_gets_the_event_and_its_argument(void)
{
	char letter[] = "x";
	base = event_base_new();
	struct event *ev = user_event(letter);
	CHECK_INT_EQ(event_finalize(0, ev, finalized), 0);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "F");
	CHECK_PTR_EQ(finalized_event, ev);
	CHECK_PTR_EQ(finalized_arg, letter);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	event_debug_unassign(ev);
	free(ev);
	event_base_free(base);
}

static void
finalizing_deletes_from_any_state(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev[] = { lettered(fds[0], EV_READ | EV_PERSIST, "r"), user_event("t"), user_event("a"),
		lettered(fds[0], EV_WRITE | EV_PERSIST, "w"), user_event("i") };
	send_text(fds[1], "x");
	event_add(ev[0], NULL);
	event_add(ev[1], &hour);
	event_active(ev[2], EV_READ, 1);
	event_add(ev[3], &hour);
	event_active(ev[3], EV_WRITE, 1);
	for (int i = 0; i < 5; i++)
		CHECK_INT_EQ(event_free_finalize(0, ev[i], finalized), 0);
	CHECK_INT_EQ(event_pending(ev[0], EV_READ, NULL), 0);
	CHECK_INT_EQ(event_pending(ev[1], EV_TIMEOUT, NULL), 0);
	CHECK_INT_EQ(added(), 5);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "FFFFF");
	event_base_free(base);
	close_pair(fds);
}

static void
a_finalized_event_takes_no_more_orders(void)
{
	event_set_log_callback(say_nothing);
	base = event_base_new();
	struct event *ev = user_event("x");
	event_free_finalize(0, ev, finalized);
	CHECK_INT_EQ(event_add(ev, &hour), -1);
	CHECK_INT_EQ(event_add(ev, NULL), -1);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK_INT_EQ(event_del_noblock(ev), 0);
	CHECK_INT_EQ(added(), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "F");
	event_base_free(base);
}

static void
a_dying_base_finalizes_what_is_left(void)
{
	base = event_base_new();
	event_base_priority_init(base, 2);
	struct event *low = user_event("l"), *high = user_event("h");
	event_priority_set(high, 0);
	event_free_finalize(0, low, finalized);
	event_free_finalize(0, high, finalized);
	event_base_free(base);
	CHECK_STR_EQ(trace, "FF");
}

static void
a_base_that_is_thrown_away_does_not(void)
{
	struct event ev;
	base = event_base_new();
	event_assign(&ev, base, -1, 0, note_letter, "x");
	event_finalize(0, &ev, finalized);
	event_base_free_nofinalize(base);
	CHECK_STR_EQ(trace, "");
	event_debug_unassign(&ev);
}

static void
finalize_self(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('(');
	CHECK_INT_EQ(event_free_finalize(0, arg, finalized), 0);
	note(')');
}

static void
an_event_may_finalize_itself(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_WRITE | EV_PERSIST, finalize_self, event_self_cbarg());
	event_add(ev, &hour);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "()F");
	trace[0] = '\0';
	ev = event_new(base, -1, 0, finalize_self, event_self_cbarg());
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "()F");
	event_base_free(base);
	close_pair(fds);
}

static void
a_finalizer_keeps_its_place_in_the_queue(void)
{
	base = event_base_new();
	struct event *a = user_event("a"), *b = user_event("b"), *ev = user_event("x");
	event_active(a, EV_READ, 1);
	event_free_finalize(0, ev, finalized);
	event_active(b, EV_READ, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "aFb");
	FREE_EVENTS(a, b);
	event_base_free(base);
}

static void
a_finalized_descriptor_is_free(void)
{
	int fds[2], again[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = lettered(fds[0], EV_READ | EV_PERSIST, "x");
	event_add(ev, NULL);
	event_free_finalize(0, ev, finalized);
	close_pair(fds);
	pair(again);
	CHECK_INT_EQ(again[0], fds[0]);
	struct event *new = lettered(again[0], EV_READ, "n");
	event_add(new, NULL);
	send_text(again[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "Fn");
	FREE_EVENTS(new);
	event_base_free(base);
	close_pair(again);
}

static void
a_finalized_signal_event_gives_its_handler_back(void)
{
	struct sigaction now;
	base = event_base_new();
	signal(SIGUSR1, SIG_IGN);
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "s");
	evsignal_add(ev, NULL);
	event_active(ev, EV_SIGNAL, 3);
	event_free_finalize(0, ev, finalized);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler == SIG_IGN);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "F");
	event_base_free(base);
}

static void
assign_anew(struct event *ev, void *arg)
{
	(void)arg;
	note('F');
	event_debug_unassign(ev);
	CHECK_INT_EQ(event_assign(ev, base, -1, 0, note_letter, "n"), 0);
	event_active(ev, EV_READ, 1);
}

static void
a_finalizer_may_use_the_memory_anew(void)
{
	struct event ev;
	base = event_base_new();
	event_assign(&ev, base, -1, 0, note_letter, "o");
	event_finalize(0, &ev, assign_anew);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "Fn");
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
finalize_another(struct event *ev, void *arg)
{
	(void)ev;
	note('A');
	CHECK_INT_EQ(event_free_finalize(0, arg, finalized), 0);
}

static void
a_finalizer_may_finalize_another(void)
{
	base = event_base_new();
	struct event *second = user_event("x");
	struct event *first = event_new(base, -1, 0, note_letter, second);
	event_free_finalize(0, first, finalize_another);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "AF");
	event_base_free(base);
}

static void
ev_finalize_changes_nothing_within_a_thread(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_FINALIZE, read_one, NULL);
	CHECK_INT_EQ(event_get_events(ev), EV_READ | EV_FINALIZE);
	event_add(ev, NULL);
	CHECK_INT_EQ(pending(ev), EV_READ);
	send_text(fds[1], "r");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "r");
	event_add(ev, NULL);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK_INT_EQ(pending(ev), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(a_finalizer_gets_the_event_and_its_argument),
	CASE(finalizing_deletes_from_any_state),
	CASE(a_finalized_event_takes_no_more_orders),
	CASE(a_dying_base_finalizes_what_is_left),
	CASE(a_base_that_is_thrown_away_does_not),
	CASE(an_event_may_finalize_itself),
	CASE(a_finalizer_keeps_its_place_in_the_queue),
	CASE(a_finalized_descriptor_is_free),
	CASE(a_finalized_signal_event_gives_its_handler_back),
	CASE(a_finalizer_may_use_the_memory_anew),
	CASE(a_finalizer_may_finalize_another),
	CASE(ev_finalize_changes_nothing_within_a_thread),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
