/* api/bufferevent/ratelim.c — the rate limit of a single bufferevent.
 *
 * Here:     configurations; the bucket of a bufferevent, its refilling, joining groups, and the end of all that.
 * Not here: what a group does (ratelim_group.c), the most at once without a limit (limits.c).
 * Threads:  any, with the bufferevent's lock; the timer and the task run in its strand.
 */
#include "api/bufferevent/ratelim.h"

#include <errno.h>
#include "base/mem.h"
#include "threading/lock.h"

#define RW (EV_READ | EV_WRITE)
#define BOTH_BW (EVRT_BEV_SUSPEND_BW | EVRT_BEV_SUSPEND_BW_GROUP)

/* --- configurations ------------------------------------------------------------------------- */

static evrt_ns
rate_tick_of(const struct timeval *tick_len)
{
	evrt_ns ns = tick_len ? evrt__ns_from_timeval(tick_len) : EVRT_NS_PER_SEC;

	ns -= ns % EVRT_NS_PER_MS;
	return ns ? ns : EVRT_NS_PER_MS;
}

struct ev_token_bucket_cfg *
ev_token_bucket_cfg_new(size_t read_rate, size_t read_burst, size_t write_rate, size_t write_burst,
    const struct timeval *tick_len)
{
	bool sane = read_rate >= 1 && read_rate <= read_burst && read_burst <= EV_RATE_LIMIT_MAX &&
	    write_rate >= 1 && write_rate <= write_burst && write_burst <= EV_RATE_LIMIT_MAX;
	struct ev_token_bucket_cfg *cfg = sane ? evrt__malloc(sizeof(*cfg)) : NULL;

	if (!cfg) {
		errno = sane ? ENOMEM : EINVAL;
		return NULL;
	}
	*cfg = (struct ev_token_bucket_cfg){
		.rate = { (ev_ssize_t)read_rate, (ev_ssize_t)write_rate },
		.burst = { (ev_ssize_t)read_burst, (ev_ssize_t)write_burst },
		.tick_ns = rate_tick_of(tick_len),
	};
	return cfg;
}

void
ev_token_bucket_cfg_free(struct ev_token_bucket_cfg *cfg)
{
	evrt__free(cfg);
}

/* --- the bucket ----------------------------------------------------------------------------- */

void
evrt__rate_arm(struct evrt_strand *s, struct event *ev, evrt_ns deadline)
{
	evrt__lock(s->lock);
	if (evrt__event_set_timer_nolock(s, evrt__event(ev), deadline) < 0)
		evrt__event_active_nolock(s, evrt__event(ev), EV_TIMEOUT, 1);
	evrt__unlock(s->lock);
}

static void
rate_disarm(struct evrt_bev_rate *r)
{
	struct evrt_strand *s = r->p->strand;

	evrt__lock(s->lock);
	evrt__event_del_nolock(s, evrt__event(&r->refill), false);
	evrt__unlock(s->lock);
}

static void
rate_fill(struct evrt_bev_rate *r)
{
	if (r->cfg)
		evrt__bucket_fill(&r->bucket, r->cfg, evrt__reactor_now(r->p->strand->home));
}

/* The directions that the bucket has nothing for, among those in `events`. */
static short
rate_empty(const struct evrt_bev_rate *r, short events)
{
	short empty = 0;

	for (int way = 0; r->cfg && way < EVRT_RATE_WAYS; way++)
		if (r->bucket.level[way] <= 0)
			empty |= evrt__rate_event(way);
	return empty & events;
}

/* The directions that it holds back now. */
static short
rate_held(const struct bufferevent_private *p)
{
	return (short)((p->read_suspended & EVRT_BEV_SUSPEND_BW ? EV_READ : 0) |
	    (p->write_suspended & EVRT_BEV_SUSPEND_BW ? EV_WRITE : 0));
}

/* Holds back those of `events` that the bucket has nothing for, goes on holding back those that it held and has
 * nothing for yet, and lets go of the others. It was filled just now, and is not filled again: a tick that ended
 * since then would let go of what the caller found empty, and nobody would try again. */
static void
rate_settle(struct evrt_bev_rate *r, short events)
{
	evrt_ns due = EVRT_NS_NEVER;

	short held = rate_empty(r, (short)(events | rate_held(r->p)));
	for (int way = 0; way < EVRT_RATE_WAYS; way++) {
		evrt_ns its = held & evrt__rate_event(way) ? evrt__bucket_due(&r->bucket, r->cfg, way) : EVRT_NS_NEVER;
		due = its < due ? its : due;
	}
	if (held)
		evrt__rate_arm(r->p->strand, &r->refill, due);
	else
		rate_disarm(r);
	evrt__bev_suspend(r->p, held, EVRT_BEV_SUSPEND_BW);
	evrt__bev_resume(r->p, (short)(RW & ~held), EVRT_BEV_SUSPEND_BW);
}

static void
rate_refilled(evutil_socket_t fd, short what, void *arg)
{
	struct bufferevent_private *p = arg;

	(void)fd;
	(void)what;
	if (!evrt__bev_enter(p))
		return;
	rate_fill(p->rate);
	rate_settle(p->rate, 0);
	evrt__bev_unref_and_unlock(p);
}

/* evrt_task.fn of `released`. The member may have left, or wait anew, in the meantime. */
static void
rate_released(struct evrt_task *task, void *arg)
{
	struct bufferevent_private *p = arg;

	(void)task;
	if (!evrt__bev_enter(p))
		return;
	short held = p->rate->group ? evrt__group_holds(p->rate) : 0;
	evrt__bev_resume(p, (short)(RW & ~held), EVRT_BEV_SUSPEND_BW_GROUP);
	evrt__bev_unref_and_unlock(p);
}

size_t
evrt__rate_peek(struct bufferevent_private *p, enum evrt_rate_way way, size_t most)
{
	struct evrt_bev_rate *r = p->rate;
	size_t share = r->group ? evrt__group_peek(r, way) : most;

	rate_fill(r);
	if (rate_empty(r, evrt__rate_event(way)))
		return 0;
	most = share < most ? share : most;
	return r->cfg && (size_t)r->bucket.level[way] < most ? (size_t)r->bucket.level[way] : most;
}

size_t
evrt__rate_budget(struct bufferevent_private *p, enum evrt_rate_way way, size_t most)
{
	struct evrt_bev_rate *r = p->rate;
	short event = evrt__rate_event(way);

	rate_fill(r);
	if (rate_empty(r, event)) {
		rate_settle(r, event);
		return 0;
	}
	size_t share = r->group ? evrt__group_ask(r, way) : most;
	if (share == 0) {
		evrt__bev_suspend(p, event, EVRT_BEV_SUSPEND_BW_GROUP);
		return 0;
	}
	most = share < most ? share : most;
	return r->cfg && (size_t)r->bucket.level[way] < most ? (size_t)r->bucket.level[way] : most;
}

void
evrt__rate_moved(struct bufferevent_private *p, enum evrt_rate_way way, size_t n)
{
	struct evrt_bev_rate *r = p->rate;

	if (r->cfg)
		evrt__bucket_take(&r->bucket, way, (ev_ssize_t)n);
	if (r->group)
		evrt__group_moved(r, way, n);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* In the strand that the bufferevent is in now. 0 or -1. */
static int
rate_assign(struct evrt_bev_rate *r)
{
	struct bufferevent_private *p = r->p;

	if (event_assign(&r->refill, p->bev.ev_base, -1, 0, rate_refilled, p) < 0)
		return -1;
	evrt__event_join(evrt__event(&r->refill), p->strand);
	evrt__task_init(&r->released, rate_released, p, p->deferred.pri);
	return 0;
}

static struct evrt_bev_rate *
rate_of(struct bufferevent_private *p)
{
	struct evrt_bev_rate *r = p->rate ? NULL : evrt__calloc(1, sizeof(*r));

	if (p->rate || !r)
		return p->rate;
	r->p = p;
	if (rate_assign(r) < 0) {
		evrt__free(r);
		return NULL;
	}
	p->rate = r;
	return r;
}

static void
rate_leave_group(struct evrt_bev_rate *r)
{
	if (!r->group)
		return;
	evrt__group_leave(r);
	r->group = NULL;
	evrt__bev_resume(r->p, RW, EVRT_BEV_SUSPEND_BW_GROUP);
}

void
evrt__bev_rate_stop(struct bufferevent_private *p)
{
	struct evrt_bev_rate *r = p->rate;

	if (!r)
		return;
	rate_leave_group(r); /* from here on it queues `released` no more */
	rate_disarm(r);
	evrt__lock(p->strand->lock);
	if (r->released.flags & EVRT_TASK_ACTIVE)
		evrt__strand_remove(p->strand, &r->released);
	evrt__unlock(p->strand->lock);
}

void
evrt__bev_rate_destroy(struct bufferevent_private *p)
{
	if (p->rate)
		event_debug_unassign(&p->rate->refill);
	evrt__free(p->rate);
}

bool
evrt__bev_rate_holds(const struct bufferevent_private *p)
{
	return ((p->read_suspended | p->write_suspended) & BOTH_BW) != 0;
}

int
evrt__bev_rate_rebase(struct bufferevent_private *p)
{
	if (!p->rate)
		return 0;
	event_debug_unassign(&p->rate->refill);
	return rate_assign(p->rate);
}

/* --- what the program asks and sets ------------------------------------------------------------ */

int
bufferevent_set_rate_limit(struct bufferevent *bev, struct ev_token_bucket_cfg *cfg)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int result = 0;

	evrt__bev_lock_and_ref(p);
	struct evrt_bev_rate *r = cfg ? rate_of(p) : p->rate;
	if (r) {
		evrt_ns now = evrt__reactor_now(p->strand->home);
		rate_fill(r);
		if (cfg && !r->cfg)
			evrt__bucket_init(&r->bucket, cfg, now);
		else if (cfg && cfg != r->cfg)
			evrt__bucket_change(&r->bucket, cfg, now);
		r->cfg = cfg;
		rate_settle(r, 0);
	} else if (cfg) {
		errno = ENOMEM;
		result = -1;
	}
	evrt__bev_unref_and_unlock(p);
	return result;
}

const struct ev_token_bucket_cfg *
bufferevent_get_token_bucket_cfg(const struct bufferevent *bev)
{
	const struct bufferevent_private *p = evrt__bev_const(bev);

	evrt__bev_lock(p);
	const struct ev_token_bucket_cfg *cfg = p->rate ? p->rate->cfg : NULL;
	evrt__bev_unlock(p);
	return cfg;
}

int
bufferevent_add_to_rate_limit_group(struct bufferevent *bev, struct bufferevent_rate_limit_group *g)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int result = 0;

	evrt__bev_lock_and_ref(p);
	struct evrt_bev_rate *r = g ? rate_of(p) : p->rate;
	if (!r && g) {
		errno = ENOMEM;
		result = -1;
	} else if (r && r->group != g) {
		rate_leave_group(r);
		if (g)
			evrt__group_join(r, g);
		r->group = g;
	}
	evrt__bev_unref_and_unlock(p);
	return result;
}

int
bufferevent_remove_from_rate_limit_group(struct bufferevent *bev)
{
	return bufferevent_add_to_rate_limit_group(bev, NULL);
}

static ev_ssize_t
rate_get_level(struct bufferevent_private *p, enum evrt_rate_way way)
{
	ev_ssize_t level = EV_SSIZE_MAX;

	evrt__bev_lock(p);
	if (p->rate && p->rate->cfg) {
		rate_fill(p->rate);
		level = p->rate->bucket.level[way];
	}
	evrt__bev_unlock(p);
	return level;
}

ev_ssize_t
bufferevent_get_read_limit(struct bufferevent *bev)
{
	return rate_get_level(evrt__bev(bev), EVRT_RATE_READ);
}

ev_ssize_t
bufferevent_get_write_limit(struct bufferevent *bev)
{
	return rate_get_level(evrt__bev(bev), EVRT_RATE_WRITE);
}

static int
rate_decrement(struct bufferevent_private *p, enum evrt_rate_way way, ev_ssize_t n)
{
	evrt__bev_lock_and_ref(p);
	bool limited = p->rate && p->rate->cfg;
	if (limited) {
		rate_fill(p->rate);
		evrt__bucket_take(&p->rate->bucket, way, n);
		rate_settle(p->rate, evrt__rate_event(way));
	}
	evrt__bev_unref_and_unlock(p);
	if (!limited)
		errno = EINVAL;
	return limited ? 0 : -1;
}

int
bufferevent_decrement_read_limit(struct bufferevent *bev, ev_ssize_t decr)
{
	return rate_decrement(evrt__bev(bev), EVRT_RATE_READ, decr);
}

int
bufferevent_decrement_write_limit(struct bufferevent *bev, ev_ssize_t decr)
{
	return rate_decrement(evrt__bev(bev), EVRT_RATE_WRITE, decr);
}
