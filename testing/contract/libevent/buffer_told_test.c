/* testing/contract/libevent/buffer_told_test.c — the numbers that callbacks are told, for each call that changes
 * an evbuffer, and the silence of those that do not.
 *
 * Here:     every public call once. Public headers only.
 * Not here: the list of callbacks itself (buffer_callback_test.c), nesting (buffer_nested_test.c).
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <stdarg.h>
#include <stdlib.h>

/* Sums, for calls of which the other library tells in several parts. */
static size_t sum_added, sum_deleted;

static void
sum(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)arg;
	sum_added += info->n_added;
	sum_deleted += info->n_deleted;
}

static struct evbuffer *
watched(const char *text)
{
	struct evbuffer *buf = rig_holding(text);
	rig_watch(buf, "b");
	return buf;
}

static void
add_tells_its_length(void)
{
	struct evbuffer *buf = watched("");
	CHECK_INT_EQ(evbuffer_add(buf, "abc", 3), 0);
	CHECK_INT_EQ(evbuffer_add(buf, rig_pattern(), 50000), 0); /* of many blocks, and told once */
	rig_check_trace("b:0+3-0 b:3+50000-0 ");
	evbuffer_free(buf);
}

static void
adding_nothing_is_silent(void)
{
	struct evbuffer *buf = watched("abc");
	struct evbuffer *empty = evbuffer_new();
	struct evbuffer_iovec vec[1] = { { NULL, 0 } };
	CHECK_INT_EQ(evbuffer_add(buf, "", 0), 0);
	CHECK_INT_EQ(evbuffer_prepend(buf, "", 0), 0);
	CHECK_INT_EQ(evbuffer_add_printf(buf, "%s", ""), 0);
	CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 0), 0);
	CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 1), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(buf, empty), 0);
	CHECK_INT_EQ(evbuffer_prepend_buffer(buf, empty), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(empty, buf, 10), 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(buf, empty), 0);
	rig_check_trace("");
	evbuffer_free(buf);
	evbuffer_free(empty);
}

static int
add_vprintf(struct evbuffer *buf, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = evbuffer_add_vprintf(buf, fmt, ap);
	va_end(ap);
	return n;
}

static void
printf_tells_its_length(void)
{
	struct evbuffer *buf = watched("a");
	CHECK_INT_EQ(evbuffer_add_printf(buf, "%d", 123), 3);
	CHECK_INT_EQ(add_vprintf(buf, "%5000d", 1), 5000);
	rig_check_trace("b:1+3-0 b:4+5000-0 ");
	evbuffer_free(buf);
}

static void
reference_tells_its_length(void)
{
	struct evbuffer *buf = watched("a");
	CHECK_INT_EQ(evbuffer_add_reference(buf, "1234", 4, NULL, NULL), 0);
	rig_check_trace("b:1+4-0 ");
	evbuffer_free(buf);
}

static void
iovec_tells_the_sum(void)
{
	struct evbuffer *buf = rig_holding("");
	char abc[] = "abc", de[] = "de";
	struct evbuffer_iovec vec[2] = { { abc, 3 }, { de, 2 } };
	CHECK(evbuffer_add_cb(buf, sum, NULL) != NULL);
	CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 2), 5);
	CHECK_INT_EQ(sum_added, 5);
	CHECK_INT_EQ(sum_deleted, 0);
	rig_check(buf, "abcde");
	evbuffer_free(buf);
}

static void
prepend_tells_its_length(void)
{
	struct evbuffer *buf = watched("abcdef");
	CHECK_INT_EQ(evbuffer_drain(buf, 3), 0);
	CHECK_INT_EQ(evbuffer_prepend(buf, "12", 2), 0); /* there is room */
	CHECK_INT_EQ(evbuffer_prepend(buf, rig_pattern(), 9000), 0);
	rig_check_trace("b:6+0-3 b:3+2-0 b:5+9000-0 ");
	evbuffer_free(buf);
}

static void
drain_tells_what_was_there(void)
{
	struct evbuffer *buf = watched("abcdef");
	CHECK_INT_EQ(evbuffer_drain(buf, 0), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 2), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 100), 0);
	CHECK_INT_EQ(evbuffer_drain(buf, 100), 0);
	rig_check_trace("b:6+0-2 b:4+0-4 ");
	evbuffer_free(buf);
}

static void
remove_tells_what_was_copied(void)
{
	struct evbuffer *buf = watched("abcdef");
	char out[10];
	CHECK_INT_EQ(evbuffer_remove(buf, out, 0), 0);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 4), 4);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 10), 2);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 10), 0);
	rig_check_trace("b:6+0-4 b:2+0-2 ");
	evbuffer_free(buf);
}

static void
lines_tell_the_line_and_its_end(void)
{
	struct evbuffer *buf = rig_holding("abc\r\nrest");
	CHECK(evbuffer_add_cb(buf, sum, NULL) != NULL);
	char *line = evbuffer_readln(buf, NULL, EVBUFFER_EOL_CRLF);
	CHECK_STR_EQ(line, "abc");
	free(line);
	CHECK_INT_EQ(sum_deleted, 5);
	CHECK_PTR_EQ(evbuffer_readln(buf, NULL, EVBUFFER_EOL_CRLF), NULL);
	CHECK_INT_EQ(sum_deleted, 5);
	CHECK_INT_EQ(sum_added, 0);
	evbuffer_free(buf);
}

static void
commit_tells_both_pieces_at_once(void)
{
	struct evbuffer *buf = watched("abc");
	struct evbuffer_iovec vec[2];
	int n = evbuffer_reserve_space(buf, 20000, vec, 2);
	CHECK(n >= 1);
	vec[0].iov_len = n == 2 ? vec[0].iov_len : 20000;
	size_t total = vec[0].iov_len;
	if (n == 2)
		total += vec[1].iov_len = 20000 - vec[0].iov_len;
	for (int i = 0; i < n; i++)
		memset(vec[i].iov_base, 'x', vec[i].iov_len);
	CHECK_INT_EQ(total, 20000);
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, n), 0);
	rig_check_trace("b:3+20000-0 ");
	evbuffer_free(buf);
}

static void
room_alone_is_silent(void)
{
	struct evbuffer *buf = watched("abc");
	struct evbuffer_iovec vec[1];
	CHECK_INT_EQ(evbuffer_expand(buf, 100000), 0);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 10, vec, 1), 1);
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), 0);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 10, vec, 1), 1);
	vec[0].iov_len = 0;
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
	rig_check_trace("");
	evbuffer_free(buf);
}

static void
looking_is_silent(void)
{
	struct evbuffer *buf = rig_three_pieces();
	struct evbuffer_ptr at;
	char out[9];
	rig_watch(buf, "b");
	CHECK_INT_EQ(evbuffer_copyout(buf, out, 9), 9);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 4, EVBUFFER_PTR_SET), 0);
	CHECK_INT_EQ(evbuffer_copyout_from(buf, &at, out, 3), 3);
	CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, NULL, 0), 3);
	CHECK_INT_EQ(evbuffer_search(buf, "cd", 2, NULL).pos, 2);
	CHECK_INT_EQ(evbuffer_search_eol(buf, NULL, NULL, EVBUFFER_EOL_LF).pos, -1);
	CHECK(evbuffer_find(buf, (const unsigned char *)"cd", 2) != NULL);
	CHECK(evbuffer_pullup(buf, -1) != NULL);
	CHECK_INT_EQ(evbuffer_get_length(buf), 9);
	rig_check_trace("");
	evbuffer_free(buf);
}

static void
add_buffer_tells_source_then_target(void)
{
	struct evbuffer *a = watched("abc");
	struct evbuffer *c = rig_holding("12");
	rig_watch(c, "c");
	CHECK_INT_EQ(evbuffer_add_buffer(a, c), 0);
	rig_check_trace("c:2+0-2 b:3+2-0 ");
	CHECK_INT_EQ(evbuffer_add_buffer(a, c), 0);
	rig_check_trace("");
	evbuffer_free(a);
	evbuffer_free(c);
}

static void
prepend_buffer_tells_source_then_target(void)
{
	struct evbuffer *a = watched("abc");
	struct evbuffer *c = rig_holding("12");
	rig_watch(c, "c");
	CHECK_INT_EQ(evbuffer_prepend_buffer(a, c), 0);
	rig_check_trace("c:2+0-2 b:3+2-0 ");
	evbuffer_free(a);
	evbuffer_free(c);
}

static void
remove_buffer_tells_target_then_source(void)
{
	struct evbuffer *a = watched("abcdef");
	struct evbuffer *c = evbuffer_new();
	rig_watch(c, "c");
	CHECK_INT_EQ(evbuffer_remove_buffer(a, c, 4), 4);
	rig_check_trace("c:0+4-0 b:6+0-4 ");
	CHECK_INT_EQ(evbuffer_remove_buffer(a, c, 0), 0);
	rig_check_trace("");
	evbuffer_free(a);
	evbuffer_free(c);
}

static void
remove_buffer_of_all_tells_both(void)
{
	struct evbuffer *a = evbuffer_new();
	struct evbuffer *c = evbuffer_new();
	CHECK(evbuffer_add_cb(a, sum, NULL) && evbuffer_add_cb(c, sum, NULL));
	CHECK_INT_EQ(evbuffer_add(a, "abcdef", 6), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(a, c, 100), 6);
	CHECK_INT_EQ(sum_added, 12);
	CHECK_INT_EQ(sum_deleted, 6);
	evbuffer_free(a);
	evbuffer_free(c);
}

/* All that there is goes as evbuffer_add_buffer takes it. */
static void
remove_buffer_of_all_tells_source_first(void)
{
	struct evbuffer *a = watched("abc");
	struct evbuffer *c = evbuffer_new();
	rig_watch(c, "c");
	CHECK_INT_EQ(evbuffer_remove_buffer(a, c, 100), 3);
	rig_check_trace("b:3+0-3 c:0+3-0 ");
	CHECK_INT_EQ(evbuffer_remove_buffer(c, a, 3), 3);
	rig_check_trace("c:3+0-3 b:0+3-0 ");
	evbuffer_free(a);
	evbuffer_free(c);
}

static void
buffer_reference_tells_the_target(void)
{
	struct evbuffer *a = watched("abc");
	struct evbuffer *c = rig_three_pieces();
	rig_watch(c, "c");
	CHECK_INT_EQ(evbuffer_add_buffer_reference(a, c), 0);
	rig_check_trace("b:3+9-0 ");
	evbuffer_free(a);
	evbuffer_free(c);
}

static void
files_tell_their_length(void)
{
	struct evbuffer *buf = watched("a");
	int fd = rig_file("0123456789", 10);
	struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, 2, 6, EVBUF_FS_CLOSE_ON_FREE);
	CHECK(seg != NULL);
	CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 1, 3), 0);
	rig_check_trace("b:1+3-0 ");
	CHECK_INT_EQ(evbuffer_add_file(buf, dup(fd), 0, -1), 0);
	rig_check_trace("b:4+10-0 ");
	evbuffer_file_segment_free(seg);
	evbuffer_free(buf);
}

static void
descriptors_tell_what_went_through(void)
{
	evutil_socket_t sv[2];
	struct evbuffer *buf = watched("abcdef");
	rig_open_pair(sv);
	CHECK_INT_EQ(rig_write(buf, sv[0], 2), 2);
	CHECK_INT_EQ(rig_write(buf, sv[0], 0), -1);
	CHECK_INT_EQ(rig_write(buf, sv[0], -1), 4);
	CHECK_INT_EQ(rig_write(buf, sv[0], -1), -1);
	rig_check_trace("b:6+0-2 b:4+0-4 ");
	CHECK_INT_EQ(rig_read(buf, sv[1], 1), 1);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), 5);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), -1);
	rig_check_trace("b:0+1-0 b:1+5-0 ");
	close(sv[0]);
	CHECK_INT_EQ(rig_read(buf, sv[1], -1), 0);
	rig_check_trace("");
	close(sv[1]);
	evbuffer_free(buf);
}

static void
refused_calls_are_silent(void)
{
	struct evbuffer *buf = watched("abc");
	struct evbuffer *other = rig_holding("x");
	char out[3];
	rig_watch(other, "o");
	CHECK_INT_EQ(evbuffer_freeze(buf, 0), 0);
	CHECK_INT_EQ(evbuffer_freeze(buf, 1), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_prepend(buf, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_drain(buf, 1), -1);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 1), -1);
	CHECK_INT_EQ(evbuffer_add_buffer(buf, other), -1);
	CHECK_INT_EQ(evbuffer_prepend_buffer(buf, other), -1);
	CHECK_INT_EQ(evbuffer_remove_buffer(buf, other, 1), -1);
	rig_check_trace("");
	evbuffer_free(buf);
	evbuffer_free(other);
	rig_check_trace(""); /* freeing is not draining */
}

static const struct evrt_test_case cases[] = {
	{ "add_tells_its_length", add_tells_its_length },
	{ "adding_nothing_is_silent", adding_nothing_is_silent },
	{ "printf_tells_its_length", printf_tells_its_length },
	{ "reference_tells_its_length", reference_tells_its_length },
	{ "iovec_tells_the_sum", iovec_tells_the_sum },
	{ "prepend_tells_its_length", prepend_tells_its_length },
	{ "drain_tells_what_was_there", drain_tells_what_was_there },
	{ "remove_tells_what_was_copied", remove_tells_what_was_copied },
	{ "lines_tell_the_line_and_its_end", lines_tell_the_line_and_its_end },
	{ "commit_tells_both_pieces_at_once", commit_tells_both_pieces_at_once },
	{ "room_alone_is_silent", room_alone_is_silent },
	{ "looking_is_silent", looking_is_silent },
	{ "add_buffer_tells_source_then_target", add_buffer_tells_source_then_target },
	{ "prepend_buffer_tells_source_then_target", prepend_buffer_tells_source_then_target },
	{ "remove_buffer_tells_target_then_source", remove_buffer_tells_target_then_source },
	{ "remove_buffer_of_all_tells_both", remove_buffer_of_all_tells_both },
	{ "remove_buffer_of_all_tells_source_first", remove_buffer_of_all_tells_source_first },
	{ "buffer_reference_tells_the_target", buffer_reference_tells_the_target },
	{ "files_tell_their_length", files_tell_their_length },
	{ "descriptors_tell_what_went_through", descriptors_tell_what_went_through },
	{ "refused_calls_are_silent", refused_calls_are_silent },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
