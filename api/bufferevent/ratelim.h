/* api/bufferevent/ratelim.h — rate limits, from inside.
 *
 * Here:     what a bufferevent with a limit has beside the others, and what groups do for it.
 * Not here: the arithmetic (ratelim_bucket.h), the four calls for those who move bytes (bufferevent_internal.h).
 * Locks:    the bufferevent's, then the group's (rank rate_group), then a strand's. With the group's held no
 *           bufferevent is locked: a group speaks to its members through a task in each one's strand.
 *
 * A direction is held back when it asks for a budget and there is none, not earlier: one that is idle has no
 * timer, however empty its bucket is. Only what a program takes out by hand holds back at once, for that may
 * be meant for kinds that never ask.
 */
#ifndef EVRT_API_BUFFEREVENT_RATELIM_H_
#define EVRT_API_BUFFEREVENT_RATELIM_H_

#include "api/bufferevent/bufferevent_internal.h"
#include "api/bufferevent/ratelim_bucket.h"

struct evrt_bev_rate {
	struct bufferevent_private *p; /* const */
	/* The bufferevent's lock. */
	const struct ev_token_bucket_cfg *cfg; /* the program's; NULL: no bucket of its own */
	struct evrt_bucket bucket;             /* while cfg is set */
	struct event refill;                   /* in its strand: armed while the bucket holds a direction back */
	struct bufferevent_rate_limit_group *group;
	struct evrt_task released;             /* in its strand: the group does not hold it back any more */

	/* Of a member, the group's lock. */
	struct evrt_link waiting;              /* in the group's list while waits_for is not 0 */
	short waits_for;                       /* directions that the group holds back: EV_READ|EV_WRITE */
	uint64_t asked[EVRT_RATE_WAYS];        /* the round of the group in which it asked last; 0: never */
};

static inline short
evrt__rate_event(int way)
{
	return (short)(way == EVRT_RATE_READ ? EV_READ : EV_WRITE);
}

/* --- ratelim.c ------------------------------------------------------------------------------------ */

/* The budget of a bufferevent that has limits, at most `most`; see evrt__bev_read_budget. Locked. */
size_t evrt__rate_budget(struct bufferevent_private *, enum evrt_rate_way, size_t most);
void evrt__rate_moved(struct bufferevent_private *, enum evrt_rate_way, size_t n);
/* What the budget would be; changes nothing. Locked. */
size_t evrt__rate_peek(struct bufferevent_private *, enum evrt_rate_way, size_t most);
/* Arms `ev`, a timer in `strand`; without memory for that it is active at once, and tries again. */
void evrt__rate_arm(struct evrt_strand *, struct event *ev, evrt_ns deadline);

/* --- ratelim_group.c -------------------------------------------------------------------------------- */

void evrt__group_join(struct evrt_bev_rate *, struct bufferevent_rate_limit_group *);
void evrt__group_leave(struct evrt_bev_rate *);
/* The member's share. 0: none; it waits from now on, and `released` will be queued. */
size_t evrt__group_ask(struct evrt_bev_rate *, enum evrt_rate_way);
size_t evrt__group_peek(struct evrt_bev_rate *, enum evrt_rate_way);
void evrt__group_moved(struct evrt_bev_rate *, enum evrt_rate_way, size_t n);
/* The directions that the group holds back. */
short evrt__group_holds(struct evrt_bev_rate *);

#endif
