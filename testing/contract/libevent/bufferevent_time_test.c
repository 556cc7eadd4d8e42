/* testing/contract/libevent/bufferevent_time_test.c — socket bufferevents: timeouts; the time of others.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 *
 * "It did not time out" is asked of event_pending, not of a clock; where time must pass, a timer of the case ends
 * the loop, and a slow machine only makes it pass more.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <event2/bufferevent_compat.h>

static void
event_and_leave(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	event_base_loopbreak(base);
}

static struct bufferevent *
open_timed(int options, long read_ms, long write_ms)
{
	struct bufferevent *bev = open_bev(options);
	struct timeval rd = ms(read_ms), wr = ms(write_ms);

	bufferevent_setcb(bev, NULL, NULL, event_and_leave, NULL);
	CHECK_INT_EQ(bufferevent_set_timeouts(bev, read_ms ? &rd : NULL, write_ms ? &wr : NULL), 0);
	return bev;
}

static int
times_reading(struct bufferevent *bev)
{
	return event_pending(&bev->ev_read, EV_TIMEOUT, NULL) != 0;
}

static int
times_writing(struct bufferevent *bev)
{
	return event_pending(&bev->ev_write, EV_TIMEOUT, NULL) != 0;
}

/* When a timeout is due, in ms. */
static int64_t
due_ms(const struct event *ev)
{
	struct timeval due = { 0, 0 };

	CHECK(event_pending(ev, EV_TIMEOUT, &due));
	return (int64_t)due.tv_sec * 1000 + due.tv_usec / 1000;
}

/* What is left of it. */
static int64_t
left_ms(const struct event *ev)
{
	struct timeval now;

	evutil_gettimeofday(&now, NULL);
	return due_ms(ev) - ((int64_t)now.tv_sec * 1000 + now.tv_usec / 1000);
}

/* Whether it has begun anew some time after it was due at `due`. How much is left of it would say the same, but only
 * on a machine that is never busy; and one that is far away may be due later than was asked for, by 30 ms at most. */
#define A_WHILE_MS 60

static bool
begun_anew(const struct event *ev, int64_t due)
{
	return due_ms(ev) > due + A_WHILE_MS / 3;
}

static void
loop_ms(long n)
{
	struct timeval tv = ms(n);

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

static void
fill_peer(struct bufferevent *bev)
{
	static char block[1 << 20];

	for (int i = 0; i < 4; i++)
		CHECK_INT_EQ(bufferevent_write(bev, block, sizeof(block)), 0);
}

static void
the_fields_say_what_was_set(void)
{
	struct bufferevent *bev = open_timed(0, 1500, 2500);
	CHECK_INT_EQ(bev->timeout_read.tv_sec, 1);
	CHECK_INT_EQ(bev->timeout_read.tv_usec, 500000);
	CHECK_INT_EQ(bev->timeout_write.tv_sec, 2);
	bufferevent_set_timeouts(bev, NULL, NULL);
	CHECK(!evutil_timerisset(&bev->timeout_read) && !evutil_timerisset(&bev->timeout_write));
	close_bev(bev);
}

static void
zero_is_no_timeout(void)
{
	struct bufferevent *bev = open_timed(0, 100000, 100000);
	struct timeval zero = { 0, 0 };
	bufferevent_enable(bev, EV_READ);
	fill_peer(bev);
	CHECK(times_reading(bev) && times_writing(bev));
	CHECK_INT_EQ(bufferevent_set_timeouts(bev, &zero, &zero), 0);
	CHECK(!times_reading(bev) && !times_writing(bev));
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_READ, NULL), EV_READ);
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), EV_WRITE);
	close_bev(bev);
}

static void
arriving_bytes_begin_the_read_timeout_anew(void)
{
	struct bufferevent *bev = open_timed(0, 100000, 0);
	bufferevent_enable(bev, EV_READ);
	int64_t due = due_ms(&bev->ev_read);
	loop_ms(A_WHILE_MS);
	CHECK(!begun_anew(&bev->ev_read, due));
	peer_writes("x");
	turns(1);
	CHECK(begun_anew(&bev->ev_read, due));
	CHECK_STR_EQ(trace, "");
	close_bev(bev);
}

static void
written_bytes_begin_the_write_timeout_anew(void)
{
	struct bufferevent *bev = open_timed(0, 0, 100000);
	static char block[1 << 16];
	fill_peer(bev);
	turns(4);
	CHECK(evbuffer_get_length(bufferevent_get_output(bev)) > 0);
	int64_t due = due_ms(&bev->ev_write);
	loop_ms(A_WHILE_MS);
	CHECK(!begun_anew(&bev->ev_write, due));
	while (read(fds[1], block, sizeof(block)) > 0)
		;
	turns(2);
	CHECK(begun_anew(&bev->ev_write, due));
	close_bev(bev);
}

static void
writes_into_the_buffer_do_not_begin_it_anew(void)
{
	struct bufferevent *bev = open_timed(0, 0, 100000);
	fill_peer(bev);
	turns(4);
	int64_t due = due_ms(&bev->ev_write);
	loop_ms(A_WHILE_MS);
	bufferevent_write(bev, "x", 1);
	CHECK(!begun_anew(&bev->ev_write, due));
	close_bev(bev);
}

static void
traffic_of_one_direction_does_not_help_the_other(void)
{
	struct bufferevent *bev = open_timed(0, 80, 0);
	struct timespec start;
	char c;
	bufferevent_enable(bev, EV_READ);
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!trace[0] && elapsed_ms(&start) < 20000) {
		bufferevent_write(bev, "x", 1);
		loop_ms(10);
		(void)!read(fds[1], &c, 1);
	}
	CHECK_STR_EQ(trace, "e41");
	close_bev(bev);
}

static void
no_time_passes_while_input_is_full(void)
{
	struct bufferevent *bev = open_timed(0, 100000, 0);
	bufferevent_setwatermark(bev, EV_READ, 0, 2);
	bufferevent_enable(bev, EV_READ);
	CHECK(times_reading(bev));
	peer_writes("abcd");
	turns(2);
	CHECK(!times_reading(bev));
	evbuffer_drain(bufferevent_get_input(bev), 1);
	CHECK(times_reading(bev));
	CHECK(left_ms(&bev->ev_read) > 99000);
	close_bev(bev);
}

static void
no_time_passes_while_disabled(void)
{
	struct bufferevent *bev = open_timed(0, 100000, 100000);
	CHECK(!times_reading(bev) && !times_writing(bev));
	bufferevent_enable(bev, EV_READ);
	fill_peer(bev);
	CHECK(times_reading(bev) && times_writing(bev));
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	CHECK(!times_reading(bev) && !times_writing(bev));
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	CHECK(times_reading(bev) && times_writing(bev));
	close_bev(bev);
}

static void
the_write_timeout_ends_with_the_output(void)
{
	struct bufferevent *bev = open_timed(0, 0, 100000);
	bufferevent_write(bev, "x", 1);
	CHECK(times_writing(bev));
	turns(2);
	CHECK(!times_writing(bev));
	bufferevent_write(bev, "y", 1);
	CHECK(times_writing(bev));
	close_bev(bev);
}

static void
enabled_again_it_times_out_again(void)
{
	struct bufferevent *bev = open_timed(0, 30, 0);
	bufferevent_enable(bev, EV_READ);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41");
	CHECK(!times_reading(bev));
	bufferevent_enable(bev, EV_READ);
	CHECK(times_reading(bev));
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41 e41");
	close_bev(bev);
}

static void
each_direction_times_out_by_itself(void)
{
	struct bufferevent *bev = open_timed(0, 100000, 30);
	struct timeval soon = ms(30);
	bufferevent_enable(bev, EV_READ);
	fill_peer(bev);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e42");
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ);
	CHECK(times_reading(bev));
	bufferevent_set_timeouts(bev, &soon, NULL);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e42 e41");
	CHECK_INT_EQ(bufferevent_get_enabled(bev), 0);
	close_bev(bev);
}

static void
a_shorter_one_counts_at_once_and_a_longer_one_too(void)
{
	struct bufferevent *bev = open_timed(0, 100000, 0);
	struct timeval soon = ms(30), late = ms(200000);
	bufferevent_enable(bev, EV_READ);
	bufferevent_set_timeouts(bev, &late, NULL);
	CHECK(left_ms(&bev->ev_read) > 190000);
	bufferevent_set_timeouts(bev, &soon, NULL);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41");
	close_bev(bev);
}

static void
set_while_reading_is_suspended_it_counts_later(void)
{
	struct bufferevent *bev = open_timed(0, 0, 0);
	struct timeval tv = ms(100000);
	bufferevent_setwatermark(bev, EV_READ, 0, 1);
	bufferevent_enable(bev, EV_READ);
	peer_writes("ab");
	turns(2);
	bufferevent_set_timeouts(bev, &tv, NULL);
	CHECK(!times_reading(bev));
	evbuffer_drain(bufferevent_get_input(bev), 1);
	CHECK(times_reading(bev));
	close_bev(bev);
}

static void
what_input_holds_stays_after_a_timeout(void)
{
	struct bufferevent *bev = open_timed(0, 30, 0);
	char got[4] = "";
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41");
	CHECK_INT_EQ(bufferevent_read(bev, got, 3), 3);
	CHECK_STR_EQ(got, "abc");
	close_bev(bev);
}

static void
what_output_holds_is_sent_when_enabled_again(void)
{
	struct bufferevent *bev = open_timed(0, 0, 30);
	struct timeval longer = ms(100000);
	static char block[1 << 16];
	size_t got = 0;
	fill_peer(bev);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e42");
	bufferevent_set_timeouts(bev, NULL, &longer);
	bufferevent_enable(bev, EV_WRITE);
	while (got < (size_t)4 << 20) {
		turns(1);
		CHECK_STR_EQ(trace, "e42");
		ssize_t n = read(fds[1], block, sizeof(block));
		got += n > 0 ? (size_t)n : 0;
	}
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 0);
	close_bev(bev);
}

static void
a_deferred_timeout_is_told_after_the_data(void)
{
	struct bufferevent *bev = open_timed(BEV_OPT_DEFER_CALLBACKS, 30, 0);
	bufferevent_setcb(bev, note_read, NULL, event_and_leave, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "r3 e41");
	close_bev(bev);
}

static void
free_in_event(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	bufferevent_free(bev);
}

static void
free_in_a_timeout(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		trace[0] = '\0';
		struct bufferevent *bev = open_timed(options, 20, 20);
		bufferevent_setcb(bev, NULL, NULL, free_in_event, NULL);
		bufferevent_enable(bev, EV_READ);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		CHECK_STR_EQ(trace, "e41");
		event_base_free(base);
		close(fds[1]);
	}
}

static void
go_on_twice(struct bufferevent *bev, short what, void *arg)
{
	struct timeval tv = ms(20);

	(void)arg;
	note_event(bev, what, arg);
	if (strlen(trace) < strlen("e41 e41 e41")) {
		bufferevent_set_timeouts(bev, &tv, NULL);
		bufferevent_enable(bev, EV_READ);
	}
}

static void
a_timeout_callback_can_go_on(void)
{
	struct bufferevent *bev = open_timed(0, 20, 0);
	bufferevent_setcb(bev, NULL, NULL, go_on_twice, NULL);
	bufferevent_enable(bev, EV_READ);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41 e41 e41");
	close_bev(bev);
}

static void
without_an_event_callback_it_is_still_disabled(void)
{
	struct bufferevent *bev = open_timed(0, 20, 0);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	event_base_dispatch(base); /* ends: nothing is pending any more */
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
	close_bev(bev);
}

static void
a_common_timeout_serves_too(void)
{
	struct bufferevent *bev = open_timed(0, 0, 0);
	struct timeval tv = ms(30);
	const struct timeval *common = event_base_init_common_timeout(base, &tv);
	CHECK_INT_EQ(bufferevent_set_timeouts(bev, common, common), 0);
	bufferevent_enable(bev, EV_READ);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41");
	close_bev(bev);
}

static void
the_old_call_takes_seconds(void)
{
	struct bufferevent *bev = open_timed(0, 0, 0);
	bufferevent_settimeout(bev, 3, 4);
	CHECK_INT_EQ(bev->timeout_read.tv_sec, 3);
	CHECK_INT_EQ(bev->timeout_write.tv_sec, 4);
	CHECK_INT_EQ(bev->timeout_write.tv_usec, 0);
	bufferevent_settimeout(bev, 0, 5);
	CHECK(!evutil_timerisset(&bev->timeout_read));
	close_bev(bev);
}

/* --- others have their time ------------------------------------------------------------------- */

static int busy_reads;

static void
count_busy_read(struct bufferevent *bev, void *takes)
{
	if (busy_reads++ == 0) {
		struct timeval now = { 0, 0 };
		event_base_loopexit(base, &now);
	}
	if (takes)
		evbuffer_drain(bufferevent_get_input(bev), 1);
	if (busy_reads == 5000)
		event_base_loopbreak(base);
}

/* A bufferevent that always has something to do, and a timer. */
static void
busy_beside_a_timer(bool takes)
{
	static const char bytes[10000];
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, count_busy_read, NULL, NULL, takes ? &busy_reads : NULL);
	if (takes)
		bufferevent_set_max_single_read(bev, 1);
	else
		bufferevent_setwatermark(bev, EV_READ, 0, 10);
	CHECK_INT_EQ(write(fds[1], bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(busy_reads < 5000);
	bufferevent_disable(bev, EV_READ);
	event_base_loop(base, EVLOOP_NONBLOCK); /* what is deferred */
	close_bev(bev);
}

static void a_socket_that_has_much_lets_timers_run(void) { busy_beside_a_timer(true); }
static void a_reader_that_leaves_input_full_lets_timers_run(void) { busy_beside_a_timer(false); }

static const struct evrt_test_case cases[] = {
	{ "the_fields_say_what_was_set", the_fields_say_what_was_set },
	{ "zero_is_no_timeout", zero_is_no_timeout },
	{ "arriving_bytes_begin_the_read_timeout_anew", arriving_bytes_begin_the_read_timeout_anew },
	{ "written_bytes_begin_the_write_timeout_anew", written_bytes_begin_the_write_timeout_anew },
	{ "writes_into_the_buffer_do_not_begin_it_anew", writes_into_the_buffer_do_not_begin_it_anew },
	{ "traffic_of_one_direction_does_not_help_the_other", traffic_of_one_direction_does_not_help_the_other },
	{ "no_time_passes_while_input_is_full", no_time_passes_while_input_is_full },
	{ "no_time_passes_while_disabled", no_time_passes_while_disabled },
	{ "the_write_timeout_ends_with_the_output", the_write_timeout_ends_with_the_output },
	{ "enabled_again_it_times_out_again", enabled_again_it_times_out_again },
	{ "each_direction_times_out_by_itself", each_direction_times_out_by_itself },
	{ "a_shorter_one_counts_at_once_and_a_longer_one_too", a_shorter_one_counts_at_once_and_a_longer_one_too },
	{ "set_while_reading_is_suspended_it_counts_later", set_while_reading_is_suspended_it_counts_later },
	{ "what_input_holds_stays_after_a_timeout", what_input_holds_stays_after_a_timeout },
	{ "what_output_holds_is_sent_when_enabled_again", what_output_holds_is_sent_when_enabled_again },
	{ "a_deferred_timeout_is_told_after_the_data", a_deferred_timeout_is_told_after_the_data },
	{ "free_in_a_timeout", free_in_a_timeout },
	{ "a_timeout_callback_can_go_on", a_timeout_callback_can_go_on },
	{ "without_an_event_callback_it_is_still_disabled", without_an_event_callback_it_is_still_disabled },
	{ "a_common_timeout_serves_too", a_common_timeout_serves_too },
	{ "the_old_call_takes_seconds", the_old_call_takes_seconds },
	{ "a_socket_that_has_much_lets_timers_run", a_socket_that_has_much_lets_timers_run },
	{ "a_reader_that_leaves_input_full_lets_timers_run", a_reader_that_leaves_input_full_lets_timers_run },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
