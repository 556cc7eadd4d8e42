/* testing/fuzz/buffer_ops/buffer_ops_fuzz.c — arbitrary bytes as a sequence of operations on evbuffers.
 *
 * Here:     one entry point, for a fuzzer and for replay_test.c alike: the bytes decide what world.h's operations
 *           decide by chance elsewhere. The first byte says whether allocations fail now and then.
 * Threads:  one.
 */
#include "testing/fuzz/replay.h"

#include "testing/fuzz/buffer_ops/world.h"

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size)
		ops_run((struct ops_dice){ .input = data + 1, .left = size - 1 }, EV_SIZE_MAX, data[0] & 1);
	return 0;
}
