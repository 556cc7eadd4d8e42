/* threading/lock_debug.c — locks that know who holds them, and in which order they may be taken.
 *
 * Here:     a checked lock before each lock of the program's callbacks. Every mistake ends in the fatal
 *           callback, with one message that names the locks and, where known, the places.
 * Not here: orders that ranks do not fix (lock_order.c); who is told (base/log.h).
 * Threads:  any. What a thread holds is kept in a list of its own; a lock carries only what others need for
 *           their messages.
 *
 * Mistakes: unlock, or a wait, by a thread that does not hold the lock; a second lock of one that is not
 *           recursive; a lock of lower rank than one already held (rank.def); one of the same rank, but for
 *           evbuffers in ascending order of address and for bufferevents; destroying a lock that is held. A
 *           try-lock cannot wait, and is exempt from the order; so are the locks of rank 0, the program's own,
 *           which lock_order.c looks after.
 */
#include <errno.h>
#include <stddef.h>
#include "base/atomic.h"
#include "base/log.h"
#include "base/mem.h"
#include "threading/lock_internal.h"
#include "threading/lock_order.h"

#define HELD_MAX 64
#define CHECKED_MAGIC UINT32_C(0x10c4ed01)

struct evrt_checked_lock {
	uint32_t magic;                 /* const until freed: tells a stranger's lock from ours */
	unsigned locktype;              /* const: as asked for */
	unsigned inner_type;            /* const: what it was made with */
	void *lock;                     /* const: the program's */
	struct evrt_order_node node;    /* what it is called, its rank, and where it stands among others */
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

static evrt_atomic(evrt_serial_fn) serial_fn;

void
evrt__threads_set_serial_fn(evrt_serial_fn fn)
{
	evrt_store_relaxed(&serial_fn, fn); /* always the same function, of which only the address is read */
}

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
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s taken at %s by a thread that holds %d others: too many",
		    l->node.text, site, HELD_MAX);
}

static void
held_check_rank(const struct evrt_checked_lock *l, const struct held *h, const char *site)
{
	const struct evrt_order_node *n = &l->node, *o = &h->lock->node;

	if (n->rank == EVRT_RANK_user || o->rank < n->rank)
		return;
	if (o->rank == n->rank && n->rank == EVRT_RANK_evbuffer && (uintptr_t)h->lock < (uintptr_t)l)
		return;
	/* A program's callback may lock or free another bufferevent, and one of an evbuffer move bytes to it. */
	if (o->rank == n->rank && evrt__rank_nests(n->rank))
		return;
	evrt__errx(EVRT_ERR_ABORT, "lock debug: %s taken at %s while %s is held since %s: wrong order (%s is %d, %s is "
	    "%d)", n->text, site, o->text, h->site, rank_name(n->rank), (int)n->rank, rank_name(o->rank), (int)o->rank);
}

static struct evrt_order_serial
present_serial(void)
{
	evrt_serial_fn fn = evrt_load_relaxed(&serial_fn);
	struct evrt_order_serial serial = {0, false};
	const struct evrt_checked_lock *strand = fn ? fn(&serial.migrates) : NULL;

	if (strand)
		serial.strand = strand->node.id;
	return serial;
}

/* May `l` be waited for while the locks of this thread's list, other than itself, are held? */
static void
held_check_order(struct evrt_checked_lock *l, const char *site, const void *caller)
{
	struct evrt_order_node *others[HELD_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < held_count; i++) {
		struct held *h = &held_list[i];
		if (h->lock == l)
			continue;
		held_check_rank(l, h, site);
		others[count++] = &h->lock->node;
	}
	if (count)
		evrt__order_check(others, count, &l->node, present_serial(), caller);
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

	evrt__errx(EVRT_ERR_ABORT, "lock debug: %s %s at %s by a thread that does not hold it (%s%s)",
	    l->node.text, what, site, since ? "another does since " : "nobody does",
	    since ? since : "");
}

struct evrt_checked_lock *
evrt__checked_new(unsigned locktype, enum evrt_lock_rank rank, const char *name)
{
	struct evrt_checked_lock *l = evrt__calloc(1, sizeof(*l));
	bool shared = locktype & EVRT_LOCKTYPE_READWRITE;

	if (!l)
		return NULL;
	/* Recursive underneath whatever was asked for, as libevent's lock debugging has it: what stands before the
	 * lock is our check, not a deadlock. */
	l->inner_type = shared ? locktype : EVRT_LOCKTYPE_RECURSIVE;
	l->lock = evrt_load_relaxed(&evrt__lock_table.alloc)(l->inner_type);
	if (!l->lock) {
		evrt__free(l);
		return NULL;
	}
	l->magic = CHECKED_MAGIC;
	l->locktype = locktype;
	evrt__order_init(&l->node, rank, shared, l, rank_name(rank), name);
	return l;
}

void
evrt__checked_free(struct evrt_checked_lock *l, unsigned locktype)
{
	check_magic(l, "destroyed", "evrt__lock_free");
	const char *since = evrt_load_relaxed(&l->site);
	if (since)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s destroyed while it is held since %s",
		    l->node.text, since);
	if (locktype != l->locktype)
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s made with type %u and destroyed with type %u",
		    l->node.text, l->locktype, locktype);
	evrt_load_relaxed(&evrt__lock_table.free)(l->lock, l->inner_type);
	evrt__order_forget(&l->node);
	l->magic = 0;
	evrt__free(l);
}

/* May a thread that holds it already take it again? */
static bool
is_recursive(const struct evrt_checked_lock *l, unsigned mode)
{
	if (l->node.shared && (mode & EVRT_LOCK_READ))
		return true;
	return l->locktype & EVRT_LOCKTYPE_RECURSIVE;
}

void
evrt__checked_lock(struct evrt_checked_lock *l, unsigned mode, const char *site)
{
	check_magic(l, "taken", site);
	struct held *h = held_find(l);
	if (h && !is_recursive(l, mode))
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s taken at %s while the same thread holds it since %s: "
		    "not recursive", l->node.text, site, h->site);
	if (!h) {
		held_check_room(l, site);
		held_check_order(l, site, __builtin_return_address(0));
	}
	evrt_load_relaxed(&evrt__lock_table.lock)(mode, l->lock);
	if (h)
		h->depth++;
	else
		held_push(l, site);
}

void
evrt__checked_unlock(struct evrt_checked_lock *l, unsigned mode, const char *site)
{
	check_magic(l, "released", site);
	struct held *h = held_find(l);
	if (!h)
		not_the_holder(l, "released", site);
	if (--h->depth == 0)
		held_remove(h);
	evrt_load_relaxed(&evrt__lock_table.unlock)(mode, l->lock);
}

bool
evrt__checked_trylock(struct evrt_checked_lock *l, unsigned mode, const char *site)
{
	check_magic(l, "tried", site);
	struct held *h = held_find(l);
	if (h && !is_recursive(l, mode))
		return false; /* as the plain lock would say; the one underneath is recursive */
	if (!h)
		held_check_room(l, site);
	if (evrt_load_relaxed(&evrt__lock_table.lock)(mode | EVRT_LOCK_TRY, l->lock) != 0)
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
		evrt__errx(EVRT_ERR_ABORT, "lock debug: %s held since %s is waited with while held %u times: the "
		    "wait would release it once", l->node.text, h->site, h->depth);
	/* The wait takes it again at its end, after all others that are held now. */
	held_check_order(l, h->site, __builtin_return_address(0));
	const char *site = h->site;
	held_remove(h);
	int r = evrt_load_relaxed(&evrt__lock_table.cond_wait)(cond, l->lock, timeout);
	held_push(l, site);
	return r;
}

/* The checks in the shape of callbacks, for locks that come by the table itself. The place where such a lock was
 * taken is not known; the stacks of lock_order.c tell it. */
static const char callback_site[] = "a call of the lock callbacks";

static void *
callback_alloc(unsigned locktype)
{
	return evrt__lock_new(locktype, EVRT_RANK_user);
}

static void
callback_free(void *lock, unsigned locktype)
{
	evrt__lock_free(lock, locktype);
}

static int
callback_lock(unsigned mode, void *lock)
{
	if (mode & EVRT_LOCK_TRY)
		return evrt__checked_trylock(lock, mode, callback_site) ? 0 : EBUSY;
	evrt__checked_lock(lock, mode, callback_site);
	return 0;
}

static int
callback_unlock(unsigned mode, void *lock)
{
	evrt__checked_unlock(lock, mode, callback_site);
	return 0;
}

static int
callback_wait(void *cond, void *lock, const struct timeval *timeout)
{
	return evrt__checked_wait(lock, cond, timeout);
}

void
evrt__checked_wrap(struct evrt_lock_fns *fns, struct evrt_cond_fns *conds)
{
	if (fns->alloc) {
		fns->alloc = callback_alloc;
		fns->free = callback_free;
		fns->lock = callback_lock;
		fns->unlock = callback_unlock;
	}
	if (conds->alloc)
		conds->wait = callback_wait;
}
