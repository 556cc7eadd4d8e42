/* base/shake.c — see shake.h.
 *
 * Here:     the seed, each thread's sequence, and what is drawn from it. Only in shake builds.
 * Not here: the places.
 * Threads:  any. The seed is chosen by whoever comes first, with one compare and swap; else nothing is shared, and
 *           so no delay orders what the code under it has left unordered.
 *
 * Each place has a temper of its own, drawn from the seed: most are calm, some are busy, a few nearly always wait,
 * and for long. A mistake that shows only when one certain step is slow and all others are quick is met by some
 * seeds soon; where all places waited alike, no run would get there.
 */
#include "base/shake.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/atomic.h"
#include "base/rand.h"

/* The first thread's number; those of others that nobody has given one follow. */
#define SHAKE_MAIN 1000000u
#define SHAKE_SPIN_ROUNDS_MAX 3000u
#define SHAKE_SLEEP_NS_MAX 200000u

/* 0: not chosen yet. Relaxed: it publishes nothing but itself. */
static evrt_atomic(uint64_t) shake_seed;
static evrt_atomic(unsigned) shake_unnumbered;
static evrt_atomic(bool) shake_told;
static _Thread_local struct evrt_rand shake_rand;

/* A place waits once in `one_in` times; of these, once in `sleep_in` it sleeps. */
struct temper {
	uint32_t one_in, sleep_in;
};

/* Of 16 places about so many have each. A choice at one of the first four is
 * never taken. */
static const struct temper shake_tempers[16] = {
	{ 1024, 16 }, { 1024, 16 }, { 1024, 16 }, { 1024, 16 }, { 256, 16 }, { 256, 16 }, { 256, 16 }, { 256, 16 },
	{ 64, 16 }, { 64, 16 }, { 64, 16 }, { 64, 16 }, { 16, 32 }, { 16, 32 }, { 8, 64 }, { 2, 32 },
};

static uint64_t
shake_draw_seed(void)
{
	const char *text = getenv("EVRT_SHAKE_SEED");
	struct timespec t;

	if (text)
		return strtoull(text, NULL, 0);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000003u + (uint64_t)t.tv_nsec;
}

uint64_t
evrt__shake_seed(void)
{
	uint64_t seed = evrt_load_relaxed(&shake_seed);

	if (seed)
		return seed;
	uint64_t mine = shake_draw_seed();
	if (!mine)
		mine = 1;
	if (!evrt_cas_relaxed(&shake_seed, &seed, mine))
		return seed;
	if (getenv("EVRT_SHAKE_TELL"))
		atexit(evrt__shake_tell);
	return mine;
}

void
evrt__shake_tell(void)
{
	bool told = false;

	if (evrt_cas_relaxed(&shake_told, &told, true))
		fprintf(stderr, "shake seed %llu\n", (unsigned long long)evrt__shake_seed());
}

void
evrt__shake_thread(unsigned n)
{
	/* The generator's own seeding mixes well: numbers that follow each other give sequences that do not. */
	evrt__rand_init(&shake_rand, evrt__shake_seed() + n * UINT64_C(0xd1342543de82ef95));
}

static struct evrt_rand *
shake_own_rand(void)
{
	if (shake_rand.s[0] || shake_rand.s[1])
		return &shake_rand;
	bool is_main = getpid() == gettid();
	evrt__shake_thread(is_main ? SHAKE_MAIN : SHAKE_MAIN + 1 + evrt_add_relaxed(&shake_unnumbered, 1u));
	return &shake_rand;
}

static struct temper
shake_temper(enum evrt_shake_place place)
{
	uint64_t mixed = (evrt__shake_seed() ^ ((uint64_t)place + 1) << 32) * UINT64_C(0xbf58476d1ce4e5b9);

	mixed = (mixed ^ mixed >> 31) * UINT64_C(0x94d049bb133111eb);
	return shake_tempers[mixed >> 60];
}

void
evrt__shake(enum evrt_shake_place place)
{
	struct evrt_rand *r = shake_own_rand();
	struct temper t = shake_temper(place);

	if (evrt__rand_below(r, t.one_in))
		return;
	int saved_errno = errno;
	if (evrt__rand_below(r, t.sleep_in) == 0) {
		struct timespec pause = { 0, (long)evrt__rand_below(r, SHAKE_SLEEP_NS_MAX) };
		nanosleep(&pause, NULL);
	} else if (evrt__rand_below(r, 2)) {
		sched_yield();
	} else {
		for (volatile uint32_t i = evrt__rand_below(r, SHAKE_SPIN_ROUNDS_MAX); i > 0; i--)
			continue;
	}
	errno = saved_errno;
}

bool
evrt__shake_choose(enum evrt_shake_place place, uint32_t one_in)
{
	return shake_temper(place).one_in < 1024 && evrt__rand_below(shake_own_rand(), one_in) == 0;
}
