/* testing/bench/skew_serve.c — see skew_serve.h. */
#include "testing/bench/skew_serve.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void
skew_sleep(uint64_t ns)
{
	struct timespec left = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		continue;
}

bool
skew_serve_one(int fd)
{
	struct skew_message m;
	ssize_t n = read(fd, &m, sizeof(m));

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n != (ssize_t)sizeof(m))
		return false;
	skew_sleep(m.service_ns);
	return write(fd, &m, sizeof(m)) == (ssize_t)sizeof(m);
}
