/* runtime/loop/reactor.c — ears and clock of one thread; see reactor.h. */
#include "runtime/loop/reactor.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/shake.h"
#include "base/sys.h"

/* The wake descriptor's registration; the fd map begins at generation 1. */
#define REACTOR_WAKE_GENERATION 0u

evrt_atomic(evrt_reactor_look_fn) evrt__reactor_before_wait;

int
evrt__reactor_init(struct evrt_reactor *r, const struct evrt_backend_ops *backend, struct evrt_clock *clock,
    bool shared)
{
	int err = backend->open(&r->poller);

	if (err < 0)
		return err;
	r->backend = backend;
	r->clock = clock;
	r->wake_fd = -1;
	r->ready_count = 0;
	evrt__park_init(&r->park);
	evrt_store_relaxed(&r->wake_at, (evrt_ns)0);
	evrt_store_relaxed(&r->wake_writes, (uint64_t)0);
	evrt__timers_init(&r->timers);
	r->set_locked = shared && !(backend->features & EVRT_BF_CONCURRENT);
	if (r->set_locked)
		pthread_mutex_init(&r->set_lock, NULL);
	return 0;
}

void
evrt__reactor_fini(struct evrt_reactor *r)
{
	if (r->wake_fd >= 0)
		evrt__sys.close(r->wake_fd);
	r->wake_fd = -1;
	evrt__timers_fini(&r->timers);
	r->backend->close(r->poller);
	r->poller = NULL;
	if (r->set_locked)
		pthread_mutex_destroy(&r->set_lock);
}

/* A wake descriptor in the set of `poller`, or -errno. */
static int
reactor_open_wake(const struct evrt_backend_ops *backend, void *poller)
{
	/* Where the poller has edges the eventfd is never read: each write is an edge of its own. */
	unsigned mask = EVRT_READ | (backend->features & EVRT_BF_ET ? EVRT_EDGE : 0u);
	int fd = evrt__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	int err = backend->set(poller, fd, REACTOR_WAKE_GENERATION, 0, mask);
	if (err < 0) {
		evrt__sys.close(fd);
		return err;
	}
	return fd;
}

int
evrt__reactor_make_notifiable(struct evrt_reactor *r)
{
	if (r->wake_fd >= 0)
		return 0;
	int fd = reactor_open_wake(r->backend, r->poller);
	if (fd < 0)
		return fd;
	r->wake_fd = fd;
	return 0;
}

int
evrt__reactor_reopen(struct evrt_reactor *r)
{
	int wake_fd = -1;
	void *poller;
	int err = r->backend->open(&poller);

	if (err < 0)
		return err;
	if (r->wake_fd >= 0 && (wake_fd = reactor_open_wake(r->backend, poller)) < 0) {
		r->backend->close(poller);
		return wake_fd;
	}
	/* Closing our copies of the descriptors leaves a parent's set alone: nothing is removed from it. */
	if (r->wake_fd >= 0)
		evrt__sys.close(r->wake_fd);
	r->backend->close(r->poller);
	r->wake_fd = wake_fd;
	r->poller = poller;
	evrt__park_init(&r->park);
	return 0;
}

static void
reactor_lock_set(struct evrt_reactor *r)
{
	if (r->set_locked)
		pthread_mutex_lock(&r->set_lock);
}

static void
reactor_unlock_set(struct evrt_reactor *r)
{
	if (r->set_locked)
		pthread_mutex_unlock(&r->set_lock);
}

int
evrt__reactor_set(struct evrt_reactor *r, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	reactor_lock_set(r);
	int err = r->backend->set(r->poller, fd, generation, old_mask, new_mask);
	reactor_unlock_set(r);
	EVRT_SHAKE(reactor_set);
	if (err == 0 && !(r->backend->features & EVRT_BF_CONCURRENT))
		evrt__reactor_wake(r);
	return err;
}

int
evrt__reactor_prepare(struct evrt_reactor *r)
{
	if (!r->backend->prepare)
		return 0;
	reactor_lock_set(r);
	int err = r->backend->prepare(r->poller);
	reactor_unlock_set(r);
	return err;
}

/* Takes the wake descriptor out of the reports; reads it where it would be reported again. */
static void
reactor_strip_wake(struct evrt_reactor *r)
{
	for (int i = 0; i < r->ready_count; i++) {
		if (r->ready[i].fd != r->wake_fd)
			continue;
		r->ready[i] = r->ready[--r->ready_count];
		if (!(r->backend->features & EVRT_BF_ET)) {
			uint64_t n;
			/* EAGAIN and EINTR are as good: it is reported again if there was something. */
			ssize_t ignored = evrt__sys.read(r->wake_fd, &n, sizeof(n));
			(void)ignored;
		}
		return;
	}
}

int
evrt__reactor_wait(struct evrt_reactor *r, evrt_ns deadline)
{
	evrt_reactor_look_fn look = evrt_load_relaxed(&evrt__reactor_before_wait);
	evrt_ns timeout = -1;

	if (look)
		look();
	if (deadline == 0 || EVRT_SHAKE_CHOOSE(reactor_wake_early, 16)) {
		timeout = 0;
	} else if (deadline != EVRT_NS_NEVER) {
		evrt_ns now = evrt__clock_now(r->clock);
		timeout = deadline > now ? deadline - now : 0;
	}
	EVRT_DEBUG("%s: waits, timeout %lld ns", r->backend->name, (long long)timeout);
	EVRT_SHAKE(reactor_wait);
	int n = r->backend->wait(r->poller, timeout, r->ready, EVRT_SHAKE_CHOOSE(reactor_take_one, 4) ? 1 : EVRT_READY_MAX);
	EVRT_SHAKE(reactor_woken);
	/* A signal. Who asked for a look gets one; a sleeper's turn is over, for the handler may have left it work. */
	while (n == -EINTR && timeout == 0)
		n = r->backend->wait(r->poller, 0, r->ready, EVRT_READY_MAX);
	if (n == -EINTR)
		n = 0;
	EVRT_DEBUG("%s: returned %d", r->backend->name, n);
	r->ready_count = n < 0 ? 0 : n;
	if (n > 0 && r->wake_fd >= 0)
		reactor_strip_wake(r);
	return n < 0 ? n : r->ready_count;
}

void
evrt__reactor_wake(struct evrt_reactor *r)
{
	static const uint64_t one = 1;

	if (!evrt__park_notify(&r->park) || r->wake_fd < 0)
		return;
	evrt_add_relaxed(&r->wake_writes, (uint64_t)1);
	EVRT_SHAKE(reactor_wake);
	/* Else fails only when the counter is full (2^64 - 2 unread wakes), and then an edge is there anyway. */
	while (evrt__sys.write(r->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}
