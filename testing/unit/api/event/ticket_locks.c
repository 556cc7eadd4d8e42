/* testing/unit/api/event/ticket_locks.c — see ticket_locks.h.
 *
 * PAIRS  ticket.serving: unlock (add, seq_cst) -> lock (load, seq_cst): what the last holder did is seen.
 *        condition.rounds: signal (add, seq_cst) -> wait's futex, which looks again before it sleeps.
 */
#include "testing/unit/api/event/ticket_locks.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <event2/thread.h>

#include "base/atomic.h"
#include "testing/harness/test.h"

struct ticket {
	evrt_atomic(uint32_t) next, serving;
	evrt_atomic(unsigned long) owner; /* written by the holder; 0: nobody */
	unsigned depth;                   /* guarded by the lock itself */
	unsigned type;                    /* const */
};
struct condition {
	evrt_atomic(uint32_t) rounds;
};

/* Relaxed throughout: they publish nothing, and are read at rest. */
static evrt_atomic(long) locks, conditions, taken;
struct evrt_test_count evrt_test_ticket_waits;

static unsigned long
ticket_id(void)
{
	static _Thread_local char mine;

	return (unsigned long)(uintptr_t)&mine;
}

static int
futex_wait(evrt_atomic(uint32_t) *word, uint32_t seen, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, timeout, NULL, 0) < 0 ? errno : 0;
}

static void
futex_wake(evrt_atomic(uint32_t) *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void *
ticket_alloc(unsigned type)
{
	struct ticket *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	CHECK(type == 0 || type == EVTHREAD_LOCKTYPE_RECURSIVE);
	t->type = type;
	evrt_add_relaxed(&locks, 1);
	return t;
}

static void
ticket_free(void *lock, unsigned type)
{
	struct ticket *t = lock;

	CHECK_INT_EQ(t->type, type);
	CHECK_INT_EQ(evrt_load_seq_cst(&t->next), evrt_load_seq_cst(&t->serving));
	evrt_sub_relaxed(&locks, 1);
	free(t);
}

static int
ticket_lock(unsigned mode, void *lock)
{
	struct ticket *t = lock;
	uint32_t now;

	if (evrt_load_relaxed(&t->owner) == ticket_id()) {
		/* What is not recursive is never taken twice, but a try may ask. */
		CHECK(t->type == EVTHREAD_LOCKTYPE_RECURSIVE || (mode & EVTHREAD_TRY));
		if (t->type != EVTHREAD_LOCKTYPE_RECURSIVE)
			return EBUSY;
		t->depth++;
		return 0;
	}
	if (mode & EVTHREAD_TRY) {
		now = evrt_load_seq_cst(&t->serving);
		if (!evrt_cas_seq_cst(&t->next, &now, now + 1))
			return EBUSY;
	} else {
		uint32_t mine = evrt_add_seq_cst(&t->next, 1u);
		while ((now = evrt_load_seq_cst(&t->serving)) != mine)
			futex_wait(&t->serving, now, NULL);
	}
	evrt_store_relaxed(&t->owner, ticket_id());
	t->depth = 1;
	evrt_add_relaxed(&taken, 1);
	return 0;
}

static int
ticket_unlock(unsigned mode, void *lock)
{
	struct ticket *t = lock;

	(void)mode;
	CHECK(evrt_load_relaxed(&t->owner) == ticket_id());
	if (--t->depth > 0)
		return 0;
	evrt_store_relaxed(&t->owner, 0ul);
	evrt_add_seq_cst(&t->serving, 1u);
	/* All are woken, and whether there are any is not asked: from here on the lock may be freed by its next holder.
	 * Only its address is used, and a wake on a dead one wakes nobody. */
	futex_wake(&t->serving, INT32_MAX);
	return 0;
}

static void *
condition_alloc(unsigned type)
{
	struct condition *c = calloc(1, sizeof(*c));

	CHECK_INT_EQ(type, 0);
	if (c)
		evrt_add_relaxed(&conditions, 1);
	return c;
}

static void
condition_free(void *cond)
{
	evrt_sub_relaxed(&conditions, 1);
	free(cond);
}

static int
condition_signal(void *cond, int broadcast)
{
	struct condition *c = cond;

	evrt_add_seq_cst(&c->rounds, 1u);
	futex_wake(&c->rounds, broadcast ? INT32_MAX : 1);
	return 0;
}

static int
condition_wait(void *cond, void *lock, const struct timeval *timeout)
{
	struct condition *c = cond;
	struct timespec span = { 0, 0 };

	if (timeout)
		span = (struct timespec){ timeout->tv_sec, timeout->tv_usec * 1000 };
	evrt_test_count_add(&evrt_test_ticket_waits, 1);
	uint32_t round = evrt_load_seq_cst(&c->rounds);
	ticket_unlock(0, lock);
	int err = futex_wait(&c->rounds, round, timeout ? &span : NULL);
	ticket_lock(0, lock);
	return err == ETIMEDOUT;
}

void
evrt_test_use_ticket_locks(void)
{
	static const struct evthread_lock_callbacks lock_fns = {
		EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, ticket_alloc, ticket_free, ticket_lock, ticket_unlock,
	};
	static const struct evthread_condition_callbacks condition_fns = {
		EVTHREAD_CONDITION_API_VERSION, condition_alloc, condition_free, condition_signal, condition_wait,
	};

	evthread_set_id_callback(ticket_id);
	CHECK_INT_EQ(evthread_set_condition_callbacks(&condition_fns), 0);
	CHECK_INT_EQ(evthread_set_lock_callbacks(&lock_fns), 0);
}

struct evrt_test_ticket_counts
evrt_test_ticket_counts(void)
{
	return (struct evrt_test_ticket_counts){
		.locks = evrt_load_relaxed(&locks),
		.conditions = evrt_load_relaxed(&conditions),
		.taken = evrt_load_relaxed(&taken),
	};
}
