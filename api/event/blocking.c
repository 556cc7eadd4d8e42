/* api/event/blocking.c — evrt_blocking_*; the contract is in evrt/blocking.h.
 *
 * Here:     a call with its completion, which is a task of a strand; the groups of bases and pools.
 * Not here: threads, queue, limits (runtime/blocking).
 * Threads:  any.
 */
#include "api/event/blocking.h"

#include <evrt/blocking.h>
#include <evrt/pool.h>

#include <errno.h>

#include "api/event/pool_internal.h"
#include "base/mem.h"
#include "runtime/blocking/blocking.h"

struct evrt_blocking {
	struct evrt_blocking_call call; /* first: the engine's deliver and free get this */
	struct event_base *base;        /* valid until the completion has run; like the two below */
	struct evrt_strand *strand;     /* referenced */
	struct evrt_task task;          /* the completion; active once the call is delivered */
	evrt_blocking_done_fn done;
};

static struct evrt_blocking *
blocking_of(struct evrt_blocking_call *call)
{
	return EVRT_CONTAINER_OF(call, struct evrt_blocking, call);
}

/* Something more, or less, that keeps the base from ending. On a plain base it is what libevent calls virtual. */
static void
blocking_count(struct event_base *base, struct evrt_strand *s, int delta)
{
	struct evrt_loop *l = &base->loop;

	if (base->kind != EVRT_BASE_PLAIN) {
		s->ops->count(s, delta);
		return;
	}
	evrt__lock(s->lock);
	l->virtual_count += delta;
	if (l->virtual_count > l->virtual_count_max)
		l->virtual_count_max = l->virtual_count;
	if (l->virtual_count == 0)
		evrt__loop_nudge(l);
	evrt__unlock(s->lock);
}

static void
blocking_complete(struct evrt_blocking *b, bool tell)
{
	struct evrt_strand *s = b->strand;

	if (b->done && tell)
		b->done(b->call.status, b->call.arg);
	blocking_count(b->base, s, -1);
	evrt__blocking_call_unref(&b->call);
	evrt__strand_unref(s);
}

static void
blocking_done(struct evrt_task *t, void *arg)
{
	(void)t;
	blocking_complete(arg, true);
}

bool
evrt__blocking_drop(struct evrt_task *t, bool tell)
{
	if (t->closure != EVRT_CLOSURE_SELF || t->fn != blocking_done)
		return false;
	blocking_complete(t->arg, tell);
	return true;
}

static void
blocking_deliver(struct evrt_blocking_call *call)
{
	struct evrt_blocking *b = blocking_of(call);
	struct evrt_strand *s = b->strand;

	/* Referenced: the completion may have run, and all be gone, before submit is back. */
	evrt__strand_ref(s);
	evrt__strand_submit(s, &b->task);
	evrt__strand_unref(s);
}

static void
blocking_free(struct evrt_blocking_call *call)
{
	evrt__free(blocking_of(call));
}

/* Pools only: evrt__pool_blocking_stop. */
static void
blocking_closed(void *owner, uint64_t run)
{
	struct event_base *base = owner;

	evrt__pool_halt_run(base->pool, run, EVRT_HALT_WHEN_DRAINED);
}

static const struct evrt_blocking_ops blocking_ops = {
	.deliver = blocking_deliver, .free = blocking_free, .closed = blocking_closed };

/* A pool's bases share the group of the pooled one. */
static struct event_base *
group_base(struct event_base *base)
{
	return base->kind == EVRT_BASE_PINNED ? evrt_pool_as_base(base->pool) : base;
}

/* The group of a pool, or NULL: it has none yet. */
static struct evrt_blocking_group *
group_of_pool(struct evrt_pool *p)
{
	struct event_base *base = evrt_pool_as_base(p);

	if (evrt__pool_is_forked(p))
		return NULL;
	pthread_mutex_lock(&base->setup_lock);
	struct evrt_blocking_group *g = base->blocking;
	pthread_mutex_unlock(&base->setup_lock);
	return g;
}

/* The same, made if there is none. 0 or -errno. */
static int
group_get(struct event_base *base, struct evrt_blocking_group **out)
{
	base = group_base(base);
	if (base->kind == EVRT_BASE_PLAIN ? !base->strand->lock : evrt__pool_is_forked(base->pool))
		return base->kind == EVRT_BASE_PLAIN ? -ENOTSUP : -ECHILD;
	pthread_mutex_lock(&base->setup_lock);
	if (!base->blocking)
		base->blocking = evrt__blocking_new(&blocking_ops, base);
	*out = base->blocking;
	pthread_mutex_unlock(&base->setup_lock);
	if (!*out)
		return -ENOMEM;
	return evrt__blocking_is_forked(*out) ? -ECHILD : 0;
}

/* Where the completion runs: 0 with a reference, or -errno. */
static int
blocking_choose_strand(struct event_base *base, struct evrt_strand *given, struct evrt_strand **out)
{
	struct evrt_strand *current = evrt_strand_current();

	if (given && (base->kind != EVRT_BASE_POOLED || given->owner != base->pool))
		return -EINVAL;
	/* Also a pinned one, unlike what is made on the pooled base: whoever asks gets the answer. */
	if (!given && base->kind == EVRT_BASE_POOLED && current && current->owner == base->pool)
		given = current;
	if (given)
		evrt__strand_ref(given);
	*out = given ? given : evrt__base_strand_for_new(base);
	return *out ? 0 : -ENOMEM;
}

static int
blocking_submit(struct evrt_blocking_group *g, struct evrt_blocking *b)
{
	struct event_base *base = b->base;
	struct evrt_strand *s = b->strand;

	/* PAIRS pool.halt. As with posts; but for the pool's own callbacks, too: a drain does not wait for work. */
	if (base->pool && evrt_load_acquire(&base->pool->halt) != EVRT_HALT_NO)
		return -ECANCELED;
	/* Before: the completion may have run when submit is back. */
	blocking_count(base, s, 1);
	int err = evrt__blocking_submit(g, &b->call);
	if (err < 0)
		blocking_count(base, s, -1);
	return err;
}

int
evrt_blocking_run(struct event_base *base, struct evrt_strand *strand, evrt_blocking_work_fn work,
    evrt_blocking_done_fn done, void *arg, struct evrt_blocking **out)
{
	struct evrt_blocking_group *g = NULL;
	struct evrt_blocking *b = NULL;
	struct evrt_strand *s = NULL;

	if (out)
		*out = NULL;
	int err = base && work ? group_get(base, &g) : -EINVAL;
	if (err == 0)
		err = blocking_choose_strand(base, strand, &s);
	if (err == 0 && !(b = evrt__calloc(1, sizeof(*b))))
		err = -ENOMEM;
	if (err == 0) {
		*b = (struct evrt_blocking){ .call = { .work = work, .arg = arg }, .base = base, .strand = s,
			.done = done };
		evrt_store_relaxed(&b->call.refs, out ? 2u : 1u);
		evrt__task_init(&b->task, blocking_done, b, (uint8_t)(evrt_load_relaxed(&base->priorities) / 2));
		if (out)
			*out = b;
		err = blocking_submit(g, b);
	}
	if (err == 0)
		return 0;
	if (out)
		*out = NULL;
	evrt__free(b);
	if (s)
		evrt__strand_unref(s);
	return evrt__public_result(err);
}

int
evrt_blocking_cancel(struct evrt_blocking *b)
{
	return evrt__public_result(b ? evrt__blocking_cancel(&b->call) : -EINVAL);
}

void
evrt_blocking_release(struct evrt_blocking *b)
{
	if (b)
		evrt__blocking_call_unref(&b->call);
}

void
evrt_blocking_limits_init(struct evrt_blocking_limits *limits)
{
	*limits = (struct evrt_blocking_limits){
		.size = sizeof(*limits),
		.threads_max = EVRT_BLOCKING_THREADS_MAX,
		.queue_max = EVRT_BLOCKING_QUEUE_MAX,
		.idle_ms = (unsigned)(EVRT_BLOCKING_IDLE_NS / EVRT_NS_PER_MS),
	};
}

int
evrt_blocking_set_limits(struct event_base *base, const struct evrt_blocking_limits *limits)
{
	struct evrt_blocking_limits defaults;
	struct evrt_blocking_group *g = NULL;

	evrt_blocking_limits_init(&defaults);
	if (!limits)
		limits = &defaults;
	int err = base && limits->size == sizeof(*limits) && limits->threads_max ? group_get(base, &g) : -EINVAL;
	if (err == 0)
		evrt__blocking_set(g, &(struct evrt_blocking_settings){ .threads_max = limits->threads_max,
		    .queue_max = limits->queue_max, .idle_ns = limits->idle_ms * EVRT_NS_PER_MS });
	return evrt__public_result(err);
}

bool
evrt__base_blocking_is_inside(struct event_base *base)
{
	return evrt__blocking_inside() == group_base(base);
}

void
evrt__base_blocking_shut(struct event_base *base)
{
	struct evrt_blocking_group *g = base->blocking; /* nobody else is there to make one */

	if (!g)
		return;
	if (evrt__blocking_is_forked(g))
		evrt__blocking_abandon(g);
	else
		evrt__blocking_shut(g);
}

void
evrt__base_blocking_forget(struct event_base *base)
{
	if (base->blocking)
		evrt__blocking_unref(base->blocking);
	base->blocking = NULL;
}

void
evrt__base_blocking_reinit(struct event_base *base)
{
	if (!base->blocking || !evrt__blocking_is_forked(base->blocking))
		return;
	evrt__blocking_abandon(base->blocking);
	evrt__base_blocking_forget(base);
}

void
evrt__pool_blocking_stop(struct evrt_pool *p, uint64_t run)
{
	struct evrt_blocking_group *g = group_of_pool(p);

	if (g)
		evrt__blocking_close(g, run);
	else
		evrt__pool_halt_run(p, run, EVRT_HALT_WHEN_DRAINED);
}

void
evrt__pool_blocking_stopped(struct evrt_pool *p, uint64_t run)
{
	struct evrt_blocking_group *g = group_of_pool(p);

	if (g)
		evrt__blocking_reopen(g, run);
}
