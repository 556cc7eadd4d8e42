/* testing/contract/libevent/bufferevent_rate_rig.h — what the suites about limits of one bufferevent share.
 *
 * Here:     configurations, a bufferevent that has one, bytes for it.
 *           Ticks are of 100 s where none may pass, and of 20 ms where some have to.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_RATE_RIG_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_RATE_RIG_H_

#include "testing/contract/libevent/bufferevent_rig.h"

#include <stdlib.h>

static const struct timeval long_tick = { 100, 0 };
static const struct timeval short_tick = { 0, 20000 };

static inline struct ev_token_bucket_cfg *
config(size_t rr, size_t rb, size_t wr, size_t wb)
{
	struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(rr, rb, wr, wb, &long_tick);

	CHECK(cfg != NULL);
	return cfg;
}

static inline struct ev_token_bucket_cfg *
fast_config(size_t read_rate, size_t write_rate)
{
	struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(read_rate, read_rate, write_rate, write_rate,
	    &short_tick);

	CHECK(cfg != NULL);
	return cfg;
}

static inline struct bufferevent *
open_limited(struct ev_token_bucket_cfg *cfg)
{
	struct bufferevent *bev = open_bev(0);

	/* libevent calls the write callback when a limit is set, for there is room. */
	bufferevent_setcb(bev, note_read, NULL, note_event, NULL);
	CHECK_INT_EQ(bufferevent_set_rate_limit(bev, cfg), 0);
	return bev;
}

static inline void
close_limited(struct bufferevent *bev, struct ev_token_bucket_cfg *cfg)
{
	close_bev(bev);
	ev_token_bucket_cfg_free(cfg);
}

static inline void
peer_writes_bytes(size_t n)
{
	char *bytes = calloc(1, n);

	CHECK_INT_EQ(write(fds[1], bytes, n), n);
	free(bytes);
}

static inline size_t
peer_reads(void)
{
	char bytes[65536];
	ssize_t n = read(fds[1], bytes, sizeof(bytes));

	return n > 0 ? (size_t)n : 0;
}

static inline size_t
input_of(struct bufferevent *bev)
{
	return evbuffer_get_length(bufferevent_get_input(bev));
}

static inline size_t
output_of(struct bufferevent *bev)
{
	return evbuffer_get_length(bufferevent_get_output(bev));
}

static inline int
reads_wanted(struct bufferevent *bev)
{
	return event_pending(&bev->ev_read, EV_READ, NULL) != 0;
}

#endif
