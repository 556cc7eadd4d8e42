/* testing/contract/libevent/bufferevent_rate_group_test.c — groups of bufferevents that share a rate limit.
 *
 * Here:     the bucket of a group, joining and leaving, the share.
 * Not here: what members move (bufferevent_rate_sharing_test.c); which of them count as active (testing/unit): libevent
 *           divides by all, so shares are looked at where there is one member, or where all want something.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rate_group_rig.h"

/* --- the bucket --------------------------------------------------------------------------------- */

static void
a_group_begins_with_one_tick(void)
{
	open_group(0, 1000, 5000, &long_tick);
	read_limit_is(1000);
	write_limit_is(1000);
	close_group();
}

static void
its_directions_are_apart(void)
{
	open_group(0, 1000, 5000, &long_tick);
	CHECK_INT_EQ(bufferevent_rate_limit_group_decrement_read(group, 300), 0);
	CHECK_INT_EQ(bufferevent_rate_limit_group_decrement_write(group, 50), 0);
	read_limit_is(700);
	write_limit_is(950);
	close_group();
}

static void
a_group_may_owe(void)
{
	open_group(1, 1000, 5000, &long_tick);
	bufferevent_rate_limit_group_decrement_read(group, 1000);
	read_limit_is(0);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 0);
	bufferevent_rate_limit_group_decrement_read(group, 500);
	read_limit_is(-500);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 0);
	CHECK_INT_EQ(bufferevent_get_max_to_write(members[0]), 1000);
	close_group();
}

static void
a_negative_amount_is_put_into_a_group(void)
{
	open_group(1, 1000, 5000, &long_tick);
	bufferevent_rate_limit_group_decrement_write(group, -9000);
	write_limit_is(10000);
	CHECK_INT_EQ(bufferevent_get_max_to_write(members[0]), 10000);
	close_group();
}

static void
another_limit_clips_what_a_group_holds(void)
{
	struct ev_token_bucket_cfg *cfg;

	open_group(1, 1000, 5000, &long_tick);
	cfg = ev_token_bucket_cfg_new(10, 300, 20, 2000, &long_tick);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_cfg(group, cfg), 0);
	ev_token_bucket_cfg_free(cfg);
	read_limit_is(300);
	write_limit_is(1000);
	close_group();
}

static void
another_limit_does_not_forgive_a_group(void)
{
	struct ev_token_bucket_cfg *cfg;

	open_group(1, 100, 100, &long_tick);
	bufferevent_rate_limit_group_decrement_read(group, 250);
	cfg = ev_token_bucket_cfg_new(9000, 9000, 9000, 9000, &long_tick);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_cfg(group, cfg), 0);
	ev_token_bucket_cfg_free(cfg);
	read_limit_is(-150);
	close_group();
}

/* --- members ---------------------------------------------------------------------------------------- */

static void
leaving_no_group_succeeds(void)
{
	struct bufferevent *bev = open_bev(0);

	CHECK_INT_EQ(bufferevent_remove_from_rate_limit_group(bev), 0);
	CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(bev, NULL), 0);
	close_bev(bev);
}

static void
a_member_has_no_limit_of_its_own(void)
{
	open_group(1, 1000, 5000, &long_tick);
	CHECK_INT_EQ(bufferevent_get_read_limit(members[0]), EV_SSIZE_MAX);
	CHECK_INT_EQ(bufferevent_get_write_limit(members[0]), EV_SSIZE_MAX);
	CHECK_PTR_EQ(bufferevent_get_token_bucket_cfg(members[0]), NULL);
	close_group();
}

static void
a_lone_member_may_have_everything(void)
{
	open_group(1, 1000, 5000, &long_tick);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 1000);
	CHECK_INT_EQ(bufferevent_get_max_to_write(members[0]), 1000);
	close_group();
}

static void
joining_twice_is_joining(void)
{
	open_group(1, 1000, 5000, &long_tick);
	CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(members[0], group), 0);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 1000);
	CHECK_INT_EQ(bufferevent_remove_from_rate_limit_group(members[0]), 0);
	CHECK_INT_EQ(bufferevent_remove_from_rate_limit_group(members[0]), 0);
	close_group();
}

static void
who_has_left_is_not_limited(void)
{
	open_group(1, 10, 10, &long_tick);
	bufferevent_remove_from_rate_limit_group(members[0]);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), bufferevent_get_max_single_read(members[0]));
	bufferevent_enable(members[0], EV_READ);
	feed(0, 100);
	turns(3);
	CHECK_INT_EQ(arrived(0), 100);
	read_limit_is(10);
	close_group();
}

static void
joining_another_group_is_leaving_the_first(void)
{
	struct bufferevent_rate_limit_group *first, *second;

	open_group(1, 1000, 5000, &long_tick);
	first = group;
	second = make_group(70, 70, &long_tick);
	CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(members[0], second), 0);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 70);
	bufferevent_rate_limit_group_free(first); /* nobody is in it any more */
	group = second;
	close_group();
}

/* --- the share ------------------------------------------------------------------------------------------ */

static void
the_tighter_of_two_limits_holds(void)
{
	struct ev_token_bucket_cfg *cfg;

	open_group(1, 1000, 1000, &long_tick);
	cfg = ev_token_bucket_cfg_new(300, 300, 3000, 3000, &long_tick);
	bufferevent_set_rate_limit(members[0], cfg);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 300);
	CHECK_INT_EQ(bufferevent_get_max_to_write(members[0]), 1000);
	CHECK_INT_EQ(bufferevent_get_read_limit(members[0]), 300);
	close_group();
	ev_token_bucket_cfg_free(cfg);
}

static void
the_most_at_once_holds_in_a_group(void)
{
	open_group(1, 1000, 1000, &long_tick);
	bufferevent_set_max_single_read(members[0], 7);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 7);
	CHECK_INT_EQ(bufferevent_get_max_to_write(members[0]), 1000);
	close_group();
}

static void
a_share_is_not_less_than_the_least(void)
{
	open_group(1, 1000, 1000, &long_tick);
	bufferevent_rate_limit_group_decrement_read(group, 990);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 64);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, 300), 0);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 300);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, 0), 0);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 10);
	close_group();
}

static void
the_least_share_is_clipped_to_the_rates(void)
{
	struct ev_token_bucket_cfg *cfg;

	open_group(1, 100, 100, &long_tick);
	cfg = ev_token_bucket_cfg_new(100, 100, 40, 40, &long_tick);
	bufferevent_rate_limit_group_set_cfg(group, cfg);
	ev_token_bucket_cfg_free(cfg);
	bufferevent_rate_limit_group_decrement_read(group, 99);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 40);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, 5000), 0);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 40);
	close_group();
}

static void
the_least_share_survives_another_limit(void)
{
	struct ev_token_bucket_cfg *cfg;

	open_group(1, 10, 10, &long_tick);
	bufferevent_rate_limit_group_set_min_share(group, 50);
	cfg = ev_token_bucket_cfg_new(1000, 1000, 1000, 1000, &long_tick);
	bufferevent_rate_limit_group_set_cfg(group, cfg);
	ev_token_bucket_cfg_free(cfg);
	bufferevent_rate_limit_group_decrement_read(group, 9);
	CHECK_INT_EQ(bufferevent_get_max_to_read(members[0]), 50);
	close_group();
}

static void
a_least_share_that_is_no_ssize_is_refused(void)
{
	open_group(1, 100, 100, &long_tick);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, (size_t)EV_SSIZE_MAX + 1), -1);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, EV_SSIZE_MAX), 0);
	close_group();
}

/* bufferevent_decref, instead of bufferevent_free, of one that would go on as soon as it has left. */
static void
the_last_reference_of_a_held_member_may_go(void)
{
	open_group(1, 100, 100, &long_tick);
	bufferevent_enable(members[0], EV_READ);
	feed(0, 500);
	for (int i = 0; i < 5; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(arrived(0), 100);
	CHECK_INT_EQ(bufferevent_decref(members[0]), 1);
	members[0] = NULL;
	close(peers[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	close_group();
}

static const struct evrt_test_case cases[] = {
	{ "a_group_begins_with_one_tick", a_group_begins_with_one_tick },
	{ "its_directions_are_apart", its_directions_are_apart },
	{ "a_group_may_owe", a_group_may_owe },
	{ "a_negative_amount_is_put_into_a_group", a_negative_amount_is_put_into_a_group },
	{ "another_limit_clips_what_a_group_holds", another_limit_clips_what_a_group_holds },
	{ "another_limit_does_not_forgive_a_group", another_limit_does_not_forgive_a_group },
	{ "leaving_no_group_succeeds", leaving_no_group_succeeds },
	{ "a_member_has_no_limit_of_its_own", a_member_has_no_limit_of_its_own },
	{ "a_lone_member_may_have_everything", a_lone_member_may_have_everything },
	{ "joining_twice_is_joining", joining_twice_is_joining },
	{ "who_has_left_is_not_limited", who_has_left_is_not_limited },
	{ "joining_another_group_is_leaving_the_first", joining_another_group_is_leaving_the_first },
	{ "the_tighter_of_two_limits_holds", the_tighter_of_two_limits_holds },
	{ "the_most_at_once_holds_in_a_group", the_most_at_once_holds_in_a_group },
	{ "a_share_is_not_less_than_the_least", a_share_is_not_less_than_the_least },
	{ "the_least_share_is_clipped_to_the_rates", the_least_share_is_clipped_to_the_rates },
	{ "the_least_share_survives_another_limit", the_least_share_survives_another_limit },
	{ "a_least_share_that_is_no_ssize_is_refused", a_least_share_that_is_no_ssize_is_refused },
	{ "the_last_reference_of_a_held_member_may_go", the_last_reference_of_a_held_member_may_go },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
