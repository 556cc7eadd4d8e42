/* testing/contract/libevent/buffer_lock_test.c — evbuffers with locks.
 *
 * Here:     enabling, the lock of the program's own, calls on two evbuffers in both directions by two threads at
 *           once, several calls made one. Public headers only.
 * Not here: what the calls do.
 */
#include "testing/contract/libevent/buffer_rig.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <event2/thread.h>

#define ROUNDS 3000
#define MOVES 50000 /* enough to meet in the middle of one */

/* Locks of the program's own. Of the recursive ones, which evbuffers have, what is done is counted. */
struct own_lock {
	pthread_mutex_t mutex;
	bool recursive;
};
static int held, taken, freed;

static void *
own_alloc(unsigned type)
{
	struct own_lock *lock = malloc(sizeof(*lock));
	pthread_mutexattr_t attr;
	CHECK(lock != NULL);
	lock->recursive = type & EVTHREAD_LOCKTYPE_RECURSIVE;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, lock->recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
	pthread_mutex_init(&lock->mutex, &attr);
	return lock;
}

static void
own_free(void *arg, unsigned type)
{
	struct own_lock *lock = arg;
	(void)type;
	freed += lock->recursive;
	pthread_mutex_destroy(&lock->mutex);
	free(lock);
}

static int
own_lock(unsigned mode, void *arg)
{
	struct own_lock *lock = arg;
	(void)mode;
	int result = pthread_mutex_lock(&lock->mutex);
	held += lock->recursive;
	taken += lock->recursive;
	return result;
}

static int
own_unlock(unsigned mode, void *arg)
{
	struct own_lock *lock = arg;
	(void)mode;
	held -= lock->recursive;
	return pthread_mutex_unlock(&lock->mutex);
}

static void
use_own_locks(void)
{
	static const struct evthread_lock_callbacks own = { EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE,
		own_alloc, own_free, own_lock, own_unlock };
	CHECK_INT_EQ(evthread_set_lock_callbacks(&own), 0);
}

static void
a_lock_is_made_taken_and_freed(void)
{
	use_own_locks();
	struct evbuffer *buf = rig_holding("abc");
	taken = freed = 0;
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "d", 1), 0);
	CHECK(taken > 0);
	CHECK_INT_EQ(held, 0);
	evbuffer_lock(buf);
	CHECK_INT_EQ(held, 1);
	evbuffer_lock(buf);
	CHECK_INT_EQ(evbuffer_drain(buf, 1), 0);
	CHECK_INT_EQ(held, 2);
	evbuffer_unlock(buf);
	evbuffer_unlock(buf);
	CHECK_INT_EQ(held, 0);
	evbuffer_free(buf);
	CHECK_INT_EQ(held, 0);
	CHECK_INT_EQ(freed, 1);
}

static void
the_programs_lock_stays_the_programs(void)
{
	use_own_locks();
	void *lock = own_alloc(EVTHREAD_LOCKTYPE_RECURSIVE);
	taken = freed = 0;
	struct evbuffer *a = rig_holding("abc");
	struct evbuffer *b = rig_holding("def");
	CHECK_INT_EQ(evbuffer_enable_locking(a, lock), 0);
	CHECK_INT_EQ(evbuffer_enable_locking(b, lock), 0);
	CHECK_INT_EQ(evbuffer_add_buffer(a, b), 0);
	CHECK_INT_EQ(evbuffer_remove_buffer(a, b, 2), 2);
	CHECK_INT_EQ(held, 0);
	CHECK(taken > 0);
	evbuffer_free(a);
	evbuffer_free(b);
	CHECK_INT_EQ(freed, 0);
	own_free(lock, EVTHREAD_LOCKTYPE_RECURSIVE);
}

static void
locking_is_enabled_once(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), 0);
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), -1);
	evbuffer_free(buf);
}

static void
without_a_lock_they_do_nothing(void)
{
	struct evbuffer *buf = rig_holding("abc");
	evbuffer_lock(buf);
	evbuffer_unlock(buf);
	rig_check(buf, "abc");
	evbuffer_free(buf);
}

static void
note_held(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)info;
	*(int *)arg = held;
}

static void
callbacks_run_with_the_lock_held(void)
{
	int held_inside = 0;
	use_own_locks();
	struct evbuffer *buf = evbuffer_new();
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), 0);
	CHECK(evbuffer_add_cb(buf, note_held, &held_inside) != NULL);
	CHECK_INT_EQ(evbuffer_add(buf, "a", 1), 0);
	CHECK(held_inside > 0);
	CHECK_INT_EQ(held, 0);
	evbuffer_free(buf);
}

static void
refused_calls_release_the_lock(void)
{
	use_own_locks();
	struct evbuffer *buf = rig_holding("abc");
	struct evbuffer_iovec vec[1];
	struct evbuffer_ptr at;
	char out[1];
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), 0);
	CHECK_INT_EQ(evbuffer_freeze(buf, 0), 0);
	CHECK_INT_EQ(evbuffer_freeze(buf, 1), 0);
	CHECK_INT_EQ(evbuffer_add(buf, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_prepend(buf, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_drain(buf, 1), -1);
	CHECK_INT_EQ(evbuffer_remove(buf, out, 1), -1);
	CHECK_INT_EQ(evbuffer_copyout(buf, out, 1), -1);
	CHECK_INT_EQ(evbuffer_reserve_space(buf, 1, vec, 1), -1);
	CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), -1);
	CHECK_INT_EQ(evbuffer_add_reference(buf, "x", 1, NULL, NULL), -1);
	CHECK_INT_EQ(evbuffer_add_buffer_reference(buf, buf), -1);
	CHECK_INT_EQ(evbuffer_add_printf(buf, "x"), -1);
	CHECK_PTR_EQ(evbuffer_pullup(buf, 10), NULL);
	CHECK_PTR_EQ(evbuffer_readln(buf, NULL, EVBUFFER_EOL_LF), NULL);
	CHECK_INT_EQ(evbuffer_ptr_set(buf, &at, 10, EVBUFFER_PTR_SET), -1);
	CHECK_INT_EQ(evbuffer_search(buf, "x", 1, NULL).pos, -1);
	CHECK_INT_EQ(evbuffer_remove_cb(buf, note_held, NULL), -1);
	CHECK_INT_EQ(rig_write(buf, -1, -1), -1);
	CHECK_INT_EQ(rig_read(buf, -1, 1), -1);
	CHECK_INT_EQ(held, 0);
	evbuffer_free(buf);
}

struct two { struct evbuffer *from, *to; };

static pthread_barrier_t both_are_there;

static void *
move_to_and_fro(void *arg)
{
	struct two *t = arg;
	pthread_barrier_wait(&both_are_there);
	for (int i = 0; i < MOVES; i++) {
		CHECK_INT_EQ(evbuffer_add_buffer(t->to, t->from), 0);
		CHECK(evbuffer_remove_buffer(t->to, t->from, 3) >= 0);
		CHECK_INT_EQ(evbuffer_prepend_buffer(t->from, t->to), 0);
	}
	return NULL;
}

static void
two_threads_move_in_opposite_directions(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct evbuffer *a = rig_holding("abcdef");
	struct evbuffer *b = rig_holding("ghijkl");
	struct two there = { a, b }, back = { b, a };
	pthread_t t;
	CHECK_INT_EQ(evbuffer_enable_locking(a, NULL), 0);
	CHECK_INT_EQ(evbuffer_enable_locking(b, NULL), 0);
	CHECK_INT_EQ(pthread_barrier_init(&both_are_there, NULL, 2), 0);
	CHECK_INT_EQ(pthread_create(&t, NULL, move_to_and_fro, &there), 0);
	move_to_and_fro(&back);
	pthread_join(t, NULL);
	pthread_barrier_destroy(&both_are_there);
	CHECK_INT_EQ(evbuffer_get_length(a) + evbuffer_get_length(b), 12);
	evbuffer_free(a);
	evbuffer_free(b);
}

static void *
add_pairs(void *arg)
{
	struct evbuffer *buf = arg;
	for (int i = 0; i < ROUNDS; i++) {
		evbuffer_lock(buf);
		CHECK_INT_EQ(evbuffer_add(buf, "(", 1), 0);
		CHECK_INT_EQ(evbuffer_add(buf, ")", 1), 0);
		evbuffer_unlock(buf);
	}
	return NULL;
}

static void
calls_under_the_lock_are_one(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	struct evbuffer *buf = evbuffer_new();
	pthread_t t;
	CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), 0);
	CHECK_INT_EQ(pthread_create(&t, NULL, add_pairs, buf), 0);
	add_pairs(buf);
	pthread_join(t, NULL);
	CHECK_INT_EQ(evbuffer_get_length(buf), 4 * ROUNDS);
	unsigned char *bytes = evbuffer_pullup(buf, -1);
	for (int i = 0; i < 4 * ROUNDS; i++)
		CHECK_INT_EQ(bytes[i], "()"[i % 2]);
	evbuffer_free(buf);
}

static const struct evrt_test_case cases[] = {
	{ "a_lock_is_made_taken_and_freed", a_lock_is_made_taken_and_freed },
	{ "the_programs_lock_stays_the_programs", the_programs_lock_stays_the_programs },
	{ "locking_is_enabled_once", locking_is_enabled_once },
	{ "without_a_lock_they_do_nothing", without_a_lock_they_do_nothing },
	{ "callbacks_run_with_the_lock_held", callbacks_run_with_the_lock_held },
	{ "refused_calls_release_the_lock", refused_calls_release_the_lock },
	{ "two_threads_move_in_opposite_directions", two_threads_move_in_opposite_directions },
	{ "calls_under_the_lock_are_one", calls_under_the_lock_are_one },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
