/* api/bufferevent/ratelim_bucket.c — buckets of tokens; see ratelim_bucket.h. */
#include "api/bufferevent/ratelim_bucket.h"

void
evrt__bucket_init(struct evrt_bucket *b, const struct ev_token_bucket_cfg *cfg, evrt_ns now)
{
	for (int way = 0; way < EVRT_RATE_WAYS; way++)
		b->level[way] = cfg->rate[way];
	b->filled_ns = now;
}

static ev_ssize_t
bucket_level_after(ev_ssize_t level, ev_ssize_t rate, ev_ssize_t burst, int64_t ticks)
{
	if (level >= burst)
		return burst;
	/* The difference may be greater than any ev_ssize_t. */
	uint64_t room = (uint64_t)burst - (uint64_t)level;
	if ((uint64_t)ticks > room / (uint64_t)rate)
		return burst;
	return (ev_ssize_t)((uint64_t)level + (uint64_t)ticks * (uint64_t)rate);
}

int64_t
evrt__bucket_fill(struct evrt_bucket *b, const struct ev_token_bucket_cfg *cfg, evrt_ns now)
{
	/* A thread that read its clock earlier may come later: 0 ticks then, too. */
	int64_t ticks = now > b->filled_ns ? (now - b->filled_ns) / cfg->tick_ns : 0;

	if (ticks == 0)
		return 0;
	b->filled_ns += ticks * cfg->tick_ns;
	for (int way = 0; way < EVRT_RATE_WAYS; way++)
		b->level[way] = bucket_level_after(b->level[way], cfg->rate[way], cfg->burst[way], ticks);
	return ticks;
}

void
evrt__bucket_change(struct evrt_bucket *b, const struct ev_token_bucket_cfg *cfg, evrt_ns now)
{
	for (int way = 0; way < EVRT_RATE_WAYS; way++)
		if (b->level[way] > cfg->burst[way])
			b->level[way] = cfg->burst[way];
	b->filled_ns = now;
}

void
evrt__bucket_take(struct evrt_bucket *b, enum evrt_rate_way way, ev_ssize_t n)
{
	if (__builtin_sub_overflow(b->level[way], n, &b->level[way]))
		b->level[way] = n > 0 ? EV_SSIZE_MIN : EV_SSIZE_MAX;
}

evrt_ns
evrt__bucket_due(const struct evrt_bucket *b, const struct ev_token_bucket_cfg *cfg, enum evrt_rate_way way)
{
	uint64_t missing = UINT64_C(1) - (uint64_t)b->level[way];
	uint64_t ticks = 1 + (missing - 1) / (uint64_t)cfg->rate[way];

	if (ticks > (uint64_t)(EVRT_NS_NEVER - b->filled_ns) / (uint64_t)cfg->tick_ns)
		return EVRT_NS_NEVER;
	return b->filled_ns + (evrt_ns)ticks * cfg->tick_ns;
}
