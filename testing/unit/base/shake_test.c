/* testing/unit/base/shake_test.c — base/shake.h: what follows from the seed, and what is left alone.
 *
 * The source is included, so that it is tested in every build and its seed can be changed.
 */
#include "base/shake.c"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "testing/harness/test.h"

#define STEPS 2000

/* The decisions of thread number `n`. */
static void
decide(unsigned n, char *decisions)
{
	evrt__shake_thread(n);
	for (int i = 0; i < STEPS; i++) {
		evrt__shake((enum evrt_shake_place)(i % EVRT_SHAKE_PLACES));
		decisions[i] = evrt__shake_choose((enum evrt_shake_place)(i % EVRT_SHAKE_PLACES), 4) ? '1' : '0';
	}
}

static void
the_seed_is_read_from_the_environment(void)
{
	setenv("EVRT_SHAKE_SEED", "4242", 1);
	CHECK_INT_EQ(evrt__shake_seed(), 4242);
	setenv("EVRT_SHAKE_SEED", "1", 1);
	CHECK_INT_EQ(evrt__shake_seed(), 4242); /* chosen once */
}

static void
the_same_seed_and_number_decide_the_same(void)
{
	static char first[STEPS], again[STEPS], other_thread[STEPS], other_seed[STEPS];

	evrt_store_relaxed(&shake_seed, (uint64_t)7);
	decide(3, first);
	decide(4, other_thread);
	decide(3, again);
	evrt_store_relaxed(&shake_seed, (uint64_t)8);
	decide(3, other_seed);
	CHECK(memcmp(first, again, STEPS) == 0);
	CHECK(memcmp(first, other_thread, STEPS) != 0);
	CHECK(memcmp(first, other_seed, STEPS) != 0);
	CHECK(memchr(first, '1', STEPS) && memchr(first, '0', STEPS));
}

/* Not only the tempers, which follow from it by themselves. */
static void
a_threads_sequence_follows_from_the_seed(void)
{
	evrt_store_relaxed(&shake_seed, (uint64_t)7);
	evrt__shake_thread(3);
	uint64_t drawn = evrt__rand_next(&shake_rand);
	evrt_store_relaxed(&shake_seed, (uint64_t)8);
	evrt__shake_thread(3);
	CHECK(drawn != evrt__rand_next(&shake_rand));
}

static void
places_differ_in_temper(void)
{
	unsigned calm = 0, busy = 0;

	evrt_store_relaxed(&shake_seed, (uint64_t)7);
	for (unsigned i = 0; i < EVRT_SHAKE_PLACES; i++) {
		struct temper t = shake_temper((enum evrt_shake_place)i);
		calm += t.one_in >= 256;
		busy += t.one_in <= 16;
	}
	CHECK(calm > EVRT_SHAKE_PLACES / 4 && busy > EVRT_SHAKE_PLACES / 16);
}

static void *
first_decisions(void *decisions)
{
	for (int i = 0; i < STEPS; i++)
		((char *)decisions)[i] = evrt__shake_choose((enum evrt_shake_place)(i % EVRT_SHAKE_PLACES), 4) ? '1' : '0';
	return NULL;
}

static void
threads_without_a_number_get_one(void)
{
	static char ours[STEPS], theirs[STEPS];
	pthread_t thread;

	evrt_store_relaxed(&shake_seed, (uint64_t)7);
	first_decisions(ours);
	CHECK_INT_EQ(pthread_create(&thread, NULL, first_decisions, theirs), 0);
	CHECK_INT_EQ(pthread_join(thread, NULL), 0);
	CHECK(memcmp(ours, theirs, STEPS) != 0);
}

static evrt_atomic(int) interrupted;

static void
interrupt(int signum)
{
	(void)signum;
	evrt_add_relaxed(&interrupted, 1);
}

/* Also when a signal cuts a sleep short, which sets it. */
static void
errno_stays(void)
{
	struct itimerval often = { { 0, 50 }, { 0, 50 } };

	evrt_store_relaxed(&shake_seed, (uint64_t)7);
	CHECK(signal(SIGALRM, interrupt) != SIG_ERR);
	CHECK_INT_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int i = 0; evrt_load_relaxed(&interrupted) < 2000; i = (i + 1) % STEPS) {
		errno = 1000 + i;
		evrt__shake((enum evrt_shake_place)(i % EVRT_SHAKE_PLACES));
		CHECK_INT_EQ(errno, 1000 + i);
	}
}

#define CASE(fn) { #fn, fn }

static const struct evrt_test_case cases[] = {
	CASE(the_seed_is_read_from_the_environment),
	CASE(the_same_seed_and_number_decide_the_same),
	CASE(a_threads_sequence_follows_from_the_seed),
	CASE(places_differ_in_temper),
	CASE(threads_without_a_number_get_one),
	CASE(errno_stays),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
