/* threading/inbox.c — see inbox.h. */
#include "threading/inbox.h"

#include <stddef.h>

void
evrt__inbox_init(struct evrt_inbox *box)
{
	evrt_store_relaxed(&box->head, NULL);
}

bool
evrt__inbox_push(struct evrt_inbox *box, struct evrt_node *n)
{
	struct evrt_node *head = evrt_load_relaxed(&box->head);

	/* PAIRS inbox.head: with the swap in take. */
	do
		n->next = head;
	while (!evrt_cas_acq_rel(&box->head, &head, n));
	return head == NULL;
}

struct evrt_node *
evrt__inbox_take(struct evrt_inbox *box)
{
	struct evrt_node *oldest = NULL;

	/* A look first: an empty inbox costs no locked instruction. What is pushed right now comes next time. */
	if (!evrt_load_relaxed(&box->head))
		return NULL;
	struct evrt_node *newest = evrt_swap_acq_rel(&box->head, NULL);
	while (newest) {
		struct evrt_node *older = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = older;
	}
	return oldest;
}

bool
evrt__inbox_empty(const struct evrt_inbox *box)
{
	/* seq_cst: asked after announcing a sleep, when it must not be answered from before that. */
	return evrt_load_seq_cst(&box->head) == NULL;
}
