/* testing/unit/api/buffer/random_ops_test.c — random operations on four evbuffers against arrays of bytes.
 *
 * Here:     runs of testing/fuzz/buffer_ops/world.h by a seed, with and without allocations that fail.
 * Not here: the operations themselves; the same driven by a fuzzer (testing/fuzz/buffer_ops).
 *
 * EVRT_OPS_STEPS in the environment sets the number of operations, 200000 each where it is not set:
 *
 *     EVRT_OPS_STEPS=10000000 EVRT_TEST_TIMEOUT_S=7200 random_ops_test
 */
#include "testing/fuzz/buffer_ops/world.h"
#include "testing/harness/test.h"

#include <stdlib.h>

#define STEPS_DEFAULT 200000

static size_t
steps(void)
{
	const char *text = getenv("EVRT_OPS_STEPS");

	return text ? strtoul(text, NULL, 10) : STEPS_DEFAULT;
}

static void
evbuffers_equal_their_models(void)
{
	ops_run((struct ops_dice){ .seed = evrt_test_seed() }, steps(), false);
}

static void
failed_allocations_change_nothing(void)
{
	ops_run((struct ops_dice){ .seed = evrt_test_seed() }, steps(), true);
}

/* Many short lives: what is left at the end counts. */
static void
everything_is_given_back(void)
{
	for (uint64_t i = 0; i < 100; i++)
		ops_run((struct ops_dice){ .seed = evrt_test_seed() + i }, steps() / 1000, i % 2 == 0);
}

static const struct evrt_test_case cases[] = {
	{ "evbuffers_equal_their_models", evbuffers_equal_their_models },
	{ "failed_allocations_change_nothing", failed_allocations_change_nothing },
	{ "everything_is_given_back", everything_is_given_back },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
