/* testing/unit/api/event/debug_use_test.c — events that are used as their state does not allow.
 *
 * Here:     what debug mode refuses, in which words, with which history; what it must not refuse.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <evrt/pool.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "api/event/debug_default.h"
#include "base/log.h"
#include "base/sys.h"
#include "testing/unit/api/event/debug_rig.h"
#include "testing/unit/base/death.h"

static struct event_base *base;
static const struct timeval long_time = { 1000, 0 };
static struct evrt_test_death death;

/* Runs it in debug mode, in a process of its own, with a base; it must end in the fatal callback. */
static const char *
dies(void (*fn)(void *))
{
	evrt_test_die(fn, NULL, 0, &death);
	CHECK(WIFEXITED(death.status));
	if (WEXITSTATUS(death.status) != EVRT_TEST_DEATH_FATAL)
		evrt_test_fail(__FILE__, __LINE__, "not fatal; it said: %s", death.message);
	CHECK_INT_EQ(death.fatal_code, EVRT_ERR_ABORT);
	return death.message;
}

static void
begin(void)
{
	event_enable_debug_mode();
	base = event_base_new();
}

static void
add_unknown(void *arg)
{
	struct event ev;

	(void)arg;
	begin();
	memset(&ev, 0x5a, sizeof(ev));
	event_add(&ev, NULL);
}

static void
look_at_unknown(void *arg)
{
	struct event ev;

	(void)arg;
	begin();
	memset(&ev, 0, sizeof(ev));
	event_get_fd(&ev);
}

static void
events_that_were_never_set_up(void)
{
	SAYS(dies(add_unknown), "event debug: event_add of an event that was never set up", "\n  event 0x",
	    "to do: call event_assign or event_new");
	SAYS(dies(look_at_unknown), "event_get_fd of an event that was never set up");
}

/* libevent's answer, which programs may rely on. */
static void
without_a_base_it_is_only_refused(void)
{
	struct event ev;

	debug_begin();
	memset(&ev, 0, sizeof(ev));
	CHECK_INT_EQ(event_add(&ev, NULL), -1);
	CHECK_INT_EQ(event_del(&ev), -1);
	CHECK_INT_EQ(event_pending(&ev, EV_READ, NULL), 0);
	event_active(&ev, EV_READ, 1);
	CHECK_INT_EQ(event_remove_timer(&ev), -1);
	CHECK_INT_EQ(event_finalize(0, &ev, NULL), -1);
	CHECK_INT_EQ(heard_messages(), 6);
	libevent_global_shutdown();
}

static void
add_freed(void *arg)
{
	int ends[2];

	(void)arg;
	begin();
	open_pipe(ends);
	struct event *ev = event_new(base, ends[0], EV_READ | EV_PERSIST, nothing, NULL);
	event_add(ev, &long_time);
	event_free(ev);
	event_add(ev, NULL);
}

static void
ignore_event(struct event *ev, void *arg)
{
	(void)ev;
	(void)arg;
}

static void
delete_after_free_finalize(void *arg)
{
	(void)arg;
	begin();
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_free_finalize(0, ev, ignore_event);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_del(ev);
}

static void
activate_torn_down(void *arg)
{
	struct event ev;

	(void)arg;
	begin();
	event_assign(&ev, base, -1, 0, nothing, NULL);
	event_debug_unassign(&ev);
	event_active(&ev, EV_READ, 1);
}

static void
free_twice(void *arg)
{
	(void)arg;
	begin();
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_free(ev);
	event_free(ev);
}

static void
events_that_are_gone(void)
{
	SAYS(dies(add_freed), "event_add of an event that was freed\n  event 0x", ": fd ", ", READ|PERSIST, callback ",
	    "+0x", "to do: drop every pointer", "ms ago, thread ", ": freed by event_free\n", ": deleted\n",
	    ": added, timeout 1000.000000 s\n", ": assigned");
	SAYS(dies(delete_after_free_finalize), "event_del of an event that was freed", "freed by event_free_finalize",
	    "finalizing", "deleted", "assigned");
	SAYS(dies(activate_torn_down), "event_active of an event that was torn down", "to do: call event_assign again",
	    "torn down by event_debug_unassign", "assigned");
	SAYS(dies(free_twice), "event_free of an event that was freed", ": freed by event_free\n", ": assigned");
}

static void
assign_while_added(void *arg)
{
	struct event ev;

	(void)arg;
	begin();
	event_assign(&ev, base, -1, 0, nothing, NULL);
	event_add(&ev, &long_time);
	event_assign(&ev, base, -1, 0, nothing, NULL);
}

static void
assign_while_active(void *arg)
{
	struct event ev;

	(void)arg;
	begin();
	event_assign(&ev, base, -1, 0, nothing, NULL);
	event_active(&ev, EV_WRITE, 1);
	event_assign(&ev, base, -1, 0, nothing, NULL);
}

static void
tear_down_while_added(void *arg)
{
	struct event ev;

	(void)arg;
	begin();
	event_assign(&ev, base, SIGTERM, EV_SIGNAL, nothing, NULL);
	event_add(&ev, NULL);
	event_debug_unassign(&ev);
}

static void
events_that_are_busy(void)
{
	SAYS(dies(assign_while_added), "event_assign of an event that is still added or active", "fd -1, no events",
	    "to do: call event_del first", ": added, timeout 1000.000000 s\n", ": assigned");
	SAYS(dies(assign_while_active), "event_assign of an event that is still added or active",
	    ": activated WRITE\n", ": assigned");
	SAYS(dies(tear_down_while_added), "event_debug_unassign of an event that is still added",
	    "signal 15, SIGNAL, callback");
}

/* What is neither may be set up anew, or vanish. */
static void
events_that_are_idle_again(void)
{
	static const struct timeval at_once = { 0, 0 };
	struct event ev;
	int ends[2];

	debug_begin();
	base = event_base_new();
	open_pipe(ends);
	event_assign(&ev, base, -1, EV_PERSIST, nothing, NULL);
	event_add(&ev, &at_once);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_assign(&ev, base, -1, 0, nothing, NULL); /* its timeout did not repeat */
	event_add(&ev, &long_time);
	event_remove_timer(&ev);
	event_assign(&ev, base, ends[1], EV_WRITE, nothing, NULL);
	event_add(&ev, NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_assign(&ev, base, ends[1], EV_WRITE, nothing, NULL);
	event_add(&ev, NULL);
	event_base_free(base); /* deletes it */
	event_assign(&ev, NULL, -1, 0, nothing, NULL);
	event_debug_unassign(&ev);
	event_debug_unassign(&ev); /* as in libevent */
	close_pipe(ends);
	CHECK_STR_EQ(heard, "");
	libevent_global_shutdown();
}

static void
use_after_base(void *arg)
{
	(void)arg;
	begin();
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	event_base_free(base);
	event_free(ev);
}

static void
events_outlive_their_base_in_vain(void)
{
	SAYS(dies(use_after_base), "event_free of an event whose base was freed",
	    "to do: delete or free the events of a base before event_base_free", "assigned");
}

static void
adding_what_is_finalized_is_refused(void)
{
	struct event ev;

	debug_begin();
	base = event_base_new();
	event_assign(&ev, base, -1, 0, nothing, NULL);
	event_finalize(0, &ev, ignore_event);
	CHECK_INT_EQ(event_add(&ev, &long_time), -1);
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "2 event debug: event_add of an event that is being finalized: refused\n", "to do: add no event",
	    ": finalizing\n", ": deleted\n", ": assigned");
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_debug_unassign(&ev);
	event_base_free(base);
}

static void
assign_blocking(void *arg)
{
	int ends[2];
	struct event ev;

	(void)arg;
	begin();
	CHECK_INT_EQ(pipe2(ends, O_CLOEXEC), 0);
	event_assign(&ev, base, ends[0], EV_READ, nothing, NULL);
}

static void
fds_that_block(void)
{
	SAYS(dies(assign_blocking), "event_assign", "blocks; call evutil_make_socket_nonblocking");
}

static void
enable_twice(void *arg)
{
	(void)arg;
	event_enable_debug_mode();
	event_enable_debug_mode();
}

static void
enable_late(void *arg)
{
	struct event ev;

	(void)arg;
	event_assign(&ev, NULL, -1, 0, nothing, NULL);
	event_enable_debug_mode();
}

static void
debug_mode_comes_once_and_first(void)
{
	int want = EVRT_EVENT_DEBUG_DEFAULT ? 0 : EVRT_TEST_DEATH_FATAL;

	evrt_test_die(enable_twice, NULL, 0, &death);
	CHECK_INT_EQ(WEXITSTATUS(death.status), want);
	CHECK_INT_EQ(death.fatal_code, want ? 1 : 0);
	evrt_test_die(enable_late, NULL, 0, &death);
	CHECK_INT_EQ(WEXITSTATUS(death.status), want);
	CHECK_INT_EQ(death.fatal_code, want ? 1 : 0);
}

static void
use_much(void *arg)
{
	struct event *ev;

	(void)arg;
	begin();
	void *named = dlsym(RTLD_DEFAULT, "abort");
	ev = event_new(base, -1, 0, (event_callback_fn)(uintptr_t)named, NULL);
	for (int i = 0; i < 20; i++) {
		const struct timeval tv = { 1000 + i, 0 };
		event_add(ev, &tv);
	}
	event_free(ev);
	event_del(ev);
}

static void
the_last_steps_are_told_and_names_too(void)
{
	const char *text = dies(use_much);

	SAYS(text, "callback abort (lib", "freed by", "deleted", "timeout 1019.000000", "timeout 1014.000000");
	CHECK(!strstr(text, "timeout 1013.000000"));
}

static void
use_after_many_others(void *arg)
{
	static struct event ev[3000];

	(void)arg;
	begin();
	for (int i = 0; i < 3000; i++) {
		event_assign(&ev[i], base, -1, 0, nothing, NULL);
		event_debug_unassign(&ev[i]);
	}
	event_del(&ev[2999 - 1000]);
}

static void
many_events_that_are_gone_are_remembered(void)
{
	SAYS(dies(use_after_many_others), "torn down by event_debug_unassign");
}

/* Entries of one page's worth and more; all given back. */
static int maps;
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
static int (*real_munmap)(void *, size_t);

static void *
counting_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *p = real_mmap(at, length, protection, flags, fd, offset);

	maps += p != MAP_FAILED;
	return p;
}

static int
counting_munmap(void *at, size_t length)
{
	maps--;
	return real_munmap(at, length);
}

static void *
failing_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	(void)at, (void)length, (void)protection, (void)flags, (void)fd, (void)offset;
	return MAP_FAILED;
}

static void
shutdown_gives_all_memory_back(void)
{
	struct event *ev[2000];

	real_mmap = evrt__sys.mmap;
	real_munmap = evrt__sys.munmap;
	evrt__sys.mmap = counting_mmap;
	evrt__sys.munmap = counting_munmap;
	for (int round = 0; round < 2; round++) {
		debug_begin();
		base = event_base_new();
		for (int i = 0; i < 2000; i++)
			ev[i] = event_new(base, -1, 0, nothing, NULL);
		CHECK(maps > 1);
		for (int i = 0; i < 2000; i++)
			event_free(ev[i]);
		event_base_free(base);
		libevent_global_shutdown();
		CHECK_INT_EQ(maps, 0);
	}
}

static void
without_memory_nobody_is_accused(void)
{
	struct event ev;

	evrt__sys.mmap = failing_mmap;
	debug_begin();
	base = event_base_new();
	event_assign(&ev, base, -1, 0, nothing, NULL);
	CHECK_INT_EQ(event_add(&ev, &long_time), 0);
	CHECK_INT_EQ(event_get_fd(&ev), -1);
	CHECK_INT_EQ(event_del(&ev), 0);
	event_base_free(base);
	CHECK_STR_EQ(heard, "");
}

static void
end_pool(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void
use_freed_of_a_pool(void *arg)
{
	(void)arg;
	event_enable_debug_mode();
	base = evrt_base_new(2);
	struct event *ev = event_new(base, -1, 0, end_pool, base);
	event_active(ev, EV_TIMEOUT, 1);
	event_base_dispatch(base);
	event_free(ev);
	event_add(ev, &long_time);
}

static void
events_of_a_pool_are_watched(void)
{
	SAYS(dies(use_freed_of_a_pool), "event_add of an event that was freed", "freed by event_free", "deleted",
	    "callback called TIMEOUT", "activated TIMEOUT", "assigned");
}

static const struct evrt_test_case cases[] = {
	CASE(events_that_were_never_set_up),
	CASE(without_a_base_it_is_only_refused),
	CASE(events_that_are_gone),
	CASE(events_that_are_busy),
	CASE(events_that_are_idle_again),
	CASE(events_outlive_their_base_in_vain),
	CASE(adding_what_is_finalized_is_refused),
	CASE(fds_that_block),
	CASE(debug_mode_comes_once_and_first),
	CASE(the_last_steps_are_told_and_names_too),
	CASE(many_events_that_are_gone_are_remembered),
	CASE(shutdown_gives_all_memory_back),
	CASE(without_memory_nobody_is_accused),
	CASE(events_of_a_pool_are_watched),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
