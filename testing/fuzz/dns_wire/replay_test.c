/* testing/fuzz/dns_wire/replay_test.c — every seed of the corpus, in every room, and each of its prefixes.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"
#include "testing/harness/test.h"

static void
replay(unsigned char *seed, size_t n)
{
	for (size_t len = 2; len <= n; len++)
		LLVMFuzzerTestOneInput(seed, len);
	for (int cap = 0; n >= 2 && cap < 256; cap++) {
		seed[1] = (unsigned char)cap;
		LLVMFuzzerTestOneInput(seed, n);
	}
}

static void
seeds_keep_the_invariants(void)
{
	fuzz_replay("testing/fuzz/dns_wire/corpus", 30, replay);
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
