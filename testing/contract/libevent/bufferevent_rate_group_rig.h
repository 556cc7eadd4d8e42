/* testing/contract/libevent/bufferevent_rate_group_rig.h — what the suites about rate-limit groups share.
 *
 * Here:     a group, its members, their peers.
 *           Ticks are of 100 s where none may pass, and of 20 ms where some have to.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_RATE_GROUP_RIG_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_RATE_GROUP_RIG_H_

#include "testing/contract/libevent/bufferevent_rig.h"

#define MEMBERS 4

static const struct timeval long_tick = { 100, 0 };
static const struct timeval short_tick = { 0, 20000 };

static struct bufferevent_rate_limit_group *group;
static struct bufferevent *members[MEMBERS];
static int peers[MEMBERS];

static inline struct bufferevent_rate_limit_group *
make_group(size_t rate, size_t burst, const struct timeval *tick)
{
	struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(rate, burst, rate, burst, tick);
	struct bufferevent_rate_limit_group *g = bufferevent_rate_limit_group_new(base, cfg);

	CHECK(g != NULL);
	ev_token_bucket_cfg_free(cfg); /* it was copied */
	return g;
}

/* `n` members of a group that has this rate and burst both ways. */
static inline void
open_group(int n, size_t rate, size_t burst, const struct timeval *tick)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	group = make_group(rate, burst, tick);
	for (int i = 0; i < n; i++) {
		int pair[2];
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		evutil_make_socket_nonblocking(pair[0]);
		evutil_make_socket_nonblocking(pair[1]);
		members[i] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
		peers[i] = pair[1];
		CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(members[i], group), 0);
	}
}

static inline void
close_group(void)
{
	for (int i = 0; i < MEMBERS && members[i]; i++) {
		bufferevent_remove_from_rate_limit_group(members[i]);
		bufferevent_free(members[i]);
		close(peers[i]);
	}
	bufferevent_rate_limit_group_free(group);
	event_base_free(base);
}

static inline void
feed(int i, size_t n)
{
	static char bytes[8192];

	CHECK_INT_EQ(write(peers[i], bytes, n), n);
}

static inline size_t
arrived(int i)
{
	return evbuffer_get_length(bufferevent_get_input(members[i]));
}

static inline size_t
all_arrived(void)
{
	size_t sum = 0;

	for (int i = 0; i < MEMBERS && members[i]; i++)
		sum += arrived(i);
	return sum;
}

static inline void
read_limit_is(ev_ssize_t expected)
{
	CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), expected);
}

static inline void
write_limit_is(ev_ssize_t expected)
{
	CHECK_INT_EQ(bufferevent_rate_limit_group_get_write_limit(group), expected);
}

static inline void
totals_are(ev_uint64_t expected_read, ev_uint64_t expected_written)
{
	ev_uint64_t r = 77, w = 77;

	bufferevent_rate_limit_group_get_totals(group, &r, &w);
	CHECK_INT_EQ(r, expected_read);
	CHECK_INT_EQ(w, expected_written);
}

#endif
