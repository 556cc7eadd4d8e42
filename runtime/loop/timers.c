/* runtime/loop/timers.c — the heap; see timers.h.
 *
 * Here:     sifting, room and ids, the crowd.
 * Not here: sorting the crowd (timers_sort.c).
 *
 * What is in use: every id that is not free has one node, in the heap or in the crowd, dead or alive. Hence
 * ids - free_count >= length, and since capacity covers all ids the heap has room for any id in use.
 */
#include "runtime/loop/timers.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "runtime/loop/timers_sort.h"

#define TIMERS_CAPACITY_MIN 60u
#define TIMERS_CAPACITY_MAX (UINT32_C(1) << 31)
/* An empty queue keeps this much room. */
#define TIMERS_CAPACITY_IDLE 4096u
#define TIMERS_LINE 64u
/* So many due at once leave the heap one by one; a crowd is more, and a quarter of all. */
#define TIMERS_CROWD_MIN 256u

static bool
node_before(const struct evrt_timers_node *a, const struct evrt_timers_node *b)
{
	return a->deadline < b->deadline ||
	    (a->deadline == b->deadline && evrt__timers_order_before(a->order, b->order));
}

void
evrt__timers_init(struct evrt_timers *q)
{
	*q = (struct evrt_timers){ .ids = 1 };
}

void
evrt__timers_fini(struct evrt_timers *q)
{
	evrt__free(q->memory);
	evrt__free(q->owner);
	evrt__free(q->free_ids);
	evrt__free(q->crowd);
	evrt__timers_init(q);
}

/* Room for `capacity` nodes, the children of each node on one line: node 1 begins a line. */
static int
timers_resize(struct evrt_timers *q, uint32_t capacity)
{
	void *memory = evrt__malloc(sizeof(*q->heap) * (size_t)capacity + TIMERS_LINE);
	struct evrt_timer **owner = evrt__malloc(sizeof(*owner) * (size_t)capacity);
	uint32_t *free_ids = evrt__malloc(sizeof(*free_ids) * (size_t)capacity);

	if (!memory || !owner || !free_ids) {
		evrt__free(memory);
		evrt__free(owner);
		evrt__free(free_ids);
		return -ENOMEM;
	}
	uintptr_t line = ((uintptr_t)memory + sizeof(*q->heap) + TIMERS_LINE - 1) & ~(uintptr_t)(TIMERS_LINE - 1);
	struct evrt_timers_node *heap = (struct evrt_timers_node *)line - 1;
	if (q->memory) {
		memcpy(heap, q->heap, sizeof(*heap) * q->length);
		memcpy(owner, q->owner, sizeof(*owner) * q->ids);
		memcpy(free_ids, q->free_ids, sizeof(*free_ids) * q->free_count);
	}
	evrt__free(q->memory);
	evrt__free(q->owner);
	evrt__free(q->free_ids);
	q->memory = memory;
	q->heap = heap;
	q->owner = owner;
	q->free_ids = free_ids;
	q->capacity = capacity;
	return 0;
}

int
evrt__timers_grow(struct evrt_timers *q)
{
	if (q->capacity >= TIMERS_CAPACITY_MAX)
		return -ENOMEM;
	return timers_resize(q, q->capacity ? q->capacity * 2 : TIMERS_CAPACITY_MIN);
}

/* Puts `node` where it belongs at or above the free place i. */
static void
timers_sift_up(struct evrt_timers *q, uint32_t i, struct evrt_timers_node node)
{
	struct evrt_timers_node *heap = q->heap;

	while (i > 0) {
		uint32_t parent = (i - 1) / 4;
		if (!node_before(&node, &heap[parent]))
			break;
		heap[i] = heap[parent];
		i = parent;
	}
	heap[i] = node;
}

/* Puts `node` where it belongs at or below the free place i. */
static void
timers_sift_down(struct evrt_timers *q, uint32_t i, struct evrt_timers_node node)
{
	struct evrt_timers_node *heap = q->heap;

	for (;;) {
		uint64_t child = (uint64_t)i * 4 + 1;
		uint64_t end = child + 4 < q->length ? child + 4 : q->length;
		if (child >= end)
			break;
		uint32_t first = (uint32_t)child;
		for (uint64_t c = child + 1; c < end; c++)
			if (node_before(&heap[c], &heap[first]))
				first = (uint32_t)c;
		if (!node_before(&heap[first], &node))
			break;
		heap[i] = heap[first];
		i = first;
	}
	heap[i] = node;
}

static void
timers_drop_first(struct evrt_timers *q)
{
	struct evrt_timers_node last = q->heap[--q->length];

	if (q->length)
		timers_sift_down(q, 0, last);
}

static void
timers_heapify(struct evrt_timers *q)
{
	for (uint32_t i = (q->length + 2) / 4; i-- > 0;)
		timers_sift_down(q, i, q->heap[i]);
}

int
evrt__timers_add(struct evrt_timers *q, struct evrt_timer *t, evrt_ns deadline)
{
	EVRT_DCHECK(!evrt__timer_armed(t));
	if (evrt__timers_reserve(q) < 0)
		return -ENOMEM;
	uint32_t id = q->free_count ? q->free_ids[--q->free_count] : q->ids++;
	t->id = id;
	q->owner[id] = t;
	q->count++;
	timers_sift_up(q, q->length++, (struct evrt_timers_node){ deadline, t->order, id });
	return 0;
}

void
evrt__timers_compact(struct evrt_timers *q)
{
	uint32_t kept = 0;

	if (q->count == 0 && !q->crowd) {
		q->length = q->free_count = 0;
		q->ids = 1;
		return;
	}
	for (uint32_t i = 0; i < q->length; i++) {
		if (q->owner[q->heap[i].id])
			q->heap[kept++] = q->heap[i];
		else
			q->free_ids[q->free_count++] = q->heap[i].id;
	}
	q->length = kept;
	timers_heapify(q);
}

int
evrt__timers_move(struct evrt_timers *q, struct evrt_timer *t, evrt_ns deadline)
{
	uint32_t id = t->id;

	EVRT_DCHECK(id && q->owner[id] == t);
	t->id = 0;
	int err = evrt__timers_add(q, t, deadline);
	if (err < 0) {
		t->id = id;
		return err;
	}
	q->owner[id] = NULL;
	q->count--;
	if (evrt__timers_has_many_dead(q))
		evrt__timers_compact(q);
	return 0;
}

/* The crowd's first that is alive, or NULL. Its line of memory was asked for a while ago. */
static struct evrt_timers_node *
timers_crowd_first(struct evrt_timers *q)
{
	while (q->crowd_at < q->crowd_length) {
		struct evrt_timers_node *node = &q->crowd[q->crowd_at];
		if (q->owner[node->id])
			return node;
		q->free_ids[q->free_count++] = node->id;
		q->crowd_at++;
	}
	evrt__free(q->crowd);
	q->crowd = NULL;
	q->crowd_at = q->crowd_length = 0;
	return NULL;
}

static struct evrt_timers_node *
timers_heap_first(struct evrt_timers *q)
{
	while (q->length) {
		if (q->owner[q->heap[0].id])
			return &q->heap[0];
		if (evrt__timers_has_many_dead(q)) {
			evrt__timers_compact(q);
			continue;
		}
		q->free_ids[q->free_count++] = q->heap[0].id;
		timers_drop_first(q);
	}
	return NULL;
}

evrt_ns
evrt__timers_next(struct evrt_timers *q)
{
	const struct evrt_timers_node *node = q->crowd ? timers_crowd_first(q) : NULL;
	const struct evrt_timers_node *first = timers_heap_first(q);

	if (first && (!node || node_before(first, node)))
		node = first;
	if (node)
		return node->deadline;
	if (q->capacity > TIMERS_CAPACITY_IDLE) { /* asleep for ever: nobody waits for the room to come back */
		uint32_t order = q->next_order;
		evrt__timers_fini(q);
		q->next_order = order;
	}
	return EVRT_NS_NEVER;
}

/* How many at or below i are due; counts no further than `most`. */
static uint32_t
timers_count_due(const struct evrt_timers *q, uint64_t i, evrt_ns now, uint32_t most)
{
	uint32_t due = 0;

	if (i >= q->length || most == 0 || q->heap[i].deadline > now)
		return 0;
	due = 1;
	for (uint64_t c = i * 4 + 1; c <= i * 4 + 4 && due < most; c++)
		due += timers_count_due(q, c, now, most - due);
	return due;
}

/* Takes all that is due out of the heap, sorted, and the dead, where that is cheaper than one by one. */
static void
timers_gather_crowd(struct evrt_timers *q, evrt_ns now)
{
	uint32_t quarter = q->length / 4;

	if (quarter < TIMERS_CROWD_MIN || timers_count_due(q, 0, now, quarter) < quarter)
		return;
	/* Two halves: the sort wants room of the same size. Without memory they go one by one, as few do. */
	struct evrt_timers_node *crowd = evrt__calloc(q->length, 2 * sizeof(*crowd));
	if (!crowd)
		return;
	uint32_t due = 0, rest = 0;
	for (uint32_t i = 0; i < q->length; i++) {
		if (!q->owner[q->heap[i].id])
			q->free_ids[q->free_count++] = q->heap[i].id;
		else if (q->heap[i].deadline <= now)
			crowd[due++] = q->heap[i];
		else
			q->heap[rest++] = q->heap[i];
	}
	evrt__timers_sort(crowd, crowd + q->length, due);
	q->length = rest;
	timers_heapify(q);
	q->crowd = crowd;
	q->crowd_at = 0;
	q->crowd_length = due;
}

/* The owners of those that come soon: first the pointer, then what it points to. */
static void
timers_crowd_prefetch(const struct evrt_timers *q)
{
	uint32_t far = q->crowd_at + 16, near = q->crowd_at + 8;

	if (far < q->crowd_length)
		__builtin_prefetch(&q->owner[q->crowd[far].id]);
	if (near < q->crowd_length)
		__builtin_prefetch(q->owner[q->crowd[near].id]);
}

struct evrt_timer *
evrt__timers_pop_due(struct evrt_timers *q, evrt_ns now, evrt_ns *deadline)
{
	if (!q->crowd && q->length > TIMERS_CROWD_MIN)
		timers_gather_crowd(q, now);
	struct evrt_timers_node *node = q->crowd ? timers_crowd_first(q) : NULL;
	struct evrt_timers_node *first = timers_heap_first(q);
	bool from_heap = first && (!node || node_before(first, node));

	if (from_heap)
		node = first;
	if (!node || node->deadline > now)
		return NULL;
	uint32_t id = node->id;
	*deadline = node->deadline;
	if (from_heap) {
		timers_drop_first(q);
	} else {
		timers_crowd_prefetch(q);
		q->crowd_at++;
	}
	struct evrt_timer *t = q->owner[id];
	t->id = 0;
	q->count--;
	q->free_ids[q->free_count++] = id;
	return t;
}

int
evrt__timers_walk(const struct evrt_timers *q, int (*fn)(struct evrt_timer *, void *), void *arg)
{
	int r = 0;

	for (uint32_t i = q->crowd_at; i < q->crowd_length && r == 0; i++)
		if (q->owner[q->crowd[i].id])
			r = fn(q->owner[q->crowd[i].id], arg);
	for (uint32_t i = 0; i < q->length && r == 0; i++)
		if (q->owner[q->heap[i].id])
			r = fn(q->owner[q->heap[i].id], arg);
	return r;
}

static uint32_t
timers_validate_node(const struct evrt_timers *q, const struct evrt_timers_node *node)
{
	EVRT_ASSERT(node->id > 0 && node->id < q->ids);
	const struct evrt_timer *t = q->owner[node->id];
	EVRT_ASSERT(!t || t->id == node->id);
	return t != NULL;
}

void
evrt__timers_validate(const struct evrt_timers *q)
{
	uint32_t armed = 0;

	for (uint32_t i = 0; i < q->length; i++) {
		armed += timers_validate_node(q, &q->heap[i]);
		EVRT_ASSERT(i == 0 || !node_before(&q->heap[i], &q->heap[(i - 1) / 4]));
	}
	for (uint32_t i = q->crowd_at; i < q->crowd_length; i++) {
		armed += timers_validate_node(q, &q->crowd[i]);
		EVRT_ASSERT(i == q->crowd_at || !node_before(&q->crowd[i], &q->crowd[i - 1]));
	}
	EVRT_ASSERT(armed == q->count);
	EVRT_ASSERT(q->ids - 1 == q->free_count + q->length + (q->crowd_length - q->crowd_at));
	EVRT_ASSERT(q->ids <= q->capacity || q->capacity == 0);
}
