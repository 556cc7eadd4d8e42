/* testing/fuzz/buffer_ops/replay_test.c — every seed of the corpus, with and without faults, and cut short.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"

static void
replay(unsigned char *seed, size_t n)
{
	for (size_t len = n; len; len = len * 3 / 4) {
		LLVMFuzzerTestOneInput(seed, len);
		seed[0] ^= 1;
		LLVMFuzzerTestOneInput(seed, len);
	}
}

int
main(int argc, char **argv)
{
	return fuzz_replay_main(argc, argv, "testing/fuzz/buffer_ops/corpus", 20, replay);
}
