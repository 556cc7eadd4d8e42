/* testing/fuzz/filter_chain/replay_test.c — every seed of the corpus, each of its prefixes, and other behaviours
 * of its first filter.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"

static void
replay(unsigned char *seed, size_t n)
{
	fuzz_replay_second_byte(seed, n, 17);
}

int
main(int argc, char **argv)
{
	return fuzz_replay_main(argc, argv, "testing/fuzz/filter_chain/corpus", 20, replay);
}
