/* testing/unit/api/bufferevent/rate_clock_test.c — rate limits to the tick, under a clock that the test moves.
 *
 * Here:     sockets with a limit of their own and in a group, on a base whose clock stands still until it is
 *           advanced; which members count as active; when there is a timer.
 * Not here: the arithmetic (rate_bucket_test.c), threads (rate_pool_test.c).
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/util.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/event/event_internal.h"
#include "testing/harness/test.h"

#define MS EVRT_NS_PER_MS
#define MEMBERS 4

static struct evrt_clock *fake_clock;
static struct event_base *base;
static struct bufferevent *bev[MEMBERS];
static int peers[MEMBERS];
static struct ev_token_bucket_cfg *cfg;
static const struct timeval tick = { 0, 100000 };

static void
setup(size_t rate, size_t burst)
{
	fake_clock = evrt__clock_fake_new(1000 * EVRT_NS_PER_SEC);
	base = event_base_new();
	base->loop.reactor.clock = fake_clock;
	cfg = ev_token_bucket_cfg_new(rate, burst, rate, burst, &tick);
	CHECK(cfg != NULL);
	for (int i = 0; i < MEMBERS; i++) {
		int pair[2];
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		evutil_make_socket_nonblocking(pair[0]);
		evutil_make_socket_nonblocking(pair[1]);
		bev[i] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
		bufferevent_enable(bev[i], EV_READ);
		peers[i] = pair[1];
	}
}

static void
teardown(void)
{
	for (int i = 0; i < MEMBERS; i++) {
		if (bev[i])
			bufferevent_free(bev[i]);
		close(peers[i]);
	}
	event_base_free(base);
	ev_token_bucket_cfg_free(cfg);
	evrt__clock_fake_free(fake_clock);
}

static void
run(void)
{
	for (int i = 0; i < 60; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
after(evrt_ns by)
{
	evrt__clock_fake_advance(fake_clock, by);
	run();
}

static void
feed(int i, size_t n)
{
	static char bytes[4096];

	CHECK_INT_EQ(write(peers[i], bytes, n), n);
}

static size_t
arrived(int i)
{
	return evbuffer_get_length(bufferevent_get_input(bev[i]));
}

/* Timers, and what is active; the bufferevents' own events are taken off. */
static int
timers(void)
{
	int n = event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);

	for (int i = 0; i < MEMBERS; i++)
		if (bev[i])
			n -= (event_pending(&bev[i]->ev_read, EV_READ, NULL) != 0) +
			    (event_pending(&bev[i]->ev_write, EV_WRITE, NULL) != 0);
	return n;
}

static void
a_tick_brings_a_rate(void)
{
	setup(10, 10);
	bufferevent_set_rate_limit(bev[0], cfg);
	feed(0, 100);
	run();
	CHECK_INT_EQ(arrived(0), 10);
	after(100 * MS - 1);
	CHECK_INT_EQ(arrived(0), 10);
	for (int k = 2; k <= 10; k++) {
		after(k == 2 ? 1 : 100 * MS);
		CHECK_INT_EQ(arrived(0), 10 * k);
	}
	teardown();
}

static void
output_goes_by_ticks(void)
{
	char bytes[35] = { 0 };
	setup(10, 10);
	bufferevent_set_rate_limit(bev[0], cfg);
	bufferevent_write(bev[0], bytes, sizeof(bytes));
	run();
	for (size_t left = 25; left > 5; left -= 10) {
		CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev[0])), left);
		after(100 * MS - 1);
		CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev[0])), left);
		after(1);
	}
	after(100 * MS);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev[0])), 0);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev[0]), 5);
	CHECK_INT_EQ(timers(), 0);
	teardown();
}

static void
idle_time_is_saved_up_to_the_burst(void)
{
	setup(10, 35);
	bufferevent_set_rate_limit(bev[0], cfg);
	for (int k = 1; k <= 5; k++) {
		CHECK_INT_EQ(bufferevent_get_read_limit(bev[0]), 10 * k < 35 ? 10 * k : 35);
		after(100 * MS);
	}
	feed(0, 100);
	run();
	CHECK_INT_EQ(arrived(0), 35);
	after(100 * MS);
	CHECK_INT_EQ(arrived(0), 45);
	teardown();
}

static void
a_debt_is_paid_tick_by_tick(void)
{
	setup(10, 10);
	bufferevent_set_rate_limit(bev[0], cfg);
	feed(0, 100);
	bufferevent_decrement_read_limit(bev[0], 55); /* -45 */
	for (int k = 1; k <= 4; k++) {
		after(100 * MS);
		CHECK_INT_EQ(bufferevent_get_read_limit(bev[0]), -45 + 10 * k);
		CHECK_INT_EQ(arrived(0), 0);
	}
	CHECK_INT_EQ(timers(), 1);
	after(100 * MS);
	CHECK_INT_EQ(arrived(0), 5);
	teardown();
}

static void
an_idle_bufferevent_has_no_timer(void)
{
	setup(10, 10);
	bufferevent_set_rate_limit(bev[0], cfg);
	CHECK_INT_EQ(timers(), 0);
	feed(0, 4);
	run();
	CHECK_INT_EQ(arrived(0), 4);
	CHECK_INT_EQ(timers(), 0);
	feed(0, 6);
	run();
	CHECK_INT_EQ(arrived(0), 10);
	CHECK_INT_EQ(timers(), 1); /* there may be more to read: it will have a look, once */
	after(100 * MS);
	CHECK_INT_EQ(timers(), 0);
	bufferevent_write(bev[0], "0123456789", 10);
	run();
	CHECK_INT_EQ(bufferevent_get_write_limit(bev[0]), 0); /* empty, but nothing is to be written */
	CHECK_INT_EQ(timers(), 0);
	after(100 * MS);
	feed(0, 11);
	run();
	CHECK_INT_EQ(timers(), 1);
	after(100 * MS);
	CHECK_INT_EQ(arrived(0), 21);
	CHECK_INT_EQ(timers(), 0);
	teardown();
}

static void
a_limit_that_goes_takes_its_timer_along(void)
{
	setup(10, 10);
	bufferevent_set_rate_limit(bev[0], cfg);
	feed(0, 100);
	run();
	CHECK_INT_EQ(timers(), 1);
	bufferevent_set_rate_limit(bev[0], NULL);
	run();
	CHECK_INT_EQ(timers(), 0);
	CHECK_INT_EQ(arrived(0), 100);
	teardown();
}

static void
without_a_bucket_nothing_can_be_taken_out(void)
{
	struct bufferevent_rate_limit_group *g;

	setup(10, 10);
	errno = 0;
	CHECK_INT_EQ(bufferevent_decrement_read_limit(bev[0], 1), -1);
	CHECK_INT_EQ(errno, EINVAL);
	g = bufferevent_rate_limit_group_new(base, cfg);
	bufferevent_add_to_rate_limit_group(bev[0], g);
	CHECK_INT_EQ(bufferevent_decrement_write_limit(bev[0], 1), -1);
	CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(bev[0], NULL), 0);
	bufferevent_rate_limit_group_free(g);
	CHECK_PTR_EQ(bufferevent_rate_limit_group_new(base, NULL), NULL);
	CHECK_PTR_EQ(bufferevent_rate_limit_group_new(NULL, cfg), NULL);
	teardown();
}

static void
count_in_arg(struct bufferevent *b, void *arg)
{
	(void)b;
	(*(int *)arg)++;
}

static void
the_least_of_limit_and_most_at_once_holds(void)
{
	int reads = 0;

	setup(10, 10);
	bufferevent_setcb(bev[0], count_in_arg, NULL, NULL, &reads);
	bufferevent_set_rate_limit(bev[0], cfg);
	bufferevent_set_max_single_read(bev[0], 3);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev[0]), 3);
	CHECK_INT_EQ(bufferevent_get_max_to_write(bev[0]), 10);
	feed(0, 100);
	run();
	CHECK_INT_EQ(arrived(0), 10);
	CHECK_INT_EQ(reads, 4); /* 3, 3, 3, 1 */
	teardown();
}

static void
ticks_are_of_a_millisecond_at_least(void)
{
	static const struct timeval lengths[] = { { 0, 0 }, { 0, 999 }, { -5, 0 } };

	for (int i = 0; i < 3; i++) {
		setup(10, 1000);
		ev_token_bucket_cfg_free(cfg);
		cfg = ev_token_bucket_cfg_new(10, 1000, 10, 1000, &lengths[i]);
		bufferevent_set_rate_limit(bev[0], cfg);
		after(5 * MS);
		CHECK_INT_EQ(bufferevent_get_read_limit(bev[0]), 60);
		teardown();
	}
}

/* --- groups --------------------------------------------------------------------------------------- */

static struct bufferevent_rate_limit_group *group;

static void
setup_group(size_t rate, size_t burst, size_t min_share)
{
	setup(rate, burst);
	group = bufferevent_rate_limit_group_new(base, cfg);
	CHECK(group != NULL);
	bufferevent_rate_limit_group_set_min_share(group, min_share);
	for (int i = 0; i < MEMBERS; i++)
		CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(bev[i], group), 0);
}

static void
teardown_group(void)
{
	for (int i = 0; i < MEMBERS; i++)
		if (bev[i])
			bufferevent_remove_from_rate_limit_group(bev[i]);
	bufferevent_rate_limit_group_free(group);
	teardown();
}

static size_t
all_arrived(void)
{
	size_t sum = 0;

	for (int i = 0; i < MEMBERS; i++)
		sum += arrived(i);
	return sum;
}

static void
a_tick_brings_the_group_its_rate(void)
{
	setup_group(100, 100, 1);
	for (int i = 0; i < MEMBERS; i++)
		feed(i, 1000);
	run();
	for (size_t k = 1; k <= 10; k++) {
		CHECK_INT_EQ(all_arrived(), 100 * k);
		after(100 * MS - 1);
		CHECK_INT_EQ(all_arrived(), 100 * k);
		after(1);
	}
	/* Nobody is left behind, nor far ahead. */
	for (int i = 0; i < MEMBERS; i++)
		CHECK(arrived(i) > 200 && arrived(i) < 350);
	teardown_group();
}

static void
silent_members_cost_nothing(void)
{
	setup_group(1000, 1000, 64);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev[0]), 1000);
	feed(0, 2000);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(arrived(0), 1000);
	teardown_group();
}

static void
active_members_share(void)
{
	setup_group(1000, 1000, 1);
	for (int i = 0; i < 2; i++)
		feed(i, 4000);
	run();
	CHECK_INT_EQ(all_arrived(), 1000);
	evrt__clock_fake_advance(fake_clock, 100 * MS);
	/* Both wait, so both count; the others do not. */
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev[0]), 500);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev[2]), 500);
	run();
	bufferevent_remove_from_rate_limit_group(bev[1]);
	evrt__clock_fake_advance(fake_clock, 100 * MS);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev[0]), 1000);
	teardown_group();
}

static void
a_group_without_a_share_gives_one_byte(void)
{
	setup_group(2, 2, 0);
	for (int i = 0; i < MEMBERS; i++)
		feed(i, 10);
	for (int k = 1; k <= 20; k++) {
		run();
		CHECK_INT_EQ(all_arrived(), 2 * k);
		evrt__clock_fake_advance(fake_clock, 100 * MS);
	}
	for (int i = 0; i < MEMBERS; i++)
		CHECK_INT_EQ(arrived(i), 10);
	teardown_group();
}

static void
the_longest_waiting_go_first(void)
{
	setup_group(64, 64, 64);
	for (int i = 0; i < MEMBERS; i++)
		feed(i, 640);
	for (int k = 1; k <= 8; k++) {
		run();
		CHECK_INT_EQ(all_arrived(), 64 * k);
		evrt__clock_fake_advance(fake_clock, 100 * MS);
	}
	for (int i = 0; i < MEMBERS; i++)
		CHECK_INT_EQ(arrived(i), 128);
	teardown_group();
}

static void
an_idle_group_has_no_timer(void)
{
	setup_group(100, 100, 64);
	run();
	CHECK_INT_EQ(timers(), 0);
	feed(0, 90);
	run();
	CHECK_INT_EQ(arrived(0), 90);
	CHECK_INT_EQ(timers(), 0);
	feed(1, 100);
	run();
	CHECK_INT_EQ(timers(), 1);
	bufferevent_free(bev[1]);
	bev[1] = NULL;
	run();
	CHECK_INT_EQ(timers(), 0); /* nobody waits any more */
	teardown_group();
}

static void
a_group_in_debt_sleeps_until_it_is_paid(void)
{
	setup_group(100, 100, 64);
	bufferevent_rate_limit_group_decrement_read(group, 1050); /* -950: ten ticks */
	feed(0, 50);
	run();
	CHECK_INT_EQ(timers(), 1);
	after(1000 * MS - 1);
	CHECK_INT_EQ(arrived(0), 0);
	after(1);
	CHECK_INT_EQ(arrived(0), 50);
	CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), 0);
	teardown_group();
}

static void
a_new_limit_moves_the_timer(void)
{
	static const struct timeval short_tick = { 0, 10000 };
	struct ev_token_bucket_cfg *fast = ev_token_bucket_cfg_new(100, 100, 100, 100, &short_tick);

	setup_group(100, 100, 64);
	bufferevent_rate_limit_group_decrement_read(group, 150);
	feed(0, 50);
	run();
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_cfg(group, fast), 0);
	after(10 * MS);
	CHECK_INT_EQ(arrived(0), 50);
	CHECK_INT_EQ(bufferevent_rate_limit_group_set_cfg(group, NULL), -1);
	ev_token_bucket_cfg_free(fast);
	teardown_group();
}

static void
a_freed_member_leaves_its_group_at_once(void)
{
	struct bufferevent *kept;

	setup_group(100, 100, 64);
	feed(0, 500);
	run();
	kept = bev[0];
	bufferevent_incref(kept);
	for (int i = 0; i < MEMBERS; i++) {
		bufferevent_free(bev[i]);
		bev[i] = NULL;
	}
	bufferevent_rate_limit_group_free(group); /* which ends the process if there is a member */
	bufferevent_decref(kept);
	teardown();
}

static void
another_base_takes_the_limit_along(void)
{
	struct event_base *other;

	setup_group(100, 100, 64);
	bufferevent_set_rate_limit(bev[0], cfg);
	bufferevent_disable(bev[0], EV_READ | EV_WRITE);
	other = event_base_new();
	other->loop.reactor.clock = fake_clock;
	CHECK_INT_EQ(bufferevent_base_set(other, bev[0]), 0);
	bufferevent_enable(bev[0], EV_READ);
	feed(0, 150);
	for (int i = 0; i < 5; i++)
		event_base_loop(other, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(arrived(0), 100);
	CHECK_INT_EQ(bufferevent_base_set(base, bev[0]), -1); /* it is held back */
	evrt__clock_fake_advance(fake_clock, 100 * MS);
	for (int i = 0; i < 5; i++)
		event_base_loop(other, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(arrived(0), 150);
	bufferevent_free(bev[0]);
	bev[0] = NULL;
	event_base_free(other);
	teardown_group();
}

static const struct evrt_test_case cases[] = {
	{ "a_tick_brings_a_rate", a_tick_brings_a_rate },
	{ "output_goes_by_ticks", output_goes_by_ticks },
	{ "idle_time_is_saved_up_to_the_burst", idle_time_is_saved_up_to_the_burst },
	{ "a_debt_is_paid_tick_by_tick", a_debt_is_paid_tick_by_tick },
	{ "an_idle_bufferevent_has_no_timer", an_idle_bufferevent_has_no_timer },
	{ "a_limit_that_goes_takes_its_timer_along", a_limit_that_goes_takes_its_timer_along },
	{ "without_a_bucket_nothing_can_be_taken_out", without_a_bucket_nothing_can_be_taken_out },
	{ "the_least_of_limit_and_most_at_once_holds", the_least_of_limit_and_most_at_once_holds },
	{ "ticks_are_of_a_millisecond_at_least", ticks_are_of_a_millisecond_at_least },
	{ "a_tick_brings_the_group_its_rate", a_tick_brings_the_group_its_rate },
	{ "silent_members_cost_nothing", silent_members_cost_nothing },
	{ "active_members_share", active_members_share },
	{ "a_group_without_a_share_gives_one_byte", a_group_without_a_share_gives_one_byte },
	{ "the_longest_waiting_go_first", the_longest_waiting_go_first },
	{ "an_idle_group_has_no_timer", an_idle_group_has_no_timer },
	{ "a_group_in_debt_sleeps_until_it_is_paid", a_group_in_debt_sleeps_until_it_is_paid },
	{ "a_new_limit_moves_the_timer", a_new_limit_moves_the_timer },
	{ "a_freed_member_leaves_its_group_at_once", a_freed_member_leaves_its_group_at_once },
	{ "another_base_takes_the_limit_along", another_base_takes_the_limit_along },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
