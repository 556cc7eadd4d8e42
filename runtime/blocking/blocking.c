/* runtime/blocking/blocking.c — threads for calls that block; see blocking.h. */
#include "runtime/blocking/blocking.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "threading/thread.h"

struct evrt_blocking_group {
	const struct evrt_blocking_ops *ops; /* const */
	void *owner;                /* const; for ops.closed */
	pid_t process;              /* const: a forked child has the memory, but not the threads */
	evrt_atomic(unsigned) refs; /* one is the owner's, one each call's */
	pthread_mutex_t lock;       /* rank blocking: all below */
	pthread_cond_t gone;        /* threads became 0 */
	struct evrt_blocking_settings set;
	struct evrt_link queue;     /* calls, oldest first */
	unsigned queued;
	struct evrt_link running;   /* calls */
	struct evrt_link sleepers;  /* struct sleeper; the one that lay down last is first */
	unsigned threads;
	unsigned coming;            /* threads started or called for a call, that have not looked yet */
	unsigned started;           /* threads so far, for their names */
	pthread_t last_left;        /* to be joined by the next that leaves */
	bool has_left;
	bool shut;
	bool closing;
	uint64_t closing_tag;
};

struct sleeper { /* on its thread's stack, linked while it is not called */
	struct evrt_link link;
	pthread_cond_t called_cond;
	bool called;
};

static _Thread_local const struct evrt_blocking_group *group_self;

static void
cond_init(pthread_cond_t *c)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(c, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct evrt_blocking_group *
evrt__blocking_new(const struct evrt_blocking_ops *ops, void *owner)
{
	struct evrt_blocking_group *g = evrt__calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->ops = ops;
	g->owner = owner;
	g->process = getpid();
	g->set = (struct evrt_blocking_settings){ EVRT_BLOCKING_THREADS_MAX, EVRT_BLOCKING_QUEUE_MAX,
		EVRT_BLOCKING_IDLE_NS };
	evrt_store_relaxed(&g->refs, 1u);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->gone, NULL);
	evrt__list_init(&g->queue);
	evrt__list_init(&g->running);
	evrt__list_init(&g->sleepers);
	return g;
}

void
evrt__blocking_unref(struct evrt_blocking_group *g)
{
	/* PAIRS blocking.refs: acq_rel: all that was done with it comes before its end. */
	if (evrt_sub_acq_rel(&g->refs, 1u) != 1)
		return;
	EVRT_ASSERT(evrt__list_empty(&g->queue) && evrt__list_empty(&g->running));
	pthread_cond_destroy(&g->gone);
	pthread_mutex_destroy(&g->lock);
	evrt__free(g);
}

void
evrt__blocking_call_unref(struct evrt_blocking_call *call)
{
	struct evrt_blocking_group *g = call->group;

	/* PAIRS blocking.refs: as above. */
	if (evrt_sub_acq_rel(&call->refs, 1u) != 1)
		return;
	g->ops->free(call);
	evrt__blocking_unref(g);
}

bool
evrt__blocking_is_forked(const struct evrt_blocking_group *g)
{
	return g->process != getpid();
}

void *
evrt__blocking_inside(void)
{
	return group_self ? group_self->owner : NULL;
}

/* Out of its list, and to whoever asked. Lock held. */
static void
group_end(struct evrt_blocking_group *g, struct evrt_blocking_call *call, int status)
{
	evrt__list_remove(&call->link);
	if (call->state == EVRT_BLOCKING_QUEUED)
		g->queued--;
	call->state = EVRT_BLOCKING_ENDED;
	call->status = status;
	g->ops->deliver(call); /* it may be gone now */
}

static void
group_cancel_all(struct evrt_blocking_group *g, struct evrt_link *list)
{
	while (!evrt__list_empty(list))
		group_end(g, EVRT_CONTAINER_OF(list->next, struct evrt_blocking_call, link), ECANCELED);
}

/* The oldest call; lock held, released while its work runs. */
static void
group_run_first(struct evrt_blocking_group *g)
{
	struct evrt_blocking_call *call =
	    EVRT_CONTAINER_OF(evrt__list_pop_head(&g->queue), struct evrt_blocking_call, link);

	g->queued--;
	call->state = EVRT_BLOCKING_RUNNING;
	evrt__list_push_tail(&g->running, &call->link);
	pthread_mutex_unlock(&g->lock);
	call->work(call->arg);
	pthread_mutex_lock(&g->lock);
	group_end(g, call, 0);
	if (g->closing && evrt__list_empty(&g->running)) {
		g->closing = false;
		g->ops->closed(g->owner, g->closing_tag);
	}
}

/* Calls a sleeper; lock held. */
static void
group_call(struct evrt_blocking_group *g)
{
	struct sleeper *s = EVRT_CONTAINER_OF(evrt__list_pop_head(&g->sleepers), struct sleeper, link);

	s->called = true;
	g->coming++;
	pthread_cond_signal(&s->called_cond);
}

/* Until something is to be done. False: the thread is to leave. Lock held, released meanwhile. */
static bool
group_sleep(struct evrt_blocking_group *g)
{
	struct sleeper me = { .called = false };
	int err = 0;

	if (g->shut || g->threads > g->set.threads_max)
		return false;
	evrt_ns at = evrt__ns_add(evrt__clock_now(evrt__clock_real()), g->set.idle_ns);
	struct timespec until = { .tv_sec = at / EVRT_NS_PER_SEC, .tv_nsec = at % EVRT_NS_PER_SEC };
	cond_init(&me.called_cond);
	evrt__list_push_head(&g->sleepers, &me.link);
	while (!me.called && err == 0)
		err = pthread_cond_timedwait(&me.called_cond, &g->lock, &until);
	if (me.called)
		g->coming--;
	else
		evrt__list_remove(&me.link);
	pthread_cond_destroy(&me.called_cond);
	return me.called;
}

/* Each that leaves joins the one before: at any time one at most is left to be joined. Lock held, released. */
static void
group_leave(struct evrt_blocking_group *g)
{
	pthread_t before = g->last_left;
	bool joins = g->has_left;

	g->last_left = pthread_self();
	g->has_left = true;
	if (--g->threads == 0)
		pthread_cond_broadcast(&g->gone);
	pthread_mutex_unlock(&g->lock);
	if (joins)
		evrt__thread_join(before);
}

static void *
group_thread(void *arg)
{
	struct evrt_blocking_group *g = arg;

	group_self = g;
	pthread_mutex_lock(&g->lock);
	g->coming--;
	do
		while (g->queued > 0 && g->threads <= g->set.threads_max)
			group_run_first(g);
	while (group_sleep(g));
	group_leave(g);
	return NULL;
}

/* Sees to it that there is a thread on its way for each call in the queue, as far as threads can be had: those that
 * are busy take what is left. Lock held. */
static void
group_engage(struct evrt_blocking_group *g)
{
	while (g->queued > g->coming) {
		pthread_t thread;
		char name[16];
		if (!evrt__list_empty(&g->sleepers)) {
			group_call(g);
			continue;
		}
		if (g->threads >= g->set.threads_max)
			return;
		snprintf(name, sizeof(name), "evrt-block-%u", g->started % 1000);
		if (evrt__thread_start(&thread, name, group_thread, g) < 0)
			return;
		g->started++;
		g->threads++;
		g->coming++;
	}
}

void
evrt__blocking_set(struct evrt_blocking_group *g, const struct evrt_blocking_settings *set)
{
	pthread_mutex_lock(&g->lock);
	g->set = *set;
	/* All look anew: some are too many now, or have slept long enough. */
	while (!evrt__list_empty(&g->sleepers))
		group_call(g);
	group_engage(g);
	pthread_mutex_unlock(&g->lock);
}

/* Lock held. */
static int
group_accept(struct evrt_blocking_group *g, struct evrt_blocking_call *call)
{
	if (g->closing || g->shut)
		return -ECANCELED;
	call->state = EVRT_BLOCKING_QUEUED;
	evrt__list_push_tail(&g->queue, &call->link);
	g->queued++;
	group_engage(g);
	if (g->threads > 0 && g->queued <= (uint64_t)g->coming + g->set.queue_max)
		return 0;
	evrt__list_remove(&call->link);
	g->queued--;
	return -EAGAIN;
}

int
evrt__blocking_submit(struct evrt_blocking_group *g, struct evrt_blocking_call *call)
{
	if (evrt__blocking_is_forked(g))
		return -ECHILD;
	call->group = g;
	/* relaxed: the caller has one. Before it is accepted: it may run, end and be freed before we are back. */
	evrt_add_relaxed(&g->refs, 1u);
	pthread_mutex_lock(&g->lock);
	int err = group_accept(g, call);
	pthread_mutex_unlock(&g->lock);
	if (err < 0)
		evrt__blocking_unref(g);
	return err;
}

int
evrt__blocking_cancel(struct evrt_blocking_call *call)
{
	struct evrt_blocking_group *g = call->group;

	if (evrt__blocking_is_forked(g))
		return -ECHILD;
	pthread_mutex_lock(&g->lock);
	bool in_time = call->state == EVRT_BLOCKING_QUEUED;
	if (in_time)
		group_end(g, call, ECANCELED);
	pthread_mutex_unlock(&g->lock);
	return in_time ? 0 : 1;
}

void
evrt__blocking_close(struct evrt_blocking_group *g, uint64_t tag)
{
	pthread_mutex_lock(&g->lock);
	group_cancel_all(g, &g->queue);
	g->closing = !evrt__list_empty(&g->running);
	g->closing_tag = tag;
	if (!g->closing)
		g->ops->closed(g->owner, tag);
	pthread_mutex_unlock(&g->lock);
}

void
evrt__blocking_reopen(struct evrt_blocking_group *g, uint64_t tag)
{
	pthread_mutex_lock(&g->lock);
	if (g->closing && g->closing_tag == tag)
		g->closing = false;
	pthread_mutex_unlock(&g->lock);
}

void
evrt__blocking_shut(struct evrt_blocking_group *g)
{
	pthread_mutex_lock(&g->lock);
	g->shut = true;
	g->closing = false;
	group_cancel_all(g, &g->queue);
	while (!evrt__list_empty(&g->sleepers))
		group_call(g);
	while (g->threads > 0)
		pthread_cond_wait(&g->gone, &g->lock);
	bool joins = g->has_left;
	g->has_left = false;
	pthread_mutex_unlock(&g->lock);
	if (joins)
		evrt__thread_join(g->last_left);
}

void
evrt__blocking_abandon(struct evrt_blocking_group *g)
{
	if (pthread_mutex_trylock(&g->lock) != 0)
		return; /* its holder is in the parent, and has left the lists as they were at some moment */
	g->shut = true;
	group_cancel_all(g, &g->running);
	group_cancel_all(g, &g->queue);
	pthread_mutex_unlock(&g->lock);
}
