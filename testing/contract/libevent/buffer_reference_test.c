/* testing/contract/libevent/buffer_reference_test.c — contents that are not copied: the program's memory, and other
 * evbuffers' contents.
 *
 * Here:     that the cleanup function is called once, and when, for each way in which a reference can end; what
 *           may be shared, and that sharers do not see each other's edits. Public headers only.
 * Not here: files (buffer_segment_test.c).
 */
#include "testing/contract/libevent/buffer_rig.h"

static const char memory[] = "0123456789";
static struct rig_cleanup cleaned;

static struct evbuffer *
referring(void)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK(buf != NULL);
	CHECK_INT_EQ(evbuffer_add_reference(buf, memory, 10, rig_cleanup, &cleaned), 0);
	CHECK_INT_EQ(cleaned.calls, 0);
	return buf;
}

static void
check_cleaned(int calls)
{
	CHECK_INT_EQ(cleaned.calls, calls);
	if (!calls)
		return;
	CHECK_PTR_EQ(cleaned.data, memory);
	CHECK_INT_EQ(cleaned.len, 10);
}

static void
nothing_is_copied(void)
{
	struct evbuffer *buf = referring();
	struct evbuffer_iovec vec[1];
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, vec, 1), 1);
	CHECK_PTR_EQ(vec[0].iov_base, memory);
	CHECK_INT_EQ(vec[0].iov_len, 10);
	CHECK_PTR_EQ(evbuffer_pullup(buf, -1), memory);
	evbuffer_free(buf);
	check_cleaned(1);
}

static void
ended_by_drain(void)
{
	struct evbuffer *buf = referring();
	CHECK_INT_EQ(evbuffer_drain(buf, 9), 0);
	check_cleaned(0);
	CHECK_INT_EQ(evbuffer_drain(buf, 1), 0);
	check_cleaned(1);
	evbuffer_free(buf);
	check_cleaned(1);
}

static void
ended_by_drain_of_more(void)
{
	struct evbuffer *buf = referring();
	CHECK_INT_EQ(evbuffer_add(buf, "x", 1), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, EV_SIZE_MAX), 0);
	check_cleaned(1);
	evbuffer_free(buf);
}

static void
ended_by_remove(void)
{
	struct evbuffer *buf = referring();
	char out[10];
	CHECK_INT_EQ(evbuffer_remove(buf, out, 4), 4);
	check_cleaned(0);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 10), 6);
	check_cleaned(1);
	evbuffer_free(buf);
}

static void
ended_by_free(void)
{
	struct evbuffer *buf = referring();
	evbuffer_free(buf);
	check_cleaned(1);
}

static void
ended_by_pullup_with_others(void)
{
	struct evbuffer *buf = referring();
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	CHECK_MEM_EQ(evbuffer_pullup(buf, 12), "0123456789ab", 12);
	check_cleaned(1);
	rig_check(buf, "0123456789abc");
	evbuffer_free(buf);
	check_cleaned(1);
}

static void
ended_by_write(void)
{
	struct evbuffer *buf = referring();
	evutil_socket_t sv[2];
	rig_open_pair(sv);
	CHECK_INT_EQ(rig_write(buf, sv[0], 5), 5);
	check_cleaned(0);
	CHECK_INT_EQ(rig_write(buf, sv[0], -1), 5);
	check_cleaned(1);
	rig_close_pair(sv);
	evbuffer_free(buf);
}

static void
moved_and_ended_elsewhere(void)
{
	struct evbuffer *buf = referring();
	struct evbuffer *other = rig_holding("abc");
	CHECK_INT_EQ(evbuffer_add_buffer(other, buf), 0);
	evbuffer_free(buf);
	check_cleaned(0);
	CHECK_INT_EQ(evbuffer_drain(other, 3), 0);
	CHECK_INT_EQ(evbuffer_drain(other, 10), 0);
	check_cleaned(1);
	evbuffer_free(other);
}

static void
prepended_and_ended_elsewhere(void)
{
	struct evbuffer *buf = referring();
	struct evbuffer *other = rig_holding("abc");
	CHECK_INT_EQ(evbuffer_prepend_buffer(other, buf), 0);
	check_cleaned(0);
	rig_check(other, "0123456789abc");
	CHECK_INT_EQ(evbuffer_drain(other, 10), 0);
	check_cleaned(1);
	evbuffer_free(buf);
	evbuffer_free(other);
}

static void
removed_in_parts_to_another(void)
{
	struct evbuffer *buf = referring();
	struct evbuffer *other = evbuffer_new();
	CHECK_INT_EQ(evbuffer_remove_buffer(buf, other, 4), 4);
	check_cleaned(0);
	CHECK_INT_EQ(evbuffer_remove_buffer(buf, other, 6), 6);
	rig_check(other, memory);
	evbuffer_free(buf);
	evbuffer_free(other);
	check_cleaned(1);
}

static void
ended_by_the_last_sharer(void)
{
	struct evbuffer *buf = referring();
	struct evbuffer *b = evbuffer_new();
	struct evbuffer *c = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, buf), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(c, buf), 0);
	evbuffer_free(buf);
	check_cleaned(0);
	CHECK_INT_EQ(evbuffer_drain(b, 10), 0);
	check_cleaned(0);
	rig_check(c, memory);
	evbuffer_free(c);
	check_cleaned(1);
	evbuffer_free(b);
}

static void
without_a_cleanup_function(void)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_reference(buf, memory, 10, NULL, NULL), 0);
	rig_check(buf, memory);
	CHECK_INT_EQ(evbuffer_drain(buf, 10), 0);
	evbuffer_free(buf);
}

static void
edits_around_a_reference_leave_it(void)
{
	struct evbuffer *buf = referring();
	CHECK_INT_EQ(evbuffer_add(buf, "<<", 2), 0);
	CHECK_INT_EQ(evbuffer_prepend(buf, ">>", 2), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 5), 0);
	CHECK_INT_EQ(evbuffer_prepend(buf, "abc", 3), 0); /* there is no room before it that is ours */
	rig_check(buf, "abc3456789<<");
	CHECK_STR_EQ(memory, "0123456789");
	evbuffer_free(buf);
	check_cleaned(1);
}

static void
sharers_do_not_see_edits(void)
{
	struct evbuffer *a = rig_holding("abcdef");
	struct evbuffer *b = rig_holding("<");
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), 0);
	CHECK_INT_EQ(evbuffer_drain(a, 3), 0);
	CHECK_INT_EQ(evbuffer_prepend(a, "XYZ", 3), 0);
	CHECK_INT_EQ(evbuffer_add(a, "ghi", 3), 0);
	CHECK_INT_EQ(evbuffer_add(b, ">", 1), 0);
	rig_check(a, "XYZdefghi");
	rig_check(b, "<abcdef>");
	evbuffer_free(a);
	rig_check(b, "<abcdef>");
	evbuffer_free(b);
}

static void
many_blocks_are_shared(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add(a, rig_pattern(), 30000), 0);
	rig_add_piece(a, rig_pattern() + 30000, 5000);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), 0);
	CHECK_INT_EQ(evbuffer_drain(a, 20000), 0);
	rig_check_bytes(a, rig_pattern() + 20000, 15000);
	rig_check_bytes(b, rig_pattern(), 35000);
	evbuffer_free(a);
	CHECK_MEM_EQ(evbuffer_pullup(b, -1), rig_pattern(), 35000);
	evbuffer_free(b);
}

static void
sharing_with_oneself_is_refused(void)
{
	struct evbuffer *a = rig_holding("abc");
	CHECK_INT_EQ(evbuffer_add_buffer_reference(a, a), -1);
	rig_check(a, "abc");
	evbuffer_free(a);
}

static void
sharing_does_not_nest(void)
{
	struct evbuffer *a = rig_holding("abc");
	struct evbuffer *b = rig_holding("123");
	struct evbuffer *c = rig_holding("x");
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(c, b), -1);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(a, b), -1);
	rig_check(c, "x");
	rig_check(a, "abc");
	/* Once the shared bytes are gone, it may be shared. */
	CHECK_INT_EQ(evbuffer_drain(b, 6), 0);
	CHECK_INT_EQ(evbuffer_add(b, "456", 3), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(c, b), 0);
	rig_check(c, "x456");
	evbuffer_free(a);
	evbuffer_free(b);
	evbuffer_free(c);
}

static void
files_are_not_shared(void)
{
	struct evbuffer *a = rig_holding("abc");
	struct evbuffer *b = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_file(a, rig_file("123", 3), 0, 3), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), -1);
	CHECK_INT_EQ(evbuffer_get_length(b), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 3), 3);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(a, b), 0);
	evbuffer_free(a);
	rig_check(b, "abc");
	evbuffer_free(b);
}

static void
an_empty_buffer_is_shared(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = rig_holding("abc");
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), 0);
	rig_check(b, "abc");
	evbuffer_free(a);
	evbuffer_free(b);
}

static const struct evrt_test_case cases[] = {
	{ "nothing_is_copied", nothing_is_copied },
	{ "ended_by_drain", ended_by_drain },
	{ "ended_by_drain_of_more", ended_by_drain_of_more },
	{ "ended_by_remove", ended_by_remove },
	{ "ended_by_free", ended_by_free },
	{ "ended_by_pullup_with_others", ended_by_pullup_with_others },
	{ "ended_by_write", ended_by_write },
	{ "moved_and_ended_elsewhere", moved_and_ended_elsewhere },
	{ "prepended_and_ended_elsewhere", prepended_and_ended_elsewhere },
	{ "removed_in_parts_to_another", removed_in_parts_to_another },
	{ "ended_by_the_last_sharer", ended_by_the_last_sharer },
	{ "without_a_cleanup_function", without_a_cleanup_function },
	{ "edits_around_a_reference_leave_it", edits_around_a_reference_leave_it },
	{ "sharers_do_not_see_edits", sharers_do_not_see_edits },
	{ "many_blocks_are_shared", many_blocks_are_shared },
	{ "sharing_with_oneself_is_refused", sharing_with_oneself_is_refused },
	{ "sharing_does_not_nest", sharing_does_not_nest },
	{ "files_are_not_shared", files_are_not_shared },
	{ "an_empty_buffer_is_shared", an_empty_buffer_is_shared },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
