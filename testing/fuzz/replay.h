/* testing/fuzz/replay.h — a corpus as a test: every seed given to the function under test, in every build.
 *
 * Here:     the entry point that fuzzers and replays share; walking the folder; the program that a replay is.
 * Not here: what is done with a seed beyond giving it as it is: each replay says so.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_FUZZ_REPLAY_H_
#define EVRT_TESTING_FUZZ_REPLAY_H_

#include <stddef.h>

#define FUZZ_SEED_BYTES_MAX 4096

/* The function under test. Aborts, or fails as a check does, when an invariant is broken; returns 0. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* n bytes in memory of FUZZ_SEED_BYTES_MAX, which it may change. */
typedef void (*fuzz_replay_fn)(unsigned char *seed, size_t n);

/* A test of one case: calls `replay` with each seed of the folder `corpus`, or of the one that EVRT_CORPUS names. Fails
 * when there are fewer than `seeds_min`. The exit status of the program. */
int fuzz_replay_main(int argc, char **argv, const char *corpus, int seeds_min, fuzz_replay_fn replay);

/* Gives each prefix of a seed, from two bytes on; then all of it with each value of its second byte, in steps. */
void fuzz_replay_second_byte(unsigned char *seed, size_t n, int step);

#endif
