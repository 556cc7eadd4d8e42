/* testing/fuzz/replay.h — a corpus as a test: every seed given to the function under test, in every build.
 *
 * Here:     the entry point that fuzzers and replays share; walking the folder.
 * Not here: what is done with a seed beyond giving it as it is: each replay says so.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_FUZZ_REPLAY_H_
#define EVRT_TESTING_FUZZ_REPLAY_H_

#include <stddef.h>

#define FUZZ_SEED_BYTES_MAX 4096

/* The function under test. Aborts, or fails as a check does, when an invariant is broken; returns 0. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Calls `replay` with each seed of the folder `corpus`, or of the one that EVRT_CORPUS names: n bytes in memory of
 * FUZZ_SEED_BYTES_MAX, which it may change. Fails the case when there are fewer than `seeds_min`. */
void fuzz_replay(const char *corpus, int seeds_min, void (*replay)(unsigned char *seed, size_t n));

#endif
