/* testing/fuzz/filter_chain/replay_test.c — every seed of the corpus, each of its prefixes, and other behaviours
 * of its first filter.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"
#include "testing/harness/test.h"

static void
replay(unsigned char *seed, size_t n)
{
	for (size_t len = 2; len <= n; len++)
		LLVMFuzzerTestOneInput(seed, len);
	for (int behaviour = 0; n >= 2 && behaviour < 256; behaviour += 17) {
		seed[1] = (unsigned char)behaviour;
		LLVMFuzzerTestOneInput(seed, n);
	}
}

static void
seeds_keep_the_invariants(void)
{
	fuzz_replay("testing/fuzz/filter_chain/corpus", 20, replay);
}

static const struct evrt_test_case cases[] = {
	{"seeds_keep_the_invariants", seeds_keep_the_invariants},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
