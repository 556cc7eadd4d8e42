/* testing/fuzz/filter_chain/filter_chain_fuzz.h — the entry point that fuzzers and the replay share. */
#ifndef EVRT_TESTING_FUZZ_FILTER_CHAIN_FILTER_CHAIN_FUZZ_H_
#define EVRT_TESTING_FUZZ_FILTER_CHAIN_FILTER_CHAIN_FUZZ_H_

#include <stddef.h>

/* Aborts when an invariant is broken; returns 0. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#endif
