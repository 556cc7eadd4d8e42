/* runtime/loop/timers_sort.c — see timers_sort.h.
 *
 * Radix sort, least significant digit first: by order, then by deadline, over the bits in which they differ
 * at all. A crowd that falls due together differs in few.
 */
#include "runtime/loop/timers_sort.h"

#include <string.h>

#include "runtime/loop/timers.h"

#define DIGIT_BITS 11u
#define DIGITS (1u << DIGIT_BITS)

/* Of what the keys of a crowd are counted from, so that they are small. */
struct sort_base {
	evrt_ns deadline;
	uint32_t order;
};

static uint64_t
deadline_key(const struct evrt_timers_node *n, const struct sort_base *base)
{
	return (uint64_t)n->deadline - (uint64_t)base->deadline;
}

/* Orders wrap around: counted from the first, they do not. */
static uint64_t
order_key(const struct evrt_timers_node *n, const struct sort_base *base)
{
	return n->order - base->order;
}

typedef uint64_t (*sort_key_fn)(const struct evrt_timers_node *, const struct sort_base *);

/* Sorts by one digit of the key, stably. */
static inline __attribute__((always_inline)) void
sort_digit(const struct evrt_timers_node *from, struct evrt_timers_node *to, uint32_t count, sort_key_fn key,
    const struct sort_base *base, unsigned shift)
{
	uint32_t at[DIGITS] = { 0 };
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		at[(key(&from[i], base) >> shift) & (DIGITS - 1)]++;
	for (uint32_t d = 0; d < DIGITS; d++) {
		uint32_t n = at[d];
		at[d] = sum;
		sum += n;
	}
	for (uint32_t i = 0; i < count; i++)
		to[at[(key(&from[i], base) >> shift) & (DIGITS - 1)]++] = from[i];
}

/* Sorts by a key, stably; the sorted nodes may end up in either array. */
static inline __attribute__((always_inline)) void
sort_by(struct evrt_timers_node **nodes, struct evrt_timers_node **spare, uint32_t count, sort_key_fn key,
    const struct sort_base *base)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < count; i++)
		most |= key(&(*nodes)[i], base);
	for (unsigned shift = 0; shift < 64 && most >> shift; shift += DIGIT_BITS) {
		sort_digit(*nodes, *spare, count, key, base, shift);
		struct evrt_timers_node *sorted = *spare;
		*spare = *nodes;
		*nodes = sorted;
	}
}

void
evrt__timers_sort(struct evrt_timers_node *nodes, struct evrt_timers_node *spare, uint32_t count)
{
	struct evrt_timers_node *sorted = nodes, *other = spare;

	if (count == 0)
		return;
	struct sort_base base = { nodes[0].deadline, nodes[0].order };
	for (uint32_t i = 1; i < count; i++) {
		if (nodes[i].deadline < base.deadline)
			base.deadline = nodes[i].deadline;
		if (evrt__timers_order_before(nodes[i].order, base.order))
			base.order = nodes[i].order;
	}
	sort_by(&sorted, &other, count, order_key, &base);
	sort_by(&sorted, &other, count, deadline_key, &base);
	if (sorted != nodes)
		memcpy(nodes, sorted, sizeof(*nodes) * count);
}
