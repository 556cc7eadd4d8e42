/* runtime/loop/fdmap.c — from an fd to its watchers and its registration; see fdmap.h. */
#include "runtime/loop/fdmap.h"

#include <errno.h>
#include <stddef.h>

#include "backends/backend.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/segment.h"
#include "base/shake.h"
#include "base/trace.h"
#include "runtime/loop/reactor.h"
#include "runtime/loop/slot.h"
#include "threading/fork.h"

/* NULL: nobody has watched an fd of this size yet. */
static struct evrt_fd *
fdmap_find(struct evrt_fdmap *m, int fd)
{
	unsigned offset;

	if (fd < 0)
		return NULL;
	/* PAIRS fdmap.segment: acquire, against the release in fdmap_make: the entries are zeroed. */
	struct evrt_fd *entries = evrt_load_acquire(&m->segment[evrt__segment_of((uint32_t)fd, &offset)]);
	return entries ? &entries[offset] : NULL;
}

static struct evrt_fd *
fdmap_make(struct evrt_fdmap *m, int fd)
{
	unsigned offset;
	unsigned k = evrt__segment_of((uint32_t)fd, &offset);
	struct evrt_fd *entries = evrt_load_acquire(&m->segment[k]);

	if (entries)
		return &entries[offset];
	if (m->shared)
		pthread_mutex_lock(&m->grow);
	entries = evrt_load_acquire(&m->segment[k]);
	if (!entries) {
		entries = evrt__calloc(evrt__segment_size(k), sizeof(*entries));
		if (entries)
			evrt_store_release(&m->segment[k], entries);
	}
	if (m->shared)
		pthread_mutex_unlock(&m->grow);
	return entries ? &entries[offset] : NULL;
}

static void
fdmap_lock(struct evrt_fdmap *m, int fd)
{
	if (m->shared)
		pthread_mutex_lock(&m->stripe[(unsigned)fd % EVRT_FDMAP_STRIPES]);
}

static void
fdmap_unlock(struct evrt_fdmap *m, int fd)
{
	if (m->shared)
		pthread_mutex_unlock(&m->stripe[(unsigned)fd % EVRT_FDMAP_STRIPES]);
	EVRT_SHAKE(fdmap_unlock);
}

void
evrt__fdmap_init(struct evrt_fdmap *m, bool shared)
{
	for (unsigned i = 0; i < EVRT_FDMAP_SEGMENTS; i++)
		evrt_store_relaxed(&m->segment[i], NULL);
	m->shared = shared;
	m->edges = false;
	evrt__list_init(&m->came_back);
	evrt__fdmap_adopt(m);
	for (unsigned i = 0; shared && i < EVRT_FDMAP_STRIPES; i++)
		pthread_mutex_init(&m->stripe[i], NULL);
	if (shared)
		pthread_mutex_init(&m->grow, NULL);
}

void
evrt__fdmap_adopt(struct evrt_fdmap *m)
{
	m->forks = evrt__fork_count();
}

/* Not so in a child that has the parent's pollers: what it changed there, it would change for the parent. (A
 * loop's pollers it does change, as in libevent.) */
static bool
fdmap_may_tell(const struct evrt_fdmap *m)
{
	return !m->shared || m->forks == evrt__fork_count();
}

void
evrt__fdmap_fini(struct evrt_fdmap *m)
{
	for (unsigned i = 0; i < EVRT_FDMAP_SEGMENTS; i++) {
		evrt__free(evrt_load_relaxed(&m->segment[i]));
		evrt_store_relaxed(&m->segment[i], NULL);
	}
	for (unsigned i = 0; m->shared && i < EVRT_FDMAP_STRIPES; i++)
		pthread_mutex_destroy(&m->stripe[i]);
	if (m->shared)
		pthread_mutex_destroy(&m->grow);
}

/* The mask that the poller should have for `e`, less what is silenced. */
static unsigned
fdmap_wanted(const struct evrt_fdmap *m, const struct evrt_fd *e, const struct evrt_reactor *r)
{
	unsigned want = 0;

	EVRT_LIST_FOREACH(it, &e->slots)
		want |= EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link)->interest;
	if (!(want & EVRT_IO_MASK))
		return 0;
	if (r->backend->features & EVRT_BF_ET)
		return m->shared ? want | EVRT_EDGE : want;
	return want & EVRT_IO_MASK & ~(unsigned)e->silenced;
}

/* Does this fd report by edges (true ones, or ones made by silencing)? */
static bool
fdmap_by_edges(const struct evrt_fdmap *m, const struct evrt_fd *e)
{
	if (m->shared)
		return true;
	EVRT_LIST_FOREACH(it, &e->slots)
		if (EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link)->interest & EVRT_EDGE)
			return true;
	return false;
}

static void
fdmap_next_generation(struct evrt_fd *e)
{
	if (++e->generation == EVRT_REACTOR_GENERATION)
		e->generation++;
}

/* Tells the poller what `e` should be registered for. 0 or -errno, `e` unchanged on failure. */
static int
fdmap_sync(struct evrt_fdmap *m, struct evrt_fd *e, int fd, bool again)
{
	struct evrt_reactor *r = e->reactor;
	unsigned want = fdmap_wanted(m, e, r);

	if (!fdmap_may_tell(m) || (want == e->registered && !again))
		return 0;
	if (want == 0 && e->registered == 0)
		return 0;
	EVRT_SHAKE(fdmap_sync);
	/* On a pool another worker may have fetched a report of before: it is stale now, for what still holds is reported
	 * anew. */
	if (m->shared && again)
		fdmap_next_generation(e);
	int err = evrt__reactor_set(r, fd, e->generation, e->registered, want);
	if (err == 0)
		e->registered = (uint8_t)want;
	return err;
}

/* The first watcher says whose poller is used. Another's may still have what stands for one that is away. */
static void
fdmap_begin(struct evrt_fdmap *m, struct evrt_fd *e, int fd, struct evrt_reactor *home)
{
	if (e->registered && e->reactor != home) {
		if (fdmap_may_tell(m))
			(void)evrt__reactor_set(e->reactor, fd, e->generation, e->registered, 0); /* fails: it is gone */
		e->registered = 0;
	}
	e->reactor = home;
	fdmap_next_generation(e);
	e->silenced = 0;
}

int
evrt__fdmap_add(struct evrt_fdmap *m, struct evrt_slot *slot)
{
	struct evrt_fd *e = fdmap_make(m, slot->fd);
	int err;

	if (!e)
		return -ENOMEM;
	fdmap_lock(m, slot->fd);
	if (!m->shared && (slot->interest & EVRT_EDGE))
		m->edges = true;
	if (!e->slots.next)
		evrt__list_init(&e->slots);
	bool first = evrt__list_empty(&e->slots);
	if (first)
		fdmap_begin(m, e, slot->fd, slot->strand->home);
	evrt__list_push_head(&e->slots, &slot->fd_link); /* the newest is told first, as in libevent */
	/* A second watcher of an fd that reports by edges must learn of what is ready already. And where a
	 * registration stands for a slot that is away, it may be a file's that was closed meanwhile. */
	e->silenced &= (uint8_t)~slot->interest;
	err = fdmap_sync(m, e, slot->fd, (!first && fdmap_by_edges(m, e)) || e->lingering);
	if (err < 0)
		evrt__list_remove(&slot->fd_link);
	fdmap_unlock(m, slot->fd);
	return err;
}

static void
fdmap_unlist_back(struct evrt_slot *slot)
{
	if (slot->back_link.next)
		evrt__list_remove(&slot->back_link);
}

/* Fails only where the fd was closed behind our back, and then the kernel has forgotten it too. */
static void
fdmap_sync_rest(struct evrt_fdmap *m, struct evrt_fd *e, int fd)
{
	if (fdmap_sync(m, e, fd, false) < 0)
		e->registered = (uint8_t)fdmap_wanted(m, e, e->reactor);
}

void
evrt__fdmap_remove(struct evrt_fdmap *m, struct evrt_slot *slot)
{
	struct evrt_fd *e = fdmap_find(m, slot->fd);

	EVRT_ASSERT(e);
	fdmap_lock(m, slot->fd);
	evrt__list_remove(&slot->fd_link);
	fdmap_unlist_back(slot);
	fdmap_sync_rest(m, e, slot->fd);
	fdmap_unlock(m, slot->fd);
}

void
evrt__fdmap_linger(struct evrt_fdmap *m, struct evrt_slot *slot)
{
	struct evrt_fd *e = fdmap_find(m, slot->fd);

	EVRT_ASSERT(e);
	fdmap_lock(m, slot->fd);
	evrt__list_remove(&slot->fd_link);
	fdmap_unlist_back(slot);
	e->lingering++;
	fdmap_unlock(m, slot->fd);
}

int
evrt__fdmap_come_back(struct evrt_fdmap *m, struct evrt_slot *slot)
{
	struct evrt_fd *e = fdmap_find(m, slot->fd);

	EVRT_ASSERT(e);
	fdmap_lock(m, slot->fd);
	evrt__slot_forget_levels(slot);
	e->lingering--;
	evrt__list_push_head(&e->slots, &slot->fd_link);
	e->silenced &= (uint8_t)~slot->interest;
	bool again = fdmap_by_edges(m, e);
	int err = fdmap_sync(m, e, slot->fd, again);
	if (err < 0) {
		evrt__list_remove(&slot->fd_link);
		fdmap_sync_rest(m, e, slot->fd); /* its part of the registration must not stand for nobody */
	} else if (!again && (e->reactor->backend->features & EVRT_BF_ET)) {
		evrt__list_push_tail(&m->came_back, &slot->back_link); /* poll and select go by the number anyway */
	}
	fdmap_unlock(m, slot->fd);
	return err;
}

void
evrt__fdmap_verify(struct evrt_fdmap *m)
{
	struct evrt_link *link;

	while ((link = evrt__list_pop_head(&m->came_back)) != NULL) {
		struct evrt_slot *slot = EVRT_CONTAINER_OF(link, struct evrt_slot, back_link);
		struct evrt_fd *e = fdmap_find(m, slot->fd);
		/* If the number is another file's by now, and a duplicate of the first lives on: the kernel goes on
		 * reporting that, and only a new generation tells them apart. */
		fdmap_next_generation(e);
		/* Fails where the fd was closed under a pending event: then nothing is ever told of it. */
		(void)fdmap_sync(m, e, slot->fd, true);
	}
}

void
evrt__fdmap_go(struct evrt_fdmap *m, struct evrt_slot *slot)
{
	struct evrt_fd *e = fdmap_find(m, slot->fd);

	EVRT_ASSERT(e);
	fdmap_lock(m, slot->fd);
	e->lingering--;
	fdmap_sync_rest(m, e, slot->fd);
	fdmap_unlock(m, slot->fd);
}

void
evrt__fdmap_rearm(struct evrt_fdmap *m, struct evrt_slot *slot, unsigned bits)
{
	struct evrt_fd *e = fdmap_find(m, slot->fd);

	EVRT_ASSERT(e);
	fdmap_lock(m, slot->fd);
	evrt__slot_forget_levels(slot);
	if (e->reactor->backend->features & EVRT_BF_ET) {
		if (fdmap_by_edges(m, e))
			fdmap_sync(m, e, slot->fd, true);
	} else if (e->silenced & bits) {
		e->silenced &= (uint8_t)~bits;
		fdmap_sync(m, e, slot->fd, false);
	}
	fdmap_unlock(m, slot->fd);
}

int
evrt__fdmap_report(struct evrt_fdmap *m, struct evrt_reactor *r, const struct evrt_ready *ready)
{
	struct evrt_fd *e = fdmap_find(m, ready->fd);
	int told = -1;

	if (!e)
		return told;
	EVRT_SHAKE(fdmap_report);
	fdmap_lock(m, ready->fd);
	/* Stale: the registration that reported it is gone (closed, removed, moved), or a new one is there. */
	if (e->reactor == r && e->generation == ready->generation && e->registered) {
		told = 0;
		if (!(r->backend->features & EVRT_BF_ET) && fdmap_by_edges(m, e)) {
			e->silenced |= (uint8_t)(ready->mask & EVRT_IO_MASK);
			fdmap_sync(m, e, ready->fd, false);
		}
		EVRT_LIST_FOREACH_SAFE(it, next, &e->slots) {
			struct evrt_slot *slot = EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link);
			unsigned bits = ready->mask & slot->interest & EVRT_IO_MASK;
			if (!bits)
				continue;
			EVRT_TRACE(reported, slot->strand);
			evrt__slot_deliver(slot, bits | (ready->mask & EVRT_HUP));
			told++;
		}
	}
	fdmap_unlock(m, ready->fd);
	return told;
}

int
evrt__fdmap_foreach(struct evrt_fdmap *m, int (*fn)(struct evrt_slot *, void *), void *arg)
{
	for (unsigned k = 0; k < EVRT_FDMAP_SEGMENTS; k++) {
		struct evrt_fd *entries = evrt_load_acquire(&m->segment[k]);
		for (unsigned i = 0; entries && i < evrt__segment_size(k); i++) {
			if (!entries[i].slots.next)
				continue;
			EVRT_LIST_FOREACH_SAFE(it, next, &entries[i].slots) {
				int r = fn(EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link), arg);
				if (r)
					return r;
			}
		}
	}
	return 0;
}

int
evrt__fdmap_register_again(struct evrt_fdmap *m, struct evrt_reactor *r)
{
	int first_err = 0;

	for (unsigned k = 0; k < EVRT_FDMAP_SEGMENTS; k++) {
		struct evrt_fd *entries = evrt_load_acquire(&m->segment[k]);
		for (unsigned i = 0; entries && i < evrt__segment_size(k); i++) {
			struct evrt_fd *e = &entries[i];
			if (e->reactor != r || !e->slots.next)
				continue;
			e->registered = e->silenced = 0; /* also where all are away */
			if (evrt__list_empty(&e->slots))
				continue;
			fdmap_next_generation(e);
			int err = fdmap_sync(m, e, (int)(evrt__segment_begin(k) + i), false);
			if (err < 0 && !first_err)
				first_err = err;
		}
	}
	return first_err;
}
