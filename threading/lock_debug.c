/* threading/lock_debug.c — locks that know who holds them, and in which order they may be taken.
 *
 * Here:     a checked lock before each lock of the program's callbacks. Every mistake ends in the fatal
 *           callback, with one message that names the locks and, where known, the places.
 * Not here: who is told (base/log.h).
 * Threads:  any. What a thread holds is kept in a list of its own; a lock carries only what others need for
 *           their messages.
 *
 * Mistakes: unlock, or a wait, by a thread that does not hold the lock; a second lock of one that is not
 *           recursive; a lock of lower rank than one already held (rank.def); one of the same rank, but for
 *           evbuffers in ascending order of address and for bufferevents; destroying a lock that is held. A
 *           try-lock cannot wait, and is exempt from the order; so are the locks of rank 0, the program's own.
 */
#include <inttypes.h>
#include <stddef.h>
#include "base/atomic.h"
#include "base/log.h"
#include "base/mem.h"
#include "threading/lock_internal.h"

#define HELD_MAX 64
#define CHECKED_MAGIC UINT32_C(0x10c4ed01)

struct evrt_checked_lock {
	uint32_t magic;                 /* const until freed: tells a stranger's lock from ours */
	unsigned locktype;              /* const: as asked for */
	enum evrt_lock_rank rank;       /* const */
	void *lock;                     /* const: the program's */
	/* Written by the holder, relaxed; read without the lock, for messages and by destroy only. */
	evrt_atomic(const char *) site; /* where it was taken; NULL: nobody holds it */
};

/* A lock that this thread holds, in order of taking; each once. */
struct held {
	struct evrt_checked_lock *lock;
	const char *site;
	unsigned depth;
};
static _Thread_local struct held held_list[HELD_MAX];
static _Thread_local unsigned held_count;

static const char *
rank_name(enum evrt_lock_rank rank)
{
	static const struct { enum evrt_lock_rank rank; const char *name; } names[] = {
#define EVRT_RANK(name, number, what) {EVRT_RANK_##name, #name},
#include "threading/rank.def"
#undef EVRT_RANK
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].rank == rank)
			return names[i].name;
	return "unknown";
}

static struct held *
held_find(const struct evrt_checked_lock *l)
{
	for (unsigned i = held_count; i > 0; i--) /* the last taken is the likeliest */
		if (held_list[i - 1].lock == l)
			return &held_list[i - 1];
	return NULL;
}

/* There is room: held_check_room was asked. */
static void
held_push(struct evrt_checked_lock *l, const char *site)
{
	held_list[held_count++] = (struct held){l, site, 1};
	evrt_store_relaxed(&l->site, site);
}

/* Keeps the order of the others. */
static void
held_remove(struct held *h)
{
	evrt_store_relaxed(&h->lock->site, (const char *)NULL);
	for (struct held *last = &held_list[--held_count]; h < last; h++)
		h[0] = h[1];
}

static void
held_check_room(const struct evrt_checked_lock *l, const char *site)
{
	if (held_count == HELD_MAX)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p taken at %s by a thread that holds %d others: too many",
		    rank_name(l->rank), (const void *)l, site, HELD_MAX);
}

/* May `l` be waited for while the locks of this thread's list, other than itself, are held? */
static void
held_check_order(const struct evrt_checked_lock *l, const char *site)
{
	for (unsigned i = 0; i < held_count; i++) {
		const struct held *h = &held_list[i];
		const struct evrt_checked_lock *o = h->lock;
		if (o == l || l->rank == EVRT_RANK_user || o->rank < l->rank)
			continue;
		if (o->rank == l->rank && l->rank == EVRT_RANK_evbuffer && (uintptr_t)o < (uintptr_t)l)
			continue;
		/* A program's callback runs with its bufferevent locked, and may move bytes to another one. */
		if (o->rank == l->rank && l->rank == EVRT_RANK_bufferevent)
			continue;
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p taken at %s while %s lock %p is held since %s: wrong "
		    "order (%s is %d, %s is %d)", rank_name(l->rank), (const void *)l, site, rank_name(o->rank),
		    (const void *)o, h->site, rank_name(l->rank), (int)l->rank, rank_name(o->rank), (int)o->rank);
	}
}

static void
check_magic(const struct evrt_checked_lock *l, const char *what, const char *site)
{
	if (l->magic != CHECKED_MAGIC)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %p %s at %s is no lock, or was destroyed", (const void *)l, what,
		    site);
}

static _Noreturn void
not_the_holder(const struct evrt_checked_lock *l, const char *what, const char *site)
{
	const char *since = evrt_load_relaxed(&l->site);

	evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p %s at %s by a thread that does not hold it (%s%s)",
	    rank_name(l->rank), (const void *)l, what, site, since ? "another does since " : "nobody does",
	    since ? since : "");
}

struct evrt_checked_lock *
evrt__checked_new(unsigned locktype, enum evrt_lock_rank rank)
{
	struct evrt_checked_lock *l = evrt__calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	/* Recursive underneath whatever was asked for, as libevent's lock debugging has it: what stands before the
	 * lock is our check, not a deadlock. */
	l->lock = evrt_load_relaxed(&evrt__lock_table.alloc)(EVRT_LOCKTYPE_RECURSIVE);
	if (!l->lock) {
		evrt__free(l);
		return NULL;
	}
	l->magic = CHECKED_MAGIC;
	l->locktype = locktype;
	l->rank = rank;
	return l;
}

void
evrt__checked_free(struct evrt_checked_lock *l, unsigned locktype)
{
	check_magic(l, "destroyed", "evrt__lock_free");
	const char *since = evrt_load_relaxed(&l->site);
	if (since)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p destroyed while it is held since %s",
		    rank_name(l->rank), (void *)l, since);
	if (locktype != l->locktype)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p made with type %u and destroyed with type %u",
		    rank_name(l->rank), (void *)l, l->locktype, locktype);
	evrt_load_relaxed(&evrt__lock_table.free)(l->lock, EVRT_LOCKTYPE_RECURSIVE);
	l->magic = 0;
	evrt__free(l);
}

void
evrt__checked_lock(struct evrt_checked_lock *l, const char *site)
{
	check_magic(l, "taken", site);
	struct held *h = held_find(l);
	if (h && !(l->locktype & EVRT_LOCKTYPE_RECURSIVE))
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p taken at %s while the same thread holds it since %s: "
		    "not recursive", rank_name(l->rank), (void *)l, site, h->site);
	if (!h) {
		held_check_room(l, site);
		held_check_order(l, site);
	}
	evrt_load_relaxed(&evrt__lock_table.lock)(0, l->lock);
	if (h)
		h->depth++;
	else
		held_push(l, site);
}

void
evrt__checked_unlock(struct evrt_checked_lock *l, const char *site)
{
	check_magic(l, "released", site);
	struct held *h = held_find(l);
	if (!h)
		not_the_holder(l, "released", site);
	if (--h->depth == 0)
		held_remove(h);
	evrt_load_relaxed(&evrt__lock_table.unlock)(0, l->lock);
}

bool
evrt__checked_trylock(struct evrt_checked_lock *l, const char *site)
{
	check_magic(l, "tried", site);
	struct held *h = held_find(l);
	if (h && !(l->locktype & EVRT_LOCKTYPE_RECURSIVE))
		return false; /* as the plain lock would say; the one underneath is recursive */
	if (!h)
		held_check_room(l, site);
	if (evrt_load_relaxed(&evrt__lock_table.lock)(EVRT_LOCK_TRY, l->lock) != 0)
		return false;
	if (h)
		h->depth++;
	else
		held_push(l, site);
	return true;
}

bool
evrt__checked_is_held(const struct evrt_checked_lock *l)
{
	return held_find(l) != NULL;
}

int
evrt__checked_wait(struct evrt_checked_lock *l, void *cond, const struct timeval *timeout)
{
	check_magic(l, "waited with", "evrt__cond_wait");
	struct held *h = held_find(l);
	if (!h)
		not_the_holder(l, "waited with", "evrt__cond_wait");
	if (h->depth != 1)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s lock %p held since %s is waited with while held %u times: the "
		    "wait would release it once", rank_name(l->rank), (void *)l, h->site, h->depth);
	/* The wait takes it again at its end, after all others that are held now. */
	held_check_order(l, h->site);
	const char *site = h->site;
	held_remove(h);
	int r = evrt_load_relaxed(&evrt__lock_table.cond_wait)(cond, l->lock, timeout);
	held_push(l, site);
	return r;
}
