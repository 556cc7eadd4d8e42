/* testing/unit/base/rand_test.c — the repeatable generator and the secure one. */
#include "base/rand.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "base/sys.h"
#include "testing/harness/test.h"

static void
same_seed_same_numbers(void)
{
	struct evrt_rand a, b, c;
	bool differs = false;

	evrt__rand_init(&a, 7);
	evrt__rand_init(&b, 7);
	evrt__rand_init(&c, 8);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = evrt__rand_next(&a);
		CHECK(x == evrt__rand_next(&b));
		differs |= x != evrt__rand_next(&c);
	}
	CHECK(differs);
}

static void
seed_zero_works(void)
{
	struct evrt_rand r;
	uint64_t all_or = 0, all_and = UINT64_MAX;

	evrt__rand_init(&r, 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = evrt__rand_next(&r);
		all_or |= x;
		all_and &= x;
	}
	/* Every bit was seen in both states. */
	CHECK(all_or == UINT64_MAX);
	CHECK(all_and == 0);
}

static void
below_is_in_range_and_even(void)
{
	static const uint32_t limits[] = {1, 2, 3, 7, 10, UINT32_C(1) << 31, UINT32_MAX};
	struct evrt_rand r;
	int seen[7] = {0};

	evrt__rand_init(&r, 1);
	for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++)
		for (int i = 0; i < 1000; i++)
			CHECK(evrt__rand_below(&r, limits[k]) < limits[k]);
	for (int i = 0; i < 70000; i++)
		seen[evrt__rand_below(&r, 7)]++;
	for (int i = 0; i < 7; i++) /* 10000 expected, with a deviation of 93 */
		CHECK(seen[i] > 9400 && seen[i] < 10600);
}

static void
secure_fills_all(void)
{
	unsigned char zeros[1000] = {0}, a[1000] = {0}, b[1000] = {0};

	CHECK_INT_EQ(evrt__rand_secure(a, sizeof(a)), 0);
	CHECK_INT_EQ(evrt__rand_secure(b, sizeof(b)), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK(memcmp(a + sizeof(a) - 16, zeros, 16) != 0);
	memset(a, 0, sizeof(a));
	CHECK_INT_EQ(evrt__rand_secure(a, 0), 0);
	CHECK_MEM_EQ(a, zeros, sizeof(a));
}

static int calls;

/* Interrupted first, then three bytes at a time. */
static ssize_t
stingy_getrandom(void *buf, size_t len, unsigned flags)
{
	(void)flags;
	if (calls++ == 0) {
		errno = EINTR;
		return -1;
	}
	size_t n = len < 3 ? len : 3;
	memset(buf, 0x11 * calls, n);
	return (ssize_t)n;
}

static ssize_t
failing_getrandom(void *buf, size_t len, unsigned flags)
{
	(void)buf, (void)len, (void)flags;
	errno = ENOSYS;
	return -1;
}

static void
secure_survives_short_and_interrupted_calls(void)
{
	unsigned char got[8];

	evrt__sys.getrandom = stingy_getrandom;
	CHECK_INT_EQ(evrt__rand_secure(got, sizeof(got)), 0);
	CHECK_MEM_EQ(got, "\x22\x22\x22\x33\x33\x33\x44\x44", 8);
	evrt__sys.getrandom = failing_getrandom;
	CHECK_INT_EQ(evrt__rand_secure(got, sizeof(got)), -ENOSYS);
}

static const struct evrt_test_case cases[] = {
	{"same_seed_same_numbers", same_seed_same_numbers},
	{"seed_zero_works", seed_zero_works},
	{"below_is_in_range_and_even", below_is_in_range_and_even},
	{"secure_fills_all", secure_fills_all},
	{"secure_survives_short_and_interrupted_calls", secure_survives_short_and_interrupted_calls},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
