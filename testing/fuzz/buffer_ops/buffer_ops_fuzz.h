/* testing/fuzz/buffer_ops/buffer_ops_fuzz.h — the entry point that fuzzers and the replay share. */
#ifndef EVRT_TESTING_FUZZ_BUFFER_OPS_BUFFER_OPS_FUZZ_H_
#define EVRT_TESTING_FUZZ_BUFFER_OPS_BUFFER_OPS_FUZZ_H_

#include <stddef.h>

/* Fails as a check does (testing/harness/test.h), which outside of a case aborts; returns 0. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#endif
