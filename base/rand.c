/* base/rand.c — see rand.h.
 *
 * Here:     xoroshiro128+ seeded through splitmix64, and getrandom in a loop.
 * Not here: what to choose.
 * Threads:  a generator belongs to one thread at a time; evrt__rand_secure: any.
 */
#include "base/rand.h"

#include <errno.h>
#include "base/sys.h"

/* The kernel hands out up to 256 bytes whole, once its pool is seeded; a signal may cut larger requests. */
#define RAND_CHUNK 256u

static uint64_t
rand_splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
evrt__rand_init(struct evrt_rand *r, uint64_t seed)
{
	/* Two successive outputs of a bijection differ, so the forbidden all-zero state cannot come up. */
	r->s[0] = rand_splitmix(&seed);
	r->s[1] = rand_splitmix(&seed);
}

static uint64_t
rand_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t
evrt__rand_next(struct evrt_rand *r)
{
	uint64_t a = r->s[0];
	uint64_t b = r->s[1];
	uint64_t result = a + b;

	b ^= a;
	r->s[0] = rand_rotl(a, 24) ^ b ^ (b << 16);
	r->s[1] = rand_rotl(b, 37);
	return result;
}

uint32_t
evrt__rand_below(struct evrt_rand *r, uint32_t n)
{
	/* Multiply and take the high half; the few low halves that would favour some results are drawn anew. */
	uint32_t unfair = (uint32_t)-n % n;
	uint64_t product;

	do
		product = (evrt__rand_next(r) >> 32) * n;
	while ((uint32_t)product < unfair);
	return (uint32_t)(product >> 32);
}

int
evrt__rand_secure(void *buf, size_t len)
{
	unsigned char *at = buf;

	while (len > 0) {
		ssize_t n = evrt__sys.getrandom(at, len < RAND_CHUNK ? len : RAND_CHUNK, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}
