/* api/event/pool_api.c — evrt_pool_*, evrt_strand_* and evrt_worker_*; the contract is in evrt/pool.h.
 *
 * Here:     checks, defaults, errno.
 * Not here: the bases (pool_base.c), the scheduler (runtime/pool).
 */
#include <evrt/pool.h>

#include <errno.h>
#include <stdlib.h>

#include "api/event/blocking.h"
#include "api/event/config.h"
#include "api/event/debug.h"
#include "api/event/pool_internal.h"
#include "api/util/timeval.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/pool/tuning.h"
#include "threading/lock.h"
#include "threading/thread.h"

_Static_assert(EVRT_WORKERS_MAX == EVRT_POOL_WORKERS_MAX, "the public limit is the engine's");

void
evrt_pool_config_init(struct evrt_pool_config *config)
{
	*config = (struct evrt_pool_config){
		.size = sizeof(*config),
		.priorities = 1,
		.steal = 1,
		.wake_queue_strands = EVRT_WAKE_QUEUE_STRANDS,
		.strand_budget_callbacks = EVRT_STRAND_BUDGET_CALLBACKS,
		.turn_budget_strands = EVRT_TURN_BUDGET_STRANDS,
		.workers_per_set = EVRT_WORKERS_PER_SET,
		.strand_budget_us = EVRT_STRAND_BUDGET_US,
		.turn_budget_us = EVRT_TURN_BUDGET_US,
	};
}

static evrt_ns
budget_ns(unsigned us)
{
	return us ? (evrt_ns)us * EVRT_NS_PER_US : EVRT_NS_NEVER;
}

/* EVRT_WORKERS if it is a number, else `asked`, else the CPUs. 0: out of range. */
static unsigned
workers_of(unsigned asked, bool environment_wins)
{
	const char *text = evrt__getenv("EVRT_WORKERS");

	if (text && (environment_wins || asked == 0)) {
		char *end;
		unsigned long n = strtoul(text, &end, 10);
		if (*text && !*end && n >= 1 && n <= EVRT_WORKERS_MAX)
			return (unsigned)n;
		evrt__warnx("EVRT_WORKERS=%s: not a number from 1 to %d; ignored", text, EVRT_WORKERS_MAX);
	}
	if (asked == 0) {
		asked = evrt__cpu_count();
		return asked < EVRT_WORKERS_MAX ? asked : EVRT_WORKERS_MAX;
	}
	return asked <= EVRT_WORKERS_MAX ? asked : 0;
}

static int
settings_of(const struct evrt_pool_config *c, bool environment_wins, struct evrt_pool_settings *out)
{
	*out = (struct evrt_pool_settings){
		.size = workers_of(c->workers, environment_wins),
		.priorities = c->priorities,
		.wake_queue_strands = c->wake_queue_strands,
		.strand_budget_callbacks = c->strand_budget_callbacks,
		.turn_budget_strands = c->turn_budget_strands,
		.workers_per_set = c->workers_per_set,
		.watchdog_limit_ns = c->watchdog_limit_ms * EVRT_NS_PER_MS,
		.strand_budget_ns = budget_ns(c->strand_budget_us),
		.turn_budget_ns = budget_ns(c->turn_budget_us),
		.steal = c->steal != 0,
		.pin_workers = c->pin_workers != 0,
		.worker_arenas = c->worker_arenas != 0,
		.limits = {
			.posts_max = c->posts_max,
			.connections_max = c->connections_max,
			.latency_max_ns = (evrt_ns)c->accept_latency_limit_ms * EVRT_NS_PER_MS,
		},
		.clock = evrt__clock_real(),
		.execute = evrt__event_execute,
	};
	out->workers = c->workers_max ? c->workers_max : out->size;
	if (c->workers == 0 && out->size > out->workers)
		out->size = out->workers;
	if (c->size != sizeof(*c) || !out->size || out->size > out->workers || out->workers > EVRT_WORKERS_MAX ||
	    !out->priorities || out->priorities >= EVENT_MAX_PRIORITIES || !out->wake_queue_strands ||
	    !out->strand_budget_callbacks || !out->turn_budget_strands || !out->workers_per_set)
		return -EINVAL;
	return 0;
}

/* A pool without locks would be none: pthreads, unless the program has chosen already. */
static int
turn_threads_on(void)
{
	if (evrt__threads_on())
		return 0;
	return evrt__threads_use_pthreads() < 0 ? -ENOMEM : 0;
}

static void
init_bases(struct evrt_pool *p, int flags)
{
	struct evrt__pool_bases *bases = p->api;

	for (unsigned i = 0; i <= p->set.workers; i++) {
		struct event_base *base = &bases->base[i];
		bool pooled = i == p->set.workers;
		evrt__base_init_common(base, pooled ? EVRT_BASE_POOLED : EVRT_BASE_PINNED, flags, p->set.priorities);
		base->pool = p;
		base->strand = pooled ? NULL : &p->workers[i].own->strand;
	}
}

struct evrt_pool *
evrt__pool_new_with_bases(const struct evrt_pool_config *config, const struct evrt_backend_ops *backend, int flags)
{
	struct evrt_pool_settings set;
	int err = settings_of(config, flags & EVRT_BASE_FLAG_POOLED, &set);

	if (err == 0)
		err = turn_threads_on();
	if (err < 0) {
		errno = -err;
		return NULL;
	}
	set.backend = backend;
	struct evrt__pool_bases *bases = evrt__calloc(1, sizeof(*bases));
	struct evrt_pool *p = bases ? evrt__pool_new(&set, &err) : NULL;
	if (!p) {
		evrt__free(bases);
		errno = bases ? -err : ENOMEM;
		return NULL;
	}
	p->api = bases;
	init_bases(p, flags);
	return p;
}

struct evrt_pool *
evrt_pool_new(const struct evrt_pool_config *config)
{
	struct evrt_pool_config defaults;
	const struct evrt_backend_ops *backend = evrt__config_choose_backend(NULL, true);

	evrt__debug_too_late();
	if (!config) {
		evrt_pool_config_init(&defaults);
		config = &defaults;
	}
	if (!backend) {
		errno = ENOSYS;
		return NULL;
	}
	return evrt__pool_new_with_bases(config, backend, 0);
}

int
evrt_pool_start(struct evrt_pool *pool)
{
	int err = pool ? evrt__pool_start(pool, 0, false) : -EINVAL;

	return evrt__public_result(err);
}

int
evrt_pool_stop(struct evrt_pool *pool, const struct timeval *deadline)
{
	if (!pool || evrt__pool_is_forked(pool))
		return evrt__public_result(pool ? -ECHILD : -EINVAL);
	struct evrt_worker *self = evrt__worker_self();
	uint64_t run = evrt__pool_current_run(pool);
	evrt__pool_blocking_stop(pool, run);
	if ((self && self->pool == pool) || evrt__base_blocking_is_inside(evrt_pool_as_base(pool)))
		return 1;
	evrt_ns until = EVRT_NS_NEVER;
	if (deadline)
		until = evrt__ns_add(evrt__clock_now(evrt__clock_real()), evrt__ns_from_timeval(deadline));
	bool ended = evrt__pool_wait_ended(pool, run, until);
	if (!ended) {
		evrt__pool_halt_run(pool, run, EVRT_HALT_NOW);
		ended = evrt__pool_wait_ended(pool, run, 1);
	}
	evrt__pool_blocking_stopped(pool, run);
	return ended ? 0 : 1;
}

int
evrt_pool_resize(struct evrt_pool *pool, unsigned workers)
{
	int err = pool ? evrt__pool_resize(pool, workers) : -EINVAL;

	return evrt__public_result(err);
}

void
evrt_pool_free(struct evrt_pool *pool)
{
	if (pool)
		event_base_free(evrt_pool_as_base(pool));
}

unsigned
evrt_pool_get_size(const struct evrt_pool *pool)
{
	return evrt_load_relaxed(&pool->size);
}

struct event_base *
evrt_pool_as_base(struct evrt_pool *pool)
{
	return &((struct evrt__pool_bases *)pool->api)->base[pool->set.workers];
}

struct event_base *
evrt_pool_get_base(struct evrt_pool *pool, unsigned worker)
{
	if (worker >= evrt_load_relaxed(&pool->size))
		return NULL;
	evrt__worker_use_own(&pool->workers[worker]);
	return &((struct evrt__pool_bases *)pool->api)->base[worker];
}

int
evrt_worker_current(void)
{
	struct evrt_worker *w = evrt__worker_self();

	return w ? (int)w->index : -1;
}

struct evrt_strand *
evrt_strand_new(struct evrt_pool *pool)
{
	if (!pool || evrt__pool_is_forked(pool)) {
		errno = pool ? ECHILD : EINVAL;
		return NULL;
	}
	struct evrt_pool_strand *ps = evrt__pool_strand_new(evrt__pool_place(pool), NULL);
	if (!ps) {
		errno = ENOMEM;
		return NULL;
	}
	return &ps->strand;
}

void
evrt_strand_free(struct evrt_strand *strand)
{
	if (strand)
		evrt__strand_unref(strand);
}

struct evrt_strand *
evrt_strand_ref(struct evrt_strand *strand)
{
	evrt__strand_ref(strand);
	return strand;
}

struct evrt_strand *
evrt_strand_current(void)
{
	struct evrt_strand *s = evrt__strand_current();

	return s && s->ops == &evrt__pool_strand_ops ? s : NULL;
}

int
evrt_strand_post(struct evrt_strand *strand, void (*fn)(void *), void *arg)
{
	int err = strand && fn ? evrt__pool_post(evrt__pool_strand_of(strand), fn, arg) : -EINVAL;

	return evrt__public_result(err);
}

int
evrt_pool_post(struct evrt_pool *pool, void (*fn)(void *), void *arg)
{
	if (!fn)
		return evrt__public_result(-EINVAL);
	struct evrt_strand *s = evrt_strand_new(pool);
	if (!s)
		return -1;
	evrt__pool_enter(pool); /* it may run, and the pool be freed, before we let go of the strand */
	int r = evrt_strand_post(s, fn, arg);
	evrt_strand_free(s);
	evrt__pool_leave(pool);
	return r;
}

int
evrt_pool_post_worker(struct evrt_pool *pool, unsigned worker, void (*fn)(void *), void *arg)
{
	if (!pool || worker >= evrt_load_relaxed(&pool->size))
		return evrt__public_result(-EINVAL);
	struct evrt_worker *w = &pool->workers[worker];
	/* Who waits for what is posted may free the pool while we still hold the worker. */
	evrt__pool_enter(pool);
	int r = evrt__public_result(-EINVAL); /* it went just now */
	if (evrt__worker_hold(w)) {
		r = evrt_strand_post(&w->own->strand, fn, arg);
		evrt__strand_unref(&w->own->strand);
	}
	evrt__pool_leave(pool);
	return r;
}

int
evrt_event_set_strand(struct event *public_ev, struct evrt_strand *strand)
{
	struct event_core *ev = evrt__event(public_ev);

	if (!ev->base || ev->base->kind != EVRT_BASE_POOLED || (strand && strand->owner != ev->base->pool))
		return evrt__public_result(-EINVAL);
	if (evrt__pool_is_forked(ev->base->pool))
		return evrt__public_result(-ECHILD);
	struct evrt_strand *old = evrt__event_lock(ev);
	if (old) {
		/* Neither while its callback runs in another thread: a deleter would look for it in the new strand. */
		bool busy = evrt__event_is_added(ev) || (ev->task.flags & (EVLIST_ACTIVE | EVLIST_FINALIZING)) ||
		    evrt__strand_runs_elsewhere(old, &ev->task);
		evrt__event_unlock(old);
		if (busy)
			return evrt__public_result(-EBUSY);
	}
	evrt__event_release_strand(ev);
	evrt__event_join(ev, strand);
	return 0;
}
