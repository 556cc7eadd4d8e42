/* api/util/random.c — random bytes for secrets, under libevent's names.
 *
 * Here:     four calls over the kernel's generator (base/rand.h).
 * Not here: numbers that may be guessed.
 * Threads:  any.
 */
#include <event2/util.h>

#include "base/log.h"
#include "base/rand.h"

void
evutil_secure_rng_get_bytes(void *buf, size_t n)
{
	/* There is no way to tell the caller, and going on with bytes that can be guessed is worse. */
	if (n && evrt__rand_secure(buf, n) != 0)
		evrt__errx(1, "no secure random bytes can be had from the kernel");
}

int
evutil_secure_rng_init(void)
{
	unsigned char probe;
	return evrt__rand_secure(&probe, sizeof(probe)) == 0 ? 0 : -1;
}

int
evutil_secure_rng_set_urandom_device_file(char *fname)
{
	(void)fname;
	return -1;
}

void
evutil_secure_rng_add_bytes(const char *dat, size_t datlen)
{
	(void)dat;
	(void)datlen;
}
