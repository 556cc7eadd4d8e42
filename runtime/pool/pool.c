/* runtime/pool/pool.c — making, starting, stopping and freeing a pool; see pool.h.
 *
 * Life:  made (no thread) --start--> running --halt--> ending --last worker--> made … --free-->
 *
 * Ending, in order. halt is set and everybody is awakened. Each worker runs what is ready (or, with
 * EVRT_HALT_NOW, ends after the callback it is in) and leaves. The last one to leave looks into all
 * inboxes once more, since a worker that was still running may have sent something to one that had left;
 * strands that may run anywhere it runs itself, those pinned to a worker stay queued for the next start.
 *
 * Workers come and go meanwhile: resize.c.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"
#include "threading/thread.h"

static int
worker_init(struct evrt_worker *w, struct evrt_pool *p, unsigned index)
{
	w->pool = p;
	w->index = index;
	w->watch.limit_ns = p->set.watchdog_limit_ns;
	evrt__rand_init(&w->rand, index + UINT64_C(0x9e3779b97f4a7c15));
	evrt__ring_init(&w->ring);
	evrt__inbox_init(&w->inbox);
	int err = evrt__reactor_init(&w->reactor, p->set.backend, p->set.clock, true);
	if (err < 0) {
		w->pool = NULL; /* for evrt__pool_free: there is nothing to undo */
		return err;
	}
	err = evrt__reactor_make_notifiable(&w->reactor);
	if (err < 0) {
		evrt__reactor_fini(&w->reactor);
		w->pool = NULL;
	}
	return err;
}

static int
worker_init_own(struct evrt_worker *w)
{
	w->own = evrt__pool_strand_new(w->group, w);
	return w->own ? evrt__strand_set_priorities(&w->own->strand, w->pool->set.priorities) : -ENOMEM;
}

static void
pool_init_locks(struct evrt_pool *p)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->inject_lock, NULL);
	pthread_mutex_init(&p->limits.lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct evrt_pool *
evrt__pool_new(const struct evrt_pool_settings *set, int *out_err)
{
	*out_err = evrt__fork_watch();
	if (*out_err < 0)
		return NULL;
	struct evrt_pool *p = evrt__aligned_calloc(1, sizeof(*p));
	*out_err = -ENOMEM;
	if (!p)
		return NULL;
	p->set = *set;
	evrt_store_relaxed(&p->size, set->size);
	evrt_store_relaxed(&p->present, evrt__pool_bits(set->size));
	p->forks = evrt__fork_count();
	pool_init_locks(p);
	evrt__watchdog_init(p);
	evrt__fdmap_init(&p->fdmap, true);
	p->workers = evrt__aligned_calloc(set->workers, sizeof(*p->workers));
	int err = p->workers ? 0 : -ENOMEM;
	for (unsigned i = 0; err == 0 && i < set->workers; i++)
		err = worker_init(&p->workers[i], p, i);
	if (err == 0)
		err = evrt__groups_init(p);
	for (unsigned i = 0; err == 0 && i < set->workers; i++)
		err = worker_init_own(&p->workers[i]);
	if (err == 0)
		err = evrt__limits_init(p);
	if (err < 0) {
		*out_err = err;
		evrt__pool_free(p);
		return NULL;
	}
	*out_err = 0;
	return p;
}

void
evrt__pool_wait_alone(struct evrt_pool *p)
{
	/* What they did has been seen, so they have been counted. In a fork's child they do not exist. */
	while (!evrt__pool_is_forked(p) && evrt_load_seq_cst(&p->senders))
		sched_yield();
}

void
evrt__pool_free(struct evrt_pool *p)
{
	evrt_store_seq_cst(&p->size, p->set.workers); /* nobody is to go, and to be told that it may */
	for (unsigned i = 0; p->workers && i < p->set.workers && p->workers[i].pool; i++) {
		if (p->workers[i].own)
			evrt__strand_unref(&p->workers[i].own->strand);
		evrt__reactor_fini(&p->workers[i].reactor);
	}
	evrt__groups_fini(p);
	for (uint32_t i = 0; i < p->strands_made; i++)
		evrt__strand_fini(&evrt__pool_strand_at(p, i)->strand);
	for (unsigned k = 0; k < EVRT_STRAND_SEGMENTS; k++)
		evrt__free(evrt_load_relaxed(&p->segment[k]));
	evrt__fdmap_fini(&p->fdmap);
	evrt__watchdog_fini(p, evrt__pool_is_forked(p));
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->limits.lock);
	pthread_mutex_destroy(&p->inject_lock);
	pthread_mutex_destroy(&p->lock);
	evrt__aligned_free(p->workers);
	evrt__aligned_free(p);
}

/* A worker has left its turns. */
static void
worker_ended(struct evrt_worker *w)
{
	struct evrt_pool *p = w->pool;

	if (evrt__pool_is_forked(p))
		return; /* a callback forked, and came back in the child: there nobody waits for us */
	pthread_mutex_lock(&p->lock);
	bool last = p->running == 1;
	if (!last)
		p->running--;
	pthread_mutex_unlock(&p->lock);
	if (!last)
		return;
	if (evrt_load_acquire(&p->halt) == EVRT_HALT_WHEN_DRAINED)
		evrt__worker_sweep(w);
	pthread_mutex_lock(&p->lock);
	p->running = 0;
	pthread_cond_broadcast(&p->ended);
	pthread_mutex_unlock(&p->lock);
}

/* What the pool's own threads get, and the caller of evrt__pool_run_here does not: that one is the program's. */
static void
worker_settle(struct evrt_worker *w)
{
	int err = w->pool->set.pin_workers ? evrt__cpu_pin(w->index) : 0;

	if (err < 0)
		evrt__warnx("worker %u: cannot be kept on one CPU (%s)", w->index, strerror(-err));
	err = w->pool->set.worker_arenas ? evrt__arena_use(w->index) : 0;
	if (err < 0 && err != -ENOSYS) /* without jemalloc the option does nothing */
		evrt__warnx("worker %u: no arena of its own (%s)", w->index, strerror(-err));
}

static void *
worker_main(void *arg)
{
	struct evrt_worker *w = arg;

	evrt__worker_run(w);
	if (!w->left)
		worker_ended(w);
	return NULL;
}

static void *
worker_thread(void *arg)
{
	struct evrt_worker *w = arg;

	worker_settle(w);
	/* Who starts us has the lock until we count as present. */
	pthread_mutex_lock(&w->pool->lock);
	pthread_mutex_unlock(&w->pool->lock);
	return worker_main(arg);
}

static struct evrt_worker *
pool_next_to_join(struct evrt_pool *p, bool all)
{
	for (unsigned i = 0; i < p->set.workers; i++)
		if (p->workers[i].has_thread && (all || p->workers[i].left))
			return &p->workers[i];
	return NULL;
}

/* Joins all threads, or those that have left; pool locked, released meanwhile. In the end there is none. One joins,
 * others wait for that (`joining`): whoever came back from here early could start threads that the first one would
 * take for those that have ended. */
static void
pool_join_threads(struct evrt_pool *p, bool all)
{
	struct evrt_worker *w;

	while ((w = pool_next_to_join(p, all)) != NULL) {
		w->has_thread = false;
		pthread_t thread = w->thread;
		pthread_mutex_unlock(&p->lock);
		evrt__thread_join(thread);
		pthread_mutex_lock(&p->lock);
	}
}

/* Joins all threads, which have ended; pool locked, released meanwhile. */
static void
pool_join(struct evrt_pool *p)
{
	while (p->joining)
		pthread_cond_wait(&p->ended, &p->lock);
	if (!evrt_load_relaxed(&p->started) || p->running > 0)
		return; /* joined meanwhile, and maybe started again */
	p->joining = true;
	pool_join_threads(p, true);
	evrt__watchdog_stop(p);
	p->joining = false;
	evrt_store_seq_cst(&p->started, false);
	pthread_cond_broadcast(&p->ended);
}

void
evrt__pool_join_left(struct evrt_pool *p)
{
	while (p->joining)
		pthread_cond_wait(&p->ended, &p->lock);
	p->joining = true;
	pool_join_threads(p, false);
	p->joining = false;
	pthread_cond_broadcast(&p->ended);
}

int
evrt__pool_reopen(struct evrt_pool *p)
{
	int err = 0;

	if (evrt__pool_is_torn(p))
		return -ECHILD;
	evrt_store_seq_cst(&p->senders, 0u); /* they are in the parent */
	for (unsigned i = 0; err == 0 && i < p->set.workers; i++)
		err = evrt__reactor_reopen(&p->workers[i].reactor);
	if (err == 0)
		err = evrt__groups_reopen(p);
	if (err == 0)
		evrt__fdmap_adopt(&p->fdmap);
	return err;
}

int
evrt__pool_register_again(struct evrt_pool *p)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < p->set.workers; i++)
		err = evrt__fdmap_register_again(&p->fdmap, &p->workers[i].reactor);
	for (unsigned i = 0; err == 0 && i < p->groups_count; i++)
		if (evrt__group_is_shared(&p->groups[i]))
			err = evrt__fdmap_register_again(&p->fdmap, &p->groups[i].set);
	if (err == 0)
		p->forks = evrt__fork_count();
	return err;
}

int
evrt__worker_start(struct evrt_worker *w)
{
	char name[16];

	snprintf(name, sizeof(name), "evrt-%u", w->index);
	w->left = false;
	int err = evrt__thread_start(&w->thread, name, worker_thread, w);
	if (err < 0)
		return err;
	w->has_thread = true;
	w->pool->running++;
	return 0;
}

int
evrt__pool_start(struct evrt_pool *p, unsigned first, bool ends_when_idle)
{
	int err = 0;

	if (evrt__pool_is_forked(p))
		return -ECHILD;
	pthread_mutex_lock(&p->lock);
	if (evrt_load_relaxed(&p->started) && p->running == 0)
		pool_join(p);
	if (evrt_load_relaxed(&p->started)) {
		pthread_mutex_unlock(&p->lock);
		return -EALREADY;
	}
	if (evrt__watchdog_start(p) < 0) {
		pthread_mutex_unlock(&p->lock);
		return -EAGAIN;
	}
	evrt_store_release(&p->got_exit, false);
	evrt_store_release(&p->got_break, false);
	evrt_store_seq_cst(&p->halt, EVRT_HALT_NO);
	evrt_store_seq_cst(&p->started, true);
	evrt_store_seq_cst(&p->ends_when_idle, ends_when_idle);
	evrt__groups_reset(p);
	uint64_t run = ++p->run;
	p->running = first;
	for (unsigned i = first; err == 0 && i < p->set.workers; i++)
		if (evrt__worker_is_present(&p->workers[i]))
			err = evrt__worker_start(&p->workers[i]);
	if (err < 0) { /* those that started are told to go */
		p->running -= first;
		evrt__pool_halt(p, EVRT_HALT_NOW);
		pthread_mutex_unlock(&p->lock);
		evrt__pool_wait_ended(p, run, EVRT_NS_NEVER);
		return -EAGAIN;
	}
	pthread_mutex_unlock(&p->lock);
	return 0;
}

void
evrt__pool_run_here(struct evrt_pool *p)
{
	uint64_t run = evrt__pool_current_run(p);

	worker_main(&p->workers[0]);
	evrt__pool_wait_ended(p, run, EVRT_NS_NEVER);
}

static void
pool_raise_halt(struct evrt_pool *p, unsigned raised)
{
	unsigned before = evrt_load_relaxed(&p->halt);
	/* Only towards the stricter: a drain does not soften a stop at once. */
	while (before < raised && !evrt_cas_seq_cst(&p->halt, &before, raised))
		continue;
	/* PAIRS pool.halt / pool.started: it ended meanwhile, and will not be waited for again: take it back. */
	if (before < raised && !evrt_load_seq_cst(&p->started))
		evrt_cas_seq_cst(&p->halt, &raised, (unsigned)EVRT_HALT_NO);
	evrt__groups_call_all(p);
}

void
evrt__pool_halt(struct evrt_pool *p, enum evrt_pool_halt how)
{
	if (evrt__pool_is_forked(p))
		return; /* whoever would end, and whom a wake would reach, is in the parent */
	/* The pool may end, and be freed, before we have called everybody. */
	evrt__pool_enter(p);
	/* A pool that does not run has nothing to end, and must not refuse posts until its next start. No lock:
	 * programs break their loops in signal handlers. */
	if (evrt_load_seq_cst(&p->started))
		pool_raise_halt(p, (unsigned)how);
	evrt__pool_leave(p);
}

uint64_t
evrt__pool_current_run(struct evrt_pool *p)
{
	if (evrt__pool_is_forked(p))
		return 0; /* the lock may have been held when the process forked */
	pthread_mutex_lock(&p->lock);
	uint64_t run = p->run;
	pthread_mutex_unlock(&p->lock);
	return run;
}

void
evrt__pool_halt_run(struct evrt_pool *p, uint64_t run, enum evrt_pool_halt how)
{
	if (evrt__pool_is_forked(p))
		return;
	pthread_mutex_lock(&p->lock);
	if (p->run == run) {
		if (evrt_load_relaxed(&p->started))
			evrt_store_release(&p->got_exit, true); /* dispatch returns, and not because it is idle */
		evrt__pool_halt(p, how);
	}
	pthread_mutex_unlock(&p->lock);
}

bool
evrt__pool_wait_ended(struct evrt_pool *p, uint64_t run, evrt_ns deadline)
{
	struct timespec until = { .tv_sec = (time_t)(deadline / EVRT_NS_PER_SEC),
		.tv_nsec = (long)(deadline % EVRT_NS_PER_SEC) };
	int err = 0;

	if (evrt__pool_is_forked(p))
		return true; /* whatever ran, runs in the parent */
	pthread_mutex_lock(&p->lock);
	while (p->run == run && evrt_load_relaxed(&p->started) && p->running > 0 && err == 0)
		err = deadline == EVRT_NS_NEVER ? pthread_cond_wait(&p->ended, &p->lock)
		    : pthread_cond_timedwait(&p->ended, &p->lock, &until);
	bool ended = p->run != run || p->running == 0;
	if (p->running == 0 && evrt_load_relaxed(&p->started))
		pool_join(p);
	if (ended && !evrt_load_relaxed(&p->started)) /* another start, and posts until then, are welcome */
		evrt_store_seq_cst(&p->halt, EVRT_HALT_NO);
	pthread_mutex_unlock(&p->lock);
	return ended;
}
