/* testing/unit/threading/lock_order_test.c — which orders of locks are reported, which are excused, and the text. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/mem.h"
#include "base/sys.h"
#include "testing/harness/test.h"
#include "testing/unit/threading/quiet_locks.h"
#include "testing/unit/threading/verdict.h"
#include "threading/lock.h"
#include "threading/lock_order.h"

#define LOCKS_MAX 10
/* In the table of dynamic symbols, so that stacks name it. */
#define NAMED __attribute__((noinline, visibility("default")))

void take_a_then_b(void) NAMED;
void take_b_then_a(void) NAMED;

static void *a, *b, *g;
static void *ring_lock[LOCKS_MAX];

static void
make_locks(enum evrt_lock_rank rank_a, enum evrt_lock_rank rank_b)
{
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(evrt__threads_set_cond_fns(&evrt_test_quiet_conds), 0);
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&evrt_test_quiet_locks), 0);
	a = evrt__lock_new_named(EVRT_LOCKTYPE_RECURSIVE, rank_a, "alpha");
	b = evrt__lock_new_named(EVRT_LOCKTYPE_RECURSIVE, rank_b, "beta");
	g = evrt__lock_new_named(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user, "gate");
	CHECK(a && b && g);
}

static void
make_own_locks(void)
{
	make_locks(EVRT_RANK_user, EVRT_RANK_user);
}

static void *
call(void *fn)
{
	(*(void (**)(void))fn)();
	return NULL;
}

/* Runs it to its end in a thread of its own. */
static void
in_thread(void (*fn)(void))
{
	pthread_t t;

	CHECK_INT_EQ(pthread_create(&t, NULL, call, &fn), 0);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
}

static void
take_two(void *first, void *second)
{
	evrt__lock(first);
	evrt__lock(second);
	evrt__unlock(second);
	evrt__unlock(first);
}

void
take_a_then_b(void)
{
	take_two(a, b);
	evrt__unlock(NULL); /* not a tail call above: this frame is looked for */
}

void
take_b_then_a(void)
{
	take_two(b, a);
	evrt__unlock(NULL);
}

/* --- the program's own locks */

static void
inverted_in_two_threads(void)
{
	make_own_locks();
	in_thread(take_a_then_b);
	in_thread(take_b_then_a);
}

static void
two_threads_are_fatal_with_both_stacks(void)
{
	evrt_test_verdict(inverted_in_two_threads, EVRT_TEST_FATAL, (const char *const[]){
	    "[1] thread 2 takes user lock", "(alpha) while it holds user lock", "(beta), at", "take_b_then_a+0x",
	    "[2] thread 1 took user lock", "(beta) while it held user lock", "(alpha), at", "take_a_then_b+0x",
	    "possible deadlock: user lock", "(beta) -> user lock", "(alpha) -> user lock", "(beta).", "in one order",
	    NULL});
}

static void
inverted_in_one_thread(void)
{
	make_own_locks();
	take_a_then_b();
	take_b_then_a();
	take_b_then_a(); /* known */
}

static void
one_thread_is_a_warning(void)
{
	evrt_test_verdict(inverted_in_one_thread, EVRT_TEST_WARNED, (const char *const[]){
	    "[1] thread 1 takes", "take_b_then_a", "[2] thread 1 took", "take_a_then_b", "in a ring",
	    "One thread or strand alone", NULL});
}

static void
inverted_in_one_thread_then_another(void)
{
	inverted_in_one_thread();
	in_thread(take_a_then_b);
}

static void
what_one_thread_did_counts_for_the_next(void)
{
	evrt_test_verdict(inverted_in_one_thread_then_another, EVRT_TEST_FATAL, (const char *const[]){"in a ring",
	    "[1] thread 2 takes", "take_a_then_b", "[2] thread 1 took", "take_b_then_a", "possible deadlock", NULL});
}

static unsigned ring_length, ring_at;

static void
take_ring_step(void)
{
	take_two(ring_lock[ring_at], ring_lock[(ring_at + 1) % ring_length]);
}

static void
walk_ring(unsigned length)
{
	make_own_locks();
	ring_length = length;
	for (unsigned i = 0; i < length; i++)
		ring_lock[i] = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user);
	for (ring_at = 0; ring_at < length; ring_at++)
		in_thread(take_ring_step);
}

static void walk_ring_of_three(void) { walk_ring(3); }
static void walk_longest_ring(void) { walk_ring(EVRT_ORDER_RING_MAX); }
static void walk_too_long_a_ring(void) { walk_ring(EVRT_ORDER_RING_MAX + 1); }

static void
rings_are_found_up_to_a_bound(void)
{
	evrt_test_verdict(walk_ring_of_three, EVRT_TEST_FATAL,
	    (const char *const[]){"[1] thread 3 takes", "[2] thread 1 took", "[3] thread 2 took", NULL});
	evrt_test_verdict(walk_longest_ring, EVRT_TEST_FATAL, (const char *const[]){"[8] thread 7", NULL});
	evrt_test_verdict(walk_too_long_a_ring, EVRT_TEST_SILENT, NULL);
}

/* --- what excuses */

static void
gated_a_then_b(void)
{
	evrt__lock(g);
	take_a_then_b();
	evrt__unlock(g);
}

static void
gated_b_then_a(void)
{
	evrt__lock(g);
	take_b_then_a();
	evrt__unlock(g);
}

static void
both_gated(void)
{
	make_own_locks();
	in_thread(gated_a_then_b);
	in_thread(gated_b_then_a);
	gated_a_then_b();
	gated_b_then_a();
}

static void
gated_then_not(void)
{
	both_gated();
	in_thread(take_a_then_b);
}

static void
a_gate_excuses_those_who_pass_it(void)
{
	evrt_test_verdict(both_gated, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(gated_then_not, EVRT_TEST_FATAL, (const char *const[]){"takes", "take_a_then_b", "took",
	    "take_b_then_a", "possible deadlock", NULL});
}

static void
try_a_under_b(void)
{
	evrt__lock(b);
	CHECK(evrt__trylock(a));
	evrt__unlock(a);
	evrt__unlock(b);
}

static void
take_a_under_tried_b(void)
{
	CHECK(evrt__trylock(b));
	evrt__lock(a);
	evrt__unlock(a);
	evrt__unlock(b);
}

static void
tried_second(void)
{
	make_own_locks();
	in_thread(take_a_then_b);
	in_thread(try_a_under_b);
}

static void
tried_first(void)
{
	make_own_locks();
	in_thread(take_a_then_b);
	in_thread(take_a_under_tried_b);
}

static void
a_try_does_not_wait_but_holds(void)
{
	evrt_test_verdict(tried_second, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(tried_first, EVRT_TEST_FATAL, (const char *const[]){"possible deadlock", NULL});
}

static void
take_a_again_under_b(void)
{
	evrt__lock(a);
	take_b_then_a();
	evrt__unlock(a);
}

static void
recursion(void)
{
	make_own_locks();
	in_thread(take_a_then_b);
	in_thread(take_a_again_under_b);
}

static void
a_lock_held_already_is_not_waited_for(void)
{
	evrt_test_verdict(recursion, EVRT_TEST_SILENT, NULL);
}

static void
wait_for_a_under_b(void)
{
	void *cond = evrt__cond_new();

	evrt__lock(a);
	evrt__lock(b);
	CHECK_INT_EQ(evrt__cond_wait(cond, a, NULL), 0);
	evrt__unlock(b);
	evrt__unlock(a);
	evrt__cond_free(cond);
}

static void
wait_inverts(void)
{
	make_own_locks();
	in_thread(wait_for_a_under_b);
	in_thread(take_a_then_b);
}

static void
a_wait_takes_its_lock_last(void)
{
	evrt_test_verdict(wait_inverts, EVRT_TEST_FATAL, (const char *const[]){"thread 2 takes", "(beta)",
	    "thread 1 took", "(alpha) while it held", "possible deadlock", NULL});
}

/* --- locks of the library */

static void
inverted_bufferevents_in_one_thread(void)
{
	make_locks(EVRT_RANK_bufferevent, EVRT_RANK_bufferevent);
	take_a_then_b();
	take_b_then_a();
}

static void
inverted_bufferevents_in_two(void)
{
	inverted_bufferevents_in_one_thread();
	in_thread(take_b_then_a);
}

static void
bufferevents_of_one_thread_are_excused(void)
{
	evrt_test_verdict(inverted_bufferevents_in_one_thread, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(inverted_bufferevents_in_two, EVRT_TEST_FATAL, (const char *const[]){"bufferevent lock",
	    "possible deadlock", "BEV_OPT_UNLOCK_CALLBACKS", NULL});
}

/* Three threads; the pair in the middle is one that ranks order, which is looked at only as part of this. */
static void take_g_then_a(void) { take_two(g, a); }
static void take_b_then_g(void) { take_two(b, g); }

static void
ranked_pair_in_a_ring(void)
{
	make_locks(EVRT_RANK_bufferevent, EVRT_RANK_base);
	in_thread(take_g_then_a);
	in_thread(take_b_then_g);
	in_thread(take_a_then_b);
}

static void
locks_of_all_ranks_close_rings(void)
{
	evrt_test_verdict(ranked_pair_in_a_ring, EVRT_TEST_FATAL, (const char *const[]){"takes base lock",
	    "holds bufferevent lock", "took user lock", "(gate) while it held base lock", "took bufferevent lock",
	    "while it held user lock", NULL});
}

/* The strand that this thread is in, as a program's runtime would say it. */
static _Thread_local void *strand;
static bool strand_moves;

static void *
say_strand(bool *migrates)
{
	*migrates = strand_moves;
	return strand;
}

static void *strand_one, *strand_two;

static void
make_strands(bool moves)
{
	make_locks(EVRT_RANK_bufferevent, EVRT_RANK_bufferevent);
	evrt__threads_set_serial_fn(say_strand);
	strand_moves = moves;
	strand_one = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
	strand_two = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
}

static void
a_then_b_in_one(void)
{
	strand = strand_one;
	take_a_then_b();
	strand = NULL;
}

static void
b_then_a_in_one(void)
{
	strand = strand_one;
	take_b_then_a();
	strand = NULL;
}

static void
b_then_a_in_two(void)
{
	strand = strand_two;
	take_b_then_a();
	strand = NULL;
}

static void
one_strand_in_two_threads(void)
{
	make_strands(true);
	in_thread(a_then_b_in_one);
	in_thread(b_then_a_in_one);
}

static void
two_loops_of_one_thread(void)
{
	make_strands(false);
	a_then_b_in_one();
	b_then_a_in_two();
	take_b_then_a();
}

static void
two_strands_of_one_thread(void)
{
	make_strands(true);
	a_then_b_in_one();
	b_then_a_in_two();
}

static void
strands_excuse_where_they_serialise(void)
{
	evrt_test_verdict(one_strand_in_two_threads, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(two_loops_of_one_thread, EVRT_TEST_SILENT, NULL);
	evrt_test_verdict(two_strands_of_one_thread, EVRT_TEST_FATAL, (const char *const[]){"thread 1 takes",
	    "thread 1 took", "possible deadlock", NULL});
}

/* --- memory */

/* Gives the block that was freed last once more, where its size is right: addresses come again at once. */
static struct block { size_t size; long long data[]; } *blocks[8];

static void *
again_malloc(size_t size)
{
	for (int i = 7; i >= 0; i--)
		if (blocks[i] && blocks[i]->size == size) {
			struct block *found = blocks[i];
			blocks[i] = NULL;
			return found->data;
		}
	struct block *made = malloc(sizeof(*made) + size);
	CHECK(made != NULL);
	made->size = size;
	return made->data;
}

static void
again_free(void *data)
{
	for (int i = 0; i < 8; i++)
		if (!blocks[i]) {
			blocks[i] = (struct block *)(void *)((char *)data - offsetof(struct block, data));
			return;
		}
}

static void *again_realloc(void *p, size_t size) { (void)p, (void)size; return NULL; }

static void
addresses_that_come_again(void)
{
	evrt__mem_set_functions(again_malloc, again_realloc, again_free);
	make_own_locks();
	in_thread(take_a_then_b);
	void *old_a = a, *old_b = b;
	evrt__lock_free(a, EVRT_LOCKTYPE_RECURSIVE);
	evrt__lock_free(b, EVRT_LOCKTYPE_RECURSIVE);
	b = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_user);
	a = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_user);
	CHECK((a == old_a && b == old_b) || (a == old_b && b == old_a));
	a = old_a;
	b = old_b;
	in_thread(take_b_then_a);
}

static void
destroyed_locks_are_forgotten(void)
{
	evrt_test_verdict(addresses_that_come_again, EVRT_TEST_SILENT, NULL);
}

#define MANY 129 /* squared it is more than the graph has edges */
static void *from_lock[MANY], *to_lock[MANY];

static void
fill_graph(void)
{
	for (int i = 0; i < MANY; i++)
		for (int j = 0; j < MANY; j++)
			take_two(from_lock[i], to_lock[j]);
}

static void
make_many(void)
{
	make_own_locks();
	for (int i = 0; i < MANY; i++) {
		from_lock[i] = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user);
		to_lock[i] = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user);
	}
	fill_graph();
}

static void
not_remembered_in_a_full_graph(void)
{
	make_many();
	in_thread(take_a_then_b);
	in_thread(take_b_then_a);
}

static void invert_the_first(void) { take_two(to_lock[0], from_lock[0]); }

static void
checked_in_a_full_graph(void)
{
	make_many();
	in_thread(invert_the_first);
}

static void
room_again_in_a_full_graph(void)
{
	make_many();
	evrt__lock_free(from_lock[0], EVRT_LOCKTYPE_PLAIN);
	inverted_in_two_threads();
}

static void
a_full_graph_says_so_once_and_goes_on(void)
{
	evrt_test_verdict(not_remembered_in_a_full_graph, EVRT_TEST_WARNED,
	    (const char *const[]){"more than 16384 orders", NULL});
	evrt_test_verdict(checked_in_a_full_graph, EVRT_TEST_FATAL,
	    (const char *const[]){"more than 16384 orders", "possible deadlock", NULL});
	evrt_test_verdict(room_again_in_a_full_graph, EVRT_TEST_FATAL,
	    (const char *const[]){"more than 16384 orders", "possible deadlock", NULL});
}

static int unmapped;

static void *
no_pages(void *addr, size_t size, int prot, int flags, int fd, off_t at)
{
	(void)addr, (void)size, (void)prot, (void)flags, (void)fd, (void)at;
	return MAP_FAILED;
}

static int
count_munmap(void *addr, size_t size)
{
	unmapped++;
	return munmap(addr, size);
}

static void
inverted_without_memory(void)
{
	evrt__sys.mmap = no_pages;
	inverted_in_two_threads();
}

static void
without_memory_nothing_is_known(void)
{
	evrt_test_verdict(inverted_without_memory, EVRT_TEST_WARNED, (const char *const[]){"memory is out", NULL});
}

static void
inverted_around_a_shutdown(void)
{
	evrt__sys.munmap = count_munmap;
	make_own_locks();
	in_thread(take_a_then_b);
	CHECK_INT_EQ(unmapped, 0);
	evrt__threads_shutdown();
	CHECK_INT_EQ(unmapped, 1);
	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(evrt__threads_set_lock_fns(&evrt_test_quiet_locks), 0);
	in_thread(take_b_then_a); /* locks that outlived it: their edges are gone, too */
	evrt__lock_free(a, EVRT_LOCKTYPE_RECURSIVE);
	evrt__lock_free(b, EVRT_LOCKTYPE_RECURSIVE);
	evrt__threads_shutdown();
	CHECK_INT_EQ(unmapped, 2);
}

static void
shutdown_forgets_and_gives_back(void)
{
	evrt_test_verdict(inverted_around_a_shutdown, EVRT_TEST_SILENT, NULL);
}

/* --- threads for ThreadSanitizer */

#define ROUNDS 500
static void *ladder[6];

/* Always upwards, with gaps; and locks that come and go. */
static void *
climb(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg;

	for (int round = 0; round < ROUNDS; round++) {
		void *mine = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user);
		random = random * 1103515245 + 12345;
		for (int i = 0; i < 6; i++)
			if (random >> (16 + i) & 1)
				evrt__lock(ladder[i]);
		evrt__lock(mine);
		evrt__unlock(mine);
		for (int i = 0; i < 6; i++)
			if (random >> (16 + i) & 1)
				evrt__unlock(ladder[i]);
		evrt__lock_free(mine, EVRT_LOCKTYPE_PLAIN);
	}
	return NULL;
}

static void
four_climb(void)
{
	pthread_t t[4];

	evrt__threads_enable_lock_debugging();
	CHECK_INT_EQ(evrt__threads_use_pthreads(), 0);
	for (int i = 0; i < 6; i++)
		ladder[i] = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_user);
	for (uintptr_t i = 0; i < 4; i++)
		CHECK_INT_EQ(pthread_create(&t[i], NULL, climb, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++)
		CHECK_INT_EQ(pthread_join(t[i], NULL), 0);
	for (int i = 0; i < 6; i++)
		evrt__lock_free(ladder[i], EVRT_LOCKTYPE_PLAIN);
	evrt__threads_shutdown();
}

static void
threads_that_keep_one_order_are_right(void)
{
	evrt_test_verdict(four_climb, EVRT_TEST_SILENT, NULL);
}

static const struct evrt_test_case cases[] = {
	{"two_threads_are_fatal_with_both_stacks", two_threads_are_fatal_with_both_stacks},
	{"one_thread_is_a_warning", one_thread_is_a_warning},
	{"what_one_thread_did_counts_for_the_next", what_one_thread_did_counts_for_the_next},
	{"rings_are_found_up_to_a_bound", rings_are_found_up_to_a_bound},
	{"a_gate_excuses_those_who_pass_it", a_gate_excuses_those_who_pass_it},
	{"a_try_does_not_wait_but_holds", a_try_does_not_wait_but_holds},
	{"a_lock_held_already_is_not_waited_for", a_lock_held_already_is_not_waited_for},
	{"a_wait_takes_its_lock_last", a_wait_takes_its_lock_last},
	{"bufferevents_of_one_thread_are_excused", bufferevents_of_one_thread_are_excused},
	{"locks_of_all_ranks_close_rings", locks_of_all_ranks_close_rings},
	{"strands_excuse_where_they_serialise", strands_excuse_where_they_serialise},
	{"destroyed_locks_are_forgotten", destroyed_locks_are_forgotten},
	{"a_full_graph_says_so_once_and_goes_on", a_full_graph_says_so_once_and_goes_on},
	{"without_memory_nothing_is_known", without_memory_nothing_is_known},
	{"shutdown_forgets_and_gives_back", shutdown_forgets_and_gives_back},
	{"threads_that_keep_one_order_are_right", threads_that_keep_one_order_are_right},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
