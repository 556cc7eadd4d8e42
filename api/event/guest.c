/* api/event/guest.c — the list of a base's guests.
 *
 * Threads:  any; see guest.h.
 */
#include "api/event/guest.h"

#include <pthread.h>
#include "api/event/event_internal.h"

void
evrt__base_guest_enter(struct event_base *base, struct evrt_base_guest *guest)
{
	guest->base = base;
	pthread_mutex_lock(&base->setup_lock);
	evrt__list_push_tail(&base->guests, &guest->link);
	pthread_mutex_unlock(&base->setup_lock);
}

void
evrt__base_guest_exit(struct evrt_base_guest *guest)
{
	struct event_base *base = guest->base;

	if (!base)
		return;
	pthread_mutex_lock(&base->setup_lock);
	evrt__list_remove(&guest->link);
	pthread_mutex_unlock(&base->setup_lock);
	guest->base = NULL;
}

void
evrt__base_guests_leave(struct event_base *base)
{
	while (!evrt__list_empty(&base->guests)) {
		struct evrt_base_guest *guest = EVRT_CONTAINER_OF(base->guests.next, struct evrt_base_guest, link);
		evrt__base_guest_exit(guest);
		guest->leave(guest);
	}
}
