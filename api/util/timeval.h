/* api/util/timeval.h — struct timeval at the API's edge, nanoseconds inside.
 *
 * Here:     the two conversions, which accept whatever a program can put into a timeval.
 * Not here: arithmetic on timevals (the macros of event2/util.h), deadlines (base/clock.h).
 * Threads:  any.
 */
#ifndef EVRT_API_UTIL_TIMEVAL_H_
#define EVRT_API_UTIL_TIMEVAL_H_

#include <sys/time.h>
#include "base/clock.h"

/* A duration: 0 for negative ones, EVRT_NS_NEVER for those that do not fit. tv_usec may be out of
 * 0..999999, on either side. */
static inline evrt_ns
evrt__ns_from_timeval(const struct timeval *tv)
{
	/* What nearly all are: in range, and normalised. */
	if ((uint64_t)tv->tv_sec < UINT32_MAX && (uint64_t)tv->tv_usec < 1000000)
		return tv->tv_sec * EVRT_NS_PER_SEC + tv->tv_usec * EVRT_NS_PER_US;

	evrt_ns carry = tv->tv_usec / 1000000;
	evrt_ns sec, sum;
	evrt_ns usec = tv->tv_usec % 1000000; /* has the sign of tv_usec */
	if (__builtin_add_overflow((evrt_ns)tv->tv_sec, carry, &sec))
		return tv->tv_sec < 0 ? 0 : EVRT_NS_NEVER;
	if (__builtin_mul_overflow(sec, EVRT_NS_PER_SEC, &sum) ||
	    __builtin_add_overflow(sum, usec * EVRT_NS_PER_US, &sum))
		return sec < 0 ? 0 : EVRT_NS_NEVER;
	return sum < 0 ? 0 : sum;
}

/* Rounded up, so that whoever waits that long does not wake too early. ns >= 0. */
static inline struct timeval
evrt__timeval_from_ns(evrt_ns ns)
{
	evrt_ns us = ns / EVRT_NS_PER_US + (ns % EVRT_NS_PER_US != 0);
	return (struct timeval){ .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
}

#endif
