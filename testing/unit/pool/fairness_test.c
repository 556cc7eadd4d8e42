/* testing/unit/pool/fairness_test.c — who runs first, and who has to let others run.
 *
 * Here:     priorities in strands and on pinned bases; one strand against others under each budget.
 * Not here: latency under load (testing/stress/fairness_test.c).
 * Threads:  pools of one worker, so that an order is told by who has run.
 */
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <string.h>

#include "testing/unit/pool/pool_fixture.h"

static char order[32]; /* the worker's */
static struct event *events[3];

static void
note(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	strcat(order, arg);
	count_one(NULL);
}

static void
activate_from_the_least_urgent(void *arg)
{
	(void)arg;
	for (int i = 2; i >= 0; i--)
		event_active(events[i], EV_TIMEOUT, 1);
}

static void
make_events(struct event_base *base, struct evrt_strand *strand)
{
	static char letters[3][2] = { "a", "b", "c" };

	for (int i = 0; i < 3; i++) {
		events[i] = event_new(base, -1, 0, note, letters[i]);
		CHECK_INT_EQ(event_priority_set(events[i], i), 0);
		CHECK(!strand || evrt_event_set_strand(events[i], strand) == 0);
	}
}

static void
order_of_priorities(int pinned, const char *expected)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = 1;
	c.priorities = 3;
	pool = evrt_pool_new(&c);
	struct evrt_strand *s = evrt_strand_new(pool);
	make_events(pinned ? evrt_pool_get_base(pool, 0) : evrt_pool_as_base(pool), pinned ? NULL : s);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(pinned ? evrt_pool_post_worker(pool, 0, activate_from_the_least_urgent, NULL)
	    : evrt_strand_post(s, activate_from_the_least_urgent, NULL), 0);
	evrt_test_count_wait(&ran, 3);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_STR_EQ(order, expected);
	for (int i = 0; i < 3; i++)
		event_free(events[i]);
	evrt_strand_free(s);
	done();
}

static void
priorities_order_the_events_of_a_strand(void)
{
	order_of_priorities(0, "abc");
}

static void
priorities_order_the_events_of_a_pinned_base(void)
{
	order_of_priorities(1, "abc");
}

static void
priorities_do_not_order_strands(void)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = 1;
	c.priorities = 3;
	pool = evrt_pool_new(&c);
	make_events(evrt_pool_as_base(pool), NULL); /* each a strand of its own */
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, activate_from_the_least_urgent, NULL), 0);
	evrt_test_count_wait(&ran, 3);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_STR_EQ(order, "cba");
	for (int i = 0; i < 3; i++)
		event_free(events[i]);
	done();
}

/* A strand that never has enough, and how often it has run when another one gets its turn. */

static struct evrt_strand *greedy, *patient;
static long greedy_runs, seen_runs;
static int64_t greedy_takes_us;

static void
want_more(void *arg)
{
	struct timeval now, began;

	(void)arg;
	evutil_gettimeofday(&began, NULL);
	do
		evutil_gettimeofday(&now, NULL);
	while ((now.tv_sec - began.tv_sec) * 1000000 + now.tv_usec - began.tv_usec < greedy_takes_us);
	/* It ends by itself some day, so that a case without budgets fails in its check. */
	if (++greedy_runs < 1000)
		CHECK_INT_EQ(evrt_strand_post(greedy, want_more, NULL), 0);
}

static void
see(void *arg)
{
	(void)arg;
	seen_runs = greedy_runs;
	greedy_runs = 1000;
	count_one(NULL);
}

static void
begin_both(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_strand_post(greedy, want_more, NULL), 0);
	CHECK_INT_EQ(evrt_strand_post(patient, see, NULL), 0);
}

static void
greedy_runs_before_another(unsigned callbacks, unsigned us, int64_t takes_us, long at_most)
{
	struct evrt_pool_config c;

	evrt_pool_config_init(&c);
	c.workers = 1;
	c.strand_budget_callbacks = callbacks;
	c.strand_budget_us = us;
	greedy_takes_us = takes_us;
	pool = evrt_pool_new(&c);
	greedy = evrt_strand_new(pool);
	patient = evrt_strand_new(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, begin_both, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK(seen_runs >= 1);
	CHECK(seen_runs <= at_most);
	evrt_strand_free(greedy);
	evrt_strand_free(patient);
	done();
}

static void
a_strand_ends_its_turn_by_callbacks(void)
{
	greedy_runs_before_another(5, 0, 0, 5);
}

static void
a_strand_ends_its_turn_by_time(void)
{
	greedy_runs_before_another(1u << 30, 100, 150, 1);
}

/* The time is looked at before the 2nd, 3rd, 5th callback: 100 us are over in the second. */
static void
a_strand_goes_on_for_twice_its_time_at_most(void)
{
	greedy_runs_before_another(1u << 30, 100, 60, 2);
}

static const struct evrt_test_case cases[] = {
	CASE(priorities_order_the_events_of_a_strand),
	CASE(priorities_order_the_events_of_a_pinned_base),
	CASE(priorities_do_not_order_strands),
	CASE(a_strand_ends_its_turn_by_callbacks),
	CASE(a_strand_ends_its_turn_by_time),
	CASE(a_strand_goes_on_for_twice_its_time_at_most),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
