/* testing/unit/api/bufferevent/pair_test.c — pairs, where they differ from libevent's on purpose.
 *
 * Here:     what docs/COMPAT.md lists of them; freeing from inside; memory that is out.
 * Not here: what both libraries do (testing/contract/libevent), several threads (kinds_threads_test.c).
 * Threads:  one.
 */
#include "testing/unit/api/bufferevent/kinds_rig.h"

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

static void
a_write_time_that_finds_no_memory_is_an_error(void)
{
	struct timeval tv = ms(60000);
	int failures = 0;

	for (uint64_t k = 1; k < 8; k++) {
		open_pair();
		bufferevent_set_timeouts(a, NULL, &tv);
		events_told = 0;
		evrt_test_fail_alloc(k);
		int r = bufferevent_write(a, "x", 1);
		bool failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		turn();
		if (r == 0 && !timer_of(&a->ev_write)) {
			CHECK(failed);
			failures++;
			CHECK_INT_EQ(events_told, 1);
			CHECK_INT_EQ(last_event, BEV_EVENT_WRITING | BEV_EVENT_ERROR);
			CHECK_INT_EQ(bufferevent_enable(a, EV_WRITE), 0);
			CHECK_INT_EQ(timer_of(&a->ev_write), 1);
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
	CASE(a_pair_is_made_whole_or_not_at_all),
	CASE(bytes_that_find_no_memory_are_an_error),
	CASE(a_write_time_that_finds_no_memory_is_an_error),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
