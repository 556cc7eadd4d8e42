/* testing/fuzz/buffer_ops/replay_test.c — every seed of the corpus, with and without faults, and cut short.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"
#include "testing/harness/test.h"

static void
replay(unsigned char *seed, size_t n)
{
	for (size_t len = n; len; len = len * 3 / 4) {
		LLVMFuzzerTestOneInput(seed, len);
		seed[0] ^= 1;
		LLVMFuzzerTestOneInput(seed, len);
	}
}

static void
seeds_keep_the_models(void)
{
	fuzz_replay("testing/fuzz/buffer_ops/corpus", 20, replay);
}

static const struct evrt_test_case cases[] = {
	{"seeds_keep_the_models", seeds_keep_the_models},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
