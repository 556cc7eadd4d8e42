/* testing/contract/libevent/bufferevent_cases.h — what holds for bufferevents of every kind.
 *
 * Here:     cases about two bufferevents that are connected, end[0] and end[1], whatever lies between; and the table of
 *           them for one kind, CASES_OF(kind). A suite that includes this defines KIND_OF(kind) for each of
 *           its kinds: `static void kind(int options)` opens both ends on `base`.
 * Not here: what differs from kind to kind (bufferevent_pair_*, bufferevent_filter_*, bufferevent_*test.c, tls_*).
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_CASES_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_CASES_H_

#include "testing/contract/libevent/bufferevent_ends.h"

/* ---- Bytes. */

static void
bytes_arrive(int options)
{
	size_t all = sizeof(bulk);

	opened(options);
	both_enabled();
	for (int i = 0; i < 2; i++) {
		bufferevent_setcb(end[!i], wait_for_bytes, NULL, keep_event, &all);
		CHECK_INT_EQ(bufferevent_write(end[i], bulk, all), 0);
		event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
		CHECK_INT_EQ(input_of(!i), all);
		CHECK_MEM_EQ(evbuffer_pullup(bufferevent_get_input(end[!i]), -1), bulk, all);
		CHECK(reads[!i] >= 1);
		CHECK_INT_EQ(output_of(i), 0);
	}
	CHECK_INT_EQ(told[0] | told[1], 0);
	close_ends();
}

static void bytes_arrive_both_ways(void) { bytes_arrive(0); }
static void bytes_arrive_both_ways_deferred(void) { bytes_arrive(BEV_OPT_DEFER_CALLBACKS); }

static void
send_back(struct bufferevent *bev, void *arg)
{
	int *left = arg;

	if (--*left <= 0)
		event_base_loopbreak(base);
	CHECK_INT_EQ(bufferevent_write_buffer(bev, bufferevent_get_input(bev)), 0);
}

static void
a_byte_goes_back_and_forth(void)
{
	int left = 2000;

	opened(0);
	both_enabled();
	for (int i = 0; i < 2; i++)
		bufferevent_setcb(end[i], send_back, NULL, keep_event, &left);
	CHECK_INT_EQ(bufferevent_write(end[0], "x", 1), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(left, 0);
	CHECK_INT_EQ(told[0] | told[1], 0);
	close_ends();
}

static void
a_buffer_moves_in_and_out(void)
{
	size_t five = 5;
	struct evbuffer *buf = evbuffer_new();

	opened(0);
	both_enabled();
	bufferevent_setcb(end[1], wait_for_bytes, NULL, keep_event, &five);
	CHECK_INT_EQ(evbuffer_add(buf, "12345", 5), 0);
	CHECK_INT_EQ(bufferevent_write_buffer(end[0], buf), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(bufferevent_read_buffer(end[1], buf), 0);
	CHECK_INT_EQ(input_of(1), 0);
	CHECK_MEM_EQ(evbuffer_pullup(buf, -1), "12345", 5);
	evbuffer_free(buf);
	close_ends();
}

static void
what_is_written_before_enabling_arrives(void)
{
	size_t five = 5;

	opened(0);
	bufferevent_setcb(end[1], wait_for_bytes, NULL, keep_event, &five);
	CHECK_INT_EQ(bufferevent_write(end[0], "12345", 5), 0);
	CHECK_INT_EQ(bufferevent_enable(end[0], EV_READ), 0);
	CHECK_INT_EQ(bufferevent_enable(end[1], EV_READ), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(input_of(1), 5);
	close_ends();
}

/* ---- Enabling. */

static void
disabled_reading_waits(void)
{
	size_t five = 5;

	opened(0);
	both_enabled();
	CHECK_INT_EQ(bufferevent_disable(end[1], EV_READ), 0);
	CHECK_INT_EQ(bufferevent_write(end[0], "12345", 5), 0);
	turns(10);
	CHECK_INT_EQ(reads[1], 0);
	bufferevent_setcb(end[1], wait_for_bytes, NULL, keep_event, &five);
	CHECK_INT_EQ(bufferevent_enable(end[1], EV_READ), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(input_of(1), 5);
	close_ends();
}

static void
disabled_writing_waits(void)
{
	size_t five = 5;

	opened(0);
	both_enabled();
	CHECK_INT_EQ(bufferevent_disable(end[0], EV_WRITE), 0);
	CHECK_INT_EQ(bufferevent_write(end[0], "12345", 5), 0);
	turns(10);
	CHECK_INT_EQ(output_of(0), 5);
	CHECK_INT_EQ(input_of(1), 0);
	bufferevent_setcb(end[1], wait_for_bytes, NULL, keep_event, &five);
	CHECK_INT_EQ(bufferevent_enable(end[0], EV_WRITE), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(output_of(0), 0);
	close_ends();
}

static void
disable_after_read(struct bufferevent *bev, void *arg)
{
	count_read(bev, arg);
	CHECK_INT_EQ(bufferevent_disable(bev, EV_READ), 0);
}

static void
reading_is_disabled_in_its_callback(void)
{
	opened(0);
	both_enabled();
	bufferevent_setcb(end[1], disable_after_read, NULL, keep_event, NULL);
	CHECK_INT_EQ(bufferevent_write(end[0], "one", 3), 0);
	turns(10);
	CHECK_INT_EQ(bufferevent_write(end[0], "two", 3), 0);
	turns(10);
	CHECK_INT_EQ(reads[1], 1);
	CHECK_INT_EQ(bufferevent_get_enabled(end[1]), EV_WRITE);
	close_ends();
}

static void
what_is_enabled_is_told(void)
{
	opened(0);
	CHECK_INT_EQ(bufferevent_get_enabled(end[0]) & EV_WRITE, EV_WRITE);
	CHECK_INT_EQ(bufferevent_enable(end[0], EV_READ), 0);
	CHECK_INT_EQ(bufferevent_get_enabled(end[0]), EV_READ | EV_WRITE);
	CHECK_INT_EQ(bufferevent_disable(end[0], EV_READ | EV_WRITE), 0);
	CHECK_INT_EQ(bufferevent_get_enabled(end[0]), 0);
	CHECK_PTR_EQ(bufferevent_get_base(end[0]), base);
	close_ends();
}

/* ---- Watermarks. */

static void
a_low_mark_holds_back_the_read_callback(void)
{
	opened(0);
	bufferevent_setwatermark(end[1], EV_READ, 8, 0);
	both_enabled();
	CHECK_INT_EQ(bufferevent_write(end[0], "1234567", 7), 0);
	turns(10);
	CHECK_INT_EQ(reads[1], 0);
	CHECK_INT_EQ(input_of(1), 7);
	CHECK_INT_EQ(bufferevent_write(end[0], "8", 1), 0);
	turns(10);
	CHECK_INT_EQ(reads[1], 1);
	close_ends();
}

static void
drain_some(struct bufferevent *bev, void *arg)
{
	size_t *sum = arg;
	struct evbuffer *input = bufferevent_get_input(bev);

	CHECK(evbuffer_get_length(input) <= 1000);
	*sum += evbuffer_get_length(input);
	evbuffer_drain(input, evbuffer_get_length(input));
	if (*sum == 20000)
		event_base_loopbreak(base);
}

static void
a_high_mark_bounds_the_input(void)
{
	size_t sum = 0;

	opened(0);
	both_enabled();
	bufferevent_setwatermark(end[1], EV_READ, 0, 1000);
	bufferevent_setcb(end[1], drain_some, NULL, keep_event, &sum);
	CHECK_INT_EQ(bufferevent_write(end[0], bulk, 20000), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(sum, 20000);
	close_ends();
}

static void
draining_below_the_high_mark_goes_on(void)
{
	size_t ten = 10;

	opened(0);
	both_enabled();
	bufferevent_setcb(end[1], NULL, NULL, keep_event, NULL);
	bufferevent_setwatermark(end[1], EV_READ, 0, 10);
	CHECK_INT_EQ(bufferevent_write(end[0], bulk, 25), 0);
	turns(20);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(input_of(1), 10);
		evbuffer_drain(bufferevent_get_input(end[1]), ten);
		turns(20);
	}
	CHECK_INT_EQ(input_of(1), 5);
	close_ends();
}

static void
raising_the_high_mark_goes_on(void)
{
	opened(0);
	both_enabled();
	bufferevent_setcb(end[1], NULL, NULL, keep_event, NULL);
	bufferevent_setwatermark(end[1], EV_READ, 0, 10);
	CHECK_INT_EQ(bufferevent_write(end[0], bulk, 25), 0);
	turns(20);
	CHECK_INT_EQ(input_of(1), 10);
	bufferevent_setwatermark(end[1], EV_READ, 0, 0);
	turns(20);
	CHECK_INT_EQ(input_of(1), 25);
	close_ends();
}

static void
marks_are_told(void)
{
	size_t low, high;

	opened(0);
	bufferevent_setwatermark(end[0], EV_READ, 3, 30);
	bufferevent_setwatermark(end[0], EV_WRITE, 4, 40);
	CHECK_INT_EQ(bufferevent_getwatermark(end[0], EV_READ, &low, &high), 0);
	CHECK_INT_EQ(low, 3);
	CHECK_INT_EQ(high, 30);
	CHECK_INT_EQ(bufferevent_getwatermark(end[0], EV_WRITE, &low, &high), 0);
	CHECK_INT_EQ(low, 4);
	CHECK_INT_EQ(high, 40);
	close_ends();
}

/* ---- Callbacks. */

static void
the_write_callback_comes_when_output_is_gone(void)
{
	opened(0);
	both_enabled();
	CHECK_INT_EQ(bufferevent_write(end[0], "12345", 5), 0);
	turns(10);
	CHECK(writes[0] >= 1);
	CHECK_INT_EQ(output_of(0), 0);
	CHECK_INT_EQ(writes[1], 0);
	close_ends();
}

static void
other_callbacks_take_over(void)
{
	size_t ten = 10;
	void *arg;
	bufferevent_data_cb readcb, writecb;
	bufferevent_event_cb eventcb;

	opened(0);
	both_enabled();
	CHECK_INT_EQ(bufferevent_write(end[0], "12345", 5), 0);
	turns(10);
	CHECK_INT_EQ(reads[1], 1);
	bufferevent_setcb(end[1], wait_for_bytes, NULL, NULL, &ten);
	bufferevent_getcb(end[1], &readcb, &writecb, &eventcb, &arg);
	CHECK(readcb == wait_for_bytes && !writecb && !eventcb && arg == &ten);
	CHECK_INT_EQ(bufferevent_write(end[0], "67890", 5), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(reads[1], 2);
	close_ends();
}

static void
callbacks_are_triggered(void)
{
	opened(0);
	both_enabled();
	bufferevent_trigger(end[0], EV_READ | EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
	bufferevent_trigger_event(end[0], BEV_EVENT_EOF | BEV_EVENT_READING, 0);
	turns(2);
	CHECK_INT_EQ(reads[0], 1);
	CHECK_INT_EQ(writes[0], 1);
	CHECK_INT_EQ(told[0], BEV_EVENT_EOF | BEV_EVENT_READING);
	bufferevent_setwatermark(end[0], EV_READ, 1, 0);
	bufferevent_trigger(end[0], EV_READ, 0);
	turns(2);
	CHECK_INT_EQ(reads[0], 1);
	close_ends();
}

/* ---- Timeouts. */

static void
note_timeout(struct bufferevent *bev, short what, void *arg)
{
	keep_event(bev, what, arg);
	event_base_loopbreak(base);
}

static void
a_read_timeout_disables_reading(void)
{
	struct timeval tv = { 0, 20000 };

	opened(0);
	both_enabled();
	bufferevent_setcb(end[0], count_read, NULL, note_timeout, NULL);
	CHECK_INT_EQ(bufferevent_set_timeouts(end[0], &tv, NULL), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(told[0], BEV_EVENT_TIMEOUT | BEV_EVENT_READING);
	CHECK_INT_EQ(bufferevent_get_enabled(end[0]), EV_WRITE);
	CHECK_INT_EQ(reads[0], 0);
	close_ends();
}

static void
a_timeout_that_is_taken_back_never_comes(void)
{
	struct timeval tv = { 0, 5000 }, later = { 0, 30000 };

	opened(0);
	both_enabled();
	CHECK_INT_EQ(bufferevent_set_timeouts(end[0], &tv, &tv), 0);
	CHECK_INT_EQ(bufferevent_set_timeouts(end[0], NULL, NULL), 0);
	event_base_loopexit(base, &later);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	CHECK_INT_EQ(told[0], 0);
	CHECK_INT_EQ(bufferevent_get_enabled(end[0]), EV_READ | EV_WRITE);
	close_ends();
}

/* ---- Ends. */

static void
free_now(struct bufferevent *bev)
{
	end[side_of(bev)] = NULL;
	bufferevent_free(bev);
	event_base_loopbreak(base);
}

static void free_in_read(struct bufferevent *bev, void *arg) { count_read(bev, arg); free_now(bev); }

static void
free_in_event(struct bufferevent *bev, short what, void *arg)
{
	keep_event(bev, what, arg);
	free_now(bev);
}

static void
freed_while_reading(int options)
{
	opened(options);
	both_enabled();
	bufferevent_setcb(end[1], free_in_read, NULL, NULL, NULL);
	CHECK_INT_EQ(bufferevent_write(end[0], bulk, 100), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	turns(10);
	CHECK(!end[1]);
	close_ends();
}

static void it_is_freed_in_its_read_callback(void) { freed_while_reading(0); }
static void it_is_freed_in_its_deferred_read_callback(void) { freed_while_reading(BEV_OPT_DEFER_CALLBACKS); }

static void
free_in_write(struct bufferevent *bev, void *arg)
{
	count_write(bev, arg);
	free_now(bev);
}

static void
it_is_freed_in_its_write_callback(void)
{
	opened(0);
	both_enabled();
	bufferevent_setcb(end[0], NULL, free_in_write, NULL, NULL);
	CHECK_INT_EQ(bufferevent_write(end[0], "x", 1), 0);
	if (end[0]) /* a filter calls at once */
		event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	turns(10);
	CHECK(!end[0]);
	close_ends();
}

static void
it_is_freed_in_its_event_callback(void)
{
	struct timeval tv = { 0, 5000 };

	opened(0);
	both_enabled();
	bufferevent_setcb(end[0], NULL, NULL, free_in_event, NULL);
	CHECK_INT_EQ(bufferevent_set_timeouts(end[0], &tv, NULL), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	turns(10);
	CHECK(!end[0]);
	close_ends();
}

static void
free_other(struct bufferevent *bev, void *arg)
{
	struct bufferevent *other = end[!side_of(bev)];

	(void)arg;
	end[!side_of(bev)] = NULL;
	bufferevent_free(other);
	event_base_loopbreak(base);
}

static void
it_is_freed_in_a_callback_of_the_other(void)
{
	opened(0);
	both_enabled();
	bufferevent_setcb(end[1], free_other, NULL, NULL, NULL);
	CHECK_INT_EQ(bufferevent_write(end[0], "x", 1), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	bufferevent_setcb(end[1], NULL, NULL, NULL, NULL);
	turns(10);
	CHECK(!end[0]);
	close_ends();
}

static void
it_is_freed_with_everything_on_its_way(void)
{
	struct timeval tv = { 10, 0 };

	opened(BEV_OPT_DEFER_CALLBACKS);
	both_enabled();
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(bufferevent_set_timeouts(end[i], &tv, &tv), 0);
		CHECK_INT_EQ(bufferevent_write(end[i], bulk, sizeof(bulk)), 0);
		bufferevent_trigger(end[i], EV_READ | EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
	}
	turns(1);
	bufferevent_free(end[0]);
	turns(1);
	bufferevent_free(end[1]);
	turns(5);
	event_base_free(base);
}

static void
a_reference_keeps_it(void)
{
	opened(0);
	both_enabled();
	bufferevent_incref(end[0]);
	bufferevent_free(end[0]);
	turns(5);
	CHECK_PTR_EQ(bufferevent_get_base(end[0]), base);
	CHECK_INT_EQ(bufferevent_decref(end[0]), 1);
	end[0] = NULL;
	turns(5);
	close_ends();
}

#define CASE_LIST(X, kind) \
	X(kind, bytes_arrive_both_ways) \
	X(kind, bytes_arrive_both_ways_deferred) \
	X(kind, a_byte_goes_back_and_forth) \
	X(kind, a_buffer_moves_in_and_out) \
	X(kind, what_is_written_before_enabling_arrives) \
	X(kind, disabled_reading_waits) \
	X(kind, reading_is_disabled_in_its_callback) \
	X(kind, what_is_enabled_is_told) \
	X(kind, a_low_mark_holds_back_the_read_callback) \
	X(kind, marks_are_told) \
	X(kind, the_write_callback_comes_when_output_is_gone) \
	X(kind, other_callbacks_take_over) \
	X(kind, callbacks_are_triggered) \
	X(kind, a_timeout_that_is_taken_back_never_comes) \
	X(kind, it_is_freed_in_its_read_callback) \
	X(kind, it_is_freed_in_its_deferred_read_callback) \
	X(kind, it_is_freed_in_its_write_callback) \
	X(kind, it_is_freed_in_its_event_callback) \
	X(kind, it_is_freed_in_a_callback_of_the_other) \
	X(kind, it_is_freed_with_everything_on_its_way) \
	X(kind, a_reference_keeps_it)

/* What libevent's TLS does not do: over a socket, and in neither form. */
#define CASE_LIST_NO_TLS_SOCKET(X, kind) X(kind, a_read_timeout_disables_reading)
#define CASE_LIST_NO_TLS(X, kind) X(kind, draining_below_the_high_mark_goes_on)

/* What libevent's filters do not do. */
#define CASE_LIST_NO_FILTER(X, kind) \
	X(kind, disabled_writing_waits) \
	X(kind, a_high_mark_bounds_the_input) \
	X(kind, raising_the_high_mark_goes_on)

#define CASE_LIST_FILTER(X, kind) \
	CASE_LIST(X, kind) CASE_LIST_NO_TLS_SOCKET(X, kind) CASE_LIST_NO_TLS(X, kind)
#define CASE_LIST_ALL(X, kind) CASE_LIST_FILTER(X, kind) CASE_LIST_NO_FILTER(X, kind)

#define CASE_RUN(kind, name) __attribute__((unused)) static void kind##_##name(void) { open_ends = kind; name(); }
#define CASE_ROW(kind, name) { #kind ": " #name, kind##_##name },
#define KIND_OF(kind) CASE_LIST_ALL(CASE_RUN, kind)
#define CASES_OF(kind) CASE_LIST_ALL(CASE_ROW, kind)
/* What libevent does, too. */
#define CASES_OF_FILTER(kind) CASE_LIST_FILTER(CASE_ROW, kind)
#define CASES_OF_TLS_FILTER(kind) CASE_LIST(CASE_ROW, kind) CASE_LIST_NO_TLS_SOCKET(CASE_ROW, kind)
#define CASES_OF_TLS(kind) CASE_LIST(CASE_ROW, kind)

#endif
