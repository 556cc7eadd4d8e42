/* testing/contract/libevent/compat_test.c — programs of the days of libevent 1.x: one base, and the old names.
 *
 * Here:     <event.h>, <evutil.h>, event2/event_compat.h.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event.h>
#include <evutil.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"

static char trace[64];

static void
note(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	strncat(trace, arg, sizeof(trace) - strlen(trace) - 1);
}

static void
read_one(evutil_socket_t fd, short what, void *arg)
{
	char c[2] = { 0, 0 };
	(void)what, (void)arg;
	CHECK_INT_EQ(read(fd, c, 1), 1);
	strncat(trace, c, sizeof(trace) - strlen(trace) - 1);
}

static void
pair(int fds[2])
{
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
}

static void
init_makes_the_current_base(void)
{
	struct event_base *base = event_init();
	CHECK(base != NULL);
	CHECK_STR_EQ(event_get_method(), event_base_get_method(base));
	CHECK_INT_EQ(event_dispatch(), 1);
	CHECK_INT_EQ(event_loop(EVLOOP_NONBLOCK), 1);
	event_base_free(base);
}

static void
the_last_init_counts(void)
{
	struct event ev;
	struct event_base *first = event_init(), *second = event_init();
	CHECK(first != second);
	event_set(&ev, -1, 0, note, "x");
	CHECK_PTR_EQ(event_get_base(&ev), second);
	event_base_free(second);
	event_base_free(first);
	event_debug_unassign(&ev);
}

static void
a_descriptors_event(void)
{
	struct event ev;
	int fds[2];
	struct event_base *base = event_init();
	pair(fds);
	event_set(&ev, fds[0], EV_READ, read_one, NULL);
	CHECK(event_initialized(&ev));
	CHECK_INT_EQ(EVENT_FD(&ev), fds[0]);
	CHECK_INT_EQ(event_add(&ev, NULL), 0);
	CHECK_INT_EQ(event_pending(&ev, EV_READ, NULL), EV_READ);
	CHECK_INT_EQ(write(fds[1], "r", 1), 1);
	CHECK_INT_EQ(event_dispatch(), 1);
	CHECK_STR_EQ(trace, "r");
	CHECK_INT_EQ(event_del(&ev), 0);
	event_debug_unassign(&ev);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

static void
timeouts_by_their_old_names(void)
{
	struct event a, b;
	struct timeval tv = { 0, 1000 }, left;
	struct event_base *base = event_init();
	timeout_set(&a, note, "a");
	evtimer_set(&b, note, "b");
	CHECK(timeout_initialized(&a) && evtimer_initialized(&b));
	CHECK(!timeout_pending(&a, NULL));
	CHECK_INT_EQ(timeout_add(&a, &tv), 0);
	CHECK(timeout_pending(&a, &left) && left.tv_sec > 0);
	CHECK_INT_EQ(evtimer_add(&b, &tv), 0);
	CHECK_INT_EQ(timeout_del(&b), 0);
	CHECK(!timeout_pending(&b, NULL));
	CHECK_INT_EQ(event_dispatch(), 1);
	CHECK_STR_EQ(trace, "a");
	event_debug_unassign(&a);
	event_debug_unassign(&b);
	event_base_free(base);
}

static void
stop(evutil_socket_t fd, short what, void *arg)
{
	(void)arg;
	CHECK_INT_EQ(fd, SIGUSR1);
	CHECK_INT_EQ(what, EV_SIGNAL);
	strcat(trace, "s");
	CHECK_INT_EQ(event_loopbreak(), 0);
}

static void
signals_by_their_old_names(void)
{
	struct event a, b;
	struct event_base *base = event_init();
	signal_set(&a, SIGUSR1, stop, NULL);
	evsignal_set(&b, SIGUSR2, note, "b");
	CHECK(signal_initialized(&a));
	CHECK_INT_EQ(EVENT_SIGNAL(&a), SIGUSR1);
	CHECK_INT_EQ(event_get_events(&a), EV_SIGNAL | EV_PERSIST);
	CHECK_INT_EQ(signal_add(&a, NULL), 0);
	CHECK_INT_EQ(signal_add(&b, NULL), 0);
	CHECK(signal_pending(&a, NULL));
	CHECK_INT_EQ(signal_del(&b), 0);
	CHECK(!signal_pending(&b, NULL));
	raise(SIGUSR1);
	CHECK_INT_EQ(event_dispatch(), 0);
	CHECK_STR_EQ(trace, "s");
	CHECK(signal_pending(&a, NULL));
	signal_del(&a);
	event_debug_unassign(&a);
	event_debug_unassign(&b);
	event_base_free(base);
}

static void
once_on_the_current_base(void)
{
	int fds[2];
	struct timeval tv = { 0, 1000 };
	struct event_base *base = event_init();
	pair(fds);
	CHECK_INT_EQ(event_once(-1, EV_TIMEOUT, note, "t", &tv), 0);
	CHECK_INT_EQ(event_once(fds[0], EV_READ, read_one, NULL, NULL), 0);
	CHECK_INT_EQ(event_once(SIGUSR1, EV_SIGNAL, note, "s", NULL), -1);
	CHECK_INT_EQ(event_once(fds[0], EV_READ | EV_PERSIST, note, "p", NULL), -1);
	CHECK_INT_EQ(write(fds[1], "r", 1), 1);
	CHECK_INT_EQ(event_dispatch(), 1);
	CHECK_INT_EQ(strlen(trace), 2);
	CHECK(strchr(trace, 't') && strchr(trace, 'r'));
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

static void
tick(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = { 0, 1000 };
	(void)fd, (void)what;
	strncat(trace, ".", sizeof(trace) - strlen(trace) - 1);
	timeout_add((struct event *)arg, &tv);
}

static void
the_loop_is_left_after_a_time(void)
{
	struct event ev;
	struct timeval tv = { 0, 1000 }, end = { 0, 30000 };
	struct event_base *base = event_init();
	timeout_set(&ev, tick, &ev);
	timeout_add(&ev, &tv);
	CHECK_INT_EQ(event_loopexit(&end), 0);
	CHECK_INT_EQ(event_dispatch(), 0);
	CHECK(event_base_got_exit(base));
	CHECK(strlen(trace) > 0);
	timeout_del(&ev);
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
the_loop_may_turn_once(void)
{
	struct event ev;
	struct timeval tv = { 0, 1000 };
	struct event_base *base = event_init();
	timeout_set(&ev, tick, &ev);
	timeout_add(&ev, &tv);
	CHECK_INT_EQ(event_loop(EVLOOP_ONCE), 0);
	CHECK_STR_EQ(trace, ".");
	timeout_del(&ev);
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
priorities_of_the_current_base(void)
{
	struct event a, b;
	struct event_base *base = event_init();
	CHECK_INT_EQ(event_priority_init(3), 0);
	CHECK_INT_EQ(event_base_get_npriorities(base), 3);
	timeout_set(&a, note, "a");
	timeout_set(&b, note, "b");
	CHECK_INT_EQ(event_priority_set(&a, 2), 0);
	CHECK_INT_EQ(event_priority_set(&b, 0), 0);
	event_active(&a, EV_TIMEOUT, 1);
	event_active(&b, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_dispatch(), 1);
	CHECK_STR_EQ(trace, "ba");
	event_debug_unassign(&a);
	event_debug_unassign(&b);
	event_base_free(base);
}

static void
an_event_may_change_its_base(void)
{
	struct event ev;
	struct timeval tv = { 0, 0 };
	struct event_base *current = event_init(), *other = event_base_new();
	timeout_set(&ev, note, "o");
	CHECK_INT_EQ(event_base_set(other, &ev), 0);
	CHECK_PTR_EQ(event_get_base(&ev), other);
	timeout_add(&ev, &tv);
	CHECK_INT_EQ(event_base_set(current, &ev), -1);
	CHECK_INT_EQ(event_dispatch(), 1);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(event_base_dispatch(other), 1);
	CHECK_STR_EQ(trace, "o");
	event_debug_unassign(&ev);
	event_base_free(other);
	event_base_free(current);
}

static void
an_event_may_be_set_before_there_is_a_base(void)
{
	struct event ev;
	struct timeval tv = { 0, 0 };
	event_set(&ev, -1, 0, note, "l");
	CHECK_PTR_EQ(event_get_base(&ev), NULL);
	struct event_base *base = event_base_new();
	CHECK_INT_EQ(event_base_set(base, &ev), 0);
	event_add(&ev, &tv);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "l");
	event_debug_unassign(&ev);
	event_base_free(base);
}

static int warnings;
static void count_warning(int severity, const char *text) { (void)text, warnings += severity == EVENT_LOG_WARN; }

static void
an_event_without_a_base_cannot_be_used(void)
{
	struct event ev;
	struct timeval tv = { 0, 0 };
	event_set_log_callback(count_warning);
	event_set(&ev, -1, 0, note, "n");
	CHECK_INT_EQ(event_add(&ev, &tv), -1);
	CHECK_INT_EQ(event_del(&ev), -1);
	CHECK_INT_EQ(event_pending(&ev, EV_TIMEOUT, NULL), 0);
	event_active(&ev, EV_TIMEOUT, 1);
	CHECK_INT_EQ(warnings, 4);
	event_debug_unassign(&ev);
}

static void
without_a_current_base_some_calls_fail(void)
{
	event_set_log_callback(count_warning);
	CHECK_INT_EQ(event_loopbreak(), -1);
	CHECK_INT_EQ(event_loopexit(NULL), -1);
	CHECK_INT_EQ(event_once(-1, EV_TIMEOUT, note, "n", NULL), -1);
}

static void
macros_of_the_new_names_work_on_old_events(void)
{
	struct event ev;
	struct timeval tv = { 3600, 0 };
	struct event_base *base = event_init();
	CHECK_INT_EQ(evtimer_assign(&ev, base, note, "t"), 0);
	CHECK_INT_EQ(evtimer_add(&ev, &tv), 0);
	CHECK(evtimer_pending(&ev, NULL));
	CHECK_INT_EQ(evtimer_del(&ev), 0);
	CHECK_INT_EQ(evsignal_assign(&ev, base, SIGUSR1, note, "s"), 0);
	CHECK_INT_EQ(evsignal_add(&ev, NULL), 0);
	CHECK(evsignal_pending(&ev, NULL));
	CHECK_INT_EQ(event_get_signal(&ev), SIGUSR1);
	CHECK_INT_EQ(evsignal_del(&ev), 0);
	CHECK_INT_EQ(event_assign(&ev, base, -1, 0, note, "u"), 0);
	CHECK(evuser_initialized(&ev));
	CHECK_INT_EQ(evuser_pending(&ev, NULL), 0);
	evuser_trigger(&ev);
	CHECK_INT_EQ(event_dispatch(), 1);
	CHECK_STR_EQ(trace, "u");
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
the_fields_of_an_event_can_be_read(void)
{
	struct event ev;
	struct event_base *base = event_init();
	event_set(&ev, 7, EV_SIGNAL | EV_PERSIST, note, trace);
	CHECK_INT_EQ(ev.ev_fd, 7);
	CHECK_INT_EQ(ev.ev_events, EV_SIGNAL | EV_PERSIST);
	CHECK_PTR_EQ(ev.ev_base, base);
	CHECK(event_get_callback(&ev) == note);
	CHECK_PTR_EQ(event_get_callback_arg(&ev), trace);
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
the_old_header_has_buffers_too(void)
{
	struct evbuffer *buf = evbuffer_new();
	evbuffer_add(buf, "one\r\ntwo", 8);
	CHECK_INT_EQ(EVBUFFER_LENGTH(buf), 8);
	char *line = evbuffer_readline(buf);
	CHECK_STR_EQ(line, "one");
	free(line);
	CHECK_MEM_EQ(EVBUFFER_DATA(buf), "two", 3);
	CHECK(evbuffer_find(buf, (const unsigned char *)"wo", 2) == EVBUFFER_DATA(buf) + 1);
	evbuffer_free(buf);
}

static const struct evrt_test_case cases[] = {
	{ "init_makes_the_current_base", init_makes_the_current_base },
	{ "the_last_init_counts", the_last_init_counts },
	{ "a_descriptors_event", a_descriptors_event },
	{ "timeouts_by_their_old_names", timeouts_by_their_old_names },
	{ "signals_by_their_old_names", signals_by_their_old_names },
	{ "once_on_the_current_base", once_on_the_current_base },
	{ "the_loop_is_left_after_a_time", the_loop_is_left_after_a_time },
	{ "the_loop_may_turn_once", the_loop_may_turn_once },
	{ "priorities_of_the_current_base", priorities_of_the_current_base },
	{ "an_event_may_change_its_base", an_event_may_change_its_base },
	{ "an_event_may_be_set_before_there_is_a_base", an_event_may_be_set_before_there_is_a_base },
	{ "an_event_without_a_base_cannot_be_used", an_event_without_a_base_cannot_be_used },
	{ "without_a_current_base_some_calls_fail", without_a_current_base_some_calls_fail },
	{ "macros_of_the_new_names_work_on_old_events", macros_of_the_new_names_work_on_old_events },
	{ "the_fields_of_an_event_can_be_read", the_fields_of_an_event_can_be_read },
	{ "the_old_header_has_buffers_too", the_old_header_has_buffers_too },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
