/* testing/contract/libevent/bufferevent_rate_moving_test.c — what a bufferevent moves under a rate limit.
 *
 * Here:     the most at once, what is taken out and held back, buckets that fill with time.
 * Not here: ticks that are counted exactly (testing/unit/api/bufferevent).
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rate_rig.h"

/* --- the most at once --------------------------------------------------------------------------- */

static void
the_most_at_once_can_be_set_and_reset(void)
{
	struct bufferevent *bev = open_bev(0);
	ev_ssize_t r = bufferevent_get_max_single_read(bev), w = bufferevent_get_max_single_write(bev);

	CHECK(r > 0 && w > 0);
	CHECK_INT_EQ(bufferevent_set_max_single_read(bev, 100), 0);
	CHECK_INT_EQ(bufferevent_set_max_single_write(bev, 200), 0);
	CHECK_INT_EQ(bufferevent_get_max_single_read(bev), 100);
	CHECK_INT_EQ(bufferevent_get_max_single_write(bev), 200);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev), 100);
	CHECK_INT_EQ(bufferevent_get_max_to_write(bev), 200);
	CHECK_INT_EQ(bufferevent_set_max_single_read(bev, 0), 0);
	CHECK_INT_EQ(bufferevent_set_max_single_write(bev, (size_t)EV_SSIZE_MAX + 1), 0);
	CHECK_INT_EQ(bufferevent_get_max_single_read(bev), r);
	CHECK_INT_EQ(bufferevent_get_max_single_write(bev), w);
	close_bev(bev);
}

static void
a_read_takes_the_most_at_once(void)
{
	struct bufferevent *bev = open_bev(0);

	bufferevent_set_max_single_read(bev, 7);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(20);
	turns(5);
	CHECK_STR_EQ(trace, "r7 r14 r20");
	close_bev(bev);
}

static void
a_write_sends_the_most_at_once(void)
{
	struct bufferevent *bev = open_bev(0);

	bufferevent_set_max_single_write(bev, 7);
	CHECK_INT_EQ(bufferevent_write(bev, "01234567890123456789", 20), 0);
	bufferevent_setwatermark(bev, EV_WRITE, 20, 0);
	turns(5);
	CHECK_STR_EQ(trace, "w13 w6 w0");
	CHECK_INT_EQ(peer_reads(), 20);
	close_bev(bev);
}

/* --- moving bytes ------------------------------------------------------------------------------- */

static void
reading_takes_out_what_was_read(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	peer_writes("hello");
	turns(2);
	CHECK_INT_EQ(input_of(bev), 5);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 95);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 100);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev), 95);
	close_limited(bev, cfg);
}

static void
writing_takes_out_what_was_written(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_write(bev, "hello", 5);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 100); /* not yet */
	turns(2);
	CHECK_INT_EQ(peer_reads(), 5);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 95);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 100);
	close_limited(bev, cfg);
}

static void
the_bucket_is_paid_before_the_read_callback(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);
	size_t all = 5;

	bufferevent_setcb(bev, drain_read, NULL, note_event, &all);
	bufferevent_enable(bev, EV_READ);
	for (int i = 1; i <= 3; i++) {
		peer_writes("hello");
		turns(2);
		CHECK_INT_EQ(bufferevent_get_read_limit(bev), 100 - 5 * i);
	}
	CHECK_STR_EQ(trace, "r5 r5 r5");
	close_limited(bev, cfg);
}

static void
no_more_is_read_than_the_bucket_holds(void)
{
	struct ev_token_bucket_cfg *cfg = config(10, 10, 10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(25);
	turns(5);
	CHECK_STR_EQ(trace, "r10");
	CHECK_INT_EQ(input_of(bev), 10);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 0);
	CHECK(!reads_wanted(bev));
	close_limited(bev, cfg);
}

static void
no_more_is_written_than_the_bucket_holds(void)
{
	struct ev_token_bucket_cfg *cfg = config(10, 10, 10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_write(bev, "0123456789012345678901234", 25);
	turns(5);
	CHECK_INT_EQ(output_of(bev), 15);
	CHECK_INT_EQ(peer_reads(), 10);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 0);
	close_limited(bev, cfg);
}

static void
what_a_full_bucket_holds_more_is_used_up(void)
{
	struct ev_token_bucket_cfg *cfg = config(10, 100, 10, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_decrement_read_limit(bev, -10);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(25);
	turns(5);
	CHECK_INT_EQ(input_of(bev), 20);
	close_limited(bev, cfg);
}

static void
a_write_held_back_leaves_reading_alone(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	bufferevent_write(bev, "0123456789012345678901234", 25);
	turns(3);
	peer_writes("hello");
	turns(3);
	CHECK_INT_EQ(input_of(bev), 5);
	CHECK_INT_EQ(output_of(bev), 15);
	close_limited(bev, cfg);
}

static void
the_end_of_file_waits_for_the_bucket(void)
{
	struct ev_token_bucket_cfg *cfg = config(10, 10, 10, 10);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(15);
	close(fds[1]);
	fds[1] = -1;
	turns(5);
	CHECK_STR_EQ(trace, "r10");
	bufferevent_decrement_read_limit(bev, -10);
	turns(5);
	CHECK_STR_EQ(trace, "r10 r15 e11");
	close_limited(bev, cfg);
}

static void
a_watermark_counts_beside_the_limit(void)
{
	struct ev_token_bucket_cfg *cfg = config(100, 100, 100, 100);
	struct bufferevent *bev = open_limited(cfg);

	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 8);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(25);
	turns(3);
	CHECK_INT_EQ(input_of(bev), 8);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 92);
	close_limited(bev, cfg);
}

/* --- with time ---------------------------------------------------------------------------------- */

static void
stop_when_all(struct bufferevent *bev, void *arg)
{
	if (input_of(bev) >= *(size_t *)arg)
		event_base_loopbreak(base);
}

static void
time_fills_the_bucket(void)
{
	struct ev_token_bucket_cfg *cfg = fast_config(10, 10);
	struct bufferevent *bev = open_limited(cfg);
	struct timespec start;
	size_t all = 50;

	bufferevent_setcb(bev, stop_when_all, NULL, NULL, &all);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(50);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_INT_EQ(input_of(bev), 50);
	/* 10 at once, 40 in four ticks, of which the first may have begun before. */
	CHECK(elapsed_ms(&start) >= 3 * 20);
	close_limited(bev, cfg);
}

static void
break_at_empty(struct bufferevent *bev, void *arg)
{
	(void)arg;
	if (output_of(bev) == 0)
		event_base_loopbreak(base);
}

static void
time_lets_output_go(void)
{
	struct ev_token_bucket_cfg *cfg = fast_config(10, 10);
	struct bufferevent *bev = open_limited(cfg);
	char bytes[50] = { 0 };
	struct timespec start;

	bufferevent_setcb(bev, NULL, break_at_empty, NULL, NULL);
	turns(2); /* a write callback for what was enabled is not what is waited for */
	clock_gettime(CLOCK_MONOTONIC, &start);
	bufferevent_write(bev, bytes, sizeof(bytes));
	while (output_of(bev) > 0)
		CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(elapsed_ms(&start) >= 3 * 20);
	CHECK_INT_EQ(peer_reads(), 50);
	close_limited(bev, cfg);
}

static void
a_debt_takes_its_ticks(void)
{
	struct ev_token_bucket_cfg *cfg = fast_config(10, 10);
	struct bufferevent *bev = open_limited(cfg);
	struct timespec start;
	size_t all = 1;

	bufferevent_setcb(bev, stop_when_all, NULL, NULL, &all);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(1);
	bufferevent_decrement_read_limit(bev, 50); /* -40: above 0 after five ticks */
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(elapsed_ms(&start) >= 4 * 20);
	close_limited(bev, cfg);
}

static void
time_fills_no_more_than_the_burst(void)
{
	struct timeval tick = { 0, 2000 }, wait = { 0, 60000 };
	struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(10, 35, 10, 10, &tick);
	struct bufferevent *bev = open_limited(cfg);

	event_base_loopexit(base, &wait);
	event_base_dispatch(base);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), 35);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), 10);
	close_limited(bev, cfg);
}

static void
a_limit_without_limits_passes_everything(void)
{
	struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX,
	    EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, NULL);
	struct bufferevent *bev = open_limited(cfg);

	CHECK_INT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
	bufferevent_enable(bev, EV_READ);
	peer_writes_bytes(30000);
	turns(20);
	CHECK_INT_EQ(input_of(bev), 30000);
	close_limited(bev, cfg);
}

static const struct evrt_test_case cases[] = {
	{ "the_most_at_once_can_be_set_and_reset", the_most_at_once_can_be_set_and_reset },
	{ "a_read_takes_the_most_at_once", a_read_takes_the_most_at_once },
	{ "a_write_sends_the_most_at_once", a_write_sends_the_most_at_once },
	{ "reading_takes_out_what_was_read", reading_takes_out_what_was_read },
	{ "writing_takes_out_what_was_written", writing_takes_out_what_was_written },
	{ "the_bucket_is_paid_before_the_read_callback", the_bucket_is_paid_before_the_read_callback },
	{ "no_more_is_read_than_the_bucket_holds", no_more_is_read_than_the_bucket_holds },
	{ "no_more_is_written_than_the_bucket_holds", no_more_is_written_than_the_bucket_holds },
	{ "what_a_full_bucket_holds_more_is_used_up", what_a_full_bucket_holds_more_is_used_up },
	{ "a_write_held_back_leaves_reading_alone", a_write_held_back_leaves_reading_alone },
	{ "the_end_of_file_waits_for_the_bucket", the_end_of_file_waits_for_the_bucket },
	{ "a_watermark_counts_beside_the_limit", a_watermark_counts_beside_the_limit },
	{ "time_fills_the_bucket", time_fills_the_bucket },
	{ "time_lets_output_go", time_lets_output_go },
	{ "a_debt_takes_its_ticks", a_debt_takes_its_ticks },
	{ "time_fills_no_more_than_the_burst", time_fills_no_more_than_the_burst },
	{ "a_limit_without_limits_passes_everything", a_limit_without_limits_passes_everything },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
