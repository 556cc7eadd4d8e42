/* testing/unit/api/event/debug_slow_test.c — callbacks that take long, and who is told.
 *
 * Here:     the limit, its two sources, with and without debug mode, on bases of each kind.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <evrt/debug.h>
#include <evrt/pool.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "api/event/debug_default.h"
#include "testing/unit/api/event/debug_rig.h"

#define TAKES_MS 3

static struct event_base *base;
static const struct timeval none = { 0, 0 }, two_ms = { 0, 2000 }, very_long = { 1000, 0 };

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
be_slow(evutil_socket_t fd, short what, void *arg)
{
	int64_t end = now_ns() + TAKES_MS * 1000000;

	(void)fd;
	(void)what;
	while (now_ns() < end)
		continue;
	if (arg)
		event_free(arg);
}

static void
run_slow_event(void)
{
	struct event *ev = event_new(base, -1, 0, be_slow, event_self_cbarg());

	event_active(ev, EV_WRITE, 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* The event is gone when its callback has ended: what is told of it is from before. */
static void
a_slow_callback_is_told_with_its_history(void)
{
	debug_begin();
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&two_ms), 0);
	base = event_base_new();
	run_slow_event();
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "2 event debug: a callback took ", " ms (limit 2.000 ms)\n  event 0x",
	    "fd -1, no events, callback ", "to do: ", "another thread, or in pieces", ": callback called WRITE\n",
	    ": deleted\n", ": activated WRITE\n", ": assigned");
	CHECK(atof(strstr(heard, "took ") + 5) >= TAKES_MS);
	event_base_free(base);
}

static void
a_quick_one_is_not(void)
{
	debug_begin();
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&very_long), 0);
	base = event_base_new();
	run_slow_event();
	CHECK_STR_EQ(heard, "");
	event_base_free(base);
}

static void
it_works_without_debug_mode(void)
{
	heard_begin();
	base = event_base_new();
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&two_ms), 0);
	run_slow_event();
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "a callback took ", "fd -1, no events, callback ", "to do: ");
	CHECK(EVRT_EVENT_DEBUG_DEFAULT || !strstr(heard, "ago"));
	event_base_free(base);
}

static void
zero_is_a_limit_and_null_is_none(void)
{
	heard_begin();
	base = event_base_new();
	struct event *ev = event_new(base, -1, EV_PERSIST, nothing, NULL);
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&none), 0);
	event_active(ev, EV_READ, 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(heard_messages(), 1);
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(NULL), 0);
	event_active(ev, EV_READ, 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(heard_messages(), 1);
	event_free(ev);
	event_base_free(base);
}

static void
negative_limits_are_refused(void)
{
	const struct timeval negative = { -1, 0 }, also = { 0, -1 };

	errno = 0;
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&negative), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&also), -1);
}

static void
the_environment_sets_it_too(void)
{
	setenv("EVRT_SLOW_CALLBACK_MS", "2", 1);
	heard_begin();
	base = event_base_new();
	run_slow_event();
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "(limit 2.000 ms)");
	event_base_free(base);
	libevent_global_shutdown();
	/* The program's word counts more. */
	heard_begin();
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(NULL), 0);
	base = event_base_new();
	run_slow_event();
	event_base_free(base);
	libevent_global_shutdown();
	/* Not a number. */
	setenv("EVRT_SLOW_CALLBACK_MS", "2x", 1);
	base = event_base_new();
	run_slow_event();
	CHECK_STR_EQ(heard, "");
	event_base_free(base);
}

static void
slow_then_end(evutil_socket_t fd, short what, void *arg)
{
	be_slow(fd, what, NULL);
	event_base_loopbreak(arg);
}

static void
on_a_pool_too(void)
{
	debug_begin();
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&two_ms), 0);
	base = evrt_base_new(2);
	struct event *ev = event_new(base, -1, 0, slow_then_end, base);
	event_active(ev, EV_TIMEOUT, 1);
	event_base_dispatch(base);
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "a callback took ", ": callback called TIMEOUT\n");
	event_free(ev);
	event_base_free(base);
}

static void
the_callback_of_a_once_is_the_programs(void)
{
	static char mine[32];
	Dl_info info;

	debug_begin();
	CHECK_INT_EQ(evrt_event_debug_set_slow_callback(&two_ms), 0);
	base = event_base_new();
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, be_slow, NULL, NULL), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK(dladdr((void *)(uintptr_t)be_slow, &info));
	snprintf(mine, sizeof(mine), "+0x%zx", (size_t)((char *)(uintptr_t)be_slow - (char *)info.dli_fbase));
	SAYS(heard, "a callback took ", mine);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	CASE(a_slow_callback_is_told_with_its_history),
	CASE(a_quick_one_is_not),
	CASE(it_works_without_debug_mode),
	CASE(zero_is_a_limit_and_null_is_none),
	CASE(negative_limits_are_refused),
	CASE(the_environment_sets_it_too),
	CASE(on_a_pool_too),
	CASE(the_callback_of_a_once_is_the_programs),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
