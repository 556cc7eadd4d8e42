/* testing/contract/libevent/buffer_nested_test.c — callbacks that change the evbuffer, or the list of callbacks.
 *
 * Here:     edits, additions and removals from within; flags; the old setcb among the others. Public headers only.
 * Not here: what a single edit tells (buffer_told_test.c).
 */
#include "testing/contract/libevent/buffer_rig.h"

static int edits_left;

static void
note_and_add(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	rig_note(buf, info, arg);
	if (edits_left-- > 0)
		CHECK_INT_EQ(evbuffer_add(buf, "++", 2), 0);
}

static void
an_edit_from_within_is_told_from_within(void)
{
	struct evbuffer *buf = rig_holding("");
	edits_left = 2;
	CHECK(evbuffer_add_cb(buf, note_and_add, "a") != NULL);
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	rig_check_trace("a:0+3-0 a:3+2-0 a:5+2-0 ");
	rig_check(buf, "abc++++");
	evbuffer_free(buf);
}

static void
note_and_drain(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	rig_note(buf, info, arg);
	if (info->n_added)
		CHECK_INT_EQ(evbuffer_drain(buf, 100), 0);
}

static void
a_callback_may_empty_the_buffer(void)
{
	struct evbuffer *buf = rig_holding("abc");
	CHECK(evbuffer_add_cb(buf, note_and_drain, "d") != NULL);
	CHECK_INT_EQ(evbuffer_add(buf, "de", 2), 0);
	rig_check_trace("d:3+2-0 d:5+0-5 ");
	CHECK_INT_EQ(evbuffer_add_reference(buf, "ref", 3, NULL, NULL), 0);
	CHECK_INT_EQ(evbuffer_prepend(buf, "xy", 2), 0);
	rig_check_trace("d:0+3-0 d:3+0-3 d:0+2-0 d:2+0-2 ");
	evbuffer_free(buf);
}

static void
note_and_move(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	rig_note(buf, info, "m");
	if (info->n_added)
		CHECK_INT_EQ(evbuffer_add_buffer(arg, buf), 0);
}

static void
bytes_pass_on_through_callbacks(void)
{
	struct evbuffer *a = rig_holding("");
	struct evbuffer *b = rig_holding("");
	struct evbuffer *c = rig_holding("");
	CHECK(evbuffer_add_cb(a, note_and_move, b) && evbuffer_add_cb(b, note_and_move, c));
	rig_watch(c, "c");
	CHECK_INT_EQ(evbuffer_add(a, "abc", 3), 0);
	rig_check_trace("m:0+3-0 m:3+0-3 m:0+3-0 m:3+0-3 c:0+3-0 ");
	rig_check(c, "abc");
	evbuffer_free(a);
	evbuffer_free(b);
	evbuffer_free(c);
}

static struct evbuffer_cb_entry *entry_to_remove;

static void
note_and_remove_entry(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	rig_note(buf, info, arg);
	if (entry_to_remove)
		CHECK_INT_EQ(evbuffer_remove_cb_entry(buf, entry_to_remove), 0);
	entry_to_remove = NULL;
}

static void
a_callback_removes_itself_by_entry(void)
{
	struct evbuffer *buf = rig_holding("");
	rig_watch(buf, "1");
	entry_to_remove = evbuffer_add_cb(buf, note_and_remove_entry, "2");
	CHECK(entry_to_remove != NULL);
	rig_watch(buf, "3");
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "b", 1), 0);
	rig_check_trace("3:0+1-0 2:0+1-0 1:0+1-0 3:1+1-0 1:1+1-0 ");
	evbuffer_free(buf);
}

static void
a_callback_removes_one_that_was_called(void)
{
	struct evbuffer *buf = rig_holding("");
	CHECK(evbuffer_add_cb(buf, note_and_remove_entry, "1") != NULL);
	entry_to_remove = rig_watch(buf, "2");
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "b", 1), 0);
	rig_check_trace("2:0+1-0 1:0+1-0 1:1+1-0 ");
	evbuffer_free(buf);
}

static void
note_and_add_callback(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	rig_note(buf, info, arg);
	if (edits_left-- > 0)
		rig_watch(buf, "new");
}

static void
one_added_from_within_waits_for_the_next_change(void)
{
	struct evbuffer *buf = rig_holding("");
	edits_left = 1;
	CHECK(evbuffer_add_cb(buf, note_and_add_callback, "1") != NULL);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("1:0+1-0 ");
	CHECK_INT_EQ(evbuffer_add(buf, "b", 1), 0);
	rig_check_trace("new:1+1-0 1:1+1-0 ");
	evbuffer_free(buf);
}

static void
remove_cb_takes_the_newest_that_matches(void)
{
	struct evbuffer *buf = rig_holding("");
	rig_watch(buf, "1");
	struct evbuffer_cb_entry *newest = rig_watch(buf, "2");
	rig_watch(buf, "3");
	CHECK_INT_EQ(evbuffer_remove_cb(buf, note_and_drain, "3"), -1);
	struct evbuffer_cb_entry *again = evbuffer_add_cb(buf, rig_note, entry_to_remove);
	CHECK(again != NULL);
	CHECK_INT_EQ(evbuffer_remove_cb(buf, rig_note, entry_to_remove), 0);
	CHECK_INT_EQ(evbuffer_remove_cb(buf, rig_note, entry_to_remove), -1);
	CHECK_INT_EQ(evbuffer_remove_cb_entry(buf, newest), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("3:0+1-0 1:0+1-0 ");
	evbuffer_free(buf);
}

static void
the_same_callback_twice_is_called_twice(void)
{
	static const char name[] = "1";
	struct evbuffer *buf = rig_holding("");
	rig_watch(buf, name);
	rig_watch(buf, name);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("1:0+1-0 1:0+1-0 ");
	CHECK_INT_EQ(evbuffer_remove_cb(buf, rig_note, (void *)(uintptr_t)name), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("1:1+1-0 ");
	evbuffer_free(buf);
}

static void
what_was_missed_while_disabled_stays_missed(void)
{
	struct evbuffer *buf = rig_holding("");
	struct evbuffer_cb_entry *e = rig_watch(buf, "1");
	CHECK_INT_EQ(evbuffer_cb_clear_flags(buf, e, EVBUFFER_CB_ENABLED), 0);
	CHECK_INT_EQ(evbuffer_cb_clear_flags(buf, e, EVBUFFER_CB_ENABLED), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 1), 0);
	CHECK_INT_EQ(evbuffer_cb_set_flags(buf, e, EVBUFFER_CB_ENABLED), 0);
	rig_check_trace("");
	CHECK_INT_EQ(evbuffer_add(buf, "d", 1), 0);
	rig_check_trace("1:2+1-0 ");
	evbuffer_free(buf);
}

static void
disabling_one_leaves_the_others(void)
{
	struct evbuffer *buf = rig_holding("");
	rig_watch(buf, "1");
	struct evbuffer_cb_entry *e = rig_watch(buf, "2");
	rig_watch(buf, "3");
	CHECK_INT_EQ(evbuffer_cb_clear_flags(buf, e, EVBUFFER_CB_ENABLED), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("3:0+1-0 1:0+1-0 ");
	evbuffer_free(buf);
}

static struct evbuffer_cb_entry *entry_to_disable;

static void
note_and_disable(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	rig_note(buf, info, arg);
	CHECK_INT_EQ(evbuffer_cb_clear_flags(buf, entry_to_disable, EVBUFFER_CB_ENABLED), 0);
}

static void
a_callback_disables_a_later_one(void)
{
	struct evbuffer *buf = rig_holding("");
	entry_to_disable = rig_watch(buf, "1");
	CHECK(evbuffer_add_cb(buf, note_and_disable, "2") != NULL);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("2:0+1-0 ");
	evbuffer_free(buf);
}

static void
note_old(struct evbuffer *buf, size_t old_len, size_t new_len, void *arg)
{
	char text[100];
	CHECK_INT_EQ(evbuffer_get_length(buf), new_len);
	evutil_snprintf(text, sizeof(text), "%s:%d>%d ", (const char *)arg, (int)old_len, (int)new_len);
	rig_note_text(text);
}

static void
setcb_tells_both_lengths(void)
{
	struct evbuffer *buf = rig_holding("ab");
	struct evbuffer *other = rig_holding("12345");
	CHECK_INT_EQ(evbuffer_setcb(buf, note_old, "o"), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "c", 1), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "", 0), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(buf, other), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 8), 0);
	rig_check_trace("o:2>3 o:3>8 o:8>0 ");
	evbuffer_free(buf);
	evbuffer_free(other);
}

static void
setcb_again_replaces(void)
{
	struct evbuffer *buf = rig_holding("");
	CHECK_INT_EQ(evbuffer_setcb(buf, note_old, "1"), 0);
	CHECK_INT_EQ(evbuffer_setcb(buf, note_old, "2"), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("2:0>1 ");
	evbuffer_free(buf);
}

static void
add_cb_after_setcb_keeps_both(void)
{
	struct evbuffer *buf = rig_holding("");
	CHECK_INT_EQ(evbuffer_setcb(buf, note_old, "o"), 0);
	rig_watch(buf, "n");
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("n:0+1-0 o:0>1 ");
	CHECK_INT_EQ(evbuffer_setcb(buf, NULL, NULL), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	rig_check_trace("");
	evbuffer_free(buf);
}

static const struct evrt_test_case cases[] = {
	{ "an_edit_from_within_is_told_from_within", an_edit_from_within_is_told_from_within },
	{ "a_callback_may_empty_the_buffer", a_callback_may_empty_the_buffer },
	{ "bytes_pass_on_through_callbacks", bytes_pass_on_through_callbacks },
	{ "a_callback_removes_itself_by_entry", a_callback_removes_itself_by_entry },
	{ "a_callback_removes_one_that_was_called", a_callback_removes_one_that_was_called },
	{ "one_added_from_within_waits_for_the_next_change", one_added_from_within_waits_for_the_next_change },
	{ "remove_cb_takes_the_newest_that_matches", remove_cb_takes_the_newest_that_matches },
	{ "the_same_callback_twice_is_called_twice", the_same_callback_twice_is_called_twice },
	{ "what_was_missed_while_disabled_stays_missed", what_was_missed_while_disabled_stays_missed },
	{ "disabling_one_leaves_the_others", disabling_one_leaves_the_others },
	{ "a_callback_disables_a_later_one", a_callback_disables_a_later_one },
	{ "setcb_tells_both_lengths", setcb_tells_both_lengths },
	{ "setcb_again_replaces", setcb_again_replaces },
	{ "add_cb_after_setcb_keeps_both", add_cb_after_setcb_keeps_both },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
