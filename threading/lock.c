/* threading/lock.c — see lock.h.
 *
 * Here:     the callbacks in use, who may change them, and the calls that the tree locks by.
 * Not here: the pthread callbacks (pthreads.c), the checks (lock_debug.c).
 * Threads:  setters: one thread, before others use this room. All else: any.
 * PAIRS     lock.alloc, lock.cond_alloc: set (stored last, release) -> new (load acquire): who can make a lock sees all
 *           callbacks, and so does everybody whom the lock is handed to. Hence the relaxed loads elsewhere.
 *           A pool may switch threading on while another thread runs a base without locks: that one sees
 *           either nothing or everything.
 */
#include "threading/lock.h"

#include <stddef.h>
#include "base/assert.h"
#include "base/log.h"
#include "threading/lock_internal.h"
#include "threading/lock_order.h"

static int lock_no_lock(unsigned mode, void *lock) { (void)mode, (void)lock; return 0; }
static void lock_no_free(void *lock, unsigned type) { (void)lock, (void)type; }
static void lock_no_cond_free(void *cond) { (void)cond; }
static int lock_no_signal(void *cond, int broadcast) { (void)cond, (void)broadcast; return -1; }

static int
lock_no_wait(void *cond, void *lock, const struct timeval *timeout)
{
	(void)cond, (void)lock, (void)timeout;
	return -1;
}

static const struct evrt_lock_fns lock_no_fns = {0, 0, NULL, lock_no_free, lock_no_lock, lock_no_lock};
static const struct evrt_cond_fns lock_no_conds = {0, NULL, lock_no_cond_free, lock_no_signal, lock_no_wait};

struct evrt_lock_table evrt__lock_table = {
	.lock = lock_no_lock,
	.unlock = lock_no_lock,
	.free = lock_no_free,
	.cond_free = lock_no_cond_free,
	.cond_signal = lock_no_signal,
	.cond_wait = lock_no_wait,
};
static evrt_atomic(unsigned long (*)(void)) lock_id_fn;
/* Whether a lock was made since the callbacks were set; sticky, so that it costs one store in all. */
static evrt_atomic(bool) lock_any_made;

/* As they were given, for comparison. Setters only. */
static struct evrt_lock_fns lock_given;
static struct evrt_cond_fns lock_conds_given;
/* As they are shown to the program. Setters write; read by whoever got the address. */
static struct evrt_lock_fns lock_shown;
static struct evrt_cond_fns lock_conds_shown;

static void
lock_show(void)
{
	lock_shown = lock_given.alloc ? lock_given : (struct evrt_lock_fns){0};
	lock_conds_shown = lock_conds_given.alloc ? lock_conds_given : (struct evrt_cond_fns){0};
	if (evrt_load_relaxed(&evrt__lock_debug))
		evrt__checked_wrap(&lock_shown, &lock_conds_shown);
}

static void
lock_install(const struct evrt_lock_fns *fns)
{
	evrt_store_relaxed(&evrt__lock_table.free, fns->free);
	evrt_store_relaxed(&evrt__lock_table.lock, fns->lock);
	evrt_store_relaxed(&evrt__lock_table.unlock, fns->unlock);
	evrt_store_release(&evrt__lock_table.alloc, fns->alloc); /* PAIRS lock.alloc */
	lock_given = *fns;
	lock_show();
}

static void
lock_install_conds(const struct evrt_cond_fns *fns)
{
	evrt_store_relaxed(&evrt__lock_table.cond_free, fns->free);
	evrt_store_relaxed(&evrt__lock_table.cond_signal, fns->signal);
	evrt_store_relaxed(&evrt__lock_table.cond_wait, fns->wait);
	evrt_store_release(&evrt__lock_table.cond_alloc, fns->alloc); /* PAIRS lock.cond_alloc */
	lock_conds_given = *fns;
	lock_show();
}

static bool
lock_fns_equal(const struct evrt_lock_fns *a, const struct evrt_lock_fns *b)
{
	return a->lock_api_version == b->lock_api_version && a->supported_locktypes == b->supported_locktypes &&
	    a->alloc == b->alloc && a->free == b->free && a->lock == b->lock && a->unlock == b->unlock;
}

static bool
lock_conds_equal(const struct evrt_cond_fns *a, const struct evrt_cond_fns *b)
{
	return a->condition_api_version == b->condition_api_version && a->alloc == b->alloc && a->free == b->free &&
	    a->signal == b->signal && a->wait == b->wait;
}

int
evrt__threads_set_lock_fns(const struct evrt_lock_fns *fns)
{
	const struct evrt_lock_fns *old = &lock_given;

	if (!fns) {
		if (old->alloc)
			evrt__warnx("evthread: lock callbacks taken away; locks made so far do nothing from now on");
		lock_install(&lock_no_fns);
		return 0;
	}
	if (old->alloc) {
		if (lock_fns_equal(fns, old) || lock_fns_equal(fns, &lock_shown))
			return 0;
		evrt__warnx("evthread: other lock callbacks are in use already, and stay");
		return -1;
	}
	if (!fns->alloc || !fns->free || !fns->lock || !fns->unlock)
		return -1;
	lock_install(fns);
	return 0;
}

int
evrt__threads_set_cond_fns(const struct evrt_cond_fns *fns)
{
	const struct evrt_cond_fns *old = &lock_conds_given;

	if (!fns) {
		if (old->alloc)
			evrt__warnx("evthread: condition callbacks taken away; conditions made so far do nothing from now on");
		lock_install_conds(&lock_no_conds);
		return 0;
	}
	if (old->alloc) {
		if (lock_conds_equal(fns, old) || lock_conds_equal(fns, &lock_conds_shown))
			return 0;
		evrt__warnx("evthread: other condition callbacks are in use already, and stay");
		return -1;
	}
	/* An incomplete set is ignored without complaint, unlike one of locks: as in libevent 2.1. */
	if (fns->alloc && fns->free && fns->signal && fns->wait)
		lock_install_conds(fns);
	return 0;
}

void
evrt__threads_set_id_fn(unsigned long (*id_fn)(void))
{
	evrt_store_relaxed(&lock_id_fn, id_fn);
}

void
evrt__threads_enable_lock_debugging(void)
{
	if (evrt_load_relaxed(&evrt__lock_debug))
		return;
	if (evrt_load_relaxed(&lock_any_made)) {
		evrt__warnx("evthread: lock debugging is asked for after the first lock was made, and stays off");
		return;
	}
	evrt_store_relaxed(&evrt__lock_debug, true);
	lock_show();
}

struct evrt_lock_fns *
evrt__threads_lock_fns(void)
{
	/* Whoever has the table may make locks by it, which we do not see. */
	if (lock_shown.alloc)
		evrt_store_relaxed(&lock_any_made, true);
	return &lock_shown;
}

struct evrt_cond_fns *
evrt__threads_cond_fns(void)
{
	return &lock_conds_shown;
}

void
evrt__threads_shutdown(void)
{
	evrt__order_shutdown();
	evrt__threads_set_id_fn(NULL);
	evrt_store_relaxed(&lock_any_made, false);
	evrt_store_relaxed(&evrt__lock_debug, evrt__lock_debug_default);
	lock_install(&lock_no_fns);
	lock_install_conds(&lock_no_conds);
}

bool
evrt__threads_on(void)
{
	return evrt_load_acquire(&evrt__lock_table.alloc) != NULL; /* PAIRS lock.alloc */
}

unsigned long
evrt__thread_id(void)
{
	unsigned long (*id_fn)(void) = evrt_load_relaxed(&lock_id_fn);

	return id_fn ? id_fn() : 1;
}

void *
evrt__lock_new(unsigned locktype, enum evrt_lock_rank rank)
{
	return evrt__lock_new_named(locktype, rank, NULL);
}

void *
evrt__lock_new_named(unsigned locktype, enum evrt_lock_rank rank, const char *name)
{
	evrt_lock_alloc_fn alloc = evrt_load_acquire(&evrt__lock_table.alloc); /* PAIRS lock.alloc */

	if (!alloc)
		return NULL;
	if (!evrt_load_relaxed(&lock_any_made))
		evrt_store_relaxed(&lock_any_made, true);
	return evrt_load_relaxed(&evrt__lock_debug) ? (void *)evrt__checked_new(locktype, rank, name) : alloc(locktype);
}

void
evrt__lock_free(void *lock, unsigned locktype)
{
	if (!lock)
		return;
	if (evrt_load_relaxed(&evrt__lock_debug))
		evrt__checked_free(lock, locktype);
	else
		evrt_load_relaxed(&evrt__lock_table.free)(lock, locktype);
}

void
evrt__lock_at(void *lock, const char *site)
{
	if (!lock)
		return;
	if (EVRT_UNLIKELY(evrt_load_relaxed(&evrt__lock_debug)))
		evrt__checked_lock(lock, 0, site);
	else
		evrt_load_relaxed(&evrt__lock_table.lock)(0, lock);
}

void
evrt__unlock_at(void *lock, const char *site)
{
	if (!lock)
		return;
	if (EVRT_UNLIKELY(evrt_load_relaxed(&evrt__lock_debug)))
		evrt__checked_unlock(lock, 0, site);
	else
		evrt_load_relaxed(&evrt__lock_table.unlock)(0, lock);
}

bool
evrt__trylock_at(void *lock, const char *site)
{
	if (!lock)
		return true;
	if (EVRT_UNLIKELY(evrt_load_relaxed(&evrt__lock_debug)))
		return evrt__checked_trylock(lock, 0, site);
	return evrt_load_relaxed(&evrt__lock_table.lock)(EVRT_LOCK_TRY, lock) == 0;
}

bool
evrt__lock_is_held(void *lock)
{
	return !lock || !evrt_load_relaxed(&evrt__lock_debug) || evrt__checked_is_held(lock);
}

void *
evrt__cond_new(void)
{
	evrt_cond_alloc_fn alloc = evrt_load_acquire(&evrt__lock_table.cond_alloc); /* PAIRS lock.cond_alloc */

	return alloc ? alloc(0) : NULL;
}

void
evrt__cond_free(void *cond)
{
	if (cond)
		evrt_load_relaxed(&evrt__lock_table.cond_free)(cond);
}

void
evrt__cond_signal(void *cond)
{
	if (cond)
		evrt_load_relaxed(&evrt__lock_table.cond_signal)(cond, 0);
}

void
evrt__cond_broadcast(void *cond)
{
	if (cond)
		evrt_load_relaxed(&evrt__lock_table.cond_signal)(cond, 1);
}

int
evrt__cond_wait(void *cond, void *lock, const struct timeval *timeout)
{
	if (!cond || !lock)
		return -1;
	if (evrt_load_relaxed(&evrt__lock_debug))
		return evrt__checked_wait(lock, cond, timeout);
	return evrt_load_relaxed(&evrt__lock_table.cond_wait)(cond, lock, timeout);
}
