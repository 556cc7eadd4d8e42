/* testing/contract/libevent/buffer_defer_test.c — callbacks of evbuffers that wait for the event loop.
 *
 * Here:     evbuffer_defer_callbacks. Public headers only.
 */
#include "testing/harness/test.h"

#include <event2/buffer.h>
#include <event2/event.h>

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
	struct event_base *base = event_base_new();
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
	struct event_base *base = event_base_new();
	struct evbuffer *buf = evbuffer_new();
	CHECK(base && buf && evbuffer_add_cb(buf, note, &calls));
	CHECK_INT_EQ(evbuffer_defer_callbacks(buf, base), 0);
	evbuffer_add(buf, "12345", 5);
	evbuffer_free(buf);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(calls, 1);
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	{ "changes_are_told_in_one_call", changes_are_told_in_one_call },
	{ "freed_buffer_lives_until_told", freed_buffer_lives_until_told },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
