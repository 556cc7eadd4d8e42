/* runtime/loop/reactor.c — ears and clock of one thread; see reactor.h. */
#include "runtime/loop/reactor.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/shake.h"
#include "base/sys.h"
#include "threading/fork.h"

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
	r->shared = shared;
	r->forks = evrt__fork_count();
	r->timer_fd = -1;
	evrt_store_relaxed(&r->first, EVRT_NS_NEVER);
	if (shared)
		pthread_mutex_init(&r->timers_lock, NULL);
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
	if (r->timer_fd >= 0)
		evrt__sys.close(r->timer_fd);
	r->wake_fd = r->timer_fd = -1;
	evrt__timers_fini(&r->timers);
	r->backend->close(r->poller);
	r->poller = NULL;
	if (r->shared)
		pthread_mutex_destroy(&r->timers_lock);
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
	int err = backend->set(poller, fd, EVRT_REACTOR_GENERATION, 0, mask);
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

/* A timerfd in the set of `poller`, or -errno. Never read: each expiry is an edge of its own. */
static int
reactor_open_timer(const struct evrt_backend_ops *backend, void *poller)
{
	int fd = evrt__sys.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	int err = backend->set(poller, fd, EVRT_REACTOR_GENERATION, 0, EVRT_READ | EVRT_EDGE);
	if (err < 0) {
		evrt__sys.close(fd);
		return err;
	}
	return fd;
}

int
evrt__reactor_make_timed(struct evrt_reactor *r)
{
	int fd = reactor_open_timer(r->backend, r->poller);

	if (fd < 0)
		return fd;
	r->timer_fd = fd;
	return 0;
}

void
evrt__reactor_lock_timers(struct evrt_reactor *r)
{
	if (r->shared)
		pthread_mutex_lock(&r->timers_lock);
}

void
evrt__reactor_unlock_timers(struct evrt_reactor *r)
{
	if (r->shared)
		pthread_mutex_unlock(&r->timers_lock);
}

bool
evrt__reactor_note_first(struct evrt_reactor *r)
{
	evrt_ns first = evrt__timers_next(&r->timers);
	evrt_ns was = evrt_load_relaxed(&r->first);

	if (first == was)
		return false;
	evrt_store_relaxed(&r->first, first);
	if (r->timer_fd >= 0 && r->forks == evrt__fork_count()) {
		evrt_ns at = first == EVRT_NS_NEVER ? 0 : first; /* 0: none */
		struct itimerspec when = { .it_value = {
			.tv_sec = (time_t)(at / EVRT_NS_PER_SEC), .tv_nsec = (long)(at % EVRT_NS_PER_SEC) } };
		/* Fails for bad arguments only. */
		int ignored = evrt__sys.timerfd_settime(r->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
		(void)ignored;
	}
	return first < was;
}

int
evrt__reactor_reopen(struct evrt_reactor *r)
{
	int wake_fd = -1, timer_fd = -1;
	void *poller;
	int err = r->backend->open(&poller);

	if (err < 0)
		return err;
	if (r->wake_fd >= 0 && (wake_fd = reactor_open_wake(r->backend, poller)) < 0)
		err = wake_fd;
	if (err == 0 && r->timer_fd >= 0 && (timer_fd = reactor_open_timer(r->backend, poller)) < 0)
		err = timer_fd;
	if (err < 0) {
		if (wake_fd >= 0)
			evrt__sys.close(wake_fd);
		r->backend->close(poller);
		return err;
	}
	/* Closing our copies of the descriptors leaves a parent's set alone: nothing is removed from it. */
	if (r->wake_fd >= 0)
		evrt__sys.close(r->wake_fd);
	if (r->timer_fd >= 0)
		evrt__sys.close(r->timer_fd);
	r->backend->close(r->poller);
	r->wake_fd = wake_fd;
	r->timer_fd = timer_fd;
	r->poller = poller;
	evrt__park_init(&r->park);
	r->forks = evrt__fork_count();
	if (r->shared) { /* which sets the new timerfd, whatever the old one was set to */
		evrt_store_relaxed(&r->first, EVRT_NS_NEVER);
		evrt__reactor_note_first(r);
	}
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

/* Takes the reactor's own descriptors out of the reports; reads the wake descriptor where it would be reported
 * again. The number left. */
static int
reactor_strip_own(struct evrt_reactor *r, struct evrt_ready *ready, int n, bool *timed)
{
	int left = 0;

	for (int i = 0; i < n; i++) {
		if (ready[i].fd == r->timer_fd && ready[i].generation == EVRT_REACTOR_GENERATION) {
			*timed = true;
		} else if (ready[i].fd == r->wake_fd) {
			if (!(r->backend->features & EVRT_BF_ET))
				evrt__eventfd_lower(r->wake_fd);
		} else {
			ready[left++] = ready[i];
		}
	}
	return left;
}

int
evrt__reactor_wait(struct evrt_reactor *r, evrt_ns deadline)
{
	bool timed;
	int n = evrt__reactor_wait_into(r, deadline, r->ready, EVRT_READY_MAX, &timed);

	r->ready_count = n < 0 ? 0 : n;
	return n;
}

int
evrt__reactor_wait_into(struct evrt_reactor *r, evrt_ns deadline, struct evrt_ready *ready, int cap, bool *timed)
{
	evrt_reactor_look_fn look = evrt_load_relaxed(&evrt__reactor_before_wait);
	evrt_ns timeout = -1;

	*timed = false;
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
	int n = r->backend->wait(r->poller, timeout, ready, EVRT_SHAKE_CHOOSE(reactor_take_one, 4) ? 1 : cap);
	EVRT_SHAKE(reactor_woken);
	/* A signal. Who asked for a look gets one; a sleeper's turn is over, for the handler may have left it work. */
	while (n == -EINTR && timeout == 0)
		n = r->backend->wait(r->poller, 0, ready, cap);
	if (n == -EINTR)
		n = 0;
	EVRT_DEBUG("%s: returned %d", r->backend->name, n);
	return n > 0 ? reactor_strip_own(r, ready, n, timed) : n;
}

void
evrt__eventfd_raise(int fd)
{
	static const uint64_t one = 1;

	/* Else fails only when the counter is full (2^64 - 2 unread), and then it is readable anyway. */
	while (evrt__sys.write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

void
evrt__eventfd_lower(int fd)
{
	uint64_t count;
	/* EAGAIN and EINTR are as good: it is reported again if there was something. */
	ssize_t ignored = evrt__sys.read(fd, &count, sizeof(count));

	(void)ignored;
}

void
evrt__reactor_wake(struct evrt_reactor *r)
{
	if (!evrt__park_notify(&r->park) || r->wake_fd < 0)
		return;
	evrt_add_relaxed(&r->wake_writes, (uint64_t)1);
	EVRT_SHAKE(reactor_wake);
	evrt__eventfd_raise(r->wake_fd);
}
