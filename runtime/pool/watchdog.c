/* runtime/pool/watchdog.c — see watchdog.h.
 *
 * Threads:  said per function.
 */
#include "runtime/pool/watchdog.h"

#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "base/symbol.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"
#include "threading/thread.h"

evrt_atomic(bool) evrt__watchdog_used;

/* Worker. */
void
evrt__watch_begin(struct evrt_worker *w, const struct evrt_strand *s, evrt_watch_fn callback)
{
	struct evrt_watch *watch = &w->watch;
	struct evrt_watchdog *dog = &w->pool->watchdog;

	/* PAIRS watch.sequence: release, after the count that ended the last one. */
	evrt_store_release(&watch->began, evrt__reactor_now(&w->reactor));
	evrt_store_release(&watch->callback, callback);
	evrt_store_release(&watch->strand, s);
	evrt_store_seq_cst(&watch->sequence, evrt_load_relaxed(&watch->sequence) + 1);
	if (!evrt_load_seq_cst(&dog->asleep))
		return;
	pthread_mutex_lock(&dog->lock);
	dog->calls = true;
	pthread_cond_signal(&dog->called);
	pthread_mutex_unlock(&dog->lock);
}

/* Worker. The run was over the limit, or nearly: leaves word of its end. If the word of the one before still lies
 * there, the thread has not come round for a whole limit, and this one is only counted. */
static void
watch_end_slow(struct evrt_worker *w, uint64_t sequence, evrt_ns took)
{
	struct evrt_watch *watch = &w->watch;
	struct evrt_watchdog *dog = &w->pool->watchdog;

	pthread_mutex_lock(&dog->lock);
	bool was_told = watch->state == EVRT_WATCH_TOLD && watch->told_sequence == sequence;
	bool over = was_told || took >= watch->limit_ns;
	if (over && !was_told)
		evrt_count_own(&watch->slow, 1u);
	if (over && watch->state != EVRT_WATCH_ENDED) {
		watch->state = EVRT_WATCH_ENDED;
		watch->told = (struct evrt_watch_run){ .callback = evrt_load_relaxed(&watch->callback),
			.strand = evrt_load_relaxed(&watch->strand), .began = evrt_load_relaxed(&watch->began),
			.took = took, .ended = true };
		dog->calls = true;
		pthread_cond_signal(&dog->called);
	}
	pthread_mutex_unlock(&dog->lock);
}

/* Worker. */
void
evrt__watch_end(struct evrt_worker *w)
{
	struct evrt_watch *watch = &w->watch;
	uint64_t sequence = evrt_load_relaxed(&watch->sequence);

	/* PAIRS watch.sequence: relaxed; the next release stores come after it. */
	evrt_store_relaxed(&watch->sequence, sequence + 1);
	evrt_ns took = evrt__reactor_now(&w->reactor) - evrt_load_relaxed(&watch->began);
	/* With an eighth to spare: the thread may have read its clock a little later, and still have seen us inside. */
	if (took >= watch->limit_ns - watch->limit_ns / 8)
		watch_end_slow(w, sequence, took);
}

void
evrt__watch_name_current(evrt_watch_fn callback)
{
	struct evrt_worker *w = evrt__worker_self();

	/* In a callback of the worker, and nowhere else: what it stores is of the run that is on. */
	if (w && w->watch.limit_ns && (evrt_load_relaxed(&w->watch.sequence) & 1))
		evrt_store_release(&w->watch.callback, callback);
}

/* Any thread. The callback that the worker is in, consistently. False: in none, or another one by now. */
static bool
watch_read(struct evrt_watch *watch, uint64_t *sequence, struct evrt_watch_run *out)
{
	uint64_t seen = evrt_load_seq_cst(&watch->sequence);

	*sequence = seen;
	if (!(seen & 1))
		return false;
	/* PAIRS watch.sequence: acquire, before the second look. */
	*out = (struct evrt_watch_run){ .began = evrt_load_acquire(&watch->began),
		.callback = evrt_load_acquire(&watch->callback), .strand = evrt_load_acquire(&watch->strand) };
	return evrt_load_relaxed(&watch->sequence) == seen;
}

static void
watchdog_log(const struct evrt_watchdog *dog, unsigned worker, const struct evrt_watch_run *run, evrt_ns limit)
{
	char name[EVRT_SYMBOL_MAX];

	(void)dog;
	evrt__symbol_name((const void *)(uintptr_t)run->callback, name, sizeof(name));
	evrt__warnx("watchdog: worker %u, strand %p: callback %s %s %.1f ms (limit %.1f ms)", worker,
	    (const void *)run->strand, name, run->ended ? "took" : "has been running for",
	    (double)run->took / (double)EVRT_NS_PER_MS, (double)limit / (double)EVRT_NS_PER_MS);
}

/* The thread, unlocked around the hook. */
static void
watchdog_tell(struct evrt_worker *w, const struct evrt_watch_run *run)
{
	struct evrt_watchdog *dog = &w->pool->watchdog;
	struct evrt_watch_run copy = *run;

	pthread_mutex_unlock(&dog->lock);
	dog->tell(dog, w->index, &copy, w->watch.limit_ns);
	pthread_mutex_lock(&dog->lock);
}

/* The thread, locked. Looks at one worker: when to look again, or NEVER if it is in no callback and was in none. */
static evrt_ns
watchdog_look_at(struct evrt_worker *w)
{
	struct evrt_watch *watch = &w->watch;
	evrt_ns limit = watch->limit_ns, now = evrt__reactor_now(&w->reactor);
	struct evrt_watch_run run;
	uint64_t sequence;

	while (watch->state == EVRT_WATCH_ENDED) {
		watch->state = EVRT_WATCH_NONE;
		watchdog_tell(w, &watch->told);
	}
	bool inside = watch_read(watch, &sequence, &run);
	bool quiet = !(sequence & 1) && sequence == watch->last_seen;
	watch->last_seen = sequence;
	if (!inside)
		return quiet ? EVRT_NS_NEVER : evrt__ns_add(now, limit);
	if (watch->state == EVRT_WATCH_TOLD && watch->told_sequence == sequence)
		return evrt__ns_add(now, limit);
	if (now - run.began < limit)
		return run.began + limit;
	/* The lock is held since the states were looked at: word of its end comes later, and finds that it was told. */
	watch->state = EVRT_WATCH_TOLD;
	watch->told_sequence = sequence;
	evrt_count_own(&watch->slow, 1u);
	run.took = now - run.began;
	watchdog_tell(w, &run);
	return evrt__ns_add(now, limit);
}

static evrt_ns
watchdog_look(struct evrt_pool *p)
{
	evrt_ns next = EVRT_NS_NEVER;

	for (unsigned i = 0; i < p->set.workers; i++) {
		evrt_ns again = watchdog_look_at(&p->workers[i]);
		if (again < next)
			next = again;
	}
	return next;
}

/* The thread, locked: until `deadline`, or somebody calls. */
static void
watchdog_wait(struct evrt_watchdog *dog, evrt_ns deadline)
{
	struct timespec until = { .tv_sec = (time_t)(deadline / EVRT_NS_PER_SEC),
		.tv_nsec = (long)(deadline % EVRT_NS_PER_SEC) };
	int err = 0;

	while (!dog->calls && !dog->ends && err == 0)
		err = deadline == EVRT_NS_NEVER ? pthread_cond_wait(&dog->called, &dog->lock)
		    : pthread_cond_timedwait(&dog->called, &dog->lock, &until);
	dog->calls = false;
}

static void *
watchdog_main(void *arg)
{
	struct evrt_pool *p = arg;
	struct evrt_watchdog *dog = &p->watchdog;

	pthread_mutex_lock(&dog->lock);
	for (;;) {
		bool last = dog->ends; /* all workers have ended: this look tells what is left to tell */
		evrt_ns next = watchdog_look(p);
		if (last)
			break;
		if (next == EVRT_NS_NEVER) {
			/* PAIRS watch.sequence: whoever begins from here on sees it, or is seen by the second look. */
			evrt_store_seq_cst(&dog->asleep, true);
			next = watchdog_look(p);
			if (next != EVRT_NS_NEVER)
				evrt_store_relaxed(&dog->asleep, false);
		}
		watchdog_wait(dog, next);
		evrt_store_relaxed(&dog->asleep, false);
	}
	pthread_mutex_unlock(&dog->lock);
	return NULL;
}

void
evrt__watchdog_init(struct evrt_pool *p)
{
	struct evrt_watchdog *dog = &p->watchdog;
	pthread_condattr_t monotonic;

	dog->tell = watchdog_log;
	pthread_mutex_init(&dog->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&dog->called, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (p->set.watchdog_limit_ns)
		evrt_store_relaxed(&evrt__watchdog_used, true);
}

void
evrt__watchdog_fini(struct evrt_pool *p, bool forked)
{
	if (forked)
		return;
	pthread_cond_destroy(&p->watchdog.called);
	pthread_mutex_destroy(&p->watchdog.lock);
}

int
evrt__watchdog_start(struct evrt_pool *p)
{
	struct evrt_watchdog *dog = &p->watchdog;

	if (!p->set.watchdog_limit_ns)
		return 0;
	dog->ends = dog->calls = false; /* no thread yet */
	int err = evrt__thread_start(&dog->thread, "evrt-watchdog", watchdog_main, p);
	dog->has_thread = err == 0;
	return err;
}

void
evrt__watchdog_stop(struct evrt_pool *p)
{
	struct evrt_watchdog *dog = &p->watchdog;

	if (!dog->has_thread)
		return;
	dog->has_thread = false;
	pthread_t thread = dog->thread;
	pthread_mutex_unlock(&p->lock);
	pthread_mutex_lock(&dog->lock);
	dog->ends = true;
	pthread_cond_signal(&dog->called);
	pthread_mutex_unlock(&dog->lock);
	evrt__thread_join(thread);
	pthread_mutex_lock(&p->lock);
}

int
evrt__watchdog_set(struct evrt_pool *p, evrt_watchdog_tell_fn tell, evrt_watch_fn hook, void *hook_arg)
{
	int err = -EBUSY;

	if (evrt__pool_is_forked(p))
		return -ECHILD;
	pthread_mutex_lock(&p->lock);
	if (!evrt_load_relaxed(&p->started)) {
		p->watchdog.tell = tell ? tell : watchdog_log;
		p->watchdog.hook = hook;
		p->watchdog.hook_arg = hook_arg;
		err = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}
