/* api/event/guest.h — objects of the library's own that live on a base and that no program could free: they leave when
 * it is freed.
 *
 * Threads:  any; the base's setup_lock guards the list. Nothing else uses a base that is being freed.
 */
#ifndef EVRT_API_EVENT_GUEST_H_
#define EVRT_API_EVENT_GUEST_H_

#include "base/list.h"

struct event_base;

struct evrt_base_guest {
	struct evrt_link link;    /* private */
	struct event_base *base;  /* private; NULL: not, or no longer, a guest */
	/* The base is about to be freed: its callbacks do not run any more, tasks that finalize do (EVLIST_FINALIZING). No
	 * lock is held. */
	void (*leave)(struct evrt_base_guest *);
};

void evrt__base_guest_enter(struct event_base *, struct evrt_base_guest *);
/* Nothing happens where it has left already. */
void evrt__base_guest_exit(struct evrt_base_guest *);
/* For event_base_free: all leave. */
void evrt__base_guests_leave(struct event_base *);

#endif
