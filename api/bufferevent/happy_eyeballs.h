/* api/bufferevent/happy_eyeballs.h — several addresses of one name, connected to in a race (RFC 8305).
 *
 * Here:     the order of the addresses, when each is tried, and who wins.
 * Not here: resolving, and what is done with the winner (connect_name.c). It knows no bufferevent.
 * Threads:  whoever has the race to himself; begin, step and end take the strand's lock. `step` is called in
 *           the strand, perhaps once more after evrt__race_free was called elsewhere: it asks by its own lock
 *           whether the race is still on.
 */
#ifndef EVRT_API_BUFFEREVENT_HAPPY_EYEBALLS_H_
#define EVRT_API_BUFFEREVENT_HAPPY_EYEBALLS_H_

#include <event2/util.h>
#include "api/event/event_internal.h"

/* RFC 8305, section 8: the recommended Connection Attempt Delay. */
#define EVRT_RACE_DELAY_MS 250

struct evrt_race;

/* A race to the addresses of `list`, of which there is one at least; nothing is begun. `list` must live as long.
 * NULL when memory is out. `step` is due, with `arg`, whenever evrt__race_step has something to do. */
struct evrt_race *evrt__race_new(struct event_base *, struct evrt_strand *, const struct evutil_addrinfo *list,
    event_callback_fn step, void *arg);
/* The first call begins; the others are made by `step`, with its `what`. Returns the connected descriptor, which is
 * the caller's from then on; -EINPROGRESS: not yet; any other -errno: all have failed, the last one by this. */
int evrt__race_step(struct evrt_race *, short what);
/* The descriptor of the attempt that was begun first of those under way; -1: none. */
evutil_socket_t evrt__race_fd(const struct evrt_race *);
/* Ends it, and closes what is under way, except for `keep`. */
void evrt__race_free(struct evrt_race *, evutil_socket_t keep);

#endif
