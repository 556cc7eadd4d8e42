/* backends/descriptor.h — what pollers share: timeouts as the kernel takes them, and asking
 * whether a number is an open descriptor (where no set of the kernel's tells that).
 *
 * Here:     two small functions.
 * Not here: anything with state.
 * Threads:  any.
 */
#ifndef EVRT_BACKENDS_DESCRIPTOR_H_
#define EVRT_BACKENDS_DESCRIPTOR_H_

#include <errno.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/sys.h"

/* `ts` filled with the timeout, or NULL for a negative one: for ever. */
static inline const struct timespec *
evrt__timeout_spec(evrt_ns timeout_ns, struct timespec *ts)
{
	if (timeout_ns < 0)
		return NULL;
	ts->tv_sec = (time_t)(timeout_ns / EVRT_NS_PER_SEC);
	ts->tv_nsec = (long)(timeout_ns % EVRT_NS_PER_SEC);
	return ts;
}

/* 0 when `fd` is open, -EBADF when not, another -errno when the kernel would not say. */
static inline int
evrt__descriptor_check(int fd)
{
	struct pollfd probe = {.fd = fd};
	int n;

	if (fd < 0) /* poll skips these without a word */
		return -EBADF;
	do
		n = evrt__sys.poll(&probe, 1, 0);
	while (n < 0 && errno == EINTR); /* a signal interrupts it even though it does not wait */
	if (n < 0)
		return -errno;
	return probe.revents & POLLNVAL ? -EBADF : 0;
}

#endif
