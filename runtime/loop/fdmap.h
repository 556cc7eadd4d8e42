/* runtime/loop/fdmap.h — from an fd to the slots that watch it, and to its one kernel registration.
 *
 * Here:     the table fd -> {slots, registered mask, generation, whose poller}. All watchers of an fd share
 *           one registration: the union of their interests, edge-triggered as soon as one wants edges.
 * Not here: pollers (backends/), what a report means (slot owners).
 * Threads:  a loop's map is guarded by the loop's lock. A pool's map has striped locks (rank fdmap) and is
 *           entered by every worker; lookups need no lock, since segments never move.
 *
 * Edges. A level-triggered registration on a pool would be reported again and again while a thief runs the
 * callback, so a pool's map registers everything edge-triggered, and level-triggering is made of an edge
 * plus a re-arm after the callback. Where the poller has no edges (poll, select) an edge is made of a
 * registration that is switched off when it reports, until it is re-armed.
 */
#ifndef EVRT_RUNTIME_LOOP_FDMAP_H_
#define EVRT_RUNTIME_LOOP_FDMAP_H_

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/atomic.h"
#include "base/list.h"

#define EVRT_FDMAP_SEGMENTS 26u     /* 64, 128, 256, … entries: all of int's positive range */
#define EVRT_FDMAP_STRIPES 64u

struct evrt_reactor;
struct evrt_ready;
struct evrt_slot;

struct evrt_fd {
	struct evrt_link slots;       /* next == NULL: never used */
	struct evrt_reactor *reactor; /* whose poller it is registered with; NULL: with none */
	uint32_t generation;          /* +1 per new registration: tells stale reports */
	uint8_t registered;           /* mask in the poller */
	uint8_t silenced;             /* switched off after a report, until re-armed (pollers without edges) */
	uint16_t lingering;           /* slots that are away, whose part of `registered` still stands */
};

struct evrt_fdmap {
	evrt_atomic(struct evrt_fd *) segment[EVRT_FDMAP_SEGMENTS];
	bool shared;                  /* a pool's: everything by edges, stripes in use */
	bool edges;                   /* a loop's: somebody has asked for edges once */
	struct evrt_link came_back;   /* a loop's: slots whose registration was taken for granted */
	unsigned forks;               /* evrt__fork_count() where the pollers were opened */
	pthread_mutex_t stripe[EVRT_FDMAP_STRIPES];
	pthread_mutex_t grow;         /* guards the making of segments in a shared map */
};

void evrt__fdmap_init(struct evrt_fdmap *, bool shared);
void evrt__fdmap_fini(struct evrt_fdmap *);

/* The slot's fd and interest are set; its strand's home is whose poller is used for a new registration.
 * 0 or -errno, changing nothing on failure. */
int evrt__fdmap_add(struct evrt_fdmap *, struct evrt_slot *);
void evrt__fdmap_remove(struct evrt_fdmap *, struct evrt_slot *);
/* The slot will be told nothing from now on, but its registration stands until it comes back or goes. Only
 * while it cannot matter that the poller reports for nobody: inside a callback of the slot's own strand. */
void evrt__fdmap_linger(struct evrt_fdmap *, struct evrt_slot *);
/* It comes back: no system call, where the fd is level-triggered. 0 or -errno: then it is out. The registration may
 * be gone all the same: if the fd was closed meanwhile, and its number belongs to another file now. */
int evrt__fdmap_come_back(struct evrt_fdmap *, struct evrt_slot *);
/* Registers anew what has come back since the last time. A loop's; its lock held. */
void evrt__fdmap_verify(struct evrt_fdmap *);
/* It goes for good. */
void evrt__fdmap_go(struct evrt_fdmap *, struct evrt_slot *);
/* May a report be an edge (a true one, or one made by silencing)? Else nothing has to be re-armed. */
static inline bool evrt__fdmap_has_edges(const struct evrt_fdmap *m) { return m->shared || m->edges; }
void evrt__fdmap_rearm(struct evrt_fdmap *, struct evrt_slot *, unsigned bits);
/* Hands one report of `reactor` to the slots it concerns. How many, or -1: it is of no registration of ours. */
int evrt__fdmap_report(struct evrt_fdmap *, struct evrt_reactor *, const struct evrt_ready *);
/* Calls fn for every watching slot; stops and returns what fn returned when that is not 0. Not safe
 * against concurrent change in a shared map. fn may remove the slot it is given. */
int evrt__fdmap_foreach(struct evrt_fdmap *, int (*fn)(struct evrt_slot *, void *), void *arg);
/* In the child of a fork no poller is told of changes in a shared map, for they are the parent's; from this call on
 * they are the child's own, and evrt__fdmap_register_again is to tell them all. */
void evrt__fdmap_adopt(struct evrt_fdmap *);
/* After fork or a change of poller: registers everything of `reactor` anew. 0 or the first -errno. */
int evrt__fdmap_register_again(struct evrt_fdmap *, struct evrt_reactor *);

#endif
