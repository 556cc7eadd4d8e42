/* threading/lock_debug.c — locks that know who holds them, and in which order they may be taken.
 *
 * Here:     a checked lock before each lock of the program's callbacks. Every mistake ends in the fatal
 *           callback with one message that names both locks and, where known, both places.
 * Not here: who is told (base/log.h).
 * Threads:  any. A lock's own fields are written only by its holder; `holder` is read by others, relaxed:
 *           a thread can see its own id there only if it wrote it itself.
 *
 * Checked: unlock by one who does not hold it; a second lock of one that is not recursive; a lock of lower
 * rank than one already held (rank.def), or of the same rank unless in ascending order of addresses; destroying
 * a lock that is held. A try-lock cannot wait and is exempt from the order. Rank 0 (users' own) has none.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/log.h"
#include "base/mem.h"
#include "threading/lock_internal.h"

#define HELD_MAX 64

struct evrt_checked_lock {
	void *lock;                    /* the program's */
	unsigned locktype;             /* as asked for */
	enum evrt_lock_rank rank;
	evrt_atomic(unsigned long) holder; /* thread id; 0: free */
	unsigned depth;                /* holder */
	const char *site;              /* where it was taken first; holder */
};

/* The locks that this thread holds, in order of taking; each once. */
static _Thread_local struct evrt_checked_lock *held[HELD_MAX];
static _Thread_local unsigned held_count;

static const char *
rank_name(enum evrt_lock_rank rank)
{
	static const struct { enum evrt_lock_rank rank; const char *name; } names[] = {
#define EVRT_RANK(name, number, what) { EVRT_RANK_##name, #name },
#include "threading/rank.def"
#undef EVRT_RANK
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].rank == rank)
			return names[i].name;
	return "unknown";
}

/* Never 0, which means "free". */
static unsigned long
self_id(void)
{
	unsigned long id = evrt__thread_id();

	return id ? id : ~0ul;
}

static bool
holds(const struct evrt_checked_lock *l)
{
	return evrt_load_relaxed(&l->holder) == self_id();
}

struct evrt_checked_lock *
evrt__checked_new(unsigned locktype, enum evrt_lock_rank rank)
{
	struct evrt_checked_lock *l = evrt__calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	/* Recursive underneath, so that a second lock reaches our check and not a deadlock. */
	l->lock = evrt__lock_fns.alloc(EVRT_LOCKTYPE_RECURSIVE);
	if (!l->lock) {
		evrt__free(l);
		return NULL;
	}
	l->locktype = locktype;
	l->rank = rank;
	return l;
}

void
evrt__checked_free(struct evrt_checked_lock *l, unsigned locktype)
{
	if (evrt_load_relaxed(&l->holder))
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p is destroyed while it is held since %s",
		    rank_name(l->rank), (void *)l, l->site);
	if (locktype != l->locktype)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p was made with type %u and is destroyed with type %u",
		    rank_name(l->rank), (void *)l, l->locktype, locktype);
	evrt__lock_fns.free(l->lock, EVRT_LOCKTYPE_RECURSIVE);
	evrt__free(l);
}

static void
check_order(const struct evrt_checked_lock *l, const char *site)
{
	for (unsigned i = 0; i < held_count && l->rank != EVRT_RANK_user; i++) {
		const struct evrt_checked_lock *h = held[i];
		if (h->rank == EVRT_RANK_user || h->rank < l->rank || (h->rank == l->rank && h < l))
			continue;
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p is taken at %s while %s lock %p is held since %s: "
		    "wrong order (%s has rank %d, %s has rank %d%s)", rank_name(l->rank), (const void *)l, site,
		    rank_name(h->rank), (const void *)h, h->site, rank_name(l->rank), (int)l->rank,
		    rank_name(h->rank), (int)h->rank, h->rank == l->rank ? "; equal ranks go by address" : "");
	}
}

/* The lock is ours now. */
static void
note_taken(struct evrt_checked_lock *l, const char *site)
{
	if (l->depth++)
		return;
	evrt_store_relaxed(&l->holder, self_id());
	l->site = site;
	if (held_count == HELD_MAX)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: a thread holds more than %d locks; the last, %s lock %p, was "
		    "taken at %s", HELD_MAX, rank_name(l->rank), (void *)l, site);
	held[held_count++] = l;
}

static void
note_released(struct evrt_checked_lock *l)
{
	unsigned i = held_count;

	if (--l->depth)
		return;
	evrt_store_relaxed(&l->holder, 0ul);
	while (i > 0 && held[i - 1] != l)
		i--;
	EVRT_ASSERT(i > 0);
	for (held_count--; i - 1 < held_count; i++)
		held[i - 1] = held[i];
}

void
evrt__checked_lock(struct evrt_checked_lock *l, const char *site)
{
	if (!holds(l))
		check_order(l, site);
	else if (!(l->locktype & EVRT_LOCKTYPE_RECURSIVE))
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p is taken at %s, but this thread holds it already since "
		    "%s, and it is not recursive", rank_name(l->rank), (void *)l, site, l->site);
	evrt__lock_fns.lock(0, l->lock);
	note_taken(l, site);
}

void
evrt__checked_unlock(struct evrt_checked_lock *l, const char *site)
{
	if (!holds(l))
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p is released at %s by a thread that does not hold it (%s)",
		    rank_name(l->rank), (void *)l, site, evrt_load_relaxed(&l->holder) ? "another does" : "nobody does");
	note_released(l);
	evrt__lock_fns.unlock(0, l->lock);
}

bool
evrt__checked_trylock(struct evrt_checked_lock *l, const char *site)
{
	if (evrt__lock_fns.lock(EVRT_LOCK_TRY, l->lock) != 0)
		return false;
	if (l->depth && !(l->locktype & EVRT_LOCKTYPE_RECURSIVE)) {
		evrt__lock_fns.unlock(0, l->lock); /* a true lock would have refused its own holder */
		return false;
	}
	note_taken(l, site);
	return true;
}

bool
evrt__checked_is_held(const struct evrt_checked_lock *l)
{
	return holds(l);
}

int
evrt__checked_wait(struct evrt_checked_lock *l, void *cond, const struct timeval *timeout)
{
	const char *site = l->site;

	if (!holds(l) || l->depth != 1)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: a wait on a condition with %s lock %p, which this thread holds %s",
		    rank_name(l->rank), (void *)l, holds(l) ? "more than once" : "not at all");
	note_released(l);
	int r = evrt__cond_fns.wait(cond, l->lock, timeout);
	note_taken(l, site);
	return r;
}
