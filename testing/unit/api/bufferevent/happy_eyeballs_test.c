/* testing/unit/api/bufferevent/happy_eyeballs_test.c — connecting to a name that has several addresses.
 *
 * Here:     the order and the times of attempts, who wins, what is told.
 * Not here: calling it off, and faults (race_ends_test.c).
 * Threads:  one.
 */
#include "testing/unit/api/bufferevent/race_rig.h"

/* --- order and times ------------------------------------------------------------------------- */

static void
families_take_turns(void)
{
	static const char *const rows[][2] = {
		{ "6.1 6.2 6.3 4.4 4.5", "6.1 4.4 6.2 4.5 6.3" },
		{ "4.1 4.2 6.3", "4.1 6.3 4.2" },
		{ "6.1 4.2 4.3 4.4", "6.1 4.2 4.3 4.4" },
		{ "4.1 4.2 4.3", "4.1 4.2 4.3" },
		{ "6.1 4.2 6.3 4.4", "6.1 4.2 6.3 4.4" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		attempts_count = 0;
		tried[0] = '\0';
		race_to(rows[i][0]);
		for (int k = 0; k < 6; k++)
			pass_ms(250);
		CHECK_STR_EQ(tried, rows[i][1]);
		tear_down();
	}
	CHECK_STR_EQ(told, "");
}

static void
the_next_one_begins_after_250_ms(void)
{
	race_to("4.1 6.2 4.3");
	CHECK_STR_EQ(tried, "4.1");
	pass_ms(249);
	CHECK_STR_EQ(tried, "4.1");
	pass_ms(1);
	CHECK_STR_EQ(tried, "4.1 6.2");
	pass_ms(200);
	CHECK_STR_EQ(tried, "4.1 6.2");
	pass_ms(50);
	CHECK_STR_EQ(tried, "4.1 6.2 4.3");
	pass_ms(10000);
	CHECK_STR_EQ(told, "");
	CHECK_INT_EQ(bufferevent_getfd(bev), attempts[0].fd);
	tear_down();
}

static void
a_failure_begins_the_next_at_once_and_the_delay_anew(void)
{
	race_to("4.1 6.2 4.3");
	pass_ms(200);
	ends(0, ECONNREFUSED);
	turns(2);
	CHECK_STR_EQ(tried, "4.1 6.2");
	CHECK(!is_open(attempts[0].fd) || attempts[0].fd == attempts[1].fd);
	pass_ms(249);
	CHECK_STR_EQ(tried, "4.1 6.2");
	pass_ms(1);
	CHECK_STR_EQ(tried, "4.1 6.2 4.3");
	tear_down();
}

static void
what_fails_at_once_is_passed_over(void)
{
	race_to("4.101 6.111 4.102 6.7 4.8");
	CHECK_STR_EQ(tried, "4.101 6.111 4.102 6.7");
	ends(0, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_STR_EQ(tried, "4.101 6.111 4.102 6.7");
	tear_down();
}

/* --- who wins -------------------------------------------------------------------------------- */

static void
the_first_to_answer_wins_and_the_others_are_closed(void)
{
	for (int winner = 0; winner < 3; winner++) {
		attempts_count = 0;
		told[0] = '\0';
		race_to("4.1 6.2 4.3");
		bufferevent_write(bev, "hello", 5);
		pass_ms(250);
		pass_ms(250);
		ends(winner, 0);
		turns(3);
		CHECK_STR_EQ(told, "80");
		for (int i = 0; i < 3; i++)
			CHECK_INT_EQ(is_open(attempts[i].fd), i == winner);
		CHECK_INT_EQ(told_fd, attempts[winner].fd);
		CHECK_INT_EQ(bufferevent_getfd(bev), attempts[winner].fd);
		char got[8] = "";
		CHECK_INT_EQ(read(attempts[winner].peer, got, sizeof(got)), 5);
		CHECK_STR_EQ(got, "hello");
		pass_ms(1000);
		CHECK_STR_EQ(told, "80");
		tear_down();
	}
}

static void
two_answers_in_one_turn_have_one_winner(void)
{
	race_to("4.1 6.2");
	pass_ms(250);
	ends(0, 0);
	ends(1, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_INT_EQ(is_open(attempts[0].fd) + is_open(attempts[1].fd), 1);
	tear_down();
}

static void
a_failure_beside_a_success_does_not_matter(void)
{
	race_to("4.1 6.2 4.3");
	pass_ms(250);
	ends(0, ECONNREFUSED);
	ends(1, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_STR_EQ(tried, "4.1 6.2");
	tear_down();
}

static void
one_that_is_connected_at_once_wins(void)
{
	race_to("4.101 6.121 4.3");
	CHECK_STR_EQ(told, ""); /* not in the middle of the call */
	turns(2);
	CHECK_STR_EQ(told, "80");
	CHECK_STR_EQ(tried, "4.101 6.121");
	tear_down();
}

static void
when_all_have_failed_the_last_reason_is_told(void)
{
	race_to("4.1 6.2 4.111");
	pass_ms(250);
	ends(1, ETIMEDOUT);
	turns(2);
	CHECK_STR_EQ(tried, "4.1 6.2 4.111");
	CHECK_STR_EQ(told, "");
	ends(0, ECONNRESET);
	turns(3);
	CHECK_STR_EQ(told, "20");
	CHECK_INT_EQ(told_errno, ECONNRESET);
	CHECK_INT_EQ(told_fd, -1);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	pass_ms(1000);
	CHECK_STR_EQ(told, "20");
	/* And the bufferevent can try again. */
	look_up();
	dns.answer(0, list_of("4.1 6.2"), dns.arg);
	ends(2, 0);
	turns(3);
	CHECK_STR_EQ(told, "20 80");
	tear_down();
}

static void
when_all_fail_at_once_the_loop_tells(void)
{
	race_to("4.101 6.111");
	CHECK_STR_EQ(told, "");
	turns(1);
	CHECK_STR_EQ(told, "20");
	CHECK_INT_EQ(told_errno, ENETUNREACH);
	tear_down();
}

/* --- time, and what is enabled --------------------------------------------------------------- */

static void
timeouts_count_over_the_whole(void)
{
	struct timeval read_tv = { 1, 0 }, write_tv = { 0, 600000 };
	set_up();
	bufferevent_set_timeouts(bev, &read_tv, &write_tv);
	bufferevent_enable(bev, EV_READ);
	look_up();
	pass_ms(5000); /* not while the name is looked up */
	CHECK_STR_EQ(told, "");
	dns.answer(0, list_of("4.1 6.2 4.3 6.4"), dns.arg);
	pass_ms(250);
	ends(0, ECONNREFUSED);
	turns(2);
	pass_ms(250);
	CHECK_STR_EQ(told, "");
	pass_ms(100);
	CHECK_STR_EQ(told, "42");
	pass_ms(400);
	CHECK_STR_EQ(told, "42 41");
	pass_ms(5000);
	CHECK_STR_EQ(told, "42 41");
	/* The race goes on, as any connect does. */
	ends(3, 0);
	turns(3);
	CHECK_STR_EQ(told, "42 41 80");
	tear_down();
}

static void
the_loop_waits_for_the_outcome(void)
{
	set_up();
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	look_up();
	dns.answer(0, list_of("4.1 6.2"), dns.arg);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	pass_ms(250); /* no more timers */
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	ends(0, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	tear_down();
}

static const struct evrt_test_case cases[] = {
	{ "families_take_turns", families_take_turns },
	{ "the_next_one_begins_after_250_ms", the_next_one_begins_after_250_ms },
	{ "a_failure_begins_the_next_at_once_and_the_delay_anew", a_failure_begins_the_next_at_once_and_the_delay_anew },
	{ "what_fails_at_once_is_passed_over", what_fails_at_once_is_passed_over },
	{ "the_first_to_answer_wins_and_the_others_are_closed", the_first_to_answer_wins_and_the_others_are_closed },
	{ "two_answers_in_one_turn_have_one_winner", two_answers_in_one_turn_have_one_winner },
	{ "a_failure_beside_a_success_does_not_matter", a_failure_beside_a_success_does_not_matter },
	{ "one_that_is_connected_at_once_wins", one_that_is_connected_at_once_wins },
	{ "when_all_have_failed_the_last_reason_is_told", when_all_have_failed_the_last_reason_is_told },
	{ "when_all_fail_at_once_the_loop_tells", when_all_fail_at_once_the_loop_tells },
	{ "timeouts_count_over_the_whole", timeouts_count_over_the_whole },
	{ "the_loop_waits_for_the_outcome", the_loop_waits_for_the_outcome },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
