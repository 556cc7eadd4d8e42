/* testing/contract/libevent/event_lifecycle_test.c — the states of an event, and what leads from one to another.
 *
 * Here:     initialised, pending, active; add, del, active, assign, free, remove_timer, base_set, and what can be
 *           asked in each state.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include <signal.h>
#include <stdlib.h>

#include "testing/contract/libevent/event_steps.h"

static const struct timeval hour = { 3600, 0 }, at_once = { 0, 0 };

static void
a_new_event_is_not_pending(void)
{
	base = event_base_new();
	struct event *ev = lettered(-1, EV_READ | EV_PERSIST, "x");
	CHECK(event_initialized(ev));
	CHECK_INT_EQ(pending(ev), 0);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK_INT_EQ(event_remove_timer(ev), 0);
	CHECK_INT_EQ(added(), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
zeroed_memory_is_no_event_until_assigned(void)
{
	base = event_base_new();
	struct event *ev = calloc(1, event_get_struct_event_size());
	CHECK(!event_initialized(ev));
	CHECK_INT_EQ(event_assign(ev, base, -1, 0, note_letter, "x"), 0);
	CHECK(event_initialized(ev));
	CHECK(evtimer_initialized(ev));
	event_add(ev, &hour);
	CHECK(event_initialized(ev));
	event_del(ev);
	CHECK(event_initialized(ev));
	event_debug_unassign(ev);
	free(ev);
	event_base_free(base);
}

static void
deleting_undoes_adding(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = lettered(fds[0], EV_READ | EV_WRITE, "x");
	CHECK_INT_EQ(event_add(ev, &hour), 0);
	CHECK_INT_EQ(pending(ev), EV_READ | EV_WRITE | EV_TIMEOUT);
	CHECK_INT_EQ(event_pending(ev, EV_WRITE, NULL), EV_WRITE);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK_INT_EQ(pending(ev), 0);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(pending(ev), EV_READ | EV_WRITE);
	FREE_EVENTS(ev);
	CHECK_INT_EQ(added(), 0);
	event_base_free(base);
	close_pair(fds);
}

static void
ev_timeout_need_not_be_asked_for(void)
{
	base = event_base_new();
	struct event *silent = lettered(-1, 0, "x"), *loud = lettered(-1, EV_TIMEOUT, "x");
	CHECK_INT_EQ(event_get_events(silent), 0);
	CHECK_INT_EQ(event_get_events(loud), EV_TIMEOUT);
	CHECK_INT_EQ(pending(loud), 0);
	event_add(silent, &hour);
	event_add(loud, NULL);
	CHECK_INT_EQ(pending(silent), EV_TIMEOUT);
	CHECK_INT_EQ(pending(loud), 0);
	FREE_EVENTS(silent, loud);
	event_base_free(base);
}

static void
adding_what_waits_for_nothing_changes_nothing(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(pending(ev), 0);
	CHECK_INT_EQ(added(), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
adding_again_moves_the_timeout_either_way(void)
{
	struct timeval first, later;
	base = event_base_new();
	struct event *ev = user_event("t");
	event_add(ev, &hour);
	event_pending(ev, EV_TIMEOUT, &first);
	CHECK_INT_EQ(event_add(ev, &(struct timeval){ 7200, 0 }), 0);
	event_pending(ev, EV_TIMEOUT, &later);
	CHECK(us_of(later) - us_of(first) > 3500 * INT64_C(1000000));
	CHECK_INT_EQ(added(), 1);
	CHECK_INT_EQ(event_add(ev, &at_once), 0);
	CHECK_INT_EQ(added(), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "t");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
an_active_event_is_pending_on_what_made_it_active(void)
{
	base = event_base_new();
	struct event *ev = lettered(-1, EV_READ, "x");
	event_active(ev, EV_WRITE, 1);
	CHECK_INT_EQ(pending(ev), EV_WRITE);
	CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), 0);
	event_active(ev, EV_TIMEOUT, 1);
	CHECK_INT_EQ(pending(ev), EV_WRITE | EV_TIMEOUT);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "x");
	CHECK_INT_EQ(pending(ev), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
adding_an_active_event_does_not_insert_it(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = lettered(fds[0], EV_READ, "x");
	event_active(ev, EV_WRITE, 1);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(pending(ev), EV_WRITE);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "x");
	CHECK_INT_EQ(pending(ev), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_active_event_can_be_given_a_timeout(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	event_active(ev, EV_WRITE, 1);
	CHECK_INT_EQ(event_add(ev, &hour), 0);
	CHECK_INT_EQ(pending(ev), EV_WRITE | EV_TIMEOUT);
	CHECK_INT_EQ(added(), 2);
	/* Its callback ends all of it: the event is not persistent. */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "x");
	CHECK_INT_EQ(pending(ev), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
a_timeout_that_has_passed_is_taken_back_by_a_new_one(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	event_active(ev, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_add(ev, &hour), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(pending(ev), EV_TIMEOUT);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
activating_ends_the_wait_unless_persistent(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *once = lettered(fds[0], EV_READ, "o"), *stays = lettered(fds[1], EV_READ | EV_PERSIST, "p");
	event_add(once, &hour);
	event_add(stays, NULL);
	event_active(once, EV_READ, 1);
	event_active(stays, EV_READ, 1);
	CHECK_INT_EQ(pending(once), EV_READ | EV_TIMEOUT);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "op");
	CHECK_INT_EQ(pending(once), 0);
	CHECK_INT_EQ(pending(stays), EV_READ);
	FREE_EVENTS(once, stays);
	event_base_free(base);
	close_pair(fds);
}

static void
see_own_state(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	CHECK_INT_EQ(pending(arg), event_get_events(arg) & EV_PERSIST ? EV_READ : 0);
	CHECK(event_initialized(arg));
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	note('s');
}

static void
in_its_callback_an_event_is_no_more_active(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, see_own_state, event_self_cbarg());
	struct event *stays = event_new(base, fds[0], EV_READ | EV_PERSIST, see_own_state, event_self_cbarg());
	send_text(fds[1], "x");
	event_add(ev, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	event_add(stays, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "ss");
	FREE_EVENTS(ev, stays);
	event_base_free(base);
	close_pair(fds);
}

static void
delete_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('d');
	event_del(arg);
}

static void
an_active_event_deleted_by_another_does_not_run(void)
{
	base = event_base_new();
	struct event *victim = user_event("v"), *after = user_event("a");
	struct event *killer = event_new(base, -1, 0, delete_other, victim);
	event_active(killer, EV_READ, 1);
	event_active(victim, EV_READ, 1);
	event_active(after, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "da");
	CHECK(event_initialized(victim));
	FREE_EVENTS(victim, after, killer);
	event_base_free(base);
}

static void
removing_the_timer_of_a_mere_timer_deletes_it(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	event_add(ev, &hour);
	CHECK_INT_EQ(event_remove_timer(ev), 0);
	CHECK_INT_EQ(pending(ev), 0);
	CHECK_INT_EQ(event_remove_timer(ev), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
removing_the_timer_does_not_call_off_an_activation(void)
{
	base = event_base_new();
	struct event *ev = user_event("x");
	event_add(ev, &hour);
	event_active(ev, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_remove_timer(ev), 0);
	CHECK_INT_EQ(pending(ev), EV_TIMEOUT);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "x");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
removing_the_timer_ends_an_interval(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = lettered(fds[0], EV_READ | EV_PERSIST, "r");
	event_add(ev, &hour);
	CHECK_INT_EQ(event_remove_timer(ev), 0);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "r");
	CHECK_INT_EQ(pending(ev), EV_READ);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
only_an_idle_event_changes_its_base(void)
{
	base = event_base_new();
	struct event_base *other = event_base_new();
	event_base_priority_init(other, 5);
	struct event *ev = user_event("x");
	event_add(ev, &hour);
	CHECK_INT_EQ(event_base_set(other, ev), -1);
	event_del(ev);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_set(other, ev), -1);
	event_del(ev);
	CHECK_INT_EQ(event_base_set(other, ev), 0);
	CHECK_PTR_EQ(event_get_base(ev), other);
	CHECK_INT_EQ(event_get_priority(ev), 2);
	event_active(ev, EV_READ, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(event_base_dispatch(other), 1);
	CHECK_STR_EQ(trace, "x");
	FREE_EVENTS(ev);
	event_base_free(base);
	event_base_free(other);
}

static void
an_event_can_be_assigned_anew(void)
{
	int fds[2];
	struct event ev;
	base = event_base_new();
	pair(fds);
	CHECK_INT_EQ(event_assign(&ev, base, fds[0], EV_READ, note_letter, "r"), 0);
	event_add(&ev, &hour);
	event_del(&ev);
	CHECK_INT_EQ(event_assign(&ev, base, fds[1], EV_WRITE | EV_PERSIST, note_letter, "w"), 0);
	CHECK_INT_EQ(event_get_fd(&ev), fds[1]);
	CHECK_INT_EQ(event_get_events(&ev), EV_WRITE | EV_PERSIST);
	event_add(&ev, NULL);
	CHECK_INT_EQ(pending(&ev), EV_WRITE);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "w");
	event_del(&ev);
	CHECK_INT_EQ(event_assign(&ev, base, SIGUSR1, EV_SIGNAL | EV_WRITE, note_letter, "x"), -1);
	event_debug_unassign(&ev);
	event_base_free(base);
	close_pair(fds);
}

static void
events_are_freed_in_any_state(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *idle = user_event("i"), *io = lettered(fds[0], EV_READ, "r"), *timer = user_event("t");
	struct event *active = user_event("a"), *all = lettered(fds[0], EV_READ | EV_WRITE | EV_PERSIST, "b");
	event_add(io, NULL);
	event_add(timer, &hour);
	event_active(active, EV_READ, 1);
	event_add(all, &hour);
	event_active(all, EV_READ, 1);
	FREE_EVENTS(idle, io, timer, active, all);
	CHECK_INT_EQ(added(), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "");
	event_base_free(base);
	close_pair(fds);
}

static void
expect_arg_is_assigned(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	CHECK_PTR_EQ(event_base_get_running_event(base), arg);
	note('s');
}

static void
self_cbarg_is_the_event_in_assign_too(void)
{
	struct event ev;
	base = event_base_new();
	event_assign(&ev, base, -1, 0, expect_arg_is_assigned, event_self_cbarg());
	CHECK_PTR_EQ(event_get_callback_arg(&ev), &ev);
	event_active(&ev, EV_READ, 1);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "s");
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
an_event_without_a_base_is_of_no_use(void)
{
	event_set_log_callback(say_nothing);
	struct event *ev = event_new(NULL, -1, EV_READ, note_letter, "x");
	CHECK(ev != NULL);
	CHECK_PTR_EQ(event_get_base(ev), NULL);
	CHECK_INT_EQ(event_add(ev, &hour), -1);
	CHECK_INT_EQ(event_del(ev), -1);
	CHECK_INT_EQ(event_remove_timer(ev), -1);
	CHECK_INT_EQ(event_finalize(0, ev, NULL), -1);
	CHECK_INT_EQ(event_pending(ev, EV_ALL, NULL), 0);
	event_active(ev, EV_READ, 1);
	base = event_base_new();
	CHECK_INT_EQ(event_base_set(base, ev), 0);
	event_active(ev, EV_READ, 1);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "x");
	FREE_EVENTS(ev);
	event_base_free(base);
}

static void
see_what(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	*(int *)arg = what;
	note('w');
}

static void
activation_tells_the_flags_that_were_given(void)
{
	static const int flags[] = { 0, EV_READ, EV_TIMEOUT, EV_CLOSED | EV_WRITE, EV_READ | EV_WRITE | EV_TIMEOUT };
	base = event_base_new();
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		int seen = -1;
		struct event *ev = event_new(base, -1, EV_PERSIST, see_what, &seen);
		event_active(ev, flags[i], 7); /* a number of calls is for signals */
		CHECK_INT_EQ(event_pending(ev, EV_ALL, NULL), flags[i]);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		CHECK_INT_EQ(seen, flags[i]);
		FREE_EVENTS(ev);
	}
	CHECK_STR_EQ(trace, "wwwww");
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(a_new_event_is_not_pending),
	CASE(zeroed_memory_is_no_event_until_assigned),
	CASE(deleting_undoes_adding),
	CASE(ev_timeout_need_not_be_asked_for),
	CASE(adding_what_waits_for_nothing_changes_nothing),
	CASE(adding_again_moves_the_timeout_either_way),
	CASE(an_active_event_is_pending_on_what_made_it_active),
	CASE(adding_an_active_event_does_not_insert_it),
	CASE(an_active_event_can_be_given_a_timeout),
	CASE(a_timeout_that_has_passed_is_taken_back_by_a_new_one),
	CASE(activating_ends_the_wait_unless_persistent),
	CASE(in_its_callback_an_event_is_no_more_active),
	CASE(an_active_event_deleted_by_another_does_not_run),
	CASE(removing_the_timer_of_a_mere_timer_deletes_it),
	CASE(removing_the_timer_does_not_call_off_an_activation),
	CASE(removing_the_timer_ends_an_interval),
	CASE(only_an_idle_event_changes_its_base),
	CASE(an_event_can_be_assigned_anew),
	CASE(events_are_freed_in_any_state),
	CASE(self_cbarg_is_the_event_in_assign_too),
	CASE(an_event_without_a_base_is_of_no_use),
	CASE(activation_tells_the_flags_that_were_given),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
