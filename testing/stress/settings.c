/* testing/stress/settings.c — see settings.h. */
#include "testing/stress/settings.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

static pthread_once_t stress_once = PTHREAD_ONCE_INIT;
static time_t stress_end_s; /* on the monotonic clock; 0: the number of steps counts. Const after the first call */

long
stress_number(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text ? atol(text) : otherwise;
}

void
stress_sleep(long otherwise_s)
{
	struct timespec left = { stress_number("EVRT_STRESS_S", otherwise_s), 0 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

static time_t
stress_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void
stress_begin(void)
{
	if (getenv("EVRT_STRESS_S"))
		stress_end_s = stress_now_s() + stress_number("EVRT_STRESS_S", 0);
}

bool
stress_goes_on(long done, long steps)
{
	pthread_once(&stress_once, stress_begin);
	return stress_end_s ? stress_now_s() < stress_end_s : done < steps;
}
