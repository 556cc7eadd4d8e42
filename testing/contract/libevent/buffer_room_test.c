/* testing/contract/libevent/buffer_room_test.c — room that is reserved, committed and expanded; sizes and limits.
 *
 * Here:     reserve and commit in each form, expand, long texts, prepending across blocks, pullup and peek of what
 *           lies in many blocks, lengths that are too long. Public headers only.
 * Not here: the same with an end frozen (buffer_freeze_test.c).
 */
#include "testing/contract/libevent/buffer_rig.h"

static void
one_piece_is_as_long_as_asked(void)
{
	static const int sizes[] = { 1, 10, 255, 256, 1024, 4096, 65536, 300000 };
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[1];
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK_INT_EQ(evbuffer_reserve_space(buf, sizes[i], vec, 1), 1);
		CHECK(vec[0].iov_len >= (size_t)sizes[i]);
		memset(vec[0].iov_base, '.', (size_t)sizes[i]);
	}
	rig_check(buf, "abc");
	evbuffer_free(buf);
}

static void
two_pieces_together_are_as_long_as_asked(void)
{
	static const int sizes[] = { 1, 100, 2000, 70000 };
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[2];
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int n = evbuffer_reserve_space(buf, sizes[i], vec, 2);
		CHECK(n == 1 || n == 2);
		CHECK(vec[0].iov_len + (n == 2 ? vec[1].iov_len : 0) >= (size_t)sizes[i]);
	}
	evbuffer_free(buf);
}

static void
more_than_two_pieces_are_not_used(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[5];
	int n = evbuffer_reserve_space(buf, 100000, vec, 5);
	CHECK(n == 1 || n == 2);
	evbuffer_free(buf);
}

static void
all_of_the_room_may_be_committed(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[2];
	int n = evbuffer_reserve_space(buf, 5000, vec, 2);
	size_t total = 3;
	for (int i = 0; i < n; i++) {
		memset(vec[i].iov_base, 'x', vec[i].iov_len);
		total += vec[i].iov_len;
	}
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, n), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), total);
	evbuffer_free(buf);
}

static void
a_shortened_piece_is_committed_as_it_is(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[1];
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 100, vec, 1), 1);
	memcpy(vec[0].iov_base, "defgh", 5);
	vec[0].iov_len = 2;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
	rig_check(buf, "abcde");
	CHECK_INT_EQ(evbuffer_add(buf, "!", 1), 0);
	rig_check(buf, "abcde!");
	evbuffer_free(buf);
}

static void
the_second_piece_may_be_left_off(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[2];
	CHECK(evbuffer_reserve_space(buf, 70000, vec, 2) >= 1);
	memcpy(vec[0].iov_base, "d", 1);
	vec[0].iov_len = 1;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
	rig_check(buf, "abcd");
	evbuffer_free(buf);
}

static void
room_may_be_reserved_and_not_used(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[2];
	CHECK(evbuffer_reserve_space(buf, 5000, vec, 2) >= 1);
	CHECK_INT_EQ(evbuffer_add(buf, "def", 3), 0);
	CHECK(evbuffer_reserve_space(buf, 5000, vec, 2) >= 1);
	CHECK_INT_EQ(evbuffer_drain(buf, 4), 0);
	rig_check(buf, "ef");
	evbuffer_free(buf);
}

static void
room_moved_by_others_is_refused(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[1];
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 10, vec, 1), 1);
	vec[0].iov_base = (char *)vec[0].iov_base + 1;
	vec[0].iov_len = 1;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), -1);
	rig_check(buf, "abc");
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 10, vec, 1), 1);
	CHECK_INT_EQ(evbuffer_add(buf, "def", 3), 0);
	vec[0].iov_len = 1;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), -1);
	rig_check(buf, "abcdef");
	evbuffer_free(buf);
}

static void
room_of_an_empty_buffer_is_committed(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct evbuffer_iovec vec[2];
	CHECK(evbuffer_reserve_space(buf, 10, vec, 2) >= 1);
	memcpy(vec[0].iov_base, "abc", 3);
	vec[0].iov_len = 3;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
	rig_check(buf, "abc");
	evbuffer_free(buf);
}

static void
room_behind_a_reference_is_the_buffers_own(void)
{
	static const char memory[] = "0123456789";
	struct evbuffer *buf = evbuffer_new();
	struct evbuffer_iovec vec[1];
	rig_add_piece(buf, memory, 4);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 3, vec, 1), 1);
	CHECK(vec[0].iov_base != (const void *)(memory + 4));
	memcpy(vec[0].iov_base, "abc", 3);
	vec[0].iov_len = 3;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
	rig_check(buf, "0123abc");
	CHECK_STR_EQ(memory, "0123456789");
	evbuffer_free(buf);
}

static void
expand_leaves_contents(void)
{
	struct evbuffer *buf = rig_three_pieces();
	CHECK_INT_EQ(evbuffer_expand(buf, 0), 0);
	CHECK_INT_EQ(evbuffer_expand(buf, 1), 0);
	CHECK_INT_EQ(evbuffer_expand(buf, 100000), 0);
	rig_check(buf, "abcdefghi");
	CHECK_INT_EQ(evbuffer_add(buf, rig_pattern(), 90000), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 90009);
	evbuffer_free(buf);
}

static void
expanded_room_is_contiguous(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[2];
	CHECK_INT_EQ(evbuffer_expand(buf, 10000), 0);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 10000, vec, 1), 1);
	CHECK(vec[0].iov_len >= 10000);
	evbuffer_free(buf);
}

static void
long_texts_are_printed_whole(void)
{
	static const int widths[] = { 0, 1, 63, 64, 65, 500, 1023, 1024, 5000, 80000 };
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct evbuffer *buf = rig_holding("<");
		int n = widths[i] ? widths[i] : 1;
		CHECK_INT_EQ(evbuffer_add_printf(buf, "%*d", widths[i], 7), n);
		CHECK_INT_EQ(evbuffer_get_length(buf), n + 1);
		CHECK_INT_EQ(evbuffer_pullup(buf, -1)[n], '7');
		CHECK_INT_EQ(evbuffer_add(buf, ">", 1), 0);
		CHECK_INT_EQ(evbuffer_search(buf, "7>", 2, NULL).pos, n);
		evbuffer_free(buf);
	}
}

static void
printing_adds_no_nul(void)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_printf(buf, "%s", "ab"), 2);
	CHECK_INT_EQ(evbuffer_add_printf(buf, "%c", '\0'), 1);
	CHECK_INT_EQ(evbuffer_add_printf(buf, "%s%%%d", "cd", -5), 5);
	rig_check_bytes(buf, "ab\0cd%-5", 8);
	evbuffer_free(buf);
}

static void
prepending_grows_to_the_front(void)
{
	struct evbuffer *buf = evbuffer_new();
	const char *pattern = rig_pattern();
	for (size_t at = 20000, n = 1; at > 0; n = n * 2 + 1) {
		n = n < at ? n : at;
		at -= n;
		CHECK_INT_EQ(evbuffer_prepend(buf, pattern + at, n), 0);
		CHECK_INT_EQ(evbuffer_get_length(buf), 20000 - at);
	}
	rig_check_bytes(buf, pattern, 20000);
	evbuffer_free(buf);
}

static void
drained_room_is_prepended_to(void)
{
	struct evbuffer *buf = rig_holding("abcdefghij");
	for (int i = 0; i < 1000; i++) {
		CHECK_INT_EQ(evbuffer_drain(buf, 5), 0);
		CHECK_INT_EQ(evbuffer_prepend(buf, "abcde", 5), 0);
	}
	rig_check(buf, "abcdefghij");
	evbuffer_free(buf);
}

static void
pullup_gathers_many_blocks(void)
{
	static const int sizes[] = { 1, 3, 250, 4096, 30000, 49999, 50000 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct evbuffer *buf = evbuffer_new();
		for (size_t at = 0; at < 50000; at += 500)
			CHECK_INT_EQ(evbuffer_add(buf, rig_pattern() + at, 500), 0);
		CHECK_MEM_EQ(evbuffer_pullup(buf, sizes[i]), rig_pattern(), (size_t)sizes[i]);
		CHECK_INT_EQ(evbuffer_add(buf, rig_pattern() + 50000, 100), 0);
		rig_check_bytes(buf, rig_pattern(), 50100);
		evbuffer_free(buf);
	}
}

static void
what_is_contiguous_does_not_move(void)
{
	struct evbuffer *buf = rig_three_pieces();
	struct evbuffer_iovec before[1], after[1];
	CHECK_INT_EQ(evbuffer_peek(buf, 1, NULL, before, 1), 1);
	CHECK_PTR_EQ(evbuffer_pullup(buf, (ev_ssize_t)evbuffer_get_contiguous_space(buf)), before[0].iov_base);
	CHECK_INT_EQ(evbuffer_peek(buf, 1, NULL, after, 1), 1);
	CHECK_PTR_EQ(after[0].iov_base, before[0].iov_base);
	CHECK_INT_EQ(after[0].iov_len, before[0].iov_len);
	evbuffer_free(buf);
}

static void
pullup_of_more_gives_nothing(void)
{
	struct evbuffer *buf = rig_three_pieces();
	CHECK_PTR_EQ(evbuffer_pullup(buf, 10), NULL);
	CHECK_PTR_EQ(evbuffer_pullup(buf, EV_SSIZE_MAX), NULL);
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, NULL, 0), 3);
	rig_check(buf, "abcdefghi");
	evbuffer_free(buf);
}

static void
iovecs_are_added_in_order(void)
{
	struct evbuffer *buf = rig_holding("<");
	char a[] = "abc", b[] = "de";
	struct evbuffer_iovec vec[4] = { { a, 3 }, { NULL, 0 }, { b, 2 }, { (void *)(uintptr_t)rig_pattern(), 9000 } };
	CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 0), 0);
	CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 3), 5);
	rig_check(buf, "<abcde");
	CHECK_INT_EQ(evbuffer_add_iovec(buf, vec + 3, 1), 9000);
	CHECK_INT_EQ(evbuffer_get_length(buf), 9006);
	evbuffer_free(buf);
}

static void
too_long_a_length_is_refused(void)
{
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[2];
	CHECK_INT_EQ(evbuffer_add(buf, "x", EV_SIZE_MAX - 2), -1);
	CHECK_INT_EQ(evbuffer_add(buf, "x", EV_SSIZE_MAX), -1);
	CHECK_INT_EQ(evbuffer_prepend(buf, "x", EV_SIZE_MAX - 2), -1);
	CHECK_INT_EQ(evbuffer_prepend(buf, "x", EV_SSIZE_MAX), -1);
	CHECK_INT_EQ(evbuffer_expand(buf, EV_SIZE_MAX - 2), -1);
	CHECK_INT_EQ(evbuffer_expand(buf, EV_SSIZE_MAX), -1);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, EV_SSIZE_MAX, vec, 1), -1);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, EV_SSIZE_MAX, vec, 2), -1);
	rig_check(buf, "abc");
	evbuffer_free(buf);
}

static void
asking_for_more_gives_what_is_there(void)
{
	struct evbuffer *buf = rig_three_pieces();
	struct evbuffer *other = evbuffer_new();
	char out[20];
	CHECK_INT_EQ(evbuffer_copyout(buf, out, EV_SIZE_MAX), 9);
	CHECK_INT_EQ(evbuffer_copyout_from(buf, NULL, out, EV_SIZE_MAX), 9);
	CHECK_INT_EQ(evbuffer_peek(buf, EV_SSIZE_MAX, NULL, NULL, 0), 3);
	CHECK_INT_EQ(evbuffer_remove_buffer(buf, other, EV_SIZE_MAX), 9);
	CHECK_INT_EQ(evbuffer_remove(other, out, EV_SIZE_MAX), 9);
	CHECK_MEM_EQ(out, "abcdefghi", 9);
	evbuffer_free(buf);
	evbuffer_free(other);
}

static const struct evrt_test_case cases[] = {
	{ "one_piece_is_as_long_as_asked", one_piece_is_as_long_as_asked },
	{ "two_pieces_together_are_as_long_as_asked", two_pieces_together_are_as_long_as_asked },
	{ "more_than_two_pieces_are_not_used", more_than_two_pieces_are_not_used },
	{ "all_of_the_room_may_be_committed", all_of_the_room_may_be_committed },
	{ "a_shortened_piece_is_committed_as_it_is", a_shortened_piece_is_committed_as_it_is },
	{ "the_second_piece_may_be_left_off", the_second_piece_may_be_left_off },
	{ "room_may_be_reserved_and_not_used", room_may_be_reserved_and_not_used },
	{ "room_moved_by_others_is_refused", room_moved_by_others_is_refused },
	{ "room_of_an_empty_buffer_is_committed", room_of_an_empty_buffer_is_committed },
	{ "room_behind_a_reference_is_the_buffers_own", room_behind_a_reference_is_the_buffers_own },
	{ "expand_leaves_contents", expand_leaves_contents },
	{ "expanded_room_is_contiguous", expanded_room_is_contiguous },
	{ "long_texts_are_printed_whole", long_texts_are_printed_whole },
	{ "printing_adds_no_nul", printing_adds_no_nul },
	{ "prepending_grows_to_the_front", prepending_grows_to_the_front },
	{ "drained_room_is_prepended_to", drained_room_is_prepended_to },
	{ "pullup_gathers_many_blocks", pullup_gathers_many_blocks },
	{ "what_is_contiguous_does_not_move", what_is_contiguous_does_not_move },
	{ "pullup_of_more_gives_nothing", pullup_of_more_gives_nothing },
	{ "iovecs_are_added_in_order", iovecs_are_added_in_order },
	{ "too_long_a_length_is_refused", too_long_a_length_is_refused },
	{ "asking_for_more_gives_what_is_there", asking_for_more_gives_what_is_there },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
