/* base/segment.h — where index i lies in a table whose segments double: 64, 128, 256, … entries.
 *
 * Such a table grows without moving an entry, so that a lookup needs no lock: segments are published one by one
 * and stay where they are. Segment k holds the indices [64*2^k - 64, 64*2^(k+1) - 64).
 */
#ifndef EVRT_BASE_SEGMENT_H_
#define EVRT_BASE_SEGMENT_H_

#include <stddef.h>
#include <stdint.h>

#define EVRT_SEGMENT_FIRST 64u

/* The segment; *out_offset is the place in it. index < 2^32 - 64. */
static inline unsigned
evrt__segment_of(uint32_t index, unsigned *out_offset)
{
	unsigned n = index + EVRT_SEGMENT_FIRST;
	unsigned top = 31u - (unsigned)__builtin_clz(n);

	*out_offset = n - (1u << top);
	return top - 6;
}

static inline size_t
evrt__segment_size(unsigned segment)
{
	return (size_t)EVRT_SEGMENT_FIRST << segment;
}

/* The index of the first entry of a segment. */
static inline uint32_t
evrt__segment_begin(unsigned segment)
{
	return (EVRT_SEGMENT_FIRST << segment) - EVRT_SEGMENT_FIRST;
}

#endif
