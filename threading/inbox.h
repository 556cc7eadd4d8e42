/* threading/inbox.h — intrusive queue of many producers.
 *
 * Here:     push from any thread, take all, in order of arrival.
 * Not here: waking the consumer (threading/park.h).
 * Matrix    any of push, take and empty may run at the same time as any other. Two takers get different items:
 *           where their order matters there must be one taker at a time.
 * PAIRS     inbox.head: push (CAS acq_rel) -> take (swap acq_rel): the item's fields, written before
 *           the push, are visible to the taker. A taker takes the whole list, so there is no ABA.
 * Locks     none.   Model-checked: testing/model.
 */
#ifndef EVRT_THREADING_INBOX_H_
#define EVRT_THREADING_INBOX_H_

#include "base/atomic.h"

/* What lies in an inbox: embedded in the message, which its sender keeps alive until it arrives.
 * `arrive` runs at the consumer, which owns the node again (it may be pushed anew or freed). */
struct evrt_node {
	struct evrt_node *next; /* owned by the inbox while pushed */
	void (*arrive)(struct evrt_node *);
};

struct evrt_inbox {
	evrt_atomic(struct evrt_node *) head; /* newest first */
};

void evrt__inbox_init(struct evrt_inbox *);
/* Returns true when the inbox was empty before. Any thread. */
bool evrt__inbox_push(struct evrt_inbox *, struct evrt_node *);
/* Takes all, oldest first, linked by `next`; NULL when empty. */
struct evrt_node *evrt__inbox_take(struct evrt_inbox *);
/* Takes all and lets each arrive, oldest first. How many. */
unsigned evrt__inbox_deliver(struct evrt_inbox *);
bool evrt__inbox_empty(const struct evrt_inbox *);

#endif
