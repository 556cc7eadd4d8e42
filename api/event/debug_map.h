/* api/event/debug_map.h — what debug mode knows of every event.
 *
 * Here:     one entry per event, by address: a copy of what it was set up as, where it stands, its last steps.
 *           Entries of freed events stay for a while, so that a later use can be told as such.
 * Not here: what is wrong (debug.c, debug_fd.c), the words for it (debug_report.h).
 * Threads:  any, with the map's lock, which is taken last of all: nothing but fstat is called under it. Reports
 *           are made from a copy of the entry, after unlocking.
 */
#ifndef EVRT_API_EVENT_DEBUG_MAP_H_
#define EVRT_API_EVENT_DEBUG_MAP_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "api/event/debug.h"
#include "base/clock.h"
#include "base/list.h"

#define EVRT_DEBUG_STEPS_MAX 8u

struct evrt_debug_step_taken {
	evrt_ns at;
	evrt_ns timeout_ns; /* of ADDED; -1: none */
	pid_t thread;
	short what;
	enum evrt_debug_step step;
};

struct evrt_debug_entry {
	struct evrt_debug_entry *next; /* in its bucket, or in the list of blank entries */
	struct evrt_link gone_link;    /* while gone */
	const struct event_core *ev;

	/* The event as it was at its last step. */
	const struct event_base *base;
	event_callback_fn fn;
	evutil_socket_t fd;
	short events;
	bool soft;      /* a bufferevent's */
	bool busy;      /* added or active */
	bool gone;      /* its last step is EVRT_DEBUG_FREED or beyond */
	bool base_gone;

	/* While it waits on its fd (debug_fd.c). */
	bool waits;
	bool told;      /* that the fd was closed */
	struct evrt_debug_entry *fd_next, **fd_link;
	dev_t file_dev; /* the file behind the fd when the wait began */
	ino_t file_ino;

	unsigned steps_count; /* ever; the last ones are kept, at [count % MAX] */
	struct evrt_debug_step_taken steps[EVRT_DEBUG_STEPS_MAX];
};

void evrt__debug_map_lock(void);
void evrt__debug_map_unlock(void);

/* The rest: lock held. */
/* NULL: unknown, or it was gone long ago. */
struct evrt_debug_entry *evrt__debug_map_find(const struct event_core *);
/* A fresh entry, also where there was one. NULL: out of memory, and from now on the map has lost events. */
struct evrt_debug_entry *evrt__debug_map_renew(const struct event_core *);
/* The event is gone: the entry stays until many others are gone, too. */
void evrt__debug_map_retire(struct evrt_debug_entry *);
/* An unknown event proves nothing. */
bool evrt__debug_map_has_lost(void);
void evrt__debug_map_base_freed(const struct event_base *);
/* Forgets everything, gives all pages back. */
void evrt__debug_map_clear(void);

#endif
