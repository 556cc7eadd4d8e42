/* testing/contract/libevent/bufferevent_rate_limit_test.c — the rate limit of a single bufferevent.
 *
 * Here:     configurations, the getters, taking out by hand, changes and the end of a limit.
 * Not here: what is moved under a limit (bufferevent_rate_moving_test.c), groups (bufferevent_rate_group_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rate_rig.h"

/* --- configurations ------------------------------------------------------------------------- */

static void
check_config(size_t rr, size_t rb, size_t wr, size_t wb, int expected)
{
	struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(rr, rb, wr, wb, NULL);

	CHECK_INT_EQ(cfg != NULL, expected);
	ev_token_bucket_cfg_free(cfg);
}

static void
a_rate_of_nothing_is_refused(void)
{
	check_config(0, 1, 1, 1, 0);
	check_config(1, 1, 0, 1, 0);
	check_config(0, 0, 1, 1, 0);
}

static void
a_burst_below_the_rate_is_refused(void)
{
	check_config(10, 9, 1, 1, 0);
	check_config(1, 1, 10, 9, 0);
	check_config(10, 10, 10, 10, 1);
}

static void
sizes_that_are_no_ssize_are_refused(void)
{
	size_t beyond = (size_t)EV_RATE_LIMIT_MAX + 1;

	check_config(1, beyond, 1, 1, 0);
	check_config(beyond, beyond, 1, 1, 0);
	check_config(1, 1, 1, beyond, 0);
	check_config(1, 1, beyond, beyond, 0);
}

static void
the_greatest_rate_is_allowed(void)
{
	check_config(EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, 1);
	check_config(1, EV_RATE_LIMIT_MAX, 1, EV_RATE_LIMIT_MAX, 1);
}

static void
freeing_no_configuration_does_nothing(void)
{
	ev_token_bucket_cfg_free(NULL);
}

static void
ticks_may_have_any_length(void)
{
	static const struct timeval lengths[] = { { 0, 1000 }, { 1, 500000 }, { 0, 1500000 }, { 1000000, 0 } };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(1, 1, 1, 1, &lengths[i]);
		CHECK(cfg != NULL);
		ev_token_bucket_cfg_free(cfg);
	}
}

/* --- what the getters say --------------------------------------------------------------------- */

static void
without_a_limit_there_is_none(void)
{
	struct bufferevent *bev = open_bev(0);

	CHECK_PTR_EQ(bufferevent_get_token_bucket_cfg(bev), NULL);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), EV_SSIZE_MAX);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev), bufferevent_get_max_single_read(bev));
	CHECK_INT_EQ(bufferevent_get_max_to_write(bev), bufferevent_get_max_single_write(bev));
	close_bev(bev);
}

static void
taking_away_a_limit_that_is_not_there_succeeds(void)
{
	struct bufferevent *bev = open_bev(0);

	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, NULL), 0);
	CHECK_PTR_EQ(bufferevent_get_token_bucket_cfg(bev), NULL);
	close_bev(bev);
}

static void
the_configuration_that_was_set_is_told(void)
{
	struct ev_token_bucket_cfg *one = config(1, 1, 1, 1), *two = config(2, 2, 2, 2);
	struct bufferevent *bev = open_limited(one);

	CHECK_PTR_EQ(bufferevent_get_token_bucket_cfg(bev), one);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, two), 0);
	CHECK_PTR_EQ(bufferevent_get_token_bucket_cfg(bev), two);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, NULL), 0);
	CHECK_PTR_EQ(bufferevent_get_token_bucket_cfg(bev), NULL);
	close_bev(bev);
	ev_token_bucket_cfg_free(one);
	ev_token_bucket_cfg_free(two);
}

static void
a_bucket_begins_with_one_tick(void)
{
	struct ev_token_bucket_cfg *cfg = config(1000, 5000, 2000, 6000);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 1000);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 2000);
	close_limited(bev, cfg);
}

static void
what_may_be_moved_is_what_the_bucket_holds(void)
{
	struct ev_token_bucket_cfg *cfg = config(1000, 5000, 2000, 6000);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_get_max_to_read(bev), 1000);
	CHECK_INT_EQ(bufferevent_get_max_to_write(bev), 2000);
	close_limited(bev, cfg);
}

static void
a_limit_does_not_change_the_most_at_once(void)
{
	struct ev_token_bucket_cfg *cfg = config(10, 10, 20, 20);
	struct bufferevent *bev = open_bev(0);
	ev_ssize_t r = bufferevent_get_max_single_read(bev), w = bufferevent_get_max_single_write(bev);

	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, cfg), 0);
	CHECK_INT_EQ(bufferevent_get_max_single_read(bev), r);
	CHECK_INT_EQ(bufferevent_get_max_single_write(bev), w);
	close_limited(bev, cfg);
}

static void
the_two_directions_are_apart(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 200, 200);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_decrement_read_limit(bev, 30), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 70);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 200);
	CHECK_INT_EQ(bufferevent_decrement_write_limit(bev, 50), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 70);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 150);
	close_limited(bev, cfg);
}

/* --- taking out by hand --------------------------------------------------------------------------- */

static void
a_bucket_may_owe(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_decrement_read_limit(bev, 100), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 0);
	CHECK_INT_EQ(bufferevent_decrement_read_limit(bev, 250), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), -250);
	CHECK_INT_EQ(bufferevent_decrement_write_limit(bev, 101), 0);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), -1);
	close_limited(bev, cfg);
}

static void
who_owes_may_move_nothing(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_decrement_read_limit(bev, 100);
	bufferevent_decrement_write_limit(bev, 300);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev), 0);
	CHECK_INT_EQ(bufferevent_get_max_to_write(bev), 0);
	close_limited(bev, cfg);
}

static void
a_negative_amount_is_put_in(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 500, 100, 500);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_decrement_read_limit(bev, -50), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 150);
	CHECK_INT_EQ(bufferevent_decrement_write_limit(bev, -70), 0);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 170);
	close_limited(bev, cfg);
}

static void
by_hand_a_bucket_may_exceed_its_burst(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 500, 100, 500);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_decrement_read_limit(bev, -5000), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 5100);
	close_limited(bev, cfg);
}

static void
taking_nothing_changes_nothing(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_decrement_read_limit(bev, 0), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 100);
	CHECK_INT_EQ(bufferevent_decrement_write_limit(bev, 0), 0);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 100);
	close_limited(bev, cfg);
}

static void
emptied_by_hand_reading_stops_at_once(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	CHECK(reads_wanted(bev));
	bufferevent_decrement_read_limit(bev, 100);
	CHECK(!reads_wanted(bev));
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
	peer_writes("hello");
	turns(3);
	CHECK_INT_EQ(input_of(bev), 0);
	close_limited(bev, cfg);
}

static void
filled_by_hand_reading_goes_on(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	bufferevent_decrement_read_limit(bev, 150);
	peer_writes("hello");
	turns(3);
	bufferevent_decrement_read_limit(bev, -50);
	turns(3);
	CHECK_INT_EQ(input_of(bev), 0); /* it holds nothing, still */
	bufferevent_decrement_read_limit(bev, -2);
	CHECK(reads_wanted(bev));
	turns(3);
	CHECK_INT_EQ(input_of(bev), 2);
	close_limited(bev, cfg);
}

static void
enabling_does_not_help_an_empty_bucket(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_decrement_read_limit(bev, 100);
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
	peer_writes("hello");
	turns(3);
	CHECK_INT_EQ(input_of(bev), 0);
	close_limited(bev, cfg);
}

static void
disabled_meanwhile_reading_does_not_go_on(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	bufferevent_decrement_read_limit(bev, 100);
	bufferevent_disable(bev, EV_READ);
	peer_writes("hello");
	bufferevent_decrement_read_limit(bev, -100);
	turns(3);
	CHECK(!reads_wanted(bev));
	CHECK_INT_EQ(input_of(bev), 0);
	close_limited(bev, cfg);
}

/* --- changes ------------------------------------------------------------------------------------- */

static void
another_limit_keeps_what_the_bucket_holds(void)
{
	struct ev_token_bucket_cfg *one = config(1000, 5000, 1000, 5000), *two = config(3000, 3000, 3000, 3000);
	struct bufferevent *bev = open_limited(one);

	bufferevent_decrement_read_limit(bev, 400);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, two), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 600);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 1000);
	close_bev(bev);
	ev_token_bucket_cfg_free(one);
	ev_token_bucket_cfg_free(two);
}

static void
another_limit_clips_to_its_burst(void)
{
	struct ev_token_bucket_cfg *one = config(1000, 5000, 1000, 5000), *two = config(10, 300, 20, 500);
	struct bufferevent *bev = open_limited(one);

	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, two), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 300);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 500);
	close_bev(bev);
	ev_token_bucket_cfg_free(one);
	ev_token_bucket_cfg_free(two);
}

static void
another_limit_does_not_forgive(void)
{
	struct ev_token_bucket_cfg *one = config(100, 100, 100, 100), *two = config(9000, 9000, 9000, 9000);
	struct bufferevent *bev = open_limited(one);

	bufferevent_enable(bev, EV_READ);
	bufferevent_decrement_read_limit(bev, 250);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, two), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), -150);
	CHECK(!reads_wanted(bev));
	close_bev(bev);
	ev_token_bucket_cfg_free(one);
	ev_token_bucket_cfg_free(two);
}

static void
the_same_limit_again_changes_nothing(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_decrement_read_limit(bev, -500);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, cfg), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 600);
	close_limited(bev, cfg);
}

static void
without_its_limit_reading_goes_on(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	bufferevent_decrement_read_limit(bev, 1000);
	peer_writes("hello");
	turns(2);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, NULL), 0);
	CHECK(reads_wanted(bev));
	turns(2);
	CHECK_INT_EQ(input_of(bev), 5);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
	close_limited(bev, cfg);
}

static void
without_its_limit_writing_goes_on(void)
{
	struct ev_token_bucket_cfg *cfg = config(10, 10, 10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_write(bev, "0123456789012345678901234", 25);
	turns(3);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, NULL), 0);
	turns(3);
	CHECK_INT_EQ(output_of(bev), 0);
	CHECK_INT_EQ(peer_reads(), 25);
	close_limited(bev, cfg);
}

static void
a_limit_set_again_begins_anew(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_decrement_read_limit(bev, 1000);
	bufferevent_set_rate_limit(bev, NULL);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, cfg), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 100);
	close_limited(bev, cfg);
}

static void
one_configuration_may_limit_many(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);
	struct bufferevent *other = bufferevent_socket_new(base, -1, 0);

	CHECK_INT_EQ(bufferevent_set_rate_limit(other, cfg), 0);
	bufferevent_decrement_read_limit(other, 60);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 100);
	CHECK_INT_EQ(bufferevent_get_read_limit(other), 40);
	bufferevent_free(other);
	close_limited(bev, cfg);
}

static void
freed_while_it_owes_nothing_is_left(void)
{
	struct ev_token_bucket_cfg *cfg = fast_config(10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	bufferevent_decrement_read_limit(bev, 100);
	bufferevent_decrement_write_limit(bev, 100);
	bufferevent_free(bev);
	ev_token_bucket_cfg_free(cfg);
	CHECK_INT_EQ(event_base_dispatch(base), 1); /* nothing is pending */
	event_base_free(base);
	close(fds[1]);
}

static void
free_in_cb(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_free(bev);
}

static void
freed_by_its_own_callback(void)
{
	struct ev_token_bucket_cfg *cfg = fast_config(10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_setcb(bev, free_in_cb, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(100);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "r10");
	event_base_free(base);
	ev_token_bucket_cfg_free(cfg);
	close(fds[1]);
}

static void
unlimit_in_cb(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_set_rate_limit(bev, NULL);
}

static void
the_limit_goes_in_a_callback(void)
{
	struct ev_token_bucket_cfg *cfg = config(10, 10, 10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_setcb(bev, unlimit_in_cb, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(100);
	turns(5);
	CHECK_STR_EQ(trace, "r10 r100");
	close_limited(bev, cfg);
}

static const struct evrt_test_case cases[] = {
	{ "a_rate_of_nothing_is_refused", a_rate_of_nothing_is_refused },
	{ "a_burst_below_the_rate_is_refused", a_burst_below_the_rate_is_refused },
	{ "sizes_that_are_no_ssize_are_refused", sizes_that_are_no_ssize_are_refused },
	{ "the_greatest_rate_is_allowed", the_greatest_rate_is_allowed },
	{ "freeing_no_configuration_does_nothing", freeing_no_configuration_does_nothing },
	{ "ticks_may_have_any_length", ticks_may_have_any_length },
	{ "without_a_limit_there_is_none", without_a_limit_there_is_none },
	{ "taking_away_a_limit_that_is_not_there_succeeds", taking_away_a_limit_that_is_not_there_succeeds },
	{ "the_configuration_that_was_set_is_told", the_configuration_that_was_set_is_told },
	{ "a_bucket_begins_with_one_tick", a_bucket_begins_with_one_tick },
	{ "what_may_be_moved_is_what_the_bucket_holds", what_may_be_moved_is_what_the_bucket_holds },
	{ "a_limit_does_not_change_the_most_at_once", a_limit_does_not_change_the_most_at_once },
	{ "the_two_directions_are_apart", the_two_directions_are_apart },
	{ "a_bucket_may_owe", a_bucket_may_owe },
	{ "who_owes_may_move_nothing", who_owes_may_move_nothing },
	{ "a_negative_amount_is_put_in", a_negative_amount_is_put_in },
	{ "by_hand_a_bucket_may_exceed_its_burst", by_hand_a_bucket_may_exceed_its_burst },
	{ "taking_nothing_changes_nothing", taking_nothing_changes_nothing },
	{ "emptied_by_hand_reading_stops_at_once", emptied_by_hand_reading_stops_at_once },
	{ "filled_by_hand_reading_goes_on", filled_by_hand_reading_goes_on },
	{ "enabling_does_not_help_an_empty_bucket", enabling_does_not_help_an_empty_bucket },
	{ "disabled_meanwhile_reading_does_not_go_on", disabled_meanwhile_reading_does_not_go_on },
	{ "another_limit_keeps_what_the_bucket_holds", another_limit_keeps_what_the_bucket_holds },
	{ "another_limit_clips_to_its_burst", another_limit_clips_to_its_burst },
	{ "another_limit_does_not_forgive", another_limit_does_not_forgive },
	{ "the_same_limit_again_changes_nothing", the_same_limit_again_changes_nothing },
	{ "without_its_limit_reading_goes_on", without_its_limit_reading_goes_on },
	{ "without_its_limit_writing_goes_on", without_its_limit_writing_goes_on },
	{ "a_limit_set_again_begins_anew", a_limit_set_again_begins_anew },
	{ "one_configuration_may_limit_many", one_configuration_may_limit_many },
	{ "freed_while_it_owes_nothing_is_left", freed_while_it_owes_nothing_is_left },
	{ "freed_by_its_own_callback", freed_by_its_own_callback },
	{ "the_limit_goes_in_a_callback", the_limit_goes_in_a_callback },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
