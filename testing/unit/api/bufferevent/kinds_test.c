/* testing/unit/api/bufferevent/kinds_test.c — pairs and filters, where they differ from libevent's on purpose.
 *
 * Here:     what docs/COMPAT.md lists of them; functions that lie; freeing from inside; memory that is out.
 * Not here: what both libraries do (testing/contract/libevent), several threads (kinds_threads_test.c).
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "testing/harness/fault.h"
#include "testing/harness/test.h"

static struct event_base *base;
static struct bufferevent *a, *b; /* the ends of a pair, or filters over them */
static int reads, writes, events_told, contexts_freed, calls;
static short last_event;

static void
on_read(struct bufferevent *bev, void *drains)
{
	reads++;
	if (drains)
		evbuffer_drain(bufferevent_get_input(bev), *(size_t *)drains);
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	(void)bev, (void)arg;
	writes++;
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev, (void)arg;
	events_told++;
	last_event = what;
}

static void
on_context(void *arg)
{
	(void)arg;
	contexts_freed++;
}

static size_t in(struct bufferevent *bev) { return evbuffer_get_length(bufferevent_get_input(bev)); }
static size_t out(struct bufferevent *bev) { return evbuffer_get_length(bufferevent_get_output(bev)); }
static struct bufferevent *below(struct bufferevent *bev) { return bufferevent_get_underlying(bev); }

static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
open_pair(void)
{
	struct bufferevent *ends[2];

	base = event_base_new();
	CHECK_INT_EQ(bufferevent_pair_new(base, 0, ends), 0);
	a = ends[0];
	b = ends[1];
	bufferevent_setcb(a, on_read, on_write, on_event, NULL);
	bufferevent_setcb(b, on_read, on_write, on_event, NULL);
}

static void
open_filter(bufferevent_filter_cb input, bufferevent_filter_cb output)
{
	open_pair();
	a = bufferevent_filter_new(a, input, output, BEV_OPT_CLOSE_ON_FREE, on_context, NULL);
	CHECK(a != NULL);
	bufferevent_setcb(a, on_read, on_write, on_event, NULL);
}

static void
close_all(void)
{
	if (a)
		bufferevent_free(a);
	if (b)
		bufferevent_free(b);
	turn();
	event_base_free(base);
}

static struct timeval
ms(long n)
{
	return (struct timeval){ n / 1000, (n % 1000) * 1000 };
}

static int
timer_of(struct event *ev)
{
	return event_pending(ev, EV_TIMEOUT, NULL) != 0;
}

/* --- pairs -------------------------------------------------------------------------------- */

static void
a_flush_of_a_pair_ignores_the_high_mark(void)
{
	open_pair();
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(b, EV_READ, 0, 2);
	bufferevent_write(a, "hello", 5);
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 0);
	CHECK_INT_EQ(in(b), 5);
	CHECK_INT_EQ(out(a), 0);
	close_all();
}

static void
the_write_time_of_a_pair_is_that_of_bytes_that_wait(void)
{
	struct timeval tv = ms(60000);

	open_pair();
	bufferevent_set_timeouts(a, NULL, &tv);
	CHECK_INT_EQ(timer_of(&a->ev_write), 0);
	bufferevent_write(a, "x", 1);
	CHECK_INT_EQ(timer_of(&a->ev_write), 1);
	bufferevent_enable(b, EV_READ);
	CHECK_INT_EQ(timer_of(&a->ev_write), 0);
	close_all();
}

static void
more_output_does_not_begin_the_write_time_anew(void)
{
	struct timeval tv = ms(60000), pause = ms(10);

	open_pair();
	bufferevent_set_timeouts(a, NULL, &tv);
	bufferevent_write(a, "x", 1);
	struct timeval due = a->ev_write.ev_timeout;
	CHECK(evutil_timerisset(&due));
	event_base_loopexit(base, &pause);
	event_base_dispatch(base);
	bufferevent_write(a, "y", 1);
	CHECK(evutil_timercmp(&a->ev_write.ev_timeout, &due, ==));
	close_all();
}

static void
the_read_time_of_a_pair_stops_while_input_is_full(void)
{
	struct timeval tv = ms(60000);

	open_pair();
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	bufferevent_set_timeouts(b, &tv, NULL);
	bufferevent_setwatermark(b, EV_READ, 0, 2);
	bufferevent_enable(b, EV_READ);
	CHECK_INT_EQ(timer_of(&b->ev_read), 1);
	bufferevent_write(a, "xx", 2);
	CHECK_INT_EQ(timer_of(&b->ev_read), 0);
	evbuffer_drain(bufferevent_get_input(b), 1);
	CHECK_INT_EQ(timer_of(&b->ev_read), 1);
	close_all();
}

static void
a_partner_is_gone_once_it_is_freed(void)
{
	open_pair();
	bufferevent_incref(b);
	bufferevent_enable(b, EV_READ);
	bufferevent_free(b);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(a), NULL);
	bufferevent_write(a, "x", 1);
	CHECK_INT_EQ(out(a), 1);
	CHECK_INT_EQ(bufferevent_decref(b), 1);
	b = NULL;
	close_all();
}

static void
free_both(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf, (void)info, (void)arg;
	if (!a)
		return;
	struct bufferevent *ends[2] = { a, b };
	a = b = NULL;
	bufferevent_free(ends[0]);
	bufferevent_free(ends[1]);
}

static void
a_pair_is_freed_in_the_middle_of_a_transfer(void)
{
	open_pair();
	bufferevent_enable(b, EV_READ);
	evbuffer_add_cb(bufferevent_get_input(b), free_both, NULL);
	CHECK_INT_EQ(bufferevent_write(a, "x", 1), 0);
	turn();
	CHECK_INT_EQ(reads + writes, 0);
	close_all();
}

static void
a_pair_needs_a_base(void)
{
	struct bufferevent *ends[2];

	CHECK_INT_EQ(bufferevent_pair_new(NULL, 0, ends), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(NULL), NULL);
	CHECK_PTR_EQ(bufferevent_filter_new(NULL, NULL, NULL, 0, NULL, NULL), NULL);
	CHECK_INT_EQ(errno, EINVAL);
}

/* --- filters ------------------------------------------------------------------------------ */

static void
an_enabled_filter_sees_what_waits(void)
{
	open_filter(NULL, NULL);
	bufferevent_disable(a, EV_WRITE);
	bufferevent_enable(b, EV_READ);
	bufferevent_write(a, "out", 3);
	bufferevent_write(b, "in", 2);
	bufferevent_flush(b, EV_WRITE, BEV_FLUSH);
	turn();
	CHECK_INT_EQ(in(below(a)), 2);
	reads = writes = 0;
	bufferevent_enable(a, EV_READ | EV_WRITE);
	CHECK_INT_EQ(in(a), 2);
	CHECK_INT_EQ(in(b), 3);
	CHECK_INT_EQ(reads + writes, 0); /* told by the loop */
	turn();
	CHECK_INT_EQ(reads, 2);
	CHECK_INT_EQ(writes, 1);
	close_all();
}

static enum bufferevent_filter_result
do_nothing(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	(void)src, (void)dst, (void)limit, (void)mode, (void)arg;
	calls++;
	return BEV_OK;
}

static void
a_function_that_does_nothing_is_not_called_for_ever(void)
{
	open_filter(do_nothing, do_nothing);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(a, "x", 1);
	bufferevent_write(b, "x", 1);
	turn();
	CHECK(calls >= 2 && calls < 10);
	close_all();
}

static void
a_reader_that_drains_in_its_callback_goes_on(void)
{
	size_t two = 2;

	open_filter(NULL, NULL);
	bufferevent_setcb(a, on_read, NULL, NULL, &two);
	bufferevent_setwatermark(a, EV_READ, 0, 4);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "0123456789", 10);
	turn();
	CHECK_INT_EQ(in(below(a)), 0);
	CHECK_INT_EQ(in(a), 2);
	close_all();
}

static void
a_full_filter_takes_nothing_from_below(void)
{
	open_filter(NULL, NULL);
	bufferevent_setcb(a, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(a, EV_READ, 0, 4);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "0123", 4);
	turn();
	bufferevent_write(b, "45", 2);
	turn();
	CHECK_INT_EQ(out(b), 2);
	evbuffer_drain(bufferevent_get_input(a), 4);
	turn();
	CHECK_INT_EQ(in(a), 2);
	close_all();
}

static void
full_input_below_a_filter_that_waits_lets_the_loop_end(void)
{
	open_filter(NULL, NULL);
	bufferevent_setwatermark(below(a), EV_READ, 0, 2);
	bufferevent_write(b, "0123", 4);
	bufferevent_enable(a, EV_READ);
	bufferevent_disable(a, EV_READ);
	CHECK_INT_EQ(in(below(a)), 2);
	turn(); /* and returns */
	CHECK_INT_EQ(in(a), 0);
	bufferevent_enable(a, EV_READ);
	turn();
	CHECK_INT_EQ(in(a), 4);
	close_all();
}

static void
the_write_time_of_a_filter_is_that_of_bytes_that_wait(void)
{
	struct timeval tv = ms(60000);

	open_filter(NULL, NULL);
	bufferevent_set_timeouts(a, NULL, &tv);
	bufferevent_write(a, "x", 1);
	CHECK_INT_EQ(timer_of(&a->ev_write), 0);
	bufferevent_setwatermark(below(a), EV_WRITE, 0, 1);
	bufferevent_write(a, "yz", 2);
	CHECK_INT_EQ(timer_of(&a->ev_write), 1);
	bufferevent_enable(b, EV_READ);
	turn();
	CHECK_INT_EQ(in(b), 3);
	CHECK_INT_EQ(timer_of(&a->ev_write), 0);
	close_all();
}

static void
what_the_program_has_freed_is_not_freed_again(void)
{
	open_filter(NULL, NULL);
	bufferevent_free(below(a));
	bufferevent_free(a);
	a = NULL;
	turn();
	CHECK_INT_EQ(contexts_freed, 1);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(b), NULL);
	close_all();
}

static enum bufferevent_filter_result
free_within(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	(void)limit, (void)mode, (void)arg;
	calls++;
	evbuffer_remove_buffer(src, dst, 1);
	if (a)
		bufferevent_free(a);
	a = NULL;
	return BEV_OK;
}

static void
a_filter_is_freed_in_its_own_function(void)
{
	open_filter(free_within, free_within);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "xyz", 3);
	turn();
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(reads, 0);
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static void
a_write_frees_a_filter_in_its_own_function(void)
{
	open_filter(free_within, free_within);
	bufferevent_write(a, "xyz", 3);
	turn();
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static enum bufferevent_filter_result
one_byte(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	static int inside;

	(void)limit, (void)mode, (void)arg;
	calls++;
	CHECK_INT_EQ(inside++, 0);
	int moved = evbuffer_remove_buffer(src, dst, 1);
	inside--;
	return moved > 0 ? BEV_OK : BEV_NEED_MORE;
}

static void
drain_all(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)arg;
	if (info->n_added)
		evbuffer_drain(buf, evbuffer_get_length(buf));
}

static void
a_drain_inside_of_a_function_does_not_call_it_again(void)
{
	open_filter(one_byte, NULL);
	/* Called after that of the watermark: reading stops, and then goes on. */
	evbuffer_add_cb(bufferevent_get_input(a), drain_all, NULL);
	bufferevent_setwatermark(a, EV_READ, 0, 1);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "0123456789", 10);
	turn();
	CHECK_INT_EQ(calls, 10);
	CHECK_INT_EQ(in(below(a)), 0);
	close_all();
}

/* Every call of the filter above below's own makes room, and tells of it. */
static void
a_function_that_makes_room_below_is_not_called_again(void)
{
	open_filter(NULL, NULL);
	a = bufferevent_filter_new(a, NULL, one_byte, BEV_OPT_CLOSE_ON_FREE, on_context, NULL);
	bufferevent_enable(b, EV_READ);
	bufferevent_write(a, "0123456789", 10);
	CHECK_INT_EQ(calls, 10);
	CHECK_INT_EQ(in(b), 10);
	close_all();
	CHECK_INT_EQ(contexts_freed, 2);
}

static void
write_on(struct bufferevent *bev, void *arg)
{
	static int inside;

	(void)arg;
	CHECK_INT_EQ(inside++, 0);
	if (++writes < 10000)
		bufferevent_write(bev, "x", 1);
	inside--;
}

static void
a_write_in_the_write_callback_needs_no_stack(void)
{
	open_filter(NULL, NULL);
	bufferevent_setcb(a, NULL, write_on, NULL, NULL);
	bufferevent_enable(b, EV_READ);
	bufferevent_write(a, "x", 1);
	CHECK_INT_EQ(writes, 10000);
	CHECK_INT_EQ(in(b), 10000);
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	close_all();
}

static void
read_three_times(struct bufferevent *bev, void *arg)
{
	(void)arg;
	if (++reads == 3)
		bufferevent_disable(bev, EV_READ);
}

static void
what_was_below_is_called_while_it_is_full_again(void)
{
	struct bufferevent *f;

	open_pair();
	f = bufferevent_filter_new(a, NULL, NULL, 0, on_context, NULL);
	bufferevent_free(f);
	bufferevent_setcb(a, read_three_times, NULL, NULL, NULL);
	bufferevent_setwatermark(a, EV_READ, 0, 2);
	bufferevent_write(b, "0123", 4);
	turn();
	CHECK_INT_EQ(contexts_freed, 1);
	CHECK_INT_EQ(reads, 3);
	close_all();
}

static void
threadsafe_needs_threads(void)
{
	struct bufferevent *ends[2];

	open_pair();
	CHECK_PTR_EQ(bufferevent_filter_new(a, NULL, NULL, BEV_OPT_THREADSAFE, on_context, NULL), NULL);
	CHECK_INT_EQ(contexts_freed, 0);
	CHECK_INT_EQ(bufferevent_pair_new(base, BEV_OPT_THREADSAFE, ends), -1);
	close_all();
}

/* --- memory ------------------------------------------------------------------------------- */

static void
a_pair_is_made_whole_or_not_at_all(void)
{
	struct bufferevent *ends[2];

	base = event_base_new();
	for (uint64_t k = 1;; k++) {
		evrt_test_fail_alloc(k);
		int64_t live = evrt_test_allocs_live();
		int r = bufferevent_pair_new(base, 0, ends);
		if (!evrt_test_alloc_has_failed()) {
			CHECK_INT_EQ(r, 0);
			break;
		}
		CHECK_INT_EQ(r, -1);
		CHECK_INT_EQ(errno, ENOMEM);
		CHECK_INT_EQ(evrt_test_allocs_live(), live);
	}
	a = ends[0];
	b = ends[1];
	close_all();
}

static void
a_filter_is_made_whole_or_not_at_all(void)
{
	bufferevent_data_cb readcb;
	struct bufferevent *f = NULL;

	open_pair();
	for (uint64_t k = 1; !f; k++) {
		evrt_test_fail_alloc(k);
		int64_t live = evrt_test_allocs_live();
		f = bufferevent_filter_new(a, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, on_context, NULL);
		CHECK(f || evrt_test_alloc_has_failed());
		if (f)
			break;
		CHECK_INT_EQ(errno, ENOMEM);
		CHECK_INT_EQ(evrt_test_allocs_live(), live);
		bufferevent_getcb(a, &readcb, NULL, NULL, NULL);
		CHECK(readcb == on_read);
		CHECK_INT_EQ(contexts_freed, 0);
	}
	a = f;
	close_all();
	CHECK_INT_EQ(contexts_freed, 1);
}

static void
bytes_that_find_no_memory_are_an_error(void)
{
	int failures = 0;

	for (uint64_t k = 1; k < 8; k++) {
		open_pair();
		bufferevent_setwatermark(b, EV_READ, 0, 2);
		bufferevent_setcb(b, NULL, NULL, NULL, NULL);
		bufferevent_write(a, "hello", 5);
		events_told = 0;
		evrt_test_fail_alloc(k);
		bufferevent_enable(b, EV_READ);
		bool failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		turn();
		if (failed && in(b) == 0) {
			failures++;
			CHECK_INT_EQ(events_told, 1);
			CHECK_INT_EQ(last_event, BEV_EVENT_WRITING | BEV_EVENT_ERROR);
			CHECK_INT_EQ(bufferevent_get_enabled(a), 0);
			CHECK_INT_EQ(out(a), 5);
		}
		close_all();
	}
	CHECK(failures > 0);
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(a_flush_of_a_pair_ignores_the_high_mark),
	CASE(the_write_time_of_a_pair_is_that_of_bytes_that_wait),
	CASE(more_output_does_not_begin_the_write_time_anew),
	CASE(the_read_time_of_a_pair_stops_while_input_is_full),
	CASE(a_partner_is_gone_once_it_is_freed),
	CASE(a_pair_is_freed_in_the_middle_of_a_transfer),
	CASE(a_pair_needs_a_base),
	CASE(an_enabled_filter_sees_what_waits),
	CASE(a_function_that_does_nothing_is_not_called_for_ever),
	CASE(a_reader_that_drains_in_its_callback_goes_on),
	CASE(a_full_filter_takes_nothing_from_below),
	CASE(full_input_below_a_filter_that_waits_lets_the_loop_end),
	CASE(the_write_time_of_a_filter_is_that_of_bytes_that_wait),
	CASE(what_the_program_has_freed_is_not_freed_again),
	CASE(a_filter_is_freed_in_its_own_function),
	CASE(a_write_frees_a_filter_in_its_own_function),
	CASE(a_drain_inside_of_a_function_does_not_call_it_again),
	CASE(a_function_that_makes_room_below_is_not_called_again),
	CASE(a_write_in_the_write_callback_needs_no_stack),
	CASE(what_was_below_is_called_while_it_is_full_again),
	CASE(threadsafe_needs_threads),
	CASE(a_pair_is_made_whole_or_not_at_all),
	CASE(a_filter_is_made_whole_or_not_at_all),
	CASE(bytes_that_find_no_memory_are_an_error),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
