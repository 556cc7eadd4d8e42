/* testing/contract/libevent/buffer_defer_test.c — callbacks of evbuffers that wait for the event loop.
 *
 * Here:     evbuffer_defer_callbacks. Public headers only.
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <event2/event.h>

static struct event_base *base;
static int calls;
static struct evbuffer_cb_info last;

static void
note(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	CHECK_PTR_EQ(arg, &calls);
	CHECK_INT_EQ(evbuffer_get_length(buf), info->orig_size + info->n_added - info->n_deleted);
	calls++;
	last = *info;
}

static void
changes_are_told_in_one_call(void)
{
	base = event_base_new();
	struct evbuffer *buf = evbuffer_new();
	CHECK(base && buf && evbuffer_add_cb(buf, note, &calls));
	CHECK_INT_EQ(evbuffer_defer_callbacks(buf, base), 0);
	evbuffer_add(buf, "12345", 5);
	evbuffer_drain(buf, 2);
	CHECK_INT_EQ(calls, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(last.orig_size, 0);
	CHECK_INT_EQ(last.n_added, 5);
	CHECK_INT_EQ(last.n_deleted, 2);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(calls, 1);
	evbuffer_add(buf, "6", 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(calls, 2);
	CHECK_INT_EQ(last.orig_size, 3);
	evbuffer_free(buf);
	event_base_free(base);
}

static void
freed_buffer_lives_until_told(void)
{
	base = event_base_new();
	struct evbuffer *buf = evbuffer_new();
	CHECK(base && buf && evbuffer_add_cb(buf, note, &calls));
	CHECK_INT_EQ(evbuffer_defer_callbacks(buf, base), 0);
	evbuffer_add(buf, "12345", 5);
	evbuffer_free(buf);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(calls, 1);
	event_base_free(base);
}

/* A deferring evbuffer whose callback is "b". */
static struct evbuffer *
deferring(const char *name)
{
	struct evbuffer *buf = evbuffer_new();
	if (!base)
		base = event_base_new();
	CHECK(base && buf);
	rig_watch(buf, name);
	CHECK_INT_EQ(evbuffer_defer_callbacks(buf, base), 0);
	return buf;
}

static void
run_loop(void)
{
	CHECK(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void
a_change_and_its_undoing_are_both_told(void)
{
	struct evbuffer *buf = deferring("b");
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 3), 0);
	rig_check_trace("");
	run_loop();
	rig_check_trace("b:0+3-3 ");
	evbuffer_free(buf);
	event_base_free(base);
}

static void
no_change_is_told_by_no_call(void)
{
	struct evbuffer *buf = deferring("b");
	CHECK_INT_EQ(evbuffer_add(buf, "", 0), 0);
	CHECK_INT_EQ(evbuffer_expand(buf, 100), 0);
	run_loop();
	rig_check_trace("");
	evbuffer_free(buf);
	event_base_free(base);
}

static void
moves_between_two_are_told_to_both(void)
{
	struct evbuffer *a = deferring("a");
	struct evbuffer *b = deferring("b");
	CHECK_INT_EQ(evbuffer_add(a, "abcdef", 6), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(b, a), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(b, a, 2), 2);
	run_loop();
	rig_check_trace("a:0+8-6 b:0+6-2 ");
	evbuffer_free(a);
	evbuffer_free(b);
	event_base_free(base);
}

static void
one_removed_in_time_is_not_called(void)
{
	struct evbuffer *buf = deferring("b");
	struct evbuffer_cb_entry *e = rig_watch(buf, "c");
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	CHECK_INT_EQ(evbuffer_remove_cb_entry(buf, e), 0);
	run_loop();
	rig_check_trace("b:0+3-0 ");
	evbuffer_free(buf);
	event_base_free(base);
}

static void
one_disabled_in_time_is_not_called(void)
{
	struct evbuffer *buf = deferring("b");
	struct evbuffer_cb_entry *e = rig_watch(buf, "c");
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	CHECK_INT_EQ(evbuffer_cb_clear_flags(buf, e, EVBUFFER_CB_ENABLED), 0);
	run_loop();
	rig_check_trace("b:0+3-0 ");
	evbuffer_free(buf);
	event_base_free(base);
}

static void
add_once(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	rig_note(buf, info, arg);
	if (evbuffer_get_length(buf) < 5)
		CHECK_INT_EQ(evbuffer_add(buf, "xy", 2), 0);
}

static void
an_edit_from_within_is_told_later(void)
{
	struct evbuffer *buf = evbuffer_new();
	base = event_base_new();
	CHECK(base && buf && evbuffer_add_cb(buf, add_once, "n"));
	CHECK_INT_EQ(evbuffer_defer_callbacks(buf, base), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	run_loop();
	run_loop();
	rig_check_trace("n:0+3-0 n:3+2-0 ");
	evbuffer_free(buf);
	event_base_free(base);
}

static void
what_changed_before_a_callback_came_is_not_told(void)
{
	struct evbuffer *buf = rig_holding("before");
	base = event_base_new();
	CHECK(base != NULL);
	CHECK_INT_EQ(evbuffer_defer_callbacks(buf, base), 0);
	rig_watch(buf, "b");
	run_loop();
	rig_check_trace("");
	CHECK_INT_EQ(evbuffer_add(buf, "x", 1), 0);
	run_loop();
	rig_check_trace("b:6+1-0 ");
	evbuffer_free(buf);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	{ "a_change_and_its_undoing_are_both_told", a_change_and_its_undoing_are_both_told },
	{ "no_change_is_told_by_no_call", no_change_is_told_by_no_call },
	{ "moves_between_two_are_told_to_both", moves_between_two_are_told_to_both },
	{ "one_removed_in_time_is_not_called", one_removed_in_time_is_not_called },
	{ "one_disabled_in_time_is_not_called", one_disabled_in_time_is_not_called },
	{ "an_edit_from_within_is_told_later", an_edit_from_within_is_told_later },
	{ "what_changed_before_a_callback_came_is_not_told", what_changed_before_a_callback_came_is_not_told },
	{ "changes_are_told_in_one_call", changes_are_told_in_one_call },
	{ "freed_buffer_lives_until_told", freed_buffer_lives_until_told },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
