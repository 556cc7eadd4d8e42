/* testing/contract/libevent/buffer_callback_test.c — what callbacks are told, call by call.
 *
 * Here:     order, numbers, flags, the old setcb. Public headers only.
 * Not here: deferral to a loop (buffer_defer_test.c).
 */
#include "testing/contract/libevent/buffer_rig.h"

/* The callbacks' names, which are their arguments. */
static char name_1[] = "1", name_2[] = "2", name_none[] = "none";
static char name_a[] = "a", name_b[] = "b", name_o[] = "o";

/* Calls as text: "2:5+3-0 " is callback 2, five bytes before, three added. */
static char trace[512];

static void
note(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	size_t n = strlen(trace);
	CHECK_INT_EQ(evbuffer_get_length(buf), info->orig_size + info->n_added - info->n_deleted);
	evutil_snprintf(trace + n, sizeof(trace) - n, "%s:%d+%d-%d ", (char *)arg, (int)info->orig_size,
	    (int)info->n_added, (int)info->n_deleted);
}

static void
note_obsolete(struct evbuffer *buf, size_t old_len, size_t new_len, void *arg)
{
	size_t n = strlen(trace);
	CHECK_INT_EQ(evbuffer_get_length(buf), new_len);
	evutil_snprintf(trace + n, sizeof(trace) - n, "%s:%d>%d ", (char *)arg, (int)old_len, (int)new_len);
}

static void
check_trace(const char *expect)
{
	CHECK_STR_EQ(trace, expect);
	trace[0] = '\0';
}

static void
edits_are_told_newest_first(void)
{
	struct evbuffer *buf = evbuffer_new();
	evbuffer_add_cb(buf, note, name_1);
	evbuffer_add_cb(buf, note, name_2);
	evbuffer_add(buf, "hello", 5);
	check_trace("2:0+5-0 1:0+5-0 ");
	evbuffer_drain(buf, 2);
	check_trace("2:5+0-2 1:5+0-2 ");
	CHECK_INT_EQ(evbuffer_remove_cb(buf, note, name_none), -1);
	CHECK_INT_EQ(evbuffer_remove_cb(buf, note, name_2), 0);
	evbuffer_prepend(buf, "xx", 2);
	check_trace("1:3+2-0 ");
	evbuffer_add_printf(buf, "%s", "abc");
	check_trace("1:5+3-0 ");
	evbuffer_add(buf, "", 0);
	evbuffer_drain(buf, 0);
	evbuffer_pullup(buf, -1);
	evbuffer_expand(buf, 1000);
	check_trace("");
	evbuffer_free(buf);
	check_trace(""); /* freeing is not draining */
}

static void
moves_are_told_to_both(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	evbuffer_add(a, "12345678", 8);
	evbuffer_add_cb(a, note, name_a);
	evbuffer_add_cb(b, note, name_b);
	evbuffer_add_buffer(b, a);
	check_trace("a:8+0-8 b:0+8-0 ");
	evbuffer_remove_buffer(b, a, 3);
	check_trace("a:0+3-0 b:8+0-3 ");
	evbuffer_prepend_buffer(a, b);
	check_trace("b:5+0-5 a:3+5-0 ");
	evbuffer_add_buffer_reference(b, a);
	check_trace("b:0+8-0 ");
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
io_and_room_are_told(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct evbuffer_iovec vec[2];
	int fds[2];
	char out[4];
	evbuffer_add_cb(buf, note, name_b);
	CHECK_INT_EQ(pipe(fds), 0);
	evbuffer_add(buf, "abc", 3);
	CHECK_INT_EQ(rig_write(buf, fds[1], -1), 3);
	CHECK_INT_EQ(rig_read(buf, fds[0], 100), 3);
	check_trace("b:0+3-0 b:3+0-3 b:0+3-0 ");
	evbuffer_reserve_space(buf, 10, vec, 1);
	vec[0].iov_len = 2;
	memset(vec[0].iov_base, 'x', 2);
	evbuffer_commit_space(buf, vec, 1);
	check_trace("b:3+2-0 ");
	evbuffer_remove(buf, out, 4);
	evbuffer_add_reference(buf, "ref", 3, NULL, NULL);
	check_trace("b:5+0-4 b:1+3-0 ");
	evbuffer_free(buf);
	close(fds[0]);
	close(fds[1]);
}

static void
disabled_callbacks_are_silent(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct evbuffer_cb_entry *e = evbuffer_add_cb(buf, note, name_1);
	CHECK_INT_EQ(evbuffer_cb_clear_flags(buf, e, EVBUFFER_CB_ENABLED), 0);
	evbuffer_add(buf, "abc", 3);
	check_trace("");
	CHECK_INT_EQ(evbuffer_cb_set_flags(buf, e, EVBUFFER_CB_ENABLED), 0);
	evbuffer_add(buf, "d", 1);
	check_trace("1:3+1-0 ");
	CHECK_INT_EQ(evbuffer_remove_cb_entry(buf, e), 0);
	evbuffer_add(buf, "e", 1);
	check_trace("");
	evbuffer_free(buf);
}

static void
remove_self(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	note(buf, info, arg);
	CHECK_INT_EQ(evbuffer_remove_cb(buf, remove_self, arg), 0);
}

static void
callback_removes_itself(void)
{
	struct evbuffer *buf = evbuffer_new();
	evbuffer_add_cb(buf, note, name_1);
	evbuffer_add_cb(buf, remove_self, name_2);
	evbuffer_add(buf, "a", 1);
	check_trace("2:0+1-0 1:0+1-0 ");
	evbuffer_add(buf, "a", 1);
	check_trace("1:1+1-0 ");
	evbuffer_free(buf);
}

static void
setcb_replaces_all(void)
{
	struct evbuffer *buf = evbuffer_new();
	evbuffer_add_cb(buf, note, name_1);
	CHECK_INT_EQ(evbuffer_setcb(buf, note_obsolete, name_o), 0);
	evbuffer_add(buf, "12", 2);
	evbuffer_drain(buf, 1);
	check_trace("o:0>2 o:2>1 ");
	CHECK_INT_EQ(evbuffer_setcb(buf, NULL, NULL), 0);
	evbuffer_add(buf, "12", 2);
	check_trace("");
	evbuffer_free(buf);
}

static const struct evrt_test_case cases[] = {
	{ "edits_are_told_newest_first", edits_are_told_newest_first },
	{ "moves_are_told_to_both", moves_are_told_to_both },
	{ "io_and_room_are_told", io_and_room_are_told },
	{ "disabled_callbacks_are_silent", disabled_callbacks_are_silent },
	{ "callback_removes_itself", callback_removes_itself },
	{ "setcb_replaces_all", setcb_replaces_all },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
