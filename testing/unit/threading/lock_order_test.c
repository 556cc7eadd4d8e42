/* testing/unit/threading/lock_order_test.c — which orders of locks are reported, which are excused, and the text. */
#include <stddef.h>
#include "testing/unit/threading/lock_order_rig.h"
#include "threading/lock_order.h"

static void *ring_lock[EVRT_ORDER_RING_MAX + 1];

/* --- the program's own locks */

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

static void take_gate_then_a(void) { take_two(g, a); }
static void take_gate_then_b(void) { take_two(g, b); }

static void
two_rings_at_once(void)
{
	make_own_locks();
	take_gate_then_a();
	in_thread(take_gate_then_b);
	evrt__lock(a);
	evrt__lock(b);
	evrt__lock(g);
}

static void
the_worse_ring_is_told(void)
{
	evrt_test_verdict(two_rings_at_once, EVRT_TEST_FATAL, (const char *const[]){"(gate) while it holds user lock",
	    "(beta)", "possible deadlock", NULL});
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
gated_or_not_in_one_thread(void)
{
	make_own_locks();
	gated_a_then_b();
	take_a_then_b();
	in_thread(gated_b_then_a);
}

static void
a_gate_excuses_those_who_pass_it(void)
{
	evrt_test_verdict(gated_or_not_in_one_thread, EVRT_TEST_FATAL, (const char *const[]){"took", "(beta) while it "
	    "held user lock", "possible deadlock", NULL});

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
static void take_b_then_g(void) { take_two(b, g); }

static void
ranked_pair_in_a_ring(void)
{
	make_locks(EVRT_RANK_bufferevent, EVRT_RANK_base);
	in_thread(take_gate_then_a);
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
a_then_b_in_two(void)
{
	strand = strand_two;
	take_a_then_b();
	strand = NULL;
}

static void
the_same_again_in_another_strand(void)
{
	make_strands(true);
	a_then_b_in_two();
	a_then_b_in_one();
	in_thread(b_then_a_in_two);
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
	evrt_test_verdict(the_same_again_in_another_strand, EVRT_TEST_FATAL, (const char *const[]){"thread 2 takes",
	    "thread 1 took", "possible deadlock", NULL});
}

static const struct evrt_test_case cases[] = {
	{"two_threads_are_fatal_with_both_stacks", two_threads_are_fatal_with_both_stacks},
	{"one_thread_is_a_warning", one_thread_is_a_warning},
	{"what_one_thread_did_counts_for_the_next", what_one_thread_did_counts_for_the_next},
	{"the_worse_ring_is_told", the_worse_ring_is_told},
	{"rings_are_found_up_to_a_bound", rings_are_found_up_to_a_bound},
	{"a_gate_excuses_those_who_pass_it", a_gate_excuses_those_who_pass_it},
	{"a_try_does_not_wait_but_holds", a_try_does_not_wait_but_holds},
	{"a_lock_held_already_is_not_waited_for", a_lock_held_already_is_not_waited_for},
	{"a_wait_takes_its_lock_last", a_wait_takes_its_lock_last},
	{"bufferevents_of_one_thread_are_excused", bufferevents_of_one_thread_are_excused},
	{"locks_of_all_ranks_close_rings", locks_of_all_ranks_close_rings},
	{"strands_excuse_where_they_serialise", strands_excuse_where_they_serialise},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
