/* testing/contract/libevent/event_io_change_test.c — callbacks of descriptors that change events.
 *
 * Here:     adding, deleting and freeing events of the same descriptor and of others while reports are being told.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include "testing/contract/libevent/event_steps.h"

static void
delete_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('d');
	event_del(arg);
}

static void
a_deleted_event_of_the_same_descriptor_is_not_told(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *victim = lettered(fds[0], EV_READ | EV_PERSIST, "v");
	struct event *killer = event_new(base, fds[0], EV_READ, delete_other, victim);
	event_add(victim, NULL);
	event_add(killer, NULL); /* the newest comes first */
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "d");
	CHECK_INT_EQ(pending(victim), 0);
	FREE_EVENTS(victim, killer);
	event_base_free(base);
	close_pair(fds);
}

static struct event *doomed;

static void
free_the_doomed(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	note('f');
	event_free(doomed);
}

static void
a_freed_event_is_not_told(void)
{
	int fds[2], others[2];
	base = event_base_new();
	event_base_priority_init(base, 2);
	pair(fds);
	pair(others);
	struct event *killer = event_new(base, fds[0], EV_READ, free_the_doomed, NULL);
	event_priority_set(killer, 0);
	send_text(fds[1], "x");
	send_text(others[1], "x");
	doomed = lettered(fds[0], EV_READ | EV_PERSIST, "1");
	event_add(doomed, NULL);
	event_add(killer, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	doomed = lettered(others[0], EV_READ | EV_PERSIST, "2");
	event_add(doomed, NULL);
	event_add(killer, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "ff");
	FREE_EVENTS(killer);
	event_base_free(base);
	close_pair(fds);
	close_pair(others);
}

static void
close_and_free_the_doomed(evutil_socket_t fd, short what, void *arg)
{
	int other = event_get_fd(doomed);

	free_the_doomed(fd, what, arg);
	close(other);
}

static void
a_descriptor_may_be_closed_in_the_turn_that_reports_it(void)
{
	int fds[2], others[2];
	base = event_base_new();
	event_base_priority_init(base, 2);
	pair(fds);
	pair(others);
	struct event *killer = event_new(base, fds[0], EV_READ, close_and_free_the_doomed, NULL);
	event_priority_set(killer, 0);
	doomed = lettered(others[0], EV_READ | EV_PERSIST, "x");
	event_add(doomed, NULL);
	event_add(killer, NULL);
	send_text(fds[1], "x");
	send_text(others[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "f");
	FREE_EVENTS(killer);
	event_base_free(base);
	close_pair(fds);
	close(others[1]);
}

static void
add_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note('a');
	event_add(arg, NULL);
}

static void
an_event_added_in_a_callback_waits_for_the_next_look(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *late = lettered(fds[0], EV_READ, "l");
	struct event *old = lettered(fds[0], EV_READ, "o");
	struct event *adder = event_new(base, fds[0], EV_READ, add_other, late);
	event_add(old, NULL);
	event_add(adder, NULL);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "aol");
	FREE_EVENTS(late, old, adder);
	event_base_free(base);
	close_pair(fds);
}

static void
read_and_add_again(evutil_socket_t fd, short what, void *arg)
{
	read_one(fd, what, NULL);
	if (strlen(trace) < 3)
		CHECK_INT_EQ(event_add(arg, NULL), 0);
}

static void
an_event_may_add_itself_again(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, read_and_add_again, event_self_cbarg());
	event_add(ev, NULL);
	send_text(fds[1], "abcd");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "abc");
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
delete_and_add(evutil_socket_t fd, short what, void *arg)
{
	read_one(fd, what, NULL);
	CHECK_INT_EQ(event_del(arg), 0);
	CHECK_INT_EQ(pending(arg), 0);
	CHECK_INT_EQ(event_add(arg, NULL), 0);
	CHECK_INT_EQ(pending(arg), EV_READ);
}

static void
a_persistent_event_may_be_deleted_and_added_in_its_callback(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, delete_and_add, event_self_cbarg());
	event_add(ev, NULL);
	send_text(fds[1], "abc");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "abc");
	CHECK_INT_EQ(added(), 1);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
one_event_may_go_and_another_stay(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *once = lettered(fds[0], EV_READ, "o"), *stays = lettered(fds[0], EV_READ | EV_PERSIST, "s");
	event_add(stays, NULL);
	event_add(once, NULL);
	send_text(fds[1], "x");
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "osss");
	FREE_EVENTS(once, stays);
	event_base_free(base);
	close_pair(fds);
}

static void
directions_come_and_go_by_themselves(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *r = lettered(fds[0], EV_READ | EV_PERSIST, "r");
	struct event *w = lettered(fds[0], EV_WRITE | EV_PERSIST, "w");
	event_add(r, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	event_add(w, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "w");
	event_del(r);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "ww");
	send_text(fds[1], "x");
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "www");
	event_add(r, NULL);
	event_del(w);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "wwwr");
	FREE_EVENTS(r, w);
	event_base_free(base);
	close_pair(fds);
}

static void
each_direction_is_told_when_its_time_comes(void)
{
	int fds[2];
	char junk[4096] = { 0 };
	base = event_base_new();
	pair(fds);
	while (write(fds[0], junk, sizeof(junk)) > 0)
		;
	struct event *w = lettered(fds[0], EV_WRITE, "w"), *r = lettered(fds[0], EV_READ, "r");
	event_add(w, NULL);
	event_add(r, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "r");
	while (read(fds[1], junk, sizeof(junk)) > 0)
		;
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "rw");
	FREE_EVENTS(r, w);
	event_base_free(base);
	close_pair(fds);
}

static void
many_events_may_wait_for_one_descriptor(void)
{
	enum { MANY = 100 };
	struct event *ev[MANY + 1] = { NULL };
	int fds[2];
	base = event_base_new();
	pair(fds);
	for (int i = 0; i < MANY; i++) {
		ev[i] = lettered(fds[0], i % 2 ? EV_READ : EV_WRITE, "m");
		CHECK_INT_EQ(event_add(ev[i], NULL), 0);
	}
	CHECK_INT_EQ(added(), MANY);
	for (int i = 0; i < MANY; i += 4)
		event_del(ev[i]);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(strlen(trace), MANY - MANY / 4);
	free_events(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
many_descriptors_are_all_told(void)
{
	enum { MANY = 100 };
	struct event *ev[MANY + 1] = { NULL };
	int fds[MANY][2];
	base = event_base_new();
	for (int i = 0; i < MANY; i++) {
		pair(fds[i]);
		ev[i] = lettered(fds[i][0], EV_READ, "m");
		event_add(ev[i], NULL);
		if (i % 2)
			send_text(fds[i][1], "x");
	}
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0); /* a look may not show all */
	CHECK_INT_EQ(strlen(trace), MANY / 2);
	CHECK_INT_EQ(added(), MANY / 2);
	free_events(ev);
	event_base_free(base);
	for (int i = 0; i < MANY; i++)
		close_pair(fds[i]);
}

static const struct evrt_test_case cases[] = {
	CASE(a_deleted_event_of_the_same_descriptor_is_not_told),
	CASE(a_freed_event_is_not_told),
	CASE(a_descriptor_may_be_closed_in_the_turn_that_reports_it),
	CASE(an_event_added_in_a_callback_waits_for_the_next_look),
	CASE(an_event_may_add_itself_again),
	CASE(a_persistent_event_may_be_deleted_and_added_in_its_callback),
	CASE(one_event_may_go_and_another_stay),
	CASE(directions_come_and_go_by_themselves),
	CASE(each_direction_is_told_when_its_time_comes),
	CASE(many_events_may_wait_for_one_descriptor),
	CASE(many_descriptors_are_all_told),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
