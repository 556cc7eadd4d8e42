/* testing/fuzz/http_parse/replay_test.c — every seed of the corpus, cut at every place, and each of its prefixes.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"

static void
replay(unsigned char *seed, size_t n)
{
	fuzz_replay_second_byte(seed, n, 1);
}

int
main(int argc, char **argv)
{
	return fuzz_replay_main(argc, argv, "testing/fuzz/http_parse/corpus", 30, replay);
}
