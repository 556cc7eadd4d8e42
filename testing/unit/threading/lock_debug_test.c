/* testing/unit/threading/lock_debug_test.c — every mistake that lock debugging names, and all it allows. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "base/log.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/unit/base/death.h"
#include "testing/unit/threading/quiet_locks.h"
#include "threading/lock.h"

/* Two locks of the ranks that a mistake needs, and what it did with them. */
static void *first, *second;

static void
make_locks(unsigned type, enum evrt_lock_rank rank_first, enum evrt_lock_rank rank_second)
{
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	first = evrt__lock_new(type, rank_first);
	second = evrt__lock_new(type, rank_second);
	CHECK(first && second);
}

static void
free_locks(unsigned type)
{
	evrt__lock_free(first, type);
	evrt__lock_free(second, type);
}

/* `mistake` must end in the fatal callback with one message that contains all of the `parts` (up to NULL). */
static void
check_mistake(void (*mistake)(void *), void *arg, const char *const *parts)
{
	struct evrt_test_death d;

	evrt_test_die(mistake, arg, 0, &d);
	CHECK(WIFEXITED(d.status) && WEXITSTATUS(d.status) == EVRT_TEST_DEATH_FATAL);
	CHECK_INT_EQ(d.messages, 1);
	CHECK_INT_EQ(d.level, EVRT_LOG_ERR);
	CHECK_INT_EQ(d.fatal_code, EVRT_ERR_ABORT);
	for (; *parts; parts++)
		if (!strstr(d.message, *parts))
			evrt_test_fail(__FILE__, __LINE__, "\"%s\" is not in: %s", *parts, d.message);
}

/* "RANK lock ADDRESS", as messages have it. */
static const char *
lock_text(char *buf, size_t size, const char *rank, void *lock)
{
	snprintf(buf, size, "%s lock %p", rank, lock);
	return buf;
}

static void
take_in_wrong_order(void *arg)
{
	(void)arg;
	evrt__lock_at(first, "a.c:1");
	evrt__lock_at(second, "b.c:2");
}

static void
wrong_rank_names_both_locks_and_places(void)
{
	char one[64], two[64];

	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base, EVRT_RANK_evbuffer);
	check_mistake(take_in_wrong_order, NULL, (const char *const[]){"wrong order",
	    lock_text(two, sizeof(two), "evbuffer", second), "taken at b.c:2",
	    lock_text(one, sizeof(one), "base", first), "held since a.c:1", "(evbuffer is 60, base is 70)", NULL});
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
equal_ranks_are_wrong(void)
{
	make_locks(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_base, EVRT_RANK_base);
	check_mistake(take_in_wrong_order, NULL, (const char *const[]){"wrong order", "(base is 70, base is 70)", NULL});
	free_locks(EVRT_LOCKTYPE_RECURSIVE);
}

static void
equal_evbuffers_go_by_address(void)
{
	make_locks(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_evbuffer, EVRT_RANK_evbuffer);
	void *low = (uintptr_t)first < (uintptr_t)second ? first : second;
	void *high = low == first ? second : first;
	evrt__lock(low);
	evrt__lock(high);
	evrt__lock(low); /* held already: cannot wait */
	evrt__unlock(low);
	evrt__unlock(high);
	evrt__unlock(low);
	first = high;
	second = low;
	check_mistake(take_in_wrong_order, NULL, (const char *const[]){"wrong order", "(evbuffer is 60", NULL});
	free_locks(EVRT_LOCKTYPE_RECURSIVE);
}

static void
user_locks_have_no_order(void)
{
	/* Either way round; with new locks each time, or ThreadSanitizer sees the cycle. */
	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base, EVRT_RANK_user);
	take_in_wrong_order(NULL);
	evrt__unlock(second);
	evrt__unlock(first);
	free_locks(EVRT_LOCKTYPE_PLAIN);
	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user, EVRT_RANK_dns);
	take_in_wrong_order(NULL);
	evrt__unlock(second);
	evrt__unlock(first);
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
ascending_ranks_and_recursion_are_right(void)
{
	make_locks(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_bufferevent, EVRT_RANK_base);
	evrt__lock(first);
	evrt__lock(second);
	evrt__lock(first); /* lower, but held already */
	CHECK(evrt__trylock(second));
	CHECK(evrt__lock_is_held(first));
	evrt__unlock(first);
	CHECK(evrt__lock_is_held(first));
	evrt__unlock(first);
	CHECK(!evrt__lock_is_held(first));
	evrt__unlock(second);
	evrt__unlock(second);
	CHECK(!evrt__lock_is_held(second));
	free_locks(EVRT_LOCKTYPE_RECURSIVE);
}

static void
take_twice(void *arg)
{
	(void)arg;
	evrt__lock_at(first, "a.c:1");
	evrt__lock_at(first, "b.c:2");
}

static void
second_lock_of_a_plain_one(void)
{
	char one[64];

	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base, EVRT_RANK_base);
	check_mistake(take_twice, NULL, (const char *const[]){lock_text(one, sizeof(one), "base", first), "not recursive",
	    "taken at b.c:2", "since a.c:1", NULL});
	evrt__lock(first);
	CHECK(!evrt__trylock(first));
	evrt__unlock(first);
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
release_free_lock(void *arg)
{
	(void)arg;
	evrt__unlock_at(first, "a.c:1");
}

static void
unlock_of_a_free_lock(void)
{
	char one[64];

	make_locks(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_pool, EVRT_RANK_base);
	check_mistake(release_free_lock, NULL, (const char *const[]){lock_text(one, sizeof(one), "pool", first),
	    "released at a.c:1", "does not hold it", "nobody does", NULL});
	free_locks(EVRT_LOCKTYPE_RECURSIVE);
}

static void *
hold_for_ever(void *arg)
{
	evrt__lock_at(first, "holder.c:7");
	evrt_test_gate_open(arg);
	evrt_test_gate_wait(&(struct evrt_test_gate){0});
	return NULL;
}

static void
release_lock_of_another(void *arg)
{
	struct evrt_test_gate held = {0};
	pthread_t t;

	(void)arg;
	CHECK_INT_EQ(pthread_create(&t, NULL, hold_for_ever, &held), 0);
	evrt_test_gate_wait(&held);
	CHECK(!evrt__lock_is_held(first));
	CHECK(!evrt__trylock(first));
	evrt__unlock_at(first, "a.c:1");
}

static void
unlock_by_a_stranger_names_the_holders_place(void)
{
	make_locks(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_pool, EVRT_RANK_base);
	check_mistake(release_lock_of_another, NULL,
	    (const char *const[]){"released at a.c:1", "does not hold it", "another does since holder.c:7", NULL});
	free_locks(EVRT_LOCKTYPE_RECURSIVE);
}

static void
destroy_held(void *arg)
{
	(void)arg;
	evrt__lock_at(first, "a.c:1");
	evrt__lock_free(first, EVRT_LOCKTYPE_PLAIN);
}

static void
destroy_with_another_type(void *arg)
{
	(void)arg;
	evrt__lock_free(first, EVRT_LOCKTYPE_RECURSIVE);
}

static void
destroying_wrongly(void)
{
	char one[64];

	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_dns, EVRT_RANK_base);
	check_mistake(destroy_held, NULL, (const char *const[]){lock_text(one, sizeof(one), "dns", first),
	    "destroyed while it is held since a.c:1", NULL});
	check_mistake(destroy_with_another_type, NULL,
	    (const char *const[]){one, "made with type 0", "with type 1", NULL});
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
take_stranger(void *arg)
{
	static char no_lock[64];

	(void)arg;
	evrt__lock_at(no_lock, "a.c:1");
}

static void
a_stranger_is_no_lock(void)
{
	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_dns, EVRT_RANK_base);
	check_mistake(take_stranger, NULL, (const char *const[]){"taken at a.c:1 is no lock", NULL});
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
trylock_is_exempt_but_counts_as_held(void)
{
	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base, EVRT_RANK_evbuffer);
	evrt__lock(first);
	CHECK(evrt__trylock(second));
	CHECK(evrt__lock_is_held(second));
	evrt__unlock(first); /* not in reverse order: allowed */
	CHECK(evrt__lock_is_held(second));
	CHECK(!evrt__lock_is_held(first));
	evrt__lock(first);
	evrt__unlock(second);
	evrt__unlock(first);
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
take_many(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++)
		evrt__lock_at(evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user), "a.c:1");
}

static void
the_list_of_held_locks_is_bounded(void)
{
	struct evrt_test_death d;
	int many = 64;

	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base, EVRT_RANK_base);
	evrt_test_die(take_many, &many, 0, &d);
	CHECK(WIFEXITED(d.status) && WEXITSTATUS(d.status) == 0);
	many = 65;
	check_mistake(take_many, &many, (const char *const[]){"holds 64 others: too many", NULL});
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
wait_without(void *arg)
{
	const struct timeval now = {0};

	(void)arg;
	evrt__cond_wait(evrt__cond_new(), first, &now);
}

static void
wait_holding_twice(void *arg)
{
	const struct timeval now = {0};

	(void)arg;
	evrt__lock_at(first, "a.c:1");
	evrt__lock_at(first, "b.c:2");
	evrt__cond_wait(evrt__cond_new(), first, &now);
}

static void
wait_under_a_higher_lock(void *arg)
{
	const struct timeval now = {0};

	(void)arg;
	evrt__lock_at(first, "a.c:1");
	evrt__lock_at(second, "b.c:2");
	evrt__cond_wait(evrt__cond_new(), first, &now);
}

static void
waiting_wrongly(void)
{
	make_locks(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_bufferevent, EVRT_RANK_base);
	check_mistake(wait_without, NULL, (const char *const[]){"waited with", "does not hold it", NULL});
	check_mistake(wait_holding_twice, NULL, (const char *const[]){"since a.c:1", "held 2 times", NULL});
	check_mistake(wait_under_a_higher_lock, NULL, (const char *const[]){"wrong order", "since b.c:2", NULL});
	free_locks(EVRT_LOCKTYPE_RECURSIVE);
}

struct turn {
	void *cond;
	int ready;
};

static void *
give_turn(void *arg)
{
	struct turn *turn = arg;

	evrt__lock(second);
	turn->ready = 1;
	evrt__cond_signal(turn->cond);
	evrt__unlock(second);
	return NULL;
}

static void
wait_releases_and_takes_again(void)
{
	pthread_t t;

	make_locks(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_bufferevent, EVRT_RANK_base);
	struct turn turn = {evrt__cond_new(), 0};
	evrt__lock(first);
	evrt__lock(second);
	CHECK_INT_EQ(pthread_create(&t, NULL, give_turn, &turn), 0);
	while (!turn.ready)
		CHECK_INT_EQ(evrt__cond_wait(turn.cond, second, NULL), 0);
	CHECK(evrt__lock_is_held(second));
	CHECK(evrt__lock_is_held(first));
	evrt__unlock(second);
	evrt__unlock(first);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
	evrt__cond_free(turn.cond);
	free_locks(EVRT_LOCKTYPE_PLAIN);
}

static void
enabling_before_pthreads_and_memory(void)
{
	evrt__threads_enable_lock_debugging();
	evrt__threads_enable_lock_debugging();
	CHECK(!evrt__threads_on());
	CHECK(!evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base));
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	for (uint64_t k = 1; k <= 2; k++) { /* the checked lock, the mutex */
		evrt_test_fail_alloc(k);
		CHECK(!evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base));
		CHECK(evrt_test_alloc_has_failed());
		CHECK_INT_EQ(evrt_test_allocs_live(), 0);
	}
	void *l = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	CHECK(l != NULL);
	evrt__lock_free(l, EVRT_LOCKTYPE_PLAIN);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
shown_tables_have_the_checks(void)
{
	evrt__threads_enable_lock_debugging();
	const struct evrt_lock_fns *fns = evrt__threads_lock_fns();
	const struct evrt_cond_fns *conds = evrt__threads_cond_fns();
	CHECK(!fns->alloc && !fns->lock && !conds->alloc && !conds->wait);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&evrt_test_quiet_conds), 0);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&evrt_test_quiet_locks), 0);
	CHECK(fns->alloc != evrt_test_quiet_locks.alloc && conds->wait != evrt_test_quiet_conds.wait);
	CHECK_INT_EQ(fns->supported_locktypes, evrt_test_quiet_locks.supported_locktypes);
	void *l = fns->alloc(EVRT_LOCKTYPE_PLAIN);
	void *cond = conds->alloc(0);
	CHECK_INT_EQ(fns->lock(0, l), 0);
	CHECK(evrt__lock_is_held(l));
	CHECK(fns->lock(EVRT_LOCK_TRY, l) != 0); /* the one underneath would have been taken again */
	CHECK_INT_EQ(conds->wait(cond, l, NULL), 0);
	CHECK_INT_EQ(fns->unlock(0, l), 0);
	CHECK_INT_EQ(fns->lock(EVRT_LOCK_TRY, l), 0);
	CHECK_INT_EQ(fns->unlock(0, l), 0);
	conds->free(cond);
	fns->free(l, EVRT_LOCKTYPE_PLAIN);
	/* They are what is in use, however one calls it. */
	CHECK_INT_EQ(evrt__threads_set_lock_fns(fns), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(conds), 0);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&evrt_test_quiet_locks), 0);
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&evrt_test_quiet_conds), 0);
	evrt__threads_shutdown();
	CHECK(!fns->alloc && !conds->wait);
}

static void
write_over_read(void *arg)
{
	const struct evrt_lock_fns *fns = arg;

	fns->lock(EVRT_LOCK_READ, first);
	fns->lock(EVRT_LOCK_WRITE, first);
}

static void
read_write_locks_are_passed_on(void)
{
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&evrt_test_quiet_locks), 0);
	struct evrt_lock_fns *fns = evrt__threads_lock_fns();
	first = fns->alloc(EVRT_LOCKTYPE_READWRITE);
	CHECK_INT_EQ(fns->lock(EVRT_LOCK_READ, first), 0);
	CHECK_INT_EQ(evrt_test_quiet_mode(), EVRT_LOCK_READ);
	CHECK_INT_EQ(fns->lock(EVRT_LOCK_READ | EVRT_LOCK_TRY, first), 0); /* readers do not exclude each other */
	CHECK_INT_EQ(evrt_test_quiet_mode(), EVRT_LOCK_READ | EVRT_LOCK_TRY);
	CHECK_INT_EQ(fns->unlock(EVRT_LOCK_READ, first), 0);
	CHECK_INT_EQ(evrt_test_quiet_mode(), EVRT_LOCK_READ);
	CHECK_INT_EQ(fns->unlock(EVRT_LOCK_READ, first), 0);
	check_mistake(write_over_read, fns, (const char *const[]){"user lock", "not recursive", NULL});
	fns->free(first, EVRT_LOCKTYPE_READWRITE);
}

static const struct evrt_test_case cases[] = {
	{"wrong_rank_names_both_locks_and_places", wrong_rank_names_both_locks_and_places},
	{"equal_ranks_are_wrong", equal_ranks_are_wrong},
	{"equal_evbuffers_go_by_address", equal_evbuffers_go_by_address},
	{"user_locks_have_no_order", user_locks_have_no_order},
	{"ascending_ranks_and_recursion_are_right", ascending_ranks_and_recursion_are_right},
	{"second_lock_of_a_plain_one", second_lock_of_a_plain_one},
	{"unlock_of_a_free_lock", unlock_of_a_free_lock},
	{"unlock_by_a_stranger_names_the_holders_place", unlock_by_a_stranger_names_the_holders_place},
	{"destroying_wrongly", destroying_wrongly},
	{"a_stranger_is_no_lock", a_stranger_is_no_lock},
	{"trylock_is_exempt_but_counts_as_held", trylock_is_exempt_but_counts_as_held},
	{"the_list_of_held_locks_is_bounded", the_list_of_held_locks_is_bounded},
	{"waiting_wrongly", waiting_wrongly},
	{"wait_releases_and_takes_again", wait_releases_and_takes_again},
	{"enabling_before_pthreads_and_memory", enabling_before_pthreads_and_memory},
	{"shown_tables_have_the_checks", shown_tables_have_the_checks},
	{"read_write_locks_are_passed_on", read_write_locks_are_passed_on},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
