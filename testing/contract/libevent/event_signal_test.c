/* testing/contract/libevent/event_signal_test.c — events that wait for signals.
 *
 * Here:     delivery, counts of calls, handlers of the program's before and after, one base.
 * Not here: signals and threads or several bases.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include <signal.h>
#include <sys/time.h>

#include "testing/contract/libevent/event_steps.h"

static void
see_what(evutil_socket_t fd, short what, void *arg)
{
	*(int *)arg = what;
	note(fd == SIGUSR1 ? '1' : fd == SIGUSR2 ? '2' : '?');
}

static void
the_callback_gets_the_signal_and_its_flag(void)
{
	int seen = 0;
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, see_what, &seen);
	CHECK_INT_EQ(event_get_signal(ev), SIGUSR1);
	CHECK_INT_EQ(event_get_events(ev), EV_SIGNAL | EV_PERSIST);
	CHECK_INT_EQ(evsignal_pending(ev, NULL), 0);
	CHECK_INT_EQ(evsignal_add(ev, NULL), 0);
	CHECK_INT_EQ(evsignal_pending(ev, NULL), EV_SIGNAL);
	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), 0);
	CHECK(evsignal_initialized(ev));
	CHECK_INT_EQ(added(), 1);
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "1");
	CHECK_INT_EQ(seen, EV_SIGNAL);
	CHECK_INT_EQ(evsignal_pending(ev, NULL), EV_SIGNAL);
	CHECK_INT_EQ(evsignal_del(ev), 0);
	CHECK_INT_EQ(added(), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_signal_event_may_be_assigned(void)
{
	struct event ev;
	base = event_base_new();
	CHECK_INT_EQ(evsignal_assign(&ev, base, SIGUSR2, note_letter, "s"), 0);
	evsignal_add(&ev, NULL);
	raise(SIGUSR2);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "s");
	evsignal_del(&ev);
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
not_waiting_is_enough_for_a_signal_that_came(void)
{
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "s");
	evsignal_add(ev, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "s");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_signal_ends_the_wait(void)
{
	struct itimerval soon = { .it_value = { 0, 30000 } };
	base = event_base_new();
	struct event *ev = event_new(base, SIGALRM, EV_SIGNAL, note_letter, "a");
	event_add(ev, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "a");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_signal_that_came_often_is_told_as_often(void)
{
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "s");
	evsignal_add(ev, NULL);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "sss");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
signals_that_came_together_are_told_by_number(void)
{
	int seen = 0;
	base = event_base_new();
	struct event *two = evsignal_new(base, SIGUSR2, see_what, &seen);
	struct event *one = evsignal_new(base, SIGUSR1, see_what, &seen);
	evsignal_add(two, NULL);
	evsignal_add(one, NULL);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR2);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "122");
	FREE_EVENTS(one, two);
	event_base_free(base);
}

static void
each_event_of_a_signal_is_told(void)
{
	base = event_base_new();
	struct event *a = evsignal_new(base, SIGUSR1, note_letter, "a");
	struct event *b = event_new(base, SIGUSR1, EV_SIGNAL, note_letter, "b");
	struct event *c = evsignal_new(base, SIGUSR1, note_letter, "c");
	evsignal_add(a, NULL);
	evsignal_add(b, NULL);
	evsignal_add(c, NULL);
	raise(SIGUSR1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "cba"); /* the newest first */
	CHECK_INT_EQ(added(), 2);
	evsignal_del(c);
	raise(SIGUSR1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "cbaa");
	FREE_EVENTS(a, b, c);
	event_base_free(base);
}

static void
activation_by_hand_says_how_often(void)
{
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "s");
	event_active(ev, EV_SIGNAL, 3);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "sss");
	event_active(ev, EV_SIGNAL, 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "sss");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
delete_at_the_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('s');
	if (strlen(trace) == 2)
		event_del(arg);
}

static void
deleting_ends_the_calls_that_are_left(void)
{
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, delete_at_the_second, event_self_cbarg());
	evsignal_add(ev, NULL);
	event_active(ev, EV_SIGNAL, 5);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "ss");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
free_at_the_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('s');
	if (strlen(trace) == 2)
		event_free(arg);
}

static void
freeing_ends_the_calls_that_are_left(void)
{
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, free_at_the_second, event_self_cbarg());
	evsignal_add(ev, NULL);
	for (int i = 0; i < 4; i++)
		raise(SIGUSR1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "ss");
	event_base_free(base);
}

static void
break_at_the_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('s');
	if (strlen(trace) == 2)
		event_base_loopbreak(arg);
}

static void
a_break_ends_the_calls_that_are_left(void)
{
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, break_at_the_second, base);
	evsignal_add(ev, NULL);
	event_active(ev, EV_SIGNAL, 5);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_break(base));
	CHECK_STR_EQ(trace, "ss");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "ss");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
raise_again(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)arg;
	note('r');
	if (strlen(trace) < 3)
		raise((int)fd);
}

static void
a_signal_raised_in_its_callback_comes_again(void)
{
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, raise_again, NULL);
	evsignal_add(ev, NULL);
	raise(SIGUSR1);
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "rrr");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_signal_event_may_have_a_timeout(void)
{
	struct timeval soon = ms(5);
	int seen = 0;
	base = event_base_new();
	struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, see_what, &seen);
	CHECK_INT_EQ(event_add(ev, &soon), 0);
	CHECK_INT_EQ(pending(ev), EV_SIGNAL | EV_TIMEOUT);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(seen, EV_TIMEOUT);
	CHECK_INT_EQ(event_add(ev, &(struct timeval){ 3600, 0 }), 0);
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(seen, EV_SIGNAL);
	CHECK_STR_EQ(trace, "11");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static int handled;

static void
handler(int sig)
{
	(void)sig;
	handled++;
}

static void
the_handler_from_before_comes_back_with_the_last_event(void)
{
	struct sigaction mine = { .sa_handler = handler, .sa_flags = SA_NODEFER }, now;
	sigaddset(&mine.sa_mask, SIGHUP);
	sigaction(SIGUSR1, &mine, NULL);
	base = event_base_new();
	struct event *a = evsignal_new(base, SIGUSR1, note_letter, "a");
	struct event *b = evsignal_new(base, SIGUSR1, note_letter, "b");
	evsignal_add(a, NULL);
	evsignal_add(b, NULL);
	raise(SIGUSR1);
	CHECK_INT_EQ(handled, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	evsignal_del(b);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler != handler);
	evsignal_del(a);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler == handler);
	CHECK(now.sa_flags & SA_NODEFER);
	CHECK(sigismember(&now.sa_mask, SIGHUP));
	raise(SIGUSR1);
	CHECK_INT_EQ(handled, 1);
	CHECK_STR_EQ(trace, "ba");
	FREE_EVENTS(a, b);
	event_base_free(base);
}

static void
the_librarys_handler_restarts_system_calls(void)
{
	struct sigaction now;
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "s");
	evsignal_add(ev, NULL);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_flags & SA_RESTART);
	CHECK(sigismember(&now.sa_mask, SIGUSR2));
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
other_signals_keep_their_handlers(void)
{
	struct sigaction mine = { .sa_handler = handler }, now;
	sigaction(SIGUSR2, &mine, NULL);
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "s");
	evsignal_add(ev, NULL);
	sigaction(SIGUSR2, NULL, &now);
	CHECK(now.sa_handler == handler);
	raise(SIGUSR2);
	CHECK_INT_EQ(handled, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
freeing_the_base_gives_handlers_back(void)
{
	struct sigaction mine = { .sa_handler = handler }, now;
	sigaction(SIGUSR1, &mine, NULL);
	base = event_base_new();
	struct event *ev = evsignal_new(base, SIGUSR1, note_letter, "s");
	evsignal_add(ev, NULL);
	event_base_free(base);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler == handler);
	base = event_base_new();
	CHECK_INT_EQ(event_base_set(base, ev), 0);
	event_free(ev);
	event_base_free(base);
}

static void
what_is_no_signal_is_refused(void)
{
	event_set_log_callback(say_nothing);
	base = event_base_new();
	struct event *none = evsignal_new(base, 1000, note_letter, "n");
	struct event *kill = evsignal_new(base, SIGKILL, note_letter, "k");
	CHECK_INT_EQ(evsignal_add(none, NULL), -1);
	CHECK_INT_EQ(evsignal_add(kill, NULL), -1);
	CHECK_INT_EQ(pending(kill), 0);
	CHECK_INT_EQ(added(), 0);
	FREE_EVENTS(none, kill);
	event_base_free(base);
}

static void
signal_events_have_priorities_too(void)
{
	base = event_base_new();
	event_base_priority_init(base, 3);
	struct event *low = evsignal_new(base, SIGUSR1, note_letter, "l");
	struct event *high = evsignal_new(base, SIGUSR2, note_letter, "h");
	event_priority_set(low, 2);
	event_priority_set(high, 0);
	evsignal_add(low, NULL);
	evsignal_add(high, NULL);
	raise(SIGUSR1);
	raise(SIGUSR2);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "hl");
	FREE_EVENTS(low, high);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(the_callback_gets_the_signal_and_its_flag),
	CASE(a_signal_event_may_be_assigned),
	CASE(not_waiting_is_enough_for_a_signal_that_came),
	CASE(a_signal_ends_the_wait),
	CASE(a_signal_that_came_often_is_told_as_often),
	CASE(signals_that_came_together_are_told_by_number),
	CASE(each_event_of_a_signal_is_told),
	CASE(activation_by_hand_says_how_often),
	CASE(deleting_ends_the_calls_that_are_left),
	CASE(freeing_ends_the_calls_that_are_left),
	CASE(a_break_ends_the_calls_that_are_left),
	CASE(a_signal_raised_in_its_callback_comes_again),
	CASE(a_signal_event_may_have_a_timeout),
	CASE(the_handler_from_before_comes_back_with_the_last_event),
	CASE(the_librarys_handler_restarts_system_calls),
	CASE(other_signals_keep_their_handlers),
	CASE(freeing_the_base_gives_handlers_back),
	CASE(what_is_no_signal_is_refused),
	CASE(signal_events_have_priorities_too),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
