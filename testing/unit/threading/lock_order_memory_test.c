/* testing/unit/threading/lock_order_memory_test.c — what the graph of lock orders remembers, and for how long. */
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "base/mem.h"
#include "base/sys.h"
#include "testing/unit/threading/lock_order_rig.h"

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
second_address_that_comes_again(void)
{
	evrt__mem_set_functions(again_malloc, again_realloc, again_free);
	make_own_locks();
	in_thread(take_a_then_b);
	void *old_b = b;
	evrt__lock_free(b, EVRT_LOCKTYPE_RECURSIVE);
	b = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_user);
	CHECK_PTR_EQ(b, old_b);
	in_thread(take_b_then_a);
}

static void take_gate_then_b(void) { take_two(g, b); }
static void take_b_then_gate(void) { take_two(b, g); }

/* Destroying the other end of a forgotten edge leaves the edges of the new lock alone. */
static void
new_edges_at_an_old_address(void)
{
	second_address_that_comes_again();
	in_thread(take_gate_then_b);
	evrt__lock_free(a, EVRT_LOCKTYPE_RECURSIVE);
	in_thread(take_b_then_gate);
}

static void
destroyed_locks_are_forgotten(void)
{
	evrt_test_verdict(new_edges_at_an_old_address, EVRT_TEST_FATAL, (const char *const[]){"possible deadlock", NULL});

	evrt_test_verdict(second_address_that_comes_again, EVRT_TEST_SILENT, NULL);

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
