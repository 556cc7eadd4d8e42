/* testing/contract/libevent/setup_debug_test.c — event debug mode: when it may be switched on, and what it stops.
 *
 * Here:     event_enable_debug_mode, event_debug_unassign. What is stopped ends a child process.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "testing/contract/libevent/setup_fixture.h"

static struct event_base *base;
static struct event ev, other;
static const struct timeval hour = { 3600, 0 };

static void nothing(evutil_socket_t fd, short what, void *arg) { (void)fd, (void)what, (void)arg; }

static void
begin(void)
{
	event_enable_debug_mode();
	base = event_base_new();
}

static void
assign(struct event *e)
{
	CHECK_INT_EQ(event_assign(e, base, -1, EV_PERSIST, nothing, NULL), 0);
}

/* ---- Switching it on. */

static void
asked_for_twice(void)
{
	event_enable_debug_mode();
	event_enable_debug_mode();
}

static void
asked_for_after_a_base(void)
{
	event_base_new();
	event_enable_debug_mode();
}

static void
asked_for_after_an_event(void)
{
	event_assign(&ev, NULL, -1, 0, nothing, NULL);
	event_enable_debug_mode();
}

static void
asked_for_after_a_base_is_gone(void)
{
	event_base_free(event_base_new());
	event_enable_debug_mode();
}

static void
asked_for_after_a_config(void)
{
	event_config_free(event_config_new());
	event_enable_debug_mode();
}

/* ---- Mistakes; each begins in debug mode with a base. */

static void add_what_was_not_set_up(void) { assign(&other), ev = other, event_add(&ev, &hour); }
static void del_what_was_not_set_up(void) { assign(&other), ev = other, event_del(&ev); }
static void activate_what_was_not_set_up(void) { assign(&other), ev = other, event_active(&ev, EV_READ, 1); }
static void ask_what_was_not_set_up(void) { assign(&other), ev = other, event_pending(&ev, EV_READ, NULL); }
static void fd_of_what_was_not_set_up(void) { assign(&other), ev = other, event_get_fd(&ev); }
static void base_of_what_was_not_set_up(void) { assign(&other), ev = other, event_get_base(&ev); }
static void events_of_what_was_not_set_up(void) { assign(&other), ev = other, event_get_events(&ev); }
static void priority_of_what_was_not_set_up(void) { assign(&other), ev = other, event_priority_set(&ev, 0); }
static void base_set_on_what_was_not_set_up(void) { assign(&other), ev = other, event_base_set(base, &ev); }

static void
assign_what_is_added(void)
{
	assign(&ev);
	event_add(&ev, &hour);
	event_assign(&ev, base, -1, 0, nothing, NULL);
}

static void
unassign_what_is_added(void)
{
	assign(&ev);
	event_add(&ev, &hour);
	event_debug_unassign(&ev);
}

static void
add_what_was_unassigned(void)
{
	assign(&ev);
	event_debug_unassign(&ev);
	event_add(&ev, &hour);
}

static void
activate_what_was_unassigned(void)
{
	assign(&ev);
	event_debug_unassign(&ev);
	event_active(&ev, EV_READ, 1);
}

static void
watch_what_blocks(void)
{
	int fds[2];
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	event_assign(&ev, base, fds[0], EV_READ, nothing, NULL);
}

static void
new_of_what_blocks(void)
{
	int fds[2];
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	event_new(base, fds[0], EV_WRITE, nothing, NULL);
}

/* ---- What is right; each begins in debug mode with a base. */

static void
set_up_again_after_a_del(void)
{
	assign(&ev);
	event_add(&ev, &hour);
	event_del(&ev);
	assign(&ev);
	event_add(&ev, &hour);
	event_del(&ev);
	event_debug_unassign(&ev);
	event_debug_unassign(&ev);
}

static void
set_up_twice(void)
{
	assign(&ev);
	assign(&ev);
	event_add(&ev, &hour);
}

static void
run_out(void)
{
	struct timeval now = { 0, 0 };
	event_assign(&ev, base, -1, 0, nothing, NULL);
	event_add(&ev, &now);
	event_base_dispatch(base);
	event_assign(&ev, base, -1, 0, nothing, NULL);
}

static void
signals_and_no_fd(void)
{
	struct event *s = event_new(base, SIGUSR1, EV_SIGNAL, nothing, NULL);
	struct event *none = event_new(base, -1, EV_READ, nothing, NULL);
	event_add(s, NULL);
	event_add(none, NULL);
	event_free(s);
	event_free(none);
}

static void
many_events(void)
{
	struct event *all[3000];
	for (int i = 0; i < 3000; i++) {
		all[i] = event_new(base, -1, 0, nothing, NULL);
		event_add(all[i], &hour);
	}
	for (int i = 2999; i >= 0; i--)
		event_free(all[i]);
	event_base_free(base);
	libevent_global_shutdown();
}

static void
descriptors_that_are_closed(void)
{
	event_free(event_new(base, 900, EV_READ, nothing, NULL));
}

static const struct step {
	const char *name;
	void (*fn)(void);
	int death;
} switching[] = {
	{ "twice", asked_for_twice, 1 },
	{ "after a base", asked_for_after_a_base, 1 },
	{ "after an event", asked_for_after_an_event, 1 },
	{ "after a base is gone", asked_for_after_a_base_is_gone, 1 },
	{ "after a config", asked_for_after_a_config, NOBODY_DIED },
}, unknown[] = {
	{ "add", add_what_was_not_set_up, ASSERTION },
	{ "del", del_what_was_not_set_up, ASSERTION },
	{ "active", activate_what_was_not_set_up, ASSERTION },
	{ "pending", ask_what_was_not_set_up, ASSERTION },
	{ "get_fd", fd_of_what_was_not_set_up, ASSERTION },
	{ "get_base", base_of_what_was_not_set_up, ASSERTION },
	{ "get_events", events_of_what_was_not_set_up, ASSERTION },
	{ "priority_set", priority_of_what_was_not_set_up, ASSERTION },
	{ "base_set", base_set_on_what_was_not_set_up, ASSERTION },
}, mistakes[] = {
	{ "assign what is added", assign_what_is_added, ASSERTION },
	{ "unassign what is added", unassign_what_is_added, ASSERTION },
	{ "add what was unassigned", add_what_was_unassigned, ASSERTION },
	{ "activate what was unassigned", activate_what_was_unassigned, ASSERTION },
	{ "watch what blocks", watch_what_blocks, ASSERTION },
	{ "new of what blocks", new_of_what_blocks, ASSERTION },
}, rights[] = {
	{ "set up again after a del", set_up_again_after_a_del, NOBODY_DIED },
	{ "set up twice", set_up_twice, NOBODY_DIED },
	{ "run out", run_out, NOBODY_DIED },
	{ "signals and no fd", signals_and_no_fd, NOBODY_DIED },
	{ "many events", many_events, NOBODY_DIED },
	{ "closed descriptors", descriptors_that_are_closed, NOBODY_DIED },
};

static const struct step *now;

static void
step_in_debug_mode(void)
{
	begin();
	now->fn();
}

static void
step_without(void)
{
	base = event_base_new();
	now->fn();
}

#define EACH(table, run) \
	for (now = (table); now < (table) + sizeof(table) / sizeof((table)[0]); now++) { \
		int death = dying_child(run); \
		if (death != now->death) \
			evrt_test_fail(__FILE__, __LINE__, "%s: 0x%x", now->name, (unsigned)death); \
	}

static void step_alone(void) { now->fn(); }

static void it_comes_first_and_once(void) { EACH(switching, step_alone) }
static void what_was_not_set_up_is_not_used(void) { EACH(unknown, step_in_debug_mode) }
static void mistakes_are_stopped(void) { EACH(mistakes, step_in_debug_mode) }
static void what_is_right_is_let_pass(void) { EACH(rights, step_in_debug_mode) }

static void
without_it_blocking_descriptors_are_fine(void)
{
	now = &mistakes[4];
	CHECK_INT_EQ(dying_child(step_without), NOBODY_DIED);
	now = &mistakes[5];
	CHECK_INT_EQ(dying_child(step_without), NOBODY_DIED);
	event_debug_unassign(&ev);
}

/* Edge and level on one fd: what the poller can do is one of them. */
static int
add_edge_beside_level(void)
{
	int fds[2];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	struct event *level = event_new(base, fds[0], EV_READ | EV_PERSIST, nothing, NULL);
	struct event *edge = event_new(base, fds[0], EV_READ | EV_PERSIST | EV_ET, nothing, NULL);
	CHECK_INT_EQ(event_add(level, NULL), 0);
	event_set_log_callback(ignore_log);
	int r = event_add(edge, NULL);
	event_free(level);
	event_free(edge);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static void
edges_do_not_mix_with_levels(void)
{
	begin();
	CHECK_INT_EQ(add_edge_beside_level(), -1);
}

static void
without_it_edges_mix_with_levels(void)
{
	base = event_base_new();
	CHECK_INT_EQ(add_edge_beside_level(), 0);
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(it_comes_first_and_once),
	SETUP_CASE(what_was_not_set_up_is_not_used),
	SETUP_CASE(mistakes_are_stopped),
	SETUP_CASE(what_is_right_is_let_pass),
	SETUP_CASE(without_it_blocking_descriptors_are_fine),
	SETUP_CASE(edges_do_not_mix_with_levels),
	SETUP_CASE(without_it_edges_mix_with_levels),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
