/* testing/unit/api/bufferevent/graph_rig.h — graphs of bufferevents that carry bytes which can be told.
 *
 * Here:     a route: links one behind the other, with a program at each end that sends and checks, and relays between.
 *           A link is two bufferevents that are connected: sockets, a pair or TLS, with up to 4 filters on top.
 * Not here: what is done to them at random (graph_acts.c), the runs (graph_test.c).
 * Threads:  one.
 *
 *      left terminal = link 0 = relay = link 1 = right terminal
 *      stations:   0       1         2       3
 *
 * Bytes go both ways. Each is a function of its place in its stream, so that one that is lost, doubled or moved is seen
 * by the terminal that it comes to.
 */
#ifndef EVRT_TESTING_UNIT_API_BUFFEREVENT_GRAPH_RIG_H_
#define EVRT_TESTING_UNIT_API_BUFFEREVENT_GRAPH_RIG_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <stdbool.h>

#include "base/rand.h"

#define LINKS_MAX 4
#define LAYERS_MAX 5 /* of one end of a link, the bottom among them */

struct route;

/* One end of a link. Its memory outlives the bufferevents, so that callbacks that come too late are seen. */
struct station {
	struct route *route;
	struct bufferevent *layer[LAYERS_MAX]; /* from the bottom */
	bool frees_below[LAYERS_MAX];          /* the layer has BEV_OPT_CLOSE_ON_FREE */
	int layers;
	evutil_socket_t own_fd; /* ours to close; -1: none */
	bool has_tls, has_fd;
	bool freed;
	bool lazy;              /* its callbacks leave everything where it is */
	bool relaying;
	short enabled;          /* what bufferevent_get_enabled must say */
	size_t low, high;       /* of reading */
	bool excused;           /* input may be above the high mark, since it was lowered, or flushed */
};

struct stream {
	uint32_t sent, got;
	uint32_t quota; /* bytes that may be sent now */
	bool sending;
};

struct route {
	struct station station[2 * LINKS_MAX];
	int links;
	struct stream stream[2]; /* from the left to the right, and back */
	uint8_t salt;
	bool broken;             /* something of it has failed, or was freed: bytes need not arrive any more */
	bool freed;
	char kinds[120];
};

struct graph {
	struct event_base *base;
	struct evrt_rand rand;
	struct bufferevent_rate_limit_group *group;
	struct ev_token_bucket_cfg *slow, *fast;
	bool settling;   /* nothing is held back any more */
	bool faults;     /* allocations fail */
	int callbacks_left; /* until the loop is left */
	uint64_t moved;  /* bytes that have come to a terminal */
	int contexts;    /* of filters, that are alive */
	/* Called at the end of every callback; NULL: nothing. */
	void (*act)(struct station *);
};

extern struct graph graph;

static inline uint32_t below(uint32_t n) { return (uint32_t)evrt__rand_below(&graph.rand, n); }
static inline bool one_in(uint32_t n) { return below(n) == 0; }
static inline struct bufferevent *top(struct station *s) { return s->layer[s->layers - 1]; }

/* --- graph_links.c ------------------------------------------------------------------------------- */

/* Makes both ends of a link of random kind, with random options, disabled. False: out of memory, nothing is left. */
bool link_make(struct station *left, struct station *right, char *kind, size_t kind_size);
/* All layers, and the descriptor. */
void station_free(struct station *);

/* --- graph_routes.c ------------------------------------------------------------------------------- */

/* NULL: out of memory. */
struct route *route_new(void);
/* One more link at the right end, whose terminal moves to it. */
void route_extend(struct route *);
/* The memory of the route itself stays. */
void route_free(struct route *);
/* Does what the program of this station would do in all of its callbacks. */
void station_poke(struct station *);
void station_set_callbacks(struct station *);
/* Whether all bytes have come to their end. */
bool route_whole(const struct route *);
void route_print(struct route *);
/* What must be true whenever no callback runs. */
void route_check(struct route *);

/* --- graph_acts.c --------------------------------------------------------------------------------- */

/* Does something at random with the station, or with its route: it may be freed then. */
void act_on(struct station *);
/* Undoes all that holds bytes back. */
void station_reopen(struct station *);
/* Gives back the references that acts have taken. */
void acts_let_go(void);

#endif
