/* api/bufferevent/ratelim_group.c — groups of bufferevents that share a bucket.
 *
 * Here:     the bucket of a group, its division among those who want some, and who waits for more.
 * Not here: what a member does when it is held back or let go (ratelim.c).
 * Threads:  any. Members may be of any base and strand; the timer runs in a strand of the group's base.
 * Locks:    the group's (rank rate_group) guards all but what is const. A member that comes here has its own lock
 *           already; from here only strands are locked.
 *
 * The share. A group keeps rounds: a round begins with each refill that is noticed. Whoever asked in this round or
 * in the one before, or waits, is active; a member that asks is given what there is divided by their number,
 * yet not less than the least share, for as long as anything is left. So a silent member costs the others
 * nothing, and the last of a tick's bytes go to whoever can use them. Several members may ask before the first
 * says what it moved: the bucket is then below 0 for a while, which is paid back before anything else.
 *
 * Who waits longest is let go first. The timer is armed only while somebody waits.
 */
#include "api/bufferevent/ratelim.h"

#include <errno.h>
#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "threading/lock.h"

#define GROUP_MIN_SHARE_DEFAULT 64

struct bufferevent_rate_limit_group {
	struct evrt_strand *strand;   /* referenced; const */
	void *lock;                   /* const; NULL: a program without threads */
	struct event refill;          /* in the strand */
	struct evrt_task last;        /* queued once: frees the group behind whatever of it still runs there */

	struct ev_token_bucket_cfg cfg;
	struct evrt_bucket bucket;
	size_t min_share;             /* as it was set; it counts clipped to both rates */
	unsigned members;
	struct evrt_link waiting;     /* evrt_bev_rate.waiting; who waits longest is first */
	unsigned waiters[EVRT_RATE_WAYS];
	uint64_t round;
	unsigned asked[EVRT_RATE_WAYS];  /* members that asked in this round */
	unsigned before[EVRT_RATE_WAYS]; /* and in the one before, or waited then */
	ev_uint64_t total[EVRT_RATE_WAYS];
};

/* --- the bucket ----------------------------------------------------------------------------- */

static void
group_fill(struct bufferevent_rate_limit_group *g)
{
	int64_t ticks = evrt__bucket_fill(&g->bucket, &g->cfg, evrt__reactor_now(g->strand->home));

	if (ticks == 0)
		return;
	g->round++;
	for (int way = 0; way < EVRT_RATE_WAYS; way++) {
		/* After more than a tick, those who asked last have had no need since, unless they wait. */
		unsigned lately = ticks == 1 ? g->asked[way] : 0;
		g->before[way] = lately > g->waiters[way] ? lately : g->waiters[way];
		g->asked[way] = 0;
	}
}

/* Arms the timer for whoever is due first, or disarms it. */
static void
group_arm(struct bufferevent_rate_limit_group *g)
{
	evrt_ns due = EVRT_NS_NEVER;

	for (int way = 0; way < EVRT_RATE_WAYS; way++) {
		if (!g->waiters[way])
			continue;
		evrt_ns its = evrt__bucket_due(&g->bucket, &g->cfg, way);
		due = its < due ? its : due;
	}
	if (!evrt__list_empty(&g->waiting)) {
		evrt__rate_arm(g->strand, &g->refill, due);
		return;
	}
	evrt__lock(g->strand->lock);
	evrt__event_del_nolock(g->strand, evrt__event(&g->refill), false);
	evrt__unlock(g->strand->lock);
}

static void
group_unwait(struct bufferevent_rate_limit_group *g, struct evrt_bev_rate *r, short events)
{
	short ends = r->waits_for & events;

	for (int way = 0; way < EVRT_RATE_WAYS; way++)
		if (ends & evrt__rate_event(way))
			g->waiters[way]--;
	r->waits_for &= (short)~ends;
	if (ends && !r->waits_for)
		evrt__list_remove(&r->waiting);
}

/* Lets go of all who wait for what there is again. */
static void
group_settle(struct bufferevent_rate_limit_group *g)
{
	short free = 0;

	for (int way = 0; way < EVRT_RATE_WAYS; way++)
		if (g->bucket.level[way] > 0)
			free |= evrt__rate_event(way);
	for (struct evrt_link *l = g->waiting.next, *next; l != &g->waiting; l = next) {
		struct evrt_bev_rate *r = EVRT_CONTAINER_OF(l, struct evrt_bev_rate, waiting);
		next = l->next;
		if (!(r->waits_for & free))
			continue;
		group_unwait(g, r, free);
		/* It has not left, so its strand and this task are there. */
		evrt__strand_submit(r->p->strand, &r->released);
	}
	group_arm(g);
}

static void
group_refilled(evutil_socket_t fd, short what, void *arg)
{
	struct bufferevent_rate_limit_group *g = arg;

	(void)fd;
	(void)what;
	evrt__lock(g->lock);
	group_fill(g);
	group_settle(g);
	evrt__unlock(g->lock);
}

/* --- members ---------------------------------------------------------------------------------- */

void
evrt__group_join(struct evrt_bev_rate *r, struct bufferevent_rate_limit_group *g)
{
	evrt__lock(g->lock);
	g->members++;
	r->waits_for = 0;
	r->asked[EVRT_RATE_READ] = r->asked[EVRT_RATE_WRITE] = 0;
	evrt__unlock(g->lock);
}

void
evrt__group_leave(struct evrt_bev_rate *r)
{
	struct bufferevent_rate_limit_group *g = r->group;

	evrt__lock(g->lock);
	g->members--;
	for (int way = 0; way < EVRT_RATE_WAYS; way++) {
		/* One that asked in both rounds stays in the earlier count: until the next tick. */
		unsigned *count = r->asked[way] == g->round ? &g->asked[way] : &g->before[way];
		if (r->asked[way] + 1 >= g->round && *count > 0)
			(*count)--;
	}
	group_unwait(g, r, EV_READ | EV_WRITE);
	if (evrt__list_empty(&g->waiting))
		group_arm(g);
	evrt__unlock(g->lock);
}

/* Group locked, filled; something is there. */
static size_t
group_share(const struct bufferevent_rate_limit_group *g, const struct evrt_bev_rate *r, enum evrt_rate_way way)
{
	size_t asked = g->asked[way] + (r->asked[way] != g->round);
	size_t share = (size_t)g->bucket.level[way] / (asked > g->before[way] ? asked : g->before[way]);
	size_t least = g->min_share;

	for (int any = 0; any < EVRT_RATE_WAYS; any++)
		least = (size_t)g->cfg.rate[any] < least ? (size_t)g->cfg.rate[any] : least;
	share = share > least ? share : least;
	return share ? share : 1;
}

size_t
evrt__group_peek(struct evrt_bev_rate *r, enum evrt_rate_way way)
{
	struct bufferevent_rate_limit_group *g = r->group;

	evrt__lock(g->lock);
	group_fill(g);
	size_t share = g->bucket.level[way] > 0 ? group_share(g, r, way) : 0;
	evrt__unlock(g->lock);
	return share;
}

static void
group_wait(struct bufferevent_rate_limit_group *g, struct evrt_bev_rate *r, enum evrt_rate_way way)
{
	short event = evrt__rate_event(way);

	if (r->waits_for & event)
		return;
	if (!r->waits_for)
		evrt__list_push_tail(&g->waiting, &r->waiting);
	r->waits_for |= event;
	if (g->waiters[way]++ == 0)
		group_arm(g);
}

size_t
evrt__group_ask(struct evrt_bev_rate *r, enum evrt_rate_way way)
{
	struct bufferevent_rate_limit_group *g = r->group;
	size_t share = 0;

	evrt__lock(g->lock);
	group_fill(g);
	if (g->bucket.level[way] > 0)
		share = group_share(g, r, way);
	else
		group_wait(g, r, way);
	if (r->asked[way] != g->round) {
		r->asked[way] = g->round;
		g->asked[way]++;
	}
	evrt__unlock(g->lock);
	return share;
}

void
evrt__group_moved(struct evrt_bev_rate *r, enum evrt_rate_way way, size_t n)
{
	struct bufferevent_rate_limit_group *g = r->group;

	evrt__lock(g->lock);
	evrt__bucket_take(&g->bucket, way, (ev_ssize_t)n);
	g->total[way] += n;
	evrt__unlock(g->lock);
}

short
evrt__group_holds(struct evrt_bev_rate *r)
{
	evrt__lock(r->group->lock);
	short held = r->waits_for;
	evrt__unlock(r->group->lock);
	return held;
}

/* --- making and freeing ------------------------------------------------------------------------- */

/* Of one that is freed, and of one that could not be made. */
static void
group_destroy(struct bufferevent_rate_limit_group *g)
{
	if (g->strand)
		evrt__strand_unref(g->strand);
	evrt__lock_free(g->lock, EVRT_LOCKTYPE_PLAIN);
	evrt__free(g);
}

/* evrt_task.fn of `last`. */
static void
group_run_last(struct evrt_task *task, void *arg)
{
	struct bufferevent_rate_limit_group *g = arg;

	(void)task;
	event_debug_unassign(&g->refill);
	group_destroy(g);
}

/* In zeroed memory. 0 or -1. */
static int
group_init(struct bufferevent_rate_limit_group *g, struct event_base *base, const struct ev_token_bucket_cfg *cfg)
{
	g->lock = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_rate_group);
	g->strand = evrt__base_strand_for_new(base);
	if ((evrt__threads_on() && !g->lock) || !g->strand ||
	    event_assign(&g->refill, base, -1, 0, group_refilled, g) < 0)
		return -1;
	evrt__event_join(evrt__event(&g->refill), g->strand);
	evrt__task_init(&g->last, group_run_last, g, (uint8_t)(event_base_get_npriorities(base) / 2));
	g->last.flags |= EVLIST_FINALIZING; /* event_base_free runs it, too */
	evrt__list_init(&g->waiting);
	g->cfg = *cfg;
	g->min_share = GROUP_MIN_SHARE_DEFAULT;
	g->round = 2; /* 0 is "never", and not the round before this one */
	evrt__bucket_init(&g->bucket, &g->cfg, evrt__reactor_now(g->strand->home));
	return 0;
}

struct bufferevent_rate_limit_group *
bufferevent_rate_limit_group_new(struct event_base *base, const struct ev_token_bucket_cfg *cfg)
{
	if (!base || !cfg) {
		errno = EINVAL;
		return NULL;
	}
	struct bufferevent_rate_limit_group *g = evrt__calloc(1, sizeof(*g));
	if (g && group_init(g, base, cfg) < 0) {
		group_destroy(g);
		g = NULL;
	}
	if (!g)
		errno = ENOMEM;
	return g;
}

void
bufferevent_rate_limit_group_free(struct bufferevent_rate_limit_group *g)
{
	struct evrt_strand *strand = g->strand;

	/* Taking the lock also waits for the last member, which may still be on its way out. */
	evrt__lock(g->lock);
	EVRT_ASSERT(g->members == 0);
	group_arm(g);
	evrt__unlock(g->lock);
	evrt__strand_ref(strand);
	evrt__strand_submit(strand, &g->last);
	evrt__strand_unref(strand);
}

/* --- what the program asks and sets ---------------------------------------------------------------- */

int
bufferevent_rate_limit_group_set_cfg(struct bufferevent_rate_limit_group *g, const struct ev_token_bucket_cfg *cfg)
{
	if (!g || !cfg)
		return -1;
	evrt__lock(g->lock);
	group_fill(g);
	g->cfg = *cfg;
	evrt__bucket_change(&g->bucket, &g->cfg, evrt__reactor_now(g->strand->home));
	group_settle(g);
	evrt__unlock(g->lock);
	return 0;
}

int
bufferevent_rate_limit_group_set_min_share(struct bufferevent_rate_limit_group *g, size_t min_share)
{
	if (min_share > EV_SSIZE_MAX)
		return -1;
	evrt__lock(g->lock);
	g->min_share = min_share;
	evrt__unlock(g->lock);
	return 0;
}

static ev_ssize_t
group_get_level(struct bufferevent_rate_limit_group *g, enum evrt_rate_way way)
{
	evrt__lock(g->lock);
	group_fill(g);
	ev_ssize_t level = g->bucket.level[way];
	evrt__unlock(g->lock);
	return level;
}

ev_ssize_t
bufferevent_rate_limit_group_get_read_limit(struct bufferevent_rate_limit_group *g)
{
	return group_get_level(g, EVRT_RATE_READ);
}

ev_ssize_t
bufferevent_rate_limit_group_get_write_limit(struct bufferevent_rate_limit_group *g)
{
	return group_get_level(g, EVRT_RATE_WRITE);
}

static int
group_decrement(struct bufferevent_rate_limit_group *g, enum evrt_rate_way way, ev_ssize_t n)
{
	evrt__lock(g->lock);
	group_fill(g);
	evrt__bucket_take(&g->bucket, way, n);
	group_settle(g);
	evrt__unlock(g->lock);
	return 0;
}

int
bufferevent_rate_limit_group_decrement_read(struct bufferevent_rate_limit_group *g, ev_ssize_t decr)
{
	return group_decrement(g, EVRT_RATE_READ, decr);
}

int
bufferevent_rate_limit_group_decrement_write(struct bufferevent_rate_limit_group *g, ev_ssize_t decr)
{
	return group_decrement(g, EVRT_RATE_WRITE, decr);
}

void
bufferevent_rate_limit_group_get_totals(struct bufferevent_rate_limit_group *g, ev_uint64_t *total_read_out,
    ev_uint64_t *total_written_out)
{
	evrt__lock(g->lock);
	if (total_read_out)
		*total_read_out = g->total[EVRT_RATE_READ];
	if (total_written_out)
		*total_written_out = g->total[EVRT_RATE_WRITE];
	evrt__unlock(g->lock);
}

void
bufferevent_rate_limit_group_reset_totals(struct bufferevent_rate_limit_group *g)
{
	evrt__lock(g->lock);
	g->total[EVRT_RATE_READ] = g->total[EVRT_RATE_WRITE] = 0;
	evrt__unlock(g->lock);
}
