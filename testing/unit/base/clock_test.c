/* testing/unit/base/clock_test.c — the two clocks and saturating sums. */
#include "base/clock.h"

#include <time.h>
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

static void
real_is_the_monotonic_clock(void)
{
	struct evrt_clock *c = evrt__clock_real();
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	evrt_ns now = evrt__clock_now(c);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK(now >= before.tv_sec * EVRT_NS_PER_SEC + before.tv_nsec);
	CHECK(now <= after.tv_sec * EVRT_NS_PER_SEC + after.tv_nsec);
	CHECK_PTR_EQ(c, evrt__clock_real());
}

static void
fake_moves_only_when_told(void)
{
	evrt_test_fail_alloc(0);
	struct evrt_clock *c = evrt__clock_fake_new(100);
	CHECK_INT_EQ(evrt__clock_now(c), 100);
	CHECK_INT_EQ(evrt__clock_now(c), 100);
	evrt__clock_fake_advance(c, 5);
	evrt__clock_fake_advance(c, 0);
	CHECK_INT_EQ(evrt__clock_now(c), 105);
	evrt__clock_fake_advance(c, EVRT_NS_NEVER);
	CHECK_INT_EQ(evrt__clock_now(c), EVRT_NS_NEVER);
	evrt__clock_fake_free(c);
	evrt__clock_fake_free(NULL);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
	evrt_test_fail_alloc(1);
	CHECK(!evrt__clock_fake_new(0));
}

static void
sums_saturate(void)
{
	CHECK_INT_EQ(evrt__ns_add(1, 2), 3);
	CHECK_INT_EQ(evrt__ns_add(EVRT_NS_NEVER, 0), EVRT_NS_NEVER);
	CHECK_INT_EQ(evrt__ns_add(EVRT_NS_NEVER - 1, 1), EVRT_NS_NEVER);
	CHECK_INT_EQ(evrt__ns_add(EVRT_NS_NEVER - 2, 1), EVRT_NS_NEVER - 1);
	CHECK_INT_EQ(evrt__ns_add(1, EVRT_NS_NEVER), EVRT_NS_NEVER);
	CHECK_INT_EQ(evrt__ns_add(EVRT_NS_NEVER, EVRT_NS_NEVER), EVRT_NS_NEVER);
}

static const struct evrt_test_case cases[] = {
	{"real_is_the_monotonic_clock", real_is_the_monotonic_clock},
	{"fake_moves_only_when_told", fake_moves_only_when_told},
	{"sums_saturate", sums_saturate},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
