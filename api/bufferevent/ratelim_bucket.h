/* api/bufferevent/ratelim_bucket.h — buckets of tokens: the arithmetic of rate limits.
 *
 * Here:     what a configuration says, and how a bucket fills, empties, and when it will hold something again.
 * Not here: clocks, events, locks, bufferevents (ratelim.c, ratelim_group.c).
 * Threads:  as the owner of the bucket locks it.
 *
 * A tick ends a whole number of ticks after the bucket was begun. Each puts the rate in, up to the burst; what a
 * program has put in by hand beyond the burst goes with the next tick. Nothing here overflows: levels saturate
 * at the ends of ev_ssize_t, times at EVRT_NS_NEVER.
 */
#ifndef EVRT_API_BUFFEREVENT_RATELIM_BUCKET_H_
#define EVRT_API_BUFFEREVENT_RATELIM_BUCKET_H_

#include <stdint.h>
#include <event2/util.h>
#include "base/clock.h"

enum evrt_rate_way { EVRT_RATE_READ, EVRT_RATE_WRITE, EVRT_RATE_WAYS };

struct ev_token_bucket_cfg {
	ev_ssize_t rate[EVRT_RATE_WAYS];  /* bytes per tick, 1 at least */
	ev_ssize_t burst[EVRT_RATE_WAYS]; /* bytes; not below the rate */
	evrt_ns tick_ns;                  /* whole milliseconds, 1 at least */
};

struct evrt_bucket {
	ev_ssize_t level[EVRT_RATE_WAYS]; /* bytes; below 0: owed */
	evrt_ns filled_ns;                /* the end of the last tick that was put in */
};

/* A bucket that begins now, with one tick's worth. */
void evrt__bucket_init(struct evrt_bucket *, const struct ev_token_bucket_cfg *, evrt_ns now);
/* Puts in what has come due. Returns the number of ticks since the last time. */
int64_t evrt__bucket_fill(struct evrt_bucket *, const struct ev_token_bucket_cfg *, evrt_ns now);
/* From now on as `cfg` says: what is above its burst goes, and ticks are counted anew. Fill it first. */
void evrt__bucket_change(struct evrt_bucket *, const struct ev_token_bucket_cfg *, evrt_ns now);
/* Takes n bytes out; below 0: puts them in. */
void evrt__bucket_take(struct evrt_bucket *, enum evrt_rate_way, ev_ssize_t n);
/* The end of the tick that will bring the level above 0, if nothing is taken; the level is 0 or below. */
evrt_ns evrt__bucket_due(const struct evrt_bucket *, const struct ev_token_bucket_cfg *, enum evrt_rate_way);

#endif
