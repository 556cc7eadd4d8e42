/* base/rand.h — two sources of numbers: fast and repeatable, and secure.
 *
 * Here:     a small xoshiro-style generator for victim choice, hashing seeds and tests; getrandom.
 * Not here: what to choose.
 */
#ifndef EVRT_BASE_RAND_H_
#define EVRT_BASE_RAND_H_

#include <stddef.h>
#include <stdint.h>

struct evrt_rand { uint64_t s[2]; };
void evrt__rand_init(struct evrt_rand *, uint64_t seed);
uint64_t evrt__rand_next(struct evrt_rand *);
/* Uniform in [0, n). n > 0. */
uint32_t evrt__rand_below(struct evrt_rand *, uint32_t n);
/* Fills buf with bytes from the system's secure generator. 0 or -errno. Any thread. */
int evrt__rand_secure(void *buf, size_t len);

#endif
