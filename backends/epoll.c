/* backends/epoll.c — the poller of choice on Linux.
 *
 * Here:     one epoll set, and the kernel's habits hidden behind backend.h.
 * Not here: which registration is current (runtime/loop/fdmap compares the generation we carry).
 * Threads:  set from any thread, also during wait: the kernel's set has its own lock and nothing of ours is
 *           written. wait by any number of threads.
 *
 * Quirks of the kernel
 *   2.6.9   before it, EPOLL_CTL_DEL wants a non-NULL event: we always pass one.
 *   2.6.17  EPOLLRDHUP appears.
 *   5.11    epoll_pwait2 (timeouts in ns) appears. Before it ENOSYS, and EPERM from sandboxes that do not
 *           know the number: we remember that and round milliseconds up, since rounding down would wake
 *           too early and spin for the rest.
 *   all     The set refers to the open file, not to the number: closing an fd drops it from the set unless a
 *           duplicate lives, and then it is still reported. Hence the generation in the data, and no error
 *           from removing what is gone.
 *   all     EPOLL_CTL_MOD arms an edge anew: what is ready is reported once more.
 *   all     ERR and HUP are reported whether asked for or not. RDHUP only when asked for.
 *   all     Regular files and directories: EPERM.
 *   all     Reported level-triggered fds go to the tail of the ready list: a small `cap` starves nobody.
 *
 * ThreadSanitizer sees no happens-before from epoll_ctl to epoll_wait. None is needed here: the data
 * carries numbers, not pointers, and whoever turns them into an object does so under the fd map's own lock
 * or atomics.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include "backends/backend.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/mem.h"
#include "base/sys.h"

/* Per call of wait, whatever the caller's cap: it bounds the copy, and the rest comes with the next call. */
#define EPOLL_BATCH_MAX 128

struct epoll_state {
	int epfd;                     /* const after open */
	evrt_atomic(bool) no_pwait2;  /* the kernel refused epoll_pwait2 once; relaxed: each may find that out itself */
};

static int
epoll_open(void **out_state)
{
	struct epoll_state *s = evrt__calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->epfd = evrt__sys.epoll_create1(EPOLL_CLOEXEC);
	if (s->epfd < 0) {
		int err = errno;
		evrt__free(s);
		return -err;
	}
	*out_state = s;
	return 0;
}

static void
epoll_close(void *state)
{
	struct epoll_state *s = state;
	evrt__sys.close(s->epfd);
	evrt__free(s);
}

/* RDHUP is added to an edge-triggered read: an edge that carries both data and the end of the stream is the
 * only one there will be, and its reader must know that a short read does not mean "drained". */
static uint32_t
epoll_interest(unsigned mask)
{
	bool edge_read = (mask & (EVRT_EDGE | EVRT_READ)) == (EVRT_EDGE | EVRT_READ);

	return (mask & EVRT_READ ? (uint32_t)EPOLLIN : 0u) |
	    (mask & EVRT_WRITE ? (uint32_t)EPOLLOUT : 0u) |
	    (mask & EVRT_CLOSED || edge_read ? (uint32_t)EPOLLRDHUP : 0u) |
	    (mask & EVRT_EDGE ? (uint32_t)EPOLLET : 0u);
}

/* An error, or a hang-up that is more than the peer's end of stream, wakes readers and writers: both would
 * learn of it from their next call. RDHUP is told even beside an error, or a watcher of CLOSED alone would
 * never hear of a reset connection while the kernel reports it for ever. */
static unsigned
epoll_report(uint32_t events)
{
	unsigned mask = (events & EPOLLIN ? EVRT_READ : 0u) | (events & EPOLLOUT ? EVRT_WRITE : 0u);

	if (events & EPOLLERR || (events & (EPOLLHUP | EPOLLRDHUP)) == EPOLLHUP)
		mask = EVRT_READ | EVRT_WRITE;
	if (events & EPOLLRDHUP)
		mask |= EVRT_CLOSED;
	if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))
		mask |= EVRT_HUP;
	return mask;
}

/* 0 or -errno. */
static int
epoll_control(struct epoll_state *s, int op, int fd, struct epoll_event *event)
{
	return evrt__sys.epoll_ctl(s->epfd, op, fd, event) == 0 ? 0 : -errno;
}

static int
epoll_remove(struct epoll_state *s, int fd)
{
	struct epoll_event unused = {0};
	int err = epoll_control(s, EPOLL_CTL_DEL, fd, &unused);
	/* Closed already; closed and the number reused by a file never added, or by one that cannot be. */
	bool gone = err == -EBADF || err == -ENOENT || err == -EPERM;
	return gone ? 0 : err;
}

static int
epoll_set(void *state, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	struct epoll_state *s = state;
	struct epoll_event event = {
		.events = epoll_interest(new_mask),
		.data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
	};

	if ((new_mask & EVRT_IO_MASK) == 0)
		return epoll_remove(s, fd);
	if ((old_mask & EVRT_IO_MASK) == 0) {
		int err = epoll_control(s, EPOLL_CTL_ADD, fd, &event);
		return err == -EEXIST ? epoll_control(s, EPOLL_CTL_MOD, fd, &event) : err;
	}
	int err = epoll_control(s, EPOLL_CTL_MOD, fd, &event);
	return err == -ENOENT ? epoll_control(s, EPOLL_CTL_ADD, fd, &event) : err;
}

static int
epoll_ms_rounded_up(evrt_ns timeout_ns)
{
	evrt_ns ms = timeout_ns / EVRT_NS_PER_MS + (timeout_ns % EVRT_NS_PER_MS != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* A finite, positive timeout. The kernel's answer: a count or -1 and errno. */
static int
epoll_wait_timed(struct epoll_state *s, evrt_ns timeout_ns, struct epoll_event *events, int cap)
{
	if (!evrt_load_relaxed(&s->no_pwait2)) {
		struct timespec ts = {
			.tv_sec = (time_t)(timeout_ns / EVRT_NS_PER_SEC),
			.tv_nsec = (long)(timeout_ns % EVRT_NS_PER_SEC),
		};
		int n = evrt__sys.epoll_pwait2(s->epfd, events, cap, &ts, NULL);
		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return n;
		evrt_store_relaxed(&s->no_pwait2, true);
	}
	return evrt__sys.epoll_wait(s->epfd, events, cap, epoll_ms_rounded_up(timeout_ns));
}

static int
epoll_wait_ready(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap)
{
	struct epoll_state *s = state;
	struct epoll_event events[EPOLL_BATCH_MAX];
	int n;

	EVRT_ASSERT(cap > 0);
	if (cap > EPOLL_BATCH_MAX)
		cap = EPOLL_BATCH_MAX;
	if (timeout_ns > 0)
		n = epoll_wait_timed(s, timeout_ns, events, cap);
	else
		n = evrt__sys.epoll_wait(s->epfd, events, cap, timeout_ns < 0 ? -1 : 0);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		uint64_t data = events[i].data.u64;
		out[i].fd = (int)(uint32_t)data;
		out[i].generation = (uint32_t)(data >> 32);
		out[i].mask = epoll_report(events[i].events);
	}
	return n;
}

static int
epoll_descriptor(void *state)
{
	return ((struct epoll_state *)state)->epfd;
}

const struct evrt_backend_ops evrt__backend_epoll = {
	.name = "epoll",
	.features = EVRT_BF_ET | EVRT_BF_O1 | EVRT_BF_EARLY_CLOSE | EVRT_BF_CONCURRENT | EVRT_BF_SHARED,
	.open = epoll_open,
	.close = epoll_close,
	.set = epoll_set,
	.prepare = NULL,
	.wait = epoll_wait_ready,
	.descriptor = epoll_descriptor,
};
