/* testing/contract/libevent/buffer_test.c — evbuffers as every program sees them.
 *
 * Here:     results, contents, freezing, moves, room, peeking. Public headers only: the same source is run
 *           against libevent 2.1.12.
 * Not here: searches and lines (buffer_search_test.c), callbacks (buffer_callback_test.c), files
 *           (buffer_file_test.c).
 */
#include "testing/harness/test.h"

#include <string.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>

static struct evbuffer *
holding(const char *text)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK(buf && evbuffer_add(buf, text, strlen(text)) == 0);
	return buf;
}

static void
check_holds(struct evbuffer *buf, const char *text)
{
	char out[256];
	size_t n = strlen(text);
	CHECK_INT_EQ(evbuffer_get_length(buf), n);
	CHECK_INT_EQ(evbuffer_copyout(buf, out, sizeof(out)), n);
	CHECK_MEM_EQ(out, text, n);
}

static void
empty_buffer_gives_nothing(void)
{
	struct evbuffer *buf = evbuffer_new();
	char out[10];
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	CHECK_INT_EQ(evbuffer_get_contiguous_space(buf), 0);
	CHECK_PTR_EQ(evbuffer_pullup(buf, 0), NULL);
	CHECK_PTR_EQ(evbuffer_pullup(buf, -1), NULL);
	CHECK_PTR_EQ(evbuffer_pullup(buf, 1), NULL);
	CHECK_INT_EQ(evbuffer_add(buf, NULL, 0), 0);
	CHECK_INT_EQ(evbuffer_prepend(buf, NULL, 0), 0);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 10), 0);
	CHECK_INT_EQ(evbuffer_copyout(buf, out, 10), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 10), 0);
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, NULL, 0), 0);
	evbuffer_free(buf);
}

static void
bytes_come_out_in_order(void)
{
	struct evbuffer *buf = holding("cd");
	char out[10];
	CHECK_INT_EQ(evbuffer_prepend(buf, "ab", 2), 0);
	CHECK_INT_EQ(evbuffer_add_printf(buf, "%s-%d", "ef", 7), 4);
	check_holds(buf, "abcdef-7");
	CHECK_INT_EQ(evbuffer_remove(buf, out, 3), 3);
	CHECK_MEM_EQ(out, "abc", 3);
	CHECK_INT_EQ(evbuffer_drain(buf, 1), 0);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 0), 0);
	check_holds(buf, "ef-7");
	CHECK_INT_EQ(evbuffer_drain(buf, 1000), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	evbuffer_free(buf);
}

static void
frozen_end_takes_nothing(void)
{
	struct evbuffer *buf = holding("abc");
	struct evbuffer *other = holding("x");
	struct evbuffer *empty = evbuffer_new();
	char x[] = "x";
	struct evbuffer_iovec vec[1] = { { x, 1 } };
	CHECK_INT_EQ(evbuffer_freeze(buf, 0), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_add(buf, "", 0), -1);
	CHECK_INT_EQ(evbuffer_add_printf(buf, "%d", 1), -1);
	CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 1), 0);
	CHECK_INT_EQ(evbuffer_add_reference(buf, "x", 1, NULL, NULL), -1);
	CHECK_INT_EQ(evbuffer_add_buffer(buf, other), -1);
	CHECK_INT_EQ(evbuffer_add_buffer(buf, empty), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(other, buf, 1), -1);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(buf, other), -1);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 1, vec, 1), -1);
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), -1);
	CHECK_INT_EQ(evbuffer_expand(buf, 100), 0);
	CHECK_INT_EQ(evbuffer_prepend(buf, "_", 1), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 2), 0);
	CHECK_INT_EQ(evbuffer_unfreeze(buf, 0), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "d", 1), 0);
	check_holds(buf, "bcd");
	check_holds(other, "x");
	evbuffer_free(buf);
	evbuffer_free(other);
	evbuffer_free(empty);
}

static void
frozen_front_gives_nothing(void)
{
	struct evbuffer *buf = holding("a\nb");
	struct evbuffer *other = holding("x");
	char out[4];
	CHECK_INT_EQ(evbuffer_freeze(buf, 1), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 1), -1);
	CHECK_INT_EQ(evbuffer_drain(buf, 0), -1);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 1), -1);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 0), 0);
	CHECK_INT_EQ(evbuffer_copyout(buf, out, 1), -1);
	CHECK_INT_EQ(evbuffer_prepend(buf, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_prepend(buf, "", 0), 0);
	CHECK_INT_EQ(evbuffer_prepend_buffer(buf, other), -1);
	CHECK_INT_EQ(evbuffer_prepend_buffer(other, buf), -1);
	CHECK_INT_EQ(evbuffer_add_buffer(other, buf), -1);
	CHECK_INT_EQ(evbuffer_remove_buffer(buf, other, 1), -1);
	CHECK_INT_EQ(evbuffer_remove_buffer(buf, other, 0), 0);
	CHECK_PTR_EQ(evbuffer_readln(buf, NULL, EVBUFFER_EOL_LF), NULL);
	CHECK_INT_EQ(evbuffer_write(buf, 1), -1);
	CHECK(evbuffer_pullup(buf, -1) != NULL);
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, NULL, 0), 1);
	CHECK_INT_EQ(evbuffer_add(buf, "c", 1), 0);
	CHECK_INT_EQ(evbuffer_unfreeze(buf, 1), 0);
	check_holds(buf, "a\nbc");
	CHECK_INT_EQ(evbuffer_drain(buf, 4), 0);
	CHECK_INT_EQ(evbuffer_freeze(buf, 1), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 4), 0); /* nothing there: not a failure */
	check_holds(other, "x");
	evbuffer_free(buf);
	evbuffer_free(other);
}

static void
moves_take_all_or_some(void)
{
	struct evbuffer *a = holding("abc");
	struct evbuffer *b = holding("defgh");
	CHECK_INT_EQ(evbuffer_add_buffer(a, b), 0);
	check_holds(a, "abcdefgh");
	check_holds(b, "");
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 4), 4);
	check_holds(a, "efgh");
	check_holds(b, "abcd");
	CHECK_INT_EQ(evbuffer_prepend_buffer(a, b), 0);
	check_holds(a, "abcdefgh");
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 100), 8);
	check_holds(b, "abcdefgh");
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 1), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(b, b), 0);
	CHECK_INT_EQ(evbuffer_prepend_buffer(b, b), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(b, b, 1), 0);
	check_holds(b, "abcdefgh");
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
too_much_is_refused(void)
{
	struct evbuffer *buf = holding("abc");
	struct evbuffer_iovec vec[2];
	CHECK_INT_EQ(evbuffer_add(buf, "x", EV_SIZE_MAX), -1);
	CHECK_INT_EQ(evbuffer_add(buf, "x", EV_SIZE_MAX / 2), -1);
	CHECK_INT_EQ(evbuffer_prepend(buf, "x", EV_SIZE_MAX), -1);
	CHECK_INT_EQ(evbuffer_expand(buf, EV_SIZE_MAX), -1);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, -1, vec, 2), -1);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 10, vec, 0), -1);
	check_holds(buf, "abc");
	evbuffer_free(buf);
}

static void
reserved_room_becomes_contents(void)
{
	struct evbuffer *buf = holding("abc");
	struct evbuffer_iovec vec[2];
	void *base;
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 5000, vec, 1), 1);
	CHECK(vec[0].iov_len >= 5000);
	base = vec[0].iov_base;
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 5000, vec, 1), 1);
	CHECK_PTR_EQ(vec[0].iov_base, base);
	memcpy(vec[0].iov_base, "def", 3);
	vec[0].iov_len = 3;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
	check_holds(buf, "abcdef");
	int n = evbuffer_reserve_space(buf, 20000, vec, 2);
	CHECK(n == 1 || n == 2);
	memset(vec[0].iov_base, 'x', 1);
	vec[0].iov_len = 1;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
	check_holds(buf, "abcdefx");
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 0, vec, 1), 1);
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), 0);
	check_holds(buf, "abcdefx");
	evbuffer_free(buf);
}

static void
foreign_room_is_refused(void)
{
	struct evbuffer *buf = holding("abc");
	char elsewhere[10];
	struct evbuffer_iovec vec[1];
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 10, vec, 1), 1);
	size_t room = vec[0].iov_len;
	vec[0].iov_len = room + 1;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), -1);
	vec[0].iov_base = elsewhere;
	vec[0].iov_len = 1;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), -1);
	check_holds(buf, "abc");
	evbuffer_free(buf);
}

/* Three pieces whatever the implementation: references are never merged. */
static struct evbuffer *
three_pieces(void)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_reference(buf, "abc", 3, NULL, NULL), 0);
	CHECK_INT_EQ(evbuffer_add_reference(buf, "defg", 4, NULL, NULL), 0);
	CHECK_INT_EQ(evbuffer_add_reference(buf, "hi", 2, NULL, NULL), 0);
	return buf;
}

static void
peek_counts_what_is_needed(void)
{
	struct evbuffer *buf = three_pieces();
	struct evbuffer_iovec vec[4];
	struct evbuffer_ptr at;
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, NULL, 0), 3);
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, vec, 4), 3);
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, vec, 1), 1);
	CHECK_INT_EQ(evbuffer_peek(buf, 8, NULL, vec, 1), 3);
	CHECK_INT_EQ(evbuffer_peek(buf, 3, NULL, NULL, 0), 1);
	CHECK_INT_EQ(evbuffer_peek(buf, 4, NULL, vec, 4), 2);
	CHECK_INT_EQ(vec[1].iov_len, 4); /* more than was asked for */
	CHECK_INT_EQ(evbuffer_peek(buf, 100, NULL, vec, 4), 3);
	CHECK_INT_EQ(evbuffer_peek(buf, 0, NULL, vec, 4), 0);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 4, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_peek(buf, 2, &at, vec, 4), 1);
	CHECK_INT_EQ(vec[0].iov_len, 3);
	CHECK_MEM_EQ(vec[0].iov_base, "efg", 3);
	CHECK_INT_EQ(evbuffer_peek(buf, 4, &at, vec, 4), 2);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 9, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_peek(buf, 4, &at, vec, 4), 0);
	evbuffer_free(buf);
}

static void
pullup_makes_contiguous(void)
{
	struct evbuffer *buf = three_pieces();
	CHECK_INT_EQ(evbuffer_get_contiguous_space(buf), 3);
	unsigned char *first = evbuffer_pullup(buf, 2);
	CHECK_PTR_EQ(evbuffer_pullup(buf, 3), first); /* nothing moved */
	CHECK_PTR_EQ(evbuffer_pullup(buf, 10), NULL);
	CHECK_MEM_EQ(evbuffer_pullup(buf, 5), "abcde", 5);
	CHECK(evbuffer_get_contiguous_space(buf) >= 5);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), "abcdefghi", 9);
	CHECK_INT_EQ(evbuffer_get_contiguous_space(buf), 9);
	CHECK_MEM_EQ(EVBUFFER_DATA(buf), "abcdefghi", EVBUFFER_LENGTH(buf));
	check_holds(buf, "abcdefghi");
	evbuffer_free(buf);
}

static void
copyout_from_a_position(void)
{
	struct evbuffer *buf = three_pieces();
	struct evbuffer_ptr at;
	char out[10];
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 2, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_copyout_from(buf, &at, out, 3), 3);
	CHECK_MEM_EQ(out, "cde", 3);
	CHECK_INT_EQ(evbuffer_copyout_from(buf, &at, out, 100), 7);
	CHECK_MEM_EQ(out, "cdefghi", 7);
	CHECK_INT_EQ(evbuffer_copyout_from(buf, NULL, out, 2), 2);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 9, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_copyout_from(buf, &at, out, 3), 0);
	check_holds(buf, "abcdefghi");
	evbuffer_free(buf);
}

static int cleanups;
static const char *cleaned_data;
static size_t cleaned_len;

static void
cleanup(const void *data, size_t len, void *extra)
{
	CHECK_PTR_EQ(extra, &cleanups);
	cleaned_data = data;
	cleaned_len = len;
	cleanups++;
}

static void
references_are_cleaned_up_once(void)
{
	static const char text[] = "text";
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *b = evbuffer_new();
	CHECK_INT_EQ(evbuffer_add_reference(a, text, 4, cleanup, &cleanups), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(a, a), -1);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(b, a), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(a, b), -1); /* b holds borrowed bytes */
	check_holds(b, "text");
	evbuffer_drain(a, 4);
	CHECK_INT_EQ(cleanups, 0);
	evbuffer_drain(b, 3);
	CHECK_INT_EQ(cleanups, 0);
	evbuffer_drain(b, 1);
	CHECK_INT_EQ(cleanups, 1);
	CHECK_PTR_EQ(cleaned_data, text);
	CHECK_INT_EQ(cleaned_len, 4);
	CHECK_INT_EQ(evbuffer_add_reference(a, text, 4, cleanup, &cleanups), 0);
	evbuffer_free(a);
	CHECK_INT_EQ(cleanups, 2);
	evbuffer_free(b);
}

static const struct evrt_test_case cases[] = {
	{ "empty_buffer_gives_nothing", empty_buffer_gives_nothing },
	{ "bytes_come_out_in_order", bytes_come_out_in_order },
	{ "frozen_end_takes_nothing", frozen_end_takes_nothing },
	{ "frozen_front_gives_nothing", frozen_front_gives_nothing },
	{ "moves_take_all_or_some", moves_take_all_or_some },
	{ "too_much_is_refused", too_much_is_refused },
	{ "reserved_room_becomes_contents", reserved_room_becomes_contents },
	{ "foreign_room_is_refused", foreign_room_is_refused },
	{ "peek_counts_what_is_needed", peek_counts_what_is_needed },
	{ "pullup_makes_contiguous", pullup_makes_contiguous },
	{ "copyout_from_a_position", copyout_from_a_position },
	{ "references_are_cleaned_up_once", references_are_cleaned_up_once },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
