/* testing/contract/libevent/buffer_freeze_test.c — every call that changes contents, with each end frozen.
 *
 * Here:     one case per call: free, frozen at the front, frozen at the end. Public headers only.
 *
 * A call that needs the front is refused when that is frozen, and goes on when only the end is; and so on. A refused
 * call leaves both evbuffers as they were.
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <stdbool.h>
#include <stdlib.h>

/* Each makes one call on buf (or another evbuffer with "xyz") and says whether it succeeded. */
typedef bool (*try_fn)(struct evbuffer *buf, struct evbuffer *other);

#define TEXT "abc\ndef"

static void
check_state(struct evbuffer *buf, struct evbuffer *other)
{
	rig_check(buf, TEXT);
	rig_check(other, "xyz");
}

/* With one end of `buf` frozen (or, by_other, of the other one): refused or not, as is expected. */
static void
check_frozen(try_fn call, int at_front, bool by_other, bool refused)
{
	struct evbuffer *buf = rig_holding(TEXT);
	struct evbuffer *other = rig_holding("xyz");
	struct evbuffer *frozen = by_other ? other : buf;

	CHECK_INT_EQ(evbuffer_freeze(frozen, at_front), 0);
	CHECK_INT_EQ(evbuffer_freeze(frozen, at_front), 0); /* does not nest */
	CHECK_INT_EQ(call(buf, other), !refused);
	CHECK_INT_EQ(evbuffer_unfreeze(frozen, at_front), 0);
	if (refused) {
		check_state(buf, other);
		CHECK(call(buf, other));
	}
	evbuffer_free(buf);
	evbuffer_free(other);
}

enum { NONE = 0, FRONT = 1, END = 2 };

/* Which frozen end of buf, and of the other evbuffer, stands against the call. */
static void
check_call(try_fn call, int buf_end, int other_end)
{
	check_frozen(call, 1, false, buf_end & FRONT);
	check_frozen(call, 0, false, buf_end & END);
	check_frozen(call, 1, true, other_end & FRONT);
	check_frozen(call, 0, true, other_end & END);
}

static bool
try_add(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_add(buf, "1", 1) == 0;
}

static bool
try_add_nothing(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_add(buf, "", 0) == 0;
}

static bool
try_printf(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_add_printf(buf, "%d", 12) == 2;
}

static bool
try_iovec(struct evbuffer *buf, struct evbuffer *other)
{
	char bytes[] = "123";
	struct evbuffer_iovec vec[1] = { { bytes, 3 } };
	(void)other;
	return evbuffer_add_iovec(buf, vec, 1) == 3;
}

static bool
try_reference(struct evbuffer *buf, struct evbuffer *other)
{
	static struct rig_cleanup c;
	(void)other;
	c.calls = 0;
	bool ok = evbuffer_add_reference(buf, "1", 1, rig_cleanup, &c) == 0;
	CHECK_INT_EQ(c.calls, 0); /* the memory stays the caller's when it is refused */
	return ok;
}

static bool
try_file(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_add_file(buf, rig_file("123", 3), 0, 3) == 0;
}

static bool
try_reserve(struct evbuffer *buf, struct evbuffer *other)
{
	struct evbuffer_iovec vec[2];
	(void)other;
	return evbuffer_reserve_space(buf, 10, vec, 2) >= 1;
}

static bool
try_commit(struct evbuffer *buf, struct evbuffer *other)
{
	struct evbuffer_iovec vec[1];
	(void)other;
	int frozen = evbuffer_reserve_space(buf, 10, vec, 1) < 0;
	if (frozen)
		CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), -1);
	else
		CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), 0);
	return !frozen;
}

static bool
try_expand(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_expand(buf, 5000) == 0;
}

static bool
try_pullup(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_pullup(buf, -1) != NULL;
}

static bool
try_peek(struct evbuffer *buf, struct evbuffer *other)
{
	struct evbuffer_iovec vec[1];
	(void)other;
	return evbuffer_peek(buf, -1, NULL, vec, 1) == 1;
}

static bool
try_search(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_search(buf, "c\n", 2, NULL).pos == 2 &&
	    evbuffer_search_eol(buf, NULL, NULL, EVBUFFER_EOL_LF).pos == 3;
}

static bool
try_prepend(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_prepend(buf, "1", 1) == 0;
}

static bool
try_drain(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_drain(buf, 1) == 0;
}

static bool
try_drain_nothing(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_drain(buf, 0) == 0;
}

static bool
try_drain_all(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	return evbuffer_drain(buf, EV_SIZE_MAX) == 0;
}

static bool
try_remove(struct evbuffer *buf, struct evbuffer *other)
{
	char out[10];
	(void)other;
	return evbuffer_remove(buf, out, 2) == 2;
}

static bool
try_copyout(struct evbuffer *buf, struct evbuffer *other)
{
	char out[10];
	(void)other;
	return evbuffer_copyout(buf, out, 2) == 2;
}

static bool
try_copyout_from(struct evbuffer *buf, struct evbuffer *other)
{
	struct evbuffer_ptr at;
	char out[10];
	(void)other;
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 2, EVBUFFER_PTR_SET), 0);
	return evbuffer_copyout_from(buf, &at, out, 2) == 2;
}

static bool
try_readln(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	char *line = evbuffer_readln(buf, NULL, EVBUFFER_EOL_LF);
	free(line);
	return line != NULL;
}

static bool
try_readline(struct evbuffer *buf, struct evbuffer *other)
{
	(void)other;
	char *line = evbuffer_readline(buf);
	free(line);
	return line != NULL;
}

static bool
try_write(struct evbuffer *buf, struct evbuffer *other)
{
	evutil_socket_t sv[2];
	(void)other;
	rig_open_pair(sv);
	int n = rig_write(buf, sv[0], 2);
	rig_close_pair(sv);
	return n == 2;
}

static bool
try_read(struct evbuffer *buf, struct evbuffer *other)
{
	evutil_socket_t sv[2];
	(void)other;
	rig_open_pair(sv);
	CHECK_INT_EQ(write(sv[0], "12", 2), 2);
	int n = rig_read(buf, sv[1], -1);
	rig_close_pair(sv);
	return n == 2;
}

static bool
try_add_buffer(struct evbuffer *buf, struct evbuffer *other)
{
	return evbuffer_add_buffer(buf, other) == 0;
}

static bool
try_prepend_buffer(struct evbuffer *buf, struct evbuffer *other)
{
	return evbuffer_prepend_buffer(buf, other) == 0;
}

static bool
try_remove_buffer(struct evbuffer *buf, struct evbuffer *other)
{
	return evbuffer_remove_buffer(buf, other, 2) == 2;
}

static bool
try_remove_buffer_whole(struct evbuffer *buf, struct evbuffer *other)
{
	return evbuffer_remove_buffer(buf, other, 100) == 7;
}

static bool
try_buffer_reference(struct evbuffer *buf, struct evbuffer *other)
{
	return evbuffer_add_buffer_reference(buf, other) == 0;
}

/* Where there is nothing to move, some calls do not look whether they might. */
static void
frozen_and_empty(void)
{
	struct evbuffer *empty = evbuffer_new(), *buf = evbuffer_new();

	CHECK_INT_EQ(evbuffer_add_buffer_reference(empty, empty), 0);
	evbuffer_add(buf, "abc", 3);
	evbuffer_freeze(buf, 0);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(buf, empty), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(buf, empty), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(empty, buf, 0), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(empty, buf, 5), -1);
	evbuffer_unfreeze(buf, 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(empty, buf, 5), 0);
	evbuffer_freeze(empty, 1);
	CHECK_INT_EQ(evbuffer_remove_buffer(empty, buf, 5), -1);
	evbuffer_free(empty);
	evbuffer_free(buf);
}

/* X(call, what stands against it in buf, in the other one) */
#define CALLS(X) \
	X(add, END, NONE) X(add_nothing, END, NONE) X(printf, END, NONE) X(iovec, END, NONE) \
	X(reference, END, NONE) X(file, END, NONE) X(reserve, END, NONE) X(commit, END, NONE) \
	X(expand, NONE, NONE) X(pullup, NONE, NONE) X(peek, NONE, NONE) X(search, NONE, NONE) \
	X(prepend, FRONT, NONE) X(drain, FRONT, NONE) X(drain_nothing, FRONT, NONE) X(drain_all, FRONT, NONE) \
	X(remove, FRONT, NONE) X(copyout, FRONT, NONE) X(copyout_from, FRONT, NONE) X(readln, FRONT, NONE) \
	X(readline, FRONT, NONE) X(write, FRONT, NONE) X(read, END, NONE) X(add_buffer, END, FRONT) \
	X(prepend_buffer, FRONT, FRONT) X(remove_buffer, FRONT, END) X(remove_buffer_whole, FRONT, END) \
	X(buffer_reference, END, NONE)

#define CASE(call, buf_end, other_end) \
	static void \
	frozen_##call(void) \
	{ \
		check_call(try_##call, buf_end, other_end); \
	}
CALLS(CASE)

#define ROW(call, buf_end, other_end) { "frozen_" #call, frozen_##call },
static const struct evrt_test_case cases[] = {
	CALLS(ROW)
	{ "frozen_and_empty", frozen_and_empty },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
