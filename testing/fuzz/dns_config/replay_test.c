/* testing/fuzz/dns_config/replay_test.c — every seed of the corpus, each of its prefixes, and each of its bytes
 * turned into others. The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include "testing/fuzz/replay.h"

static void
replay(unsigned char *seed, size_t n)
{
	static const unsigned char others[] = {'\0', '\n', '\r', ' ', '#', '.', ':', '%', 'a', 0xff};

	for (size_t len = 1; len <= n; len++)
		LLVMFuzzerTestOneInput(seed, len);
	for (size_t i = 1; i < n; i++) {
		unsigned char kept = seed[i];
		for (size_t k = 0; k < sizeof(others); k++) {
			seed[i] = others[k];
			LLVMFuzzerTestOneInput(seed, n);
		}
		seed[i] = kept;
	}
}

int
main(int argc, char **argv)
{
	return fuzz_replay_main(argc, argv, "testing/fuzz/dns_config/corpus", 12, replay);
}
