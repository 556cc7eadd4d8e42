/* testing/fuzz/tls_records/replay_test.c — every seed of the corpus in front of each kind of bufferevent, and its
 * prefixes.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"

static void
replay(unsigned char *seed, size_t n)
{
	for (int kind = 0; n >= 1 && kind < 128; kind += 5) {
		seed[0] = (unsigned char)kind;
		LLVMFuzzerTestOneInput(seed, n);
	}
	for (size_t len = 0; len < n; len += 1 + n / 16)
		LLVMFuzzerTestOneInput(seed, len);
}

int
main(int argc, char **argv)
{
	return fuzz_replay_main(argc, argv, "testing/fuzz/tls_records/corpus", 20, replay);
}
