/* threading/lock_order.c — the graph of lock orders; see lock_order.h.
 *
 * Here:     edges and their memory, what excuses two of them, the search for a ring.
 * Not here: the wording of reports (lock_report.c).
 * Threads:  any; everything static is guarded by order_lock, but for what is per thread.
 */
#include "threading/lock_order.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "base/assert.h"
#include "base/log.h"
#include "base/sys.h"

#define ORDER_EDGES 16384u   /* about 6 MB when all are in use; pages come as they are touched */
#define ORDER_PER_PAIR 4u    /* contexts remembered for one pair of locks */
#define ORDER_GATES_MAX 16u  /* who holds more is not looked at: excuses would be lost */
#define ORDER_STEPS_MAX 4096 /* edges that one search may try */
#define ORDER_SEEN_MAX 128u  /* a power of two */

/* In what surroundings an edge was walked. */
struct order_context {
	uint64_t strand; /* 0: none */
	uint32_t thread; /* 0: any, the strand says it all */
	unsigned gates;
	uint64_t gate[ORDER_GATES_MAX]; /* ids of all locks held, the edge's `from` among them */
};

struct order_edge {
	struct evrt_link out; /* in from->out, or in order_free */
	struct evrt_link in;  /* in to->in; unlinked when free */
	struct evrt_order_node *from, *to;
	struct order_context context;
	uint32_t thread; /* for the report */
	struct evrt_stack stack;
};

static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;
/* Pages of its own, not from the program's allocator, which may take locks. NULL until the first edge. */
static struct order_edge *order_edges;
static unsigned order_edges_touched; /* those from here on were never used */
static struct evrt_link order_free = {&order_free, &order_free};
static bool order_full;              /* and said so */
static uint64_t order_mark;          /* the present search */

static evrt_atomic(uint64_t) order_ids;
static evrt_atomic(uint32_t) order_threads;
/* Not pthread_self, which the next thread may get again. */
static _Thread_local uint32_t order_thread;
/* Fingerprints of what this thread did before. Ids are never given twice, so they cannot go stale. */
static _Thread_local uint64_t order_seen[ORDER_SEEN_MAX];

void
evrt__order_init(struct evrt_order_node *node, enum evrt_lock_rank rank, bool shared, const void *lock,
    const char *kind, const char *name)
{
	node->id = evrt_add_relaxed(&order_ids, 1) + 1; /* only has to be new */
	node->rank = rank;
	node->shared = shared;
	int used = snprintf(node->text, sizeof(node->text), "%s lock %p", kind, lock);
	if (name)
		snprintf(node->text + used, sizeof(node->text) - (size_t)used, " (%.*s)",
		    (int)sizeof(node->text) - used - 4, name);
	evrt__list_init(&node->out);
	evrt__list_init(&node->in);
}

/* A blank edge, or NULL. */
static struct order_edge *
edge_new(void)
{
	struct evrt_link *link = evrt__list_pop_head(&order_free);

	if (link)
		return EVRT_CONTAINER_OF(link, struct order_edge, out);
	if (!order_edges) {
		void *pages = evrt__sys.mmap(NULL, ORDER_EDGES * sizeof(struct order_edge), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (pages == MAP_FAILED)
			return NULL;
		order_edges = pages;
	}
	return order_edges_touched < ORDER_EDGES ? &order_edges[order_edges_touched++] : NULL;
}

static void
edge_free(struct order_edge *e)
{
	evrt__list_remove(&e->out);
	evrt__list_remove(&e->in);
	evrt__list_push_head(&order_free, &e->out);
}

void
evrt__order_forget(struct evrt_order_node *node)
{
	if (!evrt_load_relaxed(&node->known))
		return; /* whoever made it known is done with the lock, and we know that: it is being destroyed */
	pthread_mutex_lock(&order_lock);
	while (!evrt__list_empty(&node->out))
		edge_free(EVRT_CONTAINER_OF(node->out.next, struct order_edge, out));
	while (!evrt__list_empty(&node->in))
		edge_free(EVRT_CONTAINER_OF(node->in.next, struct order_edge, in));
	pthread_mutex_unlock(&order_lock);
}

void
evrt__order_shutdown(void)
{
	pthread_mutex_lock(&order_lock);
	/* A lock that outlives this must not remember edges. */
	for (unsigned i = 0; i < order_edges_touched; i++)
		if (order_edges[i].in.next)
			edge_free(&order_edges[i]);
	if (order_edges)
		evrt__sys.munmap(order_edges, ORDER_EDGES * sizeof(struct order_edge));
	order_edges = NULL;
	order_edges_touched = 0;
	evrt__list_init(&order_free);
	order_full = false;
	pthread_mutex_unlock(&order_lock);
}

static bool
context_has_gate(const struct order_context *c, uint64_t id)
{
	for (unsigned i = 0; i < c->gates; i++)
		if (c->gate[i] == id)
			return true;
	return false;
}

/* Whatever excuses `wide` excuses `narrow` too: an edge in `narrow` tells nothing new. */
static bool
context_covers(const struct order_context *wide, const struct order_context *narrow)
{
	if (wide->strand != narrow->strand || wide->thread != narrow->thread)
		return false;
	for (unsigned i = 0; i < wide->gates; i++)
		if (!context_has_gate(narrow, wide->gate[i]))
			return false;
	return true;
}

static bool
contexts_share_gate(const struct order_context *a, const struct order_context *b)
{
	for (unsigned i = 0; i < a->gates; i++)
		if (context_has_gate(b, a->gate[i]))
			return true;
	return false;
}

static bool
contexts_are_serial(const struct order_context *a, const struct order_context *b)
{
	return (a->strand && a->strand == b->strand) || (a->thread && a->thread == b->thread);
}

struct order_search {
	const struct evrt_order_node *target;
	bool excused; /* look for rings that thread or strand excuse, with a lock of the program's own */
	int steps_left;
	unsigned depth;
	const struct order_edge *path[EVRT_ORDER_RING_MAX];
};

static bool
search_fits(const struct order_search *s, const struct order_edge *e)
{
	for (unsigned i = 0; i < s->depth; i++) {
		const struct order_context *c = &s->path[i]->context;
		if (contexts_share_gate(c, &e->context) || (!s->excused && contexts_are_serial(c, &e->context)))
			return false;
	}
	return true;
}

static bool
search_has_rank(const struct order_search *s, enum evrt_lock_rank rank)
{
	for (unsigned i = 0; i < s->depth; i++)
		if (s->path[i]->to->rank == rank)
			return true;
	return false;
}

/* Walks on from `at`, by marked nodes only, to the target. Each edge holds its `from`: that it shares no gate with
 * those before it also means that no lock comes twice. */
static bool
search_from(struct order_search *s, const struct evrt_order_node *at)
{
	EVRT_LIST_FOREACH(link, &at->out) {
		const struct order_edge *e = EVRT_CONTAINER_OF(link, struct order_edge, out);
		if (e->to->mark != order_mark || s->steps_left-- <= 0 || !search_fits(s, e))
			continue;
		s->path[s->depth++] = e;
		if (e->to == s->target ? !s->excused || search_has_rank(s, EVRT_RANK_user)
		    : s->depth < EVRT_ORDER_RING_MAX && search_from(s, e->to))
			return true;
		s->depth--;
	}
	return false;
}

/* Marks all from which `target` can be reached, whatever excuses; is `from` one? */
static bool
search_mark(struct evrt_order_node *target, const struct evrt_order_node *from)
{
	struct evrt_order_node *work = target;

	target->mark = ++order_mark;
	target->next = NULL;
	while (work) {
		const struct evrt_order_node *at = work;
		work = work->next;
		EVRT_LIST_FOREACH(link, &at->in) {
			struct evrt_order_node *before = EVRT_CONTAINER_OF(link, struct order_edge, in)->from;
			if (before->mark == order_mark)
				continue;
			before->mark = order_mark;
			before->next = work;
			work = before;
		}
	}
	return from->mark == order_mark;
}

static void
ring_copy(struct evrt_order_ring *ring, const struct order_search *s)
{
	ring->count = s->depth;
	ring->excused = s->excused;
	ring->bufferevent = search_has_rank(s, EVRT_RANK_bufferevent) || search_has_rank(s, EVRT_RANK_bufferevent_call);
	for (unsigned i = 0; i < s->depth; i++) {
		struct evrt_order_step *step = &ring->step[i];
		const struct order_edge *e = s->path[i];
		step->thread = e->thread;
		memcpy(step->from, e->from->text, sizeof(step->from));
		memcpy(step->to, e->to->text, sizeof(step->to));
		step->stack = e->stack;
	}
}

/* Does `now` close a ring? Worse ones replace what `ring` has. */
static void
ring_find(struct evrt_order_ring *ring, const struct order_edge *now)
{
	if (!search_mark(now->from, now->to))
		return;
	for (int excused = 0; excused <= 1; excused++) {
		struct order_search s = {.target = now->from, .excused = excused, .steps_left = ORDER_STEPS_MAX,
		    .depth = 1, .path = {now}};
		if (ring->count && ring->excused <= excused)
			return;
		if (search_from(&s, now->to)) {
			ring_copy(ring, &s);
			return;
		}
	}
}

/* Is there nothing new in `now`? Counts what is known of its pair; the shorter of the two lists is enough. */
static bool
edge_is_known(const struct order_edge *now, unsigned *same_pair)
{
	const struct evrt_link *out = now->from->out.next, *in = now->to->in.next;
	unsigned seen_out = 0, seen_in = 0;

	for (; out != &now->from->out && in != &now->to->in; out = out->next, in = in->next) {
		const struct order_edge *o = EVRT_CONTAINER_OF(out, struct order_edge, out);
		const struct order_edge *i = EVRT_CONTAINER_OF(in, struct order_edge, in);
		if (o->to == now->to && ++seen_out && context_covers(&o->context, &now->context))
			return true;
		if (i->from == now->from && ++seen_in && context_covers(&i->context, &now->context))
			return true;
	}
	*same_pair = out == &now->from->out ? seen_out : seen_in;
	return false;
}

/* Returns false where there is no room, for the first time. */
static bool
edge_remember(const struct order_edge *now)
{
	struct order_edge *e = edge_new();

	if (!e) {
		bool first = !order_full;
		order_full = true;
		return !first;
	}
	*e = *now;
	evrt__list_push_tail(&e->from->out, &e->out);
	evrt__list_push_tail(&e->to->in, &e->in);
	evrt_store_relaxed(&e->from->known, true); /* a flag; what it speaks of is read under order_lock */
	evrt_store_relaxed(&e->to->known, true);
	return true;
}

/* Ranks order all but these; others are of interest only as parts of a ring with these. */
static bool
pair_matters(const struct evrt_order_node *from, const struct evrt_order_node *to)
{
	if (from->rank == EVRT_RANK_user || to->rank == EVRT_RANK_user)
		return true;
	if (from->rank == to->rank && evrt__rank_nests(to->rank))
		return true;
	return evrt_load_relaxed(&from->known) && evrt_load_relaxed(&to->known);
}

/* Which of `held` matter, as bits; `seen` says whether this thread did exactly this before. */
static uint64_t
pairs_select(struct evrt_order_node *const *held, unsigned count, const struct evrt_order_node *node,
    struct evrt_order_serial serial, bool *seen)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t print = node->id * golden ^ serial.strand;
	uint64_t pairs = 0;

	for (unsigned i = 0; i < count; i++) {
		bool matters = pair_matters(held[i], node);
		pairs |= (uint64_t)matters << i;
		print = (print ^ print >> 29 ^ (held[i]->id * 2 + matters)) * golden;
	}
	uint64_t *slot = &order_seen[print >> 32 & (ORDER_SEEN_MAX - 1)];
	*seen = *slot == print;
	if (pairs)
		*slot = print;
	return pairs;
}

static void
context_init(struct order_context *c, struct evrt_order_node *const *held, unsigned count,
    struct evrt_order_serial serial)
{
	c->strand = serial.strand;
	c->thread = serial.strand && serial.migrates ? 0 : order_thread;
	c->gates = 0;
	for (unsigned i = 0; i < count; i++)
		if (!held[i]->shared)
			c->gate[c->gates++] = held[i]->id;
}

void
evrt__order_check(struct evrt_order_node *const *held, unsigned count, struct evrt_order_node *node,
    struct evrt_order_serial serial, const void *caller)
{
	bool seen, room = true;

	if (count == 0 || count > ORDER_GATES_MAX)
		return;
	uint64_t pairs = pairs_select(held, count, node, serial, &seen);
	if (!pairs || seen)
		return;
	if (!order_thread)
		order_thread = evrt_add_relaxed(&order_threads, 1) + 1; /* only has to be new */
	struct evrt_order_ring ring;
	ring.count = 0;
	struct order_edge now = {.to = node, .thread = order_thread};
	context_init(&now.context, held, count, serial);
	evrt__stack_capture(&now.stack, caller);
	pthread_mutex_lock(&order_lock);
	for (unsigned i = 0; i < count; i++) {
		unsigned same_pair;
		now.from = held[i];
		if (!(pairs >> i & 1) || edge_is_known(&now, &same_pair))
			continue;
		ring_find(&ring, &now);
		if (same_pair < ORDER_PER_PAIR)
			room &= edge_remember(&now);
	}
	pthread_mutex_unlock(&order_lock);
	if (!room)
		evrt__warnx("lock debug: more than %u orders of locks are known, or memory is out: new ones are checked "
		    "against these, but not remembered", ORDER_EDGES);
	if (ring.count)
		evrt__order_report(&ring);
}
