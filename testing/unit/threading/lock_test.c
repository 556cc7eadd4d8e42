/* testing/unit/threading/lock_test.c — the evthread contract: who may set which callbacks when, and what
 * the lock calls hand to them. */
#include "threading/lock.h"

#include <stddef.h>
#include <string.h>
#include "base/log.h"
#include "testing/harness/test.h"

/* A build that checks locks from the start asks for recursive ones underneath. */
#ifndef EVRT_LOCK_DEBUG_DEFAULT
#define EVRT_LOCK_DEBUG_DEFAULT 0
#endif
#define TYPE_BELOW(type) (EVRT_LOCK_DEBUG_DEFAULT ? EVRT_LOCKTYPE_RECURSIVE : (type))

static int warnings;

static void
count_warnings(int level, const char *msg)
{
	(void)msg;
	warnings += level == EVRT_LOG_WARN;
}

/* A lock that notes the last call made on it. */
static struct {
	unsigned type_made, type_freed, mode;
	int made, freed, locked, unlocked, refuse;
} seen;
static int lock_object;

static void *
note_alloc(unsigned type)
{
	seen.made++;
	seen.type_made = type;
	return &lock_object;
}

static void
note_free(void *lock, unsigned type)
{
	CHECK_PTR_EQ(lock, &lock_object);
	seen.freed++;
	seen.type_freed = type;
}

static int
note_lock(unsigned mode, void *lock)
{
	CHECK_PTR_EQ(lock, &lock_object);
	seen.mode = mode;
	seen.locked += !seen.refuse;
	return seen.refuse;
}

static int
note_unlock(unsigned mode, void *lock)
{
	CHECK_PTR_EQ(lock, &lock_object);
	CHECK_INT_EQ(mode, 0);
	seen.unlocked++;
	return 0;
}

static int cond_object, signals, broadcasts, waits;
static const struct timeval *wait_timeout;

static void *note_cond_alloc(unsigned type) { CHECK_INT_EQ(type, 0); return &cond_object; }
static void note_cond_free(void *cond) { CHECK_PTR_EQ(cond, &cond_object); cond_object = 99; }

static int
note_signal(void *cond, int broadcast)
{
	CHECK_PTR_EQ(cond, &cond_object);
	signals += !broadcast;
	broadcasts += broadcast;
	return 0;
}

static int
note_wait(void *cond, void *lock, const struct timeval *timeout)
{
	CHECK_PTR_EQ(cond, &cond_object);
	CHECK_PTR_EQ(lock, &lock_object);
	wait_timeout = timeout;
	waits++;
	return 1;
}

static const struct evrt_lock_fns lock_fns = {1, 1, note_alloc, note_free, note_lock, note_unlock};
static const struct evrt_cond_fns cond_fns = {1, note_cond_alloc, note_cond_free, note_signal, note_wait};

static void
off_means_null_and_nothing(void)
{
	CHECK(!evrt__threads_on());
	CHECK_INT_EQ(evrt__thread_id(), 1);
	CHECK(!evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base));
	CHECK(!evrt__cond_new());
	evrt__lock(NULL);
	evrt__unlock(NULL);
	CHECK(evrt__trylock(NULL));
	CHECK(evrt__lock_is_held(NULL));
	evrt__lock_free(NULL, EVRT_LOCKTYPE_PLAIN);
	evrt__cond_signal(NULL);
	evrt__cond_broadcast(NULL);
	CHECK_INT_EQ(evrt__cond_wait(NULL, NULL, NULL), -1);
	evrt__cond_free(NULL);
}

static void
locks_go_to_the_callbacks(void)
{
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&lock_fns), 0);
	CHECK(evrt__threads_on());
	void *l = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	CHECK(l != NULL);
	CHECK_INT_EQ(seen.made, 1);
	CHECK_INT_EQ(seen.type_made, TYPE_BELOW(EVRT_LOCKTYPE_PLAIN));
	evrt__lock(l);
	CHECK_INT_EQ(seen.mode, 0);
	CHECK(evrt__lock_is_held(l));
	evrt__unlock(l);
	CHECK(evrt__trylock(l));
	CHECK_INT_EQ(seen.mode, EVRT_LOCK_TRY);
	evrt__unlock(l);
	seen.refuse = 1;
	CHECK(!evrt__trylock(l));
	CHECK_INT_EQ(seen.locked, 2);
	CHECK_INT_EQ(seen.unlocked, 2);
	evrt__lock_free(l, EVRT_LOCKTYPE_PLAIN);
	CHECK_INT_EQ(seen.freed, 1);
	CHECK_INT_EQ(seen.type_freed, TYPE_BELOW(EVRT_LOCKTYPE_PLAIN));
}

static void
conditions_go_to_the_callbacks(void)
{
	const struct timeval tv = {1, 2};

	CHECK_INT_EQ(evrt__threads_set_lock_fns(&lock_fns), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&cond_fns), 0);
	void *l = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	void *c = evrt__cond_new();
	CHECK_PTR_EQ(c, &cond_object);
	evrt__cond_signal(c);
	evrt__cond_broadcast(c);
	evrt__cond_broadcast(c);
	CHECK_INT_EQ(signals, 1);
	CHECK_INT_EQ(broadcasts, 2);
	evrt__lock(l);
	CHECK_INT_EQ(evrt__cond_wait(c, l, &tv), 1);
	CHECK_PTR_EQ(wait_timeout, &tv);
	CHECK_INT_EQ(evrt__cond_wait(c, NULL, NULL), -1);
	CHECK_INT_EQ(waits, 1);
	evrt__unlock(l);
	evrt__cond_free(c);
	CHECK_INT_EQ(cond_object, 99);
	evrt__lock_free(l, EVRT_LOCKTYPE_PLAIN);
}

static void
the_same_set_again_is_fine_another_is_not(void)
{
	struct evrt_lock_fns same = lock_fns, version = lock_fns, types = lock_fns;

	evrt__log_set_callback(count_warnings);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&lock_fns), 0);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&same), 0);
	CHECK_INT_EQ(warnings, 0);
	version.lock_api_version = 2;
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&version), -1);
	types.supported_locktypes = 3;
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&types), -1);
	CHECK_INT_EQ(warnings, 2);
	CHECK_INT_EQ(evrt__threads_use_pthreads(), -1);
	CHECK_INT_EQ(warnings, 3);
	CHECK_INT_EQ(evrt__thread_id(), 1); /* the refusal changed nothing */
	CHECK(!evrt__cond_new());

	struct evrt_cond_fns other = cond_fns;
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&cond_fns), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&other), 0);
	CHECK_INT_EQ(warnings, 3);
	other.condition_api_version = 2;
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&other), -1);
	CHECK_INT_EQ(warnings, 4);
}

static void
incomplete_sets_are_not_taken(void)
{
	struct evrt_lock_fns l = lock_fns;
	struct evrt_cond_fns c = cond_fns;

	l.unlock = NULL;
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&l), -1);
	CHECK(!evrt__threads_on());
	c.wait = NULL;
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&c), 0);
	CHECK(!evrt__cond_new());
}

static void
null_switches_off_with_a_warning(void)
{
	evrt__log_set_callback(count_warnings);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(NULL), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(NULL), 0);
	CHECK_INT_EQ(warnings, 0);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&lock_fns), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&cond_fns), 0);
	void *l = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_base);
	void *c = evrt__cond_new();
	CHECK_INT_EQ(evrt__threads_set_lock_fns(NULL), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(NULL), 0);
	CHECK_INT_EQ(warnings, 2);
	CHECK(!evrt__threads_on());
	/* What outlives its callbacks is harmless. */
	evrt__lock(l);
	evrt__cond_signal(c);
	CHECK_INT_EQ(evrt__cond_wait(c, l, NULL), -1);
	evrt__unlock(l);
	evrt__cond_free(c);
	CHECK_INT_EQ(seen.locked + signals + waits, 0);
	evrt__lock_free(l, EVRT_LOCKTYPE_RECURSIVE);
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
}

static void
shutdown_forgets_everything(void)
{
	evrt__log_set_callback(count_warnings);
	evrt__threads_shutdown();
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	CHECK(evrt__thread_id() != 1);
	evrt__lock_free(evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base), EVRT_LOCKTYPE_PLAIN);
	evrt__threads_shutdown();
	CHECK(!evrt__threads_on());
	CHECK_INT_EQ(evrt__thread_id(), 1);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&lock_fns), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&cond_fns), 0);
	evrt__threads_shutdown();
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(warnings, 0);
}

static void
debugging_is_refused_once_there_are_locks(void)
{
	evrt__log_set_callback(count_warnings);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&lock_fns), 0);
	void *l = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(warnings, !EVRT_LOCK_DEBUG_DEFAULT);
	evrt__lock(l); /* an unchecked lock is not taken for a checked one */
	evrt__unlock(l);
	evrt__lock_free(l, EVRT_LOCKTYPE_PLAIN);
	CHECK_INT_EQ(seen.freed, 1);
}

static void
the_table_is_shown_as_given(void)
{
	evrt__log_set_callback(count_warnings);
	const struct evrt_lock_fns *shown = evrt__threads_lock_fns();
	CHECK(!shown->alloc);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&lock_fns), 0);
	CHECK_PTR_EQ(evrt__threads_lock_fns(), shown);
	CHECK((shown->lock == lock_fns.lock) == !EVRT_LOCK_DEBUG_DEFAULT);
	/* Locks may have been made by it. */
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(warnings, !EVRT_LOCK_DEBUG_DEFAULT);
	CHECK((shown->lock == lock_fns.lock) == !EVRT_LOCK_DEBUG_DEFAULT);
}

static unsigned long answer_7(void) { return 7; }

static void
id_callback_answers(void)
{
	evrt__threads_set_id_fn(answer_7);
	CHECK_INT_EQ(evrt__thread_id(), 7);
	evrt__threads_set_id_fn(NULL);
	CHECK_INT_EQ(evrt__thread_id(), 1);
}

static const struct evrt_test_case cases[] = {
	{"off_means_null_and_nothing", off_means_null_and_nothing},
	{"locks_go_to_the_callbacks", locks_go_to_the_callbacks},
	{"conditions_go_to_the_callbacks", conditions_go_to_the_callbacks},
	{"the_same_set_again_is_fine_another_is_not", the_same_set_again_is_fine_another_is_not},
	{"incomplete_sets_are_not_taken", incomplete_sets_are_not_taken},
	{"null_switches_off_with_a_warning", null_switches_off_with_a_warning},
	{"shutdown_forgets_everything", shutdown_forgets_everything},
	{"debugging_is_refused_once_there_are_locks", debugging_is_refused_once_there_are_locks},
	{"the_table_is_shown_as_given", the_table_is_shown_as_given},
	{"id_callback_answers", id_callback_answers},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
