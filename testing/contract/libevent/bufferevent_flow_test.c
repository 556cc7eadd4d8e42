/* testing/contract/libevent/bufferevent_flow_test.c — socket bufferevents: watermarks, and how much at once.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <stdlib.h>

static size_t
in_input(struct bufferevent *bev)
{
	return evbuffer_get_length(bufferevent_get_input(bev));
}

static size_t
in_output(struct bufferevent *bev)
{
	return evbuffer_get_length(bufferevent_get_output(bev));
}

static int
wants_to_read(struct bufferevent *bev)
{
	return event_pending(&bev->ev_read, EV_READ, NULL) != 0;
}

/* --- low marks -------------------------------------------------------------------------------- */

static void
every_arrival_above_the_low_mark_is_told(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_READ, 2, 0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("a");
	turns(2);
	peer_writes("b");
	turns(2);
	peer_writes("c");
	turns(2);
	peer_writes("d");
	turns(2);
	CHECK_STR_EQ(trace, "r2 r3 r4");
	close_bev(bev);
}

static void
draining_below_the_low_mark_holds_back_again(void)
{
	struct bufferevent *bev = open_bev(0);
	size_t all = 100;
	bufferevent_setcb(bev, drain_read, NULL, NULL, &all);
	bufferevent_setwatermark(bev, EV_READ, 3, 0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	turns(2);
	peer_writes("de");
	turns(2);
	CHECK_STR_EQ(trace, "r3");
	peer_writes("f");
	turns(2);
	CHECK_STR_EQ(trace, "r3 r3");
	close_bev(bev);
}

static void
lowering_the_low_mark_waits_for_the_next_byte(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_READ, 5, 0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	turns(2);
	bufferevent_setwatermark(bev, EV_READ, 2, 0);
	turns(2);
	CHECK_STR_EQ(trace, "");
	peer_writes("d");
	turns(2);
	CHECK_STR_EQ(trace, "r4");
	close_bev(bev);
}

static void
raising_the_low_mark_holds_back_from_then_on(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("a");
	turns(2);
	bufferevent_setwatermark(bev, EV_READ, 10, 0);
	peer_writes("b");
	turns(2);
	CHECK_STR_EQ(trace, "r1");
	CHECK_INT_EQ(in_input(bev), 2);
	close_bev(bev);
}

static void
the_end_is_told_below_the_low_mark(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_READ, 10, 0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	shutdown(fds[1], SHUT_WR);
	turns(4);
	CHECK_STR_EQ(trace, "e11");
	CHECK_INT_EQ(in_input(bev), 3);
	close_bev(bev);
}

static void
a_low_mark_above_the_high_one_is_never_reached(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_READ, 8, 4);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdefghij");
	turns(4);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(in_input(bev), 4);
	CHECK(!wants_to_read(bev));
	close_bev(bev);
}

/* --- the read high mark ----------------------------------------------------------------------- */

static void
reading_stops_exactly_at_the_high_mark(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 5);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdefghij");
	turns(3);
	CHECK_INT_EQ(in_input(bev), 5);
	CHECK(!wants_to_read(bev));
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE); /* still */
	close_bev(bev);
}

static void
one_byte_of_room_is_filled_by_one_byte(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 4);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdefgh");
	turns(3);
	for (int i = 0; i < 4; i++) {
		char c;
		CHECK_INT_EQ(bufferevent_read(bev, &c, 1), 1);
		CHECK_INT_EQ(c, 'a' + i);
		CHECK(wants_to_read(bev));
		turns(2);
		CHECK_INT_EQ(in_input(bev), 4);
		CHECK(!wants_to_read(bev));
	}
	close_bev(bev);
}

static void
drain_some(struct bufferevent *bev, int way)
{
	struct evbuffer *to = evbuffer_new();
	char some[4];

	switch (way) {
	case 0:
		evbuffer_drain(bufferevent_get_input(bev), 4);
		break;
	case 1:
		evbuffer_remove(bufferevent_get_input(bev), some, 4);
		break;
	case 2:
		bufferevent_read(bev, some, 4);
		break;
	case 3:
		bufferevent_read_buffer(bev, to);
		break;
	case 4:
		evbuffer_remove_buffer(bufferevent_get_input(bev), to, 4);
		break;
	case 5:
		evbuffer_add_buffer(to, bufferevent_get_input(bev));
		break;
	default:
		free(evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF));
	}
	evbuffer_free(to);
}

static void
any_way_to_take_from_input_lets_reading_go_on(void)
{
	for (int way = 0; way < 7; way++) {
		struct bufferevent *bev = open_bev(0);
		bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
		bufferevent_setwatermark(bev, EV_READ, 0, 4);
		bufferevent_enable(bev, EV_READ);
		peer_writes("abc\ndefgh");
		turns(3);
		CHECK(!wants_to_read(bev));
		drain_some(bev, way);
		CHECK_INT_EQ(in_input(bev), 0);
		CHECK(wants_to_read(bev));
		turns(2);
		CHECK_INT_EQ(in_input(bev), 4);
		close_bev(bev);
	}
}

static void
a_high_mark_below_what_is_there_stops_reading(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdef");
	turns(2);
	bufferevent_setwatermark(bev, EV_READ, 0, 3);
	CHECK(!wants_to_read(bev));
	peer_writes("gh");
	turns(2);
	CHECK_INT_EQ(in_input(bev), 6);
	evbuffer_drain(bufferevent_get_input(bev), 3);
	CHECK(!wants_to_read(bev)); /* at the mark is full */
	evbuffer_drain(bufferevent_get_input(bev), 1);
	CHECK(wants_to_read(bev));
	turns(2);
	CHECK_INT_EQ(in_input(bev), 3);
	close_bev(bev);
}

static void
a_mark_does_not_enable_what_is_disabled(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_READ, 0, 3);
	bufferevent_setwatermark(bev, EV_READ, 0, 0);
	CHECK(!wants_to_read(bev));
	bufferevent_enable(bev, EV_READ);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 1);
	peer_writes("ab");
	turns(2);
	bufferevent_disable(bev, EV_READ);
	evbuffer_drain(bufferevent_get_input(bev), 1);
	CHECK(!wants_to_read(bev));
	bufferevent_setwatermark(bev, EV_READ, 0, 0);
	CHECK(!wants_to_read(bev));
	bufferevent_enable(bev, EV_READ);
	CHECK(wants_to_read(bev));
	close_bev(bev);
}

static void
enabling_while_full_waits_for_room(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 2);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcd");
	turns(2);
	bufferevent_disable(bev, EV_READ);
	bufferevent_enable(bev, EV_READ);
	CHECK(!wants_to_read(bev));
	evbuffer_drain(bufferevent_get_input(bev), 2);
	turns(2);
	CHECK_INT_EQ(in_input(bev), 2);
	close_bev(bev);
}

static void
full_input_hides_the_end_until_there_is_room(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 3);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	shutdown(fds[1], SHUT_WR);
	turns(4);
	CHECK_STR_EQ(trace, "");
	evbuffer_drain(bufferevent_get_input(bev), 1);
	turns(3);
	CHECK_STR_EQ(trace, "e11");
	close_bev(bev);
}

static void
set_high_in_read(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_setwatermark(bev, EV_READ, 0, *(size_t *)arg);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
}

static void
a_mark_set_in_the_callback_counts_at_once(void)
{
	struct bufferevent *bev = open_bev(0);
	size_t high = 3;
	bufferevent_setcb(bev, set_high_in_read, NULL, NULL, &high);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcd");
	turns(2);
	peer_writes("ef");
	turns(2);
	CHECK_STR_EQ(trace, "r4");
	CHECK_INT_EQ(in_input(bev), 4);
	CHECK(!wants_to_read(bev));
	close_bev(bev);
}

static void
both_directions_are_set_at_once(void)
{
	struct bufferevent *bev = open_bev(0);
	size_t low, high;
	bufferevent_setwatermark(bev, EV_READ | EV_WRITE, 7, 9);
	for (short direction = EV_READ; direction <= EV_WRITE; direction += EV_WRITE - EV_READ) {
		low = high = 0;
		CHECK_INT_EQ(bufferevent_getwatermark(bev, direction, &low, &high), 0);
		CHECK_INT_EQ(low, 7);
		CHECK_INT_EQ(high, 9);
	}
	CHECK_INT_EQ(bev->wm_read.low, 7);
	CHECK_INT_EQ(bev->wm_write.high, 9);
	CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_READ, NULL, NULL), 0);
	CHECK_INT_EQ(bufferevent_getwatermark(bev, 0, &low, &high), -1);
	CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_TIMEOUT, &low, &high), -1);
	close_bev(bev);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void
a_write_high_mark_does_not_hold_a_socket_back(void)
{
	struct bufferevent *bev = open_bev(0);
	char got[16];
	bufferevent_setwatermark(bev, EV_WRITE, 0, 2);
	CHECK_INT_EQ(bufferevent_write(bev, "abcdef", 6), 0);
	CHECK_INT_EQ(in_output(bev), 6);
	turns(2);
	CHECK_STR_EQ(trace, "w0");
	CHECK_INT_EQ(read(fds[1], got, sizeof(got)), 6);
	close_bev(bev);
}

static void
lower_the_mark(struct bufferevent *bev, void *arg)
{
	note_write(bev, arg);
	bufferevent_setwatermark(bev, EV_WRITE, 1, 0);
}

static void
a_write_low_mark_set_in_the_callback_counts_at_once(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, lower_the_mark, NULL, NULL);
	bufferevent_set_max_single_write(bev, 1);
	bufferevent_setwatermark(bev, EV_WRITE, 4, 0);
	bufferevent_write(bev, "abcdefg", 7);
	turns(8);
	CHECK_STR_EQ(trace, "w4 w1 w0");
	close_bev(bev);
}

static void
a_write_low_mark_above_all_output_tells_of_every_write(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_set_max_single_write(bev, 2);
	bufferevent_setwatermark(bev, EV_WRITE, 100, 0);
	bufferevent_write(bev, "abcdef", 6);
	turns(5);
	CHECK_STR_EQ(trace, "w4 w2 w0");
	close_bev(bev);
}

static void
nothing_written_is_nothing_told(void)
{
	struct bufferevent *bev = open_bev(0);
	struct evbuffer *empty = evbuffer_new();
	CHECK_INT_EQ(bufferevent_write(bev, "", 0), 0);
	CHECK_INT_EQ(bufferevent_write_buffer(bev, empty), 0);
	turns(2);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), 0);
	evbuffer_free(empty);
	close_bev(bev);
}

/* --- how much at once ------------------------------------------------------------------------- */

static void
single_reads_are_told_one_by_one(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_set_max_single_read(bev, 2);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdefg");
	turns(6);
	CHECK_STR_EQ(trace, "r2 r4 r6 r7");
	close_bev(bev);
}

static void
disable_at_five(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	if (in_input(bev) == 5)
		bufferevent_disable(bev, EV_READ);
}

static void
the_high_mark_and_the_single_read_both_hold(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, disable_at_five, NULL, NULL, NULL);
	bufferevent_set_max_single_read(bev, 2);
	bufferevent_setwatermark(bev, EV_READ, 0, 5);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdefgh");
	turns(5);
	CHECK_STR_EQ(trace, "r2 r4 r5");
	CHECK_INT_EQ(in_input(bev), 5);
	close_bev(bev);
}

static void
maxima_are_told_and_go_back_to_the_default(void)
{
	struct bufferevent *bev = open_bev(0);
	ev_ssize_t reads = bufferevent_get_max_single_read(bev), writes = bufferevent_get_max_single_write(bev);
	CHECK(reads >= 16384 && writes >= 16384);
	static const size_t sizes[] = { 1, 1000, 1000000, (size_t)1 << 31 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK_INT_EQ(bufferevent_set_max_single_read(bev, sizes[i]), 0);
		CHECK_INT_EQ(bufferevent_set_max_single_write(bev, sizes[i] + 1), 0);
		CHECK_INT_EQ(bufferevent_get_max_single_read(bev), sizes[i]);
		CHECK_INT_EQ(bufferevent_get_max_single_write(bev), sizes[i] + 1);
		CHECK_INT_EQ(bufferevent_get_max_to_read(bev), sizes[i]);
		CHECK_INT_EQ(bufferevent_get_max_to_write(bev), sizes[i] + 1);
	}
	bufferevent_set_max_single_read(bev, 0);
	bufferevent_set_max_single_write(bev, (size_t)EV_SSIZE_MAX + 1);
	CHECK_INT_EQ(bufferevent_get_max_single_read(bev), reads);
	CHECK_INT_EQ(bufferevent_get_max_single_write(bev), writes);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), EV_SSIZE_MAX);
	close_bev(bev);
}

static const struct evrt_test_case cases[] = {
	{ "every_arrival_above_the_low_mark_is_told", every_arrival_above_the_low_mark_is_told },
	{ "draining_below_the_low_mark_holds_back_again", draining_below_the_low_mark_holds_back_again },
	{ "lowering_the_low_mark_waits_for_the_next_byte", lowering_the_low_mark_waits_for_the_next_byte },
	{ "raising_the_low_mark_holds_back_from_then_on", raising_the_low_mark_holds_back_from_then_on },
	{ "the_end_is_told_below_the_low_mark", the_end_is_told_below_the_low_mark },
	{ "a_low_mark_above_the_high_one_is_never_reached", a_low_mark_above_the_high_one_is_never_reached },
	{ "reading_stops_exactly_at_the_high_mark", reading_stops_exactly_at_the_high_mark },
	{ "one_byte_of_room_is_filled_by_one_byte", one_byte_of_room_is_filled_by_one_byte },
	{ "any_way_to_take_from_input_lets_reading_go_on", any_way_to_take_from_input_lets_reading_go_on },
	{ "a_high_mark_below_what_is_there_stops_reading", a_high_mark_below_what_is_there_stops_reading },
	{ "a_mark_does_not_enable_what_is_disabled", a_mark_does_not_enable_what_is_disabled },
	{ "enabling_while_full_waits_for_room", enabling_while_full_waits_for_room },
	{ "full_input_hides_the_end_until_there_is_room", full_input_hides_the_end_until_there_is_room },
	{ "a_mark_set_in_the_callback_counts_at_once", a_mark_set_in_the_callback_counts_at_once },
	{ "both_directions_are_set_at_once", both_directions_are_set_at_once },
	{ "a_write_high_mark_does_not_hold_a_socket_back", a_write_high_mark_does_not_hold_a_socket_back },
	{ "a_write_low_mark_set_in_the_callback_counts_at_once", a_write_low_mark_set_in_the_callback_counts_at_once },
	{ "a_write_low_mark_above_all_output_tells_of_every_write",
	    a_write_low_mark_above_all_output_tells_of_every_write },
	{ "nothing_written_is_nothing_told", nothing_written_is_nothing_told },
	{ "single_reads_are_told_one_by_one", single_reads_are_told_one_by_one },
	{ "the_high_mark_and_the_single_read_both_hold", the_high_mark_and_the_single_read_both_hold },
	{ "maxima_are_told_and_go_back_to_the_default", maxima_are_told_and_go_back_to_the_default },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
