/* testing/unit/api/buffer/callbacks_test.c — callbacks that run at once, later, and that do strange things.
 *
 * Here:     removal and freeing from within callbacks, deferral with its references, internal callbacks.
 * Not here: the numbers that every edit tells (testing/contract/libevent/buffer_test.c).
 */
#include "testing/harness/test.h"

#include <string.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include "api/buffer/buffer_internal.h"

struct seen {
	int calls;
	struct evbuffer_cb_info last;
	struct evbuffer_cb_entry *remove; /* an entry to remove when called */
	int free_buffer;
};

static void
see(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct seen *s = arg;
	s->calls++;
	s->last = *info;
	if (s->remove) {
		CHECK_INT_EQ(evbuffer_remove_cb_entry(buf, s->remove), 0);
		s->remove = NULL;
	}
	if (s->free_buffer)
		evbuffer_free(buf);
}

static void
callback_may_remove_any(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct seen a = { 0 }, b = { 0 }, c = { 0 };
	struct evbuffer_cb_entry *ea = evbuffer_add_cb(buf, see, &a);
	struct evbuffer_cb_entry *eb = evbuffer_add_cb(buf, see, &b);
	struct evbuffer_cb_entry *ec = evbuffer_add_cb(buf, see, &c);
	c.remove = eb; /* c is called first, b is next and must not be */
	a.remove = ec;
	CHECK(ea && eb && ec);
	evbuffer_add(buf, "x", 1);
	CHECK_INT_EQ(c.calls, 1);
	CHECK_INT_EQ(b.calls, 0);
	CHECK_INT_EQ(a.calls, 1);
	a.remove = ea; /* itself */
	evbuffer_add(buf, "x", 1);
	CHECK_INT_EQ(a.calls, 2);
	evbuffer_add(buf, "x", 1);
	CHECK_INT_EQ(a.calls + b.calls + c.calls, 3);
	CHECK_INT_EQ(evbuffer_remove_cb(buf, see, &a), -1);
	evbuffer_free(buf);
}

static void
callback_may_free_the_buffer(void)
{
	struct evbuffer *x = evbuffer_new();
	struct evbuffer *y = evbuffer_new();
	struct seen s = { .free_buffer = 1 };
	evbuffer_add_cb(x, see, &s);
	evbuffer_add(x, "1", 1);
	CHECK_INT_EQ(s.calls, 1);
	x = evbuffer_new();
	evbuffer_add(x, "12", 2);
	evbuffer_add_cb(x, see, &s);
	CHECK_INT_EQ(evbuffer_add_buffer(y, x), 0); /* frees x */
	CHECK_INT_EQ(s.calls, 2);
	CHECK_INT_EQ(evbuffer_get_length(y), 2);
	evbuffer_free(y);
}

static void
grow_once(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct seen *s = arg;
	s->calls++;
	s->last = *info;
	if (s->calls == 1)
		evbuffer_add(buf, "more", 4);
}

static void
edits_in_callbacks_are_told(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct seen s = { 0 };
	evbuffer_add_cb(buf, grow_once, &s);
	evbuffer_add(buf, "1", 1);
	CHECK_INT_EQ(s.calls, 2);
	CHECK_INT_EQ(s.last.orig_size, 1);
	CHECK_INT_EQ(s.last.n_added, 4);
	evbuffer_free(buf);
}

static void
failed_calls_tell_nothing(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct seen s = { 0 };
	evbuffer_add_cb(buf, see, &s);
	evbuffer_freeze(buf, 0);
	CHECK_INT_EQ(evbuffer_add(buf, "1", 1), -1);
	evbuffer_unfreeze(buf, 0);
	CHECK_INT_EQ(evbuffer_add(buf, "1", EV_SIZE_MAX), -1);
	CHECK_INT_EQ(evbuffer_add(buf, "1", EVRT_BUFFER_LEN_MAX + 1), -1);
	CHECK_INT_EQ(evbuffer_add(buf, "", 0), 0);
	CHECK_INT_EQ(s.calls, 0);
	evbuffer_free(buf);
}

/* What an event loop and a bufferevent would do. */
struct fake_loop {
	struct evrt__buffer_owner owner; /* first: the loop is found by it */
	struct evrt__buffer_defer defer;
	struct seen at_once; /* what the owner heard */
	struct evbuffer *queued;
	int schedules;
	int refs;
	int releases;
};

static void
loop_schedule(struct evrt__buffer_defer *defer, struct evbuffer *buf)
{
	struct fake_loop *l = EVRT_CONTAINER_OF(defer, struct fake_loop, defer);
	CHECK_PTR_EQ(l->queued, NULL);
	l->queued = buf;
	l->schedules++;
}

static void
loop_run(struct fake_loop *l)
{
	struct evbuffer *buf = l->queued;
	CHECK(buf);
	l->queued = NULL;
	evrt__buffer_run_deferred(buf, &l->defer);
}

static void
loop_release(struct evrt__buffer_defer *defer)
{
	EVRT_CONTAINER_OF(defer, struct fake_loop, defer)->releases++;
}

static void
owner_ref(const struct evrt__buffer_owner *owner)
{
	((struct fake_loop *)(uintptr_t)owner)->refs++;
}

static void
owner_unref(const struct evrt__buffer_owner *owner)
{
	((struct fake_loop *)(uintptr_t)owner)->refs--;
}

static void
owner_changed(const struct evrt__buffer_owner *owner, struct evbuffer *buf, const struct evbuffer_cb_info *info)
{
	see(buf, info, &((struct fake_loop *)(uintptr_t)owner)->at_once);
}

static const struct evrt__buffer_owner_ops owner_ops = { owner_ref, owner_unref, owner_changed };

static void
deferred_callbacks_are_told_once(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct fake_loop loop = { .owner = { &owner_ops }, .defer = { .schedule = loop_schedule } };
	struct seen later = { 0 };
	evrt__buffer_set_owner(buf, &loop.owner);
	evrt__buffer_set_defer(buf, &loop.defer);
	evbuffer_add_cb(buf, see, &later);
	evrt__buffer_tell_owner(buf, true);
	evbuffer_add(buf, "12345", 5);
	evbuffer_drain(buf, 2);
	CHECK_INT_EQ(loop.at_once.calls, 2);
	CHECK_INT_EQ(loop.at_once.last.orig_size, 5);
	CHECK_INT_EQ(loop.at_once.last.n_added, 0);
	CHECK_INT_EQ(loop.at_once.last.n_deleted, 2);
	CHECK_INT_EQ(later.calls, 0);
	CHECK_INT_EQ(loop.schedules, 1);
	CHECK_INT_EQ(loop.refs, 1);
	loop_run(&loop);
	CHECK_INT_EQ(later.calls, 1);
	CHECK_INT_EQ(loop.at_once.calls, 2);
	CHECK_INT_EQ(later.last.orig_size, 0);
	CHECK_INT_EQ(later.last.n_added, 5);
	CHECK_INT_EQ(later.last.n_deleted, 2);
	CHECK_INT_EQ(loop.refs, 0);
	evbuffer_free(buf);
}

static void
freed_buffer_waits_for_its_deferred_callbacks(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct fake_loop loop = { .owner = { &owner_ops }, .defer = { .schedule = loop_schedule } };
	struct seen later = { 0 };
	evrt__buffer_set_owner(buf, &loop.owner);
	evrt__buffer_set_defer(buf, &loop.defer);
	evbuffer_add_cb(buf, see, &later);
	evbuffer_add(buf, "12345", 5);
	evbuffer_free(buf);
	loop_run(&loop);
	CHECK_INT_EQ(later.calls, 1);
	CHECK_INT_EQ(loop.refs, 0);
}

/* A run may be under way in another thread while the deferral is replaced: it is the run that ends it. */
static void
replaced_deferral_is_released_by_its_run(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct fake_loop loop[3];
	struct seen later = { 0 };
	for (int i = 0; i < 3; i++)
		loop[i] = (struct fake_loop){ .defer = { .schedule = loop_schedule, .release = loop_release } };
	evrt__buffer_set_defer(buf, &loop[0].defer);
	evbuffer_add_cb(buf, see, &later);
	evbuffer_add(buf, "12345", 5);
	evrt__buffer_set_defer(buf, &loop[1].defer);
	evrt__buffer_set_defer(buf, &loop[2].defer);
	CHECK_INT_EQ(loop[0].releases, 0);
	CHECK_INT_EQ(loop[1].releases, 1);
	loop_run(&loop[0]);
	CHECK_INT_EQ(loop[0].releases, 1);
	CHECK_INT_EQ(later.calls, 1);
	CHECK_INT_EQ(later.last.n_added, 5);
	evbuffer_add(buf, "6", 1);
	CHECK_INT_EQ(loop[2].schedules, 1);
	loop_run(&loop[2]);
	CHECK_INT_EQ(later.calls, 2);
	CHECK_INT_EQ(loop[2].releases, 0);
	evbuffer_free(buf);
	CHECK_INT_EQ(loop[0].releases + loop[1].releases + loop[2].releases, 3);
}

static void
nothing_is_scheduled_for_nobody(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct fake_loop loop = { .owner = { &owner_ops }, .defer = { .schedule = loop_schedule } };
	evrt__buffer_set_owner(buf, &loop.owner);
	evrt__buffer_set_defer(buf, &loop.defer);
	evrt__buffer_tell_owner(buf, true);
	evbuffer_add(buf, "1", 1);
	CHECK_INT_EQ(loop.schedules, 0);
	CHECK_INT_EQ(loop.at_once.calls, 1);
	evbuffer_free(buf);
}

static void
setcb_spares_the_owner(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct fake_loop loop = { .owner = { &owner_ops } };
	struct seen users = { 0 };
	evrt__buffer_set_owner(buf, &loop.owner);
	evrt__buffer_tell_owner(buf, true);
	evbuffer_add_cb(buf, see, &users);
	CHECK_INT_EQ(evbuffer_setcb(buf, NULL, NULL), 0);
	evbuffer_add(buf, "1", 1);
	CHECK_INT_EQ(loop.at_once.calls, 1);
	CHECK_INT_EQ(users.calls, 0);
	evrt__buffer_tell_owner(buf, false);
	evbuffer_add(buf, "1", 1);
	CHECK_INT_EQ(loop.at_once.calls, 1);
	evbuffer_free(buf);
}

static void
internal_flags_are_not_the_programs(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct seen s = { 0 };
	struct evbuffer_cb_entry *e = evbuffer_add_cb(buf, see, &s);
	evbuffer_cb_set_flags(buf, e, 0xffffffffu);
	evbuffer_add(buf, "1", 1); /* would be called as an obsolete one */
	CHECK_INT_EQ(s.last.n_added, 1);
	evbuffer_cb_clear_flags(buf, e, 0xffffffffu);
	evbuffer_add(buf, "1", 1);
	CHECK_INT_EQ(s.calls, 1);
	CHECK_PTR_EQ(evbuffer_add_cb(buf, NULL, NULL), NULL);
	evbuffer_free(buf);
}

static const struct evrt_test_case cases[] = {
	{ "callback_may_remove_any", callback_may_remove_any },
	{ "callback_may_free_the_buffer", callback_may_free_the_buffer },
	{ "edits_in_callbacks_are_told", edits_in_callbacks_are_told },
	{ "failed_calls_tell_nothing", failed_calls_tell_nothing },
	{ "deferred_callbacks_are_told_once", deferred_callbacks_are_told_once },
	{ "freed_buffer_waits_for_its_deferred_callbacks", freed_buffer_waits_for_its_deferred_callbacks },
	{ "replaced_deferral_is_released_by_its_run", replaced_deferral_is_released_by_its_run },
	{ "nothing_is_scheduled_for_nobody", nothing_is_scheduled_for_nobody },
	{ "setcb_spares_the_owner", setcb_spares_the_owner },
	{ "internal_flags_are_not_the_programs", internal_flags_are_not_the_programs },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
