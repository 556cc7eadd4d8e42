/* base/rand.c — see rand.h. The fast generator is xorshift128+ (Vigna 2014), seeded by splitmix64. */
#include "base/rand.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
evrt__rand_init(struct evrt_rand *r, uint64_t seed)
{
	r->s[0] = splitmix(&seed);
	r->s[1] = splitmix(&seed) | 1; /* not both zero */
}

uint64_t
evrt__rand_next(struct evrt_rand *r)
{
	uint64_t a = r->s[0];
	const uint64_t b = r->s[1];

	r->s[0] = b;
	a ^= a << 23;
	r->s[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
	return r->s[1] + b;
}

uint32_t
evrt__rand_below(struct evrt_rand *r, uint32_t n)
{
	/* The high half times n, again its high half: uniform to one part in 2^32. */
	return (uint32_t)(((evrt__rand_next(r) >> 32) * n) >> 32);
}

int
evrt__rand_secure(void *buf, size_t len)
{
	unsigned char *at = buf;

	while (len) {
		ssize_t n = getrandom(at, len, 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
