/* testing/contract/libevent/bufferevent_rate_sharing_test.c — what members of a rate-limit group move.
 *
 * Here:     who pays, totals, who is held back and let go, leaving in a callback, groups that fill with time.
 * Not here: the getters (bufferevent_rate_group_test.c).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rate_group_rig.h"

/* --- moving bytes --------------------------------------------------------------------------------------- */

static void
members_pay_together(void)
{
	open_group(2, 1000, 1000, &long_tick);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 30);
	bufferevent_write(members[1], "hello", 5);
	turns(3);
	CHECK_INT_EQ(arrived(0), 30);
	read_limit_is(970);
	write_limit_is(995);
	close_group();
}

static void
totals_count_both_ways(void)
{
	open_group(2, 1000, 1000, &long_tick);
	totals_are(0, 0);
	for (int i = 0; i < 2; i++) {
		bufferevent_enable(members[i], EV_READ);
		feed(i, 30);
		bufferevent_write(members[i], "hello", 5);
	}
	turns(4);
	totals_are(60, 10);
	bufferevent_rate_limit_group_get_totals(group, NULL, NULL);
	close_group();
}

static void
totals_can_be_reset(void)
{
	open_group(1, 1000, 1000, &long_tick);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 30);
	turns(3);
	totals_are(30, 0);
	bufferevent_rate_limit_group_reset_totals(group);
	totals_are(0, 0);
	feed(0, 7);
	turns(3);
	totals_are(7, 0);
	read_limit_is(963);
	close_group();
}

static void
taking_out_by_hand_is_not_in_the_totals(void)
{
	open_group(1, 1000, 1000, &long_tick);
	bufferevent_rate_limit_group_decrement_read(group, 100);
	bufferevent_rate_limit_group_decrement_write(group, 100);
	totals_are(0, 0);
	close_group();
}

static void
who_has_left_is_not_in_the_totals(void)
{
	open_group(2, 1000, 1000, &long_tick);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 10);
	turns(3);
	bufferevent_remove_from_rate_limit_group(members[0]);
	feed(0, 10);
	turns(3);
	totals_are(10, 0);
	CHECK_INT_EQ(arrived(0), 20);
	close_group();
}

static void
both_limits_are_paid(void)
{
	struct ev_token_bucket_cfg *cfg;

	open_group(1, 1000, 1000, &long_tick);
	cfg = ev_token_bucket_cfg_new(300, 300, 300, 300, &long_tick);
	bufferevent_set_rate_limit(members[0], cfg);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 50);
	turns(3);
	CHECK_INT_EQ(bufferevent_get_read_limit(members[0]), 250);
	read_limit_is(950);
	close_group();
	ev_token_bucket_cfg_free(cfg);
}

static void
one_member_takes_everything(void)
{
	open_group(1, 100, 100, &long_tick);
	bufferevent_rate_limit_group_set_min_share(group, 1);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 500);
	turns(10);
	CHECK_INT_EQ(arrived(0), 100);
	read_limit_is(0);
	close_group();
}

static void
all_members_together_take_no_more(void)
{
	open_group(MEMBERS, 100, 100, &long_tick);
	bufferevent_rate_limit_group_set_min_share(group, 1);
	for (int i = 0; i < MEMBERS; i++) {
		bufferevent_enable(members[i], EV_READ);
		feed(i, 500);
	}
	turns(60);
	CHECK_INT_EQ(all_arrived(), 100);
	read_limit_is(0);
	totals_are(100, 0);
	close_group();
}

static void
filled_by_hand_members_go_on(void)
{
	open_group(2, 100, 100, &long_tick);
	bufferevent_rate_limit_group_set_min_share(group, 1);
	bufferevent_rate_limit_group_decrement_read(group, 100);
	for (int i = 0; i < 2; i++) {
		bufferevent_enable(members[i], EV_READ);
		feed(i, 500);
	}
	turns(5);
	CHECK_INT_EQ(all_arrived(), 0);
	bufferevent_rate_limit_group_decrement_read(group, -80);
	turns(40);
	CHECK_INT_EQ(all_arrived(), 80);
	close_group();
}

static void
who_leaves_an_empty_group_goes_on(void)
{
	open_group(2, 100, 100, &long_tick);
	bufferevent_rate_limit_group_decrement_read(group, 1000);
	for (int i = 0; i < 2; i++) {
		bufferevent_enable(members[i], EV_READ);
		feed(i, 50);
	}
	turns(5);
	bufferevent_remove_from_rate_limit_group(members[0]);
	turns(5);
	CHECK_INT_EQ(arrived(0), 50);
	CHECK_INT_EQ(arrived(1), 0);
	close_group();
}

static void
who_joins_an_empty_group_is_held_back(void)
{
	struct bufferevent_rate_limit_group *other;

	open_group(1, 1000, 1000, &long_tick);
	other = make_group(100, 100, &long_tick);
	bufferevent_rate_limit_group_decrement_read(other, 1000);
	bufferevent_enable(members[0], EV_READ);
	bufferevent_add_to_rate_limit_group(members[0], other);
	feed(0, 50);
	turns(5);
	CHECK_INT_EQ(arrived(0), 0);
	bufferevent_add_to_rate_limit_group(members[0], group);
	turns(5);
	CHECK_INT_EQ(arrived(0), 50);
	bufferevent_rate_limit_group_free(other);
	close_group();
}

static void
output_waits_for_the_group(void)
{
	char bytes[300] = { 0 }, sent[1000];

	open_group(1, 100, 100, &long_tick);
	bufferevent_rate_limit_group_set_min_share(group, 1);
	bufferevent_write(members[0], bytes, sizeof(bytes));
	turns(10);
	CHECK_INT_EQ(read(peers[0], sent, sizeof(sent)), 100);
	write_limit_is(0);
	bufferevent_rate_limit_group_decrement_write(group, -1000);
	turns(10);
	CHECK_INT_EQ(read(peers[0], sent, sizeof(sent)), 200);
	totals_are(0, 300);
	close_group();
}

static void
reading_waits_and_writing_does_not(void)
{
	char sent[100];

	open_group(1, 100, 100, &long_tick);
	bufferevent_rate_limit_group_decrement_read(group, 100);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 10);
	bufferevent_write(members[0], "hello", 5);
	turns(5);
	CHECK_INT_EQ(arrived(0), 0);
	CHECK_INT_EQ(read(peers[0], sent, sizeof(sent)), 5);
	close_group();
}

static void
leave_in_cb(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_remove_from_rate_limit_group(bev);
}

static void
a_member_leaves_in_its_callback(void)
{
	open_group(2, 100, 100, &long_tick);
	bufferevent_rate_limit_group_set_min_share(group, 1);
	bufferevent_setcb(members[0], leave_in_cb, NULL, NULL, NULL);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 500);
	turns(10);
	CHECK_INT_EQ(arrived(0), 500);
	close_group();
}

static void
end_group_in_cb(struct bufferevent *bev, void *arg)
{
	struct bufferevent_rate_limit_group **g = arg;

	bufferevent_remove_from_rate_limit_group(bev);
	if (*g)
		bufferevent_rate_limit_group_free(*g);
	*g = NULL;
}

static void
the_last_member_ends_the_group_in_its_callback(void)
{
	struct bufferevent_rate_limit_group *own;

	open_group(1, 100, 100, &long_tick);
	own = make_group(10, 10, &long_tick);
	bufferevent_add_to_rate_limit_group(members[0], own);
	bufferevent_setcb(members[0], end_group_in_cb, NULL, NULL, &own);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 500);
	turns(10);
	CHECK_INT_EQ(arrived(0), 500);
	CHECK_PTR_EQ(own, NULL);
	close_group();
}

/* --- with time ------------------------------------------------------------------------------------------- */

static size_t enough;

static void
stop_when_all(struct bufferevent *bev, void *arg)
{
	(void)bev;
	(void)arg;
	if (all_arrived() >= enough)
		event_base_loopbreak(base);
}

static void
time_fills_the_group(void)
{
	struct timespec start;

	open_group(2, 100, 100, &short_tick);
	bufferevent_rate_limit_group_set_min_share(group, 1);
	enough = 600;
	for (int i = 0; i < 2; i++) {
		bufferevent_setcb(members[i], stop_when_all, NULL, NULL, NULL);
		bufferevent_enable(members[i], EV_READ);
		feed(i, 300);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_INT_EQ(all_arrived(), 600);
	CHECK(elapsed_ms(&start) >= 4 * 20);
	totals_are(600, 0);
	close_group();
}

static void
nobody_is_left_behind(void)
{
	open_group(MEMBERS, 64, 64, &short_tick);
	enough = MEMBERS * 150;
	for (int i = 0; i < MEMBERS; i++) {
		bufferevent_setcb(members[i], stop_when_all, NULL, NULL, NULL);
		bufferevent_enable(members[i], EV_READ);
		feed(i, 150);
	}
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	for (int i = 0; i < MEMBERS; i++)
		CHECK_INT_EQ(arrived(i), 150);
	close_group();
}

static const struct evrt_test_case cases[] = {
	{ "members_pay_together", members_pay_together },
	{ "totals_count_both_ways", totals_count_both_ways },
	{ "totals_can_be_reset", totals_can_be_reset },
	{ "taking_out_by_hand_is_not_in_the_totals", taking_out_by_hand_is_not_in_the_totals },
	{ "who_has_left_is_not_in_the_totals", who_has_left_is_not_in_the_totals },
	{ "both_limits_are_paid", both_limits_are_paid },
	{ "one_member_takes_everything", one_member_takes_everything },
	{ "all_members_together_take_no_more", all_members_together_take_no_more },
	{ "filled_by_hand_members_go_on", filled_by_hand_members_go_on },
	{ "who_leaves_an_empty_group_goes_on", who_leaves_an_empty_group_goes_on },
	{ "who_joins_an_empty_group_is_held_back", who_joins_an_empty_group_is_held_back },
	{ "output_waits_for_the_group", output_waits_for_the_group },
	{ "reading_waits_and_writing_does_not", reading_waits_and_writing_does_not },
	{ "a_member_leaves_in_its_callback", a_member_leaves_in_its_callback },
	{ "the_last_member_ends_the_group_in_its_callback", the_last_member_ends_the_group_in_its_callback },
	{ "time_fills_the_group", time_fills_the_group },
	{ "nobody_is_left_behind", nobody_is_left_behind },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
