/* threading/inbox.c — see inbox.h.
 *
 * Here:     a stack that producers push on, reversed when it is taken.
 * Not here: waking the consumer (park.h).
 * Threads:  see the matrix in inbox.h.
 */
#include "threading/inbox.h"

#include <stddef.h>
#include "base/shake.h"

void
evrt__inbox_init(struct evrt_inbox *q)
{
	/* Relaxed: whoever hands the inbox to other threads publishes it. */
	evrt_store_relaxed(&q->head, (struct evrt_node *)NULL);
}

bool
evrt__inbox_push(struct evrt_inbox *q, struct evrt_node *n)
{
	/* Relaxed: only a guess for the CAS to confirm; nothing behind the pointer is read here. */
	struct evrt_node *seen = evrt_load_relaxed(&q->head);

	/* PAIRS inbox.head: the release half publishes *n, the acquire half keeps the chain of earlier
	 * pushers in the taker's past. */
	do {
		n->next = seen;
		EVRT_SHAKE(inbox_push);
	} while (!evrt_cas_acq_rel(&q->head, &seen, n));
	EVRT_SHAKE(inbox_pushed);
	return seen == NULL;
}

struct evrt_node *
evrt__inbox_take(struct evrt_inbox *q)
{
	struct evrt_node *newest;
	struct evrt_node *oldest = NULL;

	/* Relaxed, to spare the locked instruction: a push that this misses is one that comes after. What came
	 * before in the consumer's past (through park.word) cannot be missed. */
	if (!evrt_load_relaxed(&q->head))
		return NULL;
	EVRT_SHAKE(inbox_take);
	/* PAIRS inbox.head: acquires what the pushers wrote into their nodes. */
	newest = evrt_swap_acq_rel(&q->head, (struct evrt_node *)NULL);
	while (newest) {
		struct evrt_node *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

unsigned
evrt__inbox_deliver(struct evrt_inbox *q)
{
	unsigned count = 0;
	struct evrt_node *next;

	for (struct evrt_node *n = evrt__inbox_take(q); n; n = next, count++) {
		next = n->next; /* it may be pushed anew, or freed, when it arrives */
		n->arrive(n);
	}
	return count;
}

bool
evrt__inbox_empty(const struct evrt_inbox *q)
{
	/* seq_cst: asked after a sleep was announced, when it must not be answered from before that. */
	return evrt_load_seq_cst(&q->head) == NULL;
}
